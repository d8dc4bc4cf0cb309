//! What tells whether something is still what a person approved.

use sha2::{Digest, Sha256};

/// Hexadecimal digits of a digest: enough that none is met by accident, few enough to be read out.
const DIGITS: usize = 16;

/// The digest of a value: equal for equal values, and only for those.
#[must_use]
pub fn of<T: serde::Serialize>(value: &T) -> String {
    // A value of our types always serialises; were it not so, nothing approved would match, which is the safe side.
    let Ok(bytes) = crate::wire::encode(value) else { return String::new() };
    let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(DIGITS).collect()
}
