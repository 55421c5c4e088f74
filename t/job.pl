# Jobs as others see them: what the server shows, how they are cancelled, how
# they take turns, and what becomes of them when no process is free.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('job', 'max_worker_processes = 4', 'log_min_messages = warning');
my $db = new_database($node, 'app');
make_gate($node, $db);

sql($node, $db, <<'SQL');
CREATE TABLE t (i int);
CREATE TABLE version_b (version_num varchar(32) PRIMARY KEY);
CREATE TABLE version_c (version_num varchar(32) PRIMARY KEY);
SELECT migrate_register('j1', 'INSERT INTO t VALUES (1)', 'DELETE FROM t');
SELECT migrate_register('j2', $body$INSERT INTO t VALUES (2);
CALL pass_gate(); INSERT INTO t VALUES (3)$body$, 'DELETE FROM t WHERE i > 1', '{j1}');
SQL

sub submit
{
	my ($target, $command, $before) = @_;
	return sql($node, $db, ($before // '') . "SELECT migrate_submit('$target', '" . ($command // 'upgrade') . "')");
}

# What is shown.
my $log_start = -s $node->logfile;
my $job = submit('head');
my $pid = wait_for_gate($node, $db, $job);
is( sql($node, $db, "SELECT backend_type, datname, usename = current_user, state, query FROM pg_stat_activity WHERE pid = $pid"),
	"migrate job|app|t|active|migrate job $job: upgrade j2 [2/3] CALL pass_gate()", 'pg_stat_activity');
is(job($node, $db, $job, 'state, revision, step, steps, attempts'), 'running|j2|2|2|1', 'migrate.jobs_details');
is(sql($node, $db, 'SELECT version_num FROM migrate.version'), 'j1', 'the revision before is committed');

# A second starter changes nothing.
is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), '', 'a job that is being run is not due');

# A session that waits for it has no snapshot, or an index built concurrently
# would wait.
my $waiter = start_sql($node, $db, 'waiter', "CALL migrate_wait($job)");
my $waiter_pid = wait_for_event($node, $waiter, 'Extension');
wait_until_nothing_is_held($node, $waiter_pid);

# Cancelled: the current revision is rolled back.
is(sql($node, $db, "SELECT migrate_cancel($job)"), 't', 'migrate_cancel() of a running job');
my (undef, $errors) = finish_sql($waiter);
is($errors, "57014: job $job was cancelled", 'the session that waits is told');
is(job($node, $db, $job, 'state, revision, sqlstate, pid'), 'cancelled|j2|57014|', 'cancelled');
is(sql($node, $db, "SELECT migrate_cancel($job)"), 'f', 'once');
is(sql($node, $db, 'SELECT (SELECT count(*) FROM t), version_num FROM migrate.version'), '1|j1', 'rolled back');
wait_until($node, $db, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
is(advisory_locks($node), '0', 'no lock is left');
my @lines = grep { /LOG:  migrate job/ } split /\n/, slurp_file($node->logfile, $log_start);
is(scalar(@lines), 2, 'one line for the start and one for the end') or diag(join "\n", @lines);
like($lines[0], qr/LOG:  migrate job $job started: upgrade head on "migrate.version", attempt 1$/, 'the start');
like($lines[1], qr/LOG:  migrate job $job cancelled after \d+ ms: canceling statement due to user request$/, 'the end');

# The same by the server's own function.
$job = submit('head');
$pid = wait_for_gate($node, $db, $job);
sql($node, $db, "SELECT pg_cancel_backend($pid)");
is(ended_job($node, $db, $job, 'state'), 'cancelled', 'pg_cancel_backend()');

# One at a time for a version table, migrate.max_workers in all.
my @jobs = map { submit('head', 'upgrade', $_) } (
	'', '',
	"SET migrate.version_table = 'public.version_b';",
	"SET migrate.version_table = 'public.version_c';");
wait_for_gate($node, $db, $jobs[0]);
# The process of the job before may not have given its slot back yet.
wait_until($node, $db, "(SELECT count(*) >= 0 FROM migrate_run_jobs())
	AND EXISTS (SELECT FROM migrate.jobs_details WHERE job = $jobs[2] AND state = 'running')");
wait_for_gate($node, $db, $jobs[2]);
is( join(',', map { job($node, $db, $_, 'state') } @jobs),
	'running,queued,running,queued', 'turns, and slots');
is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), '', 'none more is due');
is(sql($node, $db, "SELECT migrate_cancel($jobs[0])"), 't', 'the first one is cancelled');
wait_for_gate($node, $db, $jobs[1]);
is( join(',', map { job($node, $db, $_, 'state') } @jobs),
	'cancelled,running,running,queued', 'the next one in time takes the slot, by itself');
