//! The labels of a job: generated from a seed, or given explicitly.

pub(crate) mod explicit;
pub(crate) mod generated;
pub(crate) mod generated_labels;
pub(crate) mod job_labels;
pub(crate) mod random;
pub(crate) mod selection;

mod drift;
mod names;
mod planned_label;
mod schedule;
mod shot_index;
mod shots;
