//! `label-lake start`: the choice of videos, the messages, interruptions, and errors.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rekognition_simulator::{Builder, Fault, Gate, Job, JobStatus, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::CommandOutput;
use crate::account::{Account, job, wait};
use crate::deployment::Deployment;

pub(crate) const QUEUE: &str = "label-lake-videos";
/// Number of batches that the command sends concurrently.
const IN_FLIGHT: usize = 8;
pub(crate) const START: [&str; 3] = ["start", "--stack", "label-lake"];

/// Returns a simulator with a bucket of videos in front of the lake.
pub(crate) fn builder() -> Builder {
    Simulator::builder().bucket("videos").bucket("lake").queue(QUEUE)
}

pub(crate) async fn deploy(account: Account) -> Deployment {
    let queue = account.simulator.queue_url(QUEUE);
    Deployment::of(account, &[("VideoSuffixes", ".mp4,.mov")], &outputs("videos", &queue)).await
}

/// Returns the outputs of a stack that starts jobs.
pub(crate) fn outputs<'a>(bucket: &'a str, queue: &'a str) -> [(&'a str, &'a str); 3] {
    [("VideoBucketName", bucket), ("VideoQueueUrl", queue), ("StarterName", "label-lake-starter")]
}

/// Starts an account without jobs and with these videos.
pub(crate) async fn with_videos(keys: &[&str]) -> Deployment {
    let simulator = builder().start().await.unwrap();
    for key in keys {
        simulator.store().put(key, "x");
    }
    deploy(Account::new(simulator)).await
}

/// A report in a directory of its own.
pub(crate) struct Report {
    directory: TempDir,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> String {
        self.directory.path().join("sent.jsonl").to_str().unwrap().to_owned()
    }

