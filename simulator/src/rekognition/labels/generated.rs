//! Settings of a generated job.

/// Time between two sampled frames, in milliseconds, as in the current service.
pub(crate) const SAMPLE_MS: u64 = 500;

/// Settings of a generated job.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Number of detections: elements of the aggregation by timestamps.
    pub labels: usize,
    /// Number of distinct label names. Their frequencies follow Zipf's law: the r-th most frequent label has a share
    /// proportional to 1/r. If there are fewer detections than names, each detection has a different name.
    pub names: usize,
    /// Random seed. The same settings with the same seed generate the same job.
    pub seed: u64,
    /// Percentage of detections that have instances, among the labels that have bounding boxes at all.
    pub instances_percent: u8,
}

impl Default for Generated {
    /// 10,000 detections of 220 labels, as in half an hour of news.
    fn default() -> Self {
        Self { labels: 10_000, names: 220, seed: 1, instances_percent: 29 }
    }
}
