-- server_type: on a server whose DDL commits by itself, and on one where no
-- subtransaction may be rolled back around DDL, by migrate.server_type
\i sql/include/start.sql
SET client_min_messages = warning;
\pset null -
CREATE TABLE ran (what text);
SELECT migrate_register('e1', $$INSERT INTO ran VALUES ('e1 first');
CREATE TABLE e1 (id int PRIMARY KEY, name text);
INSERT INTO e1 SELECT i, 'name ' || i FROM generate_series(1, 100) AS i;
SET search_path = pg_catalog;
CREATE INDEX e1_name ON public.e1 (name);
RESET search_path;
INSERT INTO ran VALUES ('e1 last')$$, $$DROP TABLE e1; DELETE FROM ran WHERE what LIKE 'e1%'$$);
SELECT migrate_register('e2', $$ALTER TABLE e1 ADD COLUMN more int DEFAULT 1;
DO $do$BEGIN INSERT INTO ran VALUES ('e2 do'); END$do$;
CREATE INDEX CONCURRENTLY e1_more ON e1 (more);
CREATE TABLE e2 AS SELECT * FROM e1;
CREATE VIEW v AS SELECT count(*) FROM e1;
SELECT * INTO e2_copy FROM e2;
TRUNCATE e2_copy$$, $$DROP VIEW v; DROP TABLE e2, e2_copy; ALTER TABLE e1 DROP COLUMN more; DELETE FROM ran WHERE what LIKE 'e2%'$$, '{e1}');
SELECT migrate_register('e3', '', '', '{e2}');
CREATE VIEW outcome AS
SELECT (SELECT string_agg(what, ', ' ORDER BY what) FROM ran) AS ran, (SELECT string_agg(version_num, ' ') FROM migrate.version) AS version,
       (SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class AS c WHERE c.relname ~ '^(e\d|v$)' AND c.relnamespace = 'public'::regnamespace) AS relations,
       (SELECT count(*) FROM migrate.partial) AS partial,
       (SELECT string_agg(revision || ' ' || operation || ' ' || state, ', ' ORDER BY started) FROM migrate.log) AS log,
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks;

SET migrate.server_type = nonsense;
-- what the others are to be like
SET migrate.server_type = postgresql;
CALL migrate_deploy();
SELECT * FROM outcome \gx
CALL migrate_revert('base');
SELECT * FROM outcome \gx
DELETE FROM migrate.log;

