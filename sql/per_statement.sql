-- per_statement: bodies that are not transactional, whose statements run as the
-- client would have sent them: procedures and DO with COMMIT, BEGIN and COMMIT
\i sql/include/start.sql
SET client_min_messages = warning;
SET migrate.retry_base_delay = '1ms';
CREATE TABLE seen (n int GENERATED ALWAYS AS IDENTITY, what text, xid xid8 DEFAULT pg_current_xact_id());
CREATE SEQUENCE tries;
CREATE PROCEDURE steps(last int, fail_at int DEFAULT 0) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. last LOOP
		INSERT INTO seen (what) VALUES ('step ' || i);
		IF i = fail_at THEN
			RAISE 'it fails at step %', i USING HINT = 'A hint of its own.';
		END IF;
		COMMIT;
	END LOOP;
END $$;
CREATE PROCEDURE nested(INOUT last int, OUT told text) LANGUAGE plpgsql AS $$
BEGIN
	CALL steps(last);
	last := last * 2;
	told := 'done';
	ROLLBACK;
END $$;
-- 40001 in the first tries, before or after it has committed something
CREATE PROCEDURE conflicts(fails int, commits bool) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO seen (what) VALUES ('first');
	IF commits THEN
		COMMIT;
	END IF;
	IF nextval('tries') <= fails THEN
		RAISE serialization_failure;
	END IF;
	INSERT INTO seen (what) VALUES ('second');
END $$;
-- a new body of the revision p
CREATE PROCEDURE body(up text, down text DEFAULT '', transactional bool DEFAULT false) LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM migrate.partial;
	PERFORM migrate_stamp('base', purge => true);
	PERFORM migrate_register('p', up, down, transactional => transactional, replace => true);
	DELETE FROM migrate.log;
	TRUNCATE seen;
	PERFORM setval('tries', 1, false);
END $$;
-- statements that were one transaction are on one line
CREATE FUNCTION told() RETURNS SETOF text LANGUAGE sql AS
	$$ SELECT string_agg(what, ', ' ORDER BY n) FROM seen GROUP BY xid ORDER BY min(n) $$;

-- one that is transactional is told of the argument
CALL body('SELECT 1; CALL steps(2)', transactional => true);
SELECT migrate_upgrade();
CALL migrate_deploy();
CALL body('DO ''BEGIN COMMIT; END''', transactional => true);
CALL migrate_deploy();
SELECT migrate_register('down', '', 'DO ''BEGIN ROLLBACK; END''', '{p}');
CALL body('');
CALL migrate_deploy();
CALL migrate_revert('p');
SELECT migrate_stamp('base', purge => true);
SELECT migrate_unregister('down');
-- a function, which never can, is not
CREATE FUNCTION in_vain() RETURNS void LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
CALL body('SELECT in_vain()');
CALL migrate_deploy();

