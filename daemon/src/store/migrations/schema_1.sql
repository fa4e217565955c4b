-- A small mirror as version 1 of the schema has it; never edited.
PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1819243109;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE dependent_fetches (
  -- `issue` or `merge_request`.
  source_type TEXT NOT NULL,
  source_id INTEGER NOT NULL,
  -- `discussions`, `state_events`, `label_events`, `milestone_events`,
  -- `diffs`, `closes_issues` or `status`.
  stage TEXT NOT NULL,
  -- The start of that fetch by this machine's clock.
  fetched_at INTEGER NOT NULL,
  PRIMARY KEY (source_type, source_id, stage)
) WITHOUT ROWID;
CREATE TABLE discussions (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  issue_id INTEGER REFERENCES issues (id) ON DELETE CASCADE,
  merge_request_id INTEGER REFERENCES merge_requests (id) ON DELETE CASCADE,
  -- GitLab's 40 hexadecimal digits.
  gitlab_id TEXT NOT NULL,
  -- The place in the item's list, from 0.
  position INTEGER NOT NULL,
  individual_note INTEGER NOT NULL,
  -- Of its notes: 1 where any can be resolved; resolved where all those are.
  resolvable INTEGER NOT NULL DEFAULT 0,
  resolved INTEGER NOT NULL DEFAULT 0,
  -- Of everything stored of its notes: an equal one is not written again.
  content_hash INTEGER NOT NULL,
  CHECK ((issue_id IS NULL) <> (merge_request_id IS NULL)),
  UNIQUE (issue_id, gitlab_id),
  UNIQUE (merge_request_id, gitlab_id)
);
INSERT INTO "discussions" VALUES(1,1,1,NULL,'a',0,0,0,0,1);
CREATE TABLE host_features (
  host TEXT NOT NULL,
  feature TEXT NOT NULL,
  supported INTEGER NOT NULL,
  checked_at INTEGER NOT NULL,
  PRIMARY KEY (host, feature)
) WITHOUT ROWID;
CREATE TABLE issue_assignees (
  issue_id INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users (id),
  PRIMARY KEY (issue_id, user_id)
) WITHOUT ROWID;
CREATE TABLE issue_labels (
  issue_id INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
  label_id INTEGER NOT NULL REFERENCES labels (id) ON DELETE CASCADE,
  PRIMARY KEY (issue_id, label_id)
) WITHOUT ROWID;
INSERT INTO "issue_labels" VALUES(1,1);
CREATE TABLE issues (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  gitlab_id INTEGER NOT NULL,
  iid INTEGER NOT NULL,
  title TEXT NOT NULL,
  description TEXT,
  state TEXT NOT NULL,
  issue_type TEXT,
  confidential INTEGER NOT NULL DEFAULT 0,
  author_id INTEGER REFERENCES users (id),
  closed_by_id INTEGER REFERENCES users (id),
  milestone_id INTEGER REFERENCES milestones (id) ON DELETE SET NULL,
  created_at INTEGER,
  updated_at INTEGER NOT NULL,
  closed_at INTEGER,
  due_date TEXT,
  start_date TEXT,
  weight INTEGER,
  severity TEXT,
  health_status TEXT,
  discussion_locked INTEGER NOT NULL DEFAULT 0,
  user_notes_count INTEGER NOT NULL DEFAULT 0,
  merge_requests_count INTEGER NOT NULL DEFAULT 0,
  upvotes INTEGER NOT NULL DEFAULT 0,
  downvotes INTEGER NOT NULL DEFAULT 0,
  -- Seconds.
  time_estimate INTEGER NOT NULL DEFAULT 0,
  total_time_spent INTEGER NOT NULL DEFAULT 0,
  task_count INTEGER NOT NULL DEFAULT 0,
  task_completed_count INTEGER NOT NULL DEFAULT 0,
  -- GitLab's global id of the issue that this one was moved to.
  moved_to_gitlab_id INTEGER,
  -- Work item status, which only GraphQL gives; NULL where there is none.
  status_name TEXT,
  status_category TEXT,
  status_color TEXT,
  reference TEXT,
  web_url TEXT,
  -- The start, by this machine's clock, of the request whose full payload is
  -- stored; NULL where only a list has shown the item.
  last_seen_at INTEGER,
  UNIQUE (project_id, iid),
  UNIQUE (project_id, gitlab_id)
);
INSERT INTO "issues" VALUES(1,1,11,1,'Cache is cold','Always','opened',NULL,0,1,NULL,NULL,NULL,1700000000000,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,'group/project#1',NULL,NULL);
INSERT INTO "issues" VALUES(2,1,12,2,'Other',NULL,'closed',NULL,0,1,NULL,NULL,NULL,1700000001000,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,'group/project#2',NULL,NULL);
CREATE TABLE labels (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  -- NULL while a label is known by its name alone.
  gitlab_id INTEGER,
  name TEXT NOT NULL,
  color TEXT,
  text_color TEXT,
  description TEXT,
  -- 0 for a label of a group.
  is_project_label INTEGER,
  UNIQUE (project_id, gitlab_id)
);
INSERT INTO "labels" VALUES(1,1,5,'bug',NULL,NULL,NULL,NULL);
CREATE TABLE merge_request_assignees (
  merge_request_id INTEGER NOT NULL REFERENCES merge_requests (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users (id),
  PRIMARY KEY (merge_request_id, user_id)
) WITHOUT ROWID;
CREATE TABLE merge_request_labels (
  merge_request_id INTEGER NOT NULL REFERENCES merge_requests (id) ON DELETE CASCADE,
  label_id INTEGER NOT NULL REFERENCES labels (id) ON DELETE CASCADE,
  PRIMARY KEY (merge_request_id, label_id)
) WITHOUT ROWID;
CREATE TABLE merge_request_reviewers (
  merge_request_id INTEGER NOT NULL REFERENCES merge_requests (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users (id),
  PRIMARY KEY (merge_request_id, user_id)
) WITHOUT ROWID;
CREATE TABLE merge_requests (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  gitlab_id INTEGER NOT NULL,
  iid INTEGER NOT NULL,
  title TEXT NOT NULL,
  description TEXT,
  state TEXT NOT NULL,
  draft INTEGER NOT NULL DEFAULT 0,
  author_id INTEGER REFERENCES users (id),
  merge_user_id INTEGER REFERENCES users (id),
  closed_by_id INTEGER REFERENCES users (id),
  milestone_id INTEGER REFERENCES milestones (id) ON DELETE SET NULL,
  source_branch TEXT,
  target_branch TEXT,
  -- NULL where the fork is gone.
  source_project_gitlab_id INTEGER,
  created_at INTEGER,
  updated_at INTEGER NOT NULL,
  merged_at INTEGER,
  closed_at INTEGER,
  prepared_at INTEGER,
  detailed_merge_status TEXT,
  has_conflicts INTEGER,
  blocking_discussions_resolved INTEGER,
  sha TEXT,
  merge_commit_sha TEXT,
  squash_commit_sha TEXT,
  squash INTEGER NOT NULL DEFAULT 0,
  auto_merge INTEGER NOT NULL DEFAULT 0,
  discussion_locked INTEGER NOT NULL DEFAULT 0,
  user_notes_count INTEGER NOT NULL DEFAULT 0,
  upvotes INTEGER NOT NULL DEFAULT 0,
  downvotes INTEGER NOT NULL DEFAULT 0,
  time_estimate INTEGER NOT NULL DEFAULT 0,
  total_time_spent INTEGER NOT NULL DEFAULT 0,
  task_count INTEGER NOT NULL DEFAULT 0,
  task_completed_count INTEGER NOT NULL DEFAULT 0,
  -- GitLab's text: a number, or `1000+` where it cut the list.
  changes_count TEXT,
  diff_base_sha TEXT,
  diff_head_sha TEXT,
  diff_start_sha TEXT,
  -- The shas that `mr_file_changes` holds, `base:start:head`; NULL before the
  -- first fetch.
  changes_of TEXT,
  -- 0 where GitLab cut the list and no fallback could complete it.
  changes_complete INTEGER NOT NULL DEFAULT 1,
  reference TEXT,
  web_url TEXT,
  -- As in issues.
  last_seen_at INTEGER,
  UNIQUE (project_id, iid),
  UNIQUE (project_id, gitlab_id)
);
INSERT INTO "merge_requests" VALUES(1,1,21,1,'Warm it',NULL,'merged',0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1700000002000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL);
CREATE TABLE milestones (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  gitlab_id INTEGER NOT NULL,
  iid INTEGER,
  -- Set for a milestone of a group.
  group_gitlab_id INTEGER,
  title TEXT NOT NULL,
  description TEXT,
  state TEXT,
  due_date TEXT,
  start_date TEXT,
  web_url TEXT,
  UNIQUE (project_id, gitlab_id)
);
CREATE TABLE mr_closes_issues (
  merge_request_id INTEGER NOT NULL REFERENCES merge_requests (id) ON DELETE CASCADE,
  -- The issue's place in the answer, from 0.
  position INTEGER NOT NULL,
  project_gitlab_id INTEGER,
  issue_gitlab_id INTEGER,
  issue_iid INTEGER,
  -- Of an issue in another tracker, such as `PROJ-123`.
  external_id TEXT,
  title TEXT,
  PRIMARY KEY (merge_request_id, position)
) WITHOUT ROWID;
CREATE TABLE mr_file_changes (
  id INTEGER PRIMARY KEY,
  merge_request_id INTEGER NOT NULL REFERENCES merge_requests (id) ON DELETE CASCADE,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  old_path TEXT NOT NULL,
  new_path TEXT NOT NULL,
  -- `added`, `modified`, `renamed`, `deleted` or `mode_changed`.
  change_type TEXT NOT NULL,
  a_mode TEXT,
  b_mode TEXT,
  -- NULL where GitLab left the text out.
  additions INTEGER,
  deletions INTEGER
);
CREATE TABLE note_positions (
  note_id INTEGER PRIMARY KEY REFERENCES notes (id) ON DELETE CASCADE,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  -- `text`, `image` or `file`.
  position_type TEXT,
  base_sha TEXT,
  start_sha TEXT,
  head_sha TEXT,
  old_path TEXT,
  new_path TEXT,
  old_line INTEGER,
  new_line INTEGER,
  -- The first line of a note on several.
  range_start_old_line INTEGER,
  range_start_new_line INTEGER,
  -- Of an image, in pixels.
  x REAL,
  y REAL
);
CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  discussion_id INTEGER NOT NULL REFERENCES discussions (id) ON DELETE CASCADE,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  gitlab_id INTEGER NOT NULL,
  -- The place in the discussion, from 0.
  position INTEGER NOT NULL,
  note_type TEXT,
  body TEXT NOT NULL,
  author_id INTEGER REFERENCES users (id),
  created_at INTEGER,
  updated_at INTEGER,
  system INTEGER NOT NULL DEFAULT 0,
  internal INTEGER NOT NULL DEFAULT 0,
  resolvable INTEGER NOT NULL DEFAULT 0,
  resolved INTEGER NOT NULL DEFAULT 0,
  resolved_by_id INTEGER REFERENCES users (id),
  resolved_at INTEGER,
  UNIQUE (project_id, gitlab_id)
);
INSERT INTO "notes" VALUES(1,1,1,1,0,NULL,'Is it the disk?',1,NULL,NULL,0,0,0,0,NULL,NULL);
CREATE TABLE pending_dependent_fetches (
  source_type TEXT NOT NULL,
  source_id INTEGER NOT NULL,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  -- The item itself, where a list cannot be trusted with it.
  item INTEGER NOT NULL DEFAULT 0,
  discussions INTEGER NOT NULL DEFAULT 0,
  state_events INTEGER NOT NULL DEFAULT 0,
  label_events INTEGER NOT NULL DEFAULT 0,
  milestone_events INTEGER NOT NULL DEFAULT 0,
  diffs INTEGER NOT NULL DEFAULT 0,
  closes_issues INTEGER NOT NULL DEFAULT 0,
  status INTEGER NOT NULL DEFAULT 0,
  -- Grows with every marking, so that a fetch that began before one does not
  -- take it off.
  generation INTEGER NOT NULL DEFAULT 0,
  queued_at INTEGER NOT NULL,
  -- The item's `updated_at`: the newest are fetched first.
  sort_key INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error_message TEXT,
  PRIMARY KEY (source_type, source_id)
) WITHOUT ROWID;
CREATE TABLE project_paths (
  host TEXT NOT NULL,
  path TEXT NOT NULL COLLATE NOCASE,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  PRIMARY KEY (host, path)
) WITHOUT ROWID;
INSERT INTO "project_paths" VALUES('gitlab.example.com','group/project',1);
CREATE TABLE projects (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL,
  gitlab_id INTEGER NOT NULL,
  path_with_namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  web_url TEXT,
  default_branch TEXT,
  visibility TEXT,
  archived INTEGER NOT NULL DEFAULT 0,
  issues_enabled INTEGER NOT NULL DEFAULT 1,
  merge_requests_enabled INTEGER NOT NULL DEFAULT 1,
  -- The token's user, since the mirror is what that user sees.
  seen_as_user TEXT,
  last_seen_at INTEGER NOT NULL,
  -- The end of the last run that reached the end of both lists.
  last_synced_at INTEGER,
  first_synced_at INTEGER,
  -- Since when GitLab says 404 or 403 to the project itself.
  access_lost_at INTEGER,
  last_reconciled_at INTEGER,
  UNIQUE (host, gitlab_id)
);
INSERT INTO "projects" VALUES(1,'gitlab.example.com',71,'group/project','project',NULL,'https://gitlab.example.com/group/project',NULL,NULL,0,1,1,NULL,0,NULL,NULL,NULL,NULL);
CREATE TABLE rechecks (
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  source_type TEXT NOT NULL,
  iid INTEGER NOT NULL,
  -- `unsettled`: fetched within GitLab's 60 seconds of silence.
  -- `unprepared`: a merge request whose diff is not computed yet.
  -- `missing`: not found; believed when it is not found again.
  -- `broken`: a list showed an element that could not be read.
  -- `incomplete`: a surgical sync could not get all of it.
  reason TEXT NOT NULL,
  -- By this machine's clock.
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  queued_at INTEGER NOT NULL,
  PRIMARY KEY (project_id, source_type, iid, reason)
) WITHOUT ROWID;
CREATE TABLE resource_events (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  issue_id INTEGER REFERENCES issues (id) ON DELETE CASCADE,
  merge_request_id INTEGER REFERENCES merge_requests (id) ON DELETE CASCADE,
  -- `state`, `label` or `milestone`.
  kind TEXT NOT NULL,
  gitlab_id INTEGER NOT NULL,
  user_id INTEGER REFERENCES users (id),
  created_at INTEGER,
  -- `add` or `remove`; of state events the new state.
  action TEXT,
  -- NULL where the label or milestone is gone.
  label_gitlab_id INTEGER,
  label_name TEXT,
  milestone_gitlab_id INTEGER,
  milestone_title TEXT,
  source_commit TEXT,
  source_merge_request_gitlab_id INTEGER,
  CHECK ((issue_id IS NULL) <> (merge_request_id IS NULL)),
  UNIQUE (project_id, kind, gitlab_id)
);
CREATE TABLE sync_cursors (
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  -- `issue` or `merge_request`.
  source_type TEXT NOT NULL,
  -- The next forward walk begins here, less an overlap; GitLab's clock.
  updated_after INTEGER,
  -- The first sync walks back from the newest: everything updated after this
  -- is stored. NULL with `backfill_done` 0: it has not begun.
  backfill_before INTEGER,
  backfill_done INTEGER NOT NULL DEFAULT 0,
  -- A walk under way, so that a crash repeats one page: where it stands, and
  -- where `updated_after` will be once it is over.
  walk_anchor INTEGER,
  walk_target INTEGER,
  PRIMARY KEY (project_id, source_type)
) WITHOUT ROWID;
INSERT INTO "sync_cursors" VALUES(1,'issue',1700000001000,NULL,1,NULL,NULL);
CREATE TABLE sync_run_entities (
  run_id TEXT NOT NULL REFERENCES sync_runs (run_id) ON DELETE CASCADE,
  entity_type TEXT NOT NULL,
  iid INTEGER NOT NULL,
  stage TEXT NOT NULL,
  status TEXT NOT NULL,
  error_code TEXT,
  error_message TEXT,
  at INTEGER NOT NULL,
  PRIMARY KEY (run_id, entity_type, iid, stage)
) WITHOUT ROWID;
CREATE TABLE sync_runs (
  run_id TEXT PRIMARY KEY,
  mode TEXT NOT NULL,
  project_id INTEGER REFERENCES projects (id) ON DELETE SET NULL,
  host TEXT NOT NULL,
  -- The full path when the run started.
  project TEXT NOT NULL,
  phase TEXT NOT NULL,
  status TEXT NOT NULL,
  completion_status TEXT,
  -- `timer` or `request`.
  trigger TEXT NOT NULL,
  -- JSON: the request's flags and the targets.
  options TEXT NOT NULL DEFAULT '{}',
  requested TEXT NOT NULL DEFAULT '{"issues":[],"merge_requests":[]}',
  retry_of TEXT,
  started_at INTEGER NOT NULL,
  heartbeat_at INTEGER NOT NULL,
  finished_at INTEGER,
  cancelled_at INTEGER,
  -- JSON objects and a JSON array of sentences.
  stage_timings_ms TEXT NOT NULL DEFAULT '{}',
  counters TEXT NOT NULL DEFAULT '{}',
  warnings TEXT NOT NULL DEFAULT '[]',
  error_code TEXT,
  error_message TEXT
);
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL,
  gitlab_id INTEGER NOT NULL,
  username TEXT NOT NULL,
  name TEXT,
  state TEXT,
  web_url TEXT,
  UNIQUE (host, gitlab_id)
);
INSERT INTO "users" VALUES(1,'gitlab.example.com',1,'ada','Ada Lovelace',NULL,NULL);
CREATE INDEX idx_project_paths_project ON project_paths (project_id);
CREATE INDEX idx_users_username ON users (username);
CREATE INDEX idx_labels_name ON labels (project_id, name);
CREATE INDEX idx_issues_updated ON issues (project_id, updated_at, iid);
CREATE INDEX idx_issues_author ON issues (author_id);
CREATE INDEX idx_issues_closed_by ON issues (closed_by_id);
CREATE INDEX idx_issues_milestone ON issues (milestone_id);
CREATE INDEX idx_merge_requests_updated ON merge_requests (project_id, updated_at, iid);
CREATE INDEX idx_merge_requests_author ON merge_requests (author_id);
CREATE INDEX idx_merge_requests_merge_user ON merge_requests (merge_user_id);
CREATE INDEX idx_merge_requests_closed_by ON merge_requests (closed_by_id);
CREATE INDEX idx_merge_requests_milestone ON merge_requests (milestone_id);
CREATE INDEX idx_merge_requests_cut ON merge_requests (project_id, iid) WHERE changes_complete = 0;
CREATE INDEX idx_issue_labels_label ON issue_labels (label_id);
CREATE INDEX idx_merge_request_labels_label ON merge_request_labels (label_id);
CREATE INDEX idx_issue_assignees_user ON issue_assignees (user_id);
CREATE INDEX idx_merge_request_assignees_user ON merge_request_assignees (user_id);
CREATE INDEX idx_merge_request_reviewers_user ON merge_request_reviewers (user_id);
CREATE INDEX idx_discussions_project ON discussions (project_id);
CREATE INDEX idx_notes_discussion ON notes (discussion_id, position);
CREATE INDEX idx_notes_author ON notes (author_id);
CREATE INDEX idx_notes_resolved_by ON notes (resolved_by_id) WHERE resolved_by_id IS NOT NULL;
CREATE INDEX idx_note_positions_new ON note_positions (project_id, new_path);
CREATE INDEX idx_note_positions_old ON note_positions (project_id, old_path);
CREATE INDEX idx_resource_events_issue ON resource_events (issue_id, kind) WHERE issue_id IS NOT NULL;
CREATE INDEX idx_resource_events_merge_request ON resource_events (merge_request_id, kind) WHERE merge_request_id IS NOT NULL;
CREATE INDEX idx_resource_events_user ON resource_events (user_id);
CREATE INDEX idx_mr_file_changes_mr ON mr_file_changes (merge_request_id);
CREATE INDEX idx_mr_file_changes_new ON mr_file_changes (project_id, new_path, merge_request_id);
CREATE INDEX idx_mr_file_changes_old ON mr_file_changes (project_id, old_path, merge_request_id) WHERE old_path <> new_path;
CREATE INDEX idx_mr_file_changes_renamed ON mr_file_changes (project_id, new_path) WHERE old_path <> new_path;
CREATE INDEX idx_mr_closes_issues_issue ON mr_closes_issues (issue_gitlab_id);
CREATE INDEX idx_dependent_fetches_stage ON dependent_fetches (stage, fetched_at);
CREATE INDEX idx_pending_project ON pending_dependent_fetches (project_id, sort_key DESC);
CREATE INDEX idx_rechecks_due ON rechecks (due_at);
CREATE INDEX idx_sync_runs_mode_started ON sync_runs (mode, started_at);
CREATE INDEX idx_sync_runs_status_phase_started ON sync_runs (status, phase, started_at);
CREATE INDEX idx_sync_runs_started ON sync_runs (started_at, run_id);
CREATE INDEX idx_sync_runs_project_started ON sync_runs (project_id, started_at);
CREATE INDEX idx_sync_run_entities_run ON sync_run_entities (run_id, status);
CREATE TRIGGER issue_gone AFTER DELETE ON issues BEGIN
  DELETE FROM pending_dependent_fetches WHERE source_type = 'issue' AND source_id = OLD.id;
  DELETE FROM dependent_fetches WHERE source_type = 'issue' AND source_id = OLD.id;
END;
CREATE TRIGGER merge_request_gone AFTER DELETE ON merge_requests BEGIN
  DELETE FROM pending_dependent_fetches WHERE source_type = 'merge_request' AND source_id = OLD.id;
  DELETE FROM dependent_fetches WHERE source_type = 'merge_request' AND source_id = OLD.id;
END;
COMMIT;
