# docs/tutorial.md from its first block to its last, on a server where the
# README was done before.

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
my $elsewhere = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE DATABASE app');
run_page($node, 'app', $elsewhere, grep { $_->[0] ne 'shell' && $_->[1] !~ /^SELECT migrate_upgrade\('head'\)/ } page_blocks('README.md'));
run_page($node, 'tutorial', $directory, page_blocks('docs/tutorial.md'));

is(sql($node, 'tutorial', 'SELECT count(*), count(*) FILTER (WHERE applied) FROM migrate_history_details()'), '5|5', 'everything is applied');
is(sql($node, 'tutorial', 'SELECT partial + failed + jobs FROM migrate.health'), '0', 'and well');
is(sql($node, 'tutorial', 'SELECT count(*) FROM migrate.schedule'), '0', 'no schedule');
is(scalar(() = glob("$directory/all_of_it/*.sql")), 5, 'five files');

$node->stop;
done_testing();
