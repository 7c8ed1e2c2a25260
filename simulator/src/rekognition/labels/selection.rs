//! Which elements of a job a page has, and their order.

/// How labels are put together, `AggregateBy` of `GetLabelDetection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// One element for each label and sample: `TIMESTAMPS`.
    Timestamps,
    /// One element for each label and stretch of time: `SEGMENTS`.
    Segments,
}

impl Aggregation {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timestamps => "TIMESTAMPS",
            Self::Segments => "SEGMENTS",
        }
    }
}

/// The stretch of the elements of a job that makes a page, and how they are sorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    pub(crate) aggregation: Aggregation,
    pub(crate) order: Order,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// The order of all elements of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// By time, then by name.
    Time,
    /// By time, and each page by name.
    NameWithinPages,
    /// By name, then by descending confidence; ties by chance, made from this seed.
    Name { ties: u64 },
}
