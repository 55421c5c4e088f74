-- setter: settings that decide what a run does count only if they come from a role with the runner's rights
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE ROLE regress_migrate_low;
CREATE ROLE regress_migrate_wrapper;
GRANT EXECUTE ON FUNCTION migrate_upgrade, migrate_downgrade, migrate_submit, migrate_register, migrate_preview, migrate_verify TO regress_migrate_low, regress_migrate_wrapper;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO regress_migrate_low, regress_migrate_wrapper;
CREATE SCHEMA evil AUTHORIZATION regress_migrate_low;
CREATE TABLE evil.version (version_num varchar(32) PRIMARY KEY);
CREATE TABLE evil.version2 (version_num varchar(32) PRIMARY KEY);
ALTER TABLE evil.version OWNER TO regress_migrate_low;
ALTER TABLE evil.version2 OWNER TO regress_migrate_low;
GRANT USAGE ON SCHEMA evil TO regress_migrate_wrapper;
GRANT ALL ON ALL TABLES IN SCHEMA evil TO regress_migrate_wrapper;
SET ROLE regress_migrate_low;
CREATE FUNCTION evil.upper(text) RETURNS text LANGUAGE sql AS $$SELECT 'evil as ' || current_user$$;
RESET ROLE;
CREATE TABLE said (what text);
GRANT ALL ON said TO regress_migrate_wrapper;
SELECT migrate_register('a1', $$INSERT INTO public.said SELECT upper('good'::text)$$, 'DELETE FROM public.said');

-- the owner of the database sets them for every session
SELECT datdba::regrole AS owner FROM pg_database WHERE datname = current_database() \gset
ALTER DATABASE :DBNAME OWNER TO regress_migrate_low;
SET ROLE regress_migrate_low;
ALTER DATABASE :DBNAME SET migrate.transaction_settings = 'search_path = ''evil, pg_catalog, public''';
RESET ROLE;
\c -
SHOW migrate.transaction_settings;
SET search_path = pg_catalog, public;
CALL migrate_deploy();
SELECT migrate_upgrade();
SELECT migrate_submit();
-- what the role has set itself counts
SET migrate.transaction_settings = '';
SELECT migrate_upgrade();
SELECT migrate_downgrade('base');
RESET migrate.transaction_settings;
ALTER DATABASE :DBNAME RESET migrate.transaction_settings;
SET ROLE regress_migrate_low;
ALTER DATABASE :DBNAME SET migrate.version_table = 'evil.version';
RESET ROLE;
\c -
CALL migrate_deploy();
SELECT revision FROM migrate_current();
SELECT count(*) FROM migrate_plan();
-- in runs with the owner's rights it counts
SET ROLE regress_migrate_low;
SELECT revision FROM migrate_current();
RESET ROLE;
ALTER DATABASE :DBNAME RESET ALL;
ALTER DATABASE :DBNAME OWNER TO :owner;

-- functions with the rights of their owner
CREATE SCHEMA wrap AUTHORIZATION regress_migrate_wrapper;
GRANT USAGE ON SCHEMA wrap TO regress_migrate_low;
SET ROLE regress_migrate_wrapper;
CREATE FUNCTION wrap.any() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS 'SELECT migrate_upgrade()';
CREATE FUNCTION wrap.its() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
	SET migrate.version_table = 'evil.version2' SET migrate.function_mode = 'run' SET migrate.transaction_settings = 'work_mem = 1MB' AS 'SELECT migrate_upgrade()';
CREATE FUNCTION wrap.back() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
	SET migrate.version_table = 'evil.version2' SET migrate.transaction_settings = '' AS 'SELECT migrate_downgrade(''base'')';
CREATE FUNCTION wrap.preview() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
	SET migrate.version_table = 'evil.version2' AS 'SELECT count(*) FROM migrate_preview()';
CREATE FUNCTION wrap.verify() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
	SET migrate.version_table = 'evil.version2' SET migrate.transaction_settings = '' AS 'SELECT count(*) FROM migrate_verify()';
CREATE FUNCTION wrap.rows() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS 'SELECT count(*) FROM migrate_current()';
SELECT migrate_register('a1', $$INSERT INTO public.said SELECT upper('good'::text)$$, 'DELETE FROM public.said', replace => true, verify => 'SELECT true');
RESET ROLE;

-- what the role that calls them has for all its sessions, or asks for when it connects, does not count in them
-- where the server asks for passwords it is that of the user of the tests
\set password none
\getenv password PGPASSWORD
ALTER ROLE regress_migrate_low LOGIN PASSWORD :'password';
\set user :USER
SET ROLE regress_migrate_low;
ALTER ROLE regress_migrate_low SET migrate.version_table = 'evil.version';
\c - regress_migrate_low
SELECT wrap.rows();
ALTER ROLE regress_migrate_low RESET migrate.version_table;
\c -reuse-previous=on "options='-c migrate.version_table=evil.version'"
-- the library is loaded inside of it
SELECT wrap.rows();
SELECT wrap.its();
SELECT wrap.rows();
\c -reuse-previous=on "options=''"
SELECT wrap.rows();
SELECT wrap.back();

