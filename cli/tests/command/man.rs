//! `label-lake man`: the manual pages.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::help::commands;
use crate::label_lake;

/// Macros and requests of the manual pages.
const MACROS: [&str; 12] = [".TH", ".SH", ".SS", ".TP", ".PP", ".IP", ".RS", ".RE", ".nf", ".fi", ".br", ".ie"];

#[test]
fn prints_the_page_of_the_program() {
    let output = label_lake(["man"], "");
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let text = output.stdout.replace("\\-", "-");
    assert!(text.contains("\n.TH label-lake 1 "), "{text}");
    for (name, about) in commands() {
        assert!(text.contains(&format!("label-lake-{name}")) && text.contains(&about), "{name}: {text}");
    }
    for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXAMPLES"] {
        assert!(text.contains(&format!("\n.SH {heading}\n")), "{heading}: {text}");
    }
}

#[test]
fn writes_the_pages_of_all_commands() {
    let directory = TempDir::new().unwrap();
    let pages = directory.path().join("share/man1");
    let output = label_lake(["man", "--out", pages.to_str().unwrap()], "");
    assert_eq!((output.code, &*output.stderr, &*output.stdout), (Some(0), "", ""));
    let written: BTreeSet<_> =
        fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let expected = commands().into_iter().map(|(name, _)| format!("label-lake-{name}.1"));
    assert_eq!(written, expected.chain(["label-lake.1".to_owned()]).collect());

    for name in written {
        let page = fs::read_to_string(pages.join(&name)).unwrap();
        for line in page.lines().filter(|line| line.starts_with('.')) {
            let word = line.split(' ').next().unwrap();
            assert!(MACROS.contains(&word) || word == ".el", "{name}: {line}");
        }
        assert_eq!(page.matches("\n.nf\n").count(), page.matches("\n.fi\n").count(), "{name}");
        assert!(page.contains("\n.SH EXAMPLES\n.nf\n"), "{name}: {page}");
        check_with_groff(&name, &page);
    }
    let backfill = fs::read_to_string(pages.join("label-lake-backfill.1")).unwrap();
    for heading in [".SH \"EXIT CODES\"", ".SH PERMISSIONS", ".SH \"SEE ALSO\""] {
        assert!(backfill.contains(&format!("\n{heading}\n")), "{heading}: {backfill}");
    }
}

/// Formats a page with all warnings, if groff is installed.
fn check_with_groff(name: &str, page: &str) {
    let mut groff = Command::new("groff");
    groff.args(["-man", "-Tutf8", "-Kutf8", "-ww"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut process) = groff.spawn() else { return };
    let mut input = process.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, page.as_bytes()).unwrap();
    drop(input);
    let output = process.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
}

#[test]
fn names_the_directory_that_cannot_be_written() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let output = label_lake(["man", "--out", file.to_str().unwrap()], "");
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    let expected = format!("error: cannot write manual pages to {}: ", file.display());
    assert!(output.stderr.starts_with(&expected), "{}", output.stderr);
    assert!(output.stderr.ends_with("\nhint: choose another directory with --out\n"), "{}", output.stderr);
}
