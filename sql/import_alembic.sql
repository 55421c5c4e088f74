-- import_alembic: what "alembic upgrade base:heads --sql" and "alembic downgrade
-- heads:base --sql" print, and errors of each kind; t/import_alembic.pl has the tool
\i sql/include/start.sql
\a
\t on

-- a branch, a merge, a dependency, autocommit blocks
\set up 'BEGIN;\n\nCREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL, \n    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n);\n\n-- Running upgrade  -> r1\n\nCREATE TABLE account (id int);\n\nINSERT INTO alembic_version (version_num) VALUES (''r1'') RETURNING alembic_version.version_num;\n\n-- Running upgrade r1 -> r2a\n\n-- Running wild -> far\nALTER TABLE account ADD COLUMN a int;;\n\nUPDATE alembic_version SET version_num=''r2a'' WHERE alembic_version.version_num = ''r1'';\n\n-- Running upgrade r1 -> r2b\n\nINSERT INTO alembic_version (version_num) VALUES (''r2b'');\n\n-- Running upgrade r2a, r2b -> r3\n\nDELETE FROM alembic_version WHERE alembic_version.version_num = ''r2a'';\n\nUPDATE alembic_version SET version_num=''r3'' WHERE alembic_version.version_num = ''r2b'';\n\n-- Running upgrade r3 -> r4\n\nCREATE TABLE tag (id int);\n\nINSERT INTO tag VALUES (1);\n\nCOMMIT;\n\nCREATE INDEX CONCURRENTLY tag_id ON tag (id);\n\nUPDATE tag SET id = 2;\n\nBEGIN;\n\nUPDATE tag SET id = 3;\n\nUPDATE alembic_version SET version_num=''r4'' WHERE alembic_version.version_num = ''r3'';\n\n-- Running upgrade  -> other\n\nCOMMIT;\n\nCREATE INDEX CONCURRENTLY ON tag (id);\n\nBEGIN;\n\nUPDATE alembic_version SET version_num=''other'' WHERE alembic_version.version_num = ''r4'';\n\nCOMMIT;\n\n'
\set down 'BEGIN;\n\n-- Running downgrade other -> \n\nUPDATE alembic_version SET version_num=''r4'' WHERE alembic_version.version_num = ''other'';\n\n-- Running downgrade r4 -> r3\n\nCOMMIT;\n\nDROP INDEX CONCURRENTLY tag_id;\n\nBEGIN;\n\nDROP TABLE tag;\n\nUPDATE alembic_version SET version_num=''r3'' WHERE alembic_version.version_num = ''r4'';\n\n-- Running downgrade r3 -> r2a, r2b\n\nINSERT INTO alembic_version (version_num) VALUES (''r2a'');\n\nUPDATE alembic_version SET version_num=''r2b'' WHERE alembic_version.version_num = ''r3'';\n\n-- Running downgrade r2b -> r1\n\nDELETE FROM alembic_version WHERE alembic_version.version_num = ''r2b'';\n\n-- Running downgrade r2a -> r1\n\nALTER TABLE account DROP COLUMN a;\n\nUPDATE alembic_version SET version_num=''r1'' WHERE alembic_version.version_num = ''r2a'';\n\n-- Running downgrade r1 -> \n\nDROP TABLE account;\n\nDELETE FROM alembic_version WHERE alembic_version.version_num = ''r1'';\n\nDROP TABLE alembic_version;\n\nCOMMIT;\n\n'
SELECT * FROM migrate_register_bundle('-- file: up.sql' || E'\n' || :'up' || '-- file: down.sql' || E'\n' || :'down');
SELECT revision, down_revision, depends_on, upgrade_transactional, to_json(upgrade), downgrade_transactional, to_json(downgrade) FROM migrate.revision ORDER BY 1;
CALL migrate_deploy('heads');
SELECT id FROM tag;
CALL migrate_revert('base');
SELECT to_regclass('account');
-- one text; upgrades alone are irreversible
SELECT * FROM migrate_register_bundle('-- file: all.sql' || E'\n' || :'up' || :'down');
SELECT result, count(*) FROM migrate_register_bundle('-- file: up.sql' || E'\n' || :'up', replace => true) GROUP BY 1;

-- a version table of another name, a transaction for each revision, COMMIT in a body
SELECT * FROM migrate_register_bundle(E'-- file: up.sql\nBEGIN;\nCREATE TABLE app.versions (\n    version_num VARCHAR(32) NOT NULL\n);\n-- Running upgrade  -> n1\nSELECT 1;\nINSERT INTO app.versions (version_num) VALUES (''n1'');\nCOMMIT;\n\nBEGIN;\n\n-- Running upgrade n1 -> n2\nSELECT 2;\nCOMMIT;\nSELECT 3;\nUPDATE app.versions SET version_num=''n2'' WHERE app.versions.version_num = ''n1'';\nCOMMIT;\n', format => 'alembic');
SELECT revision, down_revision, upgrade_transactional, to_json(upgrade) FROM migrate.revision WHERE revision LIKE 'n%' ORDER BY 1;
-- no transactions; the rest of a history
SELECT * FROM migrate_register_bundle(E'-- file: up.sql\n-- Running upgrade n2 -> n3\nSELECT 3;\nUPDATE alembic_version SET version_num=''n3'' WHERE alembic_version.version_num = ''n2'';\n');
SELECT revision, down_revision, upgrade_transactional, to_json(upgrade) FROM migrate.revision WHERE revision = 'n3';

-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n-- Running stamp_revision  -> a1\n-- file: b.sql\n-- Running upgrade  -> b1, b2\n-- file: c.sql\n-- Running upgrade  -> c1\n\nSELEC 1;\nINSERT INTO alembic_version (version_num) VALUES (''c1'');\n-- file: d.sql\n-- Running upgrade  -> d1\n-- Running upgrade  -> d1\n-- file: e.sql\n-- Running downgrade e1 -> \n-- file: f.sql\n-- Running upgrade  -> f1\n-- Running downgrade f1 -> \n-- Running downgrade f1 -> \n-- file: g.sql\nSELECT 1;\n-- file: h.sql\n-- Running upgrade nosuch -> h1\nSELECT {{ x }};\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n-- Running upgrade nosuch -> h1\nSELECT 1;\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n-- Running upgrade  -> h1\nSELECT 1;\n-- file: 1_b.sql\n-- migrate:up\n'));
\a
\t off
\i sql/include/reset.sql
