//! Too little time: whatever its timeout, an invocation hands over or fails before it.

use std::time::Duration;

use rekognition_simulator::{Builder, Fault, Job, Outcome, Simulator};
use serde_json::{Value, json};

use crate::support::{
    BOTH_TABLES, DeliveryStats, Function, LambdaService, Objects, PAGE, account, generated, label_files, within,
};

/// Lambda's maximum timeout: enough for every job here.
const ENOUGH: Duration = Duration::from_mins(15);
/// Time per page. Eight pages take a second and a half; a single page takes longer than the shortest timeout.
const PAGE_LATENCY: Duration = Duration::from_millis(180);

fn job(labels: usize, names: usize) -> Job {
    generated(labels, names).page_size(100)
}

/// Returns the lake after exports with enough time.
async fn exported(account: Builder, jobs: &[&str], settings: &[(&str, &str)]) -> Objects {
    let function = Function::start(account, settings).await;
    for job in jobs {
        function.export(job).await;
    }
    function.simulator.objects()
}

async fn service(account: Builder, timeout: Duration) -> LambdaService {
    LambdaService::new(Function::start(account, BOTH_TABLES).await, BOTH_TABLES, timeout)
}

/// Exports a job of eight pages with this timeout. If the event is dead-lettered, delivers it again with enough time.
async fn export_within(timeout: Duration, job: &Job, clean: &Objects) -> DeliveryStats {
    let account = account(job.clone()).page_latency(PAGE_LATENCY);
    let mut service = service(account, timeout).await;
    service.send(json!({ "JobId": "job" }));
    service.run(None).await;
    let stats = std::mem::take(&mut service.stats);
    for (error_type, message) in &stats.errors {
        assert!(message.contains("deliver the message again"), "within {timeout:?}: {error_type}: {message}");
    }
    if stats.dead_lettered > 0 {
        service.set_timeout(ENOUGH);
        service.send(json!({ "JobId": "job" }));
        service.run(None).await;
        assert!(service.stats.errors.is_empty(), "{:?}", service.stats);
    }
    assert_eq!(service.function.simulator.objects(), *clean, "within {timeout:?}: {stats:?}");
    stats
}

/// Sweeps the timeout from too short for a single page to just enough for the job.
async fn sweep(steps: u32) {
    let (shortest, longest) = (Duration::from_millis(150), Duration::from_secs(3));
    let job = job(800, 60);
    let clean = exported(account(job.clone()), &["job"], BOTH_TABLES).await;
    let (mut timed_out, mut handed_over, mut errors, mut done_at_once) = (0, 0, 0, 0);
    let (mut repeated, mut longest_share) = (0, 0_f64);
    for step in 0..steps {
        let timeout = shortest + longest.saturating_sub(shortest) * step / (steps - 1);
        let mut stats = export_within(timeout, &job, &clean).await;
        // A machine that freezes for some milliseconds is not the function's fault. A timeout that recurs is.
        for _ in 0..9 {
            if stats.timed_out > 0 {
                repeated += 1;
                stats = export_within(timeout, &job, &clean).await;
            }
        }
        timed_out += stats.timed_out;
        handed_over += stats.handed_over;
        errors += stats.errors.len();
        done_at_once += u32::from(stats.handed_over == 0 && stats.errors.is_empty());
        longest_share = longest_share.max(stats.longest_share);
        if step == 0 {
            assert!(stats.dead_lettered > 0 && stats.handed_over == 0, "the shortest timeout suffices: {stats:?}");
        }
    }
    println!(
        "{steps} timeouts ({repeated} repeated): {timed_out} invocations timed out, {handed_over} handovers, {errors} \
         retryable errors, {done_at_once} done in one invocation, slowest answer at {:.0} % of its timeout, 0 \
         different lakes",
        longest_share * 100.0
    );
    assert_eq!(timed_out, 0);
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
    let job = job(2_000, 1);
    let clean = exported(account(job.clone()), &["job"], BOTH_TABLES).await;
    // The pages take a second, and an invocation has less than half a second for them. Both grow on a slow machine.
    let mut scale = 1;
    let service = loop {
        let account = account(job.clone()).page_latency(Duration::from_millis(50) * scale);
        let mut service = service(account, Duration::from_millis(600) * scale).await.with_longer_retries();
        service.send(json!({ "JobId": "job" }));
        service.run(None).await;
        if service.stats.timed_out == 0 || scale == 16 {
            break service;
        }
        scale *= 4;
    };
    assert!(service.stats.handed_over >= 2 && service.stats.dead_lettered == 0, "{:?}", service.stats);
    let objects = service.function.simulator.objects();
    assert_eq!(label_files(&objects, "label_detections", "job").count(), 1);
    assert_eq!(objects, clean);
}

