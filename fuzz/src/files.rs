//! One file of a real shard, replaced by the bytes of an input.
//!
//! An input is the number of a place (a file of a shard, alone or inside a compound file) and the file without its
//! footer. Id and footer are made right.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use lucene::{Directory, MemoryDirectory};

use crate::fixtures::{self, Blobs, Folder};
use crate::{FOOTER_LEN, has_footer, place_number, with_footer};

const HEADER_MAGIC: [u8; 4] = [0x3f, 0xd7, 0x6c, 0x17];

/// The places of a target.
pub struct Files {
    shards: Vec<Folder>,
    places: BTreeMap<u32, Place>,
}

struct Place {
    shard: usize,
    segment: String,
    /// The file, or the compound file that it is in.
    file: String,
    within: Option<Within>,
    original: Bytes,
}

/// Where a file stands in a compound file.
struct Within {
    entries: String,
    /// Where in the entries its start and length stand, and in which byte order.
    at: usize,
    little: bool,
}

/// A shard with one file replaced.
pub struct Case {
    pub dir: Arc<dyn Directory>,
    /// `_0`; empty for a commit.
    pub segment: String,
}

impl Files {
    /// The files of all fixtures whose name ends with one of `suffixes`, or begins with `segments_` for that.
    pub fn of(suffixes: &[&str]) -> Self {
        let shards = fixtures::shards();
        let mut places = BTreeMap::new();
        let wanted =
            |name: &str| suffixes.iter().any(|s| name.ends_with(s) || (*s == "segments_" && name.starts_with(s)));
        for (at, shard) in shards.iter().enumerate() {
            for (name, bytes) in &shard.files {
                if wanted(name) {
                    let original = bytes.clone();
                    let place =
                        Place { shard: at, segment: segment_of(name), file: name.clone(), within: None, original };
                    places.insert(place_number(&format!("{}/{name}", shard.name)), place);
                }
                if let Some(segment) = name.strip_suffix(".cfe") {
                    for (inner, place) in inside(at, segment, &shard.files, &wanted) {
                        places.insert(place_number(&format!("{}/{segment}{inner}", shard.name)), place);
                    }
                }
            }
        }
        assert!(!places.is_empty(), "no fixture has a file that ends with {suffixes:?}");
        Self { shards, places }
    }

    /// Each file as it is.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let seed = |(number, place): (&u32, &Place)| [&number.to_be_bytes(), body(&place.original)].concat();
        self.places.iter().map(seed).collect()
    }

    /// The shard that an input makes.
    pub fn case(&self, input: &[u8]) -> Option<Case> {
        let (number, body) = input.split_first_chunk::<4>()?;
        let number = u32::from_be_bytes(*number);
        let (_, place) = self.places.range(number..).next().or_else(|| self.places.first_key_value())?;
        let mut file = if has_footer(&place.original) { with_footer(body) } else { body.to_vec() };
        if repair_id(&mut file, &place.original) {
            let body_len = file.len() - FOOTER_LEN;
            file = with_footer(&file[..body_len]);
        }
        let mut files = self.shards[place.shard].files.clone();
        match &place.within {
            None => drop(files.insert(place.file.clone(), Bytes::from(file))),
            Some(within) => within.replace(&mut files, &place.file, &file),
        }
        Some(Case { dir: Arc::new(MemoryDirectory(files)), segment: place.segment.clone() })
    }
}

/// The places in the compound file of `segment`. Its entries are found by their names: all versions have a length, the
/// name, and two numbers of 8 bytes for start and length.
fn inside(shard: usize, segment: &str, files: &Blobs, wanted: &impl Fn(&str) -> bool) -> Vec<(String, Place)> {
    let (file, entries) = (format!("{segment}.cfs"), format!("{segment}.cfe"));
    let (Some(data), Some(table)) = (files.get(&file), files.get(&entries)) else { return Vec::new() };
    let mut places = Vec::new();
    for start in 0..table.len() {
        let name_end = start + 1 + usize::from(table[start]);
        let (Some(name), Some(at)) = (table.get(start + 1..name_end), table.get(name_end..name_end + 16)) else {
            continue;
        };
        let Some(name) = std::str::from_utf8(name).ok().filter(|name| wanted(name)) else { continue };
        let number = |bytes: &[u8], little| {
            let bytes: [u8; 8] = bytes.try_into().unwrap();
            (if little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) }) as usize
        };
        for little in [false, true] {
            let (from, len) = (number(&at[..8], little), number(&at[8..], little));
            let Some(original) =
                from.checked_add(len).and_then(|end| data.get(from..end)).filter(|part| !part.is_empty())
            else {
                continue;
            };
            let within = Within { entries: entries.clone(), at: name_end, little };
            let original = data.slice_ref(original);
            let (segment, file) = (segment.to_owned(), file.clone());
            places.push((name.to_owned(), Place { shard, segment, file, within: Some(within), original }));
        }
    }
    places
}

impl Within {
    /// Appends `part` to the compound file and points the entry to it.
    fn replace(&self, files: &mut Blobs, compound: &str, part: &[u8]) {
        let data = &files[compound];
        let is_footed = has_footer(data);
        let mut whole = body(data).to_vec();
        let start = whole.len() as u64;
        whole.extend_from_slice(part);
        let whole = if is_footed { with_footer(&whole) } else { whole };
        files.insert(compound.to_owned(), Bytes::from(whole));
        let table = &files[&self.entries];
        let is_footed = has_footer(table);
        let mut entries = body(table).to_vec();
        for (at, number) in [(self.at, start), (self.at + 8, part.len() as u64)] {
            let bytes = if self.little { number.to_le_bytes() } else { number.to_be_bytes() };
            entries[at..at + 8].copy_from_slice(&bytes);
        }
        let entries = if is_footed { with_footer(&entries) } else { entries };
        files.insert(self.entries.clone(), Bytes::from(entries));
    }
}

fn body(file: &[u8]) -> &[u8] {
    if has_footer(file) { &file[..file.len() - FOOTER_LEN] } else { file }
}

/// Where the id stands in a file that begins with a header; those of Lucene 4 have none, so this may be something else
/// there, and then is left alone.
fn id_at(file: &[u8]) -> Option<Range<usize>> {
    let rest = file.strip_prefix(&HEADER_MAGIC)?;
    let at = 4 + 1 + usize::from(*rest.first()?) + 4;
    (file.len() >= at + 16 + 1 + FOOTER_LEN).then_some(at..at + 16)
}

/// Gives `file` the id that `original` has.
fn repair_id(file: &mut [u8], original: &[u8]) -> bool {
    let (Some(to), Some(from)) = (id_at(file), id_at(original)) else { return false };
    let old = original[4..].get(1..).is_some_and(|name| name.starts_with(b"Lucene4"));
    if old || !has_footer(original) {
        return false;
    }
    file[to].copy_from_slice(&original[from]);
    true
}

/// `_0_2.liv` → `_0`.
fn segment_of(file: &str) -> String {
    let Some(rest) = file.strip_prefix('_') else { return String::new() };
    let end = rest.find(['_', '.']).unwrap_or(rest.len());
    format!("_{}", &rest[..end])
}
