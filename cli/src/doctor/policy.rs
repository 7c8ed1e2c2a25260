//! Policies of resources, as JSON.

use serde_json::Value;

/// Returns the statements of a policy.
pub(super) fn statements(policy: &Value) -> &[Value] {
    match &policy["Statement"] {
        Value::Array(statements) => statements,
        // A policy may have a single statement instead of a list.
        Value::Object(_) => std::slice::from_ref(&policy["Statement"]),
        _ => &[],
    }
}

/// Returns true if a statement of the policy allows the action to the service, for events of `source` if one is given.
pub(super) fn allows(policy: &Value, service: &str, action: &str, source: Option<&str>) -> bool {
    statements(policy).iter().any(|statement| {
        statement["Effect"] == "Allow"
            && (is_or_has(&statement["Principal"]["Service"], service) || is_or_has(&statement["Principal"], "*"))
            && has_action(statement, action)
            && allows_source(statement, source)
    })
}

/// Returns the statements that deny the action, except those that only demand TLS.
pub(super) fn denials<'a>(policy: &'a Value, action: &str) -> Vec<&'a Value> {
    let denies = |statement: &&Value| {
        statement["Effect"] == "Deny"
            && has_action(statement, action)
            && statement["Condition"]["Bool"]["aws:SecureTransport"].is_null()
    };
    statements(policy).iter().filter(denies).collect()
}

/// Returns true if a statement names the action, or a pattern that matches it.
fn has_action(statement: &Value, action: &str) -> bool {
    values(&statement["Action"]).iter().any(|pattern| matches(&pattern.to_lowercase(), &action.to_lowercase()))
}

/// Returns true if the conditions of a statement hold for the source. Other conditions are taken to hold.
fn allows_source(statement: &Value, source: Option<&str>) -> bool {
    let Some(source) = source else { return true };
    let Some(conditions) = statement["Condition"].as_object() else { return true };
    let sources = conditions.values().filter_map(Value::as_object).flatten();
    let mut sources = sources.filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"));
    sources.all(|(_, patterns)| values(patterns).iter().any(|pattern| matches(pattern, source)))
}

fn is_or_has(value: &Value, text: &str) -> bool {
    values(value).contains(&text)
}

/// Returns the texts of a value that is a text or a list of texts.
fn values(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Returns true if a text matches a pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).filter_map(|at| text.get(at..)).any(|end| matches(rest, end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_statement_allows_its_service_action_and_source() {
        let topic = "arn:aws:sns:us-east-1:1:jobs";
        let policy = |change: &dyn Fn(&mut Value)| {
            let mut statement = json!({
                "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": ["sqs:SendMessage"],
                "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
            });
            change(&mut statement);
            json!({ "Statement": [statement] })
        };
        let allowed = |policy: &Value| allows(policy, "sns.amazonaws.com", "sqs:SendMessage", Some(topic));
        assert!(allowed(&policy(&|_| {})));
        assert!(allowed(&policy(&|statement| statement["Action"] = json!("SQS:*"))));
        assert!(allowed(&policy(&|statement| statement["Principal"] = json!("*"))));
        assert!(allowed(&policy(&|statement| statement["Condition"] = Value::Null)));
        assert!(allowed(&policy(
            &|statement| statement["Condition"]["ArnEquals"]["aws:SourceArn"] = json!("arn:*:jobs")
        )));
        assert!(!allowed(&policy(&|statement| statement["Effect"] = json!("Deny"))));
        assert!(!allowed(&policy(&|statement| statement["Action"] = json!("sqs:ReceiveMessage"))));
        assert!(!allowed(&policy(&|statement| statement["Principal"] = json!({ "Service": "s3.amazonaws.com" }))));
        assert!(!allowed(&policy(
            &|statement| statement["Condition"]["ArnEquals"]["aws:SourceArn"] = json!("arn:other")
        )));
        assert!(!allowed(&Value::Null));
    }

    #[test]
    fn a_statement_that_demands_tls_is_no_denial() {
        let tls = json!({ "Effect": "Deny", "Principal": "*", "Action": "sns:Publish",
            "Condition": { "Bool": { "aws:SecureTransport": "false" } } });
        let all = json!({ "Effect": "Deny", "Principal": "*", "Action": "sns:*" });
        assert!(denials(&json!({ "Statement": tls }), "sns:Publish").is_empty());
        assert_eq!(denials(&json!({ "Statement": [tls, all] }), "sns:Publish"), [&all]);
        assert!(denials(&json!({ "Statement": [all] }), "sqs:SendMessage").is_empty());
    }
}
