# The imitation of YugabyteDB behaves as test/yb_sim/README.md says, and the
# extension works on it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('yb_sim', 'restart_after_crash = on',
	"shared_preload_libraries = 'migrate_yb_sim,migrate'",
	"yb_sim.server_version = '15.12-YB-2025.2.0.0-b1'");
my $db = new_database($node, 'yb_sim');

my $expired = '40001: current transaction is expired or aborted';
my $mismatch = '40001: The catalog snapshot used for this transaction has been'
  . ' invalidated: expected: 2, got: 1: MISMATCHED_SCHEMA';
my $conflict = '40001: could not serialize access due to concurrent update';
my $undefined = '42P01: relation "made_elsewhere" does not exist';
my $not_found = 'XX000: Table with identifier 0000400600003000800000000000436b not found: OBJECT_NOT_FOUND';
my $timed_out = 'XX000: Timed out: Perform RPC timed out after 5.000s';
my $fatal = 'XX000: rollback of a subtransaction with DDL is not supported';
my %error_of = (
	conflict => $conflict,
	restart_read =>
	  '40001: Restart read required at: { read: { physical: 1 } }',
	expired => $expired,
	yb_conflict => $conflict,
	catalog => $mismatch,
	timed_out => $timed_out,
	undefined => $undefined,
	not_found => $not_found);

