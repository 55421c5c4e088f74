-- lint: what is looked at, ranges, waivers, migrate.lint, rights
\i sql/include/start.sql
\i sql/include/lint.sql
SELECT count(*) FROM migrate_register_script($$
-- revision: 1975ea83b712
-- migrate:up
CREATE TABLE account (id bigint PRIMARY KEY, mail varchar(20));
CREATE INDEX ON account (mail);
-- migrate:down
DROP TABLE account;
-- revision: ae1027a6acf0
-- down_revision: 1975ea83b712
-- migrate:up
ALTER TABLE account ADD COLUMN owner text;

ALTER TABLE account ALTER COLUMN mail TYPE text, ALTER COLUMN mail SET NOT NULL;
-- migrate:down
ALTER TABLE account DROP COLUMN owner;
-- revision: 27c6a30d7c24
-- down_revision: ae1027a6acf0
-- migrate:up
CREATE INDEX ON account (owner);
-- migrate:down
DROP INDEX account_owner_idx;
$$);

-- A plan that makes the table itself stops no session.
SELECT * FROM migrate_lint();
SELECT * FROM migrate_lint('base:heads');
-- Each by itself, where the table is in use; what earlier ones have made is known.
SELECT * FROM migrate_lint('base:heads', separately => true);
SELECT * FROM migrate_lint('heads', separately => true);
-- A range: from one revision to another, whatever this database has.
SELECT revision, line, rule FROM migrate_lint('1975ea83b712:ae1027a6acf0');
SELECT revision, line, rule FROM migrate_lint('1975:');
SELECT revision, line, rule FROM migrate_lint('ae1027a6acf0:heads');
SELECT revision, line, rule FROM migrate_lint(':ae1027a6acf0');
SELECT revision, line, rule FROM migrate_lint('heads:base', 'downgrade');
SELECT revision, line, rule FROM migrate_lint(':', 'downgrade');
-- Once it is there, it counts as what it is.
SET client_min_messages = warning;
SELECT migrate_upgrade('1975ea83b712');
SELECT revision, line, rule FROM migrate_lint();
SELECT revision, line, rule FROM migrate_lint('current:heads');
INSERT INTO account SELECT g, 'm' || g FROM generate_series(1, 30000) AS g;
ANALYZE account;
SELECT revision, line, rule FROM migrate_lint();
SELECT revision, line, rule FROM migrate_lint('+1');
SELECT revision, line, rule FROM migrate_lint('base', 'downgrade');
SET migrate.lint_small_table = '100MB';
SELECT revision, line, rule FROM migrate_lint();
SET migrate.lint_small_table = -1;
SELECT revision, line, rule FROM migrate_lint();
RESET migrate.lint_small_table;
RESET client_min_messages;
SELECT * FROM migrate_lint_details('27c6a30d7c24') WHERE severity <> 'notice' \gx

-- errors
SELECT * FROM migrate_lint('nowhere');
SELECT * FROM migrate_lint('nowhere:heads');
SELECT * FROM migrate_lint('base:heads:base');
SELECT * FROM migrate_lint('head', 'stamp');
SELECT * FROM migrate_lint('head', 'lint');
SELECT * FROM migrate_lint(NULL);
SELECT * FROM migrate_lint('head', separately => NULL);

-- migrate.lint: function and procedure; nothing is done
SET migrate.lint = 'error';
SELECT migrate_upgrade();
CALL migrate_deploy('ae1027a6acf0');
\echo :SQLSTATE
SELECT * FROM migrate.version;
SELECT count(*) FROM migrate.log WHERE revision IN ('ae1027a6acf0', '27c6a30d7c24');
-- a stamp runs nothing
BEGIN;
SELECT migrate_stamp('heads');
ROLLBACK;
SET migrate.lint = 'warn';
CALL migrate_deploy('+1');
SET migrate.lint = 'loud';

