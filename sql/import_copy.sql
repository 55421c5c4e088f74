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
\a
\t off
\i sql/include/reset.sql
