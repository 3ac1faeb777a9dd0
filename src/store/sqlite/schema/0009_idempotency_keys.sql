-- What became of calls that were sent with an Idempotency-Key (idempotency/store.h). A row in flight is the call of a
-- process; of another incarnation than the one that runs, nobody knows what became of it.
CREATE TABLE idempotency_keys (
  key_id BLOB NOT NULL CHECK (length(key_id) = 16),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  request BLOB NOT NULL CHECK (length(request) = 32),
  exchange BLOB NOT NULL CHECK (length(exchange) = 16),
  incarnation INTEGER NOT NULL,
  state TEXT NOT NULL,
  expires INTEGER NOT NULL,
  status INTEGER,
  fields BLOB,
  body BLOB,
  CHECK ((state = 'kept') = (status IS NOT NULL AND fields IS NOT NULL AND body IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX idempotency_keys_by_name ON idempotency_keys (key_id, digest);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires);
