# The extension on what imitates YugabyteDB, beyond single failures (yb_sim.pl): what
# is refused, what the server must not do by itself, and the function mode that submits.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('yugabytedb',
	"shared_preload_libraries = 'migrate_yb_sim,migrate'",
	"yb_sim.server_version = '15.12-YB-2025.2.0.0-b1'");
my $db = new_database($node, 'app');
sql($node, $db, 'SET client_min_messages = error; CREATE EXTENSION yb_sim');

# Output and errors of a session.
sub session
{
	my ($sql) = @_;
	return run_sql($node, $db, $sql);
}

# Has a failure come so often, from the next passing of a point on.
sub failing
{
	my ($what, $point, $count) = @_;
	return "SET yb_sim.fail_with = '$what'; SET yb_sim.fail_point = '$point';"
	  . " SET yb_sim.fail_count = $count; SET yb_sim.fail_at = 1;\n";
}

# The scheduler reads the list of databases, for which it needs one here.
wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'migrate scheduler'");
is(sql($node, $db, "SELECT datname FROM pg_stat_activity WHERE backend_type = 'migrate scheduler'"), 'postgres',
	'the scheduler is connected to a database');

my $conflict = '40001: could not serialize access due to concurrent update';
my $passed = "SELECT passed, failed FROM yb_sim_counts() WHERE point = 'version'";
my ($out, $errors);

