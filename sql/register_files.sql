-- register_files: what files of real projects hold, and a script sent again
\i sql/include/start.sql
CREATE TABLE t (i int);

-- a pair around everything is left out, and the revision is the same without it
SELECT migrate_register_script($script$
-- revision: w1
-- migrate:up
-- a comment in front
BEGIN;
INSERT INTO t VALUES (1);
COMMIT;
-- and behind
-- migrate:down
START TRANSACTION; DELETE FROM t; END
$script$);
SELECT migrate_register('w1', 'INSERT INTO t VALUES (1)', 'DELETE FROM t');
SELECT migrate_register('w2', E';BEGIN WORK /* all */;\nSELECT 1;\nCOMMIT TRANSACTION', 'begin transaction; end;');
SELECT to_json(upgrade) AS upgrade, to_json(downgrade) AS downgrade FROM migrate_show('w1');
SELECT to_json(upgrade) AS upgrade, to_json(downgrade) AS downgrade FROM migrate_show('w2');
SELECT revision, upgrade_statements AS up, downgrade_statements AS down FROM migrate.revision ORDER BY revision;
\a
\t on
-- anything else is more than that
SELECT body, split_part(pg_temp.attempt(format('SELECT migrate_register(%L, %L)', 'e', body)), E'\n', 1) FROM unnest(ARRAY[
	'BEGIN', 'BEGIN; SELECT 1', 'SELECT 1; COMMIT', 'BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT', 'SELECT 1; BEGIN; COMMIT', 'BEGIN; SELECT 1; COMMIT; SELECT 2',
	'BEGIN; SELECT 1; ROLLBACK', 'BEGIN; SAVEPOINT s; COMMIT', 'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT', 'BEGIN READ ONLY; SELECT 1; COMMIT',
	'BEGIN; SELECT 1; COMMIT AND CHAIN', 'BEGIN; SELEC 1; COMMIT']) AS body;
\a
\t off

-- pg_dump's two lines, and no other command of psql
SELECT migrate_register_script(E'-- revision: r1\n-- migrate:up\n--\n-- PostgreSQL database dump\n--\n\n\\restrict 9aZ08xYq1ee2\n\nCREATE TABLE dumped (i int);\n\n\\unrestrict 9aZ08xYq1ee2\n');
SELECT migrate_register('r1', 'CREATE TABLE dumped (i int)', NULL);
SELECT migrate_register('r2', E'\\restrict 0x\r\nSELECT $$\n\\restrict in a literal\n$$;\r\n\\unrestrict 0x', '');
SELECT migrate_register('r3', E'SELECT 1;\n\\restricted x');
SELECT migrate_register('r3', E'SELECT 1 \\restrict x');
SELECT to_json(upgrade) AS upgrade FROM migrate_show('r2');

-- dbmate's option
SELECT migrate_register_script(E'-- revision: o1\n-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY ON t (i);\n-- migrate:down transaction:true\nDROP INDEX t_i_idx');
SELECT upgrade_transactional, upgrade_transactions, downgrade_transactional FROM migrate.revision WHERE revision = 'o1';
SELECT migrate_register_script(E'-- revision: o2\n-- migrate:up transaction:maybe');

-- a downgrade that is no SQL
\set script '-- revision: i1\n-- migrate:up\nSELECT 1;\n-- migrate:down\nDROP INDEX ON t;\n-- revision: i2\n-- migrate:up\n-- migrate:down\nSAVEPOINT s;\n-- revision: i3\n-- migrate:up\n-- migrate:down\nSELECT 3;'
SELECT migrate_register_script(:'script');
SELECT migrate_register_script(:'script', skip_invalid_downgrade => true);
SELECT revision, downgrade IS NULL AS irreversible FROM migrate.revision WHERE revision LIKE 'i_' ORDER BY 1;
SELECT migrate_register_script(E'-- revision: i4\n-- migrate:up\nSELEC 1;\n-- migrate:down\nSELEC 2;', skip_invalid_downgrade => true);
SELECT migrate_register_script(E'-- revision: i4\n-- migrate:up\nSELECT 4;\n-- migrate:down\nSELECT ''open;\n-- migrate:down\n-- revision: i5\n-- migrate:up\nSELECT 5;\n-- migrate:down\nSELECT $$open', skip_invalid_downgrade => true);
SELECT revision, upgrade, downgrade FROM migrate_history() JOIN LATERAL migrate_show(revision) USING (revision) WHERE revision IN ('i4', 'i5') ORDER BY 1;
SELECT migrate_unregister('i4'), migrate_unregister('i5');
SELECT migrate_register_script(E'-- revision: i4\n-- migrate:up\nSELECT 4;\n-- migrate:down\nSELECT ''open;\n-- revision: i5\n-- migrate:up\nSELEC 5');
SELECT migrate_register_script(E'-- revision: i4\n-- migrate:up\nSELECT ''open;\n-- migrate:down\nSELECT 4;', skip_invalid_downgrade => true);
SELECT migrate_register_script('-- revision: i4', NULL);
SELECT migrate_register_script('-- revision: i4', skip_invalid_downgrade => NULL);

