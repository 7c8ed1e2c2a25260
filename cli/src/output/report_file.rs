//! A report file: one line of JSON per finished thing, from which another run resumes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::with_hint;

/// A report file that is open for appending. Other runs cannot open it in the meantime.
#[derive(Debug)]
pub(crate) struct ReportFile {
    path: PathBuf,
    file: File,
}

impl ReportFile {
    /// Opens a report, or creates it, and returns its lines. `first_field` is the name with which every line begins.
    pub(crate) fn open<L: DeserializeOwned>(path: &Path, first_field: &str) -> anyhow::Result<(Self, Vec<L>)> {
        let cannot_use = || format!("cannot use report {}", path.display());
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).with_context(cannot_use)?;
        // A file system that cannot lock is no reason to fail.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let error = anyhow!("{}: another run is using it", cannot_use());
            return Err(with_hint(error, "wait for the end of that run, or choose another file"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(cannot_use)?;
        let (complete, rest) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
        let lines = complete.lines().enumerate().map(|(number, line)| {
            let not_a_line = || format!("{}: line {} is not part of a report", cannot_use(), number + 1);
            serde_json::from_str(line).with_context(not_a_line)
        });
        let lines = lines.collect::<anyhow::Result<Vec<L>>>()?;
        if !rest.is_empty() {
            // A killed run may have left an incomplete last line, which is removed. The complete lines before it prove that
            // the file is a report.
            let line_start = format!("{{\"{first_field}\"");
            let is_incomplete_line = rest.starts_with(&line_start) || line_start.starts_with(rest);
            let is_report = !complete.is_empty() && is_incomplete_line;
            if !is_report {
                return Err(with_hint(anyhow!("{}: the file is not a report", cannot_use()), "choose another file"));
            }
            let truncated = file.set_len(complete.len() as u64).and_then(|()| file.seek(SeekFrom::End(0)));
            truncated.with_context(cannot_use)?;
        }
        Ok((Self { path: path.to_owned(), file }, lines))
    }

    /// Appends lines at once, in a single write.
    pub(crate) fn add<L: Serialize>(&mut self, lines: &[L]) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut bytes, line)?;
            bytes.push(b'\n');
        }
        self.file.write_all(&bytes).with_context(|| format!("cannot write report {}", self.path.display()))
    }
}
