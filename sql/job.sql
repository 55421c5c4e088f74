-- job: submit, wait, cancel; what a job takes along; its owner
\i sql/include/start.sql
SET client_min_messages = warning;
\pset null -
CREATE TABLE ran (what text, who text DEFAULT current_user, path text DEFAULT current_setting('search_path'),
                  transaction_at timestamptz DEFAULT now(), statement_at timestamptz DEFAULT statement_timestamp());
SELECT migrate_register('a1', 'INSERT INTO ran VALUES (''a1'')', 'DELETE FROM ran WHERE what = ''a1''');
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''a2''); CREATE INDEX CONCURRENTLY ran_what ON ran (what)',
                        'DROP INDEX CONCURRENTLY ran_what; DELETE FROM ran WHERE what = ''a2''', '{a1}');

-- from submission to its end
SELECT migrate_submit() AS job \gset
CALL migrate_wait(:job);
SELECT version_num FROM migrate.version;
SELECT what, who = current_user AS who, statement_at BETWEEN now() - interval '1 minute' AND now() AS statement_at,
       transaction_at BETWEEN statement_at AND now() AS transaction_at FROM ran;
SELECT state, command, target, owner = current_user AS owner, version_table, run_at BETWEEN submitted - interval '1 minute' AND submitted AS run_at, deadline,
       started >= submitted AS started, finished >= started AS finished, attempts, pid, revision, step, steps, note, sqlstate, error
  FROM migrate.jobs_details;
SELECT revision, operation, via, state, application_name = 'migrate job ' || :job AS application_name FROM migrate.log ORDER BY run, step;

-- there is nothing to do
SELECT migrate_submit('a2') AS job \gset
CALL migrate_wait(:job);
SELECT state, revision, step, steps FROM migrate.jobs_details WHERE job = :job;

-- the way back
SELECT migrate_submit('base', 'downgrade') AS job \gset
CALL migrate_wait(:job, interval '1 minute');
SELECT (SELECT count(*) FROM migrate.version) AS version, (SELECT count(*) FROM ran) AS ran, to_regclass('ran_what');

-- what goes wrong comes back as it was
SELECT migrate_register('b1', 'SELECT 1; SELECT 1 / 0', down_revision => '{a2}');
SELECT migrate_submit('b1') AS job \gset
CALL migrate_wait(:job);
SELECT state, revision, step, steps, sqlstate, error, context FROM migrate.jobs_details WHERE job = :job;
SELECT revision, state FROM migrate.log WHERE via = 'worker' AND revision LIKE 'b%';
SELECT version_num FROM migrate.version;
SELECT migrate_register('b1', 'DO $do$BEGIN RAISE ''it fails'' USING HINT = ''a hint'', DETAIL = ''a detail'', ERRCODE = ''ZZ123''; END$do$',
                        down_revision => '{a2}', replace => true);
SELECT migrate_submit('b1') AS job \gset
CALL migrate_wait(:job);
\echo :LAST_ERROR_SQLSTATE
SELECT detail, hint FROM migrate.jobs_details WHERE job = :job;
-- of a long message so much is stored as can be dumped, whole characters
SELECT migrate_register('b1', 'DO $do$BEGIN RAISE USING MESSAGE = ''x'' || repeat(''äöü'', 100000), HINT = repeat(''ß'', 40000),
                          DETAIL = repeat(''y'', 65537), ERRCODE = ''ZZ123''; END$do$',
                        down_revision => '{a2}', replace => true);
SELECT migrate_submit('b1') AS job \gset
\set VERBOSITY sqlstate
CALL migrate_wait(:job);
\set VERBOSITY default
SELECT octet_length(error), right(error, 30) AS error, octet_length(detail), right(detail, 99) AS detail,
       octet_length(hint), right(hint, 205) AS hint
  FROM migrate.jobs_details WHERE job = :job;
SELECT octet_length(error), right(error, 30) AS error FROM migrate.log WHERE sqlstate = 'ZZ123' ORDER BY finished DESC LIMIT 1;
SELECT migrate_register('b1', $b$DO $do$BEGIN EXECUTE repeat(' ', 100000) || 'SELECT 1 / 0'; END$do$ $b$, down_revision => '{a2}', replace => true);
\set VERBOSITY sqlstate
CALL migrate_deploy('b1');
\set VERBOSITY default
SELECT octet_length(context), right(context, 89) AS context FROM migrate.log WHERE sqlstate = '22012' ORDER BY finished DESC LIMIT 1;
SELECT migrate_unregister('b1');

