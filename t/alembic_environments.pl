# contrib/alembic in the environments that Alembic and Flask-Migrate make: what
# docs/alembic.md says about env.py is enough for each.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd;
use File::Copy;
use IPC::Run ();
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

require_alembic();

my $node = new_node('alembic_environments');
my $sources = "$FindBin::RealBin/..";
my ($adapt) = slurp_file("$sources/docs/alembic.md") =~ /^## From Alembic to here\n.*?^```sh\n(.*?)^```$/ms;
my ($project, $said);

my $programs = PostgreSQL::Test::Utils::tempdir();
symlink "/usr/bin/$_", "$programs/$_" foreach qw(alembic python3);
$ENV{PATH} = "$programs:$ENV{PATH}";
$ENV{PYTHONDONTWRITEBYTECODE} = 1;
delete @ENV{qw(PGAPPNAME PGUSER)};

sub url
{
	my ($db, $driver) = @_;
	return "postgresql+$driver:///$db?host=" . $node->host . '&port=' . $node->port;
}

# Runs a command in the project; what it printed.
sub run
{
	my (@command) = @_;
	my ($out, $err, $here) = ('', '', getcwd());
	chdir $project or die $project;
	my $ok = IPC::Run::run([@command], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	chdir $here;
	ok($ok, "@command") or diag($out, $err);
	return $out;
}

sub put
{
	my ($path, $text) = @_;
	return write_file("$project/$path", $text);
}

sub new_project
{
	$project = PostgreSQL::Test::Utils::tempdir();
	copy("$sources/contrib/alembic/migrate_alembic.py", $project) or die;
	return;
}

# Makes an environment of Alembic, whose databases have these URLs, with a revision.
sub new_environment
{
	my ($template, $ini, $bodies) = @_;
	new_project();
	run('alembic', 'init', '-t', $template, 'migrations');
	put('alembic.ini', "[alembic]\nscript_location = migrations\nprepend_sys_path = .\n$ini" . slurp_file("$project/alembic.ini") =~ s/\A.*?(?=^\[loggers\])//msr);
	put('migrations/versions/one.py', "import sqlalchemy as sa\nfrom alembic import op\nrevision = 'one'\ndown_revision = None\n$bodies");
	run('sh', '-ec', $adapt);
	return;
}

sub tables_are
{
	my ($db, $expected, $name) = @_;
	sql($node, $db, "CALL migrate_deploy('heads')");
	is(sql($node, $db, "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'"), $expected, $name);
	return;
}

my $t = <<'END';
def upgrade():
    op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))
def downgrade():
    op.drop_table('t')
END

new_database($node, 'generic');
new_environment('generic', 'sqlalchemy.url = ' . url('generic', 'psycopg2') . "\n", $t);
like(run('alembic', '-x', 'migrate=register', 'upgrade', 'head'), qr/^1 revision: 1 added$/m, 'generic');
tables_are('generic', 't', 'generic: deployed');

SKIP:
{
	skip 'asyncpg is not installed', 5 if system('python3 -c "import asyncpg" 2>/dev/null') != 0;
	new_database($node, 'async');
	new_environment('async', 'sqlalchemy.url = ' . url('async', 'asyncpg') . "\n", $t);
	like(run('alembic', '-x', 'migrate=register', 'upgrade', 'head'), qr/^1 revision: 1 added$/m, 'async');
	tables_are('async', 't', 'async: deployed');
}

# Each database has its own bodies; registered in both, or in none.
new_database($node, 'first');
new_database($node, 'second');
new_environment('multidb', join("\n", 'databases = first, second', map({ "[$_]\nsqlalchemy.url = " . url($_, 'psycopg2') } qw(first second)), ''), <<'END');
def upgrade(engine_name):
    op.execute(f'CREATE TABLE of_{engine_name} (id int)')
def downgrade(engine_name):
    op.drop_table(f'of_{engine_name}')
END
like(run('alembic', '-x', 'migrate=register', 'upgrade', 'head'), qr/^(added one\n1 revision: 1 added\nTo take turns: .*\nand then, to make that table: .*\n){2}\z/, 'multidb');
tables_are($_, "of_$_", "multidb: $_") foreach qw(first second);

SKIP:
{
	skip 'Flask-Migrate is not installed', 17 if system('python3 -c "import flask_migrate" 2>/dev/null') != 0;
	my $dump = sub {
		my ($out, $err) = ('', '');
		IPC::Run::run([ 'pg_dump', '-d', $node->connstr($_[0]), '--inserts', '-N', 'migrate' ], '>', \$out, '2>', \$err) or die $err;
		return $out =~ s/^\\(un)?restrict.*\n//gmr;
	};
	my $flask = sub {
		my ($db, @arguments) = @_;
		local $ENV{DATABASE_URL} = url($db, 'psycopg2');
		return run('python3', '-m', 'flask', 'db', @arguments);
	};
	foreach my $db (qw(alembic app))
	{
		new_database($node, $db);
		sql($node, $db, 'CREATE SCHEMA staff');
	}
	new_project();
	copy("$sources/test/alembic_bridge/flask/app.py", $project) or die;
	$flask->('alembic', 'init');
	run('sh', '-ec', $adapt);
	$flask->('alembic', 'migrate', '--rev-id', 'f1', '-m', 'shifts');
	unlike(slurp_file("$project/migrations/versions/f1_shifts.py"), qr/drop_table\('\w+', schema='migrate'/, 'autogenerate leaves the extension alone');
	my $model = slurp_file("$project/app.py");
	put('app.py', "$model    note = db.Column(db.Text)\n");
	$flask->('alembic', 'upgrade');
	$flask->('alembic', 'migrate', '--rev-id', 'f2', '-m', 'notes');
	$flask->('alembic', 'upgrade');

	$said = $flask->('app', 'upgrade', '-x', 'migrate=register');
	like($said, qr/^added f1 shifts\nadded f2 notes\n2 revisions: 2 added\n(To take turns: .*;?)$/m, 'Flask-Migrate');
	my ($share) = $said =~ /^To take turns: (.*)$/m;
	is($share, "ALTER DATABASE app SET migrate.version_table = 'staff.shop_version'", 'a version table of another name, in a schema');
	sql($node, 'app', $share);
	like($flask->('app', 'upgrade', '-x', 'migrate=register'), qr/^2 revisions: 2 unchanged$/m, 'again');
	sql($node, 'app', 'CALL migrate_deploy()');
	is($dump->('app'), $dump->('alembic'), 'the same database');
	$flask->('app', 'downgrade');
	sql($node, 'app', 'CALL migrate_deploy()');
	is($dump->('app'), $dump->('alembic'), 'in turns');
}

$node->stop;
done_testing();
