-- approval: with migrate.require_approval an upgrade runs what a role has
-- approved
\i sql/include/start.sql
\i sql/include/settle.sql
SET client_min_messages = warning;
\pset null -
TRUNCATE migrate.job RESTART IDENTITY;
CREATE ROLE regress_migrate_author;
CREATE ROLE regress_migrate_boss;
CREATE ROLE regress_migrate_login;
GRANT regress_migrate_author TO regress_migrate_login;
GRANT regress_migrate_boss TO regress_migrate_login;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_unregister, migrate_stamp(text, boolean) TO regress_migrate_author, regress_migrate_boss;
GRANT EXECUTE ON FUNCTION migrate_approve, migrate_upgrade TO regress_migrate_author, regress_migrate_boss;
-- whose revisions the runner may run
CREATE ROLE regress_migrate_runner;
GRANT regress_migrate_runner TO regress_migrate_author, regress_migrate_boss;
GRANT EXECUTE ON FUNCTION migrate_upgrade, migrate_downgrade, migrate_submit, migrate_schedule, migrate_unschedule TO regress_migrate_runner;
GRANT EXECUTE ON PROCEDURE migrate_deploy, migrate_revert TO regress_migrate_runner;
CREATE TABLE ran (what text);
GRANT ALL ON ran TO regress_migrate_runner;

-- what a role with migrate_show() reads
CREATE FUNCTION hash_of(id text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT hash FROM migrate_show(id)';

SET ROLE regress_migrate_author;
SELECT migrate_register('a1', 'INSERT INTO ran VALUES (''a1'')', 'DELETE FROM ran');
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''a2'')', '', '{a1}');
SELECT migrate_register('a3', 'INSERT INTO ran VALUES (''a3'')', down_revision => '{a2}');

-- not by its author, nor in a session of its author
SELECT pg_temp.attempt($$SELECT migrate_approve('a1', hash_of('a1'))$$);
RESET ROLE;
SET SESSION AUTHORIZATION regress_migrate_author;
SELECT pg_temp.attempt($$SELECT migrate_approve('a1', hash_of('a1'))$$);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_migrate_login;
SET ROLE regress_migrate_author;
SELECT pg_temp.attempt($$SELECT migrate_approve('a1', hash_of('a1'))$$);
RESET SESSION AUTHORIZATION;
GRANT regress_migrate_boss TO regress_migrate_author;
SET SESSION AUTHORIZATION regress_migrate_author;
SET ROLE regress_migrate_boss;
SELECT pg_temp.attempt($$SELECT migrate_approve('a1', hash_of('a1'))$$);
RESET SESSION AUTHORIZATION;
REVOKE regress_migrate_boss FROM regress_migrate_author;
SELECT pg_temp.attempt($$SELECT migrate_approve('nothing', 'x')$$);
SELECT pg_temp.attempt($$SELECT migrate_approve('a', 'x')$$);
SELECT pg_temp.attempt($$SELECT migrate_approve(NULL, 'x')$$);
SELECT pg_temp.attempt($$SELECT migrate_approve('a1', NULL)$$);
-- what was replaced between show and approve
SET ROLE regress_migrate_boss;
SELECT hash_of('a1') AS hash \gset
SET ROLE regress_migrate_author;
SELECT migrate_register('a1', 'INSERT INTO ran VALUES (''evil'')', 'DELETE FROM ran', replace => true);
SET ROLE regress_migrate_boss;
SELECT pg_temp.attempt(format('SELECT migrate_approve(''a1'', %L)', :'hash'));
SELECT pg_temp.attempt(format('SELECT migrate_approve(''a2'', %L)', :'hash'));
SET ROLE regress_migrate_author;
SELECT migrate_register('a1', 'INSERT INTO ran VALUES (''a1'')', 'DELETE FROM ran', replace => true);
RESET ROLE;
SELECT hash_of('a1') = :'hash' AS same_again;

-- off: it is shown, but not asked for
SET ROLE regress_migrate_boss;
SELECT migrate_approve('a1', hash_of('a1'), 'looks good');
RESET ROLE;
SELECT revision, approved_by, approved_at <= now() AS approved_at, note, length(hash) FROM migrate.approval;
SELECT step, operation, revision, approved, problem, hash = hash_of(revision) AS hash FROM migrate_plan_details();
SELECT step, operation, revision, approved, problem, hash = hash_of(revision) AS hash FROM migrate_plan_details('head', 'stamp');
SELECT revision, state, approved_by FROM migrate.status_details;
-- the hash is for those who may read the bodies
SET ROLE regress_migrate_boss;
SELECT revision, approved, hash FROM migrate_plan_details();
RESET ROLE;

