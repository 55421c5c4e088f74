-- segment_settings: what a body has set holds until its end, however it was
-- set, whatever the segments are, and whichever session resumes it
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE SCHEMA app;
CREATE SCHEMA other;
CREATE ROLE regress_migrate_low;
GRANT USAGE ON SCHEMA app, other TO regress_migrate_low;
CREATE TABLE seen (n integer GENERATED ALWAYS AS IDENTITY, what text, who name DEFAULT current_user,
	path text DEFAULT current_setting('search_path'), local text DEFAULT current_setting('a.b', true));
CREATE TABLE app.t (i int);
CREATE TABLE public.t (i int);
GRANT ALL ON seen, app.t, public.t TO regress_migrate_low;
CREATE FUNCTION body(text) RETURNS void LANGUAGE sql AS $$
	SELECT public.migrate_stamp('base', purge => true);
	SELECT public.migrate_register('s', $1, replace => true);
$$;
CREATE VIEW in_tables AS SELECT 'app' AS where, i FROM app.t UNION ALL SELECT 'public', i FROM public.t ORDER BY 1, 2;
\set run 'SELECT body(:''body'') \\g /dev/null \\\\ CALL migrate_deploy(); TABLE in_tables; TRUNCATE app.t, public.t;'

-- by a function, in DO, in a function, for the transaction
\set body 'SELECT set_config(''search_path'', ''app'', false); INSERT INTO t VALUES (1); VACUUM public.seen; INSERT INTO t VALUES (2); VACUUM public.seen; INSERT INTO t VALUES (3)'
:run
\set body 'DO $$BEGIN PERFORM set_config(''search_path'', ''app'', false); END$$; INSERT INTO t VALUES (1); VACUUM public.seen; INSERT INTO t VALUES (2)'
:run
\set body 'SET LOCAL search_path = app; INSERT INTO t VALUES (1); VACUUM public.seen; INSERT INTO t VALUES (2)'
:run
\set body 'SET LOCAL search_path = app; VACUUM t; SELECT set_config(''search_path'', ''public'', true); INSERT INTO t VALUES (1); VACUUM seen; INSERT INTO t VALUES (2)'
:run
SHOW search_path;
-- a role, and what a policy asks for
ALTER TABLE public.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON public.t USING (current_setting('a.b', true) = 'all');
\set body 'SELECT set_config(''a.b'', ''all'', false); SELECT set_config(''role'', ''regress_migrate_low'', false); INSERT INTO t VALUES (1); INSERT INTO seen (what) VALUES (''one''); RESET ROLE; VACUUM seen; INSERT INTO seen (what) VALUES (''two''); SET ROLE regress_migrate_low; VACUUM; INSERT INTO seen (what) VALUES (''three''); UPDATE t SET i = 2'
SET client_min_messages = error;
:run
SET client_min_messages = warning;
SELECT what, who = current_user AS runner, local FROM seen ORDER BY n;
SELECT current_user = session_user AS back, current_setting('a.b');
DROP POLICY scope ON public.t;
ALTER TABLE public.t DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
-- what the body has taken back is not made again
\set body 'SET search_path = app; CREATE TABLE x1 (); DISCARD ALL; CREATE TABLE x2 ()'
SET work_mem = '3MB';
SET a.b = 'mine';
:run
SELECT oid::regclass FROM pg_class WHERE relname IN ('x1', 'x2') ORDER BY 1;
SHOW work_mem;
SHOW a.b;
RESET work_mem;
DROP TABLE app.x1, x2;
\set body 'CREATE ROLE regress_migrate_short; SET ROLE regress_migrate_short; RESET ROLE; DROP ROLE regress_migrate_short; VACUUM seen; INSERT INTO t VALUES (1)'
:run
\set body 'SET a.b = ''body''; VACUUM seen; RESET a.b; VACUUM seen; INSERT INTO seen (what) VALUES (''reset''); VACUUM seen; INSERT INTO seen (what) VALUES (''still'')'
:run
SELECT what, local FROM seen WHERE what IN ('reset', 'still') ORDER BY n;
SHOW a.b;
-- of the revision, and the body undoes it
SET migrate.transaction_settings = 'work_mem = 2MB';
\set body 'RESET work_mem; VACUUM seen; INSERT INTO t SELECT count(*) FROM pg_settings WHERE name = ''work_mem'' AND setting = reset_val'
:run
RESET migrate.transaction_settings;
-- a value that is also that of migrate.lock_timeout is the body's all the same
SET migrate.lock_timeout = '2s';
\set body 'INSERT INTO t VALUES (1); SET lock_timeout = ''2s''; CREATE INDEX CONCURRENTLY ON seen (what); INSERT INTO t VALUES (2)'
:run
RESET migrate.lock_timeout;

-- transactions that follow have what the body says of them
\set body 'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; VACUUM seen; INSERT INTO seen (what) VALUES (current_setting(''transaction_isolation'')); SELECT set_config(''default_transaction_isolation'', ''repeatable read'', false); VACUUM seen; INSERT INTO seen (what) VALUES (current_setting(''transaction_isolation''))'
:run
SELECT what FROM seen ORDER BY n DESC LIMIT 2;
SHOW default_transaction_isolation;
\set body 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; VACUUM seen; INSERT INTO t VALUES (1)'
:run
SHOW default_transaction_read_only;
SELECT migrate_resolve('s', 'abandon');

