//! The Lucene version that wrote a commit or a segment.

use std::fmt;

/// A version of Lucene, as files name it; ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// 8 in 8.7.0.
    pub major: u32,
    /// 7 in 8.7.0.
    pub minor: u32,
    /// 0 in 8.7.0.
    pub bugfix: u32,
}

impl Version {
    pub(crate) const fn new(major: u32, minor: u32, bugfix: u32) -> Self {
        Self { major, minor, bugfix }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.bugfix)
    }
}

/// What this crate reads, for people.
pub(crate) const READ: &str = "Lucene 8.7 to 10";

/// The first version that is read.
pub(crate) const READ_MIN: Version = Version::new(8, 7, 0);

/// The last major version that is read.
pub(crate) const READ_MAJOR_MAX: u32 = 10;
