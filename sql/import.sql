-- import: sets of files: what was done to each, what replace and prune may do, all
-- errors at once, the recognized format; the formats have tests of their own
\i sql/include/start.sql
\a
\t on

-- our own files, given as arrays and as a bundle
SELECT * FROM migrate_register_files(
	'{a/one.sql,a/two.sql,notes.md}',
	ARRAY[E'-- revision: f1\n-- migrate:up\nSELECT 1;\n-- migrate:down\n', E'\ufeff-- revision: f2\r\n-- down_revision: f1\r\n-- migrate:up\r\nSELECT 2;', NULL]);
\set set '-- file: a/one.sql\n-- revision: f1\n-- migrate:up\nSELECT 1; -- the same\n-- migrate:down\n-- file: a/two.sql\r\n-- revision: f2\n-- down_revision: f1\n-- migrate:up\nSELECT 22;\n-- file: three.sql\n-- revision: f3\n-- down_revision: f2\n-- file:  empty.sql \n-- nothing in it\n'
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', :'set'));
SELECT * FROM migrate_register_bundle(:'set', replace => true);
SELECT * FROM migrate_register_bundle(:'set', format => 'migrate', replace => true);
SELECT revision, down_revision, upgrade FROM migrate.revision ORDER BY 1;
-- a script is the same set
SELECT migrate_register_script(:'set');

-- removed when no file holds it, unless it is applied
\set two '-- file: a/one.sql\n-- revision: f1\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- file: a/four.sql\n-- revision: f4\n-- down_revision: f1\n'
SELECT * FROM migrate_register_bundle(:'two', prune => true);
SELECT migrate_upgrade('f4');
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, prune => true)', E'-- file: a/one.sql\n-- revision: f1\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- file: 5.sql\n-- revision: f5\n-- down_revision: f4'));
-- without prune it stays
SELECT * FROM migrate_register_bundle(E'-- file: 5.sql\n-- revision: f5\n-- down_revision: f4\n-- migrate:up\nSELECT 5;\n');
-- what is applied is never changed; other errors are told beside it
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, replace => true)', E'-- file: 1.sql\n-- revision: f1\n-- migrate:up\nSELECT 111;'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, replace => true)', E'-- file: 1.sql\n-- revision: f1\n-- migrate:up\nSELECT 111;\n-- file: 6.sql\n-- revision: f6\n-- down_revision: f5\n-- migrate:up\nSELEC 6;\n-- file: 4.sql\n-- revision: f4\n-- down_revision: f1\n-- message: another\n-- file: 7.sql\n-- revision: f7\n-- down_revision: nosuch\n-- file: 8.sql\n-- revision: f7\n-- migrate:up\nSELECT 1;\n-- Migrate:Down\nSELECT 1;\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 1.sql\n-- revision: f1\n-- migrate:up\nSELECT 111;\n-- file: 5.sql\n-- revision: f5\n-- down_revision: f4\n-- migrate:up\nSELECT 55;\n'));
-- in another version table, and while it is partial
CREATE TABLE other_version (version_num varchar(32) PRIMARY KEY);
SET migrate.version_table = 'public.other_version';
SELECT migrate_stamp('f5');
RESET migrate.version_table;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, replace => true)', E'-- file: 5.sql\n-- revision: f5\n-- down_revision: f4\n-- migrate:up\nSELECT 55;'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, prune => true)', E'-- file: 1.sql\n-- revision: f1\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- file: a/four.sql\n-- revision: f4\n-- down_revision: f1\n'));
SET migrate.version_table = 'public.other_version';
SELECT migrate_stamp('base', purge => true);
RESET migrate.version_table;
DROP TABLE other_version;
SELECT * FROM migrate_register_bundle(E'-- file: 5.sql\n-- revision: f5\n-- down_revision: f4\n-- migrate:up\nSELECT 1;\nVACUUM nosuch;', replace => true);
CALL migrate_deploy();
SELECT revision, state FROM migrate.partial;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, replace => true)', E'-- file: 5.sql\n-- revision: f5\n-- down_revision: f4\n-- migrate:up\nSELECT 55;'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, prune => true)', E'-- file: 1.sql\n-- revision: f1\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- file: a/four.sql\n-- revision: f4\n-- down_revision: f1\n'));
DELETE FROM migrate.partial;
-- of files that cannot be read one cannot tell what they do not hold
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, prune => true)', E'-- file: 1.sql\n-- revision: f1\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- file: 4.sql\n-- Revision: f4\n-- file: 6.sql\n-- revision: f6\n-- down_revision: f5\n'));
-- a down revision that would be removed, and a cycle
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, prune => true)', E'-- file: 1.sql\n-- revision: f1\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- file: a/four.sql\n-- revision: f4\n-- down_revision: f1\n-- file: 6.sql\n-- revision: f6\n-- down_revision: f5\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 6.sql\n-- revision: f6\n-- down_revision: f7\n-- file: 7.sql\n-- revision: f7\n-- down_revision: f6\n'));
SELECT revision FROM migrate.revision ORDER BY 1;
-- each error with its line, fifty of them
SELECT split_part(pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', string_agg(format(E'-- file: %s.sql\n-- revision: n%s\n-- migrate:up\n\nSELEC %s;\n', i, i, i), ''))), E'\n', n) FROM generate_series(1, 60) AS i, generate_series(50, 53) AS n GROUP BY n ORDER BY n;

-- what cannot be a set
SELECT call, pg_temp.attempt(call) FROM unnest(ARRAY[
	$$SELECT * FROM migrate_register_files('{a.sql}', '{}')$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{NULL}')$$,
	$$SELECT * FROM migrate_register_files('{NULL}', '{NULL}')$$,
	$$SELECT * FROM migrate_register_files(NULL, '{}')$$,
	$$SELECT * FROM migrate_register_files('{}', NULL)$$,
	$$SELECT * FROM migrate_register_files('{}', '{}')$$,
	$$SELECT * FROM migrate_register_files('{""}', '{x}')$$,
	$$SELECT * FROM migrate_register_files(ARRAY[E'a\nb.sql'], '{x}')$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{SELECT 1}')$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{SELECT 1}', 'nosuch')$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{-- nothing}', 'migrate', prune => true)$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', ARRAY[E'\n-- revision aaaa1111\n-- migrate:up\nSELECT 1;\n'])$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{SELECT 1}', NULL)$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{-- revision: a}', replace => NULL)$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{-- revision: a}', prune => NULL)$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{-- revision: a}', options => '[]')$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{-- revision: a}', options => '{"nosuch": 1}')$$,
	$$SELECT * FROM migrate_register_files('{a.sql}', '{-- revision: a}', options => '{"skip_invalid_downgrade": 1}')$$,
	$$SELECT * FROM migrate_register_bundle('SELECT 1')$$,
	$$SELECT * FROM migrate_register_bundle(NULL)$$,
	$$SELECT * FROM migrate_register_directory('')$$,
	$$SELECT * FROM migrate_register_directory(NULL)$$]) AS call;
