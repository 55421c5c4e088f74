# Inside the caller's transaction, and from every kind of statement.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('transaction', 'max_prepared_transactions = 2');
my $number = 0;

# A database of its own for each script: two revisions, not applied.
sub prepare
{
	my $db = new_database($node, 'tx' . ++$number);
	sql($node, $db, <<'SQL');
SELECT migrate_register('t1', 'CREATE TABLE t1 (id int)', 'DROP TABLE t1');
SELECT migrate_register('t2', 'INSERT INTO t1 VALUES (1)', 'DELETE FROM t1', '{t1}');
CREATE VIEW state AS
  SELECT (to_regclass('t1') IS NOT NULL)::int AS tables, count(version_num) AS versions,
         (SELECT count(*) FROM migrate.log) AS log
    FROM migrate.version;
SQL
	return $db;
}

# is_session NAME SCRIPT OUTPUT [ERRORS]
sub is_session
{
	return session_is($node, prepare(), @_);
}

is_session('ROLLBACK undoes the migrations', <<'SQL', "t1\nt2\n1|1|2\n0|0|0\nt1\nt2");
BEGIN;
SELECT migrate_upgrade();
SELECT * FROM state;
ROLLBACK;
SELECT * FROM state;
SELECT migrate_upgrade();
SQL

is_session('COMMIT keeps them', <<'SQL', "t1\nt2\n1|1|2\nt");
BEGIN;
SELECT migrate_upgrade();
COMMIT;
SELECT * FROM state;
SELECT migrate_is_current();
SQL

is_session('ROLLBACK TO SAVEPOINT, then again', <<'SQL', "t1\nt1\nt2\n0|0|0\nt1\nt2\n1|1|2");
BEGIN;
SAVEPOINT a;
SELECT migrate_upgrade('t1');
ROLLBACK TO SAVEPOINT a;
SAVEPOINT b;
SELECT migrate_upgrade();
ROLLBACK TO SAVEPOINT b;
SELECT * FROM state;
SELECT migrate_upgrade();
COMMIT;
SELECT * FROM state;
SQL

is_session('an error, caught by a savepoint', <<'SQL', "t1\nt2\n1|1|2", '22P02: invalid input syntax for type integer: "x"');
SELECT FROM migrate_register('t3', 'SELECT ''x''::text::int', down_revision => '{t2}');
BEGIN;
SAVEPOINT a;
SELECT migrate_upgrade();
ROLLBACK TO SAVEPOINT a;
SELECT migrate_upgrade('t2');
COMMIT;
SELECT * FROM state;
SQL

is_session('PL/pgSQL exception blocks', <<'SQL', "0|0|0\n1|1|2\n1|1|2");
DO $$
BEGIN
  BEGIN
    PERFORM migrate_upgrade();
    RAISE division_by_zero;
  EXCEPTION WHEN division_by_zero THEN
    NULL;
  END;
END $$;
SELECT * FROM state;
DO $$
BEGIN
  BEGIN
    PERFORM migrate_upgrade();
  EXCEPTION WHEN OTHERS THEN
    RAISE;
  END;
END $$;
SELECT * FROM state;
DO $$
BEGIN
  BEGIN
    PERFORM migrate_upgrade('no such revision');
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  PERFORM migrate_upgrade();
END $$;
SELECT * FROM state;
SQL

is_session('an error of a body in an exception block, then a good run', <<'SQL', "ok\n1|1|2");
CREATE SEQUENCE fails;
SELECT FROM migrate_register('t3', 'SELECT 1 / (nextval(''fails'') - 1)', down_revision => '{t2}');
CREATE FUNCTION twice() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    PERFORM migrate_upgrade();
  EXCEPTION WHEN division_by_zero THEN
    PERFORM migrate_upgrade('t2');
    RETURN 'ok';
  END;
END $$;
SELECT twice();
SELECT * FROM state;
SQL

is_session('a cursor', <<'SQL', "t1\nt2\n1|1|2");
BEGIN;
DECLARE c CURSOR FOR SELECT migrate_upgrade();
FETCH 1 FROM c;
FETCH 1 FROM c;
FETCH 1 FROM c;
CLOSE c;
COMMIT;
SELECT * FROM state;
SQL

is_session('a cursor WITH HOLD', <<'SQL', "1|1|2\nt2");
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT migrate_upgrade();
COMMIT;
SELECT * FROM state;
MOVE 1 FROM c;
FETCH 1 FROM c;
SQL

