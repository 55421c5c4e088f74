# Jobs whose worker, server or owner disappears: each job ends, or is claimed
# again and completes, and nothing is applied twice.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('survival', 'restart_after_crash = on', 'migrate.max_crashes = 3');
my $db = new_database($node, 'app');
prepare($node, $db);

sub prepare
{
	my ($to, $name) = @_;
	make_gate($to, $name);
	sql($to, $name, <<'SQL');
CREATE TABLE t (i int);
SELECT migrate_register('s1', 'INSERT INTO t VALUES (1)', 'DELETE FROM t WHERE i = 1');
SELECT migrate_register('s2', $body$INSERT INTO t VALUES (2);
CREATE INDEX CONCURRENTLY t_i ON t (i);
INSERT INTO t VALUES (3);
CALL pass_gate()$body$, $body$DROP INDEX CONCURRENTLY t_i; DELETE FROM t WHERE i IN (2, 3)$body$, '{s1}');
SELECT migrate_register('s3', 'INSERT INTO t VALUES (4)', 'DELETE FROM t WHERE i = 4', '{s2}');
SQL
	return;
}

# A job that stands at the gate, and its process id.
sub start_job
{
	sql($node, $db, "DELETE FROM gate; SELECT migrate_stamp('base'); DELETE FROM migrate.partial;
		TRUNCATE t; DROP INDEX IF EXISTS t_i; TRUNCATE migrate.log");
	my $job = sql($node, $db, 'SELECT migrate_submit()');
	return ($job, wait_for_gate($node, $db, $job));
}

# It is claimed again, and the outcome is that of an undisturbed run.
sub is_completed
{
	my ($job, $attempts, $how) = @_;
	is(job($node, $db, $job, 'state, pid'), 'interrupted|', "$how: interrupted");
	sql($node, $db, 'INSERT INTO gate VALUES (true)');
	is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), $job, "$how: claimed again");
	is(ended_job($node, $db, $job, 'state, attempts, error'), "succeeded|$attempts|", "$how: succeeded");
	is( sql($node, $db, q(SELECT (SELECT string_agg(i::text, ',' ORDER BY i) FROM t), (SELECT version_num FROM migrate.version),
			(SELECT count(*) FROM migrate.partial), (SELECT indisvalid FROM pg_index WHERE indexrelid = 't_i'::regclass),
			(SELECT string_agg(revision, ',' ORDER BY started) FROM migrate.log WHERE state = 'succeeded'))),
		'1,2,3,4|s3|0|t|s1,s2,s3', "$how: everything once");
	return;
}

# The worker is killed, which restarts the server.
my ($job, $pid) = start_job();
crash($node, $pid);
is_completed($job, 2, 'kill -9 of the worker');

# Ended by another session.
($job, $pid) = start_job();
sql($node, $db, "SELECT pg_terminate_backend($pid, 180000)");
is_completed($job, 2, 'pg_terminate_backend()');

# The server is stopped, this way and that.
foreach my $mode ('fast', 'immediate')
{
	($job, $pid) = start_job();
	$node->stop($mode);
	$node->start;
	is_completed($job, 2, "$mode shutdown");
}

# The postmaster is killed: its children see that and go.
($job, $pid) = start_job();
$node->kill9;
my $gone;
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	$gone = !kill(0, $pid);
	last if $gone;
	select(undef, undef, undef, 0.1);
}
ok($gone, 'kill -9 of the postmaster: the worker has gone');
start_again($node);
is_completed($job, 2, 'kill -9 of the postmaster');

# The memory of the killed server may be in use for a moment.
sub start_again
{
	my ($server) = @_;
	for (1 .. $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $server->start(fail_ok => 1);
		sleep 1;
	}
	die 'the server did not start again';
}

# What crashes the server each time is not tried for ever.
($job, $pid) = start_job();
foreach my $n (1 .. 3)
{
	crash($node, $pid);
	if ($n < 3)
	{
		is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), $job, "crash $n: claimed again");
		$pid = wait_for_gate($node, $db, $job);
	}
}
is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), '', 'crash 3: not claimed');
is(job($node, $db, $job, 'state, sqlstate, error, detail'),
	'failed|58000|its worker exited unexpectedly 3 times|The last revision it began was "s2".', 'the reason');
# CALL resumes what is partial.
sql($node, $db, 'INSERT INTO gate VALUES (true); CALL migrate_deploy()');
is(sql($node, $db, q(SELECT string_agg(i::text, ',' ORDER BY i) FROM t)), '1,2,3,4', 'a session resumes it');

# A relative target is resolved once.
sql($node, $db, 'DELETE FROM gate');
sql($node, $db, q(SELECT migrate_register('s4', '', 'CALL pass_gate()', '{s3}')));
sql($node, $db, q(SELECT migrate_register('s5', '', 'INSERT INTO t VALUES (5)', '{s4}')));
sql($node, $db, q(CALL migrate_deploy()));
$job = sql($node, $db, "SELECT migrate_submit('-2', 'downgrade')");
$pid = wait_for_gate($node, $db, $job);
is(sql($node, $db, 'SELECT version_num FROM migrate.version'), 's4', 'one of two is taken down');
sql($node, $db, "SELECT pg_terminate_backend($pid, 180000); INSERT INTO gate VALUES (true); SELECT migrate_run_jobs()");
is(ended_job($node, $db, $job, 'state, attempts, target, (SELECT version_num FROM migrate.version), (SELECT count(*) FROM t WHERE i = 5)'),
	'succeeded|2|s5@s3|s3|1', 'the next worker takes down the other one, and no more');
