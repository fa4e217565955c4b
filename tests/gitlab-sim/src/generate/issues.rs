//! Generated issues.

use rand::Rng as _;

use super::{Generator, text};
use crate::upstream::{ItemState, NewIssue, Result, Upstream, WorkItemStatus};

impl Generator<'_> {
    pub(super) fn issues(&mut self, upstream: &mut Upstream, project: u64) -> Result<()> {
        for number in 0..self.config.issues {
            let created_at = self.created(number, self.config.issues);
            let new = NewIssue {
                description: self
                    .rng
                    .random_bool(0.9)
                    .then(|| text::paragraph(&mut self.rng)),
                confidential: self.rng.random_bool(0.05),
                ..NewIssue::new(self.user(), text::title(&mut self.rng))
            };
            let mut iid = upstream.project(project)?.next_issue_iid;
            if self.rng.random_bool(0.02) {
                // A gap, as a deleted issue leaves it.
                iid += 1;
            }
            let at = upstream.insert_issue(project, iid, new, created_at)?;
            let mut last = self.activity(upstream, at)?;
            if self.rng.random_bool(0.6) {
                last = self.later(last);
                let by = self.user();
                upstream.record_state(at, Some(by), "closed", None, last)?;
                let item = upstream.item_mut(at)?;
                item.state = ItemState::Closed;
                item.closed_at = Some(last);
                item.closed_by = Some(by);
            }
            let assignee = self.rng.random_bool(0.4).then(|| self.user());
            let issue = upstream.issue_mut(project, iid)?;
            issue.common.assignee_ids.extend(assignee);
            issue.common.updated_at = last;
            issue.common.upvotes = text::long_tailed(&mut self.rng, 2, 90);
            match self.rng.random_range(0..20_u8) {
                0 => "task".clone_into(&mut issue.issue_type),
                1 => {
                    "incident".clone_into(&mut issue.issue_type);
                    "HIGH".clone_into(&mut issue.severity);
                }
                2 => issue.due_date = Some(created_at.date()),
                3 => issue.weight = Some(3),
                _ => {}
            }
            issue.status = Some(match issue.common.state {
                ItemState::Closed => WorkItemStatus::done(),
                _ if number % 3 == 0 => WorkItemStatus::in_progress(),
                _ => WorkItemStatus::to_do(),
            });
        }
        self.moved_issues(upstream, project)
    }

    /// A few issues that came from the project before this one.
    fn moved_issues(&mut self, upstream: &mut Upstream, project: u64) -> Result<()> {
        let before = self.projects.iter().rev().nth(1).copied();
        let Some(before) = before else {
            return Ok(());
        };
        let candidates: Vec<u64> = upstream
            .project(before)?
            .issues
            .iter()
            .filter(|(_, issue)| issue.moved_to_id.is_none())
            .map(|(iid, _)| *iid)
            .collect();
        for iid in candidates.into_iter().step_by(29).take(5) {
            let by = self.user();
            upstream.move_issue(before, iid, project, by)?;
        }
        Ok(())
    }
}
