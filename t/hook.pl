# What a run tells while it runs: notifications, which other sessions hear when it
# is committed and not before, and hooks, of a worker, across a crash, and where a
# dump is restored.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('hook', 'restart_after_crash = on', 'max_prepared_transactions = 2', 'migrate.retry_base_delay = 1ms', 'migrate.retry_max_delay = 1ms');
my $db = new_database($node, 'app');
make_gate($node, $db);
my $listener = $node->background_psql($db);
$listener->query_safe('LISTEN "the runs"');

# The payloads that have come.
sub heard
{
	my $out = $listener->query('SELECT 1');
	my @payloads = $out =~ /^Asynchronous notification "the runs" with payload "(.*)" received/mg;
	cmp_ok(length $_, '<', 8000, 'less than 8,000 bytes') foreach grep { length $_ > 4000 } @payloads;
	return map { decode_json($_) } @payloads;
}

# In a few words.
sub words
{
	my (@told) = @_;
	return join ', ', map { my $told = $_; join ' ', map { $told->{$_} // () } qw(event state revision sqlstate) } @told;
}

sql($node, $db, <<'SQL');
SELECT migrate_register('a1', 'CREATE TABLE t (i int)', 'DROP TABLE t', message => 'one table');
SELECT migrate_register('a2', 'SELECT 1', 'SELECT 1', '{a1}');
SQL
my $on = q{SET client_min_messages = warning; SET migrate.notify = 'the runs';};

# The function: when its transaction is committed, and not if it is rolled back.
my $session = $node->background_psql($db);
$session->query_safe("$on BEGIN; SELECT migrate_upgrade()");
is(words(heard()), '', 'nothing before the commit');
$session->query_safe('COMMIT');
my @told = heard();
is(words(@told), 'run started, step succeeded a1, step succeeded a2, run succeeded', 'all of it with the commit');
is_deeply([ sort keys %{ $told[1] } ],
	[ qw(attempts database event message operation revision role run state step steps target time version_table via wall_ms) ], 'the keys of a step');
is("@{$told[1]}{qw(database message operation target via version_table step steps)}", 'app one table upgrade head function migrate.version 1 2', 'and what they say');
is_deeply([ sort keys %{ $told[3] } ], [ qw(database event operation role run state step steps target time version_table via) ], 'those of a run');
$session->query_safe(q{BEGIN; SELECT migrate_downgrade('base'); ROLLBACK});
is(words(heard()), '', 'nothing of what was rolled back');
$session->query_safe(q{SET migrate.notify = ''; SELECT migrate_downgrade('base')});
is(words(heard()), '', 'nothing when it is off');
$session->quit;

# A transaction that is prepared.
session_is($node, $db, 'one with notifications cannot be prepared',
	"$on BEGIN; SELECT migrate_upgrade(); PREPARE TRANSACTION 'p'", "a1\na2",
	'0A000: cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY');
session_is($node, $db, 'one without can',
	"$on BEGIN; SET LOCAL migrate.notify = ''; SELECT migrate_upgrade(); PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'; SELECT migrate_downgrade('base')", "a1\na2\na2\na1");
heard();

# The procedure: each step with its commit, and failures.  Names and messages of any
# length and of any characters.
sql($node, $db, <<'SQL');
SELECT migrate_register('a3', $body$DO $$ BEGIN RAISE EXCEPTION '%', repeat(E'\x01', 3000); END $$$body$, '', '{a2}', message => repeat('ä', 1000));
SQL
run_sql($node, $db, "$on CALL migrate_deploy()");
@told = heard();
is(words(@told), 'run started, step succeeded a1, step succeeded a2, step failed a3 P0001, run failed P0001', 'a failure, and what was done before');
is($told[3]{error}, "\x01" x 497 . '...', 'a long message is cut, with a mark');
is(length $told[3]{message}, 80, 'so is that of the revision');
my ($longest) = sort { $b <=> $a } map { length encode_json($_) } @told;
cmp_ok($longest, '<', 8000, 'less than 8,000 bytes');

# The message of an error is for no listener where another role has set it.
sql($node, $db, <<'SQL');
CREATE ROLE owner LOGIN;
ALTER DATABASE app OWNER TO owner;
LOAD 'migrate';
SET ROLE owner;
ALTER DATABASE app SET migrate.notify = 'the runs';
RESET ROLE;
SQL
run_sql($node, $db, q{SELECT migrate_upgrade('a3')});
run_sql($node, $db, 'CALL migrate_deploy()');
@told = heard();
is(words(@told), 'run started, step failed a3 P0001, run failed P0001', 'the owner of the database may have it told');
is(scalar(grep { exists $_->{error} } @told), 0, 'but not what the error says');
sql($node, $db, 'ALTER DATABASE app RESET migrate.notify');

# A worker: the setting of the session that submits.
sql($node, $db, q{SELECT migrate_unregister('a3')});
my $job = sql($node, $db, "$on SELECT migrate_submit('base', 'downgrade')");
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'a job');
@told = heard();
is(words(@told), 'run started, step succeeded a2, step succeeded a1, run succeeded', 'is told of');
is(join(' ', map { $_->{job} } @told), "$job $job $job $job", 'with its number');
is($told[0]{via}, 'worker', 'as a worker');

# Names of channels.
session_is($node, $db, 'a name that is too long', q{LOAD 'migrate'; SELECT set_config('migrate.notify', repeat('x', 64), false)}, '',
	'22023: invalid value for parameter "migrate.notify": "' . 'x' x 64 . '"');

# Hooks of a worker, and of a run that is killed: what was committed is not done
# again.
sql($node, $db, <<'SQL');
CREATE TABLE told (n int GENERATED ALWAYS AS IDENTITY, event jsonb);
CREATE FUNCTION note(event jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO told (event) VALUES ($1)';
SELECT migrate_hook(e, 'note(jsonb)') FROM unnest('{before_run,after_run,before_step,after_step,on_error}'::text[]) AS e;
SELECT migrate_register('b1', 'CREATE INDEX CONCURRENTLY t_i ON t (i); CALL pass_gate(); CREATE INDEX CONCURRENTLY t_j ON t ((i + 1))', 'DROP INDEX t_i, t_j', '{a2}');
SQL
my $events = q{WITH told AS (DELETE FROM told RETURNING *) SELECT string_agg(concat_ws(' ', event->>'event', event->>'revision', event->>'sqlstate'), ', ' ORDER BY n) FROM told};
$job = sql($node, $db, q{SELECT migrate_submit('a2')});
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'a job with hooks');
is(sql($node, $db, "SELECT DISTINCT event->>'job', event->>'via' FROM told"), "$job|worker", 'they know its number');
is(sql($node, $db, $events), 'before_run, before_step a1, after_step a1, before_step a2, after_step a2, after_run', 'and are called');
my $run = start_sql($node, $db, 'deploy', 'CALL migrate_deploy()');
wait_until($node, $db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'deploy' AND wait_event = 'PgSleep'});
$listener->quit;
kill_9($node, sql($node, $db, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'deploy'}));
eval { finish_sql($run) };
wait_until_up($node, $db);
is(sql($node, $db, $events), 'before_run, before_step b1', 'a run that was killed');
sql($node, $db, 'INSERT INTO gate VALUES (true); CALL migrate_deploy()');
is(sql($node, $db, $events), 'before_run, after_step b1, after_run', 'resumed: not again before the step');
sql($node, $db, q{SELECT migrate_register('b2', 'SELECT 1/0', '', '{b1}')});
$job = sql($node, $db, 'SELECT migrate_submit()');
is(ended_job($node, $db, $job, 'state'), 'failed', 'a job that fails');
is(sql($node, $db, $events), 'before_run, on_error 22012', 'its hooks: those of the step went with it');

