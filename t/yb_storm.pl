# Storms: random revisions, a failure with probability 0.2 wherever one can
# come, a process that is killed now and then, and a caller that just calls
# again.  In the end everything is as after an undisturbed run, up and down; no
# statement took effect twice; and whenever a call has ended, what the version
# table claims is there.
#
# STORM_SEEDS says how many storms of each kind, STORM_SEED which is the first;
# if that is said a storm is one of 200 revisions, otherwise of 80.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $seeds = $ENV{STORM_SEEDS} || 1;
my $first_seed = $ENV{STORM_SEED} || 1;
my $nrevisions = $ENV{STORM_REVISIONS} || ($ENV{STORM_SEEDS} ? 200 : 80);

my $node = new_node('storm', 'restart_after_crash = on',
	"shared_preload_libraries = 'migrate_yb_sim,migrate'",
	'max_prepared_transactions = 0');

# Whatever the random bodies do.
my $schema = <<'SQL';
CREATE TABLE ledger (what text);
CREATE TABLE counter (name text, n int);
INSERT INTO counter VALUES ('runs', 0), ('others', 0);
CREATE TABLE expected (revision text, what text);
SQL

# What is there twice, and what is claimed but is not there.
my $find_problems = <<'SQL';
SELECT 'twice: ' || what FROM ledger GROUP BY what HAVING count(*) > 1;
SELECT 'claimed: ' || e.revision || ' ' || e.what
  FROM expected AS e JOIN migrate_history_details() AS h USING (revision)
 WHERE h.applied AND h.partial IS NULL
   AND CASE split_part(e.what, ' ', 1)
       WHEN 'ledger' THEN NOT EXISTS (SELECT FROM ledger AS l WHERE l.what = split_part(e.what, ' ', 2))
       ELSE to_regclass(split_part(e.what, ' ', 2)) IS NULL END;
SQL

# How a session takes its server for one of a type.
my %session_of = (
	yugabytedb => "SET yb_sim.server_version = '15.12-YB-2025.2.0.0-b1';",
	yugabytedb_transactional_ddl =>
	  "SET yb_sim.server_version = '15.12-YB-2025.2.0.0-b1'; SET yb_ddl_transaction_block_enabled = on;",
	postgresql =>
	  "SET default_transaction_isolation = 'repeatable read'; SET migrate.lock_timeout = '5ms';");

for my $seed ($first_seed .. $first_seed + $seeds - 1)
{
	storm($_, $seed) foreach sort grep { !$ENV{STORM_SERVER_TYPE} || $_ eq $ENV{STORM_SERVER_TYPE} } keys %session_of;
}
$node->stop;
done_testing();

sub storm
{
	my ($server_type, $seed) = @_;
	my $name = "$server_type, seed $seed";
	srand($seed);
	my ($script, $expected) = revisions();
	my $calm = prepare("calm_${server_type}_$seed", $script, $expected);
	my $db = prepare("storm_${server_type}_$seed", $script, $expected);
	my %count = (calls => 0, killed => 0, unknown => 0);
	my @problems;

	foreach my $call ("CALL migrate_deploy('heads')", "CALL migrate_revert('base')")
	{
		sql($node, $calm, "$session_of{$server_type} $call");
		my @noise = $server_type eq 'postgresql' ? start_noise($db) : ();
		until (call($server_type, $db, $call, \%count, \@problems))
		{
			die "$name does not end" if $count{calls} > 5000;
		}
		stop_noise($db, @noise);
		push @problems, problems_of($db);
		is(difference(state_of($calm), state_of($db)), '', "$name: as undisturbed after $call");
	}
	is(join("\n", @problems), '', "$name: nothing twice, nothing claimed that is not there");
	my $summary = "$name: " . join(', ', map { "$_ $count{$_}" } sort keys %count)
	  . ', attempts ' . sql($node, $db, 'SELECT sum(attempts) FROM migrate.log');
	$ENV{STORM_SEEDS} ? diag($summary) : note($summary);
	sql($node, 'postgres', qq(DROP DATABASE "$_")) foreach $calm, $db;
	return;
}

sub prepare
{
	my ($db, $script, $expected) = @_;
	new_database($node, $db);
	sql($node, $db, $schema
		  . "SELECT migrate_register_script(\$script\$$script\$script\$);\n"
		  . "INSERT INTO expected VALUES $expected;\n");
	return $db;
}

