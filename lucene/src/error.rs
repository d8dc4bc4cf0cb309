//! What can go wrong while a shard's files are read, and whether reading again can help.

use std::io;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a shard, a segment or a document could not be read; every variant names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store behind the [`Directory`](crate::Directory) failed.
    #[error("read {len} bytes of {file} at {offset}")]
    Read {
        /// The Lucene file; `_0.fdt in _0.cfs` for a file inside a compound file.
        file: String,
        /// Where in that file, in bytes.
        offset: u64,
        /// How many bytes were wanted.
        len: u64,
        /// What the store said.
        #[source]
        source: io::Error,
    },
    /// A file that others name is not there.
    #[error("{file} is missing: {wanted_by} names it")]
    Missing {
        /// The file that is not there.
        file: String,
        /// Who says that it should be.
        wanted_by: String,
    },
    /// The bytes are not what their format allows, or not what other files say of them.
    #[error("{file} is corrupt at byte {offset}: {what}")]
    Corrupt {
        /// The Lucene file.
        file: String,
        /// Where in it, in bytes; the start of the chunk for what was compressed.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// The bytes may be fine, but this version of the format is not read.
    #[error("{file} was written by {found}; {read} are read")]
    Unsupported {
        /// The Lucene file.
        file: String,
        /// Codec and version, or the Lucene version, that the file names.
        found: String,
        /// What is read instead.
        read: &'static str,
    },
    /// The caller asked to start where this file has no chunk, or with a checksum of something else.
    #[error("cannot read {file} from there: {what}")]
    Position {
        /// The Lucene file.
        file: String,
        /// What does not fit.
        what: String,
    },
}

impl Error {
    /// The same, for what is wrong with bytes that begin at `offset` and were compressed.
    #[cold]
    pub(crate) fn at(self, offset: u64) -> Self {
        match self {
            Self::Corrupt { file, what, .. } => Self::Corrupt { file, offset, what },
            other => other,
        }
    }

    /// Whether the storage failed, so that reading the same bytes again may succeed. Everything else fails the same
    /// way every time.
    // Exhaustive on purpose: a new variant does not compile until its answer is chosen.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Read { source, .. } => source.kind() != io::ErrorKind::NotFound,
            Self::Missing { .. } | Self::Corrupt { .. } | Self::Unsupported { .. } | Self::Position { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failing_store_is_worth_another_try() {
        let read = |kind| Error::Read { file: "_0.fdt".into(), offset: 7, len: 3, source: io::Error::from(kind) };
        assert!(read(io::ErrorKind::TimedOut).is_io());
        assert!(!read(io::ErrorKind::NotFound).is_io());
        assert!(!Error::Missing { file: "_0.fdt".into(), wanted_by: "segments_1".into() }.is_io());
        let unsupported =
            Error::Unsupported { file: "_0.si".into(), found: "Lucene 11.0.0".into(), read: "Lucene 4 to 10" };
        assert!(!unsupported.is_io());
        assert_eq!(unsupported.to_string(), "_0.si was written by Lucene 11.0.0; Lucene 4 to 10 are read");
    }
}
