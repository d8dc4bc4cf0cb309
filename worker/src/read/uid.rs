//! Which document it is: `_uid` of Elasticsearch 1 to 5, `_id` as Elasticsearch 6 and OpenSearch store it.
//!
//! ```text
//! _uid, _parent:  type `#` id                                                                     (text)
//! _id:            0xFF UTF-8 | 0xFE two decimal digits a byte | 0xFD base64 | base64     (0xFD is dropped)
//! ```
//! After: Elasticsearch `org.elasticsearch.index.mapper.Uid#decodeId`, `Uid#splitUidIntoTypeAndId`.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const UTF8: u8 = 0xff;
const NUMERIC: u8 = 0xfe;
const BASE64_ESCAPE: u8 = 0xfd;

/// Base64 for URLs, without padding. The trailing bits of the last character are zero in what servers write.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Type and id of a `_uid` or `_parent`. An id may hold more `#`, a type can't.
///
/// # Errors
/// A sentence: there is no type.
pub fn split_uid(uid: &str) -> Result<(&str, &str), &'static str> {
    uid.split_once('#').ok_or("a stored _uid has no type before its id")
}

/// Appends the id that `stored` encodes to `id`.
///
/// # Errors
/// A sentence that says what is wrong with the bytes.
pub fn decode_id(stored: &[u8], id: &mut String) -> Result<(), &'static str> {
    match stored.split_first() {
        None => Err("the stored _id is empty"),
        Some((&UTF8, text)) => {
            id.push_str(std::str::from_utf8(text).map_err(|_| "the stored _id is not UTF-8")?);
            Ok(())
        }
        Some((&NUMERIC, digits)) => decode_digits(digits, id),
        Some((&BASE64_ESCAPE, rest)) => {
            BASE64.encode_string(rest, id);
            Ok(())
        }
        Some(_) => {
            BASE64.encode_string(stored, id);
            Ok(())
        }
    }
}

fn decode_digits(digits: &[u8], id: &mut String) -> Result<(), &'static str> {
    let Some((last, _)) = digits.split_last() else { return Err("the stored numeric _id has no digits") };
    for (at, byte) in digits.iter().enumerate() {
        let (high, low) = (byte >> 4, byte & 0x0f);
        // An odd number of digits ends in a filler.
        let odd_end = low == 0x0f && at + 1 == digits.len() && byte == last;
        if high > 9 || (low > 9 && !odd_end) {
            return Err("the stored numeric _id holds something that is no digit");
        }
        id.push(char::from(b'0' + high));
        if !odd_end {
            id.push(char::from(b'0' + low));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(stored: &[u8]) -> String {
        let mut id = String::new();
        decode_id(stored, &mut id).unwrap();
        id
    }

    #[test]
    fn every_form_that_servers_write() {
        assert_eq!(decoded(&[0xfe, 0x00, 0x7f]), "007");
        assert_eq!(decoded(&[0xfe, 0x12, 0x34]), "1234");
        assert_eq!(decoded(b"\xffuser:42"), "user:42");
        assert_eq!(decoded("\u{e9}".as_bytes()), "w6k");
        assert_eq!(decoded(&[0xfd, 0xfe, 0x01]), "_gE");
    }

    #[test]
    fn a_type_ends_at_the_first_hash() {
        assert_eq!(split_uid("tweet#0#1"), Ok(("tweet", "0#1")));
        assert_eq!(split_uid("t#"), Ok(("t", "")));
        assert!(split_uid("tweet").is_err());
    }

    #[test]
    fn what_no_server_writes_is_refused() {
        for stored in [&[][..], &[0xfe], &[0xfe, 0xa0], &[0xfe, 0x0f, 0x12], &[0xff, 0xc3, 0x28]] {
            assert!(decode_id(stored, &mut String::new()).is_err(), "{stored:02x?}");
        }
    }
}
