//! The command line of the program.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use simulator::{Builder, Generated, Job, Simulator};

/// Rekognition Video, S3, Glue's Data Catalog and the Lambda Runtime API on 127.0.0.1, each on a free port.
///
/// Prints one line of JSON, the environment of a Lambda function that talks to it (`AWS_ENDPOINT_URL_S3`,
/// `AWS_LAMBDA_RUNTIME_API`, …, credentials included), and then answers commands until standard input is closed.
#[derive(Debug, Parser)]
#[command(name = "simulator", version, after_long_help = COMMANDS)]
pub(crate) struct Arguments {
    /// Keep the objects of the bucket as files below this directory; by default they are in memory.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,

    /// The name of the bucket.
    #[arg(long, default_value = "lake")]
    bucket: String,

    /// Allow the bucket to be listed. Without, a missing key is a 403, as for a role that may not list.
    #[arg(long)]
    listing: bool,

    /// A generated job: its id, its pages of a thousand labels, and how many different labels it has (default 220).
    #[arg(long, value_name = "ID=PAGES[xLABELS]", value_parser = named::<Size>)]
    job: Vec<(String, Size)>,

    /// A job from replies of `aws rekognition get-label-detection`.
    #[arg(long, value_name = "ID=FILE[,FILE…]", value_parser = named::<String>)]
    recorded: Vec<(String, String)>,

    /// Let every other id be a generated job of this size, with a seed made from the id.
    #[arg(long, value_name = "PAGES[xLABELS]")]
    unknown_jobs: Option<Size>,

    /// How long Rekognition takes before a page.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    page_latency: u64,

    /// How long the body of a page takes after its head.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    transfer: u64,

    /// How long S3 takes for an upload.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    put_latency: u64,

    /// Throttle `GetLabelDetection` beyond so many calls a second.
    #[arg(long, value_name = "CALLS_PER_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    quota: Option<u32>,

    /// A database in Glue; its tables are made by `CreateTable`.
    #[arg(long, value_name = "NAME")]
    glue_database: Option<String>,

    /// Serve the endpoints of AWS over HTTPS. `SSL_CERT_FILE` and `AWS_CA_BUNDLE` name the certificate authority.
    #[arg(long)]
    tls: bool,
}

const COMMANDS: &str = r#"Commands, each one line of JSON, and what they answer, each one line:
  {"invoke": EVENT, "timeout_ms": 60000}    {"response": …}, {"function_error": {"type": …, "message": …}}
                                            or {"timed_out": true}; without timeout_ms after 15 minutes
  {"take_invoked": true}                    {"invoked": [PAYLOAD, …]}: asynchronous invocations since the last time
  {"requests": true}                        {"requests": {"PutObject": {"count", "failed", "bytes_in", "bytes_out"}, …}}
  {"clear_requests": true}                  {"done": true}
  {"idle": "GetLabelDetection"}             {"idle_ms": [0.3, …]}: how long a connection was silent between the last
                                            byte of a reply and the next request, for each that had one before it
  {"partitions": {"database": "d", "table": "t"}}
                                            {"partitions": [PARTITION, …]}
  {"add_job": {"id": "j", "pages": 3, "labels": 220, "seed": 1, "status": "FAILED"}}
                                            {"done": true}; all but id and pages may be left out; IN_PROGRESS stays so;
                                            with "name_order": "WITHIN_PAGES" labels come back on later pages
  {"served": {"job": "j", "aggregation": "SEGMENTS"}}
                                            {"served": [LABEL, …]}, by time
  {"fault": {"operation": "PutObject", "nth": 2, "status": 503, "code": "SlowDown"}}
                                            {"done": true}; without nth the next
A command that is none is answered with {"error": "why"}.

An event goes to a process that polls the Runtime API of the environment. Several may: invocations run side by side
and are answered as they end, so give each an "id", which comes back with the answer.

Example:
  $ simulator --job job-1=3 --tls
  {"AWS_REGION":"us-east-1","AWS_ENDPOINT_URL_S3":"https://127.0.0.1:40501", …}
  {"served": {"job": "job-1"}}
  {"served":[{"Timestamp":0, …"#;

/// How large a generated job is.
#[derive(Clone, Copy, Debug)]
struct Size {
    pages: usize,
    names: usize,
}

impl Size {
    fn generated(self) -> Generated {
        Generated { labels: self.pages * PAGE, names: self.names, ..Generated::default() }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
        let (pages, names) = match text.split_once('x') {
            Some((pages, names)) => (number(pages)?, number(names)?),
            None => (number(text)?, Generated::default().names),
        };
        Ok(Self { pages, names })
    }
}

/// The labels of a page.
pub(crate) const PAGE: usize = 1000;

/// Reads `ID=…`.
fn named<T: FromStr<Err: ToString>>(text: &str) -> Result<(String, T), String> {
    let (id, rest) = text.split_once('=').ok_or("expected ID=…")?;
    Ok((id.to_owned(), rest.parse().map_err(|error: T::Err| error.to_string())?))
}

impl Arguments {
    /// What the simulator is to be like.
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

fn recorded(files: &str) -> Result<Job, String> {
    let read = |file: &str| fs::read(file).map_err(|error| format!("{file}: {error}"));
    let texts = files.split(',').map(read).collect::<Result<Vec<_>, _>>()?;
    Job::recorded(texts).map_err(|error| format!("{files}: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
