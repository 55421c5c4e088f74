# Alembic and the extension take turns on one version table.

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
my $version = `alembic --version 2>&1`;
if (!defined $version || $version !~ /^alembic/)
{
	fail('alembic is not installed: install the packages alembic and python3-psycopg2');
	done_testing();
	exit 1;
}
note($version);

my $node = new_node('alembic');
my $environment = "$FindBin::RealBin/../test/alembic_env";

# The revisions of the environment, as the extension has them.
my $register = <<'SQL';
SET client_min_messages = warning;
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

my $db;

sub alembic
{
	my (@arguments) = @_;
	my $url = "postgresql+psycopg2:///$db?host=" . $node->host . '&port=' . $node->port;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(
		[ 'alembic', '-c', "$environment/alembic.ini", '-x', "url=$url", @arguments ],
		'>', \$out, '2>', \$err);
	ok($ok, "$db: alembic @arguments") or diag($err);
	return $out;
}

sub extension
{
	my ($call) = @_;
	return sql($node, $db, "SELECT $call") =~ s/\n/ /gr;
}

# Both say the same about where the database is.
sub stands_on
{
	my ($expected) = @_;
	my $alembic = join(' ', sort map { (split)[0] } split(/\n/, alembic('current')));
	is($alembic, $expected, "$db: alembic stands on " . ($expected || 'base'));
	is( extension('revision FROM migrate_current() ORDER BY 1'),
		$expected, "$db: the extension stands on the same");
	return;
}

sub columns
{
	return sql($node, $db, "SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY 1)
		FROM (SELECT table_name, column_name FROM information_schema.columns
		      WHERE table_schema = 'public' AND table_name <> 'alembic_version'
		      ORDER BY 1, 2) AS c");
}

sub new_application
{
	($db) = @_;
	new_database($node, $db);
	sql($node, $db, "ALTER DATABASE $db SET migrate.version_table = 'public.alembic_version'");
	return;
}

my $complete = 'account.email account.id account.name account.phone invoice.account invoice.id invoice.total';

# Alembic begins.
new_application('alembic_first');
alembic('upgrade', 'r2');
sql($node, $db, $register);
stands_on('r2');
is(extension("migrate_upgrade('+2')"), 'r3 r4', 'the extension goes on');
stands_on('r4');
alembic('upgrade', 'heads');
stands_on('r6');
is(extension('migrate_is_current()'), 't', 'nothing left to do');
is(columns(), $complete, 'all columns are there');
is(extension("migrate_downgrade('r4')"), 'r6 r5a r5b', 'the extension takes the merge down');
stands_on('r4');
alembic('upgrade', 'r5b');
stands_on('r5b');
is(extension("migrate_upgrade('r5a')"), 'r5a', 'the extension inserts a row for the other branch');
stands_on('r5a r5b');
alembic('upgrade', 'head');
stands_on('r6');
alembic('downgrade', 'base');
stands_on('');
is(columns(), '', 'all of it is gone');

# The extension begins, in the table that Alembic would create.
new_application('extension_first');
alembic('ensure_version');
sql($node, $db, $register);
stands_on('');
is(extension("migrate_upgrade('r2')"), 'r1 r2', 'the extension begins');
stands_on('r2');
alembic('upgrade', '+2');
stands_on('r4');
is(extension("migrate_upgrade('r5a')"), 'r5a', 'the extension takes one branch');
stands_on('r5a');
alembic('upgrade', 'r5b');
stands_on('r5a r5b');
is(extension('migrate_upgrade()'), 'r6', 'the extension merges');
stands_on('r6');
alembic('upgrade', 'head');
stands_on('r6');
is(columns(), $complete, 'all columns are there');
alembic('downgrade', 'r5a');
stands_on('r5a r5b');
is(extension("migrate_downgrade('r4')"), 'r5a r5b', 'the extension takes both branches down');
stands_on('r4');
alembic('stamp', 'r6');
stands_on('r6');
is(extension("migrate_stamp('{r5a,r5b}'::text[])"), 'r5a r5b', 'the extension stamps');
stands_on('r5a r5b');
is(extension("migrate_stamp('r4', true)"), 'r4', 'the extension purges');
stands_on('r4');
is(extension("migrate_downgrade('base')"), 'r4 r3 r2 r1', 'the extension takes all of it down');
stands_on('');
alembic('upgrade', 'head');
stands_on('r6');

$node->stop;
done_testing();
