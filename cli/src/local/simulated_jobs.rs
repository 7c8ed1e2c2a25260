//! The jobs of an event, generated or recorded, for the simulated Rekognition.

use anyhow::anyhow;
use label_lake::notification::Completion;
use label_lake::table::aggregation::Aggregation;
use rekognition_simulator::{Generated, Job, JobStatus};

use super::event::Event;
use super::recording::Recording;
use crate::args::RunArguments;
use crate::error::with_hint;

/// Number of labels on a full page.
pub(super) const PAGE_SIZE: usize = 1000;

/// `LabelModelVersion` of a generated job, which marks its row in `jobs`.
pub(crate) const GENERATED: &str = "generated";

/// `StatusMessage` of a generated job whose `Status` in the event is not `SUCCEEDED`.
const FAILED: &str = "The video could not be decoded (simulated because of the Status in the event)";

/// Returns the jobs of the event by their IDs. A recording must include the requested aggregations.
pub(crate) fn simulated_jobs(
    arguments: &RunArguments,
    event: &Event,
    recording: Option<Recording>,
    aggregations: &[Aggregation],
) -> anyhow::Result<Vec<(String, Job)>> {
    if let Some(recording) = recording {
        let [completion] = &*event.completions else {
            let jobs = event.completions.len();
            let error = anyhow!("--recorded takes the replies of one job, but the event names {jobs}");
            return Err(with_hint(error, "send an event with one message"));
        };
        recording.check(completion.job_id.as_str(), aggregations)?;
        return Ok(vec![(completion.job_id.to_string(), recording.into_job()?)]);
    }
    let statuses = event.statuses();
    // Each job has a seed of its own, so that two jobs of an event differ.
    let generated = event.completions.iter().zip(arguments.seed..).map(|(completion, seed)| {
        let id = completion.job_id.to_string();
        let failed = statuses.get(&id).is_some_and(|status| status != "SUCCEEDED");
        (id, generate(arguments, completion, seed, failed))
    });
    Ok(generated.collect())
}

/// Returns the number of pages that the jobs have in these aggregations.
pub(crate) fn count_pages(jobs: &[(String, Job)], aggregations: &[Aggregation]) -> u64 {
    let labels = |job: &Job, aggregation| match aggregation {
        Aggregation::Timestamps => job.label_count(rekognition_simulator::Aggregation::Timestamps),
        Aggregation::Segments => job.label_count(rekognition_simulator::Aggregation::Segments),
    };
    let counts = jobs.iter().flat_map(|(_, job)| aggregations.iter().map(move |&aggregation| labels(job, aggregation)));
    // A job without labels still has one page.
    counts.map(|labels| labels.div_ceil(PAGE_SIZE).max(1) as u64).sum()
}

/// Returns a generated job, which is marked as such.
pub(super) fn generated_job(generated: Generated) -> Job {
    Job::generated(generated).edit(1, |reply| reply["LabelModelVersion"] = GENERATED.into())
}

/// Generates a job with the video and the tag of its completion message.
fn generate(arguments: &RunArguments, completion: &Completion, seed: u64, failed: bool) -> Job {
    let detections = if failed { 0 } else { arguments.pages as usize * PAGE_SIZE };
    let generated = Generated { detections, label_names: arguments.labels as usize, seed, ..Generated::default() };
    let mut job = generated_job(generated);
    if let Some(video) = &completion.video
        && let (Some(bucket), Some(key)) = (&video.bucket, &video.key)
    {
        job = job.video(bucket, key, None);
    }
    if let Some(tag) = &completion.job_tag {
        job = job.job_tag(tag);
    }
    if failed { job.status(JobStatus::Failed { message: FAILED.to_owned() }) } else { job }
}
