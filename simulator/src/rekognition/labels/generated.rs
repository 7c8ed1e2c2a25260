//! Size and seed of a generated job.

/// Time between two sampled frames of the video, in milliseconds. Rekognition currently uses the same interval.
pub(crate) const SAMPLE_MS: u64 = 500;

/// Settings of a generated job.
///
/// The job looks like that of a video with shots, scenes and locations that return. Labels are detected for seconds,
/// together with others of their category and with one of their parents.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Number of detections in the job, which is the number of elements of `Labels` in the aggregation by timestamps.
    pub detections: usize,
    /// Number of distinct label names. Their frequencies follow Zipf's law: the r-th most frequent label has a share
    /// proportional to 1/r. If there are fewer detections than names, each detection has a different name.
    pub label_names: usize,
    /// Random seed. The same settings with the same seed generate the same job.
    pub seed: u64,
    /// Percentage of detections that have instances. Applies only to the labels that can have bounding boxes. In a shot,
    /// either all detections of a label have instances or none.
    pub instances_percent: u8,
}

impl Default for Generated {
    /// 10,000 detections of 220 labels, in a video of about 16 minutes.
    fn default() -> Self {
        Self { detections: 10_000, label_names: 220, seed: 1, instances_percent: 29 }
    }
}
