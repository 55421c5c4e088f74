-- repeatable: bodies that run at the end of an upgrade to a head when they have
-- changed
\i sql/include/start.sql
SET client_min_messages = warning;
\pset null -
TRUNCATE migrate.job RESTART IDENTITY;
CREATE ROLE regress_migrate_author;
CREATE ROLE regress_migrate_boss;
CREATE ROLE regress_migrate_runner;
GRANT regress_migrate_runner TO regress_migrate_boss;
GRANT EXECUTE ON FUNCTION migrate_register_script, migrate_unregister TO regress_migrate_author;
GRANT EXECUTE ON FUNCTION migrate_approve TO regress_migrate_author, regress_migrate_boss;
GRANT EXECUTE ON FUNCTION migrate_upgrade, migrate_downgrade, migrate_submit TO regress_migrate_runner;
GRANT EXECUTE ON PROCEDURE migrate_deploy, migrate_revert TO regress_migrate_runner;
GRANT CREATE ON SCHEMA public TO regress_migrate_runner;

\set script '-- revision: r1\n-- message: first\n-- migrate:up\nCREATE TABLE account (id int, name text);\n-- migrate:down\nDROP TABLE account CASCADE;\n-- repeatable: names\n-- depends_on: ids\n-- message: sorted names\n-- migrate:up\nCREATE OR REPLACE VIEW names AS SELECT i.id, a.name FROM ids AS i JOIN account AS a USING (id);\n-- repeatable: ids\n-- migrate:up\nCREATE OR REPLACE VIEW ids AS SELECT id FROM account;\n-- repeatable: zero\n-- migrate:up\nCREATE OR REPLACE FUNCTION zero() RETURNS int LANGUAGE sql AS \'SELECT 0\';\n'
SELECT * FROM migrate_register_script(:'script');
SELECT name, depends_on, message, statements, length(body_hash) FROM migrate.repeatable;
SELECT * FROM migrate_history();
SELECT revision, state, kind, depends_on, applied FROM migrate_history_details();
SELECT revision, kind, upgrade, downgrade, hash IS NOT NULL AS hash FROM migrate_show('names');
SELECT * FROM migrate_graph();
SELECT * FROM migrate_plan();
SELECT step, operation, revision, message, transactions, statements, approved, problem FROM migrate_plan_details('heads');
SELECT * FROM migrate_plan('r1');
SELECT revision, operation, severity, rule FROM migrate_lint_details();
SELECT revision, command_tag, finding FROM migrate_preview_details();
SELECT * FROM migrate_roundtrip();
SELECT migrate_script('r1:head');

