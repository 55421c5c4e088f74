-- script_errors: all errors of a script or of files are told at once, and none that
-- only follows from another one
\i sql/include/start.sql
\a
\t on
CREATE FUNCTION pg_temp.script(text) RETURNS text LANGUAGE sql
AS 'SELECT pg_temp.attempt(format(''SELECT migrate_register_script(%L)'', $1))';

-- a section that was meant to begin behind the header
SELECT pg_temp.script(E'-- revision: aa\n-- upgrade\nSELECT 1;\n-- revision: bb\n-- migrate up\nSELECT 1;\n-- migrate:down\nSELEC 1;\n');
-- a line that was to begin a revision: misspelled, behind a statement, behind a comment
SELECT pg_temp.script(E'-- file: 1.sql\n-- revision: a\n-- migrate:up\nSELECT 1;\n-- file: 3.sql\n-- revisoin: q3\n-- down_revision: a\n-- migrate:up\nSELECT 1;\n-- file: 4.sql\n-- revision: q4\n-- down_revision: q3\n-- migrate:up\nSELECT 1;\n');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1; -- revision: b\n-- down_revision: a\n-- migrate:up\nSELECT 1;\n-- revision: c\n-- down_revision: b\n');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1;\n-- the end-- revision: b\n-- down_revision: a\n-- migrate:up\nSELECT 1;\n-- revision: c\n-- down_revision: b\n-- message: merge;-- repeatable: r\n-- migrate:up\nSELECT 1;\n');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1;\n/* repeatable: r1 */\n-- migrate:up\nSELECT 1;\n-- repeatable = r2\n-- migrate:up\nSELECT 1;\n-- repeatable: r3\n-- depends_on: r1, r2\n-- migrate:up\nSELECT 1');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1;\n-- Revision: a\nSELECT 2;\n-- migrate:down\nSELECT 3;');
-- a comment about such a line
SELECT pg_temp.script(E'-- revision: a\n-- message: as "-- revision: b" --revision: x\n-- migrate:up\n-- as (-- revision: b)\nSELECT 1;\n');
SELECT migrate_unregister('a');

-- after a line that is wrong, what follows is the text of no section
SELECT pg_temp.script(E'-- repeatable: r\n-- migrate:up\nCREATE VIEW v AS SELECT 1\n-- migrate:down\nDROP VIEW v;\n');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1\n-- migrate:up\nSELECT 2;\n-- revision: b\n-- migrate:up now\nSELECT 1;\n');

-- what a revision refers to is looked at beside its bodies and without an error of
-- them, and each item of a line
SELECT pg_temp.script(E'-- revision: a\n-- down_revision: no1, no2\n-- depends_on: no3, no1, no3, a\n-- migrate:up\nSELEC 1;\n-- migrate:verify\nSELEC 2;\n-- revision: b\n-- down_revision: a\n-- repeatable: r\n-- depends_on: no4, no5\n-- allow: no6, drop-column\n-- migrate:up\nSELEC 3;\n');
SELECT pg_temp.script(E'-- revision: a\n-- down_revision: no1\n-- revision: b\n-- depends_on: no2\n-- repeatable: r\n-- depends_on: no3\n-- migrate:up\nSELECT 1;\n');
SELECT migrate_register_script(E'-- revision: a\n-- down_revision: no1\n');
SELECT * FROM migrate_register_files(ARRAY['a.sql'], ARRAY[E'-- revision: a\n-- down_revision: no1, no2\n-- migrate:up\nSELEC 1;\n']);
SELECT pg_temp.script(E'-- revision: a\n-- branch_labels: head, base, base, a\n-- set: lock_timeout = banana, nosuch = 1\n-- allow: nosuchrule, rename-column, add-colum (y), drop-column\n-- message: x\n');
SELECT pg_temp.script(E'-- revision: a\n-- set: lock_timeout\n-- branch_labels: x, x\n');

-- names: as an own label, of two repeatables, of both kinds
SELECT pg_temp.script(E'-- revision: a\n-- branch_labels: a\n-- revision: b\n');
SELECT pg_temp.script(E'-- repeatable: r\n-- migrate:up\nSELECT 1;\n-- repeatable: r\n-- migrate:up\nSELECT 1;\n-- revision: s\n-- repeatable: s\n-- migrate:up\nSELECT 1;\n');
-- cycles of repeatables, the name of a revision
SELECT migrate_register('a', '');
SELECT pg_temp.script(E'-- repeatable: r1\n-- depends_on: r2\n-- migrate:up\nSELECT 1;\n-- repeatable: r2\n-- depends_on: r0, r1\n-- migrate:up\nSELECT 1;\n-- repeatable: r3\n-- depends_on: r3, r1\n-- migrate:up\nSELECT 1;\n-- repeatable: a\n-- migrate:up\nSELECT 1;\n');
SELECT * FROM migrate_register_files(ARRAY['1.sql', '2.sql', '3.sql'], ARRAY[E'-- repeatable: r0\n-- migrate:up\nSELECT 1;\n', E'-- repeatable: r1\n-- depends_on: r2\n-- migrate:up\nSELECT 1;\n', E'-- repeatable: r2\n-- depends_on: r0, r1\n-- migrate:up\nSELECT 1;\n']);
SELECT migrate_unregister('a');

-- a revision and the one that replaces it, beside another error
SELECT * FROM migrate_register_files(ARRAY['a.sql', 'b.sql', 'c.sql', 'd.sql'], ARRAY['-- revision: a', E'-- revision: b\n-- down_revision: a', E'-- revision: c\n-- replaces: a, b', E'-- revision: d\n-- down_revision: no1']);

