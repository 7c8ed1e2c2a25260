//! `label-lake report`: writes a page that shows when the labels of a job are seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use indicatif::HumanBytes;
use label_lake::job_id::JobId;

use crate::account::Account;
use crate::args::{LakeLocation, ReportArguments, each_once};
use crate::error::with_hint;
use crate::job_row::JobRow;
use crate::lake::Lake;
use crate::lake::committed::CommittedJob;
use crate::output::progress::{counter, notice};
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::text::{count, printable, timestamp};
use crate::report::html_file::HtmlFile;
use crate::report::index::{FILE_NAME, page_name, write_index};
use crate::report::page::write_page;
use crate::report::thumbnails::{self, Thumbnail, thumbnails};
use crate::report::video::{Video, VideoSource, check_file};
use crate::shutdown::{INTERRUPTED, INVALID_USAGE};

/// Directory of the pages of several jobs.
const DIRECTORY: &str = "reports";

/// Writes the pages. Returns a failure code if the page of a job cannot be written.
pub(crate) async fn report(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let jobs = each_once(&arguments.jobs);
    if let (Some(VideoSource::File(_)), [_, _, ..]) = (&arguments.video, &*jobs) {
        let error = anyhow!("--video FILE is the video of one job, but {} are named", count(jobs.len(), "job"));
        print_error(&with_hint(error, "make one report for each video, or pass `--video presign`"));
        return Ok(ExitCode::from(INVALID_USAGE));
    }
    // A page that is not complete is removed when its future is dropped. The signal comes first, because the other future
    // may read a directory for long without a pause, and an unexpected signal ends the process without cleaning up.
    tokio::select! {
        biased;
        signal = tokio::signal::ctrl_c() => {
            signal?;
            print_error(&anyhow!("interrupted; pages that were not complete are not written"));
            Ok(ExitCode::from(INTERRUPTED))
        }
        result = write(arguments, &jobs) => result,
    }
}

async fn write(arguments: &ReportArguments, jobs: &[JobId]) -> anyhow::Result<ExitCode> {
    if let Some(VideoSource::File(video)) = &arguments.video {
        check_file(video)?;
    }
    let (location, lake) = Lake::open(&arguments.lake, &arguments.aws).await?;
    let account = match arguments.video {
        Some(VideoSource::Presign) => Some(
            Account::open(&arguments.aws).await.context("--video presign signs with the credentials of an account")?,
        ),
        _ => None,
    };
    let reports = Reports { arguments, location, lake, account };
    match jobs {
        [job] => {
            let path = arguments.out.clone().unwrap_or_else(|| page_name(job.as_str()).into());
            reports.write(job, &path).await?;
            Ok(ExitCode::SUCCESS)
        }
        _ => reports.write_all(jobs).await,
    }
}

/// The arguments, the lake and the account of all pages of a command.
struct Reports<'a> {
    arguments: &'a ReportArguments,
    location: LakeLocation,
    lake: Lake,
    /// Account whose credentials sign the URLs of videos.
    account: Option<Account>,
}

impl Reports<'_> {
    /// Writes a page for each job, and the index of those that could be written.
    async fn write_all(&self, jobs: &[JobId]) -> anyhow::Result<ExitCode> {
        let directory = self.arguments.out.clone().unwrap_or_else(|| DIRECTORY.into());
        fs::create_dir_all(&directory).map_err(|error| {
            let error = anyhow!(error).context(format!("cannot create directory {}", directory.display()));
            with_hint(error, "choose another directory with --out")
        })?;
        let path = directory.join(FILE_NAME);
        let index = HtmlFile::create(&path)?;
        let mut rows = Vec::new();
        for job in jobs {
            let page = match page_path(&directory, job) {
                Ok(path) => self.write(job, &path).await,
                Err(error) => Err(error),
            };
            match page {
                Ok(row) => rows.push(row),
                Err(error) => print_error(&error),
            }
        }
        if rows.is_empty() {
            return Ok(ExitCode::FAILURE);
        }
        write_index(&rows, index)?;
        print(&format!("{}: the index of {}\n", path.display(), count(rows.len(), "page")))?;
        Ok(if rows.len() == jobs.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Writes the page of a job.
    async fn write(&self, job: &JobId, path: &Path) -> anyhow::Result<JobRow> {
        let CommittedJob { row, .. } = self.lake.committed_job(job, &self.location).await?;
        let page = HtmlFile::create(path)?;
        let (video, thumbnails) = self.video(&row, &page).await?;
        let labels = row.labels.as_ref().map_or(0, Vec::len);
        let bar = counter(labels as u64, "labels", self.arguments.quiet)?;
        let bytes = write_page(&self.lake, job, &row, (video.as_ref(), &thumbnails), page, &bar).await?;
        bar.finish_and_clear();
        print(&format!("{}: {}\n", path.display(), HumanBytes(bytes)))?;
        if let Some(expires_at) = video.and_then(|video| video.expires_at()) {
            notice(&format!("{}: its URL of the video expires at {}", path.display(), timestamp(expires_at)));
        }
        Ok(row)
    }

    /// Returns the video of a page, and pictures of it. Without ffmpeg, there are no pictures.
    async fn video(&self, row: &JobRow, page: &HtmlFile) -> anyhow::Result<(Option<Video>, Vec<Thumbnail>)> {
        if let Some(account) = &self.account {
            return Ok((Some(Video::presigned(account, row).await?), Vec::new()));
        }
        let Some(VideoSource::File(file)) = &self.arguments.video else { return Ok((None, Vec::new())) };
        let video = Video::file(file, page)?;
        let Some(duration_ms) = row.video_duration_ms.filter(|&duration_ms| duration_ms > 0) else {
            return Ok((Some(video), Vec::new()));
        };
        let bar = counter(thumbnails::COUNT as u64, "pictures", self.arguments.quiet)?;
        let pictures = thumbnails(file, duration_ms, &bar).await;
        bar.finish_and_clear();
        let pictures = pictures.unwrap_or_else(|error| {
            notice(&printable(&format!("warning: the page has no pictures of the video: {error:#}")));
            Vec::new()
        });
        Ok((Some(video), pictures))
    }
}

/// Returns the path of a job's page beside the index.
fn page_path(directory: &Path, job: &JobId) -> anyhow::Result<PathBuf> {
    let name = page_name(job.as_str());
    if name == FILE_NAME {
        let error = anyhow!("job {job}: its page would be the index of {}", directory.display());
        return Err(with_hint(error, "make its report alone, with another name"));
    }
    Ok(directory.join(name))
}
