//! What the worker itself brings: memory.

use super::{Check, Look};
use crate::context::{Context, Migration};

/// Looks at the bus and at this worker.
pub async fn look(context: &Context, migration: &Migration) -> Look {
    Look { checks: vec![memory(context, migration)], version: None }
}

/// The budget must hold a batch, and a document that is larger than a batch and travels alone.
fn memory(context: &Context, migration: &Migration) -> Check {
    let sizing = &migration.spec.sizing;
    let (wanted, given) = (sizing.bulk_bytes.as_u64().saturating_mul(2), context.memory_bytes as u64);
    let about = format!("worker {}", context.worker);
    if given < wanted {
        let why = format!(
            "it was given {} for documents in flight, and a batch of sizing.bulkBytes {} and a document take up to {}: \
             start it with a larger --memory, or set smaller bulkBytes",
            bytesize::ByteSize(given),
            sizing.bulk_bytes,
            bytesize::ByteSize(wanted)
        );
        return Check::bad(about, why);
    }
    Check::good(about, format!("{} for documents in flight", bytesize::ByteSize(given)))
}
