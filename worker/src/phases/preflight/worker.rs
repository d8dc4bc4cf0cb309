//! What the workers bring: memory. Whoever does the look sees the others by what they tell of themselves on the bus.

use std::collections::BTreeMap;

use bytesize::ByteSize;
use protocol::bus;
use protocol::names::Bucket;
use protocol::state::WorkerStatus;

use super::{Check, Look};
use crate::context::{Context, Migration};
use crate::failure::TaskError;

/// Looks at every worker that is there.
pub async fn look(context: &Context, migration: &Migration) -> Look {
    let checks = match workers(context).await {
        Ok(workers) => workers.into_iter().map(|(name, bytes)| memory(migration, &name, bytes)).collect(),
        Err(error) => vec![Check::of("workers", Err(error))],
    };
    Look { checks, ..Look::default() }
}

/// Names of the workers, and bytes of documents that each may have in flight.
async fn workers(context: &Context) -> Result<BTreeMap<String, u64>, TaskError> {
    let mut workers = BTreeMap::new();
    for key in context.bus.keys(Bucket::Workers, "").await? {
        // One may be gone by now.
        if let Some((status, _)) = bus::read::<WorkerStatus>(&*context.bus, Bucket::Workers, &key).await? {
            workers.insert(status.id.to_string(), status.memory_bytes);
        }
    }
    workers.insert(context.worker.to_string(), context.memory.bytes() as u64);
    Ok(workers)
}

/// The budget must hold a batch, and a document that is larger than a batch and travels alone.
fn memory(migration: &Migration, worker: &str, bytes: u64) -> Check {
    let sizing = &migration.spec.sizing;
    let (wanted, given) = (sizing.bulk_bytes.as_u64().saturating_mul(2), bytes.min(sizing.memory.as_u64()));
    let about = format!("worker {worker}");
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