-- DDL commits by itself
SET migrate.server_type = yugabytedb;
SELECT revision, transactions, statements FROM migrate_plan_details();
SELECT migrate_upgrade();
SELECT migrate_downgrade('base');
DO $$BEGIN CALL migrate_deploy(); END$$;
SELECT * FROM outcome \gx
CALL migrate_deploy();
SELECT * FROM outcome \gx
SELECT migrate_stamp('e1');
SELECT migrate_stamp('e3');
CALL migrate_revert('base');
SELECT * FROM outcome \gx
DELETE FROM migrate.log;
-- an error leaves what was done, noted; nothing is done twice
SELECT migrate_register('f1', $$INSERT INTO ran VALUES ('f1 first');
CREATE TABLE f1 (i int);
INSERT INTO ran SELECT 'f1 ' || 1 / count(*) FROM ran WHERE what = 'go';
CREATE TABLE f2 (i int);
INSERT INTO ran VALUES ('f1 last')$$, 'DROP TABLE f1, f2; TRUNCATE ran', '{e3}');
CALL migrate_deploy();
SELECT * FROM outcome \gx
SELECT statement, last_statement, kind, state, object FROM migrate.partial ORDER BY statement;
SELECT revision, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
CALL migrate_deploy();
INSERT INTO ran VALUES ('go');
CALL migrate_deploy();
SELECT * FROM outcome \gx
-- a conflict at a DDL statement: that statement again, no other
CREATE SEQUENCE fails;
CREATE FUNCTION fail_twice() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('fails') <= 2 THEN RAISE 'conflict' USING ERRCODE = 'YB003'; END IF;
END$$;
CREATE EVENT TRIGGER fail_twice ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION fail_twice();
SELECT migrate_register('f2', $$INSERT INTO ran VALUES ('f2 first'); CREATE SCHEMA f2; INSERT INTO ran VALUES ('f2 last')$$, 'DROP SCHEMA f2', '{f1}');
CALL migrate_deploy();
SELECT string_agg(what, ', ' ORDER BY what) FROM ran WHERE what LIKE 'f2%';
SELECT revision, state, attempts FROM migrate.log WHERE revision = 'f2';
-- one that does not end is told as clients know it
CALL migrate_revert('f1');
SELECT setval('fails', 1, false);
SET migrate.max_attempts = 2;
CALL migrate_deploy();
\echo :LAST_ERROR_SQLSTATE
SELECT to_regnamespace('f2'), statement, state FROM migrate.partial ORDER BY statement;
RESET migrate.max_attempts;
CALL migrate_deploy();
SELECT to_regnamespace('f2'), (SELECT count(*) FROM migrate.partial) AS partial, string_agg(what, ', ' ORDER BY what) FROM ran WHERE what LIKE 'f2%';
CALL migrate_revert('e3');
SELECT migrate_unregister('f2'), migrate_unregister('f1');
DROP EVENT TRIGGER fail_twice;
-- DDL from within another statement: only where it is known that it may stay
CREATE FUNCTION make_table() RETURNS void LANGUAGE sql AS 'CREATE TABLE made (i int)';
SELECT migrate_register('f1', 'INSERT INTO ran VALUES (''f1''); SELECT make_table()', '', '{e3}');
CALL migrate_deploy();
SELECT to_regclass('made'), statement, last_statement, state FROM migrate.partial;
SELECT migrate_resolve('f1', 'abandon');
SELECT migrate_register('f1', 'DO $do$BEGIN PERFORM make_table(); END$do$', '', '{e3}', replace => true);
CALL migrate_deploy();
SELECT to_regclass('made');
-- a block that meets a conflict: again, unless something may have stayed
SELECT migrate_register('f2', $body$DO $do$BEGIN
  INSERT INTO ran VALUES ('f2');
  IF nextval('fails') <= 2 THEN RAISE serialization_failure; END IF;
END$do$;$body$, '', '{f1}');
SELECT setval('fails', 1, false);
CALL migrate_deploy();
SELECT attempts, (SELECT count(*) FROM ran WHERE what = 'f2') FROM migrate.log WHERE revision = 'f2' ORDER BY started DESC LIMIT 1;
SELECT migrate_register('f3', $body$DO $do$BEGIN
  CREATE TABLE f3 (i int);
  IF nextval('fails') <= 2 THEN RAISE serialization_failure; END IF;
END$do$;$body$, '', '{f2}');
SELECT setval('fails', 1, false);
CALL migrate_deploy();
CALL migrate_deploy();
SELECT last_value FROM fails;
SELECT migrate_resolve('f3', 'retry');
SELECT setval('fails', 3);
CALL migrate_deploy();
SELECT to_regclass('f3'), count(*) FROM migrate.partial;
-- a block that commits, and one that fails after that
SELECT migrate_register('f4', $body$DO $do$BEGIN INSERT INTO ran VALUES ('f4'); COMMIT; INSERT INTO ran VALUES ('f4 more'); END$do$;$body$, '', '{f3}');
CREATE PROCEDURE commits(fails boolean) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ran VALUES ('f5');
  COMMIT;
  IF fails THEN RAISE serialization_failure; END IF;
END$$;
SELECT migrate_register('f5', 'CALL commits(false)', '', '{f4}');
SELECT migrate_register('f6', 'CALL commits(true)', '', '{f5}');
CALL migrate_deploy();
SELECT string_agg(what, ', ' ORDER BY what) FROM ran WHERE what ~ '^f[45]';
SELECT revision, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
SELECT migrate_resolve('f6', 'abandon');
CALL migrate_revert('base');
SELECT migrate_unregister('f6'), migrate_unregister('f5'), migrate_unregister('f4');
DROP PROCEDURE commits;
SELECT migrate_unregister('f3'), migrate_unregister('f2'), migrate_unregister('f1');
DROP TABLE f3, made;
DROP FUNCTION make_table;
TRUNCATE ran;
DELETE FROM migrate.log;

