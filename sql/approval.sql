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
GRANT EXECUTE ON FUNCTION migrate_register, migrate_unregister TO regress_migrate_author, regress_migrate_boss;
GRANT EXECUTE ON FUNCTION migrate_approve, migrate_upgrade TO regress_migrate_author, regress_migrate_boss;
-- whose revisions the runner may run
CREATE ROLE regress_migrate_runner;
GRANT regress_migrate_runner TO regress_migrate_author, regress_migrate_boss;
GRANT EXECUTE ON FUNCTION migrate_upgrade, migrate_downgrade, migrate_submit, migrate_schedule, migrate_unschedule TO regress_migrate_runner;
GRANT EXECUTE ON PROCEDURE migrate_deploy, migrate_revert TO regress_migrate_runner;
CREATE TABLE ran (what text);
GRANT ALL ON ran TO regress_migrate_runner;

SET ROLE regress_migrate_author;
SELECT migrate_register('a1', 'INSERT INTO ran VALUES (''a1'')', 'DELETE FROM ran');
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''a2'')', '', '{a1}');
SELECT migrate_register('a3', 'INSERT INTO ran VALUES (''a3'')', down_revision => '{a2}');

-- not by its author, nor in a session of its author
SELECT pg_temp.attempt($$SELECT migrate_approve('a1')$$);
RESET ROLE;
SET SESSION AUTHORIZATION regress_migrate_author;
SELECT pg_temp.attempt($$SELECT migrate_approve('a1')$$);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_migrate_login;
SET ROLE regress_migrate_author;
SELECT pg_temp.attempt($$SELECT migrate_approve('a1')$$);
RESET SESSION AUTHORIZATION;
GRANT regress_migrate_boss TO regress_migrate_author;
SET SESSION AUTHORIZATION regress_migrate_author;
SET ROLE regress_migrate_boss;
SELECT pg_temp.attempt($$SELECT migrate_approve('a1')$$);
RESET SESSION AUTHORIZATION;
REVOKE regress_migrate_boss FROM regress_migrate_author;
SELECT pg_temp.attempt($$SELECT migrate_approve('nothing')$$);
SELECT pg_temp.attempt($$SELECT migrate_approve('a')$$);
SELECT pg_temp.attempt($$SELECT migrate_approve(NULL)$$);

-- off: it is shown, but not asked for
SET ROLE regress_migrate_boss;
SELECT migrate_approve('a1', 'looks good');
RESET ROLE;
SELECT revision, approved_by, approved_at <= now() AS approved_at, note, length(hash) FROM migrate.approval;
SELECT step, operation, revision, approved FROM migrate_plan();
SELECT step, operation, revision, approved FROM migrate_plan('head', 'stamp');
SELECT revision, state, approved_by FROM migrate.status;

-- on: function, procedure and worker stop before what is not approved
SET migrate.require_approval = on;
SET ROLE regress_migrate_runner;
SELECT migrate_upgrade();
SELECT migrate_upgrade();
CALL migrate_deploy();
RESET ROLE;
SELECT what FROM ran;
SELECT migrate_is_current();
ALTER DATABASE :DBNAME SET migrate.require_approval = on;
SET ROLE regress_migrate_runner;
SELECT migrate_submit() AS job \gset
RESET ROLE;
CALL migrate_wait(:job);
SELECT state, revision, note FROM migrate.jobs;
SET ROLE regress_migrate_runner;
SELECT migrate_schedule('s', '1 day');
RESET ROLE;
CALL settle();
SELECT note FROM migrate.schedules;
SELECT migrate_unschedule('s');
ALTER DATABASE :DBNAME RESET migrate.require_approval;
-- a downgrade needs no approval
SET ROLE regress_migrate_runner;
SELECT migrate_downgrade('base');
SELECT migrate_upgrade('a1');
RESET ROLE;
-- all of it
SET ROLE regress_migrate_boss;
SELECT migrate_approve('a2'), migrate_approve('a3', 'late');
SET ROLE regress_migrate_runner;
CALL migrate_deploy();
RESET ROLE;
SELECT what FROM ran;
SELECT revision, state, approved_by FROM migrate.status;

-- void after a change of either body, of the graph, of the author
SELECT migrate_stamp('a1');
CREATE FUNCTION is_approved(id text) RETURNS boolean LANGUAGE sql AS
  'SELECT approved FROM migrate_plan(''heads'') WHERE revision = id';
SELECT migrate_unregister('a3');
SET ROLE regress_migrate_author;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''a2'')', '', '{a1}');
RESET ROLE;
SELECT is_approved('a2') AS same_text;
SET ROLE regress_migrate_author;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''changed'')', '', '{a1}', replace => true);
RESET ROLE;
SELECT is_approved('a2') AS another_upgrade;
SELECT migrate_approve('a2');
SELECT is_approved('a2') AS approved_again;
SET ROLE regress_migrate_author;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''changed'')', 'SELECT 1', '{a1}', replace => true);
RESET ROLE;
SELECT is_approved('a2') AS another_downgrade;
SELECT migrate_approve('a2');
SET ROLE regress_migrate_author;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''changed'')', 'SELECT 1', replace => true);
RESET ROLE;
SELECT is_approved('a2') AS another_parent;
SET ROLE regress_migrate_boss;
SELECT migrate_approve('a2');
RESET ROLE;
SELECT is_approved('a2') AS approved_again;
SET ROLE regress_migrate_boss;
SELECT migrate_register('a2', 'INSERT INTO ran VALUES (''changed'')', 'SELECT 1', replace => true);
RESET ROLE;
SELECT is_approved('a2') AS another_author;
-- written past the functions
SELECT migrate_approve('a2');
UPDATE migrate.revision SET upgrade_hash = 'x' WHERE revision = 'a2';
SELECT is_approved('a2') AS another_hash;
UPDATE migrate.revision SET upgrade_hash = (SELECT split_part(hash, ':', 1) FROM migrate.approval WHERE revision = 'a2') WHERE revision = 'a2';
-- a superuser may approve its own
SELECT migrate_register('a4', '', down_revision => '{a2}');
SELECT migrate_approve('a4');
SELECT is_approved('a4') AS own;
-- gone and registered anew
SELECT migrate_unregister('a4');
SELECT migrate_register('a4', '', down_revision => '{a2}');
SELECT is_approved('a4') AS anew;

-- only a superuser turns it off
SET ROLE regress_migrate_boss;
SELECT pg_temp.attempt('SET migrate.require_approval = off');
SELECT pg_temp.attempt('DELETE FROM migrate.approval');
RESET ROLE;

RESET migrate.require_approval;
DROP OWNED BY regress_migrate_author, regress_migrate_boss, regress_migrate_login, regress_migrate_runner;
DROP ROLE regress_migrate_author, regress_migrate_boss, regress_migrate_login, regress_migrate_runner;
DROP PROCEDURE settle;
DROP FUNCTION is_approved;
DROP TABLE ran;
TRUNCATE migrate.job, migrate.schedule;
\i sql/include/reset.sql
SELECT count(*) FROM migrate.approval;
