-- drop: DROP EXTENSION leaves nothing; runs last, and leaves no extension
\i sql/include/start.sql
SET client_min_messages = warning;
SELECT migrate_register('a1', 'CREATE TABLE made (i int)', 'DROP TABLE made');
SELECT migrate_upgrade();
-- what a migration made stays, what the extension is goes
DROP EXTENSION migrate;
SELECT to_regclass('made') IS NOT NULL AS made, to_regnamespace('migrate') IS NULL AS no_schema,
       to_regproc('migrate_upgrade') IS NULL AS no_function;
SELECT count(*) FROM made;
DROP TABLE made;
CREATE TEMP VIEW catalog AS
	SELECT 'pg_class' AS catalog, oid, relname::text AS name FROM pg_class WHERE relnamespace <> pg_my_temp_schema() AND relname !~ '^pg_toast_'
	UNION ALL SELECT 'pg_proc', oid, proname FROM pg_proc
	UNION ALL SELECT 'pg_namespace', oid, nspname FROM pg_namespace
	UNION ALL SELECT 'pg_type', oid, typname FROM pg_type WHERE typnamespace <> pg_my_temp_schema()
	UNION ALL SELECT 'pg_constraint', oid, conname FROM pg_constraint
	UNION ALL SELECT 'pg_trigger', oid, tgname FROM pg_trigger
	UNION ALL SELECT 'pg_extension', oid, extname FROM pg_extension
	UNION ALL SELECT 'pg_description', objoid, description FROM pg_description
	UNION ALL SELECT 'pg_depend', objid, deptype::text FROM pg_depend WHERE refobjid NOT IN (pg_my_temp_schema(), 'pg_toast'::regnamespace);
CREATE TEMP TABLE before AS TABLE catalog WITH NO DATA;
INSERT INTO before TABLE catalog;
CREATE EXTENSION migrate;
SELECT count(*) > 30 AS made FROM (TABLE catalog EXCEPT TABLE before) AS c;
SELECT migrate_register('a1', 'SELECT 1', 'SELECT 1');
SELECT migrate_upgrade();
DROP EXTENSION migrate;
SELECT catalog, name FROM (TABLE catalog EXCEPT TABLE before) AS c ORDER BY 1, 2;
SELECT catalog, name FROM (TABLE before EXCEPT TABLE catalog) AS c ORDER BY 1, 2;

-- made again in another schema: the same session finds the new one
CREATE SCHEMA regress_tools;
CREATE EXTENSION migrate SCHEMA regress_tools;
SELECT regress_tools.migrate_register('a1', 'SELECT 1', 'SELECT 1');
SELECT regress_tools.migrate_upgrade();
TABLE migrate.version;
SELECT regress_tools.migrate_downgrade('base');
-- a body that drops the extension, in a cascade or by name; an outer version table
SELECT regress_tools.migrate_register('d1', 'DROP SCHEMA regress_tools CASCADE');
SELECT regress_tools.migrate_upgrade('d1');
\echo :LAST_ERROR_SQLSTATE
CALL regress_tools.migrate_deploy('d1');
SELECT revision, sqlstate, error FROM migrate.log WHERE revision = 'd1';
SELECT regress_tools.migrate_register('d2', 'DROP EXTENSION migrate; SELECT 1; VACUUM pg_class');
CALL regress_tools.migrate_deploy('d2');
CREATE TABLE regress_tools.v (version_num varchar(40) PRIMARY KEY);
SET migrate.version_table = 'regress_tools.v';
SELECT regress_tools.migrate_upgrade('d1');
SELECT regress_tools.migrate_register('d4', 'ALTER TABLE regress_tools.v RENAME TO w');
SELECT regress_tools.migrate_upgrade('d4');
RESET migrate.version_table;
-- what the body itself does not find is its own affair
SELECT regress_tools.migrate_register('d3', 'DROP SCHEMA nowhere');
SELECT regress_tools.migrate_upgrade('d3');
DROP EXTENSION migrate;
DROP TABLE regress_tools.v;
DROP SCHEMA regress_tools;
-- something of the user's that depends on it is not dropped silently
CREATE EXTENSION migrate;
CREATE VIEW uses_it AS SELECT revision FROM migrate.revision;
DROP EXTENSION migrate;
DROP EXTENSION migrate CASCADE;
SELECT to_regclass('uses_it');
-- no schema of that name may be in the way
CREATE SCHEMA migrate;
-- 18 adds the position in the script
\set SHOW_CONTEXT never
CREATE EXTENSION migrate;
\set SHOW_CONTEXT errors
DROP SCHEMA migrate;
