-- standard_strings: what a body or the statement of a batch says does not depend on
-- the session's setting
CREATE TABLE victim (i int);
SET standard_conforming_strings = off;
SELECT migrate_register('d1', E'SELECT \'\\\' /* \' ; DROP TABLE victim; -- */');
SELECT upgrade_statements FROM migrate.revision WHERE revision = 'd1';
SELECT migrate_upgrade();
SHOW standard_conforming_strings;
RESET standard_conforming_strings;
TABLE victim;

CREATE TABLE t (id int PRIMARY KEY, note text);
INSERT INTO t VALUES (1);
SET standard_conforming_strings = off;
SET backslash_quote = off;
CALL migrate_batch('t', $$UPDATE t SET note = 'a\' WHERE id BETWEEN $1 AND $2$$, name => 'strings');
RESET standard_conforming_strings;
RESET backslash_quote;
SELECT note FROM t;
SELECT migrate_batch_reset('strings');

-- nor does what is asked of the catalogs
SELECT migrate_register('n', 'CREATE TEMP TABLE x (); VACUUM t; SELECT 1 / count(*) FROM victim', NULL, '{d1}');
SET standard_conforming_strings = off;
\set VERBOSITY terse
CALL migrate_deploy();
\set VERBOSITY default
RESET standard_conforming_strings;
SELECT session_objects FROM migrate.partial;
SELECT migrate_resolve('n', 'abandon');
SELECT migrate_unregister('n');

-- a body cannot switch to the old reading, which files of old dumps do: where
-- it would matter that is an error
SELECT migrate_register('d2', $$SET standard_conforming_strings = off; SELECT 'a\\b'$$);
SELECT migrate_register('d2', $$SET LOCAL standard_conforming_strings TO 'no'; SELECT 'a\\b'$$);
SELECT migrate_register('d2', $$SET standard_conforming_strings = off; SELECT 'a'; SET standard_conforming_strings = on$$);
SELECT migrate_register('d3', $$SET standard_conforming_strings = on; SELECT 'a\\b'$$);
SELECT migrate_register_script($$
-- revision: d4
-- migrate:up
SET standard_conforming_strings = 0;
-- migrate:down
SELECT 'a\\b';
$$);

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE victim, t;
