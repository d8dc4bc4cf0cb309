//! What is Amazon's: the chain that finds credentials, and S3 as a [`snapshot::BlobStore`].
//!
//! A crate of its own, because its SDK is most of a first build.

mod chain;

pub mod credentials;

pub use credentials::{credentials, why_none};
