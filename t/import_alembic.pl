# What the distribution's Alembic prints of a project with branches, a dependency and
# autocommit blocks becomes the same database here.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

require_alembic();

my $node = new_node('import_alembic');
my $root = PostgreSQL::Test::Utils::tempdir();
mkdir "$root/versions";

sub put
{
	my ($path, $text) = @_;
	return write_file("$root/$path", $text);
}

# A revision: its parents as python writes them, more of its head, and its bodies.
sub revision
{
	my ($id, $parents, $head, $up, $down) = @_;
	my ($upgrade, $downgrade) = map { join '', map { "    $_\n" } split /\n/ } $up, $down;
	put("versions/$id.py", <<"END");
"""$id"""
import sqlalchemy as sa
from alembic import op
revision = '$id'
down_revision = $parents
$head
def upgrade():
$upgrade
def downgrade():
$downgrade
END
	return;
}

sub alembic_here
{
	my (@arguments) = @_;
	local $ENV{PATH} = "/usr/bin:$ENV{PATH}";
	local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ 'alembic', '-c', "$root/alembic.ini", '-x', "url=postgresql+psycopg2:///alembic?host=" . $node->host . '&port=' . $node->port, @arguments ], '>', \$out, '2>', \$err);
	ok($ok, "alembic @arguments") or diag($err);
	return $out;
}

sub dump_of
{
	my ($db) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_dump', '-d', $node->connstr($db), '--inserts', '-n', 'public', '-T', 'alembic_version' ], '>', \$out, '2>', \$err) or die $err;
	return $out =~ s/^\\(un)?restrict.*\n//gmr;
}

put('alembic.ini', "[alembic]\nscript_location = %(here)s\n");
put('env.py', <<'END');
from alembic import context
from sqlalchemy import create_engine

url = context.get_x_argument(as_dictionary=True)["url"]
each = context.get_x_argument(as_dictionary=True).get("each") == "true"
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, transaction_per_migration=each)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
END
revision('a1', 'None', '', "op.create_table('account', sa.Column('id', sa.Integer, primary_key=True), sa.Column('mood', sa.Enum('good', 'bad', name='mood')))", "op.drop_table('account')\nop.execute('DROP TYPE mood')");
revision('b1', "'a1'", "branch_labels = 'billing'", "op.create_table('invoice', sa.Column('id', sa.Integer, primary_key=True))", "op.drop_table('invoice')");
revision('c1', "'a1'", '', "op.add_column('account', sa.Column('email', sa.Text, server_default=\"it's\"))\nwith op.get_context().autocommit_block():\n    op.execute(\"ALTER TYPE mood ADD VALUE 'so so'\")\n    op.create_index('account_email', 'account', ['email'], postgresql_concurrently=True)\nop.execute(\"INSERT INTO account VALUES (1, 'so so', 'a')\")", "with op.get_context().autocommit_block():\n    op.drop_index('account_email', postgresql_concurrently=True)\nop.execute('DELETE FROM account')\nop.drop_column('account', 'email')");
revision('d1', "('b1', 'c1')", '', "op.execute('''CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS \$\$\nBEGIN\n    RETURN 1;\nEND\$\$''')", "op.execute('DROP FUNCTION one()')");
revision('s1', 'None', "depends_on = 'd1'", "op.create_table('setting', sa.Column('name', sa.String(20), nullable=False))", "op.drop_table('setting')");

new_database($node, 'alembic');
alembic_here('upgrade', 'heads');
my ($register, $each) = map {
	my $up = alembic_here('-x', "each=$_", 'upgrade', 'base:heads', '--sql');
	my $down = alembic_here('-x', "each=$_", 'downgrade', 'heads:base', '--sql');
	"SELECT revision, result FROM migrate_register_files('{up.sql,down.sql}', ARRAY[\$up\$$up\$up\$, \$down\$$down\$down\$])"
} 'false', 'true';

new_database($node, 'here');
is(sql($node, 'here', "$register ORDER BY 1"), "a1|added\nb1|added\nc1|added\nd1|added\ns1|added", 'the revisions');
is(sql($node, 'here', $each =~ s/result FROM/DISTINCT result FROM/r =~ s/SELECT revision, /SELECT /r), 'unchanged', 'a transaction for each is the same');
is(sql($node, 'here', "SELECT string_agg(revision || down_revision::text || depends_on::text, ' ' ORDER BY revision) FROM migrate.revision"),
	'a1{}{} b1{a1}{} c1{a1}{} d1{b1,c1}{} s1{}{d1}', 'and their graph');
sql($node, 'here', "CALL migrate_deploy('heads')");
is(dump_of('here'), dump_of('alembic'), 'the same database');
is(sql($node, 'here', 'SELECT string_agg(version_num, NULL) FROM migrate.version'), sql($node, 'alembic', 'SELECT string_agg(version_num, NULL) FROM alembic_version'), 'at the same revision');
sql($node, 'here', "CALL migrate_revert('base')");
alembic_here('downgrade', 'base');
is(dump_of('here'), dump_of('alembic'), 'and back');

$node->stop;
done_testing();
