-- Runs of the timer are forgotten after a while, and those that somebody asked
-- for are not: looking for the former must not cost a look at all the latter.

CREATE INDEX idx_sync_runs_timed ON sync_runs (started_at, run_id) WHERE trigger = 'timer';

-- Nothing ever wrote or read it.
ALTER TABLE projects DROP COLUMN seen_as_user;
