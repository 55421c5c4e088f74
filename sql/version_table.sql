-- version_table: an existing table of Alembic, used in place
\i sql/include/start.sql
CREATE ROLE regress_migrate_runner;
GRANT EXECUTE ON FUNCTION migrate_upgrade, migrate_downgrade, migrate_stamp(text, boolean)
	TO regress_migrate_runner;
CREATE SCHEMA "My App";
CREATE TABLE "My App"."Alembic ""version""" (
	version_num varchar(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE alembic_version (LIKE "My App"."Alembic ""version""" INCLUDING ALL);
SELECT count(migrate_register(id, '', '', down)) FROM (VALUES
	('a1', '{}'::text[]), ('a2', '{a1}'), ('a3', '{a2}'), ('b1', '{}')) AS v (id, down);

-- an upgrade from the row of Alembic
INSERT INTO alembic_version VALUES ('a2');
SET migrate.version_table = 'public.alembic_version';
SELECT revision FROM migrate_current();
SELECT * FROM migrate_upgrade('heads');
TABLE alembic_version ORDER BY 1;
TABLE migrate.version;
SELECT migrate_downgrade('a1');
SELECT migrate_stamp('base');
SELECT DISTINCT version_table FROM migrate.log;
-- two tables have different rows
RESET migrate.version_table;
SELECT migrate_upgrade('a2');
SET migrate.version_table = 'public.alembic_version';
SELECT migrate_upgrade('a1');
SELECT migrate_is_current('a2');
RESET migrate.version_table;
SELECT migrate_is_current('a2');

-- names with quotes and spaces
SET migrate.version_table = '"My App"."Alembic ""version"""';
SELECT migrate_upgrade('a1');
SELECT migrate_downgrade('base');
SELECT version_table FROM migrate.log ORDER BY started DESC LIMIT 1;

-- what is no version table
CREATE VIEW version_view AS TABLE alembic_version;
CREATE TABLE no_column (i int);
\a
\t on
SELECT name, set_config('migrate.version_table', name, false) = name,
	pg_temp.attempt($$SELECT migrate_upgrade('a1')$$)
  FROM unnest(ARRAY['public.nosuch', 'nosuch.alembic_version', 'alembic_version',
	'public.version_view', 'public.no_column', '', 'a.b.c', 'public."open', '.', 'public.alembic_version; SELECT 1',
	'public.alembic_version -- ']) AS name;
\a
\t off

-- rows that Alembic would not write
CREATE TABLE no_key (version_num text);
SET migrate.version_table = 'public.no_key';
INSERT INTO no_key VALUES ('a1'), ('a1');
SELECT migrate_upgrade('a2');
\echo :LAST_ERROR_SQLSTATE
UPDATE no_key SET version_num = NULL;
SELECT migrate_upgrade('a2');
\echo :LAST_ERROR_SQLSTATE

-- read and written with the caller's rights
SET migrate.version_table = 'public.alembic_version';
SET ROLE regress_migrate_runner;
SELECT migrate_upgrade('a2');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT ON alembic_version TO regress_migrate_runner;
SET ROLE regress_migrate_runner;
SELECT migrate_is_current('a1');
SELECT migrate_upgrade('a2');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT INSERT, UPDATE, DELETE ON alembic_version TO regress_migrate_runner;
SET ROLE regress_migrate_runner;
SELECT migrate_upgrade('a2');
RESET ROLE;
TABLE alembic_version;
-- row level security that hides the row: nothing is written beside it
ALTER TABLE alembic_version ENABLE ROW LEVEL SECURITY;
SET ROLE regress_migrate_runner;
SELECT migrate_upgrade('a3');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
TABLE alembic_version;

-- a trigger that swallows what is written
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER swallow BEFORE INSERT OR UPDATE OR DELETE ON alembic_version FOR EACH ROW EXECUTE FUNCTION swallow();
\a
\t on
SELECT pg_temp.attempt(format('SELECT %s', call))
  FROM unnest(ARRAY['migrate_upgrade(''a3'')', 'migrate_upgrade(''b1'')', 'migrate_downgrade(''base'')']) AS call;
-- above READ COMMITTED it looks like a row that is too new
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.attempt('SELECT migrate_upgrade(''a3'')');
ROLLBACK;
\a
\t off
TABLE alembic_version;

DROP TRIGGER swallow ON alembic_version;

-- ids as long as the version table in use holds; registered for another one
CREATE TABLE wide_version (version_num varchar(255) PRIMARY KEY);
CREATE TABLE text_version (version_num text PRIMARY KEY);
CREATE FUNCTION pg_temp.id(n int) RETURNS text LANGUAGE sql AS $$ SELECT repeat('ж', n) $$;
SET client_min_messages = warning;
SELECT migrate_register(pg_temp.id(33), '', '');
SET migrate.version_table = 'public.wide_version';
SELECT length(migrate_register(pg_temp.id(255), 'CREATE TABLE wide ()', 'DROP TABLE wide'));
SELECT right(pg_temp.attempt(format('SELECT migrate_register(%L, %L)', pg_temp.id(256), 'SELECT 1')), 60);
SELECT length(id) FROM migrate_register_script('-- revision: ' || pg_temp.id(254)) AS id;
SELECT length(id) FROM migrate_upgrade(pg_temp.id(255)) AS id;
SELECT length(version_num) FROM wide_version;
SELECT length(revision), applied FROM migrate_history_details() WHERE length(revision) > 32 ORDER BY 1;
CALL migrate_revert('base');
CALL migrate_deploy(pg_temp.id(255));
SELECT migrate_downgrade('base') <> '' AS downgraded;
SET migrate.version_table = 'public.text_version';
SELECT right(pg_temp.attempt(format('SELECT migrate_register(%L, %L)', pg_temp.id(256), 'SELECT 1')), 60);
SELECT length(id) FROM migrate_upgrade(pg_temp.id(254)) AS id;
SELECT migrate_downgrade('base') <> '' AS downgraded;
RESET migrate.version_table;
SELECT replace(pg_temp.attempt(format('SELECT migrate_upgrade(%L)', pg_temp.id(255))), pg_temp.id(255), 'id') AS said;
SELECT split_part(pg_temp.attempt(format('SELECT migrate_stamp(%L)', pg_temp.id(255))), ':', 1) AS said;
SELECT count(*) FROM migrate.version;
SET client_min_messages = warning;
DROP TABLE wide_version, text_version;
DROP TABLE alembic_version, no_column, no_key CASCADE;
DROP FUNCTION swallow;
DROP SCHEMA "My App" CASCADE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM regress_migrate_runner;
DROP ROLE regress_migrate_runner;
-- a table that is renamed is the same one: for replace and unregister, for the
-- status and for approvals; another one with its name is not
RESET client_min_messages;
CREATE TABLE was (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT migrate_register('n1', '', '');
SET migrate.version_table = 'public.was';
SELECT migrate_upgrade('n1');
RESET migrate.version_table;
ALTER TABLE was RENAME TO "Is";
SELECT migrate_register('n1', 'SELECT 1', '', replace => true);
SELECT migrate_unregister('n1');
CREATE TABLE was (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT migrate_unregister('n1');
SET migrate.version_table = 'public."Is"';
SELECT state, attempts FROM migrate.status_details WHERE revision = 'n1';
SET migrate.require_approval = on;
SELECT migrate_downgrade('n1@base');
RESET migrate.require_approval;
SELECT migrate_upgrade('n1');
SET migrate.version_table = 'public.was';
SELECT migrate_stamp('n1');
SELECT state, attempts, applied_at IS NOT NULL AS applied FROM migrate.status_details WHERE revision = 'n1';
SET migrate.require_approval = on;
SELECT migrate_downgrade('n1@base');
RESET migrate.require_approval;
SELECT DISTINCT version_table, version_oid = 'public."Is"'::regclass AS renamed, version_oid = 'public.was'::regclass AS new, version_oid IS NULL AS own
  FROM migrate.log WHERE revision = 'n1' ORDER BY 1, 2;
DELETE FROM was;
DROP TABLE "Is", was;
RESET migrate.version_table;
-- dropped, it does not count any more
SELECT migrate_unregister('n1');
-- its name, and what is in it, can have characters that a terminal obeys
CREATE TABLE U&"v\000ANOTICE:  \202Eall is well" (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT set_config('migrate.version_table', 'public.' || to_regclass(U&'"v\000ANOTICE:  \202Eall is well"')::text, false) IS NOT NULL AS set;
SELECT migrate_register('c1', 'SELECT 1 / 0', '');
CALL migrate_deploy('c1');
SELECT migrate_register('c1', 'SELECT 1 / 0; SELECT 1', '', replace => true);
INSERT INTO U&"v\000ANOTICE:  \202Eall is well" VALUES ('c1');
SELECT migrate_register('c1', 'SELECT 1', '', replace => true);
SELECT migrate_register('c1', 'SELECT 1', '');
INSERT INTO U&"v\000ANOTICE:  \202Eall is well" VALUES (E'c2\nDETAIL: x');
SELECT migrate_downgrade('base');
DROP TABLE U&"v\000ANOTICE:  \202Eall is well";
CALL migrate_deploy();
RESET migrate.version_table;
SELECT migrate_unregister('c1');
\i sql/include/reset.sql