-- a target is checked at once
\a
\t on
SELECT pg_temp.attempt(call) FROM unnest(ARRAY[
	$$SELECT migrate_submit('nonsense')$$,
	$$SELECT migrate_submit('+7')$$,
	$$SELECT migrate_submit('-7', 'downgrade')$$,
	$$SELECT migrate_submit('head', 'stamp')$$,
	$$SELECT migrate_submit('head', 'Upgrade')$$,
	$$SELECT migrate_submit(NULL)$$,
	$$SELECT migrate_submit('head', NULL)$$,
	$$SELECT migrate_submit(run_at => NULL)$$,
	$$SELECT migrate_submit(run_at => 'infinity')$$,
	$$SELECT migrate_submit(run_at => '2000-01-01', deadline => '2000-01-02') $$,
	$$SELECT migrate_submit(run_at => '2100-01-02', deadline => '2100-01-01') $$,
	$$SELECT migrate_cancel(-1)$$,
	$$SELECT migrate_cancel(NULL)$$]) AS call;
\a
\t off
SET migrate.version_table = 'nowhere.at_all';
SELECT migrate_submit();
RESET migrate.version_table;
SELECT count(*) FROM migrate.jobs_details WHERE state = 'queued';

-- a relative target is resolved once, when the job is submitted
SELECT migrate_register('b1', '', down_revision => '{a2}');
SELECT migrate_submit('+1', run_at => now() + interval '1 day') AS job \gset
SELECT target FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_submit('-1', 'downgrade', run_at => now() + interval '1 day') AS job \gset
SELECT target FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_submit('-2', 'downgrade', run_at => now() + interval '1 day') AS job \gset
SELECT target FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_cancel(job) FROM migrate.jobs_details WHERE state = 'queued' ORDER BY job;
SELECT migrate_unregister('b1');
SELECT migrate_submit('a2-1', 'downgrade') AS job \gset
CALL migrate_wait(:job);
SELECT target, (SELECT version_num FROM migrate.version) FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_submit('-1', 'downgrade') AS job \gset
CALL migrate_wait(:job);
SELECT target, (SELECT version_num FROM migrate.version) FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_submit('+1', 'upgrade') AS job \gset
CALL migrate_wait(:job);
SELECT target, (SELECT version_num FROM migrate.version) FROM migrate.jobs_details WHERE job = :job;
CALL migrate_deploy();

-- a SELECT that submits
SET client_min_messages = notice;
SET migrate.function_mode = nonsense;
SET migrate.function_mode = submit;
SELECT migrate_downgrade('-1');
SELECT migrate_upgrade('nonsense');
SELECT max(job) AS job FROM migrate.jobs_details \gset
CALL migrate_wait(:job);
SELECT command, target, state FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_upgrade();
SELECT max(job) AS job FROM migrate.jobs_details \gset
CALL migrate_wait(:job);
SELECT command, target, state FROM migrate.jobs_details WHERE job = :job;
-- the others run as ever
SELECT migrate_stamp('head');
CALL migrate_deploy();
RESET migrate.function_mode;
SET client_min_messages = warning;

