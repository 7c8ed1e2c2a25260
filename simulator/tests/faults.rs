//! Each kind of fault, seen by a client that does not retry.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use std::time::Duration;

use client::{page, receive, send_page_request};
use rekognition_simulator::{Action, Fault, Gate, Generated, Job, RandomFaults, Simulator};
use serde_json::{Value, json};

const PUT: &str = "PutObject";
const GET: &str = "GetLabelDetection";

async fn start(fault: Fault) -> Simulator {
    let job = Job::generated(Generated { detections: 100, ..Generated::default() });
    Simulator::builder().job("job-1", job).fault(fault).start().await.unwrap()
}

fn request() -> Value {
    json!({ "JobId": "job-1" })
}

/// Uploads the object `a`. Returns true if the client got a success.
async fn put(simulator: &Simulator) -> bool {
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"hello");
    client::s3(simulator).put_object().bucket("lake").key("a").body(body).send().await.is_ok()
}

/// Returns the status and the fault of the last request in the log.
fn last_request(simulator: &Simulator) -> (u16, Option<String>) {
    let last = simulator.requests().pop().unwrap();
    (last.status, last.fault)
}

#[tokio::test]
async fn status_skips_the_operation_and_status_after_performs_it() {
    let simulator = start(Fault::on(PUT).status(503, "SlowDown")).await;
    assert!(!put(&simulator).await);
    assert!(simulator.objects().is_empty());
    assert_eq!(last_request(&simulator), (503, Some("PutObject #1: status 503 SlowDown".to_owned())));

    simulator.add_fault(Fault::on(PUT).status_after(500, "InternalError"));
    assert!(!put(&simulator).await);
    assert!(simulator.store().contains("a"));
    assert!(put(&simulator).await);
    assert_eq!(simulator.faults_not_fired(), Vec::<String>::new());
}

#[tokio::test]
async fn error_reply_to_head_has_the_scripted_header() {
    let simulator =
        start(Fault::on("HeadObject").status_with_header(301, "PermanentRedirect", "x-amz-bucket-region", "eu-west-1"))
            .await;
    let error = client::s3(&simulator).head_object().bucket("lake").key("a").send().await.unwrap_err();
    let reply = error.raw_response().unwrap();
    assert_eq!((reply.status().as_u16(), reply.headers().get("x-amz-bucket-region")), (301, Some("eu-west-1")));
    assert_eq!(aws_sdk_s3::error::ProvideErrorMetadata::code(&error), None);
}

#[tokio::test]
async fn errors_have_the_format_of_the_service() {
    let simulator = start(Fault::on(GET).status(400, "ThrottlingException")).await;
    assert_eq!(page(&simulator, &request()).await.json()["__type"], "ThrottlingException");
    simulator.add_fault(Fault::on(GET).status(400, "AccessDeniedException"));
    let client = client::rekognition(&simulator);
    let error = client.get_label_detection().job_id("job-1").send().await.unwrap_err().into_service_error();
    assert!(error.is_access_denied_exception(), "{error:?}");
}

#[tokio::test]
async fn object_exists_after_a_lost_reply() {
    let simulator = start(Fault::on(PUT).key_contains("a").lose_reply()).await;
    assert!(!put(&simulator).await);
    assert!(simulator.store().contains("a"));
    assert_eq!(last_request(&simulator).0, 0);
}

#[tokio::test]
async fn reset_skips_the_operation() {
    let simulator = start(Fault::on(PUT).reset()).await;
    assert!(!put(&simulator).await);
    assert!(simulator.objects().is_empty());

    simulator.add_fault(Fault::on(GET).reset());
    let received = page(&simulator, &request()).await;
    assert_eq!((received.bytes.len(), received.reset), (0, true));
}

#[tokio::test]
async fn reset_after_bytes_cuts_the_reply() {
    let simulator = start(Fault::on(GET).reset_after_bytes(20)).await;
    let received = page(&simulator, &request()).await;
    assert!(received.reset);
    assert!(received.bytes.len() <= 20);

    simulator.add_fault(Fault::on(PUT).reset_after_bytes(10));
    assert!(!put(&simulator).await);
    assert!(simulator.store().contains("a"), "the operation was performed");
}

#[tokio::test]
async fn truncated_reply_has_the_full_content_length() {
    let simulator = start(Fault::on(GET).truncate(1_000)).await;
    let received = page(&simulator, &request()).await;
    assert!(!received.reset);
    assert_eq!(received.body().len(), 1_000);
    assert!(received.content_length() > 10_000);
    assert_eq!(page(&simulator, &request()).await.json()["JobStatus"], "SUCCEEDED");
}

