//! `migctl approve`, `reject` and `evidence`: what the gate of a phase shows, and what a person decides about it.
//!
//! Holds: a decision names the evidence that was shown with it; where there was none yet it is made early, and says so.

use anyhow::{Context, bail};
use protocol::bus::{self, Bus, BusError};
use protocol::clock;
use protocol::gate::{Decision, Evidence};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::spec::{Gate, Submission};
use protocol::state::{MigrationState, PhaseStatus};
use serde::Serialize;

use super::{attach, submission, submission_and_state};
use crate::cli::{DecideArgs, EvidenceArgs, Output};
use crate::exit::Exit;
use crate::{hint, person, table};

/// Opens a gate.
///
/// # Errors
/// No such migration; the bus's.
pub async fn approve(args: DecideArgs) -> anyhow::Result<Exit> {
    let (migration, bus) = attach(&args.bus).await?;
    let phase = args.phase;
    let (submission, state) = submission_and_state(&*bus, &migration).await?;
    let evidence = waiting_evidence(&*bus, &migration, &state, phase).await?;
    match &evidence {
        Some(evidence) => eprintln!("{}", text(evidence)),
        None => eprintln!("{}", early(&state, phase, &submission)),
    }
    store(&*bus, &migration, phase, &Said { approved: true, note: &args.note, evidence: evidence.as_ref() }).await?;
    println!("{migration}: {phase} is approved");
    hint::next(&hint::about("status --watch", &migration, &args.bus));
    Ok(Exit::Done)
}

/// Keeps a gate shut.
///
/// # Errors
/// No such migration; a phase that waits for nobody; the bus's.
pub async fn reject(args: DecideArgs) -> anyhow::Result<Exit> {
    let (migration, bus) = attach(&args.bus).await?;
    let phase = args.phase;
    let (submission, state) = submission_and_state(&*bus, &migration).await?;
    match state.phase(phase).status {
        PhaseStatus::Running => bail!("{phase} has begun already: `migctl stop -m {migration}` ends it"),
        PhaseStatus::Done | PhaseStatus::Skipped(_) => bail!("{phase} is through already: nothing is left to reject"),
        _ if submission.spec.gate(phase) == Gate::Auto => {
            bail!("{phase} begins by itself in this configuration (`gates.{phase}`): it waits for no decision")
        }
        PhaseStatus::Pending | PhaseStatus::Waiting | PhaseStatus::Failed(_) | PhaseStatus::Rejected(_) => {}
    }
    let evidence = waiting_evidence(&*bus, &migration, &state, phase).await?;
    match &evidence {
        Some(evidence) => eprintln!("{}", text(evidence)),
        None => eprintln!("{phase} is not waiting yet: it will not begin, whatever it finds"),
    }
    store(&*bus, &migration, phase, &Said { approved: false, note: &args.note, evidence: evidence.as_ref() }).await?;
    println!("{migration}: {phase} is rejected; `migctl approve {phase} -m {migration}` lets it begin all the same");
    Ok(Exit::Done)
}

/// Shows what a gate is about to let through, and what was decided.
///
/// # Errors
/// No such migration; nothing was gathered yet; the bus's.
pub async fn evidence(args: EvidenceArgs) -> anyhow::Result<Exit> {
    #[derive(Serialize)]
    struct Shown<'a> {
        phase: Phase,
        status: &'a str,
        digest: String,
        evidence: &'a Evidence,
        decision: Option<Decision>,
    }
    let (migration, bus) = attach(&args.bus).await?;
    let (_, state) = submission_and_state(&*bus, &migration).await?;
    let phase = args.phase.or_else(|| state.current()).context("every phase is through: name one of them")?;
    let Some(evidence) = stored_evidence(&*bus, &migration, phase).await? else {
        bail!("{phase} has gathered no evidence: its gate shows some when its turn comes, unless it begins by itself");
    };
    let key = names::gate(&migration, phase);
    let decision = bus::read::<Decision>(&*bus, Bucket::Gates, &key).await?.map(|(decision, _)| decision);
    let status = state.phase(phase).status;
    match args.output {
        Output::Json => {
            let digest = evidence.digest();
            let shown = Shown { phase, status: status.word(), digest, evidence: &evidence, decision };
            println!("{}", serde_json::to_string_pretty(&shown).context("write JSON")?);
        }
        Output::Text => {
            println!("{}", text(&evidence));
            println!("{phase} is {}; this evidence is {}", status.word(), evidence.digest());
            if let Some(decision) = decision {
                println!("{}", told(&decision, &evidence));
            }
            if matches!(status, PhaseStatus::Waiting) {
                hint::next(&hint::about(&format!("approve {phase}"), &migration, &args.bus));
            }
        }
    }
    Ok(Exit::Done)
}

