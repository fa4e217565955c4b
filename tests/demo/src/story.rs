//! The file that the demo asks about: twice renamed, often reviewed.

use std::time::Duration;

use gitlab_sim::Moment;
use gitlab_sim::upstream::{
    DiffFile, ItemRef, ItemState, NewMergeRequest, NewNote, Place, Position, Result, Upstream,
    UserId,
};

/// The file's name today.
pub(crate) const PATH: &str = "src/net/client.rs";
/// Its names before, newest first.
pub(crate) const EARLIER_NAMES: [&str; 2] = ["src/net/http.rs", "lib/http.rs"];

/// A project with the story in it.
#[derive(Debug)]
pub(crate) struct Story {
    project: u64,
    writer: UserId,
    reviewer: UserId,
    /// A merge request with two open threads on the file.
    pub(crate) discussed: u64,
    /// The one in which the storm of retries was discussed.
    pub(crate) retried: u64,
}

impl Story {
    /// Adds the story to a project, as if it had happened over the last months.
    pub(crate) fn tell(upstream: &mut Upstream, project: u64) -> Result<Self> {
        let mut story = Self {
            project,
            writer: upstream.add_user("ada", "Ada Byron"),
            reviewer: upstream.add_user("grace", "Grace Murray"),
            discussed: 0,
            retried: 0,
        };
        let [second, first] = EARLIER_NAMES;
        let add = DiffFile::added(first, hunk("fetch"));
        story.merged(upstream, 210, "Fetch pages over HTTP", add)?;

        let retry = DiffFile::modified(first, hunk("fetch_with_retry"));
        let at = story.merged(upstream, 160, "Retry a request that timed out", retry)?;
        story.retried = at.iid;
        let thread = story.thread(
            upstream,
            at,
            162,
            "Three retries at once will hammer a server that is already down.",
        )?;
        let answer = "Each waits twice as long now, with some jitter.";
        let when = ago(upstream, 161);
        upstream.insert_reply(at, &thread, story.writer, answer, when)?;
        upstream.resolve_thread(at, &thread, story.reviewer)?;
        settle(upstream, at, 160)?;

        let moved = DiffFile::renamed(first, second, "");
        story.merged(upstream, 120, "Move the network code under src/net", moved)?;

        let honour = DiffFile::modified(second, hunk("wait_as_told"));
        let at = story.merged(upstream, 75, "Honour Retry-After", honour)?;
        story.discussed = at.iid;
        story.thread(upstream, at, 77, "An HTTP date is allowed here as well.")?;
        story.thread(upstream, at, 76, "What if it says a day?")?;

        let renamed = DiffFile::renamed(second, PATH, hunk("Client::new"));
        story.merged(upstream, 40, "Call the client a client", renamed)?;

        let pool = DiffFile::modified(PATH, hunk("Pool::take"));
        let at = story.opened(upstream, 14, "Draft: Keep a pool of connections", pool)?;
        story.thread(upstream, at, 12, "How many, and who closes them?")?;
        settle(upstream, at, 12)?;
        Ok(story)
    }

    /// Today somebody merges a change, and a reviewer asks about it. Returns
    /// the merge request's iid.
    pub(crate) fn goes_on(&self, upstream: &mut Upstream) -> Result<u64> {
        let file = DiffFile::modified(PATH, hunk("Client::close_idle"));
        let new = NewMergeRequest::new(self.writer, "Close idle connections", vec![file]);
        let at = upstream.create_merge_request(self.project, new)?;
        let now = upstream.now();
        self.note(
            upstream,
            at,
            "Thirty seconds is short for a slow proxy.",
            now,
        )?;
        upstream.merge(self.project, at.iid, self.reviewer)?;
        Ok(at.iid)
    }

    /// Somebody resolves one of two open threads, which moves no timestamp of
    /// the merge request.
    pub(crate) fn resolves(&self, upstream: &mut Upstream) -> Result<()> {
        let at = ItemRef::merge_request(self.project, self.discussed);
        let open = upstream
            .item(at)?
            .discussions
            .iter()
            .find(|discussion| discussion.resolvable() && !discussion.resolved());
        match open.map(|discussion| discussion.id.clone()) {
            Some(id) => upstream.resolve_thread(at, &id, self.reviewer),
            None => Ok(()),
        }
    }

    fn merged(
        &self,
        upstream: &mut Upstream,
        days: u64,
        title: &str,
        file: DiffFile,
    ) -> Result<ItemRef> {
        let at = self.opened(upstream, days + 3, title, file)?;
        let when = ago(upstream, days);
        let merge_request = upstream.merge_request_mut(at.project_id, at.iid)?;
        merge_request.common.state = ItemState::Merged;
        merge_request.merged_at = Some(when);
        merge_request.merged_by = Some(self.reviewer);
        upstream.record_state(at, Some(self.reviewer), "merged", None, when)?;
        settle(upstream, at, days)?;
        Ok(at)
    }

    fn opened(
        &self,
        upstream: &mut Upstream,
        days: u64,
        title: &str,
        file: DiffFile,
    ) -> Result<ItemRef> {
        let iid = upstream.project(self.project)?.next_merge_request_iid;
        let new = NewMergeRequest::new(self.writer, title, vec![file]);
        let when = ago(upstream, days);
        upstream.insert_merge_request(self.project, iid, new, when)
    }

    /// A review thread on the file; returns its id.
    fn thread(
        &self,
        upstream: &mut Upstream,
        at: ItemRef,
        days: u64,
        body: &str,
    ) -> Result<String> {
        let when = ago(upstream, days);
        self.note(upstream, at, body, when)?;
        let last = upstream.item(at)?.discussions.last();
        Ok(last
            .map(|discussion| discussion.id.clone())
            .unwrap_or_default())
    }

    fn note(&self, upstream: &mut Upstream, at: ItemRef, body: &str, when: Moment) -> Result<()> {
        let merge_request = upstream.merge_request(at.project_id, at.iid)?;
        let Some(version) = merge_request.versions.last() else {
            return Ok(());
        };
        let Some(file) = version.files.first() else {
            return Ok(());
        };
        let position = Position {
            base_sha: version.base_sha.clone(),
            start_sha: version.start_sha.clone(),
            head_sha: version.head_sha.clone(),
            old_path: file.old_path.clone(),
            new_path: file.new_path.clone(),
            place: Place::Text {
                old_line: None,
                new_line: Some(42),
                line_range: None,
            },
        };
        let note = NewNote::on_diff(self.reviewer, body, position);
        upstream.insert_note(at, note, when)?;
        Ok(())
    }
}

/// Nothing has touched the item since.
fn settle(upstream: &mut Upstream, at: ItemRef, days: u64) -> Result<()> {
    let when = ago(upstream, days);
    upstream.item_mut(at)?.updated_at = when;
    Ok(())
}

fn ago(upstream: &Upstream, days: u64) -> Moment {
    upstream.now() - Duration::from_hours(24 * days)
}

fn hunk(function: &str) -> String {
    format!("@@ -40,2 +40,3 @@\n {{\n+    {function}()?;\n }}\n")
}