-- where it is registered
CALL body('SELECT 1; CALL steps(2)', 'CALL steps(1)');
SELECT upgrade_transactional, upgrade_statements, upgrade_nontransactional, upgrade_transactions, downgrade_transactional FROM migrate.revision;
SELECT transactional FROM migrate_show('p');
SELECT transactions, statements FROM migrate_plan_details();
SELECT migrate_register('p', 'SELECT 1; CALL steps(2)', 'CALL steps(1)', transactional => false);
SELECT migrate_register('p', 'SELECT 1; CALL steps(2)', 'CALL steps(1)');
SELECT migrate_register('p', 'SELECT 1; CALL steps(2)', 'CALL steps(1)', transactional => false, downgrade_transactional => true);
SELECT migrate_register('p', 'SELECT 1; CALL steps(2)', 'CALL steps(1)', transactional => NULL);
SELECT migrate_register('q', '', transactional => false, down_revision => '{p}');
SELECT upgrade_transactional, downgrade_transactional IS NULL AS no_downgrade FROM migrate.revision WHERE revision = 'q';
SELECT migrate_unregister('q');
-- each direction by itself, in a script; the hash covers it
CREATE TEMP TABLE hashes AS SELECT hash FROM migrate_show('p');
SELECT migrate_register_script(E'-- revision: p\n-- migrate:up transaction:false\nSELECT 1; CALL steps(2);\n-- migrate:down transaction:false\nCALL steps(1);');
SELECT migrate_register_script(E'-- revision: p\n-- migrate:up transaction:false\nSELECT 1; CALL steps(2);\n-- migrate:down\nCALL steps(1);');
SELECT migrate_register_script(E'-- revision: p\n-- migrate:up transaction:false\nSELECT 1; CALL steps(2);\n-- migrate:down transaction:true\nCALL steps(1);', replace => true);
INSERT INTO hashes SELECT hash FROM migrate_show('p');
SELECT upgrade_transactional, downgrade_transactional FROM migrate.revision;
SELECT transactional FROM migrate_show('p');
SELECT migrate_register_script(E'-- revision: p\n-- migrate:up\nSELECT 1; CALL steps(2);\n-- migrate:down transaction : false\nCALL steps(1);', replace => true);
INSERT INTO hashes SELECT hash FROM migrate_show('p');
SELECT upgrade_transactional, downgrade_transactional FROM migrate.revision;
SELECT migrate_register_script(E'-- revision: p\n-- migrate:up\nSELECT 1; CALL steps(2);\n-- migrate:down\nCALL steps(1);', replace => true);
INSERT INTO hashes SELECT hash FROM migrate_show('p');
SELECT count(DISTINCT hash) FROM hashes;

-- the function refuses it, and a CALL that is not the client's
CALL body('SELECT 1; CALL steps(2)', 'CALL steps(1)');
SELECT migrate_upgrade();
DO 'BEGIN CALL migrate_deploy(); END';
-- the procedure runs it, in both directions
CALL migrate_deploy();
SELECT told();
SELECT migrate_downgrade('base');
SELECT transactions FROM migrate_plan_details('base', 'downgrade');
CALL migrate_revert('base');
SELECT told();
SELECT operation, state, attempts FROM migrate.log ORDER BY finished;
SELECT count(*) FROM migrate.partial;
-- an empty body is nothing to refuse
CALL body('');
SELECT migrate_upgrade();

-- statements of each kind
CALL body($$
	INSERT INTO seen (what) VALUES ('alone');
	INSERT INTO seen (what) VALUES ('alone');
	CALL nested(2, NULL);
	BEGIN;
	INSERT INTO seen (what) VALUES ('block');
	INSERT INTO seen (what) VALUES ('block');
	CREATE TEMP TABLE until_commit ON COMMIT DROP AS SELECT 1 AS i;
	LOCK TABLE seen;
	DECLARE c CURSOR FOR SELECT 1;
	SET CONSTRAINTS ALL DEFERRED;
	END;
	BEGIN; COMMIT;
	START TRANSACTION;
	INSERT INTO seen (what) VALUES (coalesce(to_regclass('pg_temp.until_commit')::text, 'dropped'));
	DO 'BEGIN INSERT INTO seen (what) VALUES (''in its block''); END';
	COMMIT;
	CREATE INDEX CONCURRENTLY seen_what ON seen (what);
	DO $do$ BEGIN INSERT INTO seen (what) VALUES ('DO'); COMMIT; INSERT INTO seen (what) VALUES ('DO'); ROLLBACK; INSERT INTO seen (what) VALUES ('DO'); END $do$;
	DO $do$ BEGIN EXECUTE 'INSERT INTO seen (what) VALUES (''plain DO'')'; END $do$;
	VACUUM seen
$$);
SELECT upgrade_statements, upgrade_nontransactional, upgrade_transactions FROM migrate.revision;
CALL migrate_deploy();
SELECT told();

