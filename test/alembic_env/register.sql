-- The revisions of this environment, as the extension registers them.
SET client_min_messages = warning;
SELECT migrate_register('r1', 'CREATE TABLE account (id serial PRIMARY KEY, name varchar(40) NOT NULL)',
  'DROP TABLE account');
SELECT migrate_register('r2', 'ALTER TABLE account ADD COLUMN email text;
  CREATE INDEX account_email_idx ON account (email)', 'ALTER TABLE account DROP COLUMN email', '{r1}');
SELECT migrate_register('r3', $$INSERT INTO account VALUES (1, 'ann', 'ann@example.com')$$,
  'DELETE FROM account', '{r2}');
SELECT migrate_register('r4', 'CREATE TABLE invoice (id serial PRIMARY KEY, account int REFERENCES account)',
  'DROP TABLE invoice', '{r3}');
SELECT migrate_register('r5a', 'ALTER TABLE invoice ADD COLUMN total numeric',
  'ALTER TABLE invoice DROP COLUMN total', '{r4}');
SELECT migrate_register('r5b', 'ALTER TABLE account ADD COLUMN phone text',
  'ALTER TABLE account DROP COLUMN phone', '{r4}');
SELECT migrate_register('r6', '', '', '{r5a,r5b}');
