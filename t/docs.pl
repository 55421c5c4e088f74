# The SQL of docs/troubleshooting.md runs on a database as it may be: one revision
# is applied, one is partial, two heads are pending; its recipes do what they say.  What the sentences of all pages
# call is there, and their links lead somewhere, and to every page and every part of
# the reference.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $docs = "$FindBin::RealBin/../docs";
my $node = new_node('docs', "shared_preload_libraries = 'migrate'");
my $db = new_database($node, 'app');
sql($node, $db, <<'SQL');
SELECT migrate_register('a1', 'CREATE TABLE a (i int)', 'DROP TABLE a');
SELECT migrate_register('b1', 'CREATE INDEX CONCURRENTLY a_i ON a (i); SELECT 1 / count(*) FROM a', '', '{a1}');
SELECT migrate_register('b2', 'SELECT 1', '', '{a1}');
SQL
$node->psql($db, "CALL migrate_deploy('b1')");
is(sql($node, $db, 'SELECT partial FROM migrate.health'), '1', 'a revision is partial');

my @blocks = slurp_file("$docs/troubleshooting.md") =~ /^```sql\n(.*?)^```$/msg;
cmp_ok(scalar @blocks, '>', 4, 'troubleshooting: there are blocks');
foreach my $block (@blocks)
{
	foreach my $statement ($block =~ /(.*?;)[^\n]*\n/sg)
	{
		my ($out, $errors) = ('', '');
		$node->psql($db, $statement, stdout => \$out, stderr => \$errors);
		is($errors, '', "runs: $statement");
		isnt($out, '', 'and says something') unless $statement =~ /migrate\.(progress|jobs)/;
	}
}

# The downgrade of an applied revision is corrected as it says.
my ($correct) = slurp_file("$docs/troubleshooting.md") =~ /^```\n(\\set script .*?)^```$/ms;
my $corrected = new_database($node, 'corrected');
my $files = PostgreSQL::Test::Utils::tempdir();
mkdir "$files/migrations";
append_to_file("$files/migrations/c0de02.sql", "-- revision: c0de02\n-- down_revision: c0de01\n-- migrate:up\nCREATE TABLE b (i int);\n-- migrate:down\nDROP TABLE b;\n");
sql($node, $corrected, <<'SQL');
SELECT migrate_register('c0de01', 'CREATE TABLE a (i int)', 'DROP TABLE a');
SELECT migrate_register('c0de02', 'CREATE TABLE b (i int);', 'DROP TABLE c', '{c0de01}');
SELECT migrate_register('c0de03', 'CREATE TABLE d (i int)', 'DROP TABLE d', '{c0de02}');
CALL migrate_deploy();
SQL
$node->psql($corrected, "CALL migrate_revert('c0de01')", stderr => \my $wrong);
like($wrong, qr/table "c" does not exist/, 'a downgrade fails');
sql($node, $corrected, 'CALL migrate_deploy()');
{
	my $said;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $corrected ], '<', \$correct, '>&', \$said, init => sub { chdir $files or die $! })
	  || diag($said);
}
is(sql($node, $corrected, "CALL migrate_revert('base'); SELECT to_regclass('a'), to_regclass('b'), to_regclass('d')"), '||', 'and is corrected');

# So does a body that calls migrate_batch, without the schema that is asked for there.
$node->safe_psql('postgres', 'CREATE DATABASE batches');
$node->safe_psql('batches', <<'SQL');
CREATE SCHEMA migrate_api;
CREATE EXTENSION migrate SCHEMA migrate_api;
CREATE TABLE a (i int PRIMARY KEY, j int);
SELECT migrate_api.migrate_register('a1', $$CALL migrate_batch('a', 'UPDATE a SET j = i WHERE i BETWEEN $1 AND $2')$$, '');
SELECT migrate_api.migrate_register('a2', $$CALL migrate_api.migrate_batch('a', 'UPDATE a SET j = i WHERE i BETWEEN $1 AND $2')$$, '', '{a1}');
SQL
$node->psql('batches', 'CALL migrate_api.migrate_deploy()', stderr => \$wrong);
like($wrong, qr/procedure migrate_batch\(unknown, unknown\) does not exist/, 'migrate_batch is not found');
$node->safe_psql('batches', 'ALTER DATABASE batches SET search_path = public, migrate_api');
$node->safe_psql('batches', 'CALL migrate_deploy()');
is($node->safe_psql('batches', 'SELECT migrate_is_current()'), 't', 'and is, with the setting, or with its schema');

# Statements between sentences: with these arguments there is a function.
my ($n, @unknown) = (0);
foreach my $page (glob("$docs/*.md"), "$docs/../README.md")
{
	my $text = slurp_file($page);
	$text =~ s/^```.*?^```$//msg;
	foreach my $statement ($text =~ /`(SELECT [^`]*\bmigrate_[^`]*)`/g)
	{
		next if $statement =~ /\.\.\./;
		my $errors = '';
		$statement =~ s/(?<=[ (,]):'?\w+'?/'1'/g;
		$node->psql($db, "PREPARE inline AS $statement", stderr => \$errors);
		push @unknown, "$page: $statement: $errors" if $errors =~ /(function |relation ")migrate.* does not exist|syntax error/;
		$n++;
	}
}
cmp_ok($n, '>', 20, 'there are statements between sentences');
is(join("\n", @unknown), '', 'and what they call is there');
$node->stop;

# As GitHub makes it of a heading.
sub anchor
{
	my ($title) = @_;
	return lc($title) =~ s/[^\w\s-]//gr =~ s/\s/-/gr;
}

sub anchors
{
	my ($page) = @_;
	return { map { anchor($_) => 1 } slurp_file($page) =~ /^#+ (.*)$/mg };
}

my @broken;
foreach my $page (glob("$docs/*.md"), glob("$docs/../*.md"), "$docs/../src/README.md", "$docs/../bench/README.md")
{
	my ($directory, $text) = ($page =~ m{^(.*)/}, slurp_file($page));
	$text =~ s/^```.*?^```$//msg;
	foreach my $link ($text =~ /\]\(([^)\s]+)\)/g)
	{
		next if $link =~ m{^https?://};
		my ($file, $anchor) = $link =~ /^([^#]*)#?(.*)$/;
		my $target = $file eq '' ? $page : "$directory/$file";
		push @broken, "$page: $link" if !-e $target || $anchor ne '' && !anchors($target)->{$anchor};
	}
}
is(join("\n", @broken), '', 'links lead to files and headings');

my ($contents, $rest) = slurp_file("$docs/reference.md") =~ /\A(.*?)(^## .*)\z/ms;
is(join(', ', grep { $contents !~ /\(#\Q${\anchor($_)}\E\)/ } $rest =~ /^###? (.*)$/mg), '', 'the contents of the reference are complete');

my $readme = slurp_file("$docs/../README.md");
is(join(' ', grep { $readme !~ /\(docs\/$_\)/ } map { m{([^/]+)$} } glob "$docs/*.md"), '', 'the README names each page');
my %rows = map { $_ => 1 } slurp_file("$docs/comparison.md") =~ /^(\|.*)$/mg;
my ($table) = $readme =~ /^(\| \| migrate .*?)^$/ms;
is(join("\n", grep { !$rows{$_} } split /\n/, $table), '', 'its comparison is a part of that page');

done_testing();
