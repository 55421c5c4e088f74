-- schedule: run times, windows, and revisions that do not fit into one
\i sql/include/start.sql
SET client_min_messages = warning;
\pset null -
CREATE TABLE ran (what text);
SELECT migrate_register('a1', 'INSERT INTO ran VALUES (''a1'')', '');

\i sql/include/settle.sql

-- bad arguments
\a
\t on
SELECT pg_temp.attempt(call) FROM unnest(ARRAY[
	$$SELECT migrate_schedule(NULL, '1 day')$$,
	$$SELECT migrate_schedule('', '1 day')$$,
	$$SELECT migrate_schedule('s', NULL)$$,
	$$SELECT migrate_schedule('s', '1 day', NULL)$$,
	$$SELECT migrate_schedule('s', '0')$$,
	$$SELECT migrate_schedule('s', '-1 day')$$,
	$$SELECT migrate_schedule('s', '1 month -30 days')$$,
	$$SELECT migrate_schedule('s', '1 day -86399 seconds')$$,
	$$SELECT migrate_schedule('s', '1 day', 'head', '24:00+00', '00:00+00')$$,
	$$SELECT migrate_schedule('s', '1 day', 'head', '23:00-02', '01:00+00')$$,
	$$SELECT migrate_schedule('s', '999 ms')$$,
	$$SELECT migrate_schedule('s', '200 years')$$,
	$$SELECT migrate_schedule('s', '1 day', 'nonsense')$$,
	$$SELECT migrate_schedule('s', '1 day', '+1')$$,
	$$SELECT migrate_schedule('s', '1 day', 'head', '02:00')$$,
	$$SELECT migrate_schedule('s', '1 day', 'head', window_end => '02:00')$$,
	$$SELECT migrate_schedule('s', '1 day', 'head', '02:00+00', '02:00+00')$$,
	$$SELECT migrate_schedule('s', '1 day', 'head', '02:00+00', '03:00+01')$$,
	$$SELECT migrate_schedule('s', '1 day', at => 'infinity')$$,
	$$SELECT migrate_schedule('s', '1 day', at => '4714-11-24 00:00:00+00 BC', time_zone => 'America/New_York')$$,
	$$SELECT migrate_schedule('s', '1 day', at => '294276-12-31 23:59:59+00', time_zone => 'Asia/Tokyo')$$,
	$$SELECT migrate_schedule('s', '1 day', time_zone => 'CET')$$,
	$$SELECT migrate_schedule('s', '1 day', time_zone => '+01')$$,
	$$SELECT migrate_schedule('s', '1 day', time_zone => 'Europe/Nowhere')$$,
	$$SELECT migrate_schedule('s', '1 day', 'head', '02:00+00', '02:00+01', time_zone => 'Europe/Berlin')$$,
	$$SELECT migrate_unschedule('s')$$,
	$$SELECT migrate_unschedule(NULL)$$]) AS call;
\a
\t off
SELECT * FROM migrate.schedules_details;

-- a job of a schedule runs what is registered, and is recorded
SELECT migrate_schedule('night''s "work"', '1 hour');
CALL settle();
SELECT state, schedule, target, revision FROM migrate.jobs_details;
SELECT name, target, version_table, owner = current_user AS owner, every, window_start, window_end,
       next_run > now() AND next_run <= now() + interval '1 hour' AS next_run, last_run <= now() AS last_run, last_job = (SELECT max(job) FROM migrate.jobs_details) AS last_job, note
  FROM migrate.schedules_details;
-- not before the next one
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''a2'')', '', '{a1}');
CALL settle();
SELECT count(*) FROM migrate.jobs_details;
-- the next one finds the revision that is new; one that finds nothing leaves no row
CREATE PROCEDURE run_schedules() LANGUAGE plpgsql AS $$
BEGIN
  UPDATE migrate.schedule SET next_run = now();
  COMMIT;
  CALL settle();
END$$;
CALL run_schedules();
SELECT state, revision, steps FROM migrate.jobs_details ORDER BY job;
CALL run_schedules();
SELECT count(*), (SELECT last_job FROM migrate.schedules_details) - max(job) AS one_more FROM migrate.jobs_details;
SELECT string_agg(what, ',' ORDER BY what) FROM ran;

