//! A seeded generator of projects.

mod issues;
mod merge_requests;
pub(crate) mod text;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::upstream::{
    Audience, EventAction, ItemRef, NewMilestone, NewNote, Result, Upstream, UserId,
};
use crate::{Moment, VirtualClock};

/// What to generate. The same values give the same upstream.
#[derive(Clone, Debug)]
pub struct GeneratorConfig {
    /// Decides everything that the other fields leave open.
    pub seed: u64,
    /// How many projects.
    pub projects: usize,
    /// Issues in each project.
    pub issues: usize,
    /// Merge requests in each project.
    pub merge_requests: usize,
    /// People who write in them.
    pub users: usize,
    /// Labels in each project; a few more that were deleted since.
    pub labels: usize,
    /// Milestones in each project.
    pub milestones: usize,
    /// Discussions on an item, most of the time; a hundredth of the items
    /// have up to `long_thread`.
    pub usual_discussions: u64,
    /// The most discussions on an item.
    pub long_thread: u64,
    /// Merge requests with more than a thousand files, in each project.
    pub huge_merge_requests: usize,
    /// Open merge requests whose diff is never worked out, in each project.
    pub unprepared_merge_requests: usize,
    /// Items of each project that a mass edit left with one `updated_at`.
    pub mass_edited: usize,
    /// How far the history reaches back.
    pub history: Duration,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            projects: 1,
            issues: 100,
            merge_requests: 100,
            users: 12,
            labels: 16,
            milestones: 5,
            usual_discussions: 5,
            long_thread: 130,
            huge_merge_requests: 1,
            unprepared_merge_requests: 1,
            mass_edited: 30,
            history: Duration::from_hours(3 * 365 * 24),
        }
    }
}

impl GeneratorConfig {
    /// A new upstream with nothing but the generated projects, on a clock of
    /// its own that stands at `now`.
    pub fn generate(&self, now: Moment) -> Upstream {
        let mut upstream = Upstream::new(VirtualClock::new(now));
        self.generate_into(&mut upstream);
        upstream
    }

    /// Adds the generated projects to an upstream. Returns their ids.
    pub fn generate_into(&self, upstream: &mut Upstream) -> Vec<u64> {
        let mut generator = Generator {
            config: self,
            rng: StdRng::seed_from_u64(self.seed),
            users: Vec::new(),
            projects: Vec::new(),
            now: upstream.now(),
        };
        // Nothing that is asked for below can be missing: the generator made
        // it a line before.
        let made = generator.run(upstream);
        debug_assert!(made.is_ok(), "{made:?}");
        generator.projects
    }
}

struct Generator<'a> {
    config: &'a GeneratorConfig,
    rng: StdRng,
    users: Vec<UserId>,
    projects: Vec<u64>,
    now: Moment,
}

