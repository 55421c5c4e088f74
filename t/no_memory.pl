# Runs in which one request for memory is refused, at any moment: an error that
# says so, nothing is lost or half applied, no lock is left, and the next run of
# the same session completes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($directory) = slurp_file($ENV{TEMP_CONFIG}) =~ /dynamic_library_path = '([^:]*)/;
my $library = "$directory/migrate_test_no_memory.so";

my $node = PostgreSQL::Test::Cluster->new('no_memory');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nrestart_after_crash = on\nshared_preload_libraries = 'migrate'\n");
{
	local $ENV{LD_PRELOAD} = $library;
	$node->start;
}
my $db = new_database($node, 'app');
sql($node, $db, <<"SQL");
CREATE FUNCTION no_memory(at int, count int) RETURNS int LANGUAGE c AS '$library', 'no_memory';
SELECT migrate_register('m1', 'CREATE TABLE m (a int)', 'DROP TABLE m'),
       migrate_register('m2', 'ALTER TABLE m ADD COLUMN b int; INSERT INTO m SELECT generate_series(1, 10)',
                        'ALTER TABLE m DROP COLUMN b; DELETE FROM m', '{m1}'),
       migrate_register('m3', 'ALTER TABLE m ADD COLUMN c int; CREATE INDEX CONCURRENTLY m_a ON m (a); ALTER TABLE m ADD COLUMN d int',
                        'ALTER TABLE m DROP COLUMN c, DROP COLUMN d; DROP INDEX m_a', '{m2}');
SQL

