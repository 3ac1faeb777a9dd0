-- How many commits moved money, ever. The journals note it: a store that was put back from a backup shows by it.
ALTER TABLE meta ADD COLUMN commits INTEGER NOT NULL DEFAULT 0 CHECK (commits >= 0);
