# The command of each tool in docs/moving-in.md registers a small project in the
# tool's form, and a deploy runs it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA 'sha1_hex';
use IPC::Run;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $create = 'CREATE TABLE tag (id int PRIMARY KEY);';
my $color = 'ALTER TABLE tag ADD COLUMN color text;';
my ($uncreate, $uncolor) = ('DROP TABLE tag;', 'ALTER TABLE tag DROP COLUMN color;');

# As graphile-migrate commits a file: its hash is part of the next one's header.
my $first = '--! Previous: -';
my $hash = 'sha1:' . sha1_hex("$first\n$create\n");
my @committed = (
	"$first\n--! Hash: $hash\n\n$create\n",
	"--! Previous: $hash\n--! Hash: sha1:" . sha1_hex("--! Previous: $hash\n$color\n") . "\n\n$color\n");

# Of each tool: files, and how many revisions can be taken back.
my %projects = (
	alembic => [ 2, {
		'up.sql' => "BEGIN;\n\nCREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));\n\n"
		  . "-- Running upgrade  -> a1\n\n$create\n\nINSERT INTO alembic_version (version_num) VALUES ('a1') RETURNING alembic_version.version_num;\n\n"
		  . "-- Running upgrade a1 -> b2\n\n$color\n\nUPDATE alembic_version SET version_num='b2' WHERE alembic_version.version_num = 'a1';\n\nCOMMIT;\n",
		'down.sql' => "BEGIN;\n\n-- Running downgrade b2 -> a1\n\n$uncolor\n\nUPDATE alembic_version SET version_num='a1' WHERE alembic_version.version_num = 'b2';\n\n"
		  . "-- Running downgrade a1 -> \n\n$uncreate\n\nDELETE FROM alembic_version WHERE alembic_version.version_num = 'a1';\n\nDROP TABLE alembic_version;\n\nCOMMIT;\n" } ],
	dbmate => [ 2, {
		'db/migrations/20240131120000_create_tag.sql' => "-- migrate:up\n$create\n\n-- migrate:down\n$uncreate\n",
		'db/migrations/20240201120000_color.sql' => "-- migrate:up\n$color\n\n-- migrate:down\n$uncolor\n" } ],
	diesel => [ 2, {
		'migrations/2024-01-31-120000_create_tag/up.sql' => $create, 'migrations/2024-01-31-120000_create_tag/down.sql' => $uncreate,
		'migrations/2024-02-01-120000_color/up.sql' => $color, 'migrations/2024-02-01-120000_color/down.sql' => $uncolor,
		'migrations/2024-02-01-120000_color/metadata.toml' => "run_in_transaction = false\n" } ],
	flyway => [ 1, {
		'db/migration/V1_9__create_tag.sql' => $create =~ s/tag/\${schema}.tag/r,
		'db/migration/V1_10__color.sql' => $color, 'db/migration/U1_10__color.sql' => $uncolor,
		'db/migration/R__views.sql' => 'CREATE OR REPLACE VIEW colors AS SELECT color FROM tag;' } ],
	'golang-migrate' => [ 2, {
		'migrations/000001_create_tag.up.sql' => $create, 'migrations/000001_create_tag.down.sql' => $uncreate,
		'migrations/000002_color.up.sql' => $color, 'migrations/000002_color.down.sql' => $uncolor } ],
	goose => [ 2, {
		'migrations/00001_create_tag.sql' => "-- +goose Up\n$create\n-- +goose Down\n$uncreate\n",
		'migrations/00002_color.sql' => "-- +goose Up\n-- +goose StatementBegin\n$color\n-- +goose StatementEnd\n-- +goose Down\n$uncolor\n" } ],
	graphile => [ 0, {
		'migrations/committed/000001.sql' => $committed[0], 'migrations/committed/000002-color.sql' => $committed[1] } ],
	liquibase => [ 2, {
		'db/1.sql' => "--liquibase formatted sql\n\n--changeset ann:1\n$create\n--rollback $uncreate\n\n--changeset ann:2\n$color\n--rollback $uncolor\n" } ],
	'node-pg-migrate' => [ 2, {
		'migrations/1600000000000_create-tag.sql' => "-- Up Migration\n$create\n-- Down Migration\n$uncreate\n",
		'migrations/1600000000001_color.sql' => "-- Up Migration\n$color\n-- Down Migration\n$uncolor\n" } ],
	prisma => [ 0, {
		'prisma/migrations/migration_lock.toml' => "provider = \"postgresql\"\n",
		'prisma/migrations/20240131120000_create_tag/migration.sql' => $create,
		'prisma/migrations/20240201120000_color/migration.sql' => $color } ],
	refinery => [ 0, {
		'migrations/V1__create_tag.sql' => $create, 'migrations/V2__color.sql' => $color } ],
	sqitch => [ 2, {
		'sqitch.plan' => "%syntax-version=1.0.0\n%project=app\n\ntag 2024-01-31T12:00:00Z Ann <ann\@example.com> # Create tag\n"
		  . "color [tag] 2024-02-01T12:00:00Z Ann <ann\@example.com> # Color\n",
		map { +"$_->[0]/$_->[1].sql" => "BEGIN;\n$_->[2]\nCOMMIT;\n" }[ 'deploy', 'tag', $create ],
		[ 'deploy', 'color', $color ], [ 'revert', 'tag', $uncreate ], [ 'revert', 'color', $uncolor ],
		[ 'verify', 'tag', 'SELECT id FROM tag WHERE false;' ] } ],
	sqlx => [ 2, {
		'migrations/20240131120000_create_tag.up.sql' => $create, 'migrations/20240131120000_create_tag.down.sql' => $uncreate,
		'migrations/20240201120000_color.up.sql' => $color, 'migrations/20240201120000_color.down.sql' => $uncolor } ],
	supabase => [ 0, {
		'supabase/migrations/20240131120000_create_tag.sql' => $create,
		'supabase/migrations/20240201120000_color.sql' => $color } ],
	'our own files' => [ 2, {
		'migrations/1.sql' => "-- revision: a1\n-- migrate:up\n$create\n-- migrate:down\n$uncreate\n",
		'migrations/2.sql' => "-- revision: b2\n-- down_revision: a1\n-- migrate:up\n$color\n-- migrate:down\n$uncolor\n" } ]);

