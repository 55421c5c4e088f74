# A session that waits for a run does not hold it up, and a run that waits for
# a lock does not hold up those that queue after it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('waiting');
my $db = new_database($node, 'app');

sql($node, $db, <<'SQL');
CREATE TABLE t (i int);
INSERT INTO t SELECT generate_series(1, 1000);
SELECT migrate_register('a1', 'CREATE INDEX CONCURRENTLY t_i ON t (i)', 'DROP INDEX CONCURRENTLY t_i');
SELECT migrate_register('b1', 'ALTER TABLE t ADD COLUMN late int', '', '{a1}');
SQL

# A writer, for which an index that is built concurrently waits before it
# scans for snapshots.
my $old = $node->background_psql($db);
my $write = 'BEGIN; INSERT INTO t VALUES (0);';
$old->query_safe($write);

# The failure that other tools have: a session that waits in pg_advisory_lock()
# has a snapshot, for which the holder's index waits.
my $holder = start_sql($node, $db, 'holder',
	"SELECT pg_advisory_lock(1);\nCREATE INDEX CONCURRENTLY other_i ON t (i);");
wait_for_event($node, $holder, 'Lock');
my $waiter = start_sql($node, $db, 'waiter', 'SELECT pg_advisory_lock(1);');
wait_for_event($node, $waiter, 'Lock');
$old->query_safe('COMMIT;');
my (undef, $errors) = finish_sql($holder);
my (undef, $waiter_errors) = finish_sql($waiter);
like("$errors$waiter_errors", qr/40P01: deadlock detected/, 'a blocking advisory lock: deadlock');
sql($node, $db, 'DROP INDEX IF EXISTS other_i');