-- later, and cancelled
SELECT migrate_submit(run_at => now() + interval '1 day') AS job \gset
SELECT state, attempts FROM migrate.jobs_details WHERE job = :job;
SELECT * FROM migrate_run_jobs();
CALL migrate_wait(:job, interval '20 ms');
CALL migrate_wait(:job, interval '-1 s');
-- an end of the wait is not the job's
SET statement_timeout = '100ms';
CALL migrate_wait(:job);
\echo :LAST_ERROR_SQLSTATE
RESET statement_timeout;
SELECT state FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_cancel(:job), migrate_cancel(:job);
SELECT state FROM migrate.jobs_details WHERE job = :job;
CALL migrate_wait(:job);
CALL migrate_wait(-1);
CALL migrate_wait(NULL);
-- in transactions
BEGIN;
CALL migrate_wait(:job);
ROLLBACK;
BEGIN;
SELECT migrate_submit() AS job \gset
ROLLBACK;
SELECT count(*) FROM migrate.jobs_details WHERE job = :job;
BEGIN;
SAVEPOINT s;
SELECT migrate_submit() AS gone \gset
ROLLBACK TO s;
SELECT migrate_submit() AS job \gset
COMMIT;
CALL migrate_wait(:job);
SELECT job = :job AS is_the_second, state FROM migrate.jobs_details WHERE job >= :gone;
-- wanted twice
BEGIN;
SELECT migrate_submit() AS job \gset
SELECT job = :job AS due FROM migrate_run_jobs() AS job;
COMMIT;
CALL migrate_wait(:job);
SELECT state, attempts FROM migrate.jobs_details WHERE job = :job;
DO $$DECLARE last bigint := max(job) FROM migrate.jobs_details; BEGIN CALL migrate_wait(last); CALL migrate_wait(last, '1 s'); END$$;

-- what it takes along: search_path, settings, the role that was set
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.version (version_num varchar(32) PRIMARY KEY);
CREATE ROLE regress_migrate_deployer;
GRANT ALL ON SCHEMA public, elsewhere TO regress_migrate_deployer;
GRANT ALL ON ran, elsewhere.version TO regress_migrate_deployer;
GRANT EXECUTE ON FUNCTION migrate_submit, migrate_cancel TO regress_migrate_deployer;
GRANT EXECUTE ON PROCEDURE migrate_wait TO regress_migrate_deployer;
GRANT USAGE ON SCHEMA migrate TO regress_migrate_deployer;
GRANT SELECT ON migrate.jobs_details TO regress_migrate_deployer;
SELECT migrate_register('c1', 'INSERT INTO public.ran VALUES (''c1'' || current_setting(''migrate.max_attempts''))');
SET search_path = elsewhere, public;
SET migrate.version_table = 'elsewhere.version';
SET migrate.max_attempts = 7;
SET ROLE regress_migrate_deployer;
SELECT migrate_submit('c1') AS job \gset
CALL migrate_wait(:job);
SELECT owner, version_table, state FROM migrate.jobs_details;
RESET ROLE;
RESET search_path;
RESET migrate.version_table;
RESET migrate.max_attempts;
-- and so does the statement that a hint gives
SET search_path = elsewhere, public;
SELECT migrate_register('c2', 'SELECT 1/0');
SELECT migrate_submit('c2') AS failed \gset
CALL migrate_wait(:failed);
RESET search_path;
SELECT migrate_unregister('c2');
SELECT what, who, path FROM ran WHERE what LIKE 'c1%';
SELECT version_num FROM elsewhere.version;
SELECT role FROM migrate.log WHERE revision = 'c1';
-- the right to submit is asked for there, too
GRANT EXECUTE ON FUNCTION migrate_upgrade TO regress_migrate_deployer;
REVOKE EXECUTE ON FUNCTION migrate_submit FROM regress_migrate_deployer;
SET migrate.function_mode = submit;
CREATE FUNCTION public.migrate_submit(what int) RETURNS int LANGUAGE sql AS 'SELECT 1';
SET ROLE regress_migrate_deployer;
SELECT migrate_upgrade('c1');
RESET ROLE;
DROP FUNCTION public.migrate_submit(int);
RESET migrate.function_mode;
GRANT EXECUTE ON FUNCTION migrate_submit TO regress_migrate_deployer;
-- an owner's own jobs only
SET ROLE regress_migrate_deployer;
SELECT migrate_cancel(:job - 1);
CALL migrate_wait(:job - 1);
SELECT migrate_cancel(:job);
SELECT * FROM migrate.job;
RESET ROLE;
-- not where a dump has brought them: another role may have the OID there
BEGIN;
UPDATE migrate.job SET origin = 'elsewhere' WHERE job = :job;
SELECT count(*) FROM migrate.jobs_details WHERE job = :job;
SET ROLE regress_migrate_deployer;
SELECT count(*) FROM migrate.jobs_details WHERE job = :job;
SAVEPOINT s;
SELECT migrate_cancel(:job);
ROLLBACK TO s;
COMMIT;
SET ROLE regress_migrate_deployer;
CALL migrate_wait(:job);
RESET ROLE;
UPDATE migrate.job SET origin = (SELECT max(origin) FROM migrate.job WHERE job <> :job) WHERE job = :job;

