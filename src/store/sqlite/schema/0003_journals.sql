-- How far the store has the journal of each worker of the last incarnation (src/journal): every settle up to this
-- number. It moves in the flush that takes them, so that what is replayed after a crash is told from what is new.
CREATE TABLE journals (
  incarnation INTEGER NOT NULL,
  worker INTEGER NOT NULL CHECK (worker >= 0),
  settled INTEGER NOT NULL CHECK (settled > 0),
  PRIMARY KEY (incarnation, worker)
) STRICT, WITHOUT ROWID;
