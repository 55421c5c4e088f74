-- export: the registry as files, which make the same revisions again
\i sql/include/start.sql
CREATE ROLE regress_migrate_export;
CREATE TEMP TABLE before (revision text, hash text, allow text, bodies text[]);
CREATE TEMP TABLE file (path text, content text);
CREATE TEMP VIEW registered AS
	SELECT r.revision, s.hash, r.allow, ARRAY[r.upgrade, r.downgrade, r.verify] AS bodies
	  FROM migrate.revision AS r, migrate_show(r.revision) AS s;
-- exports all, removes all, registers the files
CREATE PROCEDURE pg_temp.move_out_and_in() LANGUAGE plpgsql AS $$
DECLARE
	id text;
BEGIN
	TRUNCATE before, file;
	INSERT INTO before SELECT * FROM registered;
	INSERT INTO file SELECT * FROM migrate_export();
	LOOP
		SELECT revision INTO id FROM migrate_heads(resolve_dependencies => true);
		EXIT WHEN NOT FOUND;
		PERFORM migrate_unregister(id);
	END LOOP;
	PERFORM migrate_register_files(array_agg(path), array_agg(content), 'migrate') FROM file;
END $$;
-- a line end behind a body is all that may differ
CREATE FUNCTION pg_temp.differences() RETURNS TABLE (name text, before text, after text) LANGUAGE sql AS $$
	SELECT COALESCE(b.revision, r.revision), b::text, r::text FROM before AS b FULL JOIN registered AS r USING (revision)
	 WHERE ROW(b.hash, b.allow) IS DISTINCT FROM ROW(r.hash, r.allow)
		OR EXISTS (SELECT FROM unnest(b.bodies, r.bodies) AS u (x, y) WHERE x IS DISTINCT FROM y AND y IS DISTINCT FROM x || E'\n')
	UNION ALL
	SELECT COALESCE(f.path, e.path), f.content, e.content FROM file AS f FULL JOIN migrate_export() AS e USING (path)
	 WHERE f.content IS DISTINCT FROM e.content
$$;

SELECT * FROM migrate_export();

