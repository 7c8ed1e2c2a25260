//! The facts of a sound stack, for the tests to break.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check_all;
use crate::account::stack::{Resource, Resources, Stack};
use crate::doctor::facts::{
    Alarm, AllJobs, Execution, Facts, Failures, Function, Job, Machine, Mapping, Queue, Role, Rule, Subscription,
    Topic, Videos,
};
use crate::doctor::names::{AllJobsNames, Names};

/// Name of the topic to which jobs publish.
const TOPIC: &str = "AmazonRekognition-label-lake";

/// Returns the ARN of a resource in the account of the stack.
fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:eu-west-1:123456789012:{resource}")
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns the facts of a sound stack without a queue.
pub(in crate::doctor) fn facts() -> Facts {
    build(false)
}

/// Returns the facts of a sound stack with a queue in front of the function.
pub(in crate::doctor) fn facts_with_queue() -> Facts {
    build(true)
}

/// Returns the facts of a sound stack that keeps the tables of all jobs.
pub(in crate::doctor) fn facts_with_all_jobs() -> Facts {
    let mut facts = build(false);
    let machine = arn("states", "stateMachine:all-jobs");
    let schedules = ["take-in", "maintain"].map(str::to_owned);
    let last = Execution { status: "SUCCEEDED".to_owned(), ..Execution::default() };
    facts.all_jobs = Some(AllJobs {
        machine: Ok(Some(Machine { last: Some(last), ..Machine::default() })),
        schedules: schedules.clone().map(|name| (name, Ok(Some("ENABLED".to_owned())))).into(),
    });
    facts.names.all_jobs = Some(AllJobsNames { machine, schedules: schedules.into() });
    facts
}

/// Returns the function, with a mapping if it has a queue.
fn deployed_function(has_queue: bool, policy: Value) -> Function {
    let mapping = Mapping {
        uuid: "1".to_owned(),
        queue: arn("sqs", "jobs"),
        state: "Enabled".to_owned(),
        reports_batch_item_failures: true,
    };
    Function {
        state: "Active".to_owned(),
        timeout: 900,
        memory: 256,
        role: "arn:aws:iam::123456789012:role/FunctionRole".to_owned(),
        environment: map([
            ("OUTPUT_BUCKET", "my-lake"),
            ("OUTPUT_PREFIX", "video"),
            ("GLUE_DATABASE", "label_lake"),
            ("AGGREGATE_BY", "TIMESTAMPS"),
            ("MALLOC_ARENA_MAX", "1"),
        ]),
        reserved_concurrency: None,
        recursive_loop: "Allow".to_owned(),
        failures: Some(Failures {
            retries: Some(2),
            maximum_age: Some(21_600),
            destination: Some(arn("sqs", "failed")),
        }),
        policy,
        mappings: if has_queue { vec![mapping] } else { Vec::new() },
    }
}

/// Returns the stack and its resources.
fn deployed(has_queue: bool) -> (Stack, Resources) {
    let topic = arn("sns", TOPIC);
    let queue_url = |name: &str| format!("https://sqs.eu-west-1.amazonaws.com/123456789012/{name}");
    let stack = Stack {
        name: "label-lake".to_owned(),
        id: arn("cloudformation", "stack/label-lake/1"),
        status: "UPDATE_COMPLETE".to_owned(),
        parameters: map([
            ("OutputPrefix", "video"),
            ("AggregateBy", "TIMESTAMPS"),
            ("MemorySize", "256"),
            ("ReservedConcurrency", "-1"),
            ("AlarmEmail", "me@example.com"),
        ]),
        outputs: map([
            ("FunctionName", "label-lake"),
            ("TopicArn", &topic),
            ("FailedQueueUrl", &queue_url("failed")),
            ("BucketName", "my-lake"),
            ("DatabaseName", "label_lake"),
            ("WorkGroupName", "label-lake"),
        ]),
    };
    let mut resources = Resources::new();
    let mut add = |logical_id: &str, kind: &str, physical_id: &str| {
        let resource = Resource { kind: kind.to_owned(), physical_id: physical_id.to_owned() };
        resources.insert(logical_id.to_owned(), resource);
    };
    add("Topic", "AWS::SNS::Topic", &topic);
    add("FunctionRole", "AWS::IAM::Role", "FunctionRole");
    add("RekognitionRole", "AWS::IAM::Role", "RekognitionRole");
    add("FailuresWaiting", "AWS::CloudWatch::Alarm", "label-lake-failures-waiting");
    add("AlarmTopic", "AWS::SNS::Topic", &arn("sns", "alarms"));
    if has_queue {
        add("JobQueue", "AWS::SQS::Queue", &queue_url("jobs"));
    }
    (stack, resources)
}

