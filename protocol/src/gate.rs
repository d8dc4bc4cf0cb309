//! Gates: what they show, what people decide, and the record of everything that people did.

use serde::{Deserialize, Serialize};

/// What the gate of a phase lets through: one KV value per phase, written by the coordinator when the phase's turn
/// comes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The submission it was gathered in.
    pub submission: u32,
    /// What a person should see before they decide.
    pub sections: Vec<Section>,
}

impl Evidence {
    /// What a decision names: another digest, and it was made about something else. The submission is no part of it:
    /// the same facts are the same facts.
    #[must_use]
    pub fn digest(&self) -> String {
        crate::digest::of(&self.sections)
    }
}

/// A part of the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Section {
    /// What it is about, a few words: `inventory`, `metadata`, `counts`.
    pub title: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// What a person decided about a phase: one KV value per phase, the last word counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether the phase may begin.
    pub approved: bool,
    /// Who.
    pub who: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Why, in their words; may be empty.
    #[serde(default)]
    pub note: String,
    /// The revision of the configuration: its submission.
    pub submission: u32,
    /// The configuration that was decided about: its digest, so that a change voids an approval.
    pub spec_digest: String,
    /// The evidence that was decided about; `None`: it was decided before there was any.
    pub evidence_digest: Option<String>,
}

impl Decision {
    /// Whether it lets the phase begin with this configuration and this evidence.
    #[must_use]
    pub fn opens(&self, spec_digest: &str, evidence: &Evidence) -> bool {
        let same_evidence = self.evidence_digest.as_ref().is_none_or(|digest| *digest == evidence.digest());
        self.approved && self.spec_digest == spec_digest && same_evidence
    }
}

/// What a person wants of a running migration: one KV value, the last word counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What.
    pub kind: WishKind,
    /// Who.
    pub who: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Why, in their words; may be empty.
    #[serde(default)]
    pub note: String,
    /// The submission it was said in.
    pub submission: u32,
}

/// What can be wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WishKind {
    /// Go on.
    Go,
    /// Begin nothing new and give back what is in hand, until `migctl resume`. Holds over submissions.
    Pause,
    /// End this submission: the phase fails with who stopped it.
    Stop,
}

/// Something that a person did: one KV value each, kept until the migration is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who: user and host.
    pub who: String,
    /// What: `submit`, `approve load`, `retry --shard orders/3`.
    pub what: String,
    /// What belongs to it: a note, the fields that changed, digests.
    #[serde(default)]
    pub detail: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_voids_an_approval_and_an_early_one_counts_for_any_evidence() {
        let section = |line: &str| Section { title: "inventory".to_owned(), lines: vec![line.to_owned()] };
        let evidence = Evidence { submission: 1, sections: vec![section("3 indices")] };
        let decision = Decision {
            approved: true,
            who: "ada".to_owned(),
            at_ms: 1,
            note: String::new(),
            submission: 1,
            spec_digest: "s".to_owned(),
            evidence_digest: Some(evidence.digest()),
        };
        assert!(decision.opens("s", &evidence));
        assert!(decision.opens("s", &Evidence { submission: 2, ..evidence.clone() }));
        assert!(!decision.opens("t", &evidence));
        let other = Evidence { submission: 1, sections: vec![section("4 indices")] };
        assert!(!decision.opens("s", &other));
        let early = Decision { evidence_digest: None, ..decision.clone() };
        assert!(early.opens("s", &other) && !early.opens("t", &other));
        assert!(!Decision { approved: false, ..decision }.opens("s", &evidence));
    }
}
