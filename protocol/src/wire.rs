//! Versioned MessagePack: how every message and every KV value is written.
//!
//! ```text
//! version: u8 | MessagePack map with field names
//! ```
//! A field may be added within a version (readers ignore what they don't know and default what is absent); what an
//! older reader would misread raises the version. A newer version is an error of its own, so that a task can be left
//! for a newer worker.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version this build writes, and the highest it reads.
pub const VERSION: u8 = 1;

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// No bytes at all.
    #[error("the message is empty")]
    Empty,
    /// Written by a newer build.
    #[error("message version {found}; this build reads up to {VERSION}: use a newer migctl")]
    Newer {
        /// The version found.
        found: u8,
    },
    /// Not what was expected.
    #[error("decode a {what} message")]
    Decode {
        /// The type that was expected.
        what: &'static str,
        /// Where it went wrong.
        #[source]
        source: rmp_serde::decode::Error,
    },
    /// A value that MessagePack can't hold.
    #[error("encode a {what} message")]
    Encode {
        /// The type that was to be written.
        what: &'static str,
        /// Where it went wrong.
        #[source]
        source: rmp_serde::encode::Error,
    },
}

/// Writes `value` with the current version.
///
/// # Errors
/// [`WireError::Encode`].
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![VERSION];
    value
        .serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map())
        .map_err(|source| WireError::Encode { what: short_name::<T>(), source })?;
    Ok(bytes)
}

/// Reads what [`encode`] wrote, this version or an older one.
///
/// # Errors
/// Empty, newer, or not a `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    let (version, body) = bytes.split_first().ok_or(WireError::Empty)?;
    if *version > VERSION {
        return Err(WireError::Newer { found: *version });
    }
    rmp_serde::from_slice(body).map_err(|source| WireError::Decode { what: short_name::<T>(), source })
}

fn short_name<T>() -> &'static str {
    let full = std::any::type_name::<T>();
    full.rsplit("::").next().unwrap_or(full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Command, Task, TaskMessage};

    #[test]
    fn a_message_survives_and_a_newer_one_is_named() {
        let message =
            TaskMessage { migration: "m-1".parse().unwrap(), attempt: 3, task: Task::Command(Command::Register) };
        let mut bytes = encode(&message).unwrap();
        assert_eq!(decode::<TaskMessage>(&bytes).unwrap(), message);
        bytes[0] = VERSION + 1;
        assert!(matches!(decode::<TaskMessage>(&bytes), Err(WireError::Newer { found: 2 })));
        assert!(matches!(decode::<TaskMessage>(&[]), Err(WireError::Empty)));
    }

    #[test]
    fn no_bytes_panic() {
        for length in 0..40_u8 {
            for seed in 0..=255_u8 {
                let bytes: Vec<u8> =
                    (0..length).map(|i| if i == 0 { 1 } else { seed.wrapping_mul(i ^ 0x5b) }).collect();
                let _ = decode::<TaskMessage>(&bytes);
            }
        }
    }
}
