# Statements that cannot run inside a transaction block, killed at the worst
# moment or run beside other sessions: nothing of the others is taken for their
# effect, and nothing of the others is dropped.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('outcome', 'restart_after_crash = on', 'deadlock_timeout = 100ms',
	'allow_in_place_tablespaces = on', 'max_prepared_transactions = 2',
	"session_preload_libraries = 'migrate_test_fault'");
my $db = new_database($node, 'app');
my $go = $node->data_dir . '/fault_go';

# A new revision, in a database without others, and the tables t and other.
sub register
{
	my ($body) = @_;
	sql($node, $db, <<"SQL");
DELETE FROM migrate.partial;
DELETE FROM migrate.version;
DELETE FROM migrate.revision;
DROP TABLE IF EXISTS t, other, made;
CREATE TABLE made (i int);
CREATE TABLE t (a int, b int);
INSERT INTO t SELECT g, g FROM generate_series(1, 10) AS g;
CREATE TABLE other AS SELECT * FROM t;
CREATE INDEX t_b ON t (b);
CREATE INDEX other_a ON other (a);
SELECT migrate_register('r', \$body\$$body\$body\$, '');
SQL
	return;
}

# Runs it with a fault; what psql said.
sub run_fault
{
	my ($kinds, $at, $action) = @_;
	expect_crash($node) if $action eq 'kill';
	my (undef, $errors) = run_sql($node, $db,
		"SET fault.kinds = '$kinds'; SET fault.at = $at; SET fault.action = '$action';
		 CALL migrate_deploy();");
	wait_until_up($node) if $action eq 'kill';
	return $errors;
}

# Killed before the statement has done anything, or after it has done all of it.
sub kill_before { return run_fault('statement', $_[0], 'kill') }
sub kill_after { return run_fault('write', $_[0], 'kill') }

# The next CALL: its notices and errors, and where the database is then.
sub resume
{
	my (undef, undef, $stderr) = $node->psql($db, 'CALL migrate_deploy()');
	my @lines = $stderr =~ /^(?:psql:<stdin>:\d+: )?((?:NOTICE|ERROR|DETAIL): .*)$/mg;
	return join("\n", grep { !/upgrade <base>|was interrupted: / } @lines);
}

sub state
{
	return sql($node, $db, q{SELECT concat_ws('; ',
		(SELECT string_agg(concat_ws(' ', c.relname, CASE WHEN NOT i.indisvalid THEN 'INVALID' END,
			regexp_replace(pg_get_indexdef(c.oid), '.* USING btree ', '')), ', ' ORDER BY c.relname)
		   FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
		  WHERE i.indrelid = ANY (ARRAY[to_regclass('t'), to_regclass('other')])),
		(SELECT string_agg(i::text, ' ') FROM made),
		(SELECT 'applied' FROM migrate.version), (SELECT 'partial' FROM migrate.partial LIMIT 1))});
}

# A session that keeps every concurrent build on t from ending.
sub hold
{
	my $session = start_sql($node, $db, 'holder', <<'SQL');
BEGIN;
UPDATE t SET b = b;
SELECT pg_sleep(3600);
SQL
	wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
		WHERE application_name = 'holder' AND query LIKE '%pg_sleep%')");
	return $session;
}

sub give_up
{
	my ($name) = @_;
	sql($node, $db, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '$name'");
	return;
}

# The statement of another session that waits for the holder.
sub start_other
{
	my ($statement) = @_;
	my $session = start_sql($node, $db, 'another', $statement);
	wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
		WHERE application_name = 'another' AND wait_event = 'virtualxid')");
	return $session;
}

my $build = 'INSERT INTO made VALUES (1); CREATE INDEX CONCURRENTLY ti ON t (a); INSERT INTO made VALUES (2)';
my $done = 'resuming the upgrade of revision "r" after statement 2, which has taken effect';
my $unknown = 'revision "r" is partial, and the outcome of statement 2 is unknown';

