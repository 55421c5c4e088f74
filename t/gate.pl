# A run stays out of the lock queue while older transactions hold locks in its
# way, and says whose they are.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('gate', 'shared_preload_libraries = migrate', 'max_prepared_transactions = 2');
my $db = new_database($node, 'app');
my $errors;

sql($node, $db, <<'SQL');
CREATE TABLE acc (i int);
CREATE TABLE other (i int);
INSERT INTO acc SELECT generate_series(1, 1000);
SELECT migrate_register('a1', 'SET LOCAL statement_timeout = 0; SELECT 1; ALTER TABLE acc ADD COLUMN c1 int', 'ALTER TABLE acc DROP COLUMN c1');
SELECT migrate_register('a2', 'ALTER TABLE acc ADD COLUMN c2 int', 'ALTER TABLE acc DROP COLUMN c2', '{a1}');
SELECT migrate_register('a3', 'CREATE INDEX acc_i ON acc (i)', 'DROP INDEX acc_i', '{a2}');
SELECT migrate_register('a4', 'VACUUM FULL acc', '', '{a3}');
CREATE ROLE deployer LOGIN;
CREATE ROLE reporting LOGIN;
GRANT SELECT ON acc TO reporting;
SQL

sub progress
{
	my ($columns) = @_;
	return sql($node, $db, "SELECT $columns FROM migrate.progress_details");
}

sub doctor
{
	my ($check) = @_;
	return sql($node, $db, "SELECT status, value FROM migrate_doctor_details() WHERE \"check\" = '$check'");
}

# A session whose transaction is older than lock_timeout.
sub open_transaction
{
	my ($session, $command) = @_;
	$session->query_safe("BEGIN; $command");
	my $pid = $session->query_safe('SELECT pg_backend_pid();');
	wait_until($node, $db, "SELECT xact_start < clock_timestamp() - interval '250 ms' FROM pg_stat_activity WHERE pid = $pid");
	return $pid;
}

# The application is not stopped: nothing waits for a lock, and a reader that
# has no patience gets its own.
sub nothing_is_queued
{
	my ($name) = @_;
	is(sql($node, $db, "SELECT count(*) FROM pg_locks WHERE NOT granted; SET lock_timeout = 1; SELECT count(*) FROM acc"),
		"0\n1000", "$name: nobody is queued");
}

# Waits with nothing held, until the way is free.
my $blocker = $node->background_psql($db);
my $pid = open_transaction($blocker, 'SELECT count(*) FROM acc;');
my $deploy = start_sql($node, $db, 'deploy', "SET client_min_messages = notice; CALL migrate_deploy('a1')");
wait_until_nothing_is_waited_for($deploy);
nothing_is_queued('CALL');
# Seen by others: before which statement it waits, for how long and for whom.
my $who = qr/process $pid \(role \w+, application '[^']*', idle in transaction for \d+ s\), which holds AccessShareLock on table (?:public\.)?acc/;
wait_until($node, $db, "SELECT waiting > interval '1 s' FROM migrate.progress_details");
is(progress('revision, statement, statements, query, statement_elapsed IS NULL, waiting_for, waiting < elapsed'),
	"a1|3|3|ALTER TABLE acc ADD COLUMN c1 int|t|{$pid}|t", 'CALL: its progress');
like(progress('blocked_by'), qr/^$who$/, 'CALL: its progress says who blocks it');
like(sql($node, $db, 'SELECT waiting_for, query FROM migrate.progress'), qr/^$pid \([1-9]\d* s\)\|ALTER TABLE a$/, 'CALL: in 80 columns');
like(doctor('waiting runs'), qr/^warning\|process \d+ \(upgrade of revision "a1", statement 3 of 3\), for \d+ s, blocked by $who$/, 'CALL: the doctor knows it');
like(doctor('blockers'), qr/^warning\|in the way of pending revisions: $who$/, 'CALL: and that others would wait');
is(sql($node, $db, 'CREATE ROLE outsider; SET ROLE outsider; SELECT value ~ $$blocked by process \d+$$ FROM migrate_doctor_details() WHERE "check" = $$waiting runs$$'),
	't', 'CALL: a role that may not see all sessions sees the process only');