-- on: function, procedure and worker stop before what is not approved, and say by
-- an error that nothing was done
SET migrate.require_approval = on;
SELECT step, revision, approved, problem FROM migrate_plan_details();
SET ROLE regress_migrate_runner;
SELECT migrate_upgrade();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
CALL migrate_deploy();
RESET ROLE;
SELECT what FROM ran;
SELECT migrate_is_current();
ALTER DATABASE :DBNAME SET migrate.require_approval = on;
SET ROLE regress_migrate_runner;
SELECT migrate_submit() AS job \gset
RESET ROLE;
CALL migrate_wait(:job);
SELECT state, revision, note FROM migrate.jobs_details;
SET ROLE regress_migrate_runner;
SELECT migrate_schedule('s', '1 day');
RESET ROLE;
CALL settle();
SELECT regexp_replace(note, 'job \d+', 'job N') AS note FROM migrate.schedules_details;
SELECT state, sqlstate, error FROM migrate.jobs_details WHERE schedule = 's';
SELECT migrate_unschedule('s');
ALTER DATABASE :DBNAME RESET migrate.require_approval;
-- some was run: succeeded, with a note
SET ROLE regress_migrate_runner;
SELECT migrate_downgrade('base');
RESET ROLE;
ALTER DATABASE :DBNAME SET migrate.require_approval = on;
SET ROLE regress_migrate_runner;
SELECT migrate_submit() AS job \gset
RESET ROLE;
CALL migrate_wait(:job);
SELECT state, revision, note FROM migrate.jobs_details ORDER BY job DESC LIMIT 1;
ALTER DATABASE :DBNAME RESET migrate.require_approval;
-- a downgrade needs no approval where the log has the upgrade, also when the
-- approval is gone
DELETE FROM migrate.approval;
SET ROLE regress_migrate_runner;
SELECT step, revision, approved, problem FROM migrate_plan_details('base', 'downgrade');
SELECT migrate_downgrade('base');
RESET ROLE;
-- but not of another body, nor where it was never upgraded: neither after a
-- stamp, nor by rows that a session has written itself
SET migrate.require_approval = off;
SELECT migrate_stamp('a2');
SET migrate.require_approval = on;
SELECT step, revision, approved, problem FROM migrate_plan_details('base', 'downgrade');
SELECT pg_temp.attempt($$SELECT migrate_downgrade('base')$$);
SELECT pg_temp.attempt($$SELECT migrate_downgrade('a1')$$);
SELECT migrate_stamp('a1');
SET ROLE regress_migrate_runner;
SELECT migrate_downgrade('base');
RESET ROLE;
CREATE TABLE handmade (version_num varchar(32) PRIMARY KEY);
INSERT INTO handmade VALUES ('a1');
SET migrate.version_table = 'public.handmade';
CALL migrate_revert('base');
RESET migrate.version_table;
DROP TABLE handmade;
SET ROLE regress_migrate_author;
SELECT migrate_register('a1', 'INSERT INTO ran VALUES (''a1'')', 'TABLE ran', replace => true);
RESET ROLE;
INSERT INTO migrate.version VALUES ('a1');
SELECT pg_temp.attempt($$SELECT migrate_downgrade('base')$$);
DELETE FROM migrate.version;
-- a stamp counts revisions as applied: those that are new, and no others
SELECT pg_temp.attempt($$SELECT migrate_stamp('a2')$$);
SELECT pg_temp.attempt($$SELECT migrate_stamp('{a2}'::text[], purge => true)$$);
SET ROLE regress_migrate_boss;
SELECT migrate_approve('a1', hash_of('a1')), migrate_approve('a2', hash_of('a2'));
RESET ROLE;
SELECT migrate_stamp('a2');
SELECT pg_temp.attempt($$SELECT migrate_stamp('a3')$$);
SELECT migrate_stamp('a1', purge => true);
SELECT migrate_stamp('base');
DELETE FROM migrate.approval;
SET ROLE regress_migrate_author;
SELECT migrate_register('a1', 'INSERT INTO ran VALUES (''a1'')', 'DELETE FROM ran', replace => true);
-- by the log
SELECT migrate_stamp('a1');
SELECT migrate_stamp('base');
RESET ROLE;
SET ROLE regress_migrate_boss;
SELECT migrate_approve('a1', hash_of('a1'), 'looks good');
SET ROLE regress_migrate_runner;
SELECT migrate_upgrade('a1');
RESET ROLE;
-- all of it
SET ROLE regress_migrate_boss;
SELECT migrate_approve('a2', hash_of('a2')), migrate_approve('a3', hash_of('a3'), 'late');
SET ROLE regress_migrate_runner;
CALL migrate_deploy();
RESET ROLE;
SELECT what FROM ran;
SELECT revision, state, approved_by FROM migrate.status_details;

