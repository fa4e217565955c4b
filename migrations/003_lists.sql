-- Lists of issues and merge requests: open ones by their last change, and
-- which merge requests have threads that are not resolved.

CREATE INDEX idx_issues_state ON issues (project_id, state, updated_at, iid);
CREATE INDEX idx_merge_requests_state ON merge_requests (project_id, state, updated_at, iid);
CREATE INDEX idx_discussions_unresolved ON discussions (merge_request_id)
  WHERE resolvable = 1 AND resolved = 0;