# A graph with branches and merges; a body works on what its ancestors made.
sub revisions
{
	my @heads;
	my %tables;    # of a revision: those that it and its ancestors created
	my $script = '';
	my @expected;
	foreach my $n (1 .. $nrevisions)
	{
		my $id = "r$n";
		my @down =
			$n == 1 ? ()
		  : @heads > 1 && rand() < 0.15 ? @heads[0, 1]
		  : rand() < 0.1 ? 'r' . (1 + int(rand($n - 1)))
		  : $heads[ int(rand(@heads)) ];
		my %known = map { $_ => 1 } map { @{ $tables{$_} } } @down;
		my @known = sort keys %known;
		my (@up, @undo);
		foreach my $k (1 .. 1 + int(rand(5)))
		{
			my ($do, $undo, $table) = statement("${id}_$k", 10 * $n + $k, \@known, $id, \@expected);
			push @up, $do;
			unshift @undo, $undo;
			push @known, $table if $table;
		}
		$tables{$id} = [@known];
		my %covered = map { $_ => 1 } @down;
		@heads = ((grep { !$covered{$_} } @heads), $id);
		$script .= "-- revision: $id\n"
		  . (@down ? '-- down_revision: ' . join(', ', @down) . "\n" : '')
		  . "-- migrate:up\n" . join(";\n", @up) . ";\n-- migrate:down\n" . join(";\n", @undo) . ";\n";
	}
	return ($script, join(', ', map { "('$_->[0]', '$_->[1]')" } @expected));
}

# A statement, the one that undoes it, and the table that it creates.  The name
# is its own; $tables may be taken for granted.
sub statement
{
	my ($name, $number, $tables, $revision, $expected) = @_;
	my $table = @$tables ? $tables->[ int(rand(@$tables)) ] : undef;
	my $mark = sub { push @$expected, [ $revision, "ledger $name" ]; };
	my $object = sub { push @$expected, [ $revision, "class $_[0]" ]; };
	my @kinds = (
		sub { $mark->(); return ("INSERT INTO ledger VALUES ('$name')", "DELETE FROM ledger WHERE what = '$name'"); },
		sub { return ("UPDATE counter SET n = n + 1 WHERE name = 'runs'", "UPDATE counter SET n = n - 1 WHERE name = 'runs'"); },
		sub { $mark->(); return ("DO \$do\$BEGIN INSERT INTO ledger VALUES ('$name'); END\$do\$", "DELETE FROM ledger WHERE what = '$name'"); },
		sub { $object->("t_$name"); return ("CREATE TABLE t_$name (i int, j int)", "DROP TABLE t_$name", "t_$name"); },
		sub { $object->("s_$name"); return ("CREATE SEQUENCE s_$name", "DROP SEQUENCE s_$name"); },
		sub { return ("CREATE TYPE y_$name AS ENUM ('a')", "DROP TYPE y_$name"); });
	push @kinds, (
		sub { return ("INSERT INTO $table (i, j) VALUES ($number, 1)", "DELETE FROM $table WHERE i = $number"); },
		sub { return ("ALTER TABLE $table ADD COLUMN c_$name int DEFAULT 1", "ALTER TABLE $table DROP COLUMN c_$name"); },
		sub { return ("ALTER TABLE $table ADD CONSTRAINT k_$name CHECK (i > 0)", "ALTER TABLE $table DROP CONSTRAINT k_$name"); },
		sub { $object->("x_$name"); return ("CREATE INDEX x_$name ON $table (i)", "DROP INDEX x_$name"); },
		sub { $object->("x_$name"); return ("CREATE INDEX CONCURRENTLY x_$name ON $table (j)", "DROP INDEX CONCURRENTLY x_$name"); },
		sub { $object->("v_$name"); return ("CREATE VIEW v_$name AS SELECT i FROM $table", "DROP VIEW v_$name"); })
	  if $table;
	return $kinds[ int(rand(@kinds)) ]->();
}

