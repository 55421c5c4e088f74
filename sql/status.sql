-- status: what is applied, its resource usage, and how long the log is kept
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE TABLE t (i int);
SELECT migrate_register('a1', 'INSERT INTO t SELECT generate_series(1, 1000)', 'DELETE FROM t', message => 'fill');
SELECT migrate_register('a2', 'SELECT pg_sleep(0.05)', 'SELECT 1', '{a1}', message => 'slow');
SELECT migrate_register('a3', 'SELECT 1 / 0', '', '{a2}');
SELECT * FROM migrate.status;
SELECT * FROM migrate.resource_usage_details;
CALL migrate_deploy();
SELECT revision, message, state, applied_at > now() - interval '1 minute' AS applied_at, applied_by = current_user AS applied_by,
       attempts, took >= interval '0' AS took, wal IS NOT NULL AS wal, partial
  FROM migrate.status_details;
SELECT took >= interval '50 ms' AS slept FROM migrate.status_details WHERE revision = 'a2';
SELECT pg_size_bytes(wal) > 30000 AS wrote FROM migrate.status_details WHERE revision = 'a1';
SELECT rank IN (1, 2, 3) AS rank, revision, operation, version_table, runs, failed, attempts, total >= longest AS total, longest > interval '0' AS longest,
       cpu < total + interval '1 s' AS cpu, lock_wait, blocks > 0 AS blocks
  FROM migrate.resource_usage_details WHERE revision <> 'a3' ORDER BY revision;
CALL migrate_deploy();
SELECT runs, failed, attempts FROM migrate.resource_usage_details WHERE revision = 'a3';
-- taken down: pending again; stamped: applied, in no time
CALL migrate_revert('base');
SELECT revision, state, applied_at, took FROM migrate.status_details;
SELECT migrate_stamp('a2');
SELECT revision, state, applied_at IS NOT NULL AS applied_at, took < interval '1 s' AS took FROM migrate.status_details;
SELECT revision, operation, runs FROM migrate.resource_usage_details ORDER BY revision, operation;
-- of the version table in use
CREATE TABLE other_version (version_num varchar(32) NOT NULL PRIMARY KEY);
SET migrate.version_table = 'public.other_version';
SELECT revision, state, applied_at FROM migrate.status_details;
RESET migrate.version_table;
-- before the library is loaded in a session
\c -
SELECT revision, state, applied_at IS NOT NULL AS applied_at FROM migrate.status_details;
SET client_min_messages = warning;

-- a viewer needs no more than the view
CREATE ROLE regress_migrate_viewer;
GRANT USAGE ON SCHEMA migrate TO regress_migrate_viewer;
GRANT SELECT ON migrate.status, migrate.status_details, migrate.resource_usage_details TO regress_migrate_viewer;
SET ROLE regress_migrate_viewer;
SELECT count(*) FROM migrate.status;
SELECT count(*) FROM migrate.status_details;
SELECT count(*) FROM migrate.resource_usage_details;
-- an error may quote rows: it is for readers of migrate.log
SELECT revision, failed_sqlstate, failed_error, failed_context, next_command FROM migrate.status_details WHERE failed_sqlstate IS NOT NULL;
RESET ROLE;
GRANT SELECT ON migrate.log TO regress_migrate_viewer;
SET ROLE regress_migrate_viewer;
SELECT revision, failed_sqlstate, failed_error, failed_context, next_command FROM migrate.status_details WHERE failed_sqlstate IS NOT NULL;
SET migrate.log_retention = '1s';
RESET ROLE;
REVOKE ALL ON SCHEMA migrate FROM regress_migrate_viewer;
REVOKE ALL ON migrate.log, migrate.status, migrate.status_details, migrate.resource_usage_details FROM regress_migrate_viewer;
DROP ROLE regress_migrate_viewer;

-- retention: off, then on; the last success of each revision stays
SELECT migrate_stamp('base');
DELETE FROM migrate.log;
CALL migrate_deploy('a2');
CALL migrate_revert('base');
CALL migrate_deploy('a2');
CALL migrate_deploy();
UPDATE migrate.log SET started = started - interval '40 days', finished = finished - interval '40 days';
SELECT count(*) FROM migrate.log;
CALL migrate_deploy('a2');
SET migrate.log_retention = '60d';
CALL migrate_revert('a1');
SELECT count(*) FROM migrate.log;
SET migrate.log_retention = '30d';
CALL migrate_deploy('a1');
SELECT count(*) FROM migrate.log;
CALL migrate_deploy('a2');
SELECT revision, operation, state, finished > now() - interval '1 day' AS new FROM migrate.log ORDER BY finished;
-- through the function, too
UPDATE migrate.log SET finished = finished - interval '40 days';
SELECT migrate_downgrade('base');
SELECT revision, operation FROM migrate.log ORDER BY finished;
SHOW migrate.log_retention;
\set VERBOSITY sqlstate
SET migrate.log_retention = '-1';
\set VERBOSITY default

