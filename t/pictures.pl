# The pictures of migrate_graph(), read by the tools that draw them: every
# revision with the label it should have, every edge, and nothing else.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('pictures');
my $db = new_database($node, 'app');

# Of one revision each state, a branch point, a merge, a dependency, and what has
# a meaning in one of the languages.
sql($node, $db, <<'SQL');
SELECT migrate_register('a1', 'CREATE TABLE a (i int)', 'DROP TABLE a', message => 'the first one', branch_labels => '{main}');
SELECT migrate_register('end', 'SELECT 1', 'SELECT 1', '{a1}', message => '<script>alert(1)</script> %% -->');
SELECT migrate_register('subgraph', 'SELECT 1', 'SELECT 1', '{a1}', message => 'graph LR; "quoted" \n \l #quot; `é` 1. x');
SELECT migrate_register('h "1 [x]', 'CREATE INDEX CONCURRENTLY i ON a (i); SELECT 1/0', 'DROP INDEX CONCURRENTLY i', '{a1}');
SELECT migrate_register('m1', '', '', ARRAY['end', 'subgraph']);
SELECT migrate_register('o1', 'SELECT 1', 'SELECT 1', depends_on => '{m1}', message => 'class click style');
SQL
sql($node, $db, q(CALL migrate_deploy('a1')));
my (undef, $errors) = run_sql($node, $db, q(CALL migrate_deploy('h "1 [x]')));
like($errors, qr/division by zero/, 'one is partial');

my @nodes = ('a1 (applied, main) the first one|applied',
	'end (pending) <script>alert(1)</script> %% -->|pending',
	'h "1 [x] (head, partial)|partial',
	'm1 (head, pending)|pending',
	'o1 (head, pending; needs m1) class click style|pending',
	'subgraph (pending) graph LR; "quoted" \n \l #quot; `é` 1. x|pending');
my @edges = ('a1 -> end', 'a1 -> h "1 [x]', 'a1 -> subgraph', 'end -> m1', 'm1 -> o1 dotted', 'subgraph -> m1');

SKIP:
{
	skip('dot is not installed', 1) unless is_installed('dot');
	is(read_dot(picture('dot')), join("\n", sort @nodes, @edges), 'dot');
}

SKIP:
{
	my ($modules) = grep { m{/node_modules/\.bin$} } split /:/, $ENV{PATH};
	skip('mermaid is not installed', 1) unless $modules && -d "$modules/../mermaid" && is_installed('node');
	is(read_mermaid("$modules/..", picture('mermaid')), join("\n", sort @nodes, @edges), 'mermaid');
	note(picture('mermaid'));
}

$node->stop;
done_testing();

sub picture
{
	my ($format) = @_;
	return sql($node, $db, "SELECT migrate_graph(format => '$format')");
}

# What dot has drawn, in the words of test/mermaid/nodes.mjs.
sub read_dot
{
	my ($picture) = @_;
	my ($svg, %class_of) = ('', '#c8e6c9' => 'applied', '#ffffff' => 'pending', '#ffcc80' => 'partial');
	ok(IPC::Run::run([ 'dot', '-Tsvg' ], '<', \$picture, '>', \$svg), 'dot draws it');
	my (%label, @nodes, @edges);
	while ($svg =~ m{<g id="node\d+" class="node">\s*<title>(.*?)</title>(.*?)</g>}gs)
	{
		my ($id, $drawing) = ($1, $2);
		my ($colour) = $drawing =~ /fill="(#\w+)"/;
		$label{$id} = text_of(join '\n', $drawing =~ m{<text .*?>(.*?)</text>}gs);
		push @nodes, "$label{$id}|$class_of{$colour}";
	}
	while ($svg =~ m{<g id="edge\d+" class="edge">\s*<title>(.*?)&#45;&gt;(.*?)</title>(.*?)</g>}gs)
	{
		push @edges, join(' -> ', map { id_of($label{$_}) } $1, $2) . ($3 =~ /stroke-dasharray/ ? ' dotted' : '');
	}
	return join "\n", sort @nodes, @edges;
}

sub text_of
{
	my ($xml) = @_;
	my %entity = (lt => '<', gt => '>', amp => '&', quot => '"');
	return $xml =~ s/&(?:#(\d+)|(\w+));/defined $1 ? chr $1 : $entity{$2}/ger;
}

sub read_mermaid
{
	my ($modules, $picture) = @_;
	my ($out, $err) = ('', '');
	ok(IPC::Run::run([ 'node', "$FindBin::RealBin/../test/mermaid/nodes.mjs", $modules ], '<', \$picture, '>', \$out, '2>', \$err),
		'mermaid reads it') or diag($err);
	return join "\n", sort split /\n/, $out;
}

# Of the label of a revision its id.
sub id_of
{
	my ($label) = @_;
	return $label =~ s/ \(.*//sr;
}
