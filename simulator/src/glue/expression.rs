//! The filter expression of `GetPartitions`, limited to `key='value'` comparisons joined with `AND`.

use crate::glue::error::GlueError;

/// Maximum length of an expression, in characters.
const MAX_EXPRESSION: usize = 2048;

/// Returns the index of each key in the expression, with the required value.
pub(crate) fn parse(expression: &str, keys: &[String]) -> Result<Vec<(usize, String)>, GlueError> {
    if expression.chars().count() > MAX_EXPRESSION {
        let constraint = format!("Member must have length less than or equal to {MAX_EXPRESSION}");
        return Err(GlueError::validation("expression", &constraint));
    }
    let mut wanted = Vec::new();
    let mut rest = expression.trim();
    while !rest.is_empty() {
        let (key, value, after) =
            comparison(rest).ok_or_else(|| GlueError::invalid(format!("Unsupported expression '{expression}'")))?;
        let key = keys.iter().position(|name| name.eq_ignore_ascii_case(key));
        wanted.push((key.ok_or_else(|| GlueError::invalid(format!("Unknown key in '{expression}'")))?, value));
        rest = after;
    }
    Ok(wanted)
}

/// Reads one comparison, and the `AND` after it if the text continues. Returns the key, the value and the remaining
/// text.
fn comparison(text: &str) -> Option<(&str, String, &str)> {
    let (key, rest) = text.split_once('=')?;
    let mut rest = rest.trim_start().strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        // A quote inside the value is doubled.
        let Some(after) = after.strip_prefix('\'') else {
            rest = after.trim_start();
            break;
        };
        value.push('\'');
        rest = after;
    }
    if !rest.is_empty() {
        let (and, after) = rest.split_once(char::is_whitespace)?;
        rest = Some(after.trim_start()).filter(|after| and.eq_ignore_ascii_case("AND") && !after.is_empty())?;
    }
    Some((key.trim(), value, rest))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn parsed(expression: &str) -> Option<Vec<(usize, String)>> {
        parse(expression, &["job_id".to_owned(), "label".to_owned()]).ok()
    }

    #[test]
    fn parses_joined_comparisons_and_doubled_quotes() {
        assert_eq!(parsed(" "), Some(vec![]));
        let one = vec![(0, "a".to_owned())];
        assert_eq!(parsed("job_id='a'"), Some(one));
        let two = vec![(0, "a".to_owned()), (1, "Farmer's AND Market='".to_owned())];
        assert_eq!(parsed("JOB_ID = 'a' and label='Farmer''s AND Market='''"), Some(two));
    }

    #[test]
    fn rejects_unsupported_expressions() {
        for expression in [
            "job_id",
            "job_id='a",
            "job_id=a",
            "day='a'",
            "job_id='a' OR label='b'",
            "job_id='a' AND",
            "job_id>='a'",
            "(job_id='a')",
        ] {
            assert_eq!(parsed(expression), None, "{expression}");
        }
        assert_eq!(parsed(&format!("job_id='{}'", "a".repeat(2048))), None);
    }
}
