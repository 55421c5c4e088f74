-- body: what a body may do, and what of it ends with the revision
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE ROLE regress_migrate_other;
CREATE SCHEMA app AUTHORIZATION regress_migrate_other;
CREATE FUNCTION pg_temp.run(upgrade text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	id text := 'r' || (SELECT count(*) FROM migrate.revision);
	result text;
BEGIN
	PERFORM migrate_register(id, upgrade, '');
	result := pg_temp.attempt(format('SELECT migrate_upgrade(%L)', id));
	RETURN result;
END $$;

-- statements see what those before them did; results are thrown away
SELECT pg_temp.run($$
	CREATE TABLE t (i int, j int DEFAULT 1);
	INSERT INTO t SELECT generate_series(1, 3) RETURNING i;
	ALTER TABLE t ADD COLUMN k text;
	UPDATE t SET k = 'k';
	SELECT generate_series(1, 1000);
	TABLE t; VALUES (1), (2); SHOW search_path; EXPLAIN SELECT 1;
	SELECT * INTO t2 FROM t;
	CREATE TEMP TABLE tmp AS TABLE t;
	PREPARE p AS SELECT 1; EXECUTE p; DEALLOCATE p;
	DO 'BEGIN PERFORM 1; END';
	CREATE TYPE mood AS ENUM ('sad');
	COPY t TO '/dev/null';
	LOCK TABLE t IN ACCESS EXCLUSIVE MODE;
$$);
SELECT (SELECT count(*) FROM t WHERE k = 'k') AS t, (SELECT count(*) FROM t2) AS t2,
       (SELECT count(*) FROM tmp) AS tmp;

-- settings and role end with the body
SET search_path = public;
SET work_mem = '5MB';
SELECT pg_temp.run($$
	SET search_path = app; SET work_mem = '6MB'; SET LOCAL statement_timeout = '1h';
	CREATE TABLE in_app (i int);
	SET ROLE regress_migrate_other;
	CREATE TABLE of_other (i int);
$$);
SELECT current_setting('search_path') AS search_path, current_setting('work_mem') AS work_mem,
       current_setting('statement_timeout') AS statement_timeout, current_user = session_user AS role_is_back;
SELECT relname, relnamespace::regnamespace, pg_get_userbyid(relowner) = current_user AS mine
  FROM pg_class WHERE relname IN ('in_app', 'of_other') ORDER BY 1;
-- even if the caller's own transaction continues
BEGIN;
SET LOCAL work_mem = '7MB';
SELECT pg_temp.run('SET LOCAL work_mem = ''8MB''; SET lock_timeout = 1234; RESET ALL');
SELECT current_setting('work_mem') AS work_mem, current_setting('lock_timeout') AS lock_timeout;
COMMIT;
SELECT current_setting('work_mem') AS work_mem, current_setting('search_path') AS search_path;
-- the lock timeout of a revision
SELECT pg_temp.run($$CREATE TABLE lt AS SELECT current_setting('lock_timeout') AS v$$);
SET lock_timeout = '100ms';
SELECT pg_temp.run($$INSERT INTO lt SELECT current_setting('lock_timeout')$$);
SET lock_timeout = '1h';
SELECT pg_temp.run($$INSERT INTO lt SELECT current_setting('lock_timeout')$$);
SET migrate.lock_timeout = 0;
SELECT pg_temp.run($$INSERT INTO lt SELECT current_setting('lock_timeout')$$);
RESET migrate.lock_timeout;
RESET lock_timeout;
SELECT v FROM lt;

-- a body must not start another run, nor end what is around it
SELECT pg_temp.run('SELECT migrate_upgrade(''r0'')');
SELECT pg_temp.run('SELECT migrate_stamp(''base'', true)');
SELECT pg_temp.run('DO ''BEGIN PERFORM migrate_downgrade(''''base''''); END''');
SELECT pg_temp.run('SELECT count(*) FROM migrate_current()');
SELECT pg_temp.run('DO ''BEGIN COMMIT; END''');
SELECT pg_temp.run('CREATE PROCEDURE app.c() LANGUAGE plpgsql AS ''BEGIN COMMIT; END''; CALL app.c()');

-- cannot run inside a transaction block: refused before anything runs
SELECT migrate_register('before', 'CREATE TABLE before (i int)', '');
SELECT migrate_register('vacuum', E'SELECT 1;\nVACUUM t', 'REINDEX TABLE CONCURRENTLY t', '{before}');
SELECT migrate_upgrade('vacuum');
\echo :LAST_ERROR_SQLSTATE
SELECT to_regclass('before');
SELECT migrate_stamp('vacuum');
SELECT migrate_downgrade('before');
SELECT kind, pg_temp.run(kind) ~ '^0A000: .* cannot run inside a function' AS refused
  FROM unnest(ARRAY['VACUUM', 'VACUUM (FULL) t', 'CREATE INDEX CONCURRENTLY ON t (i)',
	'DROP INDEX CONCURRENTLY x', 'REINDEX (CONCURRENTLY) TABLE t', 'REINDEX DATABASE x', 'REINDEX SCHEMA public',
	'REINDEX SYSTEM x', 'CLUSTER', 'CREATE DATABASE x', 'DROP DATABASE x', 'ALTER DATABASE x SET TABLESPACE y',
	'CREATE TABLESPACE x LOCATION ''/''', 'DROP TABLESPACE x', 'ALTER SYSTEM SET work_mem = 1', 'DISCARD ALL',
	'CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p', 'DROP SUBSCRIPTION s',
	'ALTER SUBSCRIPTION s REFRESH PUBLICATION', 'ALTER TABLE t DETACH PARTITION u CONCURRENTLY']) AS kind;
-- these do not
SELECT kind, pg_temp.run(kind) FROM unnest(ARRAY['ANALYZE t', 'REINDEX TABLE t', 'DISCARD PLANS',
	'CREATE INDEX t_i ON t (i)', 'CLUSTER t USING t_i', 'DROP INDEX t_i', 'TRUNCATE t']) AS kind;
SELECT kind, pg_temp.run(kind) FROM unnest(ARRAY['ALTER SUBSCRIPTION s SET (slot_name = x)', 'ALTER SUBSCRIPTION s DISABLE',
	'ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (refresh = false)']) AS kind;
-- a new value of an enum may be added, and used by a later transaction
SELECT pg_temp.run('ALTER TYPE mood ADD VALUE ''ok''');
SELECT enum_range(NULL::mood);
\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE t, t2, lt;
DROP TYPE mood;
DROP SCHEMA app CASCADE;
DROP ROLE regress_migrate_other;
