//! Sets `LONG_VERSION`: the version, and the commit that the program is built from.

use std::path::Path;
use std::process::Command;

/// Length of the commit's abbreviation. Fixed, because git's own default depends on the clone.
const ABBREVIATION: usize = 9;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = env!("CARGO_PKG_VERSION");
    match commit() {
        Some(commit) => println!("cargo::rustc-env=LONG_VERSION={version} ({commit})"),
        None => println!("cargo::rustc-env=LONG_VERSION={version}"),
    }
}

/// Returns the hash and the date of the commit. The date of the build itself would differ from build to build.
///
/// Returns `None` without git, or if the sources are not the checkout of a repository of their own.
fn commit() -> Option<String> {
    if !Path::new("../.git").exists() {
        return None;
    }
    // The log of HEAD grows with every commit and checkout. A repository may keep none. Cargo would run this script in every
    // build if it watched a file that does not exist.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    let head = git(&["rev-parse", "--git-path", "HEAD"])?;
    let watched = [log, head].into_iter().find(|path| Path::new(path).exists())?;
    println!("cargo::rerun-if-changed={watched}");

    let commit = git(&["-c", "log.showSignature=false", "log", "-1", "--date=short", "--format=%H %cd"])?;
    let (hash, date) = commit.split_once(' ')?;
    Some(format!("{} {date}", hash.get(..ABBREVIATION)?))
}

/// Returns what git prints, or `None` if it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
