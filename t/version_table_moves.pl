# What names the version table while a revision is partial, during a run or after
# it: its name may change, be quoted, or be that of another table. The place is kept.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('moves');
my $db = new_database($node, 'app');
my $dir = PostgreSQL::Test::Utils::tempdir();

# A revision that is partial behind its third statement, in version table v.
sub start
{
	my ($db) = @_;
	sql($node, $db, <<'SQL');
DROP SCHEMA IF EXISTS one CASCADE;
DROP SCHEMA IF EXISTS two CASCADE;
DROP TABLE IF EXISTS made, t;
DELETE FROM migrate.partial;
DELETE FROM migrate.revision;
CREATE SCHEMA one;
CREATE SCHEMA two;
CREATE TABLE one.v (version_num varchar(32) NOT NULL PRIMARY KEY);
CREATE TABLE made (i int);
CREATE TABLE t (i int);
SELECT migrate_register('r', $$
  INSERT INTO made VALUES (1);
  CREATE INDEX CONCURRENTLY t_i ON t (i);
  INSERT INTO made VALUES (2);
  VACUUM t;
  INSERT INTO made SELECT 3 WHERE 1 / (SELECT count(*) FROM t) = 1;
$$, '');
SQL
	my (undef, $errors) = run_sql($node, $db,
		"SET migrate.version_table = 'one.v'; CALL migrate_deploy()");
	is($errors, '22012: division by zero', 'partial');
	sql($node, $db, 'INSERT INTO t VALUES (1)');
	return;
}

