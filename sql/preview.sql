-- preview: what a plan would lock, by executing it and taking it back
\i sql/include/start.sql
CREATE TABLE acc (i int PRIMARY KEY, t text);
INSERT INTO acc SELECT i, i FROM generate_series(1, 1000) AS i;
CREATE TABLE ref (i bigint);
CREATE TABLE parts (i int) PARTITION BY RANGE (i);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE VIEW whole AS SELECT revision, statement, line, command_tag, relation, lock_mode, blocks, held_ms >= 0 AS held, rewritten, rows, wal_bytes > 0 AS wal, wall_ms >= 0 AS wall, finding, detail FROM migrate_preview_details();
SELECT count(*) FROM migrate_register_script($$
-- revision: a1
-- migrate:up
ALTER TABLE acc ADD COLUMN a int;
UPDATE acc SET a = 1 WHERE i <= 10;
ALTER TABLE acc ALTER COLUMN i TYPE bigint;
-- migrate:down
ALTER TABLE acc DROP COLUMN a;
-- revision: a2
-- down_revision: a1
-- migrate:up
ALTER TABLE ref ADD FOREIGN KEY (i) REFERENCES acc;
CREATE INDEX CONCURRENTLY acc_t ON acc (t);
CREATE TABLE new (i int);
INSERT INTO new VALUES (1), (2);
SELECT 1;
-- migrate:down
DROP INDEX CONCURRENTLY acc_t;
-- revision: a3
-- down_revision: a2
-- migrate:up
ALTER TABLE acc ADD COLUMN b int;
REINDEX (CONCURRENTLY) TABLE acc;
REINDEX TABLE CONCURRENTLY "acc";
VACUUM acc;
ALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY;
DROP INDEX CONCURRENTLY acc_t;
TRUNCATE ref;
DROP TABLE parts;
-- migrate:down
$$);
\x
SELECT * FROM whole;
\x
SELECT revision, line, relation, blocks, finding FROM migrate_preview('a1');
-- nothing is left
SELECT (SELECT count(*) FROM migrate.log) AS log, (SELECT count(*) FROM migrate.version) AS version, to_regclass('new') AS new, to_regclass('acc_t') AS index;
\d acc
-- a downgrade
CALL migrate_deploy('a2');
SELECT revision, line, command_tag, relation, lock_mode, finding FROM migrate_preview_details('base', 'downgrade');
SELECT version_num FROM migrate.version;