-- no warning that a revision is registered, if it is not
SELECT * FROM migrate_register_files(ARRAY['1_a.up.sql', '1_a.down.sql', '2_b.up.sql'], ARRAY['SELECT 1;', 'SELEC 1;', 'SELEC 2;']);
SELECT * FROM migrate_register_files(ARRAY['1_a.up.sql', '1_a.down.sql'], ARRAY['SELECT 1;', 'SELEC 1;']);
SELECT migrate_unregister('1');
-- a name in other letters is left out with a notice
SELECT * FROM migrate_register_files(ARRAY['m/001_a.sql', 'm/002_b.SQL'], ARRAY[E'-- +goose Up\nSELECT 1;\n', E'-- +goose Up\nSELECT 2;\n']);
SELECT migrate_unregister('001');

-- prune: what is built on a pending file that is gone is built on what was below it
SELECT * FROM migrate_register_files(ARRAY['1_a.sql', '2_b.sql', '3_c.sql', '4_d.sql'], ARRAY['SELECT 1;', 'SELECT 2;', 'SELECT 3;', 'SELECT 4;'], 'sqlx');
SELECT migrate_stamp('1');
SELECT * FROM migrate_register_files(ARRAY['1_a.sql', '3_c.sql', '4_d.sql'], ARRAY['SELECT 1;', 'SELECT 3;', 'SELECT 4;'], 'sqlx', prune => true);
SELECT revision, down_revision FROM migrate.revision ORDER BY 1;
-- another change needs replace, too; one that is applied stays
SELECT * FROM migrate_register_files(ARRAY['1_a.sql', '4_d.sql'], ARRAY['SELECT 1;', 'SELECT 44;'], 'sqlx', prune => true);
SELECT * FROM migrate_register_files(ARRAY['3_c.sql', '4_d.sql'], ARRAY['SELECT 3;', 'SELECT 4;'], 'sqlx', prune => true);
SELECT migrate_stamp('4');
SELECT * FROM migrate_register_files(ARRAY['1_a.sql', '4_d.sql'], ARRAY['SELECT 1;', 'SELECT 4;'], 'sqlx', prune => true);
-- in our format the file says it
SELECT migrate_stamp('1');
SELECT migrate_unregister('4');
SELECT * FROM migrate_register_files(ARRAY['1.sql', '3.sql', '5.sql'], ARRAY[E'-- revision: 1\n-- message: a\n-- migrate:up\nSELECT 1;\n', E'-- revision: 3\n-- down_revision: 1\n-- message: c\n-- migrate:up\nSELECT 3;', E'-- revision: 5\n-- down_revision: 3\n']);
SELECT * FROM migrate_register_files(ARRAY['1.sql', '5.sql'], ARRAY[E'-- revision: 1\n-- message: a\n-- migrate:up\nSELECT 1;\n', E'-- revision: 5\n-- down_revision: 3\n'], prune => true);
SELECT * FROM migrate_register_files(ARRAY['1.sql', '5.sql'], ARRAY[E'-- revision: 1\n-- message: a\n-- migrate:up\nSELECT 1;\n', E'-- revision: 5\n-- down_revision: 1\n'], prune => true);
SELECT migrate_stamp('5');
-- the file of an applied revision is missing: no error for what is built on it
SELECT * FROM migrate_register_files(ARRAY['5.sql'], ARRAY[E'-- revision: 5\n-- down_revision: 1\n'], prune => true);
SELECT migrate_stamp('base');
SELECT migrate_unregister('5'), migrate_unregister('1');

-- the line of the key that an error is about
SELECT pg_temp.script(E'-- revision: a\n-- message: x\n-- branch_labels: base, x\n-- replaces: a\n-- external: x\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- external: y\nSELECT 2;\n-- revision: b\n-- down_revision: a, a\n-- branch_labels: x\n-- depends_on: no1\n-- revision: c\n-- message: y\n-- down_revision: no2\n-- revision: d\n-- message: z\n-- branch_labels: c\n');

-- of several errors each is told with what to do about it, and a hint once
SELECT pg_temp.script(E'-- revision: a\n-- Message: x\n-- alow: truncate (y)\n-- migrate:up\nSELECT 1;\n-- migrate:dwon\nSELECT 2;\n-- revision: b\n-- down_revision: a\n-- Message: x\n-- migrate:up\nVACUUM;\n-- migrate:dwon\n');

-- a base without a line that says so is told of, if it is not the only one
SELECT migrate_register_script(E'-- revision: a\n');
SELECT * FROM migrate_register_files(ARRAY['a.sql', 'b.sql', 'c.sql'], ARRAY[E'-- revision: a\n', E'-- revision: b\n', E'-- revision: c\n-- down_revision: b\n']);
SELECT * FROM migrate_register_files(ARRAY['b.sql', 'c.sql', 'd.sql'], ARRAY[E'-- revision: b\n-- down_revision: a\n', E'-- revision: c\n-- down_revision: b\n', E'-- revision: d\n-- down_revision:\n'], replace => true);
SELECT migrate_register_script(E'-- revision: c\n-- revision: e\n', replace => true);
-- what is exported says it where there are several
SELECT content FROM migrate_export() WHERE path LIKE '%\_d.sql';
SELECT migrate_unregister(r) FROM unnest('{c,d,e}'::text[]) AS r;
SELECT content FROM migrate_export();
\a
\t off
\i sql/include/reset.sql
