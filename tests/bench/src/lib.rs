//! What the benchmarks share: the material, the server that calls go to, the rivals, and the workers in other languages.

pub mod material;
pub mod rivals;
pub mod server;
pub mod worker;
