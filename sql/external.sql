-- external: revisions that are done elsewhere, before which runs end until a role
-- confirms that they are
\i sql/include/start.sql
SET client_min_messages = warning;
\pset null -
TRUNCATE migrate.job RESTART IDENTITY;
CREATE ROLE regress_migrate_confirmer;
CREATE ROLE regress_migrate_operator;
GRANT regress_migrate_operator TO regress_migrate_confirmer;
GRANT EXECUTE ON FUNCTION migrate_confirm TO regress_migrate_confirmer;
GRANT EXECUTE ON FUNCTION migrate_upgrade, migrate_downgrade, migrate_submit TO regress_migrate_operator;
GRANT EXECUTE ON PROCEDURE migrate_deploy, migrate_revert TO regress_migrate_operator;
CREATE TABLE ran (what text);
GRANT ALL ON ran TO regress_migrate_operator;

SELECT migrate_register_script($$
-- revision: e1
-- message: first
-- migrate:up
INSERT INTO ran VALUES ('e1');
-- migrate:down
DELETE FROM ran;
-- revision: e2
-- down_revision: e1
-- message: names of all accounts
-- external: run backfill.py
-- migrate:down
-- external: run backfill.py --undo
-- migrate:verify
SELECT count(*) = 1 FROM ran;
-- revision: e3
-- down_revision: e2
-- migrate:up
INSERT INTO ran VALUES ('e3');
-- migrate:down
DELETE FROM ran WHERE what = 'e3';
$$);
SELECT revision, external, downgrade_external, downgrade, upgrade_statements FROM migrate.revision ORDER BY 1;
SELECT revision, external, external_down, verify FROM migrate_show('e2');
SELECT * FROM migrate_history();
SELECT revision, kind, external FROM migrate_history_details();
SELECT * FROM migrate_graph();
SELECT * FROM migrate_plan();
SELECT revision, message, external, transactions, statements, verify, problem FROM migrate_plan_details();
SELECT revision, state, note FROM migrate.status;
SELECT revision, external, confirmed_by FROM migrate.status_details;
SELECT revision, severity, rule, message, instead FROM migrate_lint_details();
SELECT step, revision, command_tag, finding, detail FROM migrate_preview_details();
SELECT revision, line, relation, blocks, finding FROM migrate_preview();
SELECT * FROM migrate_roundtrip();
SELECT count(*) FROM ran;

-- function, procedure and worker end before it, and say by an error that nothing
-- was done
SET ROLE regress_migrate_operator;
SELECT migrate_upgrade();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
CALL migrate_deploy();
SELECT migrate_submit() AS job \gset
RESET ROLE;
CALL migrate_wait(:job);
SELECT state, note, error FROM migrate.jobs_details;
SELECT * FROM migrate_current();
-- some was run
SELECT migrate_downgrade('base');
SET ROLE regress_migrate_operator;
SELECT migrate_submit() AS job \gset
RESET ROLE;
CALL migrate_wait(:job);
SELECT state, revision, note FROM migrate.jobs_details ORDER BY job DESC LIMIT 1;
SELECT migrate_downgrade('base');
CALL migrate_deploy();

-- who may confirm, and what
SET ROLE regress_migrate_operator;
SELECT pg_temp.attempt($$SELECT migrate_confirm('e2')$$);
SET ROLE regress_migrate_confirmer;
SELECT pg_temp.attempt($$SELECT migrate_confirm('e1')$$);
SELECT pg_temp.attempt($$SELECT migrate_confirm('e1', command => 'downgrade')$$);
SELECT pg_temp.attempt($$SELECT migrate_confirm('e')$$);
SELECT pg_temp.attempt($$SELECT migrate_confirm(NULL)$$);
SELECT pg_temp.attempt($$SELECT migrate_confirm('e2', command => 'stamp')$$);
SELECT pg_temp.attempt($$SELECT migrate_confirm('e2', command => NULL)$$);
SELECT pg_temp.attempt($$SELECT migrate_confirm('e2', command => 'downgrade')$$);
SELECT migrate_confirm('e2');
SELECT migrate_confirm('e2', 'all 12,000 rows');
RESET ROLE;
SELECT version_oid, version_table, revision, operation, confirmed_by, note FROM migrate.confirmation;
SELECT * FROM migrate_plan();
SELECT revision, external, transactions, problem FROM migrate_plan_details();
SELECT revision, note FROM migrate.status;
SELECT revision, confirmed_by FROM migrate.status_details;
-- another version table has not got it
CREATE TABLE other_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO other_version VALUES ('e1');
SET migrate.version_table = 'public.other_version';
SELECT revision, problem FROM migrate_plan_details();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
SELECT migrate_confirm('e2', 'in the other one');
RESET migrate.version_table;
-- the verify body looks whether it is done
INSERT INTO ran VALUES ('more');
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
SELECT count(*) FROM migrate.confirmation;
DELETE FROM ran WHERE what = 'more';
-- once, and who it was is in the log
SET ROLE regress_migrate_operator;
CALL migrate_deploy();
RESET ROLE;
SELECT what FROM ran ORDER BY 1;
SELECT revision, state, regexp_replace(detail, 'at [^:]*:..:..[^:]*', 'at TIME') AS detail FROM migrate.log
 WHERE revision = 'e2' ORDER BY started DESC LIMIT 1;
