-- The extremes of 16, 256, 4096 … neighbouring points of a series, so that a curve of any length is
-- drawn from a thousand rows. Kept as points arrive; the newest points, which do not fill a run yet,
-- have none. `extremes` is as server/storage/levels.cpp writes it.
CREATE TABLE levels (
  series_id  INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
  level      INTEGER NOT NULL CHECK (level >= 1),
  first_step INTEGER NOT NULL,
  last_step  INTEGER NOT NULL,
  extremes   BLOB NOT NULL,
  PRIMARY KEY (series_id, level, first_step)
) STRICT, WITHOUT ROWID;
