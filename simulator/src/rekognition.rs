//! `GetLabelDetection` over JSON 1.1, with the limits of the API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::exchange::{Reply, Service, reply};
use crate::generated::{Generated, mix};
use crate::job::{Aggregation, Job, JobStatus, MAX_RESULTS, NameOrder, Order, Slice, SortBy};
use crate::quota::Quota;
use crate::requests::Call;
use crate::token::{self, Place, Scope};
use crate::transfer::Transfer;
use crate::wire::Line;

const TARGET: &str = "RekognitionService.GetLabelDetection";
const JSON: &str = "application/x-amz-json-1.1";

/// The longest job id and the longest token, from the API reference.
const MAX_JOB_ID: usize = 64;
const MAX_TOKEN: usize = 255;

/// The service.
pub(crate) struct Rekognition {
    pace: Pace,
    unknown_jobs: Option<Generated>,
    shuffle_seed: u64,
    state: Mutex<State>,
}

/// How fast the service is.
pub(crate) struct Pace {
    pub(crate) latency: Duration,
    pub(crate) transfer: Duration,
    pub(crate) quota: Option<Quota>,
}

#[derive(Default)]
struct State {
    jobs: HashMap<String, Arc<Job>>,
    /// Replies that said `IN_PROGRESS`, by job.
    waited: HashMap<String, u32>,
    /// Fetches begun.
    fetches: u64,
}

/// The request. Numbers and names are checked by hand, for the errors of the service.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetLabelDetection {
    job_id: String,
    max_results: Option<i64>,
    next_token: Option<String>,
    sort_by: Option<String>,
    aggregate_by: Option<String>,
}

/// The name of an exception.
type Exception = &'static str;

impl GetLabelDetection {
    fn read(body: &[u8]) -> Result<Self, Exception> {
        let request: Self = serde_json::from_slice(body).map_err(|_| INVALID_PARAMETER)?;
        let id = &request.job_id;
        let id_is_good = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let token_is_short = request.next_token.as_ref().is_none_or(|token| token.chars().count() <= MAX_TOKEN);
        let results_are_some = request.max_results.is_none_or(|results| results >= 1);
        if id.is_empty() || id.len() > MAX_JOB_ID || !id_is_good || !token_is_short || !results_are_some {
            return Err(INVALID_PARAMETER);
        }
        Ok(request)
    }

    fn scope(&self) -> Result<Scope<'_>, Exception> {
        let sort_by = match self.sort_by.as_deref() {
            Some("NAME") => SortBy::Name,
            Some("TIMESTAMP") | None => SortBy::Timestamp,
            Some(_) => return Err(INVALID_PARAMETER),
        };
        let aggregation = match self.aggregate_by.as_deref() {
            Some("SEGMENTS") => Aggregation::Segments,
            Some("TIMESTAMPS") | None => Aggregation::Timestamps,
            Some(_) => return Err(INVALID_PARAMETER),
        };
        Ok(Scope { job: &self.job_id, sort_by, aggregation })
    }

    fn max_results(&self) -> usize {
        self.max_results
            .and_then(|results| usize::try_from(results).ok())
            .map_or(MAX_RESULTS, |results| results.min(MAX_RESULTS))
    }
}

impl Rekognition {
    pub(crate) fn new(pace: Pace, unknown_jobs: Option<Generated>, shuffle_seed: u64) -> Self {
        Self { pace, unknown_jobs, shuffle_seed, state: Mutex::default() }
    }

    pub(crate) fn add_job(&self, id: &str, job: Job) {
        self.lock().jobs.insert(id.to_owned(), Arc::new(job));
    }

    pub(crate) fn job(&self, id: &str) -> Option<Arc<Job>> {
        let mut state = self.lock();
        let known = state.jobs.get(id).cloned();
        known.or_else(|| {
            let seed = mix(&id.bytes().map(u64::from).collect::<Vec<_>>());
            let job = Arc::new(Job::generated(Generated { seed, ..self.unknown_jobs.clone()? }));
            state.jobs.insert(id.to_owned(), Arc::clone(&job));
            Some(job)
        })
    }

