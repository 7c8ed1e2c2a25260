//! The simulator as a program: the real binary, over pipes.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use std::process::Stdio;

use client::{GET_LABEL_DETECTION, exchange};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

struct Program {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    environment: Value,
}

impl Program {
    async fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut program = Self { process, input, output, environment: Value::Null };
        program.environment = program.receive().await;
        program
    }

    async fn send(&mut self, command: &Value) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        serde_json::from_str(&self.output.next_line().await.unwrap().unwrap()).unwrap()
    }

    async fn ask(&mut self, command: Value) -> Value {
        self.send(&command).await;
        self.receive().await
    }

    fn variable(&self, name: &str) -> &str {
        self.environment[name].as_str().unwrap()
    }

    /// Fetches the first page of a job. Returns the status and the body.
    async fn page(&self, job: &str) -> (u16, Value) {
        let url = self.variable("AWS_ENDPOINT_URL_REKOGNITION");
        let received = exchange(url, GET_LABEL_DETECTION, json!({ "JobId": job }).to_string().as_bytes()).await;
        (received.status(), received.json())
    }

    /// Polls the Runtime API as a Lambda function does. Returns the event and the path of its invocation.
    async fn take_event(&self) -> (Value, String) {
        let event = exchange(&self.runtime(), "GET /2018-06-01/runtime/invocation/next HTTP/1.1", b"").await;
        let head = event.head().to_lowercase();
        let id = head.split_once("lambda-runtime-aws-request-id: ").unwrap().1.split_once('\r').unwrap().0;
        (event.json(), format!("/2018-06-01/runtime/invocation/{id}"))
    }

    async fn respond(&self, invocation: &str, answer: &str, body: &Value) {
        let head = format!("POST {invocation}/{answer} HTTP/1.1");
        assert_eq!(exchange(&self.runtime(), &head, body.to_string().as_bytes()).await.status(), 202);
    }

    fn runtime(&self) -> String {
        format!("http://{}", self.variable("AWS_LAMBDA_RUNTIME_API"))
    }
}

#[tokio::test]
async fn caller_adds_jobs_injects_faults_and_reads_results() {
    let mut program =
        Program::start(&["--job", "job-1=2x30", "--unknown-jobs", "1", "--glue-database", "lake", "--transfer", "1"])
            .await;
    assert_eq!(program.page("job-1").await.1["Labels"].as_array().unwrap().len(), 1000);
    let (one, other) = (program.page("some").await.1, program.page("other").await.1);
    assert_ne!(one["Labels"], other["Labels"]);
    assert_eq!(program.page("some").await.1["Labels"], one["Labels"]);
    let served = program.ask(json!({ "served": { "job": "job-1" } })).await;
    assert_eq!(served["served"].as_array().unwrap().len(), 2000);

    let done = json!({ "done": true });
    assert_eq!(program.ask(json!({ "add_job": { "id": "job-2", "pages": 1, "status": "FAILED" } })).await, done);
    assert_eq!(program.page("job-2").await.1["JobStatus"], "FAILED");
    let odd = json!({ "id": "job-3", "pages": 2, "labels": 5, "name_order": "WITHIN_PAGES" });
    assert_eq!(program.ask(json!({ "add_job": odd })).await, done);
    let fault = json!({ "operation": "GetLabelDetection", "status": 500, "code": "InternalServerError" });
    assert_eq!(program.ask(json!({ "fault": fault })).await, done);
    assert_eq!(program.page("job-2").await.0, 500);
    let counts = program.ask(json!({ "requests": true, "id": 7 })).await;
    assert_eq!(counts["id"], 7);
    let counts = &counts["requests"]["GetLabelDetection"];
    assert_eq!((&counts["count"], &counts["failed"]), (&json!(6), &json!(1)));
    assert!(counts["bytes_out"].as_u64().unwrap() > counts["bytes_in"].as_u64().unwrap());
    assert_eq!(program.ask(json!({ "clear_requests": true })).await, done);
    assert_eq!(program.ask(json!({ "requests": true })).await, json!({ "requests": {} }));

    let create = json!({ "DatabaseName": "lake", "TableInput": { "Name": "labels" } }).to_string();
    let head = "POST / HTTP/1.1\r\nX-Amz-Target: AWSGlue.CreateTable";
    assert_eq!(exchange(program.variable("AWS_ENDPOINT_URL_GLUE"), head, create.as_bytes()).await.status(), 200);
    let partitions = json!({ "partitions": { "database": "lake", "table": "labels" } });
    assert_eq!(program.ask(partitions).await, json!({ "partitions": [] }));

    let Program { mut process, input, .. } = program;
    drop(input);
    assert!(process.wait().await.unwrap().success());
}

#[tokio::test]
async fn invocations_run_concurrently() {
    let mut program = Program::start(&[]).await;
    program.send(&json!({ "invoke": { "JobId": "a" }, "id": "first" })).await;
    program.send(&json!({ "invoke": { "JobId": "b" }, "id": "second" })).await;
    let ((one, first), (other, second)) = tokio::join!(program.take_event(), program.take_event());
    let (a, b) = if one["JobId"] == "a" { (first, second) } else { (second, first) };
    assert_ne!(one, other);
    program.respond(&b, "response", &json!({ "jobs": 1 })).await;
    assert_eq!(program.receive().await, json!({ "id": "second", "response": { "jobs": 1 } }));
    program.respond(&a, "error", &json!({ "errorType": "JobNotFound", "errorMessage": "no job" })).await;
    let error = json!({ "type": "JobNotFound", "message": "no job" });
    assert_eq!(program.receive().await, json!({ "id": "first", "function_error": error }));
    let timed_out = program.ask(json!({ "invoke": {}, "timeout_ms": 1 })).await;
    assert_eq!(timed_out, json!({ "timed_out": true }));
    assert_eq!(program.ask(json!({ "take_invoked": true })).await, json!({ "invoked": [] }));
}

#[tokio::test]
async fn invalid_commands_are_answered_with_an_error() {
    let mut program = Program::start(&[]).await;
    for command in [
        json!("requests"),
        json!({ "request": true }),
        json!({ "invoke": {}, "timeout": 1 }),
        json!({ "partitions": { "database": "lake", "table": "missing" } }),
        json!({ "served": { "job": "missing" } }),
        json!({ "add_job": { "id": "a", "pages": 1, "sead": 1 } }),
    ] {
        let answer = program.ask(command.clone()).await;
        assert!(answer["error"].is_string(), "{command}: {answer}");
    }
}
