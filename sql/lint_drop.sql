-- lint: what the application and other objects still use
\i sql/include/start.sql
\i sql/include/lint.sql
CREATE VIEW names AS SELECT name FROM big;
CREATE TABLE child (id bigint PRIMARY KEY, small_id bigint REFERENCES small);
CREATE FUNCTION count_notes() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(note) FROM small); END $$;

-- drop-table; without CASCADE it fails for what uses the table
SELECT pg_temp.lint('DROP TABLE empty');
SELECT pg_temp.lint('DROP TABLE IF EXISTS nowhere');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); DROP TABLE fresh');
-- dependents, cascade, function-text
SELECT pg_temp.lint('DROP TABLE big');
SELECT pg_temp.lint('DROP TABLE big CASCADE');
SELECT pg_temp.lint('DROP TABLE small');
SELECT pg_temp.lint('DROP TABLE empty CASCADE');
SELECT pg_temp.lint('ALTER TABLE small DROP CONSTRAINT small_pkey CASCADE');
SELECT pg_temp.lint('ALTER TABLE big DROP CONSTRAINT big_pkey CASCADE');
CREATE TYPE used AS ENUM ('a');
CREATE TYPE unused AS ENUM ('a');
ALTER TABLE empty ADD COLUMN u used;
SELECT pg_temp.lint('DROP TYPE used CASCADE');
SELECT pg_temp.lint('DROP TYPE unused CASCADE');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE text');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN note TYPE text');
-- quiet where the plan drops or replaces them, too
SELECT pg_temp.lint('DROP VIEW names; ALTER TABLE big ALTER COLUMN name TYPE text; CREATE VIEW names AS SELECT name FROM big');
SELECT pg_temp.lint('DROP TABLE child, small');
SELECT pg_temp.lint('ALTER TABLE child DROP CONSTRAINT child_small_id_fkey; DROP TABLE small');
SELECT pg_temp.lint($$ALTER TABLE small DROP COLUMN note; CREATE OR REPLACE FUNCTION count_notes() RETURNS bigint LANGUAGE sql AS 'SELECT 0'$$);

