# Bodies and scripts, mutated: what in_server.c says must hold of any text.
#
# The splitter, the hash, the effects and the file format are the server's
# scanner and parser at heart, so that they are fuzzed inside a server.  The
# inputs are pieces of the SQL tests and of the documentation, put together and
# damaged anew.  An internal error is a finding, any other one a refusal.
#
# FUZZ_TIME says for how many seconds, FUZZ_SEED where the dice begin.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../../t";

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{FUZZ_TIME} || 60;
my $seed = $ENV{FUZZ_SEED} || int(time);
my $calls_a_batch = 1000;
my $enough = 10;
my $top = "$FindBin::RealBin/../..";

srand($seed);
diag("FUZZ_SEED=$seed");

my $node = new_node('fuzz_script', 'restart_after_crash = on', 'log_statement = none');
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION test_fuzz_body(text) RETURNS int LANGUAGE c STRICT AS 'migrate_test_fuzz';
CREATE FUNCTION test_fuzz_hash(text, text) RETURNS bool LANGUAGE c STRICT AS 'migrate_test_fuzz';
CREATE FUNCTION test_fuzz_file(text) RETURNS int LANGUAGE c STRICT AS 'migrate_test_fuzz';

-- Calls one of them for each array of arguments; what it refuses is counted.
CREATE FUNCTION fuzz(call text, cases text[][], OUT accepted int, OUT findings text) LANGUAGE plpgsql AS $$
DECLARE
	arguments text[];
BEGIN
	accepted := 0;
	FOREACH arguments SLICE 1 IN ARRAY cases LOOP
		BEGIN
			IF call = 'hash' THEN PERFORM test_fuzz_hash(arguments[1], arguments[2]);
			ELSIF call = 'file' THEN PERFORM test_fuzz_file(arguments[1]);
			ELSE PERFORM test_fuzz_body(arguments[1]);
			END IF;
			accepted := accepted + 1;
		EXCEPTION WHEN OTHERS THEN
			IF SQLSTATE LIKE 'XX%' THEN
				findings := concat_ws(E'\n', findings, format('%s: %s: %L', call, SQLERRM, arguments));
			END IF;
		END;
	END LOOP;
END $$;
SQL

# What is put together: statements, and lines of the file format.
my @sources = (glob("$top/sql/*.sql"), glob("$top/docs/*.md"), "$top/README.md", glob("$FindBin::RealBin/corpus/script/*"));
my (@statements, @lines);
foreach my $source (@sources)
{
	my $text = slurp_file($source);
	$text =~ s/^\\.*$//mg;
	push @statements, grep { length($_) < 2000 } split /(?<=;)\n/, $text;
	push @lines, $text =~ /^(--.*)$/mg;
}
# What scanners and splitters stumble over.
my @scraps = ("'", "''", '"', '$$', '$a$', '/*', '*/', '--', "\n", "\r", "\r\n", "\t", "\f", "\x0b", ';', ';;', '\\', ':',
	"E'", "e'\\'", "U&'\\0041'", 'U&"\\0041"', "N'", "n'", "B'1", "X'f", "UESCAPE '!'", "'a'\n'b'", "'a'\r\n--x\n'b'", "E'a'\n'b\\''",
	'BEGIN ATOMIC', 'END', 'DO', 'COPY t FROM stdin;', 'COMMIT', "\xc3\xa4", "\xef\xbb\xbf", '1.', '.5', '1..2', '$1', '@', '<=', '-', '+', '*', '/',
	"-- revision: a\n", "-- revision:b", "-- down_revision: a, b\n", "-- migrate:up\n", "-- migrate:down\n", "-- migrate:up transaction:false\n", "-- migrate:down transaction:false\n", "-- migrate:verify\n", "--migrate:up", "-- set: work_mem = '1MB'\n",
	"-- message: it's\n", "-- branch_labels: x,,y \n", "-- depends_on: x\n", "-- Revision: x\n", "-- down-revision: x\n", 'CONCURRENTLY', 'IF NOT EXISTS',
	"CREATE INDEX CONCURRENTLY i ON t (a);", "ALTER TYPE e ADD VALUE 'v';", 'VACUUM;', 'ALTER TABLE t ADD COLUMN c int;', 'DROP INDEX CONCURRENTLY i;',
	'SET work_mem = 1;', "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM t; SELECT 1;);", 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;',
	'CREATE SCHEMA AUTHORIZATION x;', 'REINDEX TABLE CONCURRENTLY t;', 'DROP FUNCTION f(int, OUT text);', 'ALTER DATABASE d SET TABLESPACE t;',
	'CALL p();', "DO 'BEGIN COMMIT; END';", 'LOCK TABLE t;', 'SET LOCAL work_mem = 1;',
	'CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1;');

