-- segment_session: what a body leaves in the session, from one segment to the
-- next and to a session that resumes it
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE TABLE t (i int);
CREATE TABLE go ();
CREATE FUNCTION body(text) RETURNS void LANGUAGE sql AS $$
	SELECT public.migrate_stamp('base', purge => true);
	SELECT public.migrate_register('s', $1, replace => true);
$$;
\set run 'SELECT body(:''body'') \\g /dev/null \\\\ CALL migrate_deploy(); SELECT * FROM t ORDER BY i; TRUNCATE t;'

-- in one session all of it is there
CREATE SEQUENCE seq;
\set body 'CREATE TEMP TABLE x AS SELECT 1 AS i; PREPARE p AS SELECT 2; DECLARE c CURSOR WITH HOLD FOR SELECT 3; SELECT nextval(''seq''); VACUUM t; INSERT INTO t SELECT i FROM x; EXECUTE p; FETCH c; INSERT INTO t SELECT currval(''seq'') + 10; DROP TABLE x; DEALLOCATE p; CLOSE c; VACUUM t'
:run
-- an attempt that fails takes away what it has prepared, and no more
CREATE SEQUENCE fails;
CREATE FUNCTION fail_once() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('fails') <= 1 THEN RAISE serialization_failure; END IF;
	RETURN 1;
END $$;
\set body 'PREPARE p AS INSERT INTO t VALUES (1); VACUUM t; PREPARE q AS INSERT INTO t VALUES (2); SELECT fail_once(); EXECUTE p; EXECUTE q; DEALLOCATE ALL'
:run
SELECT migrate_stamp('base', purge => true);
SELECT migrate_register('s', 'PREPARE p AS INSERT INTO t VALUES (1)', replace => true);
SELECT migrate_register('s2', 'PREPARE q AS INSERT INTO t VALUES (2); SELECT fail_once(); EXECUTE p; EXECUTE q; DEALLOCATE ALL', down_revision => '{s}');
ALTER SEQUENCE fails RESTART;
SELECT migrate_upgrade();
SELECT * FROM t ORDER BY i;
TRUNCATE t;
SELECT migrate_stamp('base');
SELECT migrate_unregister('s2');

-- what ends with the transaction is refused, wherever it is made, or said
\set body 'SELECT 1; CREATE TEMP TABLE x (i int) ON COMMIT DELETE ROWS; INSERT INTO x VALUES (1); VACUUM t; INSERT INTO t SELECT * FROM x'
:run
SELECT partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
\set body 'DO $$BEGIN CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1; END$$; ANALYZE x; VACUUM t; INSERT INTO t SELECT * FROM x'
:run
\set body 'CREATE TEMP TABLE x (i int) ON COMMIT DROP; INSERT INTO x VALUES (1); INSERT INTO t SELECT * FROM x; DROP TABLE x; VACUUM t'
:run
\set body 'VACUUM t; CREATE TEMP TABLE x (i int) ON COMMIT DROP; INSERT INTO t VALUES (1)'
:run
\set body 'LOCK TABLE t; INSERT INTO t VALUES (1); VACUUM go; INSERT INTO t VALUES (2); LOCK TABLE t'
:run
SET migrate.server_type = yugabytedb;
\set body 'CREATE TEMP TABLE x (i int) ON COMMIT DROP; INSERT INTO x VALUES (1)'
:run
SELECT migrate_resolve('s', 'abandon') FROM migrate_current() JOIN migrate_history_details() USING (revision) WHERE partial IS NOT NULL;
RESET migrate.server_type;

-- advisory locks last to the end of the body, those of a transaction, too
\set body 'SELECT pg_advisory_xact_lock(-1), pg_advisory_xact_lock_shared(1, -2), pg_advisory_lock(3); VACUUM go; INSERT INTO t SELECT count(*) FROM pg_locks WHERE locktype = ''advisory'' AND (objsubid = 2 AND classid = 1 AND mode = ''ShareLock'' OR objsubid = 1 AND classid = 4294967295 OR objid = 3); VACUUM go; SELECT pg_advisory_unlock(3)'
:run
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
\set body 'SELECT pg_advisory_xact_lock(5); VACUUM go; SELECT 1 / count(*) FROM go; INSERT INTO t SELECT objid::bigint FROM pg_locks WHERE locktype = ''advisory'' AND objid = 5'
:run
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT session_objects FROM migrate.partial ORDER BY statement DESC LIMIT 1;
\c -
SET client_min_messages = warning;
INSERT INTO go DEFAULT VALUES;
CALL migrate_deploy();
SELECT * FROM t;
TRUNCATE t, go;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

-- a session that resumes it does not have the rest
CREATE TABLE x (i int);
CREATE TEMP TABLE mine ();
\set body 'CREATE TEMP TABLE x AS SELECT 1 AS i; VACUUM go; PREPARE p AS SELECT 1; SELECT nextval(''seq''); DECLARE c CURSOR WITH HOLD FOR SELECT 1; CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS ''SELECT 1''; CREATE TYPE pg_temp."c c" AS (a int); CREATE TYPE pg_temp.r AS RANGE (subtype = int); LISTEN l; VACUUM go; INSERT INTO t SELECT i FROM x; SELECT 1 / count(*) FROM go; INSERT INTO t SELECT currval(''seq'')'
:run
SELECT session_objects FROM migrate.partial ORDER BY statement DESC LIMIT 1;
SELECT count(DISTINCT session_id) FROM migrate.partial;
-- the same session has it, until it has not
CALL migrate_deploy();
DEALLOCATE p;
\set VERBOSITY sqlstate
CALL migrate_deploy();
\set VERBOSITY default
\c -
SET client_min_messages = warning;
INSERT INTO go DEFAULT VALUES;
CREATE TEMP TABLE x AS SELECT 2 AS i;
CALL migrate_deploy();
SELECT nextval('seq') \g /dev/null
-- a person says that it is not needed; currval() of this session is not that of the other one
SELECT migrate_resolve('s', 'retry');
CALL migrate_deploy();
SELECT migrate_resolve('s', 'abandon');

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE pg_temp.x;
DROP TABLE t, go, x;
DROP SEQUENCE seq, fails;
DROP FUNCTION body, fail_once;
