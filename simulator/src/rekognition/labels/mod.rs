//! The labels of a job.

use std::sync::Arc;

/// Where the labels come from.
#[derive(Clone)]
pub(crate) enum Labels {
    Generated(Arc<GeneratedLabels>),
    Given(Arc<GivenLabels>),
}

impl Labels {
    /// The number of elements.
    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        match self {
            Self::Generated(labels) => labels.count(aggregation),
            Self::Given(labels) => labels.count(aggregation),
        }
    }

    /// Writes elements as JSON, with commas between them.
    pub(crate) fn write(&self, slice: Slice, json: &mut Vec<u8>) {
        match self {
            Self::Generated(labels) => labels.write(slice, json),
            Self::Given(labels) => labels.write(slice, json),
        }
    }

    /// The length of the video, in milliseconds.
    pub(crate) fn duration_ms(&self) -> u64 {
        match self {
            Self::Generated(labels) => labels.duration_ms(),
            Self::Given(labels) => labels.duration_ms(),
        }
    }
}