$blocker->query_safe('COMMIT;');
(undef, $errors) = finish_sql($deploy);
is($errors, '', 'CALL: gets through');
like($deploy->{err}, qr/NOTICE:  \w{5}: upgrade of revision "a1" waits for older transactions
DETAIL:  Blocked by process $pid \(role \w+, application '[^']*', idle in transaction for \d+ s\), which holds AccessShareLock on table public.acc\. Nothing is locked meanwhile\.
HINT:  To end what blocks it: SELECT pg_terminate_backend\($pid\);/, 'CALL: who is in the way');
is( () = $deploy->{err} =~ /waits for older transactions/g, 1, 'CALL: said once');
like(sql($node, $db, "SELECT attempts, error, blocked_by FROM migrate.log WHERE revision = 'a1'"),
	qr/^1\|\|process $pid /, 'CALL: in one attempt, and who it was is in the log');
is(sql($node, $db, "SELECT lock_wait_ms BETWEEN 1000 AND wall_ms FROM migrate.log WHERE revision = 'a1'"), 't', 'CALL: the wait is one for locks');
is(sql($node, $db, "SELECT lock_wait > interval '1 s' FROM migrate.resource_usage_details WHERE revision = 'a1'"), 't', 'CALL: in migrate.resource_usage, too');
like(doctor('long revisions'), qr/at the median of the log \(\d{1,3}\.\d ms\)/, 'CALL: and no time of the revision');
is(doctor('waiting runs'), 'ok|none', 'CALL: no run waits');
like(doctor('blockers'), qr/^ok\|/, 'CALL: nothing is in the way');

