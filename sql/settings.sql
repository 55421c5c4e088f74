-- settings: of the transaction of each revision, for all and for one
\i sql/include/start.sql
SET client_min_messages = warning;
\pset null -
CREATE TABLE seen (what text, work_mem text DEFAULT current_setting('work_mem'), lock_timeout text DEFAULT current_setting('lock_timeout'),
  path text DEFAULT current_setting('search_path'), other text DEFAULT current_setting('my.other', true));

-- what can be set
LOAD 'migrate';
SHOW migrate.transaction_settings;
SET migrate.transaction_settings = 'work_mem = 2MB,lock_timeout=5s , search_path = ''public, pg_temp'', my.other = '' it''''s ''';
SHOW migrate.transaction_settings;
SET migrate.transaction_settings = '  ';
SET migrate.transaction_settings = 'work_mem=';
SET migrate.transaction_settings = 'work_mem';
SET migrate.transaction_settings = '=1MB';
SET migrate.transaction_settings = 'work_mem=1MB,,lock_timeout=1s';
SET migrate.transaction_settings = 'work_mem=1MB,';
SHOW migrate.transaction_settings;
SET migrate.transaction_settings = 'search_path=''a, b';
SET migrate.transaction_settings = 'search_path=''a'' b';
SET migrate.transaction_settings = 'work_mem=much';
SET migrate.transaction_settings = 'no_such_setting=1';
SET migrate.transaction_settings = 'shared_buffers=1GB';
SET migrate.transaction_settings = 'role=postgres';
SET migrate.transaction_settings = 'Session_Authorization=postgres';
SET migrate.transaction_settings = 'transaction_isolation=serializable';
SET migrate.transaction_settings = 'migrate.server_type=postgresql';
ALTER DATABASE :DBNAME SET migrate.transaction_settings = 'work_mem=much';
CREATE ROLE regress_migrate_nobody;
SET ROLE regress_migrate_nobody;
SET migrate.transaction_settings = 'session_replication_role=replica';
SET migrate.transaction_settings = 'work_mem=1MB';
RESET ROLE;
DROP ROLE regress_migrate_nobody;

-- the header of a revision; its settings come after those for all
SELECT migrate_register_script($$
-- revision: s1
-- migrate:up
INSERT INTO seen VALUES ('s1');
-- migrate:down
INSERT INTO seen VALUES ('s1 down');
-- revision: s2
-- down_revision: s1
-- set: work_mem = 3MB, my.other = 'a, b'
-- migrate:up
INSERT INTO seen VALUES ('s2');
SET work_mem = '8MB';
INSERT INTO seen VALUES ('s2 last');
-- migrate:down
INSERT INTO seen VALUES ('s2 down');
-- revision: s3
-- down_revision: s2
-- set: work_mem = 5MB, lock_timeout = 7s
-- migrate:up
INSERT INTO seen VALUES ('s3');
CREATE INDEX CONCURRENTLY seen_what ON seen (what);
SET work_mem = '6MB';
INSERT INTO seen VALUES ('s3 last');
-- migrate:down
DROP INDEX seen_what;
INSERT INTO seen VALUES ('s3 down');
$$);
SELECT revision, settings FROM migrate.revision ORDER BY revision;
SELECT settings FROM migrate_show('s2');
SET migrate.transaction_settings = 'work_mem = 2MB, lock_timeout = 5s';
SELECT migrate_upgrade('s2');
CALL migrate_deploy();
SELECT * FROM seen;
SHOW work_mem;
SHOW lock_timeout;
SHOW my.other;
TRUNCATE seen;
CALL migrate_revert('s2');
SELECT migrate_downgrade('base');
SELECT * FROM seen;
-- through the worker
ALTER TABLE migrate.job ALTER job RESTART;
SELECT migrate_submit('head') AS job \gset
CALL migrate_wait(:job);
SELECT state, error FROM migrate.jobs_details WHERE job = :job;
SELECT what, work_mem, lock_timeout FROM seen ORDER BY what COLLATE "C";
SHOW work_mem;
-- where each statement is a transaction
CALL migrate_revert('base');
TRUNCATE seen;
SET migrate.server_type = yugabytedb;
CALL migrate_deploy();
SELECT what, work_mem, lock_timeout, other FROM seen;
SHOW work_mem;
CALL migrate_revert('base');
RESET migrate.server_type;
TRUNCATE seen;

-- registered again: the same, or another revision
SELECT migrate_register_script(E'-- revision: s1\n-- migrate:up\nINSERT INTO seen VALUES (''s1'');\n-- migrate:down\nINSERT INTO seen VALUES (''s1 down'');');
SELECT migrate_register_script(E'-- revision: s1\n-- set: work_mem=1MB\n-- migrate:up\nINSERT INTO seen VALUES (''s1'');\n-- migrate:down\nINSERT INTO seen VALUES (''s1 down'');');
-- errors point into the script
SELECT migrate_register_script(E'-- revision: x1\n-- message: é\n-- set: work_mem=much\n-- migrate:up\n');
SELECT migrate_register_script(E'-- revision: x1\n-- set: work_mem\n-- migrate:up\n');
SELECT migrate_register_script(E'-- revision: x1\n-- set: role=postgres\n-- migrate:up\n');
SELECT migrate_register_script(E'-- revision: x1\n-- set: work_mem=1MB\n-- set: lock_timeout=1s\n-- migrate:up\n');
SELECT migrate_register_script(E'-- revision: x1\n-- Set: work_mem=1MB\n-- migrate:up\n');
SELECT migrate_register_script(E'-- revision: x1\n-- set:\n-- migrate:up\n');
SELECT revision, settings FROM migrate.revision WHERE revision = 'x1';
SELECT migrate_unregister('x1');

-- what a body leaves of the session's settings is nothing, whatever fails
SELECT migrate_register('u1', $$RESET ALL; SET search_path = pg_catalog, public; SET work_mem = '77MB';
CREATE INDEX CONCURRENTLY seen_path ON public.seen (path)$$, '', '{s3}');
CREATE ROLE regress_migrate_author;
GRANT CREATE ON SCHEMA public TO regress_migrate_author;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO regress_migrate_author;
ALTER TABLE seen OWNER TO regress_migrate_author;
SELECT migrate_stamp('s3');
SET log_min_duration_statement = 10000;
SET search_path = public;
SET ROLE regress_migrate_author;
CALL migrate_deploy();
RESET ROLE;
SHOW search_path;
SHOW work_mem;
SHOW log_min_duration_statement;
RESET search_path;
RESET log_min_duration_statement;
CALL migrate_revert('s3');
SELECT migrate_unregister('u1');
SELECT migrate_stamp('base');
DROP OWNED BY regress_migrate_author;
DROP ROLE regress_migrate_author;
DROP TABLE IF EXISTS seen;
TRUNCATE migrate.job;
\i sql/include/reset.sql