impl Generator<'_> {
    fn run(&mut self, upstream: &mut Upstream) -> Result<()> {
        for number in 0..self.config.users {
            let name = format!(
                "{} {}",
                text::word(&mut self.rng),
                text::word(&mut self.rng)
            );
            let id = upstream.add_user(&format!("user{number}"), &name);
            if number % 7 == 6
                && let Some(user) = upstream.users.get_mut(&id)
            {
                "blocked".clone_into(&mut user.state);
            }
            self.users.push(id);
        }
        for number in 0..self.config.projects {
            let namespace = ["acme", "acme/tools", "acme/tools/deep/er"][number % 3];
            let id = upstream.create_project(&format!("{namespace}/app{number}"));
            self.projects.push(id);
            self.fill_project(upstream, id)?;
        }
        Ok(())
    }

    fn fill_project(&mut self, upstream: &mut Upstream, id: u64) -> Result<()> {
        for number in 0..self.config.labels {
            let name = match number % 4 {
                0 => format!("priority::{number}"),
                _ => format!("{} {number}", text::word(&mut self.rng)),
            };
            let group = (number % 8 == 7).then_some(7);
            let label = upstream.create_label(id, name, group)?;
            if number % 4 == 0
                && let Some(label) = upstream.project_mut(id)?.labels.get_mut(&label)
            {
                label.priority = u64::try_from(number).ok();
            }
        }
        let mut doomed = Vec::new();
        for number in 0..self.config.labels.div_ceil(8) {
            doomed.push(upstream.create_label(id, format!("gone {number}"), None)?);
        }
        for number in 0..self.config.milestones {
            let new = NewMilestone {
                title: format!("1.{number}"),
                due_date: Some((self.now + Duration::from_hours(24 * 30)).date()),
                group_id: (number % 5 == 4).then_some(7),
            };
            upstream.create_milestone(id, new)?;
        }
        self.issues(upstream, id)?;
        self.merge_requests(upstream, id)?;
        for label in doomed {
            upstream.delete_label(id, label)?;
        }
        self.mass_edit(upstream, id)
    }

    /// Discussions, system notes, label and milestone events of one item, from
    /// its creation on. Returns the time of the last.
    fn activity(&mut self, upstream: &mut Upstream, at: ItemRef) -> Result<Moment> {
        let mut last = upstream.item(at)?.created_at;
        let count = text::long_tailed(
            &mut self.rng,
            self.config.usual_discussions,
            self.config.long_thread,
        );
        for _ in 0..count {
            last = self.later(last);
            let by = self.user();
            let body = text::paragraph(&mut self.rng);
            match self.rng.random_range(0..20_u8) {
                0..9 => {
                    upstream.insert_note(at, NewNote::comment(by, body), last)?;
                }
                9..12 => {
                    let note = upstream.insert_note(at, NewNote::thread(by, body), last)?;
                    last = self.replies(upstream, at, note, last)?;
                }
                12..14 => {
                    upstream.insert_note(at, NewNote::comment(by, body).internal(), last)?;
                }
                14 => {
                    // A cross-reference from a project that nobody here sees.
                    let note = NewNote::system(by, "mentioned in issue secret/vault#1");
                    upstream.insert_note(at, note.audience(Audience::Project(0)), last)?;
                }
                _ => {
                    let what = ["title", "description", "assignees", "time estimate"];
                    let what = what.choose(&mut self.rng).copied().unwrap_or("title");
                    let body = format!("changed the {what}");
                    upstream.insert_note(at, NewNote::system(by, body), last)?;
                }
            }
        }
        self.events(upstream, at, last)
    }

    /// Up to a few answers to the discussion that `note` began.
    fn replies(
        &mut self,
        upstream: &mut Upstream,
        at: ItemRef,
        note: u64,
        mut last: Moment,
    ) -> Result<Moment> {
        let discussions = &upstream.item(at)?.discussions;
        let Some(discussion) = discussions
            .iter()
            .rev()
            .find(|discussion| discussion.notes.iter().any(|known| known.id == note))
        else {
            return Ok(last);
        };
        let id = discussion.id.clone();
        for _ in 0..text::long_tailed(&mut self.rng, 3, 20) {
            last = self.later(last);
            let by = self.user();
            let body = text::paragraph(&mut self.rng);
            upstream.insert_reply(at, &id, by, body, last)?;
        }
        Ok(last)
    }

    fn events(&mut self, upstream: &mut Upstream, at: ItemRef, last: Moment) -> Result<Moment> {
        let project = upstream.project(at.project_id)?;
        let labels: Vec<u64> = project.labels.keys().copied().collect();
        let milestones: Vec<u64> = project.milestones.keys().copied().collect();
        let mut when = upstream.item(at)?.created_at;
        for _ in 0..self.rng.random_range(0..4_u8) {
            let Some(label) = labels.choose(&mut self.rng).copied() else {
                break;
            };
            when = self.later(when);
            let user = self.rng.random_bool(0.95).then(|| self.user());
            let had = upstream.item(at)?.label_ids.contains(&label);
            let action = if had {
                EventAction::Remove
            } else {
                EventAction::Add
            };
            upstream.record_label(at, (user, label, action), when)?;
            if self.rng.random_bool(0.03)
                && let Some(event) = upstream.item_mut(at)?.label_events.last_mut()
            {
                event.audience = Audience::Project(0);
            }
        }
        if self.rng.random_bool(0.3)
            && let Some(milestone) = milestones.choose(&mut self.rng).copied()
        {
            when = self.later(when);
            let by = self.user();
            upstream.set_milestone(at, by, Some(milestone))?;
            if let Some(event) = upstream.item_mut(at)?.milestone_events.last_mut() {
                event.created_at = when;
            }
        }
        Ok(last.max(when))
    }

    /// What a mass edit leaves: many items with the same microsecond.
    fn mass_edit(&mut self, upstream: &mut Upstream, id: u64) -> Result<()> {
        let when = self.now - Duration::from_hours(40 * 24);
        let project = upstream.project_mut(id)?;
        let half = self.config.mass_edited.div_ceil(2);
        let issues = project.issues.values_mut().map(|issue| &mut issue.common);
        for item in issues.filter(|item| item.created_at < when).take(half) {
            item.updated_at = when;
        }
        let merge_requests = project.merge_requests.values_mut();
        let items = merge_requests.map(|merge_request| &mut merge_request.common);
        for item in items
            .filter(|item| item.created_at < when)
            .take(self.config.mass_edited - half)
        {
            item.updated_at = when;
        }
        Ok(())
    }

    fn user(&mut self) -> UserId {
        self.users.choose(&mut self.rng).copied().unwrap_or(1)
    }

    /// A time in the history, earlier numbers earlier on the whole.
    fn created(&mut self, number: usize, of: usize) -> Moment {
        let micros = self.config.history.as_micros();
        let share = micros * (of - number) as u128 / (of.max(1) as u128);
        let back = u64::try_from(share).unwrap_or(u64::MAX);
        let jitter = self.rng.random_range(0..86_400_000_000_u64);
        self.now - Duration::from_micros(back.saturating_add(jitter))
    }

    /// A little later, but not in the future.
    fn later(&mut self, than: Moment) -> Moment {
        let hours = self.rng.random_range(0..48_u64);
        let micros = self.rng.random_range(0..3_600_000_000_u64);
        let when = than + Duration::from_hours(hours) + Duration::from_micros(micros);
        when.min(self.now - Duration::from_mins(2)).max(than)
    }
}
