-- import_mistakes: what is almost right in files of each format, and what is said of it
\i sql/include/start.sql
\a
\t on

-- a downgrade under a mark that is none is no part of the upgrade, in any format
SELECT format, line, pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, %L)', format(E'-- file: %s\n%sCREATE TABLE a ();\n%s\nDROP TABLE a;\n', file, up, line), format)) FROM (VALUES
	('dbmate', '1_a.sql', E'-- migrate:up\n', ARRAY['-- down', '-- Migrate:Down', '/* migrate:down */', '-- rollback', '-- +goose Down']),
	('goose', '1_a.sql', E'-- +goose Up\n', ARRAY['-- Down', '-- goose Down', '-- +gose Down', '-- Down Migraton']),
	('node-pg-migrate', '1_a.sql', E'-- Up Migration\n', ARRAY['-- Down', '-- Dwn Migration', '/* Down Migration */']),
	('flyway', 'V1__a.sql', '', ARRAY['-- down']),
	('sqlx', '1_a.sql', '', ARRAY['-- down', '  -- DOWN:', '-- Down script', '-- Section: Down', '-- Rollback script']),
	('golang-migrate', '1_a.up.sql', '', ARRAY['-- down']),
	('diesel', '1_a/up.sql', '', ARRAY['-- down']),
	('graphile', 'committed/000001-a.sql', E'--! Previous: -\n--! Hash: sha1:0\n\n', ARRAY['-- down']),
	('liquibase', 'a.sql', E'--liquibase formatted sql\n--changeset a:1\n', ARRAY['-- down', '--rollback', '-- rollback:']),
	('prisma', '1_a/migration.sql', '', ARRAY['-- down']),
	('refinery', 'V1__a.sql', '', ARRAY['-- down']),
	('supabase', 'supabase/migrations/1_a.sql', '', ARRAY['-- down']),
	('alembic', 'a.sql', E'-- Running upgrade  -> a\n', ARRAY['-- down'])) AS f (format, file, up, lines), unnest(lines) AS line;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 1_a.sql\nSELECT 1;\n-- down\nSELECT 2;\n'));
