//! Sizes as people write them, without loss: `4MiB`, and bytes where no unit divides them.
//!
//! `bytesize` itself rounds to one digit after the point, so that a size read back would be another one.

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The size in the largest unit that divides it.
#[must_use]
pub fn text(size: ByteSize) -> String {
    let bytes = size.as_u64();
    let units = [("TiB", 40_u32), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, shift)| bytes != 0 && bytes.trailing_zeros() >= *shift);
    unit.map_or_else(|| format!("{bytes}B"), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

pub fn serialize<S: Serializer>(size: &ByteSize, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { serializer.serialize_str(&text(*size)) } else { size.serialize(serializer) }
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    ByteSize::deserialize(deserializer)
}

/// The same for a size that may be absent.
pub mod optional {
    use super::{ByteSize, Deserialize, Deserializer, Serialize, Serializer, text};

    pub fn serialize<S: Serializer>(size: &Option<ByteSize>, serializer: S) -> Result<S::Ok, S::Error> {
        match size {
            Some(size) if serializer.is_human_readable() => serializer.serialize_some(&text(*size)),
            size => size.serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ByteSize>, D::Error> {
        Option::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_written_so_that_it_is_read_back() {
        for (bytes, expected) in [
            (0, "0B"),
            (1, "1B"),
            (1_500_000, "1500000B"),
            (1 << 20, "1MiB"),
            (1536 << 20, "1536MiB"),
            (5 << 40, "5TiB"),
        ] {
            let size = ByteSize::b(bytes);
            assert_eq!(text(size), expected);
            assert_eq!(text(size).parse::<ByteSize>().unwrap(), size);
        }
    }
}
