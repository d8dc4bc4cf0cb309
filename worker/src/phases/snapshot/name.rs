//! Names of snapshots that nobody named.

use protocol::clock;

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// `prefix-YYYYMMDD-HHMM-xxxxx`, in universal time: sorts by time, and no two are alike.
pub fn made_up(prefix: &str, now_ms: u64, random: u32) -> String {
    let digits: Vec<char> = clock::text(now_ms).chars().filter(char::is_ascii_digit).collect();
    let (day, minute) = digits.split_at(digits.len().min(8));
    let minute = minute.iter().take(4);
    let mut name =
        format!("{}-{}-{}-", prefix.to_lowercase(), day.iter().collect::<String>(), minute.collect::<String>());
    let letter = |at: u32| LETTERS.get((random >> (5 * at) & 31) as usize).map(|letter| char::from(*letter));
    name.extend((0..5).filter_map(letter));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_it_was_made() {
        assert_eq!(made_up("Prod", 0, 0), "prod-19700101-0000-aaaaa");
        assert_eq!(made_up("prod", 1_709_251_199_999, u32::MAX), "prod-20240229-2359-77777");
        assert_ne!(made_up("prod", 0, 1), made_up("prod", 0, 32));
    }
}
