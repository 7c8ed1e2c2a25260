//! Everything that runs on this machine: events, recorded and generated jobs, and simulated AWS services.

pub(crate) mod event;
pub(crate) mod recording;
pub(crate) mod sample;
pub(crate) mod simulated_aws;
pub(crate) mod simulated_jobs;
