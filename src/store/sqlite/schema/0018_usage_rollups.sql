-- What all folded records add up to by one thing at a time (store/sqlite/usage_rollup.h), for questions that would else
-- be answered from every record. Written by the fold, in the transaction of a flush.
CREATE TABLE usage_rollups (
  kind INTEGER NOT NULL,  -- 1 total, 2 model, 3 upstream, 4 route, 5 reason: by hour; 6 account, 7 key: by day
  at INTEGER NOT NULL,    -- the beginning of the hour or day of the start, UTC
  name BLOB NOT NULL,     -- a text, or the 16 bytes of an id; nil is sixteen zeros
  requests INTEGER NOT NULL CHECK (requests >= 0),
  refusals INTEGER NOT NULL CHECK (refusals >= 0),
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  unknown_usage INTEGER NOT NULL CHECK (unknown_usage >= 0),
  cost INTEGER NOT NULL CHECK (cost >= 0),
  PRIMARY KEY (kind, at, name)
) STRICT, WITHOUT ROWID;

-- How long admitted exchanges took, by hour, of the kinds 1 to 4: histograms, as usage_rollup.cpp packs them.
CREATE TABLE usage_latencies (
  kind INTEGER NOT NULL,
  at INTEGER NOT NULL,
  name BLOB NOT NULL,
  durations BLOB NOT NULL,
  first_bytes BLOB NOT NULL,
  PRIMARY KEY (kind, at, name)
) STRICT, WITHOUT ROWID;
