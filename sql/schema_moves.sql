-- schema_moves: schemas that are renamed, dropped or made anew while a revision is
-- partial, or between two of its segments
\i sql/include/start.sql
CREATE TABLE gate (a int);
CREATE TABLE x (a int);

-- a tenant that is renamed: what is left is run in it, also where another schema has
-- its name now, in which somebody waits for the runner
SELECT migrate_register('r1', $$
  CREATE TABLE IF NOT EXISTS x (a int);
  INSERT INTO x VALUES (1);
  VACUUM x;
  SELECT 1 / count(*) FROM public.gate;
  INSERT INTO x VALUES (2);
  VACUUM x;
  INSERT INTO x VALUES (3)$$, 'DROP TABLE x');
CREATE SCHEMA t1;
\set VERBOSITY terse
CALL migrate_deploy(schemas => '{t1}');
ALTER SCHEMA t1 RENAME TO "T 2";
CREATE SCHEMA t1;
CREATE TABLE t1.x (a int);
INSERT INTO gate VALUES (1);
CALL migrate_deploy(schemas => '{"T 2"}');
SELECT tableoid::regclass, a FROM "T 2".x UNION ALL SELECT tableoid::regclass, a FROM t1.x UNION ALL SELECT tableoid::regclass, a FROM x ORDER BY 1, 2;
DROP SCHEMA t1, "T 2" CASCADE;
TRUNCATE gate;

-- the same where the first statement is the one whose outcome is not known
SELECT migrate_register('r1', $$
  CREATE UNIQUE INDEX CONCURRENTLY xi ON x (a);
  INSERT INTO x VALUES (5)$$, 'DROP INDEX xi', replace => true);
CREATE SCHEMA t1;
CREATE TABLE t1.x (a int);
INSERT INTO t1.x VALUES (4), (4);
CALL migrate_deploy(schemas => '{t1}');
ALTER SCHEMA t1 RENAME TO t2;
DELETE FROM t2.x WHERE ctid = '(0,1)';
CALL migrate_deploy(schemas => '{t2}');
SELECT tableoid::regclass, a FROM t2.x ORDER BY 1, 2;
SELECT indrelid::regclass FROM pg_index WHERE indexrelid IN (to_regclass('t2.xi'), to_regclass('public.xi'));
DROP SCHEMA t2 CASCADE;
\set VERBOSITY default

-- what is known of such a statement by a name is not known where the schema has
-- another one
SELECT migrate_register('r1', $$
  CREATE INDEX CONCURRENTLY xi ON x (a);
  SELECT 1 / count(*) FROM public.gate$$, 'DROP INDEX CONCURRENTLY xi', replace => true);
CREATE FUNCTION interrupted() RETURNS SETOF text[] LANGUAGE sql AS $$
  UPDATE migrate.partial SET state = 'started', finished = NULL RETURNING object[:3] $$;
TRUNCATE gate;
CREATE SCHEMA t1;
CREATE TABLE t1.x (a int);
\set VERBOSITY terse
CALL migrate_deploy(schemas => '{t1}');
SELECT interrupted();
ALTER SCHEMA t1 RENAME TO t2;
CREATE SCHEMA t1;
CREATE TABLE t1.x (a int);
CREATE INDEX xi ON t1.x (a);
INSERT INTO gate VALUES (1);
CALL migrate_deploy(schemas => '{t2}');
SET search_path = t2, public;
SET migrate.version_table = 't2.migrate_version';
SELECT migrate_resolve('r1', 'skip');
CALL migrate_deploy();
RESET search_path;
RESET migrate.version_table;
DROP SCHEMA t1 CASCADE;
DROP SCHEMA t2 CASCADE;
TRUNCATE gate;
DROP FUNCTION interrupted;
\set VERBOSITY default

-- to a name that had another one, dropped while it was partial, too
SELECT migrate_register('r1', $$
  CREATE TABLE y (a int);
  VACUUM y;
  SELECT 1 / count(*) FROM public.gate$$, 'DROP TABLE y', replace => true);
CREATE SCHEMA t1;
CREATE SCHEMA t2;
\set VERBOSITY terse
CALL migrate_deploy(schemas => '{t1,t2}');
DROP SCHEMA t2 CASCADE;
ALTER SCHEMA t1 RENAME TO t2;
INSERT INTO gate VALUES (1);
CALL migrate_deploy(schemas => '{t2}');
SELECT count(*) FROM migrate.partial;
SELECT schema, state FROM migrate.tenants;
DROP SCHEMA t2 CASCADE;
TRUNCATE gate;

