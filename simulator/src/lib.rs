//! Rekognition Video, S3, Glue's Data Catalog, SQS and Lambda on 127.0.0.1, with a log of requests and scripted faults.
//!
//! The simulator is an independent model of the services: it shares no code with the program that talks to it,
//! which runs unchanged, as a process of its own or in the same one, with the variables of
//! [`Simulator::environment`].
//!
//! ```
//! use simulator::{Fault, Generated, Job, Simulator};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let simulator = Simulator::builder()
//!     .job("job-1", Job::generated(Generated { labels: 25_000, ..Generated::default() }))
//!     .fault(Fault::on("PutObject").nth(3).status(503, "SlowDown"))
//!     .start()
//!     .await?;
//! // … run the program with `simulator.environment()` …
//! assert!(simulator.objects().is_empty());
//! assert_eq!(simulator.faults_not_fired(), ["PutObject #3: status 503 SlowDown"]);
//! # Ok(())
//! # }
//! ```

mod action;
mod builder;
mod catalog;
mod checksums;
mod directory;
mod element;
mod exchange;
mod expression;
mod faults;
mod gate;
mod generated;
mod given;
mod glue;
mod invocations;
mod job;
mod lambda;
mod listing;
mod names;
mod partitions;
mod quota;
mod recorded;
mod rekognition;
mod requests;
mod s3;
mod sqs;
mod store;
mod tls;
mod token;
mod transfer;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::exchange::Front;
use crate::glue::client::Glue;
use crate::job::{Order, Slice};
use crate::lambda::Lambda;
use crate::rekognition::Rekognition;
use crate::sqs::Sqs;
use crate::tls::Authority;
use crate::wire::Listener;

pub use crate::action::Action;
pub use crate::builder::Builder;
pub use crate::faults::{Fault, RandomFaults, Requests};
pub use crate::gate::Gate;
pub use crate::generated::Generated;
pub use crate::invocations::{Invocation, Outcome, Running};
pub use crate::job::{Aggregation, Job, JobStatus, NameOrder};
pub use crate::recorded::RecordedError;
pub use crate::requests::Request;
pub use crate::sqs::QueueMessage;
pub use crate::store::Store;

