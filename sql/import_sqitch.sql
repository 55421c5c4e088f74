-- import_sqitch: a small project as Sqitch has it, and errors of each kind; t/import_sqitch.pl
-- has the tool
\i sql/include/start.sql
\a
\t on

\set plan '-- file: app/sqitch.plan\n%syntax-version=1.0.0\n%project=app\n%uri=https://example.com/\n\n# a remark\nschema 2024-01-01T00:00:00Z Ann <ann@example.com> # the schema\\nof it\n@v0 2024-01-01T00:00:00Z Ann <ann@example.com> # tag\nusers [schema] 2024-01-02T00:00:00Z Ann <ann@example.com>\nadd_user [schema app:users @v0 schema@v0 !other other:thing !foreign:x] 2024-01-03T00:00:00Z Ann <ann@example.com> # function\n@v1 2024-01-03T00:00:00Z Ann <ann@example.com>\n\nadd_user [add_user@v1] 2024-01-04T00:00:00Z Ann <ann@example.com> # better\nsub/index-it [users] 2024-01-04T00:00:00Z Ann <ann@example.com>\n'
\set scripts '-- file: app/deploy/schema.sql\n-- Deploy app:schema to pg\nBEGIN;\nCREATE SCHEMA app;\nCOMMIT;\n-- file: app/revert/schema.sql\n-- Revert app:schema from pg\nBEGIN;\nDROP SCHEMA app;\nCOMMIT;\n-- file: app/verify/schema.sql\nBEGIN;\nSELECT pg_catalog.has_schema_privilege(''app'', ''usage'');\nROLLBACK;\n-- file: app/deploy/users.sql\n-- Deploy app:users to pg\n-- requires: schema\nBEGIN;\nCREATE TABLE app.users (name text);\nCOMMIT;\n-- file: app/revert/users.sql\nBEGIN;\nDROP TABLE app.users;\nCOMMIT;\n-- file: app/deploy/add_user@v1.sql\n-- Deploy app:add_user to pg\nBEGIN;\nCREATE OR REPLACE FUNCTION app.f() RETURNS int LANGUAGE sql AS ''SELECT 1'';\nCOMMIT;\n-- file: app/revert/add_user@v1.sql\nBEGIN;\nDROP FUNCTION app.f();\nCOMMIT;\n-- file: app/deploy/add_user.sql\n-- Deploy app:add_user to pg\nBEGIN;\nCREATE OR REPLACE FUNCTION app.f() RETURNS int LANGUAGE sql AS ''SELECT 2'';\nCOMMIT;\n-- file: app/revert/add_user.sql\n-- Deploy app:add_user to pg\nBEGIN;\nCREATE OR REPLACE FUNCTION app.f() RETURNS int LANGUAGE sql AS ''SELECT 1'';\nCOMMIT;\n-- file: app/deploy/sub/index-it.sql\nCREATE INDEX CONCURRENTLY ON app.users (name);\n-- file: app/revert/sub/index-it.sql\nDROP INDEX CONCURRENTLY app.users_name_idx;\n-- file: app/deploy/left_over.sql\nSELECT 1;\n'
SELECT * FROM migrate_register_bundle(:'plan' || :'scripts');
SELECT revision, down_revision, depends_on, message, upgrade_transactional, to_json(upgrade), to_json(downgrade) FROM migrate.revision ORDER BY registered_at, 1;
CALL migrate_deploy();
SELECT app.f();
CALL migrate_revert('add_user');
SELECT app.f();
SELECT count(*), result FROM migrate_register_bundle(:'plan' || :'scripts') GROUP BY 2;
DROP SCHEMA app CASCADE;
-- errors of each kind
SELECT plan, pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: sqitch.plan\n%project=p\n' || plan || E'\n-- file: deploy/a.sql\n-- file: deploy/b.sql\n-- file: deploy/c.sql\n')) FROM unnest(ARRAY[
	'@v1 t p <m>', '-a t p <m>', 'a t p', 'a [b] t p <m>', E'b t p <m>\na [!b] t p <m>', E'a t p <m>\na t p <m>', E'a t p <m>\nb [a@v9] t p <m>', E'a t p <m>\nx t p <m>\n@v1 t p <m>\nx t p <m>', '', E'a t p <m>\n-- file: x/sqitch.plan\nb t p <m>', E'a t p <m>\n-- file: 1_a.sql\n-- +goose Up']) AS plan;
-- the line of the first one that is missing
SELECT * FROM migrate_register_bundle(E'-- file: sqitch.plan\n%project=p\na t p <m>\nx t p <m>\nb t p <m>\ny t p <m>\n-- file: deploy/a.sql\n-- file: deploy/b.sql\n');
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, format => ''sqitch'')', E'-- file: deploy/a.sql\nSELECT 1;'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: sqitch.plan\na t p <m>\nb t p <m>\n-- file: deploy/a.sql\nSELEC 1;\n-- file: deploy/b.sql\n\\set x 1\n'));
-- all of a plan at once
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: sqitch.plan\n%project=p\na t p <m>\nb [c nosuch] t p <m>\nwrong\nc [!a] t p <m>\na t p <m>\nd [!b] t p <m>\n-- file: deploy/a.sql\nSELEC 1;\n-- file: deploy/b.sql\n\\set x 1\n-- file: deploy/c.sql\n{{ x }}\n'));
\a
\t off
\i sql/include/reset.sql
