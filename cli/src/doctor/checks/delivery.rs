//! Checks of the way of a message from the topic to the function.

use serde_json::{Value, json};

use super::checks_of;
use crate::doctor::check::{Check, Fault};
use crate::doctor::facts::{Facts, Function, Mapping, Subscription, Topic};
use crate::doctor::fix::{aws, document};
use crate::doctor::policy::{allows, denials, statements};

/// Names of the API in completion messages: the one in real messages, and the one in the documentation.
const APIS: [&str; 2] = ["StartLabelDetection", "LABEL_DETECTION"];

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let what = format!("topic {}", facts.names.topic);
    let mut checks = checks_of(facts, "topic", &what, &facts.topic, |topic| {
        let mut checks = vec![
            Check::new("topic", Ok(facts.names.topic.clone())),
            Check::new("topic policy", topic_policy(facts, topic)),
        ];
        match subscription(facts, topic) {
            Ok(subscription) => checks.extend([
                Check::new("subscription", Ok(format!("delivers to {}", facts.names.subscriber_arn()))),
                Check::new("subscription filter", filter(facts, subscription)),
                Check::new("undelivered messages", undelivered(facts, subscription)),
            ]),
            Err(fault) => checks.push(Check::new("subscription", Err(fault))),
        }
        checks
    });
    // The function has a check of its own.
    if let Ok(Some(function)) = &facts.function {
        checks.push(match &facts.names.job_queue_url {
            None => Check::new("invoke permission", invoke_permission(facts, &facts.names.function, function)),
            Some(url) => Check::new("job queue mapping", mapping(facts, function, &facts.names.queue_arn(url))),
        });
    }
    checks
}

/// No statement of the topic's policy denies Rekognition to publish.
fn topic_policy(facts: &Facts, topic: &Topic) -> Result<String, Fault> {
    const PUBLISH: &str = "sns:Publish";
    let denials = denials(&topic.policy, PUBLISH);
    if denials.is_empty() {
        return Ok("does not deny to publish".to_owned());
    }
    let kept: Vec<_> =
        statements(&topic.policy).iter().filter(|statement| !denials.contains(statement)).cloned().collect();
    // SNS accepts no policy without statements. This one is what every new topic allows.
    let own = json!({ "Effect": "Allow", "Principal": "*", "Action": PUBLISH, "Resource": facts.names.topic,
        "Condition": { "StringEquals": { "AWS:SourceOwner": facts.names.account } } });
    let policy = document(if kept.is_empty() { std::slice::from_ref(&own) } else { &kept });
    let set = ["sns", "set-topic-attributes", "--topic-arn", &facts.names.topic];
    let command =
        aws(&facts.names, &[&set[..], &["--attribute-name", "Policy", "--attribute-value", &policy]].concat());
    Err(Fault::new("a statement denies to publish, so Rekognition cannot report that a job has finished", command))
}

/// The topic delivers to the function, or to the queue in front of it.
fn subscription<'a>(facts: &Facts, topic: &'a Topic) -> Result<&'a Subscription, Fault> {
    let names = &facts.names;
    let missing = || {
        let (protocol, raw) = if names.job_queue_url.is_some() { ("sqs", "true") } else { ("lambda", "false") };
        let endpoint = names.subscriber_arn();
        let mut attributes = json!({ "RedrivePolicy": redrive_policy(facts), "RawMessageDelivery": raw });
        if !names.owns_topic {
            attributes["FilterPolicyScope"] = "MessageBody".into();
            attributes["FilterPolicy"] = json!({ "API": APIS }).to_string().into();
        }
        let attributes = attributes.to_string();
        let subscribe = ["sns", "subscribe", "--topic-arn", &names.topic, "--protocol", protocol];
        let values = ["--notification-endpoint", &endpoint, "--attributes", &attributes];
        let command = aws(names, &[&subscribe[..], &values].concat());
        Fault::new(format!("the topic does not deliver to {endpoint}"), command)
    };
    topic.subscriptions.first().ok_or_else(missing)
}

