-- verify: a body that looks whether the upgrade has done what it should, in its
-- transaction and later by migrate_verify(), and changes nothing
\i sql/include/start.sql
SET client_min_messages = warning;
SET migrate.retry_base_delay = '1ms';
\set SHOW_CONTEXT always
CREATE TABLE seen (n int);
CREATE SEQUENCE numbers;
CREATE FUNCTION writes() RETURNS bool LANGUAGE sql AS 'INSERT INTO seen VALUES (1) RETURNING true';
-- a new verify body of the revision v, which is upgraded
CREATE PROCEDURE verify(verify text, up text DEFAULT 'CREATE TABLE made (a int); INSERT INTO made VALUES (1), (2)') LANGUAGE plpgsql AS $$
BEGIN
	PERFORM migrate_downgrade('base');
	PERFORM migrate_register('v', up, 'DROP TABLE IF EXISTS made', verify => verify, replace => true);
	PERFORM migrate_upgrade();
END $$;

-- given as an argument; what passes
SELECT migrate_register('v', '', 'DROP TABLE IF EXISTS made', verify => 'SELECT true');
CALL verify('SELECT count(*) = 2 FROM made; SELECT a FROM made WHERE false; SELECT a > 0 FROM made');
CALL verify('SELECT false WHERE false; SELECT a, false FROM made; SELECT 0; SELECT ''false''; TABLE made; VALUES (true), (true)');
CALL verify('EXPLAIN SELECT a FROM made; SHOW search_path; SET CONSTRAINTS ALL IMMEDIATE; DO ''BEGIN ASSERT (SELECT count(*) = 2 FROM made); END''');
CALL verify('');
SELECT revision, upgrade, downgrade, verify FROM migrate_show('v');
CALL verify('SELECT count(*) = 2 FROM made');
SELECT revision, result, sqlstate, error, ms >= 0 AS timed FROM migrate_verify();

-- what fails: false, null, a domain over Boolean, an error
SELECT pg_temp.attempt($$CALL verify('SELECT count(*) = 2 FROM made; SELECT a < 2 FROM made ORDER BY a')$$);
SELECT pg_temp.attempt($$CALL verify(E'SELECT true;\n\n  SELECT NULL::bool')$$);
CREATE DOMAIN yes AS bool;
SELECT pg_temp.attempt($$CALL verify('SELECT (a = 0)::yes FROM made')$$);
SELECT pg_temp.attempt($$CALL verify('SELECT 1 / count(*) FROM made WHERE a = 3')$$);
CALL verify('DO ''BEGIN ASSERT (SELECT count(*) = 3 FROM made), ''''three''''; END''');
CREATE PROCEDURE answers(OUT answer bool) LANGUAGE sql AS 'SELECT false';
SELECT pg_temp.attempt($$CALL verify('CALL answers(NULL)')$$);
SELECT revision, state FROM migrate_current();
SELECT to_regclass('made') IS NULL AS rolled_back;
-- as the client sees it, and the log
SELECT migrate_downgrade('base');
SELECT migrate_register('v', 'CREATE TABLE made (a int)', 'DROP TABLE made', replace => true,
	verify => E'-- there is one row\nSELECT 1\n  / (SELECT count(*) FROM made);');
SELECT migrate_upgrade();
CALL migrate_deploy();
SELECT migrate_register('v', 'CREATE TABLE made (a int)', 'DROP TABLE made', replace => true,
	verify => E'-- there is one row\nSELECT EXISTS (SELECT FROM made);');
CALL migrate_deploy();
SELECT state, sqlstate, error, detail, hint, context FROM migrate.log ORDER BY started DESC LIMIT 1;
SELECT revision, state, note FROM migrate.status;

-- what writes is refused, whatever it is in, and nothing of the rest stays
SELECT pg_temp.attempt($$CALL verify('SELECT writes()')$$);
SELECT pg_temp.attempt($$CALL verify('SELECT nextval(''numbers'') > 0')$$);
SELECT pg_temp.attempt($$CALL verify('DO ''BEGIN CREATE TABLE more (a int); END''')$$);
SELECT pg_temp.attempt($$CALL verify('DO ''BEGIN EXECUTE ''''SET TRANSACTION READ WRITE''''; END''')$$);
SELECT pg_temp.attempt($$CALL verify('SELECT set_config(''transaction_read_only'', ''off'', true)')$$);
CREATE FUNCTION resets() RETURNS bool LANGUAGE plpgsql AS 'BEGIN RESET transaction_read_only; INSERT INTO seen VALUES (2); RETURN true; END';
SELECT attempt ~ '25006: verify body of revision "v" has reset|0A000: parameter "transaction_read_only" cannot be reset' AS refused
  FROM pg_temp.attempt($$CALL verify('SELECT resets()')$$);
