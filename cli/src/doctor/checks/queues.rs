//! Checks of the dead-letter queue, and of the queue in front of the function.

use serde_json::{Value, json};

use super::checks_of;
use crate::doctor::check::{Check, Fault};
use crate::doctor::facts::{Facts, Queue};
use crate::doctor::fix::{aws, document, label_lake};
use crate::doctor::names::Names;
use crate::doctor::policy::{allows, statements};
use crate::output::text::count;

/// Retention in the template, in seconds: the maximum of SQS.
const RETENTION: &str = "1209600";
/// Visibility timeout of the job queue in the template, in seconds.
const VISIBILITY_TIMEOUT: &str = "1800";
/// Attempts at a job before it goes to the dead-letter queue.
const MAX_RECEIVES: i64 = 5;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let url = &facts.names.failed_queue_url;
    let what = format!("dead-letter queue {url}");
    let mut checks = checks_of(facts, "dead-letter queue", &what, &facts.failed_queue, |queue| {
        vec![
            Check::new("dead-letter queue", retention(facts, url, queue)),
            Check::new("dead-letter queue policy", failed_queue_policy(facts, queue)),
            Check::new("failures waiting", failures_waiting(facts, queue)),
        ]
    });
    if let (Some(url), Some(queue)) = (&facts.names.job_queue_url, &facts.job_queue) {
        checks.extend(checks_of(facts, "job queue", &format!("job queue {url}"), queue, |queue| {
            vec![
                Check::new("job queue", visibility(facts, url, queue, VISIBILITY_TIMEOUT, "job")),
                Check::new("job queue retention", retention(facts, url, queue)),
                Check::new("job queue policy", policy(facts, url, queue, &Sender::topic(&facts.names))),
                Check::new("job queue failures", redrive(facts, url, queue, MAX_RECEIVES)),
            ]
        }));
    }
    checks
}

/// The queue keeps messages for longer than Rekognition keeps results.
pub(super) fn retention(facts: &Facts, url: &str, queue: &Queue) -> Result<String, Fault> {
    expect_attribute(facts, url, queue, "MessageRetentionPeriod", RETENTION)?;
    Ok("keeps messages for 14 days".to_owned())
}

/// A message that an invocation works at is not delivered again in the meantime. `noun` is what a message stands for.
pub(super) fn visibility(facts: &Facts, url: &str, queue: &Queue, expected: &str, noun: &str) -> Result<String, Fault> {
    expect_attribute(facts, url, queue, "VisibilityTimeout", expected)?;
    Ok(format!("{} waiting", count(waiting(queue), noun)))
}

/// Returns the number of messages that can be received.
pub(super) fn waiting(queue: &Queue) -> usize {
    attribute(queue, "ApproximateNumberOfMessages").parse().unwrap_or_default()
}

/// Returns the number of messages that were received and are hidden.
pub(super) fn hidden(queue: &Queue) -> usize {
    attribute(queue, "ApproximateNumberOfMessagesNotVisible").parse().unwrap_or_default()
}

fn expect_attribute(facts: &Facts, url: &str, queue: &Queue, name: &str, expected: &str) -> Result<(), Fault> {
    let found = attribute(queue, name);
    if found == expected {
        return Ok(());
    }
    let text = format!("{name} is {found} s instead of {expected} s");
    Err(Fault::new(text, set_attributes(facts, url, &json!({ name: expected }))))
}

/// A resource that sends messages to a queue.
pub(super) struct Sender {
    name: &'static str,
    service: &'static str,
    arn: String,
    /// ID of the statement that allows it, in commands.
    sid: &'static str,
}

impl Sender {
    fn topic(names: &Names) -> Self {
        let arn = names.topic.clone();
        Self { name: "the topic", service: "sns.amazonaws.com", arn, sid: "FromLabelLakeTopic" }
    }

    pub(super) fn video_rule(arn: String) -> Self {
        Self { name: "the rule for videos", service: "events.amazonaws.com", arn, sid: "FromLabelLakeVideoRule" }
    }
}

/// The policy of the dead-letter queue lets the topic send messages, and the rule for videos if there is one.
fn failed_queue_policy(facts: &Facts, queue: &Queue) -> Result<String, Fault> {
    let (names, url) = (&facts.names, &facts.names.failed_queue_url);
    let text = policy(facts, url, queue, &Sender::topic(names))?;
    match &names.videos {
        Some(videos) => policy(facts, url, queue, &Sender::video_rule(videos.rule_arn(names))),
        None => Ok(text),
    }
}

