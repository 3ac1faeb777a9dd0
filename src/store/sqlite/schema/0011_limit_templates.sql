-- Limits that each account of a level has that has none of its own (catalog/limit_template.h), and which limit is a copy
-- of which (NULL: none; a limit that was removed may point to a template that is gone).
CREATE TABLE limit_templates (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  below_id BLOB REFERENCES accounts (id),  -- NULL: levels are counted from the top of the tree
  level INTEGER NOT NULL CHECK (level > 0),
  name TEXT NOT NULL,
  unit TEXT NOT NULL,
  time_window TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount >= 0),
  refusal_status INTEGER NOT NULL,
  clamp INTEGER NOT NULL CHECK (clamp IN (0, 1)),
  model_filter TEXT NOT NULL,
  route_filter TEXT NOT NULL,
  tag_filter TEXT NOT NULL,
  mode TEXT NOT NULL,
  admission TEXT NOT NULL,
  thresholds TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE limits ADD COLUMN template_id BLOB CHECK (length(template_id) = 16);
