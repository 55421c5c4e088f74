-- version_owner: how the owner of a version table could have it run code as a role with more rights
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE ROLE regress_migrate_lesser;
CREATE ROLE regress_migrate_greater;
GRANT EXECUTE ON FUNCTION migrate_upgrade, migrate_register TO regress_migrate_greater;
GRANT USAGE ON SCHEMA migrate TO regress_migrate_greater;
CREATE SCHEMA lesser AUTHORIZATION regress_migrate_lesser;
GRANT USAGE ON SCHEMA lesser TO regress_migrate_greater;
CREATE TABLE fired (who name, how text);
GRANT INSERT ON fired TO PUBLIC;
SET ROLE regress_migrate_lesser;
CREATE FUNCTION lesser.fire(how text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.fired VALUES (current_user, how);
	RETURN true;
END $$;
CREATE FUNCTION lesser.fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM lesser.fire(TG_ARGV[0]);
	RETURN NEW;
END $$;
RESET ROLE;
SELECT migrate_register('a1', ''), migrate_register('a2', '', down_revision => '{a1}'), migrate_register('b1', '');

-- one way after the other: how the run ends, and what it runs; the first one is none
CREATE FUNCTION pg_temp.way(who text, definition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	SET LOCAL ROLE regress_migrate_lesser;
	EXECUTE definition;
	IF NOT EXISTS (SELECT FROM lesser.v) THEN
		INSERT INTO lesser.v VALUES ('a1'::text);
	END IF;
	GRANT ALL ON ALL TABLES IN SCHEMA lesser TO regress_migrate_greater;
	EXECUTE 'SET LOCAL ROLE ' || who;
	result := pg_temp.attempt('SELECT migrate_upgrade(''heads''); SET CONSTRAINTS ALL IMMEDIATE');
	RESET ROLE;
	result := concat_ws('; ', result, (SELECT string_agg(format('%s ran %s', f.who, how), ', ') FROM fired AS f WHERE f.who <> 'regress_migrate_lesser'));
	RAISE EXCEPTION USING MESSAGE = result;
EXCEPTION WHEN raise_exception THEN
	RETURN SQLERRM;
END $$;
SET migrate.version_table = 'lesser.v';
\a
\t on
SELECT who, way, pg_temp.way(who, definition)
  FROM unnest(ARRAY['none', 'regress_migrate_greater']) AS who, (VALUES
	('nothing', $$CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY)$$),
	('a trigger', $$CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY);
		CREATE TRIGGER t BEFORE INSERT OR UPDATE ON lesser.v FOR EACH ROW EXECUTE FUNCTION lesser.fire('a trigger')$$),
	('a rule', $$CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY);
		CREATE RULE r AS ON INSERT TO lesser.v DO ALSO SELECT lesser.fire('a rule')$$),
	('a default', $$CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY, d boolean DEFAULT lesser.fire('a default'))$$),
	('a check', $$CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY CHECK (lesser.fire('a check')))$$),
	('a domain', $$CREATE DOMAIN lesser.d AS text CHECK (lesser.fire('a domain'));
		CREATE TABLE lesser.v (version_num lesser.d)$$),
	('an index', $$CREATE FUNCTION lesser.immutable(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
		'BEGIN PERFORM lesser.fire(''an index''); RETURN true; END';
		CREATE TABLE lesser.v (version_num varchar(32));
		CREATE INDEX ON lesser.v ((lesser.immutable(version_num)))$$),
	('statistics', $$CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY, i int);
		CREATE FUNCTION lesser.immutable(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
		'BEGIN PERFORM lesser.fire(''statistics''); RETURN true; END';
		CREATE STATISTICS lesser.s ON (lesser.immutable('x')), i FROM lesser.v$$),
	('a cast', $$CREATE TYPE lesser.t AS ENUM ('a1', 'a2', 'b1');
		CREATE FUNCTION lesser.make(text) RETURNS lesser.t LANGUAGE plpgsql AS
		'BEGIN PERFORM lesser.fire(''a cast''); RETURN enum_in($1::cstring, ''lesser.t''::regtype); END';
		CREATE CAST (text AS lesser.t) WITH FUNCTION lesser.make(text) AS ASSIGNMENT;
		CREATE CAST (lesser.t AS text) WITH INOUT AS IMPLICIT;
		CREATE TABLE lesser.v (version_num lesser.t)$$),
	('a policy', $$CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY);
		ALTER TABLE lesser.v ENABLE ROW LEVEL SECURITY;
		CREATE POLICY p ON lesser.v USING (lesser.fire('a policy'))$$),
	('a partition', $$CREATE FUNCTION lesser.immutable(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
		'BEGIN PERFORM lesser.fire(''a partition''); RETURN true; END';
		CREATE TABLE lesser.parent (version_num varchar(32)) PARTITION BY LIST ((lesser.immutable(version_num)));
		CREATE TABLE lesser.v PARTITION OF lesser.parent FOR VALUES IN (true)$$),
	('a foreign key', $$CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY);
		CREATE TABLE lesser.other (v varchar(32) REFERENCES lesser.v ON UPDATE CASCADE);
		INSERT INTO lesser.v VALUES ('a1');
		INSERT INTO lesser.other VALUES ('a1');
		CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON lesser.other DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION lesser.fire('a foreign key')$$)) AS ways (way, definition)
 ORDER BY who, way COLLATE "C";
