//! The walk over a project's lists.
//!
//! The first walk goes from the newest item back, so that the mirror is of use
//! while it is still partial; every later one goes forward from the cursor.
//! Neither asks for a second page where it can help it: it asks for the first
//! page again, from the last item's `updated_at` on (gitlab-api.md §4.5), so
//! that an item that moves while the walk goes on pushes no other one out of
//! sight. Only where a whole page has one `updated_at` does it page, and then
//! walks that instant again if one of its items was seen to leave it.

mod written;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use lore_proto::ErrorCode;
use lore_proto::sync::EntityStatus;

use self::written::plural;
use super::page::{ListPage, PageFacts};
use super::{Run, SyncError};
use crate::gitlab::{ListOrder, ListParams, MissingKind, PageRequest};
use crate::ingest::ListMode;
use crate::store::SourceType;
use crate::store::cursors::{self, Cursor};
use crate::store::projects::ProjectRow;

/// Commits become visible out of the order of their `updated_at`, and replicas
/// lag; duplicates are free (gitlab-api.md §12.4).
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
/// How stale a list answer may be and still lose nothing, while nothing
/// changes: the cursor follows GitLab's clock at this distance.
const TRUSTED_LAG: SignedDuration = SignedDuration::from_hours(1);
/// How often one instant is walked again.
const MAX_REWALKS: u32 = 3;

/// What the walks found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Items that were new or changed.
    pub(super) changed: u64,
    /// An item called the project by another path.
    pub(super) renamed: bool,
    /// Both lists were walked to their end, or are not there for this token.
    pub(super) complete: bool,
    /// Every iid there is, of each list that was enumerated to its end.
    pub(super) enumerated: BTreeMap<SourceType, BTreeSet<i64>>,
}

/// Where the next forward walk of a list begins; `None`: at its beginning.
pub(in crate::sync) fn begins_at(cursor: &Cursor) -> Option<Timestamp> {
    let from = cursor.updated_after?;
    Some(
        cursor
            .walk_anchor
            .unwrap_or_else(|| from.saturating_sub(OVERLAP).unwrap_or(Timestamp::MIN)),
    )
}

impl Run {
    pub(super) async fn walk_lists(
        &self,
        project: &ProjectRow,
        mode: ListMode,
    ) -> Result<Walked, SyncError> {
        let (issues, merge_requests) = tokio::join!(
            self.walk_list(project, SourceType::Issue, mode),
            self.walk_list(project, SourceType::MergeRequest, mode),
        );
        let mut walked = Walked {
            complete: true,
            ..Walked::default()
        };
        let mut failures = Vec::new();
        for (source, result) in [
            (SourceType::Issue, issues),
            (SourceType::MergeRequest, merge_requests),
        ] {
            match result {
                Ok(list) => {
                    walked.changed += list.changed;
                    walked.renamed |= list.renamed;
                    if let Some(seen) = list.enumerated {
                        walked.enumerated.insert(source, seen);
                    }
                }
                Err(error) => failures.push((source, error)),
            }
        }
        if failures.len() == 2 || failures.iter().any(|(_, error)| error.ends_the_run()) {
            let (_, error) = failures.swap_remove(0);
            return Err(error);
        }
        if let Some((source, error)) = failures.pop() {
            let hidden = matches!(&error, SyncError::GitLab(gitlab)
                if gitlab.code() == ErrorCode::GitlabForbidden
                    || gitlab.missing().is_some_and(|kind| kind != MissingKind::Project));
            // A project may hide one of its lists from this token; that is no
            // reason to call its mirror incomplete.
            walked.complete = hidden;
            self.ledger.warn(
                error.code(),
                format!("the list of {} could not be read: {error}", plural(source)),
            );
        }
        Ok(walked)
    }

