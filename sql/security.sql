-- security: hostile names, injection, and whose rights a body has
\i sql/include/start.sql
CREATE ROLE regress_migrate_evil;
CREATE ROLE regress_migrate_runner;
CREATE ROLE regress_migrate_member IN ROLE regress_migrate_runner;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_register_script, migrate_upgrade, migrate_downgrade,
	migrate_unregister, migrate_merge, migrate_show, migrate_stamp(text, boolean), migrate_stamp(text[], boolean)
	TO regress_migrate_evil, regress_migrate_runner, regress_migrate_member;

-- everything that our SQL could be led astray by, in a schema in front of all
-- others: functions, operators, tables, a type, a cast
CREATE SCHEMA evil AUTHORIZATION regress_migrate_evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
SET ROLE regress_migrate_evil;
CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'trapped as %', current_user;
END $$;
DO $do$
DECLARE
	f record;
BEGIN
	-- functions of pg_catalog that are named alike, with the same arguments
	FOR f IN SELECT DISTINCT p.proname, format_type(p.prorettype, NULL) AS result,
				(SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n)
				   FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)) AS args
			   FROM pg_proc AS p
			  WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset
				AND '"any"'::regtype <> ALL (p.proargtypes) AND p.prorettype <> 'internal'::regtype
				AND p.proname IN ('format', 'quote_ident', 'quote_literal', 'current_setting',
					'pg_get_userbyid', 'to_regclass', 'pg_try_advisory_xact_lock', 'has_schema_privilege',
					'pg_has_role', 'clock_timestamp', 'cardinality', 'array_length', 'length', 'lower')
	LOOP
		EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN PERFORM evil.trap(); RETURN NULL; END''',
			f.proname, f.args, f.result);
	END LOOP;
END $do$;
CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.eq(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.eq(varchar, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.eq(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.eq(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.eq(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.eq(tid, tid) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.eq(text[], text[]) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.eq(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()';
DO $do$
DECLARE
	f record;
	o text;
BEGIN
	FOR f IN SELECT a[0] AS l, a[1] AS r FROM (SELECT proargtypes::regtype[] AS a FROM pg_proc
			  WHERE pronamespace = 'evil'::regnamespace AND proname = 'eq') AS p LOOP
		FOREACH o IN ARRAY ARRAY['=', '<>', '&&', '@>', '||', '>', '<'] LOOP
			EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.eq)', o, f.l, f.r);
		END LOOP;
	END LOOP;
END $do$;
CREATE TABLE evil.pg_class (oid oid, relname name);
CREATE TABLE evil.pg_extension (extname name, extowner oid);
CREATE TABLE evil.revision (revision text);
CREATE TABLE evil.version (version_num text);
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.trap());
RESET ROLE;
CREATE TEMP TABLE pg_extension (extname name, extowner oid);
CREATE TEMP TABLE pg_class (oid oid, relname name, relnamespace oid, relkind "char");
CREATE TEMP TABLE revision (revision text);
CREATE TEMP TABLE log (run uuid);
SET search_path = evil, pg_temp, public, pg_catalog;
SELECT count(*) OPERATOR(pg_catalog.>=) 20 AS traps FROM pg_catalog.pg_proc
 WHERE pronamespace OPERATOR(pg_catalog.=) 'evil'::pg_catalog.regnamespace;
SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text AS trapped;
SELECT lower('A'::pg_catalog.text) AS trapped;

SET client_min_messages = warning;
SELECT public.migrate_register('a1', 'SELECT 1', 'SELECT 1', message => 'm', branch_labels => '{la}');
SELECT public.migrate_register('a1', 'SELECT 1', 'SELECT 2', message => 'm', branch_labels => '{la}', replace => true);
SELECT public.migrate_register_script(E'-- revision: a2\n-- down_revision: a1\n-- revision: b1\n-- depends_on: la');
SELECT public.migrate_merge('{a2,b1}', 'm1');
SELECT public.migrate_unregister('m1');
SELECT public.migrate_upgrade('heads');
SELECT public.migrate_downgrade('la@a1');
SELECT public.migrate_stamp('{a2,b1}'::pg_catalog.text[]);
SELECT revision FROM public.migrate_current();
SELECT revision FROM public.migrate_history();
SELECT revision FROM public.migrate_heads();
SELECT revision FROM public.migrate_branches();
SELECT revision FROM public.migrate_show('a1');
SELECT revision FROM public.migrate_plan('base', 'downgrade');
SELECT public.migrate_is_current('heads');
SELECT public.migrate_stamp('base', true);
RESET search_path;
DROP TABLE pg_temp.pg_extension, pg_temp.pg_class, pg_temp.revision, pg_temp.log;
SELECT (SELECT count(*) FROM evil.revision) + (SELECT count(*) FROM evil.version) AS led_astray;
\i sql/include/reset.sql
SET client_min_messages = warning;

-- text that would be SQL if it were ever pasted into some
CREATE TABLE victim (i int);
\set evil '''); DROP TABLE victim; --'
SELECT migrate_register('x''; DROP TABLE victim; SELECT ''', '', '',
	message => :'evil', branch_labels => ARRAY[:'evil', '$$; DROP TABLE victim;', '%s%n', '\''; DROP TABLE victim']);
SELECT migrate_upgrade('x''; DROP TABLE victim; SELECT ''');
SELECT revision, message, branch_labels FROM migrate_history_details() WHERE state = 'applied';
SET application_name = '''); DROP TABLE victim; --';
SELECT migrate_downgrade(:'evil' || '@base');
RESET application_name;
\a
\t on
SELECT pg_temp.attempt(format(call, :'evil')) FROM unnest(ARRAY[
	'SELECT migrate_upgrade(%L)', 'SELECT migrate_downgrade(%L)', 'SELECT migrate_stamp(%L)',
	'SELECT migrate_stamp(ARRAY[%L])', 'SELECT migrate_history(%L)', 'SELECT migrate_show(%L)',
	'SELECT migrate_plan(%L)', 'SELECT migrate_plan(''base'', %L)', 'SELECT migrate_is_current(%L)',
	'SELECT migrate_unregister(%L)', 'SELECT migrate_merge(ARRAY[%1$L,%1$L], %1$L)',
	'SELECT migrate_register(''e'', '''', down_revision => ARRAY[%L])',
	'SELECT migrate_register(''e'', '''', depends_on => ARRAY[%L])',
	'SELECT migrate_register_script(%L)']) AS call;
-- names that others have chosen, in a hint whose statements are pasted
CREATE TABLE evil."x""; DROP TABLE victim; --" (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT migrate_register('h2', $$SELECT 1 / (current_setting('migrate.version_table') LIKE 'evil%')::int$$);
SET migrate.version_table = 'evil."x""; DROP TABLE victim; --"';
SELECT migrate_upgrade('h2');
RESET migrate.version_table;
SELECT pg_temp.attempt('SELECT migrate_upgrade(''h2'')');
\a
\t off
TABLE victim;
\i sql/include/reset.sql
DROP TABLE victim;
SET client_min_messages = warning;
DROP SCHEMA evil CASCADE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM regress_migrate_evil, regress_migrate_runner, regress_migrate_member;
DROP ROLE regress_migrate_evil, regress_migrate_member, regress_migrate_runner;
