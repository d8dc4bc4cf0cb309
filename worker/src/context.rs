//! What every task needs: the bus, the opened snapshot and target of its migration, memory.
//!
//! A worker has no state of its own: what is kept here is only what would be read again otherwise.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws::{S3Options, S3Store};
use protocol::bus::{self, SharedBus};
use protocol::checkpoint::Verdict;
use protocol::destination::{TargetIndex, TargetPage};
use protocol::ids::{IndexNo, MigrationName, ShardId, WorkerId};
use protocol::names::{self, Bucket};
use protocol::plan::{InventoryIndex, InventoryPage};
use protocol::spec::{Redo, RepositorySpec, S3Spec, Spec, Submission};
use protocol::state::SnapshotRecord;
use snapshot::{BlobStore, FsStore, Repository, ShardFiles, Snapshot, SnapshotIndex, StoreError};
use target::{Cluster, DirectoryTarget, Endpoint};
use tokio::sync::{Mutex, Semaphore};

use crate::connect::connect;
use crate::failure::{TaskError, chain};
use crate::memory::Budget;
use crate::read;

/// Shards looked into at once: a quarter of the threads that may wait in tokio, of which each of these waits for
/// another.
const LOOKS_MAX: usize = 128;

/// What all tasks of a worker share.
pub struct Context {
    /// The bus.
    pub bus: SharedBus,
    /// Who we are.
    pub worker: WorkerId,
    /// Bytes of bulk bodies in flight, over all slots.
    pub memory: Arc<Budget>,
    /// Shards that may be looked into at once for the inventory, over all slots: each takes a thread and its metadata.
    pub looks: Arc<Semaphore>,
    /// With the revision of the specification: one of the same name may be another, after a removal.
    opened: Mutex<HashMap<MigrationName, (u64, Arc<Migration>)>>,
}

/// A migration as its tasks see it, for one submission.
pub struct Migration {
    /// Its name.
    pub name: MigrationName,
    /// Which submission.
    pub submission: u32,
    /// What is wanted.
    pub spec: Spec,
    /// What is to be done again although it was done.
    pub redo: Option<Redo>,
    /// Bytes of its bulk bodies in flight: `sizing.memory`, within the worker's.
    pub memory: Arc<Budget>,
    /// What keeps it from being opened is a failure of what needs it, and one line of preflight's.
    target: Result<TargetHandle, String>,
    bus: SharedBus,
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    inventory: Mutex<Option<Arc<Inventory>>>,
    types: Mutex<HashMap<IndexNo, Arc<Types>>>,
}

/// The mapping types of an index, as far as they are read with its documents.
#[derive(Debug)]
pub struct Types {
    /// That of documents that store none of their own.
    pub doc: Option<String>,
    /// Of types whose documents have parents, the type of those.
    pub parents: BTreeMap<String, String>,
}

/// Where documents go.
pub enum TargetHandle {
    /// A cluster.
    Cluster(Cluster),
    /// A directory.
    Directory(DirectoryTarget),
}

/// The inventory, and on which page each index stands.
pub struct Inventory {
    /// Every index, by number.
    pub indices: Vec<InventoryIndex>,
    pages: Vec<u32>,
}

impl Inventory {
    /// The index of that number, and its page.
    ///
    /// # Errors
    /// The inventory doesn't have it, which only a damaged bus brings about.
    pub fn index(&self, no: IndexNo) -> Result<(&InventoryIndex, u32), TaskError> {
        let at = no.0 as usize;
        match (self.indices.get(at), self.pages.get(at)) {
            (Some(index), Some(page)) if index.no == no => Ok((index, *page)),
            _ => Err(TaskError::say(Verdict::FailShard, format!("the inventory has no index number {no}"))),
        }
    }
}

impl Context {
    /// A context with a budget of `memory_bytes` for bodies in flight.
    #[must_use]
    pub fn new(bus: SharedBus, worker: WorkerId, memory_bytes: usize) -> Self {
        let memory = Arc::new(Budget::new(memory_bytes));
        let looks = Arc::new(Semaphore::new(LOOKS_MAX));
        Self { bus, worker, memory, looks, opened: Mutex::new(HashMap::new()) }
    }

    /// The migration as it was submitted last.
    ///
    /// # Errors
    /// The bus's.
    pub async fn migration(&self, name: &MigrationName) -> Result<Arc<Migration>, TaskError> {
        let key = names::spec(name);
        let Some((submission, revision)) = bus::read::<Submission>(&*self.bus, Bucket::Migrations, &key).await? else {
            // The migration was removed while its task waited.
            return Err(TaskError::GivenUp);
        };
        let mut opened = self.opened.lock().await;
        if let Some((_, known)) = opened.get(name).filter(|(at, _)| *at == revision) {
            return Ok(known.clone());
        }
        let migration = Arc::new(Migration {
            name: name.clone(),
            submission: submission.number,
            target: open_target(&submission.spec).await.map_err(|error| chain(&error)),
            memory: Arc::new(Budget::within(&self.memory, submission.spec.sizing.memory.as_u64())),
            spec: submission.spec,
            redo: submission.redo,
            bus: self.bus.clone(),
            snapshot: Mutex::new(None),
            inventory: Mutex::new(None),
            types: Mutex::default(),
        });
        // What is missing here may be mended while it is tried again.
        if migration.target.is_ok() {
            opened.insert(name.clone(), (revision, migration.clone()));
        }
        Ok(migration)
    }
}

impl Migration {
    /// The target.
    ///
    /// # Errors
    /// It can't be used as it is configured here.
    pub fn target(&self) -> Result<&TargetHandle, TaskError> {
        self.target.as_ref().map_err(|why| TaskError::say(Verdict::StopLoad, why))
    }

