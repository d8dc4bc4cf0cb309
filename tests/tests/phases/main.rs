//! The phases against real clusters: what preflight and evaluate find, what metadata, load, verify and cleanup leave.
//!
//! Coordinator and worker run in this process, over the embedded bus, on a small repository that a server wrote.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod rig;

mod preflight;

mod allowlists;
mod closed;

mod conflicts;

mod decided;
mod joined;
mod meet;
mod place;
mod split;
mod stream;