DROP FUNCTION resets;
SELECT pg_temp.attempt($$CALL verify('DO ''BEGIN COMMIT; END''')$$);
SELECT pg_temp.attempt($$CALL verify('SELECT migrate_stamp(''base'')')$$);
SELECT pg_temp.attempt($$CALL verify('SELECT count(*) FROM migrate_verify()')$$);
CALL verify('SET search_path = pg_catalog; SELECT set_config(''work_mem'', ''77kB'', false)');
SHOW search_path;
SELECT current_setting('work_mem') = '77kB' AS stays, current_setting('transaction_read_only');
CREATE TEMP TABLE mine (a int);
CALL verify('DO ''BEGIN INSERT INTO mine VALUES (1); END''; SELECT count(*) = 1 FROM mine');
SELECT count(*) FROM mine;
SELECT count(*) FROM seen;
SELECT last_value, is_called FROM numbers;
-- the transaction of the upgrade can be written again: the version row is
SELECT version_num FROM migrate.version;

-- what the parse tree shows is refused when it is registered
CREATE FUNCTION refused(verify text) RETURNS text LANGUAGE sql AS
	$$ SELECT pg_temp.attempt(format('SELECT migrate_register(''r'', ''SELECT 1'', verify => %L)', verify)) $$;
SELECT refused(s) FROM unnest(ARRAY[
	'INSERT INTO seen VALUES (1)',
	E'SELECT 1;\nWITH gone AS (DELETE FROM seen RETURNING n) SELECT count(*) = 0 FROM gone',
	'SELECT true WHERE EXISTS (WITH u AS (UPDATE seen SET n = 1 RETURNING 1) SELECT FROM u)',
	'SELECT n INTO more FROM seen',
	'SELECT n FROM seen FOR UPDATE',
	'SELECT true FROM (SELECT n FROM seen FOR SHARE) AS s',
	'CREATE TEMP TABLE more (a int)', 'CREATE TABLE more AS SELECT 1', 'DROP TABLE seen',
	'EXPLAIN ANALYZE INSERT INTO seen VALUES (1)',
	'COPY seen TO ''seen.txt''', 'COPY seen TO STDOUT', 'LOCK TABLE seen', 'VACUUM seen', 'ANALYZE seen',
	'CREATE INDEX CONCURRENTLY i ON seen (n)', 'PREPARE p AS SELECT 1', 'LISTEN channel', 'DISCARD ALL',
	'SELECT 1; COMMIT; SELECT 2', 'SAVEPOINT a', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'RESET transaction_read_only', 'SET TRANSACTION READ WRITE',
	'SELEC true', E'SELECT true;\n-- migrate:down\nSELECT true', E'SELECT true;\n-- migrate:verfy\nSELECT true']) AS s;

-- a transaction block around it is left out, as Sqitch writes it
SET client_min_messages = notice;
SELECT migrate_register('s', 'SELECT 1', verify => E'BEGIN;\nSELECT true;\nROLLBACK;');
SELECT migrate_register('s', 'SELECT 1', verify => 'START TRANSACTION; SELECT true; COMMIT');
SELECT migrate_register('s', 'SELECT 1', verify => 'SELECT true');
RESET client_min_messages;
SET client_min_messages = warning;

