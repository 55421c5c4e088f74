# docs/tutorial.md from its first block to its last, in the database that the
# README's Install leaves.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigratePage;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

# A run says so if it waits for an autovacuum.
my $node = new_node('tutorial', 'autovacuum = off');
my $directory = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE DATABASE app');
run_page($node, 'app', $directory, readme_install());
run_page($node, 'app', $directory, page_blocks('docs/tutorial.md'));

is(sql($node, 'app', 'SELECT count(*), count(*) FILTER (WHERE applied) FROM migrate_history_details()'), '5|5', 'everything is applied');
is(sql($node, 'app', 'SELECT partial + failed + jobs FROM migrate.health'), '0', 'and well');
is(sql($node, 'app', 'SELECT count(*) FROM migrate.schedule'), '0', 'no schedule');
is(scalar(() = glob("$directory/all_of_it/*.sql")), 5, 'five files');

$node->stop;
done_testing();
