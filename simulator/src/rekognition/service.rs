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

fn target(request: &Request<Bytes>) -> &str {
    request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default()
}

