# What the owner of a table for a while has made of its columns is an error, and
# never read as what it was.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('changed_column');
my $db = new_database($node, 'app');
my $batch = q{CALL migrate_batch('t', 'DELETE FROM t WHERE i BETWEEN $1 AND $2 AND fails(i) > 1', name => 'b')};

my (undef, $errors) = run_sql($node, $db, <<'SQL');
SELECT migrate_register('a1', 'SELECT 1', 'SELECT 1');
SELECT migrate_upgrade();
SELECT migrate_register('a2', 'SELECT 1', 'SELECT 1', '{a1}');
SELECT migrate_approve('a2', hash) FROM migrate_show('a2');
SELECT migrate_schedule('s', '1 day');
SELECT migrate_submit('a2', run_at => now() + interval '1 day');
CREATE TABLE t (i int PRIMARY KEY);
INSERT INTO t VALUES (1), (2);
CREATE FUNCTION fails(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN IF i > 1 THEN RAISE ''not yet''; END IF; RETURN i; END';
CALL migrate_batch('t', 'DELETE FROM t WHERE i BETWEEN $1 AND $2 AND fails(i) > 1', batch_size => 1, target => '0', pause => 0, name => 'b');
INSERT INTO migrate.partial (version_oid, version_table, statement, last_statement, line, revision, operation, state, body_hash, run, role, role_oid, origin)
SELECT 'migrate.version'::regclass, 'migrate.version', 1, 1, 1, 'a2', 'upgrade', 'done', 'x', batch, role, role_oid, origin FROM migrate.batch;

-- What each function says after a change that is rolled back, under savepoints of
-- their own.
CREATE FUNCTION tried(changes text) RETURNS TABLE (call text, said text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE changes;
	FOREACH call IN ARRAY ARRAY['migrate_heads()', 'migrate_history_details()', $c$migrate_show('a1')$c$,
		'migrate_plan_details()', 'migrate_is_current()', 'migrate_upgrade()', $c$migrate_downgrade('base')$c$,
		$c$migrate_stamp('a1')$c$, $c$migrate_resolve('a2', 'abandon')$c$, $c$migrate_register('a3', '', '')$c$,
		$c$migrate_register('a2', '', '', '{a1}', replace => true)$c$, $c$migrate_unregister('a2')$c$,
		$c$migrate_approve('a2', 'x')$c$, 'migrate_run_jobs()', $c$migrate_submit('a2')$c$, $c$migrate_unschedule('s')$c$,
		$c$migrate_schedule('s', '2 days')$c$, 'migrate_cancel((SELECT max(job) FROM migrate.jobs))', $c$migrate_batch_reset('b')$c$, 'migrate_guard()',
		$c$CALL migrate_batch('t', 'DELETE FROM t WHERE i BETWEEN $1 AND $2 AND fails(i) > 1', name => 'b')$c$]
	LOOP
		BEGIN
			EXECUTE CASE WHEN call LIKE 'CALL %' THEN call ELSE 'SELECT FROM ' || call END;
			RAISE EXCEPTION USING ERRCODE = 'MIG00', MESSAGE = 'done';
		EXCEPTION WHEN OTHERS THEN
			said := concat_ws(': ', SQLSTATE, SQLERRM);
			RETURN NEXT;
		END;
	END LOOP;
	RAISE EXCEPTION USING ERRCODE = 'MIG01', MESSAGE = 'take the change back';
EXCEPTION WHEN OTHERS THEN
	IF SQLSTATE <> 'MIG01' THEN
		call := changes;
		said := concat_ws(': ', SQLSTATE, SQLERRM);
		RETURN NEXT;
	END IF;
END $$;

-- each column, as a number that would be an address, as text, and without a value
CREATE TABLE result AS
SELECT t.call, t.said
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
 CROSS JOIN unnest(ARRAY['TYPE bigint USING 16', 'TYPE text USING ''x''', 'DROP NOT NULL; UPDATE %1$s SET %2$I = NULL']) AS change
 CROSS JOIN LATERAL tried(format('ALTER TABLE %1$s %3$s ALTER COLUMN %2$I ' || change, c.oid::regclass, attname,
	(SELECT string_agg(format('DROP CONSTRAINT %I CASCADE, ', conname), '') FROM pg_constraint AS k
	  WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c')))) AS t
 WHERE c.relnamespace = 'migrate'::regnamespace AND c.relkind = 'r';
SQL
is($errors, 'P0001: not yet', 'a batch has stopped, nothing else has failed');
is(sql($node, $db, "SELECT name, last_key, end_key FROM migrate.batch"), 'b|{1}|{2}', 'where the batch has stopped');
is(sql($node, $db, "SELECT count(*) > 1000, count(*) FILTER (WHERE said LIKE 'MIG00%') > 500 FROM result"), 't|t', 'calls were made, and some of them succeed');
is(sql($node, $db, "SELECT DISTINCT call, said FROM result WHERE said LIKE 'XX%'"), '', 'no error is internal');
is(sql($node, $db, "SELECT DISTINCT said FROM result WHERE said ~ 'has type|contains a null|could not be read' ORDER BY said"), <<'SAID' =~ s/\n\z//r, 'columns with another type or without a value');
22004: column "body" of an internal statement contains a null
22004: column "body_hash" of an internal statement contains a null
22004: column "body_hash" of table "migrate.partial" contains a null
22004: column "hash" of table "migrate.approval" contains a null
22004: column "name" of table "migrate.schedule" contains a null
22004: column "operation" of table "migrate.partial" contains a null
22004: column "origin" of table "migrate.partial" contains a null
22004: column "query" of table "migrate.batch" contains a null
22004: column "registered_by" of table "migrate.revision" contains a null
22004: column "revision" of table "migrate.partial" contains a null
22004: column "revision" of table "migrate.revision" contains a null
22004: column "state" of table "migrate.job" contains a null
22004: column "state" of table "migrate.partial" contains a null
22004: version table "migrate.version" contains a null
42804: column "batch" of table "migrate.batch" has type bigint instead of uuid
42804: column "batch" of table "migrate.batch" has type text instead of uuid
42804: column "batch_size" of table "migrate.batch" has type bigint instead of integer
42804: column "batch_size" of table "migrate.batch" has type text instead of integer
42804: column "batches" of table "migrate.batch" has type text instead of bigint
42804: column "downgrade_nontransactional" of table "migrate.revision" has type bigint instead of integer
42804: column "downgrade_nontransactional" of table "migrate.revision" has type text instead of integer
42804: column "downgrade_statements" of table "migrate.revision" has type bigint instead of integer
42804: column "downgrade_statements" of table "migrate.revision" has type text instead of integer
42804: column "downgrade_transactions" of table "migrate.revision" has type bigint instead of integer
42804: column "downgrade_transactions" of table "migrate.revision" has type text instead of integer
42804: column "end_key" of table "migrate.batch" has type bigint instead of text[]
42804: column "end_key" of table "migrate.batch" has type text instead of text[]
42804: column "last_key" of table "migrate.batch" has type bigint instead of text[]
42804: column "last_key" of table "migrate.batch" has type text instead of text[]
42804: column "last_statement" of table "migrate.partial" has type bigint instead of integer
42804: column "last_statement" of table "migrate.partial" has type text instead of integer
42804: column "login_oid" of table "migrate.job" has type bigint instead of oid
42804: column "registered_by_oid" of table "migrate.revision" has type bigint instead of oid
42804: column "registered_by_oid" of table "migrate.revision" has type text instead of oid
42804: column "session_objects" of table "migrate.partial" has type bigint instead of text[]
42804: column "session_objects" of table "migrate.partial" has type text instead of text[]
42804: column "settings" of table "migrate.partial" has type bigint instead of text[]
42804: column "settings" of table "migrate.partial" has type text instead of text[]
42804: column "upgrade_nontransactional" of table "migrate.revision" has type bigint instead of integer
42804: column "upgrade_nontransactional" of table "migrate.revision" has type text instead of integer
42804: column "upgrade_statements" of table "migrate.revision" has type bigint instead of integer
42804: column "upgrade_statements" of table "migrate.revision" has type text instead of integer
42804: column "upgrade_transactions" of table "migrate.revision" has type bigint instead of integer
42804: column "upgrade_transactions" of table "migrate.revision" has type text instead of integer
SAID

is(sql($node, $db, <<'SQL'), 's|could not submit a job: column "settings" of table "migrate.schedule" has type bigint instead of text[]', 'of a schedule the row says it');
BEGIN;
ALTER TABLE migrate.schedule ALTER settings TYPE bigint USING 16;
UPDATE migrate.schedule SET next_run = now() - interval '1 s';
SELECT migrate_run_jobs();
SELECT name, note FROM migrate.schedules_details;
ROLLBACK;
SQL

# A key with other columns than the index.
foreach my $change ([ 'last_key', '{1,2}', 2 ], [ 'end_key', '{}', 0 ])
{
	my ($column, $key, $n) = @$change;
	session_is($node, $db, "$column with $n columns", "BEGIN; UPDATE migrate.batch SET $column = '$key'; $batch; ROLLBACK;",
		'', "42804: a key in table migrate.batch has $n columns instead of 1");
}

done_testing();
