-- import_node_pg_migrate: a small project as node-pg-migrate has it, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: 1600000000000_create-account.sql\n-- Up Migration\nCREATE TABLE account (id int);\n\n-- Down Migration\nDROP TABLE account;\n-- file: 20200914000000000_early.sql\nSELECT 2;\n-- file: 20200913000000000_earlier.sql\n---  DOWN migration\nSELECT 11;\n--- up  Migration of it\nSELECT 1;\n-- file: 1700000000000_two.down.sql\nDROP TABLE two;\n-- file: 1700000000000_two.up.sql\nCREATE TABLE two (i int);\n-- file: seed.sql\nSELECT 1;\n'
SELECT * FROM migrate_register_bundle(:'set');
SELECT revision, down_revision, message, to_json(upgrade), to_json(downgrade) FROM migrate.revision ORDER BY revision::numeric;
CALL migrate_deploy();
SELECT * FROM migrate_register_bundle(:'set');
CALL migrate_revert('20200914000000000');
SELECT to_regclass('two');
DROP TABLE account;
-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''node-pg-migrate'')', E'-- file: 1_a.sql\n\nSELECT 1;\n-- Up Migration\nSELECT 1;\n-- file: 2_b.sql\nSELECT 1;\n-- Down Migration\n-- file: 3_c.sql\n-- Up Migration\n-- Up Migration\n-- file: 4_d.down.sql\n-- file: 5_e.js\nexports.up = 1\n-- file: 6_f.ts\n\n-- file: 7_g.sql\n-- Up Migration\n-- Down Migration\n-- file: 7_g.down.sql\n-- file: 8_h.sql\n-- Up Migration\nSELEC 1;\n-- file: 08_i.sql\n-- Up Migration\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 1_a.sql\n-- Up Migration\nSELECT 1;\n-- file: 2_b.sql\n-- +goose Up\n'));
-- a mark that is given twice is one error
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''node-pg-migrate'')', E'-- file: 1_a.sql\n-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;\n-- Down Migration\nSELECT 3;\n'));
-- what is wrong with a mark hides no error of the bodies
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''node-pg-migrate'')', E'-- file: 1_a.sql\nSELECT 0;\n-- Up Migration\nSELEC 1;\n-- Down Migration\nSELEC 2;\n-- Up Migration\n'));
\a
\t off
\i sql/include/reset.sql
