//! Bulk batches become documents in a cluster, or lines in a directory.
//!
//! *Where to*: [`endpoint`] reads the address; [`client`] speaks HTTP, as who [`auth`] says, by the certificates of
//! [`tls`]. *Administration*: [`admin`] creates, describes and counts indices, [`lifecycle`] opens and closes them;
//! [`health`] and [`templates`] say what would be in the way. *Documents*: [`body`] packs them, [`bulk`] sends them and
//! says what became of each, by the rules of the private `outcome`; [`compare`] says whether what was there is the same.
//! *Lines*: [`file`](mod@file) keeps a directory whose
//! files survive a crash. Errors and what
//! follows from them: [`error`].
//!
//! Holds: every document handed over ends in exactly one [`ItemOutcome`], or the whole call ends in an error; an error
//! about the target never rejects a document.
//! Not here: reading snapshots, the bus, how many requests run at once, what is done with a rejected document.

pub mod endpoint;
pub mod error;

mod answer;
pub mod auth;
pub mod client;
mod sigv4;
pub mod tls;

pub mod admin;
pub mod lifecycle;
pub mod snapshots;

pub mod health;
pub mod templates;

pub mod body;
pub mod bulk;
pub mod compare;
mod effort;
mod outcome;
mod patience;

pub mod file;

pub use admin::{ClusterInfo, IndexState, Product, Version};
pub use auth::{Auth, Secret};
pub use body::{Action, BulkBody, Op};
pub use bulk::{BulkObserver, BulkOptions, ItemOutcome};
pub use client::{Answer, Cluster, ClusterOptions, index_path, path_segment};
pub use compare::Held;
pub use endpoint::Endpoint;
pub use error::{TargetError, Verdict};
pub use file::{DirectoryTarget, SliceFile};
pub use health::{ClusterSettings, NodeState};
pub use reqwest::{Method, Url};
pub use templates::{Template, Templates};
pub use tls::Tls;
