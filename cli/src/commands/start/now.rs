//! `label-lake start --now`: starts one video without the queue, and follows it into the lake.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use label_lake::config::JobSettings;
use label_lake::job_id::JobId;

use crate::account::Account;
use crate::account::rekognition::{Analysis, Jobs, Start};
use crate::args::{LakeLocation, S3Location, ShowArguments, StartArguments};
use crate::commands::show::show;
use crate::error::with_hint;
use crate::lake::Lake;
use crate::output::phases::Phases;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::text::quoted;
use crate::shutdown::{INTERRUPTED, Shutdown};
use crate::videos::known::KnownVideos;
use crate::videos::location::VideoLocation;
use crate::videos::obstacle::Obstacle;
use crate::videos::video::Video;

/// First pause between two calls. It grows by half with each call.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause. Calls for one video once in 5 seconds take a twentieth of the smallest quota.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Time after the end of a job after which its export is late. Most exports take seconds, and a failed one is retried for
/// minutes.
const PATIENCE: Duration = Duration::from_mins(5);

/// Starts a video, follows it, and shows its labels. Returns a failure code if the job fails at Rekognition.
pub(super) async fn start(arguments: &StartArguments, location: &VideoLocation) -> anyhow::Result<ExitCode> {
    let account = Account::open(&arguments.aws).await?;
    let stack = account.stack(&arguments.stack).await?;
    let names = stack.videos()?;
    names.check(location)?;
    let settings = job_settings(&account, &names.starter).await?;
    let found = account.video_bucket(&names.bucket).find(&location.path).await?;
    let video = found.into_iter().find(|video| video.key == location.path);
    let video = video.ok_or_else(|| with_hint(anyhow!("no object {location}"), "--now takes the URL of one video"))?;
    let lake_location = stack.location()?;
    let lake = Lake::S3(account.lake(&lake_location, None)?);
    let known = KnownVideos::read(&lake, arguments.quiet).await?;
    if let Some(job) = known.job_of(&video) {
        print(&format!("{} is in the lake already.\n", video.url()))?;
        return show_job(arguments, lake_location, JobId::try_from(&*job.id)?, job.failure.is_some()).await;
    }

    if let Some(obstacle) = Obstacle::of(&video) {
        return Err(obstacle.error(&video));
    }

    let stack_words = format!("--stack {}{}", quoted(&arguments.stack), arguments.aws.as_words());
    let follower = Follower { jobs: account.jobs(), lake, shutdown: Shutdown::listen(|| {})?, stack: &stack_words };
    let phases = Phases::start("waiting", arguments.quiet)?;
    match follower.follow(&video, &settings, phases).await? {
        Some(Followed { job, has_failed, phases }) => {
            print(&format!("{phases}\n\n"))?;
            show_job(arguments, lake_location, job, has_failed).await
        }
        None => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// Returns the settings of the deployed starter, so that it makes the same token from the event of the video.
async fn job_settings(account: &Account, starter: &str) -> anyhow::Result<JobSettings> {
    let environment = account.function(starter).environment().await?;
    let get = |variable: &str| environment.get(variable).filter(|value| !value.is_empty()).cloned();
    JobSettings::read(&get).with_context(|| format!("cannot use the settings of the starter {starter}"))
}

/// Shows the job as `label-lake show` does.
async fn show_job(
    arguments: &StartArguments,
    lake: S3Location,
    job: JobId,
    has_failed: bool,
) -> anyhow::Result<ExitCode> {
    let code = show(&ShowArguments::of_job(LakeLocation::S3(lake), job, arguments.quiet, &arguments.aws)).await?;
    Ok(if has_failed { ExitCode::FAILURE } else { code })
}

/// A job that is in the lake.
struct Followed {
    job: JobId,
    has_failed: bool,
    /// The phases with their durations, in one line.
    phases: String,
}

/// Follows a video from its start into the lake. Each step returns `None` after an interruption.
struct Follower<'a> {
    jobs: Jobs,
    lake: Lake,
    shutdown: Shutdown,
    /// The options that name the stack, for the commands that are printed.
    stack: &'a str,
}

impl Follower<'_> {
    async fn follow(
        &self,
        video: &Video,
        settings: &JobSettings,
        mut phases: Phases,
    ) -> anyhow::Result<Option<Followed>> {
        let Some(job) = self.start(video, settings).await? else {
            let error = anyhow!("interrupted; Rekognition has no free slot, and the video was not started");
            let hint = "run the command again, or without --now to leave the video to the stack's starter";
            drop(phases);
            print_error(&with_hint(error, hint));
            return Ok(None);
        };
        phases.next("started");
        let analysis = self.wait_for_end(&job).await?;
        if analysis == Some(Analysis::Unknown) {
            let error = anyhow!("job {job}: Rekognition has deleted the results, and the lake does not have them");
            return Err(with_hint(
                error,
                "run the command again later: the video has a new job 7 days after the first start",
            ));
        }
        if let Some(analysis) = &analysis {
            phases.next(if matches!(analysis, Analysis::Failed(_)) { "failed" } else { "analyzed" });
            let late = || {
                let hint = self.next_steps(&job);
                phases.notice(&format!("warning: job {job} ended, but is not in the lake yet\nhint: {hint}"));
            };
            if with_reminder(Box::pin(self.wait_for_row(&job)), PATIENCE, late).await?.is_some() {
                let has_failed = matches!(analysis, Analysis::Failed(_));
                return Ok(Some(Followed { job, has_failed, phases: phases.finish("exported") }));
            }
        }
        drop(phases);
        let state = if analysis.is_some() {
            "has ended at Rekognition, and its export"
        } else {
            "continues at Rekognition, and its export"
        };
        let error = anyhow!("interrupted; job {job} {state} needs no command");
        let hint = format!("{}; run the command again to follow it", self.next_steps(&job));
        print_error(&with_hint(error, hint));
        Ok(None)
    }

    fn next_steps(&self, job: &JobId) -> String {
        let stack = self.stack;
        format!(
            "`label-lake status {stack} {job}` shows whether it is in the lake, and `label-lake replay {stack} --dry-run` \
             whether its export failed"
        )
    }

    /// Starts the job as soon as Rekognition has a free slot.
    async fn start(&self, video: &Video, settings: &JobSettings) -> anyhow::Result<Option<JobId>> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.jobs.start(video, settings).await? {
                Start::Started(job) => return Ok(Some(job)),
                Start::NoSlot => {}
            }
            if self.pause(&mut pause).await.is_none() {
                return Ok(None);
            }
        }
    }

    async fn wait_for_end(&self, job: &JobId) -> anyhow::Result<Option<Analysis>> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.jobs.analysis(job.as_str()).await? {
                Analysis::InProgress => {}
                ended => return Ok(Some(ended)),
            }
            if self.pause(&mut pause).await.is_none() {
                return Ok(None);
            }
        }
    }

    async fn wait_for_row(&self, job: &JobId) -> anyhow::Result<Option<()>> {
        let mut pause = FIRST_PAUSE;
        while self.lake.job_row(job).await?.is_none() {
            if self.pause(&mut pause).await.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    /// Waits, and lengthens the next pause. Returns `None` after an interruption.
    async fn pause(&self, pause: &mut Duration) -> Option<()> {
        tokio::select! {
            () = tokio::time::sleep(*pause) => {}
            () = self.shutdown.wait() => return None,
        }
        *pause = MAX_PAUSE.min(*pause * 3 / 2);
        Some(())
    }
}

/// Waits for a future, and calls `late` once if the future takes longer than this.
async fn with_reminder<T>(mut future: impl Future<Output = T> + Unpin, patience: Duration, late: impl FnOnce()) -> T {
    if let Ok(done) = tokio::time::timeout(patience, &mut future).await {
        return done;
    }
    late();
    future.await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn reminds_once_of_what_takes_long() {
        let (calls, reminded) = (Cell::new(0), Notify::new());
        let late = || {
            calls.set(calls.get() + 1);
            reminded.notify_one();
        };
        let ends_after_the_reminder = Box::pin(async {
            reminded.notified().await;
            tokio::task::yield_now().await;
            "done"
        });
        assert_eq!(with_reminder(ends_after_the_reminder, Duration::from_millis(1), late).await, "done");
        assert_eq!(calls.get(), 1);
        assert_eq!(with_reminder(Box::pin(async { "at once" }), Duration::ZERO, || calls.set(9)).await, "at once");
        assert_eq!(calls.get(), 1);
    }
}
