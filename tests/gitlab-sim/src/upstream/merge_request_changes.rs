//! What people do to merge requests.

use super::item_changes::not_possible;
use super::{
    ClosingLink, Commit, DiffFile, DiffVersion, Issuable, ItemRef, ItemState, MergeRequest,
    NewNote, Result, Upstream, UserId,
};
use crate::Moment;

/// A merge request about to be opened.
#[derive(Clone, Debug)]
pub struct NewMergeRequest {
    /// Who opens it.
    pub author_id: UserId,
    /// One line; `Draft: ` in front makes it a draft.
    pub title: String,
    /// Markdown.
    pub description: Option<String>,
    /// Branch of the source project.
    pub source_branch: String,
    /// Branch of this project.
    pub target_branch: String,
    /// What it changes.
    pub files: Vec<DiffFile>,
}

impl NewMergeRequest {
    /// A merge request into `main`.
    pub fn new(author_id: UserId, title: impl Into<String>, files: Vec<DiffFile>) -> Self {
        let title = title.into();
        Self {
            author_id,
            source_branch: "feature".to_owned(),
            target_branch: "main".to_owned(),
            description: None,
            title,
            files,
        }
    }
}

impl Upstream {
    /// Opens a merge request. Its diff is ready after
    /// [`Upstream::preparing_delay`].
    pub fn create_merge_request(
        &mut self,
        project_id: u64,
        new: NewMergeRequest,
    ) -> Result<ItemRef> {
        let now = self.now();
        let iid = self.project(project_id)?.next_merge_request_iid;
        let at = self.insert_merge_request(project_id, iid, new, now)?;
        let ready_at = now + self.preparing_delay;
        if let Some(version) = self.merge_request_mut(project_id, iid)?.versions.last_mut() {
            version.ready_at = ready_at;
        }
        Ok(at)
    }

    /// A merge request with a given iid and time of creation, ready at once,
    /// for imported histories. One that is there already is replaced.
    pub fn insert_merge_request(
        &mut self,
        project_id: u64,
        iid: u64,
        new: NewMergeRequest,
        created_at: Moment,
    ) -> Result<ItemRef> {
        self.project(project_id)?;
        self.last_ids.merge_request += 1;
        let at = ItemRef::merge_request(project_id, iid);
        let common = Issuable {
            description: new.description,
            ..Issuable::new(
                self.last_ids.merge_request,
                at,
                new.title,
                new.author_id,
                created_at,
            )
        };
        let version = self.new_version(new.files, created_at);
        let merge_request = MergeRequest {
            draft: common.title.starts_with("Draft: "),
            common,
            source_branch: new.source_branch,
            target_branch: new.target_branch,
            source_project_id: Some(project_id),
            merged_at: None,
            merged_by: None,
            merge_commit_sha: None,
            squash_commit_sha: None,
            reviewer_ids: Vec::new(),
            approved_by: Vec::new(),
            merge_status: "can_be_merged".to_owned(),
            versions: vec![version],
            commits: Vec::new(),
            closes: Vec::new(),
        };
        let project = self.project_mut(project_id)?;
        project.next_merge_request_iid = project.next_merge_request_iid.max(iid + 1);
        project.merge_requests.insert(iid, merge_request);
        Ok(at)
    }

    /// Pushes to the source branch (a force push is no different here): a new
    /// version, ready after [`Upstream::preparing_delay`], and a system note
    /// that touches the merge request.
    pub fn push(
        &mut self,
        project_id: u64,
        iid: u64,
        by: UserId,
        files: Vec<DiffFile>,
    ) -> Result<()> {
        let now = self.now();
        let at = ItemRef::merge_request(project_id, iid);
        if self.item(at)?.state != ItemState::Opened {
            return Err(not_possible("push", at, "it is not open"));
        }
        let author = self.users.get(&by);
        let author_name = author.map_or_else(String::new, |user| user.name.clone());
        let author_email =
            author.map_or_else(String::new, |user| format!("{}@example.com", user.username));
        let version = DiffVersion {
            ready_at: now + self.preparing_delay,
            ..self.new_version(files, now)
        };
        let short = version.head_sha[..8].to_owned();
        let merge_request = self.merge_request_mut(project_id, iid)?;
        let parent = merge_request.versions.last().map(|last| &last.head_sha);
        merge_request.commits.insert(
            0,
            Commit {
                id: version.head_sha.clone(),
                title: format!("Update {short}"),
                message: format!("Update {short}\n"),
                author_name,
                author_email,
                authored_at: now,
                utc_offset: 7200,
                parent_ids: parent.into_iter().cloned().collect(),
            },
        );
        merge_request.versions.push(version);
        merge_request.approved_by.clear();
        let body = format!("added 1 commit\n\n<ul><li>{short} - Update {short}</li></ul>");
        self.add_note(at, NewNote::system(by, body))?;
        Ok(())
    }

