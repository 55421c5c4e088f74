# A run that is cancelled, or that runs into a timeout, ends at once, leaves
# nothing, and can be run again by the same session.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('interrupt', "session_preload_libraries = 'migrate_test_fault'");

# What each case starts from: the first of two revisions runs, the second one
# does what the table "behaviour" says.
my $setup = <<'SQL';
CREATE TABLE behaviour (body text);
SELECT migrate_register('i1', 'CREATE TABLE i1 (id int)');
SELECT migrate_register('i2', $body$
  DO $$ BEGIN EXECUTE (SELECT body FROM behaviour); END $$;
$body$, down_revision => '{i1}');
SQL

my %bodies = (
	backoff => "SET migrate.retry_base_delay = '1h';
		SET migrate.retry_max_delay = '1h';
		INSERT INTO behaviour VALUES (\$\$DO 'BEGIN RAISE lock_not_available; END'\$\$);",
	body => "INSERT INTO behaviour VALUES ('SELECT pg_sleep(3600)');",
	# WHEN OTHERS does not catch a cancellation, and neither do we.
	handler => "INSERT INTO behaviour VALUES (\$\$DO '
		BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN OTHERS THEN NULL; END'\$\$);",
	lock => "SET migrate.lock_timeout = 0;
		INSERT INTO behaviour VALUES ('LOCK TABLE gate');",
	wait => "SET migrate.lock_wait = '1h'; INSERT INTO behaviour VALUES ('');");
my %events = (
	backoff => 'Extension',
	body => 'Timeout',
	handler => 'Timeout',
	lock => 'Lock',
	wait => 'Extension');

