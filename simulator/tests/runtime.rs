//! The Lambda Runtime API and Invoke.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use client::{Received, exchange, receive, send};
use rekognition_simulator::{Fault, Invocation, Outcome, Simulator};
use serde_json::{Value, json};

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1";

async fn start() -> Simulator {
    Simulator::builder().start().await.unwrap()
}

/// A process that polls for one event and answers it.
async fn process(simulator: &Simulator, answer: &str, body: &Value) -> Received {
    let event = exchange(&simulator.lambda_url(), NEXT, b"").await;
    let head = format!(
        "POST /2018-06-01/runtime/invocation/{}/{answer} HTTP/1.1",
        header(&event, "lambda-runtime-aws-request-id")
    );
    assert_eq!(exchange(&simulator.lambda_url(), &head, body.to_string().as_bytes()).await.status(), 202);
    event
}

fn header<'a>(received: &'a Received, name: &str) -> &'a str {
    let line = received.head().lines().find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name));
    line.unwrap_or_else(|| panic!("no {name}: {}", received.head())).1
}

#[tokio::test]
async fn event_is_delivered_and_answered() {
    let simulator = start().await;
    let alias = format!("{}:live", simulator.function_arn());
    let invocation = Invocation { function_arn: Some(alias.clone()), ..Invocation::default() };
    let answer = json!({ "done": true });
    let (outcome, event) =
        tokio::join!(simulator.invoke(r#"{"a":1}"#, invocation), process(&simulator, "response", &answer));
    assert_eq!(outcome, Outcome::Response(answer));
    assert_eq!(event.json(), json!({ "a": 1 }));
    assert_eq!(header(&event, "lambda-runtime-invoked-function-arn"), alias);
    assert!(header(&event, "lambda-runtime-trace-id").starts_with("Root=1-"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let left = header(&event, "lambda-runtime-deadline-ms").parse::<u128>().unwrap() - now;
    assert!((800_000..=900_000).contains(&left), "{left}");
    assert!(simulator.requests().is_empty(), "the Runtime API is not logged");
}

#[tokio::test]
async fn function_error_is_an_outcome() {
    let simulator = start().await;
    let error = json!({ "errorType": "JobNotFound", "errorMessage": "no job", "stackTrace": [] });
    let (outcome, _) =
        tokio::join!(simulator.invoke("{}", Invocation::default()), process(&simulator, "error", &error));
    let (error_type, error_message) = ("JobNotFound".to_owned(), "no job".to_owned());
    assert_eq!(outcome, Outcome::Error { error_type, error_message });
}

#[tokio::test]
async fn process_that_died_while_polling_gets_no_event() {
    let simulator = start().await;
    let dead = send(&simulator.lambda_url(), NEXT, b"").await;
    simulator.wait_for_poll().await;
    drop(dead);
    let (outcome, _) =
        tokio::join!(simulator.invoke("{}", Invocation::default()), process(&simulator, "response", &json!(null)));
    assert_eq!(outcome, Outcome::Response(Value::Null));
}

#[tokio::test]
async fn simulator_is_usable_after_an_abandoned_invocation() {
    let simulator = start().await;
    // Abandoned before a process received it: no process gets it.
    tokio::select! {
        biased;
        _ = simulator.invoke("1", Invocation::default()) => unreachable!("no process"),
        () = std::future::ready(()) => {}
    }
    // Received by a process that dies.
    let taken = async { receive(send(&simulator.lambda_url(), NEXT, b"").await).await.json() };
    tokio::select! {
        _ = simulator.invoke("2", Invocation::default()) => unreachable!("no answer"),
        event = taken => assert_eq!(event, json!(2)),
    }
    let answer = json!("ok");
    let (outcome, event) =
        tokio::join!(simulator.invoke("3", Invocation::default()), process(&simulator, "response", &answer));
    assert_eq!((outcome, event.json()), (Outcome::Response(json!("ok")), json!(3)));
}

#[tokio::test]
async fn init_error_is_kept_and_unknown_request_ids_are_rejected() {
    let simulator = start().await;
    assert_eq!(simulator.init_error(), None);
    let error = json!({ "errorType": "Configuration", "errorMessage": "OUTPUT_BUCKET" }).to_string();
    let head = "POST /2018-06-01/runtime/init/error HTTP/1.1";
    assert_eq!(exchange(&simulator.lambda_url(), head, error.as_bytes()).await.status(), 202);
    assert_eq!(simulator.init_error(), Some(("Configuration".to_owned(), "OUTPUT_BUCKET".to_owned())));
    let head = "POST /2018-06-01/runtime/invocation/unknown/response HTTP/1.1";
    assert_eq!(exchange(&simulator.lambda_url(), head, b"{}").await.status(), 400);
}

#[tokio::test]
async fn asynchronous_invocations_are_recorded_and_can_fail() {
    let fault = Fault::on("Invoke").nth(2).status(429, "TooManyRequestsException");
    let simulator = Simulator::builder().fault(fault).start().await.unwrap();
    let path =
        format!("POST /2015-03-31/functions/{}/invocations HTTP/1.1", simulator.function_arn().replace(':', "%3A"));
    let invoke = async |kind: &str, payload: &[u8]| {
        let head = format!("{path}\r\nX-Amz-Invocation-Type: {kind}");
        exchange(&simulator.lambda_url(), &head, payload).await
    };
    assert_eq!(invoke("Event", br#"{"JobId":"a"}"#).await.status(), 202);
    let refused = invoke("Event", br#"{"JobId":"b"}"#).await;
    assert_eq!((refused.status(), header(&refused, "x-amzn-errortype")), (429, "TooManyRequestsException"));
    assert_eq!(invoke("Event", b"no json").await.status(), 400);
    assert_eq!(invoke("DryRun", b"{}").await.status(), 400);
    let large = format!("\"{}\"", "x".repeat(1_000_001));
    assert_eq!(invoke("Event", large.as_bytes()).await.status(), 413);
    assert_eq!(simulator.invoked(), [json!({ "JobId": "a" })]);
    assert_eq!(simulator.take_invoked().len(), 1);
    assert!(simulator.invoked().is_empty());
    assert_eq!(simulator.requests()[0].target, simulator.function_arn());
    assert!(simulator.faults_not_fired().is_empty());
}

#[tokio::test]
async fn synchronous_invocation_is_answered_by_the_process() {
    let simulator = start().await;
    let head = format!("POST /2015-03-31/functions/label-lake/invocations HTTP/1.1{}", "\r\nX-Amz-Invocation-Type: ");
    let invoke =
        async || exchange(&simulator.lambda_url(), &format!("{head}RequestResponse"), br#"{"JobId":"a"}"#).await;
    let answer = json!({ "jobs": [] });
    let (reply, event) = tokio::join!(invoke(), process(&simulator, "response", &answer));
    assert_eq!((reply.status(), reply.json(), event.json()), (200, answer, json!({ "JobId": "a" })));
    assert!(!reply.head().contains("x-amz-function-error"));
    let error = json!({ "errorType": "JobNotFound", "errorMessage": "no job" });
    let (reply, _) = tokio::join!(invoke(), process(&simulator, "error", &error));
    assert_eq!((reply.status(), reply.json()), (200, error));
    assert_eq!(header(&reply, "x-amz-function-error"), "Unhandled");
    assert!(simulator.invoked().is_empty());
}
