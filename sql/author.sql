-- author: a body never gives its author more than the author has
\i sql/include/start.sql
CREATE ROLE regress_migrate_author;
CREATE ROLE regress_migrate_runner;
CREATE ROLE regress_migrate_member IN ROLE regress_migrate_runner;
CREATE ROLE regress_migrate_gone;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_upgrade, migrate_downgrade, migrate_stamp(text, boolean)
	TO regress_migrate_author, regress_migrate_runner, regress_migrate_member, regress_migrate_gone;
SET client_min_messages = warning;
SELECT migrate_register('super', '', '');
SET ROLE regress_migrate_author;
SELECT migrate_register('author', 'ALTER ROLE regress_migrate_author SUPERUSER', '');
SET ROLE regress_migrate_member;
SELECT migrate_register('member', '', '');
SET ROLE regress_migrate_runner;
SELECT migrate_register('runner', '', '');
SELECT migrate_register('on_author', '', '', '{author}');
SET ROLE regress_migrate_gone;
SELECT migrate_register('gone', '', '');
RESET ROLE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM regress_migrate_gone;
DROP ROLE regress_migrate_gone;

-- which role may run revisions of which
\a
\t on
SET ROLE regress_migrate_runner;
SELECT id, pg_temp.attempt(format('SELECT migrate_upgrade(%L)', id))
  FROM unnest(ARRAY['super', 'author', 'member', 'runner', 'on_author', 'gone']) AS id;
SET ROLE regress_migrate_member;
SELECT pg_temp.attempt($$SELECT migrate_downgrade('runner@base')$$);
RESET ROLE;
-- a superuser runs what superusers wrote, and nothing of other roles
SELECT id, pg_temp.attempt(format('SELECT migrate_upgrade(%L)', id))
  FROM unnest(ARRAY['super', 'author', 'member', 'gone']) AS id;
SELECT id, pg_temp.attempt(format('SELECT migrate_downgrade(%L)', id || '@base'))
  FROM unnest(ARRAY['super', 'member']) AS id;
\a
\t off
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_migrate_author';

-- nor what a member wrote that cannot set the role, which is so from 16 on
\set refused t
SELECT current_setting('server_version_num')::int >= 160000 AS has_set \gset
\if :has_set
BEGIN;
CREATE ROLE regress_migrate_unset;
GRANT EXECUTE ON FUNCTION migrate_register TO regress_migrate_unset;
GRANT regress_migrate_runner TO regress_migrate_unset WITH INHERIT TRUE, SET FALSE;
SET LOCAL ROLE regress_migrate_unset;
SELECT migrate_register('unset', '', '') AS id \gset
SET LOCAL ROLE regress_migrate_runner;
SELECT pg_temp.attempt($$SELECT migrate_upgrade('unset')$$) LIKE '42501: permission denied to run revision%' AS refused \gset
ROLLBACK;
\endif
SELECT :'refused' AS refused;

-- what a hint says to paste is a literal, whatever the id is
BEGIN;
SET LOCAL ROLE regress_migrate_author;
SELECT migrate_register($$a'||f()||'$$, '', '');
RESET ROLE;
SELECT pg_temp.attempt($$SELECT migrate_upgrade('a''||f()||''')$$);
SELECT pg_temp.attempt($$SELECT migrate_approve('a''||f()||''', 'hash')$$);
SET LOCAL migrate.require_approval = on;
SELECT pg_temp.attempt($$SELECT migrate_stamp('a''||f()||''')$$);
ROLLBACK;

