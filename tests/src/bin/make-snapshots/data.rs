//! What the server is filled with: small, and with whatever makes documents hard to find and to read.
//!
//! The indices: `ids` (every kind of id, routings), `history` and `history-hard` (updates and deletes over several
//! segments, soft and hard deletes), `merged` and one index for each codec (a large segment, changed afterwards),
//! `nested`, `bodies` (CBOR, SMILE, YAML, odd JSON, external versions, a document of 100 kB), `unsourced` and
//! `filtered` (no or not the whole source is kept), `empty`; `closed`, `types`, `times`, `single`, `compressed` where a
//! version has such.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Op};

const WORDS: [&str; 12] =
    ["sea", "night", "straße", "garden", "東京", "letters", "winter", "économie", "tide", "lamp", "harbour", "stone"];

/// Kinds of ids: numbers and what looks like one, what looks like base64, separators, unicode in both normal forms.
const IDS: [&str; 28] = [
    "0",
    "7",
    "007",
    "-5",
    "1.5",
    "12345678",
    "123456789",
    "18446744073709551616",
    "a",
    "Aa",
    "abc",
    "abcd",
    "AVq3Vb1hB8kCgYm1XwQA",
    "AVq3Vb1hB8kCgYm1XwQA==",
    "_x",
    "-_-_",
    "a b",
    "a/b",
    "a#b",
    "##",
    "a,b",
    "\"q\"\\",
    "\t\u{1}",
    "%41+",
    "é",
    "e\u{301}",
    "日本語",
    "😀",
];
const LONG_ID_CHARS: usize = 500;
const ROUTINGS: [&str; 6] = ["anna", "bruno", "chen", "dmitri", "esin", "7"];
/// Twelve thousand years: documents that don't go while a test looks at them.
const TTL_MS: i64 = 400_000_000_000_000;
const ROUND_DOCS: usize = 30;
const BIG_ROWS: usize = 1_200;
const CHILDREN_MANY: usize = 400;

/// The state of `snap-1`.
pub fn first(cluster: &mut Cluster) -> Result<()> {
    ids(cluster)?;
    for (index, settings) in histories(cluster) {
        cluster.create(index, 1, settings, fields(cluster))?;
        (0..3).try_for_each(|round| cluster.write(index, &history(round)))?;
    }
    let codecs: Vec<_> = cluster.dialect.codecs().to_vec();
    merged(cluster, "merged", json!({}))?;
    for codec in codecs {
        merged(cluster, &codec.replace('_', "-"), json!({"codec": codec}))?;
    }
    nested(cluster)?;
    bodies(cluster)?;
    sources(cluster)?;
    cluster.create("empty", 2, json!({}), fields(cluster))?;
    if cluster.dialect.many_types() {
        types(cluster)?;
    }
    if let Some(timestamp) = cluster.dialect.timestamp() {
        cluster.create("times", 1, json!({}), json!({"_timestamp": timestamp, "_ttl": {"enabled": true}}))?;
        let timed = |n: i64| {
            let op = Op::index(&n.to_string(), json!({"t": n}));
            op.with("timestamp", 1_434_240_000_000 + n).with("ttl", TTL_MS)
        };
        cluster.write("times", &(0..5).map(timed).collect::<Vec<_>>())?;
    }
    if cluster.dialect.single_type() {
        cluster.create("single", 1, json!({"mapping": {"single_type": true}}), fields(cluster))?;
        cluster.write("single", &IDS.map(|id| Op::index(id, source(id.len()))))?;
    }
    if !cluster.dialect.since(2, 0) {
        cluster.create("compressed", 1, json!({}), json!({"dynamic": false, "_source": {"compress": true}}))?;
        let ops: Vec<Op> = (0..20).map(|n| Op::index(&n.to_string(), source(n * 50))).collect();
        cluster.write("compressed", &ops)?;
        cluster.put("compressed", "big", "", "application/json", big().as_bytes())?;
    }
    if cluster.dialect.since(7, 2) {
        cluster.create("closed", 1, json!({}), fields(cluster))?;
        cluster.write("closed", &IDS.map(|id| Op::index(id, source(id.len()))))?;
        cluster.close("closed")?;
    }
    Ok(())
}

