-- guard: roles that were given rights on everything by accident are refused, and
-- so is every role while others may have written what it would run
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE ROLE regress_migrate_web;
CREATE ROLE regress_migrate_group;
CREATE ROLE regress_migrate_deputy;
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE VIEW rights AS SELECT "check", status, value, advice FROM migrate_doctor_details() WHERE area = 'rights' AND status <> 'ok';
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
	$$SELECT migrate_register_files('{w.sql}', '{-- revision: w}')$$,
	$$SELECT migrate_register_bundle('-- file: w.sql')$$,
	$$SELECT migrate_register_directory('/tmp')$$,
	$$SELECT migrate_adopt('dbmate')$$,
	$$SELECT migrate_baseline('w')$$,
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
RESET ROLE;
ALTER EXTENSION migrate DROP FUNCTION x();
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
GRANT UPDATE ON migrate.schedules_details TO PUBLIC;
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

-- a foreign key fires triggers of its own table
BEGIN;
GRANT REFERENCES (version_num) ON migrate.version TO regress_migrate_web;
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
ROLLBACK;

-- what a table got while it was in other hands stays when it is given back; asked
-- also where every role may: reading is enough
CREATE FUNCTION takes(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE DOMAIN checked AS text CHECK (takes(0) = 0);
CREATE FUNCTION part(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
	problem text;
BEGIN
	EXECUTE statement;
	SELECT string_agg(value || ': ' || advice, E'\n') INTO problem FROM migrate_doctor_details() WHERE status = 'problem';
	RETURN NEXT problem;
	BEGIN
		PERFORM * FROM migrate_heads();
		RETURN NEXT 'not refused';
	EXCEPTION WHEN insufficient_privilege THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
		RETURN NEXT SQLERRM;
	END;
	-- the statement repairs it
	EXECUTE substring(hint FROM 'again: (.*)');
	PERFORM migrate_guard();
	SELECT string_agg(value || ': ' || advice, E'\n') INTO problem FROM migrate_doctor_details() WHERE area = 'rights' AND status = 'problem';
	RETURN NEXT problem;
END $$;
CREATE TABLE refers (v varchar(32));
CREATE TABLE heir () INHERITS (migrate.revision);
ALTER TABLE heir NO INHERIT migrate.revision;
-- each in a transaction of its own, none of which locks migrate.lease: the doctor's
-- worker writes it
SELECT format('SELECT part(%L)', statement) FROM unnest(ARRAY[
	'ALTER TABLE refers ADD CONSTRAINT fk FOREIGN KEY (v) REFERENCES migrate.version ON UPDATE CASCADE',
	'ALTER TABLE migrate.version ADD CONSTRAINT own_fk FOREIGN KEY (version_num) REFERENCES migrate.version',
	'CREATE STATISTICS stats ON (takes(0) + length(revision)), is_head FROM migrate.revision',
	'CREATE INDEX expression_idx ON migrate.revision ((takes(0) + length(revision)))',
	'CREATE INDEX predicate_idx ON migrate.log (step) WHERE takes(step) > 0',
	'ALTER TABLE migrate.job ADD CONSTRAINT job_check CHECK (takes(0) = 0)',
	'ALTER TABLE migrate.approval ADD CONSTRAINT approval_exclude EXCLUDE (revision WITH =) WHERE (takes(0) = 0)',
	'ALTER TABLE migrate.revision ALTER COLUMN registered_at SET DEFAULT now() + takes(0) * interval ''1s''',
	'ALTER TABLE migrate.version ADD COLUMN x int GENERATED ALWAYS AS (takes(0)) STORED',
	'ALTER TABLE migrate.log ADD COLUMN y text DEFAULT takes(0)',
	'ALTER TABLE migrate.partial ALTER COLUMN body_hash TYPE checked',
	'CREATE RULE also AS ON INSERT TO migrate.log DO ALSO SELECT takes(0)',
	'CREATE POLICY hides ON migrate.approval USING (takes(0) = 0)',
	'ALTER TABLE heir INHERIT migrate.revision',
	'CREATE TRIGGER quietly BEFORE UPDATE ON migrate.version FOR EACH ROW WHEN (takes(0) = 1) EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'ALTER FUNCTION migrate_show SECURITY DEFINER',
	'ALTER PROCEDURE migrate_revert SET search_path = trap, public',
	'ALTER FUNCTION migrate_unregister RENAME TO migrate_forget',
	'ALTER FUNCTION migrate_stamp(text[], boolean) RENAME TO "another stamp"',
	'ALTER FUNCTION migrate_stamp(text, boolean) SET SCHEMA migrate'
	]) AS statement \gexec
ALTER TABLE migrate.version DROP COLUMN x;
ALTER TABLE migrate.log DROP COLUMN y;
-- functions and views that were replaced; the script makes them again
BEGIN;
CREATE OR REPLACE FUNCTION migrate_unregister(revision text) RETURNS void LANGUAGE sql AS 'SELECT takes(0)';
SELECT pg_temp.attempt('SELECT migrate_is_current()');
SELECT "check", status, value, advice FROM migrate_doctor_details();
CREATE OR REPLACE FUNCTION migrate_unregister(revision text) RETURNS void LANGUAGE C AS '$libdir/migrate', 'migrate_unregister';
SELECT pg_temp.attempt('SELECT migrate_is_current()');
ROLLBACK;
BEGIN;
CREATE FUNCTION view(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE OR REPLACE VIEW migrate.schedules AS SELECT v.* FROM (%s) AS v %s',
		rtrim(pg_get_viewdef('migrate.schedules'), ';'), $1);
	RETURN pg_temp.attempt('SELECT migrate_is_current()');
END $$;
SELECT view('');
SAVEPOINT replaced;
SELECT view('WHERE takes(0) = 0');
ROLLBACK TO replaced;
SELECT view(', refers');
ROLLBACK;
BEGIN;
ALTER TYPE migrate.revision_info OWNER TO regress_migrate_web;
SELECT replace(pg_temp.attempt('SELECT migrate_is_current()'), :'owner', 'owner');
ROLLBACK;
-- while a table is given away, the doctor says so, and every role is refused
BEGIN;
ALTER TABLE migrate.revision OWNER TO regress_migrate_web;
SET ROLE regress_migrate_web;
SELECT DISTINCT area FROM migrate_doctor() UNION ALL SELECT DISTINCT area FROM migrate_doctor_details();
SELECT call, split_part(pg_temp.attempt(call), E'\n', 1) FROM unnest(ARRAY[
	'SELECT * FROM migrate_current()', 'SELECT * FROM migrate_heads()', 'SELECT * FROM migrate_branches()',
	'SELECT * FROM migrate_history()', 'SELECT * FROM migrate_history_details()', 'SELECT migrate_graph()',
	'SELECT * FROM migrate_plan()', 'SELECT * FROM migrate_plan_details()', 'SELECT migrate_is_current()']) AS call;
ROLLBACK;
\a
\t off
SELECT pg_temp.attempt('SELECT migrate_guard()') AS all_is_well;
DROP TABLE refers, heir;
DROP FUNCTION part;
DROP DOMAIN checked;
DROP FUNCTION takes;
DROP VIEW rights;
DROP FUNCTION fires;
DROP ROLE regress_migrate_deputy, regress_migrate_web, regress_migrate_group;
