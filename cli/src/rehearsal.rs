//! The jobs of an event as the simulator is to answer for them: generated or recorded.

use anyhow::bail;
use label_lake::notification::Completion;
use label_lake::pages::Aggregation;
use simulator::{Generated, Job, JobStatus};

use crate::args::RunArguments;
use crate::event::Event;
use crate::recorded::Recording;

/// The labels of a full page.
pub(crate) const PAGE: usize = 1000;

/// What a generated job that the event says failed has for a `StatusMessage`.
const FAILED: &str = "The video could not be decoded (simulated: the event says that the job failed)";

/// A job of the event.
#[derive(Debug)]
pub(crate) struct Rehearsed {
    pub(crate) id: String,
    pub(crate) job: Job,
    /// How many pages it has in the aggregations asked for, if that can be known before.
    pub(crate) pages: Option<u64>,
}

/// The jobs of the event, with replies for the aggregations asked for.
pub(crate) fn rehearse(
    arguments: &RunArguments,
    event: &Event,
    aggregations: &[Aggregation],
) -> anyhow::Result<Vec<Rehearsed>> {
    if !arguments.recorded.is_empty() {
        let [completion] = &*event.completions else {
            bail!(
                "the recorded replies are of one job, and the event names {}; send an event with one message",
                event.completions.len()
            );
        };
        let recording = Recording::read(&arguments.recorded)?;
        recording.check(completion.job_id.as_str(), aggregations)?;
        let pages = aggregations.iter().map(|&aggregation| pages_of(recording.count(aggregation))).sum();
        let id = completion.job_id.to_string();
        return Ok(vec![Rehearsed { id, job: recording.into_job()?, pages: Some(pages) }]);
    }
    let statuses = event.statuses();
    let generated = event.completions.iter().zip(arguments.seed..).map(|(completion, seed)| {
        let id = completion.job_id.to_string();
        let failed = statuses.get(&id).is_some_and(|status| status != "SUCCEEDED");
        generate(arguments, completion, seed, failed, aggregations)
    });
    Ok(generated.collect())
}

/// Each job of an event has a seed of its own, or two jobs would be the same. The video and the tag are those of the
/// message.
fn generate(
    arguments: &RunArguments,
    completion: &Completion,
    seed: u64,
    failed: bool,
    aggregations: &[Aggregation],
) -> Rehearsed {
    let labels = arguments.pages as usize * PAGE;
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
    // How many segments come of the detections is not known before.
    let mut pages = (aggregations == [Aggregation::Timestamps]).then(|| pages_of(labels));
    if failed {
        job = job.status(JobStatus::Failed { message: FAILED.to_owned() });
        pages = Some(0);
    }
    Rehearsed { id: completion.job_id.to_string(), job, pages }
}

/// A job without labels has a page, too.
fn pages_of(labels: usize) -> u64 {
    labels.div_ceil(PAGE).max(1) as u64
}