/// What `snap-2` has besides.
pub fn second(cluster: &mut Cluster) -> Result<()> {
    for (index, _) in histories(cluster) {
        (3..5).try_for_each(|round| cluster.write(index, &history(round)))?;
    }
    let mut large = vec!["merged".to_owned()];
    large.extend(cluster.dialect.codecs().iter().map(|codec| codec.replace('_', "-")));
    for index in large {
        cluster.write(&index, &changes())?;
    }
    let again = IDS.iter().step_by(3).map(|id| Op::index(id, json!({"again": id}))).collect::<Vec<_>>();
    cluster.write("ids", &again)?;
    cluster.write("nested", &[Op::delete("3"), Op::index("4", family(7)), Op::delete("many")])
}

/// Changes of an upgraded server: every segment gets deletes, and a new one beside it.
pub fn third(cluster: &mut Cluster) -> Result<()> {
    cluster.write("history", &history(5))?;
    cluster.write("merged", &[Op::delete("10"), Op::index("11", source(500)), Op::index("new", source(2))])?;
    cluster.write("ids", &[Op::delete("a#b"), Op::index("007", source(3)), Op::index("é", source(4))])?;
    cluster.write("nested", &[Op::delete("5"), Op::index("6", family(3)), Op::index("new", family(5))])
}

fn fields(cluster: &Cluster) -> Value {
    json!({"dynamic": false, "properties": {"name": cluster.dialect.keyword(), "n": {"type": "long"}}})
}

fn source(n: usize) -> Value {
    let word = |at: usize| WORDS.iter().cycle().nth(at).copied().unwrap_or_default();
    let text: Vec<&str> = (0..8 + n % 9).map(|at| word(n * 5 + at * at)).collect();
    json!({"name": word(n), "n": n, "price": n as f64 / 8.0, "text": text.join(" ")})
}

/// 100 kB that need little room where they are compressed.
fn big() -> String {
    let rows: Vec<Value> =
        (0..BIG_ROWS).map(|n| json!({"row": n, "text": "the same words in every row of it"})).collect();
    json!({"name": "big", "rows": rows, "tail": "the end"}).to_string()
}

fn ids(cluster: &mut Cluster) -> Result<()> {
    cluster.create("ids", 2, json!({}), fields(cluster))?;
    let long = "ü".repeat(LONG_ID_CHARS / 2);
    let mut plain: Vec<Op> = IDS.iter().enumerate().map(|(n, id)| Op::index(id, source(n))).collect();
    plain.push(Op::index(&long, source(1)));
    plain.push(Op::index(&"9".repeat(LONG_ID_CHARS), source(2)));
    plain.extend((0..5).map(|n| Op::index_anew(source(n))));
    cluster.write("ids", &plain)?;
    // One id, in both shards.
    let routed = ROUTINGS.iter().flat_map(|routing| {
        [Op::index("same", json!({"of": routing})), Op::index(&format!("of-{routing}"), source(routing.len()))]
            .map(|op| op.with("routing", *routing))
    });
    cluster.write("ids", &routed.collect::<Vec<_>>())
}

fn histories(cluster: &Cluster) -> Vec<(&'static str, Value)> {
    match cluster.dialect.soft_deletes() {
        Some([soft, hard]) => vec![("history", soft), ("history-hard", hard)],
        None => vec![("history", json!({}))],
    }
}

/// New documents; some of the round before are written again, some updated, some deleted.
fn history(round: usize) -> Vec<Op> {
    let start = round * ROUND_DOCS;
    let mut ops: Vec<Op> = (start..start + ROUND_DOCS).map(|n| Op::index(&n.to_string(), source(n))).collect();
    for n in start.saturating_sub(ROUND_DOCS)..start {
        let id = n.to_string();
        match n % 10 {
            1 | 2 => ops.push(Op::delete(&id)),
            3 => ops.push(Op::index(&id, source(n + 1_000))),
            4 => ops.push(Op::update(&id, json!({"round": round}))),
            _ => {}
        }
    }
    ops
}

