//! The checks of a stack as `label-lake status --stack` prints them, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::text::{count, printable};
use crate::doctor::check::Check;

/// Returns one line for each check, a line with the fix below each fault, and a summary.
pub(crate) fn checks_as_text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Check { name, text: found, fix } in checks {
        let result = if fix.is_some() { "fault" } else { "ok   " };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{result}  {name:width$}  {}", printable(found));
        if let Some(fix) = fix {
            let _ = writeln!(text, "       {:width$}  fix: {}", "", printable(fix));
        }
    }
    let faults = checks.iter().filter(|check| check.is_fault()).count();
    let _ = writeln!(text, "{}, {}", count(checks.len(), "check"), count(faults, "fault"));
    text
}

/// Returns the checks as a JSON object.
pub(crate) fn checks_as_json(stack: &str, checks: &[Check]) -> Value {
    let faults = checks.iter().filter(|check| check.is_fault()).count();
    let checks: Vec<_> = checks
        .iter()
        .map(|check| json!({ "check": check.name, "ok": !check.is_fault(), "text": check.text, "fix": check.fix }))
        .collect();
    json!({ "stack": stack, "faults": faults, "checks": checks })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::doctor::check::Fault;

    #[test]
    fn a_fault_has_its_fix_below() {
        let checks = [
            Check::new("stack", Ok("label-lake is in CREATE_COMPLETE".to_owned())),
            Check::new("function timeout", Err(Fault::new("60 s instead of 900 s", "aws lambda --timeout 900"))),
        ];
        expect![[r"
            ok     stack             label-lake is in CREATE_COMPLETE
            fault  function timeout  60 s instead of 900 s
                                     fix: aws lambda --timeout 900
            2 checks, 1 fault
        "]]
        .assert_eq(&checks_as_text(&checks));
        let json = checks_as_json("label-lake", &checks);
        assert_eq!((&json["faults"], &json["checks"][0]["fix"]), (&json!(1), &Value::Null));
    }
}
