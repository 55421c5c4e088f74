-- import_goose: a small project as goose has it, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: 00001_create_account.sql\n-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n\tRETURN 1;\nEND\n$$\n-- +goose StatementEnd\nCREATE TABLE account (id int DEFAULT one());\n\n-- +goose Down\nDROP TABLE account;\n-- +goose StatementBegin\nDROP FUNCTION one();\n-- +goose StatementEnd\n-- file: 00002_index.sql\n-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY account_id ON account (id);\n-- +goose Down\nDROP INDEX CONCURRENTLY account_id;\n-- file: 10_up_only.sql\n--+goose up\nSELECT 10;\n'
SELECT * FROM migrate_register_bundle(:'set');
SELECT revision, down_revision, message, upgrade_transactional, upgrade_statements, to_json(upgrade), downgrade_transactional, to_json(downgrade) FROM migrate.revision ORDER BY 1;
CALL migrate_deploy();
SELECT * FROM migrate_register_bundle(:'set');
SELECT migrate_stamp('00002');
CALL migrate_revert('base');
SELECT to_regclass('account');

-- a file that is renamed is another revision
\t off
SELECT * FROM migrate_register_bundle(E'-- file: 00008_t8.sql\n-- +goose Up\nCREATE TABLE t8 ();\n-- file: 00009_no.sql\n-- +goose Up\n', 'goose', prune => true);
SELECT * FROM migrate_register_bundle(E'-- file: 00009_no.sql\n-- +goose Up\n-- file: 00010_neither.sql\n-- +goose Up\n-- file: 00012_t8.sql\n-- +goose Up\nCREATE TABLE  t8 (); -- the same\n', 'goose');
SELECT * FROM migrate_register_bundle(E'-- file: 00009_no.sql\n-- +goose Up\n-- file: 00010_neither.sql\n-- +goose Up\n-- file: 00012_t8.sql\n-- +goose Up\nCREATE TABLE  t8 (); -- the same\n', 'goose');
SELECT * FROM migrate_register_bundle(E'-- file: 00009_no.sql\n-- +goose Up\n-- file: 00010_neither.sql\n-- +goose Up\n-- file: 00012_t8.sql\n-- +goose Up\nCREATE TABLE  t8 (); -- the same\n', 'goose', prune => true);
\t on

-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''goose'')', E'-- file: 1_a.sql\nSELECT 1;\n-- file: 2_b.sql\n\nSELECT 1;\n-- +goose Up\nSELECT 1;\n-- file: 3_c.sql\n-- +goose Down\n-- +goose Up\n-- file: 4_d.sql\n-- +goose Up\nSELECT 1;\n-- +goose Down\n-- +goose Up\n-- file: 5_e.sql\n-- +goose Up\n-- +goose Statementbegn\n-- file: 6_f.sql\n-- +goose Up\nSELECT 1;\nSELEC 1;\n-- file: 7_g.sql\n-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- file: 8_h.sql\n-- +goose Up\n-- +goose StatementEnd\n-- file: 9_i.sql\n-- +goose Up\n-- +goose ENVSUB ON\nSELECT ''${X}'';\n-- file: 09_j.sql\n-- +goose Up\n-- file: 13_m.sql\n-- +goose Up\nSELECT 1;\n  -- +goose Down\n-- file: 11_k.go\npackage migrations\n-- file: 11_k_test.go\npackage migrations\n'));
-- what is wrong with a mark hides no error of the bodies
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''goose'')', E'-- file: 1_a.sql\n-- +goose Up\n-- +goose Foo\nSELEC 1;\n-- +goose Bar\n-- +goose Down\nSELEC 2;\n-- file: 2_b.sql\n-- +goose Upp\nSELEC 3;\n-- +goose Down\nSELECT 4;\n-- file: 3_c.sql\n-- +goose Up\n-- +goose Statementbegn\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS ''SELECT 1''\n-- +goose StatementEnd\nSELECT 1;\n-- +goose StatementBegin\nCREATE FUNCTION g() RETURNS int LANGUAGE sql AS ''SELECT 1''\n-- +goose Statementedn\nSELEC 5;\n-- file: 4_d.sql\nSELECT 0;\n-- +goose Up\nSELECT 1;\n-- +goose StatementEnd\n  -- +goose Down\nSELEC 6;\n-- file: 5_e.sql\n-- +goose Up\nSELECT 1;\n-- +migrate Down\nSELEC 7;\n'));
\a
\t off
\i sql/include/reset.sql
