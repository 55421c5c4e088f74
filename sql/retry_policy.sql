-- retry_policy: what follows an error, as a table
CREATE SCHEMA pure;
CREATE FUNCTION pure.decide(sqlstate text, message text, fixed_snapshot boolean,
		via text, attempt integer, max_attempts integer, by_text boolean DEFAULT false)
	RETURNS text LANGUAGE C AS 'migrate_test_pure', 'test_retry_decide';
CREATE FUNCTION pure.decide_foreign(sqlstate text, message text,
		fixed_snapshot boolean, via text, attempt integer, max_attempts integer,
		by_text boolean, is_foreign boolean)
	RETURNS text LANGUAGE C AS 'migrate_test_pure', 'test_retry_decide';
CREATE FUNCTION pure.needs_transaction(sqlstate text, message text,
		fixed_snapshot boolean, via text, attempt integer, max_attempts integer)
	RETURNS boolean LANGUAGE C AS 'migrate_test_pure', 'test_retry_needs_transaction';
CREATE FUNCTION pure.leaves_unknown(sqlstate text, message text, fixed_snapshot boolean,
		via text, attempt integer, max_attempts integer, by_text boolean)
	RETURNS boolean LANGUAGE C AS 'migrate_test_pure', 'test_retry_leaves_unknown';
CREATE FUNCTION pure.staleness(sqlstate text, message text, fixed_snapshot boolean,
		via text, attempt integer, max_attempts integer, by_text boolean)
	RETURNS text LANGUAGE C AS 'migrate_test_pure', 'test_retry_staleness';
CREATE FUNCTION pure.delay(attempt integer, base_delay integer,
		max_delay integer, random double precision)
	RETURNS integer LANGUAGE C AS 'migrate_test_pure', 'test_retry_delay';

CREATE TEMP TABLE failure (n integer GENERATED ALWAYS AS IDENTITY,
	sqlstate text, message text);
INSERT INTO failure (sqlstate, message) VALUES
	('55P03', 'canceling statement due to lock timeout'),
	('40P01', 'deadlock detected'),
	('40001', 'could not serialize access due to concurrent update'),
	('40001', NULL),
	('XX000', 'tuple concurrently updated'),
	('XX000', 'tuple concurrently deleted'),
	('YB003', NULL),
	('YB000', 'current transaction is expired or aborted'),
	-- never again
	('YA003', NULL),
	('YC000', NULL),
	('XX000', NULL),
	('XX000', 'cache lookup failed for relation %u'),
	('XX000', 'tuple concurrently updated by me'),
	('XX001', 'tuple concurrently updated'),
	('40000', NULL),
	('40002', NULL),
	('40003', NULL),
	('55000', NULL),
	('55006', NULL),
	('57014', 'canceling statement due to user request'),
	('57014', 'canceling statement due to statement timeout'),
	('57P01', 'terminating connection due to administrator command'),
	('57P02', NULL),
	('57P03', NULL),
	('25001', NULL),
	('25P02', NULL),
	('23505', 'duplicate key value violates unique constraint "%s"'),
	('23503', NULL),
	('42P01', NULL),
	('42601', NULL),
	('42501', NULL),
	('53100', NULL),
	('53200', NULL),
	('54000', NULL),
	('P0001', NULL),
	('08006', NULL),
	('00000', NULL);

-- Attempt 1 of 10, for each isolation and way to run.
SELECT f.sqlstate, f.message,
	pure.decide(sqlstate, message, false, 'function', 1, 10) AS function_rc,
	pure.decide(sqlstate, message, true, 'function', 1, 10) AS function_rr,
	pure.decide(sqlstate, message, false, 'procedure', 1, 10) AS procedure_rc,
	pure.decide(sqlstate, message, true, 'procedure', 1, 10) AS procedure_rr,
	pure.decide(sqlstate, message, false, 'worker', 1, 10) AS worker_rc,
	pure.decide(sqlstate, message, true, 'worker', 1, 10) AS worker_rr
  FROM failure AS f ORDER BY n;

-- Attempts run out at the last one, and only for what would be tried again.
SELECT attempt, max_attempts,
	pure.decide('40001', NULL, false, 'function', attempt, max_attempts) AS again,
	pure.decide('40001', NULL, true, 'function', attempt, max_attempts) AS fixed,
	pure.decide('40001', NULL, true, 'procedure', attempt, max_attempts) AS committing,
	pure.decide('23505', NULL, false, 'function', attempt, max_attempts) AS other
  FROM (VALUES (1, 1), (1, 2), (2, 2), (9, 10), (10, 10), (11, 10),
	(999, 1000), (1000, 1000)) AS v (attempt, max_attempts);

