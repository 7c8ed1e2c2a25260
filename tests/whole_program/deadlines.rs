//! Too little time: an invocation hands over or fails before its limit, whatever the limit.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use simulator::{Builder, Fault, Generated, Job, Outcome, Simulator};

use crate::function::Function;
use crate::lambda_service::{LambdaService, Tally, within};
use crate::reader::label_files;

const ENOUGH: Duration = Duration::from_mins(15);
/// Eight of them take a second and a half, and one takes longer than the shortest limit.
const PAGE_LATENCY: Duration = Duration::from_millis(180);
const BOTH: &[(&str, &str)] = &[("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")];

fn generated(labels: usize, names: usize) -> Job {
    Job::generated(Generated { labels, names, ..Generated::default() }).page_size(100)
}

fn account(job: &Job) -> Builder {
    account(job.clone())
}

/// What the jobs leave when they have all the time.
async fn exported(account: Builder, jobs: &[&str], settings: &[(&str, &str)]) -> BTreeMap<String, Bytes> {
    let function = Function::start(account, settings).await;
    for job in jobs {
        function.export(job).await;
    }
    function.simulator.objects()
}

async fn service(account: Builder, limit: Duration) -> LambdaService {
    LambdaService::new(Function::start(account, BOTH).await, BOTH, limit)
}

/// Exports a job of eight pages under this limit; if that is given up, under none.
async fn export_within(limit: Duration, job: &Job, clean: &BTreeMap<String, Bytes>) -> Tally {
    let account = account(job).page_latency(PAGE_LATENCY);
    let mut service = service(account, limit).await;
    service.send(json!({ "JobId": "job" }));
    service.run(None).await;
    let tally = std::mem::take(&mut service.tally);
    for (error_type, message) in &tally.errors {
        assert!(message.contains("deliver the message again"), "within {limit:?}: {error_type}: {message}");
    }
    if tally.dead_lettered > 0 {
        service.set_limit(ENOUGH);
        service.send(json!({ "JobId": "job" }));
        service.run(None).await;
        assert!(service.tally.errors.is_empty(), "{:?}", service.tally);
    }
    assert_eq!(service.function.simulator.objects(), *clean, "within {limit:?}: {tally:?}");
    tally
}

/// Sweeps the limit from too short for anything to just enough.
async fn sweep(steps: u32) {
    let (shortest, longest) = (Duration::from_millis(150), Duration::from_secs(3));
    let job = generated(800, 60);
    let clean = exported(account(&job), &["job"], BOTH).await;
    let (mut killed, mut handed_over, mut errors, mut done_at_once) = (0, 0, 0, 0);
    let (mut measured_again, mut longest_share) = (0, 0_f64);
    for step in 0..steps {
        let limit = shortest + longest.saturating_sub(shortest) * step / (steps - 1);
        let mut tally = export_within(limit, &job, &clean).await;
        // A machine that stands still for some milliseconds is not the function's doing; what always comes back is.
        for _ in 0..9 {
            if tally.overrun > 0 {
                measured_again += 1;
                tally = export_within(limit, &job, &clean).await;
            }
        }
        killed += tally.overrun;
        handed_over += tally.handed_over;
        errors += tally.errors.len();
        done_at_once += u32::from(tally.handed_over == 0 && tally.errors.is_empty());
        longest_share = longest_share.max(tally.longest_share);
        if step == 0 {
            assert!(tally.dead_lettered > 0 && tally.handed_over == 0, "not too short: {tally:?}");
        }
    }
    println!(
        "time limits: {steps} ({measured_again} measured again), killed {killed}, handed over {handed_over}, retryable errors {errors}, done at once \
         {done_at_once}, longest answer at {:.0} % of its limit, lakes different 0",
        longest_share * 100.0
    );
    assert_eq!(killed, 0);
    assert!(handed_over > 0 && errors > 0);
}

