//! The selection of the elements of a page: aggregation, order and range.

/// Aggregation of the labels, `AggregateBy` of `GetLabelDetection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// One element per label and sampled frame: `TIMESTAMPS`.
    Timestamps,
    /// One element per label and period of time: `SEGMENTS`.
    Segments,
}

impl Aggregation {
    /// Name in requests and replies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timestamps => "TIMESTAMPS",
            Self::Segments => "SEGMENTS",
        }
    }
}

/// A range of the sorted elements of a job, which makes a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    pub(crate) aggregation: Aggregation,
    pub(crate) order: Order,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// Order of all elements of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// By time, then by name.
    Time,
    /// Pages by time; the elements within each page by name.
    NameWithinPages,
    /// By name, then by descending confidence. The order of ties is random and depends on this seed.
    Name { ties: u64 },
}
