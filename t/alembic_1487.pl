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
	foreach my $what (qw(conflict restart_read expired yb_conflict catalog timed_out))
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

$node->stop;
done_testing();
