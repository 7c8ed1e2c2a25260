//! The builder of a simulator: its settings and its start.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Clock;
use crate::faults::fault::Fault;
use crate::faults::random::RandomFaults;
use crate::glue::service::Glue;
use crate::lambda::function::Function;
use crate::lambda::service::Lambda;
use crate::rekognition::job::Job;
use crate::rekognition::labels::generated::Generated;
use crate::rekognition::quota::Quota;
use crate::rekognition::service::{Rekognition, Timing};
use crate::rekognition::starts::DEFAULT_SLOTS;
use crate::s3::buckets::Buckets;
use crate::s3::service::S3Endpoint;
use crate::s3::store::Store;
use crate::server::exchange::Instrumentation;
use crate::server::listener::Listener;
use crate::server::tls::Authority;
use crate::simulator::Simulator;
use crate::sqs::queue::Redrive;
use crate::sqs::service::Sqs;

/// Settings of a simulator. Every setting has a default.
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
    start_quota: Option<u32>,
    slots: usize,
    tls: bool,
    shuffle_seed: u64,
    glue: Glue,
    queues: Vec<(String, Option<Redrive>)>,
    function: Function,
    instrumentation: Instrumentation,
}

impl Simulator {
    /// Returns a builder with the default settings.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
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
            start_quota: None,
            slots: DEFAULT_SLOTS,
            tls: false,
            shuffle_seed: 1,
            glue: Glue::default(),
            queues: Vec::new(),
            function: Function::default(),
            instrumentation: Instrumentation::default(),
        }
    }

    /// Adds a job.
    pub fn job(mut self, id: &str, job: Job) -> Self {
        self.jobs.push((id.to_owned(), job));
        self
    }

    /// Generates a job with these settings for every job ID that was not added. The seed is derived from the ID. By
    /// default, unknown jobs are not found.
    pub fn unknown_jobs(mut self, like: Generated) -> Self {
        self.unknown_jobs = Some(like);
        self
    }

    /// Adds a bucket. If none is added, there is one bucket, `lake`.
    pub fn bucket(mut self, name: &str) -> Self {
        self.buckets.push(name.to_owned());
        self
    }

    /// Stores the objects of the first bucket as files below this directory, which is created if missing. The path of a
    /// file is the key, without the bucket. By default, objects are in memory.
    ///
    /// User metadata and content types are not stored. A key that cannot be a path, for example because a component has
    /// more than 255 bytes, is refused with `InvalidRequest`.
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

    /// Sets the time from the request of a page to the head of its reply. Default: as long as it takes to create the
    /// page.
    pub fn page_latency(mut self, latency: Duration) -> Self {
        self.page_latency = latency;
        self
    }

    /// Sets the time from the head of a page to the end of its body, which is sent at a constant rate. Default: at
    /// once.
    pub fn page_transfer(mut self, time: Duration) -> Self {
        self.page_transfer = time;
        self
    }

    /// Sets the time from the upload of an object until it exists. Default: zero.
    pub fn put_latency(mut self, latency: Duration) -> Self {
        self.put_latency = latency;
        self
    }

    /// Limits `GetLabelDetection` to this many calls per second, over all jobs. Further calls are answered with
    /// `ProvisionedThroughputExceededException`. Default: no limit.
    pub fn quota(mut self, calls_per_second: u32) -> Self {
        self.quota = Some(calls_per_second);
        self
    }

    /// Limits `StartLabelDetection` to this many calls per second. Further calls are answered with
    /// `ProvisionedThroughputExceededException`. Default: no limit. AWS's default is 5.
    pub fn start_quota(mut self, calls_per_second: u32) -> Self {
        self.start_quota = Some(calls_per_second);
        self
    }

    /// Limits the started jobs that are in progress at once. Further starts are answered with `LimitExceededException`.
    /// Default: 20, as in AWS.
    pub fn slots(mut self, jobs: usize) -> Self {
        self.slots = jobs;
        self
    }

    /// Serves all AWS endpoints over TLS. [`Simulator::environment`] names the certificate authority, which is created
    /// for this simulator. The Runtime API has no TLS, as in Lambda.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Sets the seed for the order of labels with equal confidences, which differs from fetch to fetch.
    pub fn shuffle_seed(mut self, seed: u64) -> Self {
        self.shuffle_seed = seed;
        self
    }

    /// Adds a database to the Data Catalog.
    pub fn glue_database(self, name: &str) -> Self {
        self.glue.add_database(name);
        self
    }

    /// Adds a table to the Data Catalog, from the `TableInput` of `CreateTable`. Adds its database if missing.
    ///
    /// # Panics
    ///
    /// If the table already exists, or Glue would reject one of the names.
    #[expect(clippy::panic, reason = "a test that cannot set up its table cannot continue")]
    pub fn glue_table(self, database: &str, table: &str, input: Value) -> Self {
        self.glue.add_database(database);
        if let Err(error) = self.glue.add_table(database, table, input) {
            panic!("table {database}.{table}: {error:?}");
        }
        self
    }

    /// Adds an SQS queue.
    pub fn queue(mut self, name: &str) -> Self {
        self.queues.push((name.to_owned(), None));
        self
    }

    /// Adds an SQS queue with a redrive policy: a message that was received `max_receives` times moves to the queue
    /// `dead_letters` instead of being received again.
    pub fn queue_with_redrive(mut self, name: &str, dead_letters: &str, max_receives: u32) -> Self {
        let redrive = Redrive { dead_letters: dead_letters.to_owned(), max_receives };
        self.queues.push((name.to_owned(), Some(redrive)));
        self
    }

    /// Sets the name of the function. It is part of the ARN and of the environment. Default: `label-lake`.
    pub fn function_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.function.name);
        self
    }

    /// Sets the memory of the function, in MB. The function finds it in its environment; the simulator does not enforce
    /// it. Default: 512.
    pub fn function_memory_mb(mut self, memory_mb: u32) -> Self {
        self.function.memory_mb = memory_mb;
        self
    }

    /// Adds a fault.
    pub fn fault(self, fault: Fault) -> Self {
        self.instrumentation.faults.add(fault);
        self
    }

    /// Adds faults at random requests.
    pub fn random_faults(self, faults: RandomFaults) -> Self {
        self.instrumentation.faults.set_random(faults);
        self
    }

    /// Starts the services in the current Tokio runtime, each on a free port.
    ///
    /// # Errors
    ///
    /// If no port is free, or the directory cannot be created.
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
        let s3 = Arc::new(S3Endpoint::new(Buckets { stores, listing_allowed, put_latency }));
        let timing = Timing {
            latency: self.page_latency,
            transfer: self.page_transfer,
            quota: self.quota.map(Quota::new),
            start_quota: self.start_quota.map(Quota::new),
        };
        let clock = Arc::new(Clock::default());
        let rekognition =
            Rekognition::new(timing, self.unknown_jobs, self.shuffle_seed, self.slots, Arc::clone(&clock));
        let rekognition = Arc::new(rekognition);
        self.jobs.into_iter().for_each(|(id, job)| rekognition.add_job(&id, job));
        let lambda = Arc::new(Lambda::new(self.function));
        let glue = Arc::new(self.glue);
        let sqs = Arc::new(Sqs::new(self.queues, &clock));
        let instrumentation = Arc::new(self.instrumentation);
        let authority = if self.tls { Some(Authority::new()?) } else { None };
        let acceptor = || authority.as_ref().map(Authority::acceptor);
        Ok(Simulator {
            rekognition_listener: Listener::start(&instrumentation, &rekognition, acceptor()).await?,
            s3_listener: Listener::start(&instrumentation, &s3, acceptor()).await?,
            glue_listener: Listener::start(&instrumentation, &glue, acceptor()).await?,
            sqs_listener: Listener::start(&instrumentation, &sqs, acceptor()).await?,
            lambda_listener: Listener::start(&instrumentation, &lambda, acceptor()).await?,
            runtime_listener: Listener::start(&instrumentation, &lambda, None).await?,
            authority,
            instrumentation,
            clock,
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
