-- migrate.health: one row for a monitoring system
\i sql/include/start.sql
SET client_min_messages = warning;
\pset null NULL
SELECT * FROM migrate.health;
SELECT migrate_register('a1', 'CREATE TABLE t (i int)', 'DROP TABLE t');
SELECT migrate_register('a2', 'SELECT 1/0', 'SELECT 1', '{a1}');
SELECT * FROM migrate.health;
CALL migrate_deploy();
SELECT * FROM migrate.health;
-- corrected and run
SELECT migrate_register('a2', 'CREATE INDEX CONCURRENTLY t_i ON t (i); INSERT INTO t SELECT 1/count(*) FROM t', 'SELECT 1', '{a1}', replace => true);
CALL migrate_deploy();
SELECT * FROM migrate.health;
INSERT INTO t VALUES (1);
CALL migrate_deploy();
SELECT * FROM migrate.health;
-- a row that is unknown
INSERT INTO migrate.version VALUES ('x9');
SELECT * FROM migrate.health;
DELETE FROM migrate.version WHERE version_num = 'x9';
-- what waits for approval, which is no failure
SELECT migrate_register('a3', 'SELECT 1', 'SELECT 1', '{a2}');
SET migrate.require_approval = on;
CALL migrate_deploy();
SELECT pending, held, failed FROM migrate.health;
SELECT migrate_approve('a3', hash) FROM migrate_show('a3');
SELECT pending, held, failed FROM migrate.health;
RESET migrate.require_approval;
SELECT migrate_unregister('a3');
-- a job that no worker takes, and a schedule that fails
SELECT migrate_submit(run_at => now() + interval '1 day') AS job \gset
SELECT jobs FROM migrate.health;
UPDATE migrate.job SET run_at = now() - interval '11 minutes' WHERE job = :job;
SELECT jobs FROM migrate.health;
UPDATE migrate.job SET state = 'running' WHERE job = :job;
SELECT jobs FROM migrate.health;
SELECT pg_advisory_lock(1296648010, :job);
SELECT jobs FROM migrate.health;
SELECT pg_advisory_unlock(1296648010, :job);
DELETE FROM migrate.job WHERE job = :job;
SELECT migrate_schedule('nightly', '1 day');
UPDATE migrate.schedule SET failures = 2;
SELECT jobs FROM migrate.health;
UPDATE migrate.schedule SET origin = 'elsewhere';
SELECT jobs FROM migrate.health;
SELECT migrate_unschedule('nightly');
DELETE FROM migrate.schedule;
-- drift, where it is tracked
SET migrate.track_schema = on;
SELECT migrate_register('a3', 'SELECT 1', 'SELECT 1', '{a2}');
CALL migrate_deploy();
CREATE TABLE by_hand (i int);
SELECT * FROM migrate.health;
DROP TABLE by_hand;
RESET migrate.track_schema;
DELETE FROM migrate.snapshot;
-- the server's role for monitoring
CREATE ROLE regress_migrate_monitor IN ROLE pg_monitor;
SET ROLE regress_migrate_monitor;
SELECT * FROM migrate.health;
RESET ROLE;
DROP ROLE regress_migrate_monitor;
CALL migrate_revert('base');
\i sql/include/reset.sql
