//! A format in Joda-Time's letters becomes one in those of `java.time`.
//!
//! In: `a||b`, each a name or a pattern. Out: the same with the letters of today, and after a pattern another one that
//! reads what Joda-Time read with it and `java.time` wouldn't: fewer digits than letters, and every form of a zone.
//! Dates are written by the first pattern, so that one stays as exact as it was.

/// Names of formats, without `strict_`.
const NAMES: [&str; 49] = [
    "basic_date",
    "basic_date_time",
    "basic_date_time_no_millis",
    "basic_ordinal_date",
    "basic_ordinal_date_time",
    "basic_ordinal_date_time_no_millis",
    "basic_t_time",
    "basic_t_time_no_millis",
    "basic_time",
    "basic_time_no_millis",
    "basic_week_date",
    "basic_week_date_time",
    "basic_week_date_time_no_millis",
    "date",
    "date_hour",
    "date_hour_minute",
    "date_hour_minute_second",
    "date_hour_minute_second_fraction",
    "date_hour_minute_second_millis",
    "date_optional_time",
    "date_time",
    "date_time_no_millis",
    "epoch_millis",
    "epoch_second",
    "hour",
    "hour_minute",
    "hour_minute_second",
    "hour_minute_second_fraction",
    "hour_minute_second_millis",
    "ordinal_date",
    "ordinal_date_time",
    "ordinal_date_time_no_millis",
    "t_time",
    "t_time_no_millis",
    "time",
    "time_no_millis",
    "week_date",
    "week_date_time",
    "week_date_time_no_millis",
    "week_year",
    "week_year_week",
    "week_year_week_day",
    "weekyear",
    "weekyear_week",
    "weekyear_week_day",
    "year",
    "year_month",
    "year_month_day",
    "iso8601",
];

/// Letters that stand for a number; as many as there are digits at most.
const NUMBERS: &str = "yuYDwedHhKkmsS";

/// A format of today, and what it can't do.
pub struct Java {
    /// The format.
    pub format: String,
    /// What is another than it was.
    pub warnings: Vec<&'static str>,
}