#[tokio::test]
async fn stalled_request_gets_no_reply() {
    let simulator = start(Fault::on(GET).key_contains("job-1").stall()).await;
    let stream = send_page_request(&simulator, &request()).await;
    while !simulator.faults_not_fired().is_empty() {
        tokio::task::yield_now().await;
    }
    // A reply would have arrived before the reply to a later request.
    page(&simulator, &json!({ "JobId": "job-2" })).await;
    assert_eq!(stream.try_read(&mut [0; 1]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    let stalled = &simulator.requests()[0];
    assert_eq!((stalled.status, stalled.fault.as_deref()), (0, Some("GetLabelDetection with \"job-1\" #1: stall")));
}

#[tokio::test]
async fn stall_after_bytes_keeps_the_connection_open() {
    use tokio::io::AsyncReadExt;

    let simulator = start(Fault::on(GET).stall_after_bytes(20)).await;
    let mut stream = send_page_request(&simulator, &request()).await;
    let mut first = [0; 20];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first[..15], b"HTTP/1.1 200 OK");
    let more = stream.try_read(&mut [0; 1]);
    assert_eq!(more.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn reply_body_can_be_any_bytes() {
    let simulator = start(Fault::on(GET).reply_body(200, &b"\xff{"[..])).await;
    let received = page(&simulator, &request()).await;
    assert_eq!((received.status(), received.body()), (200, &b"\xff{"[..]));
}

#[tokio::test(start_paused = true)]
async fn delay_postpones_the_reply() {
    let simulator = start(Fault::on(GET).delay(Duration::from_hours(1))).await;
    let start = tokio::time::Instant::now();
    assert_eq!(page(&simulator, &request()).await.status(), 200);
    assert!(start.elapsed() >= Duration::from_hours(1));
}

#[tokio::test]
async fn gates_hold_before_the_operation_and_before_the_reply() {
    for before in [true, false] {
        let gate = Gate::new();
        let fault = Fault::on(PUT);
        let fault = if before { fault.hold(gate.clone()) } else { fault.hold_reply(gate.clone()) };
        let simulator = start(fault).await;
        let seen = async {
            gate.reached().await;
            let stored = simulator.store().contains("a");
            gate.release();
            stored
        };
        let (succeeded, stored) = tokio::join!(put(&simulator), seen);
        assert!(succeeded);
        assert_eq!(stored, !before);
    }
}

#[tokio::test]
async fn several_requests_wait_at_one_gate() {
    let gate = Gate::new();
    let simulator = start(Fault::on(GET).times(3).hold(gate.clone())).await;
    let request = request();
    let release = async {
        gate.reached_by(3).await;
        gate.release();
    };
    let (one, two, three, ()) =
        tokio::join!(page(&simulator, &request), page(&simulator, &request), page(&simulator, &request), release);
    assert_eq!([one, two, three].map(|page| page.status()), [200; 3]);
}

#[tokio::test]
async fn operation_is_skipped_if_the_client_disconnects_at_the_gate() {
    let gate = Gate::new();
    let simulator = start(Fault::on(GET).hold(gate.clone())).await;
    let stream = send_page_request(&simulator, &request()).await;
    gate.reached().await;
    drop(stream);
    gate.release();
    assert_eq!(page(&simulator, &request()).await.status(), 200);
    let statuses: Vec<_> = simulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [0, 200]);
}

#[tokio::test]
async fn faults_fire_at_the_selected_requests() {
    let simulator =
        start(Fault::on(GET).key_contains("from 50").nth(2).times(2).status(500, "InternalServerError")).await;
    let first = page(&simulator, &json!({ "JobId": "job-1", "MaxResults": 50 })).await.json();
    let next = json!({ "JobId": "job-1", "MaxResults": 50, "NextToken": first["NextToken"] });
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(page(&simulator, &next).await.status());
    }
    assert_eq!(seen, [200, 500, 500, 200]);
    assert_eq!(simulator.requests()[0].detail, "TIMESTAMP TIMESTAMPS from 0");
}

#[tokio::test]
async fn faults_that_did_not_fire_are_reported() {
    let simulator = start(Fault::on(GET).times(2).status(500, "InternalServerError")).await;
    simulator.add_fault(Fault::on("GetLabelDetections").always().reset());
    page(&simulator, &request()).await;
    assert_eq!(
        simulator.faults_not_fired(),
        ["GetLabelDetection #1 to #2: status 500 InternalServerError", "GetLabelDetections from #1: reset"]
    );
    simulator.clear_requests();
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn random_faults_depend_on_the_seed_and_are_limited_in_a_row() {
    let refused = Action::Status { http: 500, code: "InternalServerError".to_owned() };
    let faults = |seed| RandomFaults { seed, rate: 0.9, actions: vec![refused.clone()], max_consecutive: 2 };
    let mut seen = Vec::new();
    for seed in [1, 1, 2] {
        let job = Job::generated(Generated::default());
        let simulator = Simulator::builder().job("job-1", job).random_faults(faults(seed)).start().await.unwrap();
        for _ in 0..30 {
            page(&simulator, &request()).await;
        }
        let statuses: Vec<_> = simulator.requests().iter().map(|request| request.status).collect();
        assert!(statuses.windows(3).all(|three| three.contains(&200)), "{statuses:?}");
        assert_eq!(simulator.random_faults_fired(), statuses.iter().filter(|status| **status == 500).count());
        seen.push(statuses);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}

#[tokio::test]
async fn held_request_is_answered_on_the_same_connection() {
    let gate = Gate::new();
    let simulator = start(Fault::on(GET).hold(gate.clone())).await;
    let stream = send_page_request(&simulator, &request()).await;
    gate.reached().await;
    gate.release();
    assert_eq!(receive(stream).await.status(), 200);
}