-- where each statement is a segment
SET migrate.server_type = yugabytedb;
\set body 'SET LOCAL search_path = app; INSERT INTO t VALUES (1); SELECT set_config(''search_path'', ''public'', true); INSERT INTO t VALUES (2); DO $$BEGIN PERFORM set_config(''search_path'', ''app'', true); END$$; INSERT INTO t VALUES (3); CREATE TABLE made (); RESET search_path; INSERT INTO t VALUES (4); SET LOCAL ROLE regress_migrate_low; INSERT INTO seen (what) VALUES (''low''); SET LOCAL a.b = ''local''; INSERT INTO seen (what) VALUES (''last'')'
:run
SELECT what, who, local FROM seen ORDER BY n DESC LIMIT 2;
SELECT oid::regclass FROM pg_class WHERE relname = 'made';
SHOW search_path;
RESET migrate.server_type;

-- a session that resumes it has other settings, and another role
\set body 'SET search_path = app, public; SET LOCAL a.b = ''body''; INSERT INTO t VALUES (1); VACUUM seen; INSERT INTO t VALUES (2); INSERT INTO seen (what) SELECT 1 / count(*) FROM other.go'
CREATE TABLE other.go ();
:run
SELECT statement, state, 'search_path=app, public' = ANY (settings) AS path, 'a.b=body' = ANY (settings) AS local FROM migrate.partial ORDER BY statement;
\c -
SET client_min_messages = warning;
INSERT INTO other.go DEFAULT VALUES;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO regress_migrate_low;
SET ROLE regress_migrate_low;
\set VERBOSITY sqlstate
CALL migrate_deploy();
\set VERBOSITY default
RESET ROLE;
REVOKE EXECUTE ON PROCEDURE migrate_deploy FROM regress_migrate_low;
SET search_path = other, public;
SET client_min_messages = notice;
CALL migrate_deploy();
SET client_min_messages = warning;
TABLE in_tables;
SELECT what, path, local FROM seen ORDER BY n DESC LIMIT 1;
TRUNCATE app.t, public.t;
SHOW search_path;
-- the session's own, which the body has not touched
\set body 'INSERT INTO t VALUES (1); VACUUM seen; INSERT INTO t VALUES (2); INSERT INTO seen (what) SELECT concat_ws('' '', 1 / count(*), ''a''::bytea, 0.1::float8 / 3) FROM other.go'
TRUNCATE other.go;
SET search_path = app, public;
SET a.b = 'session';
SET bytea_output = escape;
SET extra_float_digits = -10;
:run
\c -
SET client_min_messages = warning;
INSERT INTO other.go DEFAULT VALUES;
CALL migrate_deploy();
TABLE in_tables;
SELECT what, path, local FROM seen ORDER BY n DESC LIMIT 1;
TRUNCATE app.t, public.t;
SHOW search_path;

-- a value that was the default there, and an empty one
\set body 'SET random_page_cost = 4; SET a.e = ''''; VACUUM seen; INSERT INTO seen (what) SELECT concat_ws('' '', 1 / count(*), current_setting(''random_page_cost''), current_setting(''a.e'') = '''') FROM other.go'
TRUNCATE other.go;
:run
\c -
SET client_min_messages = warning;
INSERT INTO other.go DEFAULT VALUES;
SET random_page_cost = 2;
CALL migrate_deploy();
SHOW random_page_cost;
RESET random_page_cost;
SELECT what FROM seen ORDER BY n DESC LIMIT 1;

-- the role is not its name: one that was renamed resumes it, another one that
-- has got the name does not, except where a dump has brought it
\set body 'SET search_path = app, public; INSERT INTO t VALUES (1); VACUUM own; INSERT INTO seen (what) SELECT 1 / count(*) FROM other.go'
TRUNCATE other.go;
CREATE ROLE regress_migrate_begins;
CREATE TABLE app.own ();
ALTER TABLE app.own OWNER TO regress_migrate_begins;
GRANT ALL ON seen, app.t, other.go TO regress_migrate_begins;
GRANT ALL ON SCHEMA app, other TO regress_migrate_begins;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO regress_migrate_begins;
SELECT body(:'body') \g /dev/null
SET ROLE regress_migrate_begins;
CALL migrate_deploy();
RESET ROLE;
ALTER ROLE regress_migrate_begins RENAME TO regress_migrate_renamed;
CREATE ROLE regress_migrate_begins SUPERUSER;
SET ROLE regress_migrate_begins;
CALL migrate_deploy();
SET ROLE regress_migrate_renamed;
CALL migrate_deploy();
RESET ROLE;
DROP OWNED BY regress_migrate_renamed;
DROP ROLE regress_migrate_renamed;
SET ROLE regress_migrate_begins;
CALL migrate_deploy();
RESET ROLE;
SELECT search_path, effective_role FROM migrate.log ORDER BY started DESC LIMIT 1;
UPDATE migrate.partial SET origin = 'elsewhere';
INSERT INTO other.go DEFAULT VALUES;
SET ROLE regress_migrate_begins;
CALL migrate_deploy();
RESET ROLE;
TABLE in_tables;
TRUNCATE app.t, public.t;
DROP ROLE regress_migrate_begins;

