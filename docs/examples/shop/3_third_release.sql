-- The third release: indexes that are built while the shop is open.
--
-- CREATE INDEX CONCURRENTLY cannot run inside a transaction block, so this
-- release is deployed with CALL migrate_deploy().  The body runs in segments:
-- each of these statements by itself, the ordinary ones in transactions between
-- them.

-- revision: c40a6d92f1b3
-- down_revision: b6c2104e8fa7
-- message: product names are unique

-- migrate:up
UPDATE shop.product SET name = trim(name);
CREATE INDEX CONCURRENTLY invoice_line_product ON shop.invoice_line (product);
CREATE UNIQUE INDEX CONCURRENTLY product_name ON shop.product (name);
ALTER TABLE shop.product ADD CONSTRAINT product_name UNIQUE USING INDEX product_name;

-- migrate:down
DROP INDEX CONCURRENTLY shop.invoice_line_product;
ALTER TABLE shop.product DROP CONSTRAINT product_name;
