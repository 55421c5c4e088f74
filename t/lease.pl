# Where every node has a scheduler, one of them works, and another one takes
# over when that has hung or ended.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node(
	'lease',
	"shared_preload_libraries = 'migrate,migrate_test_fault'",
	"fault.more_schedulers = 2",
	"migrate.databases = 'app'",
	"migrate.worker_naptime = '1s'");
$node->safe_psql('postgres', 'CREATE DATABASE app');
my $db = 'app';
my $schedulers = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'migrate scheduler'";

sql($node, $db, <<'SQL');
CREATE EXTENSION migrate;
CREATE TABLE t (i int);
SELECT migrate_register('s1', 'INSERT INTO t VALUES (1)', 'DELETE FROM t');
SQL
is(sql($node, $db, "SELECT count(*) FROM ($schedulers) AS s"), '3', 'three schedulers');

# A job that is due later, so that only a scheduler can start it.
sub runs_job
{
	my ($target, $command, $how) = @_;
	my $job = sql($node, $db,
		"SELECT migrate_submit('$target', '$command', run_at => now() + interval '0.2 s')");
	is(ended_job($node, $db, $job, 'state, attempts'), 'succeeded|1', $how);
	return;
}

# The process that holds the lease, after it was renewed at least twice.
sub holder
{
	for (1 .. 2)
	{
		my $expires = sql($node, $db, 'SELECT max(expires) FROM migrate.lease');
		wait_until($node, $db, "SELECT count(*) = 1 FROM migrate.lease"
			  . ($expires ? " WHERE expires > '$expires'" : ''));
	}
	return sql($node, $db, 'SELECT pid FROM migrate.lease');
}

runs_job('head', 'upgrade', 'a server with one scheduler: all of them may work');
is(sql($node, $db, 'SELECT count(*) FROM migrate.lease'), '0', 'and need no lease');

$node->append_conf('postgresql.conf', "migrate.server_type = yugabytedb");
$node->reload;
my $holder = holder();
like($holder, qr/^\d+$/, 'one of them holds the lease');
is(sql($node, $db, "SELECT count(*) FROM ($schedulers) AS s WHERE pid = $holder"), '1', 'a scheduler');
my $taken = sql($node, $db, 'SELECT taken FROM migrate.lease');
is(holder(), $holder, 'and keeps it');
is(sql($node, $db, 'SELECT taken FROM migrate.lease'), $taken, 'since then');
runs_job('base', 'downgrade', 'a job is run once');
is(sql($node, $db, 'SELECT count(*) FROM t'), '0', 'it has done its work');

# A node that hangs is noticed by the clock alone.
is(kill('STOP', $holder), 1, 'the holder hangs');
wait_until($node, $db, "SELECT pid <> $holder FROM migrate.lease");
my $second = holder();
isnt($second, $holder, 'another one holds it now');
runs_job('head', 'upgrade', 'and runs jobs');
is(kill('CONT', $holder), 1, 'the first one continues');
is(holder(), $second, 'it has lost the lease');
is(sql($node, $db, "SELECT count(*) FROM ($schedulers) AS s WHERE pid = $holder"), '1', 'and waits');

# A scheduler that ends is started again as another one.
sql($node, $db, "SELECT pg_terminate_backend($second)");
wait_until($node, $db, "SELECT pid <> $second FROM migrate.lease");
runs_job('base', 'downgrade', 'after the end of the holder');

# It is nothing to take along.
my $dump = $node->safe_psql($db, 'SELECT 1')
  && PostgreSQL::Test::Utils::run_command([
	$node->installed_command('pg_dump'), '-d', $node->connstr($db) ]);
unlike($dump, qr/COPY migrate\.lease/, 'it is in no dump');

$node->stop;
done_testing();
