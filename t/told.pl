# What a person is told when a run fails: by psql, by migrate.log, by the views and
# by the server log.  The expected texts are in t/told.txt, for a reader
# who does not know the code.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('told', 'shared_preload_libraries = migrate',
	"migrate.databases = 'app'", 'migrate.worker_naptime = 1s', 'migrate.max_crashes = 1',
	'migrate.retry_base_delay = 1ms', 'migrate.retry_max_delay = 1ms',
	'max_prepared_transactions = 2', 'restart_after_crash = on', 'log_statement = none', 'log_lock_waits = off', 'log_min_duration_statement = -1');
my $db = new_database($node, 'app');
my %told;
my @names;
my $offset;

# Without what differs from run to run.
sub plain
{
	my ($text) = @_;
	$text =~ s/^psql:\S+:\d+: //mg;
	$text =~ s/(process) (?:with PID )?\d+/$1 PID/gi;
	$text =~ s/(job|migrate_wait)([ (])\d+/$1$2N/g;
	$text =~ s/(pg_terminate_backend|in server process)\(\d+\)/$1(PID)/g;
	$text =~ s/(migrate_cancel|pg_cancel_backend)\(\d+\)/$1(N)/g;
	$text =~ s/pid IN \(\d+\)/pid IN (PID)/g;
	$text =~ s/\bfor \d+ s\b/for N s/g;
	$text =~ s/(after \d+ attempts) in \d+ s/$1/g;
	$text =~ s/\b(transaction|OID|relation|database|tuple) [(]?\d+(?:,\d+[)])?/$1 N/g;
	$text =~ s/\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[-+]\d+| UTC| GMT)?/TIME/g;
	# What 19 adds.
	$text =~ s/^((?:TIME )?(?:\w+_)?context: +)waiting for \w+ on [^\n]*\n\t?/$1/gim;
	$text =~ s/^DETAIL:  Signal sent by .*\n//mg;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/next attempt in \d+ ms/next attempt in N ms/g;
	return $text;
}

sub section
{
	my ($name) = @_;
	push @names, $name;
	$told{$name} = '';
	$offset = -s $node->logfile;
	return;
}

sub add
{
	my ($title, $text) = @_;
	$text =~ s/\s*\z//;
	$told{ $names[-1] } .= "-- $title\n" . plain("$text\n");
	return;
}

