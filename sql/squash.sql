-- squash: one revision in the place of a line of them
\i sql/include/start.sql
CREATE ROLE regress_migrate_low;
CREATE TEMP TABLE file (path text, content text);
CREATE PROCEDURE pg_temp.remove_all() LANGUAGE plpgsql AS $$
DECLARE
	id text;
BEGIN
	LOOP
		SELECT revision INTO id FROM migrate_heads(resolve_dependencies => true);
		EXIT WHEN NOT FOUND;
		PERFORM migrate_unregister(id);
	END LOOP;
END $$;
CREATE PROCEDURE pg_temp.old_chain() LANGUAGE sql AS $$
	SELECT migrate_register_script($script$
-- revision: a
-- branch_labels: core
-- migrate:up
CREATE TABLE account (id int); -- the first one
-- migrate:down
DROP TABLE account
-- revision: b
-- down_revision: a
-- branch_labels: mail
-- migrate:up
ALTER TABLE account ADD COLUMN email text
-- no semicolon
-- migrate:down
ALTER TABLE account DROP COLUMN email;
-- migrate:verify
SELECT count(*) = 0 FROM account;
-- revision: c
-- down_revision: b
-- migrate:up
-- migrate:down
-- revision: d
-- down_revision: c
-- depends_on: core
-- migrate:up
CREATE INDEX account_email ON account (email);
-- migrate:down
DROP INDEX account_email;
-- migrate:verify
SELECT true;
-- revision: e
-- down_revision: d
-- depends_on: d
-- migrate:up
CREATE TABLE invoice (id int);
-- migrate:down
DROP TABLE invoice;
$script$)
$$;
\a
\t on

-- the same schema either way, up and down
CALL pg_temp.old_chain();
SELECT migrate_fingerprint() AS empty \gset
SELECT migrate_upgrade();
SELECT migrate_fingerprint() AS old \gset
SELECT migrate_downgrade('base');
SELECT migrate_squash('a:d', 's', 'four in one');
SELECT revision, down_revision, branch_labels, depends_on, message, upgrade, downgrade, verify FROM migrate_show('s');
SELECT revision, down_revision, depends_on FROM migrate_history_details();
SELECT migrate_upgrade();
SELECT migrate_fingerprint() = :'old' AS same;
SELECT migrate_downgrade('base');
SELECT migrate_fingerprint() = :'empty' AS same;
-- its file says what it replaces
INSERT INTO file SELECT * FROM migrate_export();
SELECT * FROM file;
CALL pg_temp.remove_all();