/// The policy of a queue lets the sender send messages.
pub(super) fn policy(facts: &Facts, url: &str, queue: &Queue, sender: &Sender) -> Result<String, Fault> {
    const SEND: &str = "sqs:SendMessage";
    let Sender { name, service, arn, sid } = sender;
    let found: Value = serde_json::from_str(attribute(queue, "Policy")).unwrap_or_default();
    if allows(&found, service, SEND, Some(arn)) {
        return Ok(format!("{name} may send messages"));
    }
    let mut kept = statements(&found).to_vec();
    kept.push(json!({ "Sid": sid, "Effect": "Allow", "Principal": { "Service": service }, "Action": SEND,
        "Resource": facts.names.queue_arn(url), "Condition": { "ArnEquals": { "aws:SourceArn": arn } } }));
    let fix = set_attributes(facts, url, &json!({ "Policy": document(&kept) }));
    Err(Fault::new(format!("{name} may not send messages, so they are lost"), fix))
}

fn failures_waiting(facts: &Facts, queue: &Queue) -> Result<String, Fault> {
    let waiting = waiting(queue) + hidden(queue);
    if waiting == 0 {
        return Ok("none".to_owned());
    }
    Err(Fault::new(count(waiting, "failed event"), label_lake(&facts.names, "replay", &[])))
}

/// A message that fails every time goes to the dead-letter queue.
pub(super) fn redrive(facts: &Facts, url: &str, queue: &Queue, expected_receives: i64) -> Result<String, Fault> {
    let (found, target) = (attribute(queue, "RedrivePolicy"), facts.names.failed_queue_arn());
    let policy: Value = serde_json::from_str(found).unwrap_or_default();
    // Older queues have the number as text.
    let receives = &policy["maxReceiveCount"];
    let receives = receives.as_i64().or_else(|| receives.as_str()?.parse().ok());
    if policy["deadLetterTargetArn"] == *target && receives == Some(expected_receives) {
        return Ok(format!("go to the dead-letter queue after {expected_receives} attempts"));
    }
    let expected = json!({ "deadLetterTargetArn": target, "maxReceiveCount": expected_receives }).to_string();
    let text = match receives {
        Some(receives) if policy["deadLetterTargetArn"] == *target => {
            format!("go to the dead-letter queue after {receives} attempts instead of {expected_receives}")
        }
        _ => "are retried until they expire: the queue has no dead-letter queue".to_owned(),
    };
    Err(Fault::new(text, set_attributes(facts, url, &json!({ "RedrivePolicy": expected }))))
}

fn attribute<'a>(queue: &'a Queue, name: &str) -> &'a str {
    queue.attributes.get(name).map(String::as_str).unwrap_or_default()
}

fn set_attributes(facts: &Facts, url: &str, attributes: &Value) -> String {
    let attributes = attributes.to_string();
    aws(&facts.names, &["sqs", "set-queue-attributes", "--queue-url", url, "--attributes", &attributes])
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::sound::{assert_fault, facts, facts_with_queue, failed_queue, job_queue};

    #[test]
    fn a_broken_dead_letter_queue_is_a_fault() {
        let set = "aws sqs set-queue-attributes --queue-url https://sqs.eu-west-1.amazonaws.com/123456789012/failed";
        for (name, value, check, text, fix) in [
            ("MessageRetentionPeriod", "345600", "dead-letter queue", "MessageRetentionPeriod is 345600 s", set),
            ("Policy", "", "dead-letter queue policy", "the topic may not send messages", set),
            (
                "ApproximateNumberOfMessages",
                "3",
                "failures waiting",
                "3 failed events",
                "label-lake replay --stack label-lake",
            ),
        ] {
            let mut broken = facts();
            failed_queue(&mut broken).insert(name.to_owned(), value.to_owned());
            assert_fault(&broken, check, text, fix);
        }
        let mut broken = facts();
        broken.failed_queue = Ok(None);
        assert_fault(&broken, "dead-letter queue", "does not exist", "aws cloudformation create-change-set");
    }

    #[test]
    fn the_fix_of_a_policy_keeps_its_statements() {
        let mut broken = facts();
        let tls = r#"{"Statement":[{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"sqs:*"}]}"#;
        failed_queue(&mut broken).insert("Policy".to_owned(), tls.to_owned());
        assert_fault(&broken, "dead-letter queue policy", "may not send", "TlsOnly");
    }

    #[test]
    fn a_broken_job_queue_is_a_fault() {
        let set = "aws sqs set-queue-attributes --queue-url https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
        for (name, value, check, text) in [
            ("VisibilityTimeout", "30", "job queue", "VisibilityTimeout is 30 s instead of 1800 s"),
            ("MessageRetentionPeriod", "60", "job queue retention", "MessageRetentionPeriod is 60 s"),
            ("Policy", "{}", "job queue policy", "the topic may not send messages"),
            ("RedrivePolicy", "", "job queue failures", "are retried until they expire"),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:failed","maxReceiveCount":"1"}"#,
                "job queue failures",
                "after 1 attempts instead of 5",
            ),
        ] {
            let mut broken = facts_with_queue();
            job_queue(&mut broken).insert(name.to_owned(), value.to_owned());
            assert_fault(&broken, check, text, set);
        }
        let mut broken = facts_with_queue();
        broken.job_queue = Some(Ok(None));
        assert_fault(&broken, "job queue", "does not exist", "aws cloudformation create-change-set");
    }
}
