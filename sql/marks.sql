-- marks: comments that are almost lines of the file format, or another tool's
\i sql/include/start.sql
\pset format unaligned
\pset tuples_only on
-- what a registration of it says; nothing that is accepted stays
CREATE FUNCTION pg_temp.accepts(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := pg_temp.attempt(statement);
BEGIN
	IF result = 'ok' THEN
		PERFORM migrate_unregister('m');
	END IF;
	RETURN result;
END $$;
CREATE FUNCTION pg_temp.script(script text) RETURNS text LANGUAGE sql
AS 'SELECT pg_temp.accepts(format(''SELECT migrate_register_script(%L)'', script))';
CREATE FUNCTION pg_temp.body(upgrade text, downgrade text DEFAULT NULL) RETURNS text LANGUAGE sql
AS 'SELECT pg_temp.accepts(format(''SELECT migrate_register(%L, %L, %L)'', ''m'', upgrade, downgrade))';

-- a section line that is none, behind an upgrade: in a script and in a body
CREATE TEMP TABLE sections AS SELECT * FROM unnest(ARRAY[
	'-- migrate:dwon', '-- migrate:dow', '-- migrate:rollback', '-- migrate:verfy', '-- Migrate:Verify', '-- migrate:', '-- migrate:down;',
	'-- Migrate:Down', '-- MIGRATE:DOWN', '-- migrate:Down', '-- migrate: Down', '-- Migrate : down', '-- migrate::down',
	'-- migrate down', '--migrate down', '-- migrate dwon', '-- migrate-down', '-- migrate_down', '-- migrate=down', '-- migrateDown',
	'-- migrat:down', '-- migraet:down', '-- migration:down', '-- migrations: down', '-- Migration Down', '-- migration down:',
	'--- migrate:down', '---- migrate:down', '-- -- migrate:down', '-- @migrate:down', '-- [migrate:down]', '-- === migrate:down ===',
	U&'--\00a0migrate:down', U&'-- migrate\00a0:\00a0down', U&'-- migrate\FF1Adown', U&'-- \200Bmigrate:down',
	'-- +goose Down', '--+goose down', '-- +goose StatementBegin', '-- +goose NO TRANSACTION', '-- goose Down',
	'-- +migrate Down', '-- +migrate Down notransaction', '-- +micrate Down', '-- +other Down', '-- +down',
	'--rollback', '--rollback DROP TABLE t;', '-- rollback DROP TABLE t;', '--ROLLBACK not required', '--changeset me:1', '-- changeset me:1', '--liquibase formatted sql',
	'-- Down Migration', '-- Down Migation', '-- down migration of the table', '---- create above / drop below ----', '-- //@UNDO', '-- @UNDO', '-- !Downs',
	'-- ==== DOWN ====', '-- down', '-- Down:', '-- down: drop it', '-- DOWN SCRIPT', '-- Downgrade', '-- rollback', '-- Rollback:', '-- revert', '-- undo', '-- dwon', '-- dwn', '-- Dwn Migration',
	'-- Down (rollback)', '-- SQL Down', '-- section: down', '-- direction: down', '-- begin down', '-- def downgrade():', '-- sql_down', '-- DownMigration', '-- migrationDown', '-- rollback statements', '--rollback: DROP TABLE t',
	'-- alembic downgrade', '-- flyway:undo', '/* migrate:down */', '/*migrate:dwon*/', '	/* +goose Down */ ', '/* Down */', '/** ROLLBACK **/',
	'-- Running downgrade b -> a', '-- Revert app:users from pg', '-- no-transaction', '--! no-transaction',
	'-- migation:down', U&'-- migrate \2013 down', '-- +goosedown', '-- +sql-migrate Down', '-- 0002_x.down.sql', '-- sql/0002-down.sql',
	E'/*\n * DOWN\n */', E'/* ======\n   Rollback\n   ====== */', E'/*\n+goose Down\n*/', E'/* migrate:dwon\n*/']) AS line;
SELECT line, split_part(pg_temp.script(E'-- revision: m\n-- migrate:up\nSELECT 1;\n' || line || E'\nSELECT 2;'), E'\n', 1)
  FROM sections;
SELECT line FROM sections
 WHERE pg_temp.body(E'SELECT 1;\n' || line || E'\nSELECT 2;') NOT LIKE '22023: comment "%';
-- without a semicolon before it only what nothing else looks like
SELECT line FROM sections
 WHERE pg_temp.body(E'SELECT ARRAY[1,\n' || line || E'\n2];') = 'ok';
-- in a downgrade what begins the upgrade
SELECT line FROM unnest(ARRAY['-- migrate:up', '-- migrate:pu', '-- Migrate:Up', '-- migrate up', '-- +goose Up', '-- up', '-- Up Migration', '-- ==== UP ====', '-- !Ups', '-- Upgrade']) AS line
 WHERE pg_temp.body('', E'SELECT 1;\n' || line || E'\nSELECT 2;') NOT LIKE '22023: comment "%';

-- what is said, and where
\pset tuples_only off
SELECT migrate_register_script(E'-- revision: m\n-- migrate:up\nCREATE TABLE t (i int);\n\n-- migrate:dwon\nDROP TABLE t;');
SELECT migrate_register_script(E'-- revision: m\n-- migrate:down\nDROP TABLE t;\n-- Migrate:Up\nCREATE TABLE t (i int);');
SELECT migrate_register_script(E'-- revision: m\n-- migrate:up\n-- +goose StatementBegin\nSELECT 1;');
SELECT migrate_register('m', E'CREATE TABLE t (i int);\n-- +goose Down\nDROP TABLE t;');
SELECT migrate_register('m', '', E'SELECT 1;\n-- migrate:up');
SELECT migrate_register('m', E'-- revision: m\n-- down_revision: z0\nSELECT 1');
SELECT migrate_register_script(E'-- revision: m\n-- migrate:up\nSELECT 1;\n-- Revision: m2\n-- migrate:up\nSELECT 2');
SELECT migrate_register_script(E'-- revision: m\n-- migrate:up\n-- down_revision: z0\nSELECT 1');
SELECT migrate_register_script(E'-- revision: m\n-- migrate:up\nSELECT 1;-- migrate:down\nSELECT 2');
SELECT migrate_register('m', E'SELECT 1;\n/* 2 */ -- migrate:down\nSELECT 2');
SELECT line, pg_temp.script(E'-- revision: m\n-- migrate:up\nSELECT 1; ' || line || E'\nSELECT 2;\n'), pg_temp.body(E'SELECT 1;\t' || line || E'\nSELECT 2;\n') FROM unnest(ARRAY[
	'-- migrate:down', '--migrate:up', '/* x */ -- migrate:verify', '-- migrate:down transaction:false', '-- migrate:down $body$', '-- migrate:down drops it', '-- revision: m2']) AS line;
SELECT migrate_register_script(E'-- revision: m\n-- ' || repeat('migrate:', 100));
\pset tuples_only on

-- a key that is almost one, in a header
SELECT line, pg_temp.script(E'-- revision: m\n' || line || E'\n-- migrate:up\nSELECT 1;') FROM unnest(ARRAY[
	'-- down_revision z0', '-- down_revision = z0', '-- down_revision=z0', '-- Down_Revision: z0', '-- down revision: z0', '-- down-revision: z0', '-- downrevision: z0',
	'-- down_revison: z0', '-- dwon_revision: z0', '-- down_revisions: z0', '-- down revision z0', U&'-- down_revision\FF1A z0', '--- down_revision: z0',
	'-- parent: z0', '-- Parents: z0, z1', '-- parent = z0', '-- parent_revision: z0', '-- Revises: z0', '-- previous: z0',
	'-- depends_on z0', '-- depend_on: z0', '-- depends: z0', '-- requires: z0', '-- depends_on = z0', '-- branch_label: x', '-- Branch Labels: x', '-- labels: x',
	'-- Message: x', '-- mesage: x', '-- message = x', '-- set lock_timeout = 5s', '-- SET: lock_timeout = 5s', '-- Revision ID: m2', '-- revison: m2', '-- revision = m2', '-- revision m2',
	'-- down_rev: z0', '-- down-rev = z0', '-- prev_revision: z0', '-- previous_id: z0', '-- predecessor: z0', '-- prior: z0', '-- base: z0', '-- based on: z0', '-- follows: z0', '-- from_revision: z0', '-- down_version: z0', '-- down_revision',
	'-- needs: z0', '-- prerequisite: z0', '-- branches: x', '-- settings: lock_timeout = 5s', '-- allows: truncate (a cache)', '-- transaction: false', '-- transactional = false', '/* down_revision: z0 */', '/* parent = z0 */']) AS line;
-- and in a body, where it would be a comment
SELECT line, pg_temp.script(E'-- revision: m\n-- migrate:up\n' || line || E'\nSELECT 1;') FROM unnest(ARRAY[
	'-- depends_on: z0', '-- message: x', '-- set: lock_timeout = 5s', '-- Branch_Labels: x', '-- Revision: m2', '-- revision m2', '-- revison: m2']) AS line;
-- a short one, too: with a colon, or what only it has behind it
SELECT line, split_part(pg_temp.script(E'-- revision: m\n' || line || E'\n-- migrate:up\nSELECT 1;'), E'\n', 1) FROM unnest(ARRAY[
	'-- alow: truncate (a cache)', '-- allwo: truncate (a cache)', '-- Allows: truncate (a cache)', '-- allowed: truncate (a cache)', '-- waive = truncate (a cache)', '-- allow truncate (a cache)', '-- allow drop-column', '-- allow Drop-Column (a cache)', '-- allow drop_column', '-- allow "drop-column" (a cache)', '/* alow: truncate (a cache) */',
	'-- ste: lock_timeout = 5s', '-- sett lock_timeout = 5s', '-- setting: lock_timeout = 5s', '-- exernal: load the file', '-- replces: z0', '-- repeteable: v']) AS line;
SELECT line FROM unnest(ARRAY[
	'-- also: the index', '-- all: new', '-- alloy (metal) of the ring', '-- allows users to log in (soon)', '-- allow users to log in', '-- allow users to drop-column', '-- allow users (all) to log in', '-- allow truncate of the cache', '-- allow truncated-names in it', '-- see t: x', '-- set t: x', '-- follow: no rows', '-- waives the fee (see 4711)',
	'-- see: https://host/?a=b', '-- est: 5 days', '-- let: x = 5', '-- sat: not sun', '-- decision: we keep the column', '-- internal: billing', '-- places: the shops', '-- author: me', '-- ticket: 4711']) AS line
 WHERE pg_temp.script(E'-- revision: m\n' || line || E'\n-- migrate:up\nSELECT 1;') <> 'ok';
-- in front of a downgrade the key of an external step may be
SELECT pg_temp.script(E'-- revision: m\n-- migrate:up\n-- migrate:down\n-- exernal: load the file\n');
-- before the first revision
SELECT pg_temp.script(E'-- Revision: m\n-- revision: m2');
SELECT pg_temp.script(E'-- +goose Up\nCREATE TABLE t (i int);');

-- what is a remark stays one
CREATE TEMP TABLE remarks AS SELECT * FROM unnest(ARRAY[
	'-- migrate the users to accounts', '-- migrate: the users to accounts', '-- migration of the users', '-- Migrations are fun', '-- migrate users down the line', '-- migration: down with the old table',
	'-- down the road this column goes', '-- up to date', '-- up-to-date', '-- upgrade the settings', '-- upgrades', '-- Upgrade', '-- Up', '-- ups and downs', '-- town', '-- own', '-- rollback is not possible', '-- rollback plan: none', '-- Rollback: DROP TABLE t by hand',
	'-- revert this when the old client is gone', '-- undo of 4711', '-- reverse lookup', '-- + a column for the mood', '-- + down payment of the customer', '-- goose bumps', '-- running totals -> report', '-- Deploy app:users to pg',
	'-- revision of the text', '-- revisions are kept', '-- division: north', '-- precision: 2', '-- sort: reverse', '-- step down from the old type', '/* the table goes down */', '/* up\nand down */', '-- transaction: one', '-- version: 3', '-- the parent: z0', '-- parent: of the row', '-- depends on billing', '-- set the default', '-- set: a = b', '-- message to the user', '-- message: shown to the user', '-- label: text', '-- no transaction is needed', '-- down revision none',
	'-- name: get_user :one', '-- squawk-ignore-next-statement', '-- sqlfluff:off', '-- ---------', '--', '-- :', '-- =====', U&'-- \0434\043E\043B\043E\0439: \0432\043D\0438\0437', U&'-- up\00fcbung',
	'-- see 0002_x.down.sql', '-- 0002_x.up.sql', '-- mitigation: down by half', U&'-- up \2013 and down', E'/*\n * down\n * the road\n */', '-- +signup']) AS line;
SELECT line, pg_temp.body(E'SELECT 1;\n' || line || E'\nSELECT 2;') FROM remarks
 WHERE pg_temp.body(E'SELECT 1;\n' || line || E'\nSELECT 2;') <> 'ok';
SELECT line, pg_temp.script(E'-- revision: m\n-- migrate:up\nSELECT 1;\n' || line || E'\nSELECT 2;') FROM remarks
 WHERE pg_temp.script(E'-- revision: m\n-- migrate:up\nSELECT 1;\n' || line || E'\nSELECT 2;') <> 'ok';
-- in literals, functions and block comments, behind a statement, as the name of a column group
SELECT text, pg_temp.body(text), pg_temp.body('', text) FROM unnest(ARRAY[
	E'SELECT ''\n-- migrate:down\n-- revision: x\n''', E'SELECT $$\n-- +goose Down\n$$', E'/*\n-- migrate:dwon\n--rollback\n*/', E'SELECT "\n-- Migrate:Down\n" FROM (SELECT 1) AS x ("\n-- Migrate:Down\n")',
	E'SELECT 1; /* migrate:down */', E'/* migrate:down */ SELECT 1', E'/* migrate:down\n*/ SELECT 1',
	E'CREATE TABLE v (\n-- up\n\tup int,\n-- down\n\tdown int\n)', E'SELECT 1; -- down', E'SELECT 1; -- migrated down', E'SELECT 1 -- rollback\n;']) AS text;
-- a heading of the section itself
SELECT pg_temp.body(E'-- Up\nSELECT 1', E'-- Down\nSELECT 1'), pg_temp.body(E'-- Deploy app to pg\nSELECT 1', E'-- Revert app from pg\nSELECT 1');
-- a down revision that is no argument
SELECT line FROM unnest(ARRAY['-- down_revision: z0', '-- down_revision z0', '-- down_revision = z0', '-- Down_Revision: z0', '-- down revision: z0', '-- Down-Revision = z0']) AS line
 WHERE pg_temp.body(line || E'\nSELECT 1') NOT LIKE '22023: comment "%';
-- arguments may be repeated in words of their own
SELECT pg_temp.body(E'-- Message: says something\n-- Depends on: billing\n-- Revision: 2\nSELECT 1');
\pset tuples_only off
\pset format aligned
\i sql/include/reset.sql
