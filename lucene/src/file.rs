//! One Lucene file, wherever its bytes stand: a file of the directory, a part of a compound file, or already here.
//!
//! In: a [`Directory`], a name, a range. Out: checked bytes. Holds: ranges are checked against the length before the
//! store is asked; a small file is read once, whole, and its checksum verified; a large one is read by range and only
//! its header is checked. Not here: what is in it.

use std::io::{self, BufRead};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::footer;
use crate::header::{self, Codec};
use crate::input::{Input, Order};

/// Files that must be whole in memory to be parsed (`.si`, `.fnm`, `.dvm`, `.fdm`, `.cfe`, `segments_N`) are refused
/// above this many bytes. Thousands of fields make some megabytes.
const WHOLE_BYTES_MAX: u64 = 64 << 20;

/// Files up to this many bytes that could be read by range are read whole instead: one request, and a checksum.
pub(crate) const HELD_BYTES_MAX: u64 = 128 << 10;

/// A compound file up to this many bytes is read whole: it would be a dozen requests for its files.
pub(crate) const HELD_COMPOUND_BYTES_MAX: u64 = 1 << 20;

/// A file that is read front to back for its checksum is read so many bytes at a time.
const SCAN_BYTES: u64 = 64 << 10;

/// A file of a segment.
#[derive(Clone)]
pub(crate) struct File {
    dir: Arc<dyn Directory>,
    /// The file of the directory.
    name: String,
    /// Where in `name` this file begins.
    start: u64,
    len: u64,
    /// The name for people.
    label: Arc<str>,
    /// The bytes, once they were read whole.
    held: Option<Bytes>,
}

impl File {
    /// A file of its own.
    pub(crate) fn open(dir: &Arc<dyn Directory>, name: String, wanted_by: &str) -> Result<Self> {
        let Some(len) = dir.len(&name) else {
            return Err(Error::Missing { file: name, wanted_by: wanted_by.to_owned() });
        };
        let label = Arc::from(name.as_str());
        Ok(Self { dir: Arc::clone(dir), name, start: 0, len, label, held: None })
    }

    /// The part of this file that is called `label`; the caller has checked that it is inside.
    pub(crate) fn part(&self, label: &str, range: Range<u64>) -> Self {
        Self {
            dir: Arc::clone(&self.dir),
            name: self.name.clone(),
            start: self.start + range.start,
            len: range.end - range.start,
            label: Arc::from(format!("{label} in {}", self.label)),
            held: self.held.as_ref().map(|held| held.slice(range.start as usize..range.end as usize)),
        }
    }

