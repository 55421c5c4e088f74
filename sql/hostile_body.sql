-- hostile_body: what a body must not reach, whatever it does
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE ROLE regress_migrate_author;
CREATE SCHEMA trap AUTHORIZATION regress_migrate_author;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_upgrade, migrate_unregister,
	migrate_register_script, migrate_merge TO regress_migrate_author;
SET ROLE regress_migrate_author;
CREATE TABLE trap.version (version_num varchar(32) PRIMARY KEY);
CREATE FUNCTION trap.spring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'a trigger runs as %', current_user;
END $$;
CREATE TRIGGER spring BEFORE INSERT ON trap.version FOR EACH ROW EXECUTE FUNCTION trap.spring();

-- turning the run to another version table: its rows are not ours to write
SELECT migrate_register('a1', $$
	SET LOCAL migrate.version_table = 'trap.version';
	SELECT * FROM migrate_current();
$$, '');
SELECT migrate_upgrade('a1');
SELECT revision FROM migrate_current();
SELECT count(*) FROM trap.version;

-- a trigger on the version table that asks about yet another one
DROP TRIGGER spring ON trap.version;
CREATE TABLE trap.version2 (LIKE trap.version);
CREATE OR REPLACE FUNCTION trap.spring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..20 LOOP
		PERFORM set_config('migrate.version_table', 'trap.version' || CASE WHEN i % 2 = 0 THEN '2' ELSE '' END, true);
		PERFORM * FROM public.migrate_current();
	END LOOP;
	RETURN NEW;
END $$;
CREATE TRIGGER spring BEFORE INSERT OR UPDATE ON trap.version FOR EACH ROW EXECUTE FUNCTION trap.spring();
SELECT migrate_register('a2', '', '', '{a1}');
SET migrate.version_table = 'trap.version';
SELECT migrate_upgrade('a2');
TABLE trap.version;
RESET migrate.version_table;

-- changing the registry or running another migration from within a body
SELECT migrate_register('b1', format('SELECT %s', call)) IS NOT NULL,
       pg_temp.attempt($$SELECT migrate_upgrade('b1')$$), migrate_unregister('b1')
  FROM unnest(ARRAY['migrate_unregister(''b1'')', 'migrate_register(''b2'', '''')',
	'migrate_register_script(''-- revision: b2'')', 'migrate_merge(''{a1,a2}'', ''b2'')',
	'migrate_upgrade(''a2'')']) AS call;

-- leaving the role that runs the body: now, or when the transaction commits
RESET ROLE;
CREATE FUNCTION trap.leave() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN set_config('role', 'none', false);
END $$;
SET ROLE regress_migrate_author;
SELECT migrate_register('c1', body) IS NOT NULL, body,
       pg_temp.attempt($$SELECT migrate_upgrade('c1')$$), migrate_unregister('c1')
  FROM unnest(ARRAY['RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT', 'SELECT trap.leave()',
	'DECLARE c CURSOR WITH HOLD FOR SELECT trap.leave()']) AS body;
SELECT current_user;
RESET ROLE;
-- where the session's role runs the body, it may
SELECT migrate_register('c1', 'SET ROLE regress_migrate_author; CREATE TABLE trap.mine (i int)');
SELECT migrate_upgrade('c1');
SELECT relowner::regrole, current_user FROM pg_class WHERE oid = 'trap.mine'::regclass;

SELECT migrate_stamp('base', true);
\i sql/include/reset.sql
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM regress_migrate_author;
DROP ROLE regress_migrate_author;
