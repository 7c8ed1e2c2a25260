//! Settings of a generated job.

/// The time between two samples, in milliseconds, of today's service.
pub(crate) const SAMPLE_MS: u64 = 500;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Detections: elements of the aggregation by timestamps.
    pub labels: usize,
    /// Different labels, of which the first of r are as frequent as 1/r (Zipf's law). With fewer detections than
    /// names each detection has a name of its own.
    pub names: usize,
    /// What everything is made from: the same seed gives the same job.
    pub seed: u64,
    /// The share of detections with instances, in percent, among those labels that have boxes at all.
    pub instances_percent: u8,
}

impl Default for Generated {
    /// 10,000 detections of 220 labels, like half an hour of news.
    fn default() -> Self {
        Self { labels: 10_000, names: 220, seed: 1, instances_percent: 29 }
    }
}
