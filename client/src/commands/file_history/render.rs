//! A file's history for a person.

use lore_proto::WireError;
use lore_proto::file_history::{
    ChainName, ChangeType, FileChange, FileDiscussion, FileHistory, FileMergeRequest,
};
use lore_proto::project::Freshness;

use crate::commands::wording::{mirror_state, more_line, state_word};
use crate::output::{Page, View, sanitise, text, time};

/// How many lines of a note are shown.
const NOTE_LINES: usize = 4;

/// The whole answer.
pub(super) fn history(history: &FileHistory, freshness: Option<&Freshness>, view: &View) -> String {
    let paint = view.paint;
    let mut page = Page::default();
    page.line(format_args!(
        "{}  {}",
        paint.bold(sanitise::line(&history.path)),
        paint.dim(format!(
            "{} · {}",
            sanitise::line(&history.project.path),
            mirror_state(freshness, view.now)
        ))
    ));
    push_chain(&mut page, history, view);
    page.blank();
    if history.merge_requests.is_empty() {
        page.line("No mirrored merge request touched this file.");
    }
    for merge_request in &history.merge_requests {
        push_merge_request(&mut page, merge_request, &history.path, view);
    }
    push_end(&mut page, history, view);
    page.into_text()
}

/// The error of an unknown path with the names that it may have been meant to
/// be, which a document carries in its details.
pub(super) fn with_near_names(mut error: WireError) -> WireError {
    let names = error.details["nearest"].as_array();
    let names: Vec<String> = names
        .into_iter()
        .flatten()
        .filter_map(|name| Some(sanitise::line(name.as_str()?).into_owned()))
        .collect();
    if !names.is_empty() {
        let names = names.join("\n  ");
        error.message = format!("{}; known and near is:\n  {names}", error.message);
    }
    error
}

/// The other names, each with the merge request that made it.
fn push_chain(page: &mut Page, history: &FileHistory, view: &View) {
    let paint = view.paint;
    let others: Vec<&ChainName> = history
        .chain
        .iter()
        .filter(|n| n.renamed.is_some())
        .collect();
    for rename in others.iter().filter_map(|name| name.renamed.as_ref()) {
        let when = rename
            .at
            .map(|at| format!(" {}", time::ago(at, view.now)))
            .unwrap_or_default();
        page.line(format_args!(
            "  {} ← {}  {}",
            sanitise::line(&rename.to),
            sanitise::line(&rename.from),
            paint.dim(format!("!{}{when}", rename.merge_request_iid)),
        ));
    }
    if history.chain_truncated {
        page.line(format_args!(
            "  {}",
            paint.warn(format!(
                "the file has more names than the {} that are followed",
                history.chain.len()
            ))
        ));
    }
}

fn push_merge_request(page: &mut Page, mr: &FileMergeRequest, asked: &str, view: &View) {
    let paint = view.paint;
    let reference = format!("!{}", mr.iid);
    let columns = text::columns(&reference) + 1;
    let title = view.fit(&mr.title, view.left(columns));
    let draft = if mr.draft { " draft" } else { "" };
    let author = mr.author.as_deref().unwrap_or("unknown author");
    let when = mr.merged_at.unwrap_or(mr.updated_at);
    page.line(format_args!(
        "{} {title}\n    {}{draft} · {} · {}",
        view.link(&paint.name(&reference), mr.web_url.as_deref()),
        state_word(&mr.state, paint),
        sanitise::line(author),
        time::ago(when, view.now),
    ));
    for change in &mr.changes {
        page.line(format_args!("    {}", touched(change, asked)));
    }
    for discussion in mr.discussions.iter().flatten() {
        push_discussion(page, discussion, asked, view);
    }
}

/// How a merge request touched the file, and under which name where that is
/// not the one that was asked for.
fn touched(change: &FileChange, asked: &str) -> String {
    let letter = match change.change_type {
        ChangeType::Added => "A added",
        ChangeType::Modified => "M modified",
        ChangeType::Renamed => {
            return format!(
                "R renamed {} → {}",
                sanitise::line(&change.old_path),
                sanitise::line(&change.new_path)
            );
        }
        ChangeType::Deleted => "D deleted",
        ChangeType::ModeChanged => "T mode changed",
    };
    if change.path == asked {
        letter.to_owned()
    } else {
        format!("{letter} as {}", sanitise::line(&change.path))
    }
}

