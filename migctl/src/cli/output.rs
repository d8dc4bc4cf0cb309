//! Arguments of `output`.

use std::time::Duration;

use clap::Args;

use super::{BusArgs, Output};
use crate::label::Label;

/// Arguments of `output`.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
    /// Go on with what happens, until interrupted or until the migration is removed.
    #[arg(short, long)]
    pub follow: bool,
    /// Only records with this label: phase, index, shard, worker, level or kind. Several keys must all fit; of one key
    /// that is given twice either.
    #[arg(short = 'l', long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<Label>,
    /// Only records since then: how long ago (`30m`, `1h30m`, `2days`), or when, in UTC (`2026-11-22 22:14:39`).
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Since>,
    /// How to print it: JSON is an object per line.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// Then, in milliseconds since 1970.
    At(u64),
}

impl Since {
    /// In milliseconds since 1970.
    #[must_use]
    pub fn at_ms(self, now_ms: u64) -> u64 {
        match self {
            Self::Ago(ago) => now_ms.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
            Self::At(at_ms) => at_ms,
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(Since::Ago(ago));
    }
    let at_midnight = format!("{text} 00:00:00");
    let when = humantime::parse_rfc3339_weak(text).or_else(|_| humantime::parse_rfc3339_weak(&at_midnight));
    let since = when.ok().and_then(|when| when.duration_since(std::time::UNIX_EPOCH).ok());
    match since.map(|since| u64::try_from(since.as_millis())) {
        Some(Ok(at_ms)) => Ok(Since::At(at_ms)),
        _ => Err("give how long ago (30m, 1h30m, 2days) or when, in UTC (2026-11-22 22:14:39)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_how_long_ago_or_when() {
        for (text, expected) in [
            ("90s", Since::Ago(Duration::from_secs(90))),
            ("1h30m", Since::Ago(Duration::from_secs(5_400))),
            ("2days", Since::Ago(Duration::from_secs(172_800))),
            ("2026-11-22 22:14:39", Since::At(1_795_385_679_000)),
            ("2026-11-22T22:14:39.123Z", Since::At(1_795_385_679_123)),
            ("2026-11-22", Since::At(1_795_305_600_000)),
        ] {
            assert_eq!(since(text), Ok(expected), "{text}");
        }
        for text in ["", "yesterday", "22:14", "10", "1969-01-01", "-5m"] {
            assert!(since(text).unwrap_err().starts_with("give how long ago (30m, "), "{text}");
        }
        assert_eq!(Since::Ago(Duration::from_secs(2)).at_ms(5_000), 3_000);
        assert_eq!(Since::Ago(Duration::MAX).at_ms(5_000), 0);
    }
}
