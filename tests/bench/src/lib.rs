//! What the benchmarks share: the material, the server that calls go to, the competitors, and workers in other languages.

pub mod material;
pub mod competitors;
pub mod server;
pub mod worker;
