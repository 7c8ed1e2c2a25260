//! `label-lake man`: prints the manual page, or writes the pages of all commands.

use std::fs;
use std::io;

use anyhow::anyhow;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::args::groups::{GROUPS, in_group};
use crate::args::{self, ManArguments, PROGRAM};
use crate::error::with_hint;
use crate::output::stdout::print;

/// Section of the manual: commands of users.
const SECTION: &str = "1";

/// Prints the page of the program, or writes all pages.
pub(crate) fn man(arguments: &ManArguments) -> anyhow::Result<()> {
    let mut command = args::command().disable_help_subcommand(true);
    // Gives the subcommands the names that their pages have, as in `label-lake-run`.
    command.build();
    let Some(directory) = &arguments.out else {
        return print(&String::from_utf8(page(&command)?)?);
    };
    let write = || {
        fs::create_dir_all(directory)?;
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            fs::write(directory.join(format!("{}.{SECTION}", page_name(command))), page(command)?)?;
        }
        io::Result::Ok(())
    };
    write().map_err(|error| {
        let error = anyhow!(error).context(format!("cannot write manual pages to {}", directory.display()));
        with_hint(error, "choose another directory with --out")
    })
}

/// Returns the page of the program or of a command.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let source = format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).section(SECTION).source(source).manual("Label Lake");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut rest = Roff::new();
    if command.has_subcommands() {
        add_groups(&mut rest, command);
    }
    if let Some(help) = command.get_after_long_help() {
        add_sections(&mut rest, &help.to_string());
    }
    if !command.has_subcommands() {
        rest.control("SH", ["SEE ALSO"]).text([bold(PROGRAM), roman(format!("({SECTION})"))]);
    }
    rest.to_writer(&mut page)?;
    Ok(page)
}

fn page_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// Adds the list of commands in groups.
fn add_groups(roff: &mut Roff, command: &Command) {
    roff.control("SH", ["COMMANDS"]);
    for (heading, names) in GROUPS {
        roff.control("SS", [heading]);
        for command in in_group(command, names) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            roff.control("TP", []).text([bold(page_name(command)), roman(format!("({SECTION})"))]).text([roman(about)]);
        }
    }
}

/// Adds the text below the options. A line that ends with a colon is the heading of the indented lines after it, which are
/// printed as they are. Any other line is a paragraph.
fn add_sections(roff: &mut Roff, text: &str) {
    let (mut as_is, mut after_gap) = (false, false);
    for line in text.lines() {
        if line.is_empty() {
            after_gap = true;
            continue;
        }
        let indented = line.strip_prefix("  ");
        if indented.is_some() != as_is {
            roff.control(if as_is { "fi" } else { "nf" }, []);
            as_is = !as_is;
        }
        match (indented, line.strip_suffix(':')) {
            (None, Some(heading)) => {
                roff.control("SH", [&*heading.to_uppercase()]);
            }
            (indented, _) => {
                if after_gap {
                    roff.control("PP", []);
                }
                roff.text([roman(indented.unwrap_or(line))]);
            }
        }
        after_gap = false;
    }
    if as_is {
        roff.control("fi", []);
    }
}
