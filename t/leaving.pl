# docs/leaving.md: every block runs, and what is left does without the extension.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('leaving');
my $db = 'app';
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', 'CREATE SCHEMA migrate_api; CREATE EXTENSION migrate SCHEMA migrate_api; ALTER DATABASE app SET search_path = public, migrate_api');
sql($node, $db, <<'SQL');
SELECT migrate_register('a1', 'CREATE TABLE a (i int)', 'DROP TABLE a');
SELECT migrate_register('a2', E'ALTER TABLE a ADD COLUMN j int -- ''\nDEFAULT 1', 'ALTER TABLE a DROP COLUMN j', '{a1}');
SELECT migrate_register('b2', 'CREATE TABLE b (i int)', 'DROP TABLE b', '{a1}');
CALL migrate_deploy('heads');
SQL
my $fingerprint = 'SELECT migrate_fingerprint()';
my $schema = sql($node, $db, $fingerprint);

my (%out, $before);
foreach my $block (slurp_file("$FindBin::RealBin/../docs/leaving.md") =~ /^```sql\n(.*?)^```$/msg)
{
	my ($out, $errors) = ('', '');
	my ($first) = $block =~ /(.*)/;
	$before = sql($node, $db, 'SELECT count(*) FROM pg_extension WHERE extname = $$migrate$$') if $first =~ /^DROP EXTENSION/;
	$node->psql($db, $block, stdout => \$out, stderr => \$errors, on_error_stop => 1);
	is($errors, '', "runs: $first");
	$out{$first} = $out;
}
is(scalar keys %out, 9, 'blocks');
is($out{'SELECT revision, state, note FROM migrate.status WHERE state <> \'applied\';'}, '', 'everything is done');
like($out{'SELECT path, content FROM migrate_export();'}, qr/^000002_a2\.sql\|-- revision: a2$/m, 'files');
is($before, '1', 'the extension was there');
is(sql($node, $db, q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'migrate%'}), '0', 'and is gone');
is($node->safe_psql($db, 'SHOW search_path'), '"$user", public', 'from the search_path, too');
is(sql($node, $db, 'SELECT count(*), max(j) FROM a'), '0|', 'what bodies have made is there');
is(sql($node, $db, 'SELECT version_num FROM alembic_version ORDER BY 1'), "a2\nb2", 'the version rows');
is(sql($node, $db, 'SELECT version FROM schema_migrations ORDER BY 1'), "a1\na2\nb2", 'all versions');
is(sql($node, $db, 'SELECT count(*) FROM migration_log'), '3', 'the log');

# The script makes the same in a database that has never had the extension.
my ($script) = grep { /ON_ERROR_STOP/ } values %out;
my $file = PostgreSQL::Test::Utils::tempdir() . '/script.sql';
append_to_file($file, $script);
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok([ 'psql', '-Xq', '-d', 'plain', '-f', $file ], 'the script runs');
is(sql($node, 'plain', 'SELECT version_num FROM alembic_version ORDER BY 1; DROP TABLE alembic_version'), "a2\nb2", 'and leaves the version rows');
is(sql($node, 'plain', "CREATE SCHEMA migrate_api; CREATE EXTENSION migrate SCHEMA migrate_api; SET search_path = public, migrate_api; $fingerprint"), $schema, 'and the same schema');

$node->stop;
done_testing();
