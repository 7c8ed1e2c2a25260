//! A lake in a local directory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use label_lake::aws::names::KeyPrefix;
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::Layout;

use crate::job_row::JobRow;

/// A lake in a directory.
#[derive(Debug)]
pub(crate) struct LakeDirectory {
    root: PathBuf,
    layout: Layout,
}

/// Number and total size of files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FileTotals {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl LakeDirectory {
    pub(crate) fn new(root: &Path, prefix: &KeyPrefix) -> Self {
        Self { root: root.to_owned(), layout: Layout::new(prefix) }
    }

    /// Reads the row of a committed job.
    pub(crate) fn row(&self, job: &JobId) -> anyhow::Result<JobRow> {
        let path = self.row_path(job)?;
        let read = || JobRow::read(File::open(&path)?);
        read().with_context(|| format!("cannot read the row of the job from {}", path.display()))
    }

    /// Counts all files of a committed job, including its row.
    pub(crate) fn count_files(&self, job: &JobId) -> anyhow::Result<FileTotals> {
        let row = fs::metadata(self.row_path(job)?)?;
        let mut totals = FileTotals { count: 1, bytes: row.len() };
        for aggregation in Aggregation::ALL {
            let directory = self.root.join(self.layout.job_prefix(aggregation.table(), job));
            add_files(&directory, &mut totals).with_context(|| format!("cannot read {}", directory.display()))?;
        }
        Ok(totals)
    }

    fn row_path(&self, job: &JobId) -> anyhow::Result<PathBuf> {
        Ok(self.root.join(self.layout.commit_key(job)?.as_str()))
    }
}

fn add_files(directory: &Path, totals: &mut FileTotals) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            add_files(&entry.path(), totals)?;
        } else {
            totals.count += 1;
            totals.bytes += metadata.len();
        }
    }
    Ok(())
}
