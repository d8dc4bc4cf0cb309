//! `.si`: how many documents a segment has, and the Lucene version that wrote it.
//!
//! In: the file. Out: [`SegmentInfo`]. Holds: the file belongs to the segment, and no more documents are deleted than
//! there are. Not here: how documents are sorted, which stands behind what is read.
//! After: Lucene `Lucene40SegmentInfoFormat` to `Lucene99SegmentInfoFormat`; the layouts are a table, [`layout`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::commit::SegmentCommit;
use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::file::{File, Whole};
use crate::header::{self, Codec};
use crate::input::{Counts, Input, Order};
use crate::version::{READ, READ_MAJORS, Version};

/// Lucene's own limit (`IndexWriter.MAX_DOCS`).
const DOCS_MAX: u32 = i32::MAX as u32 - 128;

/// How attributes that say what stored fields are compressed with end: `Lucene87StoredFieldsFormat.mode`, …
const MODE_KEY_END: &str = "StoredFieldsFormat.mode";

/// What `.si` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The Lucene version that wrote the segment.
    pub version: Version,
    /// How many documents it has, dead ones included.
    pub max_doc: u32,
    /// Whether its files stand in one, `.cfs`.
    pub compound: bool,
    /// The attribute that says how stored fields are compressed, and its value.
    stored_fields: Option<(String, String)>,
}

impl SegmentInfo {
    /// Reads `.si` alone, which snapshots keep inline: what an inventory needs, at no cost.
    ///
    /// # Errors
    /// `Unsupported` for a segment that is not of Lucene 4 to 10, `Missing`, `Corrupt`, `Read`.
    pub fn read(dir: &Arc<dyn Directory>, commit: &SegmentCommit) -> Result<Self> {
        let file = File::open(dir, format!("{}.si", commit.name), "the commit")?;
        read(&file, commit)
    }

    /// How stored fields are compressed, as the segment's attributes say it: `BEST_SPEED`, `BEST_COMPRESSION`, `ZSTD`,
    /// …; `None` before Lucene 5, which had one way only. For people: `.fdt` tells it to those who read it.
    #[must_use]
    pub fn stored_fields_mode(&self) -> Option<&str> {
        self.stored_fields.as_ref().map(|(_, mode)| mode.as_str())
    }

    /// Why the documents of this segment can't be read, where its attributes tell so; see [`SegmentCommit::refusal`].
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let (format, mode) = self.stored_fields.as_ref().filter(|(format, _)| format.contains("Qat"))?;
        Some(format!("its stored fields are compressed as Intel QAT does ({format}: {mode}), which is not read"))
    }
}

/// What differs between versions of the file.
struct Layout {
    order: Order,
    counts: Counts,
    shape: Shape,
}

/// Which parts there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Before Lucene 5: the version is a string; attributes, where there are any, stand before the files.
    Text { attributes: bool },
    /// Since Lucene 5: the version is three numbers, the oldest among what was merged may follow.
    Numbers { oldest: bool },
}

fn layout(codec: &Codec<'_>) -> Option<Layout> {
    let (order, counts, shape) = match (codec.name, codec.version) {
        ("Lucene40SegmentInfo", 0) => (Order::Big, Counts::Fixed, Shape::Text { attributes: true }),
        ("Lucene46SegmentInfo", 0 | 1) => (Order::Big, Counts::Fixed, Shape::Text { attributes: false }),
        ("Lucene50SegmentInfo", 0) => (Order::Big, Counts::Fixed, Shape::Numbers { oldest: false }),
        ("Lucene50SegmentInfo", 1) => (Order::Big, Counts::Variable, Shape::Numbers { oldest: false }),
        ("Lucene62SegmentInfo", 0 | 1) => (Order::Big, Counts::Variable, Shape::Numbers { oldest: false }),
        ("Lucene70SegmentInfo" | "Lucene86SegmentInfo", 0) => {
            (Order::Big, Counts::Variable, Shape::Numbers { oldest: true })
        }
        ("Lucene90SegmentInfo", 0) => (Order::Little, Counts::Variable, Shape::Numbers { oldest: true }),
        _ => return None,
    };
    Some(Layout { order, counts, shape })
}

/// Reads `.si` of the segment.
pub(crate) fn read(file: &File, commit: &SegmentCommit) -> Result<SegmentInfo> {
    let whole = Whole::read(file)?;
    let mut input = whole.body();
    let codec = header::read_codec(&mut input)?;
    let layout = layout(&codec).ok_or_else(|| codec.unsupported(file.label(), READ))?;
    let id = match layout.shape {
        Shape::Text { .. } => None,
        Shape::Numbers { .. } => Some(header::read_id(&mut input)?.0),
    };
    if id != commit.id {
        return Err(input.corrupt("it belongs to another segment: the id differs"));
    }
    input.set_order(layout.order);
    let info = parse(&layout, &mut input)?;
    let dead = u64::from(commit.del_count) + u64::from(commit.soft_del_count);
    if info.max_doc > DOCS_MAX || dead > u64::from(info.max_doc) {
        return Err(input.corrupt(format!("{dead} of {} documents are deleted", info.max_doc)));
    }
    Ok(info)
}

fn parse(layout: &Layout, input: &mut Input<'_>) -> Result<SegmentInfo> {
    let version = version(layout, input)?;
    if layout.shape == (Shape::Numbers { oldest: true }) && input.u8()? != 0 {
        input.skip(12)?;
    }
    let max_doc = input.u32()?;
    let compound = flag(input)?;
    if version >= Version::new(9, 9, 0) {
        flag(input)?; // whether documents were added in blocks
    }
    let _diagnostics = input.map(layout.counts)?;
    let attributes = match layout.shape {
        Shape::Text { attributes } => {
            let attributes = if attributes { input.map(layout.counts)? } else { BTreeMap::new() };
            input.skip_set(layout.counts)?;
            attributes
        }
        Shape::Numbers { .. } => {
            input.skip_set(layout.counts)?;
            input.map(layout.counts)?
        }
    };
    let stored_fields = attributes.into_iter().find(|(key, _)| key.ends_with(MODE_KEY_END));
    Ok(SegmentInfo { version, max_doc, compound, stored_fields })
}

fn version(layout: &Layout, input: &mut Input<'_>) -> Result<Version> {
    let version = match layout.shape {
        Shape::Numbers { .. } => Version::new(input.u32()?, input.u32()?, input.u32()?),
        Shape::Text { .. } => {
            let text = input.str()?;
            Version::parse(text).ok_or_else(|| input.corrupt(format!("{text:?} is no version of Lucene")))?
        }
    };
    if !READ_MAJORS.contains(&version.major) {
        let (file, found) = (input.file().to_owned(), format!("Lucene {version}"));
        return Err(Error::Unsupported { file, found, read: READ });
    }
    Ok(version)
}

/// 1 or -1.
fn flag(input: &mut Input<'_>) -> Result<bool> {
    match input.u8()? {
        1 => Ok(true),
        0xFF => Ok(false),
        other => Err(input.corrupt(format!("{other} where yes (1) or no (255) is expected"))),
    }
}
