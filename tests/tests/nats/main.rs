//! The programs as they are run: coordinator and workers over a real NATS server, from a real snapshot into a real
//! OpenSearch, every document compared at the end. Each of them is killed or paused in the middle of its work.
//!
//! Every test has a NATS server, programs and indices of its own; OpenSearch is shared. Tests wait for states, never
//! for times; the waits that are long are the programs' own: an ack deadline (30 s), a leader's key (15 s).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod rig;
mod slices;
mod source;

mod by_hand;
mod coordinator_killed;
mod nats_killed;
mod target_blocked;
mod worker_killed;
mod worker_paused;
