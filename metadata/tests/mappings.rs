//! Any mapping at all: it comes from a snapshot, and nobody has looked at it.

use metadata::types::{self, MultiType, Options, Parent};
use metadata::{Kind, SourceItem, Versions, translate};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const SERVERS: [&str; 10] = [
    "Elasticsearch 1.7.6",
    "Elasticsearch 2.4.6",
    "Elasticsearch 5.6.16",
    "Elasticsearch 6.8.23",
    "Elasticsearch 7.10.2",
    "Elasticsearch 8.19.21",
    "OpenSearch 1.3.20",
    "OpenSearch 2.19.4",
    "OpenSearch 3.8.0",
    "Elasticsearch 9.1.0",
];

/// Words that mean something where mappings have them; some stand for keys, some for values, any may stand anywhere.
const WORDS: &str = "properties fields type index analyzer index_analyzer search_analyzer norms omit_norms enabled fielddata \
    format filter frequency doc_values store null_value ignore_above copy_to position_offset_gap similarity include_in_all \
    dynamic_templates mapping match unmatch path_match match_mapping_type unmatch_mapping_type runtime match_pattern _all \
    _source includes exclude mode _routing required path _parent _timestamp _ttl _id _type _meta _default_ .percolator doc \
    dynamic date_detection dynamic_date_formats subobjects derived dims element_type index_options method engine space_type \
    metrics value context contexts precision default lat_lon validate precision_step numeric_resolution term_vector meta \
    string text keyword multi_field date date_range object nested geo_point completion dense_vector knn_vector flattened \
    flat_object version wildcard constant_keyword unsigned_long aggregate_metric_double histogram semantic_text boolean \
    {dynamic_type} not_analyzed analyzed no yes true false runtime strict synthetic classic nmslib linf byte bit seconds \
    YYYY-MM-dd'T'HH:mm:ssZ||epoch_millis 8uuuu dateOptionalTime * a.b name";

fn word() -> impl Strategy<Value = String> {
    let words: Vec<String> = WORDS.split_whitespace().map(str::to_owned).collect();
    prop_oneof![9 => proptest::sample::select(words), 1 => ".{0,5}"]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => word().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            5 => proptest::collection::vec((word(), inner.clone()), 0..6)
                .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            // What looks like a field, and like a template.
            3 => (word(), proptest::sample::select(vec!["string", "date", "object", "dense_vector", "completion"]), inner.clone())
                .prop_map(|(key, kind, value)| json!({"type": kind, key: value})),
            2 => (word(), inner).prop_map(|(name, fields)| json!({"properties": {name: fields}})),
        ]
    })
}

fn options() -> impl Strategy<Value = Options> {
    let multi_type = prop_oneof![Just(MultiType::Split), Just(MultiType::Union)];
    let parent = prop_oneof![Just(Parent::Join), Just(Parent::Routing)];
    (multi_type, parent).prop_map(|(multi_type, parent)| Options { multi_type, parent, names: Vec::new() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_nothing_changes_without_a_note(
        mappings in proptest::collection::vec((word(), json()), 0..4),
        settings in proptest::collection::vec((word(), word()), 0..3),
        source in proptest::sample::select(&SERVERS[..]),
        target in proptest::sample::select(&SERVERS[4..]),
        kind in proptest::sample::select(&[Kind::Index, Kind::LegacyTemplate][..]),
        options in options(),
    ) {
        let versions = Versions { source: source.parse().unwrap(), target: target.parse().unwrap() };
        let settings = settings.into_iter().map(|(key, value)| (format!("index.{key}"), value.into())).collect();
        let mappings: Map<String, Value> = mappings.into_iter().collect();
        let types = mappings.len();
        let source = SourceItem {
            kind, name: "logs".to_owned(), settings, mappings: mappings.into_iter().collect(), aliases: Map::new(), rest: Map::new(),
        };
        let Ok(items) = types::resolve(source, &options) else { return Ok(()) };
        // Every type is in one of the items.
        let in_items: usize = items.iter().map(|item| item.types.len()).sum();
        prop_assert!(in_items == 0 && items.len() == 1 || in_items >= types.saturating_sub(1), "{items:?}");
        for item in items {
            let (before, noted) = (item.mapping.clone(), item.notes.len());
            let Ok(after) = translate(item, versions) else { continue };
            let is_same = before == after.mapping;
            prop_assert!(is_same || after.notes.len() > noted, "{} became {}", Value::from(before), Value::from(after.mapping));
        }
    }
}