/// Translates a format.
pub fn to_java(joda: &str) -> Java {
    // Elasticsearch 6.8 knew the new letters already, after an 8.
    let (is_java, joda) = match joda.strip_prefix('8') {
        Some(java) => (true, java),
        None => (false, joda),
    };
    let mut java = Java { format: String::new(), warnings: Vec::new() };
    let mut parts: Vec<String> = Vec::new();
    for part in joda.split("||") {
        let new = match name(part) {
            Some(name) => vec![name],
            None if is_java => vec![part.to_owned()],
            None => pattern(part, &mut java.warnings),
        };
        for part in new {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
    java.format = parts.join("||");
    java
}

/// The name of today of a format that has one: `strictDateTime` is `strict_date_time`.
fn name(part: &str) -> Option<String> {
    let mut snake = String::new();
    for letter in part.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    let known = snake.strip_prefix("strict_").unwrap_or(&snake);
    NAMES.contains(&known).then_some(snake)
}

/// Some of the same letter, or text between letters.
enum Token {
    Letters(char, usize),
    Text(String),
}

impl Token {
    fn is_number(&self) -> bool {
        // A month of three letters or more is a word.
        matches!(self, Self::Letters(letter, count) if NUMBERS.contains(*letter) || (*letter == 'M' && *count < 3))
    }
}

/// The pattern, and the one that reads more where there is one.
fn pattern(joda: &str, warnings: &mut Vec<&'static str>) -> Vec<String> {
    // A week's days count from Sunday in a pattern of today, but not in this format.
    if joda == "xxxx-'W'ww-e" {
        return vec!["week_date".to_owned()];
    }
    let tokens = tokens(joda);
    let mut exact = String::new();
    let mut lenient = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let is_alone = ![before, tokens.get(at + 1)].into_iter().flatten().any(Token::is_number);
        let (letter, count) = match token {
            Token::Text(text) => {
                exact.push_str(text);
                lenient.push_str(text);
                continue;
            }
            Token::Letters(letter, count) => (*letter, *count),
        };
        let same: String = std::iter::repeat_n(letter, count).collect();
        let (new, reads) = match letter {
            'Y' | 'y' => ("y".repeat(count), None),
            'x' => ("Y".repeat(count), None),
            'Z' if count == 1 => (same, Some("[XXX][XX]".to_owned())),
            'Z' if count == 2 => ("xxx".to_owned(), Some("[XXX][XX]".to_owned())),
            'Z' => ("VV".to_owned(), None),
            'S' if is_alone => {
                let fewer = (1..=count).rev().map(|count| format!("[{}]", "S".repeat(count)));
                (same, (count > 1).then(|| fewer.collect()))
            }
            'M' if count > 2 => (same, None),
            'M' | 'd' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' if is_alone => (same, Some(letter.to_string())),
            _ => (same, None),
        };
        let warning = match (letter, count) {
            ('Y' | 'y', 2) => Some("`yy` is 2000 to 2099 now; it was the hundred years around the present one"),
            ('x' | 'w' | 'e', _) => Some("weeks begin on Sunday now; they began on Monday"),
            ('C', _) => Some("no pattern has centuries any more; give the field another format"),
            _ => None,
        };
        if let Some(warning) = warning
            && !warnings.contains(&warning)
        {
            warnings.push(warning);
        }
        lenient.push_str(reads.as_ref().unwrap_or(&new));
        exact.push_str(&new);
    }
    if lenient == exact { vec![exact] } else { vec![exact, lenient] }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut is_quoted = false;
    for letter in pattern.chars() {
        if letter == '\'' {
            is_quoted = !is_quoted;
        }
        let is_letter = letter.is_ascii_alphabetic() && !is_quoted;
        match tokens.last_mut() {
            Some(Token::Letters(last, count)) if is_letter && *last == letter => *count += 1,
            _ if is_letter => tokens.push(Token::Letters(letter, 1)),
            Some(Token::Text(text)) => push_text(text, letter, is_quoted),
            _ => {
                let mut text = String::new();
                push_text(&mut text, letter, is_quoted);
                tokens.push(Token::Text(text));
            }
        }
    }
    tokens
}

/// Adds a letter of text; what means something to `java.time` and didn't to Joda-Time is quoted.
fn push_text(text: &mut String, letter: char, is_quoted: bool) {
    if !is_quoted && "[]{}#".contains(letter) {
        text.push('\'');
        text.push(letter);
        text.push('\'');
    } else {
        text.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_change_and_what_joda_read_is_read() {
        for (joda, java) in [
            ("yyyy-MM-dd", "yyyy-MM-dd||yyyy-M-d"),
            ("YYYYMMdd", "yyyyMMdd"),
            ("yyyyMMdd'T'HHmmssZ", "yyyyMMdd'T'HHmmssZ||yyyyMMdd'T'HHmmss[XXX][XX]"),
            ("HH:mm:ss.SSS", "HH:mm:ss.SSS||H:m:s.[SSS][SS][S]"),
            ("HHmmssSSS", "HHmmssSSS"),
            ("EEE MMM dd HH:mm:ss ZZ yyyy", "EEE MMM dd HH:mm:ss xxx yyyy||EEE MMM d H:m:s [XXX][XX] yyyy"),
            ("yyyy-MM-dd HH ZZZ", "yyyy-MM-dd HH VV||yyyy-M-d H VV"),
            ("'day' dd [HH]", "'day' dd '['HH']'||'day' d '['H']'"),
            ("strict_date_optional_time||epoch_millis", "strict_date_optional_time||epoch_millis"),
            ("dateOptionalTime||yyyy", "date_optional_time||yyyy"),
            ("basicTTimeNoMillis", "basic_t_time_no_millis"),
            ("8yyyy-MM-dd||YYYY", "yyyy-MM-dd||YYYY"),
            ("", ""),
            ("'", "'"),
        ] {
            assert_eq!(to_java(joda).format, java, "{joda}");
        }
    }

    #[test]
    fn what_can_not_be_said_any_more_is_warned_of() {
        assert_eq!(to_java("xxxx'W'ww").warnings, ["weeks begin on Sunday now; they began on Monday"]);
        assert_eq!(to_java("xxxx'W'ww").format, "YYYY'W'ww");
        assert_eq!(to_java("CC||yy").warnings.len(), 2);
        assert!(to_java("yyyy-MM-dd").warnings.is_empty());
    }
}
