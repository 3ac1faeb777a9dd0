-- What few keys have (catalog/key.h, KeyExtras): what they may be used for, an entry a line, empty: anything; and the
-- secret that one had before it was rotated, which is taken until then.
CREATE TABLE key_extras (
  key_id BLOB PRIMARY KEY CHECK (length(key_id) = 16) REFERENCES keys (id),
  allowed_models TEXT NOT NULL,
  allowed_routes TEXT NOT NULL,
  allowed_addresses TEXT NOT NULL,
  replaced_hash BLOB UNIQUE CHECK (length(replaced_hash) = 32),  -- NULL: there is none
  replaced_hint TEXT NOT NULL,
  replaced_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
