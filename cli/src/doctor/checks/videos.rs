//! Checks of the part of a stack that starts jobs for new videos.

use std::time::Duration;

use serde_json::json;

use super::function::{Executes, expect_settings, role, state, timeout};
use super::queues::{Sender, hidden, policy, redrive, retention, visibility, waiting};
use super::{checks_of, delivery, present};
use crate::doctor::check::{Check, Fault};
use crate::doctor::facts::{Facts, Function, Queue, Rule, Topic, Videos};
use crate::doctor::fix::{aws, revert_drift};
use crate::doctor::video_names::VideoNames;
use crate::output::text::count;

/// Timeout of the starter in the template, in seconds.
const TIMEOUT: i32 = 60;
/// Visibility timeout of the queue of videos in the template, in seconds.
const VISIBILITY_TIMEOUT: &str = "120";
/// Receives of a video before it goes to the dead-letter queue: the maximum of SQS.
const MAX_RECEIVES: i64 = 1000;
/// Time for which a video may wait. The alarm `videos-wait-long` fires after the same time.
const LONG: Duration = Duration::from_hours(24);

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let (Some(names), Some(videos)) = (&facts.names.videos, &facts.videos) else { return Vec::new() };
    let mut checks = vec![Check::new("video bucket", bucket(facts, names, videos))];
    checks.extend(checks_of(facts, "video rule", &format!("rule {}", names.rule), &videos.rule, |rule| {
        vec![Check::new("video rule", rule_result(facts, names, rule))]
    }));
    let url = &names.queue_url;
    checks.extend(checks_of(facts, "video queue", &format!("video queue {url}"), &videos.queue, |queue| {
        let sender = Sender::video_rule(names.rule_arn(&facts.names));
        vec![
            Check::new("video queue", visibility(facts, url, queue, VISIBILITY_TIMEOUT, "video")),
            Check::new("video queue retention", retention(facts, url, queue)),
            Check::new("video queue policy", policy(facts, url, queue, &sender)),
            Check::new("video queue failures", redrive(facts, url, queue, MAX_RECEIVES)),
            Check::new("videos waiting", oldest(videos, queue)),
        ]
    }));
    let own = Executes { name: &names.starter, role: &names.starter_role, read: &videos.starter_role };
    checks.extend(checks_of(facts, "starter", &format!("function {}", own.name), &videos.starter, |starter| {
        vec![
            Check::new("starter", state(facts, own.name, starter)),
            Check::new("starter settings", settings(facts, names, starter)),
            Check::new("starter timeout", timeout(facts, own.name, starter, TIMEOUT)),
            Check::new("starter concurrency", concurrency(facts, names, starter)),
            Check::new("starter role", role(facts, &own, starter)),
            Check::new("starter invoke permission", delivery::invoke_permission(facts, own.name, starter)),
        ]
    }));
    // The topic has a check of its own.
    if let Ok(Some(topic)) = &facts.topic {
        checks.push(Check::new("starter subscription", subscription(facts, names, topic)));
    }
    checks.push(Check::new("starter schedule", schedule(facts, names, videos)));
    checks
}

/// The bucket sends events of new objects to EventBridge.
fn bucket(facts: &Facts, names: &VideoNames, videos: &Videos) -> Result<String, Fault> {
    let VideoNames { bucket, .. } = names;
    match &videos.bucket_sends_events {
        Ok(Some(true)) => Ok(format!("{bucket} sends events to EventBridge")),
        Ok(Some(false)) => {
            let fix = facts.stack.outputs.get("SendVideoEvents").cloned();
            let text = format!("{bucket} sends no events to EventBridge, so no job is started for new videos");
            Err(Fault::new(text, fix.unwrap_or_else(|| "see docs/OPERATIONS.md".to_owned())))
        }
        Ok(None) => {
            let text = format!("bucket {bucket} does not exist");
            Err(Fault::new(text, "deploy with the name of an existing bucket as VideoBucket"))
        }
        Err(fault) => Err(fault.clone()),
    }
}

