-- import_golang_migrate: a small project as golang-migrate has it, and what other
-- tools have in its shape; what bodies may hold is the same for every format
\i sql/include/start.sql
\a
\t on

\set v1 '-- file: migrations/000001_create_account.up.sql\nBEGIN;\nCREATE TABLE account (id int PRIMARY KEY, name text);\nCOMMIT;\n-- file: migrations/000001_create_account.down.sql\nDROP TABLE account;\n-- file: migrations/000002_add_email.up.sql\nALTER TABLE account ADD COLUMN email text;\n-- file: migrations/000002_add_email.down.sql\nALTER TABLE account DROP COLUMN email;\n-- file: migrations/000010_index.up.sql\nCREATE INDEX CONCURRENTLY account_email ON account (email);\n-- file: migrations/README.md\nnot SQL\n-- file: migrations/seed.sql\nINSERT INTO account VALUES (1);\n'
SELECT * FROM migrate_register_bundle(:'v1');
SELECT revision, down_revision, message, upgrade, downgrade FROM migrate.revision ORDER BY 1;
CALL migrate_deploy();
SELECT * FROM migrate_register_bundle(:'v1', format => 'golang-migrate');
-- a version that comes late is put behind what is registered
\set v2 :v1 '-- file: migrations/000003_late.up.sql\nSELECT 3;\n-- file: migrations/000011_new.up.sql\nSELECT 11;\n'
SELECT * FROM migrate_register_bundle(:'v2');
SELECT revision, down_revision FROM migrate.revision ORDER BY 1;
-- and stays there; removed in between, the chain is closed
\set v3 :v1 '-- file: migrations/000011_new.up.sql\nSELECT 11;\n'
SELECT * FROM migrate_register_bundle(:'v3', replace => true, prune => true);
SELECT revision, down_revision FROM migrate.revision ORDER BY 1;
SELECT migrate_unregister('000011');
CALL migrate_revert('base');
SELECT migrate_downgrade('000002');
SELECT migrate_stamp('base', purge => true);
DROP TABLE account;
SELECT migrate_unregister(revision) FROM (VALUES ('000010'), ('000002'), ('000001')) AS v (revision);

-- what Hasura and others call their files
SELECT * FROM migrate_register_bundle(E'-- file: m/default/1600000000001_one/up.sql\nSELECT 1;\n-- file: m/default/1600000000001_one/down.sql\nSELECT 1;\n-- file: m/default/1600000000002_two/up.sql\nSELECT 2;\n');
SELECT * FROM migrate_register_bundle(E'-- file: 1_one_up.sql\nSELECT 1;\n-- file: 1_one_down.sql\nSELECT 1;\n-- file: 2.up.sql\nSELECT 2;\n');
SELECT revision, down_revision, message FROM migrate.revision ORDER BY 1;

-- an error of each kind, and that all of them are told
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 051_a.up.sql\n\nSELEC 1;\n-- file: 52_b.up.sql\nSELECT 2;\n-- file: 0052_c.up.sql\nSELECT 2;\n-- file: 53_d.down.sql\nSELECT 3;\n-- file: 54_e.up.sql\nCREATE TABLE\n{{ .Schema }}.t (i int);\n-- file: 55_f.up.sql\n\\set x 1\n-- file: 56_g.up.sql\nSELECT 1;\nCOMMIT;\n-- file: 57_h.up.sql\nBEGIN;\nSELECT 1;\n-- file: 58_i.up.sql\nCOPY t FROM stdin (FORMAT csv);\n1,2\n\\.\n-- file: 59_j.up.sql\nSELECT ''open;\n-- file: 60_k.up.sql\n-- file: 60_k.down.sql\n-- file: 60_l.down.sql\n'));
-- what is wrong with a file is told once
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 2.up.sql\nSELECT {{x}};\n'));
-- a downgrade that is no SQL
SELECT * FROM migrate_register_bundle(E'-- file: 7_down.up.sql\nSELECT 1;\n-- file: 7_down.down.sql\nSELECT 1;\nSELEC 2;\n');