fn push_discussion(page: &mut Page, discussion: &FileDiscussion, asked: &str, view: &View) {
    let paint = view.paint;
    let (mark, word) = match discussion.resolved {
        Some(true) => (paint.good("✓"), " resolved"),
        Some(false) => (paint.warn("●"), " open"),
        None => (paint.dim("○"), ""),
    };
    let line = match (discussion.line, discussion.side.as_deref()) {
        (Some(line), Some("old")) => format!("old line {line}"),
        (Some(line), _) => format!("line {line}"),
        (None, _) => "the whole file".to_owned(),
    };
    let name = if discussion.path == asked {
        String::new()
    } else {
        format!(" of {}", sanitise::line(&discussion.path))
    };
    for (at, note) in discussion.notes.iter().enumerate() {
        let author = sanitise::line(note.author.as_deref().unwrap_or("unknown author"));
        let when = time::ago_or(note.created_at, view.now, "at an unknown time");
        if at == 0 {
            let place = view.link(&line, discussion.web_url.as_deref());
            page.line(format_args!(
                "    {mark} {author} on {place}{name}{word} {}",
                paint.dim(when)
            ));
        } else {
            page.line(format_args!("      └ {author} {}", paint.dim(when)));
        }
        push_body(page, &note.body, note.body_truncated, view);
    }
}

fn push_body(page: &mut Page, body: &str, truncated: bool, view: &View) {
    let clean = sanitise::lines(body);
    let mut lines = clean.lines().filter(|line| !line.trim().is_empty());
    let mut shown: Vec<String> = lines
        .by_ref()
        .take(NOTE_LINES)
        .map(|line| view.fit(line, view.left(8)))
        .collect();
    if (truncated || lines.next().is_some())
        && let Some(last) = shown.last_mut()
        && !last.ends_with('…')
    {
        last.push_str(" …");
    }
    for line in shown {
        page.line(format_args!("        {line}"));
    }
}

