-- adopt_refused: what is not stamped, rights on the table of the tool, locking it
-- out, and a baseline
\i sql/include/start.sql
\a
\t on
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE FUNCTION pg_temp.files(names text[], text text DEFAULT 'SELECT 1;') RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(format(E'-- file: %s\n%s\n', name, text), NULL ORDER BY n) FROM unnest(names) WITH ORDINALITY AS f (name, n) $$;

-- no such tool, no such table, not its table
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('nosuch')$$);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('migrate')$$);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt(NULL)$$);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate')$$);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('hasura')$$);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate', 'nosuch')$$);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate', 0)$$);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('goose', 'pg_class')$$);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('goose', 4294967295)$$);
CREATE VIEW schema_migrations AS SELECT '1'::text AS version;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate')$$);
DROP VIEW schema_migrations;
-- columns whose types are the table owner's
CREATE DOMAIN number AS bigint CHECK (VALUE > 0);
CREATE TABLE goose_db_version (id number, version_id bigint GENERATED ALWAYS AS (7) STORED, is_applied text);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('goose')$$);
DROP TABLE goose_db_version;
DROP DOMAIN number;

-- nothing is applied, nothing is registered
CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);
SET client_min_messages = notice;
SELECT * FROM migrate_adopt('dbmate');
SET client_min_messages = warning;
INSERT INTO schema_migrations VALUES ('1');
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate')$$);

-- a hole, a version without a file: all at once, and nothing is stamped
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{1_a.sql,2_b.sql,3_c.sql,4_d.sql,5_e.sql}', E'-- migrate:up\nSELECT 1;'));
INSERT INTO schema_migrations VALUES ('2'), ('4'), (E'9\x1b[2J');
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate')$$);
SELECT count(*) FROM migrate.version;
DELETE FROM schema_migrations WHERE version LIKE '9%';
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate')$$);
-- behind what is applied, where it stays when the files come again
SELECT * FROM migrate_adopt('dbmate', reorder => true);
SELECT revision, down_revision FROM migrate.revision ORDER BY 1;
SELECT revision FROM migrate_plan();
SELECT result, count(*) FROM migrate_register_bundle(pg_temp.files('{1_a.sql,2_b.sql,3_c.sql,4_d.sql,5_e.sql}', E'-- migrate:up\nSELECT 1;')) GROUP BY 1;
SELECT * FROM migrate_adopt('dbmate', reorder => true);
-- what is applied already is not put elsewhere
SELECT migrate_stamp('base');
SELECT migrate_stamp('1');
DELETE FROM schema_migrations WHERE version = '2';
SELECT * FROM migrate_adopt('dbmate', reorder => true);
SELECT revision, down_revision FROM migrate.revision ORDER BY 1;
SELECT migrate_stamp('2');
DELETE FROM schema_migrations WHERE version <> '4';
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate', reorder => true)$$);
SELECT migrate_stamp('base');
SELECT count(*) FROM migrate_register('x', '', NULL, '{1}');
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate', reorder => true)$$);
SELECT migrate_unregister('x');
-- a revision that is partial
INSERT INTO migrate.partial (version_oid, version_table, statement, last_statement, line, revision, operation, state, body_hash, run, role, role_oid, origin)
VALUES ('migrate.version', 'migrate.version', 1, 1, 1, '1', 'upgrade', 'started', '', gen_random_uuid(), current_user, current_user::regrole, '');
SELECT split_part(pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate', reorder => true)$$), E'\n', 1);
DELETE FROM migrate.partial;
-- one that is not approved
SET migrate.require_approval = on;
UPDATE schema_migrations SET version = '1';
SELECT split_part(pg_temp.attempt($$SELECT * FROM migrate_adopt('dbmate')$$), E'\n', 1);
SELECT count(*) FROM migrate.revision, migrate_show(revision) AS s, migrate_approve(s.revision, s.hash);
SELECT * FROM migrate_adopt('dbmate');
RESET migrate.require_approval;
DROP TABLE schema_migrations;
\o /dev/null
SELECT migrate_stamp('base');
SELECT migrate_unregister(revision) FROM migrate_history();
\o

-- failed and changed, with what the tool advises
SELECT count(*) FROM migrate_register_bundle(pg_temp.files('{V1__a.sql,V2__b.sql,V3__c.sql,V4__d.sql}', 'SELECT 3;'), 'flyway');
CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200), type varchar(20), script varchar(1000), checksum integer, installed_by varchar(100), installed_on timestamp DEFAULT now(), execution_time integer, success boolean);
INSERT INTO flyway_schema_history (installed_rank, version, type, script, checksum, execution_time, success)
VALUES (1, '1', 'SQL', 'V1__a.sql', 914641374, 1, true), (2, '3', 'SQL', 'V3__c.sql', 5, 1, true), (3, '4', 'SQL', 'V4__d.sql', 914641374, 1, false), (4, '8', 'SQL', 'V8__x.sql', 1, 1, true), (5, NULL, 'SQL', 'R__v.sql', 1, 1, false);
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('flyway')$$);
DROP TABLE flyway_schema_history;
-- a changed revision has no file of the tool any more
SELECT count(*) FROM migrate.source;
SELECT count(*) FROM migrate_register('4', 'SELECT 4', NULL, '{3}', message => 'd', replace => true);
SELECT count(*) FROM migrate.source;
SELECT migrate_unregister('4');
SELECT migrate_unregister('3');
SELECT string_agg(revision, ' ') FROM migrate.source;

