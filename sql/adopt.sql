-- adopt: a table as each tool makes it, and the revisions that are applied by it
\i sql/include/start.sql
\a
\t on
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET search_path = public;
-- nothing is registered and nothing applied any more
CREATE PROCEDURE pg_temp.clean() LANGUAGE plpgsql AS $$
DECLARE
	id text;
BEGIN
	PERFORM migrate_stamp('base', purge => true);
	DELETE FROM migrate.log;
	LOOP
		SELECT revision INTO id FROM migrate_heads(resolve_dependencies => true);
		EXIT WHEN NOT FOUND;
		PERFORM migrate_unregister(id);
	END LOOP;
END $$;
-- what is applied now, and when
CREATE VIEW pg_temp.now_applied AS
SELECT string_agg(DISTINCT version_num, ' ') AS rows,
	   (SELECT string_agg(concat_ws(' ', l.revision, CASE WHEN l.finished < '2025-01-01' THEN l.finished END, l.wall_ms, l.detail), E'\n' ORDER BY l.step)
		  FROM migrate.log AS l WHERE l.operation = 'adopt') AS log
  FROM migrate.version;
CREATE FUNCTION pg_temp.files(names text[], text text DEFAULT 'SELECT 1;') RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(format(E'-- file: %s\n%s\n', name, text), NULL ORDER BY n) FROM unnest(names) WITH ORDINALITY AS f (name, n) $$;

-- golang-migrate keeps a position
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{000001_a.up.sql,000002_b.up.sql,000010_c.up.sql}'));
TABLE migrate.source ORDER BY 1;
CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO schema_migrations VALUES (2, false);
SELECT * FROM migrate_adopt('golang-migrate');
TABLE pg_temp.now_applied;
SELECT operation, state, attempts, run = (SELECT run FROM migrate.log WHERE revision = '000001') AS together, finished > now() - interval '1 h' AS recent FROM migrate.log ORDER BY operation, step;
SELECT revision, note FROM migrate_plan();
-- twice is once
SET client_min_messages = notice;
SELECT * FROM migrate_adopt('golang-migrate');
SET client_min_messages = warning;
SELECT count(*) FROM migrate.log;
-- both went on: the rest is adopted; what only the extension has run is an error
UPDATE schema_migrations SET version = 10;
SELECT * FROM migrate_adopt('golang-migrate');
UPDATE schema_migrations SET version = 2;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate')$$);
UPDATE schema_migrations SET dirty = true;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate')$$);
INSERT INTO schema_migrations VALUES (1, false), (3, false);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate')$$);
TRUNCATE schema_migrations;
CALL pg_temp.clean();

-- Hasura keeps a set, in a table or in a column
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{m/1_a/up.sql,m/2_b/up.sql,m/3_c/up.sql}'));
CREATE SCHEMA hdb_catalog;
CREATE TABLE hdb_catalog.schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO hdb_catalog.schema_migrations VALUES (2, false), (1, false);
SELECT * FROM migrate_adopt('hasura');
SELECT migrate_stamp('base');
DROP TABLE hdb_catalog.schema_migrations;
CREATE TABLE hdb_catalog.hdb_version (hasura_uuid uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY, version text NOT NULL, upgraded_on timestamptz NOT NULL, cli_state jsonb NOT NULL DEFAULT '{}', console_state jsonb NOT NULL DEFAULT '{}', ee_client_id text, ee_client_secret text);
INSERT INTO hdb_catalog.hdb_version (version, upgraded_on, cli_state) VALUES ('47', now(), '{"settings": {"migration_mode": "true"}, "migrations": {"default": {"1": false, "2": false, "3": false}, "other": {"77": false}}, "isStateCopyCompleted": true}');
SELECT * FROM migrate_adopt('hasura') ORDER BY 2;
DROP SCHEMA hdb_catalog CASCADE;
CALL pg_temp.clean();