-- a sentence, and a heading over nothing but comments, are none
SELECT line, pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''sqlx'', replace => true)', format(E'-- file: 1_a.sql\nSELECT 1;\n%s\n', line))) FROM unnest(ARRAY[E'-- down the road\nSELECT 2;', E'-- roll back by hand if needed\nSELECT 2;', E'-- rollback DROP TABLE a;\nSELECT 2;', E'-- Rollback:\n-- DROP TABLE a;', E'-- done migration\nSELECT 2;', E'SELECT (\n-- down\n2);', E'SELECT 2; -- down\nSELECT 3;', E'/*\n-- down\n*/\nSELECT 2;']) AS line;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''sqlx'', replace => true)', E'-- file: 1_a.up.sql\nSELECT 1;\n-- file: 1_a.down.sql\n-- down\nSELECT 2;\n'));
-- nor is what is about the statements below it, or has none above it
SELECT line, pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''sqlx'', replace => true)', format(E'-- file: 1_a.sql\n%s\n', line))) FROM unnest(ARRAY[E'-- Revert changes\nSELECT 1;', E'SELECT 1;\n-- Revert changes\nSELECT 2;', E'-- down: nothing to do\nSELECT 1;', E'SELECT 1;\n-- Down: drop a\nSELECT 2;', E'SELECT 1;\n-- Type: rollback\nSELECT 2;', E'SELECT 1;\n-- Down migrations are not supported here\nSELECT 2;', E'-- reverse\nSELECT 1;', E'-- undo\nSELECT 1;']) AS line;
SELECT line, pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''golang-migrate'', replace => true)', format(E'-- file: 1_a.up.sql\nSELECT 1;\n-- file: 1_a.down.sql\n%s\nSELECT 2;\n', line))) FROM unnest(ARRAY['-- Down migration', '-- migrate down', '-- Migrate:down', '-- +goose Down']) AS line;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''sqlx'', replace => true)', E'-- file: 1_a.sql\nSELECT 1;\n/* down'));
-- a mark is shown as it stands in the file, and hides none that is unlike it
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''dbmate'')', E'-- file: 1_a.sql\n-- Migrate:Up\nSELECT 1;\n-- migrate: down\nSELECT 2;\n-- file: 2_b.sql\n--migrate:foo\nSELECT 1;\n-- migrate:down\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''goose'')', E'-- file: 1_a.sql\n-- goose Up\nSELECT 1;\n--+goose  Dwn\nSELECT 2;\n-- file: 2_b.sql\n-- +goose NO TRANSACTION\nSELECT 1;\n'));
-- a name without a version
\set VERBOSITY default
SET client_min_messages = notice;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''dbmate'')', E'-- file: create_e.sql\n-- migrate:up\nSELECT 1;\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''dbmate'')', E'-- file: create_e.sql\n-- migrate:up\nSELECT 1;\n-- file: 2_b.sql\n-- migrate:up\nSELEC 2;\n'));
RESET client_min_messages;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: create_e.sql\nSELECT 1;\n'));
-- the options and settings there are
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''flyway'', options => %L)', E'-- file: V1__a.sql\nSELECT 1;\n', '{"placeholder": {}}'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: V1__a.sql\nSELECT 1;\n-- file: V1__a.sql.conf\nexecuteInTransacton=false\n'));
-- what the hints of two heads and of a renamed file say leads to an end
SELECT * FROM migrate_register_bundle(E'-- file: a.sql\n-- revision: a0\n-- migrate:up\nSELECT 1;\n-- file: b.sql\n-- revision: b1\n-- down_revision: a0\n-- file: c.sql\n-- revision: c1\n-- down_revision: a0\n', replace => true, prune => true);
SELECT pg_temp.attempt('SELECT migrate_upgrade(''head'')');
SELECT migrate_merge(ARRAY['b1', 'c1'], 'merge');
SELECT migrate_upgrade('head');
SELECT migrate_register('d1', '', '', '{a0}');
SELECT pg_temp.attempt('SELECT migrate_upgrade(''head'')');
SELECT migrate_stamp('base', purge => true);
SELECT * FROM migrate_register_bundle(E'-- file: 8_t.sql\n-- +goose Up\nSELECT 8;\n', prune => true);
SELECT migrate_upgrade('head');
SELECT * FROM migrate_register_bundle(E'-- file: 9_t.sql\n-- +goose Up\nSELECT 8;\n');
SELECT * FROM migrate_register_bundle(E'-- file: 8_t.sql\n-- +goose Up\nSELECT 8;\n', prune => true);
SELECT * FROM migrate_register_bundle(E'-- file: 9_t.sql\n-- +goose Up\nSELECT 8;\n');
SELECT migrate_unregister('9');
SELECT * FROM migrate_register_bundle(E'-- file: 8_t.sql\n-- +goose Up\nSELECT 8;\n');
SELECT revision FROM migrate.revision ORDER BY 1;
SELECT migrate_stamp('base', purge => true);
-- what a tool has applied here and nothing was adopted of
SELECT * FROM migrate_register_bundle(E'-- file: a.sql\n-- revision: a0\n-- migrate:up\n', prune => true);
SET client_min_messages = notice;
SELECT * FROM migrate_register_bundle(E'-- file: 1_a.sql\n-- migrate:up\nSELECT 1;\n', prune => true);
SELECT * FROM migrate_register_bundle(E'-- file: a.sql\n-- revision: a0\n-- migrate:up\n', prune => true);
CREATE TABLE schema_migrations AS SELECT '1' AS version;
SELECT * FROM migrate_register_bundle(E'-- file: 1_a.sql\n-- migrate:up\nSELECT 1;\n', prune => true);
SELECT * FROM migrate_register_bundle(E'-- file: 1_a.sql\n-- migrate:up\nSELECT 1;\n-- file: 2_b.sql\n-- migrate:up\nSELECT 2;\n');
SELECT revision, result FROM migrate_adopt('dbmate');
SELECT migrate_stamp('base', purge => true);
DROP TABLE schema_migrations;
\a
\t off
\i sql/include/reset.sql
