//! What a simulator is to be like, and its start.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::Simulator;
use crate::exchange::Front;
use crate::faults::{Fault, RandomFaults};
use crate::generated::Generated;
use crate::glue::Glue;
use crate::job::Job;
use crate::lambda::Lambda;
use crate::quota::Quota;
use crate::rekognition::{Pace, Rekognition};
use crate::s3::{Buckets, S3Front};
use crate::sqs::Sqs;
use crate::store::Store;
use crate::tls::Authority;
use crate::wire::Listener;

/// What a simulator is to be like; every setting has a default.
#[must_use = "nothing runs until `start`"]
pub struct Builder {
    jobs: Vec<(String, Job)>,
    buckets: Vec<String>,
    directory: Option<PathBuf>,
    listing_allowed: bool,
    unknown_jobs: Option<Generated>,
    page_latency: Duration,
    page_transfer: Duration,
    put_latency: Duration,
    quota: Option<u32>,
    tls: bool,
    shuffle_seed: u64,
    glue: Glue,
    queues: Vec<String>,
    front: Front,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            jobs: Vec::new(),
            buckets: Vec::new(),
            directory: None,
            listing_allowed: true,
            unknown_jobs: None,
            page_latency: Duration::ZERO,
            page_transfer: Duration::ZERO,
            put_latency: Duration::ZERO,
            quota: None,
            tls: false,
            shuffle_seed: 1,
            glue: Glue::default(),
            queues: Vec::new(),
            front: Front::default(),
        }
    }

    /// Adds a job.
    pub fn job(mut self, id: &str, job: Job) -> Self {
        self.jobs.push((id.to_owned(), job));
        self
    }

    /// Lets every other job id be a generated job like this one, with a seed that is made from the id. By default
    /// there is no such job.
    pub fn unknown_jobs(mut self, like: Generated) -> Self {
        self.unknown_jobs = Some(like);
        self
    }

    /// Adds a bucket. Without any there is one, `lake`.
    pub fn bucket(mut self, name: &str) -> Self {
        self.buckets.push(name.to_owned());
        self
    }

    /// Keeps the objects of the first bucket as files below this directory, which is made if need be: the key is
    /// the path, and the bucket is not in it. By default objects are in memory. User metadata and content types are
    /// not kept in a directory, and a key whose component has more than 255 bytes is an `InternalError`.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Sets whether the caller has `s3:ListBucket`, which it has by default. Without it, S3 answers listings with 403, and
    /// a missing key with 403 instead of 404.
    pub fn listing_allowed(mut self, allowed: bool) -> Self {
        self.listing_allowed = allowed;
        self
    }

    /// Sets how long a page takes before its head is sent, from when it was asked for; by default no longer than making it.
    pub fn page_latency(mut self, latency: Duration) -> Self {
        self.page_latency = latency;
        self
    }

    /// Sets how long the body of a page takes after its head, sent evenly; by default it is sent at once.
    pub fn page_transfer(mut self, time: Duration) -> Self {
        self.page_transfer = time;
        self
    }

    /// Sets how long an upload takes before the object is there; by default nothing.
    pub fn put_latency(mut self, latency: Duration) -> Self {
        self.put_latency = latency;
        self
    }

    /// Limits `GetLabelDetection`, over all jobs, to this many calls a second. What is beyond gets
    /// `ProvisionedThroughputExceededException`. By default there is no limit.
    pub fn quota(mut self, calls_per_second: u32) -> Self {
        self.quota = Some(calls_per_second);
        self
    }

    /// Serves all endpoints of AWS over TLS, by a certificate authority of its own, which is part of the
    /// environment. The Runtime API stays without, as it is in Lambda.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Sets the seed of the order among equal confidences, which differs from fetch to fetch.
    pub fn shuffle_seed(mut self, seed: u64) -> Self {
        self.shuffle_seed = seed;
        self
    }

    /// Adds a database to the Data Catalog. Without any there is none.
    pub fn glue_database(self, name: &str) -> Self {
        self.glue.add_database(name);
        self
    }

    /// Adds a table to the Data Catalog, from the `TableInput` of `CreateTable`, and its database if need be.
    ///
    /// # Panics
    ///
    /// If there is such a table already, or Glue would not take its names.
    #[expect(clippy::panic, reason = "a test that cannot arrange its table has nothing to show")]
    pub fn glue_table(self, database: &str, table: &str, input: Value) -> Self {
        self.glue.add_database(database);
        if let Err(refusal) = self.glue.add_table(database, table, input) {
            panic!("table {database}.{table}: {refusal:?}");
        }
        self
    }

    /// Adds an SQS queue. Without any there is none.
    pub fn queue(mut self, name: &str) -> Self {
        self.queues.push(name.to_owned());
        self
    }

    /// Adds a fault.
    pub fn fault(self, fault: Fault) -> Self {
        self.front.faults.add(fault);
        self
    }

    /// Adds faults that come by chance.
    pub fn random_faults(self, faults: RandomFaults) -> Self {
        self.front.faults.set_random(faults);
        self
    }

    /// Starts the servers, each on a free port, in the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// If there is no port, or the directory cannot be made.
    pub async fn start(mut self) -> io::Result<Simulator> {
        if self.buckets.is_empty() {
            self.buckets.push("lake".to_owned());
        }
        let first = match self.directory {
            Some(path) => Store::in_directory(path)?,
            None => Store::in_memory(),
        };
        let all = std::iter::once(first).chain(std::iter::repeat_with(Store::in_memory));
        let stores: Vec<_> = self.buckets.into_iter().zip(all.map(Arc::new)).collect();
        let store = Arc::clone(&stores[0].1);
        let (listing_allowed, put_latency) = (self.listing_allowed, self.put_latency);
        let s3 = Arc::new(S3Front::new(Buckets { stores, listing_allowed, put_latency }));
        let pace = Pace { latency: self.page_latency, transfer: self.page_transfer, quota: self.quota.map(Quota::new) };
        let rekognition = Arc::new(Rekognition::new(pace, self.unknown_jobs, self.shuffle_seed));
        self.jobs.into_iter().for_each(|(id, job)| rekognition.add_job(&id, job));
        let lambda = Arc::new(Lambda::new());
        let glue = Arc::new(self.glue);
        let sqs = Arc::new(Sqs::new(self.queues));
        let front = Arc::new(self.front);
        let authority = if self.tls { Some(Authority::new()?) } else { None };
        let acceptor = || authority.as_ref().map(Authority::acceptor);
        Ok(Simulator {
            rekognition_listener: Listener::start(&front, &rekognition, acceptor()).await?,
            s3_listener: Listener::start(&front, &s3, acceptor()).await?,
            glue_listener: Listener::start(&front, &glue, acceptor()).await?,
            sqs_listener: Listener::start(&front, &sqs, acceptor()).await?,
            lambda_listener: Listener::start(&front, &lambda, acceptor()).await?,
            runtime_listener: Listener::start(&front, &lambda, None).await?,
            authority,
            front,
            rekognition,
            glue,
            sqs,
            lambda,
            store,
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Builder")
            .field("jobs", &self.jobs)
            .field("buckets", &self.buckets)
            .finish_non_exhaustive()
    }
}