sub resumes
{
	my ($db, $name, $settings, $table) = @_;
	my (undef, $errors) = run_sql($node, $db, "$settings; CALL migrate_deploy()");
	is($errors, '', $name);
	is( sql($node, $db, "SELECT (SELECT string_agg(i::text, ' ' ORDER BY i) FROM made),
		(SELECT string_agg(version_num, ' ') FROM $table), (SELECT count(*) FROM migrate.partial)"),
		'1 2 3|r|0', "$name: each statement was done once");
	return;
}

# Settings of the session.
start($db);
resumes($db, 'quote_all_identifiers',
	"SET quote_all_identifiers = on; SET migrate.version_table = 'one.v'", 'one.v');
is( sql($node, $db, "SET migrate.version_table = 'one.v';
	SELECT DISTINCT version_table FROM migrate.log ORDER BY 1"), 'one.v', 'the log has one name for it');
is( sql($node, $db, "SET quote_all_identifiers = on; SET migrate.version_table = 'one.v';
	SELECT state, applied_at IS NOT NULL, attempts FROM migrate.status_details"), 'applied|t|1',
	'the status finds it in the log');
start($db);
resumes($db, 'other settings', "SET DateStyle = 'SQL, DMY'; SET IntervalStyle = sql_standard;
	SET bytea_output = escape; SET extra_float_digits = -15; SET xmloption = document;
	SET search_path = two, public; SET client_encoding = latin1; SET backslash_quote = off;
	SET TimeZone = 'Asia/Tokyo'; SET array_nulls = off; SET transform_null_equals = on;
	SET migrate.version_table = 'one.v'", 'one.v');

# What is noted about an index does not depend on them either.
sql($node, $db, "DROP TABLE one.v; CREATE TABLE one.v (version_num varchar(32) NOT NULL PRIMARY KEY);
	DROP TABLE IF EXISTS kinds; CREATE TABLE kinds (\"select\" int, d date, f float8, s text, n interval, b bytea)");
my $index = q{CREATE INDEX CONCURRENTLY kinds_i ON kinds ("select", s)
	WHERE d > '2020-12-11' AND f > 0.1 AND s <> E'a\\\\b' AND n > '1 day 2 hours' AND b <> '\x00ff'};
sql($node, $db, "DELETE FROM migrate.revision; SELECT migrate_register('r', \$\$$index\$\$, '')");
my ($out, $said) = run_sql($node, $db, <<'SQL');
SET migrate.version_table = 'one.v';
CREATE TABLE seen AS SELECT NULL::text[] AS object;
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen VALUES (new.object); RETURN new; END';
CREATE TRIGGER see AFTER INSERT ON migrate.partial FOR EACH ROW EXECUTE FUNCTION see();
CALL migrate_deploy();
SELECT migrate_stamp('base');
DROP INDEX kinds_i;
SET quote_all_identifiers = on;
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = sql_standard;
SET bytea_output = escape;
SET extra_float_digits = -15;
DO $$BEGIN IF current_setting('server_version_num')::int < 190000 THEN PERFORM set_config('standard_conforming_strings', 'off', false); END IF; END$$;
SET search_path = pg_catalog, public;
CALL public.migrate_deploy();
RESET quote_all_identifiers;
RESET standard_conforming_strings;
SELECT count(DISTINCT object), count(object) FROM seen WHERE object IS NOT NULL;
DROP TRIGGER see ON migrate.partial;
DROP FUNCTION see;
SQL
is($out, '1|2', 'an index has one definition');
is($said, '', 'an index has one definition: errors');

# Another name, schema, or both.
start($db);
sql($node, $db, 'ALTER TABLE one.v RENAME TO w');
resumes($db, 'renamed', "SET migrate.version_table = 'one.w'", 'one.w');
start($db);
sql($node, $db, 'ALTER TABLE one.v SET SCHEMA two');
resumes($db, 'moved', "SET migrate.version_table = 'two.v'", 'two.v');
start($db);
sql($node, $db, 'ALTER SCHEMA two RENAME TO three; ALTER SCHEMA one RENAME TO two');
resumes($db, 'its schema renamed', "SET migrate.version_table = 'two.v'", 'two.v');
sql($node, $db, 'DROP SCHEMA three');

# Dropped and made again, as a restore of this one table does.
start($db);
sql($node, $db, 'DROP TABLE one.v; CREATE TABLE one.v (version_num varchar(32) NOT NULL PRIMARY KEY)');
resumes($db, 'made anew', "SET migrate.version_table = 'one.v'", 'one.v');

# Another table has its name: which of the two is meant is not known.
start($db);
sql($node, $db, 'ALTER TABLE one.v RENAME TO w; CREATE TABLE one.v (version_num varchar(32) NOT NULL PRIMARY KEY)');
my (undef, $errors) = run_sql($node, $db, "SET migrate.version_table = 'one.v'; CALL migrate_deploy()");
is($errors, '55000: revision "r" is partial in another version table that was named "one.v"',
	'another table of that name');
is( sql($node, $db, "SET migrate.version_table = 'one.w'; SELECT partial FROM migrate_history_details()"),
	'upgrade: statements up to 4 are done', 'the renamed one knows it');
resumes($db, 'the renamed one', "SET migrate.version_table = 'one.w'", 'one.w');

# A dump of a renamed one, restored where the OID is another one.
start($db);
sql($node, $db, 'ALTER TABLE one.v RENAME TO "W w"');
command_ok([ 'pg_dump', '-d', $node->connstr($db), '-f', "$dir/dump" ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->safe_psql('copy', 'CREATE TABLE before (); DROP TABLE before');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', "$dir/dump" ], 'restore');
resumes('copy', 'renamed, restored', q{SET migrate.version_table = 'one."W w"'}, 'one."W w"');

# During a run. A lock between two batches is waited for, and nothing else.
start($db);
sql($node, $db, <<'SQL');
DELETE FROM migrate.partial;
DELETE FROM migrate.revision;
CREATE TABLE many (a int PRIMARY KEY, b int);
INSERT INTO many SELECT g, 0 FROM generate_series(1, 2000) AS g;
SELECT migrate_register('b', $$CALL migrate_batch('many', 'UPDATE many SET b = b + 1 WHERE a BETWEEN $1 AND $2',
  batch_size => 50, target => '0', pause => 30)$$, '');
SQL
my $deploy = "SET migrate.version_table = 'one.v';\nSET migrate.lock_timeout = '20ms';\nCALL migrate_deploy();";
my $session = start_sql($node, $db, 'cancelled', $deploy);
wait_until($node, $db, 'SELECT count(*) > 100 FROM many WHERE b = 1',
	q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'cancelled'});
finish_sql($session);
sql($node, $db, 'ALTER TABLE one.v RENAME TO w; CREATE TABLE one.v (version_num varchar(32) NOT NULL PRIMARY KEY)');
$node->psql($db, $deploy, stderr => \$errors);
like($errors, qr/DETAIL:  That table is "one\.w" now\. Its upgrade was interrupted: statement 1 was begun\. /, 'its batches are told there only');
sql($node, $db, 'DROP TABLE one.v; ALTER TABLE one.w RENAME TO v');
$session = start_sql($node, $db, 'batches', $deploy);
wait_until($node, $db, 'SELECT count(*) > 600 FROM many WHERE b = 1');
is( sql($node, $db, 'BEGIN; LOCK TABLE one.v; SELECT pg_sleep(0.5); SELECT count(*) > 0 FROM many WHERE b = 0; COMMIT'),
	"\nt", 'locked in the middle');
is((finish_sql($session))[1], '', 'locked between batches');
is(sql($node, $db, 'SELECT b, count(*) FROM many GROUP BY b'), '1|2000', 'locked between batches: each row once');

# In the way, moved or gone between two segments: what is told does not need it.
make_gate($node, $db);
foreach my $case (
	[ "BEGIN;\nLOCK TABLE one.v", qr/ERROR:  55P03: .*lock timeout/, qr/ Blocked by process \d+ \(.*which holds AccessExclusiveLock on table one\.v/ ],
	[ 'DROP TABLE one.v', qr/ERROR:  42P01: relation "one\.v" does not exist/ ],
	[ 'ALTER TABLE one.v RENAME TO w', qr/ERROR:  42P01: relation "one\.v" does not exist/ ],
	[ "BEGIN;\nALTER TABLE one.v RENAME TO w;\nCREATE TABLE one.v (version_num varchar(32) NOT NULL PRIMARY KEY);\nCOMMIT",
		qr/ERROR:  55000: version table "one\.v" was replaced/ ])
{
	my ($meanwhile, $error, $blocked) = @$case;
	foreach my $next ('VACUUM t', 'INSERT INTO made VALUES (2)')
	{
		my $name = $meanwhile =~ s/;?\n.*//sr . ", $next";
		sql($node, $db, <<"SQL");
TRUNCATE gate, made;
DELETE FROM migrate.partial;
DELETE FROM migrate.revision;
DELETE FROM migrate.log;
DROP SCHEMA IF EXISTS one, two CASCADE;
CREATE SCHEMA one;
CREATE TABLE one.v (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT migrate_register('r', 'SELECT pg_advisory_lock(1), pg_advisory_unlock(1) IS NULL; $next; INSERT INTO made VALUES (3)', '',
  transactional => false);
SQL
		my $holder = start_sql($node, $db, 'holder', "SELECT pg_advisory_lock(1);\nCALL pass_gate();");
		wait_for_event($node, $holder, 'Timeout');
		$session = start_sql($node, $db, 'between', "SET migrate.lock_timeout = '5s';\nSET migrate.blocker_wait = 0;\n"
			  . "SET migrate.max_attempts = 1;\nSET migrate.version_table = 'one.v';\nCALL migrate_deploy();");
		wait_for_event($node, $session, 'Lock');
		my $other = start_sql($node, $db, 'other', "$meanwhile;\nSELECT pg_sleep(60);");
		wait_for_event($node, $other, 'Lock');
		sql($node, $db, 'INSERT INTO gate VALUES (true)');
		finish_sql($holder);
		$session->{run}->finish;
		sql($node, $db, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'other'});
		$other->{run}->finish;
		like($session->{err}, $error, "$name: error");
		like($session->{err}, qr/Revision "r" is partial: statements up to 1 are done; version table "one\.v" could not be read\./, "$name: what is done");
		like($session->{err}, qr/To resume with statement 2 when the cause is removed: CALL migrate_deploy\(\);|To try again: CALL migrate_deploy\(\);/, "$name: the way on");
		next if !defined $blocked;
		like($session->{err}, $blocked, "$name: who blocks it");
		like($session->{err}, qr/To end what blocks it: SELECT pg_terminate_backend/, "$name: how to end that");
		is(sql($node, $db, q{SELECT blocked_by LIKE 'process %' FROM migrate.log WHERE error IS NOT NULL}), 't', "$name: in the log");
	}
}

# A schema that is gone: the names must not be found in the next one of the path.  A
# segment keeps it from being renamed and dropped, a statement that cannot run inside
# a transaction block does not: what follows finds out.
sql($node, $db, <<'SQL');
CREATE FUNCTION pass(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN PERFORM pg_advisory_lock(1), pg_advisory_unlock(1); RETURN i; END';
CREATE TABLE tt (a int, b int);
CREATE INDEX ti ON tt (b);
SQL
my $build = 'CREATE INDEX CONCURRENTLY tj ON tt (public.pass(a))';
foreach my $case ([ 'SELECT public.pass(1)', 'DROP SCHEMA tenant CASCADE', 'ALTER SCHEMA tenant RENAME TO other' ],
	[ "$build; DROP INDEX CONCURRENTLY ti" ], [ "$build; DROP INDEX ti; VACUUM tt" ])
{
	my ($body, @refused) = @$case;
	sql($node, $db, <<"SQL");
TRUNCATE gate;
DELETE FROM migrate.partial;
DELETE FROM migrate.revision;
DROP SCHEMA IF EXISTS tenant, other CASCADE;
CREATE SCHEMA tenant;
CREATE TABLE tenant.tt (a int, b int);
INSERT INTO tenant.tt VALUES (1, 1);
CREATE INDEX ti ON tenant.tt (b);
SELECT migrate_register('c', '$body', '');
SQL
	my $holder = start_sql($node, $db, 'holder', 'SELECT pg_advisory_lock(1); CALL pass_gate();');
	wait_for_event($node, $holder, 'Timeout');
	$session = start_sql($node, $db, 'tenant', "SET migrate.lock_timeout = 0;\nCALL migrate_deploy(schemas => '{tenant}');");
	wait_for_event($node, $session, 'Lock');
	is((run_sql($node, $db, "SET lock_timeout = '100ms'; $_"))[1], '55P03: canceling statement due to lock timeout', "$_: refused")
		foreach @refused;
	sql($node, $db, 'ALTER SCHEMA tenant RENAME TO other') if !@refused;
	sql($node, $db, 'INSERT INTO gate VALUES (true)');
	finish_sql($holder);
	is((finish_sql($session))[1], @refused ? '' : '3F000: upgrade failed in 1 of 1 schemas', $body);
	is(sql($node, $db, q{SELECT to_regclass('public.ti')}), 'ti', 'what has the same name in the next schema stays');
}

# The same for schemas of the search_path where the version table is another one: a
# new name is followed, whatever runs meanwhile.
sql($node, $db, 'CREATE TABLE pair (a int PRIMARY KEY); INSERT INTO pair VALUES (1), (2)');
my $other = 'ALTER SCHEMA tenant RENAME TO other; CREATE SCHEMA tenant; CREATE TABLE tenant.tt (a int, b int)';
foreach my $case (
	[ "$build; INSERT INTO tt VALUES (2, 2)", 'ALTER SCHEMA tenant RENAME TO other', '', 2 ],
	[ "$build; INSERT INTO tt VALUES (2, 2)", 'DROP SCHEMA aside', '3F000: schema "aside" of the search_path was dropped while the body ran' ],
	[ "CALL migrate_batch('public.pair', 'INSERT INTO tt SELECT public.pass(a) FROM public.pair WHERE a BETWEEN \$1 AND \$2', batch_size => 1)", $other, '', 3 ],
	[ 'SELECT public.pass(1); INSERT INTO tt VALUES (2, 2)', $other, '', 2 ],
	[ 'SELECT public.pass(1); INSERT INTO tt VALUES (2, 2)', 'DROP SCHEMA aside', '3F000: schema "aside" of the search_path was dropped while the body ran' ],
	[ "DO 'BEGIN PERFORM public.pass(1); COMMIT; END'; INSERT INTO tt VALUES (2, 2)", $other, '', 2 ])
{
	my ($body, $change, $expected, $rows) = @$case;
	my $name = "$change, $body";
	sql($node, $db, <<"SQL");
TRUNCATE gate;
DELETE FROM migrate.partial;
DELETE FROM migrate.revision;
DELETE FROM migrate.version;
DROP SCHEMA IF EXISTS tenant, other CASCADE;
CREATE SCHEMA IF NOT EXISTS aside;
CREATE SCHEMA tenant;
CREATE TABLE tenant.tt (a int, b int);
INSERT INTO tenant.tt VALUES (1, 1);
SELECT migrate_register('d', \$\$$body\$\$, '', transactional => false);
SQL
	my $holder = start_sql($node, $db, 'holder', 'SELECT pg_advisory_lock(1); CALL pass_gate();');
	wait_for_event($node, $holder, 'Timeout');
	$session = start_sql($node, $db, 'path', "SET migrate.lock_timeout = 0;\nSET search_path = aside, tenant, public;\nCALL migrate_deploy();");
	wait_for_event($node, $session, 'Lock');
	sql($node, $db, $change);
	sql($node, $db, 'INSERT INTO gate VALUES (true)');
	finish_sql($holder);
	is((finish_sql($session))[1], $expected, $name);
	is(sql($node, $db, 'SELECT count(*) FROM public.tt'), 0, "$name: nothing in the next schema");
	is(sql($node, $db, 'SELECT count(*) FROM other.tt'), $rows, "$name: all in the schema") if defined $rows;
}

# A temporary version table of another session says nothing to this one.
sql($node, $db, q{DELETE FROM migrate.revision; DELETE FROM migrate.version; SELECT migrate_register('t', 'SELECT 1', '')});
$session = start_sql($node, $db, 'temporary', <<'SQL');
CREATE TEMP TABLE v (version_num varchar(32) NOT NULL PRIMARY KEY);
SET migrate.version_table = 'pg_temp.v';
SELECT migrate_upgrade('t');
SELECT pg_sleep(60);
SQL
wait_for_event($node, $session, 'Timeout');
is((run_sql($node, $db, q{SELECT migrate_register('t', 'SELECT 2', '', replace => true)}))[1], '', 'temporary, of another session');
sql($node, $db, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'temporary'});
$session->{run}->finish;

$node->stop;
done_testing();