-- waivers: of the script, kept, shown, and no part of the hash
SET migrate.lint = 'error';
SELECT hash AS hash FROM migrate_show('27c6a30d7c24') \gset
SELECT migrate_register_script($$
-- revision: 27c6a30d7c24
-- down_revision: ae1027a6acf0
-- allow: create-index, drop-index (the table is not used yet), no-downgrade (x)
-- migrate:up
CREATE INDEX ON account (owner);
-- migrate:down
DROP INDEX account_owner_idx;
$$);
SELECT allow, hash = :'hash' AS same_hash FROM migrate_show('27c6a30d7c24');
SELECT * FROM migrate_lint();
SELECT line, rule, waived FROM migrate_lint_details();
CALL migrate_deploy();
-- of one that is applied, too; a call says all that there is
SELECT migrate_register('27c6a30d7c24', 'CREATE INDEX ON account (owner)', 'DROP INDEX account_owner_idx', '{ae1027a6acf0}', allow => 'drop-index (soon empty)');
SELECT allow FROM migrate_show('27c6a30d7c24');
CALL migrate_revert('ae1027a6acf0');
SELECT migrate_register('27c6a30d7c24', 'CREATE INDEX ON account (owner)', 'DROP INDEX account_owner_idx', '{ae1027a6acf0}');
SELECT allow FROM migrate_show('27c6a30d7c24');
CALL migrate_deploy();
-- one that is partial is resumed
SET migrate.lint = off;
SELECT migrate_register('p1', 'VACUUM account; ALTER TABLE account ADD COLUMN c int NOT NULL', '', '{ae1027a6acf0}');
CALL migrate_deploy('p1');
SET migrate.lint = 'error';
DELETE FROM account;
CALL migrate_deploy('p1');
CALL migrate_revert('ae1027a6acf0');
SELECT migrate_unregister('p1');
-- they say why, and of rules that exist
SELECT migrate_register('x', '', allow => 'create-idnex (small)');
SELECT migrate_register('x', '', allow => 'index (small)');
SELECT migrate_register('x', '', allow => 'nothing-like-it (small)');
SELECT migrate_register('x', '', allow => E'a name\x1b[2J' || repeat('x', 100000) || ' (small)');
SELECT migrate_register('x', '', allow => 'create-index');
SELECT migrate_register('x', '', allow => 'create-index (), drop-index (x)');
SELECT migrate_register('x', '', allow => 'create-index (small), drop-index');
SELECT migrate_register('x', '', allow => 'create-index (small');
SELECT migrate_register('x', '', allow => 'create-index (small) drop-index (x)');
SELECT migrate_register('x', '', allow => ' , create-index(a, b) , drop-index ( c )');
SELECT migrate_unregister('x');
SELECT migrate_register_script($$
-- revision: x
-- allow: creat-index (small)
-- migrate:up
$$);
SELECT migrate_register_script($$
-- revision: x
-- allow: create-index (small)
-- allow: drop-index (small)
$$);
SELECT migrate_register_script($$
-- revision: x
-- migrate:up
-- allow: create-index (small)
$$);
SELECT migrate_register_script($$
-- revision: x
-- Allow create-index (small)
$$);
-- remarks
SELECT migrate_register_script($$
-- revision: x
-- allow users to log in
-- migrate:up
-- allow nothing (here)
SELECT 1;
$$);
SELECT migrate_unregister('x');
SELECT migrate_register('x', E'-- allow only what is needed\n-- allow: create-index (small)\nSELECT 1', '');
RESET migrate.lint;

-- a role without rights on the tables: names and sizes are in the catalogs
CREATE ROLE regress_migrate_lint;
SET ROLE regress_migrate_lint;
SELECT * FROM migrate_lint();
SELECT * FROM migrate_lint_details();
RESET ROLE;
GRANT EXECUTE ON FUNCTION migrate_lint, migrate_lint_details, migrate_upgrade TO regress_migrate_lint;
CREATE SCHEMA lint_hidden;
CREATE TABLE lint_hidden.t (id bigint PRIMARY KEY);
SELECT migrate_register('y', 'ALTER TABLE lint_hidden.t ADD COLUMN c text NOT NULL; DROP TABLE account', 'SELECT 1', '{27c6a30d7c24}');
SET ROLE regress_migrate_lint;
SELECT revision, line, rule FROM migrate_lint();
SELECT pg_temp.attempt($$SELECT migrate_upgrade()$$);
-- What another role has set decides nothing.
RESET ROLE;
CREATE FUNCTION lint_deploy() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT migrate_upgrade()';
SET ROLE regress_migrate_lint;
SET migrate.lint = off;
SELECT pg_temp.attempt('SELECT lint_deploy()');
RESET migrate.lint;
SET migrate.lint_small_table = '1GB';
RESET ROLE;
ALTER FUNCTION lint_deploy() SET migrate.lint = 'error';
SET ROLE regress_migrate_lint;
SELECT pg_temp.attempt('SELECT lint_deploy()');
RESET ROLE;
RESET migrate.lint_small_table;
-- nor in a job or a schedule
CREATE FUNCTION lint_submit() RETURNS SETOF bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT migrate_submit()';
CREATE FUNCTION lint_schedule() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT migrate_schedule('nightly', '1 day')::text$$;
SET ROLE regress_migrate_lint;
SET migrate.lint = off;
SELECT pg_temp.attempt('SELECT lint_submit()');
SELECT pg_temp.attempt('SELECT lint_schedule()');
RESET migrate.lint;
SET migrate.lint_small_table = '1GB';
RESET ROLE;
ALTER FUNCTION lint_submit() SET migrate.lint = 'error';
SET ROLE regress_migrate_lint;
SELECT pg_temp.attempt('SELECT lint_submit()');
RESET ROLE;
RESET migrate.lint_small_table;
DROP FUNCTION lint_deploy(), lint_submit(), lint_schedule();
REVOKE ALL ON FUNCTION migrate_lint, migrate_lint_details, migrate_upgrade FROM regress_migrate_lint;
DROP ROLE regress_migrate_lint;
DROP SCHEMA lint_hidden CASCADE;
DROP TABLE account, big, small, empty;
\i sql/include/reset.sql
