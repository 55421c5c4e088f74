# Many sessions at once: one works, the others find nothing to do.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('concurrency');
my $db = new_database($node, 'app');

sub insert { return "INSERT INTO applied VALUES ('r$_[0]');" }
sub delete { return "DELETE FROM applied WHERE revision = 'r$_[0]';" }
my $script = chain('r', 8, \&insert, \&delete);

sql($node, $db, 'CREATE TABLE applied (revision text); CREATE TABLE gate ()');
sql($node, $db, "SELECT migrate_register_script(\$s\$$script\$s\$)");

# Eight sessions, all of them on their way before the first one gets on.
my $keeper = $node->background_psql($db);
$keeper->query_safe('BEGIN; LOCK TABLE gate');
sql($node, $db, "SELECT migrate_register('r0', 'LOCK TABLE gate IN ACCESS SHARE MODE');
	SELECT migrate_register('all', '', down_revision => '{r0,r8}')");
my @sessions = map {
	start_sql($node, $db, "pod$_",
		"SET migrate.lock_timeout = 0; SELECT migrate_upgrade();")
} 1 .. 8;
wait_until($node, $db, "SELECT count(*) FILTER (WHERE wait_event_type = 'Extension') = 7
	AND count(*) FILTER (WHERE wait_event_type = 'Lock') = 1
	FROM pg_stat_activity WHERE application_name LIKE 'pod%'");
$keeper->query_safe('COMMIT');
$keeper->quit;

my @outputs;
foreach my $session (@sessions)
{
	my ($out, $errors) = finish_sql($session);
	is($errors, '', "$session->{name}: no error");
	push @outputs, $out if $out ne '';
}
is(scalar(@outputs), 1, 'one session worked, seven found nothing to do');
is(scalar(split(/\n/, $outputs[0])), 10, 'it ran all revisions');
is( sql($node, $db, 'SELECT count(*), count(DISTINCT revision) FROM applied'),
	'8|8', 'each revision was applied once');
is(sql($node, $db, 'SELECT count(*), count(DISTINCT run) FROM migrate.log'),
	'10|1', 'the log tells of one run');
is(sql($node, $db, 'SELECT version_num FROM migrate.version'),
	'all', 'version row');
is(advisory_locks($node), '0', 'the lock is free');

# A relative target starts where the run before has left the database.
my $steps = new_database($node, 'steps');
sql($node, $steps, 'CREATE TABLE applied (revision text)');
sql($node, $steps, "SELECT migrate_register_script(\$s\$$script\$s\$)");
@sessions = map {
	start_sql($node, $steps, "step$_", "SELECT migrate_upgrade('+1');")
} 1 .. 8;
my @results = map { [ finish_sql($_) ] } @sessions;
is(join(' ', sort map { $_->[0] } @results),
	'r1 r2 r3 r4 r5 r6 r7 r8', 'eight times +1: each session ran another one');
is(join('', map { $_->[1] } @results), '', 'eight times +1: no error');
is(sql($node, $steps, 'SELECT version_num FROM migrate.version'),
	'r8', 'eight times +1: version row');

# The start of eight pods: each sends all of its files, then upgrades.
my $pods = new_database($node, 'pods');
sql($node, $pods, 'CREATE TABLE applied (revision text)');
@sessions = map {
	start_sql($node, $pods, "pod$_",
		"SELECT FROM migrate_register_script(\$s\$$script\$s\$);\n"
		  . "SELECT migrate_upgrade();")
} 1 .. 8;
@results = map { [ finish_sql($_) ] } @sessions;
is(join('', map { $_->[1] } @results), '', 'register and upgrade: no error');
is(sql($node, $pods, 'SELECT count(*), count(DISTINCT revision) FROM applied'),
	'8|8', 'register and upgrade: each revision applied once');
is( sql($node, $pods,
		'SELECT count(*), count(DISTINCT revision) FROM migrate.revision'),
	'8|8', 'register and upgrade: each revision registered once');

# Up and down in turn, prepared statements, many transactions in each session.
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/up.sql", "SELECT migrate_upgrade('head');\n");
append_to_file("$dir/down.sql", "SELECT migrate_downgrade('base');\n");
append_to_file("$dir/is_current.sql", "SELECT migrate_is_current();\n");
{
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
	$node->command_ok(
		[
			'pgbench', '-n', '-M', 'prepared', '-c', '4', '-t', '10',
			'-f', "$dir/up.sql", '-f', "$dir/down.sql", '-f', "$dir/is_current.sql",
			$pods
		],
		'pgbench: upgrade and downgrade in turn');
}
sql($node, $pods, "SELECT migrate_upgrade()");
is(sql($node, $pods, 'SELECT count(*), count(DISTINCT revision) FROM applied'),
	'8|8', 'pgbench: bodies and version rows agree');

$node->stop;
done_testing();
