//! Man pages: one for each command, from the parser.

use std::io;

use clap::builder::Resettable;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// The daemon's flags as the daemon defines them: a file of its own there, so
/// that no page needs the daemon itself to be built.
#[path = "../../../daemon/src/flags.rs"]
mod flags;

/// A page as it is installed, but for its compression.
#[derive(Debug)]
pub struct ManPage {
    /// Its file: `lore-sync-runs.1`.
    pub name: String,
    /// Its text in roff.
    pub text: Vec<u8>,
}

/// The pages of `lore`, of each of its commands, and of `lored`.
pub fn pages() -> io::Result<Vec<ManPage>> {
    let mut found = Vec::new();
    for program in [lore_client::parser(), flags::Flags::command()] {
        let mut program = program.version(lore_proto::VERSION);
        program.build();
        add(&mut found, &program)?;
    }
    Ok(found)
}

fn add(found: &mut Vec<ManPage>, command: &Command) -> io::Result<()> {
    found.push(page(command)?);
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        add(found, below)?;
    }
    Ok(())
}

fn page(command: &Command) -> io::Result<ManPage> {
    let examples = command.get_after_help().map(ToString::to_string);
    // What the short help leaves out belongs into a manual.
    let command = command
        .clone()
        .after_help(Resettable::Reset)
        .mut_args(|arg| arg.hide_short_help(false));
    let subcommands = command.has_subcommands();
    let name = command.get_display_name().unwrap_or(command.get_name());
    let title = name.to_uppercase();
    let man = Man::new(command)
        .title(title)
        .source(format!("lore {}", lore_proto::VERSION))
        .manual("lore");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if subcommands {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(examples) = examples {
        examples_section(&examples).to_writer(&mut text)?;
    }
    Ok(ManPage {
        name: man.get_filename(),
        text: with_one_preamble(&String::from_utf8_lossy(&text)).into_bytes(),
    })
}

/// Each section defines the apostrophe again.
fn with_one_preamble(text: &str) -> String {
    const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    let mut sections = text.split(PREAMBLE);
    let before = sections.next().unwrap_or_default();
    sections.fold(format!("{before}{PREAMBLE}"), |page, section| {
        page + section
    })
}

/// The examples of the help, line by line as they stand there.
fn examples_section(help: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in help.lines() {
        let line = line.strip_prefix("  ").unwrap_or(line);
        if let Some(first) = line.strip_prefix("Example") {
            // The heading says it.
            debug_assert!(first.ends_with(':'), "{line}");
        } else {
            roff.text([roman(line)]);
        }
    }
    roff.control("fi", []);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page's text as a reader finds it, without the escapes of roff.
    fn read(page: &ManPage) -> String {
        let text = String::from_utf8(page.text.clone()).unwrap();
        text.replace("\\*(Aq", "'")
            .replace("\\-", "-")
            .replace("\\fR", "")
            .replace("\\fB", "")
    }

    fn check(pages: &[ManPage], command: &Command, file: &str) {
        let found: Vec<&ManPage> = pages.iter().filter(|page| page.name == file).collect();
        let [page] = found.as_slice() else {
            panic!("{} pages are called {file}", found.len());
        };
        let text = read(page);
        let about = command.get_about().unwrap().to_string();
        let long = command.get_long_about().map(ToString::to_string);
        for said in [about].iter().chain(&long) {
            for line in said.lines() {
                assert!(text.contains(line), "{file} lacks: {line}");
            }
        }
        for flag in command.get_arguments().filter_map(|arg| arg.get_long()) {
            assert!(text.contains(&format!("--{flag}")), "{file} lacks --{flag}");
        }
        let examples = command.get_after_help().map(ToString::to_string);
        for line in examples.iter().flat_map(|text| text.lines().skip(1)) {
            assert!(text.contains(line.trim()), "{file} lacks: {line}");
        }
        for below in command.get_subcommands() {
            let name = file.trim_end_matches(".1");
            check(pages, below, &format!("{name}-{}.1", below.get_name()));
        }
    }

    #[test]
    fn every_command_has_a_page_with_all_that_its_help_says() {
        let pages = pages().unwrap();
        let mut parser = lore_client::parser();
        parser.build();
        check(&pages, &parser, "lore.1");
        assert!(pages.iter().any(|page| page.name == "lored.1"));
    }
}
