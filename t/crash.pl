# A backend that dies, and a server that stops, in the middle of a body: after
# recovery nothing is half applied, and the run can be repeated.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('crash', 'restart_after_crash = on');
my $db = new_database($node, 'app');

sql($node, $db, <<'SQL');
CREATE TABLE sleep (seconds int);
INSERT INTO sleep VALUES (0);
SELECT migrate_register('c1', 'CREATE TABLE c1 AS SELECT 1', 'DROP TABLE c1');
SELECT migrate_register('c2', $body$
  CREATE TABLE c2 AS SELECT generate_series(1, 1000);
  SELECT pg_sleep(seconds) FROM sleep;
  CREATE TABLE c3 AS SELECT 3;
$body$, 'DROP TABLE c2, c3', '{c1}');
SQL
my $state = "SELECT concat_ws(',', to_regclass('c1'), to_regclass('c2'), to_regclass('c3')),
	(SELECT string_agg(version_num, ',') FROM migrate.version),
	(SELECT count(*) FROM migrate.log)";

sub start_run
{
	my ($name, $before) = @_;
	my $session = start_sql($node, $db, $name,
		"$before UPDATE sleep SET seconds = 3600; SELECT migrate_upgrade();");
	return ($session, wait_for_event($node, $session, 'Timeout'));
}

# The whole server goes through crash recovery.
my ($session, $pid) = start_run('killed', '');
kill_9($node, $pid);
my (undef, $errors) = finish_sql($session);
wait_until_up($node);
is(sql($node, $db, $state), '||0', 'kill -9: nothing applied');
is(advisory_locks($node), '0', 'kill -9: the lock is free');
is( sql($node, $db, 'UPDATE sleep SET seconds = 0; SELECT migrate_upgrade()'),
	"c1\nc2", 'kill -9: the next run completes');
is(sql($node, $db, $state), 'c1,c2,c3|c2|2', 'kill -9: all of it is there');

# What was committed before is kept.
sql($node, $db, "SELECT migrate_downgrade('c1'); TRUNCATE migrate.log");
($session, $pid) = start_run('killed_second', '');
kill_9($node, $pid);
finish_sql($session);
wait_until_up($node);
is(sql($node, $db, $state), 'c1|c1|0', 'kill -9 after c1: c1 is kept');

# A run that has returned, in a transaction that has not.
sql($node, $db, 'UPDATE sleep SET seconds = 0');
$session = start_sql($node, $db, 'open',
	"BEGIN; SELECT migrate_upgrade();\nSELECT pg_sleep(3600);");
wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity
	WHERE application_name = 'open' AND query LIKE 'SELECT pg_sleep%'");
is(sql($node, $db, 'SELECT migrate_is_current()'), 'f', 'not current before COMMIT');
$node->stop('immediate');
finish_sql($session);
$node->start;
is(sql($node, $db, $state), 'c1|c1|0', 'immediate shutdown: nothing applied');
is(sql($node, $db, 'SELECT migrate_upgrade()'), 'c2', 'the next run completes');

# A fast shutdown ends a run in the middle of it.
sql($node, $db, "SELECT migrate_downgrade('c1'); TRUNCATE migrate.log");
($session, $pid) = start_run('stopped', '');
$node->stop('fast');
(undef, $errors) = finish_sql($session);
like($errors, qr/^57P01/, 'fast shutdown: the error');
$node->start;
is(sql($node, $db, $state), 'c1|c1|0', 'fast shutdown: nothing applied');

$node->stop;
done_testing();
