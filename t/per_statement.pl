# Bodies that are not transactional, broken at every boundary: plain statements
# and blocks are done exactly once; a statement that has ended transactions itself
# is not run again before a person has said so; and each way out of that.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use List::Util 'max';
use MigrateTest;
use Test::More;

my $node = new_node('per_statement', 'restart_after_crash = on',
	"session_preload_libraries = 'migrate_test_fault'");
my $db = new_database($node, 'app');

# The procedure and the last DO can be run again beside what they have
# committed; nothing else can be run twice without a trace.
sql($node, $db, <<'SQL');
CREATE TABLE account (a int, b int);
INSERT INTO account VALUES (1, 0);
CREATE TABLE note (text text);
CREATE TABLE work (name text, i int, UNIQUE (name, i));
CREATE PROCEDURE work(what text, n int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. n LOOP
    INSERT INTO work VALUES (what, i) ON CONFLICT DO NOTHING;
    COMMIT;
  END LOOP;
END $$;
SELECT migrate_register('r1', '');
SELECT migrate_register('r2', $body$
  CREATE TABLE extra (i int);
  INSERT INTO note VALUES ('first');
  CALL work('up', 2);
  BEGIN;
  INSERT INTO note VALUES ('block');
  UPDATE account SET b = b + 1;
  COMMIT;
  DO $do$ BEGIN INSERT INTO note VALUES ('plain'); END $do$;
  DO $do$ BEGIN CALL work('do', 1); INSERT INTO work VALUES ('end', 1) ON CONFLICT DO NOTHING; END $do$;
  INSERT INTO note VALUES ('last');
$body$, $body$
  CALL work('down', 2);
  INSERT INTO note VALUES ('down');
  BEGIN; UPDATE account SET b = b - 1; DROP TABLE extra; END;
  CALL work('down', 2);
$body$, '{r1}', transactional => false);
CALL migrate_deploy('r1');
SQL

my $state = <<'SQL';
SELECT to_regclass('extra'), (SELECT b FROM account),
       (SELECT string_agg(text, ' ' ORDER BY text) FROM note),
       (SELECT string_agg(name || i, ' ' ORDER BY name, i) FROM work),
       (SELECT string_agg(version_num, ' ') FROM migrate.version),
       (SELECT count(*) FROM migrate.log WHERE state = 'succeeded'),
       (SELECT count(*) FROM migrate.partial),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')
SQL
my %call = (up => "CALL migrate_deploy('r2')", down => "CALL migrate_revert('r1')");
my %undisturbed = (
	up => 'extra|1|block first last plain|do1 end1 up1 up2|r2|1|0|0',
	down => '|0|down|down1 down2|r1|1|0|0');

# What dies leaves what was committed: between two commits there is one point.
my %kinds = (
	(map { $_ => 'statement statement-end write write-end commit commit-end' } qw(error conflict)),
	(map { $_ => 'commit commit-end' } qw(cancel terminate kill)));

breaks_anywhere($_) foreach qw(error conflict cancel terminate kill);

sub breaks_anywhere
{
	my ($action) = @_;
	my %points = map { $_->{direction} => $_->{points} } broken_runs($action, [ 'up', 0 ], [ 'down', 0 ]);
	my (@wanted, @wrong);
	foreach my $point (1 .. max(values %points))
	{
		push @wanted, map { [ $_, $point ] } 'up', 'down';
	}
	my @runs = broken_runs($action, @wanted);
	is(join(' ', map { "$_->{direction} $_->{point}" } @runs), join(' ', map { "@$_" } @wanted), "$action: every point");
	foreach my $run (@runs)
	{
		my $broken = $run->{ended} ne '00000';
		push @wrong, "$run->{direction} $run->{point}: $run->{output}"
		  if $run->{state} ne $undisturbed{ $run->{direction} }
		  || ($run->{unknown} && $run->{refused} ne '55000')
		  # An error is proof where nothing was committed.
		  || ($run->{unknown} && $run->{work} == 0 && $action !~ /kill|terminate/)
		  # Nothing but that is not repeated.
		  || ($action eq 'conflict' && $broken && !$run->{unknown});
	}
	is(join("\n", @wrong), '', "$action: each statement once");
	my $broken = grep { $_->{ended} ne '00000' } @runs;
	my $unknown = grep { $_->{unknown} } @runs;
	note("$action: $points{up} and $points{down} points, $broken runs were broken, the outcome of $unknown was unknown");
	cmp_ok($broken, '>', $action eq 'conflict' ? 3 : 12, "$action: runs were broken");
	cmp_ok($unknown, '>', 3, "$action: the outcome of some was unknown");
	return;
}

# Calls that break at a point, 0: nowhere, and what it takes to complete each.
# Where the session dies that is in a session of its own.
sub broken_runs
{
	my ($action, @wanted) = @_;
	my $dies = $action eq 'kill' || $action eq 'terminate';
	my $head = "SET client_min_messages = warning; SET migrate.retry_base_delay = '1ms';\n"
	  . "SET fault.kinds = '$kinds{$action}'; SET fault.action = '$action';\n";
	my $script = $head;
	my $output = '';
	foreach my $run (@wanted)
	{
		my ($direction, $point) = @$run;
		$script .= <<"SQL";
\\echo begin $direction $point
TRUNCATE migrate.log, note, work;
SET fault.at = $point;
$call{$direction};
\\set ended :SQLSTATE
SELECT current_setting('fault.count') AS points \\gset
\\echo ended :ended :points
SQL
		if ($dies)
		{
			$output .= session($script);
			$script = $head;
		}
		$script .= <<"SQL";
SET fault.at = 0;
SELECT EXISTS (SELECT FROM migrate.partial WHERE state = 'started') AS unknown, (SELECT count(*) FROM work) AS work \\gset
\\echo unknown :unknown :work
\\if :unknown
$call{$direction};
\\echo refused :SQLSTATE
SELECT migrate_resolve('r2', 'retry');
\\endif
$call{$direction};
$state;
SQL
	}
	$output .= session($script);

	my @runs;
	foreach my $text (split /^(?=begin )/m, $output)
	{
		my ($direction, $point) = $text =~ /^begin (\w+) (\d+)$/m or next;
		my ($ended, $points) = $text =~ /^ended (\w+) (\d+)$/m;
		my ($unknown, $work) = $text =~ /^unknown (\w) (\d+)$/m;
		my ($refused) = $text =~ /^refused (\w+)$/m;
		my ($last) = $text =~ /^(.*\|.*\|.*\|.*)$/m;
		push @runs, { direction => $direction, point => $point, ended => $ended // 'died', points => $points,
			unknown => $unknown eq 't', work => $work, refused => $refused // '', state => $last // '', output => $text };
	}
	return @runs;
}

sub session
{
	my ($script) = @_;
	my ($stdout, $stderr);
	expect_crash($node);
	$node->psql($db, $script, stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
	wait_until_up($node)
	  if $stderr =~ /server closed the connection/ && $stderr !~ /due to administrator command/;
	return "$stdout\n";
}

# Each way out, after kill -9 between two commits of a procedure.
my $ways = new_database($node, 'ways');
sql($node, $ways, <<'SQL');
CREATE TABLE note (text text);
CREATE TABLE hold (on_second bool);
INSERT INTO hold VALUES (true);
CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO note VALUES ('one');
  COMMIT;
  INSERT INTO note VALUES ('two');
  WHILE (SELECT on_second FROM hold) LOOP
    PERFORM pg_sleep(0.01);
  END LOOP;
  COMMIT;
END $$;
SELECT migrate_register('w1', 'INSERT INTO note VALUES (''before''); CALL steps(); INSERT INTO note VALUES (''after'')', 'TRUNCATE note', transactional => false);
SQL

sub killed_in_the_middle
{
	my ($name, $by_job) = @_;
	sql($node, $ways, "TRUNCATE note; UPDATE hold SET on_second = true; SELECT migrate_stamp('base', true)");
	my $session = start_sql($node, $ways, 'runner', 'CALL migrate_deploy();');
	wait_until($node, $ways, "EXISTS (SELECT FROM note WHERE text = 'one')");
	crash($node, sql($node, $ways, "SELECT pid FROM pg_stat_activity WHERE application_name = 'runner'"));
	finish_sql($session);
	sql($node, $ways, 'UPDATE hold SET on_second = false');
	is(sql($node, $ways, 'SELECT state, partial FROM migrate_history_details()'),
		'partial|upgrade: statements up to 1 are done, statement 2 was begun', "$name: partial");
	session_is($node, $ways, "$name: not run again", 'CALL migrate_deploy()', '',
		'55000: revision "w1" is partial, and the outcome of statement 2 is unknown');
	return;
}

sub notes { return sql($node, $ways, q{SELECT string_agg(text, ' ' ORDER BY ctid), (SELECT string_agg(version_num, ' ') FROM migrate.version) FROM note}) }

killed_in_the_middle('retry');
session_is($node, $ways, 'retry', q{SELECT migrate_resolve('w1', 'retry'); CALL migrate_deploy()}, '');
is(notes(), 'before one one two after|w1', 'from its beginning');
killed_in_the_middle('skip');
session_is($node, $ways, 'skip', q{SELECT migrate_resolve('w1', 'skip'); CALL migrate_deploy()}, '');
is(notes(), 'before one after|w1', 'the rest');
killed_in_the_middle('finish');
session_is($node, $ways, 'finish', q{SELECT migrate_resolve('w1', 'finish'); CALL migrate_deploy()}, '');
is(notes(), 'before one|w1', 'nothing more');
killed_in_the_middle('abandon');
my (undef, undef, $stderr) = $node->psql($ways, q{SELECT migrate_resolve('w1', 'abandon')});
like($stderr, qr/2 of 3 statements of the upgrade of revision "w1" stay as they are.*statement 2 at line 1: CALL, what it has committed/s, 'what stays');
session_is($node, $ways, 'abandon', 'CALL migrate_deploy()', '');
is(notes(), 'before one before one two after|w1', 'from the beginning of the body');

# A worker that is killed there: the next one fails, and says why.
sql($node, $ways, "TRUNCATE note; UPDATE hold SET on_second = true; SELECT migrate_stamp('base', true)");
my $job = sql($node, $ways, 'SELECT migrate_submit()');
wait_until($node, $ways, "EXISTS (SELECT FROM note WHERE text = 'one')");
crash($node, job($node, $ways, $job, 'pid'));
sql($node, $ways, 'UPDATE hold SET on_second = false; SELECT migrate_run_jobs()');
is(ended_job($node, $ways, $job, 'state, sqlstate, error'),
	'failed|55000|revision "w1" is partial, and the outcome of statement 2 is unknown', 'a worker does not run it again');
sql($node, $ways, "SELECT migrate_resolve('w1', 'skip')");
$job = sql($node, $ways, 'SELECT migrate_submit()');
is(ended_job($node, $ways, $job, 'state'), 'succeeded', 'it does what is left');
is(notes(), 'before one after|w1', 'the rest');

# A lock timeout after a commit is not repeated; the error names who is in the way.
sql($node, $ways, <<'SQL');
CREATE TABLE held (i int);
CREATE PROCEDURE lock_it() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO note VALUES ('committed'); COMMIT; LOCK TABLE held; END $$;
SELECT migrate_register('w2', 'CALL lock_it()', '', '{w1}', transactional => false);
SQL
my $holder = $node->background_psql($ways);
$holder->query_safe('BEGIN');
$holder->query_safe('LOCK TABLE held IN ACCESS SHARE MODE');
(undef, undef, $stderr) = $node->psql($ways, 'CALL migrate_deploy()');
like($stderr, qr/statement 1 was begun and has failed, and what it has committed stays; .*Blocked by process \d+ .*AccessShareLock on table public\.held\..*To end what blocks it: .*\nTo run statement 1 again, /s, 'a lock timeout after a commit');
is(sql($node, $ways, q{SELECT attempts, blocked_by IS NOT NULL FROM migrate.log WHERE revision = 'w2'}), '1|t', 'it is not tried again');
$holder->quit;

$node->stop;
done_testing();
