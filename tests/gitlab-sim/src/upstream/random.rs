//! Random, realistic changes.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::{
    ClosingLink, DiffFile, ItemKind, ItemRef, ItemState, NewIssue, NewMergeRequest, NewNote,
    Result, Upstream, UpstreamError, UserId, WorkItemStatus,
};
use crate::Moment;
use crate::generate::text;

/// What [`Upstream::random_changes`] may do besides everyday edits.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct RandomChangeOptions {
    /// Issues and merge requests may be deleted.
    pub deletions: bool,
    /// Issues may be moved, where there is more than one project.
    pub moves: bool,
    /// Projects may be renamed.
    pub project_renames: bool,
    /// Changes GitLab makes without bumping `updated_at`: resolved threads,
    /// deleted notes, renamed and deleted labels, thumbs, mentions by merge
    /// requests.
    pub silent: bool,
    /// The projects to change; all when empty.
    pub projects: Vec<u64>,
    /// The most the clock advances between two changes. Half of the steps are
    /// of twenty seconds at most, inside the window of the throttled touch.
    pub longest_pause: Duration,
}

impl Default for RandomChangeOptions {
    fn default() -> Self {
        Self {
            deletions: true,
            moves: true,
            project_renames: true,
            silent: true,
            projects: Vec::new(),
            longest_pause: Duration::from_mins(5),
        }
    }
}

/// One random change, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeDescription {
    /// When.
    pub at: Moment,
    /// What was done.
    pub kind: &'static str,
    /// To which item; `None` for a whole project or a label.
    pub item: Option<ItemRef>,
}

