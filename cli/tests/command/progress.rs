//! The progress bar, on a terminal.

#![cfg(unix)]

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::{Workspace, event};

const COLUMNS: u16 = 80;

/// Opens a terminal. Returns the end of the person, and the end of the program.
pub(crate) fn open_terminal() -> (File, File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let program_end = OpenOptions::new().read(true).write(true).open(name).unwrap();
    tcsetwinsize(&program_end, Winsize { ws_row: 24, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(terminal), program_end)
}

/// Returns everything that a command writes to standard error, which is a terminal.
fn on_terminal(command: &mut Command) -> String {
    let (mut terminal, program_end) = open_terminal();
    let mut process =
        command.env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::null()).stderr(program_end).spawn().unwrap();
    // The command keeps the other end of the terminal open until it is replaced.
    command.stderr(Stdio::null());

    let (mut output, mut buffer) = (Vec::new(), [0; 4096]);
    // When the program has ended, reading fails on Linux, and returns nothing on macOS.
    while let Ok(length @ 1..) = terminal.read(&mut buffer) {
        output.extend_from_slice(&buffer[..length]);
    }
    assert!(process.wait().unwrap().success());
    String::from_utf8(output).unwrap()
}

/// Removes the control sequences of a terminal.
fn without_control_sequences(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // `[`, parameters, and a letter.
            let _ = characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

#[test]
fn the_progress_bar_fits_80_columns() {
    let workspace = Workspace::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    command.args(["run", "--pages", "200", "--labels", "2000", "--out"]).arg(workspace.lake()).arg(event("sns.json"));
    let output = without_control_sequences(&on_terminal(&mut command));
    let lines: Vec<_> = output.split(['\r', '\n']).collect();
    assert!(lines.iter().any(|line| line.contains("/200 pages, ") && line.contains(" left")), "{output:?}");
    for line in lines {
        assert!(line.chars().count() <= COLUMNS.into(), "{line:?}");
    }
}
