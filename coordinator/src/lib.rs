//! Decides, writes down, hands out; carries no documents and holds no credentials.
//!
//! [`machine`] makes every decision and does no I/O; [`shell`] reads the bus, steps the machine and does what it says.

pub mod machine;

pub mod serve;
pub mod shell;
