#![doc = include_str!("../README.md")]

mod account;
mod builder;
mod clock;
mod faults;
mod glue;
mod lambda;
mod rekognition;
mod request_log;
mod s3;
mod server;
mod simulator;
mod sqs;

pub use crate::account::{ACCESS_KEY_ID, ACCOUNT, REGION, SECRET_ACCESS_KEY};
pub use crate::builder::Builder;
pub use crate::faults::action::Action;
pub use crate::faults::fault::{Fault, RequestMatcher};
pub use crate::faults::gate::Gate;
pub use crate::faults::random::RandomFaults;
pub use crate::lambda::invocations::{Invocation, Outcome, RunningInvocation};
pub use crate::rekognition::job::{Job, JobStatus, NameOrder};
pub use crate::rekognition::labels::generated::Generated;
pub use crate::rekognition::labels::selection::Aggregation;
pub use crate::rekognition::recorded::RecordedError;
pub use crate::rekognition::start_request::VideoObject;
pub use crate::rekognition::starts::StartedJob;
pub use crate::request_log::Request;
pub use crate::s3::object::Refusal;
pub use crate::s3::store::Store;
pub use crate::simulator::Simulator;
pub use crate::sqs::queue::QueueMessage;
