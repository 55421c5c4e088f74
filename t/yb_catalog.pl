# On what imitates YugabyteDB: the catalog cache of a session is renewed between two
# commands of its client, that of a background worker never.  What a CALL that meets
# an outdated one says and leaves, and how a job gets past it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('yb_catalog', 'max_worker_processes = 16',
	"shared_preload_libraries = 'migrate_yb_sim,migrate'",
	"yb_sim.server_version = '15.12-YB-2025.2.0.0-b1'");
my $db = new_database($node, 'app');
sql($node, $db, <<'SQL');
SET client_min_messages = error;
CREATE EXTENSION yb_sim;
CREATE TABLE seen (what text);
SQL

my $mismatch = 'The catalog snapshot used for this transaction has been invalidated: expected: 2, got: 1: MISMATCHED_SCHEMA';
my $not_found = 'Table with identifier 0000400600003000800000000000436b not found: OBJECT_NOT_FOUND';
my $undefined = 'relation "made_elsewhere" does not exist';
my $again = 'Another session has changed the schema, which this session will see with its next command.'
  . ' Nothing is lost: send the CALL again, it resumes where it was.';
my $maybe = 'If another session has just created what is missing, this session will see it with its next command:'
  . ' send the CALL again, it resumes where it was.';
my %message_of = (catalog => $mismatch, not_found => $not_found, undefined => $undefined);
my %transactional = (off => 'autonomous DDL', on => 'transactional DDL');

# Of several schemas the first one that meets an outdated cache is the last one:
# the others would meet it, too.  The same call resumes.
{
	sql($node, $db, "SELECT 'CREATE SCHEMA tenant_' || n FROM generate_series(1, 3) AS n \\gexec");
	sql($node, $db, "SELECT migrate_register('tenants', 'CREATE TABLE account (i int)', 'DROP TABLE account')");
	my $errors;
	$node->psql($db, "SET yb_sim.fail_with = 'catalog'; SET yb_sim.fail_point = 'statement'; SET yb_sim.fail_at = 2; CALL migrate_deploy(schemas => '{tenant_*}')", stderr => \$errors);
	like($errors, qr/^HINT:  For this schema: .*\n\Q$again\E$/m, 'tenants: what to do');
	like($errors, qr/ERROR:  upgrade failed in 1 of 3 schemas\nDETAIL:  Failed: "tenant_1"\. Succeeded: 0, not begun: 2\./, 'tenants: the run that fails is the last one');
	$node->psql($db, "CALL migrate_deploy(schemas => '{tenant_*}')", stderr => \$errors);
	like($errors, qr/done: 3 of 3 schemas upgraded/, 'tenants: the same call completes it');
	sql($node, $db, "CALL migrate_revert('base', schemas => '{tenant_*}'); SELECT migrate_unregister('tenants'); DROP SCHEMA tenant_1, tenant_2, tenant_3 CASCADE");
}

