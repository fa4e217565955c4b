//! Which projects: searched by part of a name, taken from the list by number,
//! or named by a path or an address.

use lore_proto::methods::ProjectsSearch;
use lore_proto::setup::{FindProjects, FoundProject, FoundProjects, HostProposal, Setup};

use super::conversation::{Conversation, is_cancelled};
use super::given::tidy;
use super::proposal::say_error;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{sanitise, text, time};

/// The most projects in one list.
const MAX_LISTED: usize = 20;

/// What an answer asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    /// These places of the list, from 0.
    Places(Vec<usize>),
    /// A number that the list does not have.
    Beyond,
    /// Names to look up.
    Names(Vec<String>),
}

/// Asks for projects on `setup`'s host until there is one at least and nobody
/// wants another.
pub(super) fn choose(
    context: &mut Context,
    talk: &mut Conversation,
    setup: &Setup,
    host: &HostProposal,
) -> Result<Vec<String>, Failure> {
    let mut chosen: Vec<String> = Vec::new();
    let mut listed: Vec<FoundProject> = Vec::new();
    let mut proposal = host.projects.first().cloned();
    talk.say(&format!(
        "Which projects of {}?\n\
         Type part of a name to search, numbers to take from the list, or a full path.",
        sanitise::line(&host.host)
    ))?;
    if !host.configured_projects.is_empty() {
        let count = host.configured_projects.len() as u64;
        let words = text::count(count, "project");
        talk.say(&format!(
            "{words} of it set up already: what is chosen here is added."
        ))?;
    }
    let adds = !host.configured_projects.is_empty();
    if proposal.is_none() {
        let newest = find(context, setup, "")?;
        list(talk, &newest, "", &chosen, host)?;
        listed = newest.projects;
    }
    loop {
        let answer = match (&proposal, chosen.is_empty()) {
            (Some(path), true) => talk.ask("Projects", Some(path))?,
            (None, true) if !adds => talk.ask("Projects", None)?,
            (None, true) => talk.ask_freely("Projects")?,
            (_, false) => talk.ask_freely("More, or Enter to go on")?,
        };
        if answer.is_empty() {
            return Ok(chosen);
        }
        let names = match wish(&answer, listed.len()) {
            Wish::Places(places) => {
                for place in places {
                    if let Some(project) = listed.get(place) {
                        take(talk, &mut chosen, &project.path)?;
                    }
                }
                continue;
            }
            Wish::Beyond => {
                let last = listed.len();
                talk.say(&format!("The list has the numbers 1 to {last}."))?;
                continue;
            }
            Wish::Names(names) => names,
        };
        for name in names {
            let found = match find(context, setup, &name) {
                Ok(found) => found,
                Err(error) if is_cancelled(&error) => return Err(error),
                Err(error) => {
                    say_error(talk, &error)?;
                    continue;
                }
            };
            match found.projects.first() {
                Some(project) if found.exact => {
                    let path = project.path.clone();
                    take(talk, &mut chosen, &path)?;
                    proposal = None;
                }
                _ => {
                    list(talk, &found, &name, &chosen, host)?;
                    // What found nothing leaves the list before it in force.
                    if !found.projects.is_empty() {
                        listed = found.projects;
                    }
                }
            }
        }
    }
}

fn find(context: &mut Context, setup: &Setup, query: &str) -> Result<FoundProjects, Failure> {
    let rows = context.printer.err.size.map_or(24, |(_, rows)| rows);
    let limit = rows.saturating_sub(6).clamp(5, MAX_LISTED);
    context.ask::<ProjectsSearch>(&FindProjects {
        host: setup.host.clone(),
        url: setup.url.clone(),
        token: setup.token.clone(),
        ca_file: setup.ca_file.clone(),
        query: query.to_owned(),
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
    })
}

fn take(talk: &mut Conversation, chosen: &mut Vec<String>, path: &str) -> Result<(), Failure> {
    if !chosen.iter().any(|it| it.eq_ignore_ascii_case(path)) {
        chosen.push(path.to_owned());
    }
    let plus = talk.view.paint.good("+");
    talk.say(&format!("  {plus} {}", sanitise::line(path)))
}