-- function: behind the revisions, in their order; then there is nothing to do
SELECT migrate_upgrade('r1');
SELECT migrate_is_current(), migrate_is_current('r1');
SET client_min_messages = notice;
SELECT migrate_upgrade();
SELECT migrate_upgrade();
CALL migrate_deploy();
RESET client_min_messages;
SET client_min_messages = warning;
SELECT migrate_is_current(), migrate_is_current('heads');
SELECT step, revision, operation, state, attempts FROM migrate.log ORDER BY started, step;
SELECT r.version_table, r.name, r.body_hash = b.body_hash AS same, r.run = l.run AS run FROM migrate.repeated AS r JOIN migrate.repeatable AS b USING (name) JOIN migrate.log AS l ON l.revision = r.name ORDER BY 2;
SELECT revision, state, note FROM migrate.status;
-- the same text in other clothes is no change, another text is one, without being
-- asked to replace it
SELECT * FROM migrate_register_script(E'-- repeatable: zero\n-- migrate:up\n-- a remark\ncreate or replace function zero() returns int  language SQL as \'SELECT 0\'');
SELECT * FROM migrate_plan();
-- nor is another waiver, which is written all the same
SELECT * FROM migrate_register_script(E'-- repeatable: zero\n-- allow: no-downgrade (why not)\n-- migrate:up\nCREATE OR REPLACE FUNCTION zero() RETURNS int LANGUAGE sql AS \'SELECT 0\'');
SELECT name, allow FROM migrate.repeatable WHERE allow IS NOT NULL;
SELECT * FROM migrate_plan();
SELECT * FROM migrate_register_script(E'-- repeatable: zero\n-- migrate:up\nCREATE OR REPLACE FUNCTION zero() RETURNS int LANGUAGE sql AS \'SELECT 00\'');
SELECT * FROM migrate_plan();
SELECT current, pending FROM migrate.health;
-- procedure
SET client_min_messages = notice;
CALL migrate_deploy();
SET client_min_messages = warning;
SELECT prosrc FROM pg_proc WHERE proname = 'zero';
-- a failure leaves the revisions applied, and the next run tries again
SELECT * FROM migrate_register_script(E'-- revision: r2\n-- down_revision: r1\n-- migrate:up\nALTER TABLE account ADD COLUMN email text;\n-- migrate:down\nALTER TABLE account DROP COLUMN email;\n-- repeatable: bad\n-- migrate:up\nCREATE TABLE half (i int);\nSELECT\n  1/0;\n-- repeatable: zero\n-- migrate:up\nCREATE OR REPLACE FUNCTION zero() RETURNS int LANGUAGE sql AS \'SELECT 000\'');
CALL migrate_deploy();
SELECT * FROM migrate_current();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
SELECT to_regclass('half');
SELECT revision, state, note FROM migrate.status;
SELECT failed_sqlstate, failed_context, next_command FROM migrate.status_details WHERE revision = 'bad';
SELECT * FROM migrate_plan();
-- worker
SELECT * FROM migrate_register_script(E'-- repeatable: bad\n-- migrate:up\nSELECT 1');
SELECT migrate_submit() AS job \gset
CALL migrate_wait(:job);
SELECT state, revision, step, steps FROM migrate.jobs_details;
SELECT revision, operation, via, state FROM migrate.log WHERE operation = 'repeat' ORDER BY started DESC LIMIT 2;
SELECT * FROM migrate_plan();
-- each version table has its own
CREATE TABLE other_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO other_version VALUES ('r2');
SET migrate.version_table = 'public.other_version';
SELECT revision FROM migrate_plan();
SELECT migrate_upgrade();
ALTER TABLE other_version RENAME TO one_version;
SET migrate.version_table = 'public.one_version';
SELECT revision FROM migrate_plan();
RESET migrate.version_table;
DROP TABLE one_version;
-- a downgrade may have removed what they have made: all run again
SELECT migrate_downgrade('base');
SELECT to_regclass('ids');
SELECT name FROM migrate.repeated WHERE version_oid = 'migrate.version'::regclass;
SELECT migrate_upgrade();
SELECT to_regclass('names');
-- rolled back
BEGIN;
SELECT count(*) FROM migrate_register_script(E'-- repeatable: zero\n-- migrate:up\nCREATE OR REPLACE FUNCTION zero() RETURNS int LANGUAGE sql AS \'SELECT 5\'');
SELECT migrate_upgrade();
ROLLBACK;
SELECT * FROM migrate_plan();

-- whose rights: as with a revision
SET ROLE regress_migrate_author;
SELECT * FROM migrate_register_script(E'-- repeatable: mine\n-- migrate:up\nCREATE VIEW mine AS SELECT current_user AS who');
SET ROLE regress_migrate_runner;
SELECT step, revision, note FROM migrate_plan();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
RESET ROLE;
SELECT hash FROM migrate_show('mine') \gset
SELECT registered_by FROM migrate_show('mine');
SET ROLE regress_migrate_author;
SELECT pg_temp.attempt(format('SELECT migrate_approve(''mine'', %L)', :'hash'));
SET ROLE regress_migrate_boss;
SELECT pg_temp.attempt($$SELECT migrate_approve('mine', 'x')$$);
SELECT migrate_approve('mine', :'hash');
SET ROLE regress_migrate_runner;
CALL migrate_deploy();
RESET ROLE;
SELECT viewowner FROM pg_views WHERE viewname = 'mine';
-- replaced, it has to be approved again
SET ROLE regress_migrate_author;
SELECT * FROM migrate_register_script(E'-- repeatable: mine\n-- migrate:up\nCREATE OR REPLACE VIEW mine AS SELECT session_user AS who');
RESET ROLE;
SELECT count(*) FROM migrate.approval WHERE revision = 'mine';
SET migrate.require_approval = on;
SELECT step, revision, note FROM migrate_plan();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
RESET migrate.require_approval;

