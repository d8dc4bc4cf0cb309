//! Arguments of `curl`.

use clap::{Args, ValueEnum};
use protocol::state::Side;

use super::BusArgs;

/// Arguments of `curl`.
#[derive(Debug, Args)]
pub struct CurlArgs {
    /// Which cluster.
    #[arg(value_enum)]
    pub side: SideArg,
    /// What is asked for: `/_cat/indices?v`.
    #[arg(value_name = "PATH")]
    pub path: String,
    /// The method; default: GET, or POST with a body.
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub method: Option<String>,
    /// The body; `@FILE` is the content of a file, `@-` standard input. Sent as JSON, to `_bulk` and `_msearch` as
    /// lines of JSON.
    #[arg(short = 'd', long = "data", value_name = "BODY")]
    pub data: Option<String>,
    /// Have a worker send it: where the secrets are only there, or the way.
    #[arg(long)]
    pub via_worker: bool,
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
}

/// A cluster of the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SideArg {
    /// Where documents come from.
    Source,
    /// Where they go.
    Target,
}

impl From<SideArg> for Side {
    fn from(side: SideArg) -> Self {
        match side {
            SideArg::Source => Self::Source,
            SideArg::Target => Self::Target,
        }
    }
}