-- settings of the role, which a session of it would have
ALTER ROLE regress_migrate_deployer LOGIN;
SELECT migrate_register('d1', $$INSERT INTO public.ran VALUES ('d1 ' || current_setting('transaction_isolation'))$$, '');
ALTER ROLE regress_migrate_deployer SET default_transaction_isolation = 'serializable';
SET SESSION AUTHORIZATION regress_migrate_deployer;
SELECT migrate_submit('d1') AS job \gset
RESET SESSION AUTHORIZATION;
CALL migrate_wait(:job);
SELECT what FROM ran WHERE what LIKE 'd1%';
ALTER ROLE regress_migrate_deployer SET default_transaction_read_only = on;
SET SESSION AUTHORIZATION regress_migrate_deployer;
SELECT migrate_submit('c1') AS job \gset
RESET SESSION AUTHORIZATION;
CALL migrate_wait(:job);
SELECT state, sqlstate FROM migrate.jobs_details WHERE job = :job;
ALTER ROLE regress_migrate_deployer RESET ALL;
-- but not as another role than the owner
CREATE ROLE regress_migrate_group;
GRANT regress_migrate_group TO regress_migrate_deployer;
ALTER ROLE regress_migrate_deployer SET role = regress_migrate_group;
SELECT migrate_register('d2', $$INSERT INTO public.ran VALUES ('d2')$$, '');
SET SESSION AUTHORIZATION regress_migrate_deployer;
SELECT migrate_submit('d2') AS job \gset
RESET SESSION AUTHORIZATION;
CALL migrate_wait(:job);
SELECT owner, (SELECT who FROM ran WHERE what = 'd2') FROM migrate.jobs_details WHERE job = :job;
SELECT migrate_downgrade('d2@base');
SELECT migrate_unregister('d2');
ALTER ROLE regress_migrate_deployer RESET ALL;
DROP ROLE regress_migrate_group;
ALTER ROLE regress_migrate_deployer NOLOGIN;
SELECT migrate_downgrade('d1@base');
SELECT migrate_unregister('d1');

-- what keeps a job from being run is said
CREATE FUNCTION end_of(bigint) RETURNS text LANGUAGE sql AS
  'SELECT concat_ws(E''\n  '', state || '' '' || sqlstate, error, detail, hint) FROM migrate.jobs_details WHERE job = $1';
