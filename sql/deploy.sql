-- deploy: each revision a transaction of its own
\i sql/include/start.sql
CREATE TABLE t (i int);
SELECT migrate_register('a1', 'CREATE TABLE made (i int)', 'DROP TABLE made', message => 'make it');
SELECT migrate_register('a2', 'INSERT INTO t SELECT txid_current()', 'DELETE FROM t', '{a1}');
SELECT migrate_register('a3', 'INSERT INTO t SELECT txid_current()', '', '{a2}');
CALL migrate_deploy('+1');
CALL migrate_deploy();
CALL migrate_deploy();
SELECT count(DISTINCT i) FROM t;
SELECT step, revision, operation, via, state, attempts, sqlstate, error, role = current_user AS role,
       wall_ms > 0 AND cpu_ms > 0 AND wal_records > 0 AND lock_wait_ms = 0 AS used
  FROM migrate.log ORDER BY started;
CALL migrate_revert('a1');
SELECT revision FROM migrate_current();
CALL migrate_revert('base');
SELECT revision, operation, via, step FROM migrate.log WHERE operation = 'downgrade' ORDER BY started;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';

-- what was done before an error stays, and the failure is logged
SELECT migrate_register('a4', E'INSERT INTO t VALUES (4);\nINSERT INTO t\nSELECT 1 / 0', '', '{a3}');
SELECT migrate_register('a5', 'INSERT INTO t VALUES (5)', '', '{a4}');
CALL migrate_deploy();
\echo :LAST_ERROR_SQLSTATE
SELECT revision FROM migrate_current();
SELECT revision, step, state, attempts, sqlstate, error, wall_ms > 0 AS used FROM migrate.log WHERE state = 'failed';
SELECT count(*) FROM t WHERE i = 4;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';
SELECT migrate_register('a4', 'INSERT INTO t VALUES (4)', NULL, '{a3}', replace => true);
CALL migrate_deploy();
SELECT revision FROM migrate_current();

-- before the first step everything that can be refused is
CALL migrate_revert('a2');
CALL migrate_deploy('nowhere');
CALL migrate_deploy(NULL);
CALL migrate_deploy('');
\set VERBOSITY sqlstate
CALL migrate_revert();
\set VERBOSITY default
CALL migrate_revert('a5');
SELECT migrate_stamp('a1', purge => true);
SELECT migrate_register('a4', 'INSERT INTO t VALUES (4)', '', '{a3}', replace => true);
SET default_transaction_read_only = on;
CALL migrate_deploy();
RESET default_transaction_read_only;
SET migrate.version_table = 'nowhere.at_all';
CALL migrate_deploy();
RESET migrate.version_table;

-- where it cannot commit
BEGIN;
CALL migrate_deploy();
ROLLBACK;
SELECT 1 \; CALL migrate_deploy();
BEGIN;
CALL migrate_revert('base');
ROLLBACK;
CREATE FUNCTION call_it() RETURNS void LANGUAGE plpgsql AS 'BEGIN CALL migrate_deploy(); END';
SELECT call_it();
CREATE FUNCTION call_it_by_sql() RETURNS void LANGUAGE sql AS 'CALL migrate_deploy()';
SELECT call_it_by_sql();
CREATE PROCEDURE call_it_with_setting() LANGUAGE plpgsql SET search_path = public AS 'BEGIN CALL migrate_deploy(); END';
CALL call_it_with_setting();
DO $$
BEGIN
	CALL migrate_deploy();
EXCEPTION WHEN invalid_transaction_termination THEN
	RAISE NOTICE '% %', sqlstate, sqlerrm;
END $$;
SELECT migrate_register('a6', 'DO ''BEGIN CALL migrate_deploy(); END''', '', '{a5}');
SELECT migrate_stamp('a5', purge => true);
CALL migrate_deploy();
SELECT revision FROM migrate_current();
SELECT migrate_register('a6', 'CREATE INDEX CONCURRENTLY ON t (i)', '', '{a5}', replace => true);

-- inside DO and procedures: ordinary revisions
SELECT migrate_stamp('a1', purge => true);
DO $$
DECLARE
	seen int;
BEGIN
	INSERT INTO t VALUES (-1);
	CALL migrate_deploy('a2');
	FOR seen IN SELECT i FROM t WHERE i < 0 LOOP
		CALL migrate_deploy('a3');
		RAISE NOTICE 'still here: %', seen;
	END LOOP;
	CALL migrate_deploy('a5');
END $$;
SELECT revision FROM migrate_current();
DO 'BEGIN CALL migrate_deploy(); END';
CREATE PROCEDURE call_it_twice() LANGUAGE plpgsql AS $$
BEGIN
	CALL migrate_revert('a4');
	CALL migrate_revert('a1');
END $$;
CALL call_it_twice();
SELECT revision FROM migrate_current();
-- an error there, too, leaves what was done, and no lock
SELECT migrate_register('a4', 'SELECT 1 / 0', '', '{a3}', replace => true);
SET client_min_messages = warning;
DO 'BEGIN CALL migrate_deploy(''a5''); END';
SELECT revision FROM migrate_current();
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';

-- a body that lets go of the locks of its session
SELECT migrate_register('a4', 'SELECT pg_advisory_unlock_all(); SELECT count(*) FROM pg_locks WHERE locktype = ''advisory''; INSERT INTO t VALUES (4)', '', '{a3}', replace => true);
CALL migrate_deploy('a5');
SELECT revision FROM migrate_current();
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';

-- by argument name, on a table of Alembic's, by another role
CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
CREATE ROLE regress_migrate_runner;
GRANT ALL ON alembic_version, t TO regress_migrate_runner;
GRANT ALL ON SCHEMA public TO regress_migrate_runner;
DROP TABLE made;
SET ROLE regress_migrate_runner;
CALL migrate_deploy('a1');
SELECT pg_temp.attempt($$SELECT migrate_resolve('a1', 'skip')$$);
RESET ROLE;
GRANT EXECUTE ON PROCEDURE migrate_deploy, migrate_revert TO regress_migrate_runner;
SET ROLE regress_migrate_runner;
SET migrate.version_table = 'public.alembic_version';
CALL migrate_deploy(target => 'a3');
SELECT version_num FROM alembic_version;
CALL migrate_revert(target => 'base');
SELECT version_num FROM alembic_version;
RESET ROLE;
SELECT revision, operation, role, version_table FROM migrate.log
 WHERE role = 'regress_migrate_runner' ORDER BY started;

-- in a loop that writes the server lets nothing commit
CREATE TABLE y AS SELECT 1 AS i;
DO $$DECLARE r record; BEGIN FOR r IN UPDATE y SET i = i RETURNING i LOOP CALL migrate_deploy('a1'); END LOOP; END$$;
DROP TABLE y;

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP FUNCTION call_it, call_it_by_sql;
DROP PROCEDURE call_it_with_setting, call_it_twice;
DROP TABLE t, alembic_version;
REVOKE ALL ON PROCEDURE migrate_deploy, migrate_revert FROM regress_migrate_runner;
REVOKE ALL ON SCHEMA public FROM regress_migrate_runner;
DROP ROLE regress_migrate_runner;