-- what a block sets for its transaction ends with it, everything else with the body
CALL body($$
	SET app.a = 'set';
	BEGIN;
	SET LOCAL app.a = 'local';
	SET app.b = 'set';
	SET LOCAL app.b = 'local';
	SET LOCAL work_mem = '7MB';
	SET LOCAL enable_seqscan = off;
	SET LOCAL default_toast_compression = pglz;
	SET LOCAL random_page_cost = 3.5;
	SET LOCAL ROLE pg_monitor;
	SET LOCAL search_path = pg_catalog;
	RESET ROLE;
	INSERT INTO public.seen (what) SELECT concat_ws(' ', current_setting('app.a'), current_setting('app.b'), current_setting('work_mem'), current_setting('search_path'), current_user = session_user);
	COMMIT;
	INSERT INTO seen (what) SELECT concat_ws(' ', current_setting('app.a'), current_setting('app.b'), current_setting('work_mem') <> '7MB', current_setting('enable_seqscan'), current_setting('random_page_cost'), current_user = session_user);
	DO $do$ BEGIN PERFORM set_config('app.a', 'one', false); COMMIT; PERFORM set_config('app.a', 'two', true), set_config('search_path', 'pg_catalog', true), set_config('app.b', 'three', false); END $do$;
	INSERT INTO seen (what) SELECT concat_ws(' ', current_setting('app.a'), current_setting('app.b'));
	BEGIN; SET LOCAL app.a = 'only'; COMMIT;
	BEGIN; SET app.b = 'only'; END;
	INSERT INTO seen (what) SELECT concat_ws(' ', current_setting('app.a'), current_setting('app.b'))
$$);
CALL migrate_deploy();
SELECT told();
SELECT current_setting('app.a', true), current_setting('app.b', true);
-- settings of the revision
SELECT migrate_register_script(E'-- revision: s\n-- down_revision: p\n-- set: app.a = ''of the revision''\n-- migrate:up transaction:false\nDO ''BEGIN COMMIT; INSERT INTO seen (what) VALUES (current_setting(''''app.a'''')); COMMIT; END'';');
CALL migrate_deploy();
SELECT told() OFFSET 4;
SELECT migrate_stamp('base', purge => true), migrate_unregister('s');

-- what no body of them may hold
\t on
\pset format unaligned
SELECT b, pg_temp.attempt(format('SELECT migrate_register(%L, %L, transactional => false)', 'e', b)) FROM unnest(ARRAY[
	'BEGIN', 'BEGIN; SELECT 1', 'SELECT 1; COMMIT', 'SELECT 1; END', 'BEGIN; BEGIN; COMMIT', 'BEGIN; ROLLBACK', 'ABORT', 'BEGIN; SAVEPOINT s; COMMIT', 'BEGIN; RELEASE s; COMMIT',
	'START TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT', 'BEGIN READ ONLY; COMMIT', 'BEGIN; COMMIT AND CHAIN', 'COMMIT PREPARED ''x''', 'BEGIN; PREPARE TRANSACTION ''x''',
	'BEGIN; VACUUM; COMMIT', 'BEGIN; DROP INDEX CONCURRENTLY i; COMMIT', 'BEGIN; DISCARD ALL; COMMIT', 'LOCK seen', 'SET LOCAL work_mem = 1', 'SET TRANSACTION READ ONLY', 'SET CONSTRAINTS ALL DEFERRED',
	'DECLARE c CURSOR FOR SELECT 1']) AS b;
\t off
\pset format aligned
SELECT migrate_register('e', E'SELECT 1;\n  BEGIN;\nSELECT 2', transactional => false);
SELECT migrate_register('e', 'SELECT 1; BEGIN; SELECT 2; COMMIT');
-- one pair around all of it is not left out
SELECT migrate_register('e', 'BEGIN; SELECT 1; SELECT 2; COMMIT', 'BEGIN; SELECT 1; COMMIT', '{p}', transactional => false, downgrade_transactional => true);
SELECT upgrade, downgrade, upgrade_statements, upgrade_transactions FROM migrate.revision WHERE revision = 'e';
SELECT migrate_unregister('e');

