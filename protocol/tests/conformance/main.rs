//! One suite for both buses: what the rest of migctl may rely on, whichever bus carries it.
//!
//! Every body is written against `dyn Bus` and run on the embedded bus and on a real NATS server. Much of it is the
//! ground of a claim in the design: that an ack is no proof of anything and compare-and-set is, that publishing again
//! is safe, that what was said to be stored is there after a crash.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod rig;

mod queue;

mod keys;
mod watch;

mod fence;

mod follow;
mod records;
mod removal;

mod crash;
