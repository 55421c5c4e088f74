-- doctor: what could go wrong; each finding provoked where SQL can
\i sql/include/start.sql
SET client_min_messages = warning;
\pset null -
-- only what differs from a server where all is well
CREATE VIEW ill AS SELECT * FROM migrate_doctor_details() WHERE status <> 'ok'
  AND "check" NOT IN ('preload', 'background workers', 'empty transaction', 'writing transaction', 'slots', 'lag');
SELECT area, "check" FROM migrate_doctor_details() WHERE "check" <> 'transaction_timeout';
SELECT * FROM ill;
SELECT DISTINCT status IN ('ok', 'warning', 'problem'), value <> '', advice <> '' FROM migrate_doctor_details();
-- times are measured
SELECT "check", value ~ '^median \d+\.\d\d ms, worst \d+\.\d\d ms of 5$' AS measured FROM migrate_doctor_details() WHERE area = 'commit';
SELECT count(*) FROM migrate.lease WHERE name = 'doctor';

-- the process that measures them fails
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON migrate.lease EXECUTE FUNCTION refuse();
SELECT "check", status, value, advice FROM migrate_doctor_details() WHERE area = 'commit' \gx
DROP TRIGGER refuse ON migrate.lease;
DROP FUNCTION refuse;

-- where nothing can be written
BEGIN READ ONLY;
SELECT * FROM ill;
SELECT count(*) FROM migrate_doctor_details() WHERE value LIKE 'median%';
COMMIT;
SET default_transaction_read_only = on;
SELECT count(*) FROM migrate_doctor_details() WHERE value LIKE 'median%';
RESET default_transaction_read_only;

-- server and isolation
SET migrate.server_type = yugabytedb_transactional_ddl;
SELECT * FROM ill \gx
SELECT "check", value, advice FROM migrate_doctor_details() WHERE area = 'setting' ORDER BY 1 LIMIT 3 \gx
SELECT count(*) FROM migrate_doctor_details() WHERE area = 'setting';
RESET migrate.server_type;
SET default_transaction_isolation = 'repeatable read';
SELECT "check", status, value, advice FROM migrate_doctor_details() WHERE area = 'isolation' \gx
RESET default_transaction_isolation;

-- timeouts
SET migrate.lock_timeout = 0;
SET statement_timeout = '1h';
SELECT * FROM ill \gx
SET lock_timeout = '1s';
SET idle_in_transaction_session_timeout = '1min';
SELECT "check", status, value, advice FROM migrate_doctor_details() WHERE area = 'timeout' AND "check" <> 'transaction_timeout' \gx
RESET migrate.lock_timeout;
RESET lock_timeout;
RESET statement_timeout;
RESET idle_in_transaction_session_timeout;

-- the catalog
CREATE TABLE doubles (i int);
INSERT INTO doubles VALUES (1), (1);
CREATE UNIQUE INDEX CONCURRENTLY "Doubles i" ON doubles (i);
SELECT * FROM ill \gx
DROP TABLE doubles;