# Gives up after its time, with nothing done.
$pid = open_transaction($blocker, 'SELECT count(*) FROM acc;');
(undef, $errors) = finish_sql($deploy = start_sql($node, $db, 'impatient', "SET migrate.blocker_wait = '1s'; CALL migrate_deploy('a2')"));
is($errors, '55P03: could not begin the upgrade of revision "a2", because older transactions hold locks that it needs', 'gives up');
like($deploy->{err}, qr/DETAIL:  It has waited for 1 s, as migrate\.blocker_wait says\.
Nothing of the upgrade of revision "a2" is left; the database is at "a1"\. Blocked by process $pid \(/, 'gives up: the state of the database');
like($deploy->{err}, qr/HINT:  To end what blocks it: SELECT pg_terminate_backend\($pid\);\nTo try again: CALL migrate_deploy\('a2'\);/, 'gives up: what to do');
like(sql($node, $db, "SELECT sqlstate, blocked_by FROM migrate.log WHERE revision = 'a2'"), qr/^55P03\|process $pid /, 'gives up: the log');

# A worker, with the setting of the session that submits the job.
my $job = sql($node, $db, "SET migrate.blocker_wait = '1s'; SELECT migrate_submit('a2')");
is(ended_job($node, $db, $job, 'state, sqlstate'), 'failed|55P03', 'worker: gives up');

# The function keeps what it has locked, and says so.
$deploy = start_sql($node, $db, 'function', "SET client_min_messages = notice; BEGIN; LOCK TABLE other; SELECT migrate_upgrade('a2'); COMMIT");
wait_for_event($node, $deploy, 'Extension');
nothing_is_queued('function');
$blocker->query_safe('COMMIT;');
(undef, $errors) = finish_sql($deploy);
is($errors, '', 'function: gets through');
like($deploy->{err}, qr/DETAIL:  Blocked by process $pid .* This transaction keeps the locks that it has\./, 'function: says what it holds');

# Whoever waits for the function's transaction would wait for ever.
$pid = open_transaction($blocker, 'SELECT count(*) FROM acc;');
$deploy = start_sql($node, $db, 'holder', "BEGIN; LOCK TABLE other; SELECT pg_sleep(0.3);\\! true\nSELECT migrate_downgrade('a1'); ROLLBACK");
wait_for_event($node, $deploy, 'Extension');
$blocker->{stdin} .= "LOCK TABLE other;\n";
$blocker->{run}->pump_nb;
(undef, $errors) = finish_sql($deploy);
is($errors, '55P03: could not begin the downgrade of revision "a2", because the holder of a lock that it needs waits for this transaction', 'function: does not wait for who waits for it');
like($deploy->{err}, qr/HINT:  The procedure holds nothing while it waits: CALL migrate_revert\('a1'\);/, 'function: what can wait');
$blocker->query_safe('ROLLBACK;');

# Writers are in the way of an index, readers are not.
$pid = open_transaction($blocker, 'SELECT count(*) FROM acc;');
is(sql($node, $db, "CALL migrate_deploy('a3'); SELECT blocked_by IS NULL FROM migrate.log WHERE revision = 'a3'"), 't', 'a reader is not in the way of an index');
$blocker->query_safe('COMMIT;');
$pid = open_transaction($blocker, 'INSERT INTO acc VALUES (0);');
(undef, $errors) = run_sql($node, $db, "SET migrate.blocker_wait = '500ms'; CALL migrate_revert('a2')");
like($errors, qr/^55P03: could not begin the downgrade of revision "a3"/, 'a writer is');

# A statement that cannot run inside a transaction block.
(undef, $errors) = run_sql($node, $db, "SET migrate.blocker_wait = '500ms'; CALL migrate_deploy('a4')");
like($errors, qr/^55P03: could not begin the upgrade of revision "a4"/, 'VACUUM FULL');
is(sql($node, $db, 'SELECT count(*) FROM migrate.partial'), '0', 'VACUUM FULL: has not begun');

# A type that is not there yet does not hide what the other statements lock.
sql($node, $db, "SELECT migrate_register('f1', 'CREATE TYPE mood AS ENUM (); ALTER TABLE acc ADD COLUMN f int; DROP FUNCTION IF EXISTS f(mood) CASCADE', '', '{a3}')");
(undef, $errors) = run_sql($node, $db, "SET migrate.blocker_wait = '500ms'; CALL migrate_deploy('f1')");
like($errors, qr/^55P03: could not begin the upgrade of revision "f1"/, 'a function of a type that is made before');
sql($node, $db, "SELECT migrate_unregister('f1')");
$blocker->query_safe('ROLLBACK;');

# Prepared transactions.
sql($node, $db, "BEGIN; SELECT count(*) FROM acc; PREPARE TRANSACTION 'the ''other'''; SELECT pg_sleep(0.3)");
$deploy = start_sql($node, $db, 'prepared', "SET migrate.blocker_wait = '2s'; CALL migrate_revert('a2')");
wait_until($node, $db, "SELECT count(*) = 1 FROM migrate.progress_details WHERE waiting_for = '{0}'");
like(progress('blocked_by'), qr/^prepared transaction 'the ''other''', which holds AccessShareLock on table (?:public\.)?acc$/, 'a prepared transaction: in migrate.progress');
like(sql($node, $db, 'SELECT waiting_for FROM migrate.progress'), qr/^prepared \(\d s\)$/, 'a prepared transaction: in 80 columns');
(undef, $errors) = finish_sql($deploy);
like($errors, qr/^55P03: could not begin/, 'a prepared transaction');
like($deploy->{err}, qr/Blocked by prepared transaction 'the ''other''', which holds AccessShareLock on table public\.acc\./, 'a prepared transaction: its name');
like($deploy->{err}, qr/HINT:  To end what blocks it: ROLLBACK PREPARED 'the ''other''';/, 'a prepared transaction: what ends it');
sql($node, $db, "ROLLBACK PREPARED 'the ''other'''");
# Its name, or that of a role, is no command to the terminal: where the gate, an
# attempt, or the lock of a run meets it.
my $gid = q(E'the \033[2J\nother');
sql($node, $db, "BEGIN; SELECT count(*) FROM acc; PREPARE TRANSACTION $gid; SELECT pg_sleep(0.3)");
$deploy = start_sql($node, $db, 'escape', "SET migrate.blocker_wait = '500ms'; CALL migrate_revert('a2')");
(undef, $errors) = finish_sql($deploy);
like($deploy->{err}, qr/Blocked by prepared transaction 'the \?\[2J\?other'/, 'a control character before an attempt');
unlike($deploy->{err}, qr/\x1b/, 'a control character before an attempt: nowhere else');
sql($node, $db, q(SELECT migrate_register('hidden', 'DO $do$BEGIN EXECUTE ''ALTER TABLE acc ADD h int''; END$do$', '')));
$deploy = start_sql($node, $db, 'escape', "SET migrate.blocker_wait = '500ms'; SET migrate.max_attempts = 1; CALL migrate_deploy('hidden')");
(undef, $errors) = finish_sql($deploy);
like($deploy->{err}, qr/prepared transaction 'the \?\[2J\?other'/, 'a control character in an attempt');
unlike($deploy->{err}, qr/\x1b/, 'a control character in an attempt: nowhere else');
sql($node, $db, "ROLLBACK PREPARED $gid; SELECT migrate_unregister('hidden'); SELECT migrate_register('empty', 'SELECT 1', '')");
sql($node, $db, "BEGIN; SELECT migrate_upgrade('empty'); PREPARE TRANSACTION $gid");
$deploy = start_sql($node, $db, 'escape', "SET migrate.lock_wait = '100ms'; CALL migrate_deploy('empty')");
(undef, $errors) = finish_sql($deploy);
like($deploy->{err}, qr/Blocked by prepared transaction 'the \?\[2J\?other', which holds the lock/, 'a control character at the lock of a run');
unlike($deploy->{err}, qr/\x1b/, 'a control character at the lock of a run: nowhere else');
sql($node, $db, "ROLLBACK PREPARED $gid");
sql($node, $db, "SELECT migrate_unregister('empty')");

# Ends what is idle, after its patience, and nothing else.
my $settings = "SET client_min_messages = warning; SET migrate.terminate_blockers = idle; SET migrate.blocker_patience = '300ms';";
$pid = open_transaction($blocker, 'SELECT count(*) FROM acc;');
$deploy = start_sql($node, $db, 'terminates', "$settings CALL migrate_revert('a2')");
(undef, $errors) = finish_sql($deploy);
is($errors, '', 'idle: is ended');
like($deploy->{err}, qr/WARNING:  \w{5}: terminated process $pid, which blocked the downgrade of revision "a3"/, 'idle: said');
$blocker->{run}->kill_kill;
my $busy = start_sql($node, $db, 'busy', 'BEGIN; SELECT count(*) FROM acc; SELECT pg_sleep(300); COMMIT');
$pid = wait_for_event($node, $busy, 'Timeout');
wait_until($node, $db, "SELECT xact_start < clock_timestamp() - interval '250 ms' FROM pg_stat_activity WHERE pid = $pid");
$deploy = start_sql($node, $db, 'idle only', "$settings SET migrate.blocker_wait = '1s'; CALL migrate_revert('a1')");
(undef, $errors) = finish_sql($deploy);
like($errors, qr/^55P03/, 'idle: one that is active is not ended');
$deploy = start_sql($node, $db, 'all', "$settings SET migrate.terminate_blockers = 'all'; CALL migrate_revert('a1')");
(undef, $errors) = finish_sql($deploy);
is($errors, '', 'all: it is');
(undef, $errors) = finish_sql($busy);
like($errors, qr/^57P01/, 'all: its error');

# Its patience is with each session, and with each transaction of it: one that has
# come into the way later has its time, too.
my $settled = "SET client_min_messages = warning; SET migrate.terminate_blockers = idle; SET migrate.blocker_patience = '4s'; SET migrate.blocker_wait = '30s';";
sql($node, $db, "CALL migrate_deploy('a2')");
my $first = $node->background_psql($db);
my $second = $node->background_psql($db);
my $pid_first = open_transaction($first, 'SELECT count(*) FROM acc;');
my $pid_second = $second->query_safe('SELECT pg_backend_pid();');
$deploy = start_sql($node, $db, 'patient', "$settled CALL migrate_revert('a1')");
wait_until($node, $db, 'SELECT waiting > interval $$1 s$$ FROM migrate.progress_details');
open_transaction($second, 'SELECT count(*) FROM acc;');
$first->query_safe('COMMIT; BEGIN; SELECT count(*) FROM acc;');
wait_until($node, $db, 'SELECT waiting > interval $$4200 ms$$ FROM migrate.progress_details');
is(sql($node, $db, "SELECT count(*) FROM pg_stat_activity WHERE pid IN ($pid_first, $pid_second)"), 2, 'patience: with each of them');
$second->query_safe('COMMIT;');
(undef, $errors) = finish_sql($deploy);
is($errors, '', 'patience: but not for ever');
like($deploy->{err}, qr/terminated process $pid_first,/, 'patience: the one that stays is ended');
unlike($deploy->{err}, qr/terminated process $pid_second,/, 'patience: the other one is not');
$first->{run}->kill_kill;
$second->quit;

# A process that has ended meanwhile.
sql($node, $db, "CREATE OR REPLACE FUNCTION pg_catalog.pg_terminate_backend(pid integer, timeout bigint DEFAULT 0) RETURNS boolean LANGUAGE sql AS 'SELECT false'");
$blocker = $node->background_psql($db);
$pid = open_transaction($blocker, 'SELECT count(*) FROM acc;');
$deploy = start_sql($node, $db, 'ended', "SET client_min_messages = notice; SET migrate.terminate_blockers = idle; SET migrate.blocker_patience = '300ms'; SET migrate.blocker_wait = '1s'; CALL migrate_revert('base')");
(undef, $errors) = finish_sql($deploy);
like($deploy->{err}, qr/NOTICE:  \w{5}: process $pid, which blocked the downgrade of revision "a1", had ended before it could be terminated/, 'ended meanwhile: said');
unlike($deploy->{err}, qr/terminated process/, 'ended meanwhile: not by us');
$blocker->quit;
sql($node, $db, "CREATE OR REPLACE FUNCTION pg_catalog.pg_terminate_backend(pid integer, timeout bigint DEFAULT 0) RETURNS boolean LANGUAGE internal STRICT AS 'pg_terminate_backend'");

# A role that may not see what others do, and may not end them.
sql($node, $db, <<'SQL');
ALTER TABLE acc OWNER TO deployer;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO deployer;
REVOKE EXECUTE ON FUNCTION migrate_guard() FROM deployer;
SELECT migrate_approve(revision, hash) FROM migrate_plan_details('a2');
GRANT USAGE ON SCHEMA migrate TO deployer;
CREATE ROLE monitor;
GRANT deployer, pg_read_all_stats TO monitor;
SQL
$blocker = $node->background_psql($db, extra_params => [ '-U', 'reporting' ]);
$pid = open_transaction($blocker, 'SELECT count(*) FROM acc;');
sql($node, $db, "ALTER DATABASE app SET migrate.terminate_blockers = 'all'; ALTER DATABASE app SET migrate.blocker_patience = 0; ALTER DATABASE app SET migrate.blocker_wait = '1s'");
$deploy = start_sql($node, $db, 'restricted', "SET ROLE deployer; CALL migrate_deploy('a2')");
(undef, $errors) = finish_sql($deploy);
like($errors, qr/^55P03: could not begin/, 'another role: is seen');
like($deploy->{err}, qr/Blocked by process $pid \(role reporting, application '[^']*'\), which holds AccessShareLock/, 'another role: its state is not shown');
like($deploy->{err}, qr/WARNING:  42501: could not end process $pid, which blocks the upgrade of revision "a2": must be a member of the role|permission denied to terminate/, 'another role: is not ended');
is(sql($node, $db, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), '1', 'another role: is there');

# Nor does it learn how old their transactions are, which pg_stat_activity hides.
wait_until($node, $db, "SELECT xact_start < clock_timestamp() - interval '2 s' FROM pg_stat_activity WHERE pid = $pid");
foreach my $role ('deployer', 'monitor')
{
	my ($took, undef) = run_sql($node, $db, <<"SQL");
SET ROLE $role;
SET migrate.lock_timeout = '1500ms';
SET migrate.blocker_wait = '1ms';
SELECT clock_timestamp() AS began \\gset
CALL migrate_deploy('a2');
SELECT clock_timestamp() - :'began' >= interval '1500 ms';
SQL
	$took =~ s/.*\n//s;
	is($took, $role eq 'deployer' ? 't' : 'f', "$role: is told when it can know");
}
$blocker->query_safe('COMMIT;');
$blocker->quit;
sql($node, $db, 'ALTER DATABASE app RESET ALL');
(undef, $errors) = run_sql($node, $db, "LOAD 'migrate'; SET ROLE deployer; SET migrate.terminate_blockers = 'all'");
like($errors, qr/^42501: permission denied to set parameter "migrate.terminate_blockers"/, 'only a superuser can have sessions ended');

# A lock that is met after a wait outside of the queue, and after statements that
# take longer than migrate.blocker_wait, has its time; and what was waited for
# before is not what a later error is about.
sql($node, $db, <<'SQL');
CREATE TABLE late (i int);
SELECT migrate_register('w1', 'LOCK TABLE acc; SELECT pg_sleep(2.5); LOCK TABLE late', '');
SELECT migrate_register('w2', 'SET statement_timeout = ''100ms''; LOCK TABLE acc; SELECT pg_sleep(60)', '');
SQL
my $early = $node->background_psql($db);
my $late = $node->background_psql($db);
my $early_pid = open_transaction($early, 'SELECT count(*) FROM acc;');
$deploy = start_sql($node, $db, 'late', "SET client_min_messages = notice; SET migrate.blocker_wait = '2s'; CALL migrate_deploy('w1')");
wait_until($node, $db, 'SELECT waiting > interval $$500 ms$$ FROM migrate.progress_details');
$early->query_safe('COMMIT;');
wait_for_event($node, $deploy, 'Timeout');
$late->query_safe('BEGIN; SELECT count(*) FROM late;');
wait_until($node, $db, q(SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'late'::regclass));
wait_until($node, $db, 'SELECT count(*) = 0 OR max(attempt) = 2 FROM migrate.progress_details');
$late->query_safe('COMMIT;');
(undef, $errors) = finish_sql($deploy);
is($errors, '', 'a lock after a long statement has its time');
open_transaction($early, 'SELECT count(*) FROM acc;');
$deploy = start_sql($node, $db, 'other cause', "CALL migrate_deploy('w2')");
wait_until($node, $db, 'SELECT waiting > interval $$300 ms$$ FROM migrate.progress_details');
$early->query_safe('COMMIT;');
(undef, $errors) = finish_sql($deploy);
like($errors, qr/^57014: canceling statement due to statement timeout/, 'an error after the wait');
unlike($deploy->{err}, qr/Blocked by process $early_pid|pg_terminate_backend/, 'is not that of the session that was waited for');
$early->quit;
$late->quit;
sql($node, $db, q(CALL migrate_revert('w1-1'); SELECT migrate_unregister(r) FROM unnest(ARRAY['w1', 'w2']) AS r));

# What has taken long is not run again for a lock that is held for a moment.
sql($node, $db, <<'SQL');
CREATE SEQUENCE runs;
CREATE TABLE moment (i int);
SELECT migrate_register('m1', 'SELECT nextval(''runs''); SELECT pg_sleep(1.5); ALTER TABLE moment ADD COLUMN c int', '');
SQL
$deploy = start_sql($node, $db, 'slow', "SET client_min_messages = notice; CALL migrate_deploy('m1')");
wait_for_event($node, $deploy, 'Timeout');
$blocker = $node->background_psql($db);
$blocker->query_safe('BEGIN; SELECT FROM moment;');
$deploy->{run}->pump until $deploy->{err} =~ /by itself/ || !$deploy->{run}->pumpable;
$blocker->query_safe('COMMIT;');
$blocker->quit;
(undef, $errors) = finish_sql($deploy);
is($errors, '', 'a moment: gets through');
like($deploy->{err}, qr/NOTICE:  55P03: statement 3 of the upgrade of revision "m1" is tried again by itself: canceling statement due to lock timeout/, 'a moment: said');
is(sql($node, $db, "SELECT last_value FROM runs UNION ALL SELECT attempts FROM migrate.log WHERE revision = 'm1'"), "1\n1", 'a moment: in one attempt');
sql($node, $db, "SELECT migrate_register('m2', 'SELECT pg_sleep(1.1); ALTER TABLE moment ADD COLUMN c int; ALTER TABLE moment ADD COLUMN d int', '', '{m1}')");
(undef, $errors) = run_sql($node, $db, "CALL migrate_deploy('m2')");
is($errors, '42701: column "c" of relation "moment" already exists', 'another error is not tried again');

# An autovacuum gives way, although lock_timeout is shorter than deadlock_timeout.
sql($node, $db, <<'SQL');
CREATE TABLE big (i int, t text) WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
	autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0, fillfactor = 20);
INSERT INTO big SELECT i, repeat('x', 500) FROM generate_series(1, 5000) AS i;
DELETE FROM big;
SELECT migrate_register('v1', 'ALTER TABLE big ADD COLUMN c int', '');
SQL
# Not earlier: each second a worker for each database is most of what a test does.
$node->append_conf('postgresql.conf', 'autovacuum_naptime = 1s');
$node->reload;
wait_until($node, $db, "SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE relid = 'big'::regclass)");
(undef, $errors) = run_sql($node, $db, "SET migrate.blocker_wait = '20s'; CALL migrate_deploy('v1')");
is($errors, '', 'an autovacuum gives way');
like(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/canceling autovacuum task/, 'because the server cancels it');

$node->stop;
done_testing();

sub wait_until_nothing_is_waited_for
{
	my ($session) = @_;
	my $runner = wait_for_event($node, $session, 'Extension');
	wait_until($node, 'postgres', "SELECT wait_event_type = 'Extension'
			AND backend_xmin IS NULL AND backend_xid IS NULL
			AND NOT EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid
			                 AND locktype NOT IN ('virtualxid', 'advisory'))
		FROM pg_stat_activity AS a WHERE pid = $runner");
	return;
}
