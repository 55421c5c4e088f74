-- import_sqlx: a small project as sqlx has it, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: migrations/20240101000001_create_account.up.sql\n-- Add up migration script here\nCREATE TABLE account (id int PRIMARY KEY);\n-- file: migrations/20240101000001_create_account.down.sql\nDROP TABLE account;\n-- file: migrations/20240101000002_index.up.sql\n-- no-transaction\nCREATE INDEX CONCURRENTLY account_id ON account (id);\nDO $$ BEGIN COMMIT; END $$;\n-- file: migrations/20240101000002_index.down.sql\n-- no-transaction, either\r\nDROP INDEX CONCURRENTLY account_id;\n-- file: migrations/20240101000003_up_only.sql\nSELECT 3; -- no-transaction\n-- file: migrations/9_early.sql\nSELECT 9;\n-- file: migrations/11.sql\nSELECT 11;\n-- file: seeds.sql\nSELECT 12;\n'
SELECT * FROM migrate_register_bundle(:'set');
SELECT revision, down_revision, message, upgrade_transactional, to_json(upgrade), downgrade_transactional, to_json(downgrade) FROM migrate.revision ORDER BY length(revision), 1;
CALL migrate_deploy();
SELECT * FROM migrate_register_bundle(:'set', 'sqlx');
SELECT migrate_stamp('20240101000002');
CALL migrate_revert('9');
SELECT to_regclass('account');
SELECT migrate_stamp('base', purge => true);
SELECT * FROM migrate_register_bundle(E'-- file: 1_own.sql\nDELETE FROM _sqlx_migrations;', 'sqlx', prune => true);

-- which format it is
SELECT format, pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', bundle)) FROM (VALUES
	('golang-migrate', E'-- file: 20_a.up.sql\n-- file: 21_a_down.sql\n-- file: 21_a_up.sql\n'),
	('sqlx', E'-- file: 2_a.sql\n'),
	('several', E'-- file: 3_a.up.sql\n-- file: 4_b.sql\n'),
	('dbmate', E'-- file: 5_a.sql\n-- migrate:up\n')) AS f (format, bundle);

-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''sqlx'')', E'-- file: 1_a.sql\nSELECT 1;\n-- no-transaction\n-- file: 2_b.down.sql\nSELECT 1;\n-- file: 3_c.up.sql\n-- file: 03_c.sql\n-- file: 4_d.up.sql\n-- file: 4_d.down.sql\n-- file: 4_e.down.sql\n-- file: 5_f.up.sql\nSELEC 1;\n-- file: 6_g.up.sql\nSELECT {{x}};\n-- file: 7_h.up.sql\n-- file: 7_h.down.sql\n--no-transaction\n'));
-- files of other tools with such names: the downgrade is no part of the upgrade
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''sqlx'')', E'-- file: 60_a.sql\n-- +migrate Up\nCREATE TABLE a ();\n-- +migrate Down\nDROP TABLE a;\n-- file: 61_b.sql\nSELECT 1;\n---- create above / drop below ----\nSELECT 2;\n-- file: 62_c.sql\nSELECT '';\n-- +migrate Down\n'';\n/*\n-- +goose Down\n*/\n-- rollback DROP TABLE a;\n-- down\n-- file: 63_d.sql\n-- migrate:up\nSELECT 1;\n\n-- migrate:down\nSELECT 2;\n'));

-- what is wrong with a mark hides no error of the bodies
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''sqlx'')', E'-- file: 1_a.sql\nSELECT 1;\n-- no-transaction\nSELEC 1;\n'));
\a
\t off
\i sql/include/reset.sql
