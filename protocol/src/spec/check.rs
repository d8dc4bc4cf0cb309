//! Rules across fields: what each field allows by itself is in the schema.
//!
//! In: a specification. Out: every rule it breaks. Holds: no value that may hold a secret is repeated.
//! Not here: whether what is named exists (pre-flight).

mod cluster;
mod snapshot;

use super::{OnConflict, Spec, size};

/// A rule that a specification breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field to mend: `snapshot.create.prefix`.
    pub field: String,
    /// Further fields that the rule looked at.
    pub also: Vec<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// Collects what is wrong.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, field: &str, also: &[&str], what: impl Into<String>, advice: impl Into<String>) {
        let also = also.iter().map(|field| (*field).to_owned()).collect();
        self.0.push(Problem { field: field.to_owned(), also, what: what.into(), advice: advice.into() });
    }
}

impl Spec {
    /// Every rule across fields that is broken.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        if let Some(source) = &self.source {
            cluster::check(source, "source", &mut problems);
            cluster::is_a_cluster(source, &mut problems);
        }
        snapshot::check(self, &mut problems);
        cluster::check(&self.target, "target", &mut problems);
        cluster::directory(&self.target, &mut problems);
        self.check_load(&mut problems);
        self.check_cleanup(&mut problems);
        problems.0
    }

    fn check_load(&self, problems: &mut Problems) {
        if cluster::is_directory(&self.target.endpoint) && self.on_conflict != OnConflict::Overwrite {
            problems.add(
                "onConflict",
                &["target.endpoint"],
                "a directory of lines holds no documents to compare with",
                "leave `onConflict` out, or name a cluster as the target",
            );
        }
        // One request is filled while another is under way.
        let least = self.sizing.bulk_bytes.as_u64().saturating_mul(2);
        if self.sizing.memory.as_u64() < least {
            problems.add(
                "sizing.memory",
                &["sizing.bulkBytes"],
                "the memory doesn't hold two bulk requests: one that is filled while another is under way",
                format!("give it at least {}, or make `bulkBytes` smaller", size::text(bytesize::ByteSize::b(least))),
            );
        }
    }

    fn check_cleanup(&self, problems: &mut Problems) {
        if self.snapshot.create.is_some() {
            return;
        }
        for (wanted, field, made) in [
            (self.cleanup.delete_snapshot, "cleanup.deleteSnapshot", "takes no snapshot"),
            (self.cleanup.unregister_repository, "cleanup.unregisterRepository", "registers no repository"),
        ] {
            if wanted {
                problems.add(
                    field,
                    &["snapshot.create"],
                    format!("there is nothing to delete: this migration {made}, and what others made is left alone"),
                    "leave it out, or let the migration take the snapshot with `snapshot.create`",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