/// The filter passes completion messages of label detection. No filter passes all messages, and the function skips the
/// others.
fn filter(facts: &Facts, subscription: &Subscription) -> Result<String, Fault> {
    let attribute = |name: &str| subscription.attributes.get(name).map(String::as_str).unwrap_or_default();
    let (policy, scope) = (attribute("FilterPolicy"), attribute("FilterPolicyScope"));
    let filter: Value = serde_json::from_str(policy).unwrap_or_default();
    if policy.is_empty() || filter == json!({}) {
        return Ok("none: every message is delivered".to_owned());
    }
    let only_api = filter.as_object().is_some_and(|filter| filter.len() == 1);
    let listed = |api: &&str| filter["API"].as_array().is_some_and(|listed| listed.iter().any(|value| value == *api));
    if scope != "MessageBody" {
        let scope = if scope.is_empty() { "MessageAttributes" } else { scope };
        let text = format!("looks at {scope} instead of MessageBody, so no message is delivered");
        return Err(Fault::new(text, set_attribute(facts, subscription, "FilterPolicyScope", "MessageBody")));
    }
    if only_api && APIS.iter().all(listed) {
        return Ok("passes label detection".to_owned());
    }
    let fix = set_attribute(facts, subscription, "FilterPolicy", &json!({ "API": APIS }).to_string());
    Err(Fault::new(format!("{policy} drops messages of label detection"), fix))
}

/// Messages that SNS cannot deliver go to the dead-letter queue.
fn undelivered(facts: &Facts, subscription: &Subscription) -> Result<String, Fault> {
    let policy = subscription.attributes.get("RedrivePolicy").map(String::as_str).unwrap_or_default();
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    if policy["deadLetterTargetArn"] == facts.names.failed_queue_arn() {
        return Ok("go to the dead-letter queue".to_owned());
    }
    let fix = set_attribute(facts, subscription, "RedrivePolicy", &redrive_policy(facts));
    Err(Fault::new("are lost: the subscription has no dead-letter queue", fix))
}

/// The policy of a function lets the topic invoke it.
pub(super) fn invoke_permission(facts: &Facts, name: &str, function: &Function) -> Result<String, Fault> {
    const SNS: &str = "sns.amazonaws.com";
    let names = &facts.names;
    if allows(&function.policy, SNS, "lambda:InvokeFunction", Some(&names.topic)) {
        return Ok("the topic may invoke the function".to_owned());
    }
    let add = ["lambda", "add-permission", "--function-name", name, "--statement-id", "label-lake-topic"];
    let values = ["--action", "lambda:InvokeFunction", "--principal", SNS, "--source-arn", &names.topic];
    let command = aws(names, &[&add[..], &values].concat());
    Err(Fault::new("the topic may not invoke the function", command))
}

/// Lambda takes jobs from the queue, and keeps those that fail there.
fn mapping(facts: &Facts, function: &Function, queue: &str) -> Result<String, Fault> {
    let names = &facts.names;
    let Some(mapping) = function.mappings.iter().find(|mapping| mapping.queue == queue) else {
        let create = ["lambda", "create-event-source-mapping", "--function-name", &names.function];
        let values = ["--event-source-arn", queue, "--batch-size", "1"];
        let responses = ["--function-response-types", "ReportBatchItemFailures"];
        let command = aws(names, &[&create[..], &values, &responses].concat());
        return Err(Fault::new("no event source mapping: the function takes no jobs from the queue", command));
    };
    let Mapping { uuid, state, .. } = mapping;
    let update = ["lambda", "update-event-source-mapping", "--uuid", uuid];
    if !matches!(&**state, "Enabled" | "Enabling" | "Creating" | "Updating") {
        let text = format!("is {state}: the function takes no jobs from the queue");
        return Err(Fault::new(text, aws(names, &[&update[..], &["--enabled"]].concat())));
    }
    if !mapping.reports_batch_item_failures {
        let responses = ["--function-response-types", "ReportBatchItemFailures"];
        let text = "does not report batch item failures, so jobs that fail are deleted";
        return Err(Fault::new(text, aws(names, &[&update[..], &responses].concat())));
    }
    Ok(format!("is {state}"))
}

