-- The first release of a small shop: two teams, a branch each.
--
-- Register it with migrate_register_script(), which takes many revisions in
-- any order.  Bodies are plain SQL.

-- revision: 3f1c5a0e7b21
-- message: customers

-- migrate:up
CREATE SCHEMA shop;
CREATE TABLE shop.customer (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL
);
INSERT INTO shop.customer (name)
SELECT 'customer ' || n FROM generate_series(1, 500) n;

-- migrate:down
DROP TABLE shop.customer;
DROP SCHEMA shop;


-- revision: 8d24c9b6e013
-- down_revision: 3f1c5a0e7b21
-- branch_labels: catalog
-- message: products

-- migrate:up
CREATE TABLE shop.product (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL,
	price numeric NOT NULL
);
INSERT INTO shop.product (name, price)
SELECT 'product ' || n, (n * 37 % 1000) / 100.0 FROM generate_series(1, 2000) n;

-- migrate:down
DROP TABLE shop.product;


-- revision: 5be07f19a4c8
-- down_revision: 8d24c9b6e013
-- message: prices in cents

-- migrate:up
ALTER TABLE shop.product ADD COLUMN price_cents integer;
UPDATE shop.product SET price_cents = round(price * 100);
ALTER TABLE shop.product
	ALTER COLUMN price_cents SET NOT NULL,
	DROP COLUMN price;

-- migrate:down
ALTER TABLE shop.product ADD COLUMN price numeric;
UPDATE shop.product SET price = price_cents / 100.0;
ALTER TABLE shop.product
	ALTER COLUMN price SET NOT NULL,
	DROP COLUMN price_cents;


-- revision: c71d3e82f590
-- down_revision: 3f1c5a0e7b21
-- branch_labels: billing
-- message: invoices, one partition for each state
-- allow: foreign-key-index (customers are never deleted)

-- migrate:up
CREATE TABLE shop.invoice (
	id bigint NOT NULL,
	state text NOT NULL,
	customer bigint NOT NULL REFERENCES shop.customer,
	issued_on date NOT NULL,
	due_on date,
	PRIMARY KEY (state, id)
) PARTITION BY LIST (state);
CREATE TABLE shop.invoice_open PARTITION OF shop.invoice FOR VALUES IN ('open');
CREATE TABLE shop.invoice_paid PARTITION OF shop.invoice FOR VALUES IN ('paid');
INSERT INTO shop.invoice (id, state, customer, issued_on)
SELECT n, CASE WHEN n % 3 = 0 THEN 'paid' ELSE 'open' END, 1 + n % 500,
	date '2026-01-01' + n % 300
FROM generate_series(1, 3000) n;

-- migrate:down
DROP TABLE shop.invoice;


-- Products belong to the other team: this revision depends on their prices in
-- cents.
-- revision: f0a96d5c2b37
-- down_revision: c71d3e82f590
-- depends_on: 5be07f19a4c8
-- message: invoice lines

-- migrate:up
CREATE TABLE shop.invoice_line (
	invoice bigint NOT NULL,
	product bigint NOT NULL REFERENCES shop.product,
	cents integer NOT NULL,
	PRIMARY KEY (invoice, product)
);
INSERT INTO shop.invoice_line (invoice, product, cents)
SELECT i.id, p.id, p.price_cents
FROM shop.invoice i JOIN shop.product p ON p.id = 1 + i.id % 2000;

-- migrate:down
DROP TABLE shop.invoice_line;
