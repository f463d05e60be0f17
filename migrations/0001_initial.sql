-- Times are microseconds since the Unix epoch, absent where NULL. Enum values have the numbers of
-- hooke.v1. JSON columns hold small lists and maps that are read as a whole.

-- The server's own values, as the secret that lease tokens are derived from.
CREATE TABLE settings (
  name  TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE experiments (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  name      TEXT NOT NULL UNIQUE,
  submitter TEXT NOT NULL,
  note      TEXT NOT NULL DEFAULT '',
  archived  INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
  create_us INTEGER NOT NULL
) STRICT;

CREATE TABLE experiment_tags (
  experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  key           TEXT NOT NULL,
  value         TEXT NOT NULL,
  PRIMARY KEY (experiment_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id          TEXT NOT NULL UNIQUE,
  experiment_id   INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  state           INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  seed            INTEGER NOT NULL,
  config_json     TEXT NOT NULL,
  config_hash     TEXT NOT NULL,
  sweep_json      TEXT NOT NULL DEFAULT '{}',
  require_json    TEXT NOT NULL DEFAULT '{}',
  priority        INTEGER NOT NULL DEFAULT 0,
  executor        TEXT NOT NULL DEFAULT '',
  submitter       TEXT NOT NULL,
  max_attempts    INTEGER NOT NULL CHECK (max_attempts >= 1),
  failed_attempts INTEGER NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0),
  must_resume     INTEGER NOT NULL DEFAULT 0 CHECK (must_resume IN (0, 1)),
  offline_id      TEXT UNIQUE,
  -- The newest attempt; 0 before the first.
  attempt         INTEGER NOT NULL DEFAULT 0,
  worker          TEXT NOT NULL DEFAULT '',
  step            INTEGER NOT NULL DEFAULT -1,
  total_steps     INTEGER NOT NULL DEFAULT 0,
  create_us       INTEGER NOT NULL,
  start_us        INTEGER,
  end_us          INTEGER,
  record_us       INTEGER,
  reason_kind     INTEGER NOT NULL DEFAULT 0,
  reason_message  TEXT NOT NULL DEFAULT '',
  reason_exit     INTEGER NOT NULL DEFAULT 0,
  reason_signal   INTEGER NOT NULL DEFAULT 0,
  note            TEXT NOT NULL DEFAULT '',
  archived        INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1))
) STRICT;
CREATE INDEX runs_by_experiment ON runs (experiment_id, id);
CREATE INDEX runs_by_state ON runs (state, id);
CREATE INDEX runs_by_experiment_state ON runs (experiment_id, state);
CREATE INDEX runs_queued ON runs (executor, submitter, require_json, priority, id) WHERE state = 1;
CREATE INDEX runs_running ON runs (submitter) WHERE state = 2;