fn push_end(page: &mut Page, history: &FileHistory, view: &View) {
    if let Some(line) = more_line(
        history.remaining,
        history.total,
        history.next_cursor.as_deref(),
    ) {
        page.blank();
        page.line(format_args!("{}", view.paint.dim(line)));
    }
    if !history.possibly_missing.is_empty() {
        let named: Vec<String> = history
            .possibly_missing
            .iter()
            .take(10)
            .map(|iid| format!("!{iid}"))
            .collect();
        let others = history.possibly_missing.len() - named.len();
        let others = match others {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        page.blank();
        page.line(format_args!(
            "{}",
            view.paint.warn(format!(
                "May be incomplete: GitLab cut the list of changed files of {}{others}.",
                named.join(", ")
            ))
        ));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lore_proto::file_history::{FileNote, Rename};
    use lore_proto::project::ProjectInfo;

    const NOW: &str = "2026-06-15T12:00:00Z";

    pub(in super::super) fn sample() -> FileHistory {
        FileHistory {
            project: ProjectInfo {
                host: "h".into(),
                path: "group/project".into(),
                id: Some(1),
                web_url: None,
            },
            path: "src/main.rs".into(),
            chain: vec![
                ChainName {
                    path: "src/app.rs".into(),
                    renamed: Some(Rename {
                        from: "src/app.rs".into(),
                        to: "src/main.rs".into(),
                        merge_request_iid: 12,
                        at: Some("2026-03-15T12:00:00Z".parse().unwrap()),
                    }),
                },
                ChainName {
                    path: "src/main.rs".into(),
                    renamed: None,
                },
            ],
            chain_truncated: false,
            merge_requests: vec![merge_request()],
            total: 3,
            remaining: 2,
            next_cursor: Some("abc".into()),
            possibly_missing: vec![9],
        }
    }

    fn merge_request() -> FileMergeRequest {
        FileMergeRequest {
            iid: 45,
            title: "Draw \u{1b}[31mfaster\u{202e} with\na very long title indeed".into(),
            state: "merged".into(),
            draft: false,
            author: Some("alice".into()),
            web_url: Some("https://h/group/project/-/merge_requests/45".into()),
            target_branch: Some("main".into()),
            created_at: None,
            updated_at: "2026-06-15T11:00:00Z".parse().unwrap(),
            merged_at: Some("2026-06-12T12:00:00Z".parse().unwrap()),
            commit_sha: None,
            changes: vec![
                FileChange {
                    path: "src/app.rs".into(),
                    change_type: ChangeType::Modified,
                    old_path: "src/app.rs".into(),
                    new_path: "src/app.rs".into(),
                },
                FileChange {
                    path: "src/main.rs".into(),
                    change_type: ChangeType::Renamed,
                    old_path: "src/app.rs".into(),
                    new_path: "src/main.rs".into(),
                },
            ],
            discussions: Some(vec![FileDiscussion {
                discussion_id: "d1".into(),
                resolved: Some(false),
                path: "src/app.rs".into(),
                line: Some(7),
                side: Some("old".into()),
                notes: vec![
                    FileNote {
                        note_id: 1,
                        author: Some("bob".into()),
                        created_at: Some("2026-06-10T12:00:00Z".parse().unwrap()),
                        body: "one\n\ntwo\nthree\nfour\nfive".into(),
                        body_truncated: false,
                    },
                    FileNote {
                        note_id: 2,
                        author: None,
                        created_at: None,
                        body: "reply".into(),
                        body_truncated: true,
                    },
                ],
                web_url: None,
            }]),
        }
    }

    fn fresh(complete: bool) -> Freshness {
        Freshness {
            project: "group/project".into(),
            last_synced_at: Some("2026-06-15T11:56:00Z".parse().unwrap()),
            age_seconds: Some(240),
            complete,
        }
    }

    #[test]
    fn a_history_reads_from_the_name_to_the_threads() {
        assert_eq!(
            history(&sample(), Some(&fresh(true)), &View::plain(NOW)),
            "\
src/main.rs  group/project · synced 4 minutes ago
  src/main.rs ← src/app.rs  !12 3 months ago

!45 Draw faster with a very long title indeed
    merged · alice · 3 days ago
    M modified as src/app.rs
    R renamed src/app.rs → src/main.rs
    ● bob on old line 7 of src/app.rs open 5 days ago
        one
        two
        three
        four …
      └ unknown author at an unknown time
        reply …

2 more of 3: --limit 3, or --cursor abc

May be incomplete: GitLab cut the list of changed files of !9.
"
        );
    }

    #[test]
    fn a_terminal_gets_cut_titles_links_and_colour() {
        let view = View {
            paint: crate::output::paint::Paint::new(true),
            width: Some(24),
            links: true,
            ..View::plain(NOW)
        };
        let page = history(&sample(), Some(&fresh(true)), &view);
        assert!(page.contains("Draw faster with a…"), "{page}");
        assert!(page.contains("\u{1b}]8;;https://h/group/project/-/merge_requests/45\u{1b}\\"));
        assert!(!page.contains("\u{1b}[31mfaster"), "{page}");
        assert!(!page.contains('\u{202e}'));
    }

    #[test]
    fn a_mirror_that_is_not_complete_says_so_first() {
        let page = history(&sample(), Some(&fresh(false)), &View::plain(NOW));
        let first = page.lines().next().unwrap();
        assert!(
            first.ends_with("synced 4 minutes ago, not complete yet"),
            "{first}"
        );
    }

    #[test]
    fn a_file_that_nothing_touched_says_so() {
        let mut empty = sample();
        empty.merge_requests.clear();
        empty.total = 0;
        empty.next_cursor = None;
        let page = history(&empty, None, &View::plain(NOW));
        assert!(page.contains("No mirrored merge request touched this file."));
        assert!(!page.contains("more of"));
    }
}
