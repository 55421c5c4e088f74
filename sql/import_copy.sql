-- import_copy: the data of COPY ... FROM stdin, as pg_dump writes them
\i sql/include/start.sql
\a
\t on

-- what the data hold begins no literal, no comment and no line of psql: the lines
-- of pg_dump behind them are left out, as those before them
\set dump '\\restrict 8abc\nCREATE TABLE a (i text, t text);\nSELECT 1; COPY a (i, t) FROM stdin;\n1\tit''s\n2\t$x$\n3\t/* --\n\\restrict\tx\n\\.\nSELECT 2;\ncopy a from STDIN;\n;\t''\n\\.\n\\unrestrict 8abc\n'
SELECT * FROM migrate_register_files(ARRAY['1_a.sql', '2_b.sql'], ARRAY[:'dump', E'COPY a (i, t) FROM stdin;\n5\t''\n\\.\n\\unrestrict abc\n'], format => 'sqlx');
SELECT upgrade FROM migrate.revision ORDER BY revision;
SELECT migrate_upgrade();
SELECT to_json(i), t FROM a ORDER BY i COLLATE "C";
SELECT migrate_stamp('base');
DROP TABLE a;
SELECT migrate_unregister(revision) FROM (VALUES ('2'), ('1')) AS v (revision);
SELECT migrate_baseline('1', body => :'dump');
SELECT upgrade FROM migrate.revision;
SELECT migrate_stamp('base');
SELECT migrate_unregister('1');
-- in a script it is refused, whatever follows it
SELECT pg_temp.attempt(format('SELECT migrate_register_script(%L)', E'-- revision: 1\n-- migrate:up\n' || :'dump'));

-- a row has a field for each column, or for each that the first one has
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''sqlx'')', E'-- file: 1_a.sql\nCOPY a (i, t) FROM stdin;\n1\t2\n1\n\\.\n-- file: 2_b.sql\nCOPY a (i,\n "T") FROM stdin;\n\n\\.\n-- file: 3_c.sql\nCOPY a (i) FROM stdin;\n1\t2\n\\.\n-- file: 4_d.sql\nCOPY a FROM stdin;\n1\t2\n1\n\\.\n-- file: 5_e.sql\nCOPY a FROM stdin;\n1\n1\t2\n\\.\n'));
SELECT pg_temp.attempt(format('SELECT migrate_baseline(''1'', body => %L)', E'SELECT 1;\nCOPY a (i, t) FROM stdin;\n1\n\\.\n'));
\a
\t off
\i sql/include/reset.sql
