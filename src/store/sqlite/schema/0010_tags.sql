-- Tags, as catalog/tags.h writes them: those that every call with a key has, and the one that a limit is for ('' is any).
ALTER TABLE keys ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE limits ADD COLUMN tag_filter TEXT NOT NULL DEFAULT '';
