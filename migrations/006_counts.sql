-- How much of each project is mirrored. Everyone who asks how things stand
-- asks for it, and to count must not cost more with every note.

CREATE TABLE project_counts (
  project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
  issues INTEGER NOT NULL DEFAULT 0,
  merge_requests INTEGER NOT NULL DEFAULT 0,
  notes INTEGER NOT NULL DEFAULT 0,
  documents INTEGER NOT NULL DEFAULT 0
);
INSERT INTO project_counts SELECT id,
    (SELECT count(*) FROM issues WHERE project_id = p.id),
    (SELECT count(*) FROM merge_requests WHERE project_id = p.id),
    (SELECT count(*) FROM notes WHERE project_id = p.id),
    (SELECT count(*) FROM documents WHERE project_id = p.id)
  FROM projects p;

CREATE TRIGGER project_came AFTER INSERT ON projects BEGIN
  INSERT INTO project_counts (project_id) VALUES (NEW.id);
END;
CREATE TRIGGER issue_counted AFTER INSERT ON issues BEGIN
  UPDATE project_counts SET issues = issues + 1 WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER issue_discounted AFTER DELETE ON issues BEGIN
  UPDATE project_counts SET issues = issues - 1 WHERE project_id = OLD.project_id;
END;
CREATE TRIGGER merge_request_counted AFTER INSERT ON merge_requests BEGIN
  UPDATE project_counts SET merge_requests = merge_requests + 1 WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER merge_request_discounted AFTER DELETE ON merge_requests BEGIN
  UPDATE project_counts SET merge_requests = merge_requests - 1 WHERE project_id = OLD.project_id;
END;
CREATE TRIGGER note_counted AFTER INSERT ON notes BEGIN
  UPDATE project_counts SET notes = notes + 1 WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER note_discounted AFTER DELETE ON notes BEGIN
  UPDATE project_counts SET notes = notes - 1 WHERE project_id = OLD.project_id;
END;
CREATE TRIGGER document_counted AFTER INSERT ON documents BEGIN
  UPDATE project_counts SET documents = documents + 1 WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER document_discounted AFTER DELETE ON documents BEGIN
  UPDATE project_counts SET documents = documents - 1 WHERE project_id = OLD.project_id;
END;