sql($node, $db, <<'SQL');
CREATE EXTENSION yb_sim;
CREATE TABLE account (i int);
CREATE TABLE alembic_version (version_num text);
CREATE ROLE joe LOGIN;
GRANT CREATE ON SCHEMA public TO joe;
CREATE SEQUENCE calls;
CREATE FUNCTION fails(times int, code text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE call bigint := nextval('calls');
BEGIN
  IF call <= times THEN RAISE 'call %', call USING ERRCODE = code; END IF;
  RETURN call;
END$$;
SQL

is_server();
commits_ddl();
keeps_ddl_in_transaction();
fails_at_points();
dies();
stays_outdated();
leaves_outcome_unknown();
draws_at_random();
executes_again();
refuses();
runs_migrations();

$node->stop;
done_testing();

# Output and errors of a session.
sub outcome
{
	my ($sql) = @_;
	my ($out, $errors) = run_sql($node, $db, $sql);
	return "$out|$errors";
}

sub is_outcome
{
	my ($sql, $expected, $name) = @_;
	is(outcome($sql), $expected, $name);
	return;
}

sub fail_with
{
	my ($failure, $point, $at) = @_;
	return "SET yb_sim.fail_with = '$failure'; SET yb_sim.fail_point = '$point';"
	  . " SET yb_sim.fail_at = " . ($at // 1) . ';';
}

sub is_server
{
	is_outcome('SHOW server_version; SHOW yb_max_query_layer_retries;'
		  . ' SHOW retry_min_backoff; SHOW yb_read_after_commit_visibility',
		"15.12-YB-2025.2.0.0-b1\n60\n100ms\nstrict|", 'settings');
	is_outcome("SET yb_sim.server_version = ''; SELECT current_setting('server_version') ~ '-YB-'",
		'f|', 'a session is PostgreSQL when it wants');
	is_outcome(<<'SQL', "repeatable read\nserializable\nread committed\n3|", 'functions');
SELECT yb_get_effective_transaction_isolation_level();
BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT yb_get_effective_transaction_isolation_level(); COMMIT;
SET yb_sim.read_committed = on; SELECT yb_get_effective_transaction_isolation_level();
SELECT count(DISTINCT uuid) FROM yb_servers();
SQL
	return;
}

sub commits_ddl
{
	my $count = 'SELECT count(*) FROM';
	is_outcome("BEGIN; CREATE TABLE a (i int); INSERT INTO a VALUES (1);"
		  . " INSERT INTO alembic_version VALUES ('a'); ROLLBACK;"
		  . " $count a; $count alembic_version", "0\n0|",
		'a rollback undoes rows, but not DDL');
	is_outcome("BEGIN; SAVEPOINT s; INSERT INTO account VALUES (1);"
		  . " CREATE TABLE b (i int); ROLLBACK TO s; COMMIT; $count account, b",
		'0|', 'and so does a rollback to a savepoint');
	is_outcome("DO \$\$BEGIN CREATE TABLE c AS SELECT 1 AS i; RAISE 'no'; END\$\$; $count c",
		'1|P0001: no', 'also inside a function');
	is_outcome("CREATE INDEX CONCURRENTLY account_i ON account (i);"
		  . " BEGIN; CREATE INDEX CONCURRENTLY ON account (i); ROLLBACK;"
		  . " SELECT indisvalid FROM pg_index WHERE indexrelid = 'account_i'::regclass",
		't|25001: CREATE INDEX CONCURRENTLY cannot run inside a transaction block',
		'an index is built concurrently');
	is_outcome("BEGIN; CREATE TEMP TABLE t AS SELECT 1; CREATE INDEX ON t (\"?column?\"); ROLLBACK;"
		  . " SELECT to_regclass('t') IS NULL",
		't|', 'a temporary table is the session\'s');
	is_outcome("SET ROLE joe; SET search_path = public, pg_temp; CREATE TABLE of_joe (i int); RESET ROLE;"
		  . " SELECT tableowner FROM pg_tables WHERE tablename = 'of_joe'",
		'joe|', 'role and settings are the caller\'s');
	is_outcome("ALTER TABLE account ADD CHECK (i); SET statement_timeout = '100ms'; CREATE TABLE slow AS SELECT 1 FROM pg_sleep(60)",
		"|42804: argument of CHECK must be type boolean, not type integer\n"
		  . '57014: canceling statement due to statement timeout',
		'errors are the statement\'s');
	my ($rc, $out, $err) = $node->psql($db, 'SELECT 1\; CREATE TABLE place (i nowhere)');
	like($err, qr/LINE 1: SELECT 1; CREATE TABLE place \(i nowhere\)\n {40}\^/,
		'and so is their position');
	is_outcome("BEGIN; INSERT INTO account VALUES (1); ALTER TABLE account ADD j int; ROLLBACK;",
		"|$expired", 'DDL on a table that the transaction has written');
	is_outcome("SET yb_sim.ddl = 'local'; BEGIN; CREATE TABLE d (i int); ROLLBACK; SELECT to_regclass('d') IS NULL",
		't|', 'switched off');
	return;
}

sub keeps_ddl_in_transaction
{
	my $on = 'SET yb_ddl_transaction_block_enabled = on; BEGIN;';
	is_outcome("$on CREATE TABLE e (i int); ROLLBACK; SELECT to_regclass('e') IS NULL",
		't|', 'transactional DDL: a rollback undoes it');
	is_outcome("$on SAVEPOINT s; INSERT INTO account VALUES (1); ROLLBACK TO s; ROLLBACK; SELECT 1",
		'1|', 'a subtransaction with rows is rolled back');
	is_outcome("$on SAVEPOINT s; CREATE TABLE e (i int); RELEASE s; COMMIT; SELECT count(*) FROM e",
		'0|', 'one with DDL is released');
	my $second = 'SET yb_disable_ddl_transaction_block_for_read_committed = on;';
	is_outcome("$second $on CREATE TABLE e2 (i int); ROLLBACK; SELECT to_regclass('e2') IS NULL",
		't|', 'the second switch does nothing where READ COMMITTED is only called so');
	is_outcome("SET yb_sim.read_committed = on; $second $on CREATE TABLE e2 (i int); ROLLBACK; SELECT to_regclass('e2') IS NULL",
		'f|', 'where it is real, DDL commits by itself');
	is_outcome("SET yb_sim.read_committed = on; $second SET default_transaction_isolation = 'repeatable read';"
		  . " $on CREATE TABLE e3 (i int); ROLLBACK; SELECT to_regclass('e3') IS NULL",
		't|', 'but not in another isolation level');
	is_outcome("$on SAVEPOINT s; DROP TABLE e; ROLLBACK TO s; SELECT 1",
		"|$fatal", 'or ends the session');
	is_outcome("$on SAVEPOINT s; SAVEPOINT t; DROP TABLE e; RELEASE t; SELECT 1/0; SELECT 1",
		"|22012: division by zero\n$fatal", 'also one that it was released to');
	is_outcome("$on DO \$\$BEGIN BEGIN DROP TABLE e; RAISE 'no'; EXCEPTION WHEN others THEN END; END\$\$; SELECT 1",
		"|$fatal", 'no handler stops that');
	is_outcome("SET yb_sim.subtransaction_fatal = off; $on SAVEPOINT s; DROP TABLE e; ROLLBACK TO s; COMMIT; SELECT count(*) FROM e",
		'0|', 'switched off');
	return;
}

sub fails_at_points
{
	my %at = (
		statement => 'INSERT INTO account VALUES (7)',
		version => "INSERT INTO alembic_version VALUES ('b')",
		partial => 'DELETE FROM migrate.partial',
		lock => 'SELECT pg_try_advisory_xact_lock(1)',
		ddl_after => 'CREATE TABLE after_%s (i int)',
		commit => 'INSERT INTO account VALUES (8)');
	foreach my $point (sort keys %at)
	{
		foreach my $failure (sort keys %error_of)
		{
			is_outcome(fail_with($failure, $point)
				  . sprintf("BEGIN; $at{$point}; COMMIT; SELECT failed FROM yb_sim_counts() WHERE point = '$point'", $failure),
				"1|$error_of{$failure}", "$failure at $point");
		}
	}
	is_outcome('SELECT count(*) FROM account; SELECT count(*) FROM alembic_version;'
		  . " SELECT count(*) FROM pg_class WHERE relname LIKE 'after\\_%'",
		"0\n0\n8|", 'nothing of them is left, but DDL');
	is_outcome(fail_with('conflict', 'statement', 2)
		  . 'SET yb_sim.fail_count = 2;'
		  . 'CREATE TABLE f (i int);' . 'INSERT INTO f VALUES (1);' x 3
		  . 'SELECT count(*) FROM f; SELECT passed, failed FROM yb_sim_counts() LIMIT 1',
		"1\n4|2|$conflict\n$conflict", 'from the second one on, twice');
	is_outcome(fail_with('conflict', 'commit')
		  . 'BEGIN; SELECT 1; COMMIT; CREATE TABLE g (i int); INSERT INTO g VALUES (1)',
		"1|$conflict", 'a transaction that has written nothing commits');

	expect_crash($node);
	outcome(fail_with('kill', 'statement') . 'INSERT INTO account VALUES (1)');
	wait_until_up($node);
	is_outcome('SELECT count(*) FROM account', '0|', 'the process was killed');
	return;
}

sub dies
{
	foreach my $failure ('expired', 'catalog')
	{
		my $error = $error_of{$failure};
		is_outcome(fail_with($failure, 'statement')
			  . 'BEGIN; SAVEPOINT s; INSERT INTO account VALUES (1); ROLLBACK TO s; SELECT 1; ROLLBACK TO s;'
			  . ' SET work_mem = 1000; COMMIT; SELECT 2',
			"2|$error\n$error\n$error", "$failure: the transaction is dead");
	}
	is_outcome(fail_with('yb_conflict', 'statement')
		  . 'BEGIN; SAVEPOINT s; INSERT INTO account VALUES (1); ROLLBACK TO s; SELECT 1; COMMIT',
		"1|$conflict", 'after a conflict it is not');
	is_outcome(fail_with('expired', 'statement') . <<'SQL', '|P0001: YB001', 'the code inside is private');
DO $$
BEGIN
  INSERT INTO account VALUES (1);
EXCEPTION WHEN others THEN RAISE '%', sqlstate;
END$$;
SQL
	return;
}

# An outdated catalog cache is renewed between two messages of the client, outside of
# a transaction: not by a procedure that begins another one.
sub stays_outdated
{
	sql($node, $db, <<'SQL');
CREATE PROCEDURE tries(times int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. times LOOP
    BEGIN
      INSERT INTO account VALUES (1);
    EXCEPTION WHEN others THEN RAISE WARNING '% %', sqlstate, (SELECT count(*) FROM pg_class WHERE relname = 'account');
    END;
    COMMIT;
  END LOOP;
END$$;
SQL
	foreach my $failure ('undefined', 'not_found')
	{
		my ($code) = $error_of{$failure} =~ /^(\w+)/;
		my (undef, undef, $errors) = $node->psql($db, fail_with($failure, 'statement') . 'CALL tries(3)');
		is(() = $errors =~ /WARNING:  $code 1/g, 3, "$failure: in each transaction of a CALL");
		is_outcome(fail_with($failure, 'statement')
			  . 'BEGIN; SAVEPOINT s; INSERT INTO account VALUES (1); ROLLBACK TO s; INSERT INTO account VALUES (1);'
			  . ' ROLLBACK; INSERT INTO account VALUES (1); SELECT count(*) FROM account; DELETE FROM account',
			"1|$error_of{$failure}\n$error_of{$failure}", "$failure: until the transaction has ended");
	}
	is_outcome(fail_with('catalog', 'statement') . <<'SQL', "0|$mismatch", 'catalog: in each transaction of a DO, until the next message');
DO $$
BEGIN
  BEGIN
    INSERT INTO account VALUES (1);
  EXCEPTION WHEN others THEN NULL;
  END;
  ROLLBACK;
  PERFORM FROM pg_class;
  PERFORM FROM account;
END$$;
SELECT count(*) FROM account;
SQL
	return;
}

sub leaves_outcome_unknown
{
	my $fail = fail_with('timed_out', 'after_commit');
	my $accounts = 'SELECT string_agg(i::text, \' \' ORDER BY i) FROM account';
	sql($node, $db, <<'SQL');
CREATE PROCEDURE commits(value int) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account VALUES (value);
  COMMIT;
END$$;
SQL
	is_outcome("$fail INSERT INTO account VALUES (1); $accounts", "1|$timed_out",
		'unknown outcome of a statement');
	is_outcome("$fail BEGIN; INSERT INTO account VALUES (2); COMMIT; $accounts",
		"1 2|$timed_out", 'of COMMIT');
	is_outcome("$fail CALL commits(3); $accounts", "1 2 3|$timed_out",
		'of COMMIT in a procedure');
	is_outcome(fail_with('expired', 'after_commit')
		  . "INSERT INTO account VALUES (5); INSERT INTO account VALUES (6); $accounts",
		"1 2 3 5 6|$expired", 'the next transaction is alive');
	sql($node, $db, 'DELETE FROM account');
	return;
}

sub draws_at_random
{
	my $storm = "SET yb_sim.probability = 0.5; SET yb_sim.seed = %d;"
	  . ' INSERT INTO account VALUES (1);' x 30
	  . " SELECT string_agg(format('%%s %%s', passed, failed), ',') FROM yb_sim_counts()";
	my $first = outcome(sprintf($storm, 1));
	note($first);
	isnt($first =~ s/\|.*//sr, '0 0,' x 6 . '0 0', 'errors come at random');
	like($first, qr/40001/, 'of several kinds');
	like($first, qr/XX000/, 'of several kinds');
	is(outcome(sprintf($storm, 1)), $first, 'the same ones with the same seed');
	isnt(outcome(sprintf($storm, 2)), $first, 'others with another seed');
	expect_crash($node);
	outcome("SET yb_sim.kill_probability = 1; INSERT INTO account VALUES (1)");
	wait_until_up($node);
	sql($node, $db, 'DELETE FROM account');
	return;
}

sub executes_again
{
	my $again = "SELECT setval('calls', 1, false) AS x \\gset\n";
	is_outcome("$again SELECT fails(3, '40001'), 'x'", '4|x|',
		'a query is executed again');
	is_outcome("$again SELECT fails(3, 'YB003')", '4|', 'also for a private code');
	is_outcome("$again SELECT i, fails(2, '40001') > 2 FROM generate_series(1, 2) AS i",
		"1|t\n2|t|", 'as a whole');
	is_outcome("$again SELECT fails(3, '22012')", '|22012: call 1',
		'not for another error');
	is_outcome("$again SET yb_max_query_layer_retries = 0; SELECT fails(3, '40001')",
		'|40001: call 1', 'not without retries');
	is_outcome("$again SET yb_max_query_layer_retries = 2; SELECT fails(3, '40001')",
		'|40001: call 3', 'not more often than allowed');
	is_outcome("CREATE FUNCTION unrepeated() RETURNS bigint LANGUAGE sql SET yb_max_query_layer_retries = 0"
		  . " RETURN fails(3, '40001');\n$again SELECT unrepeated()",
		'|40001: call 1', 'what counts is the setting when the error is caught');
	is_outcome("CREATE PROCEDURE repeated() LANGUAGE plpgsql AS 'BEGIN PERFORM fails(3, ''40001''); END';\n"
		  . "$again CALL repeated()", '|40001: call 1', 'a CALL is not');
	is_outcome("CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'INSERT INTO account VALUES (9) RETURNING i';"
		  . fail_with('expired', 'statement') . 'SELECT writes()',
		'9|', 'in place of a dead transaction');
	is_outcome(fail_with('expired', 'statement') . 'BEGIN; SELECT writes(); ROLLBACK; SELECT count(*) FROM account',
		"1|$expired", 'but not inside a block');
	is_outcome("$again SET yb_ddl_transaction_block_enabled = on; CREATE FUNCTION makes() RETURNS bigint LANGUAGE plpgsql AS"
		  . " 'BEGIN CREATE TABLE made (i int); RETURN fails(1, ''40001''); END';\n SELECT makes()",
		'2|', 'DDL is undone in between');
	sql($node, $db, <<'SQL');
DELETE FROM account;
CREATE PROCEDURE repeats(times int, code text) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account VALUES (1);
  COMMIT;
  INSERT INTO account VALUES (2);
  PERFORM fails(times, code);
END$$;
SQL
	my $call = "$again SET yb_sim.read_committed = on; CALL repeats(2, '%s');"
	  . ' SELECT i, count(*) FROM account GROUP BY 1 ORDER BY 1; DELETE FROM account';
	is_outcome(sprintf($call, 'YB003'), "1|3\n2|1|",
		'so is a CALL in real READ COMMITTED; what it has committed stays');
	is_outcome(sprintf($call, '40001'), '1|1|40001: call 1', 'but not for a public code');
	is_outcome(sprintf("SET yb_max_query_layer_retries = 1; $call", 'YB003'), "1|2|40001: call 2", 'as often as it may be');
	is_outcome("SET yb_sim.query_retry = off; $again SELECT fails(3, '40001')",
		'|40001: call 1', 'switched off');
	return;
}

sub refuses
{
	is_outcome('BEGIN; LOCK TABLE account IN ACCESS SHARE MODE; LOCK TABLE account IN SHARE MODE; ROLLBACK',
		'|0A000: LOCK TABLE in another mode than ACCESS SHARE not supported yet',
		'LOCK TABLE');
	is_outcome('SELECT (SELECT max(i) FROM account AS b WHERE b.ctid = a.ctid) FROM account AS a;'
		  . ' EXECUTE no', "|0A000: system column with id -1 is not supported yet\n"
		  . '26000: prepared statement "no" does not exist', 'ctid');
	is_outcome("BEGIN; INSERT INTO account VALUES (1); PREPARE TRANSACTION 'a'",
		'|0A000: PREPARE TRANSACTION not supported yet', 'PREPARE TRANSACTION');
	is_outcome('SELECT pg_try_advisory_lock(1); SET yb_enable_advisory_locks = off; SELECT pg_try_advisory_lock(1)',
		't|0A000: advisory locks are not yet implemented', 'advisory locks');
	is_outcome("LISTEN x; SELECT count(*) FROM pg_listening_channels()", '0|',
		'LISTEN does nothing');
	is_outcome("SET yb_sim.enabled = off; LISTEN x; BEGIN; LOCK TABLE account;"
		  . ' CREATE TABLE h (i int); SELECT 1 FROM account WHERE ctid IS NULL; ROLLBACK;'
		  . " SELECT count(*) FROM pg_listening_channels(); SELECT to_regclass('h') IS NULL",
		"1\nt|", 'switched off');
	return;
}

sub runs_migrations
{
	sql($node, $db, <<'SQL');
CREATE TABLE note (text text);
SELECT migrate_register('r1', 'CREATE TABLE first (i int); INSERT INTO first VALUES (1)', 'DROP TABLE first');
SELECT migrate_register('r2', $$INSERT INTO note VALUES ('r2'); ALTER TABLE first ADD j int;
  UPDATE first SET j = 1; CREATE INDEX CONCURRENTLY ON first (j)$$, 'ALTER TABLE first DROP j; DELETE FROM note', '{r1}');
SELECT migrate_register('r3', 'DO $do$BEGIN CREATE TABLE third (i int); INSERT INTO third VALUES (1); END$do$;
  CREATE VIEW pair AS SELECT * FROM first JOIN third USING (i)', 'DROP VIEW pair; DROP TABLE third', '{r2}');
SQL
	my $state = "SELECT (SELECT string_agg(version_num, ' ') FROM migrate.version), (SELECT count(*) FROM note),"
	  . " (SELECT count(*) FROM migrate.partial), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')";
	is_outcome("SELECT migrate_upgrade(); $state",
		'|0|0|0|0A000: revisions cannot be run inside a function on this server',
		'the function refuses');
	is_outcome("CALL migrate_deploy('head'); SELECT count(*) FROM pair; $state",
		"1\nr3|1|0|0|", 'the procedure runs all revisions');
	is_outcome("CALL migrate_revert('base'); $state", '|0|0|0|', 'down again');
	is_outcome(fail_with('yb_conflict', 'version')
		  . "CALL migrate_deploy('r2'); SELECT count(*) FROM first; $state;"
		  . " SELECT failed FROM yb_sim_counts() WHERE point = 'version'",
		"1\nr2|1|0|0\n1|", 'a conflict at the version row does not repeat a body');
	return;
}