/// Returns a role that a service may assume.
fn role(name: &str, service: &str) -> Role {
    let statement = json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" });
    Role {
        arn: format!("arn:aws:iam::123456789012:role/{name}"),
        trust: json!({ "Statement": [statement] }),
        denied: Vec::new(),
    }
}

/// Returns a policy that allows an action to a service, for events of a source.
fn allowing(service: &str, action: &str, source: &str) -> Value {
    json!({ "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": action,
        "Condition": { "ArnLike": { "AWS:SourceArn": source } } }] })
}

/// Returns the facts of a sound stack that starts jobs for the videos in a bucket.
pub(in crate::doctor) fn facts_with_videos() -> Facts {
    let mut facts = facts();
    let (queue_url, topic) = ("https://sqs.eu-west-1.amazonaws.com/123456789012/videos", arn("sns", TOPIC));
    let rekognition_role = "arn:aws:iam::123456789012:role/RekognitionRole";
    facts.stack.outputs.extend(map([
        ("VideoBucketName", "my-videos"),
        ("VideoQueueUrl", queue_url),
        ("StarterName", "label-lake-Starter"),
        ("RekognitionRoleArn", rekognition_role),
        ("SendVideoEvents", "aws s3api put-bucket-notification-configuration"),
    ]));
    for (logical_id, physical_id) in [
        ("VideoQueue", queue_url),
        ("VideoRule", "label-lake-VideoRule"),
        ("StarterRole", "StarterRole"),
        ("StarterSchedule", "label-lake-StarterSchedule"),
        ("StarterScheduleRole", "StarterScheduleRole"),
    ] {
        let resource = Resource { kind: String::new(), physical_id: physical_id.to_owned() };
        facts.resources.insert(logical_id.to_owned(), resource);
    }
    facts.names = Names::new(&facts.stack, &facts.resources).unwrap();
    let rule = arn("events", "rule/label-lake-VideoRule");
    let from_rule = allowing("events.amazonaws.com", "sqs:SendMessage", &rule);
    let failed = failed_queue(&mut facts);
    let mut policy: Value = serde_json::from_str(&failed["Policy"]).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(from_rule["Statement"][0].clone());
    failed.insert("Policy".to_owned(), policy.to_string());
    let redrive = json!({ "deadLetterTargetArn": arn("sqs", "failed"), "maxReceiveCount": 1000 }).to_string();
    facts.topic.as_mut().unwrap().as_mut().unwrap().starter_subscriptions =
        vec![Subscription { arn: "arn:starter".to_owned(), attributes: BTreeMap::new() }];
    let starter = Function {
        state: "Active".to_owned(),
        timeout: 60,
        role: "arn:aws:iam::123456789012:role/StarterRole".to_owned(),
        environment: map([
            ("VIDEO_QUEUE_URL", queue_url),
            ("FAILED_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/failed"),
            ("TOPIC_ARN", &topic),
            ("REKOGNITION_ROLE_ARN", rekognition_role),
        ]),
        policy: allowing("sns.amazonaws.com", "lambda:InvokeFunction", &topic),
        ..Function::default()
    };
    facts.videos = Some(Videos {
        bucket_sends_events: Ok(Some(true)),
        rule: Ok(Some(Rule {
            state: "ENABLED".to_owned(),
            pattern: json!({ "detail": { "bucket": { "name": ["my-videos"] } } }),
            targets: vec![arn("sqs", "videos")],
        })),
        queue: Ok(Some(Queue {
            attributes: map([
                ("MessageRetentionPeriod", "1209600"),
                ("VisibilityTimeout", "120"),
                ("Policy", &from_rule.to_string()),
                ("RedrivePolicy", &redrive),
                ("ApproximateNumberOfMessages", "3"),
            ]),
        })),
        oldest: Ok(None),
        starter: Ok(Some(starter)),
        starter_role: Ok(Some(role("StarterRole", "lambda.amazonaws.com"))),
        schedule: Ok(Some(json!({
            "State": "ENABLED",
            "ScheduleExpression": "rate(1 minute)",
            "Target": { "Arn": arn("lambda", "function:label-lake-Starter"), "RoleArn": "arn:role" },
        }))),
        schedule_role: Ok(Some(role("StarterScheduleRole", "scheduler.amazonaws.com"))),
    });
    facts
}

