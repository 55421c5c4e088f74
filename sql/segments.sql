-- segments: bodies with statements that cannot run inside a transaction block
\i sql/include/start.sql
CREATE TABLE t (a int, b text);
INSERT INTO t SELECT g, g::text FROM generate_series(1, 10) AS g;
CREATE TABLE parted (i int) PARTITION BY RANGE (i);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE INDEX parted_i ON parted (i);
ALTER TABLE part CLUSTER ON part_i_idx;
CREATE TABLE seen (n integer GENERATED ALWAYS AS IDENTITY, what text);

-- one body: ordinary statements and others in turns
SELECT migrate_register('s1', $$
	ALTER TABLE t ADD COLUMN c int;
	UPDATE t SET c = a;
	CREATE INDEX CONCURRENTLY t_c ON t (c);
	CREATE INDEX CONCURRENTLY ON t (b);
	INSERT INTO t VALUES (11, 'x', 11);
	VACUUM (ANALYZE) t;
$$, $$
	DROP INDEX CONCURRENTLY t_c;
	DROP INDEX CONCURRENTLY t_b_idx;
	ALTER TABLE t DROP COLUMN c;
	DELETE FROM t WHERE a = 11;
$$);
SELECT revision, transactions, statements FROM migrate_plan_details();
SELECT upgrade_transactions, downgrade_transactions FROM migrate.revision WHERE revision = 's1';
CALL migrate_deploy();
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;
SELECT count(*), sum(c) FROM t;
SELECT revision, state, attempts FROM migrate.log;
SELECT count(*) FROM migrate.partial;
CALL migrate_revert('base');
SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass;
SELECT * FROM t WHERE a > 9;

-- each kind of statement, alone in a body; CREATE and ALTER SUBSCRIPTION need
-- a publisher, t/subscription.pl has one
CREATE FUNCTION body(text) RETURNS void LANGUAGE sql AS $$
	SELECT migrate_stamp('base', purge => true);
	SELECT migrate_register('kind', $1, replace => true);
