-- The fourth release: a column that is filled in batches.
--
-- Each batch is a transaction of its own, and the run resumes after the last one
-- if it is interrupted; it pauses as long as it works.  The verify body looks at the result, and changes nothing.

-- revision: d2f8519ab6e4
-- down_revision: c40a6d92f1b3
-- message: customers have a region

-- migrate:up
ALTER TABLE shop.customer ADD COLUMN region integer;
CALL migrate_batch('shop.customer',
	'UPDATE shop.customer SET region = id % 7 WHERE id BETWEEN $1 AND $2',
	pause => 1);

-- migrate:down
ALTER TABLE shop.customer DROP COLUMN region;

-- migrate:verify
SELECT region IS NOT NULL FROM shop.customer;
