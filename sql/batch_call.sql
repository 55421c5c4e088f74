-- batch_call: a call of migrate_batch() in a body that can never run is refused when it is registered
\i sql/include/start.sql
CREATE TABLE t (id int PRIMARY KEY, n int);
\set VERBOSITY default

-- a parameter that is not used, and the line
SELECT migrate_register('b1', $$ALTER TABLE t ADD q int;

CALL migrate_batch('t',
  'UPDATE t SET q = 1 WHERE id > $1')$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t')$$, '');
-- of a key of two columns
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE (id, n) >= ($1, $2) AND (id, n) <= ($3, 9)', key => ARRAY['id', 'n'])$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE (id, n) >= ($1, $2) AND (id, n) <= ($3, 9)')$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2 AND n < $3', ARRAY['id'])$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $999999999')$$, '');
-- what is in a comment, in quotes or a name is no parameter
SELECT migrate_register('b1', $$CALL migrate_batch('t', $batch$UPDATE t SET n = length('$2' || a$2) /* $2 */ WHERE id > $1 -- $2$batch$)$$, '');
-- a name
SELECT migrate_register('b1', $$SELECT 1; CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2', name => 'x')$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2', NULL, 10, '0', 0, 'x'::text)$$, '');
-- limits
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2', batch_size => 0)$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2', pause => -0.5)$$, '');
-- its syntax
SELECT migrate_register('b1', $$SELECT 1;
CALL migrate_batch('t', 'DELETE FORM t WHERE id BETWEEN $1 AND $2')$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch(statement => 'SELECT 1; SELECT 2', relation => 't')$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch('t', '')$$, '');
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'SELECT $1, $2')$$, '');
-- in a file, with all other errors, and in a downgrade
SELECT migrate_register_script($script$
-- revision: b1
-- migrate:up
SELECT 1;
CALL migrate_batch('t', 'DELETE FROM t WHERE id > $1');
-- migrate:down
CALL migrate_batch('t', 'DELETE FORM t WHERE id > $1');
-- revision: b2
-- down_revision: b1
-- migrate:up
CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2', name := 'x');
$script$);

-- what is no constant is found out when it is run, and so is what depends on the table
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND ' || '$2', name => NULL);
CALL migrate_batch('t', 'DELETE FROM t WHERE (id, n) >= ($1, $2) AND (id, n) <= ($3, $4)', key => '{id,n}', batch_size => '5', pause => 1.5)$$, '');
-- another procedure of the name
CREATE SCHEMA mine;
CREATE PROCEDURE mine.migrate_batch(text, text) LANGUAGE sql AS 'INSERT INTO public.t VALUES (1)';
SELECT migrate_register('b2', $$CALL mine.migrate_batch('t', 'DELETE FROM t WHERE id > $1')$$, '', down_revision => '{b1}');

-- another procedure of the name, in a schema that the author may not use
CREATE SCHEMA secret;
CREATE PROCEDURE secret.migrate_batch(text) LANGUAGE sql AS 'SELECT 1';
CREATE ROLE regress_migrate_author;
GRANT EXECUTE ON FUNCTION migrate_register TO regress_migrate_author;
SET ROLE regress_migrate_author;
SELECT migrate_register('b4', $$SELECT 1; CALL secret.migrate_batch('x')$$, '');
RESET ROLE;
-- a number that is cast may become one within the limits
SELECT migrate_register('b5', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2', batch_size => 0.6::int)$$, '');
-- a number that no integer holds, which the parser refuses from version 18 on
SELECT pg_temp.attempt($body$SELECT migrate_register('b3', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2 AND $4294967295 > 0')$$, '')$body$)
	   ~ '^(22023: the statement of a batch does not use parameter \$3|42601: parameter number too large)' AS refused;

-- registered where the name is another one's: before the first statement is run
SET search_path = mine, public;
SELECT migrate_register('b1', $$INSERT INTO t VALUES (1);
CALL migrate_batch('t', 'DELETE FROM t WHERE id > $1')$$, '', replace => true);
RESET search_path;
CALL migrate_deploy('b1');
SELECT * FROM t;
SELECT state FROM migrate.status WHERE revision = 'b1';
SET search_path = mine, public;
CALL migrate_deploy('b1');
RESET search_path;
SELECT * FROM t;

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE t;
DROP SCHEMA mine, secret CASCADE;
REVOKE ALL ON FUNCTION migrate_register FROM regress_migrate_author;
DROP ROLE regress_migrate_author;
