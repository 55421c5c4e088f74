# What docs/monitoring.md gives to a monitoring system: the queries run as a
# member of pg_monitor and return the columns that they are said to, and each
# alert is about a metric that there is.

use strict;
use warnings;

use CPAN::Meta::YAML;
use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('monitoring', 'shared_preload_libraries = migrate');
my $db = new_database($node, 'app');
my $examples = "$FindBin::RealBin/../docs/examples";
my $queries = CPAN::Meta::YAML->read("$examples/postgres_exporter.yml")->[0];
my $alerts = CPAN::Meta::YAML->read("$examples/alerts.yml")->[0];

sql($node, $db, <<'SQL');
CREATE ROLE exporter LOGIN IN ROLE pg_monitor;
SELECT migrate_register('a1', 'CREATE TABLE t (i int)', 'DROP TABLE t');
SELECT migrate_register('a2', 'SELECT pg_sleep(0)', 'SELECT 1', '{a1}');
CALL migrate_deploy('a1');
SQL

# The metrics, as the exporter names them.
my %value;
foreach my $name (sort keys %$queries)
{
	my ($out, $err) = ('', '');
	is( $node->psql($db, "\\pset format csv\n\\pset tuples_only off\n$queries->{$name}{query}",
			stdout => \$out, stderr => \$err, extra_params => [ '-U', 'exporter' ]), 0, "$name can be asked") or diag($err);
	is($err, '', "$name says nothing else");
	my ($header, $first) = split /\n/, $out;
	my @metrics = map { keys %$_ } @{ $queries->{$name}{metrics} };
	is($header, join(',', @metrics), "$name has its columns");
	@value{ map { "${name}_$_" } @metrics } = split /,/, $first, -1;
}
is($value{migrate_health_current}, 0, 'a revision is pending');
is($value{migrate_health_pending}, 1, 'one');
is($value{migrate_revision_revision}, 'a1', 'what each revision has cost');

foreach my $rule (@{ $alerts->{groups}[0]{rules} })
{
	my ($metric) = $rule->{expr} =~ /^(\w+) > \d+$/;
	ok(defined $metric && defined $value{$metric}, "$rule->{alert} is about a metric");
	my ($query) = $rule->{annotations}{action} =~ /^(SELECT [^;]*)/ or next;
	is($node->psql($db, $query, extra_params => [ '-U', 'exporter' ]), 0, "$rule->{alert}: $query");
}

# Tenants, of which the health of the version table in use says nothing
my $tenants = new_database($node, 'tenants');
sql($node, $tenants, <<'SQL');
SELECT migrate_register('a1', 'CREATE TABLE t (i int)', 'DROP TABLE t');
SELECT migrate_register('a2', 'CREATE INDEX CONCURRENTLY t_i ON t (i); SELECT 1 / (SELECT count(*) FROM t)', 'SELECT 1', '{a1}');
CREATE SCHEMA tenant_1;
CREATE SCHEMA tenant_2;
CREATE SCHEMA tenant_3;
CREATE SCHEMA tenant_4;
CREATE TABLE tenant_2.t ();
CALL migrate_deploy('a1', schemas => '{tenant_1,tenant_3,tenant_4}');
SQL
$node->psql($tenants, "CALL migrate_deploy('a2', schemas => '{tenant_1,tenant_2}')", stderr => \my $failure);
like($failure, qr/"a2" is partial.*"t" already exists/s, 'two of them fail');
sql($node, $tenants, <<'SQL');
GRANT USAGE ON SCHEMA tenant_1, tenant_2, tenant_3 TO exporter;
GRANT SELECT ON tenant_1.migrate_version, tenant_2.migrate_version, tenant_3.migrate_version TO exporter;
SQL
is($node->psql($tenants, $queries->{migrate_tenants}{query}, stdout => \my $counted, extra_params => [ '-U', 'exporter' ]), 0, 'tenants can be asked for');
is($counted, '4|1|1|1|1', 'one is partial, one has failed, one cannot be read, one is behind');
is(sql($node, $tenants, 'SELECT partial, failed FROM migrate.health'), '0|0', 'the health does not say');

# A run that waits
sql($node, $db, q{SELECT migrate_register('a3', 'ALTER TABLE t ADD j int', 'SELECT 1', '{a2}')});
my $reader = $node->background_psql($db);
$reader->query_safe('BEGIN; SELECT * FROM t');
my $run = start_sql($node, $db, 'deploy', 'CALL migrate_deploy()');
wait_until($node, $db, q{(SELECT waiting > 1 FROM migrate.health)});
pass('a run that waits');
$reader->quit;
is((finish_sql($run))[1], '', 'it ends');

# What a run is working on is not partial for it: what was interrupted is.
sql($node, $db, q{SELECT migrate_register('a4', 'CREATE INDEX CONCURRENTLY t_i ON t (i)', 'DROP INDEX t_i', '{a3}');
SELECT migrate_register('a5', 'ALTER TABLE t ADD k int', 'SELECT 1', '{a4}')});
my $old = $node->background_psql($db);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$run = start_sql($node, $db, 'build', 'CALL migrate_deploy()');
wait_until($node, $db, q{EXISTS (SELECT FROM migrate.status_details WHERE state = 'partial' AND pid IS NOT NULL)});
is(sql($node, $db, 'SELECT partial FROM migrate.health'), 0, 'while it is built');
my ($pid) = sql($node, $db, q{SELECT pid FROM migrate.status_details WHERE pid IS NOT NULL});
wait_until($node, $db, qq{(SELECT xact_start < now() - interval '1 s' FROM pg_stat_activity WHERE pid = $pid)});
is(sql($node, $db, qq{SET migrate.lock_timeout = '100ms';
SELECT "check", value, advice FROM migrate_doctor_details() WHERE advice ~ '\\m$pid\\M'}), '', 'the doctor ends no run');
sql($node, $db, 'SELECT pg_terminate_backend(pid) FROM migrate.status_details WHERE pid IS NOT NULL');
finish_sql($run);
wait_until($node, $db, '(SELECT partial = 1 FROM migrate.health)');
pass('when it was interrupted');
$old->quit;

done_testing();
