//! `label-lake start`: sends videos to the queue of the stack's starter.

mod now;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::ready;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use futures_util::stream::{self, StreamExt as _};

use crate::account::Account;
use crate::account::queue::{MAX_BATCH, MAX_CONCURRENT_BATCHES, Queue};
use crate::account::stack::videos::StackVideos;
use crate::args::StartArguments;
use crate::error::with_hint;
use crate::lake::Lake;
use crate::output::confirmation::{confirm, require_terminal};
use crate::output::progress::{counter, notice};
use crate::output::start_summary::{StartSummary, dry_run_line};
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::text::{count, printable, quoted};
use crate::shutdown::{INTERRUPTED, Shutdown};
use crate::videos::choice::choose;
use crate::videos::known::KnownVideos;
use crate::videos::sent::{SentReport, SentVideos};
use crate::videos::video::Video;

/// Sends the videos after confirmation, or follows one with `--now`. Returns a failure code if a video was not sent.
pub(crate) async fn start(arguments: &StartArguments) -> anyhow::Result<ExitCode> {
    if let Some(location) = &arguments.now {
        return now::start(arguments, location).await;
    }
    if !arguments.yes && !arguments.dry_run {
        require_terminal("start")?;
    }
    let account = Account::open(&arguments.aws).await?;
    let stack = account.stack(&arguments.stack).await?;
    let names = stack.videos()?;
    let videos = find_videos(&account, &names, arguments).await?;
    let known = KnownVideos::read(&Lake::S3(account.lake(&stack.location()?, None)?), arguments.quiet).await?;
    let (mut report, sent) = if arguments.dry_run {
        (None, SentVideos::read(&arguments.report, &names.queue_url)?)
    } else {
        let (report, sent) = SentReport::open(&arguments.report, &names.queue_url)?;
        (Some(report), sent)
    };
    let suffixes = if arguments.suffix.is_empty() { &names.suffixes } else { &arguments.suffix };
    let mut summary = StartSummary::default();
    for video in videos {
        let choice = choose(&video, suffixes, &known, &sent);
        if let Some(line) = dry_run_line(&video, &choice).filter(|_| arguments.dry_run) {
            print(&line)?;
        }
        summary.add(video, &choice, &known);
    }
    print(&summary.as_text(suffixes, &arguments.report.display().to_string()))?;
    let videos = summary.to_start;
    let Some(report) = &mut report else {
        print("Dry run: nothing was started.\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    if videos.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.yes && !confirm(&format!("Start {}?", count(videos.len(), "video")))? {
        bail!("nothing was started");
    }
    send(&account.queue(&names.queue_url), &videos, report, arguments).await
}

/// Returns the objects of all locations, each once, in the order of their keys.
async fn find_videos(
    account: &Account,
    names: &StackVideos,
    arguments: &StartArguments,
) -> anyhow::Result<impl Iterator<Item = Video>> {
    for location in &arguments.videos {
        names.check(location)?;
    }
    let bucket = account.video_bucket(&names.bucket);
    let mut found = BTreeMap::new();
    for location in &arguments.videos {
        let videos = bucket.find(&location.path).await?;
        if videos.is_empty() {
            let error = anyhow!("no objects found in {location}");
            return Err(with_hint(error, "check the prefix, or the key of the video"));
        }
        found.extend(videos.into_iter().map(|video| (video.key.clone(), video)));
    }
    Ok(found.into_values())
}

/// Sends the videos in batches, and adds each batch to the report once SQS has it.
///
/// An interruption waits for the batches in flight, so that the report is complete. A second one does not: then up to
/// [`MAX_CONCURRENT_BATCHES`] batches may be sent again by the next run, and the starter's token makes one job of both.
async fn send(
    queue: &Queue,
    videos: &[Video],
    report: &mut SentReport,
    arguments: &StartArguments,
) -> anyhow::Result<ExitCode> {
    let bar = counter(videos.len() as u64, "videos", arguments.quiet)?;
    let shutdown = Shutdown::listen(|| notice("error: interrupted; videos that were sent stay in the queue"))?;
    let error = RefCell::new(None);
    let batches = videos.chunks(MAX_BATCH).map(|batch| async move {
        let messages: Vec<_> = batch.iter().map(Video::message).collect();
        (batch, queue.send(&messages).await)
    });
    let batches = stream::iter(batches).take_while(|_| ready(error.borrow().is_none() && !shutdown.is_requested()));
    let mut results = Box::pin(batches.buffer_unordered(MAX_CONCURRENT_BATCHES));
    let mut number = 0;
    while let Some((batch, result)) = results.next().await {
        let refused = match result {
            Ok(refused) => refused,
            Err(failure) => {
                error.replace(Some(failure));
                continue;
            }
        };
        let mut taken = Vec::new();
        for (position, video) in batch.iter().enumerate() {
            match refused.get(&position) {
                None => taken.push(video.clone()),
                Some(code) => notice(&printable(&format!("failed  {}  {code}", video.url()))),
            }
        }
        report.add(&taken)?;
        number += taken.len();
        bar.inc(taken.len() as u64);
    }
    drop(results);
    bar.finish_and_clear();

    let left = videos.len() - number;
    let left = if left == 0 { String::new() } else { format!(", {left} not sent") };
    print(&format!("{} sent to the queue{left}\n", count(number, "video")))?;
    let advice = format!(
        "run the command again to send the others; {} lists the videos that were sent",
        arguments.report.display()
    );
    let error = error.take();
    if shutdown.is_requested() {
        error.iter().for_each(print_error);
        eprintln!("hint: {advice}");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if let Some(error) = error {
        return Err(error);
    }
    if number < videos.len() {
        print_error(&with_hint(anyhow!("SQS did not take all videos"), advice));
        return Ok(ExitCode::FAILURE);
    }
    let stack = format!("{}{}", quoted(&arguments.stack), arguments.aws.as_words());
    print(&format!("To see how far they are:\n  label-lake list --videos --stack {stack}\n"))?;
    Ok(ExitCode::SUCCESS)
}
