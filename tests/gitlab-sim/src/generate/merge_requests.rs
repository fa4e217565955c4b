//! Generated merge requests.

use rand::Rng as _;
use rand::seq::IndexedRandom as _;

use super::{Generator, text};
use crate::Moment;
use crate::upstream::{
    ClosingLink, Commit, DiffFile, ItemRef, ItemState, LinePoint, NewMergeRequest, NewNote, Place,
    Position, Result, Upstream,
};

impl Generator<'_> {
    pub(super) fn merge_requests(&mut self, upstream: &mut Upstream, project: u64) -> Result<()> {
        let total = self.config.merge_requests;
        let unprepared_from = total.saturating_sub(self.config.unprepared_merge_requests);
        for number in 0..total {
            let created_at = self.created(number, total);
            let huge = number < self.config.huge_merge_requests;
            let new = NewMergeRequest {
                author_id: self.user(),
                title: match self.rng.random_range(0..12_u8) {
                    0 => format!("Draft: {}", text::title(&mut self.rng)),
                    _ => text::title(&mut self.rng),
                },
                description: Some(text::paragraph(&mut self.rng)),
                source_branch: format!("feature-{number}"),
                target_branch: if number % 17 == 16 { "stable" } else { "main" }.to_owned(),
                files: self.files(huge, number),
            };
            let iid = upstream.project(project)?.next_merge_request_iid;
            let at = upstream.insert_merge_request(project, iid, new, created_at)?;
            if number >= unprepared_from {
                let merge_request = upstream.merge_request_mut(project, iid)?;
                for version in &mut merge_request.versions {
                    version.ready_at = Moment::NEVER;
                }
                "preparing".clone_into(&mut merge_request.merge_status);
                continue;
            }
            self.diff_notes(upstream, at)?;
            let last = self.activity(upstream, at)?;
            self.outcome(upstream, at, last)?;
        }
        Ok(())
    }

    /// State, people, commits and closing links.
    fn outcome(&mut self, upstream: &mut Upstream, at: ItemRef, last: Moment) -> Result<()> {
        let last = self.later(last);
        let by = self.user();
        let roll = self.rng.random_range(0..10_u8);
        let links = self.closing_links(upstream, at)?;
        for link in &links {
            if let ClosingLink::Issue { project_id, iid } = link {
                upstream.issue_mut(*project_id, *iid)?.merge_requests_count += 1;
            }
        }
        let merge_sha = upstream.next_sha();
        let commit_sha = upstream.next_sha();
        let merge_request = upstream.merge_request_mut(at.project_id, at.iid)?;
        merge_request.closes = links;
        merge_request.common.updated_at = last;
        merge_request.common.upvotes = text::long_tailed(&mut self.rng, 1, 20);
        merge_request.reviewer_ids = vec![by];
        let head = merge_request.versions.last();
        merge_request.commits = vec![Commit {
            id: head.map_or(commit_sha, |version| version.head_sha.clone()),
            title: merge_request.common.title.clone(),
            message: format!(
                "{}\n\nSigned-off-by: somebody\n",
                merge_request.common.title
            ),
            author_name: "Somebody".to_owned(),
            author_email: "somebody@example.com".to_owned(),
            authored_at: merge_request.common.created_at,
            utc_offset: 7200,
            parent_ids: head
                .iter()
                .map(|version| version.base_sha.clone())
                .collect(),
        }];
        match roll {
            0..6 => {
                merge_request.common.state = ItemState::Merged;
                merge_request.merged_at = Some(last);
                merge_request.merged_by = Some(by);
                merge_request.approved_by = vec![by];
                // The others were fast-forwarded.
                merge_request.merge_commit_sha = (roll > 0).then_some(merge_sha);
                upstream.record_state(at, Some(by), "merged", None, last)?;
            }
            6 => {
                merge_request.common.state = ItemState::Closed;
                merge_request.common.closed_at = Some(last);
                merge_request.common.closed_by = Some(by);
                upstream.record_state(at, Some(by), "closed", None, last)?;
            }
            7 => {
                merge_request.source_project_id = None;
                "cannot_be_merged".clone_into(&mut merge_request.merge_status);
            }
            _ => {}
        }
        Ok(())
    }

    fn closing_links(&mut self, upstream: &Upstream, at: ItemRef) -> Result<Vec<ClosingLink>> {
        let mut links = Vec::new();
        if self.rng.random_bool(0.3) {
            // Now and then an issue of another project.
            let other = self.projects.choose(&mut self.rng).copied();
            let project_id = other
                .filter(|_| self.rng.random_bool(0.2))
                .unwrap_or(at.project_id);
            let issues = &upstream.project(project_id)?.issues;
            let index = self.rng.random_range(0..issues.len().max(1));
            if let Some(iid) = issues.keys().nth(index).copied() {
                links.push(ClosingLink::Issue { project_id, iid });
            }
        }
        if self.rng.random_bool(0.02) {
            let id = format!("PROJ-{}", self.rng.random_range(1..900_u16));
            links.push(ClosingLink::External {
                title: format!("External Issue {id}"),
                id,
            });
        }
        Ok(links)
    }

    fn files(&mut self, huge: bool, number: usize) -> Vec<DiffFile> {
        let count = if huge {
            1_050
        } else {
            1 + text::long_tailed(&mut self.rng, 5, 140)
        };
        let mut files: Vec<DiffFile> = (0..count)
            .map(|index| {
                let path = if huge {
                    format!("vendor/big/{number}/file_{index}.go")
                } else {
                    text::path(&mut self.rng)
                };
                self.file(path)
            })
            .collect();
        files.sort_by(|one, other| one.new_path.cmp(&other.new_path));
        files.dedup_by(|one, other| one.new_path == other.new_path);
        files
    }

    fn file(&mut self, path: String) -> DiffFile {
        let rng = &mut self.rng;
        let roll = rng.random_range(0..40_u8);
        match roll {
            0..6 => DiffFile::added(path, format!("@@ -0,0 +1 @@\n+{}\n", text::word(rng))),
            6..9 => DiffFile::deleted(path, format!("@@ -1 +0,0 @@\n-{}\n", text::word(rng))),
            9..11 => DiffFile::renamed(text::path(rng), path, ""),
            11 | 12 => DiffFile::renamed(text::path(rng), path, text::hunk(rng)),
            13 => DiffFile {
                a_mode: "100644".to_owned(),
                b_mode: "100755".to_owned(),
                ..DiffFile::modified(path, "")
            },
            // A binary.
            14 => DiffFile::added(format!("{path}.png"), ""),
            15 => DiffFile {
                collapsed: true,
                ..DiffFile::modified(path, "")
            },
            16 => DiffFile {
                too_large: true,
                ..DiffFile::modified(path, "")
            },
            17 => DiffFile {
                generated_file: None,
                ..DiffFile::modified(path, text::hunk(rng))
            },
            // A submodule.
            18 => DiffFile {
                a_mode: "160000".to_owned(),
                b_mode: "160000".to_owned(),
                ..DiffFile::modified(
                    path,
                    "@@ -1 +1 @@\n-Subproject commit 1111111\n+Subproject commit 2222222\n",
                )
            },
            _ => DiffFile::modified(path, text::hunk(rng)),
        }
    }

    fn diff_notes(&mut self, upstream: &mut Upstream, at: ItemRef) -> Result<()> {
        let merge_request = upstream.merge_request(at.project_id, at.iid)?;
        let created_at = merge_request.common.created_at;
        let Some(version) = merge_request.versions.last().cloned() else {
            return Ok(());
        };
        let mut last = created_at;
        for _ in 0..text::long_tailed(&mut self.rng, 2, 30) {
            let Some(file) = version.files.choose(&mut self.rng) else {
                break;
            };
            let position = Position {
                base_sha: version.base_sha.clone(),
                start_sha: version.start_sha.clone(),
                head_sha: version.head_sha.clone(),
                old_path: file.old_path.clone(),
                new_path: file.new_path.clone(),
                place: self.place(file),
            };
            last = self.later(last);
            let by = self.user();
            let body = text::paragraph(&mut self.rng);
            let note = upstream.insert_note(at, NewNote::on_diff(by, body, position), last)?;
            last = self.replies(upstream, at, note, last)?;
            if self.rng.random_bool(0.6)
                && let Some(discussion) = upstream.item_mut(at)?.discussions.last_mut()
            {
                for note in &mut discussion.notes {
                    note.resolved = true;
                    note.resolved_by = Some(by);
                    note.resolved_at = Some(last);
                }
            }
        }
        Ok(())
    }

    fn place(&mut self, file: &DiffFile) -> Place {
        let rng = &mut self.rng;
        if file.new_file && file.diff.is_empty() {
            return Place::Image {
                width: 640,
                height: 480,
                x: 12.5,
                y: 77.0,
            };
        }
        let line = rng.random_range(1..300_u64);
        let added = LinePoint {
            old_line: None,
            new_line: Some(line),
        };
        match rng.random_range(0..10_u8) {
            0 => Place::File,
            1 => Place::Text {
                old_line: Some(line),
                new_line: None,
                line_range: None,
            },
            2 => Place::Text {
                old_line: Some(line),
                new_line: Some(line + 1),
                line_range: None,
            },
            3 | 4 => Place::Text {
                old_line: None,
                new_line: Some(line + 4),
                line_range: Some((
                    added,
                    LinePoint {
                        old_line: None,
                        new_line: Some(line + 4),
                    },
                )),
            },
            _ => Place::Text {
                old_line: None,
                new_line: Some(line),
                line_range: None,
            },
        }
    }
}
