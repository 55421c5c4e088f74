-- lint: types, keys, rights and the way back
\i sql/include/start.sql
\i sql/include/lint.sql

-- timestamp, char-type, json-type, money-type, serial
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY, a timestamp, b char(10), c json, d money, e serial)');
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY, a timestamptz, b varchar(10), c jsonb, d numeric, e int GENERATED ALWAYS AS IDENTITY, f char(1), g "char")');
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN a timestamp');
SELECT pg_temp.lint('ALTER TABLE small ALTER COLUMN note TYPE json USING note::json');
SELECT pg_temp.lint('CREATE TEMP TABLE t (a timestamp)');

-- small-key
SELECT pg_temp.lint('CREATE TABLE t (id int PRIMARY KEY)');
SELECT pg_temp.lint('CREATE TABLE t (id smallint, PRIMARY KEY (id))');
SELECT pg_temp.lint('CREATE TABLE t (id int); ALTER TABLE t ADD CONSTRAINT t_key PRIMARY KEY (id)');
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY); CREATE TABLE u (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE v (id uuid PRIMARY KEY)');

-- no-primary-key, unless a later statement makes one
SELECT pg_temp.lint('CREATE TABLE t (id bigint)');
SELECT pg_temp.lint('CREATE TABLE t (id bigint); ALTER TABLE t ADD CONSTRAINT t_key PRIMARY KEY (id)');
SELECT pg_temp.lint('CREATE TABLE t (LIKE big INCLUDING ALL); CREATE TEMP TABLE u (id bigint); CREATE TABLE IF NOT EXISTS big (a timestamp)');

-- domain-type
SELECT pg_temp.lint('CREATE DOMAIN positive AS int CHECK (VALUE > 0)');
SELECT pg_temp.lint('CREATE DOMAIN number AS int');

-- definer-path
SELECT pg_temp.lint('CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''');
SELECT pg_temp.lint('ALTER FUNCTION f() SECURITY DEFINER');
SELECT pg_temp.lint('CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '''' AS ''SELECT 1''');
SELECT pg_temp.lint('CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''; ALTER FUNCTION f() SET search_path = pg_catalog');
SELECT pg_temp.lint('CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1');
SELECT pg_temp.lint('CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY INVOKER AS ''SELECT 1''');

-- grant-public
SELECT pg_temp.lint('GRANT SELECT, INSERT ON big TO PUBLIC');
SELECT pg_temp.lint('GRANT ALL ON SCHEMA public TO PUBLIC');
SELECT pg_temp.lint('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC');
SELECT pg_temp.lint('GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO PUBLIC');
SELECT pg_temp.lint('GRANT SELECT ON big TO CURRENT_USER; REVOKE ALL ON big FROM PUBLIC');
SELECT pg_temp.lint('GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT EXECUTE ON FUNCTION now() TO PUBLIC');

-- ambiguous-name: in the search_path of the session, or one that the body sets
CREATE SCHEMA lint_other;
CREATE TABLE lint_other.small (id bigint PRIMARY KEY, n int);
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c int');
SET search_path = public, lint_other;
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c int');
SELECT pg_temp.lint('ALTER TABLE public.small ADD COLUMN c int; ALTER TABLE empty ADD COLUMN c int');
SELECT pg_temp.lint('SET LOCAL search_path = lint_other; ALTER TABLE small ADD COLUMN c int');
RESET search_path;
SELECT pg_temp.lint('SET LOCAL search_path = lint_other, public; ALTER TABLE small ADD COLUMN c int');

-- extension
SELECT pg_temp.lint('CREATE EXTENSION no_such_extension');
SELECT pg_temp.lint('CREATE EXTENSION IF NOT EXISTS plpgsql');

-- empty-upgrade: a template that nobody has filled in, but no merge, no label
SELECT pg_temp.lint('-- to do', '');
SELECT migrate_register('x1', '', '', branch_labels => '{orders}'), migrate_register('x2', '', '', depends_on => '{x1}'),
       migrate_register('x3', '', '', external => 'call somebody'), migrate_merge('{x1,x2,x3}', revision => 'x4');
SELECT revision, rule FROM migrate_lint() ORDER BY revision;
SELECT migrate_unregister('x' || i) FROM generate_series(4, 1, -1) AS i;

-- no-downgrade, empty-downgrade, downgrade-data
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c int', NULL);
SELECT pg_temp.lint('', NULL);
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c int', '');
SELECT pg_temp.lint('SELECT 1', '');
SELECT pg_temp.lint('ALTER TABLE small VALIDATE CONSTRAINT x; CALL pg_temp.p()', '');
SELECT pg_temp.lint('ALTER TABLE small VALIDATE CONSTRAINT x, ADD COLUMN c int', '');
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c int', 'ALTER TABLE small DROP COLUMN n');
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c int', 'DELETE FROM empty; DROP TABLE big');
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c int', 'ALTER TABLE small DROP COLUMN c');
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY)', 'ALTER TABLE t DROP COLUMN id; DROP TABLE t');
SELECT pg_temp.lint('DO $$ BEGIN CREATE TABLE t (id bigint PRIMARY KEY); END $$', 'DROP TABLE t');

DROP SCHEMA lint_other CASCADE;
DROP TABLE big, small, empty;
\i sql/include/reset.sql