    async fn walk_list(
        &self,
        project: &ProjectRow,
        source: SourceType,
        mode: ListMode,
    ) -> Result<ListWalked, SyncError> {
        let id = project.id;
        let cursor = self
            .read(move |connection| cursors::load(connection, id, source))
            .await?;
        let mut walk = Walk {
            run: self,
            project,
            source,
            mode: ListMode::Changes,
            cursor,
            seen: HashMap::new(),
            ties: BTreeMap::new(),
            left: BTreeSet::new(),
            newest: cursor.walk_target,
            out: ListWalked::default(),
        };
        if !walk.cursor.backfill_done {
            walk.back().await?;
        }
        walk.mode = mode;
        if mode == ListMode::Changes {
            walk.forward(begins_at(&walk.cursor), true).await?;
        } else {
            walk.seen.clear();
            walk.forward(None, false).await?;
        }
        walk.again_where_items_left().await?;
        if mode != ListMode::Changes {
            walk.out.enumerated = Some(walk.seen.into_keys().collect());
        }
        Ok(walk.out)
    }
}

#[derive(Debug, Default)]
struct ListWalked {
    changed: u64,
    renamed: bool,
    enumerated: Option<BTreeSet<i64>>,
}

struct Walk<'a> {
    run: &'a Run,
    project: &'a ProjectRow,
    source: SourceType,
    mode: ListMode,
    cursor: Cursor,
    /// Items of this walk, with the `updated_at` they were seen with.
    seen: HashMap<i64, Timestamp>,
    /// Items of instants that took more than a page.
    ties: BTreeMap<Timestamp, BTreeSet<i64>>,
    /// Such instants that an item was seen to leave.
    left: BTreeSet<Timestamp>,
    newest: Option<Timestamp>,
    out: ListWalked,
}