-- what is to be run
SELECT migrate_register('d1', 'CREATE TABLE d1 (i int)', 'DROP TABLE d1');
SELECT migrate_register('d2', (SELECT string_agg(format('ALTER TABLE d1 ADD COLUMN c%s int', i), ';') FROM generate_series(1, 21) AS i), '', '{d1}');
SELECT migrate_register('d3', (SELECT string_agg(format('INSERT INTO d1 VALUES (%s)', i), ';') FROM generate_series(1, 30) AS i), '', '{d2}');
SELECT migrate_register('d4', 'CREATE TABLE d4 (i int)', '', '{d1}');
SELECT * FROM ill \gx
SELECT "check", status, value FROM migrate_doctor_details() WHERE area = 'migration' OR "check" = 'locks' \gx
SET migrate.require_approval = on;
SELECT "check", status, value, advice FROM migrate_doctor_details() WHERE "check" = 'approvals' \gx
SELECT migrate_approve(revision, hash) FROM migrate_plan_details('heads') WHERE revision IN ('d1', 'd2', 'd3', 'd4');
SELECT "check", status, value FROM migrate_doctor_details() WHERE "check" = 'approvals';
RESET migrate.require_approval;
CALL migrate_deploy('heads');
SELECT migrate_register('d5', (SELECT string_agg('SELECT ' || i, ';') FROM generate_series(1, 9000) AS i), '', '{d3,d4}');
SELECT status, advice FROM migrate_doctor_details() WHERE "check" = 'locks' \gx
SELECT migrate_register('d5', (SELECT string_agg('SELECT ' || i, ';') FROM generate_series(1, 2000) AS i), '', '{d3,d4}', replace => true);
SELECT migrate_register('d' || n, (SELECT string_agg('SELECT ' || i, ';') FROM generate_series(1, 2000) AS i), '', ARRAY['d' || n - 1]) FROM generate_series(6, 7) AS n;
SELECT status, advice FROM migrate_doctor_details() WHERE "check" = 'locks' \gx
SELECT migrate_unregister('d7'), migrate_unregister('d6'), migrate_unregister('d5');
-- how it went
UPDATE migrate.log SET wall_ms = CASE revision WHEN 'd2' THEN 61000 ELSE 100 END;
SELECT migrate_stamp('d1', purge => true);
SELECT "check", status, value, advice FROM migrate_doctor_details() WHERE "check" LIKE 'long rev%' \gx
SELECT migrate_stamp('heads');
SELECT migrate_register('d5', 'SELECT 1; CREATE INDEX CONCURRENTLY d1_i ON d1 (i); SELECT 1 / 0', '', '{d3,d4}');
CALL migrate_deploy('heads');
SELECT "check", status, regexp_replace(value, '(failed with \w+ at) .*', '\1 ...') AS value, advice FROM migrate_doctor_details() WHERE area = 'migration' AND status <> 'ok' \gx
SELECT migrate_resolve('d5', 'abandon');
-- a run that was refused
UPDATE migrate.log SET attempts = 0 WHERE revision = 'd5' AND state = 'failed';
SELECT status, regexp_replace(value, '(because of \w+ at) .*', '\1 ...') AS value FROM migrate_doctor_details() WHERE "check" = 'last run';
UPDATE migrate.log SET attempts = 1 WHERE revision = 'd5' AND state = 'failed';
-- where the plan cannot be made
INSERT INTO migrate.version VALUES ('unknown');
SELECT "check", status, regexp_replace(value, '(failed with \w+ at) .*', '\1 ...') AS value FROM migrate_doctor_details() WHERE area = 'migration' OR "check" = 'locks' \gx
DELETE FROM migrate.version WHERE version_num = 'unknown';
SET migrate.version_table = 'public.missing';
SELECT "check", status, value FROM migrate_doctor_details() WHERE area = 'migration' AND status <> 'ok' AND "check" <> 'last run' \gx
RESET migrate.version_table;
SELECT migrate_stamp('base');

-- a role that may see little
CREATE ROLE regress_migrate_nobody;
GRANT SELECT ON ill TO regress_migrate_nobody;
SET ROLE regress_migrate_nobody;
SELECT area, "check", status, value, advice FROM migrate_doctor_details() WHERE status <> 'ok' AND "check" <> 'preload' OR area = 'commit' \gx
RESET ROLE;
DROP OWNED BY regress_migrate_nobody;
DROP ROLE regress_migrate_nobody;
-- a search_path with other objects
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE ''called''; END';
CREATE FUNCTION hostile.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''called''; END';
SET search_path = hostile, public, pg_catalog;
SELECT * FROM ill;
RESET search_path;
DROP SCHEMA hostile CASCADE;
-- more rows than are named
SELECT count(migrate_register('d1' || i, '', '')) FROM generate_series(1, 6) AS i;
SELECT count(*) FROM migrate_stamp(ARRAY['d1', 'd11', 'd12', 'd13', 'd14', 'd15', 'd16']);
SELECT value FROM migrate_doctor_details() WHERE "check" = 'pending';
DROP VIEW ill;
DROP TABLE d1, d4;
TRUNCATE migrate.lease;
\i sql/include/reset.sql
