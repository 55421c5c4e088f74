# What migrate_doctor_details() finds on servers that are set up otherwise: with little
# room, with a standby, with what is left of others, and on YugabyteDB.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub finding
{
	my ($node, $db, $check, $before) = @_;
	return sql($node, $db, ($before // '')
		  . "SELECT status, value FROM migrate_doctor_details() WHERE \"check\" = '$check'");
}

my $node = new_node('doctor',
	"shared_preload_libraries = 'migrate'",
	"migrate.databases = 'app'",
	'max_prepared_transactions = 5',
	"wal_level = logical");
my $db = new_database($node, 'app');

is(finding($node, $db, 'preload'), 'ok|preloaded, the scheduler scans this database', 'preloaded');
my $other = new_database($node, 'elsewhere');
is(finding($node, $other, 'preload'), 'warning|preloaded, but the scheduler does not scan this database',
	'not the database of the scheduler');

sql($node, $db, "CREATE TABLE t (i int); BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left ''over'''");
like(finding($node, $db, 'prepared transactions'), qr/^warning\|1, the oldest since 00:0\d:\d\d: 'left ''over'''$/,
	'a prepared transaction');
is(finding($node, $other, 'prepared transactions'), 'ok|none', 'of another database');
sql($node, $db, "ROLLBACK PREPARED 'left ''over'''");

sql($node, $db, "SELECT pg_create_physical_replication_slot('gone', true)");
like(finding($node, $db, 'slots'), qr/^warning\|1, 1 inactive, at most [\d.]+ \w+ of WAL kept by gone$/, 'a slot without a consumer');
sql($node, $db, "SELECT pg_drop_replication_slot('gone')");

# It takes a minute to be too long.
my $idle = $node->background_psql($db);
$idle->query_safe('BEGIN; SELECT 1 FROM t;');
is(finding($node, $db, 'idle in transaction'), 'ok|none', 'one that has just begun is not idle');
$idle->quit;

# A commit that waits for a standby that is not there is reported, and no session
# waits for ever.
sql($node, $db, "ALTER SYSTEM SET synchronous_standby_names = 'gone'");
$node->reload;
is(finding($node, $db, 'round trip'), 'problem|a commit did not return within 10 s', 'a commit that hangs');
# A session that is cancelled meanwhile leaves no process behind.
my (undef, $errors) = run_sql($node, $db, "SET statement_timeout = '1s'; SELECT * FROM migrate_doctor_details()");
is($errors, '57014: canceling statement due to statement timeout', 'cancelled while it waits');
wait_until($node, $db, q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'migrate doctor'));
pass('the process is ended');
sql($node, $db, "SET synchronous_commit = local; ALTER SYSTEM RESET synchronous_standby_names");
$node->reload;
wait_until($node, $db, "SELECT current_setting('synchronous_standby_names') = ''");

# A standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('doctor_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
like(finding($node, $db, 'lag'), qr/^ok\|1 standby, at most \S+ behind$/, 'a standby');
is(finding($standby, $db, 'round trip'), 'ok|not measured: this server is a standby', 'on the standby: no commit');
is(sql($standby, $db, "SELECT count(*) FROM migrate_doctor_details() WHERE status <> 'ok'"), '0', 'and nothing is wrong');
$standby->stop;
$node->stop;

# No process is free
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
$node->start;
wait_until($node, $db, "SELECT count(*) >= 2 FROM pg_stat_activity WHERE backend_type IN ('logical replication launcher', 'migrate scheduler')");
is(finding($node, $db, 'background workers'), 'problem|2 of max_worker_processes = 2 in use; migrate.max_workers = 2', 'no process is free');
is(finding($node, $db, 'round trip'), 'warning|not measured: no background worker slot is free', 'commits are not timed');
$node->stop;

# YugabyteDB
my $yb = new_node('doctor_yb',
	"shared_preload_libraries = 'migrate_yb_sim,migrate'",
	"yb_sim.server_version = '15.12-YB-2025.2.0.0-b1'");
$db = new_database($yb, 'app');
sql($yb, $db, "SET client_min_messages = error; CREATE EXTENSION yb_sim");
is(finding($yb, $db, 'version'), 'ok|15.12-YB-2025.2.0.0-b1', 'the server names itself');
is(finding($yb, $db, 'server type'), 'ok|yugabytedb', 'and is known');
is(finding($yb, $db, 'server type', 'SET yb_ddl_transaction_block_enabled = on;'), 'ok|yugabytedb_transactional_ddl', 'in both modes');
is(finding($yb, $db, 'nominal'), 'ok|read committed', 'isolation: what it is called');
is(finding($yb, $db, 'effective'), 'ok|repeatable read', 'isolation: what it is');
is(finding($yb, $db, 'effective', 'SET yb_sim.read_committed = on;'), 'ok|read committed', 'isolation: when they are the same');
is(sql($yb, $db, "SELECT count(*), count(*) FILTER (WHERE value LIKE 'not visible%') FROM migrate_doctor_details() WHERE area = 'setting'"),
	'17|7', 'its settings and flags');
is(finding($yb, $db, 'retry_max_backoff'), 'ok|1s', 'with units');
is(sql($yb, $db, "SELECT count(*) FROM migrate_doctor_details() WHERE \"check\" = 'node'"), '3', 'its nodes');
like(finding($yb, $db, 'writing transaction'), qr/^ok\|median/, 'commits are timed');
is(finding($yb, $db, 'yb_enable_advisory_locks', 'SET yb_enable_advisory_locks = off;'), 'problem|off', 'without advisory locks');

$yb->stop;

done_testing();
