-- privileges: which role may call what, and grants like those of docs/roles.md
\i sql/include/start.sql
CREATE ROLE regress_migrate_nobody;
CREATE ROLE regress_migrate_viewer;
CREATE ROLE regress_migrate_operator;
CREATE ROLE regress_migrate_author;

-- every function with its ACL
SELECT p.oid::regprocedure AS function,
       coalesce((SELECT string_agg(
                  coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'), ', '
                  ORDER BY a.grantee)
                   FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
                  WHERE a.grantee <> p.proowner), 'owner only') AS may_execute
  FROM pg_proc AS p JOIN pg_depend AS d
    ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'migrate'
 ORDER BY p.oid::regprocedure::text COLLATE "C";
-- only the owner has a privilege on schema, tables and types; pg_monitor reads the views
SELECT nspname, coalesce((SELECT string_agg(a.grantee::regrole || ': ' || a.privilege_type, ', ' ORDER BY a.grantee::regrole::text) FROM aclexplode(nspacl) AS a WHERE a.grantee <> nspowner), 'owner only') AS privileges
  FROM pg_namespace WHERE nspname = 'migrate';
SELECT relname, coalesce((SELECT string_agg(a.grantee::regrole || ': ' || a.privilege_type, ', ' ORDER BY a.grantee::regrole::text) FROM aclexplode(relacl) AS a WHERE a.grantee <> relowner), 'owner only') AS privileges
  FROM pg_class
 WHERE relnamespace = 'migrate'::regnamespace AND relkind IN ('r', 'v', 'S')
 ORDER BY relname COLLATE "C";
SELECT t.typname, t.typacl IS NOT NULL AND NOT EXISTS (SELECT FROM aclexplode(t.typacl) WHERE grantee <> t.typowner) AS owner_only
  FROM pg_type AS t JOIN pg_class AS c ON c.oid = t.typrelid
 WHERE t.typnamespace = 'migrate'::regnamespace AND c.relkind = 'c'
 ORDER BY t.typname;

-- nothing that the extension consists of needs a function, operator, type or
-- collation of another schema: its owner could have put it there
WITH RECURSIVE part AS (
	SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
	   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'migrate')
	UNION
	SELECT d.classid, d.objid FROM part AS p
	  JOIN pg_depend AS d ON d.refclassid = p.classid AND d.refobjid = p.objid
	 WHERE d.deptype IN ('a', 'i'))
SELECT pg_describe_object(classid, objid, 0) AS part, pg_describe_object(d.refclassid, d.refobjid, 0) AS needs
  FROM part JOIN pg_depend AS d USING (classid, objid)
 WHERE d.refclassid NOT IN ('pg_extension'::regclass, 'pg_namespace'::regclass)
   AND (pg_identify_object(d.refclassid, d.refobjid, 0)).schema IS DISTINCT FROM 'pg_catalog'
   AND (d.refclassid, d.refobjid) NOT IN (SELECT classid, objid FROM part);

-- without grants: refused where state changes or bodies show
SET ROLE regress_migrate_nobody;
\a
\t on
SELECT pg_temp.attempt(call) FROM unnest(ARRAY[
	$$SELECT migrate_register('a', '')$$,
	$$SELECT migrate_register_script('-- revision: a')$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{-- revision: a}')$$,
	$$SELECT * FROM migrate_register_bundle('-- file: a.sql')$$,
	$$SELECT * FROM migrate_register_directory('/tmp')$$,
	$$SELECT migrate_unregister('a')$$,
	$$SELECT migrate_merge('{a,b}', 'c')$$,
	$$SELECT migrate_upgrade()$$,
	$$SELECT migrate_downgrade('base')$$,
	$$SELECT migrate_stamp('head')$$,
	$$SELECT migrate_stamp('head', true)$$,
	$$SELECT migrate_stamp('{a}'::text[])$$,
	$$CALL migrate_batch('pg_class', 'DELETE FROM pg_class WHERE oid BETWEEN $1 AND $2', name => 'a')$$,
	$$SELECT migrate_batch_reset('a')$$,
	$$SELECT migrate_show('a')$$,
	$$SELECT * FROM migrate.revision$$,
	$$SELECT * FROM migrate.batch$$,
	$$SELECT * FROM migrate.version$$,
	$$SELECT * FROM migrate.log$$,
	$$INSERT INTO migrate.version VALUES ('x')$$]) AS call;
