-- register_again: registering a revision twice, and replace
\i sql/include/start.sql
CREATE ROLE regress_migrate_other;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_upgrade TO regress_migrate_other;
CREATE TABLE t (i int);

SELECT migrate_register('a', 'INSERT INTO t VALUES (1)', 'DELETE FROM t', branch_labels => '{x,y}', message => 'm');
SELECT migrate_register('b', '', '', '{a}');

-- the same, or reformatted: nothing happens, whatever replace says
CREATE TEMP TABLE before AS SELECT * FROM migrate.revision;
SELECT migrate_register('a', 'INSERT INTO t VALUES (1)', 'DELETE FROM t', branch_labels => '{x,y}', message => 'm');
SELECT migrate_register('a', E'insert into T\n  values (1) -- one\n', '/* all */ DELETE FROM	t',
	branch_labels => '{x,y,x}', message => 'm');
SET ROLE regress_migrate_other;
SELECT migrate_register('a', 'INSERT INTO t VALUES (1)', 'DELETE FROM t', branch_labels => '{x,y}', message => 'm');
RESET ROLE;
SELECT count(*) FROM (TABLE migrate.revision EXCEPT TABLE before) AS changed;

-- different: an error that says in what
\a
\t on
SELECT pg_temp.attempt('SELECT migrate_register(' || arguments || ')') FROM unnest(ARRAY[
	$$'a', 'INSERT INTO t VALUES (2)', 'DELETE FROM t', branch_labels => '{x,y}', message => 'm'$$,
	$$'a', 'INSERT INTO t VALUES (1)', 'DELETE FROM t WHERE true', branch_labels => '{x,y}', message => 'm'$$,
	$$'a', 'INSERT INTO t VALUES (1)', NULL, branch_labels => '{x,y}', message => 'm'$$,
	$$'a', 'INSERT INTO t VALUES (1)', 'DELETE FROM t', branch_labels => '{x}', message => 'm'$$,
	$$'a', 'INSERT INTO t VALUES (1)', 'DELETE FROM t', branch_labels => '{x,y}', message => 'M'$$,
	$$'a', 'INSERT INTO t VALUES (1)', 'DELETE FROM t', branch_labels => '{x,y}'$$,
	$$'b', '', ''$$, $$'b', '', '', '{a}', '{a}'$$, $$'b', '', NULL, '{a}'$$]) AS arguments;
\a
\t off

-- replace: everything may change while it is not applied
SELECT migrate_register('a', 'INSERT INTO t VALUES (2)', NULL, branch_labels => '{z}', replace => true);
SELECT revision, upgrade, downgrade, branch_labels, message FROM migrate_show('a');
-- the heads follow: b no longer depends on a, then depends on it again
SELECT migrate_register('b', '', '', replace => true);
SELECT revision FROM migrate_heads();
SELECT migrate_register('b', '', '', '{a}', replace => true);
SELECT revision FROM migrate_heads();
SELECT revision, is_head, is_real_head FROM migrate.revision ORDER BY revision;
-- replace of nothing is a registration
SELECT migrate_register('c', '', '', '{b}', replace => true);

-- what replace must not do
\a
\t on
SELECT pg_temp.attempt('SELECT migrate_register(' || arguments || ', replace => true)') FROM unnest(ARRAY[
	$$'a', '', down_revision => '{c}'$$, $$'a', '', depends_on => '{c}'$$,
	$$'a', '', down_revision => '{a}'$$, $$'a', '', branch_labels => '{b}'$$,
	$$'a', 'SELEC 1'$$]) AS arguments;
SELECT migrate_register('d', '', depends_on => '{z}');
SELECT pg_temp.attempt($$SELECT migrate_register('a', '', branch_labels => '{other}', replace => true)$$);
\a
\t off
SELECT migrate_unregister('d');
SELECT revision, upgrade, branch_labels FROM migrate_show('a');

-- another role that replaces a body becomes its author; one that confirms the
-- same body takes it over as well
SET ROLE regress_migrate_other;
SELECT migrate_register('a', '', replace => true);
SELECT migrate_register('c', '', '', '{b}', replace => true);
RESET ROLE;
SELECT revision, registered_by FROM migrate_history_details();
SELECT migrate_register('a', '', replace => true);
SELECT migrate_register('c', '', '', '{b}', replace => true);

-- after it was applied: nothing changes, the same is still a no-op
SET client_min_messages = warning;
SELECT migrate_upgrade('b');
RESET client_min_messages;
SELECT migrate_register('a', '');
SELECT migrate_register('a', '', replace => true);
SELECT migrate_register('b', 'SELECT 1', '', '{a}', replace => true);
SELECT migrate_register('a', 'SELECT 1', replace => true);
-- not applied yet: c may change
SELECT migrate_register('c', 'SELECT 1', '', '{b}', replace => true);
-- taken down again: b may change
SET client_min_messages = warning;
SELECT migrate_downgrade('a');
RESET client_min_messages;
SELECT migrate_register('b', 'SELECT 1', '', '{a}', replace => true);
-- applied in another version table, by a stamp of a descendant
CREATE TABLE public.elsewhere (version_num varchar(32) PRIMARY KEY);
SELECT migrate_register('z1', 'SELECT 1', '');
SELECT migrate_register('z2', '', '', '{z1}');
SET migrate.version_table = 'public.elsewhere';
SELECT migrate_stamp('z2');
RESET migrate.version_table;
SELECT migrate_register('z1', 'SELECT 2', '', replace => true);
SELECT migrate_unregister('z2');
DROP TABLE public.elsewhere;
SELECT migrate_register('z1', 'SELECT 2', '', replace => true);

-- what a call leaves out of what a file has said is named
SELECT * FROM migrate_register_script($$
-- revision: f1
-- allow: no-downgrade (x)
-- migrate:up transaction:false
SELECT 1;
-- migrate:down
SELECT 1;
-- revision: f2
-- external: run fill.py
-- migrate:up
-- migrate:down
-- external: run empty.py
$$);
SELECT migrate_register('f1', 'SELECT 2', 'SELECT 1', replace => true);
SELECT migrate_register('f2', 'SELECT 2', 'SELECT 1', replace => true);

-- more than fifty are not listed
SELECT count(*) FROM migrate_register_script((SELECT string_agg(format(E'-- revision: m%s\n', n), '' ORDER BY n) FROM generate_series(1, 52) AS n));
SELECT migrate_register_script((SELECT string_agg(format(E'-- revision: m%s\n-- message: other\n', n), '' ORDER BY n) FROM generate_series(1, 52) AS n));

\i sql/include/reset.sql
DROP TABLE t;
REVOKE ALL ON FUNCTION migrate_register, migrate_upgrade FROM regress_migrate_other;
DROP ROLE regress_migrate_other;
