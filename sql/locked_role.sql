-- locked_role: in a session that was opened as another role a body finds no way to that role, nor do those whose code is called on the way
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE ROLE regress_migrate_low;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_upgrade, migrate_unregister, migrate_plan TO regress_migrate_low;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO regress_migrate_low;
CREATE SCHEMA low AUTHORIZATION regress_migrate_low;
SET ROLE regress_migrate_low;
CREATE FUNCTION low.leave() RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION low.constant(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM low.leave(); RETURN $1; END';
CREATE FUNCTION low.valid(anyelement) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM low.leave(); RETURN true; END';
CREATE TABLE low.t (i int);
CREATE DOMAIN low.dom AS int CHECK (low.valid(VALUE));
CREATE TABLE low.parted (i int) PARTITION BY RANGE ((i + low.constant(0)));
CREATE TABLE low.part PARTITION OF low.parted FOR VALUES FROM (0) TO (10);
CREATE OR REPLACE FUNCTION low.leave() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF session_user = 'regress_migrate_low' THEN
		RETURN;
	END IF;
	PERFORM set_config('role', 'none', false);
	EXECUTE 'ALTER ROLE regress_migrate_low CREATEROLE';
END $$;
RESET ROLE;

-- statements that cannot run inside a transaction block: partition key, domain in a literal, type by the search_path
SET ROLE regress_migrate_low;
SELECT migrate_register('d1', 'ALTER TABLE low.parted DETACH PARTITION low.part CONCURRENTLY');
CALL migrate_deploy('d1');
SELECT current_user, rolcreaterole FROM pg_roles WHERE rolname = 'regress_migrate_low';
SELECT migrate_register('d2', 'CREATE INDEX CONCURRENTLY i ON low.t ((i + array_length(''{1}''::low.dom[], 1)))');
CALL migrate_deploy('d2');
SELECT current_user, rolcreaterole FROM pg_roles WHERE rolname = 'regress_migrate_low';
CREATE DOMAIN low."char" AS pg_catalog."char" CHECK (low.valid(VALUE));
SELECT migrate_register('d3', 'SET search_path = low, pg_catalog; REINDEX TABLE low.t');
CALL migrate_deploy('d3');
SELECT current_user, rolcreaterole FROM pg_roles WHERE rolname = 'regress_migrate_low';
RESET ROLE;
-- where each statement is a transaction
SET migrate.server_type = yugabytedb;
SET ROLE regress_migrate_low;
SELECT migrate_register('d4', 'DO $$BEGIN PERFORM low.leave(); END$$; CREATE TABLE low.x ()');
CALL migrate_deploy('d4');
SELECT current_user, rolcreaterole FROM pg_roles WHERE rolname = 'regress_migrate_low';
RESET ROLE;
RESET migrate.server_type;

-- nor does a parallel worker, another process, in which nothing is locked
SET ROLE regress_migrate_low;
CREATE FUNCTION low.reset() RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE SET role = 'none'
	AS 'BEGIN RETURN current_setting(''is_superuser'')::boolean; END';
CREATE OR REPLACE FUNCTION low.leave() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	super boolean;
BEGIN
	IF session_user = 'regress_migrate_low' THEN
		RETURN;
	END IF;
	PERFORM set_config(name, 'on', true) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
	SELECT low.reset() INTO super;
	RAISE 'superuser: %', super;
END $$;
SELECT migrate_register('d5', 'CREATE INDEX CONCURRENTLY i ON low.t ((i + array_length(''{1}''::low.dom[], 1)))');
CALL migrate_deploy('d5');
RESET ROLE;
SHOW max_parallel_workers;

-- a partial revision stays that of the role that has begun it, with its settings, when another one takes a statement as done
CREATE TABLE other_table (i int);
SELECT migrate_register('s1', 'CREATE TABLE low.s (i int); CREATE INDEX CONCURRENTLY i ON public.other_table (i); SELECT 1');
SET ROLE regress_migrate_low;
SET search_path = low, public;
CALL migrate_deploy('s1');
RESET ROLE;
RESET search_path;
SELECT migrate_resolve('s1', 'skip');
SELECT statement, role FROM migrate.partial ORDER BY statement;
CALL migrate_deploy('s1');
SELECT migrate_resolve('s1', 'abandon');
DROP TABLE other_table;

-- what the owner of a version table leaves in the session of a role with more rights: from a trigger, and from an index that is only planned
SET ROLE regress_migrate_low;
CREATE TABLE low.v (version_num varchar(32) PRIMARY KEY);
CREATE FUNCTION low.plant() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF session_user <> 'regress_migrate_low' THEN
		CREATE DOMAIN pg_temp.date AS pg_catalog.date CHECK (low.valid(VALUE));
	END IF;
END $$;
CREATE FUNCTION low.plant_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM low.plant(); RETURN NEW; END';
CREATE FUNCTION low.planted(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM low.plant(); RETURN $1; END';
CREATE TRIGGER plant BEFORE INSERT ON low.v FOR EACH ROW EXECUTE FUNCTION low.plant_row();
RESET ROLE;
SELECT migrate_register('e1', '');
SET migrate.version_table = 'low.v';
SELECT migrate_upgrade('e1');
DROP TRIGGER plant ON low.v;
SELECT migrate_upgrade('e1');
SET SESSION AUTHORIZATION regress_migrate_low;
CREATE INDEX v_planted ON low.v ((length(version_num) + low.planted(0)));
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM migrate_plan('e1');
SELECT count(*) FROM migrate_current();
SET ROLE regress_migrate_low;
SELECT count(*) FROM migrate_current();
RESET ROLE;
SELECT count(*) FROM pg_type WHERE typnamespace = pg_my_temp_schema();
SELECT rolcreaterole FROM pg_roles WHERE rolname = 'regress_migrate_low';
DROP INDEX low.v_planted;
SELECT migrate_stamp('base');
RESET migrate.version_table;

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP SCHEMA low CASCADE;
DROP OWNED BY regress_migrate_low;
DROP ROLE regress_migrate_low;
