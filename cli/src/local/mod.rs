//! Everything `label-lake run` needs on this machine: events, simulated jobs, and simulated AWS services.

pub(crate) mod event;
pub(crate) mod recording;
pub(crate) mod simulated_aws;
pub(crate) mod simulated_jobs;