-- nor does what it has set in the session
SET migrate.version_table = 'evil.version';
SELECT wrap.any();
SELECT wrap.its();
SELECT wrap.back();
RESET migrate.version_table;
SET migrate.transaction_settings = 'search_path = ''evil, pg_catalog, public''';
SELECT wrap.any();
SELECT wrap.its();
SELECT wrap.back();
SET migrate.transaction_settings = '';
SELECT wrap.any();
RESET migrate.transaction_settings;
SET migrate.function_mode = 'submit';
SELECT wrap.any();
SELECT wrap.its();
SELECT wrap.back();
RESET migrate.function_mode;
-- nor what a function of its own sets
CREATE FUNCTION pg_temp.between() RETURNS text LANGUAGE sql SET migrate.version_table = 'evil.version' AS 'SELECT wrap.any()';
SELECT pg_temp.between();
-- without any of them
SELECT wrap.any();
-- nor run what it has deferred
SELECT wrap.back();
CREATE TABLE evil.late (i int);
CREATE FUNCTION evil.late() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'late, as %', current_user; RETURN NULL; END$$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON evil.late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.late();
BEGIN;
INSERT INTO evil.late VALUES (1);
SELECT wrap.its();
ROLLBACK;
BEGIN;
INSERT INTO evil.late VALUES (1);
SELECT wrap.preview();
ROLLBACK;
-- where there is nothing to verify it runs nothing
BEGIN;
INSERT INTO evil.late VALUES (1);
SELECT wrap.verify();
ROLLBACK;
SELECT wrap.its();
BEGIN;
INSERT INTO evil.late VALUES (1);
SELECT wrap.verify();
ROLLBACK;
SELECT wrap.back();
BEGIN;
INSERT INTO evil.late VALUES (1);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT wrap.its();
COMMIT;
SELECT wrap.back();
DROP TABLE evil.late;
-- nor meet its temporary objects in the place of others: a body may set search_path
CREATE TEMP TABLE said (said text);
SELECT wrap.its();
SELECT wrap.preview();
DROP TABLE said;
CREATE TEMP VIEW said AS SELECT 'x' AS said;
SELECT wrap.its();
DROP VIEW said;
CREATE TYPE pg_temp.said AS (i int);
SELECT wrap.its();
DISCARD TEMP;
SELECT wrap.its();
\c - :user
INSERT INTO said VALUES ('GOOD');
SELECT * FROM said;
SELECT revision FROM migrate_current();

-- what a role has set counts for it, and for roles with fewer rights
SET migrate.version_table = 'evil.version2';
SET ROLE regress_migrate_wrapper;
SELECT revision FROM migrate_current();
SET migrate.version_table = 'evil.version';
RESET ROLE;
SELECT revision FROM migrate_current();
RESET migrate.version_table;

-- what a function with the rights of another role leaves in the session is that role's, also where the session runs as its own
SET ROLE regress_migrate_low;
CREATE FUNCTION evil.leaves(name text, value text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT set_config(name, value, false)';
RESET ROLE;
SELECT evil.leaves('migrate.version_table', 'evil.version');
SELECT revision FROM migrate_current();
SELECT migrate_upgrade();
RESET migrate.version_table;
SELECT evil.leaves('migrate.transaction_settings', 'search_path = ''evil, pg_catalog, public''');
SELECT migrate_register('z1', 'INSERT INTO public.said SELECT upper(''good''::text)');
SELECT migrate_upgrade('z1');
CALL migrate_deploy('z1');
SELECT migrate_submit('z1');
RESET migrate.transaction_settings;
SELECT evil.leaves('migrate.function_mode', 'submit');
SELECT migrate_upgrade('z1');
RESET migrate.function_mode;
-- with the transaction it is gone
BEGIN;
SELECT evil.leaves('migrate.transaction_settings', 'search_path = ''evil, pg_catalog, public''');
ROLLBACK;
SELECT migrate_upgrade('z1');
SELECT * FROM said;
DELETE FROM migrate.version WHERE version_num = 'z1';
SELECT migrate_unregister('z1');

-- it does not become the runner's for the next segment of a body, nor for a run that resumes it
CREATE TABLE go ();
ALTER TABLE go OWNER TO regress_migrate_wrapper;
SELECT migrate_register('b1', $$SELECT evil.leaves('migrate.version_table', 'evil.version'); VACUUM go; SELECT migrate_submit()$$);
CALL migrate_deploy('b1');
SELECT count(*) FROM migrate.partial, unnest(settings) AS value WHERE value LIKE 'migrate.%';
SELECT migrate_resolve('b1', 'abandon');
SELECT migrate_unregister('b1');
-- what a body changes is put back as that of the role that had set it
SET ROLE regress_migrate_wrapper;
SELECT migrate_register('b1', 'SET migrate.version_table = ''evil.version''; VACUUM go; SELECT 1', 'SELECT 1');
RESET ROLE;
SET migrate.version_table = 'evil.version2';
SET ROLE regress_migrate_wrapper;
CALL migrate_deploy('b1');
RESET ROLE;
SELECT revision FROM migrate_current();
SET ROLE regress_migrate_wrapper;
SET migrate.version_table = 'evil.version2';
SELECT migrate_downgrade('base');
RESET migrate.version_table;
SELECT migrate_downgrade('base');
RESET ROLE;
SELECT migrate_unregister('a1');
SELECT migrate_unregister('b1');
SET client_min_messages = warning;
DELETE FROM migrate.log;
DROP TABLE said, go;
DROP SCHEMA evil, wrap CASCADE;
DROP OWNED BY regress_migrate_low, regress_migrate_wrapper;
DROP ROLE regress_migrate_low, regress_migrate_wrapper;
