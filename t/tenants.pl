# 200 schemas with the same revisions: by the procedure, by several workers at
# once, with one that is broken, one that is new, and runs that end in the middle.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

use constant TENANTS => 200;
use constant WORKERS => 2;

my $node = new_node('tenants', 'restart_after_crash = on', 'max_worker_processes = 12',
	'migrate.max_workers = ' . WORKERS);
my $db = new_database($node, 'app');

sql($node, $db, <<'SQL');
CREATE TABLE sleep (seconds int);
SELECT migrate_register('t1', 'CREATE TABLE account (id int PRIMARY KEY, name text)', 'DROP TABLE account');
SELECT migrate_register('t2', 'INSERT INTO account SELECT 1, current_schema()', 'DELETE FROM account', '{t1}');
SQL
sql($node, $db, "SELECT 'CREATE SCHEMA tenant_' || lpad(n::text, 3, '0') FROM generate_series(1, ${\ TENANTS}) AS n \\gexec");

my $states = q(SELECT string_agg(format('%s %s', n, state), ', ' ORDER BY state)
	FROM (SELECT state, count(*) AS n FROM migrate.tenants GROUP BY state) AS s);
my $accounts = q(SELECT count(*) FROM pg_class WHERE relname = 'account' AND relkind = 'r');

# Two sessions that deploy the same new tenants, each in its own order.
{
	my $list = join ',', map { sprintf 'tenant_%03d', $_ } reverse 1 .. 10;
	my @sessions = map { start_sql($node, $db, "deploy $_", "CALL migrate_deploy('t1', schemas => '{" . ($_ == 1 ? 'tenant_00*,tenant_010' : $list) . "}');") } 1, 2;
	is((finish_sql($_))[1], '', "$_->{name}: no error") foreach @sessions;
	is(sql($node, $db, $states), '10 behind', 'two sessions at once: each tenant is there once');
	is(sql($node, $db, q(SELECT count(*) FROM migrate.log WHERE state = 'succeeded')), '10', 'and was upgraded once');
}

# A run that is killed in one of them: the others stay, and the same call resumes.
sql($node, $db, <<'SQL');
INSERT INTO sleep VALUES (3600);
SELECT migrate_register('t3', $$INSERT INTO account SELECT 3, pg_sleep(seconds)::text FROM public.sleep WHERE current_schema() = 'tenant_005'$$, '', '{t2}');
SQL
{
	my $session = start_sql($node, $db, 'killed', "CALL migrate_deploy(schemas => '{tenant_00*}');");
	my $pid = wait_for_event($node, $session, 'Timeout');
	is(sql($node, $db, "SELECT schema, note FROM migrate.tenants WHERE state = 'running'"), "tenant_005|process $pid", 'the one that is running');
	kill_9($node, $pid);
	finish_sql($session);
	wait_until_up($node);
	is(sql($node, $db, $states), '6 behind, 4 current', 'killed: those before are done');
	is(sql($node, $db, q(SELECT revision FROM migrate.tenants WHERE schema = 'tenant_005')), 't2', 'and its revisions before');
}

# A cancel ends the whole call, says where, and leaves the session as it was.
{
	my $session = start_sql($node, $db, 'cancelled', "CALL migrate_deploy(schemas => '{tenant_00*}');\nSHOW search_path;\nSHOW migrate.version_table;");
	my $pid = wait_for_event($node, $session, 'Timeout');
	sql($node, $db, "SELECT pg_cancel_backend($pid)");
	my ($out, $errors) = finish_sql($session);
	is($out, qq("\$user", public\nmigrate.version), 'cancelled: the settings of the session');
	is($errors, '57014: upgrade failed in 1 of 9 schemas', 'cancelled: the error');
	like($session->{err}, qr/Failed: "tenant_005"\. Succeeded: 4, not begun: 4\./, 'and how far it came');
	is(advisory_locks($node), '0', 'cancelled: no lock is left');
}
sql($node, $db, 'UPDATE sleep SET seconds = 0');
session_is($node, $db, 'the same call resumes', "CALL migrate_deploy(schemas => '{tenant_00*}');", '');
is(sql($node, $db, $states), '1 behind, 9 current', 'and is done');

# By workers, several at once; one tenant is broken, most are new.
sql($node, $db, 'CREATE TABLE tenant_100.account (other int)');
$node->append_conf('postgresql.conf', 'log_min_messages = debug1');
$node->reload;
my $log_start = -s $node->logfile;
sql($node, $db, "SELECT count(*) FROM migrate_submit(schemas => '{tenant_*}')");
wait_until($node, $db, "SELECT count(*) = 0 FROM migrate.jobs WHERE state IN ('queued', 'running', 'interrupted')");
my $started = () = slurp_file($node->logfile, $log_start) =~ /starting background worker process "migrate job/g;
cmp_ok($started, '>=', TENANTS - 1, 'the log tells of the workers');
cmp_ok($started, '<', 2 * WORKERS * TENANTS, "$started workers were started: they do not start each other for nothing");
is(sql($node, $db, "SELECT state, count(*) FROM migrate.jobs GROUP BY state ORDER BY state"), "failed|1\nsucceeded|199", 'a job each; the broken one fails');
is(sql($node, $db, $states), '199 current, 1 failed', 'and stops no other');
is(sql($node, $db, <<'SQL'), 't', 'several run at once');
SELECT EXISTS (SELECT FROM migrate.log AS a JOIN migrate.log AS b ON a.version_table < b.version_table
                WHERE a.via = 'worker' AND b.via = 'worker'
                  AND tstzrange(a.started, a.finished) && tstzrange(b.started, b.finished))
