//! Who is at the keyboard, and the record of everything that they do.

use std::hash::{BuildHasher, RandomState};

use protocol::bus::{self, Bus, BusError};
use protocol::clock;
use protocol::gate::AuditEntry;
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};

/// The person, as `USER@host`.
#[must_use]
pub fn who() -> String {
    let user =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok()).filter(|user| !user.is_empty());
    let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    format!("{}@{}", user.as_deref().unwrap_or("unknown"), host.as_deref().unwrap_or("unknown"))
}

/// Appends what was done to the migration's audit log.
///
/// # Errors
/// The bus's.
pub async fn record(
    bus: &dyn Bus,
    migration: &MigrationName,
    what: String,
    detail: Vec<String>,
) -> Result<(), BusError> {
    let entry = AuditEntry { at_ms: clock::now_ms(), who: who(), what, detail };
    loop {
        // Two people may do something in the same millisecond.
        let nonce = u16::try_from(RandomState::new().hash_one(entry.at_ms) & 0xffff).unwrap_or_default();
        let key = names::audit(migration, entry.at_ms, nonce);
        match bus.create(Bucket::Audit, &key, bus::bytes(&key, &entry)?).await {
            Ok(_) => return Ok(()),
            Err(BusError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// A note as a detail of what was done; none where it is empty.
#[must_use]
pub fn note(note: &str) -> Vec<String> {
    if note.is_empty() { Vec::new() } else { vec![format!("note: {note}")] }
}
