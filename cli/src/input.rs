//! Input that is a file or standard input.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::Context as _;

/// The content of a file, or of standard input.
#[derive(Debug)]
pub(crate) struct Input {
    /// Name for messages: the path, or `standard input`.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    /// Reads a file, or standard input if the path is `-`. An error names the file with its role, as in `event file`.
    pub(crate) fn read(path: &Path, role: &str) -> anyhow::Result<Self> {
        if path == "-" {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
            return Ok(Self { name: "standard input".to_owned(), bytes });
        }
        let name = path.display().to_string();
        let bytes = fs::read(path).with_context(|| format!("cannot read {role} {name}"))?;
        Ok(Self { name, bytes })
    }
}