#[tokio::test]
async fn deadline_in_the_past_is_an_error_without_any_request() {
    let job = job(100, 3);
    let function = Function::start(account(job.clone()), &[]).await;
    let event = json!({ "JobId": "job" });
    let outcome = function.simulator.invoke(event.to_string(), within(Duration::ZERO)).await;
    let Outcome::Error { error_type, error_message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error_type, "Configuration");
    assert!(error_message.contains("Lambda-Runtime-Deadline-Ms"), "{error_message}");
    assert!(function.simulator.requests().is_empty() && function.simulator.objects().is_empty());

    // The process still works.
    function.export("job").await;
    assert_eq!(function.simulator.objects(), exported(account(job), &["job"], &[]).await);
}

#[tokio::test]
async fn files_too_late_for_the_commit_are_committed_by_the_next_invocation() {
    // Of four seconds, the last one is reserved for the handover, and its last fifth for the answer.
    let timeout = Duration::from_secs(4);
    let late = Fault::on("PutObject").key_contains("label_").delay(Duration::from_millis(3_100));
    let job = job(50, 1);
    let mut service = LambdaService::new(Function::start(account(job.clone()).fault(late), &[]).await, &[], timeout);
    service.send(json!({ "JobId": "job" }));
    service.run(None).await;
    assert_eq!((service.stats.handed_over, service.stats.errors.len()), (1, 0), "{:?}", service.stats);
    let function = &service.function;
    assert!(function.simulator.faults_not_fired().is_empty());
    assert_eq!(function.count(PAGE), 1, "the page is not fetched again");
    assert_eq!(function.simulator.objects(), exported(account(job), &["job"], &[]).await);
}

#[tokio::test]
async fn jobs_not_started_in_time_are_handed_over() {
    let jobs = ["job-1", "job-2", "job-3"];
    let account = || jobs.iter().fold(Simulator::builder(), |account, id| account.job(id, job(300, 20)));
    let clean = exported(account(), &jobs, BOTH_TABLES).await;

    // The first job's second page stalls. The third job is already committed, with a label that it no longer has.
    let stall = Fault::on(PAGE).key_contains("TIMESTAMPS from 100").stall();
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
    let mut fetched = fetched.iter().filter(|request| request.operation == PAGE);
    assert!(fetched.all(|request| request.target == "job-1"), "only job-1 is started");
    let messages = service.function.simulator.invoked();
    assert_eq!(
        messages,
        [
            json!({ "JobId": "job-1", "Continuation": 1 }),
            json!({ "JobId": "job-2", "Continuation": 1 }),
            json!({ "JobId": "job-3", "Continuation": 1, "Overwrite": true }),
        ]
    );

    service.set_timeout(ENOUGH);
    for message in service.function.simulator.take_invoked() {
        service.send(message);
    }
    service.run(None).await;
    assert!(service.stats.errors.is_empty(), "{:?}", service.stats);
    assert_eq!(service.function.simulator.objects(), clean);
}

#[tokio::test]
async fn queue_items_that_cannot_be_handed_over_return_to_the_queue() {
    let account = || Simulator::builder().job("job-1", job(300, 20)).job("job-2", job(300, 20));
    let stall = Fault::on(PAGE).key_contains("TIMESTAMPS from 100").stall();
    let denied = Fault::on("Invoke").times(2).status(403, "AccessDeniedException");
    let function = Function::start(account().fault(stall).fault(denied), &[]).await;
    let item = |job: &str| json!({ "messageId": job, "body": json!({ "JobId": job }).to_string() });
    // An item that succeeds, so that the event as a whole does not fail.
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