fn merged(cluster: &mut Cluster, index: &str, settings: Value) -> Result<()> {
    cluster.create(index, 1, settings, fields(cluster))?;
    for round in 0..3 {
        let mut ops: Vec<Op> = (round * 30..round * 30 + 30).map(|n| Op::index(&n.to_string(), source(n))).collect();
        if round > 0 {
            ops.extend((0..30).step_by(9).map(|n| Op::delete(&(n + round * 30 - 30).to_string())));
        }
        cluster.write(index, &ops)?;
    }
    cluster.put(index, "big", "", "application/json", big().as_bytes())?;
    cluster.http.post(&cluster.dialect.force_merge(index), "")?;
    cluster.http.flush(index)
}

fn changes() -> Vec<Op> {
    let deletes = (10..90).step_by(13).map(|n| Op::delete(&n.to_string()));
    let writes = (1..90).step_by(17).map(|n| Op::index(&n.to_string(), source(n + 100)));
    deletes.chain(writes).collect()
}

fn nested(cluster: &mut Cluster) -> Result<()> {
    let toys = json!({"type": "nested", "properties": {"toy": cluster.dialect.keyword()}});
    let children = json!({"type": "nested", "properties": {"name": cluster.dialect.keyword(), "toys": toys}});
    cluster.create("nested", 1, json!({}), json!({"dynamic": false, "properties": {"children": children}}))?;
    let mut ops: Vec<Op> = (0..12).map(|n| Op::index(&n.to_string(), family(n % 5))).collect();
    ops.push(Op::index("many", family(CHILDREN_MANY)));
    cluster.write("nested", &ops)?;
    cluster.write("nested", &[Op::delete("2"), Op::index("1", family(2)), Op::index("many-too", family(CHILDREN_MANY))])
}

fn family(children: usize) -> Value {
    let child = |n: usize| json!({"name": format!("child {n}"), "toys": [{"toy": "ball"}, {"toy": "kite"}]});
    json!({"children": (0..children).map(child).collect::<Vec<_>>()})
}

/// Bodies as programs and people write them, each with a version that another system gave.
fn bodies(cluster: &mut Cluster) -> Result<()> {
    cluster.create("bodies", 1, json!({}), json!({"dynamic": false}))?;
    // {"raw":"cbor","n":[1,-2,null,true]}, with a map of known and of open length.
    let cbor: &[u8] = b"\xa2\x63raw\x64cbor\x61n\x84\x01\x21\xf6\xf5";
    let cbor_open: &[u8] = b"\xbf\x63raw\x64cbor\x61n\x9f\x01\x21\xf6\xf5\xff\xff";
    // {"raw":"smile","n":[1,-2,null,true]}: short names and values, no shared ones.
    let smile: &[u8] = b":)\n\x00\xfa\x82raw\x44smile\x80n\xf8\xc2\xc3\x21\x23\xf9\xfb";
    let json = "application/json";
    let big = big();
    let bodies: [(&str, &str, &[u8]); 12] = [
        ("cbor", "application/cbor", cbor),
        ("cbor-open", "application/cbor", cbor_open),
        ("smile", "application/smile", smile),
        ("yaml", "application/yaml", "---\nraw: yaml\nn:\n- 1\n- -2\n- null\n- true\ntext: \"é: 1\"\n".as_bytes()),
        ("pretty", json, b"{\n  \"a\" : [ 1,\r\n 2 ],\n\t\"b\" : { }\n}"),
        ("newlines first", json, b"\n\n  {\"a\":1}  \n"),
        (
            "numbers",
            json,
            b"{\"big\":12345678901234567890123,\"price\":1.10,\"minus\":-0,\"exp\":1E+2,\"tiny\":1e-400}",
        ),
        ("strings", json, "{\"text\":\"\\u00e9\\/\\ud83d\\ude00 é😀\",\"a.b\":null,\"a\":{\"b\":[]}}".as_bytes()),
        ("dotted", json, b"{\"a.b.c\":1,\"a\":{\"b.c\":2}}"),
        ("empty", json, b"{}"),
        ("spaces", json, b"{  }"),
        ("big", json, big.as_bytes()),
    ];
    for (n, (id, content_type, body)) in bodies.into_iter().enumerate() {
        // From one to nine bytes.
        if content_type == "application/cbor" && !cluster.dialect.cbor() {
            continue;
        }
        let version = 1_u64 << (n * 5);
        let query = format!("?version={version}&version_type=external");
        cluster.put("bodies", id, &query, content_type, body)?;
        if n % 4 == 0 {
            cluster.http.flush("bodies")?;
        }
    }
    cluster.put("bodies", "routed", "?routing=anna%2Fb", json, b"{\"r\":1}")?;
    cluster.http.flush("bodies")
}

