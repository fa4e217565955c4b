-- What is searched: a document for each issue, merge request and discussion,
-- the index over their words, and their vectors.

CREATE TABLE documents (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  -- `issue`, `merge_request` or `discussion`, and the id of its row.
  source_type TEXT NOT NULL,
  source_id INTEGER NOT NULL,
  -- The item that it belongs to, and the discussion where it is one.
  issue_id INTEGER REFERENCES issues (id) ON DELETE CASCADE,
  merge_request_id INTEGER REFERENCES merge_requests (id) ON DELETE CASCADE,
  discussion_id INTEGER REFERENCES discussions (id) ON DELETE CASCADE,
  author_id INTEGER REFERENCES users (id),
  -- 1 for a confidential issue and for an internal thread. A thread in a
  -- confidential issue need not have it: look at the issue too.
  confidential INTEGER NOT NULL,
  -- Of a discussion, its first and its last note.
  created_at INTEGER,
  updated_at INTEGER,
  -- Of all that is text, and of the rendering's version.
  content_hash BLOB NOT NULL,
  -- The model of `embedding_models` whose vectors are complete and of this
  -- title and body.
  embedded_with INTEGER REFERENCES embedding_models (id) ON DELETE SET NULL,
  -- The long columns come last, so that the others are read without them.
  -- An item's title; of a discussion on a diff the file and the line.
  title TEXT NOT NULL,
  -- Plain text; lines of code begin with four spaces.
  body TEXT NOT NULL,
  -- Names of labels, one a line.
  labels TEXT NOT NULL,
  -- Who has a part in it, one person a line: user name, then full name.
  people TEXT NOT NULL,
  -- Reference, milestone and branches, one a line.
  refs TEXT NOT NULL,
  CHECK ((issue_id IS NULL) <> (merge_request_id IS NULL)),
  CHECK ((discussion_id IS NOT NULL) = (source_type = 'discussion')),
  UNIQUE (source_type, source_id)
);
CREATE INDEX idx_documents_issue ON documents (issue_id);
CREATE INDEX idx_documents_merge_request ON documents (merge_request_id);
CREATE INDEX idx_documents_discussion ON documents (discussion_id) WHERE discussion_id IS NOT NULL;
CREATE INDEX idx_documents_author ON documents (author_id);
CREATE INDEX idx_documents_embedded ON documents (project_id, embedded_with);
CREATE INDEX idx_documents_model ON documents (embedded_with);

-- Words as lore cuts them (identifiers into their parts, accents off, English
-- stems), in the documents' order; the texts themselves are in `documents`
-- alone, which is why the index has no content and takes a deletion by rowid.
-- `names` has identifiers whole and references (`!12`).
CREATE VIRTUAL TABLE documents_fts USING fts5 (
  title, body, labels, names, refs,
  content = '', contentless_delete = 1,
  tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co' tokenchars '!#'"
);

-- The words of the index with the number of documents that have them.
CREATE VIRTUAL TABLE documents_words USING fts5vocab (documents_fts, 'row');

CREATE TABLE embedding_models (
  id INTEGER PRIMARY KEY,
  -- Provider, model, dimension and digest in one text.
  identity TEXT NOT NULL UNIQUE,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  dimension INTEGER NOT NULL
);

-- Never reused ids, so that a copy in memory knows what it has not seen.
CREATE TABLE embeddings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  model_id INTEGER NOT NULL REFERENCES embedding_models (id) ON DELETE CASCADE,
  -- The piece of the document, from 0, and its bytes in `body`.
  piece INTEGER NOT NULL,
  body_from INTEGER NOT NULL,
  body_to INTEGER NOT NULL,
  -- 8-bit components, one a byte; the length says nothing, the direction all.
  vector BLOB NOT NULL,
  UNIQUE (document_id, model_id, piece)
);
CREATE INDEX idx_embeddings_scan ON embeddings (project_id, model_id, id);
CREATE INDEX idx_embeddings_model ON embeddings (model_id);

-- Vectors that went, for copies in memory; old entries are thinned out.
CREATE TABLE removed_embeddings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  embedding_id INTEGER NOT NULL
);

-- Documents that a provider could not embed, until their next turn.
CREATE TABLE embedding_failures (
  document_id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  error_message TEXT NOT NULL
);