-- all that the server refuses, by pg_depend
CREATE SEQUENCE numbers;
CREATE FUNCTION number() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION over(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION over(text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE DOMAIN counted AS int;
CREATE TABLE uses (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int DEFAULT nextval('numbers'), b int DEFAULT number(), c counted, d int GENERATED ALWAYS AS (a * 2) STORED, e int DEFAULT over(1), f serial, g int UNIQUE);
CREATE TRIGGER fire BEFORE INSERT ON uses FOR EACH ROW WHEN (NEW.b > 0) EXECUTE FUNCTION fire();
CREATE VIEW of_uses AS SELECT id FROM uses;
CREATE TABLE parted (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE typed (u uses);
CREATE TABLE heir () INHERITS (empty);
CREATE TABLE refused (statement text);
INSERT INTO refused VALUES ('DROP SEQUENCE numbers'), ('DROP SEQUENCE uses_id_seq'), ('DROP SEQUENCE uses_f_seq'),
  ('DROP FUNCTION number'), ('DROP FUNCTION number()'), ('DROP FUNCTION fire()'), ('DROP ROUTINE number'), ('DROP FUNCTION count_notes'),
  ('DROP DOMAIN counted'), ('DROP TYPE counted'), ('DROP TYPE used'), ('DROP TYPE unused'), ('DROP TYPE uses'),
  ('DROP SCHEMA public'), ('DROP INDEX uses_pkey'), ('DROP INDEX uses_g_key'), ('DROP EXTENSION migrate'),
  ('DROP TABLE uses'), ('DROP TABLE typed'), ('DROP TABLE typed, uses'), ('DROP VIEW of_uses'), ('DROP TABLE empty'), ('DROP TABLE heir'), ('DROP TABLE parted'),
  ('ALTER TABLE small DROP CONSTRAINT small_pkey'), ('ALTER TABLE uses DROP CONSTRAINT uses_pkey'), ('ALTER TABLE child DROP CONSTRAINT child_small_id_fkey'),
  ('ALTER TABLE uses DROP COLUMN a'), ('ALTER TABLE uses DROP COLUMN b'), ('ALTER TABLE uses DROP COLUMN c'), ('ALTER TABLE uses DROP COLUMN d'), ('ALTER TABLE uses DROP COLUMN g'),
  ('ALTER TABLE parted DROP COLUMN k'), ('ALTER TABLE parted DROP COLUMN v'), ('ALTER TABLE parted ALTER k TYPE bigint'), ('ALTER TABLE parted ALTER v TYPE bigint'),
  ('ALTER TABLE uses ALTER g TYPE bigint'), ('ALTER TABLE empty ALTER n TYPE bigint'), ('ALTER TABLE child ALTER small_id TYPE int'), ('ALTER TABLE small ALTER id TYPE int'),
  ('TRUNCATE small'), ('TRUNCATE small, child'), ('TRUNCATE child'), ('TRUNCATE uses');
CREATE FUNCTION pg_temp.fails(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE EXCEPTION USING errcode = 'MX000';
EXCEPTION
	WHEN SQLSTATE 'MX000' THEN RETURN false;
	WHEN OTHERS THEN RETURN true;
END $$;
SELECT statement, pg_temp.fails(statement), EXISTS (SELECT FROM pg_temp.lint(statement) AS l WHERE l ~ 'dependents') AS said
  FROM refused;
SELECT l FROM unnest(ARRAY['DROP SEQUENCE numbers', 'DROP FUNCTION fire()', 'DROP INDEX uses_pkey', 'ALTER TABLE uses DROP COLUMN a', 'ALTER TABLE uses ALTER a TYPE bigint', 'ALTER TABLE uses ALTER g TYPE bigint', 'ALTER TABLE uses ALTER b TYPE bigint', 'ALTER TABLE parted DROP COLUMN k', 'TRUNCATE small']) AS s, pg_temp.lint(s) AS l WHERE l ~ 'dependents';
CREATE SCHEMA kinds;
CREATE TYPE kinds.span AS RANGE (subtype = float8);
CREATE TYPE kinds.pair AS (a int, b int);
CREATE FUNCTION kinds.pair_of(int) RETURNS kinds.pair LANGUAGE sql AS $$SELECT ROW($1, $1)::kinds.pair$$;
CREATE CAST (int AS kinds.pair) WITH FUNCTION kinds.pair_of(int);
CREATE FUNCTION kinds.same(kinds.pair, kinds.pair) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR kinds.=== (leftarg = kinds.pair, rightarg = kinds.pair, function = kinds.same);
SELECT s, l FROM unnest(ARRAY['DROP FUNCTION kinds.pair_of(int)', 'DROP TYPE kinds.pair', 'DROP TYPE kinds.span; DROP SCHEMA kinds']) AS s, pg_temp.lint(s) AS l;
-- not where the plan has dropped, replaced or moved before what uses it
SELECT s FROM unnest(ARRAY[
  'ALTER TABLE uses ALTER a DROP DEFAULT; DROP SEQUENCE numbers', 'ALTER TABLE uses ALTER b SET DEFAULT 1; DROP FUNCTION number()',
  'DROP TRIGGER fire ON uses; DROP FUNCTION fire()', 'ALTER TABLE uses DROP COLUMN c; DROP DOMAIN counted', 'DROP TABLE typed; ALTER TABLE uses ALTER c TYPE int; DROP DOMAIN counted',
  'ALTER TABLE uses DROP COLUMN d; ALTER TABLE uses DROP COLUMN a', 'DROP TABLE typed; CREATE OR REPLACE VIEW of_uses AS SELECT 1::bigint AS id; ALTER TABLE uses ALTER id TYPE int',
  'ALTER TABLE child DROP CONSTRAINT child_small_id_fkey; TRUNCATE small', 'ALTER TABLE child DROP COLUMN small_id; TRUNCATE small; DROP TABLE small',
  'DROP CAST (int AS kinds.pair); DROP FUNCTION kinds.pair_of(int); DROP OPERATOR kinds.=== (kinds.pair, kinds.pair); DROP FUNCTION kinds.same; DROP TYPE kinds.pair; DROP TYPE kinds.span; DROP SCHEMA kinds',
  'CREATE SCHEMA s; CREATE OPERATOR FAMILY s.f USING btree; CREATE OPERATOR CLASS s.c FOR TYPE int USING btree FAMILY s.f AS OPERATOR 1 <; DROP OPERATOR FAMILY s.f USING btree CASCADE; DROP SCHEMA s',
  'DROP TABLE child; ALTER TABLE small DROP CONSTRAINT small_pkey',
  'DROP VIEW of_uses; DROP TABLE typed; DROP TABLE uses; DROP SEQUENCE numbers; DROP FUNCTION number, fire, over(int); DROP DOMAIN counted', 'ALTER TABLE heir NO INHERIT empty; DROP TABLE empty',
  'DROP FUNCTION over(text)', 'CREATE TYPE fresh AS ENUM (''a''); DROP TYPE fresh', 'CREATE SEQUENCE fresh; DROP SEQUENCE fresh']) AS s
 WHERE pg_temp.fails(s) OR EXISTS (SELECT FROM pg_temp.lint(s) AS l WHERE l ~ 'dependents');

-- drop-view, unless the revision makes it anew
SELECT pg_temp.lint('DROP VIEW of_uses');
SELECT pg_temp.lint('DROP VIEW of_uses; CREATE VIEW of_uses AS SELECT a FROM uses');
SELECT pg_temp.lint('CREATE VIEW fresh AS SELECT 1; DROP VIEW fresh');
DROP TABLE heir, typed, refused, parted;
DROP CAST (int AS kinds.pair);
DROP OPERATOR kinds.=== (kinds.pair, kinds.pair);
DROP FUNCTION kinds.same, kinds.pair_of;
DROP TYPE kinds.pair, kinds.span;
DROP SCHEMA kinds;
DROP VIEW of_uses;
DROP TABLE uses;
DROP SEQUENCE numbers;
DROP FUNCTION number, fire, over(int), over(text);
DROP DOMAIN counted;

-- drop-column
SELECT pg_temp.lint('ALTER TABLE empty DROP COLUMN note');
SELECT pg_temp.lint('ALTER TABLE small DROP COLUMN note');
SELECT pg_temp.lint('ALTER TABLE big DROP COLUMN name');
SELECT pg_temp.lint('ALTER TABLE big DROP COLUMN name CASCADE');
SELECT pg_temp.lint('ALTER TABLE big DROP COLUMN IF EXISTS nothing');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY, n int); ALTER TABLE fresh DROP COLUMN n');

-- drop-schema, drop-database, rename-schema
CREATE SCHEMA lint_used;
CREATE TABLE lint_used.t (id bigint PRIMARY KEY);
CREATE SCHEMA lint_empty;
SELECT pg_temp.lint('DROP SCHEMA lint_used CASCADE');
SELECT pg_temp.lint('DROP SCHEMA lint_empty CASCADE; DROP SCHEMA lint_used');
SELECT pg_temp.lint('DROP TABLE lint_used.t; DROP SCHEMA lint_used; DROP SCHEMA lint_empty');
SELECT pg_temp.lint('ALTER TABLE lint_used.t SET SCHEMA lint_empty; DROP SCHEMA lint_used');
SELECT pg_temp.lint('DROP DATABASE other');
SELECT pg_temp.lint('ALTER SCHEMA lint_used RENAME TO lint_new');
SELECT pg_temp.lint('CREATE SCHEMA fresh; ALTER SCHEMA fresh RENAME TO lint_new');

-- rename-table, unless something has the old name in the end
SELECT pg_temp.lint('ALTER TABLE small RENAME TO little');
SELECT pg_temp.lint('ALTER TABLE small SET SCHEMA lint_used');
-- under the name that it has then
SELECT migrate_register('x2', 'ALTER TABLE small RENAME TO little; ALTER TABLE little SET SCHEMA lint_used', 'SELECT 1');
SELECT line, rule, relation, message FROM migrate_lint_details() WHERE rule LIKE 'rename%';
SELECT migrate_unregister('x2');
SELECT pg_temp.lint('ALTER TABLE empty RENAME TO void; CREATE VIEW empty AS SELECT * FROM void');
SELECT pg_temp.lint('CREATE TABLE fresh (LIKE empty); ALTER TABLE empty RENAME TO old; ALTER TABLE fresh RENAME TO empty');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh RENAME TO empty2');
SELECT pg_temp.lint('ALTER INDEX small_pkey RENAME TO small_key');

-- rename-column
SELECT pg_temp.lint('ALTER TABLE small RENAME COLUMN note TO remark');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh RENAME COLUMN id TO number');

-- disable-trigger
SELECT pg_temp.lint('ALTER TABLE small DISABLE TRIGGER ALL');
SELECT pg_temp.lint('ALTER TABLE small DISABLE TRIGGER t');
SELECT pg_temp.lint('ALTER TABLE small DISABLE TRIGGER t; UPDATE small SET n = 2; ALTER TABLE small ENABLE TRIGGER t');

DROP VIEW names;
DROP TABLE big, small, empty, child, lint_used.t;
DROP SCHEMA lint_used, lint_empty;
DROP TYPE used, unused;
DROP FUNCTION count_notes;
\i sql/include/reset.sql
