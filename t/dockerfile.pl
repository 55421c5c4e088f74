# The Dockerfile, as far as it can be run without an image: its steps build from
# what .dockerignore lets through, and its second stage copies what they have
# installed, all of it, to where it belongs.

use strict;
use warnings;

use FindBin;
use File::Find 'find';
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/..";
my $work = PostgreSQL::Test::Utils::tempdir();
my ($source, $installed) = ("$work/src", "$work/installed");
my ($build, $image) = slurp_file("$top/Dockerfile") =~ /^(FROM \S+ AS build\n.*?)^(FROM .*)\z/ms;
is(($image =~ /^FROM (\S+)/)[0], ($build =~ /^FROM (\S+)/)[0], 'both stages begin with the same image');

my @sent = slurp_file("$top/.dockerignore") =~ /^!(.*)$/mg;
mkdir $source;
# With the times of what is built already, so that it is not built again.
is(system('cp', '-Rp', (map { "$top/$_" } @sent), glob("$top/migrate--*.sql"), $source), 0, 'what is sent to the build');
foreach my $step ($build =~ /^RUN (make .*)$/mg)
{
	$step =~ s{/installed}{$installed};
	is(system("cd '$source' && $step >'$work/log' 2>&1"), 0, "RUN $step") or diag(slurp_file("$work/log"));
}

my %copies = $image =~ m{^COPY --from=build /installed(/\S+/) (\S+/)$}mg;
is(join(' ', sort keys %copies), join(' ', sort values %copies), 'what is copied keeps its place');
SKIP:
{
	my $library = `$ENV{PG_CONFIG} --pkglibdir`;
	skip 'the server is in another place than that of the image', 2 if $library !~ m{^/usr/lib/postgresql/};
	my @files;
	find({ no_chdir => 1, wanted => sub { push @files, substr $_, length $installed if -f } }, $installed);
	cmp_ok(scalar @files, '>=', 5, 'files are installed');
	is(join("\n", grep { my $file = $_; !grep { $file =~ /^\Q$_\E/ } keys %copies } @files), '', 'and all of them are copied');
}

done_testing();
