//! A lake to read, in a directory or in S3. The two differ only in how they list and read files.

pub(crate) mod committed;
pub(crate) mod directory;
pub(crate) mod files;
pub(crate) mod label_file;
pub(crate) mod rows;

use label_lake::job_id::JobId;
use label_lake::lake::StoredObject;
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::{Layout, ObjectKey};
use label_lake::table::schema::JOBS;

use self::directory::LakeDirectory;
use self::files::{FileTotals, LakeFile};
use crate::account::Account;
use crate::account::lake::AccountLake;
use crate::args::{AwsArguments, LakeLocation, LakeToRead};

/// A lake in a directory or in S3.
pub(crate) enum Lake {
    Directory(LakeDirectory),
    S3(AccountLake),
}

/// The files of the table `jobs`.
#[derive(Debug, Default)]
pub(crate) struct JobFiles {
    /// Jobs that have a row, in the order of the listing.
    pub(crate) jobs: Vec<JobId>,
    /// Keys of the files that are not named like a row.
    pub(crate) foreign: Vec<String>,
}

/// Returns the location of the lake that the arguments name. That of a stack is looked up in the account.
pub(crate) async fn locate(lake: &LakeToRead, aws: &AwsArguments) -> anyhow::Result<LakeLocation> {
    match &lake.stack {
        Some(name) => Ok(LakeLocation::S3(Account::open(aws).await?.stack(name).await?.location()?)),
        None => Ok(lake.lake.clone()),
    }
}

impl Lake {
    /// Opens the lake that the arguments name, and returns its location. For a directory, checks that it is a lake; for S3
    /// and for a stack, loads region and credentials.
    pub(crate) async fn open(lake: &LakeToRead, aws: &AwsArguments) -> anyhow::Result<(LakeLocation, Self)> {
        let (account, location) = match (&lake.stack, &lake.lake) {
            (None, LakeLocation::Directory(path)) => {
                return Ok((lake.lake.clone(), Self::Directory(LakeDirectory::open(path)?)));
            }
            (None, LakeLocation::S3(location)) => (Account::open(aws).await?, location.clone()),
            (Some(name), _) => {
                let account = Account::open(aws).await?;
                let location = account.stack(name).await?.location()?;
                (account, location)
            }
        };
        let opened = account.lake(&location, None)?;
        Ok((LakeLocation::S3(location), Self::S3(opened)))
    }

    /// Returns the files of the table `jobs`.
    pub(crate) async fn job_files(&self) -> anyhow::Result<JobFiles> {
        let mut files = JobFiles::default();
        for LakeFile { key, .. } in self.list(&self.layout().table_prefix(&JOBS)).await? {
            match self.layout().job_from_key(&key) {
                Some(job) => files.jobs.push(job),
                None if is_hidden(&key) => {}
                None => files.foreign.push(key),
            }
        }
        Ok(files)
    }

    /// Counts the files of a job in the tables of its labels.
    pub(crate) async fn count_files(&self, job: &JobId) -> anyhow::Result<FileTotals> {
        let mut totals = FileTotals::default();
        for aggregation in Aggregation::ALL {
            let files = self.list(&self.layout().job_prefix(aggregation.table(), job)).await?;
            totals.add(&files);
        }
        Ok(totals)
    }

    /// Returns the files whose keys begin with `prefix`, a folder that ends with `/`.
    async fn list(&self, prefix: &str) -> anyhow::Result<Vec<LakeFile>> {
        match self {
            Self::Directory(directory) => directory.list(prefix),
            Self::S3(lake) => lake.list(prefix).await,
        }
    }

    /// Returns a file of a job, or `None` if the lake does not have it.
    pub(crate) async fn read(&self, job: &JobId, key: &ObjectKey) -> anyhow::Result<Option<StoredObject>> {
        match self {
            Self::Directory(directory) => directory.read(key),
            Self::S3(lake) => lake.read(job, key).await,
        }
    }

    /// Returns the keys of the lake.
    pub(crate) fn layout(&self) -> &Layout {
        match self {
            Self::Directory(directory) => directory.layout(),
            Self::S3(lake) => lake.lake.layout(),
        }
    }

    /// Returns the path or the URL of a key.
    pub(crate) fn path(&self, key: &str) -> String {
        match self {
            Self::Directory(directory) => directory.path(key).display().to_string(),
            Self::S3(lake) => lake.url(key),
        }
    }
}

/// Returns true if query engines ignore a key: the name of the file starts with `_` or `.`, or is empty, as in the marker of
/// a folder that the S3 console creates.
fn is_hidden(key: &str) -> bool {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    name.is_empty() || name.starts_with(['_', '.'])
}
