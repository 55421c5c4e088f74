-- hook_rights: a hook gives no role the rights of the one that runs
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE SCHEMA app;
CREATE TABLE app.told (n int GENERATED ALWAYS AS IDENTITY, who text);
CREATE ROLE regress_runner;
CREATE ROLE regress_member IN ROLE regress_runner;
CREATE ROLE regress_stranger;
GRANT ALL ON SCHEMA app TO regress_runner, regress_stranger;
GRANT ALL ON app.told TO regress_runner, regress_stranger;
GRANT EXECUTE ON FUNCTION migrate_hook, migrate_unhook, migrate_register, migrate_upgrade, migrate_downgrade TO regress_runner, regress_stranger;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO regress_runner;
CREATE FUNCTION pg_temp.said(statement text) RETURNS text LANGUAGE sql AS $$
	SELECT replace(pg_temp.attempt(statement), (SELECT quote_ident(rolname) FROM pg_roles WHERE oid = 10), 'superuser')
$$;
-- Up and down again.
CREATE FUNCTION pg_temp.run() RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.said('SELECT migrate_upgrade(); SELECT migrate_downgrade(''base'')')
$$;
CREATE FUNCTION pg_temp.told() RETURNS text LANGUAGE sql AS $$
	WITH told AS (DELETE FROM app.told RETURNING *) SELECT string_agg(who, ', ' ORDER BY n) FROM told
