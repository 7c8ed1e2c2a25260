//! The command line of the program.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use rekognition_simulator::{Builder, Generated, Job, Simulator};

/// Simulates Rekognition Video, S3, Glue's Data Catalog and Lambda on 127.0.0.1, each on a free port.
///
/// Prints one line of JSON, the environment of a Lambda function that uses the simulator (`AWS_ENDPOINT_URL_S3`,
/// `AWS_LAMBDA_RUNTIME_API`, credentials, …). Then executes commands until standard input is closed.
#[derive(Debug, Parser)]
#[command(name = "simulator", version, after_long_help = COMMANDS)]
pub(crate) struct Arguments {
    /// Store the objects of the bucket as files below this directory [default: in memory].
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,

    /// Name of the bucket.
    #[arg(long, default_value = "lake")]
    bucket: String,

    /// Allow `s3:ListBucket`. Without it, a missing key is answered with 403, as for a role that may not list.
    #[arg(long)]
    listing: bool,

    /// Add a generated job: its ID, its number of pages of 1000 labels, and its number of distinct label names
    /// [default: 220]. Can be repeated.
    #[arg(long, value_name = "ID=PAGES[xLABELS]", value_parser = assignment::<JobSize>)]
    job: Vec<(String, JobSize)>,

    /// Add a job recorded with `aws rekognition get-label-detection`. Can be repeated.
    #[arg(long, value_name = "ID=FILE[,FILE…]", value_parser = assignment::<String>)]
    recorded: Vec<(String, String)>,

    /// Generate a job of this size for every other job ID, with a seed derived from the ID.
    #[arg(long, value_name = "PAGES[xLABELS]")]
    unknown_jobs: Option<JobSize>,

    /// Time from the request of a page to the head of its reply, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    page_latency: u64,

    /// Time from the head of a page to the end of its body, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    transfer: u64,

    /// Time that S3 takes for an upload, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    put_latency: u64,

    /// Throttle `GetLabelDetection` beyond this many calls per second [default: no limit].
    #[arg(long, value_name = "CALLS_PER_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    quota: Option<u32>,

    /// Add a Glue database. Its tables are created with `CreateTable`.
    #[arg(long, value_name = "NAME")]
    glue_database: Option<String>,

    /// Serve the AWS endpoints over HTTPS. `SSL_CERT_FILE` and `AWS_CA_BUNDLE` name the certificate authority.
    #[arg(long)]
    tls: bool,
}

const COMMANDS: &str = r#"Commands and their answers, each one line of JSON:
  {"invoke": EVENT, "timeout_ms": 60000}    {"response": …}, {"function_error": {"type": …, "message": …}}
                                            or {"timed_out": true}; timeout_ms is 15 minutes by default
  {"take_invoked": true}                    {"invoked": [PAYLOAD, …]}: asynchronous invocations since the last time
  {"requests": true}                        {"requests": {"PutObject": {"count", "failed", "bytes_in", "bytes_out"}, …}}
  {"clear_requests": true}                  {"done": true}
  {"idle": "GetLabelDetection"}             {"idle_ms": [0.3, …]}: for each request of the operation that is not the
                                            first of its connection, the time since the last byte of the reply before
  {"partitions": {"database": "d", "table": "t"}}
                                            {"partitions": [PARTITION, …]}
  {"add_job": {"id": "j", "pages": 3, "labels": 220, "seed": 1, "status": "FAILED"}}
                                            {"done": true}; only id and pages are required. A job that is IN_PROGRESS
                                            stays so. With "name_order": "WITHIN_PAGES", labels reappear on later pages
  {"served": {"job": "j", "aggregation": "SEGMENTS"}}
                                            {"served": [LABEL, …]}: all labels of the job, sorted by time
  {"started_jobs": true}                    {"started_jobs": [{"id", "in_progress", "token", "request"}, …]}
  {"end_job": {"job": "j", "status": "FAILED"}}
                                            {"completion": EVENT}: ends a started job. EVENT is that of SNS, which the
                                            simulator does not deliver. The status is SUCCEEDED by default
  {"fault": {"operation": "PutObject", "nth": 2, "status": 503, "code": "SlowDown"}}
                                            {"done": true}; nth is 1 by default, the next request
An invalid command is answered with {"error": "reason"}.

An event is delivered to a process that polls the Runtime API of the environment. Several processes can poll: their
invocations run concurrently and are answered in the order in which they end. Give each command an "id" to match the
answer, which has the same "id".

Example:
  $ simulator --job job-1=3 --tls
  {"AWS_REGION":"us-east-1","AWS_ENDPOINT_URL_S3":"https://127.0.0.1:40501", …}
  {"served": {"job": "job-1"}}
  {"served":[{"Timestamp":0, …"#;

/// Size of a generated job.
#[derive(Clone, Copy, Debug)]
struct JobSize {
    pages: usize,
    names: usize,
}

impl JobSize {
    fn generated(self) -> Generated {
        Generated { detections: self.pages * PAGE, label_names: self.names, ..Generated::default() }
    }
}

impl FromStr for JobSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is not a number"));
        let (pages, names) = match text.split_once('x') {
            Some((pages, names)) => (number(pages)?, number(names)?),
            None => (number(text)?, Generated::default().label_names),
        };
        Ok(Self { pages, names })
    }
}

/// Number of labels per page.
pub(crate) const PAGE: usize = 1000;

/// Parses an argument of the form `ID=VALUE`.
fn assignment<T: FromStr<Err: ToString>>(text: &str) -> Result<(String, T), String> {
    let (id, value) = text.split_once('=').ok_or("expected ID=…")?;
    Ok((id.to_owned(), value.parse().map_err(|error: T::Err| error.to_string())?))
}

impl Arguments {
    /// Returns the builder of the simulator.
    pub(crate) fn simulator(&self) -> Result<Builder, Box<dyn Error>> {
        let mut builder = Simulator::builder()
            .bucket(&self.bucket)
            .listing_allowed(self.listing)
            .page_latency(Duration::from_millis(self.page_latency))
            .page_transfer(Duration::from_millis(self.transfer))
            .put_latency(Duration::from_millis(self.put_latency));
        if let Some(directory) = &self.directory {
            builder = builder.directory(directory);
        }
        for (id, size) in &self.job {
            builder = builder.job(id, Job::generated(size.generated()));
        }
        for (id, files) in &self.recorded {
            builder = builder.job(id, recorded(files)?);
        }
        if let Some(size) = self.unknown_jobs {
            builder = builder.unknown_jobs(size.generated());
        }
        if let Some(calls) = self.quota {
            builder = builder.quota(calls);
        }
        if let Some(database) = &self.glue_database {
            builder = builder.glue_database(database);
        }
        Ok(if self.tls { builder.tls() } else { builder })
    }
}

/// Reads a recorded job from files separated by commas.
fn recorded(files: &str) -> Result<Job, String> {
    let read = |file: &str| fs::read(file).map_err(|error| format!("cannot read {file}: {error}"));
    let texts = files.split(',').map(read).collect::<Result<Vec<_>, _>>()?;
    Job::recorded(texts).map_err(|error| format!("{files}: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
