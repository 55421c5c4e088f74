# What migrate_script() writes for a graph makes, run by psql, what a deploy makes:
# over Alembic's samples and random graphs with branches, merges and dependencies,
# all at once, in ranges, and back.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('script_graphs');
my $db = new_database($node, 'origin');
my $dir = PostgreSQL::Test::Utils::tempdir();
my $table = 'public.alembic_version';
$node->safe_psql('postgres', 'CREATE DATABASE by_psql');
sql($node, $db, "CREATE TABLE $table (version_num varchar(255) PRIMARY KEY); ALTER DATABASE $db SET migrate.version_table = '$table'");

# What the bodies have done, in which order, and the rows.
my $empty = 'DROP SCHEMA IF EXISTS app CASCADE; CREATE SCHEMA app; CREATE TABLE app.told (n int GENERATED ALWAYS AS IDENTITY, what text);';
my $state = <<"SQL";
SELECT 'rows ' || version_num FROM $table ORDER BY 1;
SELECT 'told ' || n || ' ' || what FROM app.told ORDER BY n;
SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'app'::regnamespace ORDER BY 1;
SQL

sub script_of
{
	my (@revisions) = @_;
	return join '', map { my $r = $_; my $name = $r->{id} =~ s/\W/_/gr;
		"-- revision: $r->{id}\n-- down_revision: @{[ join ', ', @{ $r->{down} } ]}\n-- depends_on: @{[ join ', ', @{ $r->{depends} } ]}\n"
		  . "-- branch_labels: @{[ join ', ', @{ $r->{labels} } ]}\n"
		  . "-- migrate:up\nCREATE TABLE app.t_$name (i int);\nINSERT INTO app.told (what) VALUES ('up $name');\n"
		  . "-- migrate:down\nINSERT INTO app.told (what) VALUES ('down $name');\nDROP TABLE app.t_$name;\n" } @revisions;
}

# psql's output of a text; an error ends it and is told.
sub psql_of
{
	my ($to, $text) = @_;
	my ($out, $errors) = ('', '');
	open my $handle, '>', "$dir/script.sql" or die $!;
	print $handle $text;
	close $handle or die $!;
	local $ENV{PGOPTIONS} = '-c client_min_messages=error';
	IPC::Run::run([ 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($to), '-f', "$dir/script.sql" ], '>', \$out, '2>', \$errors);
	return ($out, $errors);
}

# at: a revision where the ranges meet.
sub graph_is
{
	my ($name, $at, @revisions) = @_;
	my $registered = "$empty DELETE FROM migrate.revision; DELETE FROM $table;\n"
	  . "SELECT 'n ' || count(*) FROM migrate_register_script(\$register\$" . script_of(@revisions) . "\$register\$);\n";
	my $mark = "\\echo --mark\n";
	my ($expected, $errors) = psql_of($db, $registered . join $mark, '',
		"CALL migrate_deploy('heads');\n$state", "CALL migrate_revert('base');\n$state",
		"$empty CALL migrate_deploy('$at');\n$state", "CALL migrate_deploy('heads');\n$state");
	is($errors, '', "$name: deployed") or return;
	my @runs = split /^--mark\n/m, $expected;
	shift @runs;
	my ($written) = psql_of($db, join "\\echo --mark\n", map { "SELECT migrate_script($_);\n" }
		  "'heads'", "'heads:base', 'downgrade'", "'$at'", "'$at:heads'");
	my @scripts = split /^--mark\n/m, $written;
	my $echo = "\n\\echo --mark\n";
	my ($got, $failed) = psql_of('by_psql', "DROP TABLE IF EXISTS $table;\n$empty\n" . join $echo, '',
		"$scripts[0]\n$state", "$scripts[1]\n$state",
		"$empty\n$scripts[2]\n$state", "$scripts[3]\n$state");
	is($failed, '', "$name: the scripts run");
	my @psql = split /^--mark\n/m, $got;
	shift @psql;
	is(scalar @psql, 4, "$name: each of them");
	foreach my $i (0 .. 3)
	{
		my $what = ('base:heads', 'heads:base', "base:$at", "$at:heads")[$i];
		is($psql[$i], $runs[$i], "$name, $what: the same database and rows");
	}
	return;
}

srand(4711);

# Alembic's samples: the graphs; what is asked of them is in sql/alembic_samples.sql.
my $nsamples = 0;
foreach my $line (split /\n/, slurp_file("$FindBin::RealBin/../test/alembic/samples.jsonl"))
{
	my $sample = decode_json($line);
	my @revisions = @{ $sample->{revisions} };
	graph_is("sample $sample->{id}", $revisions[ rand @revisions ]{id}, @revisions);
	$nsamples++;
}
cmp_ok($nsamples, '>=', 60, 'there are samples');

# Random ones, larger than these.
foreach my $graph (1 .. 20)
{
	my (@revisions, %is_head);
	foreach my $n (1 .. 8 + int rand 12)
	{
		my $id = sprintf 'r%x%02d', int rand 16, $n;
		my @heads = sort keys %is_head;
		my @down = !@heads || rand() < 0.1 ? () :
		  @heads > 1 && rand() < 0.3 ? @heads[ 0, 1 + int rand $#heads ] :
		  rand() < 0.6 ? ($heads[ rand @heads ]) : ($revisions[ rand @revisions ]{id});
		my @depends = @revisions && rand() < 0.25 ? ($revisions[ rand @revisions ]{id}) : ();
		delete @is_head{@down};
		$is_head{$id} = 1;
		push @revisions, { id => $id, down => \@down, depends => \@depends, labels => rand() < 0.2 ? ["branch$n"] : [] };
	}
	graph_is("graph $graph", $revisions[ rand @revisions ]{id}, @revisions);
}

$node->stop;
done_testing();
