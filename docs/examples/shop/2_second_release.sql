-- The second release: the branches are merged, and invoices get their due date
-- while customers still pay.

-- revision: 27e8b4d1c9f6
-- down_revision: 5be07f19a4c8, f0a96d5c2b37
-- message: merge catalog and billing

-- migrate:up
-- migrate:down


-- An invoice that a customer pays meanwhile moves to another partition.  The
-- server raises 40001, and the revision is repeated.
-- revision: 9a53f7e0d81c
-- down_revision: 27e8b4d1c9f6
-- message: due dates of open invoices

-- migrate:up
UPDATE shop.invoice SET due_on = issued_on + 30
WHERE state = 'open' AND due_on IS NULL;

-- migrate:down
UPDATE shop.invoice SET due_on = NULL WHERE state = 'open';


-- revision: b6c2104e8fa7
-- down_revision: 9a53f7e0d81c
-- message: an open invoice has a due date

-- migrate:up
ALTER TABLE shop.invoice_open
	ADD CONSTRAINT invoice_open_due CHECK (due_on IS NOT NULL);

-- migrate:down
ALTER TABLE shop.invoice_open DROP CONSTRAINT invoice_open_due;
