-- register_script: the file format, any order, all or none
\i sql/include/start.sql
CREATE FUNCTION pg_temp.script(script text) RETURNS SETOF text LANGUAGE sql
AS 'SELECT pg_temp.attempt(format(''SELECT migrate_register_script(%L)'', script))';

-- several revisions, parents last; every key; comments and blank lines
SELECT migrate_register_script($script$
-- A comment in front.

-- revision: c3
--down_revision: b2 , x1
-- message:   join: both, at last
-- migrate:up
-- migrate:down

-- revision : b2
-- down_revision:a1
-- depends_on: billing, a1
-- branch_labels: geo, places,
-- migrate:up
CREATE TABLE b (i int); -- migrated down
/*
-- migrate:down
*/
INSERT INTO b SELECT length('
-- migrate:down
');
  -- migrate:down
DROP TABLE b;
-- revision: a1
-- message:
-- migrate:up
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '
-- revision: nothing
-- migrate:down
' $$;
-- revision: x1
-- branch_labels: billing
-- migrate:down
SELECT 'only down';
-- revision: y1
$script$);
SELECT revision, down_revision, depends_on, branch_labels, message,
       upgrade_statements AS up, downgrade_statements AS down
  FROM migrate.revision ORDER BY revision;
SELECT revision, upgrade, downgrade FROM migrate_show('b2') \gx
SELECT revision, upgrade, downgrade FROM migrate_show('a1') \gx

-- the same script again, an extended one: what is there is left alone
SELECT migrate_register_script(E'-- revision: y1\n-- revision: z1\n-- down_revision: y1');
-- CR LF and a byte order mark
SELECT migrate_register_script(E'\ufeff-- revision: r1\r\n-- message: with CR LF\r\n-- migrate:up\r\nSELECT 1;\r\n-- migrate:down\r\n');
SELECT quote_literal(message) AS message, upgrade = E'SELECT 1;\r\n' AS up, downgrade = '' AS down
  FROM migrate.revision WHERE revision = 'r1';

-- a script may say less than all: registered with a database that has the rest
SELECT migrate_register_script(E'-- revision: s1\n-- down_revision: r1\n-- depends_on: geo');

-- errors point into the script, and nothing of it is registered
SELECT migrate_register_script(E'-- revision: n1\n-- migrate:up\nSELECT 1;\nSELEC 2;');
SELECT migrate_register_script(E'-- revision: n1\n-- migrate:up\nSELECT 1;\n\n-- revision: n2\n-- migrate:up\nSELECT ''ж'';\n-- migrate:down\nCOMMIT;');
SELECT migrate_register_script(E'-- revision: n1\n-- migrate:up\n-- migrate:down\n\\copy t from f');
SELECT migrate_register_script(E'-- revision: n1\nSELECT 1;');
SELECT migrate_register_script(E'SELECT 1;\n-- revision: n1\n');
SELECT migrate_register_script(E'-- revision: n1\n-- migrate:up\nSELECT ''open');
\a
\t on
SELECT pg_temp.script(s) FROM unnest(ARRAY[
	-- the form
	'', '-- nothing', E'-- revision:\n', E'-- message: m\n-- revision: n1',
	E'-- migrate:up\n', E'-- revision: n1\n-- message: a\n-- message: b',
	E'-- revision: n1\n-- down_revision: a1\n-- down_revision: b2',
	E'-- revision: n1\n-- migrate:up\n-- migrate:up',
	E'-- revision: n1\n-- migrate:down\n-- migrate:down',
	E'-- revision: n1\n-- migrate:down\n-- migrate:up',
	E'-- revision: n1\n-- migrate:up now', E'-- revision: n1\n-- migrate:down -- all',
	E'-- revision: n1\n-- revision: n2\n-- revision: n1',
	-- what it says
	E'-- revision: n1\n-- revision: n2\n-- down_revision: nosuch',
	E'-- revision: n1\n-- depends_on: nosuch', E'-- revision: n1\n-- branch_labels: geo',
	E'-- revision: n1\n-- branch_labels: n2\n-- revision: n2',
	E'-- revision: n1\n-- branch_labels: l\n-- revision: n2\n-- branch_labels: l',
	E'-- revision: n1\n-- down_revision: n1', E'-- revision: n1\n-- depends_on: n1',
	E'-- revision: n1\n-- down_revision: n2\n-- revision: n2\n-- down_revision: n1',
	E'-- revision: n1\n-- depends_on: n3\n-- revision: n2\n-- down_revision: n1\n-- revision: n3\n-- down_revision: n2',
	(SELECT string_agg(format(E'-- revision: n%s\n-- down_revision: n%s\n', i, i % 12 + 1), '') FROM generate_series(1, 12) AS i),
	E'-- revision: n 1, 2\n-- branch_labels: head',
	E'-- revision: n1\n-- revision: a1\n-- migrate:up\nSELECT 2',
	E'-- revision: n1\n-- revision: ' || repeat('n', 33)]) AS s;
SELECT pg_temp.attempt('SELECT migrate_register_script(NULL)');
\a
\t off
SELECT revision FROM migrate_history() WHERE revision LIKE 'n%';
-- the bodies are run as they were split
SET client_min_messages = warning;
SELECT migrate_upgrade('c3');
SELECT length(f()), i FROM b;
SELECT migrate_downgrade('b2@a1');
SELECT migrate_downgrade('base');
RESET client_min_messages;
-- what would silently become something else: files joined without a line end,
-- a key that is almost one, a message with lines of its own
SELECT migrate_register_script(E'-- revision: j1\n-- migrate:up\nSELECT 1;-- revision: j2\n-- down_revision: j1\n');
SELECT migrate_register_script(E'-- revision: j1\n-- down-revision: a\n-- migrate:up\nSELECT 1');
SELECT migrate_register_script(E'-- revision: j1\n-- Branch_Label: a\n-- migrate:up\nSELECT 1');
SELECT migrate_register_script(E'-- revision: j1\n-- depends_ons: a\n-- migrate:up\nSELECT 1');
SELECT migrate_register_script(E'-- revision: j1\n-- note: a\n-- migrate:up\nSELECT 1\n-- down-revisions: not a key here');
-- what is a remark stays one
SELECT migrate_register_script(E'-- revision: j3\n-- down revision none\n-- what follows here is a longer remark: with a colon\n-- migrate: to and fro\n-- migrate:up\nSELECT 1\n-- migrate upwards');
SELECT upgrade, downgrade FROM migrate_show('j3');
SELECT migrate_register('j2', '', '', '{j1}', message => E'two lines\nERROR:  not one');
SELECT migrate_upgrade('j2');
-- what revisions are to each other is told beside other errors
SELECT migrate_register_script(E'-- revision: w1\n-- down_revision: nosuch\n-- revision: w2\n-- migrate:up\nSELEC 1;\n-- revision: w3\n-- down_revision: w2\n-- depends_on: missing\n-- revision: w4\n-- down_revision: w5\n-- revision: w5\n-- down_revision: w4\n-- repeatable: r\n-- depends_on: none\n-- migrate:up');
\i sql/include/reset.sql
DROP FUNCTION f();
