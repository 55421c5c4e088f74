# Schedules, by the scheduler of a server that preloads the library: what is
# registered is applied by the next job, before and after a restart.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node(
	'schedule', "shared_preload_libraries = 'migrate'",
	"migrate.databases = 'app'", "migrate.worker_naptime = '1s'",
	'restart_after_crash = on');
my $db = new_database($node, 'app');

sub is_applied
{
	my ($revision, $how) = @_;
	wait_until($node, $db, "SELECT version_num = '$revision' FROM migrate.version");
	is(sql($node, $db, "SELECT via, state FROM migrate.log WHERE revision = '$revision'"), 'worker|succeeded', $how);
	return;
}

sub register
{
	my ($n, $body) = @_;
	sql($node, $db, "SELECT migrate_register('n$n', '$body', '', '{n" . ($n - 1) . "}')");
	return;
}

my $log_start = -s $node->logfile;
sql($node, $db, "SELECT migrate_register('n1', 'CREATE TABLE n1 ()', '')");
sql($node, $db, "SELECT migrate_schedule('all the time', '1 s')");
is_applied('n1', 'what was registered before');
register(2, 'CREATE TABLE n2 ()');
is_applied('n2', 'a newly registered revision is applied by the next job');

# Runs that find nothing to do leave neither rows nor lines.
wait_until($node, $db, 'SELECT last_job > (SELECT max(job) + 2 FROM migrate.jobs_details) FROM migrate.schedules_details');
is(sql($node, $db, 'SELECT count(*) FROM migrate.jobs_details WHERE finished IS NOT NULL'), '2', 'a row for each job that did something');
my @lines = grep { /LOG:  migrate job/ }
  split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile, $log_start);
is(scalar(@lines), 4, 'two lines for each of them') or diag(join "\n", @lines);

# It survives.
# Not restart, which starts the program that runs, whatever wraps it.
$node->stop;
$node->start;
register(3, 'CREATE TABLE n3 ()');
is_applied('n3', 'after a restart');
my $victim = start_sql($node, $db, 'victim', 'SELECT pg_sleep(3600)');
kill_9($node, wait_for_event($node, $victim, 'Timeout'));
finish_sql($victim);
wait_until_up($node);
register(4, 'CREATE TABLE n4 ()');
is_applied('n4', 'after a crash');

# A long job is one job, however many run times it takes.
sql($node, $db, 'CREATE TABLE gate (open bool)');
register(5, 'DO $do$BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP; END$do$');
wait_until($node, $db, q(SELECT count(*) = 1 FROM migrate.jobs_details WHERE state = 'running' AND revision = 'n5'));
my $job = sql($node, $db, q(SELECT job FROM migrate.jobs_details WHERE state = 'running'));
wait_until($node, $db, "SELECT now() > started + interval '2.5 s' FROM migrate.jobs_details WHERE job = $job");
is(sql($node, $db, "SELECT count(*) FROM migrate.jobs_details WHERE job > $job OR state = 'queued'"), '0', 'run times wait for the job before');

# Ended: the job that is running continues, and is the last.
sql($node, $db, "SELECT migrate_unschedule('all the time'); INSERT INTO gate VALUES (true)");
is_applied('n5', 'a job continues when its schedule has ended');
wait_until($node, $db, 'SELECT count(*) = 0 FROM migrate.jobs_details WHERE finished IS NULL');
is(sql($node, $db, "SELECT state FROM migrate.jobs_details WHERE job = $job"), 'succeeded', 'and succeeds');

# By a cron expression: many run times that were missed are one job.
register(6, 'CREATE TABLE n6 ()');
$job = sql($node, $db, 'SELECT last_value FROM migrate.job_job_seq');
sql($node, $db, q(SELECT migrate_schedule('by cron', '* * * * *', at => now() - interval '1 hour')));
is_applied('n6', 'a run time of a cron expression');
wait_until($node, $db, 'SELECT count(*) = 0 FROM migrate.jobs_details WHERE finished IS NULL');
is( sql($node, $db, q(SELECT every, failures, next_run > last_run AND next_run <= last_run + interval '1 min' AND date_trunc('minute', next_run) = next_run FROM migrate.schedules_details)),
	'* * * * *|0|t', 'the next one is the next minute');
# The next minute may have come meanwhile.
like(sql($node, $db, "SELECT last_job - $job FROM migrate.schedules_details"), qr/^[12]$/, 'one job for all that were missed');
sql($node, $db, q(SELECT migrate_unschedule('by cron')));

# A schedule whose job cannot be submitted keeps no other from being run.
sql($node, $db, <<'SQL');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.schedule = 'bad' THEN RAISE 'no'; END IF; RETURN NEW; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON migrate.job FOR EACH ROW EXECUTE FUNCTION refuse();
SQL
$log_start = -s $node->logfile;
register(7, 'CREATE TABLE n7 ()');
sql($node, $db, q(SELECT migrate_schedule('bad', '1 s'), migrate_schedule('good', '1 s')));
is_applied('n7', 'another schedule is in the way');
ok(wait_until_logged($node, $log_start, qr/LOG:  migrate could not submit a job of schedule "bad": no/), 'what is in the way is said');
sql($node, $db, q(SELECT migrate_unschedule('good')));
# It is tried again when its time has come again, not with each scan.
sql($node, $db, q(SELECT migrate_unschedule('bad')));
sql($node, $db, q(SELECT migrate_schedule('bad', '1 h')));
wait_until($node, $db, q(SELECT failures > 0 FROM migrate.schedules_details));
is(sql($node, $db, q(SELECT note, failures, next_run > now() + interval '59 min' FROM migrate.schedules_details)),
	'could not submit a job: no|1|t', 'why is in note, and it is not due again at once');
# A cancellation reaches the caller, or a worker that has the schedule then.  It is
# due after that: the error before would have put it off.
sql($node, $db, q(CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.schedule = 'bad' THEN RAISE 'stop' USING ERRCODE = 'query_canceled'; END IF; RETURN NEW; END$$));
sql($node, $db, q(SELECT migrate_schedule('bad', '1 s')));
my $errors = '';
for (my $tries = 0; $errors eq '' && $tries < 100; $tries++)
{
	(undef, $errors) = run_sql($node, $db, 'SELECT migrate_run_jobs()');
}
is($errors, '57014: stop', 'a cancellation in between is not passed over');
$log_start = -s $node->logfile;
$job = sql($node, $db, 'SELECT migrate_submit()');
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'a job is not touched by what comes after it');
ok(wait_until_logged($node, $log_start, qr/LOG:  migrate could not scan for further jobs: stop/), 'but its worker says so');

$node->stop;
done_testing();