# The statement fails because another session was faster: it has done nothing.
register($build);
my $session = start_sql($node, $db, 'faster', <<'SQL');
SET fault.kinds = 'statement'; SET fault.action = 'wait'; SET fault.at = 2;
CALL migrate_deploy();
SQL
wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
	WHERE application_name = 'faster' AND wait_event_type = 'Extension')");
sql($node, $db, 'CREATE INDEX ti ON t (b)');
append_to_file($go, '');
is((finish_sql($session))[1], '42P07: relation "ti" already exists', 'a name that was taken meanwhile');
unlink $go;
is(state(), 'other_a (a), t_b (b), ti (b); 1; partial', 'nothing was done');
like(resume(), qr/statement 1\nERROR:  relation "ti" already exists/, 'nor is it by the next run');
sql($node, $db, 'DROP INDEX ti');
resume();
is(state(), 'other_a (a), t_b (b), ti (a); 1 2; applied', 'with the name free it is done');

# An index of that name on other columns, made after the process has died.
foreach my $other ('(b)', '(a) WHERE b > 1', '((a + 1))', '(a DESC)', '(a) INCLUDE (b)', '(a, b)')
{
	register($build);
	kill_before(2);
	sql($node, $db, "CREATE INDEX ti ON t $other");
	like(resume(), qr/ERROR:  \Q$unknown\E/, "ti $other: the outcome is unknown");
}
foreach my $other ('INDEX ti ON other (a)', 'UNIQUE INDEX ti ON t (a)', 'TABLE ti (i int)',
	'INDEX ti ON t USING hash (a)')
{
	register($build);
	kill_before(2);
	sql($node, $db, "CREATE $other");
	like(resume(), qr/ERROR:  \Q$unknown\E/, "$other: the outcome is unknown");
	sql($node, $db, 'DROP TABLE ti') if $other =~ /^TABLE/;
}
sql($node, $db, "SELECT migrate_resolve('r', 'retry')");
like(resume(), qr/ERROR:  relation "ti" already exists/, 'it is not dropped either');

# The very index that is asked for is its effect.
foreach my $body ('(a)', '(lower(a::text) DESC, b) INCLUDE (a) WHERE b > 1 AND a <> 3', 'USING hash (b)')
{
	register("VACUUM t; CREATE INDEX CONCURRENTLY ti ON t $body; INSERT INTO made VALUES (3)");
	kill_after(4);
	like(resume(), qr/\Q$done\E/, "$body: it has taken effect");
	like(state(), qr/3; applied$/, "$body: applied");
}

# Another session builds an index of that name: it is neither dropped nor waited
# for in a queue, where the two would deadlock.
register($build);
kill_before(2);
my $holder = hold();
my $other = start_other('CREATE INDEX CONCURRENTLY ti ON t (a)');
$session = start_sql($node, $db, 'deploy', 'CALL migrate_deploy();');
wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
	WHERE application_name = 'deploy' AND wait_event_type = 'Extension' AND backend_xmin IS NULL)");
sql($node, $db, 'SELECT pg_sleep(0.3)');
give_up('holder');
finish_sql($holder);
is((finish_sql($other))[1], '', 'the build of another session ends well');
is((finish_sql($session))[1], '', 'then the run resumes');
is(state(), 'other_a (a), t_b (b), ti (a); 1 2; applied', 'and takes the index for its own');

# It gives up: what it leaves is repaired.
register($build);
kill_before(2);
$holder = hold();
$other = start_other('CREATE INDEX CONCURRENTLY ti ON t (a)');
$session = start_sql($node, $db, 'deploy', 'CALL migrate_deploy();');
wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
	WHERE application_name = 'deploy' AND wait_event_type = 'Extension' AND backend_xmin IS NULL)");
give_up('another');
give_up('holder');
finish_sql($_) foreach $holder, $other;
is((finish_sql($session))[1], '', 'the build of another session has failed');
is(state(), 'other_a (a), t_b (b), ti (a); 1 2; applied', 'what it left is dropped and built');