-- another verify body is another revision; one without keeps the hash it had
SELECT migrate_register('s', 'SELECT 1', verify => 'SELECT   TRUE  -- the same');
SELECT pg_temp.attempt($$SELECT migrate_register('s', 'SELECT 1', verify => 'SELECT 1 = 1')$$);
SELECT pg_temp.attempt($$SELECT migrate_register('s', 'SELECT 1')$$);
SELECT pg_temp.attempt($$SELECT migrate_register('v', 'CREATE TABLE made (a int); INSERT INTO made VALUES (1), (2)', 'DROP TABLE IF EXISTS made', verify => 'SELECT 1')$$);
CREATE TEMP TABLE hashes AS SELECT hash FROM migrate_show('s');
SELECT pg_temp.attempt(format($$SELECT migrate_approve('s', %L)$$, (SELECT hash FROM hashes)));
SELECT migrate_register('s', 'SELECT 1', replace => true);
SELECT hash = (SELECT hash FROM hashes) AS same,
	hash = encode(sha256(convert_to(format('%s %s %s %s %s %s %L %L%s%s', r.revision, r.upgrade_hash, r.downgrade_hash,
		r.down_revision, r.depends_on, r.branch_labels, r.settings, r.message, '', ''), 'UTF8')), 'hex') AS as_it_was
  FROM migrate_show('s') JOIN migrate.revision AS r USING (revision);
SELECT pg_temp.attempt(format($$SELECT migrate_approve('s', %L)$$, (SELECT hash FROM hashes)));
SELECT verify, verify_hash FROM migrate.revision WHERE revision = 's';
DROP TABLE hashes;
SELECT migrate_unregister('s');

-- in a script, in any place behind the upgrade; errors are those of that file
SELECT migrate_register_script($script$
-- revision: b1
-- down_revision: v
-- set: search_path = 'elsewhere, public'
-- migrate:up
CREATE SCHEMA elsewhere;
SET search_path = pg_catalog;
CREATE TABLE elsewhere.made (b int);
-- migrate:verify
SELECT count(*) = 0 FROM made;
SELECT current_setting('search_path') = 'elsewhere, public';
-- migrate:down
DROP SCHEMA elsewhere CASCADE;
-- revision: b2
-- down_revision: b1
-- migrate:up
ALTER TABLE made ADD b int;
-- migrate:down
ALTER TABLE made DROP b;
-- migrate:verify
-- Verify: the column is there
SELECT b FROM made WHERE false;
-- revision: b3
-- down_revision: b2
-- migrate:verify
SELECT count(*) = 2 FROM made;
$script$);
SELECT revision, upgrade, downgrade, verify FROM migrate_show('b1') UNION ALL SELECT revision, upgrade, downgrade, verify FROM migrate_show('b3');
SELECT step, revision, statements, verify FROM migrate_plan_details();
SELECT migrate_upgrade();
CREATE FUNCTION script(text) RETURNS text LANGUAGE sql AS
	$$ SELECT pg_temp.attempt(format('SELECT migrate_register_script(%L)', E'-- revision: r\n' || $1)) $$;
SELECT script(s) FROM unnest(ARRAY[
	E'-- migrate:up\nSELECT 1;\n-- migrate:verify\nSELECT 1;\n-- migrate:verify\nSELECT 1;\n',
	E'-- migrate:up\nSELECT 1;\n-- migrate:verify\nSELECT 1;\n-- migrate:down\nSELECT 1;\n-- migrate:verify\nSELECT 1;\n',
	E'-- migrate:down\nSELECT 1;\n-- migrate:verify\nSELECT 1;\n-- migrate:down\nSELECT 1;\n',
	E'-- migrate:verify\nSELECT 1;\n-- migrate:up\nSELECT 1;\n',
	E'-- migrate:up\n-- migrate:verify transaction:false\nSELECT 1;\n',
	E'-- migrate:up\nSELECT 1;\n-- Migrate:Verify\nSELECT 1;\n',
	E'-- migrate:up\nSELECT 1;\n-- migrate:verfy\nSELECT 1;\n',
	E'-- migrate:up\nSELECT 1;\n-- migrate verify\nSELECT 1;\n',
	E'-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n-- verify\nSELECT 1;\n',
	E'-- migrate:up\nSELECT 1;\n-- migrate:verify\nSELECT 1;\n-- down\nSELECT 1;\n',
	E'-- migrate:up\nSELECT 1;\n-- migrate:verify\nSELECT true;\nDELETE FROM seen;\n-- migrate:down\nSELEC;\n']) AS s;
SELECT pg_temp.attempt(E'SELECT migrate_register_script(''-- migrate:verify\n'')');
-- headings that harm nothing
\set SHOW_CONTEXT never
SELECT script(E'-- migrate:up\n-- verify that it is there\nSELECT 1;\n-- Verification\n-- Verify: none\nSELECT 2;\n-- verify the migration\nSELECT 3;\n');
\set SHOW_CONTEXT always
SELECT migrate_unregister('r');

