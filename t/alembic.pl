# Alembic and the extension take turns on one version table.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

require_alembic();

my $node = new_node('alembic');
my $register = alembic_revisions();
my $db;

# Runs a command, which succeeds.
sub run
{
	my ($ok, $out, $err) = alembic($node, $db, @_);
	ok($ok, "$db: alembic @_") or diag($err);
	return $out;
}

sub extension
{
	my ($call) = @_;
	return sql($node, $db, "SELECT $call") =~ s/\n/ /gr;
}

# Both say the same about where the database is.
sub current_is
{
	my ($expected) = @_;
	my $alembic = join(' ', sort map { (split)[0] } split(/\n/, run('current')));
	is($alembic, $expected, "$db: alembic says " . ($expected || 'base'));
	is( extension('revision FROM migrate_current() ORDER BY 1'),
		$expected, "$db: the extension says the same");
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
run('upgrade', 'r2');
sql($node, $db, $register);
current_is('r2');
is(extension("migrate_upgrade('+2')"), 'r3 r4', 'the extension continues');
current_is('r4');
run('upgrade', 'heads');
current_is('r6');
is(extension('migrate_is_current()'), 't', 'nothing left to do');
is(columns(), $complete, 'all columns are there');
is(extension("migrate_downgrade('r4')"), 'r6 r5a r5b', 'the extension takes the merge down');
current_is('r4');
run('upgrade', 'r5b');
current_is('r5b');
is(extension("migrate_upgrade('r5a')"), 'r5a', 'the extension inserts a row for the other branch');
current_is('r5a r5b');
run('upgrade', 'head');
current_is('r6');
run('downgrade', 'base');
current_is('');
is(columns(), '', 'all of it is gone');

# The extension begins, in the table that Alembic would create.
new_application('extension_first');
run('ensure_version');
sql($node, $db, $register);
current_is('');
is(extension("migrate_upgrade('r2')"), 'r1 r2', 'the extension begins');
current_is('r2');
run('upgrade', '+2');
current_is('r4');
is(extension("migrate_upgrade('r5a')"), 'r5a', 'the extension takes one branch');
current_is('r5a');
run('upgrade', 'r5b');
current_is('r5a r5b');
is(extension('migrate_upgrade()'), 'r6', 'the extension merges');
current_is('r6');
run('upgrade', 'head');
current_is('r6');
is(columns(), $complete, 'all columns are there');
run('downgrade', 'r5a');
current_is('r5a r5b');
is(extension("migrate_downgrade('r4')"), 'r5a r5b', 'the extension takes both branches down');
current_is('r4');
run('stamp', 'r6');
current_is('r6');
is(extension("migrate_stamp('{r5a,r5b}'::text[])"), 'r5a r5b', 'the extension stamps');
current_is('r5a r5b');
is(extension("migrate_stamp('r4', true)"), 'r4', 'the extension purges');
current_is('r4');
is(extension("migrate_downgrade('base')"), 'r4 r3 r2 r1', 'the extension takes all of it down');
current_is('');
run('upgrade', 'head');
current_is('r6');

$node->stop;
done_testing();
