# The README from its first block to its last, which leaves nothing behind that it
# does not say.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigratePage;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @blocks = page_blocks('README.md');
# Where it says what the extension is.
shift @blocks;

# What is done on the machine, by a script each: scripts/bare, scripts/dist,
# scripts/deb; t/dockerfile.pl as far as a machine without images can.
my @machine = map { $_->[1] } grep { $_->[0] eq 'shell' } @blocks;
is(join("\n", map { /(.*)/ } @machine), <<'END' =~ s/\n\z//r, 'what is installed elsewhere');
scripts/demo
make
dpkg-buildpackage -us -uc -b
docker build -t postgres-migrate --build-arg PG_MAJOR=17 .
END

my $node = new_node('readme');
my $directory = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE DATABASE app');
run_page($node, 'app', $directory, @blocks);

is(sql($node, 'app', 'SELECT count(*) FROM migrate_heads()'), '1', 'one head');
is(sql($node, 'app', 'SELECT migrate_is_current()'), 't', 'which is applied');
is(sql($node, 'app', 'SELECT count(*) FROM migrate_history()'), scalar(() = glob("$directory/migrations/*.sql")), 'a file for each revision');
is(sql($node, 'app', "LOAD 'migrate'; SHOW migrate.version_table"), 'migrate.version', 'the version table is the own one');
is(sql($node, 'app', 'SELECT count(*) FROM migrate.job'), '0', 'no job');
is(sql($node, 'app', 'SELECT migrate_guard()'), '', 'no role was granted too much');

$node->stop;
done_testing();
