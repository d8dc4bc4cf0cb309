//! What is Amazon's: the chain that finds credentials, and S3 as a [`snapshot::BlobStore`].
//!
//! A crate of its own, because its SDK is most of a first build.

mod chain;

pub mod credentials;

pub mod s3;

pub use credentials::{credentials, why_none};
pub use s3::{S3Options, S3Store};
