-- Accounts that are called by a path code (catalog/limiter.h). A row stays for ever: a code is never given twice.
CREATE TABLE limiters (
  account_id BLOB PRIMARY KEY CHECK (length(account_id) = 16) REFERENCES accounts (id),
  code TEXT NOT NULL,
  key_id BLOB NOT NULL REFERENCES keys (id),
  limit_id BLOB NOT NULL REFERENCES limits (id),
  base_url TEXT NOT NULL,
  provider TEXT NOT NULL,
  models TEXT NOT NULL,       -- a pattern a line; empty: all
  deployments TEXT NOT NULL,  -- "deployment=model", one a line
  created INTEGER NOT NULL,
  removed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX limiters_by_code ON limiters (code);
