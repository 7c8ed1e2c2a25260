//! The labels of a job, from either source.

use std::sync::Arc;

use crate::rekognition::labels::explicit::ExplicitLabels;
use crate::rekognition::labels::generated_labels::GeneratedLabels;
use crate::rekognition::labels::selection::{Aggregation, Slice};

/// The labels of a job.
#[derive(Clone)]
pub(crate) enum Labels {
    Generated(Arc<GeneratedLabels>),
    Explicit(Arc<ExplicitLabels>),
}

impl Labels {
    /// Number of elements in an aggregation.
    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        match self {
            Self::Generated(labels) => labels.count(aggregation),
            Self::Explicit(labels) => labels.count(aggregation),
        }
    }

    /// Writes elements as JSON, separated by commas.
    pub(crate) fn write(&self, slice: Slice, json: &mut Vec<u8>) {
        match self {
            Self::Generated(labels) => labels.write(slice, json),
            Self::Explicit(labels) => labels.write(slice, json),
        }
    }

    /// Duration of the video, in milliseconds.
    pub(crate) fn duration_ms(&self) -> u64 {
        match self {
            Self::Generated(labels) => labels.duration_ms(),
            Self::Explicit(labels) => labels.duration_ms(),
        }
    }
}
