# The scheduler: with the library preloaded, jobs are started by themselves, in
# the databases that are named, after whatever happens to the processes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node(
	'scheduler',
	"shared_preload_libraries = 'migrate'",
	"migrate.databases = 'app, \"Other \"\"one\"\"\", missing, postgres, closed'",
	"migrate.worker_naptime = '1s'",
	'restart_after_crash = on');
my $other = 'Other "one"';
my $db = 'app';
$node->safe_psql('postgres', 'CREATE DATABASE closed ALLOW_CONNECTIONS false');
$node->safe_psql('postgres', 'CREATE DATABASE app');

my $scheduler = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'migrate scheduler'";

sub prepare
{
	my ($name) = @_;
	sql($node, $name, <<'SQL');
CREATE EXTENSION migrate;
CREATE TABLE t (i int);
SELECT migrate_register('s1', 'INSERT INTO t VALUES (1)', 'DELETE FROM t');
SQL
	return;
}

# A job that is due later, so that only the scheduler can start it.
sub submit_later
{
	my ($name, $target, $command) = @_;
	return sql($node, $name, "SELECT migrate_submit('$target', '$command', run_at => now() + interval '0.2 s')");
}

sub succeeds
{
	my ($name, $job, $how) = @_;
	is(ended_job($node, $name, $job, 'state, error'), 'succeeded|', $how);
	return;
}

sub up_and_down
{
	my ($name, $how) = @_;
	succeeds($name, submit_later($name, 'head', 'upgrade'), "$how: up");
	succeeds($name, submit_later($name, 'base', 'downgrade'), "$how: down");
	return;
}

wait_until($node, 'postgres', "SELECT count(*) = 1 FROM ($scheduler) AS s");
is( sql($node, 'postgres', "SELECT datname IS NULL, application_name FROM pg_stat_activity WHERE backend_type = 'migrate scheduler'"),
	't|migrate scheduler', 'the scheduler is connected to no database');

# The extension, and a database, are served as soon as they appear.
prepare($db);
up_and_down($db, 'a database that was there');
$node->safe_psql('postgres', 'CREATE DATABASE "Other ""one"""');
prepare($other);
up_and_down($other, 'a database that was not');

# What is missing is said once a minute at most: these are some seconds.
my $log = slurp_file($node->logfile);
my %said;
$said{$1}++ while $log =~ /migrate (?:cannot|could not) scan database "(.*)" for jobs:/g;
ok($said{missing} >= 1, 'a missing database is said');
ok($said{postgres} >= 1, 'a missing extension is said');
ok($said{closed} >= 1, 'a database that cannot be connected to is said');
ok((!grep { $_ > 2 } values %said), 'not again and again')
  or diag(join ', ', map { "$_: $said{$_}" } keys %said);
unlike($log, qr/FATAL/, 'and in no other way');
like($log, qr/database "postgres" for jobs: extension "migrate" is not installed in this database/, 'what is missing');
like($log, qr/database "missing" for jobs: it does not exist or does not accept connections/, 'what is missing');

