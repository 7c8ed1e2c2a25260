//! `label-lake list --videos`: lists the videos of a stack's bucket, and how far each has come.

use std::cell::Cell;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use futures_util::stream::{self, StreamExt as _};

use crate::account::Account;
use crate::account::rekognition::Jobs;
use crate::account::starter_log::StarterLog;
use crate::args::ListArguments;
use crate::error::with_hint;
use crate::lake::Lake;
use crate::output::progress::counter;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::text::count;
use crate::output::video_list::{ListedVideo, as_text};
use crate::videos::choice::has_suffix;
use crate::videos::known::KnownVideos;
use crate::videos::state::VideoState;

/// Number of concurrent calls to Rekognition. Low, because exports share its quota.
const CONCURRENCY: usize = 2;

/// Prints the videos. Returns a failure code if the state of some could not be read.
pub(crate) async fn list_videos(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let name = arguments.lake.stack.as_deref().context("pass --stack with --videos")?;
    let account = Account::open(&arguments.aws).await?;
    let stack = account.stack(name).await?;
    let names = stack.videos()?;
    let mut videos = account.video_bucket(&names.bucket).find("").await?;
    videos.retain(|video| has_suffix(&video.key, &names.suffixes));
    if videos.is_empty() {
        let error = anyhow!("no videos found in s3://{}", names.bucket);
        return Err(with_hint(
            error,
            format!("the stack takes objects with the suffix {}", names.suffixes.join(" or ")),
        ));
    }
    let known = KnownVideos::read(&Lake::S3(account.lake(&stack.location()?, None)?), arguments.quiet).await?;
    // What the lake has is shown even if nothing else can be read.
    let mut errors = Vec::new();
    let log = StarterLog::read(&account, &stack).await.unwrap_or_else(|error| {
        errors.push(error);
        StarterLog::default()
    });
    let states = videos.iter().map(|video| VideoState::new(video, &known, &log)).collect();
    let states = ask_rekognition(&account.jobs(), states, arguments.quiet, &mut errors).await?;
    let videos: Vec<_> = videos.into_iter().zip(states).map(|(video, state)| ListedVideo::new(video, state)).collect();
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&videos)?))?;
    } else {
        print(&as_text(&videos))?;
        match account.queue(&names.queue_url).approximate_count().await {
            Ok(waiting) => print(&format!("{} in the queue\n", count(waiting as usize, "video")))?,
            Err(error) => errors.push(error),
        }
    }
    errors.iter().for_each(print_error);
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks Rekognition whether the started jobs have ended. Asks no more after the first error.
async fn ask_rekognition(
    jobs: &Jobs,
    states: Vec<VideoState>,
    quiet: bool,
    errors: &mut Vec<anyhow::Error>,
) -> anyhow::Result<Vec<VideoState>> {
    let started = states.iter().filter(|state| matches!(state, VideoState::Started { .. })).count();
    let bar = counter(started as u64, "jobs", quiet)?;
    let has_failed = Cell::new(false);
    let asked = states.into_iter().map(|state| async {
        let VideoState::Started { job_id } = &state else { return (state, None) };
        if has_failed.get() {
            return (state, None);
        }
        let analysis = jobs.analysis(job_id).await;
        bar.inc(1);
        match analysis {
            Ok(analysis) => (VideoState::analyzed(job_id.clone(), analysis), None),
            Err(error) => {
                has_failed.set(true);
                (state, Some(error))
            }
        }
    });
    let mut asked = stream::iter(asked).buffered(CONCURRENCY);
    let mut states = Vec::new();
    while let Some((state, error)) = asked.next().await {
        states.push(state);
        errors.extend(error);
    }
    drop(asked);
    bar.finish_and_clear();
    Ok(states)
}
