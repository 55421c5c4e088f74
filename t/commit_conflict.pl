# Conflicts that procedures and workers get past, with sessions that really
# conflict: in a body, at the version row, at COMMIT.  What a run holds while
# it waits, and what is left when it is stopped.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('commit', "session_preload_libraries = 'migrate_test_fault'");
my $db = new_database($node, 'app');

sql($node, $db, <<'SQL');
CREATE TABLE gate ();
CREATE TABLE x (i int);
CREATE TABLE y (i int);
INSERT INTO x VALUES (0);
INSERT INTO y VALUES (0);
CREATE TABLE seen (isolation text, started timestamptz DEFAULT now());
CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT migrate_register('a1', 'INSERT INTO seen SELECT current_setting(''transaction_isolation'')', '');
-- held up at the gate, with a snapshot
SELECT migrate_register('b1', $$
  SELECT * FROM x;
  LOCK TABLE gate;
  UPDATE x SET i = i + 1;
  INSERT INTO seen SELECT current_setting('transaction_isolation');
$$, '', '{a1}');
SELECT migrate_register('c1', 'SELECT * FROM x; LOCK TABLE gate', '', '{b1}');
SELECT migrate_register('d1', $$
  INSERT INTO seen SELECT current_setting('transaction_isolation') FROM x;
  UPDATE y SET i = i + 1;
$$, '', '{c1}');
SQL
my $settings = <<'SQL';
SET migrate.version_table = 'public.alembic_version';
SET migrate.lock_timeout = 0;
SET migrate.retry_base_delay = '1ms';
SQL
my $where = "SELECT revision, attempts, state FROM migrate.log ORDER BY started DESC LIMIT 1";

