//! The whole workflow as it is run: from a real source through all six phases into a real target of another kind,
//! coordinator and workers over a real NATS server, gates opened by hand; without a source; and with everything killed
//! in the middle of everything.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "what is not there fails the test"
)]

mod corpus;
mod rig;
mod state;

mod killed;
mod six_phases;
mod source_off;
