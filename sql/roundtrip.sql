-- roundtrip: each pending revision up and down, what is not as before, and nothing stays
\i sql/include/start.sql
CREATE TABLE kept (a int, b text, c int);
CREATE SEQUENCE used;
CREATE TEMP TABLE before AS SELECT migrate_fingerprint(true) AS print;
SELECT count(*) FROM migrate_register_script($$
-- revision: a1
-- migrate:up
CREATE TABLE account (id bigint PRIMARY KEY, email text);
INSERT INTO account VALUES (1, 'x');
-- migrate:down
DROP TABLE account;
-- revision: a2
-- down_revision: a1
-- migrate:up
ALTER TABLE account ADD COLUMN name text;
CREATE INDEX account_email_idx ON account (email);
-- migrate:down
ALTER TABLE account DROP COLUMN name;
-- revision: a3
-- down_revision: a2
-- migrate:up
ALTER TABLE kept DROP COLUMN b, ALTER c SET NOT NULL;
DROP TABLE IF EXISTS no_such_table;
-- migrate:down
ALTER TABLE kept ADD COLUMN b text;
-- revision: a4
-- down_revision: a3
-- migrate:up
INSERT INTO account SELECT 2;
ALTER TABLE account ADD CHECK (id > 0);
-- migrate:down
SELECT 1;
SELECT 1 / 0;
-- revision: a5
-- down_revision: a4
-- migrate:up
CREATE VIEW emails AS SELECT email FROM account;
-- revision: a6
-- down_revision: a5
-- migrate:up
SELECT nextval('used');
CREATE TABLE last (a int);
-- migrate:down
DROP TABLE last;
DROP TABLE kept;
$$);
SELECT * FROM migrate_roundtrip();
\x on
SELECT * FROM migrate_roundtrip_details() WHERE revision IN ('a3', 'a4');
\x off
-- nothing has stayed but what a sequence has given
SELECT print = migrate_fingerprint(true) FROM before;
SELECT count(*) FROM migrate.log;
SELECT count(*) FROM migrate_current();
SELECT count(*) FROM pg_class WHERE relname = 'account';
SELECT last_value FROM used;
-- up to a target; in a transaction, after which the transaction continues
BEGIN;
CREATE TABLE mine (a int);
SELECT * FROM migrate_roundtrip('a1');
SELECT * FROM migrate_roundtrip('a2');
SELECT * FROM migrate_upgrade('a2');
SELECT * FROM migrate_roundtrip('a3') ORDER BY identity COLLATE "C" LIMIT 1;
TABLE migrate.version;
SELECT count(*) FROM mine;
ROLLBACK;
-- errors: of targets, of an upgrade
SELECT pg_temp.attempt($$SELECT migrate_roundtrip(NULL)$$);
SELECT pg_temp.attempt($$SELECT migrate_roundtrip('nowhere')$$);
SELECT migrate_register('b1', 'SELECT 1; SELECT 2 / 0', '', '{a6}');
SELECT pg_temp.attempt($$SELECT migrate_roundtrip('b1')$$);
SELECT count(*) FROM migrate.log;
SELECT migrate_unregister('b1');
-- a body does not call it
SELECT migrate_register('b1', 'SELECT migrate_roundtrip()', '', '{a6}');
SELECT pg_temp.attempt($$SELECT migrate_roundtrip('b1')$$);
SELECT migrate_unregister('b1');
SELECT pg_temp.attempt($$SET TRANSACTION READ ONLY; SELECT migrate_roundtrip('a1')$$);
\i sql/include/reset.sql
-- statements that cannot run inside a transaction block: in plain form, or left out
SELECT count(*) FROM migrate_register_script($$
-- revision: c1
-- migrate:up
CREATE INDEX CONCURRENTLY kept_a_idx ON kept (a);
CREATE UNIQUE INDEX
  concurrently IF NOT EXISTS kept_c_idx ON kept (c);
VACUUM
  kept;
-- migrate:down
DROP INDEX CONCURRENTLY kept_a_idx;
REINDEX TABLE CONCURRENTLY kept;
-- revision: c2
-- down_revision: c1
-- migrate:up
CREATE TABLE part (a int) PARTITION BY LIST (a);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
-- migrate:down
ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY;
DROP TABLE part;
$$);
SELECT * FROM migrate_roundtrip();
INSERT INTO kept VALUES (1, 'x', 1), (2, 'x', 1);
SELECT pg_temp.attempt('SELECT migrate_roundtrip()');
DELETE FROM kept;
\i sql/include/reset.sql
-- branches and merges, dependencies
SELECT count(*) FROM migrate_register_script($$
-- revision: base1
-- migrate:up
CREATE TABLE t0 (a int);
-- migrate:down
DROP TABLE t0;
-- revision: left1
-- down_revision: base1
-- migrate:up
CREATE TABLE t1 (a int);
-- migrate:down
DROP TABLE t1;
-- revision: right1
-- down_revision: base1
-- depends_on: left1
-- migrate:up
ALTER TABLE t1 ADD COLUMN b int;
-- migrate:down
ALTER TABLE t1 DROP COLUMN b;
-- revision: merge1
-- down_revision: left1, right1
-- migrate:up
CREATE TABLE t2 (a int);
-- migrate:down
SELECT 1;
$$);
SELECT * FROM migrate_roundtrip();
SELECT * FROM migrate_upgrade('left1');
SELECT * FROM migrate_roundtrip('heads');
SELECT * FROM migrate_downgrade('base');
-- what a body leaves in the session goes with it
PREPARE mine AS SELECT 1;
SELECT migrate_register('p1', 'PREPARE of_body AS SELECT 1; SET work_mem = ''1MB''; CREATE TEMP TABLE tt (a int)', 'SELECT 1', '{merge1}');
SELECT * FROM migrate_roundtrip() WHERE revision = 'p1';
SELECT name FROM pg_prepared_statements WHERE from_sql AND name IN ('mine', 'of_body');
SELECT to_regclass('tt'), current_setting('work_mem') = '1MB';
DEALLOCATE mine;
-- an object that the downgrade makes anew belongs to another role
CREATE ROLE trip_owner;
ALTER TABLE kept OWNER TO trip_owner;
GRANT SELECT ON kept TO PUBLIC;
SELECT migrate_register('o1', 'DROP TABLE kept', 'CREATE TABLE kept (a int, b text, c int)', '{merge1}');
SELECT revision, change, type, identity, regexp_replace(before, 'privileges.*', '...'), regexp_replace(after, 'owner: .*', 'owner: ...') FROM migrate_roundtrip_details('o1') WHERE revision = 'o1';
\i sql/include/reset.sql
-- a role without the right, and one that may run revisions, but not others' bodies
CREATE ROLE trip_runner;
GRANT CREATE ON SCHEMA public TO trip_runner, trip_owner;
GRANT EXECUTE ON FUNCTION migrate_register TO trip_owner, trip_runner;
SET ROLE trip_owner;
SELECT migrate_register('r1', 'CREATE TABLE r1 (a int)', '');
SELECT pg_temp.attempt('SELECT migrate_roundtrip()');
RESET ROLE;
GRANT EXECUTE ON FUNCTION migrate_roundtrip TO trip_runner;
SET ROLE trip_runner;
SELECT pg_temp.attempt('SELECT migrate_roundtrip()');
RESET ROLE;
SELECT migrate_unregister('r1');
SET ROLE trip_runner;
SELECT migrate_register('r1', 'CREATE TABLE r1 (a int)', '');
SELECT * FROM migrate_roundtrip();
RESET ROLE;
-- approvals: a role that may approve may see what it does before
SET migrate.require_approval = on;
SET ROLE trip_runner;
SELECT pg_temp.attempt('SELECT migrate_roundtrip()');
RESET ROLE;
GRANT EXECUTE ON FUNCTION migrate_approve TO trip_runner, trip_owner;
SET ROLE trip_runner;
SELECT pg_temp.attempt('SELECT migrate_roundtrip()');
RESET ROLE;
GRANT EXECUTE ON FUNCTION migrate_roundtrip, migrate_upgrade TO trip_owner;
GRANT trip_owner TO trip_runner;
SET ROLE trip_owner;
SELECT * FROM migrate_roundtrip();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
RESET ROLE;
RESET migrate.require_approval;
SELECT migrate_unregister('r1');
-- with a version table of its own, and where functions submit jobs
SELECT migrate_register('v1', 'CREATE TABLE v1 (a int)', '');
CREATE TABLE trip_version (version_num varchar(32) PRIMARY KEY);
SET migrate.version_table = 'public.trip_version';
SET migrate.function_mode = 'submit';
SELECT * FROM migrate_roundtrip();
SELECT count(*) FROM trip_version;
SELECT count(*) FROM migrate.job;
RESET migrate.function_mode;
RESET migrate.version_table;
-- on a server that cannot take DDL back
SET migrate.server_type = 'yugabytedb';
SELECT pg_temp.attempt('SELECT migrate_roundtrip()');
RESET migrate.server_type;
DROP TABLE trip_version;
\i sql/include/reset.sql
DROP TABLE kept, before;
DROP SEQUENCE used;
DROP OWNED BY trip_owner, trip_runner;
DROP ROLE trip_owner, trip_runner;
