-- retry: a revision that meets a conflict is tried again
\i sql/include/start.sql
SET migrate.retry_base_delay = '1ms';
CREATE SEQUENCE fails;
CREATE TABLE t (i int);
CREATE FUNCTION conflict(code text, times int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('fails') <= times THEN
		RAISE EXCEPTION USING ERRCODE = code, MESSAGE = 'conflict';
	END IF;
END $$;
-- sequences do not roll back: the third attempt succeeds, and what the first
-- two wrote is gone
SELECT migrate_register('a1', $$
	CREATE TABLE made (i int);
	INSERT INTO t VALUES (1);
	SELECT conflict('40001', 2);
$$, 'DROP TABLE made; DELETE FROM t; SELECT conflict(''40P01'', 1)');
SELECT migrate_upgrade();
SELECT last_value FROM fails;
SELECT revision, state, attempts, sqlstate, error FROM migrate.log;
SELECT count(*) FROM t;
SELECT setval('fails', 1, false);
SELECT migrate_downgrade('base');
SELECT revision, operation, attempts FROM migrate.log ORDER BY started;
-- only the revision that failed is run again
SELECT setval('fails', 1, false);
SELECT migrate_register('a2', 'INSERT INTO t VALUES (2); SELECT conflict(''55P03'', 1); INSERT INTO t VALUES (3)', '', '{a1}');
SELECT migrate_register('a1', $$INSERT INTO t VALUES (1)$$, '', replace => true);
SET client_min_messages = warning;
SELECT migrate_upgrade();
RESET client_min_messages;
SELECT array_agg(i ORDER BY i) FROM t;
SELECT revision, attempts FROM migrate.log WHERE operation = 'upgrade' ORDER BY started DESC LIMIT 2;
-- a conflict that only the deferred checks meet
SELECT setval('fails', 1, false);
CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM conflict(''40001'', 1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION conflict();
SELECT migrate_register('a3', 'INSERT INTO t VALUES (4)', '', '{a2}');
SELECT migrate_upgrade();
DROP TRIGGER late ON t;
-- attempts used up: the original error
SELECT setval('fails', 1, false);
SET migrate.max_attempts = 3;
SELECT migrate_register('b1', 'SELECT conflict(''40001'', 100)');
SELECT migrate_upgrade('b1');
\echo :LAST_ERROR_SQLSTATE
SELECT last_value FROM fails;
SET migrate.max_attempts = 1;
SELECT migrate_upgrade('b1');
SELECT last_value FROM fails;
RESET migrate.max_attempts;
-- anything else is not tried again
SELECT setval('fails', 1, false);
SET client_min_messages = warning;
SELECT code, pg_temp.attempt(format($$
	SELECT migrate_register('c1', 'SELECT conflict(''%s'', 100)', replace => true);
	SELECT migrate_upgrade('c1')$$, code))
  FROM unnest(ARRAY['23505', '40000', '40003', 'P0001', 'XX000', '55000', '25001']) AS code;
SELECT migrate_register('c1', 'SELECT conflict(''57014'', 100)', replace => true);
SELECT migrate_upgrade('c1');
SELECT last_value AS calls FROM fails;
RESET client_min_messages;
-- above READ COMMITTED a 40001 would come back in every attempt: it fails at
-- once, with a hint; a lock timeout or a deadlock is tried again
SELECT setval('fails', 1, false);
SELECT migrate_register('d1', 'SELECT conflict(''40001'', 1)', '');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT migrate_upgrade('d1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT setval('fails', 1, false);
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT migrate_upgrade('d1');
ROLLBACK;
SELECT last_value FROM fails;
SELECT migrate_register('d1', 'SELECT conflict(''55P03'', 2)', '', replace => true);
SELECT setval('fails', 1, false);
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT migrate_upgrade('d1');
COMMIT;
SELECT revision, attempts FROM migrate.log WHERE revision = 'd1';
-- a timeout of the statement ends a backoff
SET migrate.retry_base_delay = '1h';
SET migrate.retry_max_delay = '1h';
SET client_min_messages = error;
SELECT setval('fails', 1, false);
SET statement_timeout = '200ms';
SELECT migrate_upgrade('b1');
\echo :LAST_ERROR_SQLSTATE
RESET statement_timeout;
SELECT last_value FROM fails;
RESET migrate.retry_base_delay;
RESET migrate.retry_max_delay;
RESET migrate.max_attempts;
-- where the failed statement is not the first and long: its text is read
-- after the attempt was rolled back
CREATE SEQUENCE long_text;
SELECT migrate_register('long', format(
	'SELECT 1; DO $$ BEGIN PERFORM %L; IF nextval(''long_text'') < 3 THEN RAISE SQLSTATE ''40001''; END IF; END $$',
	repeat('x', 300000)));
SELECT count(*) FROM migrate_upgrade('long');
SELECT attempts FROM migrate.log WHERE revision = 'long';
DROP SEQUENCE long_text;
-- a statement that a failed attempt has prepared is not in the way of the next
CREATE SEQUENCE prepared;
SELECT migrate_register('prepare', $$
	PREPARE regress_statement AS SELECT 1;
	DO $do$ BEGIN IF nextval('prepared') < 3 THEN RAISE SQLSTATE '40001'; END IF; END $do$;
	EXECUTE regress_statement;
	DEALLOCATE regress_statement;
$$);
SELECT migrate_upgrade('prepare');
SELECT count(*) FROM pg_prepared_statements;
DROP SEQUENCE prepared;
\i sql/include/reset.sql
SET client_min_messages = warning;
DROP FUNCTION conflict(), conflict(text, int);
DROP SEQUENCE fails;
DROP TABLE t;
