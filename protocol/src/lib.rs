//! The words that coordinator, workers and `migctl` say to each other, and the bus that carries them.
//!
//! *What is named*: [`ids`], [`phase`], [`pattern`]. *What is said*: [`spec`] (what is wanted), [`task`] (do this),
//! [`plan`] (what there is to move), [`destination`] (where to), [`checkpoint`] (how far it is), [`state`] (where the
//! phases are), [`gate`] (what people decide, on what evidence), [`event`] (what happened). *How it travels*: [`wire`]
//! (bytes), [`names`] (subjects and keys), [`bus`] (the two buses), [`forward`] (log lines).
//!
//! Holds: nothing here knows how documents are read or written.

pub mod ids;
pub mod pattern;
pub mod phase;

pub mod checkpoint;
pub mod destination;
pub mod event;
pub mod gate;
pub mod plan;
pub mod spec;
pub mod state;
pub mod task;

pub mod bus;
pub mod clock;
pub mod digest;
pub mod forward;
pub mod names;
pub mod process;
pub mod wire;
