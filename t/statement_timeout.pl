# statement_timeout: set for a revision, by its body, or in the session; what it
# limits, and that it limits nothing afterwards.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('statement_timeout');
my $db = new_database($node, 'app');
my $timeout = 'canceling statement due to statement timeout';

# A script in a session of its own; returns what it prints.  Errors are compared.
sub run
{
	my ($name, $script, $expected_errors) = @_;
	my ($out, $errors);
	$node->psql($db, "SET client_min_messages = warning;\n$script", stdout => \$out, stderr => \$errors,
		on_error_stop => 0);
	$errors =~ s/^psql:<stdin>:\d+: //mg;
	is($errors, $expected_errors // '', "$name: errors");
	return $out;
}

sub cancelled
{
	my ($revision, $body, $told) = @_;
	my ($statement) = $body =~ /(SELECT pg_sleep.*?)(?:;|$)/;
	return "ERROR:  $timeout\nLINE 1: $statement\n" . (' ' x length('LINE 1: ')) . "^\n" . ($told // '')
	  . "QUERY:  $statement\nCONTEXT:  statement 2 at line 1 of the upgrade of revision \"$revision\", attempt 1";
}

# One that is set for a revision is for each of its statements.
my $slow = 'SELECT 1; SELECT pg_sleep(10)';
my $settings = "SET migrate.transaction_settings = 'statement_timeout = 1s';";
sql($node, $db, "SELECT migrate_register('t1', 'SELECT pg_sleep(0.4); SELECT pg_sleep(0.4); SELECT pg_sleep(0.4)', ''),
	migrate_register('t2', '$slow', '', '{t1}')");
is(run('each of three statements', "$settings SELECT migrate_upgrade('t1')"), 't1', 'together they may take longer');
my $of_revision = 'To give it more time, change the statement_timeout that the revision or migrate.transaction_settings sets.';
my $of_session = 'To give it more time: SET statement_timeout = 0;';
my $call = qq(DETAIL:  Nothing of this call is left; the database is at "t1".\nHINT:  %s\nTo try again: SELECT migrate_upgrade('%s');\n);
run('function', "$settings SELECT migrate_upgrade('t2')", cancelled('t2', $slow, sprintf($call, $of_revision, 't2')));
my $left = qq(DETAIL:  Nothing of the upgrade of revision "t2" is left; the database is at "t1".\n);
run('procedure', "$settings CALL migrate_deploy('t2')", cancelled('t2', $slow, "${left}HINT:  $of_revision\nTo try again: CALL migrate_deploy('t2');\n"));
is(sql($node, $db, "SELECT revision, state, sqlstate, error FROM migrate.log WHERE state = 'failed'"),
	"t2|failed|57014|$timeout", 'the log says so');
is(run('worker', "$settings SELECT migrate_submit('head') AS job \\gset
CALL migrate_wait(:job);
SELECT state, sqlstate, error FROM migrate.jobs_details WHERE job = :job",
		"ERROR:  job 1 failed: $timeout\n${left}HINT:  $of_revision\nTo try again: SELECT migrate_submit();\nCONTEXT:  statement 2 at line 1 of the upgrade of revision \"t2\", attempt 1"),
	"failed|57014|$timeout", 'and so does the job');

# So is the body's own; what it has left would end the sleep that follows.
sub replace
{
	my ($revision, $body, $down) = @_;
	$body =~ s/'/''/g;
	sql($node, $db, "SELECT migrate_register('$revision', '$body', '', '{$down}', replace => true)");
	return;
}
$slow = q(SET statement_timeout = '200ms'; SELECT pg_sleep(10));
replace('t2', $slow, 't1');
is(run('set by the body', "SELECT migrate_upgrade('t2');\nSELECT 'slept' FROM pg_sleep(0.3)", cancelled('t2', $slow, sprintf($call, $of_revision, 't2'))),
	'slept', 'set by the body: not for the next command');

# The session's is for the whole command, and still counts afterwards.
replace('t2', q(SET statement_timeout = '10s'; SELECT pg_sleep(0.2)), 't1');
$slow = 'SET statement_timeout = 0; SELECT pg_sleep(10)';
replace('t3', $slow, 't2');
run('session', "SET statement_timeout = '2s'; SELECT migrate_upgrade('t3')", cancelled('t3', $slow, sprintf($call, $of_session, 't3')));
run('session, after a run with a longer one', "SET statement_timeout = '2s'; SELECT migrate_upgrade('t2'), pg_sleep(10)", "ERROR:  $timeout");
replace('t2', q(SET statement_timeout = '400ms'; SELECT pg_sleep(0.2)), 't1');
run('session, after a run with a shorter one', "SET statement_timeout = '2s'; SELECT migrate_upgrade('t2'), pg_sleep(10)", "ERROR:  $timeout");
is(sql($node, $db, 'SELECT version_num FROM migrate.version'), 't1', 'nothing of that is applied');

# A statement outside of a transaction block, too.  It is no cancellation: what
# is left of the index is dropped.
sql($node, $db, <<'SQL');
SELECT migrate_unregister('t3'), migrate_unregister('t2');
CREATE TABLE seen (what text);
CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(10); RETURN $1; END';
INSERT INTO seen VALUES ('slow');
SELECT migrate_register_script(E'-- revision: t2\n-- down_revision: t1\n-- set: statement_timeout=200ms\n-- migrate:up\nCREATE INDEX CONCURRENTLY seen_slow ON seen (slow(what));\n-- migrate:down\n');
SQL
is(run('outside of a transaction block', "\\set VERBOSITY terse
CALL migrate_deploy();
SELECT 'slept' FROM pg_sleep(0.3)", "ERROR:  $timeout at character 1"),
	'slept', 'outside of a transaction block: not for the next command');
is(sql($node, $db, 'SELECT count(*), (SELECT count(*) FROM pg_index WHERE NOT indisvalid) FROM migrate.partial'),
	'0|0', 'and nothing is left');

# What a body leaves of the session's is nothing, also when it fails.  A call
# keeps the settings of a revision that it replaces: away with them.
sql($node, $db, "SELECT migrate_unregister('t2')");
replace('t2', q(SET statement_timeout = '2s'; SET work_mem = 'bogus'; CREATE INDEX CONCURRENTLY ON seen (what)), 't1');
is(run('a body that fails', "SET statement_timeout = '1s';
CALL migrate_deploy();
SET statement_timeout = 0;
SELECT migrate_register('t2', 'SELECT pg_sleep(1.2)', '', '{t1}', replace => true);
SELECT migrate_upgrade();",
		qq(ERROR:  invalid value for parameter "work_mem": "bogus"
${left}HINT:  To try again when the cause is removed: CALL migrate_deploy();
To change the body first: migrate_register('t2', ..., replace => true), or its file: pg_migrate load --replace.
CONTEXT:  SQL statement "SET work_mem = 'bogus'"
statement 2 at line 1 of the upgrade of revision "t2", attempt 1)),
	"t2\nt2", 'a body that fails: the next run is not limited');

$node->stop;
done_testing();
