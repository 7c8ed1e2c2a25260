//! `--help` and `--version`: groups of commands, widths, and the commit.

use std::path::Path;
use std::process::Command;

use crate::label_lake;

/// Returns the output of `--help` in a terminal of this width.
fn help(arguments: &[&str], columns: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    let output = command.args(arguments).arg("--help").env("COLUMNS", columns).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the commands that the help of the program lists, with their descriptions.
pub(crate) fn commands() -> Vec<(String, String)> {
    let help = help(&[], "100");
    let (_, list) = help.split_once("Usage: label-lake <COMMAND>\n\n").unwrap();
    let (list, _) = list.split_once("\n\nOptions:\n").unwrap();
    let entries = list.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  "));
    entries.map(|(name, about)| (name.to_owned(), about.trim_start().to_owned())).collect()
}

#[test]
fn lists_the_commands_in_groups() {
    let help = help(&[], "80");
    let headings: Vec<_> = help.lines().filter(|line| line.ends_with(':') && !line.starts_with(' ')).collect();
    assert_eq!(headings.last(), Some(&"Examples:"));
    for heading in [
        "On this machine:",
        "In a lake (a directory or s3://BUCKET/PREFIX):",
        "In an AWS account:",
        "Setup:",
        "Options:",
    ] {
        assert!(headings.contains(&heading), "{headings:?}");
    }
    assert!(help.contains("\n\nSetup:\n  ddl  "), "{help}");
}

#[test]
fn describes_each_command_in_the_list_as_in_its_own_help() {
    let commands = commands();
    assert!(commands.len() >= 13, "{commands:?}");
    for (name, about) in commands {
        let help = label_lake([&*name, "-h"], "").stdout;
        assert_eq!(help.lines().next(), Some(&*about), "{name}");
    }
}

#[test]
fn every_help_text_fits_80_columns_and_breaks_no_word() {
    let names: Vec<_> = commands().into_iter().map(|(name, _)| vec![name]).chain([vec![]]).collect();
    for name in names {
        let arguments: Vec<_> = name.iter().map(String::as_str).collect();
        let (narrow, wide) = (help(&arguments, "80"), help(&arguments, "500"));
        // clap does not wrap the usage.
        for line in narrow.lines().filter(|line| !line.starts_with("Usage: ")) {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
        assert!(narrow.split_whitespace().eq(wide.split_whitespace()), "{arguments:?}");
    }
}

#[test]
fn keeps_indented_lines_as_they_are() {
    // At this width, clap would break a line of an example that is longer.
    for (name, _) in commands() {
        let (narrow, wide) = (help(&[&*name], "80"), help(&[&*name], "500"));
        let (_, examples) = wide.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{name} has no examples"));
        assert!(narrow.ends_with(examples), "{name}: {narrow}");
    }
}

#[test]
fn prints_the_commit_with_the_long_version_only() {
    let short = format!("label-lake {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(label_lake(["-V"], "").stdout, short);

    let long = label_lake(["--version"], "").stdout;
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("../.git").exists() {
        assert_eq!(long, short);
        return;
    }
    let mut git = Command::new("git");
    git.args(["-C", env!("CARGO_MANIFEST_DIR"), "log", "-1", "--date=short", "--format=%H %cd"]);
    let commit = String::from_utf8(git.output().unwrap().stdout).unwrap();
    let (hash, date) = commit.trim_end().split_once(' ').unwrap();
    assert_eq!(long, format!("{} ({} {date})\n", short.trim_end(), &hash[..9]));
}
