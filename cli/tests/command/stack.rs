//! `--stack`: commands that take their names from a stack, and the doctor when calls are denied.

use std::collections::BTreeMap;

use rekognition_simulator::Simulator;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::CommandOutput;
use crate::account::{Account, DATABASE, job, run_to_end, with_catalog};

const QUEUE: &str = "label-lake-failed";
/// Services that the simulator does not have, or of which it has other operations than the doctor calls.
const DENIED: [&str; 7] = ["CLOUDWATCH", "IAM", "LAMBDA", "SCHEDULER", "SFN", "SNS", "SQS"];

/// An account with a deployed stack, and the scripted CloudFormation that describes it.
struct Deployment {
    account: Account,
    url: String,
    server: JoinHandle<()>,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Deployment {
    async fn start() -> Self {
        let builder = Simulator::builder().queue(QUEUE).job("job-1", job(4)).job("job-2", job(3));
        let account = Account::start(with_catalog(builder), &[("GLUE_DATABASE", DATABASE)]).await;
        account.export("job-1").await;
        let queue = account.simulator.queue_url(QUEUE);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, queue.clone()));
            }
        });
        Self { account, url, server }
    }

    async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with(arguments, &[]).await
    }

    /// Runs the command. The scripted server answers for these services, too.
    async fn run_with(&self, arguments: &[&str], services: &[&str]) -> CommandOutput {
        let mut command = self.account.command(arguments);
        command.env("AWS_ENDPOINT_URL_CLOUDFORMATION", &self.url);
        for service in services {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), &self.url);
        }
        run_to_end(command).await
    }
}

