//! A report file: one line of JSON per finished thing, from which another run resumes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
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
        let cannot_use = || cannot_use(path);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).with_context(cannot_use)?;
        // A file system that cannot lock is no reason to fail.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let error = anyhow!("{}: another run is using it", cannot_use());
            return Err(with_hint(error, "wait for the end of that run"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(cannot_use)?;
        let (lines, complete) = parse(path, &text, first_field)?;
        if complete < text.len() {
            let truncated = file.set_len(complete as u64).and_then(|()| file.seek(SeekFrom::End(0)));
            truncated.with_context(cannot_use)?;
        }
        Ok((Self { path: path.to_owned(), file }, lines))
    }

    /// Returns the lines of a report, which another run may be using. A file that does not exist has none.
    pub(crate) fn read<L: DeserializeOwned>(path: &Path, first_field: &str) -> anyhow::Result<Vec<L>> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(parse(path, &text, first_field)?.0),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error).with_context(|| cannot_use(path)),
        }
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

fn cannot_use(path: &Path) -> String {
    format!("cannot use report {}", path.display())
}

/// Returns the lines of a report, and the length of the complete ones in bytes. A killed run may have left an incomplete last
/// line. The complete lines before it prove that the file is a report.
fn parse<L: DeserializeOwned>(path: &Path, text: &str, first_field: &str) -> anyhow::Result<(Vec<L>, usize)> {
    let (complete, rest) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
    let lines = complete.lines().enumerate().map(|(number, line)| {
        let not_a_line = || format!("{}: line {} is not part of a report", cannot_use(path), number + 1);
        serde_json::from_str(line).with_context(not_a_line)
    });
    let lines = lines.collect::<anyhow::Result<Vec<L>>>()?;
    let line_start = format!("{{\"{first_field}\"");
    let is_incomplete_line = rest.starts_with(&line_start) || line_start.starts_with(rest);
    if !rest.is_empty() && (complete.is_empty() || !is_incomplete_line) {
        return Err(with_hint(anyhow!("{}: the file is not a report", cannot_use(path)), "choose another file"));
    }
    Ok((lines, complete.len()))
}