/// Numbers and ranges, where there is a list; else names, commas between them.
fn wish(answer: &str, listed: usize) -> Wish {
    let numbers: Option<Vec<(usize, usize)>> = answer
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .map(|word| {
            let (from, to) = word.split_once('-').unwrap_or((word, word));
            Some((from.parse().ok()?, to.parse().ok()?))
        })
        .collect();
    let Some(ranges) = numbers.filter(|it| listed > 0 && !it.is_empty()) else {
        let names: Vec<String> = answer.split(',').map(str::to_owned).collect();
        return Wish::Names(tidy(&names));
    };
    if ranges
        .iter()
        .any(|(from, to)| *from == 0 || from > to || *to > listed)
    {
        return Wish::Beyond;
    }
    Wish::Places(
        ranges
            .into_iter()
            .flat_map(|(from, to)| from - 1..to)
            .collect(),
    )
}

fn list(
    talk: &mut Conversation,
    found: &FoundProjects,
    query: &str,
    chosen: &[String],
    host: &HostProposal,
) -> Result<(), Failure> {
    let query = sanitise::line(query).into_owned();
    if found.projects.is_empty() {
        let words = if query.is_empty() {
            "You are a member of no project there; type a name or a path.".to_owned()
        } else {
            let short = query.chars().count() < 3;
            let hint = if short {
                "\nGitLab wants three letters or more, unless it is the whole name."
            } else {
                ""
            };
            format!("No project that you can see is called like `{query}`.{hint}")
        };
        return talk.say(&words);
    }
    if query.is_empty() {
        talk.say("Your projects, the most recently active first:")?;
    } else if !found.membership {
        talk.say("You are a member of none that fits; these can be seen by you:")?;
    }
    let view = talk.view;
    let has = |paths: &[String], path: &str| paths.iter().any(|it| it.eq_ignore_ascii_case(path));
    let widths = found.projects.iter().map(|it| {
        // As it is shown.
        text::columns(&sanitise::line(&it.path))
    });
    let widest = widths.max().unwrap_or(0);
    for (at, project) in found.projects.iter().enumerate() {
        let aside = if has(chosen, &project.path) {
            "taken".to_owned()
        } else if has(&host.configured_projects, &project.path) {
            "set up already".to_owned()
        } else {
            project
                .last_activity_at
                .map_or_else(String::new, |at| time::ago(at, view.now))
        };
        let room = view.left(8 + text::columns(&aside));
        let path = text::pad(&view.fit_end(&project.path, room), widest.min(room));
        let aside = view.paint.dim(aside);
        talk.say(format!("  {:>2}  {path}  {aside}", at + 1).trim_end())?;
    }
    if found.more {
        let shown = found.projects.len() as u64;
        let rest = match found.total.and_then(|total| total.checked_sub(shown)) {
            Some(rest) => format!("and {} more", text::thousands(rest)),
            None => "and more".to_owned(),
        };
        talk.say(&format!("  {rest}: type more of the name to see them"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::conversation::tests::answering;
    use super::*;

    #[test]
    fn numbers_take_from_the_list_and_all_else_is_looked_up() {
        let names = |names: &[&str]| Wish::Names(names.iter().map(|&it| it.to_owned()).collect());
        assert_eq!(wish("2, 4-5", 5), Wish::Places(vec![1, 3, 4]));
        for answer in ["0", "6", "3-9", "4-2"] {
            assert_eq!(wish(answer, 5), Wish::Beyond, "{answer}");
        }
        assert_eq!(wish("2048", 0), names(&["2048"]));
        assert_eq!(
            wish("group/one, runner", 5),
            names(&["group/one", "runner"])
        );
        assert_eq!(wish("2 fast", 5), names(&["2 fast"]));
    }

    #[test]
    fn names_from_gitlab_cannot_drive_the_terminal() {
        let host = HostProposal {
            host: "h".to_owned(),
            url: "https://h".to_owned(),
            origins: Vec::new(),
            projects: Vec::new(),
            configured_projects: Vec::new(),
            token_source: None,
            token_page: String::new(),
            ca_file: None,
        };
        let found = FoundProjects {
            projects: vec![FoundProject {
                path: "g/\u{1b}[2Jp\u{202e}".to_owned(),
                name: "\u{1b}]0;x\u{7}".to_owned(),
                last_activity_at: None,
            }],
            exact: false,
            more: true,
            total: None,
            membership: true,
        };
        let mut talk = answering("");
        let said = talk.listen();
        list(&mut talk, &found, "p", &[], &host).unwrap();
        assert_eq!(
            said.text(),
            "   1  g/p\n  and more: type more of the name to see them\n"
        );
    }
}