-- another database, before the line: the file replaces what is pending there
CALL pg_temp.old_chain();
SELECT r.* FROM (SELECT array_agg(path) AS paths, array_agg(content) AS contents FROM file) AS f, migrate_register_files(f.paths, f.contents) AS r;
SELECT revision, state FROM migrate_history();
SELECT r.result FROM (SELECT array_agg(path) AS paths, array_agg(content) AS contents FROM file) AS f, migrate_register_files(f.paths, f.contents) AS r;
CALL pg_temp.remove_all();
-- behind it, with the row of its end, and of what comes after
CALL pg_temp.old_chain();
SELECT migrate_upgrade('d');
SELECT r.* FROM (SELECT array_agg(path) AS paths, array_agg(content) AS contents FROM file) AS f, migrate_register_files(f.paths, f.contents) AS r;
SELECT revision, state FROM migrate_history();
SELECT version_num FROM migrate.version;
SELECT revision, operation, state, detail, version_table FROM migrate.log WHERE state = 'squashed';
SELECT migrate_upgrade();
SELECT migrate_downgrade('base');
SELECT migrate_fingerprint() = :'empty' AS same;
CALL pg_temp.remove_all();
CALL pg_temp.old_chain();
SELECT migrate_upgrade('e');
SELECT migrate_register_script(string_agg(content, '')) FROM file;
SELECT revision, state FROM migrate_history();
SELECT version_num FROM migrate.version;
SELECT migrate_downgrade('base');
SELECT migrate_fingerprint() = :'empty' AS same;
-- the files of before are refused then, alone and beside it
SELECT pg_temp.attempt($$SELECT migrate_register_script('-- revision: b')$$);
SELECT pg_temp.attempt($$SELECT migrate_register('a', '')$$);
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- revision: x\n-- replaces: y\n-- revision: y')$$);
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- revision: x\n-- replaces: x')$$);
-- which file it is, and which revision stands for a down revision
SELECT * FROM migrate_register_files('{new.sql,old.sql}', ARRAY[E'-- revision: n\n-- down_revision: b', E'-- a remark\n-- revision: b']);
SELECT * FROM migrate_register_files('{new.sql}', ARRAY[E'-- revision: n\n-- down_revision: b']);
CALL pg_temp.remove_all();
-- inside of it: both ways out
CALL pg_temp.old_chain();
SELECT migrate_upgrade('b');
SELECT pg_temp.attempt($$SELECT migrate_register_script(string_agg(content, '')) FROM file$$);
SELECT pg_temp.attempt($$SELECT migrate_squash('a:d', 's')$$);
SELECT pg_temp.attempt($$SELECT migrate_squash('b:c', 's')$$);
SELECT revision, state FROM migrate_history();
SELECT migrate_downgrade('base');
-- other version tables are looked at, too, and moved
CREATE TABLE other (version_num varchar(32) PRIMARY KEY);
SET migrate.version_table = 'public.other';
SELECT migrate_upgrade('b');
RESET migrate.version_table;
SELECT pg_temp.attempt($$SELECT migrate_squash('a:d', 's')$$);
SET migrate.version_table = 'public.other';
SELECT migrate_upgrade('d');
RESET migrate.version_table;
SELECT migrate_squash('a:d', 's');
TABLE other;
SELECT count(*) FROM migrate.version;
SET migrate.version_table = 'public.other';
SELECT migrate_downgrade('base');
RESET migrate.version_table;
DROP TABLE other;
CALL pg_temp.remove_all();

-- what is no line, and what others need
SELECT migrate_register_script($script$
-- revision: p1
-- revision: p2
-- down_revision: p1
-- revision: p3
-- down_revision: p2
-- revision: q2
-- down_revision: p1
-- revision: m
-- down_revision: p3, q2
-- revision: n
-- down_revision: m
-- revision: x
-- depends_on: p2
$script$);
SELECT split_part(pg_temp.attempt(call), E'\n', 1) FROM unnest(ARRAY[
	$$SELECT migrate_squash('p1:p2', 's')$$, $$SELECT migrate_squash('p2:p3', 's')$$, $$SELECT migrate_squash('p1:n', 's')$$,
	$$SELECT migrate_squash('p3:n', 's')$$, $$SELECT migrate_squash('n:n', 's')$$, $$SELECT migrate_squash(':', 's')$$, $$SELECT migrate_squash('m:n', 'x')$$,
	$$SELECT migrate_squash('m:n', 'm')$$, $$SELECT migrate_register_script('-- repeatable: rep'), migrate_squash('m:n', 'rep')$$, $$SELECT migrate_squash('m', 's')$$, $$SELECT migrate_squash('m:n', '')$$, $$SELECT migrate_squash('m:n', 'a@b')$$,
	$$SELECT migrate_squash(NULL, 's')$$, $$SELECT migrate_squash('m:n', NULL)$$]) AS call;
SELECT migrate_squash('m:n', 's');
SELECT down_revision, replaces FROM migrate.revision WHERE revision = 's';
-- an id that is replaced stays so
SELECT migrate_register('o1', '', '', '{s}'), migrate_register('o2', '', '', '{o1}');
SELECT pg_temp.attempt($$SELECT migrate_squash('o1:o2', 'm')$$);
CALL pg_temp.remove_all();
-- what it needs outside of the line stays, and is named once
SELECT migrate_register_script(E'-- revision: v1\n-- revision: w1\n-- depends_on: v1\n-- revision: w2\n-- down_revision: w1\n-- depends_on: w1, v1');
SELECT migrate_squash('w1:w2', 's');
SELECT depends_on FROM migrate_show('s');
CALL pg_temp.remove_all();