# A build on the same table under another name: the statement waits for it
# without a snapshot.
register($build);
$holder = hold();
$other = start_other('CREATE INDEX CONCURRENTLY t_both ON t (a, b)');
$session = start_sql($node, $db, 'deploy', 'CALL migrate_deploy();');
wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
	WHERE application_name = 'deploy' AND wait_event_type = 'Extension' AND backend_xmin IS NULL)");
sql($node, $db, 'SELECT pg_sleep(0.3)');
give_up('holder');
is((finish_sql($_))[1], '', $_->{name}) foreach $other, $session;
finish_sql($holder);
is(state(), 'other_a (a), t_b (b), t_both (a, b), ti (a); 1 2; applied', 'two builds on a table');

# With a lock_timeout it does not wait longer.
register("SET lock_timeout = '100ms'; $build");
$holder = hold();
$other = start_other('CREATE INDEX CONCURRENTLY t_both ON t (a, b)');
is((run_sql($node, $db, 'CALL migrate_deploy();'))[1],
	'55P03: canceling statement due to lock timeout', 'lock_timeout');
give_up('holder');
is((finish_sql($other))[1], '', 'the other build ends well');
finish_sql($holder);

# The other build begins later and waits in the queue: the run may be the one
# that the deadlock ends, and repeats its statement.
register($build);
$holder = hold();
$session = start_sql($node, $db, 'deploy', 'CALL migrate_deploy();');
wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
	WHERE application_name = 'deploy' AND wait_event = 'virtualxid')");
$other = start_sql($node, $db, 'another', 'SET deadlock_timeout = 3600000; CREATE INDEX CONCURRENTLY t_both ON t (a, b)');
wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
	WHERE application_name = 'another' AND wait_event = 'relation')");
give_up('holder');
is((finish_sql($_))[1], '', "a deadlock: $_->{name}") foreach $session, $other;
finish_sql($holder);
is(state(), 'other_a (a), t_b (b), t_both (a, b), ti (a); 1 2; applied', 'after a deadlock both are built');

# A partition that another session is detaching.
my $parted = 'DROP TABLE IF EXISTS p, p1; CREATE TABLE p (a int) PARTITION BY LIST (a);
	CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)';
my $detach = 'ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY';
my $reader = "BEGIN; SELECT FROM p; SELECT pg_sleep(3600)";
my $with_prepared = "BEGIN; SELECT FROM p; PREPARE TRANSACTION 'reader'";
foreach my $what ($reader, $with_prepared)
{
	register("INSERT INTO made VALUES (1); $detach; INSERT INTO made VALUES (2)");
	sql($node, $db, $parted);
	kill_before(2);
	$holder = start_sql($node, $db, 'holder', $what);
	if ($what eq $reader)
	{
		wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
			WHERE application_name = 'holder' AND query LIKE '%pg_sleep%')");
	}
	else
	{
		finish_sql($holder);
	}
	$other = start_sql($node, $db, 'another', $detach);
	wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
		WHERE application_name = 'another' AND wait_event IN ('virtualxid', 'transactionid'))");
	is((run_sql($node, $db, "SET migrate.blocker_wait = '1s'; CALL migrate_deploy();"))[1],
		'55P03: could not run statement 2 of the upgrade of revision "r", because another session works on the same object',
		'migrate.blocker_wait');
	$session = start_sql($node, $db, 'deploy', 'CALL migrate_deploy();');
	wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
		WHERE application_name = 'deploy' AND wait_event_type = 'Extension' AND backend_xmin IS NULL)");
	$what eq $reader ? give_up('holder') : sql($node, $db, "ROLLBACK PREPARED 'reader'");
	is((finish_sql($_))[1], '', "DETACH PARTITION: $_->{name}") foreach $other, $session;
	finish_sql($holder) if $what eq $reader;
	like(state(), qr/1 2; applied$/, 'the detached partition is taken for the effect');
}