# The other session holds the gate shut, and opens it with a commit.
sub conflict
{
	my ($name, $isolation, $target, $change) = @_;
	my $gate = $node->background_psql($db);
	$gate->query_safe('BEGIN; LOCK TABLE gate;');
	my $session = start_sql($node, $db, $name,
		"$settings SET default_transaction_isolation = '$isolation';
		 CALL migrate_deploy('$target'); SHOW default_transaction_isolation");
	wait_for_event($node, $session, 'Lock');
	$gate->query_safe("$change COMMIT;");
	my ($out, $errors) = finish_sql($session);
	$gate->quit;
	is($errors, '', "$name: no error");
	is($out, $isolation, "$name: the session's isolation level is kept");
	return;
}

sql($node, $db, "$settings CALL migrate_deploy('a1')");
conflict('in_body', 'repeatable read', 'b1', 'UPDATE x SET i = 10;');
is(sql($node, $db, $where), 'b1|2|succeeded', '40001 in a body: tried again');
is(sql($node, $db, 'SELECT i FROM x'), '11', '40001 in a body: on what the other session left');
is(sql($node, $db, 'SELECT isolation FROM seen ORDER BY started DESC LIMIT 1'),
	'repeatable read', '40001 in a body: under the isolation level of the session');

# A write of the version row that changes nothing.
conflict('at_version_row', 'serializable', 'c1',
	'UPDATE alembic_version SET version_num = version_num;');
is(sql($node, $db, $where), 'c1|2|succeeded', '40001 at the version row: tried again');
is(sql($node, $db, 'SELECT version_num FROM alembic_version'), 'c1', '40001 at the version row: the row');

# Each reads what the other writes, and the other one commits first.
my $session = start_sql($node, $db, 'at_commit',
	"$settings SET default_transaction_isolation = 'serializable';
	 SET fault.kinds = 'commit'; SET fault.action = 'wait'; SET fault.at = 1;
	 CALL migrate_deploy('d1'); SHOW fault.count");
wait_for_event($node, $session, 'Extension');
sql($node, $db, "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM y;
	UPDATE x SET i = i + 1; COMMIT");
append_to_file($node->data_dir . '/fault_go', '');
my ($out, $errors) = finish_sql($session);
unlink $node->data_dir . '/fault_go';
is($errors, '', '40001 at COMMIT: no error');
is($out, '2', '40001 at COMMIT: it was the commit that failed');
is(sql($node, $db, $where), 'd1|2|succeeded', '40001 at COMMIT: tried again');
is(sql($node, $db, 'SELECT i FROM y'), '1', '40001 at COMMIT: the body has run once');
is(sql($node, $db, "SELECT count(DISTINCT started) = count(*) FROM seen"), 't',
	'each revision has a time of its own');

# Attempts used up: the original error, a log row, no lock.
sql($node, $db, "SELECT migrate_register('e1', 'DO ''BEGIN RAISE serialization_failure; END''', '', '{d1}')");
$session = start_sql($node, $db, 'used_up',
	"$settings SET migrate.max_attempts = 3; CALL migrate_deploy('e1')");
(undef, $errors) = finish_sql($session);
like($errors, qr/^40001: upgrade of revision "e1" failed after 3 attempts(?: in \d+ s)?: serialization_failure$/, 'used up: the original error');
is(sql($node, $db, $where), 'e1|3|failed', 'used up: logged');
is(advisory_locks($node), '0', 'used up: the lock is free');

# A session that does not take our lock moves the version row meanwhile.
sql($node, $db, "SELECT migrate_unregister('e1');
	SELECT migrate_register('e1', 'SELECT * FROM x; LOCK TABLE gate', '', '{d1}')");
my $gate = $node->background_psql($db);
$gate->query_safe('BEGIN; LOCK TABLE gate;');
$session = start_sql($node, $db, 'elsewhere',
	"$settings SET default_transaction_isolation = 'repeatable read'; CALL migrate_deploy('e1')");
wait_for_event($node, $session, 'Lock');
$gate->query_safe("UPDATE alembic_version SET version_num = 'b1'; COMMIT;");
(undef, $errors) = finish_sql($session);
$gate->quit;
like($errors, qr/^55000: upgrade of revision "e1" failed after 2 attempts(?: in \d+ s)?: version table "public.alembic_version" was changed during this run/,
	'moved by another session: refused');
is(sql($node, $db, 'SELECT version_num FROM alembic_version'), 'b1', 'moved by another session: left alone');
sql($node, $db, "UPDATE alembic_version SET version_num = 'd1'");

# Between two attempts nothing is held but the advisory locks.
sub backoff
{
	my ($name) = @_;
	$gate = $node->background_psql($db);
	$gate->query_safe('BEGIN; LOCK TABLE gate;');
	$session = start_sql($node, $db, $name,
		"$settings SET migrate.blocker_wait = 0; SET migrate.lock_timeout = '10ms'; SET migrate.retry_base_delay = '1h';
		 SET migrate.retry_max_delay = '1h'; CALL migrate_deploy('e1')");
	return wait_for_event($node, $session, 'Extension');
}

my $pid = backoff('backoff');
is( sql($node, $db, "SELECT backend_xmin IS NULL, backend_xid IS NULL, state FROM pg_stat_activity WHERE pid = $pid"),
	't|t|active', 'backoff: no snapshot, no transaction id');
is( sql($node, $db, "SELECT string_agg(DISTINCT locktype || ' ' || mode, ', ' ORDER BY locktype || ' ' || mode)
		FROM pg_locks WHERE pid = $pid AND NOT (locktype = 'virtualxid')"),
	'advisory ExclusiveLock, advisory ShareLock', 'backoff: no lock but those of the run');
sql($node, $db, "SELECT pg_cancel_backend($pid)");
(undef, $errors) = finish_sql($session);
like($errors, qr/^57014/, 'backoff: cancelled');
is(advisory_locks($node), '0', 'backoff: cancelled, the lock is free');
is(sql($node, $db, 'SELECT state, sqlstate FROM migrate.log ORDER BY started DESC LIMIT 1'),
	'failed|57014', 'backoff: cancelled, logged');
$gate->query_safe('COMMIT;');
$gate->quit;
$pid = backoff('terminated');
sql($node, $db, "SELECT pg_terminate_backend($pid)");
(undef, $errors) = finish_sql($session);
like($errors, qr/^57P01/, 'backoff: terminated');
wait_until($node, $db, "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') = 0");
$gate->query_safe('COMMIT;');
$gate->quit;
sql($node, $db, "$settings CALL migrate_deploy('e1')");
is(sql($node, $db, 'SELECT version_num FROM alembic_version'), 'e1', 'the next run completes');

# A wait that only the log tells of.
sql($node, $db, "SELECT migrate_register('f1', 'LOCK TABLE gate', '', '{e1}')");
$gate = $node->background_psql($db);
$gate->query_safe('BEGIN; LOCK TABLE gate;');
$session = start_sql($node, $db, 'waits', "$settings CALL migrate_deploy('f1')");
$pid = wait_for_event($node, $session, 'Lock');
wait_until($node, $db, "SELECT clock_timestamp() > waitstart + interval '300 ms' FROM pg_locks WHERE pid = $pid AND NOT granted");
$gate->query_safe('COMMIT;');
finish_sql($session);
$gate->quit;
is(sql($node, $db, "SELECT lock_wait_ms BETWEEN 200 AND wall_ms + 20 FROM migrate.log WHERE revision = 'f1'"),
	't', 'the log tells how long it waited for locks');

# Eight at once: one works, the others find nothing to do.
sql($node, $db, "SELECT migrate_register_script(\$script\$"
	  . chain('z', 20, sub { "INSERT INTO seen VALUES ('z$_[0]'); SELECT pg_sleep(0.01);" })
	  . '$script$)');
my @sessions = map { start_sql($node, $db, "deploy$_", "$settings CALL migrate_deploy('z20')") } 1 .. 8;
my @errors = map { my (undef, $e) = finish_sql($_); $e } @sessions;
is(join('', @errors), '', 'eight at once: no error');
is(sql($node, $db, "SELECT count(*), count(DISTINCT isolation) FROM seen WHERE isolation LIKE 'z%'"),
	'20|20', 'eight at once: each revision once');
is(sql($node, $db, "SELECT count(DISTINCT run) FROM migrate.log WHERE revision LIKE 'z%'"),
	'1', 'eight at once: one run');
is(advisory_locks($node), '0', 'eight at once: the lock is free');

# What the caller has done before the CALL is committed first, and never taken for
# work of the run that is repeated: its error ends the CALL.
sql($node, $db, <<'SQL');
CREATE TABLE par (id int PRIMARY KEY);
INSERT INTO par VALUES (1);
CREATE TABLE chi (id int REFERENCES par DEFERRABLE INITIALLY DEFERRED);
SELECT migrate_register('y1', 'CREATE TABLE y1 (i int)', '', '{z20}');
SQL
my $holder = start_sql($node, $db, 'holder', 'BEGIN; SELECT FROM par FOR UPDATE; SELECT pg_sleep(3600)');
wait_for_event($node, $holder, 'Timeout');
(undef, my $caller_errors) = finish_sql(start_sql($node, $db, 'caller',
	"SET lock_timeout = '100ms'; DO \$\$BEGIN INSERT INTO chi VALUES (1); CALL migrate_deploy('y1'); END\$\$"));
like($caller_errors, qr/^55P03/, 'a conflict of what the caller has done is an error');
is(sql($node, $db, "SELECT to_regclass('y1') IS NULL, (SELECT count(*) FROM chi)"), 't|0', 'and nothing was run');
sql($node, $db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'");
finish_sql($holder);

$node->stop;
done_testing();
