//! The queue of tasks, in memory: what a crash loses of it is published again.
//!
//! In: tasks, pulls, and what workers say of the tasks they hold. Out: each task to one worker at a time, again when
//! its deadline passes without a heartbeat.
//! Holds: one task per subject; classes don't wait for each other; and, as with NATS, an ack counts whoever sends it,
//! and a publication (subject and attempt) repeated within [`REPEATS_KEPT`] is none.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::bus::{BusError, Delivery, Published, Receipt};
use crate::ids::MigrationName;
use crate::names;
use crate::task::{TaskClass, TaskMessage};

/// How long a repeated publication is recognised: the duplicate window of NATS.
const REPEATS_KEPT: Duration = Duration::from_secs(120);

/// The queues of all migrations.
pub(super) struct Queue {
    ack_wait: Duration,
    state: Mutex<State>,
    /// A task has come, or will come sooner than a pull thought.
    woken: Notify,
}

#[derive(Default)]
struct State {
    /// Counts publications; tells two of the same subject apart.
    serial: u64,
    lanes: HashMap<(MigrationName, TaskClass), Lane>,
    subjects: HashSet<String>,
    /// Publications of the last minutes, oldest first.
    repeats: VecDeque<(Instant, (String, u32))>,
    repeated: HashSet<(String, u32)>,
}

/// Tasks of one class of one migration, oldest first.
type Lane = BTreeMap<u64, Queued>;

struct Queued {
    message: TaskMessage,
    subject: String,
    /// Deliveries so far.
    delivered: u64,
    /// Not to be delivered before: the deadline of who holds it, or the end of a delay.
    ready_at: Instant,
}

impl Queue {
    pub(super) fn new(ack_wait: Duration) -> Self {
        Self { ack_wait, state: Mutex::default(), woken: Notify::new() }
    }

    /// Puts a task into its queue.
    pub(super) fn publish(&self, message: &TaskMessage) -> Published {
        let subject = names::task_subject(&message.migration, &message.task);
        let now = Instant::now();
        let mut state = self.lock();
        state.forget_repeats(now);
        let publication = (subject.clone(), message.attempt);
        if state.subjects.contains(&subject) || state.repeated.contains(&publication) {
            return Published::Already;
        }
        state.serial += 1;
        let serial = state.serial;
        state.subjects.insert(subject.clone());
        state.repeated.insert(publication.clone());
        state.repeats.push_back((now, publication));
        let lane = state.lanes.entry((message.migration.clone(), message.task.class())).or_default();
        lane.insert(serial, Queued { message: message.clone(), subject, delivered: 0, ready_at: now });
        drop(state);
        self.woken.notify_waiters();
        Published::New
    }

    /// Takes one task, waiting up to `wait` for it.
    pub(super) async fn pull(
        self: &Arc<Self>,
        migration: &MigrationName,
        class: TaskClass,
        wait: Duration,
    ) -> Option<Delivery> {
        let lane = (migration.clone(), class);
        let give_up_at = Instant::now() + wait;
        loop {
            let mut woken = std::pin::pin!(self.woken.notified());
            // From here on nothing is missed: what comes after the look below wakes this pull.
            woken.as_mut().enable();
            let next = match self.take(&lane) {
                Ok(delivery) => return Some(delivery),
                Err(next) => next,
            };
            if Instant::now() >= give_up_at {
                return None;
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(next.map_or(give_up_at, |next| next.min(give_up_at))) => {}
            }
        }
    }

    /// The first task that is ready, or when the next one will be.
    fn take(self: &Arc<Self>, key: &(MigrationName, TaskClass)) -> Result<Delivery, Option<Instant>> {
        let now = Instant::now();
        let mut state = self.lock();
        let Some(lane) = state.lanes.get_mut(key) else { return Err(None) };
        // Tasks that are held stand at the front, one per busy slot, so this looks at few.
        let Some((serial, queued)) = lane.iter_mut().find(|(_, queued)| queued.ready_at <= now) else {
            return Err(lane.values().map(|queued| queued.ready_at).min());
        };
        queued.delivered += 1;
        queued.ready_at = now + self.ack_wait;
        let receipt = Held { queue: Arc::clone(self), lane: key.clone(), serial: *serial, delivered: queued.delivered };
        Ok(Delivery { message: queued.message.clone(), delivered: queued.delivered, receipt: Box::new(receipt) })
    }

