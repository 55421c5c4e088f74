# sqlalchemy/alembic#1487, replayed: on a server whose DDL commits by itself
# Alembic changes the tables, then the UPDATE of alembic_version fails with
# SerializationFailure, and nothing can go on from there.  The extension meets
# the same failure, and the next ones, and gets to the end.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use MigrateTest;
use Test::More;

# The distribution's own, whose python has the driver.
$ENV{PATH} = "/usr/bin:$ENV{PATH}";
$ENV{PYTHONDONTWRITEBYTECODE} = 1;
if (system('alembic --version >/dev/null 2>&1') != 0)
{
	fail('alembic is not installed: install the packages alembic and python3-psycopg2');
	done_testing();
	exit 1;
}

my $environment = "$FindBin::RealBin/../test/alembic_env";
my $node = new_node('alembic_1487',
	"shared_preload_libraries = 'migrate_yb_sim,migrate'",
	"yb_sim.server_version = '15.12-YB-2025.2.0.0-b1'",
	"migrate.version_table = 'public.alembic_version'");

# The second write of a version row in a session fails, as if another session
# had written it.
my $failure = "yb_sim.fail_with=conflict yb_sim.fail_point=version yb_sim.fail_at=2";

sub alembic
{
	my ($db, @arguments) = @_;
	my $url = "postgresql+psycopg2:///$db?host=" . $node->host . '&port=' . $node->port;
	my ($out, $err) = ('', '');
	local $ENV{PGOPTIONS} = join ' ', map { "-c $_" } split / /, $failure;
	my $ok = IPC::Run::run(
		[ 'alembic', '-c', "$environment/alembic.ini", '-x', "url=$url", @arguments ],
		'>', \$out, '2>', \$err);
	return ($ok, $err);
}

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
my ($ok, $error) = alembic($db, 'upgrade', 'head');
ok(!$ok, 'alembic fails');
like($error, qr/SerializationFailure.*could not serialize access due to concurrent update/s, 'with 40001');
like($error, qr/\[SQL: UPDATE alembic_version SET version_num='r2'/, 'at the version row');
is(sql($node, $db, $state), 'account alembic_version|id name email|',
	'the tables are changed, the version table does not know of it');
($ok, $error) = alembic($db, 'upgrade', 'head');
ok(!$ok, 'and once more');
like($error, qr/DuplicateTable.*"account" already exists/s, 'now it cannot go on');

my $register = <<'SQL';
SELECT migrate_register('r1', 'CREATE TABLE account (id serial PRIMARY KEY, name varchar(40) NOT NULL)',
  'DROP TABLE account');
SELECT migrate_register('r2', 'ALTER TABLE account ADD COLUMN email text;
  CREATE INDEX account_email_idx ON account (email)', 'ALTER TABLE account DROP COLUMN email', '{r1}');
SELECT migrate_register('r3', $$INSERT INTO account VALUES (1, 'ann', 'ann@example.com')$$,
  'DELETE FROM account', '{r2}');
SELECT migrate_register('r4', 'CREATE TABLE invoice (id serial PRIMARY KEY, account int REFERENCES account)',
  'DROP TABLE invoice', '{r3}');
SELECT migrate_register('r5a', 'ALTER TABLE invoice ADD COLUMN total numeric',
  'ALTER TABLE invoice DROP COLUMN total', '{r4}');
SELECT migrate_register('r5b', 'ALTER TABLE account ADD COLUMN phone text',
  'ALTER TABLE account DROP COLUMN phone', '{r4}');
SELECT migrate_register('r6', '', '', '{r5a,r5b}');
SQL
my $done = 'account alembic_version invoice|id name email phone|r6';

# The way out of it: say where the database really is, and go on from there.
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
