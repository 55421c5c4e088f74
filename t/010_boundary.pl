# A CALL that breaks at every boundary of a revision of five ordinary and four
# refusing statements: the next CALL completes it, and everything is as after
# an undisturbed run.  Whatever the server is taken for.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

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
       (SELECT count(*) FROM migrate.checkpoint),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')
SQL
my %call = (
	up => "CALL migrate_deploy('r2')",
	down => "CALL migrate_revert('r1')");

# A process that dies leaves what was committed, so that what happens between
# two commits is one place to it.
my $durable = 'statement statement-end commit commit-end';
my $all = "$durable write write-end";
my %kinds = (
	error => $all, conflict => $all, cancel => $all,
	terminate => $durable, kill => $durable);

my ($engine, %undisturbed);
breaks_on('postgresql', 'error', 'conflict', 'cancel', 'terminate', 'kill');
breaks_on('yugabytedb', 'error', 'conflict', 'kill');
breaks_on('yugabytedb_transactional_ddl', 'error', 'conflict');

$node->stop;
done_testing();

sub breaks_on
{
	my ($profile, @actions) = @_;
	$engine = $profile;
	$db = new_database($node, $engine);
	sql($node, $db, $prepare);
	sql($node, $db, "CALL migrate_deploy('r1')");
	foreach my $direction ('up', 'down')
	{
		my ($rc, $stdout, $stderr) = call($direction, 'error', 0, $state);
		is($stderr, '', "$engine, $direction: undisturbed");
		# Of what the server is taken for, the outcome does not know.
		is($stdout, $undisturbed{$direction}, "$engine, $direction: the same")
		  if $undisturbed{$direction};
		$undisturbed{$direction} = $stdout;
		note("$direction: $stdout");
		like($stdout, qr/\|0\|0\|0$/, "$engine, $direction: nothing is left");
	}
	breaks_anywhere($_) foreach @actions;
	return;
}

sub breaks_anywhere
{
	my ($action) = @_;
	my ($broken, $partial) = (0, 0);
	my @wrong;
	my $place = 0;
	my %over;

	# Up and down take turns, each one place further, until neither has more.
	while (keys %over < 2)
	{
		$place++;
		foreach my $direction ('up', 'down')
		{
			expect_crash($node);
			my ($rc, $stdout, $stderr) =
			  call($direction, $action, $place, 'SHOW fault.count');
			if ($rc == 0)
			{
				$over{$direction} = 1 if $stdout < $place;
				next if $action ne 'conflict';
			}
			else
			{
				$broken++;
				wait_until_up($node) if $action eq 'kill';
			}

			# The next call goes on with it, or finds nothing to do.
			my ($rc2, $count, $stderr2) = call($direction, $action, 0,
				$state, 'SELECT count(*) FROM migrate.checkpoint');
			$partial++ if $count =~ s/^([1-9]\d*)\n//;
			$count =~ s/^0\n//;
			push @wrong, "$direction $place: $stderr $stderr2 $count"
			  if $rc2 != 0 || $count ne $undisturbed{$direction};
		}
	}
	is(join("\n", @wrong), '', "$engine, $action: everything is as undisturbed");
	note("$engine, $action: $place places, $broken broken, $partial partial");
	if ($action eq 'conflict')
	{
		is("$broken $partial", '0 0', "$engine, conflict: each was tried again");
		return;
	}
	cmp_ok($broken, '>', 50, "$engine, $action: runs were broken");
	cmp_ok($partial, '>', 40, "$engine, $action: runs were gone on with");
	return;
}

# A call in a session of its own that breaks at a place, 0: nowhere; what is
# asked before it is printed before what is asked after it.
sub call
{
	my ($direction, $action, $place, $after, $before) = @_;
	my ($stdout, $stderr);
	my $rc = $node->psql($db,
		"SET client_min_messages = warning; SET migrate.engine = '$engine';\n"
		  . ($before ? "$before;\n" : "TRUNCATE migrate.log, note;\n")
		  . "SET fault.kinds = '$kinds{$action}'; SET fault.action = '$action';\n"
		  . "SET fault.at = $place;\n$call{$direction};\n"
		  . ($after ? "$after;\n" : ''),
		stdout => \$stdout, stderr => \$stderr, on_error_stop => 1);
	return ($rc, $stdout, $stderr);
}