    /// Drops every task of a migration.
    pub(super) fn purge(&self, migration: &MigrationName) {
        let mut state = self.lock();
        for class in TaskClass::ALL {
            let lane = state.lanes.remove(&(migration.clone(), class)).unwrap_or_default();
            for queued in lane.values() {
                state.subjects.remove(&queued.subject);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_repeats(&mut self, now: Instant) {
        while self.repeats.front().is_some_and(|(at, _)| now.duration_since(*at) > REPEATS_KEPT) {
            if let Some((_, publication)) = self.repeats.pop_front() {
                self.repeated.remove(&publication);
            }
        }
    }
}

/// One delivery of a task.
struct Held {
    queue: Arc<Queue>,
    lane: (MigrationName, TaskClass),
    serial: u64,
    delivered: u64,
}

impl Held {
    /// Moves the time at which the task is delivered again, if this is still its last delivery.
    fn ready_in(&self, wait: Duration) {
        let mut state = self.queue.lock();
        let queued = state.lanes.get_mut(&self.lane).and_then(|lane| lane.get_mut(&self.serial));
        if let Some(queued) = queued.filter(|queued| queued.delivered == self.delivered) {
            queued.ready_at = Instant::now() + wait;
        }
        drop(state);
        self.queue.woken.notify_waiters();
    }
}

#[async_trait]
impl Receipt for Held {
    async fn ack(&self) -> Result<(), BusError> {
        let mut state = self.queue.lock();
        if let Some(queued) = state.lanes.get_mut(&self.lane).and_then(|lane| lane.remove(&self.serial)) {
            state.subjects.remove(&queued.subject);
        }
        Ok(())
    }

    async fn progress(&self) -> Result<(), BusError> {
        self.ready_in(self.queue.ack_wait);
        Ok(())
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        self.ready_in(delay);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{IndexNo, ShardId};
    use crate::task::Task;

    fn message(shard: u32, attempt: u32) -> TaskMessage {
        let task = Task::Plan(ShardId { index: IndexNo(0), shard });
        TaskMessage { migration: "m".parse().unwrap(), attempt, task }
    }

    #[tokio::test(start_paused = true)]
    async fn a_publication_is_recognised_for_two_minutes() {
        let queue = Arc::new(Queue::new(Duration::from_secs(30)));
        assert_eq!(queue.publish(&message(0, 1)), Published::New);
        let migration = message(0, 1).migration;
        let pull = || queue.pull(&migration, TaskClass::Shard, Duration::ZERO);
        pull().await.unwrap().receipt.ack().await.unwrap();
        assert_eq!(queue.publish(&message(0, 1)), Published::Already);
        tokio::time::advance(REPEATS_KEPT + Duration::from_secs(1)).await;
        assert_eq!(queue.publish(&message(0, 1)), Published::New);
        assert_eq!(pull().await.unwrap().delivered, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receipt_of_an_earlier_publication_does_nothing_to_the_next() {
        let queue = Arc::new(Queue::new(Duration::from_secs(30)));
        let migration = message(0, 1).migration;
        let pull = || queue.pull(&migration, TaskClass::Shard, Duration::ZERO);
        queue.publish(&message(0, 1));
        let first = pull().await.unwrap();
        first.receipt.ack().await.unwrap();
        queue.publish(&message(0, 2));
        first.receipt.ack().await.unwrap();
        first.receipt.nak(Duration::from_secs(60)).await.unwrap();
        assert_eq!(pull().await.unwrap().message.attempt, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_of_a_worker_that_lost_the_task_keeps_nothing_from_redelivery() {
        let queue = Arc::new(Queue::new(Duration::from_secs(30)));
        let migration = message(0, 1).migration;
        let pull = |seconds| queue.pull(&migration, TaskClass::Shard, Duration::from_secs(seconds));
        queue.publish(&message(0, 1));
        let first = pull(0).await.unwrap();
        let second = pull(31).await.unwrap();
        tokio::time::advance(Duration::from_secs(20)).await;
        first.receipt.progress().await.unwrap();
        let third = pull(11).await.unwrap();
        assert_eq!((second.delivered, third.delivered), (2, 3));
    }
}