-- the log says where the last statement ran
\set body 'SET search_path = app, public; SET ROLE regress_migrate_low; INSERT INTO t VALUES (1); SELECT 1 / 0; RESET search_path; RESET ROLE'
:run
SELECT state, search_path, role = current_user AS runner, effective_role FROM migrate.log ORDER BY started DESC LIMIT 1;
SELECT body('SELECT 1') \g /dev/null
SELECT migrate_upgrade();
SELECT operation, state, search_path, effective_role = role AS runner FROM migrate.log ORDER BY started DESC LIMIT 1;
SELECT operation, search_path, effective_role FROM migrate.log WHERE operation = 'stamp' LIMIT 1;
-- a schema that does not exist
\set body 'SET search_path = ap, public; INSERT INTO t VALUES (1)'
:run
\set body 'SET search_path = ap, public; VACUUM seen; INSERT INTO t VALUES (1)'
:run
\set body 'SET search_path = "$user", pg_temp, ap, public; CREATE SCHEMA ap; INSERT INTO t VALUES (1); RESET search_path'
:run
DROP SCHEMA ap;
\set body 'SELECT set_config(''search_path'', ''ap'', true); INSERT INTO public.t VALUES (1); RESET search_path; INSERT INTO t VALUES (2)'
SELECT body(:'body') \g /dev/null
SELECT migrate_upgrade();
TRUNCATE t;
-- one that the role may not use
CREATE SCHEMA closed;
\set body 'SET search_path = closed, public; SET ROLE regress_migrate_low; INSERT INTO t VALUES (1); SET search_path = app; INSERT INTO t VALUES (2)'
:run
CREATE TABLE app.low ();
ALTER TABLE app.low OWNER TO regress_migrate_low;
\set body 'SET ROLE regress_migrate_low; SET search_path = closed, public; VACUUM app.low; INSERT INTO t VALUES (1)'
SET client_min_messages = error;
SELECT body(:'body') \g /dev/null
SET client_min_messages = warning;
\set VERBOSITY terse
CALL migrate_deploy();
\set VERBOSITY default
DROP TABLE app.low;
GRANT USAGE ON SCHEMA closed TO regress_migrate_low;
\set body 'SET search_path = closed, public; SET ROLE regress_migrate_low; INSERT INTO t VALUES (3)'
:run
\set body 'SET ROLE regress_migrate_low; INSERT INTO t VALUES (4)'
:run
DROP SCHEMA closed;

-- partitioned, by a search_path of the body; made in the same segment; no more
\set body 'SET search_path = other; REINDEX TABLE parted'
CREATE TABLE other.parted (i int) PARTITION BY RANGE (i);
CREATE TABLE other.part PARTITION OF other.parted DEFAULT;
:run
SELECT kind FROM migrate.partial;
\set body 'CREATE TABLE app.parted (i int) PARTITION BY RANGE (i); CREATE TABLE app.part PARTITION OF app.parted DEFAULT; CREATE INDEX parted_i ON app.parted (i); SET search_path = app; REINDEX TABLE parted; REINDEX INDEX parted_i; CLUSTER parted USING parted_i; INSERT INTO t VALUES (1)'
:run
\set body 'SET search_path = app; DROP TABLE parted; CREATE TABLE parted (i int); CREATE INDEX parted_i ON app.parted (i); REINDEX TABLE parted; CLUSTER parted USING parted_i; INSERT INTO t VALUES (1)'
:run
SELECT upgrade_transactions FROM migrate.revision WHERE revision = 's';
-- a value of an enum, used without its text or added by DO
CREATE TYPE mood AS ENUM ('a');
\set body 'ALTER TYPE mood ADD VALUE ''bc''; INSERT INTO t SELECT 1 WHERE (''b'' || ''c'')::mood > ''a''; DO $$BEGIN ALTER TYPE mood ADD VALUE ''d''; END$$; INSERT INTO t SELECT 2 WHERE ''d'' = ANY (enum_range(NULL::mood)::text[]) AND ''d''::mood > ''a'''
:run
SELECT upgrade_transactions FROM migrate.revision WHERE revision = 's';
\set body 'DO $$BEGIN ALTER TYPE mood ADD VALUE ''e''; END$$; INSERT INTO t SELECT 1 WHERE ''e''::mood > ''a''; INSERT INTO t SELECT 1 / 0'
:run
SELECT partial FROM migrate_current() JOIN migrate_history_details() USING (revision);

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP FUNCTION body;
DROP VIEW in_tables;
DROP TABLE seen, public.t;
DROP TYPE mood;
DROP SCHEMA app, other CASCADE;
DROP OWNED BY regress_migrate_low;
DROP ROLE regress_migrate_low;
