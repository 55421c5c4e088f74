-- lint: what the application and other objects still use
\i sql/include/start.sql
\i sql/include/lint.sql
CREATE VIEW names AS SELECT name FROM big;
CREATE TABLE child (id bigint PRIMARY KEY, small_id bigint REFERENCES small);
CREATE FUNCTION count_notes() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(note) FROM small); END $$;

-- drop-table; without CASCADE it fails for what uses the table
SELECT pg_temp.lint('DROP TABLE empty');
SELECT pg_temp.lint('DROP TABLE IF EXISTS nowhere');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); DROP TABLE fresh');
-- dependents, cascade, function-text
SELECT pg_temp.lint('DROP TABLE big');
SELECT pg_temp.lint('DROP TABLE big CASCADE');
SELECT pg_temp.lint('DROP TABLE small');
SELECT pg_temp.lint('DROP TABLE empty CASCADE');
SELECT pg_temp.lint('ALTER TABLE small DROP CONSTRAINT small_pkey CASCADE');
SELECT pg_temp.lint('ALTER TABLE big DROP CONSTRAINT big_pkey CASCADE');
CREATE TYPE used AS ENUM ('a');
CREATE TYPE unused AS ENUM ('a');
ALTER TABLE empty ADD COLUMN u used;
SELECT pg_temp.lint('DROP TYPE used CASCADE');
SELECT pg_temp.lint('DROP TYPE unused CASCADE');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE text');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN note TYPE text');
-- quiet where the plan drops or replaces them, too
SELECT pg_temp.lint('DROP VIEW names; ALTER TABLE big ALTER COLUMN name TYPE text; CREATE VIEW names AS SELECT name FROM big');
SELECT pg_temp.lint('DROP TABLE child, small');
SELECT pg_temp.lint('ALTER TABLE child DROP CONSTRAINT child_small_id_fkey; DROP TABLE small');
SELECT pg_temp.lint($$ALTER TABLE small DROP COLUMN note; CREATE OR REPLACE FUNCTION count_notes() RETURNS bigint LANGUAGE sql AS 'SELECT 0'$$);

-- drop-column
SELECT pg_temp.lint('ALTER TABLE empty DROP COLUMN note');
SELECT pg_temp.lint('ALTER TABLE small DROP COLUMN note');
SELECT pg_temp.lint('ALTER TABLE big DROP COLUMN name');
SELECT pg_temp.lint('ALTER TABLE big DROP COLUMN name CASCADE');
SELECT pg_temp.lint('ALTER TABLE big DROP COLUMN IF EXISTS nothing');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY, n int); ALTER TABLE fresh DROP COLUMN n');

-- drop-schema, drop-database, rename-schema
CREATE SCHEMA lint_used;
CREATE TABLE lint_used.t (id bigint PRIMARY KEY);
CREATE SCHEMA lint_empty;
SELECT pg_temp.lint('DROP SCHEMA lint_used CASCADE');
SELECT pg_temp.lint('DROP SCHEMA lint_empty CASCADE; DROP SCHEMA lint_used');
SELECT pg_temp.lint('DROP DATABASE other');
SELECT pg_temp.lint('ALTER SCHEMA lint_used RENAME TO lint_new');
SELECT pg_temp.lint('CREATE SCHEMA fresh; ALTER SCHEMA fresh RENAME TO lint_new');

-- rename-table, unless something has the old name in the end
SELECT pg_temp.lint('ALTER TABLE small RENAME TO little');
SELECT pg_temp.lint('ALTER TABLE small SET SCHEMA lint_used');
-- under the name that it has then
SELECT migrate_register('x2', 'ALTER TABLE small RENAME TO little; ALTER TABLE little SET SCHEMA lint_used', 'SELECT 1');
SELECT line, rule, relation, message FROM migrate_lint_details() WHERE rule LIKE 'rename%';
SELECT migrate_unregister('x2');
SELECT pg_temp.lint('ALTER TABLE empty RENAME TO void; CREATE VIEW empty AS SELECT * FROM void');
SELECT pg_temp.lint('CREATE TABLE fresh (LIKE empty); ALTER TABLE empty RENAME TO old; ALTER TABLE fresh RENAME TO empty');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh RENAME TO empty2');
SELECT pg_temp.lint('ALTER INDEX small_pkey RENAME TO small_key');

-- rename-column
SELECT pg_temp.lint('ALTER TABLE small RENAME COLUMN note TO remark');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh RENAME COLUMN id TO number');

-- disable-trigger
SELECT pg_temp.lint('ALTER TABLE small DISABLE TRIGGER ALL');
SELECT pg_temp.lint('ALTER TABLE small DISABLE TRIGGER t');
SELECT pg_temp.lint('ALTER TABLE small DISABLE TRIGGER t; UPDATE small SET n = 2; ALTER TABLE small ENABLE TRIGGER t');

DROP VIEW names;
DROP TABLE big, small, empty, child, lint_used.t;
DROP SCHEMA lint_used, lint_empty;
DROP TYPE used, unused;
DROP FUNCTION count_notes;
\i sql/include/reset.sql