-- missed run times are one job
SELECT migrate_schedule('night''s "work"', '1 hour', at => now() - interval '10 days 10 minutes');
SELECT migrate_register('a3', 'INSERT INTO ran VALUES (''a3'')', '', '{a2}');
SELECT count(*), max(last_job) AS before FROM migrate.schedules_details \gset
CALL settle();
SELECT last_job - :before AS jobs, next_run - now() BETWEEN interval '49 minutes' AND interval '50 minutes' AS next_run FROM migrate.schedules_details;
-- months and years have no length of their own
SELECT migrate_schedule('months', '1 month', at => '2000-01-31 12:00+00');
SELECT migrate_schedule('leap', '4 years', at => '1904-02-29 12:00+00');
CALL settle();
SET timezone = 'UTC';
SELECT name, next_run > now() AS later, next_run - every::interval <= now() AS soon, next_run::time
  FROM migrate.schedules_details WHERE name IN ('months', 'leap') ORDER BY name;
SELECT extract(day FROM next_run) >= 28 AS end_of_month FROM migrate.schedules_details WHERE name = 'months';
-- a month after a short one
UPDATE migrate.schedule SET first_run = '2001-01-31 12:00', next_run = now() WHERE name = 'months';
CALL settle();
SELECT extract(day FROM next_run) = extract(day FROM date_trunc('month', next_run) + interval '1 month' - interval '1 day') AS last_day
  FROM migrate.schedules_details WHERE name = 'months';
RESET timezone;
-- more than a thousand million of them
BEGIN;
SELECT migrate_schedule('seconds', '1 second', at => '1970-01-01 00:00+00');
SELECT count(*) FROM migrate_run_jobs();
SELECT (SELECT count(*) FROM migrate.job WHERE schedule = 'seconds') AS jobs, next_run > now() AS later,
       next_run <= clock_timestamp() + interval '1 second' AS soon
  FROM migrate.schedules_details WHERE name = 'seconds';
ROLLBACK;
SELECT migrate_unschedule(name) FROM unnest(ARRAY['months', 'leap']) AS name;

SELECT migrate_unschedule('night''s "work"');
DELETE FROM migrate.job;
-- a job that fails, until one does not
SELECT migrate_schedule('fails', '1 hour');
SELECT migrate_register('f1', 'SELECT 1 / 0', '', '{a3}');
CREATE VIEW failing AS SELECT regexp_replace(note, '\d+', 'N') AS note, failures, next_run > now() AS later FROM migrate.schedules_details;
CALL settle();
SELECT * FROM failing;
CALL run_schedules();
SELECT * FROM failing;
SELECT migrate_register('f1', '', '', '{a3}', replace => true);
CALL run_schedules();
SELECT * FROM failing;
-- one that can never be run
SELECT migrate_register('f2', 'SELECT 1', '', '{f1}');
UPDATE migrate.schedule SET owner_oid = 1;
CALL run_schedules();
SELECT * FROM failing;
DROP VIEW failing;
SELECT migrate_unschedule('fails');
SELECT migrate_downgrade('a3');
SELECT migrate_unregister(r) FROM unnest(ARRAY['f2', 'f1']) AS r;
DELETE FROM migrate.job;

-- in a time zone, run times and windows follow its clock, in summer and in winter
BEGIN;
SELECT migrate_schedule('zone', '1 day', at => '2001-01-15 12:00 Europe/Berlin', time_zone => 'Europe/Berlin'),
       migrate_schedule('summer', '1 day', at => '2001-07-15 12:00 Europe/Berlin', time_zone => 'Europe/Berlin'),
       migrate_schedule('often', '5 min', at => '2001-07-15 12:00 Europe/Berlin', time_zone => 'Europe/Berlin');
SELECT count(*) FROM migrate_run_jobs();
SELECT name, time_zone, CASE WHEN name <> 'often' THEN (next_run AT TIME ZONE 'Europe/Berlin')::time END AS next_run,
       next_run > now() AND next_run <= clock_timestamp() + every::interval * 1.1 AS soon
  FROM migrate.schedules_details ORDER BY name;
