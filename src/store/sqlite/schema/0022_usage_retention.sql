-- What stays of usage records that were dropped for their age (store/usage_remains.h). Of a segment that was dropped
-- the row in usage_segments stays, and none in usage_records.
CREATE TABLE usage_remains (
  day INTEGER NOT NULL,  -- of the start, in days since 1970, UTC
  account_id BLOB NOT NULL CHECK (length(account_id) = 16),
  key_id BLOB NOT NULL CHECK (length(key_id) = 16),
  model TEXT NOT NULL,
  route TEXT NOT NULL,
  usd INTEGER NOT NULL CHECK (usd >= 0),
  requests INTEGER NOT NULL CHECK (requests >= 0),
  input_tokens INTEGER NOT NULL CHECK (input_tokens >= 0),
  output_tokens INTEGER NOT NULL CHECK (output_tokens >= 0),
  tokens INTEGER NOT NULL CHECK (tokens >= 0),
  PRIMARY KEY (day, account_id, key_id, model, route)
) STRICT, WITHOUT ROWID;

-- What they did to counters; `sub_label` is the label where they name no sub-window.
CREATE TABLE held_remains (
  limit_id BLOB NOT NULL CHECK (length(limit_id) = 16),
  label INTEGER NOT NULL,
  is_sub INTEGER NOT NULL CHECK (is_sub IN (0, 1)),
  sub_label INTEGER NOT NULL,
  spent INTEGER NOT NULL,
  unresolved INTEGER NOT NULL,
  PRIMARY KEY (limit_id, label, is_sub, sub_label)
) STRICT, WITHOUT ROWID;

-- What the transfers moved that they stood for, from a book account to another.
CREATE TABLE posted_remains (
  source TEXT NOT NULL,
  target TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (source, target)
) STRICT, WITHOUT ROWID;

ALTER TABLE meta ADD COLUMN usage_kept_from INTEGER;  -- NULL: nothing was ever dropped
ALTER TABLE meta ADD COLUMN dropped_records INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN dropped_transfers INTEGER NOT NULL DEFAULT 0;