impl Walk<'_> {
    /// From the newest item to the oldest, or from where a run before stopped.
    async fn back(&mut self) -> Result<(), SyncError> {
        let mut page = PageRequest::First;
        while !self.cursor.backfill_done {
            let params = ListParams {
                // The filter is inclusive and GitLab cuts its microseconds
                // off: one more millisecond brings the last item again.
                updated_before: self.cursor.backfill_before.map(just_after),
                order: ListOrder::UpdatedDesc,
                page: std::mem::take(&mut page),
                ..ListParams::default()
            };
            let (list, facts) = self.fetch(&params).await?;
            let elements = list.elements();
            let mut cursor = self.cursor;
            if cursor.updated_after.is_none() {
                // What changes from here on is the forward walk's.
                self.newest = elements.first().map(|(_, at)| *at);
                cursor.updated_after = self.next_cursor(facts.server_date);
            }
            match (&facts.next, elements.last()) {
                (None, _) => {
                    cursor.backfill_done = true;
                    cursor.backfill_before = None;
                }
                (Some(next), Some((_, last)))
                    if cursor.backfill_before.is_some_and(|before| *last >= before) =>
                {
                    self.tie(*last, &elements);
                    page = PageRequest::Next(next.clone());
                }
                (Some(_), Some((_, last))) => cursor.backfill_before = Some(*last),
                (Some(next), None) => page = PageRequest::Next(next.clone()),
            }
            self.write(list, &facts.doubtful, cursor).await?;
        }
        Ok(())
    }

    /// From `from` to the newest item. Where `resumable`, the place is stored
    /// with each page.
    async fn forward(&mut self, from: Option<Timestamp>, resumable: bool) -> Result<(), SyncError> {
        let mut anchor = from;
        let mut page = PageRequest::First;
        let mut began: Option<Timestamp> = None;
        loop {
            let params = ListParams {
                updated_after: anchor,
                order: ListOrder::UpdatedAsc,
                page: std::mem::take(&mut page),
                ..ListParams::default()
            };
            let (list, facts) = self.fetch(&params).await?;
            began = began.or(facts.server_date);
            let elements = list.elements();
            let last = elements.last().map(|(_, at)| *at);
            self.newest = self.newest.max(last);
            let mut cursor = self.cursor;
            let mut finished = false;
            match (&facts.next, last) {
                (None, _) => finished = true,
                (Some(_), Some(last)) if anchor.is_none_or(|anchor| last > anchor) => {
                    anchor = Some(last);
                }
                (Some(next), last) => {
                    if let Some(last) = last {
                        self.tie(last, &elements);
                    }
                    page = PageRequest::Next(next.clone());
                }
            }
            if finished {
                cursor.walk_anchor = None;
                cursor.walk_target = None;
                cursor.updated_after = self.next_cursor(began);
            } else if resumable {
                cursor.walk_anchor = anchor;
                cursor.walk_target = self.newest;
            }
            self.write(list, &facts.doubtful, cursor).await?;
            if finished {
                return Ok(());
            }
        }
    }

    /// Where the cursor stands after a walk that `began` at that time, by
    /// GitLab's clock: at the newest item seen, or at that clock less what its
    /// answers may lag. An `updated_at` from the future moves it no further
    /// than that clock.
    fn next_cursor(&self, began: Option<Timestamp>) -> Option<Timestamp> {
        let seen = match (self.newest, began) {
            (Some(newest), Some(began)) => Some(newest.min(began)),
            (newest, _) => newest,
        };
        let trusted = began.and_then(|at| at.checked_sub(TRUSTED_LAG).ok());
        self.cursor.updated_after.max(seen).max(trusted)
    }

    /// Walks instants again that took more than a page and that an item left
    /// meanwhile, since its place in a later page passed to another item.
    async fn again_where_items_left(&mut self) -> Result<(), SyncError> {
        for _ in 0..MAX_REWALKS {
            let instants = std::mem::take(&mut self.left);
            if instants.is_empty() {
                break;
            }
            for instant in instants {
                let mut page = PageRequest::First;
                loop {
                    let params = ListParams {
                        updated_after: Some(instant),
                        updated_before: Some(just_after(instant)),
                        order: ListOrder::UpdatedAsc,
                        page: std::mem::take(&mut page),
                        ..ListParams::default()
                    };
                    let (list, facts) = self.fetch(&params).await?;
                    let cursor = self.cursor;
                    self.write(list, &facts.doubtful, cursor).await?;
                    match facts.next {
                        Some(next) => page = PageRequest::Next(next),
                        None => break,
                    }
                }
            }
        }
        Ok(())
    }

    fn tie(&mut self, instant: Timestamp, elements: &[(i64, Timestamp)]) {
        self.ties.entry(instant).or_default().extend(
            elements
                .iter()
                .filter(|(_, at)| *at == instant)
                .map(|(iid, _)| *iid),
        );
    }

    async fn fetch(&mut self, params: &ListParams<'_>) -> Result<(ListPage, PageFacts), SyncError> {
        let call = self.run.call();
        let fetched = ListPage::fetch(
            &self.run.client,
            &call,
            self.project.gitlab_id,
            self.source,
            params,
        )
        .await;
        let mut page = match fetched {
            Ok(page) => page,
            Err(error) => {
                if error.missing() == Some(MissingKind::Project) {
                    // Gone, or hidden: the project itself tells which.
                    self.run.refresh_project(self.project).await?;
                }
                return Err(error.into());
            }
        };
        let facts = page.facts(self.project.gitlab_id);
        self.run
            .ledger
            .count(|counters| counters.requests += u64::from(facts.requests));
        for iid in &facts.doubtful.strangers {
            self.run.ledger.entity(
                self.source.entity(),
                iid.unsigned_abs(),
                "list",
                EntityStatus::Failed,
                Some((
                    ErrorCode::ProjectMismatch,
                    "the list showed it as an item of another project; it was left out".to_owned(),
                )),
            );
        }
        self.out.renamed |= page.shows_another_path(&self.project.path);
        Ok((page, facts))
    }
}

fn just_after(at: Timestamp) -> Timestamp {
    at.saturating_add(SignedDuration::from_millis(1))
        .unwrap_or(Timestamp::MAX)
}
