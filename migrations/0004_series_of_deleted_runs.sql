-- A run that is deleted goes at once; its series stay behind without a run, and their points are removed
-- piece by piece. A reference cannot be altered, so the table is made anew; the rows that refer to it keep
-- their references, since foreign keys are off while this runs.
CREATE TABLE series_new (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  -- NULL: of a run that was deleted.
  run_id           INTEGER REFERENCES runs (id) ON DELETE SET NULL,
  key              TEXT NOT NULL,
  kind             INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
  class_names_json TEXT NOT NULL DEFAULT '[]',
  eligible_json    TEXT NOT NULL DEFAULT '[]',
  description      TEXT NOT NULL DEFAULT '',
  per_class        INTEGER NOT NULL DEFAULT 0,
  UNIQUE (run_id, key)
) STRICT;
INSERT INTO series_new
  SELECT id, run_id, key, kind, class_names_json, eligible_json, description, per_class FROM series;
-- Numbers of removed series are not given again.
DELETE FROM sqlite_sequence WHERE name = 'series_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'series_new', seq FROM sqlite_sequence WHERE name = 'series';
DROP TABLE series;
ALTER TABLE series_new RENAME TO series;