/// The rule is enabled, matches the bucket, and sends to the queue of videos.
fn rule_result(facts: &Facts, names: &VideoNames, rule: &Rule) -> Result<String, Fault> {
    let VideoNames { rule: name, bucket, .. } = names;
    let queue = facts.names.queue_arn(&names.queue_url);
    if rule.state == "DISABLED" {
        let text = "is disabled, so no job is started for new videos";
        return Err(Fault::new(text, aws(&facts.names, &["events", "enable-rule", "--name", name])));
    }
    let buckets = rule.pattern["detail"]["bucket"]["name"].as_array();
    if !buckets.is_some_and(|buckets| buckets.iter().any(|found| found == bucket.as_str())) {
        return Err(Fault::new(format!("does not match new objects in {bucket}"), revert_drift(&facts.names)));
    }
    if !rule.targets.contains(&queue) {
        let failed = json!({ "Arn": facts.names.failed_queue_arn() });
        let target = json!([{ "Id": "videos", "Arn": queue, "DeadLetterConfig": failed }]).to_string();
        let put = ["events", "put-targets", "--rule", name, "--targets", &target];
        return Err(Fault::new("does not send to the queue of videos", aws(&facts.names, &put)));
    }
    Ok(format!("sends new videos in {bucket} to their queue"))
}

/// No video waits for longer than a day.
fn oldest(videos: &Videos, queue: &Queue) -> Result<String, Fault> {
    let number = waiting(queue) + hidden(queue);
    if number == 0 {
        return Ok("none".to_owned());
    }
    let waiting = count(number, "video");
    match &videos.oldest {
        Ok(Some(age)) if *age > LONG => {
            let hours = age.as_secs() / 3600;
            let fix = "raise Rekognition's quota of concurrent jobs, or wait; docs/OPERATIONS.md has the figures";
            Err(Fault::new(format!("{waiting}; the oldest has waited for {hours} hours"), fix))
        }
        Ok(Some(age)) => Ok(format!("{waiting}; the oldest has waited for {} minutes", age.as_secs() / 60)),
        Ok(None) => Ok(waiting),
        Err(fault) => Err(fault.clone()),
    }
}

/// The environment names the queues, topic, and role of the stack.
fn settings(facts: &Facts, names: &VideoNames, starter: &Function) -> Result<String, Fault> {
    let expected = [
        ("VIDEO_QUEUE_URL", names.queue_url.as_str()),
        ("FAILED_QUEUE_URL", &facts.names.failed_queue_url),
        ("TOPIC_ARN", &facts.names.topic),
        ("REKOGNITION_ROLE_ARN", &names.rekognition_role_arn),
    ];
    expect_settings(facts, &names.starter, starter, &expected)?;
    Ok(format!("starts jobs that publish to {}", facts.names.topic))
}

/// The starter is not stopped.
fn concurrency(facts: &Facts, names: &VideoNames, starter: &Function) -> Result<String, Fault> {
    match starter.reserved_concurrency {
        Some(0) => {
            let delete = ["lambda", "delete-function-concurrency", "--function-name", &names.starter];
            Err(Fault::new("0: the starter is stopped, so videos wait", aws(&facts.names, &delete)))
        }
        Some(reserved) => Ok(format!("{reserved} reserved")),
        None => Ok("not reserved".to_owned()),
    }
}

/// The topic wakes the starter, whatever the message.
fn subscription(facts: &Facts, names: &VideoNames, topic: &Topic) -> Result<String, Fault> {
    let arn = names.starter_arn(&facts.names);
    let Some(subscription) = topic.starter_subscriptions.first() else {
        let subscribe = ["sns", "subscribe", "--topic-arn", &facts.names.topic, "--protocol", "lambda"];
        let command = aws(&facts.names, &[&subscribe[..], &["--notification-endpoint", &arn]].concat());
        let text = "the topic does not wake the starter, so a slot that gets free is used up to a minute later";
        return Err(Fault::new(text, command));
    };
    let filter = subscription.attributes.get("FilterPolicy").map(String::as_str).unwrap_or_default();
    if !matches!(filter, "" | "{}") {
        let fix = delivery::set_attribute(facts, subscription, "FilterPolicy", "{}");
        let text = format!("{filter} drops messages, so a slot that gets free is used up to a minute later");
        return Err(Fault::new(text, fix));
    }
    Ok(format!("wakes {}", names.starter))
}

