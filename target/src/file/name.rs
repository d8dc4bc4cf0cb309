//! File names for names from elsewhere.
//!
//! In: any text. Out: one step of a path, at most 255 bytes, from which the text can be told apart from any other.
//! Holds: never empty, never `.` or `..`, never hidden, no separator; plain names look like themselves.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Longest file name that every file system takes.
const NAME_BYTES_MAX: usize = 255;

/// Everything but `[A-Za-z0-9_.-]`; dots at the ends are seen to apart.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');

/// `text` percent-encoded, with `suffix` behind it.
///
/// What would be too long ends in `~` and a digest of the whole, which no other name has: `~` is always encoded.
pub(super) fn encoded(text: &str, suffix: &str) -> String {
    let mut name = utf8_percent_encode(text, ENCODED).to_string();
    if let Some(rest) = name.strip_prefix('.') {
        name = format!("%2E{rest}");
    }
    if let Some(rest) = name.strip_suffix('.') {
        name = format!("{rest}%2E");
    }
    if name.is_empty() {
        name.push('~');
    }
    let bytes_max = NAME_BYTES_MAX.saturating_sub(suffix.len());
    if name.len() > bytes_max {
        let digest = format!("~{:032x}", fnv1a_128(text.as_bytes()));
        name.truncate(bytes_max.saturating_sub(digest.len()));
        name.push_str(&digest);
    }
    name + suffix
}

/// FNV-1a, because it is stable: a resumed slice must find its file after an upgrade.
fn fnv1a_128(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, &byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;

    use super::*;

    #[test]
    fn plain_names_look_like_themselves() {
        for name in ["orders", "logs-2024.01.01", "A_b-9", "a..b"] {
            assert_eq!(encoded(name, ".x"), format!("{name}.x"));
        }
    }

    #[test]
    fn no_name_is_a_way_out() {
        for (name, expected) in [
            ("", "~"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("...", "%2E.%2E"),
            (".kibana", "%2Ekibana"),
            ("a.", "a%2E"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("/etc", "%2Fetc"),
            ("a\0b\\c:d~é%", "a%00b%5Cc%3Ad%7E%C3%A9%25"),
        ] {
            assert_eq!(encoded(name, ""), expected);
            assert!(name.is_empty() || percent_decode_str(expected).eq(name.bytes()), "{name}");
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "é".repeat(127);
        let names = ["a", "b"].map(|end| encoded(&format!("{long}{end}"), ".ndjson.part"));
        assert_ne!(names[0], names[1]);
        for name in &names {
            assert_eq!(name.len(), NAME_BYTES_MAX);
            assert!(name.starts_with("%C3%A9") && name.ends_with(".ndjson.part"), "{name}");
        }
        assert_eq!(encoded(&"x".repeat(255), "").len(), 255);
        // The published test vectors of the hash.
        assert_eq!(fnv1a_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
