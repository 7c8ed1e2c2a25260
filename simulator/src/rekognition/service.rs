//! The Rekognition endpoint: `StartLabelDetection` and `GetLabelDetection` over JSON 1.1, with the limits of the API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::rekognition::job::{Job, JobStatus};
use crate::rekognition::labels::generated::Generated;
use crate::rekognition::labels::random::mix;
use crate::rekognition::page::{Page, apply_edits, common_fields, default_video_metadata, without_labels};
use crate::rekognition::quota::Quota;
use crate::rekognition::request::{
    Exception, GetLabelDetection, INVALID_PARAMETER, INVALID_TOKEN, NOT_FOUND, QUOTA_EXCEEDED,
};
use crate::rekognition::start_request::{StartLabelDetection, VideoObject};
use crate::rekognition::starts::{
    INVALID_S3_OBJECT, LIMIT_EXCEEDED, PARAMETER_MISMATCH, Start, StartedJob, Starts, TOO_LARGE,
};
use crate::rekognition::token::{self, Position};
use crate::request_log::Call;
use crate::server::connection::Connection;
use crate::server::reply::{Reply, reply};
use crate::server::service::Service;
use crate::server::transfer::Transfer;

/// Operations, each with its value of `x-amz-target`.
const GET: &str = "RekognitionService.GetLabelDetection";
const START: &str = "RekognitionService.StartLabelDetection";
const JSON: &str = "application/x-amz-json-1.1";

/// The service.
pub(crate) struct Rekognition {
    timing: Timing,
    unknown_jobs: Option<Generated>,
    shuffle_seed: u64,
    clock: Arc<Clock>,
    state: Mutex<State>,
    starts: Mutex<Starts>,
}

/// Speed of the service.
pub(crate) struct Timing {
    /// Time from the request of a page to the head of its reply.
    pub(crate) latency: Duration,
    /// Time from the head of a page to the end of its body.
    pub(crate) transfer: Duration,
    pub(crate) quota: Option<Quota>,
    /// Quota of `StartLabelDetection`.
    pub(crate) start_quota: Option<Quota>,
}

#[derive(Default)]
struct State {
    jobs: HashMap<String, Arc<Job>>,
    /// Number of `IN_PROGRESS` replies, by job.
    in_progress_replies: HashMap<String, u32>,
    /// Number of fetches so far.
    fetches: u64,
}

impl Rekognition {
    pub(crate) fn new(
        timing: Timing,
        unknown_jobs: Option<Generated>,
        shuffle_seed: u64,
        slots: usize,
        clock: Arc<Clock>,
    ) -> Self {
        let starts = Mutex::new(Starts::new(slots, Arc::clone(&clock)));
        Self { timing, unknown_jobs, shuffle_seed, clock, state: Mutex::default(), starts }
    }

