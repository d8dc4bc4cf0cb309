//! Decides, writes down, hands out; carries no documents and holds no credentials.
//!
//! [`cli`] is what can be typed; [`machine`] makes every decision and does no I/O; [`shell`] reads the bus, steps the machine and does what it says.

pub mod cli;
pub mod machine;

pub mod serve;
pub mod shell;
