-- refusal: what the server would refuse in the middle of a body is refused
-- before its first statement
\i sql/include/start.sql
CREATE TABLE parted (i int, r int4range) PARTITION BY RANGE (i);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE rest PARTITION OF parted DEFAULT;
CREATE INDEX parted_i ON parted (i);
CREATE TABLE plain (i int, r int4range, EXCLUDE USING gist (r WITH &&));
CREATE TABLE seen (what text);
CREATE SCHEMA other;
CREATE TABLE other.plain (i int) PARTITION BY RANGE (i);
CREATE TABLE other.parted (i int);
CREATE FUNCTION body(text) RETURNS void LANGUAGE sql AS $$
	SELECT migrate_resolve('r1', 'abandon') WHERE EXISTS (SELECT FROM migrate.partial);
	SELECT migrate_stamp('base', purge => true);
	SELECT migrate_register('r1', $1, replace => true);
$$;
\set try 'SELECT body(:''body'') \\g /dev/null \\\\ CALL migrate_deploy(\'r1\');'

\set body 'INSERT INTO seen VALUES (\'1\'); CREATE INDEX CONCURRENTLY parted_n ON parted (i)'
:try
SELECT count(*) FROM seen;
SELECT count(*) FROM migrate.partial;
SELECT state, sqlstate, error FROM migrate.log WHERE state = 'failed';
SET client_min_messages = error;
\set VERBOSITY terse
\a
\t on
-- as the search_path says when it is the statement's turn
\set body 'INSERT INTO seen VALUES (\'2\'); SET search_path = other, public; CREATE INDEX CONCURRENTLY ON plain (i)'
:try
\set body 'INSERT INTO seen VALUES (\'3\'); SET search_path = other, public; CREATE INDEX CONCURRENTLY parted_n ON parted (i)'
:try
DROP INDEX other.parted_n;
\set body 'CREATE INDEX CONCURRENTLY plain_n ON plain (i); CREATE INDEX CONCURRENTLY ON ONLY other.plain (i)'
:try
-- a table that the body makes
\set body 'CREATE TABLE made (i int) PARTITION BY RANGE (i); CREATE INDEX CONCURRENTLY ON made (i)'
:try
\set body 'CREATE TABLE IF NOT EXISTS made (i int) PARTITION BY RANGE (i); CREATE INDEX CONCURRENTLY ON made (i)'
:try
\set body 'CREATE TABLE IF NOT EXISTS plain (i int) PARTITION BY RANGE (i); CREATE INDEX CONCURRENTLY IF NOT EXISTS plain_n ON plain (i)'
:try
-- the other statements
\set body 'INSERT INTO seen VALUES (\'4\'); DROP INDEX CONCURRENTLY parted_i'
:try
\set body 'INSERT INTO seen VALUES (\'5\'); ALTER TABLE parted DETACH PARTITION part CONCURRENTLY'
:try
\set body 'INSERT INTO seen VALUES (\'6\'); REINDEX INDEX CONCURRENTLY plain_r_excl'
:try
\set body 'INSERT INTO seen VALUES (\'7\'); REINDEX SYSTEM CONCURRENTLY'
SELECT body(:'body' || ' ' || current_database()) \g /dev/null
CALL migrate_deploy('r1');
\set body 'INSERT INTO seen VALUES (\'8\'); REINDEX DATABASE nowhere'
:try
\set body 'INSERT INTO seen VALUES (\'9\'); DROP INDEX CONCURRENTLY parted_i, plain_n'
:try
\set body 'INSERT INTO seen VALUES (\'10\'); DROP INDEX CONCURRENTLY plain_n CASCADE'
:try
-- the server decides where it is not sure, and these run
\set body 'DO $do$ BEGIN DROP TABLE other.plain; CREATE TABLE other.plain (i int); END $do$; CREATE INDEX CONCURRENTLY ON other.plain (i)'
:try
\set body 'INSERT INTO seen VALUES (\'11\'); SELECT set_config(\'search_path\', \'other\', false); CREATE INDEX CONCURRENTLY parted_n ON parted (i)'
:try
\set body 'ALTER TABLE parted DETACH PARTITION rest; ALTER TABLE parted DETACH PARTITION part CONCURRENTLY'
:try
\set body 'ALTER TABLE parted RENAME TO parted_old; CREATE TABLE parted (i int); CREATE INDEX CONCURRENTLY parted_n2 ON parted (i)'
:try
\set body 'DROP TABLE parted_old; CREATE TABLE parted_old (i int); CREATE INDEX CONCURRENTLY ON parted_old (i)'
:try
-- one statement, and what can be changed only from outside
\set body 'CREATE SCHEMA new; CREATE TABLE new.p (i int) PARTITION BY RANGE (i)'
:try
\set body 'SET search_path = new; CREATE INDEX CONCURRENTLY ON p (i)'
:try
-- under the role that the body sets, and one that it makes first
CREATE ROLE regress_migrate_blind;
\set body 'INSERT INTO seen VALUES (\'12\'); SET ROLE regress_migrate_blind; CREATE INDEX CONCURRENTLY ON new.p (i)'
:try
\set body 'CREATE ROLE regress_migrate_made; SET ROLE regress_migrate_made; VACUUM seen; RESET ROLE; DROP ROLE regress_migrate_made; DROP INDEX CONCURRENTLY plain_n'
:try
-- what was committed by a run before is known
\set body 'INSERT INTO seen VALUES (\'13\'); VACUUM seen; VACUUM plain; CREATE INDEX CONCURRENTLY plain_n ON plain (i)'
SELECT body(:'body') \g /dev/null
ALTER TABLE plain RENAME TO hidden;
CALL migrate_deploy('r1');
CREATE TABLE plain (i int) PARTITION BY RANGE (i);
CALL migrate_deploy('r1');
SELECT partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
DROP TABLE plain;
ALTER TABLE hidden RENAME TO plain;
CALL migrate_deploy('r1');
SELECT * FROM seen;
-- what ends with its statement, where each is a transaction
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (parent int REFERENCES parent DEFERRABLE);
\set body 'INSERT INTO seen VALUES (\'14\'); SET CONSTRAINTS ALL DEFERRED; INSERT INTO child VALUES (1); INSERT INTO parent VALUES (1)'
\set VERBOSITY default
SET migrate.server_type = yugabytedb;
:try
SELECT count(*) FROM migrate.partial;
\set VERBOSITY terse
\set body 'SET CONSTRAINTS child_parent_fkey DEFERRED; SELECT 1'
:try
\set body 'SET CONSTRAINTS ALL IMMEDIATE; INSERT INTO parent VALUES (2); INSERT INTO child VALUES (2); SET CONSTRAINTS ALL DEFERRED'
:try
\set body 'DO $do$ BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO child VALUES (3); INSERT INTO parent VALUES (3); END $do$; SELECT 1'
:try
SET migrate.server_type = yugabytedb_transactional_ddl;
\set body 'SET CONSTRAINTS ALL DEFERRED; INSERT INTO child VALUES (4); INSERT INTO parent VALUES (4)'
:try
RESET migrate.server_type;
\set body 'SET CONSTRAINTS ALL DEFERRED; INSERT INTO child VALUES (5); INSERT INTO parent VALUES (5); VACUUM parent'
:try
SELECT parent FROM child ORDER BY 1;
SELECT * FROM seen;
DROP TABLE parent, child;
\a
\t off
\set VERBOSITY default
\i sql/include/reset.sql
SET client_min_messages = warning;
DROP FUNCTION body;
DROP TABLE parted, parted_old, part, plain, seen;
DROP SCHEMA other, new CASCADE;
DROP ROLE regress_migrate_blind;
