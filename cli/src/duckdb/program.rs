//! The program `duckdb`.

use std::io::{self, Write as _};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, anyhow};

use crate::error::with_hint;

/// File that discards what is written to it.
const NULL_DEVICE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// Runs statements with DuckDB and shows the result of `query` only. DuckDB stops at the first error and prints it. Returns
/// a failure code in that case.
pub(crate) fn run(setup: &str, query: &str) -> anyhow::Result<ExitCode> {
    let mut duckdb = match Command::new("duckdb").arg("-bail").stdin(Stdio::piped()).spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(with_hint(
                anyhow!("the program duckdb is not on the PATH"),
                "install it as https://duckdb.org/install describes, or pass --sql and pipe the script into another DuckDB",
            ));
        }
        started => started.context("cannot start duckdb")?,
    };
    // Some statements of the setup, such as CREATE SECRET, have a result.
    let script = format!(".output {NULL_DEVICE}\n{setup}.output\n{query}");
    let mut stdin = duckdb.stdin.take().context("duckdb has no standard input")?;
    match stdin.write_all(script.as_bytes()) {
        // DuckDB has stopped at an error, and has not read the rest.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("cannot write to duckdb")?,
    }
    drop(stdin);
    let status = duckdb.wait().context("cannot wait for duckdb")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