-- transactions: a pair around everything, others, and what is not to be split
SELECT * FROM migrate_register_bundle(E'-- file: 20_pair.up.sql\nBEGIN;\nSELECT 1;\nCOMMIT;\n-- file: 21_two.up.sql\nBEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;\n-- file: 22_behind.up.sql\nBEGIN; CREATE TABLE c (i int); COMMIT;\nCREATE INDEX CONCURRENTLY ON c (i);\n-- file: 22_behind.down.sql\nSELECT 1; BEGIN; SELECT 2; COMMIT;\n-- file: 23_function.up.sql\nCREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;\n-- file: 24_empty.up.sql\n');
SELECT revision, upgrade_transactional, downgrade_transactional, upgrade_statements, upgrade_transactions FROM migrate.revision WHERE revision LIKE '2_' ORDER BY 1;

-- a dump: psql's lines, data of COPY; the lines stay what they are
CREATE FUNCTION pg_temp.dump() RETURNS text LANGUAGE sql AS $$ SELECT E'-- file: 30_dump.up.sql\n\\restrict abc\nCREATE TABLE d (id int GENERATED ALWAYS AS IDENTITY, a text, "B" text[]);\nCOPY public.d (id, a,\n  "B") FROM stdin;\n1\tit''s\t{x,y}\n2\t\\N\t\\N\n3\ttab\\there\\\\ \\v\\n and \\x41\\102\\q\t{}\n4\t\t{"a\\\\"b"}\n\\.\nCOPY d (a) FROM stdin;\n\\.\n-- rest\nCOPY d (a) FROM stdin;\n; SELECT ''\n{{1}}\n\\.\nSELECT 1;\n\\unrestrict abc\n'::text $$;
SELECT * FROM migrate_register_bundle(pg_temp.dump());
SELECT upgrade FROM migrate.revision WHERE revision = '30';
CALL migrate_deploy('24');
CALL migrate_deploy('30');
SELECT id, to_json(a), "B" FROM d ORDER BY id, a COLLATE "C";
DROP TABLE c, d;
DROP FUNCTION f();
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', replace(pg_temp.dump(), 'SELECT 1;', 'SELEC 1;')));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 31_x.up.sql\nCOPY d (a) FROM stdin;\na\\\nb\n\\.\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 31_x.up.sql\r\nCOPY d (a) FROM stdin;\r\na\\\\\\\r\n\\.\r\n'));
-- a backslash before a tab, and two at the end of a line
SELECT * FROM migrate_register_bundle(E'-- file: 34_x.up.sql\nCOPY d (a, b) FROM stdin;\na\\\tb\tc\\\\\n\\\\\td\n\\.\n');
SELECT to_json(upgrade) FROM migrate.revision WHERE revision = '34';

-- its INSERT is the same under settings of the session; what stands behind COPY
SET quote_all_identifiers = on;
SELECT * FROM migrate_register_bundle(pg_temp.dump());
RESET quote_all_identifiers;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 32_x.up.sql\nCOPY d (a) FROM stdin; DROP TABLE d;\na\n\\.\n'));
SELECT * FROM migrate_register_bundle(E'-- file: 33_x.up.sql\nCOPY "D" . "t" (u&"\\0061", "from") FROM stdin; -- its data\na\tb\n\\.\n');
SELECT upgrade FROM migrate.revision WHERE revision = '33';

-- a downgrade that is none is left out: that is why the revision differs
SELECT * FROM migrate_register_bundle(E'-- file: 50_z.up.sql\nSELECT 1;\n-- file: 50_z.down.sql\nSELECT 2;\n');
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 50_z.up.sql\nSELECT 1;\n-- file: 50_z.down.sql\nSELEC 2;\n'));
SELECT migrate_upgrade('50');
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 50_z.up.sql\nSELECT 1;\n-- file: 50_z.down.sql\nSELEC 2;\n'));
-- one that was not run yet is corrected, as the hint says
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, replace => true)', E'-- file: 50_z.up.sql\nSELECT 1;\n-- file: 50_z.down.sql\nSELECT 3;\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: 50_z.up.sql\nSELECT 1;\n-- file: 50_z.down.sql\nSELECT 3;\n'));
SELECT migrate_stamp('base');
SELECT result FROM migrate_register_bundle(E'-- file: 50_z.up.sql\nSELECT 1;\n-- file: 50_z.down.sql\nSELECT 3;\n', replace => true);
SELECT migrate_stamp('50');

-- the tool's own table, literals that look like templates
SELECT * FROM migrate_register_bundle(E'-- file: 40_own.up.sql\nDELETE FROM schema_migrations;\n-- file: 41_not.up.sql\nSELECT ''schema_migrations {{ x }}'', ''{{1,2},{3,4}}''::int[]; -- schema_migrations {{ y }}\n');
\a
\t off
\i sql/include/reset.sql
