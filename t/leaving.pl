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

# A database with the revisions of the page.
sub arrive
{
	my ($of) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $of");
	$node->safe_psql($of, "CREATE SCHEMA migrate_api; CREATE EXTENSION migrate SCHEMA migrate_api; ALTER DATABASE $of SET search_path = public, migrate_api");
	sql($node, $of, <<'SQL');
SELECT migrate_register('a1', 'CREATE TABLE a (i int)', 'DROP TABLE a');
SELECT migrate_register('a2', E'ALTER TABLE a ADD COLUMN j int -- ''\nDEFAULT 1', 'ALTER TABLE a DROP COLUMN j', '{a1}');
SELECT migrate_register('b2', 'CREATE TABLE b (i int)', 'DROP TABLE b', '{a1}');
SQL
	return;
}

arrive($db);
sql($node, $db, "CALL migrate_deploy('heads')");
my $fingerprint = 'SELECT migrate_fingerprint()';
my $schema = sql($node, $db, $fingerprint);

# Runs all blocks of the page; returns what each has printed, by its first line and,
# of a transaction, the second one.
sub leave
{
	my ($of) = @_;
	my %out;
	foreach my $block (slurp_file("$FindBin::RealBin/../docs/leaving.md") =~ /^```sql\n(.*?)^```$/msg)
	{
		my ($out, $errors) = ('', '');
		my ($first) = $block =~ /\A(?:BEGIN;\n)?(.*)/;
		$out{before} = sql($node, $of, 'SELECT count(*) FROM pg_extension WHERE extname = $$migrate$$') if $first =~ /^DROP EXTENSION/;
		$block =~ s/DATABASE app/DATABASE $of/;
		$node->psql($of, $block, stdout => \$out, stderr => \$errors, on_error_stop => 1);
		is($errors =~ s/^.*NOTICE: .*already exists, skipping\n?//r, '', "$of runs: $first");
		$out{$first} = $out;
	}
	is(scalar keys %out, 11, 'blocks');
	is($out{before}, '1', 'the extension was there');
	is(sql($node, $of, q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'migrate%'}), '0', 'and is gone');
	is($node->safe_psql($of, 'SHOW search_path'), '"$user", public', 'from the search_path, too');
	is(sql($node, $of, 'SELECT version_num FROM alembic_version ORDER BY 1'), "a2\nb2", 'the version rows');
	is(sql($node, $of, 'SELECT version FROM schema_migrations ORDER BY 1'), "a1\na2\nb2", 'all versions');
	return %out;
}

my %out = leave($db);
is($out{'SELECT revision, state, note FROM migrate.status WHERE state <> \'applied\';'}, '', 'everything is done');
like($out{'SELECT path, content FROM migrate_export();'}, qr/^000002_a2\.sql\|-- revision: a2$/m, 'files');
is(sql($node, $db, 'SELECT count(*), max(j) FROM a'), '0|', 'what bodies have made is there');
is(sql($node, $db, 'SELECT count(*) FROM migration_log'), '3', 'the log');

# The script makes the same in a database that has never had the extension.
my ($script) = grep { /ON_ERROR_STOP/ } values %out;
my $file = PostgreSQL::Test::Utils::tempdir() . '/script.sql';
append_to_file($file, $script);
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok([ 'psql', '-Xq', '-d', 'plain', '-f', $file ], 'the script runs');
is(sql($node, 'plain', 'SELECT version_num FROM alembic_version ORDER BY 1; DROP TABLE alembic_version'), "a2\nb2", 'and leaves the version rows');
is(sql($node, 'plain', "CREATE SCHEMA migrate_api; CREATE EXTENSION migrate SCHEMA migrate_api; SET search_path = public, migrate_api; $fingerprint"), $schema, 'and the same schema');

# Moved in from Alembic, which is locked out, and gone on here.
arrive('moved');
sql($node, 'moved', <<'SQL');
CREATE TABLE a (i int);
CREATE TABLE alembic_version (version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('a1');
CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('a0');
SELECT migrate_adopt('alembic', 'public.alembic_version', lock_out => true);
CALL migrate_deploy('heads');
SQL
my (undef, undef, $said) = $node->psql('moved', 'DROP EXTENSION migrate');
like($said, qr/^DETAIL: +trigger migrate_lock_out on table alembic_version depends on/m, 'the extension is not dropped as long as a tool is locked out');
leave('moved');
is(sql($node, 'moved', q{SELECT count(*) FROM pg_trigger WHERE tgname = 'migrate_lock_out'}), '0', 'Alembic is let in');

$node->stop;
done_testing();