-- the name stands for another schema now: what the hint says resumes the revision where
-- it is, and those after it run there, too
SELECT migrate_register('r2', 'CREATE TABLE y2 (a int)', 'DROP TABLE y2', '{r1}');
CREATE SCHEMA t1;
CALL migrate_deploy(schemas => '{t1}');
ALTER SCHEMA t1 RENAME TO t9;
CREATE SCHEMA t1;
INSERT INTO gate VALUES (1);
\set VERBOSITY default
CALL migrate_deploy(schemas => '{t1}');
SELECT migrate_submit(schemas => '{t1}') AS job \gset
CALL migrate_wait(:job);
-- a version table that has another name is that of the session, not of a tenant
ALTER TABLE t9.migrate_version RENAME TO moved;
SET migrate.version_table = 't1.migrate_version';
CALL migrate_deploy();
RESET migrate.version_table;
ALTER TABLE t9.moved RENAME TO migrate_version;
\set VERBOSITY terse
CALL migrate_deploy('r1', schemas => '{t9}');
CALL migrate_deploy(schemas => '{t9}');
CALL migrate_deploy(schemas => '{t1}');
SELECT c.oid::regclass FROM pg_class AS c WHERE c.relname IN ('y', 'y2') ORDER BY c.relnamespace::regnamespace::text COLLATE "C", c.relname;
DROP SCHEMA t1, t9 CASCADE;
TRUNCATE gate;

-- renamed or dropped while its revisions run: the hints have its present name, or none
SELECT migrate_register('r3', 'ALTER SCHEMA t1 RENAME TO t8; VACUUM pg_catalog.pg_am; SELECT 1', '', '{r2}');
SELECT migrate_register('r4', 'DROP SCHEMA t8 CASCADE; VACUUM pg_catalog.pg_am; SELECT 1', '', '{r3}');
INSERT INTO gate VALUES (1);
CREATE SCHEMA t1;
\set VERBOSITY default
CALL migrate_deploy(schemas => '{t1}');
CALL migrate_deploy('r3', schemas => '{t8}');
CREATE SCHEMA t7;
CALL migrate_deploy(schemas => '{t8,t7}', stop_on_error => true);
CALL migrate_deploy('r1', schemas => '{t8}');
SELECT migrate_resolve('r4', 'abandon');
SELECT migrate_unregister('r4'), migrate_unregister('r3'), migrate_unregister('r2');
\set VERBOSITY terse
DROP SCHEMA t7 CASCADE;
TRUNCATE gate;

-- dropped and made anew: another one, to which nothing was done
CREATE SCHEMA t1;
CALL migrate_deploy(schemas => '{t1}');
DROP SCHEMA t1 CASCADE;
CREATE SCHEMA t1;
INSERT INTO gate VALUES (1);
\set VERBOSITY default
CALL migrate_deploy(schemas => '{t1}');
SET search_path = t1, public;
SET migrate.version_table = 't1.migrate_version';
SELECT migrate_resolve('r1', 'retry');
CALL migrate_deploy();
SELECT to_regclass('t1.y');
SELECT migrate_stamp('base');
RESET search_path;
RESET migrate.version_table;
DROP SCHEMA t1 CASCADE;

-- with revisions before the partial one
SELECT migrate_register('r0', 'CREATE TABLE z (a int)', 'DROP TABLE z');
SELECT migrate_register('r1', $$
  CREATE TABLE y (a int);
  VACUUM y;
  SELECT 1 / count(*) FROM public.gate$$, 'DROP TABLE y', '{r0}', replace => true);
TRUNCATE gate;
CREATE SCHEMA t1;
\set VERBOSITY terse
CALL migrate_deploy(schemas => '{t1}');
DROP SCHEMA t1 CASCADE;
CREATE SCHEMA t1;
INSERT INTO gate VALUES (1);
\set VERBOSITY default
CALL migrate_deploy(schemas => '{t1}');
SET search_path = t1, public;
SET migrate.version_table = 't1.migrate_version';
SELECT migrate_resolve('r1', 'abandon');
RESET search_path;
RESET migrate.version_table;
CALL migrate_deploy(schemas => '{t1}');
SELECT to_regclass('t1.y'), to_regclass('t1.z');
DROP SCHEMA t1 CASCADE;
TRUNCATE gate;