    /// The snapshot, opened once per submission.
    ///
    /// # Errors
    /// Whatever is wrong with the repository.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, TaskError> {
        let mut slot = self.snapshot.lock().await;
        if let Some(snapshot) = &*slot {
            return Ok(snapshot.clone());
        }
        let snapshot = Arc::new(self.repository().await?.snapshot(&self.snapshot_name().await?).await?);
        *slot = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The repository, read anew.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub async fn repository(&self) -> Result<Repository, TaskError> {
        Ok(Repository::open(open_store(&self.spec.snapshot.repository).await?).await?)
    }

    /// The snapshot's name: the configuration's, or the one that was noted when it was taken.
    async fn snapshot_name(&self) -> Result<String, TaskError> {
        if let Some(name) = &self.spec.snapshot.externally_managed_snapshot {
            return Ok(name.clone());
        }
        let key = names::snapshot(&self.name);
        match bus::read::<SnapshotRecord>(&*self.bus, Bucket::Migrations, &key).await? {
            Some((record, _)) if record.done => Ok(record.snapshot),
            _ => Err(TaskError::say(Verdict::StopLoad, "no snapshot was taken yet: the phase snapshot is not through")),
        }
    }

    /// The inventory that register stored.
    ///
    /// # Errors
    /// The bus's; an inventory with pages missing.
    pub async fn inventory(&self, bus: &dyn bus::Bus) -> Result<Arc<Inventory>, TaskError> {
        let mut slot = self.inventory.lock().await;
        if let Some(inventory) = &*slot {
            return Ok(inventory.clone());
        }
        let (mut indices, mut pages) = (Vec::new(), Vec::new());
        let mut page = 0;
        loop {
            let key = names::inventory(&self.name, page);
            let Some((found, _)) = bus::read::<InventoryPage>(bus, Bucket::Migrations, &key).await? else {
                return Err(TaskError::say(Verdict::Retry, format!("the inventory's page {page} is not there")));
            };
            pages.extend(found.indices.iter().map(|_| page));
            indices.extend(found.indices);
            page += 1;
            if page >= found.pages {
                break;
            }
        }
        let inventory = Arc::new(Inventory { indices, pages });
        *slot = Some(inventory.clone());
        Ok(inventory)
    }

    /// The mapping types of an index. Its metadata, which may be large, is read once for all slices.
    ///
    /// # Errors
    /// Whatever is wrong with the repository.
    pub async fn types(&self, index: &InventoryIndex) -> Result<Arc<Types>, TaskError> {
        if let Some(known) = self.types.lock().await.get(&index.no) {
            return Ok(known.clone());
        }
        let snapshot = self.snapshot().await?;
        let metadata = snapshot.index_metadata(find_index(&snapshot, &index.name)?).await?;
        let types = Arc::new(Types { doc: read::doc_type(&metadata), parents: read::parent_types(&metadata) });
        self.types.lock().await.insert(index.no, types.clone());
        Ok(types)
    }

    /// What metadata noted of an index on the target.
    ///
    /// # Errors
    /// The bus's; nothing noted.
    pub async fn target_index(&self, bus: &dyn bus::Bus, no: IndexNo, page: u32) -> Result<TargetIndex, TaskError> {
        let key = names::target(&self.name, page);
        let noted = bus::read::<TargetPage>(bus, Bucket::Migrations, &key).await?;
        noted
            .and_then(|(page, _)| page.indices.get(&no).cloned())
            .ok_or_else(|| TaskError::say(Verdict::StopLoad, format!("metadata noted nothing of index number {no}")))
    }

    /// The files of a shard.
    ///
    /// # Errors
    /// Whatever is wrong with the repository.
    pub async fn shard_files(&self, index: &InventoryIndex, shard: ShardId) -> Result<ShardFiles, TaskError> {
        let snapshot = self.snapshot().await?;
        let entry = find_index(&snapshot, &index.name)?;
        Ok(snapshot.shard(entry, shard.shard).await?)
    }
}

/// The entry of an index in the snapshot.
///
/// # Errors
/// The snapshot doesn't have it: it was replaced by another of the same name.
pub fn find_index<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a SnapshotIndex, TaskError> {
    snapshot.index(name).ok_or_else(|| {
        let reason = format!("snapshot {} has no index {name}, although it had when it was registered", snapshot.name);
        TaskError::say(Verdict::FailShard, reason)
    })
}

/// Opens the place of a repository; nothing is read of it yet.
///
/// # Errors
/// What is configured here can't be one.
pub async fn open_store(repository: &RepositorySpec) -> Result<Arc<dyn BlobStore>, TaskError> {
    let store: Result<Arc<dyn BlobStore>, StoreError> = match repository {
        RepositorySpec::Path(path) => FsStore::open(path).map(|store| Arc::new(store) as _),
        RepositorySpec::S3(spec) => {
            let S3Spec { bucket, path, region, endpoint, s3_role_arn: _ } = spec.clone();
            S3Store::open(&S3Options { bucket, path, region, endpoint }).await.map(|store| Arc::new(store) as _)
        }
    };
    store.map_err(|error| TaskError::new(Verdict::StopLoad, &error))
}

/// Opens the target; talks to nobody yet.
///
/// # Errors
/// As [`connect`]; a directory that can't be used.
pub async fn open_target(spec: &Spec) -> Result<TargetHandle, TaskError> {
    if let Ok(Endpoint::Directory(path)) = Endpoint::parse(&spec.target.endpoint) {
        return Ok(TargetHandle::Directory(DirectoryTarget::open(path)?));
    }
    Ok(TargetHandle::Cluster(connect(&spec.target, "target").await?))
}
