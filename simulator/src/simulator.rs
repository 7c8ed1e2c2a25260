//! The running simulator.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

/// The running services; they stop when it is dropped.
pub struct Simulator {
    rekognition_listener: Listener,
    s3_listener: Listener,
    glue_listener: Listener,
    sqs_listener: Listener,
    lambda_listener: Listener,
    runtime_listener: Listener,
    authority: Option<Authority>,
    front: Arc<Front>,
    rekognition: Arc<Rekognition>,
    glue: Arc<Glue>,
    sqs: Arc<Sqs>,
    lambda: Arc<Lambda>,
    store: Arc<Store>,
}

impl Simulator {
    /// Begins a simulator.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Gives the environment of a Lambda function that talks to this simulator; the function's own settings are
    /// missing.
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
            ("AWS_LAMBDA_FUNCTION_NAME", "label-lake".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/label-lake".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "simulator".to_owned()),
        ];
        if let Some(authority) = &self.authority {
            let path = authority.path().display().to_string();
            environment.extend([("SSL_CERT_FILE", path.clone()), ("AWS_CA_BUNDLE", path)]);
        }
        environment
    }

    /// The endpoint of Rekognition.
    pub fn rekognition_url(&self) -> String {
        self.rekognition_listener.url()
    }

    /// The endpoint of S3; buckets are addressed by path.
    pub fn s3_url(&self) -> String {
        self.s3_listener.url()
    }

    /// The endpoint of Glue.
    pub fn glue_url(&self) -> String {
        self.glue_listener.url()
    }

    /// The endpoint of SQS.
    pub fn sqs_url(&self) -> String {
        self.sqs_listener.url()
    }

    /// The endpoint of Lambda: Invoke, and the Runtime API.
    pub fn lambda_url(&self) -> String {
        self.lambda_listener.url()
    }

    /// The objects of the first bucket.
    ///
    /// # Panics
    ///
    /// If the directory that holds them cannot be read.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.store.objects()
    }

    /// The first bucket, for tests that arrange what is in it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The requests so far, in order of arrival; those of the Runtime API are not among them.
    pub fn requests(&self) -> Vec<Request> {
        self.front.log.entries()
    }

    /// Forgets the requests so far. Faults go on counting.
    pub fn clear_requests(&self) {
        self.front.log.clear();
    }

    /// Adds a job, or replaces it.
    pub fn add_job(&self, id: &str, job: Job) {
        self.rekognition.add_job(id, job);
    }

    /// Adds a fault; it counts requests from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.front.faults.add(fault);
    }

    /// Describes the scripted faults that have not fired as often as they were to: a test with one of these has not
    /// shown what it says.
    pub fn faults_not_fired(&self) -> Vec<String> {
        self.front.faults.not_fired()
    }

    /// How many faults came by chance.
    pub fn random_faults_fired(&self) -> usize {
        self.front.faults.random_fired()
    }

    /// The partitions of a table of the Data Catalog by their values, each as its `PartitionInput`.
    ///
    /// # Panics
    ///
    /// If there is no such table.
    #[expect(clippy::panic, reason = "a test has nothing to look at")]
    pub fn partitions(&self, database: &str, table: &str) -> BTreeMap<Vec<String>, Value> {
        let found = self.glue.partitions(database, table);
        found.unwrap_or_else(|refusal| panic!("partitions of {database}.{table}: {refusal:?}"))
    }

    /// Adds a table to the Data Catalog, as [`Builder::glue_table`] does.
    ///
    /// # Panics
    ///
    /// As there.
    #[expect(clippy::panic, reason = "a test that cannot arrange its table has nothing to show")]
    pub fn add_glue_table(&self, database: &str, table: &str, input: Value) {
        if let Err(refusal) = self.glue.add_table(database, table, input) {
            panic!("table {database}.{table}: {refusal:?}");
        }
    }

    /// Puts a `PartitionInput` into a table, over a partition with the same values.
    ///
    /// # Panics
    ///
    /// If there is no such table, or it has other keys.
    #[expect(clippy::panic, reason = "a test that cannot arrange its partitions has nothing to show")]
    pub fn put_partition(&self, database: &str, table: &str, partition: Value) {
        if let Err(refusal) = self.glue.put_partition(database, table, partition) {
            panic!("partition of {database}.{table}: {refusal:?}");
        }
    }

    /// Gives all elements of a job, by time, independent of pages and edits, to compare with.
    ///
    /// # Panics
    ///
    /// If there is no such job.
    #[expect(clippy::expect_used, clippy::panic, reason = "a test has nothing to compare with, and the JSON is ours")]
    pub fn served(&self, job: &str, aggregation: Aggregation) -> Vec<Value> {
        let job = self.rekognition.job(job).unwrap_or_else(|| panic!("no job {job}"));
        let to = job.labels.count(aggregation);
        let mut json = vec![b'['];
        job.labels.write(Slice { aggregation, order: Order::Time, from: 0, to }, &mut json);
        json.push(b']');
        serde_json::from_slice(&json).expect("what is written is JSON")
    }

    /// Sends an event to the function and waits until a process takes it: one that polls the Runtime API.
    pub async fn begin(&self, event: impl Into<Bytes>, invocation: Invocation) -> Running {
        self.lambda.invocations.begin(event.into(), invocation).await
    }

    /// Gives an event to the process that polls the Runtime API, now or later, and waits for its response or error.
    /// If that process dies there is none: drop the future, and the simulator is ready for the next.
    pub async fn invoke(&self, event: impl Into<Bytes>, invocation: Invocation) -> Outcome {
        self.lambda.invocations.invoke(event.into(), invocation).await
    }

    /// The payloads of asynchronous invocations so far. They are not delivered: a test that wants them to arrive
    /// invokes with them.
    pub fn invoked(&self) -> Vec<Value> {
        self.lambda.invoked().clone()
    }

    /// Gives and forgets the payloads of asynchronous invocations so far.
    pub fn take_invoked(&self) -> Vec<Value> {
        std::mem::take(&mut *self.lambda.invoked())
    }

    /// The type and the message of the last error that a process reported from its start.
    pub fn init_error(&self) -> Option<(String, String)> {
        self.lambda.invocations.init_error()
    }

    /// Waits until a process waits for its next event.
    pub async fn idle(&self) {
        self.lambda.invocations.idle().await;
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls = (self.rekognition_url(), self.s3_url(), self.glue_url(), self.lambda_url());
        formatter.debug_struct("Simulator").field("urls", &urls).finish_non_exhaustive()
    }
}
