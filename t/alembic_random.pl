# Random graphs, version rows and targets, played against the installed Alembic
# and against the extension: steps and rows are compared.  What is compared and
# which differences are meant, says test/alembic_diff/README.md.
#
# ALEMBIC_CASES says how many cases, ALEMBIC_SEED which; ALEMBIC_CASE shows one
# of them.  ALEMBIC_PYTHON is an interpreter with another Alembic.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use MigrateTest;
use Test::More;

my $cases = $ENV{ALEMBIC_CASES} || 300;
my $python = $ENV{ALEMBIC_PYTHON} || '/usr/bin/python3';
my @seed = option('--seed', $ENV{ALEMBIC_SEED});
my @one = option('--case', $ENV{ALEMBIC_CASE});

$ENV{PYTHONDONTWRITEBYTECODE} = 1;
if (system("$python -c 'import alembic' 2>/dev/null") != 0)
{
	fail("alembic is not installed for $python: install the package alembic");
	done_testing();
	exit 1;
}

my $node = new_node('alembic_diff');
my ($out, $err) = ('', '');
{
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = new_database($node, 'alembic_diff');
	ok( IPC::Run::run(
			[ $python, "$FindBin::RealBin/../test/alembic_diff/alembic_diff.py",
				'--cases', $cases, @seed, @one ],
			'>', \$out, '2>', \$err),
		'no difference without an explanation');
	is($err, '', 'no other output');
}
my %count = reverse $out =~ /^ *(\d+) ((?:same|both|(?:un)?explained).*)$/mg;
if (!@one)
{
	# What the cases are for has to happen in them.
	cmp_ok($count{'same steps and rows'}, '>', $cases / 4, 'many cases do something');
	cmp_ok($count{'explained'}, '>', 0, 'some differ where that is meant');
}
# A caller that asks for cases reads how they went.
if ($ENV{ALEMBIC_CASES} || @one || !Test::More->builder->is_passing)
{
	diag($out);
}
else
{
	note($out);
}

$node->stop;
done_testing();

sub option
{
	my ($name, $value) = @_;
	return length($value // '') ? ($name, $value) : ();
}
