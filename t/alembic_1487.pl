# sqlalchemy/alembic#1487, replayed: on a server whose DDL commits by itself
# Alembic changes the tables, then the UPDATE of alembic_version fails with
# SerializationFailure, and nothing can continue from there.  The extension
# meets the same failure, and the next ones, and gets to the end.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

require_alembic();

my $node = new_node('alembic_1487',
	"shared_preload_libraries = 'migrate_yb_sim,migrate'",
	"yb_sim.server_version = '15.12-YB-2025.2.0.0-b1'",
	"migrate.version_table = 'public.alembic_version'");

# The tables, the columns of account, and where the version table is.
my $state = <<'SQL';
SELECT (SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'),
       (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
         WHERE attrelid = to_regclass('account') AND attnum > 0),
       (SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM alembic_version)
SQL

# As reported.
my $db = new_database($node, 'reported');
# The second write of a version row in a session fails, as if another session
# had written it.
$ENV{PGOPTIONS} = '-c yb_sim.fail_with=conflict -c yb_sim.fail_point=version -c yb_sim.fail_at=2';
my ($ok, undef, $error) = alembic($node, $db, 'upgrade', 'head');
ok(!$ok, 'alembic fails');
like($error, qr/SerializationFailure.*could not serialize access due to concurrent update/s, 'with 40001');
like($error, qr/\[SQL: UPDATE alembic_version SET version_num='r2'/, 'at the version row');
is(sql($node, $db, $state), 'account alembic_version|id name email|',
	'the tables are changed, the version table does not know of it');
($ok, undef, $error) = alembic($node, $db, 'upgrade', 'head');
delete $ENV{PGOPTIONS};
ok(!$ok, 'and once more');
like($error, qr/DuplicateTable.*"account" already exists/s, 'now it cannot continue');

my $register = alembic_revisions();
my $done = 'account alembic_version invoice|id name email phone|r6';

# The way out of it: say where the database really is, and continue from there.
sql($node, $db, "$register SELECT migrate_stamp('r2'); CALL migrate_deploy('head')");
is(sql($node, $db, $state), $done, 'the extension takes over from there');

# The same failure, and all the others.
foreach my $count (1, 5)
{
	foreach my $what (qw(conflict restart_read expired yb_conflict timed_out))
	{
		$db = new_database($node, "${what}_$count");
		sql($node, $db, 'CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY)');
		sql($node, $db, "$register
			SET yb_sim.fail_with = '$what'; SET yb_sim.fail_point = 'version';
			SET yb_sim.fail_count = $count; SET yb_sim.fail_at = 2;
			CALL migrate_deploy('head')");
		is(sql($node, $db, $state), $done, "$what, $count times: the extension gets to the end");
		is(sql($node, $db, 'SELECT count(*), sum(attempts) FROM migrate.log'), '7|' . (7 + $count),
			"$what, $count times: it met the failure");
		is(sql($node, $db, 'SELECT count(*) FROM account'), '1', "$what, $count times: no body ran twice");
	}
}

# A session renews its catalog cache between two commands of its client, so each
# failure takes another CALL.
my $stale = join("\n", 'failed after 2 attempts: The catalog snapshot used for this transaction has been invalidated: expected: 2, got: 1: MISMATCHED_SCHEMA',
	'HINT:  Another session has changed the schema, which this session will see with its next command. Nothing is lost: send the CALL again, it resumes where it was.');
foreach my $count (1, 5)
{
	$db = new_database($node, "catalog_$count");
	sql($node, $db, 'CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY)');
	sql($node, $db, $register);
	my $calls = "CALL migrate_deploy('head');\n" x $count;
	my $errors;
	my (undef, $out) = $node->psql($db, "
		SET client_min_messages = error;
		SET yb_sim.fail_with = 'catalog'; SET yb_sim.fail_point = 'version';
		SET yb_sim.fail_count = $count; SET yb_sim.fail_at = 2;
		$calls;
		SELECT string_agg(version_num, ',') FROM alembic_version;
		CALL migrate_deploy('head')", on_error_stop => 0, stderr => \$errors);
	my @stale = $errors =~ /\Q$stale\E/g;
	is(@stale . ' ' . (() = $errors =~ /ERROR/g), "$count $count", "catalog, $count times: it met the failure, and says what to do");
	is($out, 'r1', "catalog, $count times: the revision before stays");
	is(sql($node, $db, $state), $done, "catalog, $count times: the extension gets to the end");
	is(sql($node, $db, q{SELECT count(*) FROM migrate.log WHERE state = 'succeeded'}), '7', "catalog, $count times: each revision once");
	is(sql($node, $db, 'SELECT count(*) FROM account'), '1', "catalog, $count times: no body ran twice");
}

$node->stop;
done_testing();
