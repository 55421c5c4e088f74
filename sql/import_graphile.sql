-- import_graphile: committed files of graphile-migrate, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: committed/000001.sql\n--! Previous: -\n--! Hash: sha1:aa\n\nCREATE TABLE account (id int);\nCOMMENT ON TABLE account IS '':DATABASE_OWNER x::TEXT :MY_WORD'';\n-- file: committed/000002-index-it.sql\n--! Previous: sha1:aa\n--! Hash: sha1:bb\n\n--! no-transaction\nCREATE INDEX CONCURRENTLY account_id ON account (id);\n-- file: committed/000003.sql\n--! Previous: sha1:bb\n--! Hash: sha1:cc\n--! Message: say so\n\n--! Included a.sql\nSELECT ''3''::TEXT;\n--! EndIncluded a.sql\n-- file: current.sql\nSELECT 4;\n'
SELECT * FROM migrate_register_bundle(:'set', options => '{"placeholders": {":DATABASE_OWNER": "me", ":MY_WORD": "fine"}}');
SELECT revision, down_revision, message, upgrade_transactional, to_json(upgrade), to_json(downgrade) FROM migrate.revision ORDER BY 1;
CALL migrate_deploy();
SELECT obj_description('account'::regclass);
DROP TABLE account;
-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', :'set'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 000004.sql\n--! Previous: -\n\nSELECT 1;\n-- file: 000005.sql\n--! Previous: -\n--! Hash: h5\n\nSELEC 1;\n-- file: 000006.sql\nSELECT 6;\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 000004.sql\n--! Hash: h4\n--! Previous: h5\n\nSELECT 1;\n-- file: 000005.sql\n--! Previous: -\n--! Hash: h5\n\nSELECT 1;\n-- file: 000006.sql\n--! Previous: nosuch\n--! Hash: h6\n\nSELECT 6;\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, options => ''{"placeholders": 1}'')', E'-- file: 000004.sql\n--! Previous: -\n--! Hash: h\n\nSELECT :X;\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 000004.sql\n--! Previous: -\n--! Hash: h4\n\nSELECT :DATABASE_NAME;\n-- file: 000005.sql\n--! Previous: h4\n--! Hash: h5\n\nSELEC 1;\n-- file: 000006.sql\n--! Previous: nosuch\n--! Hash: h6\n\nSELECT :DATABASE_OWNER;\n'));
-- what is wrong with a mark hides no error of the bodies
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''graphile'')', E'-- file: 000001.sql\nSELEC 1;\n-- file: 000002.sql\n--! Previous: -\n--! Hash: sha1:1\n\nSELEC 2;\n'));
\a
\t off
\i sql/include/reset.sql