-- removed: what it has made stays
SELECT pg_temp.attempt($$SELECT migrate_unregister('ids')$$);
SET client_min_messages = notice;
SELECT migrate_unregister('mine'), migrate_unregister('bad');
SELECT * FROM migrate_register_bundle('-- file: a.sql' || E'\n' || :'script' || E'-- revision: r2\n-- down_revision: r1\n-- migrate:up\nALTER TABLE account ADD COLUMN email text;\n-- migrate:down\nALTER TABLE account DROP COLUMN email;\n-- repeatable: gone\n-- migrate:up\n', prune => true);
SELECT * FROM migrate_register_bundle('-- file: a.sql' || E'\n' || :'script' || E'-- revision: r2\n-- down_revision: r1\n-- migrate:up\nALTER TABLE account ADD COLUMN email text;\n-- migrate:down\nALTER TABLE account DROP COLUMN email;\n', prune => true);
SET client_min_messages = warning;
SELECT to_regclass('mine');

-- what cannot be one
SELECT pg_temp.attempt(format('SELECT migrate_register_script(%L)', script)) FROM (VALUES
	(E'-- repeatable:\n'),
	(E'-- repeatable: x\n-- down_revision: r1\n'),
	(E'-- repeatable: x\n-- set: work_mem = 1MB\n'),
	(E'-- repeatable: x\n-- migrate:down\nSELECT 1\n'),
	(E'-- repeatable: x\n-- migrate:up transaction:false\nSELECT 1\n'),
	(E'-- repeatable: x\nSELECT 1\n'),
	(E'-- repeatabel: x\n-- migrate:up\nSELECT 1\n'),
	(E'-- repeatable: x\n-- migrate:up\nSELECT 1;\n-- repetable: y\n-- migrate:up\nSELECT 1\n'),
	(E'-- repeatable: x\n-- migrate:up\nSELEC 1;\n-- repeatable: x\n-- migrate:up\nSELECT 1\n'),
	(E'-- repeatable: x\n-- migrate:up\nSELECT 1;\nVACUUM account;\n'),
	(E'-- repeatable: x\n-- migrate:up\nALTER TYPE t ADD VALUE ''v'';\nSELECT ''v''::t;\n'),
	(E'-- repeatable: x\n-- migrate:up\nCALL migrate_batch(''account'', ''DELETE FROM account WHERE id BETWEEN $1 AND $2'');\n'),
	(E'-- repeatable: x\n-- migrate:up\nREINDEX TABLE account;\n'),
	(E'-- repeatable: x\n-- depends_on: r1\n-- migrate:up\nSELECT 1;\n'),
	(E'-- repeatable: x\n-- depends_on: x\n-- migrate:up\nSELECT 1;\n'),
	(E'-- repeatable: x\n-- depends_on: y\n-- migrate:up\nSELECT 1;\n-- repeatable: y\n-- depends_on: names, x\n-- migrate:up\n'),
	(E'-- repeatable: x\n-- allow: nothing (ever)\n-- migrate:up\n'),
	(E'-- repeatable: r1\n-- migrate:up\n'),
	(E'-- revision: zero\n-- migrate:up\n')) AS s (script);
