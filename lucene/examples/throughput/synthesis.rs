//! A shard of one segment, with documents as a web server logs them, made anew and the same each time.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::writer::{Document, Value, Writer, footer, header, prefixed, vint};

/// One codec for each way to compress.
pub const CODECS: [(&str, u32); 7] = [
    ("Lucene50StoredFieldsFastData", 1),
    ("Lucene50StoredFieldsHighData", 1),
    ("Lucene90StoredFieldsFastData", 1),
    ("Lucene90StoredFieldsHighData", 1),
    ("ZstdStoredFields814", 1),
    ("CustomStoredFieldsZstd", 1),
    ("CustomStoredFieldsZstdNoDict", 1),
];

/// Some 26 MB.
const DOCUMENTS: u32 = 60_000;

const ID: [u8; 16] = *b"throughput 1 2 3";

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // Vigna's xorshift64*.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    fn of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.below(of.len())).copied().unwrap_or_default()
    }
}

/// Documents with `_id`, `_source` and, some of them, `_routing`.
pub fn documents() -> Vec<Document> {
    let mut random = Random(0x0DDB_1A5E_5BAD_5EED);
    (0..DOCUMENTS).map(|at| document(at, &mut random)).collect()
}

fn document(at: u32, random: &mut Random) -> Document {
    let words = [
        "request",
        "served",
        "from",
        "cache",
        "after",
        "retry",
        "upstream",
        "timeout",
        "session",
        "expired",
        "user",
        "payment",
        "accepted",
        "order",
        "shipped",
        "index",
        "refreshed",
        "slow",
        "query",
        "connection",
        "closed",
    ];
    let agents = [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "curl/8.5.0",
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
    ];
    let message: Vec<&str> = (0..4 + random.below(24)).map(|_| random.of(&words)).collect();
    let source = format!(
        "{{\"@timestamp\":\"2024-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\",\"host\":{{\"name\":\"web-{:02}\",\
         \"ip\":\"10.{}.{}.{}\"}},\"http\":{{\"method\":\"{}\",\"path\":\"/api/v{}/{}/{}\",\"status\":{},\"bytes\":{},\
         \"agent\":\"{}\"}},\"took_ms\":{},\"trace\":\"{:08x}{:08x}\",\"message\":\"{}\"}}",
        1 + random.below(12),
        1 + random.below(28),
        random.below(24),
        random.below(60),
        random.below(60),
        random.below(1000),
        random.below(40),
        random.below(256),
        random.below(256),
        random.below(256),
        random.of(&["GET", "GET", "GET", "POST", "PUT", "DELETE"]),
        1 + random.below(3),
        random.of(&words),
        random.below(1_000_000),
        random.of(&["200", "200", "200", "304", "404", "500"]),
        random.below(100_000),
        random.of(&agents),
        random.below(10_000),
        random.below(1 << 31),
        random.below(1 << 31),
        message.join(" "),
    );
    let id = [&at.to_be_bytes()[..], &random.below(1 << 31).to_be_bytes(), b"abc"].concat();
    let mut document = vec![(0, Value::Bytes(id)), (1, Value::Bytes(source.into_bytes()))];
    if random.below(4) == 0 {
        document.push((2, Value::String(format!("customer-{}", random.below(5000)))));
    }
    document
}

/// The files of a shard whose documents are stored with `codec`.
pub fn shard(codec: (&'static str, u32), documents: &[Document]) -> BTreeMap<String, Bytes> {
    let stored = Writer::usual(codec).write(&ID, documents);
    let mut files: BTreeMap<String, Bytes> =
        stored.into_iter().map(|(suffix, bytes)| (format!("_0{suffix}"), Bytes::from(bytes))).collect();
    for (name, bytes) in [("_0.si", info(documents)), ("_0.fnm", fields()), ("segments_1", commit())] {
        files.insert(name.to_owned(), Bytes::from(bytes));
    }
    files
}

/// `.si` of Lucene 9.12.
fn info(documents: &[Document]) -> Vec<u8> {
    let mut out = Vec::new();
    header(&mut out, ("Lucene90SegmentInfo", 0), Some(&ID));
    [9u32, 12, 0].iter().for_each(|number| out.extend(number.to_le_bytes()));
    out.push(0); // no oldest version
    out.extend((documents.len() as u32).to_le_bytes());
    out.extend([0xFF, 0xFF]); // neither compound nor in blocks
    out.extend([0; 4]); // no diagnostics, files, attributes, sort
    footer(&mut out);
    out
}

/// `.fnm` of Lucene 9.12: three fields that are only stored.
fn fields() -> Vec<u8> {
    let mut out = Vec::new();
    header(&mut out, ("Lucene94FieldInfos", 1), Some(&ID));
    vint(&mut out, 3);
    for (number, name) in [(0, "_id"), (1, "_source"), (2, "_routing")] {
        prefixed(&mut out, name.as_bytes());
        vint(&mut out, number);
        out.extend([2, 0, 0]); // no norms, not indexed, no doc values
        out.extend((-1i64).to_le_bytes());
        out.extend([0; 5]); // neither attributes nor points nor vectors
    }
    footer(&mut out);
    out
}

/// `segments_1` of Lucene 9.12.
fn commit() -> Vec<u8> {
    let mut out = Vec::new();
    header(&mut out, ("segments", 10), Some(&ID));
    out.pop();
    prefixed(&mut out, b"1"); // the suffix
    out.extend([9, 12, 0, 9]);
    out.extend(1u64.to_be_bytes());
    vint(&mut out, 1);
    out.extend(1u32.to_be_bytes());
    out.extend([9, 12, 0]);
    prefixed(&mut out, b"_0");
    out.extend(ID);
    prefixed(&mut out, b"Lucene912");
    out.extend((-1i64).to_be_bytes()); // deletes
    out.extend(0u32.to_be_bytes());
    out.extend((-1i64).to_be_bytes()); // field infos
    out.extend((-1i64).to_be_bytes()); // doc values
    out.extend(0u32.to_be_bytes()); // soft deletes
    out.extend([0, 0]); // no id of the commit, no files of field infos
    out.extend(0u32.to_be_bytes());
    vint(&mut out, 0); // no user data
    footer(&mut out);
    out
}
