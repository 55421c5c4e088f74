# What scripts/demo tells, in a pipe, on a terminal, and there with NO_COLOR: it
# fits into 80 columns, and with what it says before and after into 60 lines.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

# A run says so if it waits for an autovacuum.
my $node = new_node('demo', 'shared_preload_libraries = migrate', 'autovacuum = off');
my $bindir = `$ENV{PG_CONFIG} --bindir`;
chomp $bindir;
$node->safe_psql('postgres', $_) foreach 'CREATE ROLE demo SUPERUSER LOGIN', 'CREATE DATABASE demo';
$ENV{PGPORT} = $node->port;
delete $ENV{NO_COLOR};

# Building, starting, and how to continue.
my $around = 6;

my $typescript = PostgreSQL::Test::Utils::tempdir() . '/typescript';

# Runs a part of it.
sub demo
{
	my ($out, $part, @program) = @_;
	return IPC::Run::run([ @program, "$FindBin::RealBin/../scripts/demo part $bindir " . $node->host . " $part" ], '<', \undef, @$out,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
}

my ($out, $err) = ('', '');
ok(demo([ '>', \$out, '2>', \$err ], 'tell', 'sh', '-c'), 'it runs to its end');
is($err, '', 'without a complaint');
my @lines = split /\n/, $out;
cmp_ok(scalar @lines, '<=', 60 - $around, 'lines') or diag($out);
is(join("\n", grep { length > 80 } @lines), '', 'columns');
unlike($out, qr/\e/, 'no colours in a pipe');
like($out, qr/^HINT: .*\n.*migrate\.progress;\n/m, 'the messages of the deploy come first');
like($out, qr/^$_/m, "it shows: $_") foreach ' o d2f8519ab6e4 \(head, pending\)', ' +d2f8519ab6e4 \| +1 \| customer ', 'DETAIL:  Blocked by process \d+ \(role demo, application',
  ' +\d+ \| d2f8519ab6e4 \| 2 of 2 \| .* s\)', ' d2f8519ab6e4 upgrade \d \| running ', ' d2f8519ab6e4 \| passed ', ' +1 \| succeeded ';

SKIP:
{
	skip 'no program script, or no terminal for it', 4 if system('script -qec true /dev/null >/dev/null 2>&1 </dev/null') != 0;
	local $ENV{TERM} = 'xterm';
	my @terminal = ('script', '-qe', $typescript, '-c');
	ok(demo([ '>', \$out ], 'what_it_would_do', @terminal), 'on a terminal');
	like(slurp_file($typescript), qr/\e\[1m== .*\e\[0m/, 'in colour');
	local $ENV{NO_COLOR} = 1;
	ok(demo([ '>', \$out ], 'what_it_would_do', @terminal), 'on a terminal with NO_COLOR');
	unlike(slurp_file($typescript), qr/\e/, 'without colours');
}

$node->stop;
done_testing();
