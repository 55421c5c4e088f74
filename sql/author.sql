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
\i sql/include/reset.sql
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public
  FROM regress_migrate_author, regress_migrate_runner, regress_migrate_member;
DROP ROLE regress_migrate_member, regress_migrate_runner, regress_migrate_author;