-- another role with the name of an author is not the author; elsewhere the name is all there is
BEGIN;
CREATE ROLE regress_migrate_gone SUPERUSER;
SELECT pg_temp.attempt($$SELECT migrate_upgrade('gone')$$);
UPDATE migrate.revision SET origin = 'elsewhere', registered_by_oid = 1;
SELECT pg_temp.attempt($$SELECT migrate_upgrade('gone')$$);
ROLLBACK;
-- one that was renamed still is
BEGIN;
ALTER ROLE regress_migrate_runner RENAME TO regress_migrate_other;
GRANT EXECUTE ON FUNCTION migrate_approve TO regress_migrate_other;
SELECT migrate_stamp('base');
SET ROLE regress_migrate_other;
SELECT pg_temp.attempt($$SELECT migrate_upgrade('runner')$$);
SELECT pg_temp.attempt($$SELECT migrate_approve('runner', 'hash')$$);
ROLLBACK;
-- the version rows alone may be written by any role that may stamp
SELECT migrate_stamp('author');
SELECT migrate_downgrade('author@base');
SELECT migrate_stamp('base');
-- to register a body again, unchanged, and with replace, is to answer for it
SELECT migrate_register('gone', '', '');
SELECT migrate_upgrade('gone');
SELECT migrate_register('gone', '', '', replace => true);
SELECT migrate_upgrade('gone');
-- a superuser who has SET ROLE lends the body no more than that role: neither
-- RESET ROLE nor SET SESSION AUTHORIZATION may lead back
SET ROLE regress_migrate_author;
SELECT migrate_register('author2', 'RESET ROLE; ALTER ROLE regress_migrate_author SUPERUSER', '');
SELECT pg_temp.attempt($$SELECT migrate_upgrade('author2')$$) <> 'ok' AS refused;
SELECT migrate_register('author3', 'SET SESSION AUTHORIZATION DEFAULT; ALTER ROLE regress_migrate_author SUPERUSER', '');
SELECT pg_temp.attempt($$SELECT migrate_upgrade('author3')$$) <> 'ok' AS refused;
RESET ROLE;
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_migrate_author';
-- who approves vouches: a role that has the rights of the runner, for the revision
-- as it is registered now, as long as the role has them
CREATE ROLE regress_migrate_approver;
CREATE ROLE regress_migrate_deployer IN ROLE regress_migrate_runner;
GRANT EXECUTE ON FUNCTION migrate_approve, migrate_show TO regress_migrate_approver, regress_migrate_runner;
SET ROLE regress_migrate_author;
SELECT migrate_register('vouched', 'SELECT 1', '');
RESET ROLE;
CREATE FUNCTION pg_temp.run_as(role text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', role);
  RETURN concat_ws(', ', (SELECT problem FROM migrate_plan_details('vouched') WHERE revision = 'vouched'),
                   (SELECT 'doctor' FROM migrate_doctor_details() WHERE "check" = 'authors' AND value LIKE '%vouched%'),
                   split_part(pg_temp.attempt('SELECT migrate_upgrade(''vouched''); SELECT migrate_downgrade(''vouched@base'')'), E'\n', 1));
END$$;
SELECT pg_temp.run_as('regress_migrate_runner');
SET ROLE regress_migrate_approver;
SELECT migrate_approve('vouched', hash) FROM migrate_show('vouched');
RESET ROLE;
SELECT pg_temp.run_as('regress_migrate_runner') AS approver_is_no_member;
GRANT regress_migrate_runner TO regress_migrate_approver;
SELECT pg_temp.run_as('regress_migrate_runner') AS approver_is_member;
SELECT pg_temp.run_as(current_user) AS superuser;
BEGIN;
ALTER ROLE regress_migrate_approver RENAME TO regress_migrate_renamed;
SELECT pg_temp.run_as('regress_migrate_runner') AS approver_was_renamed;
RESET ROLE;
CREATE ROLE regress_migrate_approver SUPERUSER;
SELECT pg_temp.run_as(current_user) AS another_role_of_that_name;
ROLLBACK;
BEGIN;
UPDATE migrate.approval SET origin = 'elsewhere', approved_by_oid = 1;
SELECT pg_temp.run_as('regress_migrate_runner') AS from_a_dump;
ROLLBACK;
REVOKE regress_migrate_runner FROM regress_migrate_approver;
SELECT pg_temp.run_as('regress_migrate_runner') AS no_member_any_more;
SET ROLE regress_migrate_runner;
SELECT migrate_approve('vouched', hash) FROM migrate_show('vouched');
RESET ROLE;
SELECT pg_temp.run_as('regress_migrate_runner') AS by_itself;
BEGIN;
SET LOCAL ROLE regress_migrate_author;
SELECT migrate_register('vouched', 'SELECT 2', '', replace => true);
RESET ROLE;
SELECT pg_temp.run_as('regress_migrate_runner') AS replaced;
ROLLBACK;
SELECT migrate_approve('vouched', hash) FROM migrate_show('vouched');
SELECT pg_temp.run_as(current_user) AS superuser;
SET ROLE regress_migrate_runner;
SELECT value, advice FROM migrate_doctor_details() WHERE "check" = 'authors';
SET ROLE regress_migrate_approver;
SELECT value, advice FROM migrate_doctor_details() WHERE "check" = 'authors';
RESET ROLE;
\i sql/include/reset.sql
DROP OWNED BY regress_migrate_approver, regress_migrate_deployer;
DROP ROLE regress_migrate_approver, regress_migrate_deployer;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public
  FROM regress_migrate_author, regress_migrate_runner, regress_migrate_member;
DROP ROLE regress_migrate_member, regress_migrate_runner, regress_migrate_author;