SELECT revision, note FROM migrate.status;
SELECT version_table, note FROM migrate.confirmation;
SELECT pg_temp.attempt($$SELECT migrate_confirm('e2')$$);
-- a table that is renamed keeps it
ALTER TABLE other_version RENAME TO one_version;
SET migrate.version_table = 'public.one_version';
INSERT INTO ran VALUES ('more');
DELETE FROM ran WHERE what <> 'e1';
SELECT migrate_upgrade('e2');
RESET migrate.version_table;
SELECT count(*) FROM migrate.confirmation;
DROP TABLE one_version;

-- the way back has a step of its own
SELECT * FROM migrate_plan('base', 'downgrade');
SELECT revision, operation, severity, rule, message FROM migrate_lint_details('base', 'downgrade') WHERE rule = 'external-step';
SELECT finding, detail FROM migrate_preview_details('base', 'downgrade') WHERE finding = 'external';
SET ROLE regress_migrate_operator;
SELECT migrate_downgrade('base');
SELECT pg_temp.attempt($$SELECT migrate_downgrade('base')$$);
CALL migrate_revert('base');
SET ROLE regress_migrate_confirmer;
SELECT pg_temp.attempt($$SELECT migrate_confirm('e2', 'too early')$$);
SELECT migrate_confirm('e2', 'undone', 'downgrade');
SET ROLE regress_migrate_operator;
CALL migrate_revert('base');
RESET ROLE;
SELECT * FROM migrate_current();
-- and what comes again is asked for again
CALL migrate_deploy('e1');
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
-- void when the revision is replaced
SELECT migrate_confirm('e2');
SELECT migrate_register('e2', '', '', '{e1}', external => 'run fill.py', replace => true);
SELECT count(*) FROM migrate.confirmation;
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
-- without a text of its own, the way back is passed
SELECT migrate_confirm('e2');
SELECT migrate_upgrade();
SELECT migrate_downgrade('base');
SELECT what FROM ran;
-- a stamp says itself that all of it is done
SELECT migrate_stamp('e3');
SELECT migrate_stamp('base');
-- approved, and yet not confirmed
SET migrate.require_approval = on;
SELECT migrate_approve(revision, hash) FROM migrate_show('e1');
SELECT migrate_upgrade();
SELECT * FROM migrate_plan();
SELECT migrate_approve(revision, hash) FROM migrate_show('e2');
SELECT * FROM migrate_plan();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
RESET migrate.require_approval;
-- also inside of a transaction that is rolled back
BEGIN;
SELECT migrate_confirm('e2');
SELECT migrate_upgrade();
ROLLBACK;
SELECT count(*) FROM migrate.confirmation;

-- as a script: it ends there
SELECT migrate_script('e1:e3');

-- what cannot be one
SELECT pg_temp.attempt($$SELECT migrate_register('x1', 'SELECT 1', external => 'this')$$);
SELECT pg_temp.attempt($$SELECT migrate_register('x1', '', 'SELECT 1', downgrade_external => 'this')$$);
SELECT pg_temp.attempt($$SELECT migrate_register('x1', '', external => ' ')$$);
SELECT pg_temp.attempt($$SELECT migrate_register('x1', '', external => E'one\ntwo')$$);
SELECT pg_temp.attempt($$SELECT migrate_register('x1', E'-- external: this\nSELECT 1')$$);
SELECT pg_temp.attempt(format('SELECT migrate_register_script(%L)', script)) FROM (VALUES
	(E'-- revision: x1\n-- external:\n'),
	(E'-- revision: x1\n-- external: this\n-- external: that\n'),
	(E'-- revision: x1\n-- extrenal: this\n'),
	(E'-- revision: x1\n-- external: this\n-- migrate:up\nSELECT 1;\n'),
	(E'-- revision: x1\n-- migrate:up\n-- external: this\n'),
	(E'-- revision: x1\n-- migrate:down\n-- external: this\n-- external: that\n'),
	(E'-- revision: x1\n-- migrate:down\n-- external:\n'),
	(E'-- revision: x1\n-- migrate:down\nSELECT 1;\n-- external: this\nSELECT 2;\n'),
	(E'-- revision: x1\n-- migrate:down\n-- external: this\nSELECT 1;\n')) AS s (script);
