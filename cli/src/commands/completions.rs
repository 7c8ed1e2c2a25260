//! `label-lake completions`: prints a script that completes commands in a shell.

use std::fmt::Write as _;

use clap::Command;
use clap::builder::ValueHint;
use clap_complete::Shell;

use crate::args::{self, PROGRAM};

/// Returns the script of a shell.
///
/// The scripts of `clap_complete` are changed for the shells in which they would complete an ID of a job to a file.
pub(crate) fn completions(shell: Shell) -> String {
    let mut command = args::command();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, PROGRAM, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => bash(&script, &command),
        Shell::Fish => fish(script, &command),
        _ => script,
    }
}

/// Function that completes files only for commands that have them as arguments.
///
/// bash completes files if the function has no candidate. The generated function always has some: it lists the options,
/// whether the word begins with a hyphen or not.
const BASH_FUNCTION: &str = r#"
_label_lake_arguments() {
    _label__lake "$@"
    if [[ "${COMP_CWORD}" -gt 1 && " FILE_COMMANDS " == *" ${COMP_WORDS[1]} "* ]]; then
        if [[ "$2" != -* && "${COMPREPLY[0]-}" == -* ]]; then
            COMPREPLY=()
        fi
    elif [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        compopt +o bashdefault +o default
    fi
}
"#;

fn bash(script: &str, command: &Command) -> String {
    let (file_commands, _) = by_path_argument(command);
    let script = script
        // clap_complete 4.6 spells a program that has a hyphen in two ways, and so completes nothing after a subcommand
        // (clap-rs/clap#6421). If a later version does not, this changes nothing.
        .replace("label__subcmd__lake", "label__lake")
        .replace("complete -F _label__lake ", "complete -F _label_lake_arguments ");
    script + &BASH_FUNCTION.replace("FILE_COMMANDS", &file_commands.join(" "))
}

fn fish(mut script: String, command: &Command) -> String {
    let (_, other_commands) = by_path_argument(command);
    let _ = writeln!(
        script,
        "complete -c {PROGRAM} -n \"__fish_label_lake_using_subcommand {}\" -f",
        other_commands.join(" ")
    );
    script
}

/// Returns the names of the commands that have files or directories as arguments, and those of the others.
fn by_path_argument(command: &Command) -> (Vec<&str>, Vec<&str>) {
    let is_path = |hint| matches!(hint, ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for command in command.get_subcommands() {
        let has_paths = command.get_positionals().any(|argument| is_path(argument.get_value_hint()));
        if has_paths { &mut with } else { &mut without }.push(command.get_name());
    }
    (with, without)
}