SELECT pg_temp.attempt($$SELECT migrate_register_script('-- repeatable: x' || chr(27))$$);
SELECT pg_temp.attempt($$SELECT migrate_register_script('-- repeatable: x' || repeat('x', 300))$$);
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- repeatable: E\'\'\n-- migrate:up\n')$$);
SELECT count(*) FROM migrate.repeatable WHERE name = 'x';
-- one that moves the database, or ends its transaction
SELECT split_part(pg_temp.attempt(format('SELECT migrate_register_script(%L); SELECT migrate_upgrade()', E'-- repeatable: x\n-- migrate:up\n' || body)), 'To try', 1) FROM (VALUES
	('DELETE FROM migrate.version'), ('INSERT INTO migrate.version VALUES (''r0'')'), ('UPDATE migrate.version SET version_num = ''r1'''),
	('DO $$BEGIN COMMIT; END$$')) AS b (body);
CREATE TABLE moved (version_num varchar(32) PRIMARY KEY);
SET migrate.version_table = 'public.moved';
SELECT count(*) FROM migrate_stamp('heads');
SELECT split_part(pg_temp.attempt(format('SELECT migrate_register_script(%L); SELECT migrate_upgrade()', E'-- repeatable: x\n-- migrate:up\n' || body)), 'To try', 1) FROM (VALUES
	('DELETE FROM moved'), ('DROP TABLE moved')) AS b (body);
RESET migrate.version_table;
DROP TABLE moved;
-- a server whose DDL commits by itself
SET migrate.server_type = 'yugabytedb';
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- repeatable: x\n-- migrate:up\n')$$);
RESET migrate.server_type;

-- those of Flyway
SELECT migrate_downgrade('base');
SELECT * FROM migrate_register_bundle(E'-- file: V1__a.sql\nCREATE TABLE account (id int);\n-- file: R__2_names.sql\nCREATE OR REPLACE VIEW ${name} AS SELECT id FROM ids;\n-- file: R__1_ids.sql\nBEGIN;\nCREATE OR REPLACE VIEW ids AS SELECT id FROM account;\nCOMMIT;\n', replace => true, prune => true, options => '{"placeholders": {"name": "names"}}');
SELECT migrate_upgrade();
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: V1__a.sql\nCREATE TABLE account (id int);\n-- file: R__b.sql\nSELECT 1;\nSELEC 2;\n-- file: R__c.sql\n\nVACUUM;\n-- file: R__d.sql\nSELECT 1;\n-- file: R__d.sql.conf\nexecuteInTransaction=false\n'));
SELECT migrate_unregister(name) FROM migrate.repeatable;

-- a server whose DDL can be taken back, also of the other type
SELECT count(*) FROM migrate_register_script(E'-- repeatable: late\n-- migrate:up\nCREATE VIEW late AS SELECT 1 AS one');
SET migrate.server_type = 'yugabytedb';
SELECT pg_temp.attempt('CALL migrate_deploy()');
CALL migrate_deploy();
SET migrate.server_type = 'yugabytedb_transactional_ddl';
CALL migrate_deploy();
RESET migrate.server_type;
TABLE late;
SELECT migrate_unregister('late');

-- they are no revisions where an upgrade says how far it comes
SELECT migrate_register_script(E'-- revision: x1\n-- down_revision: 1\n-- revision: x2\n-- down_revision: x1\n-- external: fill.py\n-- repeatable: later\n-- migrate:up\nSELECT 1');
SELECT migrate_upgrade();
SELECT migrate_downgrade('1');
SELECT migrate_unregister(name) FROM unnest('{x2,x1,later}'::text[]) AS name;

DROP TABLE account CASCADE;
DROP VIEW mine, late;
DROP FUNCTION zero;
TRUNCATE migrate.job;
\i sql/include/reset.sql
SELECT count(*) FROM migrate.repeated;
DROP OWNED BY regress_migrate_author, regress_migrate_boss, regress_migrate_runner;
DROP ROLE regress_migrate_author, regress_migrate_boss, regress_migrate_runner;