    fn get(&self, body: &[u8]) -> Result<Vec<u8>, Exception> {
        let request = GetLabelDetection::read(body)?;
        let scope = request.scope()?;
        if self.pace.quota.as_ref().is_some_and(|quota| !quota.take()) {
            return Err(QUOTA_EXCEEDED);
        }
        let job = self.job(&request.job_id).ok_or(NOT_FOUND)?;
        let mut head = head(scope, &job);
        match &job.status {
            JobStatus::Failed { message } => {
                head.insert("JobStatus".to_owned(), "FAILED".into());
                head.insert("StatusMessage".to_owned(), message.clone().into());
                head.extend(job.video_metadata.clone().map(|metadata| ("VideoMetadata".to_owned(), metadata)));
                return Ok(edit(&job, 1, without_labels(head)));
            }
            JobStatus::InProgress { replies } if self.still_running(&request.job_id, *replies) => {
                head.insert("JobStatus".to_owned(), "IN_PROGRESS".into());
                return Ok(without_labels(head));
            }
            JobStatus::InProgress { .. } | JobStatus::Succeeded => {}
        }
        head.insert("JobStatus".to_owned(), "SUCCEEDED".into());
        head.insert("VideoMetadata".to_owned(), job.video_metadata.clone().unwrap_or_else(|| video_metadata(&job)));

        let place = match &request.next_token {
            None => Place { fetch: self.next_fetch(), from: 0, page: 1 },
            Some(token) => token::read(scope, token).ok_or(INVALID_TOKEN)?,
        };
        let page = Page { scope, place, max_results: request.max_results(), token: request.next_token.as_deref() };
        Ok(page.of(&job, &head, mix(&[self.shuffle_seed, place.fetch])))
    }

    fn still_running(&self, id: &str, replies: u32) -> bool {
        let mut state = self.lock();
        let waited = state.waited.entry(id.to_owned()).or_default();
        let running = *waited < replies;
        *waited = waited.saturating_add(1);
        running
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
        if target(request) != TARGET {
            return Some(Call { operation: "Unknown", target: target(request).to_owned(), ..Call::default() });
        }
        // A request that is refused later is logged as far as it can be read.
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let detail = GetLabelDetection::read(request.body()).and_then(|request| {
            let scope = request.scope()?;
            let place = request.next_token.as_ref().map_or(Some(0), |token| Some(token::read(scope, token)?.from));
            let place = place.map_or_else(|| "?".to_owned(), |from| from.to_string());
            Ok(format!("{} {} from {place}", scope.sort_by.as_str(), scope.aggregation.as_str()))
        });
        Some(Call { operation: "GetLabelDetection", target: text("JobId"), detail: detail.unwrap_or_default() })
    }

    fn error(&self, status: StatusCode, code: &str) -> Reply {
        let message = match code {
            INVALID_PARAMETER => "Request has invalid parameters",
            INVALID_TOKEN => "Invalid Token",
            NOT_FOUND => "Could not find JobId",
            QUOTA_EXCEEDED => "Provisioned throughput exceeded",
            _ => "simulated",
        };
        reply(status, JSON, json!({ "__type": code, "Message": message }).to_string())
    }

    async fn answer(&self, request: Request<Bytes>, _: &Line) -> Reply {
        if target(&request) != TARGET {
            return self.error(StatusCode::BAD_REQUEST, "UnknownOperationException");
        }
        let asked = Instant::now();
        let page = self.get(request.body());
        if !self.pace.latency.is_zero() {
            tokio::time::sleep_until(asked + self.pace.latency).await;
        }
        match page {
            Ok(page) => {
                let mut reply = reply(StatusCode::OK, JSON, page);
                if !self.pace.transfer.is_zero() {
                    reply.extensions_mut().insert(Transfer(self.pace.transfer));
                }
                reply
            }
            Err(exception) => self.error(StatusCode::BAD_REQUEST, exception),
        }
    }
}

