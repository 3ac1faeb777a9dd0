-- What is unresolved, and what became of it: one row for each usage record that holds something as unresolved. Its
-- correction is a usage record of its own. The usage log has both; this table is how one finds the open ones.
CREATE TABLE unresolved (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),  -- of the record
  since INTEGER NOT NULL,
  account_id BLOB,
  key_id BLOB,
  record BLOB NOT NULL,  -- packed, as a segment of its own (store/usage_codec.h)
  verdict TEXT,  -- NULL: open
  reason TEXT,
  correction BLOB,  -- the corrected record, packed likewise
  CHECK ((verdict IS NULL) = (reason IS NULL) AND (verdict IS NULL) = (correction IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX unresolved_open ON unresolved (id) WHERE verdict IS NULL;
CREATE TRIGGER unresolved_is_kept BEFORE DELETE ON unresolved
BEGIN SELECT RAISE(ABORT, 'what became of a record is never forgotten: it would be corrected again'); END;
CREATE TRIGGER unresolved_is_corrected_once BEFORE UPDATE ON unresolved WHEN old.verdict IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a record is corrected once'); END;
