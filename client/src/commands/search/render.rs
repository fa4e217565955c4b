//! What a search found, for a person.

use lore_proto::project::Freshness;
use lore_proto::search::{Explanation, Part, Passage, PassageSource, SearchHit, SearchResults};

use crate::commands::wording::{mirror_state, state_word};
use crate::output::flow::{Flow, Look};
use crate::output::{Page, View, sanitise, text, time};

/// At most so many passages of a hit are shown.
const MAX_PASSAGES: usize = 2;

/// The whole answer.
pub(super) fn results(found: &SearchResults, freshness: Option<&Freshness>, view: &View) -> String {
    let paint = view.paint;
    let mut page = Page::default();
    page.line(paint.dim(format!(
        "{} · {}",
        sanitise::line(&found.project.path),
        mirror_state(freshness, view.now)
    )));
    if found.hits.is_empty() {
        page.line("Nothing found.");
    }
    for hit in &found.hits {
        page.blank();
        push_hit(&mut page, hit, view);
    }
    push_end(&mut page, found, view);
    page.into_text()
}

fn push_hit(page: &mut Page, hit: &SearchHit, view: &View) {
    let paint = view.paint;
    let reference = format!("{}{}", hit.entity_type.sigil(), hit.iid);
    let title = view.fit(&hit.title, view.left(text::columns(&reference) + 1));
    let author = hit.author.as_deref().unwrap_or("unknown author");
    let confidential = if hit.confidential {
        paint.warn(" · confidential")
    } else {
        String::new()
    };
    page.line(format_args!(
        "{} {title}\n    {} · {} · {}{confidential}",
        view.link(&paint.name(&reference), hit.web_url.as_deref()),
        state_word(&hit.state, paint),
        sanitise::line(author),
        time::ago(hit.updated_at, view.now),
    ));
    // The title stands above already.
    let told = hit.passages.iter();
    let told = told.filter(|passage| passage.source != PassageSource::Title);
    for passage in told.take(MAX_PASSAGES) {
        push_passage(page, passage, view);
    }
    if let Some(explain) = &hit.explain {
        let mut flow = Flow::default();
        flow.push(&how(explain, hit.score), &dim());
        push_wrapped(page, flow, view);
    }
}

fn push_passage(page: &mut Page, passage: &Passage, view: &View) {
    let mut flow = Flow::default();
    if let Some(path) = &passage.path {
        flow.push(&format!("{path}: "), &dim());
    }
    highlight(&mut flow, passage);
    push_wrapped(page, flow, view);
}

/// Below a hit, in as many lines as it takes; in a pipe it is one.
fn push_wrapped(page: &mut Page, flow: Flow, view: &View) {
    for line in flow.lines(view.left(4), view) {
        page.line(format_args!("    {line}"));
    }
}

fn dim() -> Look {
    Look {
        dim: true,
        ..Look::default()
    }
}

/// The passage with the query's words set apart.
fn highlight(flow: &mut Flow, passage: &Passage) {
    let characters: Vec<char> = passage.text.chars().collect();
    let strong = Look {
        strong: true,
        ..Look::default()
    };
    let mut piece = |from: usize, to: usize, look: &Look| {
        let part = characters.get(from..to).unwrap_or_default();
        flow.push(&part.iter().collect::<String>(), look);
    };
    let mut at = 0;
    for (from, to) in &passage.highlights {
        let (from, to) = (*from as usize, *to as usize);
        if from < at || to < from || to > characters.len() {
            continue;
        }
        piece(at, from, &Look::default());
        piece(from, to, &strong);
        at = to;
    }
    piece(at, characters.len(), &Look::default());
}

fn how(explain: &Explanation, score: f64) -> String {
    let part = |name: &str, part: Option<Part>| match part {
        Some(part) => format!("{name} {}. ({:.3})", part.rank, part.score),
        None => format!("{name} not among the nearest"),
    };
    let age = explain.recency;
    let age = age.map(|factor| format!(", times {factor:.2} for its age"));
    format!(
        "score {score:.3}: {}, {}, meaning weighs {:.2}: {}{}",
        part("words", explain.lexical),
        part("meaning", explain.semantic),
        explain.semantic_weight,
        explain.reason,
        age.unwrap_or_default()
    )
}

