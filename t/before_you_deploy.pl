# The blocks of docs/before-you-deploy.md run in order, and print what the page
# says, but for milliseconds.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd;
use MigratePage;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('before_you_deploy');
my $db = new_database($node, 'app');
my $page = slurp_file("$FindBin::RealBin/../docs/before-you-deploy.md");
my ($revisions) = $page =~ /^```sql\n(.*?)^```$/ms;
my @blocks = $page =~ /^```\n(=> .*?)^```$/msg;

# What is there before: the revisions stand on this one.
my $first = <<'SQL';
-- revision: c40a6d92f1b3
-- migrate:up
CREATE TABLE ticket (id int PRIMARY KEY, subject text NOT NULL, price int NOT NULL);
CREATE TABLE agent (id int PRIMARY KEY, name text NOT NULL);
-- migrate:down
DROP TABLE ticket, agent;
SQL
sql($node, $db, "SELECT migrate_register_script(\$register\$$first\$register\$); CALL migrate_deploy()");
sql($node, $db, <<'SQL');
INSERT INTO agent SELECT g, 'name' FROM generate_series(1, 100) AS g;
INSERT INTO ticket SELECT g, 'subject ' || g, g FROM generate_series(1, 50000) AS g;
VACUUM ANALYZE agent, ticket;
SQL
sql($node, $db, "SELECT migrate_register_script(\$register\$$revisions\$register\$)");

# The files, where the page says that they are.
my $dir = PostgreSQL::Test::Utils::tempdir();
mkdir "$dir/migrations";
append_to_file("$dir/migrations/1.sql", $first);
append_to_file("$dir/migrations/2.sql", $revisions);
new_database($node, 'empty');

# What psql prints of the statements of a block is the rest of it, if it has any.
sub block_is
{
	my ($name, $block, $in) = @_;
	my $statements = join '', $block =~ /^=> (.*\n)/mg;
	(my $expected = $block) =~ s/^=> .*\n//mg;
	my ($out, $here) = ('', getcwd());
	chdir $dir;
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr($in // $db) ], '<', \"SET client_min_messages = warning;\n$statements", '>&', \$out);
	chdir $here;
	if ($expected eq '')
	{
		unlike($out, qr/ERROR|WARNING/, $name);
	}
	else
	{
		is(plain($out), plain($expected), $name);
	}
	return $out;
}

is(scalar @blocks, 7, 'the blocks of the page');
block_is('lint', $blocks[0]);
like(block_is('lint in an empty database', $blocks[1], 'empty'), qr/change-type/, 'it has findings');
block_is('migrate.lint refuses', $blocks[2]);
is(sql($node, $db, 'SELECT revision FROM migrate_current()'), 'c40a6d92f1b3', 'nothing was run');
block_is('round trip', $blocks[3]);
block_is('preview', $blocks[4]);

# What the text says between the blocks.
my ($script) = $page =~ /`(SELECT migrate_script\(.*?\))`/;
like($node->safe_psql($db, $script), qr/^ALTER TABLE ticket ADD COLUMN agent int;\n.*^CREATE INDEX CONCURRENTLY ticket_subject/ms, 'what a deploy would run');
my ($doctor) = $page =~ /`(SELECT \* FROM migrate_doctor\(\))`/;
like($node->safe_psql($db, $doctor), qr/pending/, 'the doctor');
sql($node, 'postgres', "LOAD 'migrate'; ALTER DATABASE $db SET migrate.track_schema = on");
my ($deploy) = $page =~ /`(CALL migrate_deploy\(\))`/;
sql($node, $db, $deploy);
is(sql($node, $db, 'SELECT migrate_is_current()'), 't', 'deployed');
block_is('verify', $blocks[5]);
sql($node, $db, 'DROP INDEX ticket_subject; ALTER TABLE ticket ADD COLUMN note text');
block_is('drift', $blocks[6]);
my ($accept) = $page =~ /`(migrate_drift_accept\(\))`/;
is(sql($node, $db, "SELECT $accept; SELECT count(*) FROM migrate_drift()"), "\n0", 'and accepted');

$node->stop;
done_testing();