-- dbmate and Rails keep a set, Supabase with what was run
DROP TABLE schema_migrations;
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{20240101000001_a.sql,20240101000002_b.sql}', E'-- migrate:up\nSELECT 1;'));
CREATE TABLE schema_migrations (version character varying NOT NULL PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20240101000002'), ('20240101000001');
SELECT * FROM migrate_adopt('dbmate');
SELECT migrate_is_current();
SELECT migrate_stamp('base');
SELECT * FROM migrate_adopt('rails', 'schema_migrations');
CALL pg_temp.clean();
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{supabase/migrations/20240101000001_a.sql}'));
CREATE SCHEMA supabase_migrations;
CREATE TABLE supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY, statements text[], name text, created_by text, idempotency_key text UNIQUE);
INSERT INTO supabase_migrations.schema_migrations VALUES ('20240101000001', '{SELECT 1}', 'a');
SELECT * FROM migrate_adopt('supabase');
DROP SCHEMA supabase_migrations CASCADE;
DROP TABLE schema_migrations;
CALL pg_temp.clean();

-- goose keeps a log
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{00001_a.sql,00002_b.sql,00003_c.sql}', E'-- +goose Up\nSELECT 1;'));
CREATE TABLE goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now());
INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (0, true, '2024-01-01'), (1, true, '2024-01-02'), (2, true, '2024-01-03'), (3, true, '2024-01-04'), (3, false, '2024-01-05'), (2, false, '2024-01-06'), (99, true, '2024-01-06'), (99, false, '2024-01-06'), (2, true, '2024-01-07');
SELECT * FROM migrate_adopt('goose');
TABLE pg_temp.now_applied;
SELECT revision, state, applied_at, took, note FROM migrate.status;
DROP TABLE goose_db_version;
CALL pg_temp.clean();

-- sqlx: a set with checksums
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{20240101000001_a.sql,20240101000002_b.up.sql,20240101000002_b.down.sql}'), 'sqlx');
CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
INSERT INTO _sqlx_migrations VALUES (20240101000001, 'a', '2024-01-01', true, sha384(E'SELECT 1;\n'), 2500000), (20240101000002, 'b', '2024-01-02', true, sha384('SELECT 1;'), -1);
SELECT * FROM migrate_adopt('sqlx');
TABLE pg_temp.now_applied;
DROP TABLE _sqlx_migrations;
CALL pg_temp.clean();

-- diesel: a set with times
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{2024-01-01-000000_a/up.sql,2024-01-02-000000_b/up.sql}'));
CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY NOT NULL, run_on timestamp NOT NULL DEFAULT current_timestamp);
INSERT INTO __diesel_schema_migrations VALUES ('20240101000000', '2024-03-01 12:00'), ('20240102000000', '2024-03-01 12:01');
SELECT * FROM migrate_adopt('diesel');
DROP TABLE __diesel_schema_migrations;
CALL pg_temp.clean();

-- Prisma: a set of names, with attempts
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{p/20240101000000_a/migration.sql,p/20240102000000_b/migration.sql}'));
CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);
INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, rolled_back_at, applied_steps_count)
VALUES ('1', encode(sha256(E'SELECT 1;\n'), 'hex'), '20240101000000_a', '2024-03-01 12:00', '2024-03-01 12:01', NULL, 1),
	   ('2', 'x', '20240102000000_b', '2024-03-01 12:02', NULL, '2024-03-01 12:03', 0),
	   ('3', encode(sha256(E'SELECT 1;\r\n'), 'hex'), '20240102000000_b', '2024-03-01 12:04', '2024-03-01 12:04:00.5', NULL, 1);
SELECT * FROM migrate_adopt('prisma');
TABLE pg_temp.now_applied;
DROP TABLE _prisma_migrations;
CALL pg_temp.clean();

