//! `spec/errors.yaml` as Rust: the codes, their classes and what each means.

use heck::ToUpperCamelCase as _;

use crate::codegen::doc;
use crate::spec::{ErrorRow, Errors};

/// What the enum of codes is.
pub(crate) const TITLE: &str = "An error code of the service.";

/// The whole of `generated/errors.rs` below its first line.
pub(crate) fn rust(errors: &Errors) -> String {
    let mut text = String::from(
        "//! The error codes of the service.\n\n\
         use crate::error::{ErrorFacts, OnCreate, OnRead};\n\n\
         /// What kind of thing went wrong.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\n\
         #[non_exhaustive]\n\
         pub enum ErrorClass {\n",
    );
    for (class, description) in &errors.classes {
        text += &doc("    ", description);
        text += &format!("    {},\n", class.to_upper_camel_case());
    }
    text += "}\n\ncrate::open_enum::open_enum! {\n";
    text += &doc("    ", TITLE);
    text += "    pub enum ErrorCode {\n";
    for (code, row) in &errors.codes {
        text += &doc("        ", &description(errors, row));
        text += &format!("        {} = \"{code}\",\n", code.to_upper_camel_case());
    }
    text += "    }\n}\n\n/// What each code means, in the order of the spec.\n#[rustfmt::skip]\npub(crate) const ERROR_FACTS: &[ErrorFacts] = &[\n";
    for (code, row) in &errors.codes {
        text += &format!("    {},\n", facts(code, row));
    }
    text += "];\n\n/// What holds for a code that has no known parent.\n#[rustfmt::skip]\n";
    text + &format!("pub(crate) const FALLBACK: ErrorFacts = {};\n", facts("", &errors.fallback))
}

/// What one code means, with its next step and its source.
pub(crate) fn description(errors: &Errors, row: &ErrorRow) -> String {
    let meaning = &errors.classes[&row.class];
    format!("{meaning} Next: {}. Source: {}.", row.next, row.source.join(", "))
}

fn facts(code: &str, row: &ErrorRow) -> String {
    format!(
        "ErrorFacts {{ code: {code:?}, class: ErrorClass::{}, on_create: OnCreate::{:?}, on_read: OnRead::{:?}, next_step: {:?} }}",
        row.class.to_upper_camel_case(),
        row.create,
        row.read,
        row.next
    )
}
