-- Balances: grants, and the transfers that moved their money, in double entry. A grant is a counter too: its use is in
-- counters and leases under its own id, with the label 0.

ALTER TABLE accounts ADD COLUMN credit_only INTEGER NOT NULL DEFAULT 0 CHECK (credit_only IN (0, 1));
ALTER TABLE accounts ADD COLUMN markup INTEGER NOT NULL DEFAULT 0 CHECK (markup >= 0);  -- basis points
ALTER TABLE accounts ADD COLUMN top_up_fee INTEGER NOT NULL DEFAULT 0 CHECK (top_up_fee >= 0);  -- likewise

-- The terms never change. The columns from `credited` on are a cache of what the postings say (ledger::changes_of);
-- ledger::Store::check derives them again.
CREATE TABLE grants (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  account_id BLOB NOT NULL REFERENCES accounts (id),
  kind TEXT NOT NULL,
  priority INTEGER NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  effective INTEGER NOT NULL,
  expires INTEGER NOT NULL CHECK (expires > effective),
  note TEXT NOT NULL,
  created INTEGER NOT NULL,
  voided INTEGER NOT NULL CHECK (voided IN (0, 1)),
  credited INTEGER NOT NULL,
  disputed INTEGER NOT NULL CHECK (disputed >= 0),
  expired INTEGER NOT NULL CHECK (expired >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_account ON grants (account_id);
CREATE TRIGGER grants_are_kept BEFORE DELETE ON grants
BEGIN SELECT RAISE(ABORT, 'a grant is never forgotten: postings point to it'); END;
CREATE TRIGGER grants_keep_their_terms
BEFORE UPDATE OF id, account_id, kind, priority, amount, effective, expires, note, created ON grants
BEGIN SELECT RAISE(ABORT, 'the terms of a grant never change'); END;
CREATE TRIGGER grants_stay_void BEFORE UPDATE OF voided ON grants WHEN new.voided < old.voided
BEGIN SELECT RAISE(ABORT, 'what is void stays void'); END;

-- Only transfers that touched a grant. What else an exchange moved is its usage record (ledger_totals).
CREATE TABLE transfers (
  number INTEGER PRIMARY KEY,  -- in the order in which they were appended
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  account_id BLOB NOT NULL CHECK (length(account_id) = 16),
  subject BLOB CHECK (length(subject) = 16),  -- a grant or an exchange
  amount INTEGER NOT NULL CHECK (amount >= 0),
  note TEXT NOT NULL
) STRICT;
CREATE INDEX transfers_by_account ON transfers (account_id, number);
CREATE INDEX refunds_by_exchange ON transfers (subject) WHERE kind = 'refund';
CREATE TABLE postings (
  transfer INTEGER NOT NULL REFERENCES transfers (number),
  place INTEGER NOT NULL CHECK (place >= 0),
  source TEXT NOT NULL,
  target TEXT NOT NULL CHECK (target <> source),
  amount INTEGER NOT NULL CHECK (amount > 0),
  PRIMARY KEY (transfer, place)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER transfers_are_kept BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are only appended'); END;
CREATE TRIGGER transfers_stay BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are only appended'); END;
CREATE TRIGGER postings_are_kept BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are only appended'); END;
CREATE TRIGGER postings_stay BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are only appended'); END;