ROLLBACK;
CREATE FUNCTION is_open_there(zone text, window_start interval, window_end interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE submitted boolean; here timestamp := clock_timestamp() AT TIME ZONE zone;
BEGIN
  PERFORM set_config('timezone', 'Asia/Kathmandu', true);
  PERFORM migrate_schedule('w', '1 day', 'head', (here + window_start)::time::timetz, (here + window_end)::time::timetz, time_zone => zone);
  PERFORM migrate_run_jobs();
  SELECT last_run IS NOT NULL INTO submitted FROM migrate.schedules_details;
  RAISE 'none of it is to stay';
EXCEPTION WHEN raise_exception THEN
  RETURN submitted;
END$$;
SELECT zone, is_open_there(zone, '-1 minute', '1 hour') AS open, is_open_there(zone, '-2 hour', '-1 hour') AS closed, is_open_there(zone, '1 hour', '2 hours') AS closed,
       is_open_there(zone, '-1 hour', '-2 hours') AS open, is_open_there(zone, '2 hours', '1 hour') AS open
  FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Kiritimati']) AS zone;
DROP FUNCTION is_open_there;

-- windows: open, closed, over midnight, in another zone
CREATE FUNCTION is_open(zone text, window_start interval, window_end interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE submitted boolean;
BEGIN
  PERFORM set_config('timezone', zone, true);
  PERFORM migrate_schedule('w', '1 day', 'head', (now() + window_start)::timetz, (now() + window_end)::timetz);
  PERFORM migrate_run_jobs();
  SELECT last_run IS NOT NULL INTO submitted FROM migrate.schedules_details;
  RAISE 'none of it is to stay';
EXCEPTION WHEN raise_exception THEN
  RETURN submitted;
END$$;
SELECT zone, is_open(zone, '-1 minute', '1 hour') AS open, is_open(zone, '-2 hour', '-1 hour') AS closed, is_open(zone, '1 hour', '2 hours') AS closed,
       is_open(zone, '-1 hour', '-2 hours') AS open, is_open(zone, '2 hours', '1 hour') AS open
  FROM unnest(ARRAY['UTC', 'Pacific/Kiritimati', 'Etc/GMT+12', 'Asia/Kathmandu']) AS zone;
-- with ends that are told in different zones
CREATE FUNCTION is_open(start_zone text, end_zone text, window_start interval, window_end interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE submitted boolean; starts timetz; ends timetz;
BEGIN
  PERFORM set_config('timezone', start_zone, true);
  starts := (now() + window_start)::timetz;
  PERFORM set_config('timezone', end_zone, true);
  ends := (now() + window_end)::timetz;
  PERFORM migrate_schedule('w', '1 day', 'head', starts, ends);
  PERFORM migrate_run_jobs();
  SELECT last_run IS NOT NULL INTO submitted FROM migrate.schedules_details;
  RAISE 'none of it is to stay';
EXCEPTION WHEN raise_exception THEN
  RETURN submitted;
END$$;
SELECT is_open('Etc/GMT+12', 'Pacific/Kiritimati', '-1 hour', '1 hour') AS open, is_open('Pacific/Kiritimati', 'Etc/GMT+12', '-1 hour', '1 hour') AS open,
       is_open('Etc/GMT+12', 'Pacific/Kiritimati', '1 hour', '2 hours') AS closed, is_open('Pacific/Kiritimati', 'Etc/GMT+12', '-2 hours', '-1 hour') AS closed;
DROP FUNCTION is_open(text, text, interval, interval);
-- a day has 24 hours in every time zone
SET timezone = 'America/New_York';
SELECT migrate_schedule('days', '1 day', at => '2026-03-01 02:00+00');
CALL settle();
RESET timezone;
SELECT next_run AT TIME ZONE 'UTC' - date_trunc('day', next_run AT TIME ZONE 'UTC') AS at FROM migrate.schedules_details;
SELECT migrate_unschedule('days');
-- one whose times cannot be computed keeps no other from being run, nor a job
BEGIN;
SELECT migrate_schedule('1 at', '1 day', time_zone => 'America/New_York'), migrate_schedule('2 window', '1 day', 'head', '00:00', '23:59', time_zone => 'Europe/Berlin'),
       migrate_schedule('3 cron', '* * * * *', time_zone => 'Europe/Berlin'), migrate_schedule('4 every', '1 day', time_zone => 'Europe/Berlin'), migrate_schedule('5 good', '1 day');
UPDATE migrate.schedule SET first_run = '4714-11-24 00:00:00+00 BC' WHERE name = '1 at';
UPDATE migrate.schedule SET time_zone = 'Europe/Nowhere', next_run = now() WHERE time_zone = 'Europe/Berlin';
SELECT count(*) FROM migrate_run_jobs();
SELECT name, last_run IS NOT NULL AS submitted, failures, next_run - now() BETWEEN interval '59 min' AND interval '61 min' AS postponed, note FROM migrate.schedules_details;
SELECT schedule, pid IS NOT NULL OR state = 'queued' AS alive FROM migrate.job;
ROLLBACK;

-- a run time outside of the window waits for the window
SELECT migrate_schedule('w', '1 day', 'head', (now() + interval '1 hour')::timetz, (now() + interval '2 hours')::timetz);
CALL settle();
SELECT next_run <= now() AS due, last_run FROM migrate.schedules_details;
SELECT count(*) FROM migrate.jobs_details;

-- what does not fit into the rest of the window waits for the next one
SELECT migrate_register('a4', 'INSERT INTO ran VALUES (''a4'')', '', '{a3}');
SELECT migrate_register('a5', 'INSERT INTO ran VALUES (''a5'')', '', '{a4}');
CALL migrate_deploy('a5');
UPDATE migrate.log SET wall_ms = 2 * 3600 * 1000 WHERE revision = 'a5';
CALL migrate_revert('a3');
SELECT migrate_schedule('w', '1 day', 'head', (now() - interval '1 hour')::timetz, (now() + interval '1 hour')::timetz);
CALL settle();
SELECT version_num FROM migrate.version;
SELECT state, revision, step, steps, regexp_replace(note, '35\d\d s', '35?? s') AS note, window_end - now() BETWEEN interval '59 minutes' AND interval '60 minutes' AS window_end FROM migrate.jobs_details;
SELECT regexp_replace(note, '35\d\d s', '35?? s') AS note FROM migrate.schedules_details;
-- another job has nothing to do: the note stays, and the job leaves no row
CALL run_schedules();
SELECT count(*), (SELECT note IS NOT NULL FROM migrate.schedules_details) AS note FROM migrate.jobs_details;
-- a longer one
SELECT migrate_schedule('w', '1 day', 'head', (now() - interval '1 hour')::timetz, (now() + interval '3 hours')::timetz);
CALL settle();
SELECT version_num, note FROM migrate.version, migrate.schedules_details;

-- the window closes before the worker has begun
SELECT migrate_register('a6', 'INSERT INTO ran VALUES (''a6'')', '', '{a5}');
SELECT count(*) AS before FROM migrate.jobs_details \gset
BEGIN;
UPDATE migrate.schedule SET next_run = now();
SELECT count(*) FROM migrate_run_jobs();
UPDATE migrate.job SET window_end = now() WHERE state = 'queued';
COMMIT;
CALL settle();
SELECT version_num, note, (SELECT count(*) - :before FROM migrate.jobs_details) AS rows FROM migrate.version, migrate.schedules_details;
SELECT migrate_unregister('a6');
-- a job that fails is recorded as failed
SELECT migrate_register('a6', 'SELECT 1 / 0', '', '{a5}');
CALL run_schedules();
SELECT state, revision, error, schedule FROM migrate.jobs_details ORDER BY job DESC LIMIT 1;

-- its owner
CREATE ROLE regress_migrate_night LOGIN;
SET ROLE regress_migrate_night;
SELECT pg_temp.attempt($$SELECT migrate_schedule('w', '1 day')$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION migrate_schedule, migrate_unschedule TO regress_migrate_night;
GRANT USAGE ON SCHEMA migrate TO regress_migrate_night;
GRANT SELECT ON migrate.schedules_details TO regress_migrate_night;
SET ROLE regress_migrate_night;
SELECT pg_temp.attempt($$SELECT migrate_schedule('w', '1 day')$$);
SELECT pg_temp.attempt($$SELECT migrate_unschedule('w')$$);
SELECT pg_temp.attempt($$SELECT migrate_schedule('mine', '1 day')$$);
SELECT name FROM migrate.schedules_details;
RESET ROLE;
-- not where a dump has brought it: another role may have the OID there
BEGIN;
UPDATE migrate.schedule SET origin = 'elsewhere' WHERE name = 'mine';
SET ROLE regress_migrate_night;
SELECT name FROM migrate.schedules_details;
SELECT pg_temp.attempt($$SELECT migrate_unschedule('mine')$$);
SELECT pg_temp.attempt($$SELECT migrate_schedule('mine', '2 days')$$);
ROLLBACK;
SELECT name, owner = current_user AS mine FROM migrate.schedules_details ORDER BY name;
-- a right that is taken back
REVOKE EXECUTE ON FUNCTION migrate_schedule FROM regress_migrate_night;
SELECT migrate_unschedule('w');
CALL settle();
SELECT state, error, schedule FROM migrate.jobs_details ORDER BY job DESC LIMIT 1;
SELECT migrate_unschedule('mine');
-- of another server
SELECT migrate_schedule('w', '1 day');
UPDATE migrate.schedule SET origin = 'elsewhere';
CALL settle();
SELECT last_run, note FROM migrate.schedules_details;
SELECT migrate_schedule('w', '1 day');
SELECT note FROM migrate.schedules_details;

DROP OWNED BY regress_migrate_night;
DROP ROLE regress_migrate_night;
DROP PROCEDURE settle, run_schedules;
DROP FUNCTION is_open;
DROP TABLE ran;
TRUNCATE migrate.job, migrate.schedule;
\i sql/include/reset.sql
