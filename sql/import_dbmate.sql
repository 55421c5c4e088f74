-- import_dbmate: a small project as dbmate has it, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: db/migrations/20240101000001_create_account.sql\r\n-- a remark\r\n-- migrate:up\r\nCREATE TABLE account (id int PRIMARY KEY);\r\n\r\n-- migrate:down\r\nDROP TABLE account;\r\n-- file: db/migrations/20240101000002_index.sql\n-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY account_id ON account (id);\nDO $$ BEGIN COMMIT; END $$;\n-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY account_id;\n-- file: db/migrations/20240101000003_irreversible.sql\n--migrate:up\nSELECT 3;\n-- file: db/schema.sql\n\\restrict x\nCREATE TABLE public.account ();\n'
SELECT * FROM migrate_register_bundle(:'set');
SELECT revision, down_revision, message, upgrade_transactional, to_json(upgrade), downgrade_transactional, to_json(downgrade) FROM migrate.revision ORDER BY 1;
CALL migrate_deploy();
SELECT * FROM migrate_register_bundle(:'set');
SELECT migrate_stamp('20240101000002');
CALL migrate_revert('base');
SELECT to_regclass('account');
\set one '-- file: 20240101000001_create_account.sql\n-- migrate:up\nCREATE TABLE account (id bigint PRIMARY KEY);\n-- migrate:down\nDROP TABLE account;\n'
SELECT * FROM migrate_register_bundle(:'one', 'dbmate', replace => true, prune => true);
-- The last file of a project by itself does not follow the others. A number is a whole name.
SELECT * FROM migrate_register_bundle(E'-- file: 20240101000004.sql\n-- migrate:up\nSELECT 4;\n-- migrate:down\n');
SELECT revision, down_revision FROM migrate.revision ORDER BY 1;
SELECT migrate_unregister('20240101000004');

-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''dbmate'')', E'-- file: 1_a.sql\nSELECT 1;\n-- file: 2_b.sql\n\nSELECT 1;\n-- migrate:up\nSELECT 1;\n-- file: 3_c.sql\n-- migrate:down\nSELECT 1;\n-- migrate:up\nSELECT 1;\n-- file: 4_d.sql\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- migrate:up\n-- file: 5_e.sql\n-- migrate:up transaction:maybe\n-- file: 6_f.sql\n-- migrate:up\nSELECT 1;\nSELEC 1;\n-- migrate:down\nSELEC 2;\n-- file: 6_g.sql\n-- migrate:up\n-- file: 7_h.sql\n-- migrate:up\nSELECT 1;\n-- migrate:dwon\nSELECT 2;\n-- file: 8_i.sql\n-- migrate:up\nSELECT 1;\n\t-- migrate:down\n'));
-- what is wrong with a mark hides no error of the bodies
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''dbmate'')', E'-- file: 1_a.sql\nSELECT 0;\n-- migrate:up transaction:maybe\n-- migrate:foo\nSELEC 1;\n-- migrate:down\n-- migrate:bar\nSELEC 2;\n-- file: 2_b.sql\n-- migrate:upp\nSELEC 3;\n-- migrate:down\n-- file: 3_c.sql\n-- migrate:upp\n-- migrate:down\nSELECT 1;\n-- migrate:up\nSELEC 4;\n'));
-- what was probably meant to be the mark
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''dbmate'')', E'-- file: 1_a.sql\n-- a remark\n-- migrat:up\nSELECT 1;\n'));
\a
\t off
\i sql/include/reset.sql