/// A schedule wakes the starter.
fn schedule(facts: &Facts, names: &VideoNames, videos: &Videos) -> Result<String, Fault> {
    let name = &names.schedule;
    let schedule = present(facts, &videos.schedule, &format!("schedule {name}"))?;
    let arn = names.starter_arn(&facts.names);
    if schedule["Target"]["Arn"] != *arn {
        return Err(Fault::new(format!("{name} does not invoke {arn}"), revert_drift(&facts.names)));
    }
    let expression = schedule["ScheduleExpression"].as_str().unwrap_or_default();
    if schedule["State"] != "DISABLED" {
        return Ok(format!("wakes {} at {expression}", names.starter));
    }
    // An update replaces the whole schedule.
    let target = schedule["Target"].to_string();
    let update = ["scheduler", "update-schedule", "--name", name, "--state", "ENABLED", "--schedule-expression"];
    let values = [expression, "--flexible-time-window", "Mode=OFF", "--target", &target];
    let command = aws(&facts.names, &[&update[..], &values].concat());
    Err(Fault::new("is disabled: only the end of a job wakes the starter", command))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::doctor::checks::sound::{assert_fault, assert_sound, facts_with_videos, failed_queue, topic, videos};
    use crate::doctor::facts::{Facts, Function, Queue, Rule};

    fn broken(change: impl FnOnce(&mut Facts)) -> Facts {
        let mut facts = facts_with_videos();
        change(&mut facts);
        facts
    }

    fn rule(facts: &mut Facts) -> &mut Rule {
        videos(facts).rule.as_mut().unwrap().as_mut().unwrap()
    }

    fn queue(facts: &mut Facts) -> &mut Queue {
        videos(facts).queue.as_mut().unwrap().as_mut().unwrap()
    }

    fn starter(facts: &mut Facts) -> &mut Function {
        videos(facts).starter.as_mut().unwrap().as_mut().unwrap()
    }

    fn schedule(facts: &mut Facts) -> &mut Value {
        videos(facts).schedule.as_mut().unwrap().as_mut().unwrap()
    }

    #[test]
    fn a_stack_that_starts_jobs_is_sound() {
        assert_sound(&facts_with_videos());
        let mut busy = facts_with_videos();
        videos(&mut busy).oldest = Ok(Some(Duration::from_hours(24)));
        starter(&mut busy).reserved_concurrency = Some(1);
        assert_sound(&busy);
        // The last video was started a moment ago.
        let mut idle = facts_with_videos();
        videos(&mut idle).oldest = Ok(Some(Duration::from_hours(30)));
        queue(&mut idle).attributes.insert("ApproximateNumberOfMessages".to_owned(), "0".to_owned());
        assert_sound(&idle);
    }

    #[test]
    fn a_bucket_without_events_is_a_fault_with_the_command_of_the_stack() {
        let off = broken(|facts| videos(facts).bucket_sends_events = Ok(Some(false)));
        assert_fault(&off, "video bucket", "my-videos sends no events", "aws s3api put-bucket-notification");
        let gone = broken(|facts| videos(facts).bucket_sends_events = Ok(None));
        assert_fault(&gone, "video bucket", "bucket my-videos does not exist", "as VideoBucket");
    }

    #[test]
    fn a_rule_that_sends_no_videos_is_a_fault() {
        let check = "video rule";
        let disabled = broken(|facts| rule(facts).state = "DISABLED".to_owned());
        assert_fault(&disabled, check, "is disabled", "aws events enable-rule --name label-lake-VideoRule");
        let other = broken(|facts| rule(facts).pattern["detail"]["bucket"]["name"] = json!(["other"]));
        assert_fault(&other, check, "does not match new objects in my-videos", "REVERT_DRIFT");
        let put = r#"aws events put-targets --rule label-lake-VideoRule --targets '[{"Arn":"arn:aws:sqs:"#;
        assert_fault(&broken(|facts| rule(facts).targets.clear()), check, "does not send to the queue", put);
        let missing = broken(|facts| videos(facts).rule = Ok(None));
        assert_fault(&missing, check, "rule label-lake-VideoRule does not exist", "REVERT_DRIFT");
    }

    #[test]
    fn a_queue_that_refuses_or_loses_videos_is_a_fault() {
        let set = "aws sqs set-queue-attributes --queue-url https://sqs.eu-west-1.amazonaws.com/123456789012/videos";
        for (name, value, check, text) in [
            ("VisibilityTimeout", "30", "video queue", "VisibilityTimeout is 30 s instead of 120 s"),
            ("MessageRetentionPeriod", "60", "video queue retention", "MessageRetentionPeriod is 60 s"),
            ("Policy", "{}", "video queue policy", "the rule for videos may not send messages"),
            ("RedrivePolicy", "", "video queue failures", "are retried until they expire"),
        ] {
            let mut facts = facts_with_videos();
            queue(&mut facts).attributes.insert(name.to_owned(), value.to_owned());
            assert_fault(&facts, check, text, set);
        }
    }

    #[test]
    fn the_dead_letter_queue_also_takes_what_the_rule_cannot_send() {
        let mut facts = facts_with_videos();
        let policy: Value = serde_json::from_str(&failed_queue(&mut facts)["Policy"]).unwrap();
        let from_topic = json!({ "Statement": [policy["Statement"][0]] }).to_string();
        failed_queue(&mut facts).insert("Policy".to_owned(), from_topic);
        let fix = "FromLabelLakeVideoRule";
        assert_fault(&facts, "dead-letter queue policy", "the rule for videos may not send messages", fix);
    }

    #[test]
    fn a_video_that_waits_for_more_than_a_day_is_a_fault() {
        let facts = broken(|facts| videos(facts).oldest = Ok(Some(Duration::from_hours(30))));
        assert_fault(
            &facts,
            "videos waiting",
            "3 videos; the oldest has waited for 30 hours",
            "raise Rekognition's quota",
        );
    }

    #[test]
    fn a_starter_that_cannot_start_jobs_is_a_fault() {
        let update = "aws lambda update-function-configuration --function-name label-lake-Starter";
        let facts = broken(|facts| starter(facts).timeout = 3);
        assert_fault(&facts, "starter timeout", "3 s instead of 60 s", &format!("{update} --timeout 60"));
        let facts = broken(|facts| drop(starter(facts).environment.remove("TOPIC_ARN")));
        assert_fault(&facts, "starter settings", r#"TOPIC_ARN is """#, &format!("{update} --environment"));
        let facts = broken(|facts| starter(facts).role = "arn:aws:iam::123456789012:role/FunctionRole".to_owned());
        let fix = format!("{update} --role arn:aws:iam::123456789012:role/StarterRole");
        assert_fault(&facts, "starter role", "FunctionRole instead of StarterRole", &fix);
        let facts = broken(|facts| starter(facts).reserved_concurrency = Some(0));
        let fix = "aws lambda delete-function-concurrency --function-name label-lake-Starter";
        assert_fault(&facts, "starter concurrency", "the starter is stopped", fix);
    }

    #[test]
    fn a_starter_that_is_not_woken_is_a_fault() {
        let facts = broken(|facts| starter(facts).policy = Value::Null);
        let fix = "aws lambda add-permission --function-name label-lake-Starter";
        assert_fault(&facts, "starter invoke permission", "the topic may not invoke", fix);
        let facts = broken(|facts| topic(facts).starter_subscriptions.clear());
        let fix = "aws sns subscribe --topic-arn arn:aws:sns:eu-west-1:123456789012:AmazonRekognition-label-lake";
        assert_fault(&facts, "starter subscription", "the topic does not wake the starter", fix);
        let facts = broken(|facts| {
            let filter = r#"{"API":["StartLabelDetection"]}"#.to_owned();
            topic(facts).starter_subscriptions[0].attributes.insert("FilterPolicy".to_owned(), filter);
        });
        let fix = "aws sns set-subscription-attributes --subscription-arn arn:starter";
        assert_fault(&facts, "starter subscription", "drops messages", fix);
        let facts = broken(|facts| schedule(facts)["State"] = "DISABLED".into());
        let fix = "aws scheduler update-schedule --name label-lake-StarterSchedule --state ENABLED";
        assert_fault(&facts, "starter schedule", "is disabled", fix);
        let facts = broken(|facts| schedule(facts)["Target"]["Arn"] = "arn:other".into());
        assert_fault(&facts, "starter schedule", "does not invoke arn:aws:lambda", "REVERT_DRIFT");
        let facts = broken(|facts| videos(facts).schedule = Ok(None));
        assert_fault(&facts, "starter schedule", "does not exist", "REVERT_DRIFT");
    }

    #[test]
    fn a_role_without_a_permission_is_a_fault() {
        use crate::doctor::facts::Denied;
        let denied = |action: &str| Denied { action: action.into(), resource: "*".into(), is_explicit: false };
        let facts = broken(|facts| {
            let role = videos(facts).starter_role.as_mut().unwrap().as_mut().unwrap();
            role.denied = vec![denied("rekognition:StartLabelDetection")];
        });
        let fix = "aws iam put-role-policy --role-name StarterRole";
        assert_fault(&facts, "starter permissions", "may not rekognition:StartLabelDetection", fix);
        let facts = broken(|facts| {
            let role = videos(facts).schedule_role.as_mut().unwrap().as_mut().unwrap();
            role.denied = vec![denied("lambda:InvokeFunction")];
        });
        let fix = "aws iam put-role-policy --role-name StarterScheduleRole";
        assert_fault(&facts, "schedule permissions", "may not lambda:InvokeFunction", fix);
    }
}
