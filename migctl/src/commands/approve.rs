//! `migctl approve`: opens the gate of a phase.

use anyhow::Context;
use protocol::bus::{self, Bus};
use protocol::clock;
use protocol::gate::Decision;
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::spec::{Gate, Submission};

use super::attach;
use crate::cli::ApproveArgs;
use crate::exit::Exit;

/// Stores the approval of the configuration as it was submitted last.
///
/// # Errors
/// No such migration; the bus's.
pub async fn approve(args: ApproveArgs) -> anyhow::Result<Exit> {
    let (migration, bus) = attach(&args.bus).await?;
    let gate = store(&*bus, &migration, args.phase, &args.note).await?;
    if gate == Gate::Auto {
        eprintln!("{} begins by itself in this configuration; the approval is on record all the same", args.phase);
    }
    println!("{migration}: {} is approved", args.phase);
    Ok(Exit::Done)
}

/// Stores an approval; how the gate is configured.
///
/// # Errors
/// No such migration; the bus's.
pub async fn store(bus: &dyn Bus, migration: &MigrationName, phase: Phase, note: &str) -> anyhow::Result<Gate> {
    let submission = bus::read::<Submission>(bus, Bucket::Migrations, &names::spec(migration)).await?;
    let (submission, _) = submission.with_context(|| format!("there is no migration {migration} on this bus"))?;
    let who = std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
    let spec_digest = submission.spec.digest();
    let approval = Decision {
        approved: true,
        who,
        at_ms: clock::now_ms(),
        note: note.to_owned(),
        submission: submission.number,
        spec_digest,
        evidence_digest: None,
    };
    let key = names::gate(migration, phase);
    bus.put(Bucket::Gates, &key, bus::bytes(&key, &approval)?).await?;
    Ok(submission.spec.gate(phase))
}
