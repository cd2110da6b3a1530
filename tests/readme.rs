#![doc = include_str!("../README.md")]

#[doc = include_str!("../llms.txt")]
pub mod llms {}
