-- upgrade: bodies, rows and notices of an upgrade
\i sql/include/start.sql
CREATE TABLE ran (n integer GENERATED ALWAYS AS IDENTITY, what text);
SELECT migrate_register_script($$
-- revision: a1
-- message: first
-- migrate:up
INSERT INTO ran (what) VALUES ('a1');
-- revision: a2
-- down_revision: a1
-- branch_labels: left
-- migrate:up
INSERT INTO ran (what) VALUES ('a2');
-- revision: a3
-- down_revision: a1
-- branch_labels: right
-- migrate:up
INSERT INTO ran (what) VALUES ('a3');
-- revision: d1
-- branch_labels: aside
-- depends_on: left
-- migrate:up
INSERT INTO ran (what) VALUES ('d1');
-- revision: m1
-- down_revision: a2, a3
-- message: join
-- migrate:up
INSERT INTO ran (what) SELECT 'm1, after ' || count(*) FROM ran;
$$);
-- step by step
SELECT migrate_upgrade('+1');
SELECT migrate_upgrade('right@+1');
TABLE migrate.version;
SELECT migrate_upgrade('right@+1');
TABLE migrate.version;
SELECT migrate_upgrade('m1');
TABLE migrate.version;
-- nothing to do, and no notice
SELECT migrate_upgrade('m1');
SELECT migrate_upgrade('a2');
SELECT migrate_upgrade('base');
-- the default is head; more than one is an error, heads are not
SELECT migrate_upgrade();
\echo :LAST_ERROR_SQLSTATE
SELECT migrate_upgrade('heads');
SELECT migrate_upgrade('heads');
TABLE migrate.version ORDER BY 1;
SELECT what FROM ran ORDER BY n;

-- revisions are returned in order, also as rows of a join
SET client_min_messages = warning;
SELECT migrate_stamp('base');
TRUNCATE ran;
SELECT u.n, u.id, h.message FROM migrate_upgrade('heads') WITH ORDINALITY AS u (id, n)
  LEFT JOIN migrate_history() AS h ON h.revision = u.id ORDER BY n;

-- in the caller's transaction: its rollback takes everything back
SELECT migrate_stamp('base');
TRUNCATE ran;
BEGIN;
SELECT count(*) FROM migrate_upgrade('m1');
SELECT count(*) FROM ran;
TABLE migrate.version;
ROLLBACK;
SELECT (SELECT count(*) FROM ran) AS ran, (SELECT count(*) FROM migrate.version) AS rows;
BEGIN;
SELECT migrate_upgrade('a1');
SAVEPOINT s;
SELECT count(*) FROM migrate_upgrade('m1');
ROLLBACK TO s;
TABLE migrate.version;
SELECT migrate_upgrade('left');
COMMIT;
TABLE migrate.version;
SELECT what FROM ran;

-- a failed revision leaves nothing of the whole call
SELECT migrate_register('f1', 'INSERT INTO ran (what) VALUES (1/0)', '', '{m1}');
SELECT migrate_upgrade('f1');
\echo :LAST_ERROR_SQLSTATE
TABLE migrate.version;
SELECT what FROM ran;
SELECT migrate_upgrade('m1');
TABLE migrate.version;

-- from PL/pgSQL, inside a handler of errors
DO $$
BEGIN
	PERFORM migrate_upgrade('f1');
EXCEPTION WHEN division_by_zero THEN
	RAISE WARNING 'caught %, rows %', sqlstate, (SELECT array_agg(version_num) FROM migrate.version);
END $$;
SELECT migrate_upgrade(NULL);
SELECT migrate_upgrade(migrate_upgrade('d1'));
TABLE migrate.version ORDER BY 1;
\i sql/include/reset.sql
DROP TABLE ran;
