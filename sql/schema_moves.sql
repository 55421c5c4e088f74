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
DROP TABLE gate, x;
\i sql/include/reset.sql