const INVALID_PARAMETER: Exception = "InvalidParameterException";
const INVALID_TOKEN: Exception = "InvalidPaginationTokenException";
const NOT_FOUND: Exception = "ResourceNotFoundException";
const QUOTA_EXCEEDED: Exception = "ProvisionedThroughputExceededException";

fn target(request: &Request<Bytes>) -> &str {
    request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default()
}

/// A page that was asked for.
struct Page<'a> {
    scope: Scope<'a>,
    place: Place,
    max_results: usize,
    token: Option<&'a str>,
}

impl Page<'_> {
    /// Writes the page. The labels go straight to bytes: a page is up to half a megabyte.
    fn of(&self, job: &Job, head: &Map<String, Value>, ties: u64) -> Vec<u8> {
        let Place { fetch, from, page } = self.place;
        let all = job.labels.count(self.scope.aggregation);
        let from = (from as usize).min(all);
        let empty = job.empty_pages.is_some_and(|every| page.is_multiple_of(every));
        let to = if empty { from } else { all.min(from + self.max_results.min(job.page_size)) };
        let order = match (self.scope.sort_by, job.name_order) {
            (SortBy::Timestamp, _) => Order::Time,
            (SortBy::Name, NameOrder::Global) => Order::Name { ties },
            (SortBy::Name, NameOrder::WithinPages) => Order::NameWithinPages,
        };

        let mut json = Value::Object(head.clone()).to_string().into_bytes();
        json.pop();
        json.extend_from_slice(br#","Labels":["#);
        job.labels.write(Slice { aggregation: self.scope.aggregation, order, from, to }, &mut json);
        json.push(b']');
        if to < all || empty {
            let next = token::write(self.scope, Place { fetch, from: to as u64, page: page + 1 });
            let next = if job.repeated_token == Some(page) { self.token.unwrap_or(&next) } else { &next };
            json.extend_from_slice(format!(r#","NextToken":"{next}""#).as_bytes());
        }
        json.push(b'}');
        edit(job, page, json)
    }
}

#[expect(clippy::expect_used, reason = "the page was written a moment ago")]
fn edit(job: &Job, page: u32, json: Vec<u8>) -> Vec<u8> {
    let edits: Vec<_> = job.edits.iter().filter(|(edited, _)| *edited == page).collect();
    if edits.is_empty() {
        return json;
    }
    let mut value: Value = serde_json::from_slice(&json).expect("a page is JSON");
    for (_, edit) in edits {
        edit(&mut value);
    }
    value.to_string().into_bytes()
}

/// What is the same on every page.
fn head(scope: Scope<'_>, job: &Job) -> Map<String, Value> {
    let mut head = Map::new();
    let mut set = |field: &str, value: Value| head.insert(field.to_owned(), value);
    set("LabelModelVersion", job.model_version.clone().into());
    set("JobId", scope.job.into());
    set(
        "Video",
        job.video
            .clone()
            .unwrap_or_else(|| json!({ "S3Object": { "Bucket": "videos", "Name": format!("{}.mp4", scope.job) } })),
    );
    if let Some(tag) = &job.tag {
        set("JobTag", tag.clone().into());
    }
    set("GetRequestMetadata", json!({ "SortBy": scope.sort_by.as_str(), "AggregateBy": scope.aggregation.as_str() }));
    head
}

fn without_labels(mut head: Map<String, Value>) -> Vec<u8> {
    head.insert("Labels".to_owned(), json!([]));
    Value::Object(head).to_string().into_bytes()
}

fn video_metadata(job: &Job) -> Value {
    json!({
        "Codec": "h264",
        "ColorRange": "LIMITED",
        "DurationMillis": job.labels.duration_ms(),
        "Format": "QuickTime / MOV",
        "FrameHeight": 1080,
        "FrameRate": f64::from(29.97_f32),
        "FrameWidth": 1920,
    })
}
