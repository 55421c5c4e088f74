# The wall clock is set back by an hour while something waits: what waits does so
# no longer than it was told.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my ($library) = slurp_file($ENV{TEMP_CONFIG}) =~ /dynamic_library_path = '([^:]*)/;
my $clock = PostgreSQL::Test::Utils::tempdir() . '/clock';
local $ENV{MIGRATE_CLOCK} = $clock;
my $node = do
{
	local $ENV{LD_PRELOAD} = "$library/migrate_test_clock.so";
	new_node('clock', "shared_preload_libraries = 'migrate'", "migrate.databases = 'app'", "migrate.worker_naptime = '2s'");
};
my $db = new_database($node, 'app');

sub set_clock
{
	my ($seconds) = @_;
	open(my $file, '>', "$clock.new") or die $!;
	print $file $seconds;
	close($file);
	rename("$clock.new", $clock) or die $!;
	return;
}

# What a session prints that waits while the clock is set back; dies if it waits
# for the hour.
sub set_back_during
{
	my ($name, $event, $sql) = @_;
	set_clock(0);
	my $session = start_sql($node, $db, $name, $sql);
	wait_for_event($node, $session, $event);
	set_clock(-3600);
	my $began = Time::HiRes::time();
	my (undef, $errors) = finish_sql($session);
	cmp_ok(Time::HiRes::time() - $began, '<', 60, "$name: waits no longer");
	return $errors;
}

set_clock(-3600);
cmp_ok(abs($node->safe_psql($db, 'SELECT extract(epoch FROM clock_timestamp())') - time + 3600), '<', 60, 'the clock of the server is an hour behind');
set_clock(0);

sql($node, $db, <<'SQL');
CREATE SEQUENCE n;
SELECT migrate_register('k1', $$DO 'BEGIN IF nextval(''n'') < 3 THEN RAISE lock_not_available; END IF; END'$$, '');
SQL
my $backoff = "SET migrate.retry_base_delay = '3s'; SET migrate.retry_max_delay = '3s';";
is(set_back_during('backoff of a CALL', 'Extension', "$backoff CALL migrate_deploy()"), '', 'CALL: no error');
sql($node, $db, "CALL migrate_revert('base'); ALTER SEQUENCE n RESTART");
is(set_back_during('backoff of a function', 'Extension', "$backoff SELECT migrate_upgrade()"), '', 'function: no error');
cmp_ok(sql($node, $db, 'SELECT min(wall_ms) FROM migrate.log WHERE attempts = 3'), '>', 1500, 'the log has the real duration');

my $holder = $node->background_psql($db);
$holder->query_safe("SET client_min_messages = warning; BEGIN; SELECT migrate_stamp('base');");
like(set_back_during('wait for a run', 'Extension', "SET migrate.lock_wait = '3s'; CALL migrate_deploy()"), qr/^55P03: could not lock/, 'wait for a run: the error');
$holder->query_safe('ROLLBACK;');
$holder->quit;

# The progress of a run.
$holder = $node->background_psql($db);
$holder->query_safe('SELECT pg_advisory_lock(42);');
sql($node, $db, "SELECT migrate_stamp('base'); SELECT migrate_register('k1', 'SELECT pg_advisory_lock_shared(42)', '', replace => true)");
set_clock(0);
my $run = start_sql($node, $db, 'progress', 'CALL migrate_deploy()');
wait_for_event($node, $run, 'Lock');
set_clock(-3600);
is(sql($node, $db, "SELECT elapsed BETWEEN '0 s' AND '1 min', statement_elapsed BETWEEN '0 s' AND elapsed FROM migrate.progress_details"), 't|t', 'progress: durations');
$holder->quit;
is((finish_sql($run))[1], '', 'progress: no error');
sql($node, $db, 'SELECT migrate_stamp(\'base\')');

my $job = sql($node, $db, "SELECT migrate_submit(run_at => now() + interval '1 day')");
like(set_back_during('wait for a job', 'Extension', "CALL migrate_wait($job, '3 s')"), qr/^55000: job $job has not ended within the timeout/, 'wait for a job: the error');
sql($node, $db, "SELECT migrate_cancel($job)");

# A job that was due at once has to wait for its turn only.
set_clock(0);
$holder = $node->background_psql($db);
$holder->query_safe('SELECT pg_advisory_lock(42);');
my $first = sql($node, $db, 'SELECT migrate_submit()');
wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'migrate job' AND wait_event_type = 'Lock'");
my $second = sql($node, $db, 'SELECT migrate_submit()');
set_clock(-3600);
unlike(sql($node, $db, "SELECT note FROM migrate.jobs WHERE job = $second"), qr/^at /, 'a job that is due: is not said to wait');
$holder->quit;
is(ended_job($node, $db, $first, 'state'), 'succeeded', 'a job that is due: the one before it');
is(ended_job($node, $db, $second, 'state'), 'succeeded', 'a job that is due: does not wait');

# The scheduler.
set_clock(0);
sql($node, $db, "SELECT migrate_stamp('base')");
wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'migrate scan'");
set_clock(-3600);
$job = sql($node, $db, "SELECT migrate_submit(run_at => clock_timestamp() + interval '1 s')");
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'the scheduler scans as before');

$node->stop;
done_testing();