-- what was decided counts until the revision is abandoned or taken down
SET client_min_messages = error;
SELECT migrate_register('s1', 'SELECT 1; CREATE INDEX CONCURRENTLY ON nowhere (i); VACUUM t; SELECT 1 / 0', '');
CALL migrate_deploy('s1');
SELECT note, next_command FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's1';
SELECT migrate_resolve('s1', 'skip');
SELECT note, last_decision FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's1';
CALL migrate_deploy('s1');
SELECT note, last_decision, decisions ~ '^skipped by' AS skipped FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's1';
SELECT migrate_resolve('s1', 'abandon');
SELECT note, last_decision, decisions ~ '^skipped by .*; abandoned by ' AS both, failed_error FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's1';
SELECT migrate_register('s1', 'SELECT 1', 'SELECT 1', message => 'words that are not cut in the middle of one', replace => true);
CALL migrate_deploy('s1');
SELECT note, last_decision, decisions ~ '^abandoned by [^;]*$' AS abandoned FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's1';
CALL migrate_revert('base');
SELECT note, decisions FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's1';
-- or is run again: then they are of another run
CREATE TABLE nowhere (i int);
CREATE TABLE go ();
SELECT migrate_register('s3', 'CREATE INDEX CONCURRENTLY nowhere_i ON nowhere (i); SELECT 1 / count(*) FROM go', 'DROP INDEX CONCURRENTLY nowhere_i; SELECT 1 / count(*) FROM go');
CALL migrate_deploy('s3');
SELECT migrate_resolve('s3', 'finish');
SELECT state, note, decisions ~ '^finished by' AS finished FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
DROP INDEX nowhere_i;
SELECT migrate_stamp('base');
SELECT state, note, decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
CALL migrate_deploy('s3');
SELECT state, note, decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
INSERT INTO go DEFAULT VALUES;
CALL migrate_deploy('s3');
SELECT state, note, decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
-- the same of a downgrade
TRUNCATE go;
CALL migrate_revert('base');
SELECT migrate_resolve('s3', 'finish');
SELECT state, note FROM migrate.status WHERE revision = 's3';
INSERT INTO go DEFAULT VALUES;
CALL migrate_deploy('s3');
SELECT state, note, decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
CALL migrate_revert('base');
-- what has failed, and a stamp has done then, has not failed
SELECT migrate_register('s4', 'CREATE TABLE nowhere ()', 'DROP TABLE missing', '{s3}'), migrate_register('s5', '', '', '{s4}');
CALL migrate_deploy('s4');
SELECT revision, state, note, next_command FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision IN ('s4', 's5');
SELECT failed FROM migrate.health;
SELECT migrate_stamp('s5');
SELECT revision, state, note, next_command FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision IN ('s4', 's5');
SELECT failed FROM migrate.health;
CALL migrate_revert('s3');
SELECT revision, state, note, next_command FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision IN ('s4', 's5');
SELECT migrate_stamp('base');
SELECT revision, state, note FROM migrate.status WHERE revision IN ('s4', 's5');
SELECT failed FROM migrate.health;
SELECT migrate_unregister('s5'), migrate_unregister('s4');
DROP INDEX nowhere_i;
-- a way back that fails does not hide that only a part of the revision is there
SELECT migrate_register('s3', 'CREATE TABLE up (); CREATE INDEX CONCURRENTLY ON missing (i)', 'DROP TABLE missing', replace => true);
CALL migrate_deploy('s3');
SELECT migrate_resolve('s3', 'finish');
CALL migrate_revert('base');
SELECT state, note FROM migrate.status WHERE revision = 's3';
SELECT partial, failed FROM migrate.health;
SELECT migrate_stamp('base');
DROP TABLE up;
-- what was abandoned has left something: that is told until a run has succeeded
SELECT migrate_register('s3', 'CREATE TABLE up (); CREATE INDEX CONCURRENTLY ON missing (i)', 'DROP TABLE up', replace => true);
CALL migrate_deploy('s3');
SELECT migrate_resolve('s3', 'abandon');
CALL migrate_deploy('s3');
SELECT state, note, split_part(decisions, ' by ', 1) AS decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
DROP TABLE up;
SELECT migrate_register('s3', 'CREATE TABLE up ()', 'DROP TABLE up', replace => true);
CALL migrate_deploy('s3');
SELECT state, note, decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
CALL migrate_revert('base');
-- what was skipped in a downgrade stays to be read, and that it was abandoned
SELECT migrate_register('s3', 'CREATE TABLE up ()', 'DROP TABLE IF EXISTS up; CREATE INDEX CONCURRENTLY ON missing (i)', replace => true);
CALL migrate_deploy('s3');
CALL migrate_revert('base');
SELECT migrate_resolve('s3', 'abandon');
SELECT state, note, split_part(decisions, ' by ', 1) AS decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
CALL migrate_revert('base');
SELECT migrate_resolve('s3', 'skip');
CALL migrate_revert('base');
SELECT state, note, split_part(decisions, ' by ', 1) AS decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
DROP TABLE IF EXISTS up;
-- and of what was skipped in a run that has succeeded
SELECT migrate_register('s3', 'CREATE INDEX CONCURRENTLY nowhere_i ON nowhere (i); CREATE INDEX CONCURRENTLY ON missing (i)', '', replace => true);
CALL migrate_deploy('s3');
SELECT migrate_resolve('s3', 'skip');
CALL migrate_deploy('s3');
SELECT state, note FROM migrate.status WHERE revision = 's3';
DROP INDEX nowhere_i;
SELECT migrate_stamp('base');
CREATE TABLE missing (i int);
CALL migrate_deploy('s3');
SELECT state, note, decisions FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision = 's3';
CALL migrate_revert('base');
SELECT migrate_unregister('s3');
DROP TABLE nowhere, go, missing;

