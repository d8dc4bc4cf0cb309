//! Events and log lines, followed: each once, in order, over a lost connection too.

use protocol::bus::{Happened, Happenings};
use protocol::event::{Event, LOG};
use protocol::phase::Phase;

use crate::rig::{LONG, Rig, eventually, migration, on_both_buses};

on_both_buses!(
    following_tells_what_is_there_and_then_what_happens,
    following_goes_on_after_the_last_one_over_a_restart,
    log_lines_push_out_no_events,
    following_is_of_one_migration,
);

fn event(n: u64) -> Event {
    Event::new(n, Phase::Load, "resumed", format!("event {n}")).of_shard("Bücher", 3).by("w-1")
}

fn line(n: u64) -> Event {
    Event { at_ms: n, kind: LOG.to_owned(), text: format!("line {n}"), ..Event::default() }
}

/// The next that happens; it must come.
async fn next(happenings: &mut Happenings) -> Happened {
    tokio::time::timeout(LONG, happenings.recv()).await.expect("in time").expect("it goes on")
}

/// Everything up to the one that says that this was all there is, and the place after the last.
async fn until_ready(happenings: &mut Happenings) -> (Vec<Event>, u64) {
    let (mut events, mut from) = (Vec::new(), 0);
    loop {
        match next(happenings).await {
            Happened::Ready => return (events, from),
            Happened::Event(place, event) => {
                assert!(place >= from, "{place} after {from}");
                from = place + 1;
                events.push(event);
            }
        }
    }
}

async fn following_tells_what_is_there_and_then_what_happens(rig: Rig) {
    let (bus, name) = (rig.bus(), migration("m"));
    let mut happenings = bus.follow(&name, 0).await.unwrap();
    assert!(until_ready(&mut happenings).await.0.is_empty());
    let all: Vec<Event> = (1..=500).map(|n| if n % 2 == 0 { line(n) } else { event(n) }).collect();
    for event in &all {
        bus.emit(&name, event).await.unwrap();
    }
    for event in &all {
        assert!(matches!(next(&mut happenings).await, Happened::Event(_, next) if next == *event));
    }
    let mut later = bus.follow(&name, 0).await.unwrap();
    let (told, from) = until_ready(&mut later).await;
    assert_eq!(told, all);
    let mut rest = bus.follow(&name, from).await.unwrap();
    assert!(until_ready(&mut rest).await.0.is_empty());
    bus.emit(&name, &event(501)).await.unwrap();
    for happenings in [&mut happenings, &mut later, &mut rest] {
        assert_eq!(next(happenings).await, Happened::Event(from, event(501)));
    }
    // Whoever asks for events gets no log lines.
    assert_eq!(bus.events(&name, 2).await.unwrap(), [event(499), event(501)]);
}

async fn following_goes_on_after_the_last_one_over_a_restart(mut rig: Rig) {
    let name = migration("m");
    let bus = rig.bus();
    for n in 1..=20 {
        bus.emit(&name, &line(n)).await.unwrap();
    }
    let mut happenings = bus.follow(&name, 0).await.unwrap();
    let (mut told, from) = until_ready(&mut happenings).await;
    drop(bus);
    rig.restart().await;
    assert_eq!(tokio::time::timeout(LONG, happenings.recv()).await.expect("it ends"), None);

    let bus = rig.bus();
    for n in 21..=40 {
        // Whether one that got no answer was stored is unknown: it may be there twice.
        let line = line(n);
        eventually(|| bus.emit(&name, &line)).await;
    }
    let mut happenings = eventually(|| bus.follow(&name, from)).await;
    told.extend(until_ready(&mut happenings).await.0);
    told.dedup();
    assert_eq!(told, (1..=40).map(line).collect::<Vec<_>>());
}

async fn log_lines_push_out_no_events(rig: Rig) {
    let (bus, name) = (rig.bus(), migration("m"));
    bus.emit(&name, &event(0)).await.unwrap();
    bus.emit(&migration("m-2"), &line(0)).await.unwrap();
    let chatty = futures::future::join_all((1..=6_000).map(|n| {
        let (bus, name) = (bus.clone(), name.clone());
        async move { bus.emit(&name, &line(n)).await }
    }));
    chatty.await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(bus.events(&name, 10).await.unwrap(), [event(0)]);
    let (told, _) = until_ready(&mut bus.follow(&name, 0).await.unwrap()).await;
    assert_eq!(told[0], event(0));
    let lines = told.iter().filter(|event| event.is_log()).count();
    assert!((5_000..6_000).contains(&lines), "{lines} of 6,000 are kept");
    let (others, _) = until_ready(&mut bus.follow(&migration("m-2"), 0).await.unwrap()).await;
    assert_eq!(others, [line(0)]);
}

async fn following_is_of_one_migration(rig: Rig) {
    let bus = rig.bus();
    let mut happenings = bus.follow(&migration("m"), 0).await.unwrap();
    until_ready(&mut happenings).await;
    bus.emit(&migration("m-2"), &line(1)).await.unwrap();
    bus.emit(&migration("m"), &line(2)).await.unwrap();
    assert!(matches!(next(&mut happenings).await, Happened::Event(_, next) if next == line(2)));
    bus.remove_migration(&migration("m")).await.unwrap();
    let mut after = bus.follow(&migration("m"), 0).await.unwrap();
    assert!(until_ready(&mut after).await.0.is_empty());
    assert_eq!(until_ready(&mut bus.follow(&migration("m-2"), 0).await.unwrap()).await.0, [line(1)]);
}