pub(super) fn set_attribute(facts: &Facts, subscription: &Subscription, name: &str, value: &str) -> String {
    let set = ["sns", "set-subscription-attributes", "--subscription-arn", &subscription.arn];
    aws(&facts.names, &[&set[..], &["--attribute-name", name, "--attribute-value", value]].concat())
}

fn redrive_policy(facts: &Facts) -> String {
    json!({ "deadLetterTargetArn": facts.names.failed_queue_arn() }).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::doctor::checks::sound::{
        assert_fault, assert_sound, facts, facts_with_queue, function, subscription, topic,
    };

    #[test]
    fn a_broken_topic_or_subscription_is_a_fault() {
        let mut broken = facts();
        topic(&mut broken).policy =
            json!({ "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "sns:Publish" }] });
        assert_fault(
            &broken,
            "topic policy",
            "denies to publish",
            "aws sns set-topic-attributes --topic-arn arn:aws:sns",
        );

        let mut broken = facts();
        topic(&mut broken).subscriptions.clear();
        let subscribe = "aws sns subscribe --topic-arn arn:aws:sns:eu-west-1:123456789012:AmazonRekognition-label-lake \
                         --protocol lambda --notification-endpoint arn:aws:lambda:eu-west-1:123456789012:function:label-lake";
        assert_fault(&broken, "subscription", "does not deliver to arn:aws:lambda", subscribe);
        // The template has a filter only on an existing topic.
        assert_fault(&broken, "subscription", "does not deliver", r#"--attributes '{"RawMessageDelivery":"false","#);
        broken.names.owns_topic = false;
        assert_fault(&broken, "subscription", "does not deliver", r#"--attributes '{"FilterPolicy":"{\"API\":["#);

        for (name, value, check, text) in [
            (
                "FilterPolicy",
                r#"{"API":["LABEL_DETECTION"]}"#,
                "subscription filter",
                "drops messages of label detection",
            ),
            (
                "FilterPolicy",
                r#"{"API":["StartLabelDetection","LABEL_DETECTION"],"Status":["SUCCEEDED"]}"#,
                "subscription filter",
                "drops messages of label detection",
            ),
            ("FilterPolicyScope", "MessageAttributes", "subscription filter", "looks at MessageAttributes"),
            ("RedrivePolicy", "", "undelivered messages", "are lost"),
        ] {
            let mut broken = facts();
            subscription(&mut broken).attributes.insert(name.to_owned(), value.to_owned());
            assert_fault(
                &broken,
                check,
                text,
                "aws sns set-subscription-attributes --subscription-arn arn:subscription",
            );
        }

        let mut broken = facts();
        broken.topic = Ok(None);
        assert_fault(&broken, "topic", "does not exist", "aws cloudformation create-change-set");
    }

    #[test]
    fn a_subscription_needs_no_filter() {
        let mut without = facts();
        subscription(&mut without).attributes.remove("FilterPolicy");
        subscription(&mut without).attributes.remove("FilterPolicyScope");
        assert_sound(&without);
    }

    #[test]
    fn a_topic_that_may_not_invoke_the_function_is_a_fault() {
        let mut broken = facts();
        function(&mut broken).policy = json!(null);
        assert_fault(
            &broken,
            "invoke permission",
            "may not invoke",
            "aws lambda add-permission --function-name label-lake",
        );
    }

    #[test]
    fn a_mapping_that_takes_no_jobs_or_loses_them_is_a_fault() {
        assert_sound(&facts_with_queue());
        let mut broken = facts_with_queue();
        function(&mut broken).mappings[0].state = "Disabled".to_owned();
        assert_fault(
            &broken,
            "job queue mapping",
            "is Disabled",
            "aws lambda update-event-source-mapping --uuid 1 --enabled",
        );
        let mut broken = facts_with_queue();
        function(&mut broken).mappings[0].reports_batch_item_failures = false;
        assert_fault(&broken, "job queue mapping", "are deleted", "--function-response-types ReportBatchItemFailures");
        let mut broken = facts_with_queue();
        function(&mut broken).mappings.clear();
        assert_fault(&broken, "job queue mapping", "no event source mapping", "aws lambda create-event-source-mapping");
    }
}
