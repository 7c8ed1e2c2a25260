//! The running simulator.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::account::{ACCESS_KEY_ID, ACCOUNT, REGION, SECRET_ACCESS_KEY};
use crate::clock::Clock;
use crate::faults::fault::Fault;
use crate::glue::service::Glue;
use crate::lambda::invocations::{Invocation, Outcome, RunningInvocation};
use crate::lambda::service::Lambda;
use crate::rekognition::job::{Job, JobStatus};
use crate::rekognition::labels::selection::{Aggregation, Order, Slice};
use crate::rekognition::service::Rekognition;
use crate::rekognition::starts::StartedJob;
use crate::request_log::Request;
use crate::s3::store::Store;
use crate::server::exchange::Instrumentation;
use crate::server::listener::Listener;
use crate::server::tls::Authority;
use crate::sqs::queue::{Queue, QueueMessage};
use crate::sqs::service::Sqs;

/// The running services. They stop when the simulator is dropped.
pub struct Simulator {
    pub(crate) rekognition_listener: Listener,
    pub(crate) s3_listener: Listener,
    pub(crate) glue_listener: Listener,
    pub(crate) sqs_listener: Listener,
    pub(crate) lambda_listener: Listener,
    pub(crate) runtime_listener: Listener,
    pub(crate) authority: Option<Authority>,
    pub(crate) instrumentation: Arc<Instrumentation>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) rekognition: Arc<Rekognition>,
    pub(crate) glue: Arc<Glue>,
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) lambda: Arc<Lambda>,
    /// The first bucket.
    pub(crate) store: Arc<Store>,
}

/// Endpoints.
impl Simulator {
    /// Returns the environment of a Lambda function that uses this simulator: region, credentials, endpoints, and the
    /// variables that Lambda sets. The function's own settings are not included.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_ENDPOINT_URL_REKOGNITION", self.rekognition_url()),
            ("AWS_ENDPOINT_URL_S3", self.s3_url()),
            ("AWS_ENDPOINT_URL_GLUE", self.glue_url()),
            ("AWS_ENDPOINT_URL_SQS", self.sqs_url()),
            ("AWS_ENDPOINT_URL_LAMBDA", self.lambda_url()),
            ("AWS_LAMBDA_RUNTIME_API", self.runtime_listener.address().to_string()),
        ];
        environment.extend(self.lambda.function.environment());
        if let Some(authority) = &self.authority {
            let path = authority.path().display().to_string();
            environment.extend([("SSL_CERT_FILE", path.clone()), ("AWS_CA_BUNDLE", path)]);
        }
        environment
    }

    /// Endpoint of Rekognition.
    pub fn rekognition_url(&self) -> String {
        self.rekognition_listener.url()
    }

    /// Endpoint of S3. Buckets are addressed by path.
    pub fn s3_url(&self) -> String {
        self.s3_listener.url()
    }

    /// Endpoint of Glue.
    pub fn glue_url(&self) -> String {
        self.glue_listener.url()
    }

    /// Endpoint of SQS.
    pub fn sqs_url(&self) -> String {
        self.sqs_listener.url()
    }

    /// Endpoint of Lambda, for both Invoke and the Runtime API.
    pub fn lambda_url(&self) -> String {
        self.lambda_listener.url()
    }
}

/// Requests and faults.
impl Simulator {
    /// Returns the requests so far, in order of arrival. Requests to the Runtime API are not included.
    pub fn requests(&self) -> Vec<Request> {
        self.instrumentation.log.entries()
    }

    /// Clears the log of requests. The counts of the faults do not change.
    pub fn clear_requests(&self) {
        self.instrumentation.log.clear();
    }

    /// Adds a fault. It counts requests from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.instrumentation.faults.add(fault);
    }

    /// Describes the scripted faults that have not fired as often as requested. A test should check that there are
    /// none: otherwise it has not tested what it claims to test.
    pub fn faults_not_fired(&self) -> Vec<String> {
        self.instrumentation.faults.not_fired()
    }

    /// Number of random faults so far.
    pub fn random_faults_fired(&self) -> usize {
        self.instrumentation.faults.random_fired()
    }
}

/// Rekognition.
impl Simulator {
    /// Adds a job, replacing an existing one.
    pub fn add_job(&self, id: &str, job: Job) {
        self.rekognition.add_job(id, job);
    }

    /// Returns all elements of a job, sorted by time, to compare results with. Page limits and edits do not apply.
    ///
    /// # Panics
    ///
    /// If the job does not exist.
    #[expect(
        clippy::expect_used,
        clippy::panic,
        reason = "a test without the job cannot continue, and the JSON is ours"
    )]
    pub fn served(&self, job: &str, aggregation: Aggregation) -> Vec<Value> {
        let job = self.rekognition.job(job).unwrap_or_else(|| panic!("job {job} does not exist"));
        let to = job.labels.count(aggregation);
        let mut json = vec![b'['];
        job.labels.write(Slice { aggregation, order: Order::Time, from: 0, to }, &mut json);
        json.push(b']');
        serde_json::from_slice(&json).expect("labels are written as JSON")
    }
}

/// Starts of jobs.
impl Simulator {
    /// Adds a video that `StartLabelDetection` can read, with its size in bytes. All other objects of its bucket are then
    /// missing. In a bucket without any video, every object is found.
    pub fn add_video(&self, bucket: &str, key: &str, size: u64) {
        self.rekognition.starts().add_video(bucket, key, size);
    }

