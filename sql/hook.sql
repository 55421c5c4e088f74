-- hook: functions that runs call, with which rights, and what they are told
\i sql/include/start.sql
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA app;
CREATE TABLE app.told (n int GENERATED ALWAYS AS IDENTITY, event jsonb, rows text);
CREATE FUNCTION app.note(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO app.told (event, rows) SELECT event, string_agg(version_num, ' ') FROM migrate.version;
END$$;
CREATE FUNCTION app.fail(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION USING MESSAGE = 'no ' || (event->>'event'), DETAIL = 'as it was asked to', ERRCODE = 'P1234';
END$$;
CREATE FUNCTION pg_temp.told() RETURNS TABLE (event text, keys text) LANGUAGE sql AS $$
	WITH told AS (DELETE FROM app.told RETURNING *)
	SELECT event->>'event', COALESCE(rows, '-') || ': ' || (event - '{event,run,time,database,role,wall_ms,version_table,context}'::text[])::text FROM told ORDER BY n
$$;
SELECT migrate_register('a1', 'CREATE TABLE app.t (i int)', 'DROP TABLE app.t', message => 'one table');
SELECT migrate_register('a2', 'ALTER TABLE app.t ADD j int', 'ALTER TABLE app.t DROP j', '{a1}');

-- What can be registered, and removed
SELECT migrate_hook(e, 'app.note(jsonb)') FROM unnest('{before_run,after_run,before_step,after_step,on_error}'::text[]) AS e;
SELECT event, function, registered_by = current_user AS own, problem FROM migrate.hooks;
CREATE FUNCTION app.other(event jsonb, more int) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION app.result(event jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE app.procedure(event jsonb) LANGUAGE sql AS '';
CREATE FUNCTION pg_temp.gone(event jsonb) RETURNS void LANGUAGE sql AS '';
SELECT pg_temp.attempt(c) FROM unnest(ARRAY[
	$$SELECT migrate_hook('after', 'app.note(jsonb)')$$,
	$$SELECT migrate_hook('after_run', 'app.missing(jsonb)')$$,
	$$SELECT migrate_hook('after_run', 4294967295)$$,
	$$SELECT migrate_hook('after_run', NULL)$$,
	$$SELECT migrate_hook(NULL, 'app.note(jsonb)')$$,
	$$SELECT migrate_hook('after_run', 'app.other(jsonb, int)')$$,
	$$SELECT migrate_hook('after_run', 'app.result(jsonb)')$$,
	$$SELECT migrate_hook('after_run', 'app.procedure(jsonb)')$$,
	$$SELECT migrate_hook('after_run', 'pg_temp.gone(jsonb)')$$,
	$$SELECT migrate_unhook('after_run', 'app.other(jsonb, int)')$$,
	$$SELECT migrate_unhook('after_run', 'app.missing(jsonb)')$$,
	$$SELECT migrate_unhook('after', 'app.note(jsonb)')$$]) AS c;

-- What they are told, and what they see: the function
SELECT migrate_upgrade();
SELECT * FROM pg_temp.told();
-- nothing to do, no events
SELECT migrate_upgrade();
SELECT count(*) FROM app.told;
SELECT migrate_downgrade('a1');
SELECT * FROM pg_temp.told();
SELECT migrate_stamp('heads'), migrate_stamp('a1');
SELECT * FROM pg_temp.told();
-- a rehearsal calls none
SET client_min_messages = notice;
SELECT * FROM migrate_roundtrip();
RESET client_min_messages;
SET client_min_messages = warning;
SELECT count(*) FROM app.told;
SELECT migrate_downgrade('base');
DELETE FROM app.told;

-- The procedure
CALL migrate_deploy();
SELECT * FROM pg_temp.told();
-- the other keys
CALL migrate_revert('a1');
SELECT event->>'event' AS event, event->>'run' = run::text AS run, event->>'version_table' AS version_table,
       event->>'database' = current_database() AS database, event->>'role' = current_user AS role,
       (event->>'time')::timestamptz <= now() AS time, jsonb_typeof(event->'wall_ms') AS wall_ms
  FROM app.told, (SELECT run FROM migrate.log ORDER BY started DESC LIMIT 1) AS l ORDER BY n;
DELETE FROM app.told;
SELECT migrate_unhook(e, 'app.note(jsonb)') FROM unnest('{before_run,after_run,before_step,after_step}'::text[]) AS e;

-- One that fails takes its step with it, or the beginning of the run
\set VERBOSITY default
SELECT migrate_hook('before_run', 'app.fail(jsonb)');
SELECT migrate_upgrade();
CALL migrate_deploy();
SELECT migrate_unhook('before_run', 'app.fail(jsonb)'), migrate_hook('before_step', 'app.fail(jsonb)');
SELECT migrate_upgrade();
CALL migrate_deploy();
SELECT migrate_unhook('before_step', 'app.fail(jsonb)'), migrate_hook('after_step', 'app.fail(jsonb)');
SELECT migrate_upgrade();
CALL migrate_deploy();
SELECT * FROM migrate_current();
SELECT state, sqlstate, error, detail, hint FROM migrate.log ORDER BY finished DESC LIMIT 1;
SELECT migrate_unhook('after_step', 'app.fail(jsonb)'), migrate_hook('after_run', 'app.fail(jsonb)');
SELECT migrate_upgrade();
SELECT * FROM migrate_current();
-- what the run has done stays
CALL migrate_deploy();
SELECT * FROM migrate_current();
\set VERBOSITY terse
SELECT event, regexp_replace(keys, '"hint": .*?(, "step")', '"hint": ...\1') AS keys FROM pg_temp.told();
-- and one for errors never hides the error
SELECT migrate_unhook('after_run', 'app.fail(jsonb)'), migrate_hook('on_error', 'app.fail(jsonb)');
SELECT migrate_register('a3', 'SELECT 1/0', '', '{a2}');
CALL migrate_deploy();
SELECT event, regexp_replace(keys, '"hint": .*?(, "step")', '"hint": ...\1') AS keys FROM pg_temp.told();
SELECT migrate_unhook('on_error', 'app.fail(jsonb)'), migrate_unhook('on_error', 'app.note(jsonb)');

-- Retried with its step: a conflict of the hook is one of the step
CREATE SEQUENCE app.fails;
CREATE FUNCTION app.conflict(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('app.fails') <= 2 THEN
		RAISE EXCEPTION 'conflict' USING ERRCODE = '40001';
	END IF;
	INSERT INTO app.told (event) VALUES (event);
END$$;
SELECT migrate_register('a3', 'SELECT 1', 'SELECT 1', '{a2}', replace => true);
SELECT migrate_hook('before_step', 'app.conflict(jsonb)');
SET migrate.retry_base_delay = 0;
CALL migrate_deploy();
SELECT event->>'event' AS event, event->'attempts' AS attempts FROM app.told;
SELECT setval('app.fails', 1, false);
CALL migrate_revert('a2');
SELECT setval('app.fails', 1, false);
SELECT migrate_unhook('before_step', 'app.conflict(jsonb)'), migrate_hook('after_run', 'app.conflict(jsonb)');
CALL migrate_deploy();
SELECT count(*) FROM app.told;
SELECT migrate_unhook('after_run', 'app.conflict(jsonb)');
DELETE FROM app.told;

-- Several, in the order of registration; one that is renamed, replaced, moved
CREATE FUNCTION app.first(event jsonb) RETURNS void LANGUAGE sql AS $$INSERT INTO app.told (rows) VALUES ('first')$$;
CREATE FUNCTION app.second(event jsonb) RETURNS void LANGUAGE sql AS $$INSERT INTO app.told (rows) VALUES ('second')$$;
SELECT migrate_hook('before_step', 'app.second(jsonb)');
SELECT migrate_hook('before_step', 'app.first(jsonb)');
ALTER FUNCTION app.first(jsonb) RENAME TO "The First";
CREATE SCHEMA moved;
ALTER FUNCTION app.second(jsonb) SET SCHEMA moved;
CREATE OR REPLACE FUNCTION moved.second(event jsonb) RETURNS void LANGUAGE sql AS $$INSERT INTO app.told (rows) VALUES ('second anew')$$;
-- another one of its name is not called
CREATE FUNCTION app.second(event jsonb) RETURNS void LANGUAGE sql AS $$INSERT INTO app.told (rows) VALUES ('wrong')$$;
SELECT event, function, registered_by = current_user AS own, problem FROM migrate.hooks;
CALL migrate_revert('a2');
SELECT rows FROM app.told ORDER BY n;
DELETE FROM app.told;
-- by its old name, too
SELECT migrate_unhook('before_step', 'app.first(jsonb)'), migrate_unhook('before_step', 'moved.second(jsonb)');
SELECT event, function, registered_by = current_user AS own, problem FROM migrate.hooks;

-- One that was dropped, and one of its name that was created
SELECT migrate_hook('after_step', 'app.note(jsonb)'), migrate_hook('after_step', 'app.second(jsonb)');
DROP FUNCTION app.second(jsonb);
CREATE FUNCTION app.second(event jsonb) RETURNS void LANGUAGE sql AS $$INSERT INTO app.told (rows) VALUES ('wrong')$$;
SELECT event, function, registered_by = current_user AS own, problem FROM migrate.hooks;
\set VERBOSITY default
CALL migrate_deploy();
SELECT migrate_upgrade();
\set VERBOSITY terse
SELECT * FROM migrate_current();
SELECT migrate_unhook('after_step', 'app.second(jsonb)'), migrate_unhook('after_step', 'app.note(jsonb)');

-- What it sets ends with it; what it defers is checked; it cannot end transactions
CREATE TABLE app.deferred (i int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION app.sets(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	SET search_path = moved;
	SET work_mem = '1MB';
	PERFORM set_config('app.x', 'left', false);
END$$;
CREATE FUNCTION app.defers(event jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO app.deferred VALUES (1), (1)';
CREATE FUNCTION app.commits(event jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
CREATE FUNCTION app.runs(event jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM migrate_downgrade(''base''); END';
CREATE FUNCTION app.registers(event jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM migrate_hook(''after_run'', ''app.note(jsonb)''); END';
CREATE FUNCTION app.asks(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN INSERT INTO app.told (rows) SELECT state FROM migrate_history() WHERE revision = event->>'revision'; END$$;
SELECT migrate_downgrade('a2');
SELECT migrate_register('a3', 'CREATE TABLE app.path AS SELECT current_setting(''search_path'') AS path, current_setting(''app.x'', true) AS x', 'DROP TABLE app.path', '{a2}', replace => true);
SELECT migrate_hook('before_step', 'app.sets(jsonb)'), migrate_hook('after_step', 'app.asks(jsonb)');
CALL migrate_deploy();
SELECT path, nullif(x, '') AS x, current_setting('search_path'), nullif(current_setting('app.x', true), '') AS x FROM app.path;
SELECT rows FROM app.told;
DELETE FROM app.told;
SELECT migrate_unhook('before_step', 'app.sets(jsonb)'), migrate_unhook('after_step', 'app.asks(jsonb)');
CREATE PROCEDURE app.with_hook(event text, name text) LANGUAGE plpgsql AS $$
DECLARE
	message text;
	context text;
BEGIN
	PERFORM migrate_hook(event, format('app.%I(jsonb)', name)::regprocedure);
	BEGIN
		PERFORM migrate_downgrade('a2');
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
		RAISE WARNING '% %: %: % | %', event, name, SQLSTATE, message, substring(context FROM 'hook [^\n]*');
	END;
	PERFORM migrate_unhook(event, format('app.%I(jsonb)', name));
END$$;
DO $$
DECLARE
	e text;
	h text;
BEGIN
	FOREACH e IN ARRAY '{before_run,before_step,after_step,after_run}'::text[] LOOP
		FOREACH h IN ARRAY '{defers,commits,runs,registers}'::text[] LOOP
			CALL app.with_hook(e, h);
		END LOOP;
	END LOOP;
END$$;
-- nor could the procedure do that for it
CREATE FUNCTION app.vacuums(event jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN VACUUM app.t; END';
SELECT migrate_hook('before_step', 'app.vacuums(jsonb)'), pg_temp.attempt('SELECT migrate_downgrade(''a2'')'), migrate_unhook('before_step', 'app.vacuums(jsonb)');

-- Bodies that are not one transaction: before the first, after the last; not again
-- when the revision is resumed
SELECT migrate_hook('before_step', 'app.note(jsonb)'), migrate_hook('after_step', 'app.note(jsonb)');
SELECT migrate_register('b1', 'CREATE INDEX CONCURRENTLY i ON app.t (i); INSERT INTO app.t VALUES (1); CREATE UNIQUE INDEX CONCURRENTLY u ON app.t (i)', 'DROP INDEX CONCURRENTLY app.u; DROP INDEX app.i', '{a3}');
INSERT INTO app.t VALUES (1);
CALL migrate_deploy();
SELECT event->>'event' AS event, event->>'revision' AS revision, rows FROM app.told ORDER BY n;
DELETE FROM app.told;
TRUNCATE app.t;
INSERT INTO app.t VALUES (1);
CALL migrate_deploy();
SELECT event->>'event' AS event, event->>'revision' AS revision, rows FROM app.told ORDER BY n;
DELETE FROM app.told;
CALL migrate_revert('a3');
SELECT event->>'event' AS event, event->>'revision' AS revision, rows FROM app.told ORDER BY n;
DELETE FROM app.told;
-- a decision is no run
SELECT migrate_register('b1', 'INSERT INTO app.t VALUES (2); CREATE INDEX CONCURRENTLY j ON app.t (i); SELECT 1/0', '', '{a3}', replace => true);
CALL migrate_deploy();
SELECT migrate_resolve('b1', 'finish');
SELECT event->>'event' AS event, event->>'revision' AS revision, rows FROM app.told ORDER BY n;
DELETE FROM app.told;
-- a script says that it calls none
SELECT line FROM unnest(string_to_array(migrate_script('a1'), E'\n')) AS line WHERE line LIKE '-- Hooks%';
SELECT migrate_unhook('before_step', 'app.note(jsonb)'), migrate_unhook('after_step', 'app.note(jsonb)');
SELECT count(*) FROM unnest(string_to_array(migrate_script('a1'), E'\n')) AS line WHERE line LIKE '-- Hooks%';

\set VERBOSITY terse
SELECT migrate_downgrade('base');
DROP SCHEMA app, moved CASCADE;
SELECT migrate_unregister(r) FROM unnest('{b1,a3,a2,a1}'::text[]) AS r;
DELETE FROM migrate.log;
