//! Events and dead letters.

use protocol::bus::LetterPage;
use protocol::event::Event;
use protocol::phase::Phase;
use protocol::state::DeadLetter;

use crate::rig::{Rig, migration, on_both_buses, shard_id};

on_both_buses!(
    events_come_in_order_and_the_newest_are_found,
    a_dead_letter_replaces_the_one_of_its_document,
    dead_letters_are_purged_by_migration,
);

fn event(n: u64) -> Event {
    Event::new(n, Phase::Load, "shard-done", format!("shard {n}"))
}

async fn events_come_in_order_and_the_newest_are_found(rig: Rig) {
    let bus = rig.bus();
    assert!(bus.events(&migration("m"), 10).await.unwrap().is_empty());
    for n in 0..20 {
        bus.emit(&migration("m"), &event(n)).await.unwrap();
    }
    let done = Event { kind: "done".to_owned(), phase: Some(Phase::Verify), ..event(20) };
    bus.emit(&migration("m"), &done).await.unwrap();
    // Another migration talks a lot in between.
    for n in 0..300 {
        bus.emit(&migration("m-2"), &event(n)).await.unwrap();
    }
    assert_eq!(bus.events(&migration("m"), 3).await.unwrap(), [event(18), event(19), done.clone()]);
    let all: Vec<Event> = (0..20).map(event).chain([done]).collect();
    assert_eq!(bus.events(&migration("m"), 21).await.unwrap(), all);
    assert_eq!(bus.events(&migration("m"), 1_000).await.unwrap(), all);
    assert!(bus.events(&migration("m"), 0).await.unwrap().is_empty());
    assert_eq!(bus.events(&migration("m-2"), 1_000).await.unwrap().len(), 300);
}

fn letter(doc: u32, reason: &str) -> DeadLetter {
    DeadLetter {
        index: "Bücher".to_owned(),
        id: format!("id {doc}"),
        routing: Some("r".to_owned()),
        status: 400,
        kind: "mapper_parsing_exception".to_owned(),
        reason: reason.to_owned(),
        shard: 2,
        segment: "_1a".to_owned(),
        doc,
        source: Some(vec![b'{', 0xff, b'}']),
    }
}

async fn a_dead_letter_replaces_the_one_of_its_document(rig: Rig) {
    let bus = rig.bus();
    assert_eq!(bus.dead_letters(&migration("m"), 0, 10).await.unwrap(), LetterPage::default());
    for reason in ["first try", "second try"] {
        for doc in 0..150 {
            bus.store_dead_letter(&migration("m"), shard_id(2), &letter(doc, reason)).await.unwrap();
        }
    }
    // The same document number of another shard is another document.
    bus.store_dead_letter(&migration("m"), shard_id(3), &letter(0, "other shard")).await.unwrap();
    let LetterPage { count, mut letters, next } = bus.dead_letters(&migration("m"), 0, 1_000).await.unwrap();
    assert_eq!((count, next), (151, None));
    letters.sort_by(|a, b| (&a.reason, a.doc).cmp(&(&b.reason, b.doc)));
    let expected: Vec<DeadLetter> =
        std::iter::once(letter(0, "other shard")).chain((0..150).map(|doc| letter(doc, "second try"))).collect();
    assert_eq!(letters, expected);
    // Page by page each comes once.
    let (mut from, mut paged) = (0, Vec::new());
    loop {
        let page = bus.dead_letters(&migration("m"), from, 40).await.unwrap();
        assert_eq!(page.count, 151 - paged.len() as u64);
        assert!(page.letters.len() == 40 || page.next.is_none());
        paged.extend(page.letters);
        let Some(next) = page.next else { break };
        from = next;
    }
    paged.sort_by(|a, b| (&a.reason, a.doc).cmp(&(&b.reason, b.doc)));
    assert_eq!(paged, expected);
}

async fn dead_letters_are_purged_by_migration(rig: Rig) {
    let bus = rig.bus();
    for name in ["m", "m-2"] {
        bus.store_dead_letter(&migration(name), shard_id(0), &letter(1, "no")).await.unwrap();
    }
    bus.purge_dead_letters(&migration("m")).await.unwrap();
    assert_eq!(bus.dead_letters(&migration("m"), 0, 10).await.unwrap().count, 0);
    let page = bus.dead_letters(&migration("m-2"), 0, 10).await.unwrap();
    assert_eq!((page.count, page.letters), (1, vec![letter(1, "no")]));
}