-- everything in one transaction, and no subtransaction
SET migrate.server_type = yugabytedb_transactional_ddl;
SELECT revision, transactions, statements FROM migrate_plan_details();
SELECT migrate_upgrade();
DO $$BEGIN CALL migrate_deploy(); END$$;
CALL migrate_deploy();
SELECT * FROM outcome \gx
CALL migrate_revert('base');
SELECT * FROM outcome \gx
DELETE FROM migrate.log;
SELECT migrate_register('f1', $$INSERT INTO ran VALUES ('f1'); CREATE TABLE f1 (i int); SELECT 1 / 0$$, 'DROP TABLE f1', '{e3}');
CALL migrate_deploy();
SELECT to_regclass('f1'), * FROM outcome \gx
SELECT migrate_register('f1', $body$INSERT INTO ran VALUES ('f1'); CREATE TABLE f1 (i int);
DO $do$BEGIN IF nextval('fails') <= 2 THEN RAISE 'conflict' USING ERRCODE = 'YB003'; END IF; END$do$;
$body$, 'DROP TABLE f1', '{e3}', replace => true);
SELECT setval('fails', 1, false);
CALL migrate_deploy();
SELECT attempts FROM migrate.log WHERE revision = 'f1' AND state = 'succeeded';
SELECT string_agg(what, ', ' ORDER BY what) FROM ran WHERE what LIKE 'f1%';
-- no subtransaction: the body's transaction is the one that is committed
SELECT migrate_register('f2', $$CREATE TABLE f2 AS SELECT txid_current_if_assigned() IS NULL AS unassigned, pg_current_xact_id() AS id; INSERT INTO f2 SELECT false, xmin::text::xid8 FROM f2$$, 'DROP TABLE f2', '{f1}');
CALL migrate_deploy();
SELECT count(DISTINCT id::text) AS ids FROM f2;
CALL migrate_revert('base');

-- another version table, without row addresses and table locks
CREATE TABLE other_version (version_num varchar(32) NOT NULL PRIMARY KEY);
SET migrate.version_table = 'public.other_version';
CALL migrate_deploy();
SELECT * FROM other_version;
CALL migrate_revert('base');
SELECT * FROM other_version;
RESET migrate.version_table;

-- a SELECT that submits is the way out
ALTER DATABASE :DBNAME SET migrate.server_type = yugabytedb;
SET migrate.function_mode = submit;
SELECT migrate_upgrade('e3');
SELECT max(job) AS job FROM migrate.jobs_details \gset
CALL migrate_wait(:job);
SELECT state, revision FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_downgrade('base');
SELECT max(job) AS job FROM migrate.jobs_details \gset
CALL migrate_wait(:job);
SELECT state, revision FROM migrate.jobs_details WHERE job = :job;
RESET migrate.function_mode;
ALTER DATABASE :DBNAME RESET migrate.server_type;

-- not every role may say what server this is
CREATE ROLE regress_migrate_nobody;
SET ROLE regress_migrate_nobody;
SET migrate.server_type = postgresql;
RESET ROLE;
DROP ROLE regress_migrate_nobody;
RESET migrate.server_type;
DROP VIEW outcome;
DROP TABLE ran, other_version;
DROP SEQUENCE fails;
DROP FUNCTION fail_twice;
TRUNCATE migrate.job;
-- a body cannot set the isolation level, without a subtransaction either
SET migrate.server_type = yugabytedb_transactional_ddl;
SELECT migrate_register('iso', 'SELECT set_config(''transaction_isolation'', ''serializable'', true)');
CALL migrate_deploy('iso');
RESET migrate.server_type;

-- what a statement makes is looked up also where a type is only a shell, or is
-- not known by a name of its own
SET migrate.server_type = yugabytedb;
CREATE TABLE named (name text);
SELECT migrate_register('types', $$
CREATE TYPE hull;
CREATE FUNCTION hull_in(cstring) RETURNS hull STRICT IMMUTABLE LANGUAGE internal AS 'int4in';
CREATE FUNCTION hull_out(hull) RETURNS cstring STRICT IMMUTABLE LANGUAGE internal AS 'int4out';
CREATE TYPE hull (INPUT = hull_in, OUTPUT = hull_out, LIKE = int4);
CREATE FUNCTION hulls(hull[], named.name%TYPE) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE hulled (i hull);
DROP FUNCTION hulls(hull[], text);
DROP TABLE hulled;
DROP TYPE hull CASCADE;
CREATE TYPE hull;
DROP TYPE hull;
$$);
SET client_min_messages = warning;
CALL migrate_deploy('types');
SELECT migrate_register('no_type', 'CREATE FUNCTION f() RETURNS SETOF nowhere LANGUAGE sql AS ''SELECT 1''');
CALL migrate_deploy('no_type');
RESET client_min_messages;
DROP TABLE named;
RESET migrate.server_type;

\i sql/include/reset.sql