-- what fails, and what is behind it
INSERT INTO acc VALUES (5000, 'a'), (5001, 'a');
SELECT count(*) FROM migrate_register_script($$
-- revision: b1
-- down_revision: a3
-- migrate:up
SELECT 1;
CREATE UNIQUE INDEX CONCURRENTLY acc_u ON acc (t);
-- revision: b2
-- down_revision: b1
-- migrate:up
ALTER TABLE acc ADD COLUMN late int;
$$);
SELECT revision, statement, line, command_tag, relation, finding, detail FROM migrate_preview_details() WHERE revision <> 'a3';
SELECT migrate_register('b1', 'SELECT 1; SELECT pg_sleep(60)', '', '{a3}', replace => true);
SET migrate.preview_timeout = '100ms';
SELECT revision, statement, command_tag, finding, detail FROM migrate_preview_details() WHERE revision <> 'a3';
-- the revision's own limit, the session's
SELECT migrate_register('b1', 'SET statement_timeout = ''50ms''; SELECT pg_sleep(60)', '', '{a3}', replace => true);
SELECT revision, statement, finding, detail FROM migrate_preview_details() WHERE revision <> 'a3';
SET migrate.preview_timeout = 0;
SELECT revision, statement, finding, detail FROM migrate_preview_details() WHERE revision <> 'a3';
SET migrate.preview_timeout = '10s';
SELECT migrate_register('b1', 'SELECT pg_sleep(60)', '', '{a3}', replace => true);
SET statement_timeout = '2s';
SELECT count(*) FROM migrate_preview_details();
RESET statement_timeout;
RESET migrate.preview_timeout;
-- what is run from within a statement, under locks that the plan holds already
CREATE FUNCTION make_index(n text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE INDEX %I ON acc (t)', n);
END$$;
SELECT count(*) FROM migrate_register_script($$
-- revision: b1
-- down_revision: a3
-- migrate:up
SELECT make_index('acc_1');
SELECT make_index('acc_2');
DO 'BEGIN ALTER TABLE acc ADD COLUMN c1 int; ALTER TABLE ref ADD COLUMN c1 int; END';
DO 'BEGIN ALTER TABLE acc ADD COLUMN c2 float DEFAULT random(); ALTER TABLE ref ADD COLUMN c2 int; END';
LOCK TABLE acc;
UPDATE acc SET t = t WHERE false;
DO 'BEGIN DROP TABLE ref; END';
-- migrate:down
$$, replace => true);
SELECT statement, command_tag, relation, lock_mode, finding FROM migrate_preview_details() WHERE revision = 'b1' ORDER BY statement, relation;
DROP FUNCTION make_index;
-- an error of the deferred constraints, of the gate, of a body's settings
CREATE TABLE later (i int UNIQUE DEFERRABLE INITIALLY DEFERRED);
SELECT migrate_register('b1', 'INSERT INTO later VALUES (1), (1)', '', '{a3}', replace => true);
SELECT revision, statement, command_tag, finding, detail FROM migrate_preview_details() WHERE revision <> 'a3';
SELECT migrate_register('b1', 'PREPARE left_behind AS SELECT 1', '', '{a3}', replace => true);
SELECT revision, command_tag, finding FROM migrate_preview_details() WHERE revision = 'b1';
SELECT count(*) FROM pg_prepared_statements WHERE name = 'left_behind';
SELECT migrate_register('b1', 'SET ROLE nobody_there; SELECT 1', '', '{a3}', replace => true);
SELECT revision, statement, command_tag, finding, detail FROM migrate_preview_details() WHERE revision <> 'a3';
-- a long name, and one that is quoted
CREATE TABLE "a table with ""quotes"" in it" ();
SELECT migrate_register('b1', 'ALTER TABLE "a table with ""quotes"" in it" ADD c int', '', '{a3}', replace => true);
SELECT relation, blocks FROM migrate_preview() WHERE revision = 'b1';
SELECT relation FROM migrate_preview_details() WHERE revision = 'b1';

-- a revision that is irreversible
SELECT migrate_register('b1', '', NULL, '{a3}', replace => true);
SELECT migrate_register('b2', '', '', '{b1}', replace => true);
BEGIN;
SELECT count(*) > 0 AS stamped FROM migrate_stamp('b2');
SELECT migrate_preview('a3', 'downgrade');
ROLLBACK;
-- what is refused
SELECT pg_temp.attempt(s) FROM (VALUES
	('SELECT migrate_preview(NULL)'),
	('SELECT migrate_preview(''nothing'')'),
	('SELECT migrate_preview(''head'', ''stamp'')'),
	('SELECT migrate_preview(''head'', NULL)'),
	('SELECT migrate_preview(''base'', ''downgrade'')')) AS t (s);
BEGIN READ ONLY;
SELECT migrate_preview();
ROLLBACK;
SELECT migrate_register('b1', 'SELECT migrate_preview()', '', '{a3}', replace => true);
SELECT revision, finding, detail FROM migrate_preview_details() WHERE revision = 'b1';
-- in a transaction, and after it
BEGIN;
CREATE TABLE mine (i int);
SELECT count(*) > 0 AS some FROM migrate_preview('a3');
SELECT count(*) FROM mine;
ROLLBACK;
CALL migrate_deploy('a3');
SELECT count(*) FROM migrate_preview('a3');

-- rights: those of a run; what is not approved only for who may approve it
CREATE ROLE preview_author;
CREATE ROLE preview_runner;
GRANT EXECUTE ON FUNCTION migrate_preview_details(text, text), migrate_roundtrip, migrate_register TO preview_author, preview_runner;
GRANT USAGE ON SCHEMA migrate TO preview_author, preview_runner;
SELECT count(migrate_unregister(r)) FROM unnest(ARRAY['b2', 'b1']) AS r;
SET ROLE preview_author;
SELECT migrate_register('p1', 'SELECT current_user', '', '{a3}');
SELECT revision, command_tag, finding FROM migrate_preview_details();
SET ROLE preview_runner;
SELECT pg_temp.attempt('SELECT migrate_preview_details()');
SELECT pg_temp.attempt('SELECT migrate_preview()');
RESET ROLE;
GRANT preview_runner TO preview_author;
SET ROLE preview_runner;
SELECT revision, command_tag, finding FROM migrate_preview_details();
RESET ROLE;
SET migrate.require_approval = on;
SET ROLE preview_runner;
SELECT pg_temp.attempt('SELECT migrate_preview_details()');
RESET ROLE;
-- the function of that name is meant that is the extension's
GRANT CREATE ON SCHEMA public TO preview_runner;
SET ROLE preview_runner;
CREATE FUNCTION public.migrate_approve() RETURNS void LANGUAGE sql AS '';
SELECT pg_temp.attempt('SELECT migrate_preview_details()');
SELECT pg_temp.attempt('SELECT migrate_roundtrip()');
DROP FUNCTION public.migrate_approve();
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM preview_runner;
GRANT EXECUTE ON FUNCTION migrate_approve(text, text, text) TO preview_runner, preview_author;
SET ROLE preview_runner;
SELECT revision, command_tag, finding FROM migrate_preview_details();
SET ROLE preview_author;
SELECT pg_temp.attempt('SELECT migrate_preview_details()');
RESET ROLE;
RESET migrate.require_approval;

SELECT count(*) FROM migrate_stamp('base');
SELECT count(migrate_unregister(r)) FROM unnest(ARRAY['p1', 'a3', 'a2', 'a1']) AS r;
DELETE FROM migrate.log;
DROP VIEW whole;
DROP TABLE acc, ref, parts_1, later, new, "a table with ""quotes"" in it";
DROP OWNED BY preview_author, preview_runner;
DROP ROLE preview_author, preview_runner;
