-- errors: where in a body an error is
\i sql/include/start.sql
CREATE TABLE t (i int CHECK (i < 100));
CREATE FUNCTION fails(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	RETURN n / 0;
END $$;
CREATE FUNCTION asks() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT nosuch);
END $$;
-- registers the body and runs it, as a user would
\set run 'SELECT migrate_register(''e'', :''body'', '''', replace => true); SELECT migrate_upgrade(''e'');'
\pset tuples_only on
\pset format unaligned
-- analysis
\set body 'SELECT 1;\n\n  INSERT INTO t (i, nosuch) VALUES (1, 2);\nSELECT 3'
:run
\echo :LAST_ERROR_SQLSTATE
\set body 'SELECT 1; SELECT * FROM nosuch'
:run
\set body 'SELECT ''жж''; SELECT ''ж'' || nosuch'
:run
\set body '-- жжж\r\nSELECT 1;\r\nSELECT nosuch.i;\r\n'
:run
-- run time: no position of its own, so the statement
\set body 'INSERT INTO t VALUES (1);\nSELECT ''ж''; INSERT INTO t\n  VALUES (100);\n'
:run
\echo :LAST_ERROR_SQLSTATE
\set body 'SELECT 1;\n/* a\ncomment */ SELECT 1/i FROM\n (VALUES (0)) AS v (i);'
:run
-- a cast of a literal has one
\set body 'SELECT\n  ''x''::int'
:run
-- inside a function that the body calls: its own text, not the body
\set body 'SELECT 1;\nSELECT fails(1);'
:run
\set body 'CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS\n''SELECT nosuch'';'
:run
\set body 'CREATE FUNCTION bad() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETRN 1;\nEND $$;'
:run
-- under DO: syntax, a query in it, the line that was running, a nested call
\set body 'SELECT 1;\nDO $$\nBEGIN\n  PERFORM 1;\n  SELEC 2;\nEND $$;'
:run
\set body 'SELECT 1;\nDO $$\nBEGIN\n  PERFORM 1;\n  INSERT INTO t SELECT nosuch;\nEND $$;'
:run
\set body 'SELECT ''ж'';\nDO $x$\nBEGIN\n  PERFORM ''ж'';\n  RAISE EXCEPTION ''no ж'' USING ERRCODE = ''22000'', DETAIL = ''detail'', HINT = ''hint'';\nEND $x$;'
:run
\echo :LAST_ERROR_SQLSTATE
\set body 'DO $$ BEGIN\n  PERFORM fails(2);\nEND $$;'
:run
\set body 'DO $$ BEGIN\n  DECLARE n int := 1;\n  BEGIN\n    n := n / 0;\n  END;\nEND $$;'
:run
\set body 'DO ''BEGIN\n  PERFORM nosuch;\nEND'';'
:run
\set body 'DO $$ BEGIN EXECUTE ''SELECT nosuch''; END $$;'
:run
-- in a query of a function: that is not in the body, wherever it is called
\set body 'SELECT 1;\nSELECT asks();'
:run
\set body 'DO $$ BEGIN\n  PERFORM asks();\nEND $$;'
:run
-- a statement with a body that is no literal
\set body 'SELECT 1;\nCREATE FUNCTION asks() RETURNS int RETURN 1;'
:run
-- a parse error that only shows when the body runs
\set body 'SELECT 1;\nEXECUTE nosuch;'
:run
-- positions for programs: message, detail and context keep what the body raised
DO $do$
DECLARE
	context text;
	detail text;
	hint text;
BEGIN
	PERFORM migrate_register('e', $$SELECT 1;
		DO 'BEGIN RAISE SQLSTATE ''AB123'' USING MESSAGE = ''m'', DETAIL = ''d'', HINT = ''h''; END'$$, '', replace => true);
	PERFORM migrate_upgrade('e');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RAISE INFO E'% % % %\n%', sqlstate, sqlerrm, detail, hint, context;
END $do$;
-- the downgrade says so
SELECT migrate_register('e', '', E'SELECT 1;\nDROP TABLE nosuch', replace => true);
SELECT migrate_upgrade('e');
SELECT migrate_downgrade('base');
\pset tuples_only off
\pset format aligned
TABLE migrate.version;
-- a long statement that is not the first keeps its own error
SELECT migrate_register('f1', format('SELECT 1; SELECT length(%L) / 0', repeat('x', 300000)));
SELECT left(pg_temp.attempt($$SELECT migrate_upgrade('f1')$$), 5);
-- a registry that was written by other means: a body is checked again, and
-- a revision that has gone is missed
SELECT migrate_register('f1', 'INSERT INTO t VALUES (1)', replace => true);
UPDATE migrate.revision SET upgrade = 'SELECT 1; COMMIT' WHERE revision = 'f1';
SELECT migrate_upgrade('f1');
SELECT migrate_register('f1', 'DELETE FROM migrate.revision WHERE revision = ''f2''', replace => true);
SELECT migrate_register('f2', '', '', '{f1}');
CALL migrate_deploy('f2');
\echo :LAST_ERROR_SQLSTATE
SELECT revision FROM migrate_heads() WHERE revision LIKE 'f_';
\i sql/include/reset.sql
DROP TABLE t;
DROP FUNCTION fails, asks;