-- files in one script: byte order marks, line ends, and where an error is
SELECT migrate_register_script(E'-- file: one.sql\n\ufeff-- revision: f1\r\n-- migrate:up\r\nSELECT 1;\r\n\n-- file: b/two.sql\n\ufeff\n-- revision: f2\n-- down_revision: f1\n-- migrate:up\nSELECT 2;');
SELECT revision, down_revision, to_json(upgrade) AS upgrade FROM migrate_show('f1');
SELECT revision, down_revision, to_json(upgrade) AS upgrade FROM migrate_show('f2');
SELECT migrate_register_script(E'-- file: one.sql\n-- revision: n1\n-- migrate:up\nSELECT 1;\n-- file: two.sql\n-- revision: n2\n-- migrate:up\n\nSELECT 1,\n\tSELEC 2;\nSELECT 3');
SELECT migrate_register_script(E'-- file: one.sql\n-- revision: n1\n-- file: two.sql\nSELECT 1;');
SELECT migrate_register_script(E'-- file: one.sql\n-- revision: n1\n-- migrate:up\nSELECT ''open;\n');
SELECT migrate_register_script(E'-- file:\n-- revision: n1');
SELECT migrate_register_script(E'-- file: one.sql\n-- revision: n1\n-- file: two.sql\n\n-- revision: n1');
-- all errors at once
SELECT migrate_register_script(E'-- file: one.sql\n-- revision: n1\n-- down_revision = f1\n-- migrate:up\nSELEC 1;\n-- migrate:down\nCOMMIT;\n-- file: two.sql\n-- revision: n@2\n-- set: nosuch\n-- migrate:up\nSELECT ''open;\n-- file: three.sql\nSELECT 1;\n-- migrate:up\nSELECT 2;\n-- file: four.sql\n-- revision: n1\n-- migrate:up\nCOPY t FROM stdin;\n1\tit''s\n\\.\n-- +goose Down\n-- file: five.sql\n-- revision: n5\n-- message: a\n-- message: b\nSELECT 1;\n-- migrate:up\nSELECT 1 1;\n');
SELECT split_part(pg_temp.attempt(format('SELECT migrate_register_script(%L)', string_agg(format(E'-- revision: n%s\n-- migrate:up\nSELEC %s;\n', i, i), ''))), E'\n', 51) FROM generate_series(1, 60) AS i;
SELECT split_part(pg_temp.attempt(format('SELECT migrate_register_script(%L)', string_agg(format(E'-- revision: n%s\n-- migrate:up\nSELEC %s;\n', i, i), ''))), E'\n', 52) FROM generate_series(1, 60) AS i;
SELECT count(*) FROM migrate_history() WHERE revision LIKE 'n%';

-- the statement and no more
SELECT migrate_register('n', repeat(E'SELECT 1;\n', 1000) || 'SELEC 2;' || repeat(E'SELECT 3;\n', 1000));
SELECT migrate_register('n', E'SELECT 1;\nSELECT ''' || repeat('ä', 2000) || ''' 1 ''' || repeat('ö', 2000) || E''';\nSELECT 3');
SELECT migrate_register('n', repeat(E'SELECT 1;\n', 1000) || 'SELECT 1/0;' || repeat(E'SELECT 3;\n', 1000));
SELECT migrate_upgrade('n');
SELECT migrate_unregister('n');

-- a script sent again after a revision was corrected; nothing else changes
CREATE TEMP TABLE before AS SELECT revision, registered_at FROM migrate.revision;
\set script '-- revision: f1\n-- migrate:up\nSELECT 1;\n-- revision: f2\n-- down_revision: f3\n-- set: lock_timeout = 5s\n-- migrate:up\nSELECT 2 + 2;\n-- revision: f3\n-- down_revision: f1'
SELECT migrate_register_script(:'script');
SELECT migrate_register_script(:'script', replace => true);
SELECT migrate_register_script(:'script');
SELECT revision, down_revision, settings, upgrade FROM migrate_show('f2');
SELECT r.revision FROM migrate.revision AS r LEFT JOIN before AS b USING (revision, registered_at) WHERE b.revision IS NULL ORDER BY 1;
-- a call has no argument for the settings
SELECT migrate_register('f2', 'SELECT 2 + 2', NULL, '{f3}');
SELECT migrate_register('f2', 'SELECT 2 + 3', NULL, '{f3}', replace => true);
SELECT upgrade, settings FROM migrate_show('f2');
-- applied, and behind one that is pending
SET client_min_messages = warning;
SELECT migrate_upgrade('f3');
RESET client_min_messages;
SELECT migrate_register_script(E'-- revision: f1\n-- migrate:up\nSELECT 11;');
SELECT migrate_register_script(E'-- revision: f1\n-- migrate:up\nSELECT 11;', replace => true);
SELECT migrate_register_script(E'-- revision: f1\n-- migrate:up\nSELECT 11;\n-- revision: f2\n-- migrate:up\nSELECT 12;\n-- revision: f3\n-- down_revision: f1\n-- message: m');
SELECT migrate_register_script(E'-- revision: f1\n-- migrate:up\nSELECT 11;\n-- revision: f2\n-- migrate:up\nSELECT 12;\n-- revision: f3\n-- down_revision: f1\n-- message: m', replace => true);
SELECT migrate_register_script(E'-- revision: f4\n-- down_revision: f2\n-- revision: f2\n-- down_revision: f3\n-- migrate:up\nSELECT 22;', replace => true);
SELECT migrate_register_script(E'-- revision: f4\n-- down_revision: f4', replace => true);
SELECT revision, down_revision FROM migrate_history_details() WHERE revision LIKE 'f_' ORDER BY 1;

-- written for psql, and what the server says itself
SELECT migrate_register('n', $$SELECT U&'\00zz'$$);
SELECT migrate_register('n', $$SELECT E'\ud800'$$);
SELECT migrate_register('n', E'COPY t FROM stdin;\n1\tit''s\n\\.\nSELECT 1');
SELECT migrate_register_script(E'-- revision: n\n-- migrate:up\nCOPY t FROM stdin;\n1\tit''s\n\\.\n-- migrate:down\nDELETE FROM t');
SELECT migrate_register('n', E'SELECT 1 AS "' || repeat('n', 70) || E'";\nCREATE GLOBAL TEMPORARY TABLE g (i int)');
\i sql/include/reset.sql
DROP TABLE t;
