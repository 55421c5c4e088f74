-- register_body: what a body may hold, and where an error is
\i sql/include/start.sql

-- fine: nothing, comments only, byte order mark, CR LF, text after the last semicolon
SELECT migrate_register('empty', '', '');
SELECT migrate_register('comment', '-- nothing', E' /* nothing /* at all */ */ ;; \n');
SELECT migrate_register('bom', E'\ufeffSELECT 1');
SELECT migrate_register('crlf', E'SELECT 1;\r\nSELECT 2;\r\n', E'\r\n');
SELECT migrate_register('transactionlike', $$
	CREATE FUNCTION f() RETURNS void BEGIN ATOMIC SELECT 1; SELECT 2; END;
	CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
	CREATE TABLE commit (begin int); COPY commit FROM '/dev/null'; COMMENT ON TABLE commit IS 'COMMIT;';
	CREATE RULE r AS ON INSERT TO commit DO ALSO (SELECT 1; SELECT 2);
$$);
SELECT revision, upgrade_statements, downgrade_statements, upgrade_nontransactional
  FROM migrate.revision ORDER BY revision;
SELECT octet_length(upgrade) FROM migrate.revision WHERE revision = 'bom';

-- syntax errors: position in the body
SELECT migrate_register('e', 'SELEC 1');
SELECT migrate_register('e', E'SELECT 1;\nSELECT 2;\n  CREATE TABLE t (id int,);\nSELECT 3');
SELECT migrate_register('e', E'SELECT 1;\r\nSELEC 2;\r\n');
SELECT migrate_register('e', E'\ufeffSELECT 1;\nSELEC 2');
SELECT migrate_register('e', E'SELECT ''жжжж'', "ж" FORM t');
SELECT migrate_register('e', 'SELECT 1', E'SELECT (\n\n  ');
SELECT migrate_register('e', E'SELECT 1;\nSELECT ''open');
SELECT migrate_register('e', 'SELECT 1 /* open');
SELECT migrate_register('e', 'SELECT $x$ open');
\echo :LAST_ERROR_SQLSTATE

-- written for psql
SELECT migrate_register('e', E'SELECT 1;\n\\i other.sql');
SELECT migrate_register('e', E'SELECT 1 \\gset');
SELECT migrate_register('e', 'SELECT :''name''');
SELECT migrate_register('e', 'SELECT :name');
\echo :LAST_ERROR_SQLSTATE

-- transaction control
SELECT migrate_register('e', E'SELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT');
\echo :LAST_ERROR_SQLSTATE
\a
\t on
SELECT body, pg_temp.attempt(format('SELECT migrate_register(%L, %L)', 'e', body)) FROM unnest(ARRAY[
	'BEGIN', 'START TRANSACTION', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'SAVEPOINT s',
	'RELEASE s', 'ROLLBACK TO s', 'COMMIT AND CHAIN', $$PREPARE TRANSACTION 'x'$$,
	$$COMMIT PREPARED 'x'$$, $$ROLLBACK PREPARED 'x'$$]) AS body;
\a
\t off

-- what has to be first in a transaction; a snapshot of a subtransaction
SELECT migrate_register('e', E'SELECT 1;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
\echo :LAST_ERROR_SQLSTATE
\a
\t on
SELECT body, pg_temp.attempt(format('SELECT migrate_register(%L, %L)', 'e', body)) FROM unnest(ARRAY[
	'SET LOCAL transaction_isolation = ''serializable''', 'SET TRANSACTION READ ONLY, NOT DEFERRABLE',
	'SET TRANSACTION SNAPSHOT ''1-1''', 'RESET transaction_deferrable',
	'INSERT INTO t SELECT lower(pg_catalog.pg_export_snapshot())']) AS body;
\a
\t off
SELECT migrate_register('transactionlike', 'SET TRANSACTION READ ONLY; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT ''pg_export_snapshot()''', replace => true);

-- COPY to and from the client
SELECT migrate_register('e', E'SELECT 1;\nCOPY t FROM STDIN;\n1\n2\n\\.\n');
\echo :LAST_ERROR_SQLSTATE
SELECT migrate_register('e', '', 'COPY t TO STDOUT');
SELECT migrate_register('e', 'COPY t (a, b) FROM STDIN WITH (FORMAT csv)');
-- and not where that is a file, or what is wrong is something else
SELECT migrate_register('e', E'COPY t FROM ''/file'';\nCOPY t TO ''/file'';\nSELEC 1');
SELECT pg_temp.attempt($$SELECT migrate_register('e', 'CREATE ASSERTION a CHECK (true)')$$);
SELECT count(*) FROM migrate_history() WHERE revision = 'e';

-- large: 10 MB in one literal, 100,000 statements; an error at the far end
\set limit 60
\getenv limit PG_TEST_TIMEOUT_DEFAULT
\set statements 100000
\getenv statements TEST_STATEMENTS
SELECT set_config('statement_timeout', :'limit' || 's', false) IS NOT NULL;
SELECT migrate_register('large', 'SELECT ''' || repeat('0123456789', 1048576) || '''');
SELECT migrate_register('many', repeat(E'SELECT 1;\n', :statements), repeat('SELECT 1;', :statements));
SELECT octet_length(upgrade) AS bytes, upgrade_statements, downgrade_statements
  FROM migrate.revision WHERE revision = 'large';
SELECT upgrade_statements = :statements AS upgrade, downgrade_statements = :statements AS downgrade
  FROM migrate.revision WHERE revision = 'many';
SELECT pg_temp.attempt(format($$SELECT migrate_register('e', repeat(E'SELECT 1;\n', %s) || 'SELEC 1')$$, :statements));
SELECT migrate_register('large', 'SELECT ''' || repeat('0123456789', 1048576) || ' ''');

SET client_min_messages = warning;
SELECT migrate_upgrade('many');
SELECT migrate_downgrade('many-1');
RESET client_min_messages;
\i sql/include/reset.sql