-- Flyway: a log with a baseline, repeatables and what was undone
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{V1__a.sql,V2__b.sql,V2_1__c.sql,V3__d.sql,V10__e.sql,V11__f.sql}', 'SELECT 3;'), 'flyway');
CREATE TABLE flyway_schema_history (installed_rank int NOT NULL PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum integer, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(), execution_time integer NOT NULL, success boolean NOT NULL);
INSERT INTO flyway_schema_history (installed_rank, version, description, type, script, checksum, installed_by, installed_on, execution_time, success)
VALUES (0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', '"public"', NULL, 'me', '2024-01-01', 0, true),
	   (1, '2', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', NULL, 'me', '2024-01-01', 0, true),
	   (2, '2.1', 'c', 'SQL', 'V2_1__c.sql', 914641374, 'me', '2024-01-02', 12, true),
	   (3, NULL, 'views', 'SQL', 'R__views.sql', 1, 'me', '2024-01-03', 1, true),
	   (4, '3.0', 'd', 'SQL', 'V3__d.sql', 914641374, 'me', '2024-01-04', 30, true),
	   (5, '10', 'e', 'SQL', 'V10__e.sql', 914641374, 'me', '2024-01-05', 5, true),
	   (6, '10', 'e', 'UNDO_SQL', 'U10__e.sql', 5, 'me', '2024-01-06', 6, true),
	   (7, '7', 'gone', 'SQL', 'V7__gone.sql', 7, 'me', '2024-01-07', 7, true),
	   (8, '7', 'gone', 'DELETE', 'V7__gone.sql', 7, 'me', '2024-01-08', 8, true);
SELECT * FROM migrate_adopt('flyway');
TABLE pg_temp.now_applied;
SELECT revision FROM migrate_plan();
DROP TABLE flyway_schema_history;
CALL pg_temp.clean();

-- Sqitch: several projects, a reworked change, a hash of the script
SELECT count(*) FROM migrate_register_bundle(E'-- file: sqitch.plan\n%syntax-version=1.0.0\n%project=app\n\none 2024-01-01T00:00:00Z A <a@b> # One\n@v1 2024-01-01T00:00:00Z A <a@b> # t\none [one@v1] 2024-01-01T00:00:00Z A <a@b> # Two\ntwo 2024-01-01T00:00:00Z A <a@b> # Three\n' || pg_temp.files('{deploy/one@v1.sql,deploy/one.sql,deploy/two.sql}', 'SELECT 3;'));
TABLE migrate.source ORDER BY 1;
CREATE SCHEMA sqitch;
CREATE TABLE sqitch.projects (project text PRIMARY KEY);
CREATE TABLE sqitch.changes (change_id text PRIMARY KEY, script_hash text, change text NOT NULL, project text NOT NULL REFERENCES sqitch.projects ON UPDATE CASCADE, note text NOT NULL DEFAULT '', committed_at timestamptz NOT NULL DEFAULT clock_timestamp(), UNIQUE (project, script_hash));
INSERT INTO sqitch.projects VALUES ('app'), ('base');
INSERT INTO sqitch.changes (change_id, script_hash, change, project, committed_at)
VALUES ('0', 'x', 'one', 'base', '2024-01-01'), ('1', '4ef5008a6fe488bb840fd94e1012092f0b9563b9', 'one', 'app', '2024-01-02'), ('2', '2', 'one', 'app', '2024-01-03');
SELECT * FROM migrate_adopt('sqitch') ORDER BY 3;
DROP SCHEMA sqitch CASCADE;
CALL pg_temp.clean();

-- Liquibase: a set, whose checksums are not compared
SELECT count(*) FROM migrate_register_bundle(E'-- file: db/a.sql\n--liquibase formatted sql\n--changeset ann:1\nSELECT 1;\n--changeset ann:2\nSELECT 2;\n-- file: db/b.sql\n--liquibase formatted sql\n--changeset ann:1\nSELECT 3;\n--changeset bob:3\nSELECT 4;\n');
CREATE TABLE databasechangelog (id varchar(255) NOT NULL, author varchar(255) NOT NULL, filename varchar(255) NOT NULL, dateexecuted timestamp NOT NULL, orderexecuted integer NOT NULL, exectype varchar(10) NOT NULL, md5sum varchar(35), description varchar(255), comments varchar(255), tag varchar(255), liquibase varchar(20), contexts varchar(255), labels varchar(255), deployment_id varchar(10));
INSERT INTO databasechangelog VALUES ('1', 'ann', 'db/a.sql', '2024-01-01', 1, 'EXECUTED', '9:x'), ('2', 'ann', 'db/a.sql', '2024-01-01', 2, 'MARK_RAN', '9:x'), ('1', 'ann', 'classpath:db/b.sql', '2024-01-02', 3, 'RERAN', '9:x');
SET client_min_messages = notice;
SELECT * FROM migrate_adopt('liquibase');
SET client_min_messages = warning;
DROP TABLE databasechangelog;
CALL pg_temp.clean();

-- node-pg-migrate, graphile-migrate, refinery
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{1600000000000_create-tag.sql,1600000000001_color.sql}', E'-- Up Migration\nSELECT 1;'));
CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
INSERT INTO pgmigrations (name, run_on) VALUES ('1600000000000_create-tag', '2024-01-01');
SELECT * FROM migrate_adopt('node-pg-migrate');
DROP TABLE pgmigrations;
CALL pg_temp.clean();
SELECT count(*) FROM migrate_register_bundle(E'-- file: 000001.sql\n--! Previous: -\n--! Hash: sha1:aa\n\nSELECT 1;\n-- file: 000002-name.sql\n--! Previous: sha1:aa\n--! Hash: sha1:bb\n\nSELECT 2;\n');
CREATE SCHEMA graphile_migrate;
CREATE TABLE graphile_migrate.migrations (hash text PRIMARY KEY, previous_hash text REFERENCES graphile_migrate.migrations, filename text NOT NULL, date timestamptz NOT NULL DEFAULT now());
INSERT INTO graphile_migrate.migrations VALUES ('sha1:aa', NULL, '000001.sql', '2024-01-01'), ('sha1:bb', 'sha1:aa', '000002-name.sql', '2024-01-02');
SELECT * FROM migrate_adopt('graphile');
DROP SCHEMA graphile_migrate CASCADE;
CALL pg_temp.clean();
SELECT count(*) FROM migrate_register_bundle(E'-- file: V1__create_tag.sql\nCREATE TABLE tag (i int);\n-- file: V2__color.sql\nALTER TABLE tag ADD color text;\n', 'refinery');
CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255));
INSERT INTO refinery_schema_history VALUES (1, 'create_tag', '2024-01-01T00:00:00.123456789Z', '1775551124535507693'), (2, 'color', '2024-01-02T00:00:00+00:00', '17550795374584813475');
SELECT * FROM migrate_adopt('refinery');
DROP TABLE refinery_schema_history;
CALL pg_temp.clean();

-- Alembic: heads, as here
SELECT count(*) FROM migrate_register_script(E'-- revision: a1\n-- revision: a2\n-- down_revision: a1\n-- revision: b1\n-- down_revision: a1\n-- revision: m1\n-- down_revision: a2, b1\n-- revision: s1\n-- depends_on: a2\n');
CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('b1'), ('a2');
SELECT * FROM migrate_adopt('alembic') ORDER BY 1;
SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM migrate.version;
DELETE FROM alembic_version;
INSERT INTO alembic_version VALUES ('m1'), ('s1');
SELECT * FROM migrate_adopt('alembic') ORDER BY 1;
SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM migrate.version;
-- where Alembic and the extension take turns there is nothing to adopt
SET migrate.version_table = 'public.alembic_version';
SET client_min_messages = notice;
SELECT DISTINCT result FROM migrate_adopt('alembic');
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('alembic', lock_out => true)$$);
RESET migrate.version_table;
DROP TABLE alembic_version;
\a
\t off
\i sql/include/reset.sql