# A session that waits for a transaction for another reason, whatever its query
# says, is not waited for.
sql($node, $db, 'CREATE TABLE held (a int); CREATE TABLE detach (a int) PARTITION BY LIST (a);
	CREATE TABLE detach_1 PARTITION OF detach FOR VALUES IN (1)');
$holder = start_sql($node, $db, 'holder', <<'SQL');
BEGIN;
LOCK TABLE held IN ROW EXCLUSIVE MODE;
SELECT FROM detach;
SELECT pg_sleep(3600);
SQL
wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
	WHERE application_name = 'holder' AND query LIKE '%pg_sleep%')");
foreach my $statement ('CREATE INDEX CONCURRENTLY detach_held ON held (a)',
	'ALTER TABLE detach DETACH PARTITION detach_1 CONCURRENTLY')
{
	register("INSERT INTO made VALUES (1); $detach; INSERT INTO made VALUES (2)");
	sql($node, $db, $parted);
	$other = start_other($statement);
	is((run_sql($node, $db, "SET migrate.blocker_wait = '1s'; CALL migrate_deploy();"))[1], '', "$statement of another session");
	like(state(), qr/1 2; applied$/, 'it is not waited for');
	give_up('another');
	finish_sql($other);
}
give_up('holder');
finish_sql($holder);
sql($node, $db, 'DROP TABLE p, p1, held, detach, detach_1');

