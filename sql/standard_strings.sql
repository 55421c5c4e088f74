-- standard_strings: what a body says does not depend on the session's setting
CREATE TABLE victim (i int);
SET standard_conforming_strings = off;
SELECT migrate_register('d1', E'SELECT \'\\\' /* \' ; DROP TABLE victim; -- */');
SELECT upgrade_statements FROM migrate.revision WHERE revision = 'd1';
SELECT migrate_upgrade();
SHOW standard_conforming_strings;
RESET standard_conforming_strings;
TABLE victim;

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE victim;