# The list can be changed.
$node->append_conf('postgresql.conf', "migrate.databases = ''\n");
$node->reload;
wait_until($node, $db, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'migrate scan'");
my $job = submit_later($db, 'head', 'upgrade');
wait_until($node, $db, "SELECT now() > run_at + interval '2 s' FROM migrate.jobs_details WHERE job = $job");
is(sql($node, $db, "SELECT state FROM migrate.jobs_details WHERE job = $job"), 'queued', 'not served any more');
$node->append_conf('postgresql.conf', "migrate.databases = 'app, not valid'\n");
$node->reload;
wait_until($node, $db, "SELECT count(*) > 0 FROM pg_file_settings WHERE name = 'migrate.databases' AND NOT applied AND error IS NOT NULL");
$node->append_conf('postgresql.conf', "migrate.databases = 'app'\n");
$node->reload;
succeeds($db, $job, 'served again');
succeeds($db, submit_later($db, 'base', 'downgrade'), 'down');

# The scheduler comes back: from a termination, a crash, and with the server.
my $pid = sql($node, 'postgres', $scheduler);
sql($node, 'postgres', "SELECT pg_terminate_backend($pid)");
wait_until($node, 'postgres', "SELECT count(*) = 1 FROM ($scheduler) AS s WHERE pid <> $pid");
up_and_down($db, 'pg_terminate_backend() of the scheduler');
$pid = sql($node, 'postgres', $scheduler);
crash($node, $pid);
wait_until($node, 'postgres', "SELECT count(*) = 1 FROM ($scheduler) AS s WHERE pid <> $pid");
up_and_down($db, 'kill -9 of the scheduler');
foreach my $mode ('fast', 'immediate')
{
	$job = submit_later($db, 'head', 'upgrade');
	$node->stop($mode);
	$node->start;
	succeeds($db, $job, "$mode shutdown: a queued job is run afterwards");
	succeeds($db, submit_later($db, 'base', 'downgrade'), "$mode shutdown: down");
}

# An interrupted job is claimed again without help.
sql($node, $db, q(SELECT migrate_register('s2', 'SELECT pg_sleep(seconds) FROM sleep', '', '{s1}')));
sql($node, $db, 'CREATE TABLE sleep AS SELECT 3600 AS seconds');
$job = sql($node, $db, 'SELECT migrate_submit()');
wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'migrate job' AND wait_event = 'PgSleep'");
$pid = sql($node, $db, "SELECT pid FROM migrate.jobs_details WHERE job = $job");
sql($node, $db, "UPDATE sleep SET seconds = 0; SELECT pg_terminate_backend($pid)");
succeeds($db, $job, 'a job whose worker was terminated');
is(sql($node, $db, "SELECT attempts, (SELECT count(*) FROM t) FROM migrate.jobs_details WHERE job = $job"), '2|1', 'by a second worker, nothing twice');

# A scan that has to wait is the only one, ends, and says so.
my $log_start = -s $node->logfile;
my $holder = $node->background_psql($db);
$holder->query_safe('BEGIN; LOCK TABLE migrate.schedule;');
wait_until($node, 'postgres', q(SELECT count(*) = 1
		AND bool_and(wait_event_type = 'Lock' AND backend_start < now() - interval '1.5 s')
	FROM pg_stat_activity WHERE backend_type = 'migrate scan'));
pass('a second scan is not begun beside it');
ok(wait_until_logged($node, $log_start, qr/migrate could not scan database "app" for jobs: canceling statement due to lock timeout/), 'a scan that cannot have its lock ends');
$holder->query_safe('COMMIT;');
$holder->quit;
up_and_down($db, 'a scan that had to wait');

# It does not keep a session from dropping a database.
$node->append_conf('postgresql.conf', "migrate.databases = 'app, \"Other \"\"one\"\"\"'\n");
$node->reload;
sql($node, 'postgres', 'DROP DATABASE "Other ""one"""');
pass('DROP DATABASE of a database that is served');

# A standby does nothing before it is promoted, and then continues.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->append_conf('postgresql.conf', "migrate.databases = ''\n");
$node->reload;
$job = submit_later($db, 'base', 'downgrade');
$node->wait_for_catchup($standby);
is(sql($standby, 'postgres', "SELECT count(*) FROM ($scheduler) AS s"), '0', 'no scheduler on a standby');
is(sql($standby, $db, "SELECT state FROM migrate.jobs_details WHERE job = $job"), 'queued', 'the job has arrived');
foreach my $call ("migrate_submit('s1')", "migrate_cancel($job)", 'migrate_run_jobs()')
{
	my (undef, $errors) = run_sql($standby, $db, "SELECT $call");
	like($errors, qr/^25006: cannot execute migrate_\w+\(\) /, "standby: $call is refused");
}
my (undef, $errors) = run_sql($standby, $db, "CALL migrate_wait($job, '1 s')");
like($errors, qr/^55000: job $job has not ended within the timeout/, 'standby: migrate_wait() waits');
$node->stop;
$standby->promote;
$node = $standby;
succeeds($db, $job, 'promoted: a job that was queued on the primary');
is(sql($node, $db, 'SELECT count(*) FROM t'), '0', 'promoted: it was run');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|signal 11|XX000/, 'nothing broke');
$node->stop;
done_testing();
