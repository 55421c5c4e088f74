# A project of Alembic is registered by contrib/alembic, as docs/alembic.md says, and
# is the same here: upgrades, downgrades, data; then the two take turns.

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

my $node = new_node('alembic_bridge');
my $sources = "$FindBin::RealBin/..";
my $page = slurp_file("$sources/docs/alembic.md");
my ($project, $said);

# The distribution's, whatever stands before them in PATH; the server's programs are
# those of the test.
my $programs = PostgreSQL::Test::Utils::tempdir();
symlink "/usr/bin/$_", "$programs/$_" foreach qw(alembic python3);
$ENV{PATH} = "$programs:$ENV{PATH}";
$ENV{PYTHONDONTWRITEBYTECODE} = 1;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
delete @ENV{qw(PGAPPNAME PGUSER)};

sub url
{
	my ($db, $driver) = @_;
	return 'postgresql+' . ($driver // 'psycopg2') . ":///$db?host=" . $node->host . '&port=' . $node->port;
}

# Runs a command in the project, for a database; returns whether it succeeded, what
# it printed, and its messages.
sub command
{
	my ($db, @command) = @_;
	local $ENV{PGDATABASE} = $db;
	local $ENV{DATABASE_URL} = url($db);
	my ($out, $err, $here) = ('', '', getcwd());
	chdir $project or die $project;
	my $ok = IPC::Run::run([@command], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	chdir $here;
	return ($ok, $out, $err);
}

# One that succeeds.
sub run
{
	my ($db, @command) = @_;
	my ($ok, $out, $err) = command($db, @command);
	ok($ok, "$db: @command") or diag($out, $err);
	return $out;
}

# One that fails; everything that it says.
sub fails
{
	my ($db, @command) = @_;
	my ($ok, $out, $err) = command($db, @command);
	ok(!$ok, "$db: @command fails");
	unlike($err, qr/Traceback/, 'with a message');
	return join ' ', split ' ', "$err $out";
}

# The same for registering.
sub register
{
	my ($db, $words) = @_;
	return run($db, 'alembic', '-x', "migrate=register$words", 'upgrade', 'heads');
}

sub register_fails
{
	my ($db, $words, $target) = @_;
	return fails($db, 'alembic', '-x', "migrate=register$words", 'upgrade', $target // 'heads');
}

sub put
{
	my ($path, $text) = @_;
	return write_file("$project/$path", $text);
}

# Changes a file of the project.
sub change
{
	my ($path, $from, $to) = @_;
	my $text = slurp_file("$project/$path");
	die "$path has no $from" if index($text, $from) < 0;
	put($path, $text =~ s/\Q$from\E/$to/gr);
	return;
}

# A revision whose bodies are a line each.
sub revision
{
	my ($id, $down, $upgrade, $downgrade) = @_;
	put("migrations/versions/$id.py", <<"END");
"""about $id"""
import datetime
import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.orm import Session
revision = '$id'
down_revision = $down
def upgrade():
    $upgrade
def downgrade():
    $downgrade
END
	return;
}

sub databases
{
	foreach my $db (@_)
	{
		new_database($node, $db);
		sql($node, $db, "ALTER DATABASE $db SET timezone = 'UTC'");
	}
	return;
}

# All but what belongs to one of the two.
sub dump_of
{
	my ($db) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_dump', '-d', $node->connstr($db), '--inserts', '-N', 'migrate', '-T', 'alembic_version' ], '>', \$out, '2>', \$err) or die $err;
	return without_key($out);
}

sub without_key
{
	my ($dump) = @_;
	return $dump =~ s/^\\(un)?restrict.*\n//gmr;
}

sub rows_of
{
	my ($db, $table) = @_;
	return sql($node, $db, "SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM $table");
}

# What commands of Alembic make of a database: what it is after each, and at which
# revisions.
sub played
{
	my ($db, @commands) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	run($db, 'python3', "$sources/test/alembic_bridge/play.py", $directory, @commands);
	return map {
		{ command => $commands[$_], dump => without_key(slurp_file("$directory/$_.sql")), rows => slurp_file("$directory/$_.rows") =~ s/\n//r }
	} 0 .. $#commands;
}

# The blocks of a language in a section of the page.
sub blocks
{
	my ($title, $language) = @_;
	my ($section) = $page =~ /^## \Q$title\E\n(.*?)(?=^## |\z)/ms;
	die "the page has no section $title" if !defined $section;
	return $section =~ /^```$language\n(.*?)^```$/msg;
}

my ($adapt, $register, $deploy, $print) = blocks('From Alembic to here', 'sh');
my ($lines) = blocks('From Alembic to here', 'diff');
my ($share) = blocks('Taking turns', 'sql');

# A copy of the project, which has the first revision as autogenerate makes it.
sub new_project
{
	my $first = $project && slurp_file("$project/migrations/versions/a01_create_shop.py");
	$project = PostgreSQL::Test::Utils::tempdir();
	mkdir "$project/$_" foreach qw(migrations migrations/versions);
	copy($_, $project) || die foreach glob("$sources/test/alembic_bridge/*.{ini,py}"), "$sources/contrib/alembic/migrate_alembic.py";
	copy($_, "$project/migrations") || die foreach glob "$sources/test/alembic_bridge/migrations/*.*";
	if ($first)
	{
		put('migrations/versions/a01_create_shop.py', $first);
	}
	else
	{
		$node->safe_psql('postgres', 'CREATE DATABASE scratch');
		run('scratch', 'alembic', 'revision', '--autogenerate', '--rev-id', 'a01', '-m', 'create shop');
	}
	copy($_, "$project/migrations/versions") || die foreach glob "$sources/test/alembic_bridge/migrations/versions/*.py";
	run('scratch', 'sh', '-ec', $adapt);
	return;
}

# The page, on an empty database ---------------------------------------------

new_project();
databases('alembic', 'app');
my ($complete, @downgrades) = played('alembic', 'upgrade heads',
	map { "downgrade $_" } qw(settings@s01 settings@base a09 a08 a07 billing@a04 a05 billing@a03 a03 a02 a01 base));
like(slurp_file("$project/migrations/env.py"), qr/^ *\Q$_\E/m, "env.py: $_") foreach $lines =~ /^\+ *(.*?)(?: +#.*)?$/mg;
unlike(slurp_file("$project/migrations/env.py"), qr/^ *context\.run_migrations/m, 'in all places');

$said = run('app', 'sh', '-ec', $register);
like($said, qr/^added a06 a third mood, and an index beside running sessions$/m, 'what was registered');
my ($turns) = $page =~ /^12 revisions: 12 added\n(.*?)^```$/ms;
is($said =~ s/.*^12 revisions: 12 added\n//msr, $turns, 'how many, and in an empty database how to take turns, as on the page');
run('app', 'sh', '-ec', $deploy);
is(dump_of('app'), $complete->{dump}, 'the same database');
is(rows_of('app', 'migrate.version'), $complete->{rows}, 'at the same revisions');
is( sql($node, 'app', "SELECT string_agg(concat_ws(' ', revision, down_revision, depends_on, branch_labels, message), E'\\n' ORDER BY revision) FROM migrate.revision WHERE revision IN ('a04', 'a08', 's01', 's02')"),
	"a04 {a03} {} {billing} billing begins\na08 {a06,a07} {} {} merge\ns01 {} {billing} {settings} settings\ns02 {s01} {a06} {} first settings",
	'with their branches, dependencies, labels and messages');

# Every downgrade, in an order in which each is one step.
foreach my $step (@downgrades)
{
	my ($target) = $step->{command} =~ / (.*)/;
	sql($node, 'app', "CALL migrate_revert('$target')");
	is(dump_of('app'), $step->{dump}, $step->{command});
	is(rows_of('app', 'migrate.version'), $step->{rows}, 'at the same revisions');
}

# Again, and changed ----------------------------------------------------------

like(register('app', ''), qr/^12 revisions: 12 unchanged$/m, 'again');
change('migrations/versions/a08.py', '"merge', '"a merge');
like(register_fails('app', ''), qr{The messages differ.*versions/a08\.sql.*nothing was registered: revision "a08" is already registered with another definition}, 'one that was changed');
like(register('app', ',replace'), qr/^replaced a08 a merge\n12 revisions: 1 replaced, 11 unchanged$/m, 'replaced');
unlink "$project/migrations/versions/s02.py" or die;
like(register('app', ',prune'), qr/^removed s02\n11 revisions: 1 removed, 11 unchanged$/m, 'removed');
like(register_fails('app', ',prune', 'a03'), qr/prune is for all revisions/, 'not those that were not asked for');
change('migrations/versions/a09.py', 'def upgrade():', "def upgrade():\n    op.execute('SELEC 1')");
$said = register_fails('app', ',replace');
like($said, qr{line 5 of file "versions/a09\.sql" upgrade body of revision "a09".*nothing was registered: syntax error at or near "SELEC"}, 'one that does not parse');
unlike($said, qr/CREATE TABLE/, 'without all the files');

# Without a connection ----------------------------------------------------------

new_project();
databases('printed');
run('printed', 'sh', '-ec', $print =~ s/\bapp\b/printed/r);
like(register('printed', ''), qr/^12 revisions: 12 unchanged$/m, 'what was printed is the same');

# Turns ------------------------------------------------------------------------

databases('turns');
sql($node, 'turns', $share =~ s/DATABASE app/DATABASE turns/r);
unlike(register('turns', ''), qr/ALTER DATABASE/, 'nothing is left to do');
is(run('turns', 'alembic', 'current'), '', 'and the version table is there');

# What the command says, in the order in which it says it.
databases('told');
register('told', '') =~ /^To take turns: (.*)\n.* table: (alembic ensure_version),/m or die;
my ($set, $ensure) = ($1, $2);
sql($node, 'told', $set);
session_is($node, 'told', 'no table', "CALL migrate_deploy('heads')", '', '42P01: version table "public.alembic_version" does not exist');
run('told', split ' ', $ensure);
sql($node, 'told', "CALL migrate_deploy('a02')");
is(rows_of('told', 'alembic_version'), 'a02', 'which both use');

# In another database Alembic does all of it.
databases('alone');
my @turns = ('upgrade a02', 'upgrade a06', 'upgrade a08', 'upgrade heads', 'downgrade a07', 'downgrade billing@a03', 'upgrade heads', 'downgrade base');
my $by_alembic = 0;
foreach my $step (played('alone', @turns))
{
	my ($command, $target) = split / /, $step->{command};
	if ($by_alembic)
	{
		run('turns', 'alembic', $command, $target);
	}
	else
	{
		sql($node, 'turns', $command eq 'upgrade' ? "CALL migrate_deploy('$target')" : "CALL migrate_revert('$target')");
	}
	my $name = "$step->{command} by " . ($by_alembic ? 'Alembic' : 'migrate');
	is(rows_of('turns', 'alembic_version'), $step->{rows}, "$name: at the same revisions");
	is(dump_of('turns'), $step->{dump}, "$name: the same database");
	$by_alembic = !$by_alembic;
}

# Applied by Alembic alone, in a database that does not name its table.
databases('late');
run('late', 'alembic', 'upgrade', 'a02');
like(register('late', ''), qr/^To take turns: ALTER DATABASE late SET migrate\.version_table = 'public\.alembic_version'$/m, 'what is left to do');
databases('adopted');
run('adopted', 'alembic', 'upgrade', 'a02');
$said = register('adopted', '');
my ($shown) = $page =~ /^(Version table .*?)^```$/ms;
is($said =~ s/\A.*?(?=^Version)//msr, $shown =~ s/DATABASE app/DATABASE adopted/r, 'that Alembic has applied revisions is said before a run, as on the page');
my ($adopt) = $said =~ /^To leave Alembic: (.*)$/m;
is(sql($node, 'adopted', $adopt), "a01|||adopted\na02|a02||adopted", 'what it says');
unlike(register('adopted', ''), qr/Alembic|To take turns/, 'is not said again');
run('adopted', 'alembic', 'upgrade', 'a03');
$said = register('adopted', '');
like($said, qr/: a03\.\nA run would execute them again, because it reads migrate\.version\. First: \Q$adopt\E$/m, 'of what Alembic has applied since there is one way');
unlike($said, qr/To take turns/, 'as its table may lack what has run here');
sql($node, 'adopted', $adopt);
sql($node, 'adopted', "ALTER DATABASE adopted SET migrate.version_table = 'public.missing'");
like(register('adopted', ''), qr/^To take turns: /m, 'nor where the version table in use is not there, which a run says');
sql($node, 'adopted', 'ALTER DATABASE adopted RESET migrate.version_table');
run('adopted', 'sh', '-ec', $deploy =~ s/\bapp\b/adopted/r);
is(dump_of('adopted'), $complete->{dump}, 'and the rest is deployed');
sql($node, 'late', "ALTER DATABASE late SET migrate.version_table = 'public.alembic_version'");
run('late', 'sh', '-ec', $deploy =~ s/\bapp\b/late/r);
is(dump_of('late'), $complete->{dump}, 'in turns, too');
sql($node, 'late', 'ALTER DATABASE late RESET migrate.version_table');
change('migrations/versions/a02.py', '"open"', '"opened"');
$said = register_fails('late', ',replace');
like($said, qr/applied according to version table "public\.alembic_version".*cannot replace or unregister revision "a02" because it is applied/, 'what Alembic has applied is not replaced');

# What works only online -----------------------------------------------------------

unlink glob "$project/migrations/versions/*.py";
my $other = url('app');
revision('o1', 'None', "op.create_table('t', sa.Column('id', sa.Integer))", "op.drop_table('t')");
revision('o2', "'o1'", "[op.execute('SELECT 1') for row in op.get_bind().execute(sa.text('SELECT id FROM t'))]", 'pass');
revision('o3', "'o2'", 'sa.inspect(op.get_bind()).get_table_names()', "raise Exception('there is no way back')");
revision('o4', "'o3'", "Session(bind=op.get_bind()).execute(sa.text('SELECT 1'))", 'pass');
revision('o5', "'o4'", "op.bulk_insert(sa.table('t', sa.column('at', sa.DateTime)), [{'at': datetime.datetime.now()}])", 'pass');
revision('o6', "'o5'", "sa.create_engine('$other').connect().execute(sa.text('SELECT 1'))", 'pass');
revision('o7', "'o6'", "op.get_bind().execute(sa.text('DELETE FROM t')).rowcount", 'pass');
revision('o8', "'o7'", "with op.batch_alter_table('t', recreate='always') as batch: batch.drop_column('id')", 'pass');
revision('o9', "'o8'", "context.is_offline_mode() or op.get_bind().execute(sa.text('SELECT 1')).scalar()\n    op.execute('DELETE FROM alembic_version')",
	"op.get_bind().execute(sa.text('SELECT id FROM t')).fetchall()");
databases('online');
$said = register_fails('online', '');
foreach my $reason (
	'o2: works only online: versions/o2.py, line 9: it looks at the result of SELECT id FROM t',
	'o3: works only online: versions/o3.py, line 9: it ',
	'o3: irreversible here: versions/o3.py, line 11: Exception: there is no way back',
	'o4: works only online: versions/o4.py, line 9:',
	'o5: works only online: versions/o5.py: upgrade() is another one each time',
	'o6: works only online: versions/o6.py, line 9: it runs statements on another connection',
	'o7: works only online: versions/o7.py, line 9: it looks at the result of DELETE FROM t',
	'o8: works only online: versions/o8.py, line 9:',
	'o9: irreversible here: versions/o9.py, line 12: it looks at the result of SELECT id FROM t',
	'nothing was registered: 7 of 9 revisions cannot be written as SQL')
{
	like($said, qr/\Q$reason\E/, $reason);
}
unlike($said, qr/o9: works|o1:/, 'the others are not among them');
is(sql($node, 'online', 'SELECT count(*) FROM migrate.revision'), '0', 'nothing is registered');

# Registered all the same, as what only Alembic can run.
revision("o$_", "'o" . ($_ - 1) . "'", 'pass', 'pass') foreach 4 .. 8;
sql($node, 'online', "ALTER DATABASE online SET migrate.version_table = 'public.alembic_version'");
like(register('online', ',stop'), qr/^9 revisions: 9 added$/m, 'with stop');
sql($node, 'online', "CALL migrate_deploy('heads')");
session_is($node, 'online', 'a run ends there', "CALL migrate_deploy('heads')", '', '55000: the external step of revision "o2" is not confirmed');
run('online', 'alembic', 'upgrade', 'o3');
sql($node, 'online', "CALL migrate_deploy('heads')");
like(run('online', 'alembic', 'current'), qr/^o9 /, 'and continues when Alembic has run it');
is(sql($node, 'online', "SELECT string_agg(revision, ' ' ORDER BY revision) FROM migrate.revision WHERE downgrade IS NULL"), 'o3 o9', 'irreversible ones');

# Where Alembic was left, and runs went on here.
my ($by_hand) = blocks('What works only online', 'sh');
my (undef, $stopped) = blocks('What works only online', '');
databases('gone_on');
register('gone_on', ',stop');
run('gone_on', 'alembic', 'ensure_version');
sql($node, 'gone_on', "SELECT migrate_adopt('alembic', 'public.alembic_version', lock_out => true)");
sql($node, 'gone_on', "CALL migrate_deploy('heads')");
is(rows_of('gone_on', 'migrate.version'), 'o1', 'a run ends before it');
(undef, undef, $said) = $node->psql('gone_on', "CALL migrate_deploy('heads')");
like($said =~ s/^psql:\S* //mr, qr/^\Q$stopped\E/m, 'the next one says what is to do, as on the page');
foreach my $id ('o2', 'o3')
{
	run('gone_on', 'sh', '-ec', $by_hand =~ s/\bapp\b/gone_on/gr =~ s/\bo2\b/$id/r);
	is(rows_of('gone_on', 'migrate.version'), $id, 'Alembic has run it, and it is adopted');
}
sql($node, 'gone_on', "CALL migrate_deploy('heads')");
is(rows_of('gone_on', 'migrate.version'), 'o9', 'and the rest runs here');
run('gone_on', 'alembic', 'stamp', 'o3');
my ($ok, undef, $err) = command('gone_on', 'alembic', 'stamp', 'o4');
ok(!$ok && $err =~ /alembic is locked out/, 'with Alembic locked out as before') or diag($err);

# Wrong commands -------------------------------------------------------------------

like(register_fails('online', 'ed'), qr/migrate=registered does not exist.*replace, prune, stop/, 'a word that does not exist');
like(fails('online', 'alembic', '-x', 'migrate=replace', 'upgrade', 'heads'), qr/lacks register/, 'without register');
like(fails('online', 'alembic', '-x', 'migrate=register', @$_), qr/goes with the command upgrade/, "with $_->[0]") foreach [ 'downgrade', 'base' ], [ 'stamp', 'o1' ], ['current'];
$node->safe_psql('postgres', 'CREATE DATABASE plain');
like(register_fails('plain', ',stop'), qr/extension "migrate" is not in database "plain": CREATE EXTENSION migrate/, 'without the extension');
sql($node, 'online', 'CREATE ROLE reader LOGIN');
{
	local $ENV{PGUSER} = 'reader';
	like(register_fails('online', ',stop'), qr/nothing was registered: permission denied for/, 'without the right');
}

$node->stop;
done_testing();
