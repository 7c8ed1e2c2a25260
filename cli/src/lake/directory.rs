//! A lake in a local directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use label_lake::aws::names::KeyPrefix;
use label_lake::job_id::JobId;
use label_lake::lake::StoredObject;
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::{Layout, ObjectKey};
use label_lake::table::schema::JOBS;

use super::files::{FileTotals, LakeFile};
use crate::error::with_hint;
use crate::job_row::JobRow;

/// A lake in a directory.
#[derive(Debug)]
pub(crate) struct LakeDirectory {
    root: PathBuf,
    layout: Layout,
}

impl LakeDirectory {
    pub(crate) fn new(root: &Path, prefix: &KeyPrefix) -> Self {
        Self { root: root.to_owned(), layout: Layout::new(prefix) }
    }

    /// Opens an existing lake. Fails if the directory does not exist or is not a lake.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        let path = root.display();
        let hint = format!("name a lake with --lake, or create one with `label-lake run --out {path}`");
        let metadata = match fs::metadata(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(with_hint(anyhow!("the directory {path} does not exist"), hint));
            }
            metadata => metadata.with_context(|| format!("cannot read the lake {path}"))?,
        };
        if !metadata.is_dir() {
            let error = anyhow!("{path} is a file, not the directory of a lake");
            return Err(with_hint(error, "name a lake with --lake"));
        }
        if !root.join(JOBS.name).is_dir() {
            return Err(with_hint(anyhow!("{path} is not a lake: it has no directory {}", JOBS.name), hint));
        }
        Ok(Self::new(root, &KeyPrefix::none()))
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Returns the files in the folder `prefix` and its subfolders, in the order of their keys.
    pub(super) fn list(&self, prefix: &str) -> anyhow::Result<Vec<LakeFile>> {
        let (mut files, mut folders) = (Vec::new(), vec![prefix.to_owned()]);
        while let Some(folder) = folders.pop() {
            let listed = self.list_folder(&folder, &mut files, &mut folders);
            listed.with_context(|| format!("cannot read {}", self.path(&folder).display()))?;
        }
        files.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(files)
    }

    /// Adds the entries of a folder to the files and to the folders. A folder that does not exist is empty.
    fn list_folder(&self, prefix: &str, files: &mut Vec<LakeFile>, folders: &mut Vec<String>) -> io::Result<()> {
        let entries = match fs::read_dir(self.path(prefix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let (name, metadata) = (entry.file_name(), entry.metadata()?);
            let key = format!("{prefix}{}", name.to_string_lossy());
            if metadata.is_dir() {
                folders.push(key + "/");
            } else {
                files.push(LakeFile { key, bytes: metadata.len() });
            }
        }
        Ok(())
    }

    /// Returns a file, or `None` if it does not exist.
    pub(super) fn read(&self, key: &ObjectKey) -> anyhow::Result<Option<StoredObject>> {
        let path = self.path(key.as_str());
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => {
                let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?.into();
                let last_modified = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
                Ok(Some(StoredObject { bytes, last_modified }))
            }
        }
    }

    /// Reads the row of a committed job.
    pub(crate) fn row(&self, job: &JobId) -> anyhow::Result<JobRow> {
        let key = self.layout.commit_key(job)?;
        let read = || JobRow::read(self.read(&key)?.context("no such file")?.bytes);
        read().with_context(|| format!("cannot read the row of the job from {}", self.path(key.as_str()).display()))
    }

    /// Counts all files of a committed job, including its row.
    pub(crate) fn count_files(&self, job: &JobId) -> anyhow::Result<FileTotals> {
        let row = fs::metadata(self.path(self.layout.commit_key(job)?.as_str()))?;
        let mut totals = FileTotals { count: 1, bytes: row.len() };
        for aggregation in Aggregation::ALL {
            totals.add(&self.list(&self.layout.job_prefix(aggregation.table(), job))?);
        }
        Ok(totals)
    }
}
