# The manual page of pg_migrate is installed and correct, and names the commands,
# options and exit codes that --help and docs/pg_migrate.md name.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/..";
my $source = slurp_file("$top/client/pg_migrate.c");
my $page = slurp_file("$top/docs/pg_migrate.md");
my $manual = slurp_file("$top/client/pg_migrate.1");
my $help = `pg_migrate --help`;

# A part of a text, from a line on to the next one of that form.
sub part
{
	my ($text, $heading, $next) = @_;
	my ($part) = $text =~ /^\Q$heading\E\n(.*?)(?=^$next|\z)/ms;
	die "no $heading" if !defined $part;
	return $part;
}

sub in_help
{
	my ($heading) = @_;
	return part($help, "$heading:", '[A-Z].*');
}

# The first cells of the rows of a table.
sub in_page
{
	my ($heading) = @_;
	return map { tr/`//dr } part($page, "## $heading", '## ') =~ /^\| (.*?) \|/mg;
}

# What stands behind .TP, as it is printed.
sub in_manual
{
	my ($heading) = @_;
	my @tags;
	foreach my $line (part($manual, ".SH $heading", '\.SH ') =~ /^\.TP\n\.\w+ (.*)$/mg)
	{
		my $tag = '';
		$tag .= $1 // $2 while $line =~ /"([^"]*)"|(\S+)/g;
		$tag =~ s/\\f.//g;
		$tag =~ s/\\-/-/g;
		$tag =~ s/\\~/ /g;
		# -j N, --jobs=N
		$tag =~ s/^(-\w) \w+,/$1,/;
		push @tags, $tag;
	}
	return @tags;
}

my @commands = map { s/ +$//r } map { s/ +/ /r } in_help('Commands') =~ /^  (.{20})/mg;
cmp_ok(scalar @commands, '>', 10, 'there are commands');
is_deeply([ in_manual('COMMANDS') ], \@commands, 'the manual page has the commands of --help');
is_deeply([ sort grep { /^\w/ } in_page('Commands') ], [ sort @commands ], 'docs/pg_migrate.md has them');

my @options = map { s/^ +//r } (in_help('Options') . in_help('Connection options')) =~ /^ {2,6}(-.*?)(?:  |$)/mg;
cmp_ok(scalar @options, '>', 20, 'there are options');
is_deeply([ in_manual('OPTIONS') ], \@options, 'the manual page has the options of --help');
is_deeply([ grep { /^-/ } in_page('Options') ], \@options, 'docs/pg_migrate.md has them');
is_deeply([ sort grep { !/^(?:help|version)$/ } map { /--([\w-]+)/g } @options ], [ sort $source =~ /^\t\{\{"([\w-]+)", \w+_argument/mg ],
	'--help has those that the program takes');

# Which commands have an option: nothing is said of what all have, or all that print rows.
my %names = map { s/ .*//r => 1 } @commands;
my %of = map { /^\| (.*?) \| (.*?) \|/ ? ($1 =~ tr/`//dr => $2) : () } split /\n/, part($page, '## Options', '## ');
my %in_help = map { /^ *(-.*?)  +(.*)/s } map { s/\n */ /gr } split /^(?= {2,6}-)/m, in_help('Options');
my %in_manual = texts_in_manual();
foreach my $option (grep { defined $of{$_} && $of{$_} =~ /^`/ } @options)
{
	my @said = sort $of{$option} =~ /`(\w+)`/g;
	is_deeply([ commands_of($in_help{$option}) ], \@said, "$option in --help: its commands");
	is_deeply([ commands_of($in_manual{$option}) ], \@said, "$option in the manual page: its commands");
}

# Those of "a, b: to do; c: to do".
sub commands_of
{
	my ($text) = @_;
	my %found;
	$found{$_} = 1 foreach map { split /, / } $text =~ /(?:^|[;.] )((?:\w+, )*\w+):/g;
	return sort grep { $names{$_} } keys %found;
}

sub texts_in_manual
{
	my @tags = in_manual('OPTIONS');
	my @texts = map { s/^\.\w+ //mgr =~ s/"|\\f.|\\&//gr =~ s/\s+/ /gr =~ s/ ([:,])/$1/gr } part($manual, '.SH OPTIONS', '\.SH ') =~ /^\.TP\n\.\w+ [^\n]*\n(.*?)(?=^\.TP|^\.SS|\z)/msg;
	my %texts;
	@texts{@tags} = @texts;
	return %texts;
}

my @codes = ($help =~ /^Exit code: (.*)\z/ms)[0] =~ /\b(\d) [a-z]/g;
is_deeply(\@codes, [ 0 .. 4 ], 'the exit codes of --help');
is_deeply([ in_manual('EXIT STATUS') ], \@codes, 'the manual page has them');
is_deeply([ grep { /^\d$/ } in_page('Exit codes') ], \@codes, 'docs/pg_migrate.md has them');

# Where make install has put it.
my $mandir = `$ENV{PG_CONFIG} --mandir`;
chomp $mandir;
is(slurp_file("$top/tmp_check/stage$mandir/man1/pg_migrate.1"), $manual, 'it is installed');

# What each prints is a finding; of man it is what it prints beside the page.
my %finds = (mandoc => 'mandoc -Tlint -Wwarning', man => 'man --warnings -E UTF-8 -Tutf8 -Z -l 2>&1 >/dev/null');
foreach my $program (sort keys %finds)
{
  SKIP:
	{
		skip "there is no $program", 1 if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
		is(`$finds{$program} $top/client/pg_migrate.1`, '', "$program finds nothing");
	}
}

done_testing();