is_session('LIMIT does not stop it half-way', <<'SQL', "t1\n1|1|2");
SELECT migrate_upgrade() LIMIT 1;
SELECT * FROM state;
SQL

is_session('CREATE TABLE AS, INSERT, FROM, WITH, LATERAL', <<'SQL', "t1\nt2\n2\nt1\nt2\nt1\n2\n1|1|8");
CREATE TABLE done AS SELECT migrate_upgrade() AS revision;
SELECT * FROM done;
INSERT INTO done SELECT migrate_downgrade('base');
SELECT count(*) FROM done WHERE revision = 't1';
WITH run AS MATERIALIZED (SELECT * FROM migrate_upgrade()) SELECT * FROM run;
SELECT x FROM migrate_downgrade('t1') WITH ORDINALITY AS d(y, n), LATERAL (SELECT 't1') AS l(x);
SELECT count(*) FROM (SELECT migrate_upgrade() UNION ALL SELECT 'one more') AS u;
SELECT * FROM state;
SQL

is_session('prepared statements, also after DISCARD', <<'SQL', "t1\nt2\nt2\nt2\nt2\nt1\nt1\nt2\nt\nt\n1|1|8");
PREPARE up(text) AS SELECT migrate_upgrade($1);
PREPARE down AS SELECT migrate_downgrade('-1');
EXECUTE up('t1');
EXECUTE up('head');
EXECUTE down;
DISCARD PLANS;
EXECUTE up('t2');
DISCARD TEMP;
EXECUTE down;
EXECUTE down;
DISCARD ALL;
SELECT migrate_upgrade();
DISCARD ALL;
SELECT migrate_upgrade();
SELECT migrate_is_current();
DISCARD ALL;
SELECT migrate_is_current();
SELECT * FROM state;
SQL

is_session('READ ONLY transactions', <<'SQL', "f\n2", "25006: cannot execute migrate_upgrade() in a read-only transaction\n25006: cannot execute migrate_register() in a read-only transaction");
BEGIN READ ONLY;
SELECT migrate_is_current();
SELECT count(*) FROM migrate_plan();
SAVEPOINT a;
SELECT migrate_upgrade();
ROLLBACK TO SAVEPOINT a;
SELECT migrate_register('t9', '');
ROLLBACK;
SQL

is_session('forced parallel query', <<'SQL', "f\n2\nt1\nt2\nt\nt2");
DO $$
BEGIN
  -- The name depends on the version.
  PERFORM set_config(name, 'on', false) FROM pg_settings
    WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
END $$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT migrate_is_current();
SELECT count(*) FROM migrate_history();
SELECT migrate_upgrade();
SELECT migrate_is_current();
SELECT revision FROM migrate_current();
SQL

is_session('an atomic script that fails at its end', <<'SQL', "t1\nt2\n0|0|0", '22012: division by zero');
BEGIN;
SELECT migrate_upgrade();
SELECT 1 / 0;
COMMIT;
SELECT * FROM state;
SQL

# Two-phase commit keeps the rows, and our lock, until it is decided.
my ($out, $errors) = run_sql($node, prepare(), <<'SQL');
BEGIN;
SELECT migrate_upgrade('t1');
PREPARE TRANSACTION 'undecided';
SET migrate.lock_wait = '20ms';
SELECT migrate_is_current('t1');
DO $$
DECLARE detail text;
BEGIN
  PERFORM migrate_upgrade();
EXCEPTION WHEN lock_not_available THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  PERFORM set_config('test.detail', detail, false);
END $$;
SELECT current_setting('test.detail') ~ 'prepared transaction';
COMMIT PREPARED 'undecided';
SELECT migrate_upgrade();
SELECT * FROM state;
SQL
is($out, "t1\nf\nt\nt2\n1|1|2", 'a prepared transaction');
is($errors, '', 'a prepared transaction: errors');

# The extended protocol.
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/up.sql", "SELECT * FROM migrate_upgrade('head');\n");
foreach my $mode ('simple', 'extended', 'prepared')
{
	my $db = new_database($node, "protocol_$mode");
	sql($node, $db, "SELECT migrate_register('p1', 'CREATE TABLE p1 (id int)')");
	$node->command_ok(
		[ 'pgbench', '-n', '-M', $mode, '-t', '3', '-f', "$dir/up.sql", $db ],
		"pgbench -M $mode");
	is(sql($node, $db, 'SELECT count(*) FROM migrate.log'),
		'1', "pgbench -M $mode: applied once");
}

$node->stop;
done_testing();
