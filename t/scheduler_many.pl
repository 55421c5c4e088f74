# More databases than the server has processes: each one has its turn, and its
# jobs find a process.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @databases = map { "app$_" } 1 .. 20;
my $node = new_node(
	'many',
	'max_worker_processes = 8',
	"shared_preload_libraries = 'migrate'",
	"migrate.worker_naptime = '1s'");
new_database($node, 'template');
sql($node, 'template', "SELECT migrate_register('m1', 'CREATE TABLE m1 ()', '')");
sql($node, 'postgres', "CREATE DATABASE $_ TEMPLATE template") foreach @databases;
my @jobs = map { sql($node, $_, "SELECT migrate_submit(run_at => now() + interval '1 s')") } @databases;

# What uses all the processes meanwhile, jobs or scans, is seen here.
my $watcher = start_sql($node, 'postgres', 'watcher', <<'SQL');
CREATE TABLE watched (scans bigint, processes bigint);
CREATE TABLE stop ();
DO $$
BEGIN
  WHILE to_regclass('stop') IS NOT NULL LOOP
    INSERT INTO watched SELECT count(*) FILTER (WHERE backend_type = 'migrate scan'),
        count(*) FILTER (WHERE backend_type LIKE 'migrate%' OR backend_type LIKE 'logical%')
      FROM pg_stat_activity;
    COMMIT;
    PERFORM pg_sleep(0.01);
  END LOOP;
END$$;
SQL
$node->append_conf('postgresql.conf', "migrate.databases = '" . join(', ', @databases) . "'\n");
$node->reload;
is(ended_job($node, $databases[$_], $jobs[$_], 'state, error'), 'succeeded|', "$databases[$_]: its job is run")
  foreach 0 .. $#databases;
wait_until($node, 'postgres', "SELECT to_regclass('stop') IS NOT NULL");
sql($node, 'postgres', 'DROP TABLE stop');
finish_sql($watcher);
cmp_ok(sql($node, 'postgres', 'SELECT max(scans) FROM watched'), '<=', 2, 'few scans at a time');
# Jobs may take all that is left, for a moment; scans must not.
unlike(slurp_file($node->logfile), qr/migrate could not scan database "\w+" for jobs: (?!no background worker slot)/, 'no scan failed');

# A database in which scans hang does not keep the others from theirs.
my $holder = $node->background_psql('app1');
$holder->query_safe('BEGIN; LOCK TABLE migrate.schedule;');
my $log_start = -s $node->logfile;
ok(wait_until_logged($node, $log_start, qr/could not scan database "app1" for jobs: canceling statement due to lock timeout/), 'a scan hangs');
my $job = sql($node, 'app20', "SELECT migrate_submit('base', 'downgrade', run_at => now() + interval '0.5 s')");
is(ended_job($node, 'app20', $job, 'state'), 'succeeded', 'the others are scanned');
$holder->query_safe('COMMIT;');
$holder->quit;

$node->stop;
done_testing();
