//! Everything `label-lake run` needs on this machine: events, simulated jobs, simulated AWS services, and the lake directory.

pub(crate) mod event;
pub(crate) mod lake_directory;
pub(crate) mod recording;
pub(crate) mod simulated_aws;
pub(crate) mod simulated_jobs;
