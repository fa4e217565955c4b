//! A report that can be shown to strangers: what was found, without the names
//! of hosts, projects, people and folders.

use std::collections::BTreeMap;

use lore_proto::doctor::{CheckState, Diagnosis};
use lore_proto::places::Places;

use crate::output::{Page, sanitise};

/// The report, in Markdown.
pub(super) fn markdown(diagnosis: &Diagnosis, places: &Places) -> String {
    let home = std::env::var("HOME").unwrap_or_default();
    let user = std::env::var("USER").unwrap_or_default();
    let names = Names::of(diagnosis, places, &home, &user);
    let mut page = Page::default();
    page.line(format_args!("lore {}", lore_proto::this_build()));
    page.line(format_args!(
        "{} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    ));
    page.blank();
    for finding in &diagnosis.findings {
        let state = match finding.state {
            CheckState::Ok => "ok",
            CheckState::Skipped => "skipped",
            CheckState::Warning => "**warning**",
            CheckState::Failed => "**failed**",
        };
        let code = finding
            .code
            .map_or_else(String::new, |code| format!(" `{code}`"));
        page.line(format_args!(
            "- {state} {}{code}: {}",
            sanitise::line(&finding.check),
            names.hide(&sanitise::line(&finding.message))
        ));
    }
    page.into_text()
}

/// What is hidden, and what stands for it; the longest first, so that no name
/// is found within another.
struct Names(Vec<(String, String)>);

impl Names {
    fn of(diagnosis: &Diagnosis, places: &Places, home: &str, user: &str) -> Self {
        let mut names = BTreeMap::new();
        let (mut hosts, mut projects) = (0, 0);
        for finding in &diagnosis.findings {
            let Some(subject) = &finding.subject else {
                continue;
            };
            let (host, project) = match (finding.check.as_str(), subject.split_once(": ")) {
                ("project", Some((host, project))) => (host, Some(project)),
                ("token" | "host" | "tls" | "clock" | "project", None) => (subject.as_str(), None),
                _ => continue,
            };
            if !names.contains_key(host) {
                hosts += 1;
                // As in the name of a token's file, too.
                for name in [host.to_owned(), host.replace(':', "%3A")] {
                    names.insert(name, format!("host-{hosts}"));
                }
            }
            if let Some(project) = project {
                for (name, word) in [
                    (project.to_owned(), "project"),
                    (project.replace('/', "%2F"), "project"),
                ] {
                    projects += 1;
                    names
                        .entry(name)
                        .or_insert_with(|| format!("{word}-{projects}"));
                }
            }
        }
        let mut names: Vec<_> = names.into_iter().collect();
        for (path, word) in [
            (Some(places.config.as_path()), "config-file"),
            (Some(places.data_dir.as_path()), "data-folder"),
            (Some(places.log_dir.as_path()), "log-folder"),
            (places.socket.parent(), "socket-folder"),
        ] {
            // What lies in the home is told well enough by the rest of its path.
            let path = path.filter(|path| home.is_empty() || !path.starts_with(home));
            names.extend(path.map(|path| (path.display().to_string(), word.to_owned())));
        }
        names.push((home.to_owned(), "~".to_owned()));
        names.push((user.to_owned(), "user".to_owned()));
        // A one-letter name would tear words apart and hide nothing.
        names.retain(|(name, _)| {
            name.len() > 1 && name != "/root" || name == home && name.len() > 1
        });
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self(names)
    }

    fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, word) in &self.0 {
            text = text.replace(name, word);
        }
        // Addresses, of which a host may have several.
        let words = text
            .split_inclusive(' ')
            .map(|word| match word.split_once("://") {
                Some((scheme, rest)) => {
                    let scheme = scheme.trim_start_matches(['`', '(']);
                    let end = if rest.ends_with(' ') { " " } else { "" };
                    format!("{scheme}://…{end}")
                }
                None => word.to_owned(),
            });
        hide_owner(&words.collect::<String>())
    }
}

/// `accepted, for NAME; scopes …`: whose token it is.
fn hide_owner(text: &str) -> String {
    match text.split_once("accepted, for ") {
        Some((before, after)) => {
            let rest = after.split_once(';').map_or("", |(_, rest)| rest);
            format!("{before}accepted, for somebody;{rest}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lore_proto::doctor::Finding;
    use lore_proto::places::Overrides;
    use lore_proto::{ErrorCode, WireError};

    #[test]
    fn a_report_names_nobody_and_nothing_of_theirs() {
        let away = WireError::new(
            ErrorCode::GitlabNotFound,
            "gitlab.corp.example: GET /api/v4/projects/secret%2Fplan: not found",
        );
        let findings = vec![
            Finding::ok("config", "`/home/ada/.config/lore/config.toml` is in force"),
            Finding::ok(
                "host",
                "GitLab 18.5 answers at https://git.corp.example:8443/gitlab",
            )
            .of("gitlab.corp.example"),
            Finding::ok("token", "accepted, for ada.lovelace; scopes api")
                .of("gitlab.corp.example"),
            Finding::ok(
                "token",
                "the token comes from file ~/.config/lore/tokens/git.corp.example%3A8443",
            )
            .of("git.corp.example:8443"),
            Finding::ok("folder", "`/srv/merger-with-acme` is yours alone"),
            Finding::failed("project", away).of("gitlab.corp.example: secret/plan"),
        ];
        let diagnosis = Diagnosis::new(findings, "2026-11-21T12:00:00Z".parse().unwrap());
        let places = Places {
            config: "/home/ada/.config/lore/config.toml".into(),
            data_dir: "/srv/merger-with-acme".into(),
            socket: "/srv/merger-with-acme/lored.sock".into(),
            ..Places::from_env(&Overrides::default()).unwrap()
        };
        let names = Names::of(&diagnosis, &places, "/home/ada", "ada");
        let text: String = diagnosis
            .findings
            .iter()
            .map(|it| names.hide(&it.message) + "\n")
            .collect();
        for secret in ["corp.example", "secret", "plan", "ada", "lovelace", "acme"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(
            text.contains("~/.config/lore") && text.contains("host-1"),
            "{text}"
        );
    }
}
