-- A prepaid account's monthly fee (0: none), from which day of the month in which time zone its periods run, since when
-- it is so, and the last period that was posted (ledger/monthly_fee.h; NULL: none).
ALTER TABLE accounts ADD COLUMN monthly_fee INTEGER NOT NULL DEFAULT 0 CHECK (monthly_fee >= 0);
ALTER TABLE accounts ADD COLUMN fee_day INTEGER NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN fee_zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE accounts ADD COLUMN fee_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN fee_through INTEGER;
CREATE INDEX accounts_with_fee ON accounts (id) WHERE monthly_fee > 0;
