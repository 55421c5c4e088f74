-- tenants: the same revisions in several schemas, each with its own version table
\i sql/include/start.sql
SELECT migrate_register('aaa', 'CREATE TABLE account (id int PRIMARY KEY)', 'DROP TABLE account', message => 'account');
SELECT migrate_register('bbb', 'INSERT INTO account VALUES (1); ALTER TABLE account ADD name text',
	'ALTER TABLE account DROP name; DELETE FROM account', '{aaa}', message => 'name');
CREATE SCHEMA tenant_1;
CREATE SCHEMA tenant_2;
CREATE SCHEMA "Tenant 3%";
SELECT * FROM migrate.tenants;
CALL migrate_deploy('aaa', schemas => '{tenant_1}');
SELECT * FROM migrate.tenants;

-- one that is behind, one that fails, a new one: each by itself
CREATE TABLE tenant_2.account (id int PRIMARY KEY);
CALL migrate_deploy(schemas => '{tenant_*,Tenant 3%,tenant_1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM migrate.tenants;
SELECT schema, version_table, revisions, pending, failed_revision, failed_sqlstate, failed_error, last_run <= now() AS ran
  FROM migrate.tenants_details;
SELECT relname, relnamespace::regnamespace FROM pg_class WHERE relname = 'account' ORDER BY 2;
SELECT version_table, revision, state, via FROM migrate.log ORDER BY version_table, started;
-- the session is as before, and our own version table has no part in it
SHOW search_path;
SHOW migrate.version_table;
SELECT count(*) FROM migrate.version;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';
-- who has forgotten to name them is told, once
SELECT migrate_register('zzz', 'SELECT 1', '');
SELECT migrate_submit('zzz', run_at => now() + '1 day') IS NOT NULL AS submitted;
SELECT migrate_cancel(job) FROM migrate.jobs WHERE state = 'queued';
TRUNCATE migrate.job RESTART IDENTITY;
SELECT migrate_upgrade('zzz');
SELECT migrate_downgrade('base');
SELECT migrate_unregister('zzz');

-- as the hint says
SET search_path = tenant_2, public;
SET migrate.version_table = 'tenant_2.migrate_version';
SELECT revision, note FROM migrate_plan();
DROP TABLE account;
CALL migrate_deploy();
RESET search_path;
RESET migrate.version_table;
CALL migrate_deploy(schemas => '{tenant_*}');

-- downgrades; the first failure ends it where that is asked for
INSERT INTO tenant_1.account VALUES (2);
SELECT migrate_register('ccc', 'CREATE UNIQUE INDEX CONCURRENTLY account_key ON account ((true))', 'DROP INDEX account_key', '{bbb}');
CALL migrate_deploy(schemas => '{tenant_1,tenant_2}', stop_on_error => true);
SELECT * FROM migrate.tenants;
CALL migrate_deploy(schemas => '{tenant_1,tenant_2}');
-- the others have it by now: it cannot be replaced before the downgrade that the error names
SELECT migrate_register('ccc', 'SELECT 1', 'SELECT 1', '{bbb}', replace => true);
CALL migrate_deploy(schemas => '{tenant_1}');
BEGIN;
SET LOCAL search_path = tenant_1, public;
SET LOCAL migrate.version_table = 'tenant_1.migrate_version';
SELECT migrate_stamp('ccc');
ROLLBACK;
CALL migrate_revert('ccc@bbb', schemas => '{tenant_2}');
SELECT migrate_register('ccc', 'SELECT 1', 'SELECT 1', '{bbb}', replace => true);
SELECT migrate_register('ccc', 'CREATE UNIQUE INDEX CONCURRENTLY account_key ON account ((true))', 'DROP INDEX account_key', '{bbb}', replace => true);
CALL migrate_deploy(schemas => '{tenant_2}');
DELETE FROM tenant_1.account WHERE id = 2;
CALL migrate_deploy(schemas => '{tenant_1}');
CALL migrate_revert('-1', schemas => '{tenant_1,"Tenant 3%",tenant_2}');
SELECT * FROM migrate.tenants;
-- a relative target says another revision once what is partial is finished: no
-- statement with it, also where the run has done nothing
SELECT migrate_register('ccd', 'CREATE INDEX CONCURRENTLY other_key ON account (id)', 'DROP INDEX CONCURRENTLY other_key; SELECT 1/0', '{ccc}');
CALL migrate_deploy('ccd', schemas => '{tenant_2}');
CALL migrate_revert('-1', schemas => '{tenant_2}');
CALL migrate_revert('-1', schemas => '{tenant_2}');
SELECT * FROM migrate.tenants WHERE schema = 'tenant_2';
SET migrate.version_table = 'tenant_2.migrate_version';
SELECT migrate_resolve('ccd', 'finish');
RESET migrate.version_table;
CALL migrate_revert('bbb', schemas => '{tenant_2}');
SELECT migrate_unregister('ccd');
CALL migrate_revert('base', '{*enant*}', true);
SELECT schema, state, revision FROM migrate.tenants;

-- what the caller has set for its transaction ends with it, as without schemas
CREATE PROCEDURE set_local() LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL search_path = tenant_2, public;
	CALL migrate_deploy('aaa', schemas => '{tenant_1}');
END $$;
CALL set_local();
SHOW search_path;
DROP PROCEDURE set_local;
CALL migrate_revert('base', '{tenant_1}');

-- an error between two runs leaves the session as it was
CREATE SCHEMA U&"tenant_\0436";
SET client_encoding = LATIN1;
CALL migrate_deploy('aaa', schemas => '{tenant_1,tenant_*}');
RESET client_encoding;
SHOW search_path;
SHOW migrate.version_table;
SELECT schema, state, revision FROM migrate.tenants;
DROP SCHEMA U&"tenant_\0436" CASCADE;
CALL migrate_revert('base', '{tenant_1,tenant_2}');

-- one that is partial: what its way out is, also when nobody has read the messages,
-- and what has to be done elsewhere before its body can be changed
SELECT migrate_register('ppp', $$ALTER TABLE account ADD note text; VACUUM account; SELECT 1 / (current_schema() <> 'tenant_2')::int$$,
	'ALTER TABLE account DROP note', '{aaa}');
CALL migrate_deploy('aaa', schemas => '{tenant_1,tenant_2,Tenant 3%}');
CALL migrate_deploy('ppp', schemas => '{tenant_1,Tenant 3%,tenant_2}');
SELECT schema, state, partial, failed_hint, next_command FROM migrate.tenants_details WHERE next_command IS NOT NULL \gx
SELECT "check", status, regexp_replace(value, '(failed with \w+ at) .*', '\1 ...') AS value, advice FROM migrate_doctor_details()
 WHERE "check" IN ('partial', 'last run') \gx
SET migrate.version_table = 'tenant_2.migrate_version';
SELECT "check", status, regexp_replace(value, '(failed with \w+ at) .*', '\1 ...') AS value FROM migrate_doctor_details()
 WHERE "check" IN ('partial', 'last run') \gx
SELECT migrate_resolve('ppp', 'abandon');
RESET migrate.version_table;
SELECT migrate_register('ppp', 'SELECT 1', 'SELECT 1', '{aaa}', replace => true);
CALL migrate_revert('ppp@aaa', schemas => '{"Tenant 3%",tenant_1}');
SELECT migrate_register('ppp', 'SELECT 1; VACUUM account; SELECT 2', $$SELECT 1; VACUUM account; SELECT 1 / (current_schema() <> 'tenant_2')::int$$,
	'{aaa}', replace => true);
\set VERBOSITY terse
CALL migrate_deploy('ppp', schemas => '{tenant_1,tenant_2}');
-- a downgrade
CALL migrate_revert('aaa', schemas => '{tenant_2}');
SELECT schema, next_command FROM migrate.tenants_details WHERE next_command IS NOT NULL;
SET migrate.version_table = 'tenant_2.migrate_version';
SELECT migrate_resolve('ppp', 'finish');
RESET migrate.version_table;
CALL migrate_revert('aaa', schemas => '{tenant_1}');
-- one that has failed, and left nothing
SELECT migrate_register('ppp', 'SELECT 1 / 0', 'SELECT 1', '{aaa}', replace => true);
CALL migrate_deploy('ppp', schemas => '{"Tenant 3%"}');
SELECT schema, next_command FROM migrate.tenants_details WHERE next_command IS NOT NULL;
-- a statement whose outcome only a person can find out: the line shows the decisions
SELECT migrate_register('ppp', 'DO $a$BEGIN CREATE TABLE left_over (); COMMIT; RAISE ''no''; END$a$', '', '{aaa}', transactional => false, replace => true);
CALL migrate_deploy('ppp', schemas => '{tenant_2}');
SELECT next_command FROM migrate.tenants_details WHERE schema = 'tenant_2' \gexec
CALL migrate_deploy('ppp', schemas => '{tenant_2}');
SELECT starts_with(next_command, 'SET') FROM migrate.tenants_details WHERE schema = 'tenant_2';
SELECT migrate_resolve('ppp', 'abandon');
RESET migrate.version_table;
-- where the error asks for a decision there is no command, but its hint
SELECT migrate_register('ppp', 'CREATE INDEX CONCURRENTLY account_i ON account (id); SELECT 1 / 0', 'SELECT 1', '{aaa}', transactional => true, replace => true);
CALL migrate_deploy('ppp', schemas => '{tenant_2}');
DROP INDEX tenant_2.account_i;
UPDATE migrate.partial SET state = 'started', finished = NULL;
CREATE INDEX account_i ON tenant_2.account ((id + 1));
CALL migrate_deploy('ppp', schemas => '{tenant_2}');
SELECT next_command, failed_hint FROM migrate.tenants_details WHERE schema = 'tenant_2' \gx
-- one that is dropped
DROP SCHEMA tenant_2 CASCADE;
SELECT value FROM migrate_doctor_details() WHERE "check" = 'partial';
SELECT migrate_resolve('ppp', 'abandon');
SELECT value FROM migrate_doctor_details() WHERE "check" = 'partial';
CREATE SCHEMA tenant_2;
\set VERBOSITY default
SELECT migrate_unregister('ppp');
CALL migrate_revert('base', schemas => '{tenant_1,tenant_2,Tenant 3%}');

-- a target that is counted from where a schema is, which has moved by now
SELECT migrate_register('aab', 'SELECT 1', 'SELECT 1', '{aaa}');
SELECT migrate_register('aac', 'SELECT 1', 'SELECT 1/0', '{aab}');
SELECT migrate_register('aad', 'SELECT 1', 'SELECT 1', '{aac}');
CALL migrate_deploy('aad', schemas => '{tenant_1}');
CALL migrate_revert('-2', schemas => '{tenant_1}');
CALL migrate_revert('-2', schemas => '{tenant_1}');
SET migrate.version_table = 'tenant_1.migrate_version';
SELECT migrate_stamp('aaa', purge => true);
RESET migrate.version_table;
CALL migrate_revert('base', schemas => '{tenant_1}');
SELECT migrate_unregister(id) FROM unnest('{aad,aac,aab}'::text[]) AS id;

-- to look leaves no lock
BEGIN;
SELECT count(*) FROM migrate.tenants;
SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
 WHERE c.relname LIKE 'migrate\_version%';
ROLLBACK;

-- rows that name no revision
INSERT INTO tenant_1.migrate_version VALUES ('zzz');
SELECT schema, state, revision, pending, note FROM migrate.tenants;
CALL migrate_deploy(schemas => '{tenant_1,tenant_2}');
DELETE FROM tenant_1.migrate_version;

-- repeatables count
SELECT count(*) FROM migrate_register_script($$
-- repeatable: ids
-- migrate:up
CREATE OR REPLACE VIEW ids AS SELECT id FROM account;
$$);
CALL migrate_deploy(schemas => '{tenant_1}');
SELECT schema, state, pending FROM migrate.tenants;
SELECT count(*) FROM migrate_register_script(replace => true, script => $$
-- repeatable: ids
-- migrate:up
CREATE OR REPLACE VIEW ids AS SELECT id FROM account WHERE id > 0;
$$);
SELECT schema, state, pending FROM migrate.tenants;
CALL migrate_revert('base', schemas => '{tenant_1}');
DROP VIEW IF EXISTS tenant_1.ids;
CALL migrate_revert('base', schemas => '{tenant_1,tenant_2}');
SELECT migrate_unregister('ids');

-- what is refused, before anything is run
CALL migrate_deploy(schemas => '{}');
CALL migrate_deploy(schemas => '{tenant_1,NULL}');
CALL migrate_deploy(schemas => '{tenant_1,tenant_9}');
CALL migrate_deploy(schemas => '{tenant_1,tenant?*}');
CALL migrate_deploy(schemas => '{tenant_1,pg_catalog}');
CALL migrate_deploy(schemas => '{migrate}');
CALL migrate_deploy(schemas => '{migr*te}');
ALTER EXTENSION plpgsql ADD SCHEMA tenant_2;
CALL migrate_deploy(schemas => '{tenant_2}');
CALL migrate_deploy(schemas => '{tenant_2*}');
ALTER EXTENSION plpgsql DROP SCHEMA tenant_2;
CREATE SCHEMA "$user";
CALL migrate_deploy(schemas => '{$user}');
CALL migrate_deploy(schemas => '{$u*}');
DROP SCHEMA "$user";
CALL migrate_deploy(schemas => '{tenant_1}', stop_on_error => NULL);
CALL migrate_deploy('nonsense', schemas => '{tenant_1,tenant_2}');
CALL migrate_revert('nonsense', schemas => '{tenant_1,tenant_2}');
CALL migrate_revert('aaa@base', schemas => '{tenant_1}');
CALL migrate_deploy('+9', schemas => '{tenant_1}');
BEGIN;
CALL migrate_deploy(schemas => '{tenant_1}');
ROLLBACK;
SET default_transaction_read_only = on;
CREATE SCHEMA tenant_4;
CALL migrate_deploy(schemas => '{tenant_1}');
RESET default_transaction_read_only;
SELECT schema, state FROM migrate.tenants;

-- another tool's table: each schema has one of that name
CREATE TABLE public.alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
SET migrate.version_table = 'public.alembic_version';
CREATE SCHEMA tenant_4;
CREATE VIEW tenant_4.alembic_version AS SELECT 'aaa' AS version_num;
CALL migrate_deploy('aaa', schemas => '{tenant_1,tenant_4}');
SELECT schema, state, revision, pending, note FROM migrate.tenants;
CALL migrate_revert('base', schemas => '{tenant_1}');
DROP SCHEMA tenant_4 CASCADE;
DROP TABLE public.alembic_version, tenant_1.alembic_version;
RESET migrate.version_table;

-- by jobs, one for each
SELECT count(*) AS jobs, min(submit) AS first FROM migrate_submit('bbb', schemas => '{tenant_*,Tenant 3%}') AS submit \gset
SELECT :jobs;
CALL migrate_wait(:first);
SELECT format('CALL migrate_wait(%s);', job) FROM migrate.jobs WHERE job > :first ORDER BY job \gexec
SELECT schema, state, revision FROM migrate.tenants;
SELECT version_table, state, target FROM migrate.jobs_details ORDER BY job;
SELECT settings[1] FROM migrate.job ORDER BY job;
INSERT INTO tenant_1.account VALUES (2);
SELECT migrate_submit('ccc', schemas => '{tenant_1}') AS job \gset
CALL migrate_wait(:job);
SELECT schema, state, note FROM migrate.tenants WHERE state = 'failed';
SELECT failed_revision, failed_sqlstate, failed_error, failed_detail, failed_hint, failed_context
  FROM migrate.tenants_details WHERE state = 'failed' \gx
DELETE FROM tenant_1.account WHERE id = 2;
SELECT migrate_submit('head', schemas => '{tenant_9}');
SELECT migrate_submit('head', run_at => now() + interval '1 day', schemas => '{tenant_1}') > 0 AS queued;
SELECT schema, state, note ~ '^job \d+$' AS job FROM migrate.tenants;
SELECT count(migrate_cancel(job)) FROM migrate.jobs WHERE state = 'queued';
SHOW search_path;

-- a pattern leaves out what belongs to a role with fewer rights
CREATE ROLE regress_deployer;
CREATE ROLE regress_customer;
CREATE SCHEMA mine AUTHORIZATION regress_deployer;
CREATE SCHEMA minefield AUTHORIZATION regress_customer;
GRANT ALL ON SCHEMA minefield TO regress_deployer;
GRANT EXECUTE ON PROCEDURE migrate_deploy, migrate_revert TO regress_deployer;
SELECT migrate_approve(revision, hash) FROM migrate_show('aaa');
SELECT migrate_approve(revision, hash) FROM migrate_show('bbb');
SET ROLE regress_deployer;
CALL migrate_deploy('aaa', schemas => '{mine*}');
SELECT schema, revisions, pending, problem FROM migrate_tenants();
RESET ROLE;
GRANT USAGE ON SCHEMA migrate TO regress_deployer;
GRANT SELECT ON migrate.tenants TO regress_deployer;
SET ROLE regress_deployer;
SELECT schema, state, revision, pending, note FROM migrate.tenants;
CALL migrate_deploy('aaa', schemas => '{minefield,mine*}');
CALL migrate_deploy('aaa', schemas => '{tenant_1}');
CALL migrate_revert('base', schemas => '{mine,minefield}');
RESET ROLE;
SELECT tableowner FROM pg_tables WHERE schemaname = 'mine';
-- or in which such a role can create objects, named without that
GRANT CREATE ON SCHEMA mine TO regress_customer;
SET ROLE regress_deployer;
CALL migrate_deploy('aaa', schemas => '{mine*}');
CALL migrate_deploy('aaa', schemas => '{mine}');
RESET ROLE;
REVOKE CREATE ON SCHEMA mine FROM regress_customer;
GRANT CREATE ON SCHEMA mine TO PUBLIC, regress_deployer;
SET ROLE regress_deployer;
CALL migrate_revert('base', schemas => '{mine*}');
RESET ROLE;
REVOKE CREATE ON SCHEMA mine FROM PUBLIC;
SET ROLE regress_deployer;
CALL migrate_revert('base', schemas => '{min*}');
RESET ROLE;
-- that is looked at again when its turn comes
SELECT migrate_register('ddd', $$DO 'BEGIN IF current_schema = ''tenant_1'' THEN GRANT CREATE ON SCHEMA tenant_2 TO regress_customer; END IF; END'$$, '');
CALL migrate_deploy('ddd', schemas => '{tenant_*}');
REVOKE CREATE ON SCHEMA tenant_2 FROM regress_customer;
CALL migrate_deploy('ddd', schemas => '{tenant_2}');
-- of a job only when it is submitted
BEGIN;
SELECT migrate_submit('base', 'downgrade', schemas => '{tenant_2*}') AS job \gset
GRANT CREATE ON SCHEMA tenant_2 TO regress_customer;
COMMIT;
CALL migrate_wait(:job);
REVOKE CREATE ON SCHEMA tenant_2 FROM regress_customer;
-- the setting must not come from such a role
SET ROLE regress_customer;
SET migrate.version_table = 'public.nothing';
RESET ROLE;
SELECT count(*) FROM migrate.tenants;
RESET migrate.version_table;
DROP SCHEMA mine, minefield CASCADE;
DROP OWNED BY regress_deployer;
DROP ROLE regress_deployer, regress_customer;

CALL migrate_revert('base', schemas => '{*enant*}');
DROP SCHEMA tenant_1, tenant_2, "Tenant 3%" CASCADE;
\i sql/include/reset.sql