# Version row, rows of migrate.partial, columns, index; what this session holds or shows.
my $state = q{SELECT 'state ' || concat_ws('|', (SELECT COALESCE(string_agg(version_num, ','), '') FROM migrate.version),
	(SELECT count(*) FROM migrate.partial),
	(SELECT COALESCE(string_agg(attname, '' ORDER BY attnum), '') FROM pg_attribute
	  WHERE attrelid = to_regclass('m') AND attnum > 0 AND NOT attisdropped),
	(SELECT COALESCE(string_agg(indisvalid::text, ''), '') FROM pg_index WHERE indexrelid = to_regclass('m_a')),
	(SELECT string_agg(revision, ',' ORDER BY revision) FROM migrate_history()));
	SELECT 'left ' || (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') || ' ' || (SELECT count(*) FROM migrate.progress_details);};

# What psql says of the numbers from here on: until the session ends, or all of
# them are done.  Returns the last one.
sub try_numbers
{
	my ($call, $count, $times, $from, $max, $step, $undo, $seen) = @_;
	my $script = "SET client_min_messages = error;\n";
	for (my $n = $from; $n <= $max; $n += $step)
	{
		$script .= "\\echo number $n\n";
		$script .= "SELECT no_memory($n, $count) AS x \\gset\n$call;\n" x $times . "\\echo first :SQLSTATE\n";
		# The call that ends it may be one of those that are refused.
		$script .= "SELECT no_memory(0, 0) AS x \\gset\n" x ($count + 1);
		# Where the server could not even roll back, this ends the session.
		$script .= "ROLLBACK;\n";
		$script .= "$state\n$call;\n\\echo second :SQLSTATE\n$state\n$undo;\n\\echo undone :SQLSTATE\n";
	}
	my ($out) = run_sql($node, $db, $script);
	my $last;
	foreach (split /\n/, $out)
	{
		$last = $1 if /^number (\d+)/;
		push @{ $seen->{$last} }, $_ if /^(first|state|left|second|undone) /;
	}
	return $last;
}

# Runs statements in a new session, until the server lets it: it may be about to
# notice a crash, as a second abort of a transaction trips its own assertions.
sub recover
{
	my ($statements) = @_;
	for my $try (1 .. 100)
	{
		# psql that cannot connect does not read what it is given.
		return if eval { $node->psql($db, $statements, on_error_stop => 1) == 0 };
		select(undef, undef, undef, 0.1);
	}
	die "does not recover: $statements";
}

# Lets call number 1, 2, ... of malloc() be refused, until there are no more.
sub sweep
{
	my ($name, $call, $undo, $good, %option) = @_;
	my $count = $option{count} // 1;
	my $step = $option{step} // 1;
	my $times = $option{times} // 1;
	# The server itself can roll back without them.
	my $strict = $count < 3;
	my (%seen, @wrong);
	my ($refused, $ended) = (0, 0);
	# As a warm session needs; a cold one has more of the server's own.
	my $calls = sql($node, $db, "$call; $undo; $call; $undo; SELECT no_memory(0, 0); $call; SELECT no_memory(0, 0)");
	sql($node, $db, $undo);
	($calls) = $calls =~ /(\d+)\s*\z/;
	cmp_ok($calls, '>', 20, "$name: asks for memory $calls times");

	for (my $from = 1; $from <= $calls; $from += $step)
	{
		my $last = try_numbers($call, $count, $times, $from, $calls, $step, $undo, \%seen);
		die "$name: no session at $from" if !defined $last;
		$from = $last;
		next if exists $seen{$last} && $seen{$last}[-1] =~ /^undone /;
		# The session has ended, or the server, if that is out of memory where it must not be.
		$ended++;
		recover("SET migrate.lock_wait = '10s'; $call; $undo");
	}
	foreach my $n (sort { $a <=> $b } keys %seen)
	{
		my ($first, $state, $left, $second, @rest) = @{ $seen{$n} };
		$refused++ if ($first // '') ne 'first 00000';
		next if !$strict && ($first // '') =~ /^first (53200|25P02)$/ && !defined $state;
		push @wrong, "$n: " . join(', ', map { $_ // 'nothing' } @{ $seen{$n} })
		  if !defined $first
		  || $first !~ /^first (00000|53200)$/
		  || ($state // '') !~ /^state ($good)$/
		  || (($left // '') ne 'left 0 0' && $strict)
		  || ($second // '') ne 'second 00000'
		  || ($rest[1] // '') ne 'left 0 0'
		  || ($rest[2] // '') ne 'undone 00000';
	}
	is(join("\n", @wrong), '', "$name: nothing is lost or left");
	note("$name: $refused refused of " . scalar(keys %seen) . ", $ended sessions ended");
	cmp_ok($refused, '>', 20, "$name: memory was refused");
	return;
}

# A run that commits leaves what is done.
my $all = 'm1,m2,m3';
my $partial = qr/m2\|[12]\|abc\|(true|false|)/;
my $back = q{CALL migrate_revert('base')};
my $by_step = qr/(\|0\|\||m1\|0\|a\||m2\|0\|ab\||$partial|m3\|0\|abcd\|true)\|$all/;
sweep('CALL', 'CALL migrate_deploy()', $back, $by_step);
sweep('CALL, two in a row', 'CALL migrate_deploy()', $back, $by_step, count => 2, step => 2);
sweep('CALL, many in a row, and again', 'CALL migrate_deploy()', $back, $by_step, count => 12, step => 2, times => 4);
sweep('SELECT, two in a row', q{SELECT count(*) FROM migrate_upgrade('m2')}, $back, qr/(\|0\|\||m2\|0\|ab\|)\|$all/, count => 2);
sweep('SELECT', q{SELECT count(*) FROM migrate_upgrade('m2')}, $back, qr/(\|0\|\||m2\|0\|ab\|)\|$all/);
# One of the bodies does not fit into memory that is there.
my $long = join(";\n", map { "COMMENT ON TABLE n IS '" . $_ x 1000 . "'" } 1 .. 9);
sweep(
	'registration', q{SELECT count(*) FROM migrate_register_script($s$-- revision: n1
-- migrate:up
CREATE TABLE n (a int);
-- migrate:down
DROP TABLE n;
-- revision: n2
-- down_revision: n1
-- migrate:up
ALTER TABLE n ADD COLUMN b int;
-- revision: n3
-- down_revision: n2
-- migrate:up
} . $long . q{;
-- migrate:down
} . $long . q{;
$s$)},
	q{SELECT migrate_unregister('n3'); SELECT migrate_unregister('n2'); SELECT migrate_unregister('n1')}, qr/\|0\|\|\|$all(,n1,n2,n3)?/);

# What the server cannot do without is its own: it says PANIC and recovers.
my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal (?!6:)/, 'no process has crashed');
my @panics = grep { !/cannot abort transaction \d+, it was already committed|ERRORDATA_STACK_SIZE exceeded/ } $log =~ /PANIC:  (.*)/g;
is(join("\n", @panics), '', 'nor was anything refused that it did not expect');
$node->stop;
done_testing();
