-- A document that one model could not embed may well be embedded by another:
-- failures are the model's.

DROP TABLE embedding_failures;
CREATE TABLE embedding_failures (
  document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  model_id INTEGER NOT NULL REFERENCES embedding_models (id) ON DELETE CASCADE,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  error_message TEXT NOT NULL,
  PRIMARY KEY (document_id, model_id)
) WITHOUT ROWID;
CREATE INDEX idx_embedding_failures_model ON embedding_failures (model_id);

-- The first and the last document of a project, between which words that are
-- common everywhere are looked for.
CREATE INDEX idx_documents_project ON documents (project_id);