-- dropped for good: abandoned by whoever has begun it
CREATE ROLE regress_mover;
GRANT USAGE ON SCHEMA migrate TO regress_mover;
GRANT SELECT ON migrate.version TO regress_mover;
GRANT EXECUTE ON FUNCTION migrate_resolve TO regress_mover;
CREATE SCHEMA t1;
\set VERBOSITY terse
CALL migrate_deploy(schemas => '{t1}');
DROP SCHEMA t1 CASCADE;
\set VERBOSITY default
SELECT migrate_register('r1', 'SELECT 1', '', '{r0}', replace => true);
SELECT migrate_resolve('r1', 'finish');
SET ROLE regress_mover;
SELECT migrate_resolve('r1', 'abandon');
RESET ROLE;
SELECT migrate_resolve('r1', 'abandon');
SELECT migrate_register('r1', 'SELECT 1', '', '{r0}', replace => true);
DROP OWNED BY regress_mover;
DROP ROLE regress_mover;

-- what has run in the schema that is gone, or was done by hand for it, is not done
SELECT count(*) FROM migrate_register_script(E'-- repeatable: v\n-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT 1 AS a');
SELECT migrate_register('r2', '', '', '{r1}', external => 'run backfill.py');
CREATE SCHEMA t1;
CALL migrate_deploy(schemas => '{t1}');
SET search_path = t1, public;
SET migrate.version_table = 't1.migrate_version';
SELECT migrate_confirm('r2');
CALL migrate_deploy();
SELECT to_regclass('t1.v');
RESET search_path;
RESET migrate.version_table;
DROP SCHEMA t1 CASCADE;
CREATE SCHEMA t1;
CALL migrate_deploy(schemas => '{t1}');
SELECT to_regclass('t1.v');
SELECT schema, revision, pending FROM migrate.tenants;
-- also where nothing has run since
SET migrate.version_table = 't1.migrate_version';
SELECT migrate_confirm('r2');
RESET migrate.version_table;
DROP SCHEMA t1 CASCADE;
CREATE SCHEMA t1;
CALL migrate_deploy(schemas => '{t1}');
SELECT schema, revision, pending FROM migrate.tenants;
DROP SCHEMA t1 CASCADE;
SELECT migrate_unregister('r2');
SELECT migrate_unregister('r1');
SELECT migrate_unregister('r0');
DELETE FROM migrate.repeatable;

-- another schema of the search_path than that of the version table
CREATE SCHEMA app;
CREATE TABLE app.x (a int);
SELECT migrate_register('s1', $$
  INSERT INTO x VALUES (1);
  VACUUM x;
  SELECT 1 / count(*) FROM public.gate;
  INSERT INTO x VALUES (2);
  VACUUM x;
  INSERT INTO x VALUES (3)$$, '');
SET search_path = "$user", app, public;
\set VERBOSITY terse
CALL migrate_deploy();
\set VERBOSITY default
SELECT path_schemas::regnamespace[] FROM migrate.partial ORDER BY statement DESC LIMIT 1;
ALTER SCHEMA app RENAME TO app2;
CREATE SCHEMA app;
CREATE TABLE app.x (a int);
INSERT INTO gate VALUES (1);
CALL migrate_deploy();
SELECT tableoid::regclass, a FROM app.x UNION ALL SELECT tableoid::regclass, a FROM app2.x ORDER BY 1, 2;
RESET search_path;
DROP SCHEMA app, app2 CASCADE;
SELECT migrate_stamp('base');
-- and one that the body itself has renamed, made, or dropped
CREATE SCHEMA app;
SELECT migrate_register('s1', $$
  SET search_path = app, later, public;
  ALTER SCHEMA app RENAME TO app2;
  CREATE TABLE public.made (a int);
  VACUUM made;
  CREATE SCHEMA later;
  CREATE TABLE made (a int);
  VACUUM made;
  INSERT INTO made VALUES (1)$$, 'DROP SCHEMA app2, later CASCADE; DROP TABLE public.made', replace => true);
\set VERBOSITY terse
CALL migrate_deploy();
SELECT tableoid::regclass, a FROM later.made;
CALL migrate_revert('base');
\set VERBOSITY default

-- what the body itself does to schemas between two uses of its path counts, whatever
-- says it: as in psql the names are those of the schemas that have them then
CREATE ROLE regress_owner;
CREATE FUNCTION swap() RETURNS void LANGUAGE sql AS
  'ALTER SCHEMA app RENAME TO app2; ALTER SCHEMA next RENAME TO app';