SQL
is(sql($node, $db, "SELECT schema, failed_revision, failed_sqlstate, failed_error FROM migrate.tenants_details WHERE state <> 'current'"),
	'tenant_100|t1|42P07|relation "account" already exists', 'which one, and why');
is(sql($node, $db, $accounts), '200', 'each has its table');
is(sql($node, $db, q(SELECT name FROM tenant_123.account)), 'tenant_123', 'in its own schema');

# What is cancelled before its worker looks stops no other job, and many such jobs
# start no more workers than there are slots.
$log_start = -s $node->logfile;
{
	my ($out, $errors) = ('', '');
	$node->psql($db, <<'SQL', stdout => \$out, stderr => \$errors);
BEGIN;
SELECT max(job) AS last FROM migrate_submit(schemas => '{tenant_*}') AS job \gset
SELECT count(migrate_cancel(job)) FROM migrate.jobs WHERE state = 'queued' AND job <> :last;
SELECT :last;
COMMIT;
SQL
	my ($last) = $out =~ /^199\n(\d+)$/m;
	is($errors, '', 'cancelled: nothing is said');
	wait_until($node, $db, "SELECT state = 'succeeded' FROM migrate.jobs WHERE job = $last");
}
wait_until_no_worker($node, $db);
$started = () = slurp_file($node->logfile, $log_start) =~ /starting background worker process "migrate job/g;
cmp_ok($started, '<', 5 * WORKERS, "cancelled: $started workers were started");

# The procedure does the rest: a repaired one, one that is new, and nothing twice.
sql($node, $db, 'DROP TABLE tenant_100.account; CREATE SCHEMA tenant_201');
{
	my ($out, $err) = ('', '');
	$node->psql($db, "CALL migrate_deploy(schemas => '{tenant_*}')", stdout => \$out, stderr => \$err);
	like($err, qr/done: 201 of 201 schemas upgraded/, 'the procedure: all');
	is((() = $err =~ /nothing to do/g), 199, 'and where nothing is to be done, nothing');
}
is(sql($node, $db, $states), '201 current', 'all are current');
is(sql($node, $db, "SELECT revision, count(DISTINCT version_table), count(*) FROM migrate.log WHERE state = 'succeeded' GROUP BY revision ORDER BY revision"),
	"t1|201|201\nt2|201|201\nt3|201|201", 'each revision once in each');

# One whose version table is locked does not hide where the others are.
{
	my $session = start_sql($node, $db, 'locked', 'BEGIN; LOCK TABLE tenant_007.migrate_version; SELECT pg_sleep(3600);');
	my $pid = wait_for_event($node, $session, 'Timeout');
	is(sql($node, $db, "SET statement_timeout = '1min'; SELECT schema, state, note FROM migrate.tenants WHERE state <> 'current'"),
		'tenant_007|unknown|locked by another...', 'locked: which one');
	is(sql($node, $db, "SET lock_timeout = '10ms'; SELECT problem FROM migrate.tenants_details WHERE state <> 'current'"),
		'locked by another session', 'locked: the same with a limit of the session');
	sql($node, $db, "SELECT pg_terminate_backend($pid)");
	finish_sql($session);
}

# A dump brings the tenants elsewhere; there the names count.
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->safe_psql('copy', (run_command([ 'pg_dump', '-d', $node->connstr($db) ]))[0]);
is(sql($node, 'copy', $states), '201 current', 'restored: where each is');
session_is($node, 'copy', 'restored: nothing to do', "CALL migrate_deploy(schemas => '{tenant_*}');", '');

# The page: its statements run in order; one of them fails, as it says.
{
	my $page_db = new_database($node, 'page');
	my $page = slurp_file("$FindBin::RealBin/../docs/tenants.md");
	my ($out, $err) = ('', '');
	$node->psql($page_db, join('', $page =~ /^```sql\n(.*?)^```$/msg), stdout => \$out, stderr => \$err, on_error_stop => 0);
	is(join("\n", $err =~ /(?:ERROR|FATAL):  (.*)/g), 'upgrade failed in 1 of 3 schemas', 'the page: its error');
	foreach my $shown ($page =~ /^```\n((?:NOTICE|WARNING|ERROR).*?)^```$/msg)
	{
		like($err, qr/\Q$_\E$/m, "the page: $_") foreach grep { $_ ne '...' } split /\n/, $shown;
	}
	is(sql($node, $page_db, $states), '3 current', 'the page: where it ends');

	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	sql($node, $page_db, "CALL migrate_revert('base', schemas => '{tenant_*}')");
	my ($shell) = $page =~ /^```sh\n(.*?)^```$/ms;
	$shell =~ s/-d app/-d page -q/g;
	my ($rows, $messages) = run_command([ 'sh', '-ec', $shell ]);
	is(join(',', $rows =~ /^ (\w+ \| \w+) +\| 3a9f4c2b1d0e \| +0 \|/mg), 'tenant_1 | current,tenant_2 | current,tenant_3 | current', 'the page: the shell') or diag($messages);
}

# Where the functions have a schema of their own, a pattern does not stand for it.
$node->safe_psql('postgres', 'CREATE DATABASE apart');
is((run_sql($node, 'apart', <<'SQL'))[1], '', 'functions in a schema of their own');
CREATE SCHEMA migrate_api;
CREATE EXTENSION migrate SCHEMA migrate_api;
CREATE SCHEMA migrate_one;
SET search_path = public, migrate_api;
SELECT migrate_register('t1', 'CREATE TABLE account ()', '');
CALL migrate_deploy(schemas => '{migrate_*}');
SQL
is($node->safe_psql('apart', "SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'account'"), 'migrate_one', 'a pattern does not stand for it');

$node->stop;
done_testing();
