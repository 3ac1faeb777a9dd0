-- Who may operate (identity/): users, their sessions, and what was changed. A password is Argon2id's text form.
CREATE TABLE users (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  account_id BLOB REFERENCES accounts (id),  -- NULL: sees everything
  password TEXT NOT NULL,
  status TEXT NOT NULL,
  created INTEGER NOT NULL,
  sessions_from INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_by_name ON users (name);

CREATE TABLE sessions (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
  admin_key BLOB CHECK (length(admin_key) = 32),  -- its digest, where the session is no user's
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  CHECK ((user_id IS NULL) <> (admin_key IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_end ON sessions (expires);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Written before a change is tried, and completed after it. Never deleted.
CREATE TABLE audit_log (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  at INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  actor_address TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  asked TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  status INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, id);
CREATE INDEX audit_log_by_subject ON audit_log (subject, id);
CREATE TRIGGER audit_log_is_kept BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'what was changed is never forgotten'); END;
CREATE TRIGGER audit_log_is_completed_once BEFORE UPDATE ON audit_log
WHEN OLD.status <> 0 OR NEW.id IS NOT OLD.id OR NEW.at IS NOT OLD.at OR NEW.actor_id IS NOT OLD.actor_id
  OR NEW.action IS NOT OLD.action OR NEW.asked IS NOT OLD.asked OR NEW.before IS NOT OLD.before
BEGIN SELECT RAISE(ABORT, 'what was changed is never written anew'); END;
