//! A page that is written to a temporary file and renamed when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tempfile::NamedTempFile;

use super::template::MARK;
use crate::error::with_hint;
use crate::output::file::{directory_of, temporary_beside};

/// Number of bytes at the start of a page that have its mark.
const MARK_WITHIN: u64 = 4096;

/// A page that is being written. Without [`HtmlFile::finish`], nothing is left of it.
pub(crate) struct HtmlFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    /// True if the path has a page of an earlier report.
    replaces: bool,
}

impl HtmlFile {
    /// Begins a page. Fails if the path has anything but the page of an earlier report.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let directory = directory_of(path);
        let replaces = is_report(path)?;
        let file = temporary_beside(path).map_err(|error| {
            let error = anyhow!(error).context(format!("cannot write to the directory {}", directory.display()));
            with_hint(error, "choose another file with --out")
        })?;
        Ok(Self { file: BufWriter::new(file), path: path.to_owned(), replaces })
    }

    /// Returns the path of the page.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds text at the end.
    pub(super) fn add(&mut self, text: &str) -> anyhow::Result<()> {
        self.file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Gives the page its name, and returns its size in bytes.
    pub(super) fn finish(self) -> anyhow::Result<u64> {
        let Self { file, path, replaces } = self;
        let finish = || -> io::Result<u64> {
            let file = file.into_inner()?;
            let bytes = file.as_file().metadata()?.len();
            // Another program may have created a file in the meantime.
            if replaces {
                file.persist(&path)?
            } else {
                file.persist_noclobber(&path)?
            };
            Ok(bytes)
        };
        finish().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Returns true if the path has a page that this program wrote, and false if it has nothing.
///
/// # Errors
/// The path has something else.
pub(crate) fn is_report(path: &Path) -> anyhow::Result<bool> {
    let refused = |what: &str| {
        let error = anyhow!("{} exists and is {what}", path.display());
        Err(with_hint(error, "choose another file with --out"))
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Ok(metadata) if metadata.is_dir() => return refused("a directory"),
        _ => {}
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MARK_WITHIN).read_to_end(&mut start));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    if String::from_utf8_lossy(&start).contains(MARK) { Ok(true) } else { refused("not a report of label-lake") }
}
