# A project that Sqitch itself makes and deploys becomes the same database here.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan(skip_all => 'sqitch is not installed') if system('sqitch --version >/dev/null 2>&1') != 0;

my $node = new_node('import_sqitch');
my $root = PostgreSQL::Test::Utils::tempdir();

sub put
{
	my ($path, $text) = @_;
	return write_file("$root/$path", $text);
}

sub sqitch
{
	my (@arguments) = @_;
	local $ENV{SQITCH_FULLNAME} = 'Ann Author';
	local $ENV{SQITCH_EMAIL} = 'ann@example.com';
	local $ENV{HOME} = $root;
	local $ENV{EDITOR} = 'true';
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ 'sqitch', '--chdir', $root, @arguments ], '>', \$out, '2>&1');
	ok($ok, "sqitch @arguments") or diag($out);
	return $out;
}

# The scripts of a change, as its author writes them into what Sqitch has made.
sub scripts
{
	my ($change, $deploy, $revert, $verify) = @_;
	put("deploy/$change.sql", "-- Deploy app:$change to pg\n\nBEGIN;\n\n$deploy\n\nCOMMIT;\n");
	put("revert/$change.sql", "-- Revert app:$change from pg\n\nBEGIN;\n\n$revert\n\nCOMMIT;\n") if defined $revert;
	put("verify/$change.sql", "-- Verify app:$change on pg\n\nBEGIN;\n\n$verify\n\nROLLBACK;\n") if defined $verify;
	return;
}

sub dump_of
{
	my ($db) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_dump', '-d', $node->connstr($db), '--inserts', '-N', 'sqitch', '-N', 'migrate', '-n', 'app' ], '>', \$out, '2>', \$err) or die $err;
	return $out =~ s/^\\(un)?restrict.*\n//gmr;
}

my @target = ('--target', 'db:pg://' . ($node->host =~ s{/}{%2F}gr) . ':' . $node->port . '/sqitch');

sqitch('init', 'app', '--engine', 'pg');
sqitch('add', 'schema', '-n', 'The schema.');
scripts('schema', 'CREATE SCHEMA app;', 'DROP SCHEMA app;', "SELECT pg_catalog.has_schema_privilege('app', 'usage');");
sqitch('add', 'users', '-r', 'schema', '-n', 'Who is there; [x] # <y>');
scripts('users', 'CREATE TABLE app.users (name text PRIMARY KEY);', 'DROP TABLE app.users;', 'SELECT name FROM app.users WHERE false;');
sqitch('add', 'add_user', '-r', 'schema', '-r', 'users', '-x', 'other:old_users', '-n', 'A function');
scripts('add_user', 'CREATE OR REPLACE FUNCTION app.add_user(name text) RETURNS void LANGUAGE sql AS $$ INSERT INTO app.users VALUES (name) $$;', 'DROP FUNCTION app.add_user(text);', "SELECT 'app.add_user(text)'::regprocedure;");
sqitch('tag', 'v1.0', '-n', 'The first one');
sqitch('rework', 'add_user', '-n', 'In lower case');
scripts('add_user', 'CREATE OR REPLACE FUNCTION app.add_user(name text) RETURNS void LANGUAGE sql AS $$ INSERT INTO app.users VALUES (lower(name)) $$;');
sqitch('add', 'ann', '-r', 'add_user@v1.0', '-n', 'Data');
scripts('ann', "SELECT app.add_user('Ann');", 'DELETE FROM app.users;', 'SELECT 1/count(*) FROM app.users;');

new_database($node, 'sqitch');
sqitch('deploy', '--verify', @target);

new_database($node, 'here');
$node->safe_psql('here', "SELECT * FROM migrate_register_directory('$root')");
is(sql($node, 'here', "SELECT string_agg(concat_ws(' ', revision, down_revision, depends_on, message), '; ' ORDER BY revision) FROM migrate.revision"),
	'add_user {users} {schema} A function; add_user_2 {add_user} {} In lower case; ann {add_user_2} {add_user} Data; schema {} {} The schema.; users {schema} {} Who is there; [x] # <y>',
	'the plan');
sql($node, 'here', 'CALL migrate_deploy()');
is(dump_of('here'), dump_of('sqitch'), 'the same database');
sql($node, 'here', "CALL migrate_revert('add_user')");
sqitch('revert', '-y', @target, '--to', '@v1.0');
is(dump_of('here'), dump_of('sqitch'), 'and back');

# A change that comes later, which is tagged then.
sqitch('tag', 'v2.0', '-n', 'The second one');
sqitch('add', 'bob', '-n', 'More data');
scripts('bob', "SELECT app.add_user('Bob');", 'DELETE FROM app.users;', 'SELECT 1/count(*) FROM app.users;');
is(sql($node, 'here', "SELECT revision FROM migrate_register_directory('$root') WHERE result <> 'unchanged'"), 'bob', 'what is new');
sql($node, 'here', 'CALL migrate_deploy()');
sqitch('deploy', @target);
is(dump_of('here'), dump_of('sqitch'), 'and the same database');

$node->stop;
done_testing();