    /// Sets the number of slots that jobs of other programs in the account hold.
    pub fn hold_slots(&self, slots: usize) {
        self.rekognition.starts().held_by_others = slots;
    }

    /// Returns the jobs that `StartLabelDetection` started, in order.
    pub fn started_jobs(&self) -> Vec<StartedJob> {
        self.rekognition.starts().jobs().to_vec()
    }

    /// Ends a started job, which has labels like those of [`Builder::unknown_jobs`](crate::Builder::unknown_jobs). Returns
    /// the event with which SNS delivers the completion message to a function. The simulator does not deliver it.
    ///
    /// # Panics
    ///
    /// If no such job is in progress.
    #[expect(clippy::panic, reason = "a test without the job cannot continue")]
    pub fn end_job(&self, id: &str, status: JobStatus) -> Value {
        self.rekognition.end_job(id, status).unwrap_or_else(|| panic!("job {id} is not in progress"))
    }

    /// Moves the clock of queues and tokens forward. Visibility timeouts and tokens expire as if the time had passed.
    pub fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// S3.
impl Simulator {
    /// Returns the objects of the first bucket.
    ///
    /// # Panics
    ///
    /// If the directory that stores them cannot be read.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.store.objects()
    }

    /// Returns the first bucket, for tests that set up its objects.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// Glue.
impl Simulator {
    /// Returns the partitions of a table in the Data Catalog, as `PartitionInput` by the partition's values.
    ///
    /// # Panics
    ///
    /// If the table does not exist.
    #[expect(clippy::panic, reason = "a test without the table cannot continue")]
    pub fn partitions(&self, database: &str, table: &str) -> BTreeMap<Vec<String>, Value> {
        let found = self.glue.partitions(database, table);
        found.unwrap_or_else(|error| panic!("partitions of {database}.{table}: {error:?}"))
    }

    /// Adds a table to the Data Catalog, from the `TableInput` of `CreateTable`.
    ///
    /// # Panics
    ///
    /// If the table already exists, the database does not, or Glue would reject one of the names.
    #[expect(clippy::panic, reason = "a test that cannot set up its table cannot continue")]
    pub fn add_glue_table(&self, database: &str, table: &str, input: Value) {
        if let Err(error) = self.glue.add_table(database, table, input) {
            panic!("table {database}.{table}: {error:?}");
        }
    }

    /// Adds a partition to a table, from a `PartitionInput`. Replaces a partition with the same values.
    ///
    /// # Panics
    ///
    /// If the table does not exist, or its partition keys do not match the values.
    #[expect(clippy::panic, reason = "a test that cannot set up its partitions cannot continue")]
    pub fn put_partition(&self, database: &str, table: &str, partition: Value) {
        if let Err(error) = self.glue.put_partition(database, table, partition) {
            panic!("partition of {database}.{table}: {error:?}");
        }
    }
}

/// SQS.
impl Simulator {
    /// Returns the URL of a queue.
    pub fn queue_url(&self, queue: &str) -> String {
        format!("{}/{ACCOUNT}/{queue}", self.sqs_url())
    }

    /// Sends a message to a queue. Returns its ID.
    ///
    /// # Panics
    ///
    /// If the queue does not exist.
    pub fn send_message(&self, queue: &str, body: &str) -> String {
        self.queue(queue).send(body)
    }

    /// Returns the messages of a queue, oldest first.
    ///
    /// # Panics
    ///
    /// If the queue does not exist.
    pub fn messages(&self, queue: &str) -> Vec<QueueMessage> {
        self.queue(queue).messages()
    }

    #[expect(clippy::panic, reason = "a test without the queue cannot continue")]
    fn queue(&self, name: &str) -> MutexGuard<'_, Queue> {
        self.sqs.queue(name).unwrap_or_else(|| panic!("queue {name} does not exist"))
    }
}

/// Lambda.
impl Simulator {
    /// Returns the ARN of the function, without a version or an alias.
    pub fn function_arn(&self) -> String {
        self.lambda.function.arn()
    }

    /// Sends an event to the function. Returns when a process that polls the Runtime API has received it.
    pub async fn start_invocation(&self, event: impl Into<Bytes>, invocation: Invocation) -> RunningInvocation {
        self.lambda.invocations.start(event.into(), invocation).await
    }

    /// Sends an event to a process that polls the Runtime API, now or later, and waits for its response or error. Never
    /// returns if that process dies: drop the future, and the simulator is ready for the next invocation.
    pub async fn invoke(&self, event: impl Into<Bytes>, invocation: Invocation) -> Outcome {
        self.lambda.invocations.invoke(event.into(), invocation).await
    }

    /// Returns the payloads of the asynchronous invocations so far. The simulator does not deliver them: a test that
    /// wants them to arrive passes them to [`Simulator::invoke`].
    pub fn invoked(&self) -> Vec<Value> {
        self.lambda.invoked().clone()
    }

    /// Removes and returns the payloads of the asynchronous invocations so far.
    pub fn take_invoked(&self) -> Vec<Value> {
        std::mem::take(&mut *self.lambda.invoked())
    }

    /// Returns the type and the message of the last initialization error that a process reported.
    pub fn init_error(&self) -> Option<(String, String)> {
        self.lambda.invocations.init_error()
    }

    /// Waits until a process polls for its next event.
    pub async fn wait_for_poll(&self) {
        self.lambda.invocations.wait_for_poll().await;
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls = (self.rekognition_url(), self.s3_url(), self.glue_url(), self.lambda_url());
        formatter.debug_struct("Simulator").field("urls", &urls).finish_non_exhaustive()
    }
}
