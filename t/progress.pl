# migrate.progress_details: where runs are, seen by others while their transactions are
# open; with the library preloaded, and without.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

# Another library has its memory, too.
my $node = new_node('progress', "shared_preload_libraries = 'pg_stat_statements, migrate'", 'restart_after_crash = on', 'max_prepared_transactions = 2');
my $db = new_database($node, 'app');
new_database($node, 'other');
prepare($node);

sub prepare
{
	my ($to) = @_;
	sql($to, 'app', <<'SQL');
CREATE TABLE t (i int);
INSERT INTO t SELECT generate_series(1, 1000);
SELECT migrate_register('p1', 'SELECT 1', 'SELECT 1');
SELECT migrate_register('p2', 'SELECT 1; ALTER TABLE t ADD COLUMN j int; SELECT 2', 'ALTER TABLE t DROP COLUMN j', '{p1}');
SELECT migrate_register('p3', 'SELECT 1; CREATE INDEX CONCURRENTLY t_i ON t (i)', 'DROP INDEX CONCURRENTLY t_i', '{p2}');
SQL
	return;
}

sub progress
{
	my ($columns) = @_;
	return sql($node, $db, "SELECT $columns FROM migrate.progress_details");
}

is(progress('count(*)'), '0', 'no run');
is(sql($node, $db, 'CREATE EXTENSION pg_stat_statements; SELECT count(*) > 0 FROM pg_stat_statements'), 't', 'a library that was loaded before works');

# The function, waiting for a lock, in a transaction that is open.
my $holder = $node->background_psql($db);
$holder->query_safe('BEGIN; LOCK TABLE t IN ACCESS SHARE MODE;');
my $holder_pid = $holder->query_safe('SELECT pg_backend_pid()');
my $run = start_sql($node, $db, 'run',
	"SET migrate.lock_timeout = 0; BEGIN; SELECT migrate_upgrade('p2'); COMMIT;");
my $pid = wait_for_event($node, $run, 'Lock');
is( progress('pid, via, job, role = current_user, operation, revision, step, steps, statement, statements, attempt, query'),
	"$pid|function||t|upgrade|p2|2|2|2|3|1|ALTER TABLE t ADD COLUMN j int", 'function: what it does');
is(progress('waiting_for'), "{$holder_pid}", 'function: the process it waits for');
is(progress("elapsed >= statement_elapsed, started < now(), command IS NULL"), 't|t|t', 'function: how long');
is(sql($node, 'other', 'SELECT count(*) FROM migrate.progress_details'), '0', 'not in another database');
sql($node, $db, 'CREATE ROLE viewer; GRANT USAGE ON SCHEMA migrate TO viewer; GRANT SELECT ON migrate.progress_details TO viewer');
is(sql($node, $db, 'SET ROLE viewer; SELECT revision, statement, query IS NULL FROM migrate.progress_details'), 'p2|2|t', 'the statement is not shown to every role');
is(sql($node, $db, 'GRANT pg_read_all_stats TO viewer; SET ROLE viewer; SELECT query IS NULL FROM migrate.progress_details'), 'f', 'but to one that may see all');

# Another run waits for this one.
my $second = start_sql($node, $db, 'second', 'CALL migrate_deploy()');
wait_for_event($node, $second, 'Extension');
is( progress("string_agg(via || coalesce(operation, ' waits'), ',' ORDER BY started)"),
	'functionupgrade,procedure waits', 'a run that waits for another run');
is(progress("pid, statement, query, waiting_for, waiting <= elapsed, blocked_by ~ '^process $pid \\(role .*, application ''run'', (active|idle in transaction) for \\d+ s\\), which holds the lock\$'")
	=~ /^\d+\|\|\|\{$pid\}\|t\|t$/m, 1, 'and for which');