SELECT * FROM migrate_register_files('{a.sql}', ARRAY[E'-- revision: a\n-- migrate:up\n-- migrate:down\nSELEC 1'], options => '{"skip_invalid_downgrade": true}');
-- not from a body
SELECT migrate_register('b', $$SELECT * FROM migrate_register_bundle(E'-- file: 1.sql\n-- revision: x')$$);
SELECT pg_temp.attempt($$SELECT migrate_upgrade('b')$$);

-- ids: what versions of other tools become
SELECT * FROM migrate_register_bundle(E'-- file: 20200101000000000000000000000000000000001_long.sql\n-- migrate:up\n-- file: 20200101000000000000000000000000000000002_long.sql\n-- migrate:up\n');
SELECT revision, down_revision FROM migrate.revision WHERE revision LIKE '2020%' ORDER BY 1;
-- no file at all
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_files(''{}'', ''{}'', %L)', format)) FROM unnest('{auto,goose,migrate,sqitch}'::text[]) AS format;
-- a misspelled key gives no other format
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 1975_create.sql\n-- revison: 1975ea83b712\n-- message: create\n-- migrate:up\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 1975_create.sql\n-- down_revision: 1975ea83b712\n-- migrate:up\n'));
-- several formats
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 1_a.sql\n-- migrate:up\n-- file: 2_b.sql\n-- +goose Up\n'));
-- also where one is ours; then "format" leaves out what no name is of, and reads the others
\set mixed '-- file: V1__a.sql\nSELECT 17;\n-- file: ours.sql\n-- revision: o1\n-- migrate:up\nSELECT 2;\n'
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', :'mixed'));
BEGIN;
SELECT * FROM migrate_register_bundle(:'mixed', format => 'flyway');
ROLLBACK;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, format => ''goose'')', E'-- file: 1_a.sql\n-- +goose Up\n-- file: 2_ours.sql\n-- revision: o1\n-- migrate:up\nSELECT 2;\n'));
-- what revisions are to each other: none hides another
SELECT migrate_register('known', 'SELECT 1', NULL, '{}', branch_labels => '{taken}');
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n-- revision: a1\n-- down_revision: nosuch\n-- revision: b1\n-- depends_on: missing\n-- file: c.sql\n-- revision: c\n-- branch_labels: twice\n-- revision: d\n-- branch_labels: twice\n-- revision: e\n-- branch_labels: taken\n-- revision: f\n-- branch_labels: a1\n-- revision: taken\n-- file: g.sql\n-- revision: g\n-- down_revision: h\n-- revision: h\n-- down_revision: g\n-- revision: i\n-- depends_on: j\n-- revision: j\n-- depends_on: i\n-- revision: k\n-- depends_on: k\n-- revision: l\n-- down_revision: known, known\n-- file: r.sql\n-- repeatable: r\n-- depends_on: none\n-- migrate:up\n-- file: s.sql\n-- revision: s\n-- branch_labels: label_of_s\n-- migrate:up\nSELEC 1;\n-- revision: t\n-- down_revision: s\n-- depends_on: label_of_s, known, twice\n'));
-- not what follows from another: a cycle, a label of two; told of the file
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: x.sql\n-- revision: x\n-- branch_labels: of_x, also_of_x\n-- depends_on: of_y\n-- migrate:up\n-- file: y.sql\n-- revision: y\n-- branch_labels: of_y\n-- depends_on: of_x\n-- migrate:up\n-- file: z.sql\n-- revision: before_known\n-- branch_labels: one, taken, of_z\n-- migrate:up\n-- file: v.sql\n-- revision: v\n-- branch_labels: v1, one, v2\n-- depends_on: of_z, one, v1, also_of_x\n-- migrate:up\n-- file: w.sql\n-- revision: w\n-- depends_on: v2\n-- down_revision: before_known\n-- migrate:up\n'));
-- one of them says what to do
SELECT * FROM migrate_register_bundle(E'-- file: a.sql\n-- revision: a1\n-- file: b.sql\n-- revision: b1\n-- depends_on: missing\n');
-- a label goes from one to another, and what depends on it stays
SELECT * FROM migrate_register_bundle(E'-- file: a.sql\n-- revision: known\n-- migrate:up\nSELECT 1\n-- revision: next\n-- branch_labels: taken\n-- revision: user\n-- depends_on: taken\n', replace => true);
-- what is removed is missed
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, prune => true)', E'-- file: a.sql\n-- revision: known\n-- migrate:up\nSELECT 1\n-- revision: user\n-- depends_on: taken\n'));
\a
\t off