#[tokio::test]
async fn no_invocation_exceeds_any_of_5_timeouts_and_the_lake_is_the_same() {
    sweep(5).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn no_invocation_exceeds_any_of_25_timeouts_and_the_lake_is_the_same() {
    sweep(25).await;
}

#[tokio::test]
async fn label_too_large_for_one_invocation_continues_in_the_next() {
    let job = generated(2_000, 1);
    let clean = exported(account(&job), &["job"], BOTH).await;
    // A second for the pages, and less than half a second an invocation; more of both on a slow machine.
    let mut scale = 1;
    let service = loop {
        let account = account(&job).page_latency(Duration::from_millis(50) * scale);
        let mut service = service(account, Duration::from_millis(600) * scale).await.patient();
        service.send(json!({ "JobId": "job" }));
        service.run(None).await;
        if service.tally.overrun == 0 || scale == 16 {
            break service;
        }
        scale *= 4;
    };
    assert!(service.tally.handed_over >= 2 && service.tally.dead_lettered == 0, "{:?}", service.tally);
    let objects = service.function.simulator.objects();
    assert_eq!(label_files(&objects, "label_detections", "job").count(), 1);
    assert_eq!(objects, clean);
}

#[tokio::test]
async fn deadline_in_the_past_is_an_error_without_any_request() {
    let job = generated(100, 3);
    let function = Function::start(account(&job), &[]).await;
    let event = json!({ "JobId": "job" });
    let outcome = function.simulator.invoke(event.to_string(), within(Duration::ZERO)).await;
    let Outcome::Error { error_type, error_message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error_type, "Configuration");
    assert!(error_message.contains("Lambda-Runtime-Deadline-Ms"), "{error_message}");
    assert!(function.simulator.requests().is_empty() && function.simulator.objects().is_empty());

    // The process is none the worse for it.
    function.export("job").await;
    assert_eq!(function.simulator.objects(), exported(account(&job), &["job"], &[]).await);
}

#[tokio::test]
async fn files_too_late_for_the_commit_are_committed_by_the_next_invocation() {
    // Of four seconds, the last for handing over is one, and the last fifth of it for the answer.
    let limit = Duration::from_secs(4);
    let late = Fault::on("PutObject").key_contains("label_").delay(Duration::from_millis(3_100));
    let job = generated(50, 1);
    let mut service = LambdaService::new(Function::start(account(&job).fault(late), &[]).await, &[], limit);
    service.send(json!({ "JobId": "job" }));
    service.run(None).await;
    assert_eq!((service.tally.handed_over, service.tally.errors.len()), (1, 0), "{:?}", service.tally);
    let function = &service.function;
    assert!(function.simulator.faults_not_fired().is_empty());
    assert_eq!(function.count("GetLabelDetection"), 1, "the page is not fetched again");
    assert_eq!(function.simulator.objects(), exported(account(&job), &["job"], &[]).await);
}

#[tokio::test]
async fn jobs_not_started_in_time_are_handed_over() {
    let jobs = ["job-1", "job-2", "job-3"];
    let account = || jobs.iter().fold(Simulator::builder(), |account, id| account.job(id, generated(300, 20)));
    let clean = exported(account(), &jobs, BOTH).await;

    // The first job's second page does not come. The third job is committed with a label that it no longer has.
    let stall = Fault::on("GetLabelDetection").key_contains("TIMESTAMPS from 100").stall();
    let mut service = service(account().fault(stall), Duration::from_secs(2)).await;
    let store = service.function.simulator.store();
    store.put("jobs/job-job-3.parquet", "an earlier row");
    store.put("label_detections/job_id=job-3/label=Gone/part-00000.parquet", "an earlier file");
    let record = |message: Value| json!({ "Sns": { "Message": message.to_string() } });
    let event = json!({ "Records": [
        record(json!({ "JobId": "job-1" })),
        record(json!({ "JobId": "job-2" })),
        record(json!({ "JobId": "job-3", "Overwrite": true })),
    ] });

    let outcome = service.function.simulator.invoke(event.to_string(), within(Duration::from_secs(2))).await;
    let Outcome::Response(answer) = outcome else { panic!("{outcome:?}") };
    let outcomes: Vec<_> = answer["jobs"].as_array().unwrap().iter().map(|job| job["outcome"].clone()).collect();
    assert_eq!(outcomes, ["HANDED_OVER"; 3]);
    assert!(service.function.simulator.faults_not_fired().is_empty());
    let fetched = service.function.simulator.requests();
    let mut fetched = fetched.iter().filter(|request| request.operation == "GetLabelDetection");
    assert!(fetched.all(|request| request.target == "job-1"), "the others are not begun");
    let messages = service.function.simulator.invoked();
    assert_eq!(
        messages,
        [
            json!({ "JobId": "job-1", "Continuation": 1 }),
            json!({ "JobId": "job-2", "Continuation": 1 }),
            json!({ "JobId": "job-3", "Continuation": 1, "Overwrite": true }),
        ]
    );

    service.set_limit(ENOUGH);
    for message in service.function.simulator.take_invoked() {
        service.send(message);
    }
    service.run(None).await;
    assert!(service.tally.errors.is_empty(), "{:?}", service.tally);
    assert_eq!(service.function.simulator.objects(), clean);
}

#[tokio::test]
async fn queue_items_that_cannot_be_handed_over_return_to_the_queue() {
    let account = || Simulator::builder().job("job-1", generated(300, 20)).job("job-2", generated(300, 20));
    let stall = Fault::on("GetLabelDetection").key_contains("TIMESTAMPS from 100").stall();
    let denied = Fault::on("Invoke").times(2).status(403, "AccessDeniedException");
    let function = Function::start(account().fault(stall).fault(denied), &[]).await;
    let item = |job: &str| json!({ "messageId": job, "body": json!({ "JobId": job }).to_string() });
    // Not all of its items fail.
    let skipped =
        json!({ "messageId": "other", "body": json!({ "JobId": "x", "API": "StartFaceDetection" }).to_string() });
    let event = json!({ "Records": [item("job-1"), item("job-2"), skipped] });

    let outcome = function.simulator.invoke(event.to_string(), within(Duration::from_secs(2))).await;
    let failures = json!({ "batchItemFailures": [{ "itemIdentifier": "job-1" }, { "itemIdentifier": "job-2" }] });
    assert_eq!(outcome, Outcome::Response(failures));
    assert!(function.simulator.faults_not_fired().is_empty());

    assert_eq!(function.succeed(event).await, json!({ "batchItemFailures": [] }));
    assert_eq!(function.simulator.objects(), exported(account(), &["job-1", "job-2"], &[]).await);
}
