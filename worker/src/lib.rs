//! One task at a time per slot, and no state of its own.
//!
//! *The flow of a slice*: [`plan`] (a shard becomes slices) → [`read`] (segments → documents) → [`load`] (documents →
//! batches → target → checkpoint); [`inventory`] is what comes before all of it (what there is); [`line`] writes a
//! document as a line, [`whole`] reads a segment without a target.
//! *Around it*: [`work`] (takes tasks), [`lease`] (keeps them), [`context`] (what tasks share), [`memory`] (how much of
//! it), [`connect`] (clusters and secrets), [`phases`] (phase commands, with the private `source` for the cluster that
//! snapshots are taken of), [`failure`] (how it ends otherwise); [`cli`] is what can be typed.
//!
//! Holds: a worker never decides which phase comes next.

pub mod cli;
pub mod connect;
pub mod context;
pub mod curl;
pub mod failure;
pub mod lease;
pub mod memory;
mod watched;
pub mod work;

pub mod inventory;
pub mod line;
pub mod load;
pub mod plan;
pub mod read;
pub mod whole;

pub mod metadata;
pub mod phases;
mod source;
