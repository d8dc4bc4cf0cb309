//! `.cfs` and `.cfe`: the files of a small segment, back to back in one, and where each begins.
//!
//! In: a segment's name. Out: its files, from the compound file where there is one. Holds: `.si` and everything with a
//! generation in its name stand outside. The header of `.cfs` is not read: each file in it has its own, with the
//! segment's id. After: Lucene `CompoundFileDirectory` (4), `Lucene50CompoundFormat`, `Lucene90CompoundFormat`.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::file::{File, HELD_COMPOUND_BYTES_MAX, Whole};
use crate::header;
use crate::input::Order;
use crate::version::READ;

/// The files of one segment.
#[derive(Clone)]
pub(crate) struct SegmentFiles {
    dir: Arc<dyn Directory>,
    segment: String,
    id: Option<[u8; 16]>,
    compound: Option<Arc<Compound>>,
}

struct Compound {
    data: File,
    /// `.fdt`, `_Lucene90_0.dvd`: the name without the segment's → where it stands.
    parts: HashMap<String, Range<u64>>,
}

impl SegmentFiles {
    pub(crate) fn new(dir: Arc<dyn Directory>, segment: &str, id: Option<[u8; 16]>) -> Self {
        Self { dir, segment: segment.to_owned(), id, compound: None }
    }

    /// From here on files without a generation come from the compound file.
    pub(crate) fn open_compound(&mut self) -> Result<()> {
        let data = self.outside(".cfs", "its .si")?.held_unverified(HELD_COMPOUND_BYTES_MAX)?;
        let entries = self.outside(".cfe", "its .si")?;
        let parts = read_entries(&entries, self.id(), &data)?;
        self.compound = Some(Arc::new(Compound { data, parts }));
        Ok(())
    }

    /// What the header of each file must repeat; `None`: files of Lucene 4, whose headers end with the codec.
    pub(crate) fn id(&self) -> Option<&[u8; 16]> {
        self.id.as_ref()
    }

    pub(crate) fn segment(&self) -> &str {
        &self.segment
    }

    /// The file `<segment><suffix>`, which has no generation in its name.
    pub(crate) fn inside(&self, suffix: &str) -> Result<File> {
        let Some(compound) = &self.compound else {
            return self.outside(suffix, "the segment's format");
        };
        let label = format!("{}{suffix}", self.segment);
        match compound.parts.get(suffix) {
            Some(range) => Ok(compound.data.part(&label, range.clone())),
            None => Err(Error::Missing { file: label, wanted_by: format!("the format of {}", self.segment) }),
        }
    }

    /// The length of the file `<segment><suffix>`, which not every format has.
    pub(crate) fn len_inside(&self, suffix: &str) -> Option<u64> {
        match &self.compound {
            Some(compound) => compound.parts.get(suffix).map(|range| range.end - range.start),
            None => self.dir.len(&format!("{}{suffix}", self.segment)),
        }
    }

    /// The file `<segment><suffix>` that is never in the compound file.
    pub(crate) fn outside(&self, suffix: &str, wanted_by: &str) -> Result<File> {
        File::open(&self.dir, format!("{}{suffix}", self.segment), wanted_by)
    }
}

fn read_entries(entries: &File, id: Option<&[u8; 16]>, data: &File) -> Result<HashMap<String, Range<u64>>> {
    let whole = Whole::read(entries)?;
    let mut input = whole.body();
    let codec = header::read(&mut input, id, "")?;
    input.set_order(match (codec.name, codec.version) {
        ("CompoundFileWriterEntries", 0 | 1) if id.is_none() => Order::Big,
        ("Lucene50CompoundEntries", 0) => Order::Big,
        ("Lucene90CompoundEntries", 0) => Order::Little,
        _ => return Err(codec.unsupported(entries.label(), READ)),
    });
    let data_end = data.body_end(&codec)?; // both have a footer, or none
    let mut parts = HashMap::new();
    for _ in 0..input.count(17)? {
        let name = input.str()?.to_owned();
        let (start, len) = (input.u64()?, input.u64()?);
        match start.checked_add(len) {
            Some(end) if end <= data_end => parts.insert(name, start..end),
            _ => return Err(input.corrupt(format!("{name} reaches past the end of the compound file"))),
        };
    }
    if input.left() != 0 {
        return Err(input.corrupt(format!("{} bytes are left over", input.left())));
    }
    Ok(parts)
}