CREATE FUNCTION moves(change text) RETURNS SETOF text LANGUAGE sql AS $$
  DELETE FROM migrate.revision;
  DELETE FROM migrate.version;
  DROP SCHEMA IF EXISTS app, app2, next CASCADE;
  CREATE SCHEMA app AUTHORIZATION regress_owner;
  CREATE SCHEMA next;
  CREATE TABLE app.x (a int);
  CREATE TABLE next.x (a int);
  TRUNCATE public.x;
  SELECT migrate_register('s1', format(
    'SET search_path = app, public; INSERT INTO x VALUES (1); VACUUM public.gate; %s; VACUUM public.gate; INSERT INTO x VALUES (2)', change), '') $$;
\set VERBOSITY terse
SELECT moves('SELECT swap()');
CALL migrate_deploy();
SELECT a FROM app.x;
SELECT moves('DROP SCHEMA app CASCADE; CREATE SCHEMA app; CREATE TABLE app.x (a int)');
CALL migrate_deploy();
SELECT a FROM app.x;
SELECT moves('DROP OWNED BY regress_owner CASCADE');
CALL migrate_deploy();
SELECT a FROM public.x;
SELECT moves('ALTER EXTENSION plpgsql ADD SCHEMA app; DROP EXTENSION plpgsql CASCADE');
CALL migrate_deploy();
SELECT a FROM public.x;
CREATE EXTENSION plpgsql;
DROP FUNCTION swap, moves;
DROP SCHEMA next CASCADE;
TRUNCATE x;
DROP ROLE regress_owner;
SELECT migrate_stamp('base');
DELETE FROM migrate.revision;
\set VERBOSITY default

-- "$user" follows the role that the body has set, and no one else's schema is taken
-- for it
SELECT current_user AS me \gset
CREATE ROLE regress_runner SUPERUSER LOGIN;
CREATE ROLE regress_other SUPERUSER;
CREATE SCHEMA regress_runner;
CREATE SCHEMA regress_other;
CREATE TABLE regress_runner.x (a int);
CREATE TABLE regress_other.x (a int);
TRUNCATE gate;
SELECT migrate_register('s1', $$
  INSERT INTO x VALUES (1);
  VACUUM x;
  SET ROLE regress_other;
  VACUUM x;
  INSERT INTO x VALUES (2);
  VACUUM x;
  DO 'BEGIN RESET ROLE; END';
  VACUUM x;
  INSERT INTO x VALUES (3);
  SELECT 1 / count(*) FROM public.gate$$, '', transactional => false, replace => true);
\c - regress_runner
\set VERBOSITY terse
CALL migrate_deploy();
\c - :me
SELECT tableoid::regclass, a FROM regress_runner.x UNION ALL SELECT tableoid::regclass, a FROM regress_other.x ORDER BY 2;
SELECT path_schemas::regnamespace[] FROM migrate.partial ORDER BY statement DESC LIMIT 1;
-- its schema renamed to what a path cannot name; then otherwise, with another one in its
-- place
ALTER SCHEMA regress_runner RENAME TO "$user";
\c - regress_runner
CALL migrate_deploy();
\c - :me
ALTER SCHEMA "$user" RENAME TO moved;
CREATE SCHEMA regress_runner;
INSERT INTO gate VALUES (1);
\c - regress_runner
CALL migrate_deploy();
SELECT migrate_stamp('base');
\c - :me
\set VERBOSITY default
DROP SCHEMA regress_runner, regress_other, moved CASCADE;
DROP OWNED BY regress_runner, regress_other;
DROP ROLE regress_runner, regress_other;

-- retry gives up the schemas that are gone, and no other one; a name that stood for
-- none may stand for one now
TRUNCATE gate;
SELECT migrate_register('s1', $$
  INSERT INTO x VALUES (1);
  VACUUM x;
  SELECT 1 / count(*) FROM public.gate;
  INSERT INTO x VALUES (2)$$, '', replace => true);
CREATE SCHEMA aside;
CREATE SCHEMA t1;
CREATE TABLE t1.x (a int);
SET search_path = later, aside, public;
\set VERBOSITY terse
CALL migrate_deploy(schemas => '{t1}');
DROP SCHEMA aside;
CREATE SCHEMA later;
CREATE SCHEMA aside;
ALTER SCHEMA t1 RENAME TO t2;
INSERT INTO gate VALUES (1);
CALL migrate_deploy(schemas => '{t2}');
SET search_path = t2, public;
SET migrate.version_table = 't2.migrate_version';
SELECT migrate_resolve('s1', 'retry');
CALL migrate_deploy();
SELECT tableoid::regclass, a FROM t2.x UNION ALL SELECT tableoid::regclass, a FROM public.x ORDER BY 2;
SELECT migrate_stamp('base');
RESET search_path;
RESET migrate.version_table;
DROP SCHEMA t2, later, aside CASCADE;