-- what bodies one after the other would not do
SELECT migrate_register_script($script$
-- revision: t1
-- migrate:up transaction:false
VACUUM;
-- migrate:down
-- revision: t2
-- down_revision: t1
-- migrate:up
SELECT 2;
-- revision: t3
-- down_revision: t2
-- migrate:up
SELECT 1;
SET search_path = pg_catalog;
-- migrate:down
SET search_path = pg_catalog;
-- revision: t4
-- down_revision: t3
-- migrate:up
SELECT pg_catalog.set_config('search_path', '', false);
-- migrate:down
-- revision: t5
-- down_revision: t4
-- migrate:up
SELECT 5;
-- migrate:down
SELECT -5;
-- revision: t6
-- down_revision: t5
-- set: lock_timeout = 1s
$script$);
SELECT pg_temp.attempt(format('SELECT migrate_squash(%L, %L)', range, 's')) FROM unnest('{t1:t2,t3:t4,t4:t5,t5:t6}'::text[]) AS range;
SELECT migrate_squash('t2:t3', 's');
SELECT upgrade, downgrade IS NULL AS irreversible FROM migrate_show('s');
SELECT migrate_register('t7', 'DO $$BEGIN UPDATE pg_class SET relname = relname WHERE false; END$$', '', '{t6}'), migrate_register('t8', E'DO $$BEGIN\n\tSET search_path = pg_catalog; END$$', '', '{t7}'),
	migrate_register('t9', 'DO $$BEGIN EXECUTE ''RESET search_path''; END$$', '', '{t8}'), migrate_register('t10', 'SELECT 10', '', '{t9}');
SELECT pg_temp.attempt(format('SELECT migrate_squash(%L, %L)', range, 'z')) FROM unnest('{t8:t9,t9:t10,t7:t8}'::text[]) AS range;
CALL pg_temp.remove_all();

-- a role does not become the author of what others have written with fewer rights
GRANT EXECUTE ON FUNCTION migrate_register, migrate_register_script TO regress_migrate_low;
SELECT migrate_register('u1', 'SELECT 1', '');
SET ROLE regress_migrate_low;
SELECT migrate_register('u2', 'SELECT 2', '', '{u1}');
SELECT pg_temp.attempt($$SELECT migrate_squash('u1:u2', 's')$$);
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- revision: s\n-- replaces: u1, u2')$$);
RESET ROLE;
SELECT pg_temp.attempt($$SELECT migrate_squash('u1:u2', 's')$$);
SELECT migrate_approve('u2', hash) FROM migrate_show('u2');
SELECT migrate_squash('u1:u2', 's');
SELECT revision, registered_by = current_user AS own, approved_by FROM migrate_show('s') LEFT JOIN migrate.approval USING (revision);
-- and one with the right to may replace
SELECT migrate_register('u3', 'SELECT 3', '', '{s}');
GRANT EXECUTE ON FUNCTION migrate_squash TO regress_migrate_low;
SET ROLE regress_migrate_low;
SELECT migrate_register_script(E'-- revision: z\n-- replaces: s, u3');
RESET ROLE;
SELECT revision, registered_by, replaces FROM migrate.revision;
-- a database that has not seen the step between
SELECT migrate_unregister('z');
SELECT migrate_register('u1', ''), migrate_register('u3', '', '', '{u1}');
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- revision: z\n-- replaces: s, u3')$$);
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- revision: u3\n-- down_revision: u1\n-- replaces: u1')$$);
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- revision: z\n-- down_revision: u1\n-- replaces: u1, u3')$$);
\a
\t off
DROP OWNED BY regress_migrate_low;
\i sql/include/reset.sql
DROP ROLE regress_migrate_low;