# Each error, on both server types, in the middle of the second revision.
my $revision = 0;
foreach my $ddl (sort keys %transactional)
{
	foreach my $failure (sort keys %message_of)
	{
		my $name = "$failure, $transactional{$ddl}";
		my ($first, $second) = map { "c$revision$_" } qw(a b);
		my $down = $revision ? "'{" . 'c' . ($revision - 1) . "b}'" : "'{}'";
		$revision++;
		sql($node, $db, <<"SQL");
SELECT migrate_register('$first', 'INSERT INTO seen VALUES (''$first'')', '', $down);
SELECT migrate_register('$second', 'CREATE TABLE $second (i int); INSERT INTO $second VALUES (1);
  ALTER TABLE $second ADD j int; UPDATE $second SET j = 2', '', '{$first}');
SQL
		# The fourth passing is the ALTER TABLE.
		my $fail = "SET yb_ddl_transaction_block_enabled = $ddl; SET yb_sim.fail_with = '$failure';"
		  . " SET yb_sim.fail_point = 'statement'; SET yb_sim.fail_at = 4;";
		my $errors;
		$node->psql($db, "$fail CALL migrate_deploy()", stderr => \$errors);
		my $attempts = $failure eq 'undefined' ? qr// : qr/upgrade of revision "$second" failed after 2 attempts(?: in \d+ s)?: /;
		like($errors, qr/ERROR:  $attempts\Q$message_of{$failure}\E/, "$name: the error");
		like($errors, qr/^HINT:  \Q${\($failure eq 'undefined' ? $maybe : $again)}\E$/m, 'and what to do');
		my @attempts = $errors =~ /NOTICE:  upgrade of revision "\w+" failed in (attempt \d+ of \d+), trying again/g;
		is("@attempts", $failure eq 'undefined' ? '' : 'attempt 1 of 2', 'not more than two attempts');
		is(sql($node, $db, "SELECT version_num FROM migrate.version; SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
			"$first\n0", 'the first revision stays, no lock does');

		# The same session.
		my ($rc, $out) = $node->psql($db, "$fail\nSET client_min_messages = error;\nCALL migrate_deploy();\nCALL migrate_deploy();\n"
			  . "SELECT version_num, i, j FROM migrate.version, $second", on_error_stop => 0);
		is($out, "$second|1|2", 'the next CALL completes it');
	}
}

# A statement whose effect the catalogs do not show.  The process knows that it was not
# done, and cannot write that; another one does, so that it is not unknown.
sql($node, $db, <<'SQL');
SELECT migrate_register('d1', $$DO 'BEGIN INSERT INTO seen VALUES (''d1''); END'; ALTER TABLE seen ADD CHECK (what <> '')$$, '', '{c5b}');
SQL
foreach my $at (1, 2)
{
	my $errors;
	$node->psql($db, "SET yb_sim.fail_with = 'catalog'; SET yb_sim.fail_point = 'statement'; SET yb_sim.fail_at = $at; CALL migrate_deploy()",
		stderr => \$errors);
	like($errors, qr{ERROR:  upgrade of revision "d1" failed after 2 attempts(?: in \d+ s)?: \Q$mismatch\E}, "statement $at");
	is(sql($node, $db, "SELECT count(*) FROM migrate.partial WHERE state = 'started'"), '0', 'no note says that it was started');
}
is(sql($node, $db, "CALL migrate_deploy(); SELECT count(*) FROM seen WHERE what = 'd1';"
	  . " SELECT count(*) FROM pg_constraint WHERE conrelid = 'seen'::regclass AND contype = 'c'"), "1\n1", 'another session completes it');
sql($node, $db, "SELECT migrate_stamp('c5b'); SELECT migrate_unregister('d1')");

# What really is missing is said once, with the server's own hint.
sql($node, $db, "SELECT migrate_register('m1', 'CREATE TABLE m1 (name int); SELECT naem FROM m1', '', '{c5b}')");
my $errors;
$node->psql($db, 'CALL migrate_deploy()', stderr => \$errors);
like($errors, qr/ERROR:  column "naem" does not exist/, 'a typo');
like($errors, qr/^HINT:  Perhaps you meant to reference the column "m1.name". \Q$maybe\E$/m, 'both hints');
unlike($errors, qr/attempt 1 of/, 'no second attempt');
sql($node, $db, "SELECT migrate_resolve('m1', 'abandon'); DROP TABLE m1; SELECT migrate_unregister('m1')");

# A job: another worker continues it, and that is no crash.
sub job_of
{
	my ($failure, $at, $body, $settings) = @_;
	sql($node, $db, 'DELETE FROM migrate.log');
	sql($node, $db, "SELECT migrate_register('j1', \$body\$$body\$body\$, '', '{c5b}')");
	sql($node, $db, "ALTER DATABASE $db SET yb_sim.fail_with = '$failure'; ALTER DATABASE $db SET yb_sim.fail_point = 'statement';"
		  . " ALTER DATABASE $db SET yb_sim.fail_at = $at");
	my $job = sql($node, $db, ($settings // '') . " SELECT migrate_submit()");
	wait_until($node, $db, "SELECT finished IS NOT NULL FROM migrate.job WHERE job = $job");
	sql($node, $db, "SET yb_sim.enabled = off; ALTER DATABASE $db RESET ALL");
	return $job;
}

sub clean_up
{
	sql($node, $db, "SELECT migrate_stamp('c5b'); SELECT migrate_unregister('j1')");
	return;
}

my $row = 'SELECT state, attempts, crashes, renewals, sqlstate, error FROM migrate.job WHERE job =';
foreach my $failure (sort keys %message_of)
{
	# Each worker executes a statement, and its second one fails.
	my $head = $failure ne 'undefined' ? qr/upgrade of revision "j1" failed after 2 attempts(?: in \d+ s)?: / : qr//;
	my $job = job_of($failure, 2, "CREATE TABLE j_$failure (i int); INSERT INTO j_$failure VALUES (1);"
		  . " ALTER TABLE j_$failure ADD j int; INSERT INTO j_$failure VALUES (2, 2)");
	is(sql($node, $db, "$row $job; SELECT count(*) FROM j_$failure"), "succeeded|4|0|1||\n2",
		"$failure: four workers for four statements");
	like(PostgreSQL::Test::Utils::slurp_file($node->logfile),
		qr/LOG:  migrate job $job continues in another worker: $head\Q$message_of{$failure}\E/, 'and the server log says why');
	clean_up();
}

# As long as nothing is committed, not for ever.
my $job = job_of('catalog', 1, 'CREATE TABLE j_never (i int)', 'SET migrate.max_attempts = 2;');
is(sql($node, $db, "$row $job"), 'failed|4|0|3|40001|other sessions have changed the schema during each of the last 3 attempts',
	'a schema that changes all the time');
like(sql($node, $db, "SELECT hint FROM migrate.job WHERE job = $job"), qr/^Submit the job again when no other session runs DDL/, 'and what to do');
clean_up();

# What really is missing: by two workers, with the server's error.
$job = job_of('undefined', 0, 'SELECT FROM nowhere');
is(sql($node, $db, "$row $job"), 'failed|2|0|1|42P01|relation "nowhere" does not exist', 'a typo in a job');
is(sql($node, $db, "SELECT hint FROM migrate.job WHERE job = $job"),
	'If another session has just created what is missing, submit the job again; it resumes where this one was.', 'and what to do');
clean_up();

# Everything else fails as ever.
$job = job_of('undefined', 0, 'SELECT 1/0');
is(sql($node, $db, "$row $job"), 'failed|1|0|0|22012|division by zero', 'another error ends a job');

is(sql($node, $db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', 'nothing is held');
$node->stop;
done_testing();
