//! Bulk batches become documents in a cluster, or lines in a directory.
//!
//! *Where to*: [`endpoint`] reads the address; [`client`] speaks HTTP. *Administration*: [`admin`] creates, describes
//! and counts indices. *Documents*: [`body`] packs them, [`bulk`] sends them and says what became of each, by the rules
//! of the private `outcome`. *Lines*: [`file`](mod@file) keeps a directory whose files survive a crash. Errors and what
//! follows from them: [`error`].
//!
//! Holds: every document handed over ends in exactly one [`ItemOutcome`], or the whole call ends in an error; an error
//! about the target never rejects a document.
//! Not here: snapshots, the bus, how many requests run at once, what is done with a rejected document.

pub mod endpoint;
pub mod error;

mod answer;
pub mod client;

pub mod admin;

pub mod body;
pub mod bulk;
mod outcome;
mod patience;

pub mod file;

pub use admin::{ClusterInfo, IndexState, Product, Version};
pub use body::{BulkBody, Op};
pub use bulk::{BulkObserver, BulkOptions, ItemOutcome};
pub use client::{Answer, Auth, Cluster, ClusterOptions, Secret};
pub use endpoint::Endpoint;
pub use error::{TargetError, Verdict};
pub use file::{DirectoryTarget, SliceFile};
pub use reqwest::{Method, Url};
