-- A third kind of series: tables of raw pairs. A CHECK cannot be altered, so the table is made anew;
-- the rows that refer to it keep their references, since foreign keys are off while this runs.
CREATE TABLE series_new (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id           INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key              TEXT NOT NULL,
  kind             INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
  class_names_json TEXT NOT NULL DEFAULT '[]',
  eligible_json    TEXT NOT NULL DEFAULT '[]',
  description      TEXT NOT NULL DEFAULT '',
  -- Probes of each class, of kind 3.
  per_class        INTEGER NOT NULL DEFAULT 0,
  UNIQUE (run_id, key)
) STRICT;
INSERT INTO series_new (id, run_id, key, kind, class_names_json, eligible_json, description)
  SELECT id, run_id, key, kind, class_names_json, eligible_json, description FROM series;
-- Numbers of removed series are not given again.
DELETE FROM sqlite_sequence WHERE name = 'series_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'series_new', seq FROM sqlite_sequence WHERE name = 'series';
DROP TABLE series;
ALTER TABLE series_new RENAME TO series;

-- Rows of tables of pairs. A table is whole when its step is at most its series' step in latest_values.
CREATE TABLE pairs_blocks (
  id        INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
  step      INTEGER NOT NULL,
  first_row INTEGER NOT NULL,
  rows      INTEGER NOT NULL,
  time_us   INTEGER NOT NULL,
  -- Numerators, then denominators, as hooke.v1.PairsPoint has them, in one frame of zstd.
  data      BLOB NOT NULL,
  UNIQUE (series_id, step, first_row)
) STRICT;