# Where a dump is restored function and role are known by their names.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->run_log([ 'pg_dump', '-f', $dump, '-d', $node->connstr($db) ]);
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->run_log([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ]);
is(sql($node, 'copy', 'SELECT count(*), count(problem) FROM migrate.hooks'), '5|0', 'a dump has the hooks');
sql($node, 'copy', q{SELECT migrate_register('b2', '', '', '{b1}', replace => true); CALL migrate_deploy()});
is(sql($node, 'copy', $events), 'before_run, before_step b2, after_step b2, after_run', 'and runs call them');
sql($node, 'copy', 'DROP FUNCTION note(jsonb)');
is(sql($node, 'copy', 'SELECT DISTINCT problem FROM migrate.hooks'), 'does not exist', 'one that was dropped there');
session_is($node, 'copy', 'runs say so', q{SELECT migrate_downgrade('b1')}, '', '42883: hook public.note(jsonb) does not exist');
sql($node, 'copy', q{SELECT migrate_unhook(event, function) FROM migrate.hooks});
is(sql($node, 'copy', q{SELECT migrate_downgrade('b1')}), 'b2', 'until they are removed');

# The other types of servers: hooks are called, notifications are none.
foreach my $type (qw(yugabytedb yugabytedb_transactional_ddl))
{
	my ($out, $errors) = ('', '');
	$node->psql($db, "SET migrate.server_type = $type; $on SELECT migrate_register('b2', 'SELECT 1', 'SELECT 1', '{b1}', replace => true); CALL migrate_deploy(); CALL migrate_revert('b1')",
		stdout => \$out, stderr => \$errors);
	is(join(' ', $errors =~ /(?:WARNING|ERROR): +(.*)/g), 'this server sends no notifications this server sends no notifications', "$type: says that it sends none");
	is(sql($node, $db, $events), join(', ', ('before_run, before_step b2, after_step b2, after_run') x 2), "$type: calls the hooks");
}

$node->stop;
done_testing();
