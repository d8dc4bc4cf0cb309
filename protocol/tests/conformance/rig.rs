//! A bus to test, and words to test it with.

use std::sync::Arc;
use std::time::Duration;

use protocol::bus::embedded::{EmbeddedBus, Options};
use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::bus::{BusError, Change, SharedBus, Watch};
use protocol::ids::{IndexNo, MigrationName, ShardId, SliceId};
use protocol::task::{Command, Task, TaskMessage};
use tests::nats::NatsServer;

/// The ack deadline of the suite: short, but longer than a busy machine stalls.
pub const ACK_WAIT: Duration = Duration::from_secs(2);

/// For what must come: long, because it ends as soon as it comes.
pub const LONG: Duration = Duration::from_secs(60);

/// For what must not come: whatever might is there within this time.
pub const SHORT: Duration = Duration::from_millis(300);

/// Declares that each body is run on both buses.
macro_rules! on_both_buses {
    ($($body:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $body() {
                    super::$body(crate::rig::Rig::embedded().await).await;
                }
            )+
        }
        mod nats {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $body() {
                    super::$body(crate::rig::Rig::nats().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_buses;

/// A bus, and what it stands on.
pub struct Rig {
    ground: Ground,
}

enum Ground {
    Embedded { bus: Option<Arc<EmbeddedBus>>, dir: tempfile::TempDir },
    Nats { bus: Arc<NatsBus>, server: NatsServer },
}

impl Rig {
    pub async fn embedded() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let bus = Some(open(&dir).await);
        Self { ground: Ground::Embedded { bus, dir } }
    }

    pub async fn nats() -> Self {
        let server = NatsServer::start().unwrap_or_else(|error| panic!("{error:#}"));
        let bus = connect(&server, ACK_WAIT).await;
        Self { ground: Ground::Nats { bus, server } }
    }

    pub fn bus(&self) -> SharedBus {
        match &self.ground {
            Ground::Embedded { bus, .. } => Arc::clone(bus.as_ref().expect("open")) as SharedBus,
            Ground::Nats { bus, .. } => Arc::clone(bus) as SharedBus,
        }
    }

    /// A bus whose deadlines don't pass while a test runs.
    pub async fn with_ack_wait(&mut self, ack_wait: Duration) -> SharedBus {
        match &mut self.ground {
            Ground::Embedded { bus, dir } => {
                close(bus).await;
                let options = Options { ack_wait };
                *bus = Some(EmbeddedBus::open_with(dir.path(), options).await.expect("opens"));
            }
            Ground::Nats { bus, server } => *bus = connect(server, ack_wait).await,
        }
        self.bus()
    }

    /// The server is killed as by a crash and comes back; or the bus is dropped and opened again. Whoever holds a bus
    /// from before goes on with [`Rig::bus`].
    pub async fn restart(&mut self) {
        match &mut self.ground {
            Ground::Embedded { bus, dir } => {
                close(bus).await;
                *bus = Some(open(dir).await);
            }
            Ground::Nats { server, .. } => server.restart().unwrap_or_else(|error| panic!("{error:#}")),
        }
    }
}

async fn open(dir: &tempfile::TempDir) -> Arc<EmbeddedBus> {
    EmbeddedBus::open_with(dir.path(), Options { ack_wait: ACK_WAIT }).await.expect("opens")
}

async fn close(bus: &mut Option<Arc<EmbeddedBus>>) {
    let bus = bus.take().expect("open");
    bus.close().await;
    assert_eq!(Arc::strong_count(&bus), 1, "somebody still holds the bus");
}

async fn connect(server: &NatsServer, ack_wait: Duration) -> Arc<NatsBus> {
    NatsBus::connect(NatsOptions { ack_wait, ..NatsOptions::new(&server.url) }).await.expect("connects")
}

pub fn migration(name: &str) -> MigrationName {
    name.parse().expect("a name")
}

/// A task of the class `shard`.
pub fn plan(name: &str, shard: u32, attempt: u32) -> TaskMessage {
    TaskMessage { migration: migration(name), attempt, task: Task::Plan(shard_id(shard)) }
}

/// Another one.
pub fn load(name: &str, shard: u32, attempt: u32) -> TaskMessage {
    let slice = SliceId::new("_0", 0, 100);
    TaskMessage { migration: migration(name), attempt, task: Task::Load(shard_id(shard), slice) }
}

/// A task of the class `phase`.
pub fn command(name: &str, command: Command, attempt: u32) -> TaskMessage {
    TaskMessage { migration: migration(name), attempt, task: Task::Command(command) }
}

pub fn shard_id(shard: u32) -> ShardId {
    ShardId { index: IndexNo(7), shard }
}

/// The next change; it must come.
pub async fn next(watch: &mut Watch) -> Change {
    tokio::time::timeout(LONG, watch.recv()).await.expect("a change in time").expect("the watch goes on")
}

/// All changes up to the one that says that this was all there is.
pub async fn until_ready(watch: &mut Watch) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        match next(watch).await {
            Change::Ready => return changes,
            change => changes.push(change),
        }
    }
}

/// Tries again while the bus says that it may work later.
pub async fn eventually<T, F: Future<Output = Result<T, BusError>>>(mut work: impl FnMut() -> F) -> T {
    let give_up_at = tokio::time::Instant::now() + LONG;
    loop {
        match work().await {
            Ok(value) => return value,
            Err(error) if error.is_transient() && tokio::time::Instant::now() < give_up_at => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
}
