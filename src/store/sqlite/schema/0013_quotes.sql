-- Held quotes (quota/quote.h). `quoted` of a counter is the sum of what their parts hold of it; of one that has ended
-- no parts are kept. Which call redeemed it is kept for whoever asks.
ALTER TABLE counters ADD COLUMN quoted INTEGER NOT NULL DEFAULT 0 CHECK (quoted >= 0);
CREATE TABLE quotes (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  key_id BLOB NOT NULL CHECK (length(key_id) = 16),
  state TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL CHECK (expires > created),
  exchange BLOB CHECK (length(exchange) = 16),
  CHECK ((state = 'redeemed') = (exchange IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX quotes_by_expiry ON quotes (state, expires);
CREATE TRIGGER quotes_end_once BEFORE UPDATE ON quotes WHEN old.state <> 'held'
BEGIN SELECT RAISE(ABORT, 'a quote ends once'); END;
CREATE TABLE quote_parts (
  quote_id BLOB NOT NULL REFERENCES quotes (id),
  place INTEGER NOT NULL CHECK (place >= 0),
  limit_id BLOB NOT NULL CHECK (length(limit_id) = 16),
  label INTEGER NOT NULL,
  amount INTEGER NOT NULL CHECK (amount >= 0),
  of_balance INTEGER NOT NULL CHECK (of_balance IN (0, 1)),
  PRIMARY KEY (quote_id, place)
) STRICT, WITHOUT ROWID;
