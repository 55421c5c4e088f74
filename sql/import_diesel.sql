-- import_diesel: a small project as diesel has it, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: migrations/00000000000000_diesel_initial_setup/down.sql\nDROP FUNCTION one();\n-- file: migrations/00000000000000_diesel_initial_setup/up.sql\nCREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;\n-- file: migrations/2024-01-31-120000-0000_create_account/down.sql\nDROP TABLE account;\n-- file: migrations/2024-01-31-120000-0000_create_account/up.sql\nCREATE TABLE account (id int DEFAULT one());\n-- file: migrations/2024-02-01-120000_index/down.sql\nDROP INDEX CONCURRENTLY account_id;\n-- file: migrations/2024-02-01-120000_index/metadata.toml\n# not in one\nrun_in_transaction = false # because\n-- file: migrations/2024-02-01-120000_index/up.sql\nCREATE INDEX CONCURRENTLY account_id ON account (id);\nDO $$ BEGIN COMMIT; END $$;\n-- file: migrations/2024-02-02-120000_up_only/metadata.toml\nrun_in_transaction=true\n-- file: migrations/2024-02-02-120000_up_only/up.sql\nSELECT 3;\n-- file: migrations/later/up.sql\nSELECT 4;\n-- file: src/schema.rs\ntable!\n'
SELECT * FROM migrate_register_bundle(:'set');
SELECT revision, down_revision, message, upgrade_transactional, to_json(upgrade), downgrade_transactional, to_json(downgrade) FROM migrate.revision ORDER BY revision COLLATE "C";
CALL migrate_deploy();
SELECT * FROM migrate_register_bundle(:'set', 'diesel');
SELECT migrate_stamp('20240201120000');
CALL migrate_revert('base');
SELECT to_regclass('account'), to_regproc('one');
SELECT * FROM migrate_register_bundle(E'-- file: 2024-01-01-000000_own/up.sql\nDELETE FROM __diesel_schema_migrations;', prune => true);

-- which format it is
SELECT format, pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', bundle)) FROM (VALUES
	('diesel', E'-- file: 20240101000001_a/up.sql\n-- file: 20240101000001_a/metadata.toml\n'),
	('diesel', E'-- file: 00000000000000_diesel_initial_setup/up.sql\n'),
	('golang-migrate', E'-- file: 20240101000002_b/up.sql\n-- file: 20240101000002_b/down.sql\n')) AS f (format, bundle);

-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 2024-01-01-000001_a/up.sql\n\nSELEC 1;\n-- file: 2024-01-01-000002_b/down.sql\nSELECT 1;\n-- file: 2024-01-01-000003_c/up.sql\n-- file: 20240101000003_d/up.sql\n-- file: 2024-01-01-000004_e/up.sql\n-- file: 2024-01-01-000004_e/metadata.toml\nrun_in_transaction = \'no\'\n-- file: 2024-01-01-000004_e/down.sql\nSELECT 4;\n-- file: 2024-01-01-000005_f/up.sql\nSELECT {{x}};\n-- file: 2024-01-01-000006_g/up.sql\n-- file: 2024-01-01-000006_g/down.sql\n-- file: 20240101-000006_h/down.sql\n'));
SELECT pg_temp.attempt($$SELECT * FROM migrate_register_files('{2024-01-01-000007_i/up.sql,2024-01-01-000007_i/metadata.toml}', '{SELECT 1,NULL}')$$);
\a
\t off
\i sql/include/reset.sql
