//! Whatever a snapshot says, nothing panics: states of real servers and the examples of all rules, with parts of them
//! replaced by what doesn't belong there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use metadata::rules::settings::replicas;
use metadata::types::{MultiType, Options};
use metadata::{Kind, Server, SourceItem, Versions, builtin, repair, request, rules, state, translate, types};
use serde_json::{Map, Value, json};

const SOURCES: [&str; 6] = [
    "Elasticsearch 1.7.6",
    "Elasticsearch 5.6.16",
    "Elasticsearch 6.8.23",
    "Elasticsearch 8.19.21",
    "OpenSearch 1.3.20",
    "OpenSearch 3.8.0",
];
const TARGETS: [&str; 4] = ["Elasticsearch 7.10.2", "Elasticsearch 8.19.21", "OpenSearch 1.3.20", "OpenSearch 3.8.0"];

/// How often each document is spoiled.
const ROUNDS: u64 = 60;

/// Numbers that look like chance and are the same every time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }

    fn nonsense(&mut self) -> Value {
        let all = [
            json!(null),
            json!(true),
            json!(-1),
            json!(18_446_744_073_709_551_615_u64),
            json!(1e300),
            json!(""),
            json!("ü.ß*,\u{0}]["),
            json!([]),
            json!([null, {}, [[]], ","]),
            json!({}),
            json!({"": {"type": [], "properties": 3, "fields": "x"}}),
        ];
        all[self.below(all.len())].clone()
    }

    /// Replaces some of the values, however deep.
    fn spoil(&mut self, value: &mut Value) {
        if self.below(12) == 0 {
            *value = self.nonsense();
            return;
        }
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|value| self.spoil(value)),
            Value::Array(values) => values.iter_mut().for_each(|value| self.spoil(value)),
            _ => {}
        }
    }
}

/// Whether the documentation says what that id means.
fn is_known(id: &str) -> bool {
    let others = [replicas::ABOUT.id, repair::ABOUT.id];
    rules::all().any(|rule| rule.id == id) || types::ABOUT.iter().any(|about| about.id == id) || others.contains(&id)
}

fn all_ways(item: &SourceItem, error: &Value) {
    assert!(builtin::whose(item).is_none_or(|whose| !whose.is_empty()));
    for (number, source) in SOURCES.iter().enumerate() {
        // Each source with one target, another each time, or it would take minutes.
        let target: Server = TARGETS[(number + item.name.len()) % TARGETS.len()].parse().unwrap();
        let versions = Versions { source: source.parse().unwrap(), target };
        for multi_type in [MultiType::Split, MultiType::Union] {
            let options = Options { multi_type, ..Options::default() };
            let Ok(items) = types::resolve(item.clone(), &options) else { continue };
            for mut translated in items.into_iter().filter_map(|item| translate(item, versions).ok()) {
                replicas::fit(&mut translated, 3, 2);
                metadata::repair(&mut translated, error);
                assert!(request::body(&translated).is_object());
                let unknown = translated.notes.iter().find(|note| !is_known(note.rule));
                assert_eq!(unknown, None, "a note names a rule that no page has");
            }
        }
    }
}

#[test]
fn spoiled_states_of_clusters() {
    let states = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/states")).unwrap();
    let mut chance = Chance(0x5eed);
    for file in states {
        let whole: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        for _ in 0..ROUNDS {
            let mut spoiled = whole.clone();
            // The outermost stays an object, or most states would be nothing.
            spoiled.as_object_mut().unwrap().values_mut().for_each(|part| chance.spoil(part));
            let error = chance.nonsense();
            let state = state::read(spoiled);
            for item in &state.items {
                assert!(!state.needs(item) || item.kind != Kind::DataStream);
                all_ways(item, &error);
            }
        }
    }
}

#[test]
fn spoiled_items() {
    let mut chance = Chance(0xfeed);
    for rule in rules::all() {
        for example in rule.examples {
            let whole: Value = serde_json::from_str(example.before).unwrap();
            for _ in 0..ROUNDS {
                let mut spoiled = whole.clone();
                spoiled.as_object_mut().unwrap().values_mut().for_each(|part| chance.spoil(part));
                let mut fields: Map<String, Value> = spoiled.as_object().unwrap().clone();
                let kind = whole.get("kind").and_then(Value::as_str);
                let kind = Kind::ALL.into_iter().find(|it| kind == Some(it.as_str())).unwrap_or(Kind::Index);
                fields.shift_remove("kind");
                let mut part = |name: &str| match fields.shift_remove(name) {
                    Some(Value::Object(part)) => part,
                    _ => Map::new(),
                };
                let (settings, mapping, aliases) = (part("settings"), part("mappings"), part("aliases"));
                let mappings = vec![("t".to_owned(), mapping.into()), ("_default_".to_owned(), chance.nonsense())];
                let item = SourceItem { kind, name: rule.id.to_owned(), settings, mappings, aliases, rest: fields };
                all_ways(&item, &chance.nonsense());
            }
        }
    }
}