-- the other questions are for every role
SELECT call, pg_temp.attempt(call) FROM unnest(ARRAY[
	'SELECT * FROM migrate_current()',
	'SELECT * FROM migrate_heads()',
	'SELECT * FROM migrate_branches()',
	'SELECT * FROM migrate_history()',
	'SELECT * FROM migrate_history_details()',
	'SELECT migrate_graph()',
	'SELECT * FROM migrate_plan()',
	'SELECT * FROM migrate_plan_details()',
	'SELECT count(*) > 0 FROM migrate_doctor()',
	'SELECT count(*) > 0 FROM migrate_doctor_details()',
	'SELECT migrate_is_current()']) AS call;
\a
\t off
RESET ROLE;

-- grants like those of docs/roles.md
GRANT EXECUTE ON FUNCTION migrate_show TO regress_migrate_viewer;
GRANT USAGE ON SCHEMA migrate TO regress_migrate_viewer;
GRANT SELECT ON migrate.log TO regress_migrate_viewer;
GRANT EXECUTE ON FUNCTION migrate_upgrade, migrate_downgrade,
  migrate_stamp(text, boolean), migrate_stamp(text[], boolean) TO regress_migrate_operator;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_register_script,
  migrate_unregister, migrate_merge TO regress_migrate_author;
CREATE SCHEMA regress_app AUTHORIZATION regress_migrate_operator;
-- an author's bodies run as a role of which the author is a member
GRANT regress_migrate_operator TO regress_migrate_author;

SET ROLE regress_migrate_author;
SELECT migrate_register('a1', 'CREATE TABLE regress_app.t (i int)', 'DROP TABLE regress_app.t');
SELECT migrate_register_script($$
-- revision: b1
-- revision: b2
-- down_revision: a1
$$);
SELECT migrate_merge('{b1,b2}', 'm');
SELECT migrate_unregister('m');
SELECT migrate_merge('{b1,b2}', 'm', 'join');
SET ROLE regress_migrate_operator;
SELECT migrate_stamp('b1');
SELECT migrate_stamp('{base}'::text[], purge => true);
SELECT migrate_upgrade();
SELECT migrate_downgrade('base');
SET client_min_messages = warning;
SELECT migrate_upgrade();
RESET client_min_messages;
-- what it made is its own
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'regress_app.t'::regclass;
-- and it has no right to do the rest
\a
\t on
SELECT pg_temp.attempt(call) FROM unnest(ARRAY[
	$$SELECT migrate_register('z', '')$$,
	$$SELECT migrate_show('a1')$$,
	$$SELECT * FROM migrate.log$$]) AS call;
SET ROLE regress_migrate_viewer;
SELECT pg_temp.attempt(call) FROM unnest(ARRAY[
	$$SELECT migrate_upgrade()$$,
	$$SELECT * FROM migrate.revision$$,
	$$DELETE FROM migrate.log$$]) AS call;
\a
\t off
SELECT revision, registered_by, upgrade FROM migrate_show('a1');
SELECT revision, operation, role FROM migrate.log ORDER BY started, run, step;
RESET ROLE;

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP SCHEMA regress_app CASCADE;
REVOKE ALL ON SCHEMA migrate FROM regress_migrate_viewer;
REVOKE ALL ON migrate.log FROM regress_migrate_viewer;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM regress_migrate_viewer,
  regress_migrate_operator, regress_migrate_author;
DROP ROLE regress_migrate_author, regress_migrate_operator,
  regress_migrate_viewer, regress_migrate_nobody;