$$;
SET SESSION AUTHORIZATION regress_runner;
SELECT migrate_register('a1', 'SELECT 1', 'SELECT 1');
SET SESSION AUTHORIZATION regress_stranger;
CREATE FUNCTION app.note(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO app.told (who) VALUES (current_user);
END$$;

-- The role that registers it must have the rights of the runner, and so must the
-- owner of the function
SELECT migrate_hook('before_step', 'app.note(jsonb)');
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run();
-- no role takes a hook from one whose rights it does not have, nor puts its own name on it
SELECT pg_temp.said($$SELECT migrate_unhook('before_step', 'app.note(jsonb)')$$), pg_temp.said($$SELECT migrate_hook('before_step', 'app.note(jsonb)')$$);
RESET SESSION AUTHORIZATION;
SELECT migrate_hook('before_step', 'app.note(jsonb)');
SET SESSION AUTHORIZATION regress_stranger;
SELECT pg_temp.said($$SELECT migrate_unhook('before_step', 'app.note(jsonb)')$$), pg_temp.said($$SELECT migrate_hook('before_step', 'app.note(jsonb)')$$);
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
RESET SESSION AUTHORIZATION;
SELECT pg_temp.run(), pg_temp.told();
-- SECURITY DEFINER or not: what it leaves in the session would have its rights
ALTER FUNCTION app.note(jsonb) SECURITY DEFINER;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
RESET SESSION AUTHORIZATION;
ALTER FUNCTION app.note(jsonb) OWNER TO regress_member;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
RESET SESSION AUTHORIZATION;
ALTER FUNCTION app.note(jsonb) SECURITY INVOKER;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
CALL migrate_deploy();
SELECT migrate_downgrade('base'), pg_temp.told();
-- an owner who loses the rights
RESET SESSION AUTHORIZATION;
REVOKE regress_runner FROM regress_member;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
CALL migrate_deploy();
RESET SESSION AUTHORIZATION;
GRANT regress_runner TO regress_member;
-- and one whose function it may not execute
ALTER FUNCTION app.note(jsonb) OWNER TO current_user;
REVOKE EXECUTE ON FUNCTION app.note(jsonb) FROM PUBLIC;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
SELECT pg_temp.said($$SELECT migrate_hook('after_step', 'app.note(jsonb)')$$);
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION app.note(jsonb) TO regress_runner;
-- what has its name now does not matter: the function is known
ALTER SCHEMA app RENAME TO away;
CREATE SCHEMA app;
CREATE TABLE app.told (LIKE away.told INCLUDING ALL);
CREATE FUNCTION app.note(event jsonb) RETURNS void LANGUAGE sql AS $$INSERT INTO app.told (who) VALUES ('wrong')$$;
GRANT USAGE ON SCHEMA app TO regress_runner;
GRANT ALL ON app.told TO regress_runner;
SELECT event, function, problem FROM migrate.hooks;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
RESET SESSION AUTHORIZATION;
DROP SCHEMA app CASCADE;
ALTER SCHEMA away RENAME TO app;

-- A role that was dropped; another one that gets its name has not registered it
CREATE ROLE regress_gone IN ROLE regress_runner;
GRANT EXECUTE ON FUNCTION migrate_hook TO regress_gone;
GRANT USAGE ON SCHEMA app TO regress_gone;
SELECT migrate_unhook('before_step', 'app.note(jsonb)');
SET SESSION AUTHORIZATION regress_gone;
SELECT migrate_hook('after_run', 'app.note(jsonb)');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_gone;
DROP ROLE regress_gone;
CREATE ROLE regress_gone SUPERUSER;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
RESET SESSION AUTHORIZATION;
DROP ROLE regress_gone;
SELECT migrate_unhook('after_run', 'app.note(jsonb)');

-- A session of another role: the hook cannot reach it
CREATE FUNCTION app.resets(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RESET ROLE;
	INSERT INTO app.told (who) VALUES (current_user);
END$$;
CREATE FUNCTION app.leaves(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE CASE event->>'target' WHEN 'a1' THEN 'PREPARE left_there_' || (event->>'event') || ' AS SELECT 1'
		WHEN 'head' THEN 'DECLARE left_there CURSOR FOR SELECT 1' ELSE 'CREATE TEMPORARY VIEW told AS SELECT 1' END;
END$$;
ALTER FUNCTION app.resets(jsonb) OWNER TO regress_runner;
ALTER FUNCTION app.leaves(jsonb) OWNER TO regress_runner;
DO $$
DECLARE
	event text;
	target text;
BEGIN
	FOREACH event IN ARRAY '{before_run,before_step,after_step,after_run}'::text[] LOOP
		PERFORM migrate_hook(event, 'app.resets(jsonb)');
		SET LOCAL ROLE regress_runner;
		RAISE WARNING '%: %', event, pg_temp.run();
		RESET ROLE;
		PERFORM migrate_unhook(event, 'app.resets(jsonb)');
		FOREACH target IN ARRAY '{a1,head,heads}'::text[] LOOP
			PERFORM migrate_hook(event, 'app.leaves(jsonb)');
			SET LOCAL ROLE regress_runner;
			RAISE WARNING '%: %', event, pg_temp.said(format('SELECT migrate_upgrade(%L)', target));
			RESET ROLE;
			PERFORM migrate_unhook(event, 'app.leaves(jsonb)');
		END LOOP;
	END LOOP;
END$$;
SELECT * FROM pg_temp.told();
SELECT name FROM pg_prepared_statements WHERE from_sql;
-- so does a run that commits
SELECT migrate_hook('before_run', 'app.resets(jsonb)'), migrate_hook('on_error', 'app.resets(jsonb)');
SET ROLE regress_runner;
CALL migrate_deploy();
RESET ROLE;
SELECT migrate_unhook('before_run', 'app.resets(jsonb)'), migrate_unhook('on_error', 'app.resets(jsonb)');
SELECT * FROM migrate_current();
-- in a session of its own it goes back
SELECT migrate_approve('a1', hash) FROM migrate_show('a1');
CREATE FUNCTION app.changes(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	SET ROLE regress_other;
END$$;
CREATE ROLE regress_other;
SELECT migrate_hook('before_step', 'app.changes(jsonb)');
SELECT pg_temp.run(), current_user = session_user AS itself;
SELECT migrate_unhook('before_step', 'app.changes(jsonb)');

-- Where approval is required, a role that may approve has to register it
SET SESSION AUTHORIZATION regress_runner;
SELECT migrate_hook('after_step', 'app.note(jsonb)');
RESET SESSION AUTHORIZATION;
SET migrate.require_approval = on;
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
RESET SESSION AUTHORIZATION;
SELECT migrate_hook('after_step', 'app.note(jsonb)');
SET SESSION AUTHORIZATION regress_runner;
SELECT pg_temp.run(), pg_temp.told();
RESET SESSION AUTHORIZATION;
RESET migrate.require_approval;
SELECT migrate_unhook('after_step', 'app.note(jsonb)');

SELECT migrate_unregister('a1');
SELECT count(*) FROM migrate.hook;
DELETE FROM migrate.log;
DROP SCHEMA app CASCADE;
DROP OWNED BY regress_runner, regress_member, regress_stranger;
DROP ROLE regress_runner, regress_member, regress_stranger, regress_other;