sql($node, $db, 'INSERT INTO gate VALUES (true)');
is(ended_job($node, $db, $_, 'state'), 'succeeded', "job $_ succeeds") foreach @jobs[1 .. 3];
is( sql($node, $db, 'SELECT (SELECT version_num FROM migrate.version), (SELECT version_num FROM version_b), (SELECT version_num FROM version_c), (SELECT count(*) FROM t)'),
	'j2|j2|j2|9', 'everything ran once on each table');

# Many start the same job: one worker takes it.
is(ended_job($node, $db, submit('base', 'downgrade'), 'state'), 'succeeded', 'down');
sql($node, $db, 'TRUNCATE migrate.log');
$job = sql($node, $db, "SELECT migrate_submit(run_at => now() + interval '0.5 s')");
my @starters = map { start_sql($node, $db, "starter$_", <<"SQL") } 1 .. 4;
DO \$\$BEGIN
  WHILE EXISTS (SELECT FROM migrate.jobs_details WHERE job = $job AND finished IS NULL) LOOP
    PERFORM migrate_run_jobs();
    COMMIT;
  END LOOP;
END\$\$;
SQL
is(join('', map { join '', finish_sql($_) } @starters), '', 'four sessions start what is due, over and over');
is(job($node, $db, $job, 'state, attempts'), 'succeeded|1', 'one worker claims the job');
is(sql($node, $db, "SELECT string_agg(revision, ',' ORDER BY step), count(DISTINCT run) FROM migrate.log"), 'j1,j2|1', 'and each revision is run once');

# Cancelled at any moment of its beginning: the caller can rely on it.
my $cancels = join("\n", map { <<"SQL" } 1 .. 60);
SELECT migrate_submit() AS job \\gset
SELECT pg_sleep($_ * 0.0003) IS NULL;
SELECT migrate_cancel(:job);
SQL
sql($node, $db, $cancels);
wait_until_no_worker($node, $db);
is(sql($node, $db, q(SELECT count(*) FROM migrate.jobs_details WHERE finished IS NULL)), '0', 'no cancelled job is left to be run');

# A body that releases every lock of its session neither hands its job to
# another worker nor has it marked as failed.
is(ended_job($node, $db, submit('base', 'downgrade'), 'state'), 'succeeded', 'down');
sql($node, $db, q(DELETE FROM gate; SELECT migrate_register('u1', 'SELECT pg_advisory_unlock_all(); SELECT migrate_run_jobs(); CALL pass_gate()', '')));
$job = submit('u1');
$pid = wait_for_gate($node, $db, $job);
is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), '', 'it is not due again');
is(job($node, $db, $job, 'state, pid'), "running|$pid", 'it is running');
sql($node, $db, 'INSERT INTO gate VALUES (true)');
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'and succeeds');
is(job($node, $db, $job, 'attempts'), '1', 'once');
is(ended_job($node, $db, submit('u1@base', 'downgrade'), 'state'), 'succeeded', 'down');
sql($node, $db, q(SELECT migrate_unregister('u1')));

