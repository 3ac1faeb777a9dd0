-- Which exchanges a limit applies to ('' is any), and whether it is leased before it is spent (catalog/limit.h).
ALTER TABLE limits ADD COLUMN model_filter TEXT NOT NULL DEFAULT '';
ALTER TABLE limits ADD COLUMN route_filter TEXT NOT NULL DEFAULT '';
ALTER TABLE limits ADD COLUMN mode TEXT NOT NULL DEFAULT 'enforce';
ALTER TABLE limits ADD COLUMN admission TEXT NOT NULL DEFAULT 'reserve';
