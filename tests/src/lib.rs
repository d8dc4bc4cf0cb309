//! What the end-to-end tests stand on: real servers, real snapshots, and the comparison with the truth.
//!
//! *Who is there*: [`servers`] starts Elasticsearch and OpenSearch, [`http`] and [`bulk`] talk to them, [`front`] is TLS
//! and authentication before one of them; [`nats`] starts the bus, [`s3`] a place for repositories; [`binaries`] are the project's own programs, [`processes`] those that run, [`workplace`] is where a person runs
//! `migctl`, [`rig`] all of them at one migration. *What is moved*: [`fixtures`] are snapshots that real servers wrote,
//! [`answers`] what those servers answered about them.
//! *Whether it arrived*: [`document`] is one document, [`truth`] compares many with what the source's server answered.

pub mod binaries;
pub mod bulk;
pub mod front;
pub mod http;
pub mod nats;
pub mod processes;
pub mod rig;
pub mod s3;
pub mod servers;
pub mod tools;
pub mod workplace;

pub mod answers;
pub mod fixtures;

pub mod document;
pub mod truth;
