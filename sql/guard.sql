-- guard: roles that were given rights on everything by accident are refused, and
-- so is every role while others may have written what it would run
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE ROLE regress_migrate_web;
CREATE ROLE regress_migrate_group;
CREATE ROLE regress_migrate_deputy;
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE VIEW rights AS SELECT "check", status, value, advice FROM migrate_doctor() WHERE area = 'rights' AND status <> 'ok';
\a
\t on
SELECT pg_temp.attempt('SELECT migrate_guard()') AS all_is_well;
SELECT count(*) FROM rights;

-- every function granted, as web stacks do
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO regress_migrate_web;
SET ROLE regress_migrate_web;
SELECT pg_temp.attempt($$SELECT migrate_register('w', '')$$);
SELECT call, split_part(pg_temp.attempt(call), E'\n', 1) FROM unnest(ARRAY[
	$$SELECT migrate_register_script('-- revision: w')$$,
	$$SELECT migrate_unregister('w')$$,
	$$SELECT migrate_merge('{a,b}', 'w')$$,
	$$SELECT migrate_upgrade()$$,
	$$SELECT migrate_downgrade('base')$$,
	$$SELECT migrate_stamp('base')$$,
	$$SELECT migrate_stamp('{}'::text[])$$,
	$$SELECT migrate_resolve('w', 'skip')$$,
	$$SELECT migrate_submit()$$,
	$$SELECT migrate_cancel(1)$$,
	$$SELECT migrate_run_jobs()$$,
	$$SELECT migrate_schedule('w', '1 day')$$,
	$$SELECT migrate_unschedule('w')$$,
	$$SELECT migrate_show('w')$$,
	$$SELECT migrate_guard()$$,
	$$SELECT migrate_history()$$]) AS call;
RESET ROLE;
SELECT * FROM rights;
-- the others are not refused
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
-- by a group, and by PUBLIC, which keeps the questions
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM regress_migrate_web;
GRANT ALL ON ALL ROUTINES IN SCHEMA public TO regress_migrate_group;
GRANT regress_migrate_group TO regress_migrate_web;
SET ROLE regress_migrate_web;
CALL migrate_deploy();
CALL migrate_wait(1);
RESET ROLE;
REVOKE ALL ON ALL ROUTINES IN SCHEMA public FROM regress_migrate_group;
GRANT EXECUTE ON FUNCTION migrate_guard TO PUBLIC;
SET ROLE regress_migrate_web;
SELECT pg_temp.attempt('SELECT migrate_guard()');
RESET ROLE;
REVOKE ALL ON FUNCTION migrate_guard FROM PUBLIC;
-- what the owner may, a member of it may
SELECT extowner::regrole::text AS owner FROM pg_extension WHERE extname = 'migrate' \gset
GRANT :"owner" TO regress_migrate_deputy;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO regress_migrate_deputy;
SET ROLE regress_migrate_deputy;
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
RESET ROLE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM regress_migrate_deputy;
REVOKE :"owner" FROM regress_migrate_deputy;

-- given away: refused for superusers, too, and the new owner cannot hide it
BEGIN;
ALTER FUNCTION migrate_guard OWNER TO regress_migrate_web;
ALTER FUNCTION migrate_upgrade OWNER TO regress_migrate_web;
SELECT replace(pg_temp.attempt('SELECT migrate_upgrade()'), :'owner', 'owner');
SELECT "check", status, value, advice FROM rights;
GRANT CREATE ON SCHEMA public TO regress_migrate_web;
SET ROLE regress_migrate_web;
REVOKE ALL ON FUNCTION migrate_guard, migrate_upgrade FROM regress_migrate_web;
SELECT split_part(pg_temp.attempt('SELECT migrate_guard()'), E'\n', 1);
ALTER FUNCTION migrate_guard() RENAME TO x;
GRANT EXECUTE ON FUNCTION migrate_upgrade TO regress_migrate_web;
SELECT split_part(pg_temp.attempt('SELECT migrate_upgrade()'), E'\n', 1);
RESET ROLE;
ALTER FUNCTION x() OWNER TO :"owner";
ALTER FUNCTION migrate_upgrade OWNER TO :"owner";
GRANT EXECUTE ON FUNCTION migrate_upgrade TO regress_migrate_web;
SET ROLE regress_migrate_web;
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
ROLLBACK;
BEGIN;
ALTER TABLE migrate.version OWNER TO regress_migrate_web;
SELECT replace(pg_temp.attempt($$SELECT migrate_stamp('base')$$), :'owner', 'owner');
ROLLBACK;
BEGIN;
ALTER SCHEMA migrate OWNER TO regress_migrate_web;
SELECT replace(pg_temp.attempt('SELECT migrate_upgrade()'), :'owner', 'owner');
ROLLBACK;

-- who may write a table may write what others run, and fire triggers there
BEGIN;
GRANT INSERT, SELECT ON migrate.revision TO regress_migrate_web;
SELECT * FROM rights;
GRANT UPDATE ON migrate.schedules TO PUBLIC;
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
ROLLBACK;
BEGIN;
GRANT UPDATE (upgrade) ON migrate.revision TO regress_migrate_web;
GRANT pg_write_all_data TO regress_migrate_group;
SELECT "check", status, replace(value, 'migrate.', '') FROM rights;
ROLLBACK;
BEGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA migrate TO regress_migrate_web;
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
CREATE TRIGGER fires BEFORE INSERT ON migrate.log FOR EACH ROW EXECUTE FUNCTION fires();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
ALTER FUNCTION fires OWNER TO regress_migrate_web;
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
SELECT * FROM rights;
ROLLBACK;
\a
\t off
SELECT pg_temp.attempt('SELECT migrate_guard()') AS all_is_well;
DROP VIEW rights;
DROP FUNCTION fires;
DROP ROLE regress_migrate_deputy, regress_migrate_web, regress_migrate_group;
