//! One process for thousands of invocations, good and bad mixed: it neither grows nor remembers.

use std::collections::BTreeMap;
use std::fs;

use bytes::Bytes;
use serde_json::json;
use simulator::{Generated, Invocation, Job, JobStatus, NameOrder, Outcome, Simulator};

use crate::faults::assert_same_lake;
use crate::function::Function;

const KIB: usize = 1024;
/// The allocator keeps pages that it has, and takes a few more when threads happen to meet.
const MAY_GROW: usize = 1024 * KIB;
/// The Lambda runtime puts the trace id of each invocation into the environment, and the C library keeps every value
/// that a variable ever had: 170 bytes. With one trace id for all, 17,000 invocations take nothing.
const TRACE_ID: usize = 200;

/// An event, and what is in the lake before it.
struct Case {
    name: &'static str,
    event: Vec<u8>,
    committed: Option<&'static str>,
}

/// How a case ends when it is all that a process ever does.
struct Alone {
    outcome: Outcome,
    lake: BTreeMap<String, Bytes>,
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
        case("job without order", json!({"JobId": "disordered"}).to_string()),
        case("overwrite", json!({"JobId": "good", "Overwrite": true}).to_string()),
        case("failed job", json!({"JobId": "failed", "Status": "FAILED"}).to_string()),
        case("unknown job", json!({"JobId": "nobody"}).to_string()),
        case("bad id", json!({"JobId": "../x"}).to_string()),
        case("other API", json!({"JobId": "good", "API": "StartFaceDetection"}).to_string()),
        case("no event", "{}".to_owned()),
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

fn account() -> simulator::Builder {
    let job = |labels, names| Job::generated(Generated { labels, names, ..Generated::default() }).page_size(10);
    Simulator::builder()
        .job("good", job(25, 3))
        .job("other", job(8, 4))
        .job("disordered", job(30, 3).order(NameOrder::WithinPages))
        .job("failed", job(0, 1).status(JobStatus::Failed { message: "the video is not supported".to_owned() }))
        
}

/// Delivers a case to an otherwise empty lake.
async fn deliver(function: &Function, case: &Case) -> Alone {
    let simulator = &function.simulator;
    for key in simulator.store().keys() {
        simulator.store().delete(&key);
    }
    if let Some(key) = case.committed {
        simulator.store().put(key, "committed");
    }
    // The log of the simulator would grow instead.
    simulator.clear_requests();
    let outcome = simulator.invoke(case.event.clone(), Invocation::default()).await;
    Alone { outcome, lake: simulator.objects() }
}

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
    let mut alone = Vec::new();
    for case in &cases {
        alone.push(deliver(&Function::start(account(), &[]).await, case).await);
    }
    let committed = |alone: &&Alone| alone.lake.keys().any(|key| key.starts_with("jobs/"));
    assert_eq!(alone.iter().filter(committed).count(), 9, "the cases are what their names say");

    let function = Function::start(account(), &[]).await;
    let process = function.process_id();
    let warm_up = times / 3;
    let (mut resident_then, mut files_then) = (0, 0);
    // Every case follows every other one somewhere.
    let mut chance = fastrand::Rng::with_seed(1);
    for time in 0..times {
        if time == warm_up {
            (resident_then, files_then) = (resident(process), open_files(process));
        }
        let index = chance.usize(..cases.len());
        let ended = deliver(&function, &cases[index]).await;
        assert_eq!(ended.outcome, alone[index].outcome, "invocation {time}: {}", cases[index].name);
        assert_same_lake(&ended.lake, &alone[index].lake);
    }
    let (resident_now, files_now) = (resident(process), open_files(process));
    println!(
        "invocations: {times}, different answers 0, different lakes 0; after {warm_up}: {} KiB and {files_then} open \
         files, at the end {} KiB and {files_now}",
        resident_then / KIB,
        resident_now / KIB
    );
    let may_grow = MAY_GROW + TRACE_ID * (times - warm_up);
    assert!(resident_now <= resident_then + may_grow, "{resident_then} → {resident_now}");
    // A pooled connection may be closed or opened again between two of them, in each of the pools.
    assert!(files_now <= files_then + 4, "{files_then} → {files_now}");
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
