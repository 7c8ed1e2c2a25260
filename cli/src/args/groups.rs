//! The groups in which `label-lake --help` lists the commands.

use std::fmt::Write as _;

use clap::Command;

/// A heading, and the names of the commands below it in the order in which they are listed.
pub(crate) type Group = (&'static str, &'static [&'static str]);

/// The groups. Each command belongs to exactly one.
pub(crate) const GROUPS: [Group; 4] = [
    ("On this machine", &["run"]),
    ("In a lake (a directory or s3://BUCKET/PREFIX)", &["list", "show", "report", "convert", "query"]),
    ("In an AWS account", &["start", "export", "status", "demo", "register", "delete", "replay", "backfill"]),
    ("Setup", &["ddl", "completions", "man"]),
];

/// Lists the commands in groups in the help of the program. clap itself lists all subcommands below one heading.
pub(super) fn with_groups(command: Command) -> Command {
    let header = command.get_styles().get_header();
    let literal = command.get_styles().get_literal();
    let width = command.get_subcommands().map(|command| command.get_name().len()).max().unwrap_or_default();
    let mut list = String::new();
    for (heading, names) in GROUPS {
        // Writing to a String does not fail.
        let _ = writeln!(list, "{header}{heading}:{header:#}");
        for command in in_group(&command, names) {
            let (name, about) = (command.get_name(), command.get_about().cloned().unwrap_or_default());
            let padding = width - name.len();
            let _ = writeln!(list, "  {literal}{name}{literal:#}{:padding$}  {about}", "");
        }
        list.push('\n');
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}{header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    command.help_template(template)
}

/// Returns the subcommands with these names.
pub(crate) fn in_group<'a>(command: &'a Command, names: &'a [&str]) -> impl Iterator<Item = &'a Command> {
    names.iter().filter_map(|name| command.find_subcommand(name))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Arguments;

    #[test]
    fn every_command_is_in_exactly_one_group() {
        let command = Arguments::command();
        let mut commands: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
        let mut listed: Vec<_> = GROUPS.into_iter().flat_map(|(_, names)| names).copied().collect();
        commands.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, commands);
    }
}