# No process is free: said, and made up for.
is(ended_job($node, $db, submit('base', 'downgrade'), 'state'), 'succeeded', 'down');
sql($node, $db, 'DELETE FROM gate');
sql($node, $db, <<'SQL');
CREATE EXTENSION dblink;
CREATE FUNCTION free_slots() RETURNS int LANGUAGE sql AS
  $$SELECT current_setting('max_worker_processes')::int - count(*)::int FROM pg_stat_activity
     WHERE backend_type IN ('migrate job', 'logical replication launcher', 'parallel worker')$$;
SQL
$node->append_conf('postgresql.conf', "migrate.max_workers = 10\n");
$node->reload;
@jobs = ();
foreach my $n (1 .. 3)
{
	sql($node, $db, "CREATE TABLE busy$n (version_num varchar(32) PRIMARY KEY)");
	push @jobs, submit('head', 'upgrade', "SET migrate.version_table = 'public.busy$n';");
	wait_for_gate($node, $db, $jobs[-1]);
}
is(sql($node, $db, 'SELECT free_slots()'), '0', 'no process is free');
my ($out, $warning);
$node->psql($db, "SELECT migrate_submit('j1')", stdout => \$out, stderr => \$warning);
like($warning, qr/WARNING:  could not start a worker for job $out\nDETAIL:  No background worker slot is free/, 'the submitter is warned');
is(job($node, $db, $out, 'state'), 'queued', 'the job stays queued');
sql($node, $db, "SELECT migrate_cancel($jobs[0])");
wait_until($node, $db, 'SELECT free_slots() > 0');
is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), $out, 'migrate_run_jobs() takes it up');
# The postmaster gives the slot back some time after the process has left the view.
wait_until($node, $db, 'SELECT NOT EXISTS (SELECT FROM migrate_run_jobs())');
is(ended_job($node, $db, $out, 'state'), 'succeeded', 'and it is run');
sql($node, $db, 'INSERT INTO gate VALUES (true)');
ended_job($node, $db, $_, 'state') foreach @jobs;

# Nor is one when the last worker ends, but soon afterwards: it waits.
{
	wait_until_no_worker($node, $db);
	sql($node, $db, 'DELETE FROM gate; TRUNCATE busy1, busy2');
	my $elsewhere = new_database($node, 'elsewhere');
	sql($node, $elsewhere, "SELECT migrate_register('s', 'SELECT pg_sleep(3600)', '')");
	my @others;
	foreach my $n (1 .. 2)
	{
		sql($node, $elsewhere, "CREATE TABLE busy$n (version_num varchar(32) PRIMARY KEY)");
		push @others, sql($node, $elsewhere, "SET migrate.version_table = 'public.busy$n'; SELECT migrate_submit()");
		wait_until($node, $elsewhere, "SELECT state = 'running' FROM migrate.jobs WHERE job = $others[-1]");
	}
	# The worker of the first one may have been started twice.
	wait_until($node, $db, 'SELECT free_slots() = 1');
	my $last = submit('head', 'upgrade', "SET migrate.version_table = 'public.busy1';");
	wait_for_gate($node, $db, $last);
	is(sql($node, $db, 'SELECT free_slots()'), '0', 'no process is free');
	$node->psql($db, "SET client_min_messages = error; SET migrate.version_table = 'public.busy2'; SELECT migrate_submit('j1')", stdout => \$out);
	sql($node, $db, "SELECT migrate_cancel($last)");
	ended_job($node, $db, $last, 'state');
	sql($node, $elsewhere, "SELECT migrate_cancel($_)") foreach @others;
	wait_until($node, $db, "SELECT state = 'succeeded' FROM migrate.jobs WHERE job = $out");
	is(job($node, $db, $out, 'state'), 'succeeded', 'the next job is run when one is free');
	wait_until_no_worker($node, $db);
}