like(progress('blocked_by'), qr/^process $holder_pid \(role \w+, application '[^']*', idle in transaction for \d+ s\), which holds AccessShareLock on table t$/m, 'in the lock queue: who blocks it, with mode and table');
like(sql($node, $db, 'SELECT waiting_for FROM migrate.progress'), qr/^$holder_pid \(\d+ s\)$/m, 'in 80 columns');
like(sql($node, $db, q(SELECT status || value FROM migrate_doctor_details() WHERE "check" = 'waiting runs')), qr/^warningprocess $pid \(upgrade of revision "p2", statement 2 of 3\), for \d+ s, blocked by process $holder_pid .* table (?:public\.)?t; process \d+, for \d+ s, blocked by process $pid /, 'the doctor says which runs wait');
$holder->query_safe('COMMIT;');
finish_sql($run);
my (undef, $errors) = finish_sql($second);
is($errors, '', 'both end');

# A lock of runs that is held in no run: taken by hand, or kept by a transaction that
# is open after its run.
my $locks_of_runs = q(SELECT status || ' ' || value FROM migrate_doctor_details() WHERE "check" = 'locks of runs');
is(sql($node, $db, $locks_of_runs), 'ok none is held outside of a run', 'the doctor knows that no lock is held');
foreach my $take ("SELECT pg_advisory_lock(1296648018, 'migrate.version'::regclass::oid::int)", "BEGIN; SELECT migrate_stamp('p1', purge => true)")
{
	my $keeper = $node->background_psql($db);
	my $keeper_pid = $keeper->query_safe('SELECT pg_backend_pid()');
	$keeper->query_safe("SET client_min_messages = warning; SET application_name = 'keeper'; $take;");
	sql($node, $db, 'SELECT pg_sleep(1.1)');
	like(sql($node, $db, $locks_of_runs), qr/^warning held outside of a run by process $keeper_pid \(role \w+, application 'keeper'\)$/, "the doctor names who holds one: $take");
	$keeper->quit;
}
is(progress('count(*)'), '0', 'nothing is left');

# The server's own progress of an index.
sql($node, $db, "CALL migrate_revert('p2')");
$holder->query_safe('BEGIN; INSERT INTO t VALUES (0);');
$run = start_sql($node, $db, 'run', 'CALL migrate_deploy()');
wait_until($node, $db, q(SELECT count(*) = 1 FROM migrate.progress_details WHERE phase LIKE 'waiting%' AND total = 1));
is( progress('via, revision, statement, command, phase, done, total'),
	'procedure|p3|2|CREATE INDEX CONCURRENTLY|waiting for writers before build|0|1', "procedure: the server's own progress");
wait_until($node, $db, "SELECT waiting_for = '{$holder_pid}' FROM migrate.progress_details");
like(progress("blocked_by || ' ' || (waiting >= interval '0')"), qr/^process $holder_pid \(.* idle in transaction for \d+ s\), whose transaction has to end first true$/, 'an index that waits by design: for whom');
# Where it is, while it runs: not interrupted.
my $index_pid = progress('pid');
is(sql($node, $db, "SELECT s.state, s.note, d.pid, d.next_command IS NULL FROM migrate.status AS s JOIN migrate.status_details AS d USING (revision) WHERE revision = 'p3'"),
	"partial|running: process $index_pid|$index_pid|t", 'a partial revision on which a run is working');
is(sql($node, $db, q(SELECT status, value FROM migrate_doctor_details() WHERE "check" = 'partial')),
	qq(ok|upgrade of revision "p3" is running (process $index_pid): statements up to 1 are done, statement 2 was begun), 'no problem for the doctor');
$holder->query_safe('COMMIT;');
finish_sql($run);

# The same for a prepared transaction, which is named beforehand.
sql($node, $db, "CALL migrate_revert('p2'); BEGIN; INSERT INTO t VALUES (0); PREPARE TRANSACTION 'left'");
$run = start_sql($node, $db, 'run', "SET client_min_messages = notice; CALL migrate_deploy()");
wait_until($node, $db, "SELECT count(*) = 1 FROM migrate.progress_details WHERE waiting_for = '{0}'");
is(progress('blocked_by'), "prepared transaction 'left', which has to end first", 'a prepared transaction');
kill_9($node, progress('pid'));
finish_sql($run);
like($run->{err}, qr/NOTICE:  \w{5}: CREATE INDEX CONCURRENTLY waits until older transactions have ended\nDETAIL:  The oldest are those of prepared transaction 'left' \(role \w+, prepared \d+ s ago\)\./, 'named before it waits');
wait_until_up($node);
is(sql($node, $db, "SELECT s.state, s.note, d.pid IS NULL, d.next_command FROM migrate.status AS s JOIN migrate.status_details AS d USING (revision) WHERE revision = 'p3'"),
	"partial|interrupted|t|CALL migrate_deploy('p3');", 'killed: interrupted');
is(sql($node, $db, q(SELECT status FROM migrate_doctor_details() WHERE "check" = 'partial')), 'problem', 'killed: a problem');
sql($node, $db, "ROLLBACK PREPARED 'left'; CALL migrate_deploy()");
$holder = $node->background_psql($db);

# An attempt that is repeated.
sql($node, $db, "CALL migrate_revert('p1')");
$holder->query_safe('BEGIN; LOCK TABLE t IN ACCESS SHARE MODE;');
$run = start_sql($node, $db, 'run', "SET migrate.blocker_wait = 0; SET migrate.lock_timeout = '10ms'; SET migrate.max_attempts = 1000; CALL migrate_deploy('p2')");
wait_until($node, $db, 'SELECT count(*) = 1 FROM migrate.progress_details WHERE attempt > 1');
pass('the attempt counts');
$holder->query_safe('COMMIT;');
(undef, $errors) = finish_sql($run);
is($errors, '', 'it gets through');

# A worker; cancelled, terminated and killed nothing of it is left.
sql($node, $db, q(SELECT migrate_register('p4', 'SELECT pg_sleep(3600)', '', '{p3}'); CALL migrate_deploy('p3')));
my $job = sql($node, $db, 'SELECT migrate_submit()');
my $sleeps = "SELECT count(*) = 1 FROM migrate.progress_details WHERE query LIKE '%pg_sleep%'";
wait_until($node, $db, $sleeps);
is(progress('via, job, revision, step, steps'), "worker|$job|p4|1|1", 'worker');
sql($node, $db, "SELECT migrate_cancel($job)");
wait_until($node, $db, 'SELECT count(*) = 0 FROM migrate.progress_details');
pass('cancelled: gone');
$run = start_sql($node, $db, 'run', 'SELECT migrate_upgrade()');
wait_until($node, $db, $sleeps);
sql($node, $db, 'SELECT pg_terminate_backend(pid, 180000) FROM migrate.progress_details');
finish_sql($run);
is(progress('count(*)'), '0', 'terminated: gone');
$run = start_sql($node, $db, 'run', 'SELECT migrate_upgrade()');
wait_until($node, $db, $sleeps);
kill_9($node, progress('pid'));
finish_sql($run);
wait_until_up($node);
is(progress('count(*)'), '0', 'killed: gone');
$holder->{run}->kill_kill;
$node->stop;

# Without the library in shared_preload_libraries.
my $plain = new_node('plain');
new_database($plain, 'app');
prepare($plain);
$node = $plain;
my ($rows, $notice);
$plain->psql('app', 'SELECT count(*) FROM migrate.progress_details', stdout => \$rows, stderr => \$notice);
is($rows, '0', 'not preloaded: no rows');
if ($plain->pg_version < 17)
{
	like($notice, qr/NOTICE:  the progress of runs is not available\nDETAIL:  The server has no shared memory for it\.\nHINT:  Add "migrate" to shared_preload_libraries/, 'not preloaded: it says why');
	is(sql($plain, 'app', "SELECT migrate_upgrade('p2')"), "p1\np2", 'not preloaded: a run does not care');
}
else
{
	is($notice, '', 'not preloaded: the server gives memory later');
	$run = start_sql($plain, 'app', 'run', 'BEGIN; SELECT migrate_upgrade(\'p1\'); SELECT migrate_register(\'s\', \'SELECT pg_sleep(3600)\'); SELECT migrate_upgrade(\'s\');');
	wait_until($plain, 'app', $sleeps);
	is(progress('via, revision'), 'function|s', 'not preloaded: shown all the same');
	sql($plain, 'app', 'SELECT pg_terminate_backend(pid) FROM migrate.progress_details');
	finish_sql($run);
}
$plain->stop;
done_testing();
