# A CALL that breaks at every boundary of a revision of five ordinary and four
# nontransactional statements: the next CALL completes it, and everything is as
# after an undisturbed run.  On every server type.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use List::Util 'max';
use MigrateTest;
use Test::More;

my $node = new_node('boundary', 'restart_after_crash = on',
	"session_preload_libraries = 'migrate_test_fault'");
my $db;

# None of the ordinary statements can be run twice without a trace.
my $prepare = <<'SQL';
CREATE TABLE account (a int, b int);
INSERT INTO account SELECT g, 0 FROM generate_series(1, 100) AS g;
CREATE INDEX account_old ON account (a, b);
CREATE TABLE note (text text);
SELECT migrate_register('r1', 'CREATE TABLE first (i int)', 'DROP TABLE first');
SELECT migrate_register('r2', $body$
  CREATE TABLE extra (i int);
  INSERT INTO extra SELECT generate_series(1, 10);
  CREATE INDEX CONCURRENTLY account_a ON account (a);
  UPDATE account SET b = b + 1;
  CREATE INDEX CONCURRENTLY ON account (b);
  VACUUM account;
  ALTER TABLE account ADD COLUMN c int DEFAULT 1;
  INSERT INTO note VALUES ('up');
  DROP INDEX CONCURRENTLY account_old;
$body$, $body$
  CREATE INDEX CONCURRENTLY account_old ON account (a, b);
  INSERT INTO note VALUES ('down');
  ALTER TABLE account DROP COLUMN c;
  REINDEX TABLE CONCURRENTLY account;
  DROP INDEX CONCURRENTLY account_b_idx;
  UPDATE account SET b = b - 1;
  DROP TABLE extra;
  DROP INDEX CONCURRENTLY account_a;
$body$, '{r1}');
SQL