# Too late in the middle of a run.
is(ended_job($node, $db, submit('base', 'downgrade'), 'state'), 'succeeded', 'down');
sql($node, $db, 'DELETE FROM gate');
sql($node, $db, q(SELECT migrate_register('j3', 'INSERT INTO t VALUES (4)', 'DELETE FROM t WHERE i = 4', '{j2}')));
# Enough for a worker to begin; under valgrind, which gives tests more time, too.
my $soon = $PostgreSQL::Test::Utils::timeout_default > 180 ? 60 : 4;
$job = sql($node, $db, "SELECT migrate_submit('head', deadline => now() + interval '$soon s')");
wait_for_gate($node, $db, $job);
wait_until($node, $db, "SELECT deadline < now() FROM migrate.jobs_details WHERE job = $job");
sql($node, $db, 'INSERT INTO gate VALUES (true)');
is(ended_job($node, $db, $job, 'state'), 'failed', 'deadline');
is(job($node, $db, $job, 'sqlstate, error, detail'), '55000|deadline passed before revision "j3"|2 of 3 revisions were run.', 'the reason');
is(sql($node, $db, 'SELECT version_num FROM migrate.version'), 'j2', 'what was done before is kept');
is(ended_job($node, $db, submit('head'), 'state'), 'succeeded', 'the next job continues from there');

# More jobs than slots and processes, all at once.
$node->append_conf('postgresql.conf', "migrate.max_workers = 40\n");
$node->reload;
sql($node, $db, 'CREATE TABLE many' . $_ . ' (version_num varchar(32) PRIMARY KEY)') foreach 1 .. 20;
sql($node, $db, 'DELETE FROM migrate.job');
sql($node, $db, <<'SQL');
SET client_min_messages = error;
DO $$BEGIN
  FOR n IN 1 .. 20 LOOP
    PERFORM set_config('migrate.version_table', 'public.many' || n, true);
    PERFORM migrate_submit('j1');
  END LOOP;
END$$;
DO $$BEGIN
  WHILE EXISTS (SELECT FROM migrate.jobs_details WHERE finished IS NULL) LOOP
    PERFORM migrate_run_jobs();
    COMMIT;
    PERFORM pg_sleep(0.01);
  END LOOP;
END$$;
SQL
is(sql($node, $db, 'SELECT state, count(*), max(attempts) FROM migrate.jobs_details GROUP BY state'), 'succeeded|20|1', 'many jobs of a transaction are run, each once');

# A body that takes away its own job: nothing more is run for it.
sql($node, $db, q(SELECT migrate_register('k1', $body$DELETE FROM migrate.job WHERE revision = 'k1'$body$, '', '{j3}')));
sql($node, $db, q(SELECT migrate_register('k2', 'INSERT INTO t VALUES (5)', '', '{k1}')));
$log_start = -s $node->logfile;
$job = submit('k2');
ok(wait_until_logged($node, $log_start, qr/LOG:  migrate could not record the end of job $job: job $job is no longer claimed by this worker/), 'a job that is gone: said');
like(slurp_file($node->logfile, $log_start), qr/LOG:  migrate job $job failed after \d+ ms: job $job is no longer claimed by this worker/, 'and why it ended');
wait_until_no_worker($node, $db);
is(sql($node, $db, 'SELECT version_num, (SELECT count(*) FROM t WHERE i = 5) FROM migrate.version'), 'k1|0', 'the next revision is not run for it');

# A job that cannot be claimed stays queued.
sql($node, $db, <<'SQL');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not now'; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON migrate.job FOR EACH ROW EXECUTE FUNCTION refuse();
SQL
$log_start = -s $node->logfile;
$job = submit('k2');
ok(wait_until_logged($node, $log_start, qr/ERROR:  not now/), 'a job that cannot be claimed: the reason');
is(job($node, $db, $job, 'state, attempts'), 'queued|0', 'it stays queued');
sql($node, $db, 'DROP TRIGGER refuse ON migrate.job');
wait_until_no_worker($node, $db);
is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), $job, 'and is claimed later');
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'with success');

$node->stop;
done_testing();
