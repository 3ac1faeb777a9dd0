-- The price book that an account's calls are priced by (catalog/book_name.h; empty: what the account above says).
ALTER TABLE accounts ADD COLUMN book TEXT NOT NULL DEFAULT '';
