//! What the measured programs share: the protocol of a worker, the material, and how calls are repeated.

pub mod material;
pub mod repeat;
pub mod worker;
