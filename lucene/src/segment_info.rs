//! `.si`: how many documents a segment has, and the Lucene version that wrote it.
//!
//! In: the file. Out: [`SegmentInfo`]. Of segments before Lucene 8.7 no more is read than the version, to name it.
//! After: Lucene `Lucene86SegmentInfoFormat`, `Lucene90SegmentInfoFormat`, `Lucene99SegmentInfoFormat`.

use std::sync::Arc;

use crate::commit::SegmentCommit;
use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::file::{File, Whole};
use crate::header::{self, Codec};
use crate::input::{Input, Order};
use crate::version::{READ, READ_MAJOR_MAX, READ_MIN, Version};

/// Lucene's own limit (`IndexWriter.MAX_DOCS`).
const DOCS_MAX: u32 = i32::MAX as u32 - 128;

/// What `.si` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The Lucene version that wrote the segment.
    pub version: Version,
    /// How many documents it has, dead ones included.
    pub max_doc: u32,
    pub(crate) compound: bool,
}

impl SegmentInfo {
    /// Reads `.si` alone, which snapshots keep inline: what an inventory needs, at no cost.
    ///
    /// # Errors
    /// `Unsupported` for a segment that is not of Lucene 8.7 to 10, `Missing`, `Corrupt`, `Read`.
    pub fn read(dir: &Arc<dyn Directory>, commit: &SegmentCommit) -> Result<Self> {
        let file = File::open(dir, format!("{}.si", commit.name), "the commit")?;
        read(&file, commit)
    }
}

/// Reads `.si` of the segment.
pub(crate) fn read(file: &File, commit: &SegmentCommit) -> Result<SegmentInfo> {
    let whole = Whole::read(file)?;
    let mut input = whole.body();
    let codec = header::read_codec(&mut input)?;
    let order = match (codec.name, codec.version) {
        ("Lucene90SegmentInfo", 0) => Order::Little,
        // Lucene 8.6 and 8.7 to 8.11; the version tells them apart.
        ("Lucene86SegmentInfo", 0) => Order::Big,
        _ => return Err(refused(&codec, &mut input)),
    };
    let (id, _) = header::read_id(&mut input)?;
    if Some(id) != commit.id {
        return Err(input.corrupt("it belongs to another segment: the id differs"));
    }
    input.set_order(order);
    parse(&mut input, commit)
}

fn parse(input: &mut Input<'_>, commit: &SegmentCommit) -> Result<SegmentInfo> {
    let version = version(input)?;
    if version < READ_MIN || version.major > READ_MAJOR_MAX {
        return Err(of_version(input, &format!("Lucene {version}")));
    }
    if input.u8()? != 0 {
        input.skip(12)?; // the oldest version among what was merged
    }
    let max_doc = input.u32()?;
    let compound = input.u8()? == 1;
    if version >= Version::new(9, 9, 0) {
        input.skip(1)?; // whether documents were added in blocks
    }
    let _diagnostics = input.map()?;
    input.skip_set()?;
    let dead = u64::from(commit.del_count) + u64::from(commit.soft_del_count);
    if max_doc > DOCS_MAX || dead > u64::from(max_doc) {
        return Err(input.corrupt(format!("{dead} of {max_doc} documents are deleted")));
    }
    Ok(SegmentInfo { version, max_doc, compound })
}

fn version(input: &mut Input<'_>) -> Result<Version> {
    Ok(Version::new(input.u32()?, input.u32()?, input.u32()?))
}

/// Says which Lucene wrote a `.si` whose layout is not read, as far as it is known where that stands.
fn refused(codec: &Codec<'_>, input: &mut Input<'_>) -> Error {
    match codec.name {
        "Lucene50SegmentInfo" | "Lucene62SegmentInfo" | "Lucene70SegmentInfo" => {
            match header::read_id(input).and_then(|_| version(input)) {
                Ok(version) => of_version(input, &format!("Lucene {version}")),
                Err(error) => error,
            }
        }
        "Lucene40SegmentInfo" | "Lucene46SegmentInfo" => match input.str() {
            Ok(version) => of_version(input, &format!("Lucene {version}")),
            Err(error) => error,
        },
        _ => codec.unsupported(input.file(), READ),
    }
}

fn of_version(input: &Input<'_>, found: &str) -> Error {
    Error::Unsupported { file: input.file().to_owned(), found: found.to_owned(), read: READ }
}