sql($node, $db, q(DELETE FROM t WHERE i = 5; SELECT migrate_unregister('s5'), migrate_unregister('s4')));

# An interrupted job can be cancelled.
($job, $pid) = start_job();
sql($node, $db, "SELECT pg_terminate_backend($pid, 180000)");
is(sql($node, $db, "SELECT migrate_cancel($job)"), 't', 'migrate_cancel() of an interrupted job');
is(sql($node, $db, 'SELECT * FROM migrate_run_jobs()'), '', 'it is not claimed');
is(job($node, $db, $job, 'state'), 'cancelled', 'cancelled');
is(sql($node, $db, q(SELECT partial FROM migrate_current() JOIN migrate_history_details() USING (revision) WHERE partial IS NOT NULL)),
	'upgrade: statements up to 2 are done', 'its revision is partial');
sql($node, $db, 'INSERT INTO gate VALUES (true)');
is(sql($node, $db, 'SELECT migrate_submit() > 0'), 't', 'the next job resumes');
wait_until($node, $db, q(SELECT count(*) = 0 FROM migrate.jobs_details WHERE finished IS NULL));
is(sql($node, $db, q(SELECT string_agg(i::text, ',' ORDER BY i) FROM t)), '1,2,3,4', 'and completes');

# And the next one in its queue is run then: its own worker dispatched nothing.
($job, $pid) = start_job();
my $next = sql($node, $db, 'SELECT migrate_submit()');
sql($node, $db, "SELECT pg_terminate_backend($pid, 180000); INSERT INTO gate VALUES (true)");
is(sql($node, $db, "SELECT migrate_cancel($job)"), 't', 'migrate_cancel() of an interrupted job before another one');
is(ended_job($node, $db, $next, 'state'), 'succeeded', 'that one is run');

# The owner goes while the job is running: the rest of the job fails.
sql($node, $db, <<'SQL');
CREATE ROLE worker LOGIN;
GRANT EXECUTE ON FUNCTION migrate_submit TO worker;
GRANT ALL ON t, gate TO worker;
GRANT CREATE ON SCHEMA public TO worker;
ALTER TABLE t OWNER TO worker;
SQL
sql($node, $db, "DELETE FROM gate; SELECT migrate_stamp('base'); TRUNCATE t; DROP INDEX t_i");
$job = sql($node, $db, 'SET SESSION AUTHORIZATION worker; SELECT migrate_submit()');
wait_for_gate($node, $db, $job);
sql($node, $db, 'ALTER ROLE worker NOLOGIN; INSERT INTO gate VALUES (true)');
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'owner made NOLOGIN while the job runs: it completes');

# The extension is dropped while a job runs: the worker ends by itself.
($job, $pid) = start_job();
sql($node, $db, 'INSERT INTO gate VALUES (true)');
# It locks the tables one by one, so that it and the worker can come to wait for
# each other; the server then ends one of them.
my $dropped;
do
{
	$dropped = (run_sql($node, $db, 'DROP EXTENSION migrate'))[1];
} while ($dropped =~ /40P01/);
is($dropped, '', 'the extension is dropped');
wait_until_no_worker($node, $db);
is(sql($node, $db, "SELECT count(*) FROM pg_namespace WHERE nspname = 'migrate'"), '0', 'the extension is gone');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|signal 11|XX000/, 'and nothing broke');

# A dump that was taken while a job ran is not run where it is restored.
$db = new_database($node, 'dumped');
prepare($node, $db);
($job, $pid) = start_job();
my $later = sql($node, $db, "SELECT migrate_submit(run_at => now() + interval '1 day')");
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr($db) ], 'pg_dump while a job runs');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], 'restored');
is( sql($node, 'restored', 'SELECT state FROM migrate.jobs_details ORDER BY job'),
	"interrupted\nqueued", 'restored: nothing is running');
is(sql($node, 'restored', 'SELECT * FROM migrate_run_jobs()'), '', 'restored: nothing is started');
is( sql($node, 'restored', 'SELECT DISTINCT state, error FROM migrate.jobs_details'),
	'failed|it was submitted in another database', 'restored: the reason');
is(sql($node, 'restored', 'SELECT migrate_submit() > (SELECT max(job) FROM migrate.jobs_details)'),
	't', 'restored: numbers continue');
sql($node, 'restored', 'SELECT migrate_cancel(job) FROM migrate.jobs_details');
is(job($node, $db, $job, 'state'), 'running', 'the original continues');
sql($node, $db, 'INSERT INTO gate VALUES (true)');
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'and completes');

$node->stop;
done_testing();