    /// Merges: an event, the record is saved, and the open issues it closes
    /// are closed by it.
    pub fn merge(&mut self, project_id: u64, iid: u64, by: UserId) -> Result<()> {
        let now = self.now();
        let at = ItemRef::merge_request(project_id, iid);
        if self.item(at)?.state != ItemState::Opened {
            return Err(not_possible("merge", at, "it is not open"));
        }
        let sha = self.next_sha();
        let merge_request = self.merge_request_mut(project_id, iid)?;
        merge_request.common.state = ItemState::Merged;
        merge_request.merged_at = Some(now);
        merge_request.merged_by = Some(by);
        merge_request.merge_commit_sha = Some(sha);
        merge_request.common.save(now);
        let id = merge_request.common.id;
        let closes = merge_request.closes.clone();
        self.record_state(at, Some(by), "merged", None, now)?;
        for link in closes {
            if let ClosingLink::Issue { project_id, iid } = link
                && let Ok(issue) = self.issue_mut(project_id, iid)
                && issue.common.state == ItemState::Opened
            {
                issue.common.state = ItemState::Closed;
                issue.common.closed_at = Some(now);
                issue.common.closed_by = Some(by);
                issue.common.save(now);
                let issue = ItemRef::issue(project_id, iid);
                self.record_state(issue, Some(by), "closed", Some(id), now)?;
            }
        }
        Ok(())
    }

    /// Asks exactly these people for a review. A touch, as for assignees.
    pub fn request_review(
        &mut self,
        project_id: u64,
        iid: u64,
        by: UserId,
        reviewers: Vec<UserId>,
    ) -> Result<()> {
        self.merge_request_mut(project_id, iid)?.reviewer_ids = reviewers;
        let at = ItemRef::merge_request(project_id, iid);
        self.add_note(at, NewNote::system(by, "requested a review"))?;
        Ok(())
    }

    /// Approves: a system note, and so a touch.
    pub fn approve(&mut self, project_id: u64, iid: u64, by: UserId) -> Result<()> {
        let merge_request = self.merge_request_mut(project_id, iid)?;
        if !merge_request.approved_by.contains(&by) {
            merge_request.approved_by.push(by);
        }
        let at = ItemRef::merge_request(project_id, iid);
        self.add_note(at, NewNote::system(by, "approved this merge request"))?;
        Ok(())
    }

    /// Changes the target branch: saves the record, and the diff is worked out
    /// anew against the other branch.
    pub fn retarget(
        &mut self,
        project_id: u64,
        iid: u64,
        by: UserId,
        branch: impl Into<String>,
    ) -> Result<()> {
        let now = self.now();
        let at = ItemRef::merge_request(project_id, iid);
        if self.item(at)?.state != ItemState::Opened {
            return Err(not_possible("retarget", at, "it is not open"));
        }
        let ready_at = now + self.preparing_delay;
        let fresh = self.new_version(Vec::new(), now);
        let merge_request = self.merge_request_mut(project_id, iid)?;
        let branch = branch.into();
        let body = format!(
            "changed target branch from `{}` to `{branch}`",
            merge_request.target_branch
        );
        merge_request.target_branch = branch;
        if let Some(last) = merge_request.versions.last().cloned() {
            merge_request.versions.push(DiffVersion {
                id: fresh.id,
                base_sha: fresh.base_sha,
                start_sha: fresh.start_sha,
                created_at: now,
                ready_at,
                ..last
            });
        }
        self.save_with_note(at, by, body)
    }

    /// A new link from an open merge request to what its merge closes: the
    /// description says so, and is saved. The issue gets a cross-reference
    /// note, and is not touched by it.
    pub fn add_closing_link(
        &mut self,
        project_id: u64,
        iid: u64,
        by: UserId,
        link: ClosingLink,
    ) -> Result<()> {
        let now = self.now();
        let at = ItemRef::merge_request(project_id, iid);
        if self.item(at)?.state != ItemState::Opened {
            return Err(not_possible(
                "closing link",
                at,
                "links are frozen once it is not open",
            ));
        }
        let path = self.project(project_id)?.path_with_namespace.clone();
        let reference = match &link {
            ClosingLink::External { id, .. } => id.clone(),
            ClosingLink::Issue {
                project_id: other,
                iid: issue,
            } => {
                let at = ItemRef::issue(*other, *issue);
                let body = format!("mentioned in merge request {path}!{iid}");
                self.insert_note(at, NewNote::system(by, body), now)?;
                self.issue_mut(*other, *issue)?.merge_requests_count += 1;
                let other = self.project(*other)?;
                format!("{}#{issue}", other.path_with_namespace)
            }
        };
        let merge_request = self.merge_request_mut(project_id, iid)?;
        if !merge_request.closes.contains(&link) {
            merge_request.closes.push(link);
        }
        let before = merge_request.common.description.take().unwrap_or_default();
        self.set_description(at, by, format!("{before}\n\nCloses {reference}"))
    }

    /// Moves the mergeability, which bumps nothing.
    pub fn set_merge_status(&mut self, project_id: u64, iid: u64, status: &str) -> Result<()> {
        status.clone_into(&mut self.merge_request_mut(project_id, iid)?.merge_status);
        Ok(())
    }

    fn new_version(&mut self, files: Vec<DiffFile>, created_at: Moment) -> DiffVersion {
        self.last_ids.version += 1;
        let base_sha = self.next_sha();
        DiffVersion {
            id: self.last_ids.version,
            start_sha: base_sha.clone(),
            base_sha,
            head_sha: self.next_sha(),
            created_at,
            ready_at: created_at,
            files: files.into(),
        }
    }
}