-- void after a change of either body, of the graph, of the author
SELECT migrate_stamp('a1');
CREATE FUNCTION is_approved(id text) RETURNS boolean LANGUAGE sql AS
  'SELECT approved FROM migrate_plan_details(''heads'') WHERE revision = id';
SELECT migrate_unregister('a3');
SET ROLE regress_migrate_author;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''a2'')', '', '{a1}');
RESET ROLE;
SELECT is_approved('a2') AS same_text;
SET ROLE regress_migrate_author;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''changed'')', '', '{a1}', replace => true);
RESET ROLE;
SELECT is_approved('a2') AS another_upgrade;
SELECT migrate_approve('a2', hash_of('a2'));
SELECT is_approved('a2') AS approved_again;
SET ROLE regress_migrate_author;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''changed'')', 'SELECT 1', '{a1}', replace => true);
RESET ROLE;
SELECT is_approved('a2') AS another_downgrade;
SELECT migrate_approve('a2', hash_of('a2'));
SET ROLE regress_migrate_author;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''changed'')', 'SELECT 1', replace => true);
RESET ROLE;
SELECT is_approved('a2') AS another_parent;
SET ROLE regress_migrate_boss;
SELECT migrate_approve('a2', hash_of('a2'));
RESET ROLE;
SELECT is_approved('a2') AS approved_again;
SET ROLE regress_migrate_boss;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''changed'')', 'SELECT 1', replace => true);
RESET ROLE;
SELECT is_approved('a2') AS another_author;
-- written past the functions
SELECT migrate_approve('a2', hash_of('a2'));
BEGIN;
UPDATE migrate.revision SET upgrade_hash = 'x' WHERE revision = 'a2';
SELECT is_approved('a2') AS another_hash;
ROLLBACK;
BEGIN;
UPDATE migrate.revision SET settings = 'search_path = evil' WHERE revision = 'a2';
SELECT is_approved('a2') AS other_settings;
ROLLBACK;
BEGIN;
UPDATE migrate.revision SET upgrade_transactional = false WHERE revision = 'a2';
SELECT is_approved('a2') AS not_transactional, (SELECT approved_by IS NULL FROM migrate.status_details WHERE revision = 'a2') AS nor_in_status;
ROLLBACK;
SELECT is_approved('a2') AS approved, (SELECT approved_by IS NOT NULL FROM migrate.status_details WHERE revision = 'a2') AS in_status;
-- a superuser may approve its own
SELECT migrate_register('a4', '', down_revision => '{a2}');
SELECT migrate_approve('a4', hash_of('a4'));
SELECT is_approved('a4') AS own;
-- gone and registered anew
SELECT migrate_unregister('a4');
SELECT migrate_register('a4', '', down_revision => '{a2}');
SELECT is_approved('a4') AS anew;

-- asked again before each step, which another one may have changed meanwhile
SELECT migrate_register('b1', 'UPDATE migrate.revision SET settings = ''search_path = evil'' WHERE revision = ''b2''', ''),
  migrate_register('b2', 'INSERT INTO ran VALUES (''b2'')', '', '{b1}');
SELECT migrate_approve(revision, hash) FROM migrate_plan_details('b2');
CALL migrate_deploy('b2');
SELECT count(*) FILTER (WHERE what = 'b2') AS ran, (SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM migrate.version) FROM ran;

-- only a superuser turns it off
SET ROLE regress_migrate_boss;
SELECT pg_temp.attempt('SET migrate.require_approval = off');
SELECT pg_temp.attempt('DELETE FROM migrate.approval');
RESET ROLE;

RESET migrate.require_approval;
DROP OWNED BY regress_migrate_author, regress_migrate_boss, regress_migrate_login, regress_migrate_runner;
DROP ROLE regress_migrate_author, regress_migrate_boss, regress_migrate_login, regress_migrate_runner;
DROP PROCEDURE settle;
DROP FUNCTION is_approved, hash_of;
DROP TABLE ran;
TRUNCATE migrate.job, migrate.schedule;
\i sql/include/reset.sql
SELECT count(*) FROM migrate.approval;