-- Sources whose documents have to be rendered again.
CREATE TABLE dirty_sources (
  source_type TEXT NOT NULL,
  source_id INTEGER NOT NULL,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  -- By the machine's clock, for people to read; nothing is decided by it.
  queued_at INTEGER NOT NULL,
  -- Grows with every marking of any source, so that each has its own number.
  generation INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL DEFAULT 0,
  error_message TEXT,
  PRIMARY KEY (source_type, source_id)
) WITHOUT ROWID;
CREATE INDEX idx_dirty_sources_project ON dirty_sources (project_id, generation DESC);

CREATE TABLE dirty_generation (value INTEGER NOT NULL);
INSERT INTO dirty_generation (value) VALUES (0);

-- Inserting here marks a source.
CREATE VIEW mark_dirty (source_type, source_id, project_id) AS
  SELECT source_type, source_id, project_id FROM dirty_sources;
CREATE TRIGGER mark_dirty_inserted INSTEAD OF INSERT ON mark_dirty BEGIN
  UPDATE dirty_generation SET value = value + 1;
  INSERT INTO dirty_sources (source_type, source_id, project_id, queued_at, generation)
  VALUES (NEW.source_type, NEW.source_id, NEW.project_id,
    CAST(unixepoch('subsec') * 1000 AS INTEGER), (SELECT value FROM dirty_generation))
  ON CONFLICT (source_type, source_id) DO UPDATE SET queued_at = excluded.queued_at,
    generation = excluded.generation, attempts = 0, next_attempt_at = 0, error_message = NULL;
END;

-- Everything that a document is made of marks it when it changes, whoever
-- changes it; what is only shown beside a document (state, times, addresses)
-- is joined when it is asked for.
CREATE TRIGGER issue_came AFTER INSERT ON issues BEGIN
  INSERT INTO mark_dirty VALUES ('issue', NEW.id, NEW.project_id);
END;
CREATE TRIGGER issue_changed
AFTER UPDATE OF title, description, author_id, milestone_id, confidential, reference ON issues
WHEN OLD.title IS NOT NEW.title OR OLD.description IS NOT NEW.description
  OR OLD.author_id IS NOT NEW.author_id OR OLD.milestone_id IS NOT NEW.milestone_id
  OR OLD.confidential IS NOT NEW.confidential OR OLD.reference IS NOT NEW.reference
BEGIN
  INSERT INTO mark_dirty VALUES ('issue', NEW.id, NEW.project_id);
END;
CREATE TRIGGER merge_request_came AFTER INSERT ON merge_requests BEGIN
  INSERT INTO mark_dirty VALUES ('merge_request', NEW.id, NEW.project_id);
END;
CREATE TRIGGER merge_request_changed
AFTER UPDATE OF title, description, author_id, milestone_id, source_branch, target_branch, reference
ON merge_requests
WHEN OLD.title IS NOT NEW.title OR OLD.description IS NOT NEW.description
  OR OLD.author_id IS NOT NEW.author_id OR OLD.milestone_id IS NOT NEW.milestone_id
  OR OLD.source_branch IS NOT NEW.source_branch OR OLD.target_branch IS NOT NEW.target_branch
  OR OLD.reference IS NOT NEW.reference
BEGIN
  INSERT INTO mark_dirty VALUES ('merge_request', NEW.id, NEW.project_id);
END;
CREATE TRIGGER discussion_came AFTER INSERT ON discussions BEGIN
  INSERT INTO mark_dirty VALUES ('discussion', NEW.id, NEW.project_id);
END;
CREATE TRIGGER discussion_changed AFTER UPDATE OF content_hash ON discussions
WHEN OLD.content_hash <> NEW.content_hash BEGIN
  INSERT INTO mark_dirty VALUES ('discussion', NEW.id, NEW.project_id);
END;

CREATE TRIGGER issue_labelled AFTER INSERT ON issue_labels BEGIN
  INSERT INTO mark_dirty SELECT 'issue', id, project_id FROM issues WHERE id = NEW.issue_id;
END;
CREATE TRIGGER issue_unlabelled AFTER DELETE ON issue_labels BEGIN
  INSERT INTO mark_dirty SELECT 'issue', id, project_id FROM issues WHERE id = OLD.issue_id;
END;
CREATE TRIGGER merge_request_labelled AFTER INSERT ON merge_request_labels BEGIN
  INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests
    WHERE id = NEW.merge_request_id;
END;
CREATE TRIGGER merge_request_unlabelled AFTER DELETE ON merge_request_labels BEGIN
  INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests
    WHERE id = OLD.merge_request_id;