impl Upstream {
    /// Makes `n` random changes, the same ones for the same seed and state,
    /// and advances the clock between them.
    pub fn random_changes(
        &mut self,
        seed: u64,
        n: usize,
        options: &RandomChangeOptions,
    ) -> Vec<ChangeDescription> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut done = Vec::with_capacity(n);
        // People come back to what they just did: so changes fall inside the
        // window of the throttled touch.
        let mut recent: Vec<ItemRef> = Vec::new();
        let mut attempts = 0;
        while done.len() < n && attempts < n * 20 {
            attempts += 1;
            self.pause(&mut rng, options);
            let Some(at) = self.pick(&mut rng, options, &recent) else {
                // An empty project; the next try finds another.
                continue;
            };
            if let Ok(Some((kind, item))) = self.random_change(&mut rng, options, at) {
                if let Some(item) = item {
                    recent.push(item);
                    if recent.len() > 12 {
                        recent.remove(0);
                    }
                }
                done.push(ChangeDescription {
                    at: self.now(),
                    kind,
                    item,
                });
            }
        }
        done
    }

    fn pause(&self, rng: &mut StdRng, options: &RandomChangeOptions) {
        let longest = if rng.random_bool(0.5) {
            options.longest_pause.min(Duration::from_secs(20))
        } else {
            options.longest_pause
        };
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        self.clock
            .advance(Duration::from_micros(rng.random_range(0..=micros)));
    }

    fn pick(
        &self,
        rng: &mut StdRng,
        options: &RandomChangeOptions,
        recent: &[ItemRef],
    ) -> Option<ItemRef> {
        if rng.random_bool(0.4)
            && let Some(at) = recent.choose(rng)
            && self.item(*at).is_ok()
        {
            return Some(*at);
        }
        let ids: Vec<u64> = if options.projects.is_empty() {
            self.projects.keys().copied().collect()
        } else {
            options.projects.clone()
        };
        let project = self.project(*ids.choose(rng)?).ok()?;
        let issues = project.issues.len();
        let index = rng.random_range(0..(issues + project.merge_requests.len()).max(1));
        if index < issues {
            let iid = *project.issues.keys().nth(index)?;
            Some(ItemRef::issue(project.id, iid))
        } else {
            let iid = *project.merge_requests.keys().nth(index - issues)?;
            Some(ItemRef::merge_request(project.id, iid))
        }
    }

    fn random_change(
        &mut self,
        rng: &mut StdRng,
        options: &RandomChangeOptions,
        at: ItemRef,
    ) -> Result<Option<(&'static str, Option<ItemRef>)>> {
        let Some(by) = self.random_user(rng) else {
            return Ok(None);
        };
        let roll = rng.random_range(0..100_u32);
        match roll {
            0..55 => self.everyday_change(rng, at, by, roll),
            55..70 => self.change_of_kind(rng, options, at, by),
            70..85 if options.silent => self.silent_change(rng, at, by),
            85..88 if options.deletions => {
                self.delete_item(at)?;
                Ok(Some(("delete item", None)))
            }
            88..91 if options.moves && at.kind == ItemKind::Issue => {
                let others: Vec<u64> = self
                    .projects
                    .keys()
                    .copied()
                    .filter(|id| *id != at.project_id)
                    .collect();
                let Some(to) = others.choose(rng) else {
                    return Ok(None);
                };
                self.move_issue(at.project_id, at.iid, *to, by)?;
                Ok(Some(("move issue", Some(at))))
            }
            91 if options.project_renames => {
                let project = self.project(at.project_id)?;
                let path = format!(
                    "{}/renamed-{}",
                    project.namespace(),
                    rng.random_range(1000..1_000_000_u32)
                );
                self.rename_project(at.project_id, &path)?;
                Ok(Some(("rename project", None)))
            }
            92..96 => {
                let new = NewIssue {
                    description: Some(text::paragraph(rng)),
                    ..NewIssue::new(by, text::title(rng))
                };
                let at = self.create_issue(at.project_id, new)?;
                Ok(Some(("open issue", Some(at))))
            }
            96..100 => {
                let files = vec![DiffFile::modified(text::path(rng), text::hunk(rng))];
                let new = NewMergeRequest::new(by, text::title(rng), files);
                let at = self.create_merge_request(at.project_id, new)?;
                Ok(Some(("open merge request", Some(at))))
            }
            _ => Ok(None),
        }
    }

    fn everyday_change(
        &mut self,
        rng: &mut StdRng,
        at: ItemRef,
        by: UserId,
        roll: u32,
    ) -> Result<Option<(&'static str, Option<ItemRef>)>> {
        let kind = match roll {
            0..16 => {
                self.add_note(at, NewNote::comment(by, text::paragraph(rng)))?;
                "add note"
            }
            16..20 => {
                self.add_note(at, NewNote::thread(by, text::paragraph(rng)))?;
                "open thread"
            }
            20..27 => {
                let item = self.item(at)?;
                let answerable: Vec<String> = item
                    .discussions
                    .iter()
                    .filter(|discussion| discussion.notes.iter().all(|note| !note.system))
                    .map(|discussion| discussion.id.clone())
                    .collect();
                let Some(id) = answerable.choose(rng) else {
                    return Ok(None);
                };
                self.reply(at, id, by, text::paragraph(rng))?;
                "reply"
            }
            27..32 => {
                let Some(id) = self.random_note(rng, at)? else {
                    return Ok(None);
                };
                self.edit_note(at, id, text::paragraph(rng))?;
                "edit note"
            }
            32..40 => {
                let labels = &self.project(at.project_id)?.labels;
                let ids: Vec<u64> = labels.keys().copied().collect();
                let Some(label) = ids.choose(rng) else {
                    return Ok(None);
                };
                if self.item(at)?.label_ids.contains(label) {
                    self.remove_labels(at, by, &[*label])?;
                    "remove label"
                } else {
                    self.add_labels(at, by, &[*label])?;
                    "add label"
                }
            }
            40..44 => {
                self.set_title(at, by, text::title(rng))?;
                "edit title"
            }
            44..48 => {
                self.set_description(at, by, text::paragraph(rng))?;
                "edit description"
            }
            48..51 => {
                let milestones = &self.project(at.project_id)?.milestones;
                let ids: Vec<u64> = milestones.keys().copied().collect();
                let chosen = ids.choose(rng).copied().filter(|_| rng.random_bool(0.7));
                self.set_milestone(at, by, chosen)?;
                "set milestone"
            }
            51..53 => {
                self.assign(at, by, vec![by])?;
                "assign"
            }
            _ => {
                if self.item(at)?.state == ItemState::Opened {
                    self.close(at, by)?;
                    "close"
                } else {
                    self.reopen(at, by)?;
                    "reopen"
                }
            }
        };
        Ok(Some((kind, Some(at))))
    }

    fn change_of_kind(
        &mut self,
        rng: &mut StdRng,
        options: &RandomChangeOptions,
        at: ItemRef,
        by: UserId,
    ) -> Result<Option<(&'static str, Option<ItemRef>)>> {
        let (project, iid) = (at.project_id, at.iid);
        let kind = match (at.kind, rng.random_range(0..4_u8)) {
            (ItemKind::Issue, 0) => {
                let confidential = self.issue(project, iid)?.confidential;
                self.set_confidential(project, iid, by, !confidential)?;
                "flip confidentiality"
            }
            (ItemKind::Issue, 1) => {
                self.set_status(project, iid, by, WorkItemStatus::in_progress())?;
                "set status"
            }
            (ItemKind::Issue, 2) => {
                let date = self.now() + Duration::from_secs(86_400 * rng.random_range(1..60));
                self.set_due_date(project, iid, by, Some(date.date()))?;
                "set due date"
            }
            (ItemKind::Issue, _) => {
                self.spend_time(at, by, rng.random_range(60..20_000))?;
                "spend time"
            }
            (ItemKind::MergeRequest, 0) => {
                self.merge(project, iid, by)?;
                "merge"
            }
            (ItemKind::MergeRequest, 1) => {
                let last = self.merge_request(project, iid)?.versions.last();
                let mut files = last.map_or_else(Vec::new, |version| version.files.to_vec());
                files.push(DiffFile::modified(text::path(rng), text::hunk(rng)));
                self.push(project, iid, by, files)?;
                "push"
            }
            // The issue gets a note that does not touch it.
            (ItemKind::MergeRequest, 2) if options.silent => {
                let issues = &self.project(project)?.issues;
                let iids: Vec<u64> = issues.keys().copied().collect();
                let Some(issue) = iids.choose(rng) else {
                    return Ok(None);
                };
                let link = ClosingLink::Issue {
                    project_id: project,
                    iid: *issue,
                };
                self.add_closing_link(project, iid, by, link)?;
                "closing link"
            }
            (ItemKind::MergeRequest, _) => {
                self.approve(project, iid, by)?;
                "approve"
            }
        };
        Ok(Some((kind, Some(at))))
    }

    fn silent_change(
        &mut self,
        rng: &mut StdRng,
        at: ItemRef,
        by: UserId,
    ) -> Result<Option<(&'static str, Option<ItemRef>)>> {
        let kind = match rng.random_range(0..16_u8) {
            0..8 => {
                let item = self.item(at)?;
                let threads: Vec<(String, bool)> = item
                    .discussions
                    .iter()
                    .filter(|discussion| discussion.resolvable())
                    .map(|discussion| (discussion.id.clone(), discussion.resolved()))
                    .collect();
                match threads.choose(rng) {
                    None => return Ok(None),
                    Some((id, true)) => {
                        self.unresolve_thread(at, id)?;
                        "unresolve thread"
                    }
                    Some((id, false)) => {
                        self.resolve_thread(at, id, by)?;
                        "resolve thread"
                    }
                }
            }
            8..12 => {
                let Some(id) = self.random_note(rng, at)? else {
                    return Ok(None);
                };
                self.delete_note(at, id)?;
                "delete note"
            }
            12..14 => {
                self.upvote(at)?;
                "upvote"
            }
            roll => {
                let labels = &self.project(at.project_id)?.labels;
                let ids: Vec<u64> = labels.keys().copied().collect();
                let label = *ids
                    .choose(rng)
                    .ok_or(UpstreamError::NoLabelOrMilestone(0))?;
                if roll == 14 {
                    let name = format!("{}-{}", text::word(rng), rng.random_range(0..1000_u32));
                    self.rename_label(at.project_id, label, name)?;
                    return Ok(Some(("rename label", None)));
                }
                self.delete_label(at.project_id, label)?;
                return Ok(Some(("delete label", None)));
            }
        };
        Ok(Some((kind, Some(at))))
    }

    fn random_user(&self, rng: &mut StdRng) -> Option<UserId> {
        let ids: Vec<UserId> = self.users.keys().copied().collect();
        ids.choose(rng).copied()
    }

    fn random_note(&self, rng: &mut StdRng, at: ItemRef) -> Result<Option<u64>> {
        let item = self.item(at)?;
        let ids: Vec<u64> = item
            .notes()
            .filter(|note| !note.system)
            .map(|note| note.id)
            .collect();
        Ok(ids.choose(rng).copied())
    }
}
