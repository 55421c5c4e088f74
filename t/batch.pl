# CALL migrate_batch(): each row once, whatever ends it; two sessions at once,
# conflicts, sessions that wait, standbys, progress.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { ROWS => 12000, KILLS => 8, ENDS => 12 };

# After a crash the server need not wait for what was dirty.
my $node = new_node('batch', "shared_preload_libraries = 'migrate'", 'restart_after_crash = on', 'fsync = off');
my $db = new_database($node, 'app');
my $seed = $ENV{SEED} // time;
note("SEED=$seed");
srand($seed);

sql($node, $db, <<"SQL");
CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
INSERT INTO t SELECT i * 2 FROM generate_series(1, @{[ROWS]}) AS i;
CREATE TABLE done (what text, first int, last int);
SELECT migrate_register('b1', \$\$
  CREATE TABLE IF NOT EXISTS before_it ();
  CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN \$1 AND \$2', batch_size => 40, target => '0', pause => 0);
  INSERT INTO done VALUES ('after');
\$\$, \$\$
  CALL migrate_batch('t', 'UPDATE t SET n = n - 1 WHERE id BETWEEN \$1 AND \$2', batch_size => 40, target => '0', pause => 0);
  INSERT INTO done VALUES ('after');
\$\$);
SQL
my $by_name = q(CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 40, target => '0', pause => 0, name => 'n'););
my $counts = 'SELECT n, count(*) FROM t GROUP BY n ORDER BY n';

my $calls = 0;

# Begins it again and again, and ends it somewhere, until it has come to its end.
sub until_done
{
	my ($name, $script, $is_done, $ends, $end) = @_;
	my $times = 0;
	while (sql($node, $db, "SELECT $is_done") ne 't')
	{
		my $session = start_sql($node, $db, "$name$times", $script);
		if ($times++ < $ends)
		{
			# It may have come to its end before it is seen.
			wait_until($node, $db, "SELECT $is_done OR EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '$session->{name}' AND query LIKE 'CALL%')");
			select(undef, undef, undef, rand(0.12));
			$end->($session);
		}
		finish_sql($session) if !$session->{finished};
	}
	note("$name: $times calls");
	$calls += $times;
	return;
}