-- which DO could end transactions is seen in its text
CREATE FUNCTION may(d text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	PERFORM migrate_register('e', 'DO ' || d, transactional => false, replace => true);
	RETURN (SELECT upgrade_nontransactional = 1 FROM migrate.revision WHERE revision = 'e');
END $$;
SELECT d, may(d) FROM unnest(ARRAY['''BEGIN END''', '''BEGIN Commit; END''', '''BEGIN ROLLBACK AND CHAIN; END''', '''BEGIN CALL p(); END''', '''BEGIN DO $x$BEGIN END$x$; END''', '''BEGIN do /* */ language plpgsql $x$BEGIN END$x$; END''',
	'''BEGIN DO E''''BEGIN END''''; END''', 'LANGUAGE plperl ''1''', '''BEGIN INSERT INTO seen VALUES (1) ON CONFLICT DO NOTHING; END''', 'LANGUAGE plpgsql ''BEGIN EXECUTE $x$DROP TABLE t$x$; END''']) AS d;
SELECT migrate_unregister('e');

-- the server refuses
CALL body('SELECT 1; BEGIN; SELECT 2; CALL steps(2); COMMIT; SELECT 3');
CALL migrate_deploy();
SELECT migrate_resolve('p', 'skip');
CALL body('DO $$ BEGIN BEGIN COMMIT; EXCEPTION WHEN division_by_zero THEN NULL; END; END $$');
CALL migrate_deploy();
CREATE PROCEDURE with_setting() LANGUAGE plpgsql SET work_mem = '1MB' AS 'BEGIN COMMIT; END';
CALL body('CALL with_setting()');
CALL migrate_deploy();
CALL body('CREATE TEMP TABLE at_once (i int) ON COMMIT DROP; SELECT 1');
CALL migrate_deploy();
CREATE TABLE parted (i int) PARTITION BY RANGE (i);
CALL body('BEGIN; REINDEX TABLE parted; COMMIT');
CALL migrate_deploy();
CALL body('REINDEX TABLE parted; CREATE TYPE mood AS ENUM (''a''); BEGIN; ALTER TYPE mood ADD VALUE ''b''; SELECT ''b''::mood; COMMIT');
CALL migrate_deploy();
CALL body('CALL migrate_deploy()');
CALL migrate_deploy();

-- a plain statement that fails: what stands before it stays
CALL body('INSERT INTO seen (what) VALUES (''stays''); SELECT 1/0; INSERT INTO seen (what) VALUES (''follows'')');
CALL migrate_deploy();
SELECT told();
SELECT migrate_resolve('p', 'skip');
CALL migrate_deploy();
SELECT told();

-- one that has ended transactions, and fails
CALL body('INSERT INTO seen (what) VALUES (''before''); CALL steps(3, 3); INSERT INTO seen (what) VALUES (''after'')', 'SELECT 1');
CALL migrate_deploy();
SELECT told();
SELECT statement, kind, state FROM migrate.partial ORDER BY 1;
SELECT state, partial FROM migrate_history_details();
CALL migrate_deploy();
SELECT note, next_command FROM migrate.status JOIN migrate.status_details USING (revision);
SELECT migrate_upgrade();
SELECT migrate_resolve('p', 'skip');
CALL migrate_deploy();
SELECT told();
SET client_min_messages = notice;
CALL body('CALL steps(2, 2)');
CALL migrate_deploy();
SELECT migrate_resolve('p', 'abandon');
CALL body('CALL steps(2, 2)');
CALL migrate_deploy();
SELECT migrate_resolve('p', 'finish');
SET client_min_messages = warning;
-- at its end, by a constraint
CREATE TABLE once (i int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CALL body('DO $$ BEGIN INSERT INTO once VALUES (1), (1); IF false THEN COMMIT; END IF; END $$');
CALL migrate_deploy();
CALL body('DO $$ BEGIN INSERT INTO once VALUES (1); COMMIT; INSERT INTO once VALUES (1); END $$');
CALL migrate_deploy();
SELECT * FROM once;
-- that commits nothing which was written, and fails, has done nothing
CALL body('DO $$ BEGIN COMMIT; PERFORM 1/0; END $$');
CALL migrate_deploy();
SELECT count(*) FROM migrate.partial;

-- a conflict is repeated as long as nothing is committed
CALL body('CALL conflicts(2, false)');
CALL migrate_deploy();
SELECT told();
SELECT state, attempts FROM migrate.log;
CALL body('CALL conflicts(1, true)');
\set VERBOSITY terse
CALL migrate_deploy();
SELECT told();
SELECT state, attempts FROM migrate.log;
SELECT migrate_resolve('p', 'retry');
CALL migrate_deploy();
SELECT told();
\set VERBOSITY default

-- a preview leaves out what it could not take back
CALL body('INSERT INTO seen (what) VALUES (''alone''); CALL steps(2); BEGIN; INSERT INTO seen (what) VALUES (''block''); DO ''BEGIN PERFORM 1; END''; COMMIT');
SELECT statement, command_tag, rows, finding, detail FROM migrate_preview_details();
SELECT told();
-- a script for psql has the same transactions
\t on
\pset format unaligned
SELECT migrate_script('p');
\t off
\pset format aligned

-- settings that would keep the note of it from being written
CALL body('DO $$ BEGIN COMMIT; SET default_transaction_read_only = on; COMMIT; END $$; DO $$ BEGIN SET default_transaction_read_only = off; COMMIT; INSERT INTO seen (what) VALUES (''after''); END $$');
CALL migrate_deploy();
SELECT told();

-- batches: several transactions, and one in a block
CREATE TABLE big (id int PRIMARY KEY, n int);
INSERT INTO big SELECT g, 0 FROM generate_series(1, 100) AS g;
CALL body($$
	CALL migrate_batch('big', 'UPDATE big SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 10, pause => 0);
	BEGIN;
	CALL migrate_batch('big', 'UPDATE big SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 10);
	COMMIT
$$);
CALL migrate_deploy();
SELECT n, count(*) FROM big GROUP BY 1;

-- a role that is no superuser, in its own session and in another one's
CREATE ROLE regress_migrate_low;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_upgrade TO regress_migrate_low;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO regress_migrate_low;
GRANT ALL ON seen TO regress_migrate_low;
CALL body('');
SELECT migrate_stamp('p');
SET ROLE regress_migrate_low;
SELECT migrate_register('r', 'DO $$ BEGIN COMMIT; INSERT INTO seen (what) VALUES (current_user); COMMIT; RESET ROLE; END $$', '', '{p}', transactional => false);
CALL migrate_deploy();
RESET ROLE;
SELECT migrate_resolve('r', 'abandon');
SET ROLE regress_migrate_low;
SELECT migrate_register('r', 'DO $$ BEGIN CREATE TEMP VIEW pg_class AS SELECT 1 AS x; COMMIT; END $$', '', '{p}', transactional => false, replace => true);
\set VERBOSITY terse
CALL migrate_deploy();
RESET ROLE;
SELECT to_regclass('pg_temp.pg_class');
SELECT migrate_resolve('r', 'abandon');
SET SESSION AUTHORIZATION regress_migrate_low;
SELECT migrate_register('r', 'DO $$ BEGIN COMMIT; INSERT INTO seen (what) VALUES (current_user); COMMIT; END $$', '', '{p}', transactional => false, replace => true);
CALL migrate_deploy();
RESET SESSION AUTHORIZATION;
\set VERBOSITY default
SELECT told();

-- where DDL commits by itself, each statement is a segment anyway
SET migrate.server_type = yugabytedb;
SELECT migrate_register('y', 'BEGIN; INSERT INTO seen (what) VALUES (''y''); INSERT INTO seen (what) VALUES (''y''); COMMIT; CALL steps(1); DO ''BEGIN CREATE TABLE made (i int); END''', 'DROP TABLE made', '{r}', transactional => false);
CALL migrate_deploy();
SELECT told() OFFSET 2;
CALL migrate_revert('r');
RESET migrate.server_type;

\i sql/include/reset.sql
SET client_min_messages = warning;
DROP TABLE seen, once, big, parted;
DROP TYPE mood;
DROP SEQUENCE tries;
DROP FUNCTION told, in_vain, may;
DROP PROCEDURE steps, nested, conflicts, body, with_setting;
DROP OWNED BY regress_migrate_low;
DROP ROLE regress_migrate_low;