-- What reading a file found wrong is told, and not what follows from it: that the
-- revision is another one than the registered one.
CREATE FUNCTION pg_temp.again(format text, files text, pattern text, misread text)
RETURNS text LANGUAGE plpgsql AS $function$
BEGIN
	PERFORM migrate_register_bundle(files, format);
	RETURN pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, %L)', replace(files, pattern, misread), format));
END
$function$;
SET client_min_messages = error;
SELECT pg_temp.again('dbmate', E'-- file: 91_a.sql\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n', 'migrate:down', 'migrate:dwon');
SELECT pg_temp.again('goose', E'-- file: 92_a.sql\n-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n', 'goose Down', 'goose Dwon');
SELECT pg_temp.again('sqlx', E'-- file: 93_a.up.sql\nSELECT 1;\n-- file: 93_a.down.sql\nSELECT 2;\n-- remark\n', '-- remark', '-- no-transaction');
SELECT pg_temp.again('migrate', E'-- file: a.sql\n-- revision: a94\n-- message: m\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n', '-- message:', '-- mesage:');
SELECT pg_temp.again('migrate', E'-- file: b.sql\n-- revision: b94\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n', 'migrate:down', 'migrate:dwon');
-- Another one of the same files is compared.
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n-- revision: a94\n-- mesage: m\n-- migrate:up\nSELECT 1;\n-- file: b.sql\n-- revision: b94\n-- migrate:up\nSELECT 3;\n'));
\i sql/include/reset.sql
