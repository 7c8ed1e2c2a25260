//! The sample job of `label-lake demo`.

use label_lake::job_id::{InvalidJobId, JobId};
use rekognition_simulator::{Generated, Job};

use super::simulated_jobs::{PAGE_SIZE, generated_job};

/// Number of pages of the job.
pub(crate) const PAGES: u64 = 10;

/// Returns the ID of the job.
pub(crate) fn job_id() -> Result<JobId, InvalidJobId> {
    JobId::try_from("label-lake-sample")
}

/// Returns the job, which is marked as generated.
pub(crate) fn job() -> Job {
    let detections = PAGES as usize * PAGE_SIZE;
    generated_job(Generated { detections, ..Generated::default() })
        .video("example-videos", "videos/beach day.mp4", None)
        .job_tag("label-lake demo")
}