CREATE FUNCTION submit_as(who text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
  RETURN migrate_submit('c1', run_at => now() + interval '1 day');
END$$;
SELECT submit_as('regress_migrate_deployer') AS job \gset
UPDATE migrate.job SET run_at = now() WHERE job = :job;
CALL migrate_wait(:job);
ALTER ROLE regress_migrate_deployer LOGIN;
SELECT submit_as('regress_migrate_deployer') AS job \gset
REVOKE EXECUTE ON FUNCTION migrate_submit FROM regress_migrate_deployer;
SELECT * FROM migrate_run_jobs();
SELECT end_of(:job);
GRANT EXECUTE ON FUNCTION migrate_submit TO regress_migrate_deployer;
SELECT submit_as('regress_migrate_deployer') AS job \gset
SELECT submit_as('regress_migrate_deployer') AS queued \gset
DROP OWNED BY regress_migrate_deployer;
DROP ROLE regress_migrate_deployer;
SELECT * FROM migrate_run_jobs();
SELECT end_of(:job);
SELECT migrate_cancel(:queued);
-- a login role that may no longer set the role, that may not connect, that was dropped
CREATE ROLE regress_migrate_login LOGIN;
CREATE ROLE regress_migrate_group;
GRANT regress_migrate_group TO regress_migrate_login;
GRANT EXECUTE ON FUNCTION migrate_submit TO regress_migrate_login, regress_migrate_group;
CREATE FUNCTION submit_twice() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL SESSION AUTHORIZATION regress_migrate_login;
  PERFORM migrate_submit('c1', run_at => now() + interval '1 day');
  SET LOCAL ROLE regress_migrate_group;
  PERFORM migrate_submit('c1', run_at => now() + interval '1 day');
END$$;
SELECT max(job) AS before FROM migrate.jobs_details \gset
SELECT submit_twice();
REVOKE regress_migrate_group FROM regress_migrate_login;
SELECT * FROM migrate_run_jobs();
SELECT end_of(max(job)) FROM migrate.jobs_details;
GRANT regress_migrate_group TO regress_migrate_login;
SELECT submit_twice();
REVOKE CONNECT ON DATABASE :DBNAME FROM PUBLIC;
SELECT * FROM migrate_run_jobs();
SELECT end_of(max(job)) FROM migrate.jobs_details;
GRANT CONNECT ON DATABASE :DBNAME TO PUBLIC;
SELECT submit_twice();
DROP OWNED BY regress_migrate_login;
DROP ROLE regress_migrate_login;
SELECT * FROM migrate_run_jobs();
SELECT end_of(max(job)) FROM migrate.jobs_details;
SELECT owner, count(*), count(*) FILTER (WHERE state = 'failed') AS failed FROM migrate.jobs_details WHERE job > :before GROUP BY owner ORDER BY owner;
-- a function with rights of its own submits as its owner
CREATE FUNCTION submit_for_all() RETURNS bigint LANGUAGE sql SECURITY DEFINER
  AS $$SELECT migrate_submit('c1', run_at => now() + interval '1 day')$$;
CREATE FUNCTION submit_as_group() RETURNS bigint LANGUAGE sql SECURITY DEFINER
  AS $$SELECT migrate_submit('c1', run_at => now() + interval '1 day')$$;
ALTER FUNCTION submit_as_group OWNER TO regress_migrate_group;
SELECT submit_as_group() > 0 AS submitted;
SET ROLE regress_migrate_group;
SELECT submit_for_all() > 0 AS submitted;
RESET ROLE;
SELECT owner = current_user AS mine, owner = login AS same FROM migrate.job ORDER BY job DESC LIMIT 2;
SELECT migrate_cancel(job) FROM migrate.jobs_details WHERE state = 'queued';
DROP FUNCTION submit_twice, submit_for_all, submit_as_group;
DROP OWNED BY regress_migrate_group;
DROP ROLE regress_migrate_group;
-- of another server, or a worker that exited unexpectedly too often, or too late
SELECT migrate_submit('heads', run_at => now() + interval '1 day') AS job \gset
UPDATE migrate.job SET origin = 'elsewhere', state = 'running' WHERE job = :job;
SELECT migrate_submit('heads', run_at => now() + interval '1 day') AS crashed \gset
UPDATE migrate.job SET crashes = 2, state = 'running', revision = 'a1' WHERE job = :crashed;
SELECT migrate_submit('heads', run_at => now() + interval '1 day', deadline => now() + interval '2 days') AS late \gset
UPDATE migrate.job SET deadline = now() - interval '1 s', run_at = now() - interval '2 s' WHERE job = :late;
SELECT state FROM migrate.jobs_details WHERE job >= :job ORDER BY job;
SELECT * FROM migrate_run_jobs();
SELECT end_of(:job);
SELECT end_of(:crashed);
SELECT end_of(:late);

-- a block with EXCEPTION is a subtransaction, in which nothing can commit
DO $$ BEGIN
  BEGIN CALL migrate_wait(1);
  EXCEPTION WHEN invalid_transaction_termination THEN RAISE WARNING '%', SQLERRM;
  END;
END $$;

-- old jobs go with migrate.log_retention
ALTER DATABASE :DBNAME SET migrate.log_retention = '1d';
UPDATE migrate.job SET finished = now() - interval '2 days';
SELECT migrate_submit('heads') AS job \gset
CALL migrate_wait(:job);
ALTER DATABASE :DBNAME RESET migrate.log_retention;
SELECT count(*) FROM migrate.jobs_details;

DROP FUNCTION end_of, submit_as;
DROP TABLE ran;
DROP SCHEMA elsewhere CASCADE;
TRUNCATE migrate.job;
\i sql/include/reset.sql
