//! Formatting of times, counts, answers, names and words of a shell.

use std::time::SystemTime;

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use indicatif::HumanCount;
use label_lake::handler::JobAnswer;
use label_lake::table::rows::JobStatus;

/// Text for the name of a label without a name.
pub(crate) const NO_NAME: &str = "(no name)";

/// Returns a time in UTC with a resolution of one second.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let seconds = DateTime::from_secs(DateTime::from(time).secs());
    // Fails only for years with more than four digits.
    seconds.fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

/// Returns a position in a video as `h:mm:ss`.
pub(crate) fn video_time(ms: i64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Returns a count with its noun, as in `1 job` or `2 jobs`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", HumanCount(number as u64))
}

/// Returns the outcome of a job, with a note if the job failed at Rekognition.
pub(crate) fn answer_text(answer: &JobAnswer) -> String {
    match answer.status {
        Some(JobStatus::Failed) => format!("{} (failed at Rekognition)", answer.outcome),
        _ => answer.outcome.to_string(),
    }
}

/// Escapes control characters, which a terminal would execute, and characters that change the direction of the text after
/// them. Names come from outside.
pub(crate) fn printable(name: &str) -> String {
    let mut printable = String::new();
    for character in name.chars() {
        if character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// Quotes a word for a POSIX shell, if it needs quotes.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-./:=,@%+".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn formats_a_time_to_the_second() {
        assert_eq!(timestamp(UNIX_EPOCH + Duration::from_millis(1_748_793_725_418)), "2025-06-01T16:02:05Z");
    }

    #[test]
    fn formats_positions_in_a_video() {
        let times = [0, 999, 61_000, 3_599_999, 36_000_000];
        assert_eq!(times.map(video_time), ["0:00:00", "0:00:00", "0:01:01", "0:59:59", "10:00:00"]);
    }

    #[test]
    fn counts_with_the_noun() {
        assert_eq!([0, 1, 2000].map(|number| count(number, "page")), ["0 pages", "1 page", "2,000 pages"]);
    }

    #[test]
    fn escapes_control_characters() {
        assert_eq!(printable("Caño \u{1b}[2J"), "Caño \\u{1b}[2J");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn quotes_what_a_shell_would_read() {
        for (word, expected) in [
            ("arn:aws:sns:us-east-1:1:a-b_c", "arn:aws:sns:us-east-1:1:a-b_c"),
            (r#"{"a": 1}"#, r#"'{"a": 1}'"#),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