sub left_of
{
	my ($db) = @_;
	return sql($node, $db, "SELECT to_regclass('i1'), (SELECT count(*) FROM migrate.version),
		(SELECT count(*) FROM migrate.log)");
}

# A database in which the second revision will hang as the case says.
sub prepare
{
	my ($case, $db) = @_;
	new_database($node, $db);
	sql($node, $db, "CREATE TABLE gate (); $setup");
	my $keeper = $node->background_psql($db);
	$keeper->query_safe('BEGIN');
	$keeper->query_safe('LOCK TABLE gate') if $case eq 'lock';
	$keeper->query_safe("SET client_min_messages = warning;
		SELECT migrate_stamp('base')") if $case eq 'wait';
	return $keeper;
}

my $again = "\\echo again\nUPDATE behaviour SET body = 'SELECT 1';\nSELECT migrate_upgrade();\n";

foreach my $case (sort keys %bodies)
{
	# Cancelled.
	my $keeper = prepare($case, "cancel_$case");
	my $session = start_sql($node, "cancel_$case", "cancel_$case",
		"$bodies{$case}\nSELECT migrate_upgrade();\n"
		  . "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();\n"
		  . "SELECT count(*) FROM migrate.version;\n"
		  . "SELECT to_regclass('i1') IS NULL;\n"
		  . $again);
	my $pid = wait_for_event($node, $session, $events{$case});
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	$keeper->query_safe('COMMIT');
	$keeper->quit;
	my ($out, $errors) = finish_sql($session);
	is($errors, '57014: canceling statement due to user request',
		"cancel, $case: the error");
	is($out, "0\n0\nt\nagain\ni1\ni2",
		"cancel, $case: no lock, nothing applied, the next run works");

	# Timed out.
	$keeper = prepare($case, "timeout_$case");
	$session = start_sql($node, "timeout_$case", "timeout_$case",
		"$bodies{$case}\nSET statement_timeout = '100ms';\nSELECT migrate_upgrade();");
	($out, $errors) = finish_sql($session);
	is($errors, '57014: canceling statement due to statement timeout',
		"statement_timeout, $case: the error");
	is(left_of("timeout_$case"), '|0|0',
		"statement_timeout, $case: nothing applied");

	# Terminated, in the same database.
	sql($node, "timeout_$case", 'DELETE FROM behaviour');
	$session = start_sql($node, "timeout_$case", "terminate_$case",
		"$bodies{$case}\nSELECT migrate_upgrade();");
	$pid = wait_for_event($node, $session, $events{$case});
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	($out, $errors) = finish_sql($session);
	like($errors, qr/^57P01: terminating connection/,
		"terminate, $case: the error");
	$keeper->query_safe('COMMIT');
	$keeper->quit;
	wait_until($node, 'postgres', "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
	is(left_of("timeout_$case"), '|0|0', "terminate, $case: nothing applied");
	is( sql($node, "timeout_$case",
			"UPDATE behaviour SET body = 'SELECT 1'; SELECT migrate_upgrade()"),
		"i1\ni2", "terminate, $case: the next run works");
}

# A cancel that comes while a transaction of the failed run commits is pending
# when the run reports its failure: the error of the body is raised all the same,
# and no lock is left in the session.
my $db = new_database($node, 'pending');
sql($node, $db, <<'SQL');
CREATE TABLE t (i int);
SELECT migrate_register('p1', 'CREATE INDEX CONCURRENTLY t_i ON t (i); SELECT 1 / count(*) FROM t',
  'DROP INDEX t_i');
SQL
my $call = "CALL migrate_deploy();\n\\echo :SQLSTATE\n";
my $script = "SET client_min_messages = error; SET fault.kinds = 'commit-end'; SET fault.action = 'cancel';\n";
foreach my $point (1 .. 20)
{
	$script .= "SET fault.at = $point;\n$call"
	  . "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';\n"
	  . "SET fault.at = 0; SELECT migrate_resolve('p1', 'abandon') WHERE EXISTS (SELECT FROM migrate.partial); DROP INDEX IF EXISTS t_i;\n";
}
my ($out) = finish_sql(start_sql($node, $db, 'pending', $script));
like(join(' ', split /\n+/, $out), qr/^(57014 0 ){5,}(22012 0 ?)+$/,
	'a cancel at any commit of a failing run leaves no lock, and too late it does not hide the error');

# A run that is terminated says where it was, in the log and in the server log.
$db = new_database($node, 'terminated');
sql($node, $db, <<'SQL');
CREATE TABLE gate (i int);
CREATE TABLE t (i int);
CREATE SEQUENCE fails;
SELECT migrate_register('t1', 'SELECT 1');
SELECT migrate_register('t2', E'CREATE TABLE t2 ();\nLOCK TABLE gate', '', '{t1}');
SELECT migrate_register('t3', $$LOCK TABLE gate; CREATE INDEX CONCURRENTLY t_i ON t (i)$$, '', '{t2}');
SELECT migrate_register('t4', $$DO 'BEGIN IF nextval(''fails'') = 1 THEN RAISE lock_not_available; END IF; END'$$, '', '{t3}');
SQL
foreach my $case (
	[ 'CALL', 't2', 'gate', 'Lock', "SET default_transaction_read_only = off; CALL migrate_deploy('t2')", 'procedure', 'statement 2 at line 2, attempt 1' ],
	[ 'a function', 't2', 'gate', 'Lock', "SELECT migrate_upgrade('t2')", undef, 'statement 2 at line 2, attempt 1' ],
	[ 'a worker', 't2', 'gate', 'Lock', "SELECT migrate_submit('t2')", 'worker', 'statement 2 at line 2, attempt 1' ],
	[ 'an index', 't3', 't', 'Lock', "CALL migrate_deploy('t3')", 'procedure', 'statement 2 at line 1, attempt 1' ],
	[ 'a backoff', 't4', undef, 'Extension', "SET migrate.retry_base_delay = '1h'; SET migrate.retry_max_delay = '1h'; CALL migrate_deploy('t4')", 'procedure', 'statement 1 at line 1, attempt 1' ])
{
	my ($name, $revision, $table, $event, $call, $via, $where) = @$case;
	my $log_start = -s $node->logfile;
	my $keeper = $node->background_psql($db);
	$keeper->query_safe($table ? "BEGIN; LOCK TABLE $table IN SHARE ROW EXCLUSIVE MODE;" : 'SELECT 1');
	my $session = start_sql($node, $db, $name, "SET migrate.lock_timeout = 0; $call");
	my $who = "FROM pg_stat_activity WHERE datname = '$db' AND (application_name = '$name' OR backend_type = 'migrate job')
		AND wait_event_type = '$event'";
	wait_until($node, 'postgres', "SELECT count(*) = 1 $who");
	sql($node, 'postgres', "SELECT pg_terminate_backend(pid) $who");
	like((finish_sql($session))[1], qr/^57P01: /, "terminated, $name: the error") if $name ne 'a worker';
	ok(wait_until_logged($node, $log_start, qr/LOG:  upgrade of revision "$revision" on version table "migrate.version" was terminated\n.*DETAIL:  It had come to $where\. What was not committed is rolled back\./), "terminated, $name: the server log");
	sql($node, $db, 'SELECT migrate_cancel(max(job)) FROM migrate.jobs_details') if $name eq 'a worker';
	$keeper->query_safe('COMMIT;') if $table;
	$keeper->quit;
	wait_until($node, 'postgres', "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
	is( sql($node, $db, "DELETE FROM migrate.log WHERE state = 'failed' RETURNING revision, operation, via, sqlstate, error LIKE 'terminating %', wall_ms > 0,
			revision_hash = (SELECT hash FROM migrate_show(revision)), COALESCE(search_path, 'none') ~ '^(none|\"\$user\", public)\$', COALESCE(blocked_by, 'process') ~ '^process',
			context = regexp_replace('$where', ',', ' of the upgrade of revision \"$revision\",')"),
		$via ? "$revision|upgrade|$via|57P01|t|t|t|t|t|t" : '', "terminated, $name: the log");
	next if $name eq 'CALL' || $name eq 'a function';
	sql($node, $db, "CALL migrate_deploy('$revision')");
	is(sql($node, $db, 'SELECT version_num FROM migrate.version'), $revision, "terminated, $name: the next run resumes");
}

# The server sends the signal of a client's cancel request to the process and to its
# group: the second one takes nothing away from what the error says.
$db = new_database($node, 'twice');
sql($node, $db, "SELECT migrate_register('c1', 'SELECT pg_sleep(3600)')");
my $told = 0;
foreach (1 .. 30)
{
	my $session = start_sql($node, $db, 'twice', 'CALL migrate_deploy()');
	wait_for_event($node, $session, 'Timeout');
	$session->{run}->signal('INT');
	finish_sql($session);
	if ($session->{err} =~ /DETAIL:  Nothing of the upgrade of revision "c1" is left; .*\nHINT:  To try again: CALL/)
	{
		$told++;
	}
	else
	{
		diag($session->{err});
	}
}
is($told, 30, 'a cancel request of the client');

# A COMMIT that waits for a synchronous standby succeeds when it is cancelled.  The
# run ends before it begins anything else.
foreach my $case (
	[ 'revision', 'CREATE TABLE s1 (id int)', 's1||0' ],
	[ 'segment', 'CREATE TABLE s1 (id int); CREATE INDEX CONCURRENTLY s1_i ON s1 (id)', '||1' ],
	[ 'index', 'CREATE INDEX CONCURRENTLY gate_i ON gate (i)', '||1' ])
{
	my ($name, $body, $expected) = @$case;
	$db = new_database($node, "standby_$name");
	sql($node, $db, "CREATE TABLE gate (i int); CREATE TABLE lock ();
		SELECT migrate_register('s1', \$\$LOCK TABLE lock; $body\$\$);
		SELECT migrate_register('s2', 'CREATE TABLE s2 ()', '', '{s1}')");
	my $keeper = $node->background_psql($db);
	$keeper->query_safe('BEGIN; LOCK TABLE lock;');
	my $session = start_sql($node, $db, $name, "SET migrate.lock_timeout = 0; CALL migrate_deploy()");
	my $pid = wait_for_event($node, $session, 'Lock');
	$node->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = '*'");
	$node->reload;
	wait_until($node, 'postgres', "SELECT current_setting('synchronous_standby_names') = '*'");
	$keeper->query_safe('ROLLBACK;');
	$keeper->quit;
	wait_until($node, 'postgres', "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid");
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	# What would continue does so until here.
	wait_until($node, 'postgres', "SELECT count(*) = 0 OR bool_or(wait_event IS DISTINCT FROM 'SyncRep' OR query_start < now() - interval '2 s')
		FROM pg_stat_activity WHERE pid = $pid");
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET synchronous_standby_names');
	$node->reload;
	($out, my $errors) = finish_sql($session);
	like($session->{err}, qr/WARNING: .*canceling wait for synchronous replication/, "$name: the COMMIT was waiting");
	like($errors, qr/^57014: canceling statement due to user request$/, "$name: the run is cancelled");
	is( sql($node, $db, "SELECT (SELECT version_num FROM migrate.version), to_regclass('s2'),
			(SELECT count(DISTINCT revision) FROM migrate.partial)"), $expected, "$name: what is done stays");
	is(sql($node, $db, "CALL migrate_deploy(); SELECT version_num FROM migrate.version"), 's2', "$name: the next run resumes");
}

$node->stop;
done_testing();