/// What a person says at a gate.
pub struct Said<'a> {
    /// Whether the phase may begin.
    pub approved: bool,
    /// Why.
    pub note: &'a str,
    /// What was shown to them.
    pub evidence: Option<&'a Evidence>,
}

/// Stores a decision about the configuration as it was submitted last.
///
/// # Errors
/// No such migration; the bus's.
pub async fn store(bus: &dyn Bus, migration: &MigrationName, phase: Phase, said: &Said<'_>) -> anyhow::Result<()> {
    let (submission, _) = submission(bus, migration).await?;
    let decision = Decision {
        approved: said.approved,
        who: person::who(),
        at_ms: clock::now_ms(),
        note: said.note.to_owned(),
        submission: submission.number,
        spec_digest: submission.spec.digest(),
        evidence_digest: said.evidence.map(Evidence::digest),
    };
    let about = decision
        .evidence_digest
        .as_ref()
        .map_or("before there was evidence".to_owned(), |digest| format!("evidence {digest}"));
    let mut detail = vec![about, format!("configuration {}, submission {}", decision.spec_digest, decision.submission)];
    detail.extend(person::note(said.note));
    let what = format!("{} {phase}", if said.approved { "approve" } else { "reject" });
    person::record(bus, migration, what, detail).await?;
    let key = names::gate(migration, phase);
    bus.put(Bucket::Gates, &key, bus::bytes(&key, &decision)?).await?;
    Ok(())
}

/// The evidence that the gate of a phase shows now; `None` where its turn hasn't come.
///
/// # Errors
/// The bus's.
pub async fn waiting_evidence(
    bus: &dyn Bus,
    migration: &MigrationName,
    state: &MigrationState,
    phase: Phase,
) -> Result<Option<Evidence>, BusError> {
    match state.phase(phase).status {
        PhaseStatus::Waiting | PhaseStatus::Rejected(_) => stored_evidence(bus, migration, phase).await,
        _ => Ok(None),
    }
}

async fn stored_evidence(bus: &dyn Bus, migration: &MigrationName, phase: Phase) -> Result<Option<Evidence>, BusError> {
    let key = names::evidence(migration, phase);
    Ok(bus::read::<Evidence>(bus, Bucket::Migrations, &key).await?.map(|(evidence, _)| evidence))
}

/// The evidence, for people.
#[must_use]
pub fn text(evidence: &Evidence) -> String {
    let sections = evidence.sections.iter().map(|section| {
        let lines: String = section.lines.iter().map(|line| format!("\n  {line}")).collect();
        format!("{}:{lines}", section.title)
    });
    sections.collect::<Vec<_>>().join("\n")
}

/// What an approval means that nothing waits for.
fn early(state: &MigrationState, phase: Phase, submission: &Submission) -> String {
    match state.phase(phase).status {
        PhaseStatus::Running => format!("{phase} has begun already; the approval is on record all the same"),
        PhaseStatus::Done | PhaseStatus::Skipped(_) => {
            format!("{phase} is through already; the approval is on record all the same")
        }
        _ if submission.spec.gate(phase) == Gate::Auto => {
            format!("{phase} begins by itself in this configuration; the approval is on record all the same")
        }
        _ => format!("{phase} is not waiting yet: whatever it finds is approved"),
    }
}

/// A decision in a sentence.
fn told(decision: &Decision, evidence: &Evidence) -> String {
    let word = if decision.approved { "approved" } else { "rejected" };
    let note = if decision.note.is_empty() { String::new() } else { format!(": {}", decision.note) };
    let about = match &decision.evidence_digest {
        None => ", before there was evidence",
        Some(digest) if *digest != evidence.digest() => ", about other evidence",
        Some(_) => "",
    };
    format!("{word} by {} at {}{about}{note}", decision.who, table::time(decision.at_ms))
}
