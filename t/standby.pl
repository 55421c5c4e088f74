# A hot standby answers questions and refuses to change anything; promoted, it
# continues where the primary was.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $primary = new_node('primary');
my $db = new_database($primary, 'app');
sql($primary, $db, <<'SQL');
SELECT migrate_register('s1', 'CREATE TABLE s1 (id int)');
SELECT migrate_register('s2', 'CREATE TABLE s2 (id int)', down_revision => '{s1}');
SELECT migrate_upgrade('s1');
SQL

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

is( sql($standby, $db,
		"SELECT migrate_is_current(), migrate_is_current('s1')"),
	'f|t', 'standby: migrate_is_current()');
is(sql($standby, $db, 'SELECT revision FROM migrate_current()'),
	's1', 'standby: migrate_current()');
is(sql($standby, $db, 'SELECT revision FROM migrate_plan()'),
	's2', 'standby: migrate_plan()');
is( sql($standby, $db, "SELECT revision FROM migrate_heads()
	UNION ALL SELECT revision FROM migrate_history()
	UNION ALL SELECT upgrade FROM migrate_show('s2')"),
	"s2\ns2\ns1\nCREATE TABLE s2 (id int)", 'standby: other questions');

foreach my $call (
	'migrate_upgrade()', "migrate_downgrade('base')",
	"migrate_stamp('head')", "migrate_register('s3', '')",
	"migrate_unregister('s2')",
	"migrate_register_script('-- revision: s3\n-- migrate:up\n')",
	"migrate_merge('{s1,s2}', 'm')")
{
	my ($out, $errors) = run_sql($standby, $db, "SELECT $call");
	like($errors, qr/^25006: cannot execute \w+(\(\))? /,
		"standby: $call is refused")
	  or diag($errors);
}

foreach my $call ('migrate_deploy()', "migrate_revert('base')")
{
	my ($out, $errors) = run_sql($standby, $db, "CALL $call");
	like($errors, qr/^25006: cannot execute \w+(\(\))? /, "standby: $call is refused")
	  or diag($errors);
}

# A session that was there before the promotion continues in it.
my $session = $standby->background_psql($db);
is($session->query_safe('SELECT migrate_is_current()'), 'f', 'before');
sql($primary, $db, 'SELECT migrate_upgrade()');
$primary->wait_for_catchup($standby);
is($session->query_safe('SELECT migrate_is_current()'),
	't', 'the upgrade of the primary has arrived');
sql($primary, $db, "SELECT migrate_register('s3', 'CREATE TABLE s3 (id int)', down_revision => '{s2}')");
$primary->wait_for_catchup($standby);
$primary->stop;
$standby->promote;
is( $session->query_safe(
		"SET client_min_messages = warning; SELECT migrate_upgrade()"),
	's3', 'promoted: upgrade in the same session');
$session->quit;
is(sql($standby, $db, 'SELECT migrate_is_current()'), 't', 'promoted: current');
is( sql($standby, $db, "SELECT string_agg(revision, ',' ORDER BY started) FROM migrate.log"),
	's1,s2,s3', 'promoted: the log is kept');

$standby->stop;
done_testing();