# Ours.
$old->query_safe($write);
my $old_pid = sql($node, $db, q(SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'));
wait_until($node, $db, "SELECT xact_start < now() - interval '1 s' FROM pg_stat_activity WHERE pid = $old_pid");
my $first = start_sql($node, $db, 'first', "SET client_min_messages = notice; CALL migrate_deploy('a1')");
my $first_pid = wait_for_event($node, $first, 'Lock');
my $second = start_sql($node, $db, 'second', "SET client_min_messages = notice; CALL migrate_deploy('a1')");
my $second_pid = wait_for_event($node, $second, 'Extension');
wait_until_nothing_is_held($node, $second_pid);
is(sql($node, $db, "SELECT pg_blocking_pids($first_pid) <> ARRAY[$second_pid]"), 't', 'the run does not wait for it');
is(sql($node, $db, 'SELECT state FROM migrate.partial'), 'started', 'seen from outside: it has begun');
# A function holds a snapshot while it waits, for which the index would wait: it
# fails at once, and says what can wait.
foreach my $call ("migrate_upgrade('b1')", "migrate_downgrade('base')", "migrate_stamp('b1')",
	"migrate_register('b1', 'SELECT 2', '', '{a1}', replace => true)", "migrate_unregister('b1')",
	"migrate_resolve('a1', 'retry')")
{
	my $began = time;
	my $third = start_sql($node, $db, 'function', "SELECT $call;");
	(undef, $errors) = finish_sql($third);
	like($errors, qr/^55P03: could not lock "[\w.]+" because its holder waits for this transaction$/, "$call does not wait");
	like($third->{err}, qr/DETAIL:  Process $first_pid \(role \w+, application '\w+'\) holds the lock, and its CREATE INDEX CONCURRENTLY waits/, "$call: for whom");
	like($third->{err}, qr/HINT:  .*CALL migrate_(?:deploy|revert)\(/s, "$call: what can wait");
	cmp_ok(time - $began, '<', 20, "$call: at once");
}
# The client is told what the index waits for, before and while it does.
$first->{run}->pump until $first->{err} =~ /still waiting.*\n.*\n/ || !$first->{run}->pumpable;
like($first->{err}, qr/NOTICE:  \w{5}: CREATE INDEX CONCURRENTLY waits until older transactions have ended\nDETAIL:  The oldest are those of process $old_pid \(role \w+, application '[\w.]*', idle in transaction for \d+ s\)/,
	'an index that waits: whose transaction is open');
like($first->{err}, qr/LOG:  \w{5}: process $first_pid still waiting for ShareLock on virtual transaction .*\nDETAIL:  Process holding the lock: $old_pid\./,
	'an index that waits: for which process');
$old->query_safe('COMMIT;');
(undef, $errors) = finish_sql($first);
(undef, $waiter_errors) = finish_sql($second);
is("$errors$waiter_errors", '', 'both end, without a deadlock');
like($second->{err}, qr/NOTICE:  \w{5}: waiting for another session that runs migrations on "migrate\.version"\nDETAIL:  Blocked by process $first_pid \(role \w+, application 'first', active for \d+ s\), which holds the lock\./, 'a run that waits for a run: for whom');
unlike($second->{err}, qr/LOG:/, 'no other wait is shown');
is(sql($node, $db, "SELECT setting = reset_val FROM pg_settings WHERE name = 'log_lock_waits'"), 't', 'the setting is what it was');
is( sql($node, $db, "SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass"),
	'1|t', 'one index, and it is valid');
is(sql($node, $db, 'SELECT count(*) FROM migrate.log'), '1', 'the session that has waited finds nothing to do');

# Too long: refused, with the name of the holder.
$old->query_safe($write);
$first = start_sql($node, $db, 'first again', "CALL migrate_revert('base')");
$first_pid = wait_for_event($node, $first, 'Lock');
$second = start_sql($node, $db, 'impatient', "SET migrate.lock_wait = '300ms'; CALL migrate_deploy()");
(undef, $errors) = finish_sql($second);
like($errors, qr/^55P03: could not lock "migrate.version" within 300 ms/, 'lock_wait');
like($second->{err}, qr/DETAIL:  Blocked by process $first_pid \(role \w+, application 'first again', active for \d+ s\), which holds the lock\.\nHINT:  Wait for it to end, or raise migrate\.lock_wait\.\nTo stop it: SELECT pg_cancel_backend\($first_pid\);\nA run that is stopped leaves /, 'lock_wait: the holder');
# A function holds a snapshot while it waits, and so delays the index: it fails
# in time.
$second = start_sql($node, $db, 'function', "SET migrate.lock_wait = '300ms'; SELECT migrate_upgrade('b1')");
(undef, $errors) = finish_sql($second);
like($errors, qr/^55P03/, 'lock_wait in the function');
# Cancelled while it waits.
$second = start_sql($node, $db, 'cancelled', 'CALL migrate_deploy()');
$second_pid = wait_for_event($node, $second, 'Extension');
sql($node, $db, "SELECT pg_cancel_backend($second_pid)");
(undef, $errors) = finish_sql($second);
like($errors, qr/^57014/, 'cancelled while it waits');
$old->query_safe('COMMIT;');
(undef, $errors) = finish_sql($first);
is($errors, '', 'the holder has not noticed');
is(advisory_locks($node), '0', 'no lock is left');

# A holder that waits for a lock of the caller's transaction: neither would end.
sql($node, $db, "CALL migrate_deploy('a1'); SELECT migrate_register('c1', 'ALTER TABLE t ADD COLUMN c int', 'ALTER TABLE t DROP COLUMN c', '{a1}')");
$waiter = $node->background_psql($db, on_error_stop => 0);
$waiter->query_safe("SET client_min_messages = warning; BEGIN; SELECT * FROM t LIMIT 1;");
$first = start_sql($node, $db, 'alter', "SET migrate.lock_timeout = 0; CALL migrate_deploy('c1')");
$first_pid = wait_for_event($node, $first, 'Lock');
$waiter->query("SELECT migrate_upgrade('b1');");
like($waiter->{stderr}, qr/could not lock "migrate.version" because its holder waits for this transaction\nDETAIL:  Process $first_pid \(role \w+, application 'alter'\) holds the lock, and waits for a lock of this transaction/,
	'a function whose transaction blocks the holder does not wait for it');
$waiter->query('ROLLBACK;');
$waiter->quit;
(undef, $errors) = finish_sql($first);
is($errors, '', 'the holder gets its lock');
sql($node, $db, "CALL migrate_revert('a1'); SELECT migrate_unregister('c1')");

# A long reader blocks ALTER TABLE.  Other readers queue after ALTER TABLE as
# long as it waits, and no longer than lock_timeout.
my $timeout = 1000;
sql($node, $db, "CREATE TABLE stall (longest_ms float);
	INSERT INTO stall VALUES (0); CREATE TABLE stop ()");
$old->query_safe('BEGIN; SELECT * FROM t LIMIT 1;');
my $reader = start_sql($node, $db, 'reader', <<'SQL');
DO $$
DECLARE
	before timestamptz;
	took float;
	longest float := 0;
BEGIN
	WHILE to_regclass('stop') IS NOT NULL LOOP
		before := clock_timestamp();
		PERFORM i FROM t LIMIT 1;
		took := extract(epoch FROM clock_timestamp() - before) * 1000;
		COMMIT;
		IF took > longest THEN
			longest := took;
			UPDATE stall SET longest_ms = longest;
			COMMIT;
		END IF;
		PERFORM pg_sleep(0.005);
		COMMIT;
	END LOOP;
END $$;
SQL
my $deploy = start_sql($node, $db, 'deploy',
	"SET migrate.blocker_wait = 0; SET migrate.lock_timeout = '${timeout}ms'; SET migrate.max_attempts = 1000; SET migrate.retry_base_delay = '100ms';
	 SET migrate.retry_max_delay = '100ms'; SET client_min_messages = notice; CALL migrate_deploy('b1')");
wait_until($node, $db, "(SELECT longest_ms FROM stall) > $timeout / 2");
# Three attempts have failed, and the readers have read.
my $deadline = time + 120;
while (() = $deploy->{err} =~ /attempt \d+ of 1000/g, 3 > (() = $deploy->{err} =~ /attempt \d+ of 1000/g))
{
	die 'the deploy does not try again' if time > $deadline || !$deploy->{run}->pumpable;
	$deploy->{run}->pump;
}
is(sql($node, $db, 'SELECT version_num FROM migrate.version'), 'a1', 'the deploy waits for the long reader');
$old->query_safe('COMMIT;');
(undef, $errors) = finish_sql($deploy);
unlike($errors, qr/ERROR/, 'the deploy gets through when the reader ends');
is(sql($node, $db, 'SELECT version_num FROM migrate.version'), 'b1', 'and is done');
sql($node, $db, 'DROP TABLE stop');
(undef, $errors) = finish_sql($reader);
is($errors, '', 'the readers have met no error');
my $longest = sql($node, $db, 'SELECT round(longest_ms) FROM stall');
note("longest stall of a reader: $longest ms, lock_timeout $timeout ms");
# What exceeds the timeout is the scheduling of two processes.
cmp_ok($longest, '<', $timeout + 500, 'no reader was stopped longer than lock_timeout');
cmp_ok(sql($node, $db, "SELECT attempts FROM migrate.log WHERE revision = 'b1'"), '>', 3, 'in so many attempts');
cmp_ok(sql($node, $db, "SELECT lock_wait_ms FROM migrate.log WHERE revision = 'b1'"), '>', 2 * $timeout, 'and so much waiting for locks');
$old->quit;

# A session that has locked a table of the extension stops nothing for ever, and
# the error says whose wait it was.
my $locker = $node->background_psql($db);
foreach my $table ('migrate.revision', 'migrate.log')
{
	sql($node, $db, "SELECT migrate_register('d_fails', 'SELECT 1 / 0', '', '{b1}', replace => true)");
	$locker->query_safe("BEGIN; LOCK TABLE $table;");
	my $session = start_sql($node, $db, 'locked out', "SET migrate.max_attempts = 1; CALL migrate_deploy()");
	(undef, $errors) = finish_sql($session);
	$locker->query_safe('ROLLBACK;');
	if ($table eq 'migrate.log')
	{
		like($errors, qr/^22012: /, "$table: the error of the body");
		like($session->{err}, qr/WARNING: .*could not log the failure of revision "d_fails": canceling statement due to lock timeout/, "$table: that it is not in the log");
		next;
	}
	like($errors, qr/^55P03: canceling statement due to lock timeout/, "$table: the error");
	like($session->{err}, qr/DETAIL:  The extension was waiting for one of its own tables/, "$table: whose wait");
}
# The end of a job.
sql($node, $db, 'CREATE TABLE gate (i int)');
sql($node, $db, "SELECT migrate_register('d_fails', 'LOCK TABLE gate; SELECT 1 / 0', '', '{b1}', replace => true)");
my $gate = $node->background_psql($db);
$gate->query_safe('BEGIN; LOCK TABLE gate;');
my $job = sql($node, $db, 'SET migrate.lock_timeout = 0; SELECT migrate_submit()');
wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'migrate job' AND wait_event_type = 'Lock'");
$locker->query_safe("BEGIN; SELECT job FROM migrate.job WHERE job = $job FOR UPDATE;");
my $log_start = -s $node->logfile;
$gate->query_safe('COMMIT;');
ok(wait_until_logged($node, $log_start, qr/access to the tables of the extension failed in attempt 1 of 10: canceling statement due to lock timeout/), 'a job that cannot note its end tries again');
$locker->query_safe('ROLLBACK;');
is(ended_job($node, $db, $job, 'state, sqlstate'), 'failed|22012', 'and notes it');
$_->quit foreach $locker, $gate;

$node->stop;
done_testing();