CREATE TABLE run_tags (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key    TEXT NOT NULL,
  value  TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- The configurations that a run had before it was extended, oldest first.
CREATE TABLE config_history (
  run_id      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  number      INTEGER NOT NULL,
  config_json TEXT NOT NULL,
  replaced_us INTEGER NOT NULL,
  PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;

-- The Slurm job behind a run; there before its first attempt, too.
CREATE TABLE slurm_jobs (
  run_id        INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  cluster       TEXT NOT NULL,
  job_id        TEXT NOT NULL,
  restart_count INTEGER NOT NULL,
  nodes         TEXT NOT NULL,
  state         TEXT NOT NULL
) STRICT;

CREATE TABLE state_history (
  id             INTEGER PRIMARY KEY,
  run_id         INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  state          INTEGER NOT NULL,
  time_us        INTEGER NOT NULL,
  attempt        INTEGER NOT NULL DEFAULT 0,
  reason_kind    INTEGER NOT NULL DEFAULT 0,
  reason_message TEXT NOT NULL DEFAULT '',
  reason_exit    INTEGER NOT NULL DEFAULT 0,
  reason_signal  INTEGER NOT NULL DEFAULT 0,
  worker         TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX state_history_by_run ON state_history (run_id, id);

-- What a request id stands for, so that a repeated request changes nothing.
CREATE TABLE requests (
  request_id    TEXT NOT NULL PRIMARY KEY,
  kind          TEXT NOT NULL,
  hash          BLOB NOT NULL,
  experiment_id INTEGER REFERENCES experiments (id) ON DELETE SET NULL,
  create_us     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_experiment ON requests (experiment_id);

CREATE TABLE attempts (
  run_id             INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  number             INTEGER NOT NULL CHECK (number >= 1),
  token_hash         BLOB NOT NULL CHECK (length(token_hash) = 32),
  token_nonce        BLOB NOT NULL,
  -- Of the lease; NULL for a segment of an offline run, which is named by its number.
  request_id         TEXT UNIQUE,
  segment            INTEGER,
  worker             TEXT NOT NULL,
  granted_us         INTEGER NOT NULL,
  period_us          INTEGER NOT NULL,
  -- NULL without a live lease.
  expires_us         INTEGER,
  ended_us           INTEGER,
  outcome            INTEGER,
  reason_kind        INTEGER NOT NULL DEFAULT 0,
  reason_message     TEXT NOT NULL DEFAULT '',
  reason_exit        INTEGER NOT NULL DEFAULT 0,
  reason_signal      INTEGER NOT NULL DEFAULT 0,
  -- What its records have said.
  started_us         INTEGER,
  resume_step        INTEGER,
  last_record        INTEGER NOT NULL DEFAULT 0,
  total_steps        INTEGER NOT NULL DEFAULT 0,
  provenance_json    TEXT,
  end_state          INTEGER,
  end_reason_kind    INTEGER NOT NULL DEFAULT 0,
  end_reason_message TEXT NOT NULL DEFAULT '',
  end_reason_exit    INTEGER NOT NULL DEFAULT 0,
  end_reason_signal  INTEGER NOT NULL DEFAULT 0,
  log_tail_json      TEXT,
  slurm_cluster      TEXT,
  slurm_job_id       TEXT,
  slurm_restart      INTEGER,
  slurm_nodes        TEXT,
  PRIMARY KEY (run_id, number)
) STRICT;
CREATE INDEX attempts_live ON attempts (expires_us) WHERE expires_us IS NOT NULL;

-- Points at which a run can be cut back or resumed; `step` is the last completed one.
CREATE TABLE barriers (
  run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  record  INTEGER NOT NULL,
  step    INTEGER NOT NULL,
  PRIMARY KEY (run_id, attempt, record)
) STRICT, WITHOUT ROWID;

CREATE TABLE series (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id           INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key              TEXT NOT NULL,
  kind             INTEGER NOT NULL CHECK (kind IN (1, 2)),
  class_names_json TEXT NOT NULL DEFAULT '[]',
  eligible_json    TEXT NOT NULL DEFAULT '[]',
  description      TEXT NOT NULL DEFAULT '',
  UNIQUE (run_id, key)
) STRICT;

-- How far each series has come; lists and watchers read this and never the points. No row: no
-- points. A NaN is stored as NULL in every REAL column.
CREATE TABLE latest_values (
  run_id     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  series_id  INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
  count      INTEGER NOT NULL,
  first_step INTEGER NOT NULL,
  step       INTEGER NOT NULL,
  time_us    INTEGER NOT NULL,
  value      REAL,
  PRIMARY KEY (run_id, series_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX latest_values_by_series ON latest_values (series_id);

CREATE TABLE scalar_points (
  series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
  step      INTEGER NOT NULL,
  time_us   INTEGER NOT NULL,
  value     REAL,
  PRIMARY KEY (series_id, step)
) STRICT, WITHOUT ROWID;

-- With a rowid, for a matrix of kilobytes does not fit into a page of an index.
CREATE TABLE matrix_points (
  id        INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
  step      INTEGER NOT NULL,
  time_us   INTEGER NOT NULL,
  planes    BLOB NOT NULL,
  UNIQUE (series_id, step)
) STRICT;

CREATE TABLE workers (
  name         TEXT NOT NULL PRIMARY KEY,
  labels_json  TEXT NOT NULL DEFAULT '{}',
  devices_json TEXT NOT NULL DEFAULT '[]',
  version      TEXT NOT NULL DEFAULT '',
  last_seen_us INTEGER NOT NULL,
  run_id       INTEGER REFERENCES runs (id) ON DELETE SET NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX workers_by_run ON workers (run_id);

CREATE TABLE tokens (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  token_id  TEXT NOT NULL UNIQUE,
  hash      BLOB NOT NULL UNIQUE,
  owner     TEXT NOT NULL,
  role      INTEGER NOT NULL CHECK (role BETWEEN 1 AND 4),
  create_us INTEGER NOT NULL,
  expire_us INTEGER,
  revoke_us INTEGER
) STRICT;
