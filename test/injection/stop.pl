# A run is stopped at its two most delicate points, between a body and its
# version row and after COMMIT, and is observed from another session; then it
# continues, fails, or dies there.  Needs a server with injection points:
# make check-injection.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../../t";

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('injection', "restart_after_crash = on\nshared_preload_libraries = 'injection_points'");
my $db = new_database($node, 'app');

sql($node, $db, <<'SQL');
CREATE EXTENSION injection_points;
CREATE TABLE done (n int);
SELECT migrate_register('i1', 'CREATE TABLE i1 (i int); INSERT INTO done VALUES (1)', 'DROP TABLE i1; DELETE FROM done WHERE n = 1');
SELECT migrate_register('i2', 'INSERT INTO done VALUES (2); CREATE INDEX CONCURRENTLY i1_i ON i1 (i); INSERT INTO done VALUES (3)',
                        'DROP INDEX i1_i; DELETE FROM done WHERE n > 1', '{i1}');
SELECT migrate_register('i3', 'CREATE TABLE i3 (i int)', 'DROP TABLE i3', '{i2}');
SQL

# What others see: version rows, what bodies have done, log rows, migrate.partial.
my $state = q{SELECT concat_ws('; ',
	'rows ' || (SELECT string_agg(version_num, ',') FROM migrate.version),
	'done ' || (SELECT string_agg(n::text, ',' ORDER BY n) FROM done),
	'tables ' || (SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('i1', 'i1_i', 'i3')),
	'log ' || (SELECT string_agg(revision || ' ' || state, ',' ORDER BY started) FROM migrate.log),
	(SELECT partial FROM migrate_current() JOIN migrate_history_details() USING (revision) WHERE partial IS NOT NULL))};
my $locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";

sub attach
{
	my ($point, $action) = @_;
	sql($node, $db, "SELECT injection_points_attach('$point', '$action')");
	return;
}

sub detach
{
	my ($point) = @_;
	sql($node, $db, "SELECT injection_points_detach('$point')");
	return;
}

# Starts a run that comes to stand at a point; returns the session.
sub stop_at
{
	my ($point, $call) = @_;
	attach($point, 'wait');
	my $session = start_sql($node, $db, 'run', $call);
	wait_stopped($point);
	return $session;
}

sub wait_stopped
{
	my ($point) = @_;
	wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'run' AND wait_event = '$point'");
	return;
}

sub wake
{
	my ($point) = @_;
	sql($node, $db, "SELECT injection_points_wakeup('$point')");
	return;
}

sub seen { return sql($node, $db, $state); }

sub pid_of_run { return sql($node, $db, "SELECT pid FROM pg_stat_activity WHERE application_name = 'run'"); }

sub again
{
	sql($node, $db, "CALL migrate_revert('base'); DELETE FROM migrate.log");
	return;
}

# Between body and version row: nothing is seen, and both come together.
foreach my $call (q{SELECT migrate_upgrade('i1')}, q{CALL migrate_deploy('i1')})
{
	my $session = stop_at('migrate-after-body', $call);
	is(seen(), '', "$call: before the version row nothing is seen");
	is(sql($node, $db, "SELECT revision, operation FROM migrate.progress_details"), 'i1|upgrade', 'but where the run is');
	isnt(sql($node, $db, $locks), '0', 'and has its turn');
	detach('migrate-after-body');
	wake('migrate-after-body');
	is_deeply([ finish_sql($session) ], [ $call =~ /SELECT/ ? 'i1' : '', '' ], 'it continues');
	is(seen(), 'rows i1; done 1; tables i1; log i1 succeeded', 'and all is seen');
	again();
}

# It is cancelled, terminated or killed there: nothing is left of the body.
my %end_of = (
	cancelled => sub { sql($node, $db, "SELECT pg_cancel_backend($_[0])"); },
	terminated => sub { sql($node, $db, "SELECT pg_terminate_backend($_[0])"); },
	killed => sub { kill_9($node, $_[0]); });
foreach my $end (sort keys %end_of)
{
	foreach my $call (q{SELECT migrate_upgrade('i1')}, q{CALL migrate_deploy('i1')})
	{
		my $session = stop_at('migrate-after-body', $call);
		$end_of{$end}->(pid_of_run());
		finish_sql($session);
		wait_until_up($node) if $end eq 'killed';
		# A crash has emptied the shared memory that it stood in.
		detach('migrate-after-body') if $end ne 'killed';
		like(seen(), qr/^(|log i1 failed)$/, "$end: $call: nothing is left of the body");
		is(sql($node, $db, $locks), '0', 'no lock is left');
		sql($node, $db, q{CALL migrate_deploy('i1')});
		like(seen(), qr/^rows i1; done 1; tables i1; log (i1 failed,)?i1 succeeded$/, 'the next run completes');
		again();
	}
}