    pub(crate) fn label(&self) -> &Arc<str> {
        &self.label
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Where the footer begins in a file of `codec`, or the end of the file where it has none.
    pub(crate) fn body_end(&self, codec: &Codec<'_>) -> Result<u64> {
        if !footer::is_written(codec) {
            return Ok(self.len);
        }
        self.len.checked_sub(footer::LEN).ok_or_else(|| self.corrupt(0, "it is too short to be a Lucene file"))
    }

    #[cold]
    pub(crate) fn corrupt(&self, offset: u64, what: impl Into<String>) -> Error {
        Error::Corrupt { file: self.label.to_string(), offset, what: what.into() }
    }

    #[cold]
    pub(crate) fn read_error(&self, offset: u64, len: u64, source: io::Error) -> Error {
        Error::Read { file: self.label.to_string(), offset, len, source }
    }

    /// Reads exactly `range`.
    pub(crate) fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.check(&range)?;
        if range.is_empty() {
            return Ok(Bytes::new()); // no store is asked for nothing
        }
        if let Some(held) = &self.held {
            return Ok(held.slice(range.start as usize..range.end as usize));
        }
        let len = range.end - range.start;
        let bytes = self
            .dir
            .read(&self.name, self.start + range.start..self.start + range.end)
            .map_err(|source| self.read_error(range.start, len, source))?;
        if bytes.len() as u64 != len {
            return Err(self.read_error(range.start, len, io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }

    /// Reads `range` front to back.
    pub(crate) fn stream(&self, range: Range<u64>) -> Result<Box<dyn BufRead + Send>> {
        self.check(&range)?;
        if range.is_empty() || self.held.is_some() {
            return Ok(Box::new(io::Cursor::new(self.read(range)?)));
        }
        self.dir
            .stream(&self.name, self.start + range.start..self.start + range.end)
            .map_err(|source| self.read_error(range.start, range.end - range.start, source))
    }

    fn check(&self, range: &Range<u64>) -> Result<()> {
        if range.start > range.end || range.end > self.len {
            let what = format!("bytes {} to {} are wanted of {}", range.start, range.end, self.len);
            return Err(self.corrupt(range.start, what));
        }
        Ok(())
    }

    /// Reads the whole file, and how much of it stands before the footer; its checksum must be right, if it is of a
    /// version that has one.
    fn read_whole(&self) -> Result<(Bytes, usize)> {
        if self.len > WHOLE_BYTES_MAX {
            let what = format!("{} bytes are not believed: at most {WHOLE_BYTES_MAX} are read", self.len);
            return Err(self.corrupt(0, what));
        }
        let bytes = self.read(0..self.len)?;
        let body_len = self.verified_body_len(&bytes)?;
        Ok((bytes, body_len))
    }

    /// How many of the bytes of this file stand before its footer, once that holds.
    fn verified_body_len(&self, bytes: &[u8]) -> Result<usize> {
        let codec = header::read_codec(&mut Input::new(&self.label, bytes, 0, Order::Big))?;
        if footer::is_written(&codec) {
            return Ok(footer::verified_body(&self.label, bytes)?.len());
        }
        match bytes.last_chunk::<{ footer::LEN as usize }>() {
            Some(end) if footer::is_there(end) => {
                let what = format!("it has a footer, which {} version {} has not", codec.name, codec.version);
                Err(self.corrupt(0, what))
            }
            _ => Ok(bytes.len()),
        }
    }

    /// Keeps the bytes of a small file, verified; leaves a large one where it is.
    pub(crate) fn held_if_small(mut self) -> Result<Self> {
        if self.len <= HELD_BYTES_MAX {
            self.held = Some(self.read_whole()?.0);
        }
        Ok(self)
    }

    /// Keeps the bytes of a file of up to `len_max` bytes, which is not worth several requests. They are not verified:
    /// the caller does it, or has no need to.
    pub(crate) fn held_unverified(mut self, len_max: u64) -> Result<Self> {
        if self.len <= len_max {
            self.held = Some(self.read(0..self.len)?);
        }
        Ok(self)
    }

    /// Reads the whole file once, front to back, for its checksum alone; nothing where a file of its codec has none.
    pub(crate) fn verify(&self) -> Result<()> {
        let head = self.read_head()?;
        let codec = header::read_codec(&mut Input::new(&self.label, &head, 0, Order::Big))?;
        if footer::is_written(&codec) { self.scan(true, |_, _| {}) } else { Ok(()) }
    }

    /// Reads the whole file once, front to back; `each` is told the blocks of bytes and where they stand. The checksum
    /// must be right, if there is a footer.
    pub(crate) fn scan(&self, has_footer: bool, mut each: impl FnMut(u64, &[u8])) -> Result<()> {
        let footer_start = match has_footer {
            true => self.len.checked_sub(footer::LEN).ok_or_else(|| self.corrupt(0, "it is too short for a footer"))?,
            false => self.len,
        };
        let covered = if has_footer { self.len - footer::CRC_LEN } else { self.len };
        let mut source = self.stream(0..covered)?;
        let mut block = vec![0; SCAN_BYTES.min(covered) as usize];
        let mut crc = crc32fast::Hasher::new();
        let mut at = 0;
        while at < covered {
            let len = SCAN_BYTES.min(covered - at);
            block.truncate(len as usize);
            source.read_exact(&mut block).map_err(|source| self.read_error(at, len, source))?;
            crc.update(&block);
            each(at, &block);
            at += len;
        }
        if has_footer {
            let expected = footer::read(&self.label, &self.read(footer_start..self.len)?, footer_start)?;
            footer::compare(&self.label, crc.finalize(), expected)?;
        }
        Ok(())
    }

    /// The first bytes, which hold the header.
    pub(crate) fn read_head(&self) -> Result<Bytes> {
        self.read(0..self.len.min(header::LEN_MAX))
    }

    /// Reads the header with `parse`, which decides by the codec; gives what it decided, and what is neither header
    /// nor footer.
    pub(crate) fn header<T>(
        &self,
        id: Option<&[u8; 16]>,
        suffix: &str,
        parse: impl FnOnce(Codec<'_>) -> Result<T>,
    ) -> Result<(T, Range<u64>)> {
        let head = self.read_head()?;
        let mut input = Input::new(&self.label, &head, 0, Order::Big);
        let codec = header::read(&mut input, id, suffix)?;
        let parsed = parse(codec)?;
        let body = input.offset()..self.body_end(&codec)?;
        if body.start > body.end {
            return Err(self.corrupt(body.end, "its header reaches into its footer"));
        }
        Ok((parsed, body))
    }
}

/// The verified bytes of a whole small file.
pub(crate) struct Whole {
    label: Arc<str>,
    bytes: Bytes,
    body_len: usize,
}

impl Whole {
    pub(crate) fn read(file: &File) -> Result<Self> {
        let (bytes, body_len) = file.read_whole()?;
        Ok(Self { label: Arc::clone(file.label()), bytes, body_len })
    }

    /// Everything before the footer; header first.
    pub(crate) fn body(&self) -> Input<'_> {
        Input::new(&self.label, self.bytes.get(..self.body_len).unwrap_or_default(), 0, Order::Big)
    }
}