$$;
\set kind 'SELECT body(:''body'') \\g /dev/null \\\\ CALL migrate_deploy(\'kind\');'
SET client_min_messages = warning;
SET allow_in_place_tablespaces = on;
\set body 'CREATE DATABASE regress_migrate_new'
:kind
\set body 'CREATE TABLESPACE regress_migrate_space LOCATION '''''
:kind
\set body 'ALTER DATABASE regress_migrate_new SET TABLESPACE regress_migrate_space'
:kind
SELECT d.datname, s.spcname FROM pg_database AS d JOIN pg_tablespace AS s ON s.oid = d.dattablespace
 WHERE d.datname LIKE 'regress_migrate%';
\set body 'DROP DATABASE regress_migrate_new'
:kind
\set body 'DROP TABLESPACE regress_migrate_space'
:kind
SELECT count(*) FROM pg_tablespace WHERE spcname LIKE 'regress%';
\set body 'ALTER SYSTEM RESET deadlock_timeout'
:kind
\set body 'CREATE INDEX CONCURRENTLY IF NOT EXISTS t_a ON t (a)'
:kind
:kind
\set body 'REINDEX INDEX CONCURRENTLY t_a'
:kind
\set body 'REINDEX (CONCURRENTLY, VERBOSE off) TABLE t'
:kind
\set body 'REINDEX SCHEMA public'
:kind
SELECT 'REINDEX SYSTEM ' || current_database() AS body \gset
:kind
-- about what the server warns here differs between versions
SET client_min_messages = error;
SELECT 'REINDEX DATABASE CONCURRENTLY ' || current_database() AS body \gset
:kind
SET client_min_messages = warning;
\set body 'DROP INDEX CONCURRENTLY t_a'
:kind
\set body 'ALTER TABLE parted DETACH PARTITION part CONCURRENTLY'
:kind
SELECT count(*) FROM pg_inherits WHERE inhparent = 'parted'::regclass;
\set body 'ALTER TABLE parted ATTACH PARTITION part FOR VALUES FROM (0) TO (10)'
:kind
\set body 'VACUUM FULL t'
:kind
\set body 'CLUSTER'
:kind
\set body 'DISCARD ALL'
:kind
-- and here
SET client_min_messages = error;
\set body 'CREATE SUBSCRIPTION regress_migrate_sub CONNECTION ''dbname=nowhere'' PUBLICATION p WITH (connect = false, slot_name = NONE)'
:kind
SET client_min_messages = warning;
\set body 'DROP SUBSCRIPTION regress_migrate_sub'
:kind
SELECT count(*) FROM pg_subscription WHERE subname LIKE 'regress%';
SELECT current_setting('server_version_num')::int >= 190000 AS have_repack \gset
\if :have_repack
\set body 'REPACK'
:kind
\set body 'REPACK (ANALYZE) t'
:kind
CREATE TABLE keyed (k int PRIMARY KEY);
\set body 'REPACK (CONCURRENTLY) keyed'
:kind
DROP TABLE keyed;
\endif
-- refused because of what the catalogs say; ordinary for an ordinary table
\set body 'REINDEX TABLE parted'
:kind
\set body 'REINDEX INDEX parted_i'
:kind
\set body 'CLUSTER t USING t_a'
:kind
CREATE INDEX t_a ON t (a);
:kind
\set body 'CLUSTER parted USING parted_i'
:kind
SELECT revision FROM migrate_current();
-- it shows too late for a procedure around it
SELECT body('INSERT INTO seen (what) VALUES (''before''); REINDEX TABLE parted') \g /dev/null
DO 'BEGIN CALL migrate_deploy(''kind''); END';
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM seen WHERE what = 'before';
SELECT partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
CALL migrate_deploy('kind');
SELECT count(*) FROM seen WHERE what = 'before';
-- a value of an enum and its use
CREATE TYPE colour AS ENUM ('red');
CREATE TABLE paint (c colour);
\set body 'ALTER TYPE colour ADD VALUE ''green''; INSERT INTO paint VALUES (''green'')'
:kind
\set body 'ALTER TYPE colour ADD VALUE ''blue''; INSERT INTO seen (what) VALUES (''no use'')'
:kind
SELECT body, upgrade_transactions FROM migrate.revision, LATERAL (SELECT upgrade AS body) AS b WHERE revision = 'kind';
\set body 'ALTER TYPE colour ADD VALUE ''it''''s white''; INSERT INTO paint VALUES (E\'it\\x27s white\')'
:kind
SELECT * FROM paint;
-- one transaction cannot do that
\i sql/include/start.sql
SET client_min_messages = warning;
SELECT body('ALTER TYPE colour ADD VALUE ''grey''; INSERT INTO paint VALUES (''grey'')') \g /dev/null
SELECT pg_temp.attempt('SELECT migrate_upgrade(''kind'')');
SELECT body('REINDEX TABLE parted') \g /dev/null
SELECT pg_temp.attempt('SELECT migrate_upgrade(''kind'')');
RESET client_min_messages;

