//! Runs the program `label-lake`, and checks its output, its exit code, and the files it writes.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests panic on failure")]

mod account;
mod backfill;
mod completions;
mod convert;
mod ddl;
mod delete;
mod demo;
mod deployment;
mod errors;
mod export;
mod help;
mod keep_alive;
mod list;
mod list_videos;
mod login;
mod man;
mod progress;
mod query;
mod recorded;
mod register;
mod replay;
mod report;
mod requests;
mod run;
mod show;
mod stack;
mod start;
mod start_left_out;
mod start_now;
mod start_report;
mod starter;
mod status;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;
use tempfile::TempDir;

/// The result of running the command.
struct CommandOutput {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl CommandOutput {
    /// Checks that standard error has one error of one line, and the hints for it.
    fn assert_one_error(&self) {
        let (errors, others): (Vec<_>, Vec<_>) = self.stderr.lines().partition(|line| line.starts_with("error: "));
        let only_hints = others.iter().all(|line| line.starts_with("hint: "));
        assert!(errors.len() == 1 && only_hints, "{}", self.stderr);
    }

    /// Parses the output of `--json`.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// Runs the command with this standard input.
fn label_lake<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, input: &str) -> CommandOutput {
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // A command that fails early does not read standard input.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let ended = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    CommandOutput { code: ended.status.code(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}

/// An empty directory to run `label-lake run` in.
struct Workspace {
    directory: TempDir,
}

impl Workspace {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn lake(&self) -> PathBuf {
        self.directory.path().join("lake")
    }

    /// Processes an event with `--out` and further arguments.
    fn run(&self, event: impl AsRef<OsStr>, more: &[&str]) -> CommandOutput {
        self.run_with_input(event, more, "")
    }

    fn run_with_input(&self, event: impl AsRef<OsStr>, more: &[&str], input: &str) -> CommandOutput {
        let lake = self.lake();
        let mut arguments = vec![OsStr::new("run"), event.as_ref(), OsStr::new("--out"), lake.as_os_str()];
        arguments.extend(more.iter().map(OsStr::new));
        label_lake(arguments, input)
    }

    /// Returns the files of the lake by their relative paths.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.lake(), "", &mut files);
        files
    }

    /// Returns the number of rows in all files whose path starts with `table`.
    fn rows(&self, table: &str) -> i64 {
        let paths = self.files().into_keys().filter(|path| path.starts_with(table));
        let rows = |path: String| {
            let reader = SerializedFileReader::new(File::open(self.lake().join(path)).unwrap()).unwrap();
            reader.metadata().file_metadata().num_rows()
        };
        paths.map(rows).sum()
    }
}

fn collect(directory: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
}

/// Returns the path of a sample event.
fn event(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name)
}

/// The job in all sample events.
const JOB: &str = "4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62";