    /// Returns the arguments that start these videos without a question.
    pub(crate) fn arguments<'a>(&self, path: &'a mut String, videos: &[&'a str]) -> Vec<&'a str> {
        *path = self.path();
        [&START[..], &["--yes", "--report", path], videos].concat()
    }

    pub(crate) async fn run(&self, deployment: &Deployment, videos: &[&str]) -> CommandOutput {
        deployment.run(&self.arguments(&mut String::new(), videos)).await
    }

    fn lines(&self) -> usize {
        fs::read_to_string(self.path()).unwrap().lines().count()
    }
}

/// Returns the messages in the queue.
fn messages(deployment: &Deployment) -> Vec<Value> {
    let messages = deployment.account.simulator.messages(QUEUE);
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

/// Returns the number of messages by the key of their video.
pub(crate) fn keys(deployment: &Deployment) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    for message in messages(deployment) {
        *keys.entry(message["detail"]["object"]["key"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    keys
}

pub(crate) fn once(keys: &[&str]) -> BTreeMap<String, usize> {
    keys.iter().map(|&key| (key.to_owned(), 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_out_what_the_lake_has_by_version_or_by_time() {
    let failed = Job::from_labels(Vec::new()).status(JobStatus::Failed { message: "no video".to_owned() });
    let builder = builder()
        .job("job-1", job(3).video("videos", "in-lake.mp4", None))
        .job("job-2", job(3).video("videos", "overwritten.mp4", None))
        .job("job-3", job(3).video("videos", "version.mp4", Some("v1")))
        .job("job-4", job(3).video("videos", "newer version.mp4", Some("v1")))
        .job("job-5", failed.video("videos", "failed.mp4", None))
        .job("job-6", job(3).video("elsewhere", "same key.mp4", None));
    let account = Account::start(builder, &[]).await;
    let store = account.simulator.store();
    let (before, after) = (SystemTime::now() - Duration::from_hours(1), SystemTime::now() + Duration::from_hours(1));
    store.put_modified("in-lake.mp4", "a video of 24 bytes     ", before);
    store.put_modified("failed.mp4", "x", before);
    store.put_modified("overwritten.mp4", "x", after);
    store.put("same key.mp4", "x");
    store.put_version("version.mp4", "x", "v1");
    store.put_version("newer version.mp4", "x", "v1");
    store.put_version("newer version.mp4", "another video", "v2");
    store.put("notes.txt", "x");
    for number in 1..=6 {
        // Rows without the time of the completion message count by the time at which they were written.
        account.export(&format!("job-{number}")).await;
    }
    let deployment = deploy(account).await;

    let report = Report::new();
    let path = report.path();
    let arguments = [&START[..], &["--dry-run", "--report", &path, "s3://videos"]].concat();
    let output = deployment.run(&arguments).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{}", output.stdout);
    for line in [
        "left out  s3://videos/in-lake.mp4  in the lake: job job-1\n",
        "start     s3://videos/overwritten.mp4  1 B\n",
        "left out  s3://videos/version.mp4  in the lake: job job-3\n",
        "start     s3://videos/newer version.mp4  13 B\n",
        "left out  s3://videos/failed.mp4  failed at Rekognition: job job-5: no video\n",
        "start     s3://videos/same key.mp4  1 B\n",
        "3 videos to start, 15 B\n  2 left out: in the lake already\n",
        "  1 left out: in the lake already, as failed at Rekognition\n",
        "  1 left out: without the suffix .mp4 or .mov\n",
        "Rekognition charges about $6 per hour of video: roughly $1 for 0.0 hours",
        "Dry run: nothing was started.\n",
    ] {
        assert!(output.stdout.contains(line), "{line}: {}", output.stdout);
    }
    assert!(messages(&deployment).is_empty() && !Path::new(&path).exists());

    let output = report.run(&deployment, &["s3://videos/"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{}", output.stdout);
    assert!(output.stdout.contains("3 videos sent to the queue\n"), "{}", output.stdout);
    assert_eq!(keys(&deployment), once(&["newer version.mp4", "overwritten.mp4", "same key.mp4"]));
    let message = &messages(&deployment)[0];
    // The MD5 of `another video`, as S3 has it in its events.
    let etag = "d163ed736eeb8dcaac63f9acb3a32341";
    let object = json!({ "key": "newer version.mp4", "size": 13, "etag": etag, "version-id": "v2" });
    let detail = json!({ "bucket": { "name": "videos" }, "object": object, "reason": "label-lake start" });
    assert_eq!(*message, json!({ "source": "label-lake", "detail-type": "Object Created", "detail": detail }));
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_an_object_or_a_folder_and_leaves_out_what_was_sent() {
    let deployment = with_videos(&["a", "a-b.mp4", "a.mp4", "a.mp4/x.mp4", "a/1.MP4", "a/2/3.mov", "b.mkv"]).await;
    let report = Report::new();
    let mut expected = vec!["a.mp4"];
    for (videos, sent, more) in [
        (&["s3://videos/a.mp4"][..], "1 video sent", &[][..]),
        (&["s3://videos/a/", "s3://videos/a/2/3.mov"], "2 videos sent", &["a/1.MP4", "a/2/3.mov"]),
        (&["s3://videos/a/", "s3://videos/a.mp4"], "  3 left out: sent before; delete ", &[]),
        (&["s3://videos"], "2 videos sent", &["a-b.mp4", "a.mp4/x.mp4"]),
    ] {
        let output = report.run(&deployment, videos).await;
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{videos:?}: {}", output.stdout);
        assert!(output.stdout.contains(sent), "{videos:?}: {}", output.stdout);
        expected.extend(more);
        assert_eq!(keys(&deployment), once(&expected), "{videos:?}");
    }
    // Another content of the same key is another video.
    deployment.account.simulator.store().put("a.mp4", "other");
    let output = report.run(&deployment, &["--suffix", ".mkv,.MP4", "s3://videos"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!((keys(&deployment)["a.mp4"], keys(&deployment)["b.mkv"], keys(&deployment).len()), (2, 1, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_videos_are_sent_once_through_two_interruptions() {
    const VIDEOS: usize = 10_000;
    let gates = [Gate::new(), Gate::new()];
    // All batches in flight are held, so the number of videos that are sent before the signal is known.
    let held = |nth, gate: &Gate| Fault::on("SendMessageBatch").nth(nth).times(IN_FLIGHT).hold(gate.clone());
    let builder = builder().fault(held(300, &gates[0])).fault(held(700, &gates[1]));
    let simulator = builder.start().await.unwrap();
    for number in 0..VIDEOS {
        simulator.store().put(&format!("2026/{number:05}.mp4"), "x");
    }
    let deployment = deploy(Account::new(simulator)).await;
    let report = Report::new();
    for (gate, batches) in gates.into_iter().zip([299 + IN_FLIGHT, 699 + IN_FLIGHT]) {
        let mut path = String::new();
        let mut process = deployment.spawn(&report.arguments(&mut path, &["s3://videos/2026"]));
        gate.reached_by(IN_FLIGHT).await;
        let id = process.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let mut errors = BufReader::new(process.stderr.take().unwrap()).lines();
        let notice = errors.next_line().await.unwrap().unwrap_or_default();
        assert!(notice.starts_with("error: interrupted; videos that were sent stay"), "{notice}");
        gate.release();
        let output = wait(process).await;
        let hint = errors.next_line().await.unwrap().unwrap_or_default();
        assert_eq!(output.code, Some(130), "{hint}");
        assert!(hint.starts_with("hint: run the command again to send the others"), "{hint}");
        let sent = keys(&deployment);
        assert!(sent.values().all(|&number| number == 1), "sent twice");
        assert_eq!((sent.len(), report.lines()), (10 * batches, 10 * batches));
    }
    let output = report.run(&deployment, &["s3://videos/2026"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let sent = keys(&deployment);
    assert!(sent.len() == VIDEOS && sent.values().all(|&number| number == 1), "{}", sent.len());
    assert!(deployment.account.simulator.faults_not_fired().is_empty());

    let again = report.run(&deployment, &["s3://videos/2026"]).await;
    assert!(again.stdout.contains("0 videos to start, 0 B\n  10,000 left out: sent before"), "{}", again.stdout);
    assert_eq!(messages(&deployment).len(), VIDEOS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_loses_no_video_and_repeats_only_the_batches_in_flight() {
    const VIDEOS: usize = 500;
    let gate = Gate::new();
    let simulator = builder().fault(Fault::on("SendMessageBatch").nth(20).times(IN_FLIGHT).hold_reply(gate.clone()));
    let simulator = simulator.start().await.unwrap();
    for number in 0..VIDEOS {
        simulator.store().put(&format!("{number:03}.mp4"), "x");
    }
    let deployment = deploy(Account::new(simulator)).await;
    let report = Report::new();
    let mut path = String::new();
    let mut process = deployment.spawn(&report.arguments(&mut path, &["s3://videos"]));
    gate.reached_by(IN_FLIGHT).await;
    process.kill().await.unwrap();
    gate.release();
    let recorded = report.lines();
    assert_eq!(recorded + 80, messages(&deployment).len());

    let output = report.run(&deployment, &["s3://videos"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{}", output.stdout);
    let sent = keys(&deployment);
    let twice = sent.values().filter(|&&number| number == 2).count();
    assert_eq!((sent.len(), twice, messages(&deployment).len()), (VIDEOS, 80, VIDEOS + 80));
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_videos_that_sqs_does_not_take() {
    let deployment = with_videos(&["a.mp4", "b.mp4", "c.mp4"]).await;
    let reply = json!({
        "Successful": [{ "Id": "0", "MessageId": "m" }, { "Id": "2", "MessageId": "m" }],
        "Failed": [{ "Id": "1", "Code": "InternalError", "SenderFault": false }],
    });
    let simulator = &deployment.account.simulator;
    simulator.add_fault(Fault::on("SendMessageBatch").reply_body(200, reply.to_string()));
    let report = Report::new();
    let output = report.run(&deployment, &["s3://videos"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(output.stdout.ends_with("2 videos sent to the queue, 1 not sent\n"), "{}", output.stdout);
    let expected =
        "failed  s3://videos/b.mp4  InternalError\nerror: SQS did not take all videos\nhint: run the command again";
    assert!(output.stderr.starts_with(expected), "{}", output.stderr);
    let again = report.run(&deployment, &["s3://videos"]).await;
    assert_eq!((again.code, keys(&deployment)), (Some(0), once(&["b.mp4"])), "{}", again.stderr);

    simulator.store().put("d.mp4", "x");
    simulator.add_fault(Fault::on("SendMessageBatch").always().status(403, "AccessDenied"));
    let denied = report.run(&deployment, &["s3://videos"]).await;
    assert_eq!(denied.code, Some(1));
    assert!(denied.stdout.ends_with("0 videos sent to the queue, 1 not sent\n"), "{}", denied.stdout);
    assert!(denied.stderr.contains("\nhint: you lack permission sqs:SendMessage on the queue\n"), "{}", denied.stderr);
    denied.assert_one_error();
}

#[tokio::test(flavor = "multi_thread")]
async fn asks_nothing_without_a_terminal() {
    let deployment = with_videos(&["a.mp4"]).await;
    let output = deployment.run(&[&START[..], &["s3://videos"]].concat()).await;
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.ends_with("hint: pass --yes to start without confirmation\n"), "{}", output.stderr);
    assert_eq!(deployment.account.simulator.requests().len(), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sends_nothing_until_the_answer_is_yes() {
    use std::io::Write as _;

    let deployment = with_videos(&["a.mp4", "b.mp4"]).await;
    let report = Report::new();
    let path = report.path();
    for (answer, code, sent) in [("\n", 1, 0), ("no\n", 1, 0), ("y\n", 0, 2)] {
        let (mut person, program) = crate::progress::open_terminal();
        person.write_all(answer.as_bytes()).unwrap();
        let mut command = deployment.command(&[&START[..], &["--report", &path, "s3://videos"]].concat());
        command.stdin(program);
        let output = crate::account::run_to_end(command).await;
        assert_eq!(output.code, Some(code), "{answer:?}: {}", output.stderr);
        assert!(output.stdout.starts_with("2 videos to start, 2 B\n"), "{}", output.stdout);
        assert!(output.stderr.starts_with("Start 2 videos? [y/N] "), "{}", output.stderr);
        assert_eq!(output.stderr.contains("error: nothing was started"), sent == 0, "{}", output.stderr);
        assert_eq!(messages(&deployment).len(), sent, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_a_wrong_bucket_prefix_or_stack() {
    let deployment = with_videos(&["a.mp4"]).await;
    let report = Report::new();
    for (video, error, hint) in [
        (
            "s3://other/a.mp4",
            "s3://other/a.mp4: stack label-lake may read videos in s3://videos only",
            "copy the videos to",
        ),
        ("s3://videos/b.mp4", "no objects found in s3://videos/b.mp4", "check the prefix"),
    ] {
        let output = report.run(&deployment, &["s3://videos/a.mp4", video]).await;
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{video}");
        assert!(output.stderr.starts_with(&format!("error: {error}\nhint: {hint}")), "{}", output.stderr);
        output.assert_one_error();
    }
    let denied = Fault::on("ListObjectVersions").always().status(403, "AccessDenied");
    deployment.account.simulator.add_fault(denied);
    let output = report.run(&deployment, &["s3://videos"]).await;
    assert!(output.stderr.starts_with("error: s3:ListBucketVersions on s3://videos/ failed"), "{}", output.stderr);
    let plain = Deployment::of(Account::new(builder().start().await.unwrap()), &[], &[]).await;
    let output = report.run(&plain, &["s3://videos"]).await;
    assert!(
        output.stderr.starts_with("error: stack label-lake starts no jobs: it was deployed without"),
        "{}",
        output.stderr
    );
    assert_eq!(deployment.account.simulator.messages(QUEUE).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_nothing_if_a_row_of_the_lake_cannot_be_read() {
    let simulator = Simulator::builder().bucket("lake").bucket("videos").queue(QUEUE).start().await.unwrap();
    simulator.store().put("jobs/job-x.parquet", "no row");
    let queue = simulator.queue_url(QUEUE);
    let suffixes = [("VideoSuffixes", ".parquet")];
    let deployment = Deployment::of(Account::new(simulator), &suffixes, &outputs("lake", &queue)).await;
    let output = Report::new().run(&deployment, &["s3://lake"]).await;
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(
        output.stderr.starts_with("error: cannot tell which videos the lake has (1 unreadable): "),
        "{}",
        output.stderr
    );
    assert!(messages(&deployment).is_empty());
}
