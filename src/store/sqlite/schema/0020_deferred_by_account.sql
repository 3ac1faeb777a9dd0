-- An account's batches and files as lists show them.
CREATE INDEX deferred_by_account ON deferred (account_id, kind, begun);