-- a run that is refused, or waits in vain, hides no failure of the same body
SELECT migrate_register('s2', 'SELECT 1 / 0', '');
CALL migrate_deploy('s2');
INSERT INTO migrate.log (run, step, revision, operation, via, state, attempts, started, finished, version_table, role, application_name,
	body_hash, sqlstate, error, wall_ms, cpu_ms, lock_wait_ms, wal_records, wal_bytes, buffers_hit, buffers_read, buffers_dirtied,
	buffers_written, temp_blocks_read, temp_blocks_written)
SELECT gen_random_uuid(), 1, revision, operation, via, state, 0, clock_timestamp(), clock_timestamp(), version_table, role, application_name,
	body_hash, '55P03', 'could not begin', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM migrate.log WHERE revision = 's2';
SELECT note, failed_error, refused_error FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's2';
-- which may quote rows, as the failure may
SET ROLE pg_monitor;
SELECT note, failed_sqlstate, failed_error, refused_error, refused_at IS NOT NULL AS refused FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's2';
RESET ROLE;
-- the doctor says both
SELECT regexp_replace(value, ' at [^;]+', ' at ...', 'g') AS value FROM migrate_doctor_details() WHERE "check" = 'last run';
-- of another body it does
UPDATE migrate.log SET body_hash = 'another' WHERE attempts = 0 AND revision = 's2';
SELECT note, failed_error, refused_error FROM migrate.status JOIN migrate.status_details USING (revision) WHERE revision = 's2';
SELECT migrate_stamp('base');
SELECT migrate_unregister('s2');

-- what something else has applied has no time of a run that was reverted since; what
-- it has reverted and applied again has that of the run
SELECT migrate_register('w1', 'SELECT 1', 'SELECT 1');
SELECT migrate_upgrade('w1');
DELETE FROM migrate.version;
INSERT INTO migrate.version VALUES ('w1');
SELECT state, applied_at IS NULL AS unknown, applied_by IS NULL AS by_unknown, attempts FROM migrate.status_details WHERE revision = 'w1';
SELECT migrate_downgrade('base');
INSERT INTO migrate.version VALUES ('w1');
SELECT state, applied_at, applied_by, attempts, took, wal FROM migrate.status_details WHERE revision = 'w1';
SELECT state, applied_at, took FROM migrate.status WHERE revision = 'w1';
SELECT migrate_stamp('base');
SELECT migrate_unregister('w1');

-- a downgrade of which nothing is left: until another run succeeds
SELECT migrate_register('d1', 'SELECT 1', 'DROP TABLE nowhere', message => 'one');
SELECT migrate_register('d2', 'CREATE TABLE d2 (i int); VACUUM t; DROP TABLE nowhere', 'SELECT 1; VACUUM t; DROP TABLE nowhere', '{d1}', message => 'two');
CALL migrate_deploy('d1');
CALL migrate_revert('base');
SELECT revision, state, note FROM migrate.status WHERE revision LIKE 'd_';
SELECT failed FROM migrate.health;
-- one that fails, too, is none
CALL migrate_deploy('d2');
SELECT revision, state, note FROM migrate.status WHERE revision LIKE 'd_';
SELECT migrate_resolve('d2', 'finish');
SELECT failed FROM migrate.health;
-- of what is there in part, and when it is partial
CALL migrate_revert('d1');
SELECT revision, state, note FROM migrate.status WHERE revision LIKE 'd_';
SELECT migrate_resolve('d2', 'abandon');
SELECT revision, state, note FROM migrate.status WHERE revision LIKE 'd_';
SELECT migrate_register('d3', 'SELECT 1', 'SELECT 1', '{d2}');
CALL migrate_deploy('d3');
SELECT revision, state, note, failed_sqlstate FROM migrate.status JOIN migrate.status_details USING (revision, state) WHERE revision LIKE 'd_';
SELECT failed FROM migrate.health;
DROP TABLE d2;
-- an upgrade that was finished by hand leaves no part that a failed downgrade is about
SELECT migrate_register('f1', 'DROP INDEX CONCURRENTLY IF EXISTS nope; SELECT 1/0', 'SELECT 1/0');
CALL migrate_deploy('f1');
SELECT migrate_resolve('f1', 'finish');
CALL migrate_revert('f1@base');
SELECT failed FROM migrate.health;
SELECT migrate_register('f2', 'SELECT 1', '', '{f1}');
CALL migrate_deploy('f2');
SELECT failed FROM migrate.health;
\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE t, other_version;
