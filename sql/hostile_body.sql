-- hostile_body: what a body must not reach, whatever it does
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE ROLE regress_migrate_author;
CREATE SCHEMA trap AUTHORIZATION regress_migrate_author;
GRANT EXECUTE ON ROUTINE migrate_register, migrate_upgrade, migrate_unregister,
	migrate_register_script, migrate_merge, migrate_deploy, migrate_downgrade, migrate_resolve, migrate_verify TO regress_migrate_author;
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
-- a cursor for the session's own role to read, in whichever way it is opened
SELECT migrate_register('c1', body) IS NOT NULL, body,
       regexp_replace(pg_temp.attempt($$SELECT migrate_upgrade('c1')$$), 'portal \d+', 'portal N'), migrate_unregister('c1')
  FROM unnest(ARRAY['DECLARE c CURSOR FOR SELECT trap.leave()',
	'DO $do$ DECLARE c refcursor := ''c''; BEGIN OPEN c FOR SELECT trap.leave(); END $do$',
	'DO $do$ DECLARE c refcursor; BEGIN OPEN c FOR SELECT trap.leave(); END $do$']) AS body;
SELECT name FROM pg_cursors;
-- one that the body closes is its own affair
SELECT migrate_register('c1', 'DECLARE c CURSOR FOR SELECT 1; FETCH c; CLOSE c;
	DO $do$ DECLARE r record; BEGIN FOR r IN SELECT 1 LOOP NULL; END LOOP; END $do$', '');
SELECT migrate_upgrade('c1');
SELECT migrate_downgrade('c1@base');
SELECT migrate_unregister('c1');
-- cursors of the session: to be replaced, read, moved
RESET ROLE;
CREATE TABLE trap.stolen (t text);
GRANT INSERT ON trap.stolen TO regress_migrate_author;
CREATE TABLE secret AS SELECT 'secret ' || i AS t FROM generate_series(1, 3) AS i;
SET ROLE regress_migrate_author;
\set replace 'CLOSE c; DECLARE c CURSOR FOR SELECT trap.leave()'
\set read 'DO $do$ DECLARE c refcursor := \'c\'; r text; BEGIN FETCH c INTO r; INSERT INTO trap.stolen VALUES (r); END $do$'
\set move 'MOVE ALL IN c'
SELECT migrate_register('replace', :'replace'), migrate_register('read', :'read'), migrate_register('move', :'move');
SELECT migrate_register('look', '', '', verify => 'DO $do$ DECLARE c refcursor := ''c''; r text; BEGIN FETCH c INTO r; RAISE EXCEPTION ''%'', r; END $do$');
RESET ROLE;
SELECT migrate_stamp('look');
SET ROLE regress_migrate_author;
SELECT error FROM migrate_verify();
RESET ROLE;
BEGIN;
DECLARE c CURSOR FOR TABLE secret;
FETCH c;
SET LOCAL ROLE regress_migrate_author;
SELECT r, pg_temp.attempt(format('SELECT migrate_upgrade(%L)', r)) FROM unnest('{replace,read,move}'::text[]) AS r;
SELECT pg_temp.attempt('SELECT migrate_verify()');
RESET ROLE;
FETCH c;
-- also WITH HOLD, also for a procedure; nothing of the session is closed
CLOSE c;
DECLARE c CURSOR WITH HOLD FOR TABLE secret;
COMMIT;
SET ROLE regress_migrate_author;
SELECT migrate_upgrade('read');
CALL migrate_deploy('read');
RESET ROLE;
FETCH c;
CLOSE c;
-- the loop that a call comes from
SELECT regexp_replace(pg_temp.attempt($$DO $do$
DECLARE
	r record;
BEGIN
	SET LOCAL ROLE regress_migrate_author;
	FOR r IN SELECT 'read' AS target LOOP
		PERFORM public.migrate_upgrade(r.target);
	END LOOP;
END $do$ $$), 'portal \d+', 'portal N');
TABLE trap.stolen;
DROP TABLE secret;
SELECT migrate_stamp('look@base');
SELECT migrate_unregister('look');
-- the cursor that the call itself is a part of, which a body cannot reach
BEGIN;
SET LOCAL ROLE regress_migrate_author;
SELECT migrate_unregister('replace'), migrate_unregister('read'), migrate_unregister('move');
SELECT migrate_register('c1', '', ''), migrate_register('c2', :'read', '', '{c1}'), migrate_register('c3', :'replace', '', '{c1}');
DECLARE c CURSOR FOR SELECT migrate_upgrade('c1');
FETCH c;
CLOSE c;
SAVEPOINT s;
DECLARE c CURSOR FOR SELECT migrate_upgrade('c2');
FETCH c;
ROLLBACK TO s;
DECLARE c CURSOR FOR SELECT migrate_upgrade('c3');
FETCH c;
ROLLBACK;
-- in a body of several segments
SET ROLE regress_migrate_author;
CREATE TABLE trap.t (i int);
SELECT migrate_register('c1', 'DECLARE c CURSOR WITH HOLD FOR SELECT trap.leave(); VACUUM trap.t'),
	migrate_register('c2', 'VACUUM trap.t; DECLARE c CURSOR FOR SELECT trap.leave()');
CALL migrate_deploy('c1');
CALL migrate_deploy('c2');
SELECT name FROM pg_cursors;
SELECT FROM migrate_resolve('c2', 'abandon');
-- what a statement that commits by itself has left is closed
RESET ROLE;
SET migrate.server_type = 'yugabytedb';
SET ROLE regress_migrate_author;
SELECT migrate_register('c3', $body$DO $do$ BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'; COMMIT; END $do$$body$);
CALL migrate_deploy('c3');
SELECT name FROM pg_cursors;
SELECT FROM migrate_resolve('c3', 'abandon');
RESET ROLE;
RESET migrate.server_type;
SET ROLE regress_migrate_author;
SELECT migrate_unregister('c1'), migrate_unregister('c2'), migrate_unregister('c3');
DROP TABLE trap.t;
SELECT current_user;
-- the same from a trigger on the version table, and from deferred triggers
-- that put off their work again: all of it belongs to the step
CREATE TABLE trap.version3 (LIKE trap.version INCLUDING ALL);
CREATE FUNCTION trap.leave_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM trap.leave();
	RETURN NULL;
END $$;
CREATE FUNCTION trap.say() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING '% fires as %', TG_TABLE_NAME, current_user;
	RETURN NULL;
END $$;
CREATE FUNCTION trap.put_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	SET CONSTRAINTS ALL DEFERRED;
	INSERT INTO trap.later VALUES (1);
	RETURN NULL;
END $$;
CREATE TABLE trap.now (i int);
CREATE TABLE trap.later (i int);
CREATE CONSTRAINT TRIGGER put_off AFTER INSERT ON trap.now DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION trap.put_off();
CREATE CONSTRAINT TRIGGER say AFTER INSERT ON trap.later DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION trap.say();
CREATE CONSTRAINT TRIGGER say AFTER INSERT ON trap.version3 DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION trap.say();
SET migrate.version_table = 'trap.version3';
SELECT migrate_register('c1', 'CREATE TRIGGER leave AFTER INSERT ON trap.version3
	FOR EACH ROW EXECUTE FUNCTION trap.leave_row()');
SELECT migrate_upgrade('c1');
SELECT migrate_unregister('c1');
SELECT migrate_register('c1', 'INSERT INTO trap.now VALUES (1)', '');
BEGIN;
SELECT migrate_upgrade('c1');
COMMIT;
-- a statement of the session under another meaning
SELECT migrate_register('c2', 'DEALLOCATE ALL; PREPARE app AS SELECT trap.leave()', '', '{c1}');
PREPARE app AS SELECT 1;
SELECT migrate_upgrade('c2');
SELECT migrate_unregister('c2');
-- an object in front of one of the session's; what the session had stays
CREATE TEMP TABLE before (i int);
SELECT migrate_register('c2', body, '', '{c1}') IS NOT NULL, body,
       pg_temp.attempt($$SELECT migrate_upgrade('c2')$$), migrate_unregister('c2')
  FROM unnest(ARRAY['CREATE TEMP VIEW pg_class AS SELECT trap.leave()',
	'CREATE TEMP SEQUENCE s', 'CREATE DOMAIN pg_temp.int4 AS int', 'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS $f$SELECT 1$f$',
	'ALTER TABLE trap.now SET SCHEMA pg_temp', 'CREATE TEMP TABLE t (i int); CREATE TEMP VIEW v AS TABLE t']) AS body;
-- tables are dropped
SELECT migrate_register('c2', 'CREATE TEMP TABLE t (i int PRIMARY KEY) ON COMMIT DROP; INSERT INTO before VALUES (1);
	CREATE TEMP TABLE "a b" (i int REFERENCES t) ON COMMIT DELETE ROWS; CREATE TEMP TABLE parts (i int) PARTITION BY LIST (i);
	CREATE TEMP TABLE part PARTITION OF parts DEFAULT; CREATE TEMP TABLE trap AS SELECT 1 AS i', '', '{c1}');
SELECT migrate_upgrade('c2');
TABLE before;
SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind IN ('r', 'p');
RESET ROLE;
DEALLOCATE ALL;
DROP TABLE before;
-- the value was that role's
SET migrate.version_table = 'trap.version3';
SELECT migrate_stamp('c1');
SELECT migrate_unregister('c2');
-- a version table whose triggers are those of a role with fewer rights
SELECT migrate_register('c3', '', '');
SELECT migrate_upgrade('c3');
ALTER TABLE trap.version3 OWNER TO CURRENT_USER;
SELECT migrate_upgrade('c3');
SELECT migrate_downgrade('c3@base');
SELECT migrate_unregister('c3');
RESET migrate.version_table;
DROP TABLE trap.version3;
SELECT migrate_unregister('c1');
-- where the session's role runs the body, it may
SELECT migrate_register('c1', 'SET ROLE regress_migrate_author; CREATE TABLE trap.mine (i int)');
SELECT migrate_upgrade('c1');
SELECT relowner::regrole, current_user FROM pg_class WHERE oid = 'trap.mine'::regclass;

SELECT migrate_stamp('base', true);
\i sql/include/reset.sql
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
REVOKE ALL ON ALL ROUTINES IN SCHEMA public FROM regress_migrate_author;
DROP ROLE regress_migrate_author;
