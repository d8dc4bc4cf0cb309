//! What people do to a migration, command by command: over a real NATS server with a coordinator and a worker, and to a
//! `migctl run` from another terminal. Snapshots of real servers go into a directory, whose lines are compared.
//!
//! Tests wait for states, never for times. A load is held in its middle by the lock of one of its files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod desk;

mod completion;
mod credentials;
mod curl;
mod gates;
mod manners;
mod output;
mod retry;
mod run;
mod several;
mod submit;
mod wishes;