my $node = new_node('moving_in');
my $root = PostgreSQL::Test::Utils::tempdir();
my $page = slurp_file("$FindBin::RealBin/../docs/moving-in.md");
my %command_of;
my @languages;
while ($page =~ /^## ([^\n]*)\n\n```(sh|sql)\n(.*?)^```$/msg)
{
	$command_of{ lc $1 } = $3;
	push @languages, $1 if ($2 eq 'sql') != ($3 =~ /\A\\set /);
}
is(join(', ', @languages), '', 'what psql reads is not for the shell');
is(join(', ', sort grep { $_ ne 'how' } keys %command_of), join(', ', sort keys %projects), 'each tool has a project here');

sub put
{
	my ($path, $text) = @_;
	return write_file("$root/$path", $text);
}

# What psql is told.  Of a page for the shell it is the text that it reads; the
# line for a database that the tool has migrated needs the tool's table.
sub psql_part
{
	my ($command) = @_;
	$command = $1 if $command =~ /^psql .*<<'END'\n(.*?)^END$/ms;
	$command =~ s/^SELECT \* FROM migrate_adopt\(.*\n//m;
	return $command;
}

foreach my $tool (sort keys %projects)
{
	my ($reversible, $files) = @{ $projects{$tool} };
	my $folder = $tool =~ s/\W/_/gr;
	put("$folder/$_", $files->{$_}) foreach sort keys %$files;
	my $db = new_database($node, $folder);
	my $out = '';
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db) ], '<', \psql_part($command_of{$tool}),
		'>&', \$out, init => sub { chdir "$root/$folder" or die $! });
	my $added = () = $out =~ /\|added$/mg;
	is($added, $tool eq 'flyway' ? 3 : 2, "$tool: registered") or diag($out);
	is(sql($node, $db, "CALL migrate_deploy(); SELECT migrate_is_current(), (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'tag'::regclass AND attnum > 0)"),
		't|id color', 'and deployed');
	is(sql($node, $db, 'SELECT count(downgrade) FROM migrate.revision'), $reversible, 'with the way back that it has');
	is(sql($node, $db, "CALL migrate_revert('base'); SELECT to_regclass('tag')"), '', 'and back') if $reversible == 2;
}

# The baseline of the page, in a database as the README makes it.  A role that does
# not own the extension can run it elsewhere.
my ($baseline) = grep { /migrate_baseline/ } $page =~ /^```sh\n(.*?)^```$/msg;
like(slurp_file("$FindBin::RealBin/../docs/reference.md"), qr/\Q$baseline\E/, 'the reference has the same baseline');
foreach my $db (qw(app elsewhere))
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, "CREATE SCHEMA migrate_api; CREATE EXTENSION migrate SCHEMA migrate_api; ALTER DATABASE $db SET search_path = public, migrate_api");
}
sql($node, 'app', "$create COMMENT ON TABLE tag IS 'CREATE EXTENSION migrate '");
{
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	$node->command_ok([ 'sh', '-ec', $baseline ], 'the baseline of the page');
}
my $body = sql($node, 'app', q{SELECT upgrade FROM migrate_show('0001')});
unlike($body, qr/^[^']*EXTENSION (IF NOT EXISTS )?migrate /m, 'does not have this extension');
sql($node, 'elsewhere', <<"SQL");
CREATE ROLE mover LOGIN;
GRANT CREATE ON SCHEMA public TO mover;
GRANT USAGE ON SCHEMA migrate_api TO mover;
GRANT EXECUTE ON PROCEDURE migrate_deploy TO mover;
SELECT migrate_register('0001', upgrade => \$body\$$body\$body\$);
SQL
is(sql($node, 'elsewhere', "SET SESSION AUTHORIZATION mover;\nCALL migrate_deploy();\nSELECT tableowner FROM pg_tables WHERE tablename = 'tag'"), 'mover', 'and a role without rights on it runs it');

$node->stop;
done_testing();