# One more call, and what is wrong then, in one session if that has survived it:
# there are hundreds of them.  true: it has succeeded.
sub call
{
	my ($server_type, $db, $command, $count, $problems) = @_;
	my $seed = int(rand(2**31 - 1));
	my $probability = $server_type eq 'postgresql' ? 0 : 0.2;
	my $after = qr/(?:up|down)grade of revision "\w+" failed after \d+ attempts(?: in \d+ s)?: /;
	my ($out, $errors);
	$count->{calls}++;
	expect_crash($node);
	my $rc = $node->psql($db, "\\set VERBOSITY verbose\n"
		  . "SET client_min_messages = error; $session_of{$server_type} SET yb_sim.seed = $seed;\n"
		  . "SET yb_sim.probability = $probability; SET yb_sim.kill_probability = 0.0005;\n"
		  . "\\set ON_ERROR_STOP off\n$command;\n\\echo :ERROR\n"
		  . "\\set ON_ERROR_STOP on\nRESET ALL;\n$find_problems",
		stdout => \$out, stderr => \$errors);
	my ($failed, @found) = split /\n/, $out;
	push @$problems, @found;
	return 1 if $rc == 0 && $failed eq 'false';

	if ($errors =~ /server closed the connection|connection to server was lost|crash of another server process/)
	{
		$count->{killed}++;
		wait_until_up($node);
		push @$problems, problems_of($db);
	}
	elsif ($rc != 0)
	{
		die "unexpected: $errors";
	}
	elsif ($errors =~ /ERROR:  55000: revision "(\w+)" is partial, and the outcome of statement (\d+) is unknown/)
	{
		# What a person would do: look for the effect, and say whether it is there.
		my $action = sql($node, $db, "SELECT CASE WHEN count(*) = 1 THEN 'skip' ELSE 'retry' END
			FROM ledger WHERE what = '$1_$2'");
		$count->{unknown}++;
		sql($node, $db, "SELECT migrate_resolve('$1', '$action')");
		push @$problems, problems_of($db);
	}
	elsif ($errors !~ /ERROR:  (40001|40P01|55P03|(XX000|42P01): ($after)?(Timed out|relation "made_elsewhere"|Table with identifier))/)
	{
		die "unexpected: $errors";
	}
	return 0;
}

# Sessions that really conflict with whatever runs, and change nothing.
sub start_noise
{
	my ($db) = @_;
	sql($node, $db, <<'SQL');
CREATE TABLE IF NOT EXISTS stop (yes bool);
TRUNCATE stop;
CREATE OR REPLACE PROCEDURE noise() LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  WHILE NOT EXISTS (SELECT FROM stop) LOOP
    UPDATE counter SET n = n WHERE name = 'runs';
    PERFORM pg_sleep(random() / 100);
    UPDATE migrate.version SET version_num = version_num;
    COMMIT;
    SELECT relname INTO found FROM pg_class
     WHERE relname LIKE 't\_%' AND relkind = 'r' ORDER BY random() LIMIT 1;
    IF found IS NOT NULL THEN
      BEGIN
        EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE NOWAIT', found);
        PERFORM pg_sleep(random() / 100);
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
    END IF;
    COMMIT;
    PERFORM pg_sleep(random() / 500);
  END LOOP;
END$$;
SQL
	# It dies with the server, and comes back with it.
	my $command = join(' ', 'while :; do',
		$node->installed_command('psql'), '-XAtq', '-d', '"$1"',
		'-c', '"CALL noise()"', '>/dev/null 2>&1 && break; sleep 0.1; done');
	return map {
		IPC::Run::start([ 'sh', '-c', $command, 'noise', $node->connstr($db) ],
			IPC::Run::timeout(3600))
	} 1 .. 2;
}

sub stop_noise
{
	my ($db, @noise) = @_;
	return if !@noise;
	sql($node, $db, 'INSERT INTO stop VALUES (true)');
	$_->finish foreach @noise;
	sql($node, $db, 'DROP PROCEDURE noise; DROP TABLE stop');
	return;
}

sub problems_of
{
	my ($db) = @_;
	return grep { $_ ne '' } split /\n/, sql($node, $db, $find_problems);
}

# All that can be seen in the end, but for the order of rows and of columns:
# which of two branches comes first depends on where a call begins.
sub state_of
{
	my ($db) = @_;
	my ($dump) = run_command([ $node->installed_command('pg_dump'), '-n', 'public',
		'-d', $node->connstr($db) ]);
	$dump =~ s/,$//mg;
	$dump =~ s/^(COPY \S+ \()(.*)(\))/$1 . join(', ', sort split m{, }, $2) . $3/mge;
	return join "\n", grep { !/^(--|\\(un)?restrict|$)/ } split /\n/, "$dump\n" . sql($node, $db, <<'SQL');
SELECT version_num FROM migrate.version ORDER BY 1;
SELECT count(*) || ' rows of migrate.partial' FROM migrate.partial;
SELECT count(*) || ' applied twice' FROM
  (SELECT FROM migrate.log WHERE state = 'succeeded' GROUP BY revision, operation HAVING count(*) <> 1) AS s;
SELECT count(*) || ' applied' FROM migrate.log WHERE state = 'succeeded';
SELECT count(*) || ' locks' FROM pg_locks WHERE locktype = 'advisory';
SELECT count(*) || ' invalid' FROM pg_index WHERE NOT indisvalid;
SQL
}