# What REINDEX leaves on other tables, and of other indexes, is not ours.
foreach my $case (
	[ 'REINDEX INDEX CONCURRENTLY ti', 'other', 'other_a' ],
	[ 'REINDEX INDEX CONCURRENTLY ti', 't', 't_b' ],
	[ 'REINDEX TABLE CONCURRENTLY t', 'other', 'other_a' ])
{
	my ($statement, $table, $index) = @$case;
	register("CREATE INDEX ti ON t (a); $statement; INSERT INTO made VALUES (2)");
	kill_before(2);
	sql($node, $db, "CREATE INDEX ${index}_ccnew ON $table (a);
		UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${index}_ccnew'::regclass");
	like(resume(), qr/^NOTICE:  resuming .* statement 2, which may have been done and is run again$/m, $statement);
	like(state(), qr/${index}_ccnew INVALID .*; 2; applied/, "${index}_ccnew stays");
}
foreach my $statement ('REINDEX INDEX CONCURRENTLY ti', 'REINDEX TABLE CONCURRENTLY t', 'REINDEX SCHEMA CONCURRENTLY public')
{
	register("CREATE INDEX ti ON t (a); $statement; INSERT INTO made VALUES (2)");
	kill_before(2);
	sql($node, $db, "CREATE INDEX ti_ccnew ON t (a);
		UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ti_ccnew'::regclass");
	like(resume(), qr/DROP INDEX CONCURRENTLY public.ti_ccnew/, "$statement: what it has left");
	is(state(), 'other_a (a), t_b (b), ti (a); 2; applied', "$statement: done");
}

# A live REINDEX of the same table is left alone, too.
register('CREATE INDEX ti ON t (a); REINDEX TABLE CONCURRENTLY t; INSERT INTO made VALUES (2)');
kill_before(2);
$holder = hold();
$other = start_other('REINDEX INDEX CONCURRENTLY t_b');
$session = start_sql($node, $db, 'deploy', 'CALL migrate_deploy();');
wait_until($node, $db, "EXISTS (SELECT FROM pg_stat_activity
	WHERE application_name = 'deploy' AND wait_event_type = 'Extension' AND backend_xmin IS NULL)");
give_up('holder');
is((finish_sql($_))[1], '', "REINDEX: $_->{name}") foreach $other, $session;
finish_sql($holder);
is(state(), 'other_a (a), t_b (b), ti (a); 2; applied', 'REINDEX beside another one');

# DROP INDEX CONCURRENTLY has taken effect, and another session has made
# another index of that name.
register('INSERT INTO made VALUES (1); DROP INDEX CONCURRENTLY t_b; INSERT INTO made VALUES (2)');
kill_after(4);
sql($node, $db, 'CREATE INDEX t_b ON t (a)');
like(resume(), qr/ERROR:  \Q$unknown\E\nDETAIL:  .* is another one of that name/, 'DROP INDEX: unknown');
is(state(), 'other_a (a), t_b (a); 1; partial', 'DROP INDEX: the other index stays');
sql($node, $db, 'DROP INDEX t_b');
like(resume(), qr/\Q$done\E/, 'DROP INDEX: without it, it has taken effect');

# Statements that may be run again are not said to have had no effect.
foreach my $statement ('VACUUM t', 'REINDEX TABLE CONCURRENTLY t', 'CLUSTER', "ALTER SYSTEM SET work_mem = '5MB'",
	'REINDEX SCHEMA public')
{
	register("INSERT INTO made VALUES (1); $statement; INSERT INTO made VALUES (2)");
	kill_after(4);
	like(resume(), qr/statement 2, which may have been done and is run again/, $statement);
	is(state(), 'other_a (a), t_b (b); 1 2; applied', "$statement: applied");
}

# Objects of the whole server.
foreach my $case (
	[ 'CREATE DATABASE d', 'CREATE DATABASE d OWNER pg_monitor', 'DROP DATABASE IF EXISTS d' ],
	[ "CREATE TABLESPACE s LOCATION ''", undef, 'DROP TABLESPACE IF EXISTS s' ],
	[ 'DROP DATABASE d', 'CREATE DATABASE d', 'DROP DATABASE IF EXISTS d; CREATE DATABASE d' ],
	[ 'DROP TABLESPACE s', "CREATE TABLESPACE s LOCATION ''", "DROP TABLESPACE IF EXISTS s; CREATE TABLESPACE s LOCATION ''" ])
{
	my ($statement, $other, $prepare) = @$case;
	my $body = "INSERT INTO made VALUES (1); $statement; INSERT INTO made VALUES (2)";
	my $prepared = sub {
		$node->safe_psql('postgres', $_) foreach split /; /, $prepare;
		register($body);
	};
	$prepared->();
	kill_after(4);
	like(resume(), qr/\Q$done\E/, "$statement: it has taken effect");
	next if !defined $other;
	$prepared->();
	$statement =~ /^CREATE/ ? kill_before(2) : kill_after(4);
	$node->safe_psql('postgres', $other);
	like(resume(), qr/ERROR:  \Q$unknown\E/, "$statement, then $other: unknown");
}

# Where DDL commits by itself any statement can be the one.
my $yugabytedb = "SET migrate.server_type = 'yugabytedb'";
foreach my $case (
	[ 'CREATE TABLE n (i int)', 'CREATE TABLE n (j int)' ],
	[ 'CREATE TABLE n (i int)', 'CREATE VIEW n AS SELECT 1 AS i' ],
	[ 'ALTER TABLE t ADD COLUMN c int', 'ALTER TABLE t ADD COLUMN c text' ],
	[ 'ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)', 'ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)' ],
	[ 'CREATE INDEX ti ON t (a)', 'CREATE INDEX ti ON t (b)' ],
	[ 'DROP TABLE n', 'DROP TABLE n; CREATE TABLE n (j int)' ])
{
	my ($statement, $other) = @$case;
	my $prepare = $statement =~ /^DROP/ ? 'CREATE TABLE n (i int)' : '';
	foreach my $do ($statement, $other)
	{
		sql($node, $db, "DO \$\$ BEGIN DROP TABLE IF EXISTS n; EXCEPTION WHEN wrong_object_type THEN DROP VIEW n; END \$\$");
		register("INSERT INTO made VALUES (1); $statement; INSERT INTO made VALUES (2)");
		sql($node, $db, $prepare);
		expect_crash($node);
		run_sql($node, $db, "$yugabytedb; SET fault.kinds = 'statement'; SET fault.at = 2; SET fault.action = 'kill'; CALL migrate_deploy()");
		wait_until_up($node);
		sql($node, $db, $do);
		my (undef, $errors) = run_sql($node, $db, "$yugabytedb; CALL migrate_deploy()");
		$do eq $statement ? is($errors, '', "$statement: it has taken effect") :
		  is($errors, "55000: $unknown", "$statement, then $other: unknown");
	}
}

$node->stop;
done_testing();
