//! Labels: what `migctl output -l` selects by.
//!
//! Holds: several keys must all fit, one key given twice must fit once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use protocol::bus::{Bus, BusError, Happened};
use protocol::event::Level;
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;

use crate::commands::suggestion;
use crate::record::{AUDIT, Record};

/// What a label is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelKey {
    /// The phase.
    Phase,
    /// The index, by its name in the source.
    Index,
    /// The shard: `3` of any index, or `orders/3`.
    Shard,
    /// The process, by its whole name, or how that begins up to a `-`: its host.
    Worker,
    /// How bad it is.
    Level,
    /// What it is: `log`, `audit`, or the kind of an event.
    Kind,
}

impl LabelKey {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Phase, Self::Index, Self::Shard, Self::Worker, Self::Level, Self::Kind];

    /// As it is typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Index => "index",
            Self::Shard => "shard",
            Self::Worker => "worker",
            Self::Level => "level",
            Self::Kind => "kind",
        }
    }

    /// What this label of a record says.
    #[must_use]
    pub fn of(self, record: &Record) -> Option<String> {
        match self {
            Self::Phase => record.phase.map(|phase| phase.to_string()),
            Self::Index => record.index.clone(),
            Self::Shard => record.place(),
            Self::Worker => record.worker.clone(),
            Self::Level => Some(record.level.as_str().to_owned()),
            Self::Kind => Some(record.kind.clone()),
        }
    }
}

/// A label as it is typed: `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    key: LabelKey,
    value: String,
}

/// Why a text is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoLabel(String);

impl FromStr for Label {
    type Err = NoLabel;

    fn from_str(text: &str) -> Result<Self, NoLabel> {
        let keys = LabelKey::ALL.map(LabelKey::as_str);
        let Some((key, value)) = text.split_once('=').filter(|(_, value)| !value.is_empty()) else {
            let example = "a label is KEY=VALUE, as in phase=load";
            return Err(NoLabel(format!("{example}; the keys are {}", keys.join(", "))));
        };
        let Some(found) = LabelKey::ALL.into_iter().find(|known| known.as_str() == key) else {
            let near = suggestion(key, keys.into_iter());
            return Err(NoLabel(format!("{key} is no key of a label; the keys are {}{near}", keys.join(", "))));
        };
        let one_of = |what: &str, known: &[&str]| match known.contains(&value) {
            true => Ok(()),
            false => {
                let near = suggestion(value, known.iter().copied());
                Err(NoLabel(format!("{value} is no {what}; there are {}{near}", known.join(", "))))
            }
        };
        match found {
            LabelKey::Phase => one_of("phase", &Phase::ALL.map(Phase::as_str))?,
            LabelKey::Level => one_of("level", &Level::ALL.map(Level::as_str))?,
            LabelKey::Shard => {
                let number = value.rsplit('/').next().unwrap_or_default();
                if number.parse::<u32>().is_err() {
                    return Err(NoLabel(format!("{value} is no shard; give its number, or INDEX/NUMBER")));
                }
            }
            LabelKey::Index | LabelKey::Worker | LabelKey::Kind => {}
        }
        Ok(Self { key: found, value: value.to_owned() })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key.as_str(), self.value)
    }
}

/// What a record must say to be shown.
#[derive(Debug, Default)]
pub struct Filter(BTreeMap<LabelKey, Vec<String>>);

impl Filter {
    /// All of these keys, of each one of its values.
    #[must_use]
    pub fn new(labels: Vec<Label>) -> Self {
        let mut wanted: BTreeMap<LabelKey, Vec<String>> = BTreeMap::new();
        for Label { key, value } in labels {
            wanted.entry(key).or_default().push(value);
        }
        Self(wanted)
    }

    /// The keys that are asked for.
    pub fn keys(&self) -> impl Iterator<Item = LabelKey> {
        self.0.keys().copied()
    }