    /// Returns the started jobs, the slots and the videos.
    pub(crate) fn starts(&self) -> MutexGuard<'_, Starts> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_job(&self, id: &str, job: Job) {
        self.lock().jobs.insert(id.to_owned(), Arc::new(job));
    }

    /// Returns a job. If it is unknown and unknown jobs are generated, generates it.
    pub(crate) fn job(&self, id: &str) -> Option<Arc<Job>> {
        let mut state = self.lock();
        let known = state.jobs.get(id).cloned();
        known.or_else(|| {
            let job = Arc::new(Job::generated(Generated { seed: seed(id), ..self.unknown_jobs.clone()? }));
            state.jobs.insert(id.to_owned(), Arc::clone(&job));
            Some(job)
        })
    }

    fn start_label_detection(&self, body: &[u8]) -> Result<Vec<u8>, Exception> {
        let (request, content) = StartLabelDetection::parse(body)?;
        if self.timing.start_quota.as_ref().is_some_and(|quota| !quota.take()) {
            return Err(QUOTA_EXCEEDED);
        }
        let id = match self.starts().start(&request, content)? {
            Start::Repeated(id) => id,
            Start::New(started) => {
                let in_progress = JobStatus::InProgress { replies: u32::MAX };
                self.add_job(&started.id, self.job_of(&started).status(in_progress));
                started.id
            }
        };
        Ok(json!({ "JobId": id }).to_string().into_bytes())
    }

    /// Ends a started job. Returns the event of its completion message; `None` if no such job is in progress.
    pub(crate) fn end_job(&self, id: &str, status: JobStatus) -> Option<Value> {
        let started = self.starts().end(id)?;
        let name = if status == JobStatus::Succeeded { "SUCCEEDED" } else { "FAILED" };
        self.add_job(id, self.job_of(&started).status(status));
        Some(started.completion(name, self.clock.unix_ms()))
    }

    /// Generates the job that was started.
    fn job_of(&self, started: &StartedJob) -> Job {
        let seed = seed(&started.id);
        let job = Job::generated(Generated { seed, ..self.unknown_jobs.clone().unwrap_or_default() });
        let VideoObject { bucket, name, version } = &started.video;
        let job = job.video(bucket, name, version.as_deref());
        match &started.tag {
            Some(tag) => job.job_tag(tag),
            None => job,
        }
    }

    fn get_label_detection(&self, body: &[u8]) -> Result<Vec<u8>, Exception> {
        let request = GetLabelDetection::parse(body)?;
        let scope = request.scope()?;
        if self.timing.quota.as_ref().is_some_and(|quota| !quota.take()) {
            return Err(QUOTA_EXCEEDED);
        }
        let job = self.job(&request.job_id).ok_or(NOT_FOUND)?;
        let mut common = common_fields(scope, &job);
        match &job.status {
            JobStatus::Failed { message } => {
                common.insert("JobStatus".to_owned(), "FAILED".into());
                common.insert("StatusMessage".to_owned(), message.clone().into());
                common.extend(job.video_metadata.clone().map(|metadata| ("VideoMetadata".to_owned(), metadata)));
                return Ok(apply_edits(&job, 1, without_labels(common)));
            }
            JobStatus::InProgress { replies } if self.is_in_progress(&request.job_id, *replies) => {
                common.insert("JobStatus".to_owned(), "IN_PROGRESS".into());
                return Ok(without_labels(common));
            }
            JobStatus::InProgress { .. } | JobStatus::Succeeded => {}
        }
        common.insert("JobStatus".to_owned(), "SUCCEEDED".into());
        let metadata = job.video_metadata.clone().unwrap_or_else(|| default_video_metadata(&job));
        common.insert("VideoMetadata".to_owned(), metadata);

        let position = match &request.next_token {
            None => Position { fetch: self.next_fetch(), from: 0, page: 1 },
            Some(token) => token::read(scope, token).ok_or(INVALID_TOKEN)?,
        };
        let page = Page { scope, position, max_results: request.max_results(), token: request.next_token.as_deref() };
        Ok(page.write(&job, &common, mix(&[self.shuffle_seed, position.fetch])))
    }

    /// Counts a reply of a job that is in progress for `replies` replies. Returns true if it is still in progress.
    fn is_in_progress(&self, id: &str, replies: u32) -> bool {
        let mut state = self.lock();
        let count = state.in_progress_replies.entry(id.to_owned()).or_default();
        let in_progress = *count < replies;
        *count = count.saturating_add(1);
        in_progress
    }

    fn next_fetch(&self) -> u64 {
        let mut state = self.lock();
        state.fetches += 1;
        state.fetches
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Rekognition {
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        match target(request) {
            GET => Some(describe_get(request.body())),
            START => Some(describe_start(request.body())),
            _ => Some(Call::unknown(request)),
        }
    }

    fn error_reply(&self, status: StatusCode, code: &str) -> Reply {
        let message = match code {
            INVALID_PARAMETER => "Request has invalid parameters",
            INVALID_TOKEN => "Invalid Token",
            NOT_FOUND => "Could not find JobId",
            QUOTA_EXCEEDED => "Provisioned throughput exceeded",
            LIMIT_EXCEEDED => "Too many open jobs",
            PARAMETER_MISMATCH => "The client request token was used with other parameters",
            INVALID_S3_OBJECT => {
                "Unable to get object metadata from S3. Check object key, region and/or access permissions."
            }
            TOO_LARGE => "Video size is greater than 10 GB",
            _ => "simulated",
        };
        reply(status, JSON, json!({ "__type": code, "Message": message }).to_string())
    }

    async fn handle(&self, request: Request<Bytes>, _: &Connection) -> Reply {
        let received = Instant::now();
        let answer = match target(&request) {
            START => self.start_label_detection(request.body()),
            GET => {
                let page = self.get_label_detection(request.body());
                if !self.timing.latency.is_zero() {
                    tokio::time::sleep_until(received + self.timing.latency).await;
                }
                page
            }
            _ => Err("UnknownOperationException"),
        };
        match answer {
            Ok(body) => {
                let mut reply = reply(StatusCode::OK, JSON, body);
                if target(&request) == GET && !self.timing.transfer.is_zero() {
                    reply.extensions_mut().insert(Transfer(self.timing.transfer));
                }
                reply
            }
            Err(exception) => self.error_reply(StatusCode::BAD_REQUEST, exception),
        }
    }
}

/// Describes a request for a page. An invalid request is logged with the fields that can be read.
fn describe_get(body: &[u8]) -> Call {
    let fields: Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = GetLabelDetection::parse(body).and_then(|request| {
        let scope = request.scope()?;
        let from = request.next_token.as_ref().map_or(Some(0), |token| Some(token::read(scope, token)?.from));
        let from = from.map_or_else(|| "?".to_owned(), |from| from.to_string());
        Ok(format!("{} {} from {from}", scope.sort_by.as_str(), scope.aggregation.as_str()))
    });
    let target = fields["JobId"].as_str().unwrap_or_default().to_owned();
    Call { operation: "GetLabelDetection", target, detail: detail.unwrap_or_default() }
}

/// Describes a request to start a job. An invalid request is logged with the fields that can be read.
fn describe_start(body: &[u8]) -> Call {
    let fields: Value = serde_json::from_slice(body).unwrap_or_default();
    let object = &fields["Video"]["S3Object"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let target = format!("{}/{}", text(&object["Bucket"]), text(&object["Name"]));
    Call { operation: "StartLabelDetection", target, detail: text(&fields["ClientRequestToken"]) }
}

/// Returns the seed of a job that is generated from its ID.
fn seed(id: &str) -> u64 {
    mix(&id.bytes().map(u64::from).collect::<Vec<_>>())
}

fn target(request: &Request<Bytes>) -> &str {
    request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default()
}