# An error there is an error of the step.
attach('migrate-after-body', 'error');
my ($out, $errors) = ('', '');
$node->psql($db, q{SELECT migrate_upgrade('i1')}, stdout => \$out, stderr => \$errors);
like($errors, qr/error triggered for injection point migrate-after-body/, 'an error between body and version row');
detach('migrate-after-body');
is(seen(), '', 'nothing is left');

# A batch: between its statement and the note of it, by itself and in a body.
sql($node, $db, <<'SQL');
CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0);
INSERT INTO t SELECT generate_series(1, 30);
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0)$$, 'UPDATE t SET n = 0');
SQL
my $batches = q{SELECT (SELECT count(*) FROM t WHERE n = 1), (SELECT rows FROM migrate.batch)};
foreach my $call (q{CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'n')}, q{CALL migrate_deploy('b1')})
{
	foreach my $end (sort keys %end_of)
	{
		foreach my $point ('migrate-after-batch', $call =~ /deploy/ ? 'migrate-after-body' : ())
		{
			my $session = stop_at($point, $call);
			wake($point);
			wait_until($node, $db, q{SELECT EXISTS (SELECT FROM migrate.batch WHERE rows = 10)});
			wait_stopped($point);
			is(sql($node, $db, $batches), '10|10', "$end at $point: $call: the first one is seen, the second is not");
			$end_of{$end}->(pid_of_run());
			finish_sql($session);
			wait_until_up($node) if $end eq 'killed';
			detach($point) if $end ne 'killed';
			is(sql($node, $db, $batches), '10|10', 'nothing of it is left');
			sql($node, $db, $call);
			is(sql($node, $db, 'SELECT n, count(*) FROM t GROUP BY n'), '1|30', 'the next call completes, each row once');
			sql($node, $db, $call =~ /deploy/ ? q{CALL migrate_revert('base'); DELETE FROM migrate.log} : q{SELECT migrate_batch_reset('n'); UPDATE t SET n = 0});
		}
	}
}
sql($node, $db, q{SELECT migrate_unregister('b1')});

# After COMMIT: all is seen, whatever happens to the run now.
foreach my $end ('continues', sort keys %end_of)
{
	my $session = stop_at('migrate-after-commit', q{CALL migrate_deploy('i1')});
	is(seen(), 'rows i1; done 1; tables i1; log i1 succeeded', "$end after COMMIT: all is seen");
	isnt(sql($node, $db, $locks), '0', 'the run has not ended');
	my $pid = pid_of_run();
	is(sql($node, $db, "SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype IN ('relation', 'transactionid')"),
		'0', 'it holds nothing but its turn');
	if ($end_of{$end})
	{
		$end_of{$end}->($pid);
	}
	else
	{
		wake('migrate-after-commit');
	}
	finish_sql($session);
	wait_until_up($node) if $end eq 'killed';
	detach('migrate-after-commit') if $end ne 'killed';
	is(seen(), 'rows i1; done 1; tables i1; log i1 succeeded', 'and stays');
	is(sql($node, $db, $locks), '0', 'no lock is left');
	sql($node, $db, q{CALL migrate_deploy('i1')});
	is(seen(), 'rows i1; done 1; tables i1; log i1 succeeded', 'the next run has nothing to do');
	again();
}
attach('migrate-after-commit', 'error');
$node->psql($db, q{CALL migrate_deploy('i1')}, stdout => \$out, stderr => \$errors);
like($errors, qr/error triggered for injection point migrate-after-commit/, 'an error after COMMIT');
detach('migrate-after-commit');
like(seen(), qr/^rows i1; done 1; tables i1; log i1 succeeded/, 'the revision stays applied');
again();

# A body of three segments, from stop to stop.
sql($node, $db, q{CALL migrate_deploy('i1')});
attach('migrate-after-commit', 'wait');
my $session = stop_at('migrate-after-body', q{CALL migrate_deploy('i2')});
my $before = 'rows i1; done 1; tables i1; log i1 succeeded';
is(seen(), $before, 'first segment, not committed');
wake('migrate-after-body');
wait_stopped('migrate-after-commit');
is(seen(), 'rows i1; done 1,2; tables i1; log i1 succeeded; upgrade: statements up to 1 are done', 'first segment, committed with its row');
wake('migrate-after-commit');
wait_stopped('migrate-after-body');
like(seen(), qr/^rows i1; done 1,2; tables i1,i1_i; log i1 succeeded; upgrade: .*statement 2/, 'the index is there, and noted as started');
$end_of{terminated}->(pid_of_run());
finish_sql($session);
detach("migrate-after-$_") foreach qw(body commit);
sql($node, $db, q{CALL migrate_deploy('i2')});
like(seen(), qr/^rows i2; done 1,2,3; tables i1,i1_i; log i1 succeeded,(i2 failed,)?i2 succeeded$/, 'the next run found the index and resumed after it');

$node->stop;
done_testing();