# Everything that a run could leave; what it must not leave comes last.
my $state = <<'SQL';
SELECT (SELECT string_agg(concat(relname, ':', relkind), ' ' ORDER BY relname) FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')),
       (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
         WHERE attrelid = 'account'::regclass AND attnum > 0 AND NOT attisdropped),
       (SELECT string_agg(b::text || '*' || n, ' ') FROM
         (SELECT b, count(*) AS n FROM account GROUP BY b) AS s),
       (SELECT string_agg(text, ' ' ORDER BY text) FROM note),
       (SELECT string_agg(version_num, ' ') FROM migrate.version),
       (SELECT string_agg(revision || ' ' || operation, ' ' ORDER BY step) FROM migrate.log
         WHERE state = 'succeeded'),
       (SELECT count(*) FROM pg_index WHERE NOT indisvalid),
       (SELECT count(*) FROM migrate.partial),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')
SQL
my %call = (
	up => "CALL migrate_deploy('r2')",
	down => "CALL migrate_revert('r1')");

# A process that dies leaves what was committed, so that what happens between
# two commits is one point to it.
my $durable = 'statement statement-end commit commit-end';
my $all = "$durable write write-end";
my %kinds = (
	error => $all, conflict => $all, cancel => $all,
	terminate => $durable, kill => $durable);

my ($server_type, %undisturbed);
breaks_on('postgresql', 'error', 'conflict', 'cancel', 'terminate', 'kill');
breaks_on('yugabytedb', 'error', 'conflict', 'kill');
breaks_on('yugabytedb_transactional_ddl', 'error', 'conflict');

$node->stop;
done_testing();

sub breaks_on
{
	my @actions;
	($server_type, @actions) = @_;
	$db = new_database($node, $server_type);
	sql($node, $db, $prepare);
	sql($node, $db, "CALL migrate_deploy('r1')");
	foreach my $run (broken_runs('error', [ 'up', 0 ], [ 'down', 0 ]))
	{
		my $direction = $run->{direction};
		is($run->{ended}, '00000', "$server_type, $direction: undisturbed");
		# The outcome does not depend on the server type.
		is($run->{state}, $undisturbed{$direction}, "$server_type, $direction: the same")
		  if $undisturbed{$direction};
		$undisturbed{$direction} = $run->{state};
		note("$direction: $run->{state}");
		like($run->{state}, qr/\|0\|0\|0$/, "$server_type, $direction: nothing is left");
	}
	breaks_anywhere($_) foreach @actions;
	return;
}

sub breaks_anywhere
{
	my ($action) = @_;
	my %points = map { $_->{direction} => $_->{points} } broken_runs($action, [ 'up', 0 ], [ 'down', 0 ]);
	my @wanted;

	# Up and down take turns, each one point further, until neither has more.
	foreach my $point (1 .. 1 + max(values %points))
	{
		push @wanted, map { [ $_, $point ] } 'up', 'down';
	}
	my @runs = broken_runs($action, @wanted);
	is(join(' ', map { "$_->{direction} $_->{point}" } @runs), join(' ', map { "@$_" } @wanted),
		"$server_type, $action: every point");
	is(join("\n", map { "$_->{direction} $_->{point}: $_->{resumed} $_->{state}" }
			  grep { $_->{resumed} ne '00000' || $_->{state} ne $undisturbed{ $_->{direction} } } @runs),
		'', "$server_type, $action: everything is as undisturbed");

	my @broken = grep { $_->{ended} ne '00000' } @runs;
	my $partial = grep { $_->{segments} > 0 } @runs;
	note("$server_type, $action: " . join(', ', map { "$points{$_} points $_" } sort keys %points)
		  . ', ' . @broken . " broken, $partial partial");
	is(join(' ', map { "$_->{direction} $_->{point}" } grep { $_->{point} > $points{ $_->{direction} } } @broken),
		'', "$server_type, $action: where there is no point nothing breaks");
	if ($action eq 'conflict')
	{
		is(@broken . " $partial", '0 0', "$server_type, conflict: each was tried again");
		return;
	}
	cmp_ok(scalar @broken, '>', 50, "$server_type, $action: runs were broken");
	cmp_ok($partial, '>', 40, "$server_type, $action: interrupted runs were resumed");
	return;
}

# Calls that break at a point, 0: nowhere, each followed by one that does not:
# it resumes, or finds nothing to do.  What is known of each: how it ended, and
# how many points it passed; what was partial; how the next one ended, and what
# is there then.  Where the session dies the next one is in a session of its own.
sub broken_runs
{
	my ($action, @wanted) = @_;
	my $head = "SET client_min_messages = warning; SET migrate.server_type = '$server_type';\n"
	  . "SET fault.kinds = '$kinds{$action}'; SET fault.action = '$action';\n";
	my $script = $head;
	my $output = '';
	foreach my $run (@wanted)
	{
		my ($direction, $point) = @$run;
		$script .= "TRUNCATE migrate.log, note; SET fault.at = $point;\n"
		  . "\\echo break $direction $point\n$call{$direction};\n"
		  . "\\set ended :SQLSTATE\nSELECT current_setting('fault.count') AS points \\gset\n"
		  . "\\echo ended :ended :points\n";
		if ($action eq 'kill' || $action eq 'terminate')
		{
			$output .= session($script);
			$script = $head;
		}
		$script .= "SET fault.at = 0;\nSELECT count(*) FROM migrate.partial;\n"
		  . "$call{$direction};\n\\echo :SQLSTATE\n$state;\n";
	}
	$output .= session($script);

	my @runs;
	while ($output =~ /^break (\w+) (\d+)\n(?:ended (\w+) (\d+)\n)?(\d+)\n(\w+)\n(.*)\n/mg)
	{
		push @runs, { direction => $1, point => $2, ended => $3 // 'died', points => $4,
			segments => $5, resumed => $6, state => $7 };
	}
	return @runs;
}

sub session
{
	my ($script) = @_;
	my ($stdout, $stderr);
	expect_crash($node);
	$node->psql($db, $script, stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
	note($stderr) if $stderr ne '';
	wait_until_up($node)
	  if $stderr =~ /server closed the connection/ && $stderr !~ /due to administrator command/;
	return "$stdout\n";
}