-- migrate_verify(): of a range; one that fails does not stop the others
TRUNCATE made;
SELECT * FROM (SELECT revision, result, sqlstate, error FROM migrate_verify()) AS v;
SELECT revision, result FROM migrate_verify('b1:b2');
SELECT revision, result FROM migrate_verify('current:');
SELECT revision, result, statement, line, sqlstate, error, detail, hint, context, query FROM migrate_verify_details('b3:b3');
SELECT pg_temp.attempt($$SELECT migrate_verify('nowhere:')$$);
SELECT migrate_downgrade('b2');
SELECT revision, result FROM migrate_verify();
-- nothing of it stays, also read only and in a transaction that has failed since
CREATE TEMP TABLE before AS SELECT migrate_fingerprint(true) AS print, (SELECT count(*) FROM migrate.log) AS log;
BEGIN READ ONLY;
SELECT revision, result FROM migrate_verify();
COMMIT;
SELECT migrate_fingerprint(true) = print AS same, (SELECT count(*) FROM migrate.log) = log AS same_log FROM before;
DROP TABLE before;
SET statement_timeout = '300ms';
SELECT migrate_register('t', 'SELECT 1', 'SELECT 1', '{b2}', verify => 'SELECT pg_sleep(COALESCE(current_setting(''test.sleep'', true), ''0'')::float)');
SELECT migrate_upgrade('t');
SET test.sleep = 5;
SELECT revision, result FROM migrate_verify('t:t');
RESET statement_timeout;
RESET test.sleep;
SELECT migrate_downgrade('b2');
SELECT migrate_unregister('t');

-- the author must have the rights of the role that runs it, as for the other bodies
CREATE ROLE verify_author;
CREATE ROLE verify_runner;
GRANT ALL ON SCHEMA public TO verify_author, verify_runner;
GRANT EXECUTE ON FUNCTION migrate_register(text, text, text, text[], text[], text[], text, boolean, boolean, boolean, text, text, text, text) TO verify_author;
GRANT EXECUTE ON FUNCTION migrate_upgrade(text), migrate_verify(text), migrate_verify_details(text) TO verify_runner;
SET ROLE verify_author;
SELECT migrate_register('w', 'SELECT 1', '', '{b2}', verify => 'SELECT true');
SELECT pg_temp.attempt('SELECT migrate_verify()');
SELECT pg_temp.attempt('SELECT migrate_verify_details()');
RESET ROLE;
SELECT migrate_stamp('w');
SET ROLE verify_runner;
SELECT revision, result, sqlstate, error FROM migrate_verify('w:w');
SELECT detail, hint, statement, query FROM migrate_verify_details('w:w');
RESET ROLE;
SET migrate.require_approval = on;
SELECT revision, result, error FROM migrate_verify('b2:');
RESET migrate.require_approval;
-- a role that is locked stays what it is
GRANT verify_runner TO verify_author;
SET ROLE verify_runner;
SELECT revision, result FROM migrate_verify('w:w');
RESET ROLE;
SELECT migrate_stamp('b2');
SELECT migrate_register('w', 'SELECT 1', '', '{b2}', verify => 'RESET ROLE; SELECT current_user = ''verify_runner''', replace => true);
SELECT migrate_upgrade('w');
SELECT migrate_register('w', 'SELECT 1', '', '{b2}', verify => 'SET ROLE verify_runner; SELECT current_user = ''verify_runner''', replace => true);
SELECT migrate_upgrade('w');
SELECT current_user = session_user AS reset;
SET ROLE verify_runner;
SELECT result, sqlstate, error FROM migrate_verify('w:w');
RESET ROLE;
SELECT migrate_stamp('b2');
SELECT migrate_unregister('w');
REVOKE ALL ON SCHEMA public FROM verify_author, verify_runner;
DROP OWNED BY verify_author, verify_runner;
DROP ROLE verify_author, verify_runner;