fn build(has_queue: bool) -> Facts {
    let (stack, resources) = deployed(has_queue);
    let names = Names::new(&stack, &resources).unwrap();
    let topic = arn("sns", TOPIC);
    let from_topic = |service: &str, action: &str| allowing(service, action, &topic);
    let queue_policy = from_topic("sns.amazonaws.com", "sqs:SendMessage").to_string();
    let redrive = json!({ "deadLetterTargetArn": arn("sqs", "failed"), "maxReceiveCount": 5 }).to_string();
    let queue = || Queue {
        attributes: map([
            ("MessageRetentionPeriod", "1209600"),
            ("VisibilityTimeout", "1800"),
            ("Policy", &queue_policy),
            ("RedrivePolicy", &redrive),
            ("ApproximateNumberOfMessages", "0"),
        ]),
    };
    let policy = if has_queue { Value::Null } else { from_topic("sns.amazonaws.com", "lambda:InvokeFunction") };
    let function = deployed_function(has_queue, policy);
    let subscription = Subscription {
        arn: "arn:subscription".to_owned(),
        attributes: map([
            ("FilterPolicyScope", "MessageBody"),
            ("FilterPolicy", r#"{"API":["StartLabelDetection","LABEL_DETECTION"]}"#),
            ("RedrivePolicy", &redrive),
        ]),
    };
    let alarm = Alarm {
        name: "label-lake-failures-waiting".to_owned(),
        state: "OK".to_owned(),
        reason: "1 datapoint".to_owned(),
        actions_enabled: true,
        actions: vec![arn("sns", "alarms")],
    };
    let table = |name: &'static str| (name, Ok(Some(format!("s3://my-lake/video/{name}/"))));
    let job =
        Job { id: "job-1".to_owned(), status: Ok("SUCCEEDED".to_owned()), missing_files: 0, missing_partitions: 0 };
    Facts {
        stack,
        resources,
        names,
        function: Ok(Some(function)),
        topic: Ok(Some(Topic {
            policy: Value::Null,
            subscriptions: vec![subscription],
            starter_subscriptions: Vec::new(),
        })),
        failed_queue: Ok(Some(queue())),
        job_queue: has_queue.then(|| Ok(Some(queue()))),
        function_role: Ok(Some(role("FunctionRole", "lambda.amazonaws.com"))),
        rekognition_role: Ok(Some(role("RekognitionRole", "rekognition.amazonaws.com"))),
        videos: None,
        alarms: Ok(vec![alarm]),
        alarm_subscriptions: Ok(Some(vec!["arn:aws:sns:eu-west-1:123456789012:alarms:1".to_owned()])),
        tables: ["label_detections", "label_segments", "jobs"].map(table).into(),
        jobs: Ok(vec![job]),
        all_jobs: None,
    }
}

pub(in crate::doctor) fn function(facts: &mut Facts) -> &mut Function {
    facts.function.as_mut().unwrap().as_mut().unwrap()
}

pub(in crate::doctor) fn topic(facts: &mut Facts) -> &mut Topic {
    facts.topic.as_mut().unwrap().as_mut().unwrap()
}

pub(in crate::doctor) fn subscription(facts: &mut Facts) -> &mut Subscription {
    &mut topic(facts).subscriptions[0]
}

pub(in crate::doctor) fn failed_queue(facts: &mut Facts) -> &mut BTreeMap<String, String> {
    &mut facts.failed_queue.as_mut().unwrap().as_mut().unwrap().attributes
}

pub(in crate::doctor) fn videos(facts: &mut Facts) -> &mut Videos {
    facts.videos.as_mut().unwrap()
}

pub(in crate::doctor) fn job_queue(facts: &mut Facts) -> &mut BTreeMap<String, String> {
    &mut facts.job_queue.as_mut().unwrap().as_mut().unwrap().as_mut().unwrap().attributes
}

/// Checks that a stack has no fault.
pub(in crate::doctor) fn assert_sound(facts: &Facts) {
    let checks = check_all(facts);
    let faults: Vec<_> = checks.iter().filter(|check| check.is_fault()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Checks that a stack has exactly one fault: that of this check, with this text and this part of the command.
pub(in crate::doctor) fn assert_fault(facts: &Facts, check: &str, text: &str, fix: &str) {
    let checks = check_all(facts);
    let faults: Vec<_> = checks.iter().filter(|check| check.is_fault()).collect();
    let [fault] = faults[..] else { panic!("{check}: {faults:#?}") };
    assert_eq!(fault.name, check);
    assert!(fault.text.contains(text), "{text:?} is not in {fault:#?}");
    assert!(fault.fix.as_deref().is_some_and(|command| command.contains(fix)), "{fix:?} is not in {fault:#?}");
}