END;
CREATE TRIGGER label_renamed AFTER UPDATE OF name ON labels WHEN OLD.name <> NEW.name BEGIN
  INSERT INTO mark_dirty SELECT 'issue', i.id, i.project_id
    FROM issue_labels l JOIN issues i ON i.id = l.issue_id WHERE l.label_id = NEW.id;
  INSERT INTO mark_dirty SELECT 'merge_request', m.id, m.project_id
    FROM merge_request_labels l JOIN merge_requests m ON m.id = l.merge_request_id
    WHERE l.label_id = NEW.id;
END;
CREATE TRIGGER milestone_renamed AFTER UPDATE OF title ON milestones WHEN OLD.title <> NEW.title BEGIN
  INSERT INTO mark_dirty SELECT 'issue', id, project_id FROM issues WHERE milestone_id = NEW.id;
  INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests
    WHERE milestone_id = NEW.id;
END;

CREATE TRIGGER issue_assigned AFTER INSERT ON issue_assignees BEGIN
  INSERT INTO mark_dirty SELECT 'issue', id, project_id FROM issues WHERE id = NEW.issue_id;
END;
CREATE TRIGGER issue_unassigned AFTER DELETE ON issue_assignees BEGIN
  INSERT INTO mark_dirty SELECT 'issue', id, project_id FROM issues WHERE id = OLD.issue_id;
END;
CREATE TRIGGER merge_request_assigned AFTER INSERT ON merge_request_assignees BEGIN
  INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests
    WHERE id = NEW.merge_request_id;
END;
CREATE TRIGGER merge_request_unassigned AFTER DELETE ON merge_request_assignees BEGIN
  INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests
    WHERE id = OLD.merge_request_id;
END;
CREATE TRIGGER merge_request_reviewer_came AFTER INSERT ON merge_request_reviewers BEGIN
  INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests
    WHERE id = NEW.merge_request_id;
END;
CREATE TRIGGER merge_request_reviewer_went AFTER DELETE ON merge_request_reviewers BEGIN
  INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests
    WHERE id = OLD.merge_request_id;
END;
CREATE TRIGGER user_renamed AFTER UPDATE OF username, name ON users
WHEN OLD.username <> NEW.username OR OLD.name IS NOT NEW.name BEGIN
  INSERT INTO mark_dirty SELECT 'issue', id, project_id FROM issues WHERE author_id = NEW.id;
  INSERT INTO mark_dirty SELECT 'issue', i.id, i.project_id
    FROM issue_assignees a JOIN issues i ON i.id = a.issue_id WHERE a.user_id = NEW.id;
  INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests
    WHERE author_id = NEW.id;
  INSERT INTO mark_dirty SELECT 'merge_request', m.id, m.project_id
    FROM merge_request_assignees a JOIN merge_requests m ON m.id = a.merge_request_id
    WHERE a.user_id = NEW.id;
  INSERT INTO mark_dirty SELECT 'merge_request', m.id, m.project_id
    FROM merge_request_reviewers r JOIN merge_requests m ON m.id = r.merge_request_id
    WHERE r.user_id = NEW.id;
  INSERT INTO mark_dirty SELECT DISTINCT 'discussion', discussion_id, project_id FROM notes
    WHERE author_id = NEW.id AND system = 0;
END;

-- What goes takes its document along by foreign keys; these take the rest.
CREATE TRIGGER issue_gone_dirty AFTER DELETE ON issues BEGIN
  DELETE FROM dirty_sources WHERE source_type = 'issue' AND source_id = OLD.id;
END;
CREATE TRIGGER merge_request_gone_dirty AFTER DELETE ON merge_requests BEGIN
  DELETE FROM dirty_sources WHERE source_type = 'merge_request' AND source_id = OLD.id;
END;
CREATE TRIGGER discussion_gone_dirty AFTER DELETE ON discussions BEGIN
  DELETE FROM dirty_sources WHERE source_type = 'discussion' AND source_id = OLD.id;
END;
CREATE TRIGGER document_gone AFTER DELETE ON documents BEGIN
  DELETE FROM documents_fts WHERE rowid = OLD.id;
END;
CREATE TRIGGER embedding_gone AFTER DELETE ON embeddings BEGIN
  INSERT INTO removed_embeddings (embedding_id) VALUES (OLD.id);
END;

-- What an earlier schema has mirrored.
INSERT INTO mark_dirty SELECT 'discussion', id, project_id FROM discussions ORDER BY id;
INSERT INTO mark_dirty SELECT 'issue', id, project_id FROM issues ORDER BY updated_at;
INSERT INTO mark_dirty SELECT 'merge_request', id, project_id FROM merge_requests ORDER BY updated_at;