/// Sources that aren't kept, or not the whole of them; stored fields of every kind beside them.
fn sources(cluster: &mut Cluster) -> Result<()> {
    let mut word = cluster.dialect.keyword();
    word["store"] = json!(true);
    let stored = |kind: &str| json!({"type": kind, "store": true});
    let properties = json!({
        "word": word, "long": stored("long"), "int": stored("integer"), "double": stored("double"),
        "float": stored("float"), "bytes": stored("binary"), "flag": stored("boolean"), "day": stored("date"),
    });
    let values = |n: i64| {
        json!({"word": ["w", n.to_string()], "long": n << 40, "int": -n, "double": n as f64 / 3.0, "float": 0.5,
               "bytes": "AAEC/w==", "flag": true, "day": "2015-06-14", "secret": {"a": n}, "kept": n})
    };
    let ops: Vec<Op> = (0..20).map(|n| Op::index(&n.to_string(), values(n))).collect();
    let again = [Op::index("3", values(30)), Op::delete("4"), Op::index("x", values(7)).with("routing", "r")];
    let unsourced = json!({"dynamic": false, "_source": {"enabled": false}, "properties": properties.clone()});
    let filtered = json!({"dynamic": false, "_source": {"excludes": ["secret*"]}, "properties": properties});
    for (index, mapping) in [("unsourced", unsourced), ("filtered", filtered)] {
        cluster.create(index, 1, json!({}), mapping)?;
        cluster.write(index, &ops)?;
        cluster.write(index, &again)?;
    }
    Ok(())
}

/// Several types in an index, with the same ids; parents and children.
fn types(cluster: &mut Cluster) -> Result<()> {
    let plain = fields(cluster);
    let mut child = plain.clone();
    child["_parent"] = json!({"type": "parent"});
    let mappings = json!({"a": plain.clone(), "b": plain.clone(), "parent": plain, "child": child});
    cluster.create_typed("types", 2, json!({}), mappings)?;
    let mut ops = Vec::new();
    for n in 0..15 {
        let id = if n == 9 { "a#9".to_owned() } else { n.to_string() };
        ops.push(Op::index(&id, json!({"a": n})).with("type", "a"));
        ops.push(Op::index(&id, json!({"b": n})).with("type", "b"));
        ops.push(Op::index(&id, source(n)).with("type", "parent"));
        ops.push(Op::index(&id, source(n + 7)).with("type", "child").with("parent", (n / 3).to_string()));
    }
    let routed = Op::index("routed", source(1)).with("type", "child").with("parent", "1");
    ops.push(routed.with("routing", "anna"));
    cluster.write("types", &ops)?;
    let delete = |id: &str, of: &'static str| Op::delete(id).with("type", of);
    let deletes = [delete("2", "a"), delete("3", "b"), delete("4", "child").with("parent", "1")];
    cluster.write("types", &deletes)
}