sub pid_of
{
	my ($session) = @_;
	return sql($node, 'postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = '$session->{name}'");
}

sub kill_it
{
	my ($session) = @_;
	my $pid = pid_of($session);
	return if $pid eq '';
	my $log_start = -s $node->logfile;
	expect_crash($node);
	kill('KILL', $pid);
	finish_sql($session);
	$session->{finished} = 1;
	# It may have come to its end by itself, or have been killed when its client had
	# all that it asked for: what the client has seen does not tell.
	select(undef, undef, undef, 0.02) while kill(0, $pid);
	select(undef, undef, undef, 0.1);
	wait_until_up($node) if slurp_file($node->logfile, $log_start) =~ /\(PID $pid\) was terminated by signal 9/;
	return;
}

sub terminate_it
{
	my ($session) = @_;
	sql($node, 'postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '$session->{name}'");
	return;
}

sub cancel_it
{
	my ($session) = @_;
	sql($node, 'postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '$session->{name}'");
	return;
}

my $name_done = "COALESCE((SELECT finished IS NOT NULL FROM migrate.batch WHERE name = 'n'), false)";
my $applied = 'migrate_is_current()';
my $reverted = "NOT EXISTS (SELECT FROM migrate.version)";
my @ways = (
	[ 'kill -9', KILLS, \&kill_it ],
	[ 'terminate', ENDS, \&terminate_it ],
	[ 'cancel', ENDS, \&cancel_it ]);
foreach my $way (@ways)
{
	my ($how, $ends, $end) = @$way;
	(my $id = $how) =~ s/\W/_/g;

	sql($node, $db, 'UPDATE t SET n = 0');
	until_done("name_$id", $by_name, $name_done, $ends, $end);
	is(sql($node, $db, $counts), '1|' . ROWS, "$how: each row once, by name");
	sql($node, $db, "SELECT migrate_batch_reset('n'); TRUNCATE done");

	until_done("up_$id", 'CALL migrate_deploy();', $applied, $ends, $end);
	is(sql($node, $db, $counts), '2|' . ROWS, "$how: each row once, in an upgrade");
	is(sql($node, $db, 'SELECT count(*) FROM done'), '1', "$how: what follows once");
	until_done("down_$id", 'CALL migrate_revert($$base$$);', $reverted, $ends, $end);
	is(sql($node, $db, $counts), '1|' . ROWS, "$how: each row once, in a downgrade");
	is(sql($node, $db, 'SELECT (SELECT count(*) FROM migrate.batch), (SELECT count(*) FROM migrate.partial)'), '0|0', "$how: nothing is left");
	is(advisory_locks($node), '0', "$how: no lock is left");
}

# One call more than ends by itself for each of them: how many there are depends on
# how fast the machine is.
cmp_ok($calls, '>', 9, 'they were ended in the middle');

# A worker that is killed: another one continues.
sql($node, $db, 'UPDATE t SET n = 0; ALTER SYSTEM SET migrate.databases = app; ALTER SYSTEM SET migrate.worker_naptime = 1; SELECT pg_reload_conf()');
# Slow enough to be met in the middle.
sql($node, $db, <<'SQL');
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END';
CREATE TRIGGER slow BEFORE UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION slow();
SQL
my $job = sql($node, $db, 'SELECT migrate_submit()');
wait_until($node, $db, 'SELECT EXISTS (SELECT FROM migrate.batch WHERE batches > 5)');
crash($node, sql($node, $db, "SELECT pid FROM migrate.jobs_details WHERE job = $job"));
wait_until($node, $db, "SELECT state IN ('succeeded', 'failed') FROM migrate.jobs WHERE job = $job");
sql($node, $db, 'DROP FUNCTION slow() CASCADE');
is(sql($node, $db, "SELECT state FROM migrate.jobs WHERE job = $job"), 'succeeded', 'worker: done by another one');
is(sql($node, $db, $counts), '1|' . ROWS, 'worker: each row once');
wait_until_no_worker($node, $db);
sql($node, $db, q(CALL migrate_revert('base'); UPDATE t SET n = 0));

# In the middle: progress, another session of the same name, a reset, a cancel.
sql($node, $db, 'ANALYZE t');
make_gate($node, $db);
my $slow = q(CALL migrate_batch('t', 'UPDATE t SET n = n + (SELECT 1 FROM pg_sleep(CASE WHEN $1 > 8000 AND NOT EXISTS (SELECT FROM gate WHERE open) THEN 3600 ELSE 0 END)) WHERE id BETWEEN $1 AND $2', batch_size => 1000, target => '0', pause => 0, name => 'slow'););
my $session = start_sql($node, $db, 'slow', $slow);
my $pid = wait_for_event($node, $session, 'Timeout');
is(sql($node, $db, 'SELECT batch, state, rows, percent, per_second > 0, time_left IS NOT NULL FROM migrate.batches'), 'slow|running|4000|33|t|t', 'batches: how far it is');
is(sql($node, $db, 'SELECT pid, via, command, phase, done, total, per_second > 0, time_left IS NOT NULL FROM migrate.progress_details'),
	"$pid|procedure|CALL migrate_batch|public.t|4000|12000|t|t", 'progress: the same');
is((run_sql($node, $db, $slow))[1], '55006: batch "slow" is being run by another session', 'a second session');
is((run_sql($node, $db, q(SELECT migrate_batch_reset('slow'))))[1], '55006: batch "slow" is being run by another session', 'a reset');
cancel_it($session);
my (undef, $errors) = finish_sql($session);
is($errors, '57014: canceling statement due to user request', 'cancel');
like($session->{err}, qr/DETAIL:  Batch "slow" is partial: 4000 rows in 4 batches, up to key \(8000\), are done and stay\./, 'cancel: how far it is');
is(sql($node, $db, 'SELECT state FROM migrate.batches'), 'interrupted', 'batches: interrupted');
# The table is found under its new name.
sql($node, $db, 'INSERT INTO gate VALUES (true); CREATE SCHEMA moved; ALTER TABLE t SET SCHEMA moved; ALTER TABLE moved.t RENAME TO u; CREATE VIEW t AS SELECT * FROM moved.u');
(my $renamed = $slow) =~ s/'t', /'moved.u', /;
session_is($node, $db, 'renamed: resumed', $renamed, '');
is(sql($node, $db, 'SELECT n, count(*) FROM moved.u GROUP BY n'), '1|' . ROWS, 'renamed: each row once');
sql($node, $db, "DROP VIEW t; ALTER TABLE moved.u RENAME TO t; ALTER TABLE moved.t SET SCHEMA public; SELECT migrate_batch_reset('slow'); UPDATE t SET n = 0");

# The role that runs a batch of the name may have a name that a terminal obeys.
sql($node, $db, 'CREATE ROLE batcher SUPERUSER LOGIN; UPDATE gate SET open = false');
my $other = $node->background_psql($db, extra_params => [ '-U', 'batcher' ]);
$other->{stdin} .= "$slow;\n";
$other->{run}->pump_nb;
wait_until($node, $db, q(SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'batcher' AND wait_event = 'PgSleep'));
sql($node, $db, q(DO $$BEGIN EXECUTE format('ALTER ROLE batcher RENAME TO %I', E'the\x1b[2Jother'); END$$));
$session = start_sql($node, $db, 'second', $slow);
is((finish_sql($session))[1], '55006: batch "slow" is being run by another session', 'a second session');
like($session->{err}, qr/DETAIL:  Process \d+ \(role "the\?\[2Jother", application '[^']*'\) runs it\./, 'control characters of its role are not shown');
unlike($session->{err}, qr/\x1b/, 'control characters of its role: nowhere');
sql($node, $db, q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'the%other'));
$other->{run}->kill_kill;
wait_until($node, $db, q(SELECT count(*) = 0 FROM pg_stat_activity WHERE usename LIKE 'the%other'));
sql($node, $db, q(UPDATE gate SET open = true; SELECT migrate_batch_reset('slow'); UPDATE t SET n = 0; DO $$BEGIN EXECUTE format('DROP ROLE %I', E'the\x1b[2Jother'); END$$));

# Lock timeouts, until the other transaction is gone.
my $holder = $node->background_psql($db);
$holder->query_safe('BEGIN; SELECT FROM t WHERE id = 3000 FOR UPDATE;');
$session = start_sql($node, $db, 'waits', "SET migrate.lock_timeout = 20; SET migrate.retry_max_delay = 50; SET migrate.max_attempts = 1000; SET client_min_messages = notice; $by_name");
wait_until($node, $db, q(SELECT keys >= 1480 FROM migrate.batch WHERE name = 'n'));
$holder->query_safe('SELECT pg_sleep(0.5)');
$holder->query_safe('COMMIT');
is((finish_sql($session))[1], '', 'lock timeout: done');
like($session->{err}, qr/batch "n" failed in attempt 1, trying again: canceling statement due to lock timeout/, 'lock timeout: said');
is(sql($node, $db, $counts), '1|' . ROWS, 'lock timeout: each row once');
sql($node, $db, q(SELECT migrate_batch_reset('n'); UPDATE t SET n = 0));

# They are not gone in time: the error names them, and what is done stays.
$holder->query_safe('BEGIN; SELECT FROM t WHERE id = 3000 FOR UPDATE;');
$session = start_sql($node, $db, 'waits', "SET migrate.lock_timeout = 50; SET migrate.retry_max_delay = 50; SET migrate.blocker_wait = 3000; $by_name");
(undef, $errors) = finish_sql($session);
is($errors, '55P03: canceling statement due to lock timeout', 'lock timeout: given up');
like($session->{err}, qr/DETAIL:  Batch "n" is partial: 1[45]\d\d rows in \d+ batches, up to key \(29\d\d\), are done and stay\. Blocked by process \d+ \(role .*\), whose transaction has to end first\./, 'lock timeout: by which session')
  or diag($session->{err});
like($session->{err}, qr/HINT:  To end what blocks it: SELECT pg_terminate_backend\(\d+\);\nTo resume when the cause is removed: the same CALL\./, 'lock timeout: the ways on');
$holder->query_safe('COMMIT');
session_is($node, $db, 'lock timeout: resumed', $by_name, '');
is(sql($node, $db, $counts), '1|' . ROWS, 'lock timeout: each row once');
sql($node, $db, q(SELECT migrate_batch_reset('n'); UPDATE t SET n = 0));

# Serialization failures and deadlocks: an application that writes the same rows.
foreach my $isolation ('read committed', 'repeatable read', 'serializable')
{
	my $application = start_sql($node, $db, 'application', <<'SQL');
CREATE TABLE IF NOT EXISTS other (id int, n int DEFAULT 0);
DO $$
BEGIN
  WHILE NOT COALESCE((SELECT finished IS NOT NULL FROM migrate.batch WHERE name = 'n'), false) LOOP
    BEGIN
      UPDATE t SET n = n WHERE id = 2 * (1 + (random() * 11999)::int);
      UPDATE t SET n = n WHERE id IN (SELECT 2 * ((last_key[1]::int / 2) + 1 + (random() * 40)::int) FROM migrate.batch WHERE name = 'n');
    EXCEPTION WHEN serialization_failure OR deadlock_detected THEN NULL;
    END;
    COMMIT;
  END LOOP;
END$$;
SQL
	(my $fast = $by_name) =~ s/pause => 0/pause => 0.5/;
	(undef, $errors) = run_sql($node, $db, "SET default_transaction_isolation = '$isolation'; SET deadlock_timeout = '10ms'; SET migrate.retry_base_delay = 1; SET migrate.retry_max_delay = 5; SET migrate.max_attempts = 1000; $fast");
	is($errors, '', "$isolation: done");
	is((finish_sql($application))[1], '', "$isolation: the application");
	is(sql($node, $db, $counts), '1|' . ROWS, "$isolation: each row once");
	sql($node, $db, q(SELECT migrate_batch_reset('n'); UPDATE t SET n = 0));
}

# A session that waits for a row of a batch: the next one is half as large.
sql($node, $db, <<'SQL');
CREATE FUNCTION wait_for_waiter(first int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF first = 2002 THEN
    PERFORM n FROM t WHERE id = 2002 FOR UPDATE;
    WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP
      PERFORM pg_sleep(0.01);
    END LOOP;
  END IF;
  RETURN true;
END$$;
SQL
my $waiting = start_sql($node, $db, 'waiting', q(DO $$BEGIN
  WHILE NOT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE a.application_name = 'batch' AND l.locktype = 'transactionid' AND a.query_start < clock_timestamp()
    AND (SELECT batches = 1 FROM migrate.batch WHERE name = 'waited for')) LOOP
    COMMIT;
    PERFORM pg_sleep(0.01);
    COMMIT;
  END LOOP;
  PERFORM pg_sleep(0.05);
  UPDATE t SET n = n WHERE id = 2002;
END$$;));
session_is($node, $db, 'others wait', q(SET application_name = 'batch'; CALL migrate_batch('t', 'UPDATE t SET n = n + (SELECT 1 WHERE wait_for_waiter($1)) WHERE id BETWEEN $1 AND $2', batch_size => 1000, target => '1 h', pause => 0, name => 'waited for');), '');
finish_sql($waiting);
# 1000, doubled to 2000, which was halved to 1000, 2000, 4000, the rest
is(sql($node, $db, q(SELECT batches, batch_size FROM migrate.batch WHERE name = 'waited for')), '6|8000', 'others wait: half the size');
is(sql($node, $db, $counts), '1|' . ROWS, 'others wait: each row once');
sql($node, $db, q(SELECT migrate_batch_reset('waited for'); UPDATE t SET n = 0));

# The window of a job closes, or its deadline passes, between two batches.
sql($node, $db, <<'SQL');
CREATE TABLE pause AS SELECT 300::real AS pause;
CREATE FUNCTION pause() RETURNS real BEGIN ATOMIC SELECT pause FROM pause; END;
SELECT migrate_register('w1', $$CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 400, target => '0', pause => pause())$$, '', '{b1}');
SELECT count(*) FROM migrate_stamp('b1');
-- It has once taken longer than the window, but can end in the middle.
INSERT INTO migrate.log
  SELECT (jsonb_populate_record(l, jsonb_build_object('run', gen_random_uuid(), 'revision', 'w1', 'operation', 'upgrade', 'wall_ms', 36000000))).*
    FROM migrate.log AS l LIMIT 1;
SELECT migrate_schedule('nights', '1 day', 'w1', (now() - interval '1 hour')::timetz, (now() + interval '3 s')::timetz);
UPDATE migrate.schedule SET next_run = now();
SELECT count(*) FROM migrate_run_jobs();
SQL
wait_until($node, $db, q(SELECT state NOT IN ('queued', 'running') FROM migrate.jobs_details WHERE schedule = 'nights'));
is(sql($node, $db, q(SELECT state, note FROM migrate.jobs_details WHERE schedule = 'nights')), 'succeeded|the window closed during revision "w1"', 'window: the job ends');
is(sql($node, $db, 'SELECT version_num FROM migrate.version; SELECT batches > 0 FROM migrate.batch'), "b1\nt", 'window: and keeps its place');
$job = sql($node, $db, q(SELECT migrate_unschedule('nights'); SELECT migrate_submit('w1', deadline => now() + interval '2 s')));
$job =~ s/\s//g;
is(ended_job($node, $db, $job, 'state, error'), 'failed|deadline passed during revision "w1"', 'deadline: the job ends');
session_is($node, $db, 'window: resumed', q(UPDATE pause SET pause = 0; CALL migrate_deploy('w1');), '');
is(sql($node, $db, $counts), '1|' . ROWS, 'window: each row once');
sql($node, $db, q(SELECT count(*) FROM migrate_stamp('b1'); SELECT migrate_unregister('w1'); UPDATE t SET n = 0));

# A standby that does not replay.
my $standby = PostgreSQL::Test::Cluster->new('batch_standby');
$node->backup('backup');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
(my $paused = $by_name) =~ s/pause => 0/pause => 5/;
$session = start_sql($node, $db, 'paused', "SET migrate.max_replication_lag = 100; SET client_min_messages = notice; $paused");
wait_until($node, $db, q(SELECT clock_timestamp() - updated > interval '3 s' AND finished IS NULL FROM migrate.batch WHERE name = 'n'));
like($session->{err} . (session_output($session)), qr/NOTICE:  \w{5}: batches pause until standbys have caught up/, 'standby: said');
cmp_ok(sql($node, $db, 'SELECT sum(n) FROM t'), '<', ROWS, 'standby: it waits');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
is((finish_sql($session))[1], '', 'standby: done when it has caught up');
like($session->{err}, qr/More than migrate.max_replication_lag behind: standby batch_standby \(process \d+\)\./, 'standby: which one');
is(sql($node, $db, $counts), '1|' . ROWS, 'standby: each row once');
$node->wait_for_catchup($standby);
is((run_sql($standby, $db, $by_name))[1], '25006: cannot execute migrate_batch() in a read-only transaction', 'not on a standby');
$standby->stop;

# What IPC::Run has read so far.
sub session_output
{
	my ($session) = @_;
	$session->{run}->pump_nb;
	return $session->{err};
}

$node->stop;
done_testing();