# What psql shows of a script.
sub told
{
	my ($script) = @_;
	my ($out, $err);
	$node->psql($db, $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
	return add($script =~ s/^(?:SET .*?; )*//r, "$err\n$out");
}

# The last row of migrate.log, and what is not applied in the two views.
sub kept
{
	add('migrate.log', sql($node, $db, <<'SQL'));
SELECT concat_ws(E'\n', 'state: ' || state, 'attempts: ' || attempts, 'sqlstate: ' || sqlstate, 'error: ' || error,
	'detail: ' || detail, 'hint: ' || hint, 'context: ' || context, 'blocked_by: ' || blocked_by)
  FROM migrate.log ORDER BY started DESC LIMIT 1
SQL
	add('migrate.status', sql($node, $db, "\\a\n\\t off\nSELECT * FROM migrate.status WHERE state <> 'applied'"));
	add('migrate.status_details', sql($node, $db, <<'SQL'));
SELECT concat_ws(E'\n', 'revision: ' || revision, 'state: ' || state, 'partial: ' || partial,
	'failed_error: ' || failed_error, 'failed_context: ' || failed_context, 'refused_error: ' || refused_error,
	'decisions: ' || decisions, 'last_decision: ' || last_decision, 'next_command: ' || next_command)
  FROM migrate.status_details WHERE state <> 'applied'
SQL
	return;
}

# The server log since the section began, of the session that failed.
sub server_log
{
	my $log = slurp_file($node->logfile, $offset);
	my $text = '';
	foreach my $line (split /\n/, $log)
	{
		$line =~ s/^\S+ \S+ \S+ \[\d+\] (?:\S+ )?(?=[A-Z]+:)//;
		next if $line =~ /^STATEMENT|^(?:LOG:  (?:statement|checkpoint|background worker|starting|listening|database|received|server process|terminating|all server|redo|invalid record|automatic)|WARNING:  terminating|DETAIL:  The postmaster|DETAIL:  Failed process|HINT:  In a moment|FATAL:  the database system)/;
		$text .= "$line\n";
	}
	return add('server log', $text);
}

sub register
{
	my ($id, $up, $down, $parent) = @_;
	sql($node, $db, "SELECT migrate_register('$id', \$up\$$up\$up\$, "
		  . (defined $down ? "\$down\$$down\$down\$" : 'NULL') . ", '"
		  . ($parent ? "{$parent}" : '{}') . "', replace => true)");
	return;
}

sql($node, $db, <<'SQL');
CREATE TABLE acc (id int, owner text);
INSERT INTO acc VALUES (1, 'a'), (1, 'b');
CREATE ROLE deployer;
CREATE ROLE oper LOGIN;
CREATE ROLE d2_author;
CREATE ROLE reporting LOGIN;
GRANT deployer TO oper;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_upgrade TO d2_author, deployer;
GRANT USAGE ON SCHEMA migrate TO deployer;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO deployer;
GRANT pg_read_all_settings TO deployer;
SQL

section('nothing fails');
register('d1', 'CREATE TABLE d1 (i int)', 'DROP TABLE d1');
register('d2', 'SELECT 1', 'SELECT 1', 'd1');
told('CALL migrate_deploy()');
told('CALL migrate_deploy()');
told("CALL migrate_revert('d1')");

section('an error while a body runs');
register('d2', "INSERT INTO d1 VALUES (1);\nSELECT 1 / (i - 1) FROM d1;", '', 'd1');
told('CALL migrate_deploy()');
kept();
server_log();
told('SELECT migrate_upgrade()');
told('BEGIN; SELECT migrate_upgrade()');

section('the database has what the revision makes');
register('d2', 'CREATE TABLE acc (id int)', '', 'd1');
told('CALL migrate_deploy()');
told('SELECT migrate_upgrade()');
told("SELECT migrate_stamp('d2')");
told("SELECT migrate_stamp('d1')");

section('a downgrade that cannot run');
register('d2', 'SELECT 1', 'DROP TABLE gone', 'd1');
sql($node, $db, 'CALL migrate_deploy()');
told("CALL migrate_revert('d1')");
told("SELECT migrate_downgrade('base')");
kept();
told("SELECT migrate_stamp('d1')");

section('a downgrade that there is not');
sql($node, $db, "SELECT migrate_register('d2', 'SELECT 1', NULL, '{d1}', replace => true); SELECT migrate_register('side', '', '', '{d1}')");
sql($node, $db, "CALL migrate_deploy('heads')");
told("CALL migrate_revert('d2\@d1')");
told("SELECT migrate_stamp(ARRAY['side'], purge => true)");
sql($node, $db, "SELECT migrate_stamp('d2')");
sql($node, $db, "CALL migrate_revert('side\@d1'); SELECT migrate_unregister('side')");
told("CALL migrate_revert('-1')");
told("CALL migrate_revert('-7')");
told("SELECT migrate_stamp('d1')");

section('a syntax error');
told(q(SELECT migrate_register('d9', 'SELECT 1; CREATE TABEL x (i int)')));
register('d2', "DO \$\$ BEGIN\n  EXECUTE 'CREATE TABEL x ()';\nEND \$\$", '', 'd1');
told('CALL migrate_deploy()');

section('a wrong search_path');
register('d2', "SET search_path = audit;\nUPDATE acc SET owner = 'c'", '', 'd1');
sql($node, $db, 'CREATE SCHEMA audit');
told('CALL migrate_deploy()');
kept();

section('no privilege');
register('d2', "UPDATE acc SET owner = 'c'", '', 'd1');
told("SET ROLE deployer; CALL migrate_deploy()");
kept();

section('SET ROLE was forgotten');
told('SET SESSION AUTHORIZATION oper; CALL migrate_deploy()');
told('SET SESSION AUTHORIZATION oper; SELECT migrate_upgrade()');
sql($node, $db, 'GRANT deployer TO d2_author; ALTER ROLE oper NOINHERIT');
register('d2', "SELECT 1", '', 'd1');
sql($node, $db, "SET ROLE d2_author; SELECT migrate_register('d2', 'SELECT 1', '', '{d1}', replace => true)");
sql($node, $db, 'ALTER ROLE oper INHERIT');
told('SET SESSION AUTHORIZATION oper; CALL migrate_deploy()');
sql($node, $db, "SELECT migrate_unregister('d2')");

section('a session that the role may neither see nor end');
sql($node, $db, 'CREATE TABLE mine (i int); ALTER TABLE mine OWNER TO deployer; GRANT SELECT ON mine TO reporting');
register('d2', 'ALTER TABLE mine ADD COLUMN added int', '', 'd1');
my $other = $node->background_psql($db, extra_params => [ '-U', 'reporting' ]);
$other->query_safe('BEGIN; SELECT FROM mine;');
wait_until($node, $db, "SELECT clock_timestamp() - xact_start > interval '1 s' FROM pg_stat_activity WHERE state = 'idle in transaction'");
told("SET SESSION AUTHORIZATION oper; SET ROLE deployer; SET migrate.blocker_wait = '1s'; CALL migrate_deploy()");
$other->quit;

section('a disk that is full');
register('d2', "CREATE TABLE big (i int);\nDO \$\$ BEGIN RAISE disk_full USING MESSAGE = 'could not extend file \"base/1/2\": No space left on device', HINT = 'Check free disk space.'; END \$\$", '', 'd1');
told('CALL migrate_deploy()');
kept();

section('an older transaction');
register('d2', "SELECT 1;\nALTER TABLE acc ADD COLUMN added int", '', 'd1');
my $reader = $node->background_psql($db);
$reader->query_safe('BEGIN; SELECT FROM acc;');
wait_until($node, $db, "SELECT clock_timestamp() - xact_start > interval '1 s' FROM pg_stat_activity WHERE state = 'idle in transaction'");
told("SET migrate.blocker_wait = '1s'; CALL migrate_deploy()");
kept();
server_log();
told("SET migrate.blocker_wait = '1s'; SELECT migrate_upgrade()");

section('a lock timeout');
told("SET migrate.blocker_wait = 0; SET migrate.max_attempts = 2; CALL migrate_deploy()");
kept();
server_log();
told("SET migrate.blocker_wait = 0; SET migrate.max_attempts = 2; SELECT migrate_upgrade()");

section('a statement_timeout');
told("SET migrate.lock_timeout = 0; SET statement_timeout = '500ms'; CALL migrate_deploy('d2')");
kept();
$reader->quit;

section('a lock of a prepared transaction');
$node->psql($db, "BEGIN; UPDATE acc SET owner = 'x'; PREPARE TRANSACTION 'gone'");
register('d2', "UPDATE acc SET owner = 'y'", '', 'd1');
told("SET migrate.blocker_wait = 0; SET migrate.max_attempts = 1; CALL migrate_deploy()");
sql($node, $db, "ROLLBACK PREPARED 'gone'");

section('a deadlock');
register('d2', "DO \$\$ BEGIN RAISE deadlock_detected USING MESSAGE = 'deadlock detected', DETAIL = 'Process 1 waits for ShareLock on transaction 2; blocked by process 3.'; END \$\$", '', 'd1');
told("SET migrate.max_attempts = 2; CALL migrate_deploy()");
kept();

section('another run holds the lock');
register('d2', 'SELECT pg_sleep(3600)', '', 'd1');
my $holder = start_sql($node, $db, 'holder', 'CALL migrate_deploy()');
my $holder_pid = wait_for_event($node, $holder, 'Timeout');
told('SET migrate.lock_wait = 0; CALL migrate_deploy()');
sql($node, $db, "SELECT pg_cancel_backend($holder_pid)");
finish_sql($holder);
my $worker = sql($node, $db, 'SELECT migrate_submit()');
wait_until($node, $db, "SELECT count(*) = 1 FROM migrate.jobs_details AS j JOIN pg_stat_activity AS a USING (pid) WHERE j.job = $worker AND a.wait_event = 'PgSleep'");
told('SET migrate.lock_wait = 0; CALL migrate_deploy()');
sql($node, $db, "SELECT migrate_cancel($worker)");
wait_until($node, $db, "SELECT state = 'cancelled' FROM migrate.jobs_details WHERE job = $worker");
my $open = $node->background_psql($db);
$open->query_safe("BEGIN; SELECT migrate_stamp('d1');");
told('SET migrate.lock_wait = 0; CALL migrate_deploy()');
$open->quit;

section('terminated');
register('d2', "CREATE TABLE d2 (i int);\nSELECT pg_sleep(3600)", '', 'd1');
my $run = start_sql($node, $db, 'doomed', 'CALL migrate_deploy()');
my $pid = wait_for_event($node, $run, 'Timeout');
sql($node, $db, "SELECT pg_terminate_backend($pid)");
my (undef, $errors) = finish_sql($run);
add('CALL migrate_deploy()', $errors);
kept();
server_log();

section('cancelled');
$run = start_sql($node, $db, 'cancelled', 'CALL migrate_deploy()');
$pid = wait_for_event($node, $run, 'Timeout');
sql($node, $db, "SELECT pg_cancel_backend($pid)");
finish_sql($run);
add('CALL migrate_deploy()', join "\n", grep { !/^LOCATION/ } split /\n/, $run->{err});
kept();

section('a duplicate key under a unique index that is built concurrently');
my $body = "CREATE TABLE d2 (i int);\nCREATE UNIQUE INDEX CONCURRENTLY acc_id ON acc (id);\nINSERT INTO d2 VALUES (1);";
my $down = 'DROP INDEX CONCURRENTLY IF EXISTS acc_id; DROP TABLE IF EXISTS d2';
register('d2', $body, $down, 'd1');
told('CALL migrate_deploy()');
kept();
told('SELECT migrate_upgrade()');
told("CALL migrate_revert('base')");

section('a run that is refused does not hide why the one before failed');
told('SET ROLE deployer; CALL migrate_deploy()');
kept();

section('partial: skip');
told("SELECT migrate_resolve('d2', 'skip')");
kept();
told('CALL migrate_deploy()');
add('migrate.status', sql($node, $db, "\\a\n\\t off\nSELECT revision, state, note FROM migrate.status"));
add('migrate.status_details', sql($node, $db, "SELECT decisions FROM migrate.status_details WHERE revision = 'd2'"));

section('partial: resume');
sql($node, $db, "CALL migrate_revert('d1')");
told('CALL migrate_deploy()');
sql($node, $db, "DELETE FROM acc WHERE owner = 'b'");
told('CALL migrate_deploy()');
sql($node, $db, "CALL migrate_revert('d1'); INSERT INTO acc VALUES (1, 'b')");

section('partial: abandon');
$node->psql($db, 'CALL migrate_deploy()');
told("SELECT migrate_resolve('d2', 'abandon')");
add('migrate.status', sql($node, $db, "\\a\n\\t off\nSELECT revision, state, note FROM migrate.status"));

section('partial: finish, and back');
sql($node, $db, 'DROP TABLE d2');
told('CALL migrate_deploy()');
told("SELECT migrate_resolve('d2', 'finish')");
add('migrate.status', sql($node, $db, "\\a\n\\t off\nSELECT revision, state, note FROM migrate.status"));
told("CALL migrate_revert('d2\@d1')");
add('migrate.status_details', sql($node, $db, "SELECT decisions FROM migrate.status_details WHERE revision = 'd2'"));

section('a statement_timeout when a part is done');
register('d2', "VACUUM acc;\nSELECT pg_sleep(3600)", '', 'd1');
told("SET statement_timeout = '500ms'; CALL migrate_deploy()");
sql($node, $db, "SELECT migrate_resolve('d2', 'abandon')");

section('killed');
register('d2', "VACUUM acc;\nCREATE TABLE d2 (i int);\nSELECT pg_sleep(3600)", '', 'd1');
$run = start_sql($node, $db, 'killed', 'CALL migrate_deploy()');
$pid = wait_for_event($node, $run, 'Timeout');
crash($node, $pid);
(undef, $errors) = finish_sql($run);
add('migrate.status', sql($node, $db, "\\a\n\\t off\nSELECT * FROM migrate.status WHERE state <> 'applied'"));
told('SELECT migrate_upgrade()');
sql($node, $db, "SELECT migrate_resolve('d2', 'abandon')");

section('killed while it builds an index');
sql($node, $db, 'CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN $1; END $$');
register('d2', 'CREATE INDEX CONCURRENTLY acc_slow ON acc (slow(id))', '', 'd1');
sql($node, $db, "INSERT INTO acc VALUES (9, 'z')");
$run = start_sql($node, $db, 'killed', 'CALL migrate_deploy()');
$pid = wait_for_event($node, $run, 'Timeout');
crash($node, $pid);
finish_sql($run);
add('migrate_doctor()', sql($node, $db, "SELECT finding FROM migrate_doctor() WHERE finding ~ '^(invalid indexes|partial):'"));
sql($node, $db, "SELECT migrate_resolve('d2', 'abandon')");
add('migrate_doctor()', sql($node, $db, "SELECT finding FROM migrate_doctor() WHERE finding ~ '^(invalid indexes|partial):'"));
sql($node, $db, 'DROP INDEX acc_slow');
register('d2', "VACUUM acc;\nCREATE TABLE d2 (i int);\nSELECT pg_sleep(3600)", '', 'd1');

section('a worker that is killed');
my $job = sql($node, $db, 'SELECT migrate_submit()');
wait_until($node, $db, "SELECT count(*) = 1 FROM migrate.jobs_details AS j JOIN pg_stat_activity AS a USING (pid) WHERE j.job = $job AND a.wait_event = 'PgSleep'");
crash($node, sql($node, $db, "SELECT pid FROM migrate.jobs_details WHERE job = $job"));
wait_until($node, $db, "SELECT state = 'failed' FROM migrate.jobs_details WHERE job = $job");
told("CALL migrate_wait($job)");
sql($node, $db, "SELECT migrate_resolve('d2', 'abandon')");

section('a job that is cancelled');
$job = sql($node, $db, 'SELECT migrate_submit()');
wait_until($node, $db, "SELECT count(*) = 1 FROM migrate.jobs_details AS j JOIN pg_stat_activity AS a USING (pid) WHERE j.job = $job AND a.wait_event = 'PgSleep'");
sql($node, $db, "SELECT migrate_cancel($job)");
told("CALL migrate_wait($job)");
sql($node, $db, "SELECT migrate_resolve('d2', 'abandon')");

section('a job that fails');
register('d2', 'SELECT 1 / 0', '', 'd1');
$job = sql($node, $db, 'SELECT migrate_submit()');
told("CALL migrate_wait($job)");

section('not approved');
told('SET migrate.require_approval = on; CALL migrate_deploy()');
register('d2', 'SELECT 1', '', 'd1');
foreach my $setting ('on', 'off')
{
	sql($node, $db, "ALTER DATABASE app SET migrate.require_approval = $setting");
	add("migrate.health, $setting", sql($node, $db, "\\a\n\\t off\nSELECT * FROM migrate.health"));
	add("migrate.status, $setting", sql($node, $db, "\\a\n\\t off\nSELECT * FROM migrate.status WHERE state <> 'applied'"));
}
register('d2', 'SELECT 1 / 0', '', 'd1');

section('a row that names no revision');
sql($node, $db, "INSERT INTO migrate.version VALUES ('alien')");
told('CALL migrate_deploy()');
add('migrate.status', sql($node, $db, "\\a\n\\t off\nSELECT * FROM migrate.status WHERE state <> 'applied'"));
told('SELECT migrate_is_current()');
add('migrate_doctor()', sql($node, $db, "SELECT finding FROM migrate_doctor() WHERE status = 'problem'"));
sql($node, $db, "DELETE FROM migrate.version WHERE version_num = 'alien'");

section('a schedule that fails');
sql($node, $db, "SELECT migrate_schedule('nightly', '1 day', at => now())");
wait_until($node, $db, "SELECT last_run IS NOT NULL AND NOT EXISTS (SELECT FROM migrate.jobs_details WHERE finished IS NULL) FROM migrate.schedules_details");
add('migrate.schedules_details', sql($node, $db, 'SELECT name, note FROM migrate.schedules_details'));
add('migrate.jobs_details', sql($node, $db, "SELECT state, error, hint FROM migrate.jobs_details WHERE schedule = 'nightly'"));

section('a schedule that waits for approval');
sql($node, $db, "SELECT migrate_unschedule('nightly'); SELECT migrate_register('d2', 'SELECT 2', '', '{d1}', replace => true)");
sql($node, $db, 'ALTER DATABASE app SET migrate.require_approval = on');
sql($node, $db, "SELECT migrate_schedule('weekly', '1 week', at => now())");
wait_until($node, $db, "SELECT last_run IS NOT NULL AND NOT EXISTS (SELECT FROM migrate.jobs_details WHERE finished IS NULL) FROM migrate.schedules_details");
add('migrate.schedules_details', sql($node, $db, 'SELECT name, failures, note FROM migrate.schedules_details'));
add('migrate.jobs_details', sql($node, $db, "SELECT state, error FROM migrate.jobs_details WHERE schedule = 'weekly'"));
add('migrate.health', sql($node, $db, "\\a\n\\t off\nSELECT * FROM migrate.health"));
sql($node, $db, "SELECT migrate_unschedule('weekly')");

$node->stop;

# Compare.
my $file = "$FindBin::RealBin/told.txt";
my $all = join '', map { "=== $_\n$told{$_}\n" } @names;
my %expected = (-e $file ? slurp_file($file) : '') =~ /^=== (.*)\n((?:(?!=== ).*\n)*)/mg;
foreach my $name (@names)
{
	my $expected = $expected{$name} // '';
	$expected =~ s/\n+\z/\n/;
	is($told{$name} =~ s/\n+\z/\n/r, $expected, $name);
}
append_to_file("$PostgreSQL::Test::Utils::log_path/told.txt", $all);
done_testing();
