//! What the worker itself brings: memory.

use bytesize::ByteSize;

use super::{Check, Look};
use crate::context::{Context, Migration};

/// Looks at this worker.
pub fn look(context: &Context, migration: &Migration) -> Look {
    Look { checks: vec![memory(context, migration)], ..Look::default() }
}

/// The budget must hold a batch, and a document that is larger than a batch and travels alone.
fn memory(context: &Context, migration: &Migration) -> Check {
    let sizing = &migration.spec.sizing;
    let (wanted, given) = (sizing.bulk_bytes.as_u64().saturating_mul(2), migration.memory.bytes() as u64);
    let about = format!("worker {}", context.worker);
    if given >= wanted {
        return Check::good(about, format!("{} for documents in flight", ByteSize(given)));
    }
    let (bulk_bytes, wanted) = (sizing.bulk_bytes, ByteSize(wanted));
    let which = if given < sizing.memory.as_u64() {
        format!("it was started with --memory {}", ByteSize(given))
    } else {
        format!("sizing.memory is {}", sizing.memory)
    };
    let why = format!(
        "{which}, and a batch of sizing.bulkBytes {bulk_bytes} and a document take {wanted}: give it that much, or set \
         smaller bulkBytes"
    );
    Check::bad(about, why)
}
