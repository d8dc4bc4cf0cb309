//! Arguments of `dead-letters`.

use clap::{Args, Subcommand};

use super::{BusArgs, Output};

/// Looks at the documents that the target rejected.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List them: a line each, or with `--output json` a JSON object each.
    #[command(after_help = "\
A position is SHARD/SEGMENT/DOCUMENT in the snapshot. `source` is in the JSON as the document's JSON, or as text where
it is none; it is kept up to 64 KiB, larger ones are in the snapshot only.

Examples:
  migctl dead-letters ls -m shop --index orders
  migctl dead-letters ls -m shop --output json | jq -r 'select(.kind == \"mapper_parsing_exception\") | .id'")]
    Ls {
        /// Which migration, where.
        #[command(flatten)]
        bus: BusArgs,
        /// Which of them.
        #[command(flatten)]
        which: WhichLetters,
        /// Show this many.
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u64,
        /// How to print them.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Show one with everything that is known of it, and its source.
    #[command(after_help = "Example:\n  migctl dead-letters show order-4711 -m shop --index orders")]
    Show {
        /// The document's `_id`.
        id: String,
        /// Which migration, where.
        #[command(flatten)]
        bus: BusArgs,
        /// Which of them.
        #[command(flatten)]
        which: WhichLetters,
    },
    /// Count them by index and reason; what differs from document to document is left out of a reason.
    #[command(after_help = "\
Example:
  migctl dead-letters count -m shop
  migctl dead-letters count -m shop --output json | jq 'map(.count) | add'")]
    Count {
        /// Which migration, where.
        #[command(flatten)]
        bus: BusArgs,
        /// Which of them.
        #[command(flatten)]
        which: WhichLetters,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct WhichLetters {
    /// Those of this index only, by its name in the source.
    #[arg(long, value_name = "NAME")]
    pub index: Option<String>,
    /// Those with this error type of the target only, `mapper_parsing_exception`.
    #[arg(long, value_name = "TYPE")]
    pub kind: Option<String>,
}
