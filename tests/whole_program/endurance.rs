//! One process runs thousands of good and bad invocations in random order. It neither leaks nor carries state over.

use std::fs;

use rekognition_simulator::{Builder, Invocation, JobStatus, NameOrder, Outcome, Simulator};
use serde_json::json;

use crate::support::{Function, Objects, assert_same_lake, generated};

const KIB: usize = 1024;
/// Memory that the process may gain. The allocator keeps freed pages, and needs a few more when threads happen to
/// allocate at once.
const ALLOWED_GROWTH: usize = 1024 * KIB;
/// Memory that each invocation may leak. The Lambda runtime sets an environment variable to the trace ID of each
/// invocation, and the C library never frees an old value: 170 bytes. With a single trace ID, 17,000 invocations leak
/// nothing.
const TRACE_ID_LEAK: usize = 200;

/// An event, and the lake before it.
struct Case {
    name: &'static str,
    event: Vec<u8>,
    /// Key of a row that is already in the lake.
    committed: Option<&'static str>,
}

/// Result of a case.
struct Ended {
    outcome: Outcome,
    lake: Objects,
}

fn cases() -> Vec<Case> {
    let item = |id: &str, body: String| json!({"messageId": id, "body": body});
    let queue = json!({"Records": [
        item("good", json!({"JobId": "good"}).to_string()),
        item("bad", "{".to_owned()),
        item("unknown", json!({"JobId": "nobody"}).to_string()),
    ]});
    let several = json!({"Records": [
        {"Sns": {"Message": json!({"JobId": "good", "Timestamp": 7}).to_string()}},
        {"Sns": {"Message": json!({"JobId": "failed"}).to_string()}},
    ]});
    let case = |name, event: String| Case { name, event: event.into_bytes(), committed: None };
    vec![
        case("good job", json!({"JobId": "good", "JobTag": "tag"}).to_string()),
        case("another good job", json!({"JobId": "other"}).to_string()),
        case("several jobs", several.to_string()),
        case("queue", queue.to_string()),
        case("ungrouped job", json!({"JobId": "ungrouped"}).to_string()),
        case("overwrite", json!({"JobId": "good", "Overwrite": true}).to_string()),
        case("failed job", json!({"JobId": "failed", "Status": "FAILED"}).to_string()),
        case("unknown job", json!({"JobId": "nobody"}).to_string()),
        case("bad id", json!({"JobId": "../x"}).to_string()),
        case("other API", json!({"JobId": "good", "API": "StartFaceDetection"}).to_string()),
        case("empty event", "{}".to_owned()),
        case("deep event", "[".repeat(2_000)),
        case("large event", json!({"JobId": "good", "Unknown": "x".repeat(100 * KIB)}).to_string()),
        Case { name: "garbage", event: b"\xff\xfe\x00{".to_vec(), committed: None },
        Case {
            name: "duplicate",
            event: json!({"JobId": "good"}).to_string().into_bytes(),
            committed: Some("jobs/job-good.parquet"),
        },
    ]
}

fn four_jobs() -> Builder {
    let job = |labels, names| generated(labels, names).page_size(10);
    Simulator::builder()
        .job("good", job(25, 3))
        .job("other", job(8, 4))
        .job("ungrouped", job(30, 3).order(NameOrder::WithinPages))
        .job("failed", job(0, 1).status(JobStatus::Failed { message: "the video is not supported".to_owned() }))
}

/// Delivers a case to an otherwise empty lake.
async fn deliver(function: &Function, case: &Case) -> Ended {
    let simulator = &function.simulator;
    for key in simulator.store().keys() {
        simulator.store().delete(&key);
    }
    if let Some(key) = case.committed {
        simulator.store().put(key, "committed");
    }
    // The simulator's request log would grow without bound.
    simulator.clear_requests();
    let outcome = simulator.invoke(case.event.clone(), Invocation::default()).await;
    Ended { outcome, lake: simulator.objects() }
}

/// Returns the resident memory of a process in bytes.
fn resident(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * KIB
}

fn open_files(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

async fn invoke(times: usize) {
    let cases = cases();
    // The expected result of a case is that of a process that runs nothing else.
    let mut expected = Vec::new();
    for case in &cases {
        expected.push(deliver(&Function::start(four_jobs(), &[]).await, case).await);
    }
    let committed = |ended: &&Ended| ended.lake.keys().any(|key| key.starts_with("jobs/"));
    assert_eq!(expected.iter().filter(committed).count(), 9, "the cases do what their names say");

    let function = Function::start(four_jobs(), &[]).await;
    let process = function.process_id();
    let warm_up = times / 3;
    let (mut memory_before, mut files_before) = (0, 0);
    // In random order, every case follows every other case at some point.
    let mut random = fastrand::Rng::with_seed(1);
    for time in 0..times {
        if time == warm_up {
            (memory_before, files_before) = (resident(process), open_files(process));
        }
        let index = random.usize(..cases.len());
        let ended = deliver(&function, &cases[index]).await;
        assert_eq!(ended.outcome, expected[index].outcome, "invocation {time}: {}", cases[index].name);
        assert_same_lake(&ended.lake, &expected[index].lake);
    }
    let (memory_after, files_after) = (resident(process), open_files(process));
    println!(
        "{times} invocations: 0 different answers, 0 different lakes; after {warm_up}: {} KiB and {files_before} open \
         files, at the end: {} KiB and {files_after} open files",
        memory_before / KIB,
        memory_after / KIB
    );
    let allowed = ALLOWED_GROWTH + TRACE_ID_LEAK * (times - warm_up);
    assert!(memory_after <= memory_before + allowed, "{memory_before} → {memory_after}");
    // Each connection pool may have closed or opened a connection between the two measurements.
    assert!(files_after <= files_before + 4, "{files_before} → {files_after}");
}

#[tokio::test]
async fn process_is_unchanged_after_300_good_and_bad_invocations() {
    invoke(300).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn process_is_unchanged_after_10000_good_and_bad_invocations() {
    invoke(10_000).await;
}