-- the tool is locked out, until the trigger is dropped
CREATE ROLE regress_migrate_app;
CREATE ROLE regress_migrate_ops;
GRANT EXECUTE ON FUNCTION migrate_adopt, migrate_register TO regress_migrate_ops;
CREATE SCHEMA app AUTHORIZATION regress_migrate_app;
SET ROLE regress_migrate_app;
CREATE TABLE app.schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO app.schema_migrations VALUES (2, false);
RESET ROLE;
SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true);
SELECT result FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true);
SELECT pg_temp.attempt('TRUNCATE app.schema_migrations'), pg_temp.attempt('UPDATE app.schema_migrations SET version = 3');
SELECT pg_temp.attempt('SELECT migrate_locked_out()');
BEGIN;
SELECT pg_temp.attempt('DROP EXTENSION migrate') LIKE '%trigger migrate_lock_out on table app.schema_migrations depends on function migrate_locked_out()%';
ROLLBACK;
-- one that does nothing is not taken for it
ALTER TABLE app.schema_migrations DISABLE TRIGGER migrate_lock_out;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true)$$);
DROP TRIGGER migrate_lock_out ON app.schema_migrations;
CREATE TRIGGER migrate_lock_out BEFORE UPDATE ON app.schema_migrations FOR EACH STATEMENT EXECUTE FUNCTION migrate_locked_out();
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true)$$);
DROP TRIGGER migrate_lock_out ON app.schema_migrations;
UPDATE app.schema_migrations SET version = 2;
-- behind a deploy nothing is left to adopt, but it can still be locked out
BEGIN;
SELECT migrate_register('late', '', '', '{2}');
SELECT migrate_upgrade('late');
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations')$$);
SELECT revision, result FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true);
SELECT version_num FROM migrate.version;
SELECT pg_temp.attempt('UPDATE app.schema_migrations SET version = 3');
ROLLBACK;
-- but not where what the tool lacks was never run here: stamped,
BEGIN;
SELECT migrate_register('late', '', '', '{2}');
SELECT migrate_stamp('head');
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true)$$);
ROLLBACK;
-- adopted, and rolled back by the tool,
BEGIN;
SELECT migrate_register('late', '', '', '{2}');
SELECT migrate_upgrade('late');
UPDATE app.schema_migrations SET version = 1;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true)$$);
ROLLBACK;
-- or stamped behind its downgrade
BEGIN;
SELECT migrate_register('late', '', '', '{2}');
SELECT migrate_upgrade('late'), pg_sleep(0.001);
SELECT migrate_downgrade('2'), pg_sleep(0.001);
SELECT migrate_stamp('late');
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true)$$);
ROLLBACK;

-- rights: on the function, on the schema, on the table
SET ROLE regress_migrate_app;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations')$$);
SET ROLE regress_migrate_ops;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations')$$);
RESET ROLE;
GRANT USAGE ON SCHEMA app TO regress_migrate_ops;
SET ROLE regress_migrate_ops;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations')$$);
RESET ROLE;
GRANT SELECT ON app.schema_migrations TO regress_migrate_ops;
SET ROLE regress_migrate_ops;
SELECT result FROM migrate_adopt('golang-migrate', 'app.schema_migrations');
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations', lock_out => true)$$);
-- code of the owner, which would have the rights of the caller
SET ROLE regress_migrate_app;
CREATE FUNCTION app.spy(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'spy as %', current_user; RETURN $1; END $$;
CREATE INDEX spy ON app.schema_migrations (app.spy(version));
SET ROLE regress_migrate_ops;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations')$$);
RESET ROLE;
DROP INDEX app.spy;
-- and rows that it hides
ALTER TABLE app.schema_migrations ENABLE ROW LEVEL SECURITY;
CREATE POLICY partly ON app.schema_migrations USING (version > 5);
SET ROLE regress_migrate_ops;
SELECT pg_temp.attempt($$SELECT * FROM migrate_adopt('golang-migrate', 'app.schema_migrations')$$);
RESET ROLE;
DROP SCHEMA app CASCADE;
REVOKE EXECUTE ON FUNCTION migrate_adopt, migrate_register FROM regress_migrate_ops;
DROP ROLE regress_migrate_app, regress_migrate_ops;

-- a baseline is the first revision
SELECT pg_temp.attempt($$SELECT migrate_baseline('b1')$$);
\o /dev/null
SELECT migrate_stamp('base');
SELECT migrate_unregister('2');
SELECT migrate_unregister('1');
\o
INSERT INTO migrate.version VALUES ('gone');
SELECT pg_temp.attempt($$SELECT migrate_baseline('b1')$$);
DELETE FROM migrate.version;
SELECT pg_temp.attempt($$SELECT migrate_baseline(NULL)$$), pg_temp.attempt($$SELECT migrate_baseline('b1', body => NULL)$$);
SELECT pg_temp.attempt($$SELECT migrate_baseline('b1', body => E'SELECT 1;\n\\connect x\n')$$);
SELECT migrate_baseline('b1', 'What was there', E'\\restrict abc\nSET lock_timeout = 0;\nSELECT pg_catalog.set_config(''search_path'', '''', false);\nCREATE TABLE public.was_there (i int, t text);\nCOPY public.was_there (i, t) FROM stdin;\n1\tx\\\\y\n\\.\n\\unrestrict abc\n');
SELECT revision, state, kind, message FROM migrate_history();
SELECT upgrade, downgrade FROM migrate.revision;
SELECT pg_temp.attempt($$SELECT migrate_baseline('b1')$$);
-- elsewhere it is run
SELECT migrate_stamp('base');
SELECT count(*) FROM migrate_register('b2', 'CREATE TABLE later (i int)', 'DROP TABLE later', '{b1}');
SELECT migrate_upgrade();
SELECT * FROM public.was_there;
SELECT to_regclass('public.later');
DROP TABLE was_there, later;
\a
\t off
\i sql/include/reset.sql