\a
\t off

-- a question keeps no lock that stops the owner's VACUUM, or another reader
CREATE TABLE lesser.v (version_num varchar(32) PRIMARY KEY);
ALTER TABLE lesser.v OWNER TO regress_migrate_lesser;
GRANT SELECT ON lesser.v TO regress_migrate_greater;
SET migrate.version_table = 'lesser.v';
CREATE FUNCTION pg_temp.locks(question text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SET LOCAL ROLE regress_migrate_greater';
	EXECUTE 'SELECT FROM ' || question;
	RAISE EXCEPTION USING ERRCODE = 'MIG00', MESSAGE =
		(SELECT COALESCE(string_agg(mode, ', '), 'none') FROM pg_locks
		  WHERE pid = pg_backend_pid() AND relation = 'lesser.v'::regclass AND mode <> 'AccessShareLock');
EXCEPTION WHEN SQLSTATE 'MIG00' THEN
	RETURN SQLERRM;
END $$;
SELECT question, pg_temp.locks(question) FROM unnest(ARRAY['migrate_current()', 'migrate_history()', 'migrate_history_details()',
	'migrate_is_current(''heads'')', 'migrate_plan(''heads'')', 'migrate_plan_details(''heads'')', 'migrate_doctor()']) AS question;

-- code of the owner, which runs with its rights, could read a cursor of the
-- session, and leave one for it to read
CREATE TABLE lesser.stolen (t text);
ALTER TABLE lesser.stolen OWNER TO regress_migrate_lesser;
SET ROLE regress_migrate_lesser;
CREATE FUNCTION lesser.steal(how text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	c refcursor := 'secrets';
	row record;
BEGIN
	IF how = 'leave' THEN
		OPEN c FOR SELECT lesser.fire('left');
		RETURN true;
	END IF;
	FETCH c INTO row;
	INSERT INTO lesser.stolen VALUES (row::text);
	RETURN true;
EXCEPTION WHEN invalid_cursor_name THEN
	RETURN true;
END $$;
CREATE FUNCTION lesser.steal() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN PERFORM lesser.steal(TG_ARGV[0]); RETURN NEW; END';
CREATE FUNCTION lesser.planned() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
	$$BEGIN RETURN lesser.steal('read'); END$$;
RESET ROLE;
\set VERBOSITY terse
-- nothing that could run
BEGIN;
DECLARE secrets CURSOR FOR SELECT rolname FROM pg_roles WHERE rolname = 'regress_migrate_lesser';
SELECT pg_temp.attempt('SELECT migrate_upgrade(''a1'')');
FETCH secrets;
ROLLBACK;
-- to write
CREATE TRIGGER t AFTER INSERT ON lesser.v FOR EACH ROW EXECUTE FUNCTION lesser.steal('read');
BEGIN;
DECLARE secrets CURSOR FOR SELECT rolname FROM pg_roles;
SELECT pg_temp.attempt('SELECT migrate_upgrade(''a1'')');
SELECT pg_temp.attempt('SELECT migrate_current()');
FETCH secrets \g /dev/null
ROLLBACK;
-- a cursor that the body has left
SELECT migrate_register('c1', 'DECLARE secrets CURSOR WITH HOLD FOR SELECT rolname FROM pg_roles');
SELECT pg_temp.attempt('SELECT migrate_upgrade(''c1'')');
CALL migrate_deploy('c1');
CLOSE ALL;
SELECT migrate_unregister('c1');
-- without one it runs, and may leave none
SELECT pg_temp.attempt('SELECT migrate_upgrade(''a1'')'), pg_temp.attempt('SELECT migrate_stamp(''base'')');
DROP TRIGGER t ON lesser.v;
CREATE TRIGGER t AFTER INSERT ON lesser.v FOR EACH ROW EXECUTE FUNCTION lesser.steal('leave');
SELECT pg_temp.attempt('SELECT migrate_upgrade(''a1'')');
DROP TRIGGER t ON lesser.v;
-- to read
INSERT INTO lesser.v VALUES ('a1');
CREATE INDEX ON lesser.v (version_num) WHERE lesser.planned();
BEGIN;
DECLARE secrets CURSOR FOR SELECT rolname FROM pg_roles;
SELECT pg_temp.attempt('SELECT migrate_current()');
SELECT pg_temp.attempt('SELECT migrate_plan(''heads'')');
CLOSE secrets;
SELECT migrate_current();
COMMIT;
SELECT * FROM lesser.stolen;
SELECT * FROM fired;
DELETE FROM lesser.v;
\set VERBOSITY default
RESET migrate.version_table;
SELECT count(*) FROM migrate.version;
DROP SCHEMA lesser CASCADE;
DROP TABLE fired;
SELECT migrate_unregister('b1'), migrate_unregister('a2'), migrate_unregister('a1');
REVOKE ALL ON FUNCTION migrate_upgrade, migrate_register FROM regress_migrate_greater;
REVOKE ALL ON SCHEMA migrate FROM regress_migrate_greater;
DROP ROLE regress_migrate_lesser, regress_migrate_greater;
DELETE FROM migrate.log;
