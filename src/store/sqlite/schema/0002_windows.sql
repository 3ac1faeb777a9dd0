-- Windows of every kind. A counter is keyed by its window's label (base/window.h); that of a day or month in UTC is the
-- time at which it begins, so the counters that are there stay what they are.
ALTER TABLE counters RENAME COLUMN window_start TO label;
ALTER TABLE leases RENAME COLUMN window_start TO label;

-- Whose midnights count, as an IANA name.
ALTER TABLE limits ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';

-- What was spent of a rolling limit, by sub-window. `spent` of its counter goes on counting everything.
CREATE TABLE sub_windows (
  limit_id BLOB NOT NULL CHECK (length(limit_id) = 16),
  label INTEGER NOT NULL,
  spent INTEGER NOT NULL CHECK (spent > 0),
  PRIMARY KEY (limit_id, label)
) STRICT, WITHOUT ROWID;