/// Answers one request: CloudFormation describes the stack, everything else is denied.
async fn answer(stream: TcpStream, queue: String) {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
            return;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let form = String::from_utf8_lossy(&body).into_owned();
    let fields: BTreeMap<_, _> = form.split('&').filter_map(|field| field.split_once('=')).collect();
    let action = fields.get("Action").copied().unwrap_or_default();
    let (status, reply) = match (action, fields.get("StackName").copied()) {
        ("DescribeStacks", Some("label-lake" | "elsewhere")) => (200, stack(fields["StackName"], &queue)),
        ("DescribeStacks", _) => (400, error("ValidationError", "Stack with id x does not exist")),
        ("ListStackResources", _) => (200, resources()),
        // Lambda and SQS speak JSON.
        ("", _) => (403, r#"{"__type": "AccessDeniedException", "message": "not authorized"}"#.to_owned()),
        _ => (403, error("AccessDenied", "not authorized")),
    };
    let denied = if status == 403 { "x-amzn-errortype: AccessDeniedException\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} X\r\n{denied}connection: close\r\ncontent-length: {}\r\n\r\n", reply.len());
    stream.write_all((head + &reply).as_bytes()).await.unwrap();
}

fn error(code: &str, message: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
}

/// Returns the description of a stack. The one named `elsewhere` has no outputs.
fn stack(name: &str, queue: &str) -> String {
    let output = |(key, value): (&str, &str)| {
        format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
    };
    let outputs = [
        ("BucketName", "lake"),
        ("DatabaseName", DATABASE),
        ("FailedQueueUrl", queue),
        ("FunctionName", "label-lake"),
        ("TopicArn", "arn:aws:sns:us-east-1:123456789012:jobs"),
        ("WorkGroupName", "label-lake"),
    ];
    let outputs = if name == "elsewhere" { String::new() } else { outputs.map(output).concat() };
    format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>\
         <StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/1</StackId>\
         <StackName>{name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>\
         <Parameters><member><ParameterKey>OutputPrefix</ParameterKey><ParameterValue></ParameterValue></member>\
         <member><ParameterKey>AggregateBy</ParameterKey><ParameterValue>TIMESTAMPS</ParameterValue></member></Parameters>\
         <Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )
}

fn resources() -> String {
    let resource = |(id, kind): (&str, &str)| {
        format!(
            "<member><LogicalResourceId>{id}</LogicalResourceId><PhysicalResourceId>{id}</PhysicalResourceId>\
             <ResourceType>{kind}</ResourceType></member>"
        )
    };
    let resources = [
        ("FunctionRole", "AWS::IAM::Role"),
        ("RekognitionRole", "AWS::IAM::Role"),
        ("FailuresWaiting", "AWS::CloudWatch::Alarm"),
        ("AllJobsMachine", "AWS::StepFunctions::StateMachine"),
        ("AllJobsSchedule", "AWS::Scheduler::Schedule"),
    ];
    format!(
        "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>{}</StackResourceSummaries>\
         </ListStackResourcesResult></ListStackResourcesResponse>",
        resources.map(resource).concat()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_takes_its_names_from_the_stack() {
    let deployment = Deployment::start().await;
    let simulator = &deployment.account.simulator;
    let message = simulator.send_message(QUEUE, r#"{"JobId": "job-1"}"#);
    for (arguments, words) in [
        (&["status", "--stack", "label-lake", "job-1"][..], "Partitions 4 of 4 in label_detections"),
        (&["list", "--stack", "label-lake"], "job-1"),
        (&["show", "job-1", "--stack", "label-lake"], "job-1"),
        (&["query", "jobs-of-a-video", "b", "k", "--sql", "--stack", "label-lake"], "s3://lake/jobs/"),
        (&["replay", "--stack", "label-lake"], "1 message replayed"),
        (&["backfill", "--stack", "label-lake", "job-2"], "1 job: 1 EXPORTED"),
        (&["export", "job-2", "--stack", "label-lake", "--overwrite"], "job-2  EXPORTED"),
        (&["register", "--stack", "label-lake", "--all"], "2 jobs, 7 partitions, 0 created"),
        (&["delete", "--stack", "label-lake", "--yes", "job-2"], "3 partitions"),
    ] {
        let output = deployment.run(arguments).await;
        assert_eq!(output.code, Some(0), "{arguments:?}: {}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(words), "{arguments:?}: {}", output.stdout);
    }
    assert!(!simulator.messages(QUEUE).iter().any(|left| left.id == message));
    assert_eq!(simulator.partitions(DATABASE, "label_detections").len(), 4);
}

#[tokio::test]
async fn names_a_stack_that_is_missing_or_not_from_the_template() {
    let deployment = Deployment::start().await;
    let missing = deployment.run(&["status", "--stack", "other"]).await;
    assert_eq!((missing.code, &*missing.stdout), (Some(1), ""));
    assert!(
        missing.stderr.starts_with("error: stack other not found in us-east-1\nhint: check --stack"),
        "{}",
        missing.stderr
    );
    let foreign = deployment.run(&["list", "--stack", "elsewhere"]).await;
    assert_eq!((foreign.code, &*foreign.stdout), (Some(1), ""));
    let error = "error: stack elsewhere (CREATE_COMPLETE) has no output BucketName\nhint: name a stack";
    assert!(foreign.stderr.starts_with(error), "{}", foreign.stderr);
}

#[tokio::test]
async fn a_stack_replaces_the_other_names() {
    let deployment = Deployment::start().await;
    for arguments in [
        &["status", "--stack", "label-lake", "--lake", "s3://lake", "job-1"][..],
        &["status", "--stack", "label-lake", "--database", DATABASE, "job-1"],
        &["list", "--stack", "label-lake", "--lake", "s3://lake"],
        &["replay", "--stack", "label-lake", "https://queue"],
        &["backfill", "--stack", "label-lake", "--function", "label-lake", "job-1"],
        &["export", "job-1", "--stack", "label-lake", "--to", "s3://lake"],
        &["status", "--lake", "s3://lake"],
        &["replay"],
        &["backfill", "job-1"],
        &["register", "--lake", "s3://lake", "--all"],
    ] {
        let output = deployment.run(arguments).await;
        assert_eq!((output.code, &*output.stdout), (Some(2), ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_denied_call_is_a_fault_that_names_the_permission() {
    let deployment = Deployment::start().await;
    let output = deployment.run_with(&["status", "--stack", "label-lake", "--json"], &DENIED).await;
    assert_eq!((output.code, &*output.stderr), (Some(1), ""));
    let report = output.json();
    let check = |name: &str| -> &Value {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
    };
    for (name, action) in [
        ("topic", "sns:GetTopicAttributes"),
        ("dead-letter queue", "sqs:GetQueueAttributes"),
        ("function", "lambda:GetFunctionConfiguration"),
        ("function permissions", "iam:GetRole"),
        ("Rekognition permissions", "iam:GetRole"),
        ("alarms", "cloudwatch:DescribeAlarms"),
        ("tables of all jobs", "states:DescribeStateMachine"),
        ("schedule AllJobsSchedule", "scheduler:GetSchedule"),
    ] {
        let check = check(name);
        let fix = check["fix"].as_str().unwrap_or_default();
        assert!(fix.starts_with(&format!("allow {action} on ")), "{check:#}");
        assert!(check["text"].as_str().unwrap_or_default().contains("cannot be read"), "{check:#}");
    }
    // Without permissions, the other checks still run.
    assert_eq!((&check("stack")["ok"], &check("job job-1")["ok"]), (&true.into(), &true.into()));
    assert_eq!(check("table label_detections")["text"], "is in s3://lake/label_detections/");
    assert_eq!(check("table jobs")["text"], format!("table {DATABASE}.jobs does not exist"));
    assert_eq!(report["faults"], 9);

    let text = deployment.run_with(&["status", "--stack", "label-lake"], &DENIED).await;
    assert_eq!((text.code, &*text.stderr), (Some(1), ""));
    assert!(text.stdout.starts_with("ok     stack"), "{}", text.stdout);
    assert!(text.stdout.ends_with(" checks, 9 faults\n"), "{}", text.stdout);
}