    /// Whether a record is wanted.
    #[must_use]
    pub fn takes(&self, record: &Record) -> bool {
        self.0.iter().all(|(key, values)| {
            let Some(said) = key.of(record) else { return false };
            values.iter().any(|wanted| fits(*key, wanted, &said))
        })
    }
}

fn fits(key: LabelKey, wanted: &str, said: &str) -> bool {
    match key {
        LabelKey::Shard => said == wanted || said.rsplit_once('/').is_some_and(|(_, number)| number == wanted),
        LabelKey::Worker => said.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
        LabelKey::Phase | LabelKey::Index | LabelKey::Level | LabelKey::Kind => said == wanted,
    }
}

/// The values of a label that are seen so far in a migration, in order: what `-l` is completed from.
///
/// # Errors
/// The bus's.
pub async fn label_values(
    bus: &dyn Bus,
    migration: &MigrationName,
    key: LabelKey,
) -> Result<BTreeSet<String>, BusError> {
    let mut values = BTreeSet::new();
    let mut happenings = bus.follow(migration, 0).await?;
    while let Some(Happened::Event(_, event)) = happenings.recv().await {
        values.extend(key.of(&Record::from(event)));
    }
    let is_audited =
        key == LabelKey::Kind && !bus.keys(Bucket::Audit, &names::migration_prefix(migration)).await?.is_empty();
    if is_audited {
        values.insert(AUDIT.to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use protocol::event::Event;

    use super::*;

    fn label(text: &str) -> Label {
        text.parse().unwrap()
    }

    #[test]
    fn several_keys_are_all_meant_and_one_key_twice_is_either() {
        let failed =
            Record::from(Event::new(1, Phase::Load, "shard-failed", "no").of_shard("orders", 3).by("w-1-77-ab"));
        let begins = Record::from(Event::new(1, Phase::Verify, "started", "verify begins").by("coordinator-5-9"));
        for (labels, takes) in [
            (&[][..], [true, true]),
            (&["phase=load"], [true, false]),
            (&["phase=load", "phase=verify"], [true, true]),
            (&["phase=load", "phase=verify", "level=error"], [true, false]),
            (&["phase=verify", "index=orders"], [false, false]),
            (&["shard=3"], [true, false]),
            (&["shard=orders/3"], [true, false]),
            (&["shard=books/3"], [false, false]),
            (&["shard=3", "index=books"], [false, false]),
            (&["worker=w-1-77-ab"], [true, false]),
            (&["worker=w-1"], [true, false]),
            (&["worker=w-"], [false, false]),
            (&["worker=coordinator", "kind=started"], [false, true]),
            (&["level=info"], [false, true]),
            (&["kind=audit"], [false, false]),
        ] {
            let filter = Filter::new(labels.iter().copied().map(label).collect());
            assert_eq!([filter.takes(&failed), filter.takes(&begins)], takes, "{labels:?}");
        }
    }

    #[test]
    fn what_is_no_label_is_told_with_what_is_allowed() {
        for (text, said) in [
            ("phase", "a label is KEY=VALUE, as in phase=load; the keys are phase, index, shard, worker, level, kind"),
            ("phase=", "a label is KEY=VALUE, as in phase=load; the keys are phase, index, shard, worker, level, kind"),
            (
                "fase=load",
                "fase is no key of a label; the keys are phase, index, shard, worker, level, kind; did you mean phase?",
            ),
            ("x=1", "x is no key of a label; the keys are phase, index, shard, worker, level, kind"),
            (
                "phase=lod",
                "lod is no phase; there are snapshot, register, metadata, load, verify, cleanup; did you mean load?",
            ),
            ("level=warning", "warning is no level; there are info, warn, error; did you mean warn?"),
            ("shard=orders", "orders is no shard; give its number, or INDEX/NUMBER"),
        ] {
            assert_eq!(text.parse::<Label>().unwrap_err().to_string(), said);
        }
        assert_eq!(label("index=a=b").to_string(), "index=a=b");
    }
}