-- in a copy of the database the OIDs are others: what has a name of then is the one
TRUNCATE gate;
CREATE SCHEMA t1;
CREATE TABLE t1.x (a int);
CALL migrate_deploy(schemas => '{t1}');
UPDATE migrate.partial SET origin = 'elsewhere', path_schemas = '{1,0,1}';
INSERT INTO gate VALUES (1);
ALTER SCHEMA t1 RENAME TO t2;
\set VERBOSITY default
CALL migrate_deploy(schemas => '{t2}');
ALTER SCHEMA t2 RENAME TO t1;
CALL migrate_deploy(schemas => '{t1}');
SELECT tableoid::regclass, a FROM t1.x;
DROP SCHEMA t1 CASCADE;

-- the batches of a revision that is abandoned with its schema
CREATE TABLE many (a int PRIMARY KEY, b int DEFAULT 0);
INSERT INTO many SELECT generate_series(1, 9);
TRUNCATE gate;
INSERT INTO gate VALUES (0);
SELECT migrate_register('s1', $$
  CALL migrate_batch('public.many', 'UPDATE public.many SET b = b + 1 / (CASE WHEN a > 6 THEN (SELECT sum(a) FROM public.gate) ELSE 1 END)::int WHERE a BETWEEN $1 AND $2', batch_size => 3)$$,
  '', replace => true);
CREATE SCHEMA t1;
\set VERBOSITY terse
CALL migrate_deploy(schemas => '{t1}');
SELECT count(*) FROM migrate.batch;
DROP SCHEMA t1 CASCADE;
SELECT migrate_resolve('s1', 'abandon');
SELECT count(*) FROM migrate.batch;
UPDATE gate SET a = 1;
UPDATE many SET b = 0;
CREATE SCHEMA t1;
CALL migrate_deploy(schemas => '{t1}');
SELECT b, count(*) FROM many GROUP BY b;
DROP SCHEMA t1 CASCADE;

-- and those of one that is gone, whose name another one has got
UPDATE gate SET a = 0;
UPDATE many SET b = 0;
CREATE SCHEMA t1;
CREATE SCHEMA t2;
CALL migrate_deploy(schemas => '{t1,t2}');
SELECT version_table, statement, last_key FROM migrate.batch ORDER BY version_table;
DROP SCHEMA t2 CASCADE;
ALTER SCHEMA t1 RENAME TO t2;
UPDATE gate SET a = 1;
CALL migrate_deploy(schemas => '{t2}');
SELECT b, count(*) FROM many GROUP BY b ORDER BY b;
SELECT count(*) FROM migrate.batch;
DROP SCHEMA t2 CASCADE;

-- a role that was set for a transaction that has ended is not that of $user
CREATE ROLE regress_local;
CREATE SCHEMA regress_local AUTHORIZATION regress_local;
CREATE FUNCTION which() RETURNS text LANGUAGE sql AS 'SELECT ''public''::text';
CREATE FUNCTION regress_local.which() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
CREATE TABLE told (a text, path text);
SELECT migrate_register('l1', $$
  BEGIN;
  SET LOCAL ROLE regress_local;
  SELECT 1;
  COMMIT;
  INSERT INTO public.told VALUES (which(), current_setting('search_path'));
  DO 'BEGIN SET LOCAL ROLE regress_local; END';
  INSERT INTO public.told VALUES (which(), current_setting('search_path'))$$, '', '{s1}', transactional => false);
SELECT migrate_stamp('s1');
CALL migrate_deploy('l1');
SELECT * FROM told;
SELECT migrate_stamp('base');
DROP SCHEMA regress_local CASCADE;
DROP ROLE regress_local;
DROP FUNCTION which;
DROP TABLE told;

-- the settings of a batch that is the last statement, also where its schema is renamed
CREATE SCHEMA app;
CREATE TABLE app.x (a int);
TRUNCATE x;
UPDATE gate SET a = 0;
SELECT migrate_register('l1', $$
  SET search_path = app, public;
  SET migrate_test.a = 'b';
  CALL migrate_batch('public.many', 'INSERT INTO x SELECT a / (CASE WHEN a > 3 THEN (SELECT sum(a) FROM public.gate) ELSE 1 END)::int FROM public.many WHERE a BETWEEN $1 AND $2', batch_size => 3)$$,
  '', '{s1}', replace => true);
