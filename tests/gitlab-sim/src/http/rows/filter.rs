//! Which rows a request wants.

use super::super::answer::Answering;
use super::super::query::Query;
use super::Row;
use crate::Moment;
use crate::upstream::{Issuable, Project};

/// The filters of a request.
pub(super) struct Filter<'a> {
    query: &'a Query,
    iids: Option<Vec<u64>>,
    updated: (Option<Moment>, Option<Moment>),
    created: (Option<Moment>, Option<Moment>),
    merged: (Option<Moment>, Option<Moment>),
    /// `None` in it: a label that does not exist, so nothing matches.
    labels: Vec<Option<u64>>,
    /// Nobody has id 0: so nothing matches the name of no user.
    author: Option<u64>,
    me: Option<u64>,
    search: Option<String>,
    project: &'a Project,
}

impl<'a> Filter<'a> {
    pub(super) fn new(step: &'a Answering<'_>, project: &'a Project) -> Self {
        let query = &step.request.query;
        let upstream = step.render.upstream;
        let between = |after, before| (query.time(after), query.time(before));
        let labels = query
            .get("labels")
            .unwrap_or_default()
            .split(',')
            .filter(|name| !name.is_empty())
            .map(|name| project.label_named(name).map(|label| label.id))
            .collect();
        let by_name = query.get("author_username").map(|name| {
            let user = upstream.users.values().find(|user| user.username == name);
            user.map_or(0, |user| user.id)
        });
        Self {
            query,
            iids: query.numbers("iids"),
            updated: between("updated_after", "updated_before"),
            created: between("created_after", "created_before"),
            merged: between("merged_after", "merged_before"),
            labels,
            author: by_name.or_else(|| query.number("author_id")),
            me: step.render.viewer.token().map(|token| token.user_id),
            search: query.get("search").map(str::to_lowercase),
            project,
        }
    }

    pub(super) fn admits(&self, row: Row<'_>) -> bool {
        let item = row.common();
        let query = self.query;
        let state = query
            .get("state")
            .is_none_or(|state| state == "all" || state == item.state.as_str());
        state
            && within(Some(item.updated_at), self.updated)
            && within(Some(item.created_at), self.created)
            && self
                .iids
                .as_ref()
                .is_none_or(|iids| iids.contains(&item.iid))
            && self
                .labels
                .iter()
                .all(|label| label.is_some_and(|label| item.label_ids.contains(&label)))
            && self.author.is_none_or(|author| author == item.author_id)
            && query
                .number("assignee_id")
                .is_none_or(|id| item.assignee_ids.contains(&id))
            && self.in_scope(row)
            && self.milestone(item)
            && self.search.as_deref().is_none_or(|needle| {
                item.title.to_lowercase().contains(needle)
                    || item
                        .description
                        .as_deref()
                        .is_some_and(|text| text.to_lowercase().contains(needle))
            })
            && self.of_kind(row)
    }

    fn in_scope(&self, row: Row<'_>) -> bool {
        let item = row.common();
        let me = self.me.unwrap_or(0);
        match (self.query.get("scope"), row) {
            (Some("created_by_me"), _) => item.author_id == me,
            (Some("assigned_to_me"), _) => item.assignee_ids.contains(&me),
            (Some("reviews_for_me"), Row::MergeRequest(merge_request)) => {
                merge_request.reviewer_ids.contains(&me)
            }
            _ => true,
        }
    }

    fn milestone(&self, item: &Issuable) -> bool {
        self.query.get("milestone").is_none_or(|title| {
            let milestone = item
                .milestone_id
                .and_then(|id| self.project.milestones.get(&id));
            match title {
                "None" => milestone.is_none(),
                "Any" => milestone.is_some(),
                title => milestone.is_some_and(|milestone| milestone.title == title),
            }
        })
    }

    fn of_kind(&self, row: Row<'_>) -> bool {
        let query = self.query;
        match row {
            Row::Issue(issue) => {
                query
                    .get("issue_type")
                    .is_none_or(|wanted| wanted == issue.issue_type)
                    && query
                        .choice("confidential")
                        .is_none_or(|wanted| wanted == issue.confidential)
            }
            Row::MergeRequest(merge_request) => {
                let draft = query
                    .choice("draft")
                    .or_else(|| query.get("wip").map(|wip| wip == "yes"));
                within(merge_request.merged_at, self.merged)
                    && draft.is_none_or(|wanted| wanted == merge_request.draft)
                    && query
                        .get("source_branch")
                        .is_none_or(|branch| branch == merge_request.source_branch)
                    && query
                        .get("target_branch")
                        .is_none_or(|branch| branch == merge_request.target_branch)
            }
        }
    }
}

/// Both ends inclusive, on the stored microseconds.
fn within(moment: Option<Moment>, (after, before): (Option<Moment>, Option<Moment>)) -> bool {
    let Some(moment) = moment else {
        return after.is_none() && before.is_none();
    };
    after.is_none_or(|after| moment >= after) && before.is_none_or(|before| moment <= before)
}
