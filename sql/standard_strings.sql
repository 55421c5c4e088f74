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

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE victim, t;
