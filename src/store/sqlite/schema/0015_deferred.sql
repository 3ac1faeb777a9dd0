-- Work that goes on after its reply (quota/deferred.h): whose it is, and what its bill needs. What it holds stands in
-- `unresolved`, under the exchange that began it.
CREATE TABLE deferred (
  upstream TEXT NOT NULL,
  object TEXT NOT NULL,
  kind TEXT NOT NULL,
  exchange BLOB NOT NULL CHECK (length(exchange) = 16),
  account_id BLOB NOT NULL CHECK (length(account_id) = 16),
  key_id BLOB NOT NULL CHECK (length(key_id) = 16),
  begun INTEGER NOT NULL,
  terms TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX deferred_by_object ON deferred (upstream, object);
CREATE INDEX deferred_by_age ON deferred (begun);
