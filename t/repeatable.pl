# Repeatables where something ends in the middle: a body has run and is noted, or
# neither, and the next run tries again.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('repeatable', 'restart_after_crash = on');
my $db = new_database($node, 'app');

sql($node, $db, <<'SQL');
CREATE TABLE sleep (seconds int);
INSERT INTO sleep VALUES (3600);
SELECT migrate_register('c1', 'CREATE TABLE c1 AS SELECT 1', 'DROP TABLE c1 CASCADE');
SELECT count(*) FROM migrate_register_script($script$
-- repeatable: first
-- migrate:up
CREATE OR REPLACE VIEW first AS TABLE c1;
-- repeatable: second
-- depends_on: first
-- migrate:up
CREATE OR REPLACE VIEW second AS TABLE first;
SELECT pg_sleep(seconds) FROM sleep;
$script$);
SQL
my $state = "SELECT concat_ws(',', to_regclass('c1'), to_regclass('first'), to_regclass('second')),
	(SELECT string_agg(version_num, ',') FROM migrate.version),
	(SELECT string_agg(name, ',' ORDER BY name) FROM migrate.repeated),
	(SELECT string_agg(revision || ' ' || state, ',' ORDER BY started) FROM migrate.log)";

foreach my $run ('SELECT migrate_upgrade()', 'CALL migrate_deploy()')
{
	my $session = start_sql($node, $db, 'killed', "$run;");
	my $pid = wait_for_event($node, $session, 'Timeout');
	kill_9($node, $pid);
	finish_sql($session);
	wait_until_up($node);
	is(sql($node, $db, $state), $run =~ /CALL/ ? 'c1,first|c1|first|c1 succeeded,first succeeded' : '|||',
		"kill -9: $run");
	is(advisory_locks($node), '0', 'the lock is free');
}
is(sql($node, $db, 'SELECT revision FROM migrate_plan()'), 'second', 'the other one is pending');
sql($node, $db, 'UPDATE sleep SET seconds = 0');
is(sql($node, $db, 'SELECT migrate_upgrade()'), 'second', 'the next run completes');
is(sql($node, $db, 'SELECT migrate_upgrade()'), '', 'and then there is nothing to do');

# What a dump brings elsewhere has run there.
my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr($db) ]);
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->safe_psql('copy', $dump);
is(sql($node, 'copy', 'SELECT count(*) FROM migrate_plan()'), '0', 'restored: nothing to do');
is(sql($node, 'copy', 'SELECT string_agg(name, $$,$$ ORDER BY name) FROM migrate.repeatable'), 'first,second', 'restored: they are registered');

$node->stop;
done_testing();