SELECT migrate_stamp('s1');
CALL migrate_deploy('l1');
SELECT settings @> '{"search_path=app, public",migrate_test.a=b}' AS noted, path_schemas::regnamespace[] FROM migrate.partial;
ALTER SCHEMA app RENAME TO app2;
CREATE SCHEMA app;
CREATE TABLE app.x (a int);
UPDATE gate SET a = 1;
CALL migrate_deploy('l1');
SELECT tableoid::regclass, count(*) FROM (SELECT tableoid FROM app.x UNION ALL SELECT tableoid FROM app2.x UNION ALL SELECT tableoid FROM x) AS x GROUP BY 1;
SELECT migrate_stamp('base');
DROP SCHEMA app, app2 CASCADE;

-- in a copy a statement that is skipped changes nothing about the schemas: neither is
-- $user that of whoever has skipped it, nor is one that is not found given up
CREATE ROLE regress_skips;
CREATE SCHEMA regress_skips AUTHORIZATION regress_skips;
CREATE TABLE regress_skips.x (a int);
CREATE SCHEMA t1;
CREATE TABLE t1.x (a int);
GRANT USAGE ON SCHEMA migrate TO regress_skips;
GRANT SELECT ON migrate.version TO regress_skips;
GRANT EXECUTE ON FUNCTION migrate_resolve TO regress_skips;
SELECT migrate_register('l1', $$
  INSERT INTO x VALUES (1);
  VACUUM x;
  VACUUM (ANALYZE, DISABLE_PAGE_SKIPPING) no_such;
  INSERT INTO x VALUES (2);
  VACUUM no_such$$, '', '{s1}', replace => true);
SET search_path = "$user", t1, public;
SELECT migrate_stamp('s1');
CALL migrate_deploy('l1');
UPDATE migrate.partial SET origin = 'elsewhere', path_schemas = '{0,1,2}';
SET ROLE regress_skips;
SELECT migrate_resolve('l1', 'skip');
RESET ROLE;
SELECT path_schemas, origin = 'elsewhere' AS elsewhere FROM migrate.partial ORDER BY statement;
ALTER SCHEMA t1 RENAME TO t2;
CALL migrate_deploy('l1');
ALTER SCHEMA t2 RENAME TO t1;
CALL migrate_deploy('l1');
SELECT tableoid::regclass, a FROM t1.x UNION ALL SELECT tableoid::regclass, a FROM regress_skips.x;
SELECT path_schemas::regnamespace[], origin = 'elsewhere' AS elsewhere FROM migrate.partial ORDER BY statement;

-- a schema whose new name is that of the placeholder cannot be in a path
ALTER SCHEMA t1 RENAME TO "$user";
SELECT migrate_resolve('l1', 'skip');
CALL migrate_deploy('l1');
ALTER SCHEMA "$user" RENAME TO t1;
SELECT migrate_resolve('l1', 'abandon');
RESET search_path;
DROP SCHEMA t1, regress_skips CASCADE;
DROP OWNED BY regress_skips;
DROP ROLE regress_skips;

-- a version table in a schema that each path has: its name has it all the same
SELECT migrate_register('l1', 'SELECT 5; VACUUM public.x; SELECT 1 / sum(a) FROM public.gate', '', '{s1}', replace => true);
UPDATE gate SET a = 0;
CREATE SCHEMA t1;
CREATE TABLE t1.v (version_num varchar(32) PRIMARY KEY);
INSERT INTO t1.v VALUES ('s1');
SET migrate.version_table = 't1.v';
CALL migrate_deploy('l1');
ALTER TABLE t1.v SET SCHEMA pg_catalog;
CREATE TABLE t1.v (version_num varchar(32) PRIMARY KEY);
CALL migrate_deploy('l1');
SELECT migrate_unregister('l1');
DROP TABLE pg_catalog.v;
SELECT migrate_resolve('l1', 'abandon');
RESET migrate.version_table;
DROP SCHEMA t1 CASCADE;

-- a body without statements
SELECT migrate_register('l1', '-- none', '', '{s1}', transactional => false, replace => true);
CALL migrate_deploy('l1');
DROP TABLE gate, x, many;
\i sql/include/reset.sql
