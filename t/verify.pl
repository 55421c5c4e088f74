# Verify bodies where SQL tests do not reach: in a worker, on a standby, beside a
# run of another session, in a script for psql, and after a dump and restore.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('verify');
my $db = new_database($node, 'app');
my $dir = PostgreSQL::Test::Utils::tempdir();
my $verify = q{SELECT revision, result, sqlstate FROM migrate_verify()};

sql($node, $db, <<'SQL');
SELECT count(*) FROM migrate_register_script($$
-- revision: v1
-- migrate:up
CREATE TABLE account (id bigint PRIMARY KEY, email text);
INSERT INTO account VALUES (1, 'a@x');
-- migrate:down
DROP TABLE account;
-- migrate:verify
SELECT email IS NOT NULL FROM account;
-- revision: v2
-- down_revision: v1
-- migrate:up
ALTER TABLE account ADD age int;
-- migrate:verify
SELECT count(*) = 2 FROM account;
-- migrate:down
ALTER TABLE account DROP age;
$$);
SQL

# A worker
my $job = sql($node, $db, 'SELECT migrate_submit()');
my ($out, $errors) = run_sql($node, $db, "CALL migrate_wait($job)");
like($errors, qr/^23514: job $job failed: verify of revision "v2" failed/, 'worker: the job fails');
is(sql($node, $db, "SELECT state, sqlstate, revision FROM migrate.jobs_details WHERE job = $job"), 'failed|23514|v2', 'worker: and says where');
is(sql($node, $db, $verify), 'v1|passed|', 'worker: the revision before is applied');
sql($node, $db, q{INSERT INTO account VALUES (2, 'b@x')});
$job = sql($node, $db, 'SELECT migrate_submit()');
sql($node, $db, "CALL migrate_wait($job)");
is(sql($node, $db, $verify), "v1|passed|\nv2|passed|", 'worker: it passes when it holds');

# Beside a run, whose lock it does not need, and of which it sees what is committed
my $run = $node->background_psql($db);
$run->query_safe(q{SET client_min_messages = warning; BEGIN; SELECT migrate_stamp('v1')});
is(sql($node, $db, "SET lock_timeout = '100ms'; SET migrate.lock_wait = '100ms'; $verify"), "v1|passed|\nv2|passed|", 'beside a run');
$run->query_safe(q{ROLLBACK; BEGIN; LOCK TABLE account});
is(sql($node, $db, "SET migrate.lock_timeout = '100ms'; $verify"), "v1|failed|55P03\nv2|failed|55P03", 'a locked table is not waited for longer than by a run');
$run->query_safe('ROLLBACK');
$run->quit;

# A standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is(sql($standby, $db, $verify), "v1|passed|\nv2|passed|", 'standby: passes');
sql($node, $db, 'DELETE FROM account WHERE id = 2');
$node->wait_for_catchup($standby);
is(sql($standby, $db, $verify), "v1|passed|\nv2|failed|23514", 'standby: fails');
$standby->stop;

# A script for psql
sub psql_script
{
	my ($to, $script) = @_;
	open my $handle, '>', "$dir/script.sql" or die $!;
	print $handle $script;
	close $handle or die $!;
	($out, $errors) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-At', '-d', $node->connstr($to), '-f', "$dir/script.sql" ], '>', \$out, '2>', \$errors);
	return;
}
$node->safe_psql('postgres', 'CREATE DATABASE written');
psql_script('written', $node->safe_psql($db, q{SELECT migrate_script('v2')}));
is($errors, '', 'script: a Boolean that is false does not end it');
like($out, qr/^t\n(.*\n)*f$/m, 'script: but is shown');
is(sql($node, 'written', 'SELECT version_num FROM migrate.version'), 'v2', 'script: done');
sql($node, $db, q{SELECT migrate_register('v3', 'CREATE TABLE more (a int)', '', '{v2}', verify => 'SELECT a FROM more; SELECT 1 / count(*) FROM more')});
psql_script('written', $node->safe_psql($db, q{SELECT migrate_script('v2:v3')}));
like($errors, qr/ERROR:  division by zero/, 'script: an error ends it');
is(sql($node, 'written', q{SELECT version_num, to_regclass('more') IS NULL FROM migrate.version}), 'v2|t', 'script: and nothing is left');
sql($node, $db, q{SELECT migrate_register('v3', 'CREATE TABLE more (a int)', '', '{v2}', replace => true, verify => 'SELECT nextval(''numbers'')')});
sql($node, 'written', 'CREATE SEQUENCE numbers');
psql_script('written', $node->safe_psql($db, q{SELECT migrate_script('v2:v3')}));
like($errors, qr/ERROR:  cannot execute nextval\(\) in a read-only transaction/, 'script: what writes is refused');
sql($node, $db, q{SELECT migrate_register('v3', 'CREATE TABLE more (a int)', '', '{v2}', replace => true, verify => 'SELECT true')});
psql_script('written', $node->safe_psql($db, q{SELECT migrate_script('v2:v3')}));
is($errors, '', 'script: the version row is written after it');
is(sql($node, 'written', 'SELECT version_num FROM migrate.version'), 'v3', 'script: at the head');

# A dump brings the body along, and the hash is the same.
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '-f', "$dir/dump.sql", '-d', $node->connstr($db) ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/dump.sql", '-d', $node->connstr('restored') ], 'restore');
my $shown = q{SELECT h.revision, s.verify, s.hash FROM migrate_history() AS h, migrate_show(h.revision) AS s ORDER BY 1};
is(sql($node, 'restored', $shown), sql($node, $db, $shown), 'restored: bodies and hashes');
is(sql($node, 'restored', $verify), sql($node, $db, $verify), 'restored: the same answers');

$node->stop;
done_testing();
