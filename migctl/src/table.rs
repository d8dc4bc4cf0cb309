//! Tables and numbers for people.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use protocol::clock;

/// Longest cell of the first column: longer names are shortened in the middle, never wrapped.
const NAME_MAX: usize = 48;

/// A table with a head; every column but the first is of numbers where `numbers` says so.
#[must_use]
pub fn table(head: &[&str], numbers: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().map(|name| name.to_uppercase()));
    for mut row in rows {
        if let Some(name) = row.first_mut() {
            *name = shorten(name, NAME_MAX);
        }
        table.add_row(row);
    }
    for column in numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// `text` in at most `max` characters, the middle left out.
#[must_use]
pub fn shorten(text: &str, max: usize) -> String {
    let count = text.chars().count();
    if count <= max {
        return text.to_owned();
    }
    let head = max.saturating_sub(1) / 2;
    let tail = max.saturating_sub(1).saturating_sub(head);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start}…{end}")
}

/// `line` in at most `width` characters, its end left out.
#[must_use]
pub fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let start: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}

/// So many of something: `1 slot`, `1,234 slots`.
#[must_use]
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A count with thousands separated.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size with its unit.
#[must_use]
pub fn size(bytes: u64) -> String {
    bytesize::ByteSize(bytes).to_string()
}

/// How long something takes, in the two units that matter: `0.4 s`, `12 s`, `4 min 10 s`, `2 h 3 min`, `3 d 4 h`.
#[must_use]
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, 0..10) => format!("{seconds}.{} s", ms % 1_000 / 100),
        (0, 0, 0, second) => format!("{second} s"),
        (0, 0, minute, second) => format!("{minute} min {second} s"),
        (0, hour, minute, _) => format!("{hour} h {minute} min"),
        (day, hour, _, _) => format!("{day} d {hour} h"),
    }
}

/// A time, in UTC: `2026-11-22 22:14:39`.
#[must_use]
pub fn time(since_1970_ms: u64) -> String {
    clock::text(since_1970_ms).replace('T', " ").trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_easily() {
        assert_eq!(time(1_795_385_679_123), "2026-11-22 22:14:39");
    }

    #[test]
    fn durations_have_the_units_that_matter() {
        for (ms, expected) in [
            (0, "0.0 s"),
            (9_970, "9.9 s"),
            (59_999, "59 s"),
            (250_000, "4 min 10 s"),
            (7_380_000, "2 h 3 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(ms), expected);
        }
    }

    #[test]
    fn long_names_lose_their_middle_and_numbers_gain_commas() {
        assert_eq!(shorten("abcdefghij", 5), "ab…ij");
        assert_eq!(shorten("abc", 5), "abc");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
    }
}
