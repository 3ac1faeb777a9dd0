-- That an account was below another one, or at the top, until it was moved (store/members.h).
CREATE TABLE account_moves (
  account_id BLOB NOT NULL REFERENCES accounts (id),
  parent_id BLOB REFERENCES accounts (id),
  at INTEGER NOT NULL,
  until INTEGER NOT NULL CHECK (until >= at)
) STRICT;
CREATE INDEX account_moves_by_parent ON account_moves (parent_id);