# Inputs that were findings come first.
my %regress = (body => [], file => [], hash => []);
foreach my $file (glob("$FindBin::RealBin/regress/script/*"))
{
	my $text = slurp_file($file);
	push @{ $regress{$_} }, [$text] foreach qw(body file);
	push @{ $regress{hash} }, [ $text, $text ];
}

my ($calls, $accepted, @findings) = (0, 0);
my $began = time;
run_batch($_, @{ $regress{$_} }) foreach grep { @{ $regress{$_} } } sort keys %regress;
while (time - $began < $seconds && @findings < $enough)
{
	run_batch('body', map { [ mutate(body()) ] } 1 .. $calls_a_batch);
	run_batch('file', map { [ mutate(file()) ] } 1 .. $calls_a_batch);
	run_batch('hash', map { my $body = body(); [ $body, mutate($body, 1) ] } 1 .. $calls_a_batch);
}
diag(sprintf('%d calls, %.0f a second, %.0f %% accepted', $calls, $calls / (time - $began), 100 * $accepted / ($calls || 1)));

is(join("\n", @findings), '', 'what must hold of any text holds');
$node->stop;
is(join("\n", slurp_file($node->logfile) =~ /.*(?:terminated by signal|TRAP:|PANIC:).*/g), '', 'nothing crashed');
done_testing();

# A batch that ended the process is searched half by half.
sub run_batch
{
	my ($call, @cases) = @_;
	my $array = join ',', map { '[' . join(',', map { literal($_) } @$_) . ']' } @cases;
	my $output = '';
	expect_crash($node);
	# psql() dies when the script could not be sent completely.
	my $ended = eval {
		$node->psql('postgres', "SET client_min_messages = error;\nSELECT * FROM fuzz('$call', ARRAY[$array]);", stdout => \$output);
	};
	$calls += @cases;
	if ($output =~ /^(\d+)\|(.*)/s)
	{
		$accepted += $1;
		push @findings, $2 if $2 ne '';
		return;
	}
	wait_until_up($node) if !defined $ended || $ended == 2;
	if (@cases == 1)
	{
		push @findings, "$call: crash, or no answer: $array";
		return;
	}
	my $half = int(@cases / 2);
	run_batch($call, @cases[ 0 .. $half - 1 ]);
	run_batch($call, @cases[ $half .. $#cases ]);
	return;
}

# The server takes no text that is not valid in its encoding.
sub literal
{
	my ($text) = @_;
	$text =~ s/\0//g;
	utf8::encode($text) if !utf8::decode(my $copy = $text);
	$text =~ s/([\\'])/$1$1/g;
	return " E'$text'";
}

sub one_of { return $_[ rand @_ ]; }

sub body
{
	return join one_of("\n", ' ', "\n\n", ' -- x' . "\n"), map { rand() < 0.8 ? one_of(@statements) : one_of(@scraps) } 1 .. 1 + rand 4;
}

sub file
{
	my $text = '';
	foreach my $n (1 .. 1 + rand 3)
	{
		$text .= "-- revision: r$n\n";
		$text .= one_of(@lines, @scraps) . "\n" if rand() < 0.3;
		$text .= "-- down_revision: r" . ($n - 1) . "\n" if $n > 1;
		$text .= "-- migrate:up\n" . one_of(@statements) . "\n" if rand() < 0.9;
		$text .= "-- migrate:down\n" . one_of(@statements) . one_of("\n", '') if rand() < 0.6;
		$text .= "\n-- migrate:verify\nSELECT 1" . one_of("\n", q{}) if rand() < 0.3;
	}
	return $text;
}

# Some parts are cut, doubled, filled or moved; most inputs stay nearly intact.
sub mutate
{
	my ($text, $times) = @_;
	foreach (1 .. $times || rand 4)
	{
		my $at = int rand(1 + length $text);
		my $count = int rand(1 + rand 12);
		my $how = int rand 7;
		if ($how == 0) { substr($text, $at, $count) = ''; }
		elsif ($how == 1) { substr($text, $at, 0) = one_of(@scraps); }
		elsif ($how == 2) { substr($text, $at, 0) = substr($text, rand(1 + length $text), $count) // ''; }
		elsif ($how == 3) { substr($text, $at, 1) = chr(1 + rand 127); }
		elsif ($how == 4) { substr($text, $at) = ''; }
		elsif ($how == 5) { substr($text, $at, $count) = uc substr($text, $at, $count); }
		else { substr($text, $at, 0) = one_of(' ', "\n", "\t", ' /* x */ ', "--\n", ';'); }
	}
	return $text;
}
