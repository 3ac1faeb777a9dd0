-- The first schema. Amounts are INTEGER: nano-dollars for money, else the unit of the limit. Times are INTEGER
-- milliseconds since 1970 in UTC. Ids are UUIDs of 16 bytes; an id that is nil is NULL. STRICT refuses a value of
-- another type, so a sum that overflows and would turn into a float fails instead.

CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),  -- the table has one row
  store_id BLOB NOT NULL CHECK (length(store_id) = 16),
  incarnation INTEGER NOT NULL CHECK (incarnation >= 0)
) STRICT;
INSERT INTO meta (one, store_id, incarnation) VALUES (1, randomblob(16), 0);

CREATE TABLE accounts (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  parent_id BLOB REFERENCES accounts (id),
  name TEXT NOT NULL,
  external_id TEXT NOT NULL,
  status TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX accounts_by_external_id ON accounts (external_id) WHERE external_id <> '';

-- Of a key's secret there is nothing but its SHA-256 and the hint that pages show.
CREATE TABLE keys (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  account_id BLOB REFERENCES accounts (id),  -- NULL: an admin key
  name TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  hint TEXT NOT NULL,
  role TEXT NOT NULL,
  status TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER
) STRICT, WITHOUT ROWID;

-- A limit is never deleted: its counters and holds go on pointing to it.
CREATE TABLE limits (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  account_id BLOB REFERENCES accounts (id),
  key_id BLOB REFERENCES keys (id),
  name TEXT NOT NULL,
  unit TEXT NOT NULL,
  time_window TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount >= 0),
  refusal_status INTEGER NOT NULL,
  clamp INTEGER NOT NULL CHECK (clamp IN (0, 1)),
  created INTEGER NOT NULL,
  removed_at INTEGER,
  CHECK ((account_id IS NULL) <> (key_id IS NULL))
) STRICT, WITHOUT ROWID;

-- The truth about a limit in one window; its amount is in limits. No foreign key: what was spent is booked, whatever
-- the catalog knows.
CREATE TABLE counters (
  limit_id BLOB NOT NULL CHECK (length(limit_id) = 16),
  window_start INTEGER NOT NULL,
  spent INTEGER NOT NULL CHECK (spent >= 0),
  leased INTEGER NOT NULL CHECK (leased >= 0),  -- the sum of the remainders of its open leases
  unresolved INTEGER NOT NULL CHECK (unresolved >= 0),
  PRIMARY KEY (limit_id, window_start)
) STRICT, WITHOUT ROWID;

-- What an incarnation of the process was granted of a counter. The totals only grow; the remainder is never negative.
CREATE TABLE leases (
  incarnation INTEGER NOT NULL,
  limit_id BLOB NOT NULL CHECK (length(limit_id) = 16),
  window_start INTEGER NOT NULL,
  granted INTEGER NOT NULL CHECK (granted >= 0),
  returned INTEGER NOT NULL CHECK (returned >= 0),
  consumed INTEGER NOT NULL CHECK (consumed >= 0),
  open INTEGER NOT NULL CHECK (open IN (0, 1)),
  PRIMARY KEY (incarnation, limit_id, window_start),
  CHECK (granted - returned - consumed >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_open ON leases (incarnation) WHERE open = 1;

-- The usage log. A segment is the records of one flush, or of several small ones, packed as store/usage_codec.h says:
-- a row an exchange would cost more than the exchange. Records are never changed; only the last segment still grows.
-- docs/decisions/0010-usage-segments.md has the reasons.
CREATE TABLE usage_segments (
  number INTEGER PRIMARY KEY,
  first_started INTEGER NOT NULL,  -- the earliest and the latest of its records
  last_started INTEGER NOT NULL,
  count INTEGER NOT NULL CHECK (count > 0),
  digest BLOB NOT NULL,  -- a Bloom filter: which accounts, keys and models are not in it
  CHECK (first_started <= last_started)
) STRICT;
CREATE INDEX usage_segments_by_time ON usage_segments (last_started, first_started);
CREATE TABLE usage_records (
  segment INTEGER PRIMARY KEY REFERENCES usage_segments (number),
  records BLOB NOT NULL CHECK (length(records) > 0)
) STRICT;

-- What all but the last segments say, folded together now and then (store/sqlite/usage_fold.h). One row a fold: which
-- segments it took, and between which ids their records are.
CREATE TABLE usage_folds (
  first_segment INTEGER PRIMARY KEY REFERENCES usage_segments (number),
  last_segment INTEGER NOT NULL REFERENCES usage_segments (number),
  first_id BLOB NOT NULL CHECK (length(first_id) = 16),
  last_id BLOB NOT NULL CHECK (length(last_id) = 16),
  CHECK (first_segment <= last_segment AND first_id <= last_id)
) STRICT;
CREATE INDEX usage_folds_by_id ON usage_folds (last_id, first_id, last_segment);

-- Where each folded record is: in blocks of some hundred entries in the order of their ids, an entry being the 16 bytes
-- of the id and, in 4, the segment counted from the first of the fold.
CREATE TABLE usage_ids (
  fold INTEGER NOT NULL REFERENCES usage_folds (first_segment),
  first_id BLOB NOT NULL CHECK (length(first_id) = 16),
  entries BLOB NOT NULL CHECK (length(entries) > 0 AND length(entries) % 20 = 0),
  PRIMARY KEY (fold, first_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER usage_ids_are_kept BEFORE DELETE ON usage_ids
BEGIN SELECT RAISE(ABORT, 'a record is never forgotten: it would be booked again'); END;
CREATE TRIGGER usage_ids_stay BEFORE UPDATE ON usage_ids
BEGIN SELECT RAISE(ABORT, 'a record never moves'); END;

-- What all folded records add up to. A nil id is sixteen zeros here, for it is part of the key.
CREATE TABLE usage_sums (
  day INTEGER NOT NULL,  -- of the start, in days since 1970, UTC
  account_id BLOB NOT NULL CHECK (length(account_id) = 16),
  key_id BLOB NOT NULL CHECK (length(key_id) = 16),
  model TEXT NOT NULL,
  upstream TEXT NOT NULL,
  requests INTEGER NOT NULL CHECK (requests >= 0),  -- admitted
  refusals INTEGER NOT NULL CHECK (refusals >= 0),
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  unknown_usage INTEGER NOT NULL CHECK (unknown_usage >= 0),
  cost INTEGER NOT NULL CHECK (cost >= 0),
  PRIMARY KEY (day, account_id, key_id, model, upstream)
) STRICT, WITHOUT ROWID;

-- The books in double entry and added up, of the folded records: in a day, from an account to what a provider bills us.
-- The transfers themselves are the records (ledger::transfer_of).
CREATE VIEW ledger_totals (day, account_id, upstream, amount) AS
SELECT day, account_id, upstream, sum(cost) FROM usage_sums GROUP BY day, account_id, upstream HAVING sum(cost) > 0;

-- Sealed by store::SecretBox; the key is a file beside the database.
CREATE TABLE upstream_secrets (
  name TEXT PRIMARY KEY,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
