-- cron: what a cron expression says, and when its next run time is
\i sql/include/start.sql
SET client_min_messages = warning;
SELECT migrate_register('c1', '', '');
\a
\t on

-- bad expressions
SELECT pg_temp.attempt(format('SELECT migrate_schedule(''s'', %L)', every)) FROM unnest(ARRAY[
	'', 'sometimes', '@reboot', '@', '@daily 1', '* * *', '* * * * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * 32 * *',
	'* * * 0 *', '* * * 13 *', '* * * * 8', '-1 * * * *', '1.5 * * * *', '100 * * * *', '1, * * * *', ',1 * * * *', '1-,2 * * * *',
	'5-1 * * * *', '5/2 * * * *', '*/0 * * * *', '*/60 * * * *', '*/ * * * *', '** * * * *', '*5 * * * *', '* * * foo *', '* * * * monday',
	'mon * * * *', '* * * * fri-tue', '0 0 31 2 *', '0 0 30 2 *', '0 0 31 2,4,6,9,11 *', '61 2 1 1 1']) AS every;
-- an interval of five words is none
SELECT migrate_schedule('s', '1 mon 2 days 03:00:00');
SELECT every FROM migrate.schedules_details;
SELECT migrate_unschedule('s');

-- the first run time from a moment on, and those that follow
CREATE FUNCTION next(every text, at timestamptz, zone text) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
	PERFORM migrate_schedule('next', every, at => at, time_zone => zone);
	RETURN (SELECT next_run FROM migrate.schedules_details WHERE name = 'next');
END$$;
CREATE FUNCTION times(every text, at timestamptz, n int = 3, zone text = NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	times text[];
BEGIN
	PERFORM set_config('timezone', coalesce(zone, 'UTC'), true);
	FOR i IN 1 .. n LOOP
		at := next(every, at, zone);
		times := times || to_char(at, 'YYYY-MM-DD HH24:MI' || CASE WHEN zone IS NULL THEN '' ELSE 'TZH' END);
		at := at + interval '1 second';
	END LOOP;
	RETURN every || ': ' || array_to_string(times, ', ');
END$$;
SET timezone = 'UTC';
SELECT times(every, '2026-11-28 10:30') FROM unnest(ARRAY[
	'* * * * *', '*/25 * * * *', '30 10 * * *', '29 10 * * *', '0 2 * * 1-5', '0 2 * * mon-fri', '15,45 */6 * * *', '5-20/5 8-18/4 * * *',
	'0 0 1 * *', '0 0 31 * *', '0 0 * jan,Jul SUN', '0 0 * * 0', '0 0 * * 7', '0 0 * * sat-sun', '0 0 * * 5-7', E' 0\t0 * *  * ',
	-- one of the two, or both where one begins with an asterisk
	'0 0 13 * fri', '0 0 */13 * fri', '0 0 13 * *', '0 0 13 * */2', '1,1-3,2 0 1 1 *',
	'@hourly', '@daily', '@midnight', '@weekly', '@Monthly', '@yearly', '@annually']) AS every;
-- not before the moment, to the microsecond
SELECT next('30 10 * * *', '2026-11-28 10:30', NULL), next('30 10 * * *', '2026-11-28 10:30:00.000001', NULL);
-- leap years, also the one that is left out in 2100
SELECT times('0 12 29 2 *', '2026-01-01', 4), times('0 12 29 2 *', '2096-01-01', 3), times('0 12 29 2 */7', '2026-01-01', 2), times('0 12 29 2 *', '1895-06-01', 2);
SELECT times('59 23 31 12 *', '1969-12-31 23:59', 2);
SELECT pg_temp.attempt(format('SELECT migrate_schedule(''s'', ''0 0 29 2 *'', at => %L)', at)) FROM unnest(ARRAY['294276-12-31', 'infinity', '-infinity']) AS at;

-- a clock that is set forward at 2 in the morning, and back at 3
SELECT times(every, '2026-03-28 12:00', 3, 'Europe/Berlin') FROM unnest(ARRAY[
	'30 1 * * *', '0 2 * * *', '30 2 * * *', '0,30 2 * * *', '0 3 * * *', '0 2,3 * * *', '30 3 * * *', '30 2 29 3 *', '30 2 30 3 *']) AS every;
SELECT times('*/20 * * * *', '2026-03-29 00:30', 5, 'Europe/Berlin'), times('30 * * * *', '2026-03-29 00:30+00', 2, 'Europe/Berlin'), times('*/30 2 * * *', '2026-03-28 12:00', 2, 'Europe/Berlin');
SELECT times(every, '2026-10-24 12:00', 3, 'Europe/Berlin') FROM unnest(ARRAY[
	'30 1 * * *', '0 2 * * *', '30 2 * * *', '0 3 * * *', '30 2 25 10 *']) AS every;
SELECT times('0 * * * *', '2026-10-24 23:30', 5, 'Europe/Berlin'), times('*/30 2 * * *', '2026-10-24 12:00', 5, 'Europe/Berlin');
-- asked within the hour that comes twice, and after it
SELECT next('30 2 * * *', '2026-10-25 00:45+00', 'Europe/Berlin'), next('30 2 * * *', '2026-10-25 00:30+00', 'Europe/Berlin'), next('30 2 * * *', '2026-10-25 02:00+00', 'Europe/Berlin');
-- half an hour; a zone that is ahead, one behind, and a day that does not exist
SELECT times('15 2 * * *', '2026-10-03 00:00', 3, 'Australia/Lord_Howe'), times('45 1 * * *', '2026-04-04 00:00', 3, 'Australia/Lord_Howe');
SELECT times('0 0 * * *', '2026-11-28 10:30', 2, 'Pacific/Kiritimati'), times('0 0 * * *', '2026-11-28 10:30', 2, 'America/New_York');
SELECT times('0 12 * * *', '2011-12-29 00:00+00', 4, 'Pacific/Apia');
\t off
\a
RESET timezone;

-- run times that were missed are one job, and the next one is not before now
\i sql/include/settle.sql
SELECT migrate_unschedule('next');
SELECT migrate_schedule('often', '* * * * *', at => now() - interval '10 days');
SELECT every, next_run < now() AS due FROM migrate.schedules_details;
CALL settle();
SELECT state, count(*) FROM migrate.jobs GROUP BY state;
SELECT next_run > now() - interval '1 minute' AND next_run <= now() + interval '1 minute' AS next, extract(second FROM next_run) = 0 AS at_a_minute, failures FROM migrate.schedules_details;
-- from a cron expression to an interval, and back
SELECT migrate_schedule('often', '1 day');
SELECT every, cron FROM migrate.schedule;
SELECT migrate_schedule('often', '@daily', window_start => '02:00', window_end => '04:00', time_zone => 'Europe/Berlin');
SELECT every, cron FROM migrate.schedule;
SELECT name, every, note FROM migrate.schedules;
-- one that can no longer be read keeps no other from being run
UPDATE migrate.schedule SET cron = 'x', next_run = now(), window_start = NULL, window_end = NULL;
SELECT migrate_schedule('other', '@hourly', at => now() - interval '1 day');
CALL settle();
SELECT name, next_run > now() AS later, failures, note FROM migrate.schedules_details ORDER BY name;
SELECT migrate_unschedule(name) FROM migrate.schedules;

DROP PROCEDURE settle;
DROP FUNCTION next, times;
TRUNCATE migrate.job, migrate.schedule;
\i sql/include/reset.sql
