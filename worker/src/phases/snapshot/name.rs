//! Names of snapshots that nobody named.

const MS_PER_MINUTE: u64 = 60_000;
const MINUTES_PER_DAY: u64 = 24 * 60;
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// `prefix-YYYYMMDD-HHMM-xxxxx`, in universal time: sorts by time, and no two are alike.
pub fn made_up(prefix: &str, now_ms: u64, random: u32) -> String {
    let minutes = now_ms / MS_PER_MINUTE;
    let (year, month, day) = date(minutes / MINUTES_PER_DAY);
    let minute = minutes % MINUTES_PER_DAY;
    let mut name =
        format!("{}-{year:04}{month:02}{day:02}-{:02}{:02}-", prefix.to_lowercase(), minute / 60, minute % 60);
    let letter = |at: u32| LETTERS.get((random >> (5 * at) & 31) as usize).map(|letter| char::from(*letter));
    name.extend((0..5).filter_map(letter));
    name
}

/// Year, month and day of a day counted from 1970 on. Years are taken to begin in March, so that leap days come last.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_it_was_made() {
        assert_eq!(made_up("Prod", 0, 0), "prod-19700101-0000-aaaaa");
        assert_eq!(made_up("prod", 1_709_251_199_999, u32::MAX), "prod-20240229-2359-77777");
        assert_ne!(made_up("prod", 0, 1), made_up("prod", 0, 32));
        for (days, expected) in [
            (59, (1970, 3, 1)),
            (364, (1970, 12, 31)),
            (365, (1971, 1, 1)),
            (11_016, (2000, 2, 29)),
            (20_454, (2026, 1, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
