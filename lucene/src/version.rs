//! The Lucene version that wrote a commit or a segment.

use std::fmt;
use std::ops::RangeInclusive;

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

    /// Reads `4.10.4`, `4.7` or `4.0.0.2`, as Lucene 4 wrote it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| part.parse().ok());
        let (major, minor) = (numbers.next()??, numbers.next()??);
        let bugfix = numbers.next().unwrap_or(Some(0))?;
        Some(Self { major, minor, bugfix })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.bugfix)
    }
}

/// What this crate reads, for people.
pub(crate) const READ: &str = "Lucene 4 to 10";

/// The major versions that are read.
pub(crate) const READ_MAJORS: RangeInclusive<u32> = 4..=10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_lucene_4_spelled_them() {
        assert_eq!(Version::parse("4.10.4"), Some(Version::new(4, 10, 4)));
        assert_eq!(Version::parse("4.7"), Some(Version::new(4, 7, 0)));
        assert_eq!(Version::parse("4.0.0.2"), Some(Version::new(4, 0, 0)));
        for wrong in ["", "4", "4.", "4.x", "4.1.x", "LUCENE_40", "-4.1"] {
            assert_eq!(Version::parse(wrong), None, "{wrong:?}");
        }
    }
}
