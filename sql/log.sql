-- log: a row for each step
\i sql/include/start.sql
CREATE ROLE regress_migrate_runner;
GRANT EXECUTE ON FUNCTION migrate_upgrade TO regress_migrate_runner;
GRANT CREATE ON SCHEMA public TO regress_migrate_runner;
SET application_name = 'log''s test';
SET client_min_messages = warning;
SELECT count(*) FROM migrate_register_script($$
-- revision: a1
-- migrate:up
CREATE TABLE logged (i int);
INSERT INTO logged SELECT generate_series(1, 1000);
-- migrate:down
DROP TABLE logged;
-- revision: a2
-- down_revision: a1
-- migrate:up
SELECT pg_sleep(0.02);
-- migrate:down
-- revision: a3
-- down_revision: a2
-- migrate:up
SELECT 1/0;
$$);
SET ROLE regress_migrate_runner;
SELECT migrate_upgrade('a2');
RESET ROLE;
SELECT migrate_downgrade('a1');
SELECT migrate_stamp('a2');
SELECT step, l.revision, operation, via, state, attempts, version_table,
       role, application_name,
       CASE WHEN l.body_hash = r.upgrade_hash THEN 'up'
            WHEN l.body_hash = r.downgrade_hash THEN 'down' END AS body
  FROM migrate.log AS l LEFT JOIN migrate.revision AS r USING (revision)
 ORDER BY started, step;
-- one run, one id
SELECT count(DISTINCT run), count(*) FROM migrate.log;
SELECT count(*) FROM migrate.log GROUP BY run ORDER BY min(started);
-- the numbers make sense
SELECT bool_and(started <= finished) AS times,
       bool_and(finished <= clock_timestamp()) AS past,
       bool_and(wall_ms >= 0 AND cpu_ms >= 0) AS not_negative,
       bool_and(abs(extract(epoch FROM finished - started) * 1000 - wall_ms) < 100) AS wall_is_the_difference,
       bool_and(sqlstate IS NULL AND error IS NULL) AS no_errors,
       bool_and(wal_records > 0 AND wal_bytes > 0) AS wal,
       bool_and(buffers_hit > 0) AS buffers
  FROM migrate.log;
SELECT wal_records >= 1000 AS wrote_1000_rows, wal_bytes >= 30000 AS bytes, buffers_dirtied > 0 AS dirtied
  FROM migrate.log WHERE operation = 'upgrade' AND revision = 'a1';
SELECT wall_ms >= 20 AS slept, wall_ms < 10000 AS not_longer, cpu_ms < wall_ms AS used_no_cpu,
       wal_records < 100 AS wrote_little
  FROM migrate.log WHERE operation = 'upgrade' AND revision = 'a2';
-- a run that fails takes its rows with it, also those of steps that succeeded
SELECT migrate_stamp('base');
TRUNCATE migrate.log;
DROP TABLE logged;
SELECT migrate_upgrade('a3');
SELECT count(*) FROM migrate.log;
-- to replace or to remove a revision the log is not read as a whole
BEGIN;
INSERT INTO migrate.log (run, step, revision, operation, via, state, attempts, started, finished,
	version_table, role, application_name, body_hash, wall_ms, cpu_ms, lock_wait_ms, wal_records, wal_bytes,
	buffers_hit, buffers_read, buffers_dirtied, buffers_written, temp_blocks_read, temp_blocks_written)
SELECT gen_random_uuid(), 1, 'old', 'upgrade', 'function', 'succeeded', 1, now(), now(),
       'public.gone' || i % 3, 'nobody', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
  FROM generate_series(1, 1000) AS i;
SELECT migrate_register('a4', '');
SELECT migrate_register('a4', 'SELECT 1', replace => true);
SELECT migrate_unregister('a4');
-- with what the transactions before have not yet reported
SELECT seq_tup_read + idx_tup_fetch < 1000 AS few FROM pg_stat_xact_all_tables WHERE relid = 'migrate.log'::regclass;
ROLLBACK;
-- nothing to do: no row
SELECT migrate_upgrade('base');
SELECT count(*) FROM migrate.log;
-- a step of a run is logged once
\a
\t on
SELECT left(pg_temp.attempt('INSERT INTO migrate.log SELECT * FROM migrate.log'), 5)
  FROM migrate_upgrade('a1');
\a
\t off
\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE logged;
REVOKE ALL ON FUNCTION migrate_upgrade FROM regress_migrate_runner;
REVOKE ALL ON SCHEMA public FROM regress_migrate_runner;
DROP ROLE regress_migrate_runner;