-- several segments: in the last transaction; what was committed before stays
INSERT INTO made VALUES (1, 1);
SELECT migrate_register('c', 'ALTER TABLE made ADD c int; CREATE INDEX CONCURRENTLY made_c_idx ON made (c)', 'DROP INDEX made_c_idx; ALTER TABLE made DROP c', '{b2}',
	verify => 'SELECT indisvalid FROM pg_index WHERE indexrelid = ''made_c_idx''::regclass; SELECT count(*) > 1 FROM made', replace => true);
SELECT migrate_unregister('b3');
CALL migrate_deploy();
SELECT revision, state, partial FROM migrate_history_details('c:c');
SELECT statement, last_statement, state FROM migrate.partial ORDER BY statement;
SELECT revision FROM migrate_verify('b2:');
INSERT INTO made VALUES (2, 2);
CALL migrate_deploy();
SELECT revision, state, partial FROM migrate_history_details('c:c');
SELECT revision, result FROM migrate_verify('b2:');
CALL migrate_revert('b2');
-- ordinary statements at the end are taken back with it
SELECT migrate_register('c', 'CREATE INDEX CONCURRENTLY made_b_idx ON made (b); ALTER TABLE made ADD c int', 'ALTER TABLE made DROP c; DROP INDEX made_b_idx', '{b2}',
	verify => 'SELECT count(*) > 2 FROM made', replace => true);
CALL migrate_deploy();
SELECT statement, last_statement, state FROM migrate.partial ORDER BY statement;
SELECT migrate_resolve('c', 'finish');
SELECT revision, result FROM migrate_verify('c:c');
SELECT migrate_stamp('b2');
DROP INDEX made_b_idx;
-- one that is not transactional, and batches
SELECT migrate_register('c', 'ALTER TABLE made ADD c int; DO ''BEGIN COMMIT; END''', 'ALTER TABLE made DROP c', '{b2}',
	verify => 'SELECT count(*) > 2 FROM made', replace => true, transactional => false);
CALL migrate_deploy();
SELECT statement, last_statement, kind, state FROM migrate.partial ORDER BY statement;
INSERT INTO made VALUES (3, 3);
CALL migrate_deploy();
CALL migrate_revert('b2');
ALTER TABLE made ADD PRIMARY KEY (a);
SELECT migrate_register('c', $$CALL migrate_batch('made', 'UPDATE made SET b = 7 WHERE a BETWEEN $1 AND $2', batch_size => 1)$$, '', '{b2}',
	verify => 'SELECT b = 7 FROM made; SELECT count(*) > 3 FROM made', replace => true);
CALL migrate_deploy();
SELECT statement, state FROM migrate.partial;
SELECT a, b FROM made ORDER BY a;
INSERT INTO made VALUES (4, 7);
CALL migrate_deploy();
SELECT count(*) FROM migrate.batch;
SELECT migrate_downgrade('b2');
SELECT migrate_register('c', 'DELETE FROM made WHERE a > 1', '', '{b2}', verify => 'SELECT count(*) = 1 FROM made', replace => true);

-- executed by preview and round trip, and in a script for psql
SELECT revision, finding FROM migrate_preview();
SELECT count(*) FROM migrate_roundtrip();
SELECT migrate_register('c', 'DELETE FROM made WHERE a > 1', '', '{b2}', verify => E'SELECT count(*) = 1 FROM made; -- one\nSELECT a <> 1 FROM made', replace => true);
SELECT revision, line, finding FROM migrate_preview();
SELECT detail FROM migrate_preview_details() WHERE finding = 'failed';
SELECT pg_temp.attempt('SELECT migrate_roundtrip()');
SELECT migrate_script('b2:c');
SELECT migrate_script('c:b2', 'downgrade');

-- a conflict is tried again, with the upgrade
CREATE TEMP SEQUENCE tries;
SELECT migrate_register('c', '', '', '{b2}', replace => true,
	verify => 'DO ''BEGIN IF nextval(''''tries'''') < 3 THEN RAISE serialization_failure; END IF; END''');
SELECT migrate_upgrade();
SELECT attempts FROM migrate.log WHERE revision = 'c' ORDER BY started DESC LIMIT 1;
SELECT migrate_downgrade('base');
DROP TABLE seen;
DROP SEQUENCE numbers;
DROP DOMAIN yes;
DROP FUNCTION writes, refused, script;
DROP PROCEDURE verify, answers;
\i sql/include/reset.sql
