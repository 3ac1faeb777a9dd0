-- A raise of a limit's amount for a time, and its thresholds as catalog/threshold.h writes them.
ALTER TABLE limits ADD COLUMN raise_amount INTEGER;
ALTER TABLE limits ADD COLUMN raise_until INTEGER;
ALTER TABLE limits ADD COLUMN thresholds TEXT NOT NULL DEFAULT '';

-- The thresholds that a counter stood above when it was last booked on: these fire again only after a fall.
CREATE TABLE crossed_thresholds (
  limit_id BLOB NOT NULL CHECK (length(limit_id) = 16),
  label INTEGER NOT NULL,
  percent INTEGER NOT NULL,
  PRIMARY KEY (limit_id, label, percent)
) STRICT, WITHOUT ROWID;

-- What happened to limits, in order. `amount` is the one that was in force.
CREATE TABLE limit_events (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  limit_id BLOB NOT NULL CHECK (length(limit_id) = 16),
  label INTEGER NOT NULL,
  percent INTEGER NOT NULL,
  action TEXT NOT NULL,
  amount INTEGER NOT NULL,
  spent INTEGER NOT NULL
) STRICT;
CREATE INDEX limit_events_by_limit ON limit_events (limit_id, number);
CREATE TRIGGER limit_events_are_kept BEFORE DELETE ON limit_events
BEGIN SELECT RAISE(ABORT, 'what happened is not forgotten'); END;
CREATE TRIGGER limit_events_stay BEFORE UPDATE ON limit_events
BEGIN SELECT RAISE(ABORT, 'what happened does not change'); END;
