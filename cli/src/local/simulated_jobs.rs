//! The jobs of an event as the simulator is to answer for them: generated or recorded.

use anyhow::bail;
use label_lake::notification::Completion;
use label_lake::table::aggregation::Aggregation;
use simulator::{Generated, Job, JobStatus};

use crate::args::RunArguments;
use crate::event::Event;
use crate::recorded::Recording;

/// The labels of a full page.
const PAGE: usize = 1000;

/// What a generated job that the event says failed has for a `StatusMessage`.
const FAILED: &str = "The video could not be decoded (simulated: the event says that the job failed)";

/// The jobs of the event by their ids, with replies for the aggregations asked for.
pub(crate) fn rehearse(
    arguments: &RunArguments,
    event: &Event,
    aggregations: &[Aggregation],
) -> anyhow::Result<Vec<(String, Job)>> {
    if !arguments.recorded.is_empty() {
        let [completion] = &*event.completions else {
            bail!(
                "the recorded replies are of one job, and the event names {}; send an event with one message",
                event.completions.len()
            );
        };
        let recording = Recording::read(&arguments.recorded)?;
        recording.check(completion.job_id.as_str(), aggregations)?;
        return Ok(vec![(completion.job_id.to_string(), recording.into_job()?)]);
    }
    let statuses = event.statuses();
    let generated = event.completions.iter().zip(arguments.seed..).map(|(completion, seed)| {
        let id = completion.job_id.to_string();
        let failed = statuses.get(&id).is_some_and(|status| status != "SUCCEEDED");
        (id, generate(arguments, completion, seed, failed))
    });
    Ok(generated.collect())
}

/// How many pages the jobs have in these aggregations.
pub(crate) fn pages(jobs: &[(String, Job)], aggregations: &[Aggregation]) -> u64 {
    let of = |job: &Job, aggregation| match aggregation {
        Aggregation::Timestamps => job.label_count(simulator::Aggregation::Timestamps),
        Aggregation::Segments => job.label_count(simulator::Aggregation::Segments),
    };
    let counts = jobs.iter().flat_map(|(_, job)| aggregations.iter().map(move |&aggregation| of(job, aggregation)));
    // A job without labels has a page, too.
    counts.map(|labels| labels.div_ceil(PAGE).max(1) as u64).sum()
}

/// Each job of an event has a seed of its own, or two jobs would be the same. The video and the tag are those of the
/// message.
fn generate(arguments: &RunArguments, completion: &Completion, seed: u64, failed: bool) -> Job {
    let labels = if failed { 0 } else { arguments.pages as usize * PAGE };
    let generated = Generated { labels, names: arguments.labels as usize, seed, ..Generated::default() };
    let mut job = Job::generated(generated);
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