# Without advisory locks sessions cannot take turns.
(undef, $errors) = session(
	"SELECT migrate_register('d1', 'CREATE TABLE d1 ()', ''); SET yb_enable_advisory_locks = off;
	 CALL migrate_deploy(); SELECT migrate_stamp('d1'); SELECT migrate_register('d2', '', '', '{d1}')");
is($errors, join("\n", ('0A000: this server has no advisory locks, by which migrations take turns') x 3),
	'runs and registrations are refused');
is(sql($node, $db, "SELECT to_regclass('d1') IS NULL, count(*) FROM migrate.version"), 't|0', 'before they do anything');

# The server does not repeat what a run does.
my $retries = 'SHOW yb_max_query_layer_retries';
sql($node, $db, <<'SQL');
CREATE TABLE seen (what text);
SELECT migrate_register('d2', 'INSERT INTO seen VALUES (current_setting(''yb_max_query_layer_retries''))', '', '{d1}');
SELECT migrate_register('d3', '', '', '{d2}');
SQL
is(sql($node, $db, "SET yb_max_query_layer_retries = 7; CALL migrate_deploy('d2'); $retries; SELECT what FROM seen"),
	"7\n0", 'its retries are off during a run, and on again');
my $always = 'SET migrate.max_attempts = 2; ' . failing('yb_conflict', 'version', -1);
($out, $errors) = session("$always SELECT migrate_stamp('d1'); $passed; $retries");
is($errors, $conflict, 'a stamp that fails: 40001');
is($out, "1|1\n60", 'it was tried once, by us and by the server');
($out, $errors) = session("$always CALL migrate_deploy(); $passed; $retries");
like($errors, qr/^40001: upgrade of revision "\w+" failed after 2 attempts(?: in \d+ s)?: \Q${\($conflict =~ s{^40001: }{}r)}\E$/, 'a CALL that fails: 40001');
is($out, "2|2\n60", 'it was tried as often as it should');

# In what really is READ COMMITTED a conflict can be got past in a stamp.
my $twice = failing('conflict', 'version', 2);
($out, $errors) = session("SET yb_sim.read_committed = on; $twice SELECT migrate_stamp('d1'); $passed");
is("$out|$errors", "d1\n3|2|", 'a stamp that meets a conflict, in READ COMMITTED');
($out, $errors) = session("$twice SELECT migrate_stamp('d2'); $passed");
is("$out|$errors", "1|1|$conflict", 'in what only is called so');
($out, $errors) = session('SET yb_sim.read_committed = on; '
	  . failing('catalog', 'version', 1) . "SELECT migrate_stamp('d2'); $passed");
like("$out|$errors", qr/^1\|1\|40001: The catalog snapshot/, 'what lasts until the transaction ends is not tried again in it');

# Nor does the server repeat a CALL, as it does in real READ COMMITTED.
sql($node, $db, "SELECT migrate_stamp('d2'); CREATE TABLE calls_seen (i int); CREATE PROCEDURE fails() LANGUAGE plpgsql AS"
	  . " 'BEGIN INSERT INTO calls_seen VALUES (1); COMMIT; RAISE ''it'' USING ERRCODE = ''YB003''; END'");
(undef, $errors) = session('SET yb_sim.read_committed = on; SET yb_max_query_layer_retries = 2; CALL fails()');
is(sql($node, $db, 'SELECT count(*) FROM calls_seen; DROP TABLE calls_seen'), '3', 'it repeats another procedure');
($out, $errors) = session("SET yb_sim.read_committed = on; $always CALL migrate_deploy('d3'); $passed; $retries");
is($out, "2|2\n60", 'but not a run');
like($errors, qr/^40001: upgrade of revision "d3" failed after 2 attempts(?: in \d+ s)?: \Q${\($conflict =~ s{^40001: }{}r)}\E$/, 'which says so');

# The second switch: DDL commits by itself in transactions that really are READ COMMITTED.
my $both = 'SET yb_ddl_transaction_block_enabled = on; SET yb_disable_ddl_transaction_block_for_read_committed = on;';
my $type = q{SELECT value FROM migrate_doctor_details() WHERE "check" = 'server type'};
my %type_of = (
	'SET yb_sim.read_committed = on;' => 'yugabytedb',
	'' => 'yugabytedb_transactional_ddl',
	"SET yb_sim.read_committed = on; SET default_transaction_isolation = 'repeatable read';" => 'yugabytedb_transactional_ddl');
is(sql($node, $db, "$both $_ $type"), $type_of{$_}, "server type with both switches, $_") foreach sort keys %type_of;
sql($node, $db, "SELECT migrate_register('s1', 'CREATE TABLE s1 (i int); INSERT INTO s1 VALUES (1); INSERT INTO s1 VALUES (1/0)', 'DROP TABLE s1', '{d2}')");
foreach my $session (sort keys %type_of)
{
	(undef, $errors) = session("$both $session CALL migrate_deploy('s1')");
	is($errors, '22012: division by zero', "a run with both switches, $session");
	is(sql($node, $db, "SELECT count(*) FROM migrate.partial; SELECT to_regclass('s1')"),
		$type_of{$session} eq 'yugabytedb' ? "2\ns1" : "0\n", 'what is left of it is known');
	sql($node, $db, "SELECT migrate_resolve('s1', 'abandon'); DROP TABLE s1") if $type_of{$session} eq 'yugabytedb';
}
sql($node, $db, "SELECT migrate_unregister('s1')");

# An attempt to take the lock of a run fails like any statement, and is repeated.
sql($node, $db, "SELECT migrate_stamp('d2')");
foreach my $failure ('conflict', 'yb_conflict', 'expired', 'timed_out')
{
	my $said;
	my $locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
	$node->psql($db, failing($failure, 'lock', 3) . "CALL migrate_deploy('d3'); $locks", stdout => \$out, stderr => \$said);
	is($out, '0', "$failure while the lock is taken: no lock is left");
	is(() = $said =~ /NOTICE:  lock on the version table or the registry failed in attempt \d of 10, trying again: /g, 3,
		'it was tried three times more');
	unlike($said, qr/ERROR|WARNING/, 'and the run completed');
	is(sql($node, $db, "SELECT version_num FROM migrate.version; SELECT migrate_stamp('d2')"), "d3\nd2", 'as it should');
}
($out, $errors) = session(failing('yb_conflict', 'lock', -1) . "SET migrate.max_attempts = 3; CALL migrate_deploy('d3');"
	  . " SELECT passed, failed FROM yb_sim_counts() WHERE point = 'lock'; SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
is("$out|$errors", "3|3\n0|$conflict", 'not more often than it may');

# So are those of a worker: the slot, the queue, the job, the run.
sql($node, $db, "ALTER DATABASE $db SET yb_sim.fail_with = 'yb_conflict'; ALTER DATABASE $db SET yb_sim.fail_point = 'lock';"
	  . " ALTER DATABASE $db SET yb_sim.fail_at = 1; ALTER DATABASE $db SET yb_sim.fail_count = 2");
my $job = sql($node, $db, "SET yb_sim.enabled = off; SELECT migrate_submit('d3')");
wait_until($node, $db, "SELECT finished IS NOT NULL FROM migrate.job WHERE job = $job");
is(sql($node, $db, "ALTER DATABASE $db RESET ALL; SELECT state, attempts, crashes FROM migrate.job WHERE job = $job;"
	  . ' DELETE FROM migrate.job'), 'succeeded|1|0', 'a job meets conflicts while its worker takes locks');
sql($node, $db, "SELECT migrate_stamp('d2')");

# A statement that reports an error, and was done or not.
sql($node, $db, <<'SQL');
SELECT migrate_stamp('d3');
SELECT migrate_register('e1', 'CREATE TABLE e1 (i int)', 'DROP TABLE e1', '{d3}');
SELECT migrate_register('e2', 'ALTER TABLE e1 ADD CHECK (i > 0)', '', '{e1}');
SELECT migrate_register('e3', 'DO $do$BEGIN INSERT INTO seen VALUES (''e3''); END$do$', '', '{e2}');
SQL
my $timed_out = failing('timed_out', 'ddl_after', 1);
is(sql($node, $db, "$timed_out SET client_min_messages = error; CALL migrate_deploy('e1'); SELECT to_regclass('e1')"), 'e1',
	'"Timed out", and the catalogs say that it was done');
(undef, $errors) = session("$timed_out CALL migrate_deploy('e2')");
like($errors, qr/^XX000: Timed out/, '"Timed out", and the catalogs say nothing: the run stops');
is(sql($node, $db, 'SELECT revision, partial FROM migrate_current() JOIN migrate_history_details() USING (revision) ORDER BY 1'),
	"e1|\ne2|upgrade: statement 1 was begun", 'outcome unknown');
(undef, $errors) = session('CALL migrate_deploy()');
is($errors, '55000: revision "e2" is partial, and the outcome of statement 1 is unknown', 'and stays so');
is(sql($node, $db, "SELECT conname FROM pg_constraint WHERE conrelid = 'e1'::regclass; SELECT migrate_resolve('e2', 'skip');
	CALL migrate_deploy('e2'); SELECT version_num FROM migrate.version"), "e1_i_check\n\ne2", 'until its outcome is known');

# That a statement starts is noted, and the note reports an error: it has not
# begun, and this process knows that.
(undef, $errors) = session(failing('timed_out', 'after_commit', 10) . 'CALL migrate_deploy()');
like($errors, qr/^XX000: upgrade of revision "e3" failed after 10 attempts(?: in \d+ s)?: Timed out/, 'a note that cannot be made for sure');
is(sql($node, $db, 'SELECT count(*) FROM migrate.partial'), '0', 'leaves none');
is(sql($node, $db, "CALL migrate_deploy(); SELECT count(*) FROM seen WHERE what = 'e3'"), '1', 'the next run completes');

# An index is left INVALID by a conflict, and dropping it reports an error,
# although it was dropped.
sql($node, $db, <<'SQL');
CREATE SEQUENCE calls;
CREATE FUNCTION meets_conflict(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('public.calls') = 1 THEN RAISE serialization_failure; END IF;
  RETURN i;
END$$;
INSERT INTO e1 VALUES (1);
SELECT migrate_register('e4', 'CREATE INDEX CONCURRENTLY e1_i ON e1 (meets_conflict(i))', '', '{e3}');
SQL
$node->psql($db, "$timed_out CALL migrate_deploy('e4')", stderr => \$errors);
like($errors, qr/DROP INDEX CONCURRENTLY public\.e1_i\n.*could not clean up .* Timed out/s, 'what repairs it reports an error');
unlike($errors, qr/ERROR|server closed/, 'after which it has been repaired');
is(sql($node, $db, "SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'e1'::regclass"),
	'e1_i|t', 'and is built');

# A session that can only send a SELECT has a worker do it.
sql($node, $db, "SELECT migrate_register('f1', 'CREATE TABLE f1 (i int); INSERT INTO f1 VALUES (1)', 'DROP TABLE f1', '{e4}')");
(undef, $errors) = session("SELECT migrate_upgrade('head')");
is($errors, '0A000: revisions cannot be run inside a function on this server', 'a function refuses');
is(sql($node, $db, "SET migrate.function_mode = submit; SELECT count(*) FROM migrate_upgrade('head')"), '0', 'or submits');
wait_until($node, $db, 'SELECT bool_and(finished IS NOT NULL) FROM migrate.jobs_details');
is(sql($node, $db, 'SELECT state FROM migrate.jobs_details; SELECT i FROM f1'), "succeeded\n1", 'and the worker runs it');

$node->stop;
done_testing();
