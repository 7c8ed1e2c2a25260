//! `label-lake completions`: the scripts, as the shells run them.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::help::commands;
use crate::label_lake;

fn script(shell: &str) -> String {
    let output = label_lake(["completions", shell], "");
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{shell}");
    output.stdout
}

/// The completions of the last word of a command line in bash.
struct Completions {
    candidates: Vec<String>,
    /// True if bash completes the word to files, if there is no candidate.
    files: bool,
}

/// Calls the completion function as bash does, and prints what it changes with `compopt` and its candidates.
const CALL: &str = r#"
source "$1" || exit
shift
compopt() { echo "compopt $*"; }
registration=$(complete -p label-lake)
echo "$registration"
function=${registration#*-F } function=${function%% *}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"$function" label-lake "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf 'candidate %s\n' "${COMPREPLY[@]}"
"#;

fn complete(words: &[&str]) -> Completions {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("page-1.json"), "").unwrap();
    let path = directory.path().join("label-lake.bash");
    std::fs::write(&path, script("bash")).unwrap();
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-uc", CALL, "bash"]).arg(&path).arg("label-lake").args(words);
    let output = bash.current_dir(directory.path()).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("-o default"), "{text}");
    let candidates = text.lines().filter_map(|line| line.strip_prefix("candidate ").map(str::to_owned));
    Completions {
        candidates: candidates.filter(|candidate| !candidate.is_empty()).collect(),
        files: !text.contains("+o default"),
    }
}

#[test]
fn bash_completes_the_options_of_every_command() {
    for (name, _) in commands() {
        let Completions { candidates, .. } = complete(&[&name, "--"]);
        assert!(candidates.contains(&"--help".to_owned()), "{name}: {candidates:?}");
        assert!(candidates.iter().all(|candidate| candidate.starts_with("--")), "{name}: {candidates:?}");
    }
    assert_eq!(complete(&["run", "events/sns.json", "--aggr"]).candidates, ["--aggregate-by"]);
    assert_eq!(complete(&["delete", "--bucket", "b", "--y"]).candidates, ["--yes"]);
}

#[test]
fn bash_completes_commands_and_values() {
    assert_eq!(complete(&["stat"]).candidates, ["status"]);
    assert_eq!(complete(&["help", "stat"]).candidates, ["status"]);
    assert_eq!(complete(&["completions", "f"]).candidates, ["fish"]);
}

#[test]
fn bash_completes_files_only_where_files_are_wanted() {
    for words in [&["run", ""][..], &["run", "pa"], &["run", "--json", "pa"], &["run", "--recorded", "a.json", "pa"]] {
        let Completions { candidates, files } = complete(words);
        assert!(candidates.is_empty() && files, "{words:?}: {candidates:?}");
    }
    for words in [&["run", "--recorded", "pa"], &["backfill", "--file", "pa"], &["backfill", "--report", "pa"]] {
        assert_eq!(complete(words).candidates, ["page-1.json"], "{words:?}");
    }
    for words in [
        &["pa"][..],
        &["status", "pa"],
        &["delete", "--yes", "pa"],
        &["register", "--bucket", "b", "job-1", "pa"],
        &["backfill", "--function", "f", "pa"],
        &["completions", "pa"],
        &["help", "pa"],
    ] {
        let Completions { candidates, files } = complete(words);
        assert!(candidates.is_empty() && !files, "{words:?}: {candidates:?}");
    }
    // The value of an option that is not a file stays as it is.
    for words in [&["status", "--bucket", "pa"], &["run", "--pages", "pa"], &["run", "--prefix", "pa"]] {
        assert_eq!(complete(words).candidates, ["pa"], "{words:?}");
    }
}

#[test]
fn zsh_and_fish_complete_files_only_where_files_are_wanted() {
    let zsh = script("zsh");
    assert!(zsh.contains("FILE:_files") && zsh.contains("event -- JSON file"), "{zsh}");
    for line in zsh.lines().filter(|line| line.contains("jobs -- IDs")) {
        assert!(line.ends_with(":' \\"), "{line}");
    }
    assert!(!zsh.contains(":_default"), "{zsh}");

    let fish = script("fish");
    let rule = fish.lines().last().unwrap();
    assert!(rule.ends_with("\" -f") && rule.contains(" status ") && !rule.contains(" run "), "{rule}");
}

/// Checks the syntax with the shells that are installed.
#[test]
fn every_script_is_valid() {
    let directory = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let path = directory.path().join(shell);
        std::fs::write(&path, script(shell)).unwrap();
        if let Some(output) = check_syntax(shell, &path) {
            assert_eq!(output, "", "{shell}");
        }
    }
}

/// Returns what the shell prints about the syntax of a script, or `None` if it is not installed.
fn check_syntax(shell: &str, script: &Path) -> Option<String> {
    let output = Command::new(shell).arg("-n").arg(script).output().ok()?;
    Some(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}