-- On a server where only the text tells: what passes, and what may have been
-- done all the same.
SELECT f.sqlstate, f.message, t.by_text AS told,
	pure.decide(sqlstate, message, false, 'function', 1, 10, by_text) AS function,
	pure.decide(sqlstate, message, true, 'procedure', 1, 10, by_text) AS procedure,
	pure.decide(sqlstate, message, true, 'worker', 10, 10, by_text) AS last_attempt,
	pure.leaves_unknown(sqlstate, message, false, 'procedure', 1, 10, by_text)
  FROM (VALUES
	('XX000', 'Timed out: Perform RPC (request call id 7) to 127.0.0.1:9100 timed out after 5.000s'),
	('XX000', '[Operation failed. Try again (yb/client/batcher.cc:1)]: Service unavailable: no leader'),
	('XX000', 'Snapshot too old. Read point: 1, earliest read time allowed: 2'),
	('40001', 'current transaction is expired or aborted'),
	('40001', 'The catalog snapshot used for this transaction has been invalidated: expected: 2, got: 1: MISMATCHED_SCHEMA'),
	('40001', 'schema version mismatch for table 000033e8: expected 1, got 0'),
	('XX000', 'Catalog Version Mismatch: A DDL occurred while processing this query. Try again.'),
	('40001', 'could not serialize access due to concurrent update'),
	('XX000', 'Table with identifier 0000400600003000800000000000436b not found: OBJECT_NOT_FOUND'),
	('XX000', 'The object ''t'' is not running: OBJECT_NOT_FOUND'),
	('XX000', 'cache lookup failed for relation 17296'),
	-- never again
	('42P01', 'relation "t" does not exist'),
	('XX000', 'timed out'),
	('P0001', 'Timed out: said by a body'),
	('57014', 'Timed out'),
	('XX000', NULL)) AS f (sqlstate, message), (VALUES (true), (false)) AS t (by_text)
 ORDER BY t.by_text DESC, f.message, f.sqlstate;

-- What another session has raised is never tried again.
SELECT pure.decide_foreign(f.sqlstate, f.message, i.fixed, d.via, 1, 10, i.fixed, t.is_foreign) AS decision,
	t.is_foreign, count(*)
  FROM failure AS f, (VALUES ('function'), ('procedure'), ('worker')) AS d (via),
	   (VALUES (false), (true)) AS i (fixed), (VALUES (false), (true)) AS t (is_foreign)
 GROUP BY 1, 2 ORDER BY 2, 1;

-- With an outdated catalog cache there are two attempts; what is missing may
-- be so for that reason.
SELECT f.sqlstate, f.message,
	pure.staleness(sqlstate, message, false, 'procedure', 1, 10, true),
	pure.staleness(sqlstate, message, false, 'procedure', 1, 10, false) AS elsewhere,
	pure.decide(sqlstate, message, false, 'procedure', 1, 10, true) AS first,
	pure.decide(sqlstate, message, false, 'procedure', 2, 10, true) AS second,
	pure.decide(sqlstate, message, false, 'procedure', 1, 1, true) AS only_one
  FROM (VALUES
	('40001', 'The catalog snapshot used for this transaction has been invalidated: expected: 2, got: 1: MISMATCHED_SCHEMA'),
	('XX000', 'schema version mismatch for table 000033e8: expected 1, got 0'),
	('XX000', 'Table with identifier 0000400600003000800000000000436b not found: OBJECT_NOT_FOUND'),
	('XX000', 'cache lookup failed for relation 17296'),
	('XX000', 'Timed out: Perform RPC timed out after 5.000s'),
	('40001', 'could not serialize access due to concurrent update'),
	('42P01', 'relation "t" does not exist'),
	('42703', 'column "c" does not exist'),
	('42704', 'type "t" does not exist'),
	('42883', 'function f() does not exist'),
	('3F000', 'schema "s" does not exist'),
	('42P07', 'relation "t" already exists'),
	('42601', 'syntax error')) AS f (sqlstate, message);

-- The hint to use another transaction.
SELECT f.sqlstate, d.via, i.fixed
  FROM failure AS f, (VALUES ('function'), ('procedure'), ('worker')) AS d (via),
	   (VALUES (false), (true)) AS i (fixed)
 WHERE f.message IS NOT NULL
   AND pure.needs_transaction(f.sqlstate, f.message, i.fixed, d.via, 1, 10);

-- The delay doubles up to the maximum; a random part from half to all of it.
SELECT attempt, pure.delay(attempt, 100, 10000, 0) AS shortest,
	pure.delay(attempt, 100, 10000, 0.5) AS middle,
	pure.delay(attempt, 100, 10000, 0.999999) AS longest
  FROM unnest('{1,2,3,4,5,6,7,8,9,10,100,1000}'::integer[]) AS attempt;

-- Limits: no delay, a maximum below the base, the largest values.
SELECT base, maximum, attempt, pure.delay(attempt, base, maximum, 0.999999)
  FROM (VALUES (0, 0, 5), (0, 10000, 1000), (100, 0, 5), (100, 50, 1),
	(1, 3600000, 1000), (3600000, 3600000, 1000)) AS v (base, maximum, attempt);

SET client_min_messages = warning;
DROP SCHEMA pure CASCADE;
