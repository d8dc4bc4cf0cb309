//! A [`tests::rig::Rig`] into the shared OpenSearch, and what the bus itself says.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;

use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::ids::MigrationName;
use tests::rig;
use tokio::runtime::Runtime;

use crate::source::{SNAPSHOT, Source, cluster};

/// Every gate opens by itself.
pub const ALL_AUTO: &str = "gates: {metadata: auto, load: auto, cleanup: auto}\n";

/// Small slices, small requests, many checkpoints: so that there always is a middle to be stopped in.
pub const SMALL: &str =
    "sizing: {sliceBytes: 160KiB, bulkDocs: 25, bulkBytes: 64KiB, connections: 2, checkpointIntervalMs: 20}\n";
/// Documents of a bulk request in [`SMALL`].
pub const BULK_DOCS: usize = 25;
/// Bulk requests in flight in [`SMALL`].
pub const CONNECTIONS: usize = 2;

/// Programs, and a connection of the test's own.
pub struct Rig {
    base: rig::Rig,
    /// Made when first used.
    bus: Option<Arc<NatsBus>>,
    runtime: Runtime,
}

impl Deref for Rig {
    type Target = rig::Rig;

    fn deref(&self) -> &rig::Rig {
        &self.base
    }
}

impl DerefMut for Rig {
    fn deref_mut(&mut self) -> &mut rig::Rig {
        &mut self.base
    }
}

impl Rig {
    /// A server for the migration `name`; its configuration ends with `rest`.
    pub fn new(name: &str, repository: &Path, snapshot: &str, rest: &str) -> Self {
        let base = rig::Rig::new(name, &config(name, repository, snapshot, rest)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { base, bus: None, runtime }
    }

    /// A rig with a coordinator and the workers `a` and `b`, one slot each, to which `source` was submitted.
    pub fn loading(name: &str, source: &Source) -> Self {
        let mut rig = Self::new(name, &source.repository(), SNAPSHOT, &rest_for(source));
        rig.start_coordinator().unwrap();
        rig.start_worker("a").unwrap();
        rig.start_worker("b").unwrap();
        rig.does(&["submit"]);
        rig
    }

    /// The migration, as the bus names it.
    pub fn name(&self) -> MigrationName {
        self.migration.parse().unwrap()
    }

    /// Looks until there is something to see.
    pub fn eventually<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        rig::eventually(self, what, &mut look, |rig, why| rig.fail(why))
    }

    /// The test's own connection to the bus.
    pub fn bus(&mut self) -> Arc<NatsBus> {
        if self.bus.is_none() {
            self.bus = Some(self.runtime.block_on(NatsBus::connect(NatsOptions::new(&self.base.nats.url))).unwrap());
        }
        self.bus.clone().unwrap()
    }

    /// Waits for what the bus is asked.
    pub fn wait_for<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(asked)
    }
}

fn config(name: &str, repository: &Path, snapshot: &str, rest: &str) -> String {
    format!(
        "name: {name}\nsnapshot:\n  repository: {{path: '{}'}}\n  externallyManagedSnapshot: {snapshot}\ntarget: \
         {{endpoint: '{}'}}\n{rest}",
        repository.display(),
        cluster().url()
    )
}

/// The rest of a configuration: both indices of `source`, no gates, small slices.
pub fn rest_for(source: &Source) -> String {
    let names: Vec<String> = source.indices.iter().map(|index| format!("'{}'", index.name)).collect();
    format!("indices: [{}]\n{ALL_AUTO}{SMALL}", names.join(", "))
}
