# Many revisions, and bodies that are too large.  How long it takes is measured
# elsewhere (bench/).

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

# The last part holds some locks for each of 700 tables.
my $node = new_node('scale', 'max_locks_per_transaction = 256');

# Ten thousand small bodies in one script and one run, down again, and up.
my $db = new_database($node, 'many');
my $script = chain('n', 10_000,
	sub { return "INSERT INTO done VALUES ($_[0]);" },
	sub { return "DELETE FROM done WHERE n = $_[0];" });
sql($node, $db, 'CREATE TABLE done (n int PRIMARY KEY)');
is(sql($node, $db, "SELECT count(*) FROM migrate_register_script(\$s\$$script\$s\$)"),
	'10000', 'one script of 10,000 revisions');
is(sql($node, $db, "SELECT count(*) FROM migrate_register_script(\$s\$$script\$s\$)"),
	'10000', 'the same again changes nothing');
is(sql($node, $db, 'SELECT count(*), migrate_is_current() FROM migrate_plan()'),
	'10000|f', 'the plan');
my ($rc, $out, $err) =
  $node->psql($db, 'SET client_min_messages = notice; SELECT count(*) FROM migrate_upgrade()');
is($out, '10000', 'upgrade in one call');
like($err, qr/NOTICE:  running 10000 revisions in one transaction/,
	'which says that there is a better way');
is( sql($node, $db, "SELECT count(*), max(n), migrate_is_current(),
		(SELECT string_agg(version_num, ',') FROM migrate.version),
		(SELECT count(*) || ',' || count(DISTINCT run) || ',' || sum(attempts) FROM migrate.log)
	FROM done"),
	'10000|10000|t|n10000|10000,1,10000', 'all of it, once');
is( sql($node, $db, "SELECT count(*), bool_and(step = substr(revision, 2)::int) FROM migrate.log"),
	'10000|t', 'in order');
is(sql($node, $db, "SELECT count(*) FROM migrate_downgrade('n5000')"),
	'5000', 'half the way down');
is( sql($node, $db, 'SELECT count(*), max(n), (SELECT version_num FROM migrate.version) FROM done'),
	'5000|5000|n5000', 'half of it is left');
is(sql($node, $db, "SELECT count(*) FROM migrate_upgrade('+4000')"),
	'4000', 'a relative target');
is(sql($node, $db, 'SELECT count(*) FROM migrate_history()'),
	'10000', 'history');

# An error in the last of them takes all of this run along.
my (undef, $errors) = run_sql($node, $db, <<'SQL');
SELECT FROM migrate_register('last', 'SELECT 1 / 0', down_revision => '{n10000}');
SELECT migrate_upgrade();
SQL
is($errors, '22012: division by zero', 'an error at the end of a long run');
is(sql($node, $db, 'SELECT count(*), (SELECT version_num FROM migrate.version) FROM done'),
	'9000|n9000', 'nothing of that run is left');

# A thousand one by one, and tables.
$db = new_database($node, 'tables');
is( sql($node, $db, <<'SQL'), "1000\n300\n300\n301\n300\n700\nt");
DO $$
BEGIN
  FOR n IN 1 .. 1000 LOOP
    PERFORM migrate_register('t' || n,
      format('CREATE TABLE t%s (id int PRIMARY KEY, note text DEFAULT %L)', n, n),
      format('DROP TABLE t%s', n),
      CASE WHEN n > 1 THEN ARRAY['t' || n - 1] ELSE '{}' END);
  END LOOP;
END $$;
SELECT count(*) FROM migrate_history();
SELECT count(*) FROM migrate_upgrade('t300');
SELECT count(*) FROM pg_tables WHERE tablename ~ '^t\d+$';
SELECT sum(n) FROM (SELECT 1 AS n FROM migrate.version UNION ALL
  SELECT count(*) FROM migrate_downgrade('base')) AS s;
SELECT count(*) FROM migrate.log WHERE operation = 'downgrade';
SELECT count(*) FROM (SELECT migrate_upgrade('t700')) AS u;
SELECT migrate_is_current('t700');
SQL

# Wide: 500 branches, and a merge of all of them.
$db = new_database($node, 'wide');
is( sql($node, $db, <<'SQL'), "500\n500\n1\nmerge\n500\n501");
CREATE TABLE done (n int);
DO $$
BEGIN
  FOR n IN 1 .. 500 LOOP
    PERFORM migrate_register('w' || n, format('INSERT INTO done VALUES (%s)', n),
      format('DELETE FROM done WHERE n = %s', n));
  END LOOP;
END $$;
SELECT count(*) FROM migrate_upgrade('heads');
SELECT count(*) FROM migrate.version;
SELECT count(migrate_merge('{heads}', 'merge'));
SELECT migrate_upgrade();
SELECT count(*) FROM done;
SELECT count(*) FROM migrate_downgrade('base');
SQL

# A body may have 256 MB.
foreach my $body ([ 'upgrade', '%s' ], [ 'downgrade', "'', %s" ])
{
	my ($what, $bodies) = @$body;
	$node->psql($db, "\\set VERBOSITY verbose\nSELECT migrate_register('e', "
		  . sprintf($bodies, "repeat(repeat(' ', 1024 * 1024), 256) || ' '") . ')', stderr => \$err);
	like($err, qr/ERROR:  54000: body of revision "e" is too large
DETAIL:  The body has 268435457 bytes, and the limit is 268435456 bytes\.
HINT:  Load data with COPY from a file, or split the body into several revisions\.
CONTEXT:  $what body of revision "e"
/, "$what: a byte too many");
}

# An error in each of many lines: what one costs does not grow with its line, and
# the call can be canceled among them.
my $lines = "(SELECT string_agg(E'\\n-- %s', '') FROM generate_series(1, 100000))";
my @files = (
	[ 'refinery', 'V1__a.sql', 'SELECT 1;', 'refinery:foo' ],
	[ 'dbmate', '1_a.sql', '-- migrate:up', 'migrate:foo' ],
	[ 'migrate', 'a.sql', "-- revision: a\n-- migrate:up", 'dwn_revision: b' ]);
foreach my $file (@files)
{
	my ($format, $name, $begin, $line) = @$file;
	my $call = "SELECT migrate_register_files('{$name}', ARRAY[E'"
	  . ($begin =~ s/\n/\\n/r) . "' || " . sprintf($lines, $line) . "], format => '$format');";
	(undef, $errors) = run_sql($node, $db, "SET statement_timeout = '30s'; $call");
	like($errors, qr/^22023: migration files have 100000 errors/, "$format: many errors");
}
(undef, $errors) = run_sql($node, $db,
	"SET statement_timeout = '2s'; SELECT migrate_register_script((SELECT string_agg(
		format(E'-- revision: a%s\\n-- migrate:up\\nSELECT \$x%s\$;\\n', n, n), '') FROM generate_series(1, 20000) AS n));");
is($errors, '57014: canceling statement due to statement timeout', 'canceled among them');

$node->stop;
done_testing();
