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

-- One row an exchange. The indexes end in the id by themselves, so a page of one account or key is read in its order.
CREATE TABLE usage (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  started INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  first_byte_us INTEGER NOT NULL,
  account_id BLOB CHECK (length(account_id) = 16),
  key_id BLOB CHECK (length(key_id) = 16),
  route TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  served_model TEXT NOT NULL,
  stream INTEGER NOT NULL CHECK (stream IN (0, 1)),
  outcome TEXT NOT NULL,
  status INTEGER NOT NULL,
  error TEXT,
  fault TEXT,
  certainty TEXT,  -- NULL: the usage is unknown, and so are all its tokens
  input_tokens INTEGER,
  output_tokens INTEGER,
  cached_input_tokens INTEGER,
  cache_write_tokens INTEGER,
  reasoning_tokens INTEGER,
  audio_input_tokens INTEGER,
  audio_output_tokens INTEGER,
  estimate INTEGER NOT NULL,
  cost INTEGER NOT NULL CHECK (cost >= 0),
  price_version TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_time ON usage (started);
CREATE INDEX usage_by_account ON usage (account_id, started);
CREATE INDEX usage_by_key ON usage (key_id, started);

-- What each exchange did to each counter.
CREATE TABLE holds (
  exchange_id BLOB NOT NULL REFERENCES usage (id),
  position INTEGER NOT NULL,
  limit_id BLOB NOT NULL CHECK (length(limit_id) = 16),
  window_start INTEGER NOT NULL,
  reserved INTEGER NOT NULL CHECK (reserved >= 0),
  spent INTEGER NOT NULL CHECK (spent >= 0),
  unresolved INTEGER NOT NULL CHECK (unresolved >= 0),
  PRIMARY KEY (exchange_id, position)
) STRICT, WITHOUT ROWID;

-- Money that moved, in double entry, append-only.
CREATE TABLE transfers (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  at INTEGER NOT NULL,
  source TEXT NOT NULL,
  target TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0)
) STRICT, WITHOUT ROWID;

-- Sealed by store::SecretBox; the key is a file beside the database.
CREATE TABLE upstream_secrets (
  name TEXT PRIMARY KEY,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