fn push_end(page: &mut Page, found: &SearchResults, view: &View) {
    let paint = view.paint;
    let more = found.remaining;
    if let Some(cursor) = found.next_cursor.as_deref() {
        page.blank();
        let bound = if found.total_is_lower_bound {
            "at least "
        } else {
            ""
        };
        page.line(paint.dim(format!(
            "{bound}{more} more of {}: --limit, or --cursor {}",
            found.total,
            sanitise::line(cursor)
        )));
    } else if found.total_is_lower_bound {
        page.blank();
        page.line(paint.dim(
            "there may be more, which are not ranked: words and filters narrow it; `lore issues` and `lore mrs` list all",
        ));
    }
    let coverage = &found.coverage;
    if coverage.waiting > 0 {
        page.line(paint.warn(format!(
            "{} not searchable yet; the next sync makes them so",
            text::count(coverage.waiting, "changed text")
        )));
    }
    if coverage.not_embedded > 0 {
        page.line(paint.warn(format!(
            "{} of {} texts are found by their words alone so far",
            coverage.not_embedded, coverage.documents
        )));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lore_proto::project::ProjectInfo;
    use lore_proto::search::{SearchCoverage, SearchMode};
    use lore_proto::sync::EntityType;

    const NOW: &str = "2026-06-15T12:00:00Z";

    pub(in super::super) fn hit() -> SearchHit {
        SearchHit {
            entity_type: EntityType::MergeRequest,
            iid: 7,
            title: "Retry the cache".into(),
            state: "merged".into(),
            author: Some("mira".into()),
            labels: vec!["bug".into()],
            confidential: false,
            created_at: None,
            updated_at: "2026-06-14T12:00:00Z".parse().unwrap(),
            web_url: None,
            score: 0.75,
            passages: vec![Passage {
                source: PassageSource::Discussion,
                text: "the \u{1b}cache forgets".into(),
                highlights: vec![(5, 10)],
                author: None,
                created_at: None,
                confidential: false,
                path: Some("src/net.rs".into()),
                web_url: None,
            }],
            explain: Some(Explanation {
                lexical: Some(Part {
                    rank: 1,
                    score: 3.5,
                }),
                semantic: None,
                semantic_weight: 0.2,
                reason: "identifiers".into(),
                recency: Some(0.9),
            }),
        }
    }

    #[test]
    fn no_line_of_a_hit_is_wider_than_the_terminal() {
        let mut wide = hit();
        wide.passages[0].text = "the cache forgets its entries ".repeat(9);
        let view = View {
            width: Some(60),
            ..View::plain(NOW)
        };
        let mut page = Page::default();
        push_hit(&mut page, &wide, &view);
        let text = page.into_text();
        assert!(text.lines().count() > 6, "{text}");
        for line in text.lines() {
            assert!(text::columns(line) <= 60, "{line}");
        }
    }

    #[test]
    fn a_hit_shows_its_passage_its_place_and_why() {
        let page = results(
            &SearchResults {
                project: ProjectInfo {
                    host: "h".into(),
                    path: "g/p".into(),
                    id: Some(1),
                    web_url: None,
                },
                mode: SearchMode::Hybrid,
                hits: vec![hit()],
                total: 3,
                total_is_lower_bound: false,
                remaining: 2,
                next_cursor: Some("abc".into()),
                coverage: SearchCoverage {
                    documents: 9,
                    not_embedded: 4,
                    waiting: 0,
                    model: None,
                },
            },
            None,
            &View::plain(NOW),
        );
        assert_eq!(
            page,
            "\
g/p · freshness unknown

!7 Retry the cache
    merged · mira · 1 day ago
    src/net.rs: the cache forgets
    score 0.750: words 1. (3.500), meaning not among the nearest, meaning weighs 0.20: identifiers, times 0.90 for its age

2 more of 3: --limit, or --cursor abc
4 of 9 texts are found by their words alone so far
"
        );
    }
}
