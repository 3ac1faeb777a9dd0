-- Whom an OpenID provider knows a user as (identity/user.h); '': nobody has come as it, or it has a password.
ALTER TABLE users ADD COLUMN provider_subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX users_by_subject ON users (provider_subject) WHERE provider_subject <> '';