-- everything a revision can have
SELECT migrate_register_script($script$
-- revision: a1
-- message: Create the accounts
-- branch_labels: core, first
-- set: lock_timeout = 5s, application_name = 'a, b'
-- allow: create-index, drop-index (the table is "new", isn't it)
-- migrate:up
CREATE TABLE account (i int);
-- migrate:down
DROP TABLE account;
-- migrate:verify
SELECT count(*) = 0 FROM account;
-- revision: b1
-- down_revision: a1
-- depends_on: core, b2
-- migrate:up transaction:false
VACUUM;
-- migrate:down transaction:false
VACUUM;

-- revision: b2
-- down_revision: a1
-- message: irreversible
-- migrate:up
SELECT 1;
-- revision: b3
-- down_revision: b2
-- migrate:down
SELECT 'only a downgrade';
-- revision: b4
-- down_revision: b3
-- migrate:verify
SELECT true;
$script$);
SELECT migrate_merge('{b4,b1}', 'm1', 'Merge the two branches');
\a
\t on
SELECT * FROM migrate_export();
\a
\t off
CALL pg_temp.move_out_and_in();
SELECT * FROM pg_temp.differences();

-- files are named by what stays, and in an order of application
SELECT migrate_register('b0', '', '', '{a1}', message => 'beside the others');
SELECT path FROM migrate_export();
SELECT path FROM migrate_export('b3:m1');
SELECT path FROM migrate_export(':b2');
SELECT path FROM migrate_export('m1:m1');
SELECT migrate_upgrade('b0');
SELECT path FROM migrate_export(':current');
SELECT migrate_downgrade('base');

-- odd ends of bodies, and what is in them
SELECT migrate_register('c1', body, '') FROM (VALUES (E'SELECT 1')) AS v (body);
SELECT migrate_register('c2', E'SELECT 1; -- no line end', E'SELECT 2 /* nor here */', '{c1}');
SELECT migrate_register('c3', E'\r\n\r\nSELECT 1;\r\nSELECT ''a\r\nb'';\r\n', E'SELECT 1;\r', '{c2}');
SELECT migrate_register('c4', E'\n\n', E' ', '{c3}');
SELECT migrate_register('c5', E'DO $body$ BEGIN\n-- migrate:down\n-- revision: c1\nNULL; END $body$;\nSELECT $$\n-- $body1$\n-- migrate:up$$', E'SELECT ''\n-- file: x\n''', '{c4}');
SELECT migrate_register('c6', E'-- message: not the one\nSELECT 1;', NULL, '{c5}');
SELECT migrate_register('c7', E'-- file: c7.sql\nSELECT 1;\n-- $body$\n', E'-- file: c8.sql', '{c6}', verify => 'SELECT true');
SELECT migrate_register('c8', E'SELECT "\ufeff";\nSELECT 1 AS\n\ufeffx;', '', '{c7}', transactional => false, downgrade_transactional => true);
SELECT migrate_register('c9', '', '', '{c8}', transactional => false);
SELECT migrate_register('c10', '', NULL, '{c9}');
CALL pg_temp.move_out_and_in();
SELECT * FROM pg_temp.differences();
SELECT path, to_json(content) AS content FROM migrate_export('c1:c10');

-- external steps
SELECT migrate_register_script(E'-- revision: f1\n-- external: move the files to S3\n-- migrate:down\n-- external: move them back\n-- a remark\n-- revision: f2\n-- external: E\'tell\\\'em\'\n-- revision: f3\n-- migrate:down\n-- external: by hand');
CALL pg_temp.move_out_and_in();
SELECT * FROM pg_temp.differences();
CALL pg_temp.move_out_and_in();
SELECT * FROM pg_temp.differences();
SELECT path, to_json(content) AS content FROM migrate_export() WHERE path ~ '_f';

-- comments of files of other tools, which ours may not have
SELECT revision FROM migrate_register_files('{1_one.up.sql,1_one.down.sql}', ARRAY[E'-- revision: 5\n-- parent: 4\nSELECT 1;\n-- file: one\n-- verify\nSELECT 2;', E'-- Revision: 4\nSELECT 3;\n-- up\n'], 'golang-migrate');
\a
\t on
SELECT content FROM migrate_export('1:1');
\a
\t off
CALL pg_temp.move_out_and_in();
SELECT * FROM pg_temp.differences();

-- names and messages of any characters
SELECT migrate_register('it''s "a"', '', '', branch_labels => '{" label","a,b","E''x''"}', message => E'Two lines:\n\n  the second, with a \\ and a '' in it\r\n');
SELECT migrate_register(' / ', '', '', '{"it''s \"a\""}', message => '');
SELECT migrate_register('d,e', '', '', '{" / "}', '{"a,b","E''x''"}', message => ' blanks ');
SELECT migrate_register('../f', '', '', '{"d,e"}', message => 'E''quoted''');
SELECT migrate_register('grün ☃', '', '', '{../f}', message => 'naïve ☃ "name", $body$ /etc/passwd `rm`');
SELECT migrate_register('E''g', '', '', '{"grün ☃"}', message => 'E''tat');
SELECT migrate_register('h.1_A', '', '', '{E''g}', allow => 'drop-index (one' || E'\n' || 'two)');
SELECT migrate_register(repeat('long', 8), '', '', '{h.1_A}', message => repeat('w ', 60));
CALL pg_temp.move_out_and_in();
SELECT * FROM pg_temp.differences();
\a
\t on
SELECT path, content FROM migrate_export('it''s "a":');
\a
\t off
SELECT migrate_register_script(E'-- revision: E\'i\'\n-- down_revision: E\'a,b\', E\'c\\\\d\\\'e\\n\\r\' ,f');
SELECT migrate_register_script(E'-- revision: E\'\'');
SELECT migrate_register_script(E'-- revision: i\n-- message: E\'a\\x\'\n-- revision: j\n-- message: E\'a\'\'b\'\n-- revision: k\n-- message: E\'a\' b\n-- revision: l\n-- message: E\'a');
SELECT revision, message FROM migrate_history('i:i') UNION ALL SELECT revision, message FROM migrate_history('j:j') UNION ALL SELECT revision, message FROM migrate_history('k:k') UNION ALL SELECT revision, message FROM migrate_history('l:l');

-- a body with a line of its own at its end
\a
\t on
SELECT split_part(script, E'\n', 2), pg_temp.attempt(format('SELECT migrate_register_script(%L)', '-- revision: n' || script)) FROM unnest(ARRAY[
	E'\n-- migrate:up $x$\nSELECT 1;\n-- migrate:down\n-- $x$ \n-- migrate:down',
	E'1\n-- migrate:up  transaction:false   $$\n-- revision: n\n  --  $$\n-- migrate:verify $_1$\nSELECT 1\n-- $_1$',
	E'2\n-- migrate:up $x$\nSELECT 1;\n-- $y$\n',
	E'2\n-- migrate:up $x$\nSELECT 1; -- $x$\n',
	E'2\n-- migrate:up $x$\nSELECT ''\n-- $x$\n',
	E'2\n-- migrate:up $x$\n/*\n-- $x$\n*/',
	E'2\n-- migrate:up $x$\nSELECT 1;\n-- $x$\nSELECT 2;',
	E'2\n-- migrate:up $x$\nSELECT 1;\n-- $x$\n-- message: late',
	E'2\n-- migrate:up $x$\nSELECT 1;\n-- $x$\n-- migrate:up',
	E'2\n-- migrate:up $x$ transaction:false\nSELECT 1;\n-- $x$\n',
	E'2\n-- migrate:up $x\nSELECT 1;\n-- $x',
	E'2\n-- migrate:up $a-b$\nSELECT 1;\n-- $a-b$',
	E'2\n-- migrate:up$x$\nSELECT 1;\n-- $x$',
	E'2\n-- migrate:down $x$\nSELECT 1;\n-- $x$\n-- revision: n3\n-- migrate:up $x$\n-- revision: n4\n-- $x$\n']) AS script;
\a
\t off
SELECT revision, to_json(upgrade) AS upgrade, to_json(downgrade) AS downgrade, verify, upgrade_transactional AS up, downgrade_transactional AS down FROM migrate.revision WHERE revision ~ '^n' ORDER BY revision;
-- in files that are one text, the line of a file ends it
SELECT migrate_register_bundle(E'-- file: 1.sql\n-- revision: n5\n-- migrate:up $x$\n-- file: 2.sql\n-- $x$\n');

-- repeatables, where no range is asked for
SELECT * FROM migrate_register_script(E'-- repeatable: b v\n-- depends_on: a v\n-- message: E\'two\\nlines\'\n-- allow: no-downgrade (why not)\n'
	'-- migrate:up $body$\n-- migrate:down\nCREATE OR REPLACE VIEW b_v AS SELECT 1 AS i;\n-- $body$\n-- repeatable: a v\n-- migrate:up\nSELECT 1');
\a
\t on
SELECT * FROM migrate_export() WHERE path ~ '^repeatable';
\a
\t off
SELECT count(*) FROM migrate_export('heads:heads') WHERE path ~ '^repeatable';
CREATE TEMP TABLE repeatable AS SELECT name, depends_on, message, allow, body_hash FROM migrate.repeatable;
CREATE TEMP TABLE exported AS SELECT * FROM migrate_export() WHERE path ~ '^repeatable';
SELECT migrate_unregister('b v'), migrate_unregister('a v');
SELECT result FROM (SELECT array_agg(path) AS paths, array_agg(content) AS contents FROM exported) AS e, migrate_register_files(paths, contents);
SELECT * FROM repeatable EXCEPT SELECT name, depends_on, message, allow, body_hash FROM migrate.repeatable;
SELECT migrate_unregister('b v'), migrate_unregister('a v');

-- the words of one are in the id of another, and letters differ in case alone
SELECT migrate_register('w', '', '', message => 'x y'), migrate_register('w_x_y', '', ''), migrate_register('W', '', '', message => 'X y');
SELECT path FROM migrate_export() WHERE path ~* '_w_x';
SELECT migrate_unregister('w'), migrate_unregister('w_x_y'), migrate_unregister('W');
SELECT * FROM migrate_register_script(E'-- repeatable: v\n-- migrate:up\n-- repeatable: V\n-- migrate:up');
SELECT path FROM migrate_export() WHERE path ~* '^repeatable_v';
SELECT migrate_unregister('v'), migrate_unregister('V');

-- what is asked for
SELECT pg_temp.attempt('SELECT * FROM migrate_export(' || arguments || ')') FROM unnest(ARRAY[
	$$'nowhere:'$$, $$'a1'$$, $$'m1:a1'$$, $$format => 'goose'$$, $$format => NULL$$]) AS arguments;
-- what no file can say, which only a change past the functions makes
UPDATE migrate.revision SET upgrade = E'SELECT 1;\nSELECT ''open' WHERE revision = 'c1';
SELECT pg_temp.attempt($$SELECT * FROM migrate_export('c1:c1')$$);
UPDATE migrate.revision SET upgrade = 'SELECT 1' WHERE revision = 'c1';
-- bodies are shown to the roles that were given the right
SET ROLE regress_migrate_export;
SELECT pg_temp.attempt('SELECT * FROM migrate_export()');
RESET ROLE;
GRANT EXECUTE ON FUNCTION migrate_export TO regress_migrate_export;
SET ROLE regress_migrate_export;
SELECT count(*) FROM migrate_export(':m1');
BEGIN READ ONLY;
SELECT count(*) FROM migrate_export(':m1');
COMMIT;
RESET ROLE;
DROP OWNED BY regress_migrate_export;
DROP ROLE regress_migrate_export;
\i sql/include/reset.sql