-- a SET holds until the end of the body, and no longer
CREATE FUNCTION note(text) RETURNS void LANGUAGE sql AS
	'INSERT INTO seen (what) SELECT $1 || '': '' || coalesce(current_setting(''work_mem''), '''') || '' '' || current_setting(''search_path'') || '' '' || coalesce(current_setting(''a.b'', true), ''none'')';
SET work_mem = '2MB';
CREATE SCHEMA other;
CREATE TABLE other.t2 (i int);
TRUNCATE seen;
SELECT migrate_register('s2', $$
	SELECT note('one');
	SET work_mem = '3MB';
	SET search_path = other, public;
	SET LOCAL a.b = 'local';
	SELECT note('two');
	CREATE INDEX CONCURRENTLY t2_i ON t2 (i);
	SELECT note('three');
	RESET work_mem;
	SET a.b TO 'set';
	VACUUM t2;
	SELECT note('four');
	RESET ALL;
	VACUUM other.t2;
	SELECT note('five');
$$, '');
SET client_min_messages = warning;
CALL migrate_deploy('s2');
SELECT what FROM seen ORDER BY n;
SHOW work_mem;
SHOW search_path;
SHOW a.b;
SHOW client_min_messages;
SELECT 'other.t2_i'::regclass;
SELECT source FROM pg_settings WHERE name = 'search_path';
SELECT body('SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, DEFERRABLE; VACUUM t; INSERT INTO seen (what) VALUES (current_setting(''default_transaction_isolation'') || '' '' || current_setting(''default_transaction_deferrable'')); VACUUM t') \g /dev/null
CALL migrate_deploy('kind');
SELECT what FROM seen ORDER BY n DESC LIMIT 1;
SELECT current_setting('default_transaction_isolation'), current_setting('default_transaction_deferrable');
-- also after an error
SELECT migrate_register('s3', 'SET work_mem = ''4MB''; CREATE INDEX CONCURRENTLY nope ON nowhere (i)', '');
CALL migrate_deploy('s3');
SHOW work_mem;
SELECT count(*) FROM migrate.partial;
SELECT revision, state, error FROM migrate.log WHERE revision = 's3';
-- lock_timeout is for transactions: it must not end a wait of such a statement
SET migrate.lock_timeout = '1ms';
SELECT body('CREATE INDEX CONCURRENTLY IF NOT EXISTS t_b ON t (b)') \g /dev/null
CALL migrate_deploy('kind');
RESET migrate.lock_timeout;

-- a role that is not the session's, and DISCARD ALL
CREATE ROLE regress_migrate_runner SUPERUSER;
SET ROLE regress_migrate_runner;
SELECT body('DISCARD ALL') \g /dev/null
CALL migrate_deploy('kind');
SELECT current_user;
SELECT body('SET SESSION AUTHORIZATION DEFAULT; VACUUM t') \g /dev/null
CALL migrate_deploy('kind');
SELECT current_user;
RESET ROLE;
SELECT body('SET ROLE regress_migrate_runner; VACUUM t; INSERT INTO seen (what) SELECT current_user; VACUUM t') \g /dev/null
CALL migrate_deploy('kind');
SELECT what FROM seen ORDER BY n DESC LIMIT 1;
SELECT current_user = session_user AS back;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';

-- an error of such a statement is in the body, too
SELECT body(E'-- ж\nVACUUM (nosuch) t') \g /dev/null
CALL migrate_deploy('kind');

-- an INVALID index that the run has not made
CREATE UNIQUE INDEX t_d ON t (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_d'::regclass;
SELECT body('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_d ON t (a)') \g /dev/null
CALL migrate_deploy('kind');
SELECT count(*) FROM migrate.partial;
-- without IF NOT EXISTS the server does not say that; the body has another search_path than the session
CREATE TABLE other."T i" (a int);
CREATE INDEX "T_d" ON other."T i" (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other."T_d"'::regclass;
SELECT body('SET search_path = other; CREATE INDEX CONCURRENTLY "T_d" ON "T i" (a)') \g /dev/null
CALL migrate_deploy('kind');
DROP INDEX CONCURRENTLY other."T_d";
CALL migrate_deploy('kind');
-- of another table it is not for this run to drop
CREATE INDEX taken ON other."T i" (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other.taken'::regclass;
CREATE TABLE other.beside (a int);
SELECT body('CREATE INDEX CONCURRENTLY taken ON other.beside (a)') \g /dev/null
CALL migrate_deploy('kind');
DROP TABLE other.beside;
DROP INDEX other.taken;
SELECT body('CREATE UNIQUE INDEX t_d ON t (a)') \g /dev/null
SELECT migrate_upgrade('kind');
-- nor does it have to: the index is another one, or valid, or what exists is none
SELECT body('CREATE UNIQUE INDEX "T_d" ON other."T i" (a)') \g /dev/null
SELECT migrate_upgrade('kind');
SELECT body('CREATE INDEX CONCURRENTLY t ON t (a)') \g /dev/null
CALL migrate_deploy('kind');

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP FUNCTION body, note;
DROP TABLE t, parted, seen, paint;
DROP SCHEMA other CASCADE;
DROP TYPE colour;
REASSIGN OWNED BY regress_migrate_runner TO CURRENT_USER;
DROP ROLE regress_migrate_runner;
