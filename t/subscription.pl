# Statements about subscriptions that change a slot on the publisher, and so
# cannot run inside a transaction block.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $publisher = new_node('publisher', 'wal_level = logical');
my $subscriber = new_node('subscriber', 'restart_after_crash = on',
	"session_preload_libraries = 'migrate_test_fault'");
my $db = new_database($subscriber, 'app');
my $connection = $publisher->connstr('postgres');
$connection =~ s/'/''/g;

sql($publisher, 'postgres', 'CREATE TABLE t (i int PRIMARY KEY);
	CREATE TABLE u (i int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t; CREATE PUBLICATION q FOR TABLE u');
sql($subscriber, $db, 'CREATE TABLE t (i int PRIMARY KEY); CREATE TABLE u (i int PRIMARY KEY)');

my $count = 0;
sub deploy
{
	my ($body) = @_;
	my $id = 's' . ++$count;
	sql($subscriber, $db,
		"SELECT migrate_register('$id', \$body\$$body\$body\$, '', "
		  . ($count > 1 ? "'{s" . ($count - 1) . "}'" : "'{}'") . ')');
	my ($rc, undef, $stderr) = $subscriber->psql($db,
		"SET client_min_messages = warning; CALL migrate_deploy()");
	return "$rc$stderr";
}

sub tables
{
	return sql($subscriber, $db, 'SELECT string_agg(srrelid::regclass::text, $$ $$ ORDER BY srrelid::regclass::text)
		FROM pg_subscription_rel');
}

is(deploy("CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION p; INSERT INTO u VALUES (1)"),
	'0', 'CREATE SUBSCRIPTION');
# The first copy of a table has a slot too, for a moment.
sub synchronized
{
	wait_until($subscriber, $db, q{NOT EXISTS (
		SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r')});
}
synchronized();
is(sql($publisher, 'postgres', 'SELECT slot_name FROM pg_replication_slots'), 'sub', 'its slot');
is(deploy('ALTER SUBSCRIPTION sub ADD PUBLICATION q'), '0', 'ALTER SUBSCRIPTION ADD PUBLICATION');
is(tables(), 't u', 'its table');
is(deploy('ALTER SUBSCRIPTION sub DROP PUBLICATION q'), '0', 'ALTER SUBSCRIPTION DROP PUBLICATION');
is(tables(), 't', 'its table is gone');
is(deploy('ALTER SUBSCRIPTION sub SET PUBLICATION p, q'), '0', 'ALTER SUBSCRIPTION SET PUBLICATION');
sql($publisher, 'postgres', 'CREATE TABLE v (i int PRIMARY KEY); ALTER PUBLICATION q ADD TABLE v');
sql($subscriber, $db, 'CREATE TABLE v (i int PRIMARY KEY)');
is(deploy('ALTER SUBSCRIPTION sub REFRESH PUBLICATION'), '0', 'ALTER SUBSCRIPTION REFRESH PUBLICATION');
is(tables(), 't u v', 'the new table');
SKIP:
{
	skip 'failover slots came with 17', 1 if $subscriber->pg_version < 17;
	is(deploy('ALTER SUBSCRIPTION sub DISABLE; ALTER SUBSCRIPTION sub SET (failover = false); ALTER SUBSCRIPTION sub ENABLE'),
		'0', 'ALTER SUBSCRIPTION SET (failover)');
}
# Killed when the statement has taken effect and that is not noted yet: to add or
# drop a publication again would be an error.
sub killed
{
	my ($statement) = @_;
	my $id = 's' . ++$count;
	sql($subscriber, $db, "SELECT migrate_register('$id', \$body\$INSERT INTO v VALUES ($count); $statement; "
		  . "INSERT INTO v VALUES (-$count)\$body\$, '', '{s" . ($count - 1) . "}')");
	expect_crash($subscriber);
	run_sql($subscriber, $db, "SET fault.kinds = 'write'; SET fault.at = 4; SET fault.action = 'kill'; CALL migrate_deploy()");
	wait_until_up($subscriber);
	my (undef, undef, $stderr) = $subscriber->psql($db, 'CALL migrate_deploy()');
	return join ' ', $stderr =~ /(?:NOTICE|ERROR):  (?!upgrade )(.*)/g;
}
my $done = "resuming the upgrade of revision \"s%d\" after statement 2, which has taken effect done: 1 of 1 revisions upgraded";
sql($publisher, 'postgres', 'CREATE PUBLICATION o');
foreach my $statement ('ALTER SUBSCRIPTION sub ADD PUBLICATION o', 'ALTER SUBSCRIPTION sub DROP PUBLICATION o')
{
	is(killed($statement), sprintf($done, $count), "killed after $statement");
	is(sql($subscriber, $db, "SELECT 'o' = ANY (subpublications) FROM pg_subscription"),
		$statement =~ /ADD/ ? 't' : 'f', "$statement: done once");
}
is(killed('ALTER SUBSCRIPTION sub REFRESH PUBLICATION'),
	"resuming the upgrade of revision \"s$count\" with statement 2, which may have been done and is run again done: 1 of 1 revisions upgraded",
	'killed after ALTER SUBSCRIPTION REFRESH PUBLICATION');
is(killed("CREATE SUBSCRIPTION sub2 CONNECTION '$connection' PUBLICATION q, p WITH (copy_data = false)"),
	sprintf($done, $count), 'killed after CREATE SUBSCRIPTION');
is(killed('DROP SUBSCRIPTION sub2'), sprintf($done, $count), 'killed after DROP SUBSCRIPTION');

sql($publisher, 'postgres', 'INSERT INTO t VALUES (7)');
wait_until($subscriber, $db, '(SELECT count(*) FROM t WHERE i = 7) = 1');
pass('it replicates');
synchronized();

# A name that is taken: an error of the statement, which the catalogs tell from
# its success.
like(deploy("CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION p"),
	qr/^3.*subscription "sub" already exists/, 'a name that is taken');
is(sql($subscriber, $db, 'SELECT count(*) FROM migrate.partial'), '0', 'nothing was begun');
sql($subscriber, $db, "SELECT migrate_unregister('s$count')");
$count--;

is(deploy('DROP SUBSCRIPTION sub'), '0', 'DROP SUBSCRIPTION');
is(sql($publisher, 'postgres', 'SELECT count(*) FROM pg_replication_slots'), '0', 'its slot is gone');
is(sql($subscriber, $db, 'SELECT count(*) FROM migrate.partial'), '0', 'nothing is partial');

$subscriber->stop;
$publisher->stop;
done_testing();