SELECT migrate_unregister('x1');
-- irreversible, as what has no downgrade; a way back by hand is one
SELECT migrate_stamp('base');
SELECT migrate_register('x1', '', external => 'this'), migrate_register('x2', 'SELECT 1', down_revision => '{x1}', downgrade_external => 'that');
SELECT revision, downgrade, downgrade_external FROM migrate.revision WHERE revision ~ 'x' ORDER BY 1;
SELECT migrate_register('x2', 'SELECT 1', down_revision => '{x1}', downgrade_external => 'that'), pg_temp.attempt($$SELECT migrate_register('x2', 'SELECT 1', down_revision => '{x1}', downgrade_external => 'those')$$);
SELECT migrate_stamp('x2');
SELECT pg_temp.attempt($$SELECT migrate_downgrade('base')$$);
SELECT migrate_confirm('x2', NULL, 'downgrade');
SELECT pg_temp.attempt($$SELECT migrate_downgrade('base')$$);
SELECT migrate_downgrade('x1');
SELECT migrate_stamp('base');
SELECT migrate_confirm('x1');
SELECT migrate_unregister('x2'), migrate_unregister('x1');
SELECT count(*) FROM migrate.confirmation;

-- programs between the SQL files of other tools
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 20_a.up.sql\nSELECT 1;\n-- file: 21_fill.go\npackage main\n'));
SELECT * FROM migrate_register_bundle(E'-- file: m/20_a.up.sql\nSELECT 1;\n-- file: m/20_a.down.py\n-- file: m/21_fill_names.go\npackage main\n-- file: m/22_b.up.sql\nSELECT 2;\n-- file: m/23_c.up.ts\n-- file: m/23_c.down.sql\nSELECT 3;\n-- file: m/21_fill_names_test.go\n-- file: m/main.go\n', options => '{"external_programs": true}');
SELECT revision, down_revision, message, external, downgrade, downgrade_external FROM migrate.revision WHERE revision ~ '^2' ORDER BY 1;
SELECT migrate_unregister(revision) FROM (VALUES ('23'), ('22'), ('21'), ('20')) AS r (revision);
SELECT * FROM migrate_register_bundle(E'-- file: V1__a.sql\nSELECT 1;\n-- file: V2__fill.java\npackage db;\n-- file: V3__b.sql\nSELECT 3;\n-- file: U2__fill.java\n-- file: U3__b.kt\n-- file: V4__c.java\n-- file: U4__c.sql\nSELECT 4;\n', options => '{"external_programs": true}');
SELECT revision, down_revision, message, external, downgrade, downgrade_external FROM migrate.revision WHERE revision ~ '^[1-4]' ORDER BY 1;
SELECT migrate_unregister(revision) FROM (VALUES ('4'), ('3'), ('2'), ('1')) AS r (revision);
SELECT * FROM migrate_register_bundle(E'-- file: 1_a.sql\n-- Up Migration\nSELECT 1;\n-- file: 2_fill.js\nexports.up = pgm => {}\n', options => '{"external_programs": true}');
SELECT revision, down_revision, message, external, downgrade, downgrade_external FROM migrate.revision WHERE revision ~ '^[12]' ORDER BY 1;
SELECT migrate_unregister(revision) FROM (VALUES ('2'), ('1')) AS r (revision);
SELECT * FROM migrate_register_bundle(E'-- file: 1_a.sql\n-- +goose Up\nSELECT 1;\n-- file: 2_fill.go\n', options => '{"external_programs": true}');
SELECT * FROM migrate_register_bundle(E'-- file: V1__a.sql\nSELECT 1;\n-- file: V5__fill.rs\n', format => 'refinery', replace => true, prune => true, options => '{"external_programs": true}');
SELECT revision, down_revision, message, external, downgrade, downgrade_external FROM migrate.revision ORDER BY 1;

DROP TABLE ran;
TRUNCATE migrate.job;
\i sql/include/reset.sql
DROP OWNED BY regress_migrate_confirmer, regress_migrate_operator;
DROP ROLE regress_migrate_confirmer, regress_migrate_operator;
