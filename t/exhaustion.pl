# What a run does when the server is out of something: disk, locks, workers,
# memory, stack.  The error says so, nothing is lost or half applied, and the
# next run completes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $db);

# The advisory locks that a session still held after its last call.
my $left;

# Output and errors of a call that may fail.
sub attempt
{
	my ($sql) = @_;
	my ($out, $errors) = ('', '');
	$node->psql(
		$db, "\\set VERBOSITY verbose\nSET client_min_messages = warning;\n$sql;
		SELECT 'left ' || count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();\n",
		stdout => \$out, stderr => \$errors, on_error_stop => 0);
	$left = $out =~ s/\n?^left (\d+)\z//m ? $1 : 'session lost';
	return ($out, $errors);
}

sub rows { return sql($node, $db, "SELECT string_agg(version_num, ',' ORDER BY 1) FROM migrate.version"); }

sub log_of
{
	my ($revision) = @_;
	return sql($node, $db, "SELECT string_agg(concat_ws(' ', state, sqlstate), ', ' ORDER BY started) FROM migrate.log WHERE revision = '$revision'");
}

# Nothing is left over that would stand in the way of another run, although the
# session that has failed is there.
sub is_quiet
{
	my ($name) = @_;
	is($left, '0', "$name: no lock is left");
	return;
}

# Disk ------------------------------------------------------------------

# The server is told by a file that the disk is full.
my $flag = PostgreSQL::Test::Utils::tempdir() . '/disk_full';

sub fill_disk
{
	my ($path) = @_;
	append_to_file($flag, $path);
	return;
}

sub free_disk
{
	unlink $flag or die "unlink: $!";
	return;
}

sub start_with_disk
{
	my (%option) = @_;
	my ($library) = slurp_file($ENV{TEMP_CONFIG}) =~ /dynamic_library_path = '([^:]*)/;
	local $ENV{LD_PRELOAD} = "$library/migrate_test_disk_full.so";
	local $ENV{MIGRATE_DISK_FULL} = $flag;
	return $node->start(%option);
}

$node = PostgreSQL::Test::Cluster->new('disk');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nwal_recycle = off\nmin_wal_size = 32MB\nmax_wal_size = 64MB\nrestart_after_crash = off\n");
start_with_disk();
$db = new_database($node, 'app');
my $space = PostgreSQL::Test::Utils::tempdir();
sql($node, $db, "CREATE TABLESPACE space LOCATION '$space'");
sql($node, $db, <<'SQL');
CREATE TABLE big (i int);
INSERT INTO big SELECT generate_series(1, 50000);
SELECT migrate_register('d1', 'CREATE TABLE d1 (i int)', 'DROP TABLE d1'),
       migrate_register('d2', 'ALTER TABLE d1 ADD COLUMN j int; INSERT INTO d1 SELECT generate_series(1, 10000)', 'ALTER TABLE d1 DROP COLUMN j; DELETE FROM d1', '{d1}'),
       migrate_register('d3', 'ALTER TABLE d1 ADD COLUMN k int; CREATE INDEX CONCURRENTLY big_i ON big (i) TABLESPACE space; ALTER TABLE d1 ADD COLUMN l int',
                        'ALTER TABLE d1 DROP COLUMN k, DROP COLUMN l; DROP INDEX CONCURRENTLY big_i', '{d2}');
SQL

# No room for the first version row.
my $version = sql($node, $db, q{SELECT pg_relation_filepath('migrate.version')});
my (undef, $errors);
foreach my $call (q{SELECT migrate_upgrade('d1')}, q{CALL migrate_deploy('d1')})
{
	fill_disk($version);
	(undef, $errors) = attempt($call);
	like($errors, qr/ERROR:  53100: could not extend file .*version row of the upgrade of revision "d1", attempt 1/s, "disk: no room for the version row, $call");
	is_quiet($call);
	free_disk();
	is(rows() . sql($node, $db, q{SELECT to_regclass('d1')}), '', 'neither that nor the table is there');
}
attempt(q{SELECT migrate_upgrade('d1')});

foreach my $call (q{SELECT migrate_upgrade('d2')}, q{CALL migrate_deploy('d2')})
{
	# Not for pg_attribute: whether its last page has room is chance.
	fill_disk(sql($node, $db, q{SELECT pg_relation_filepath('d1')}));
	(undef, $errors) = attempt($call);
	like($errors, qr/ERROR:  53100: could not extend file .*: No space left on device\n.*HINT:  Check free disk space\./s, "disk: $call says so");
	like($errors, qr/statement 2 at line 1 of the upgrade of revision "d2", attempt 1/, 'and where');
	is(rows(), 'd1', 'the version row is as it was');
	is(sql($node, $db, q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'd1'::regclass AND attname = 'j'}), '0', 'so is the table');
	is_quiet($call);
	free_disk();
	attempt($call);
	is(rows(), 'd2', 'the next run completes');
	is(sql($node, $db, 'SELECT count(j IS NULL) FROM d1'), '10000', 'all is there');
	attempt(q{SELECT migrate_downgrade('d1'); VACUUM FULL d1});
}
is(log_of('d2'), 'succeeded, succeeded, failed 53100, succeeded, succeeded', 'the log has each of them');
attempt(q{SELECT migrate_upgrade('d2')});

# No room for a row of migrate.partial: what it would be of is rolled back.
fill_disk('/base/');
(undef, $errors) = attempt(q{CALL migrate_deploy('d3')});
like($errors, qr/ERROR:  53100: could not extend .*INSERT INTO migrate.partial/s, 'disk: a row of migrate.partial');
free_disk();
is(sql($node, $db, 'SELECT count(*) = 0 FROM migrate_history_details() WHERE partial IS NOT NULL'), 't', 'the revision is not partial');

# No room for an index that is built concurrently: it is.
fill_disk($space);
(undef, $errors) = attempt(q{CALL migrate_deploy('d3')});
like($errors, qr/ERROR:  53100: could not (extend|write)/, 'disk: an index');
like($errors, qr/Revision "d3" is partial/, 'the revision is partial');
is_quiet('index');
free_disk();
is(rows(), 'd2', 'its row is not there');
attempt(q{CALL migrate_deploy('d3')});
is(rows(), 'd3', 'the next run completes');
is(sql($node, $db, q{SELECT indisvalid, (SELECT count(*) FROM pg_attribute WHERE attrelid = 'd1'::regclass AND attname IN ('k', 'l'))
	FROM pg_index WHERE indexrelid = 'big_i'::regclass}), 't|2', 'the index is good, and each statement ran once');

# No room for what we write ourselves.
attempt(q{CALL migrate_revert('d2')});
sql($node, $db, 'TRUNCATE migrate.log');
my $log = sql($node, $db, q{SELECT pg_relation_filepath('migrate.log')});
fill_disk($log);
(undef, $errors) = attempt(q{CALL migrate_revert('d1')});
like($errors, qr/ERROR:  53100: could not extend file .*version row of the downgrade of revision "d2"/s, 'disk: no room for the log row');
like($errors, qr/WARNING:  53100: could not log the failure of revision "d2"/, 'nor for that of the failure');
is_quiet('log');
free_disk();
is(rows(), 'd2', 'the body was rolled back with it');
is(sql($node, $db, q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'd1'::regclass AND attname = 'j'}), '1', 'the table, too');
attempt(q{CALL migrate_revert('d1')});
is(rows() . ' ' . log_of('d2'), 'd1 succeeded', 'the next run completes');

# Of a registration nothing is kept.
fill_disk('/base/');
(undef, $errors) = attempt(q{SELECT migrate_register('d4', string_agg(format('SELECT %L', md5(i::text)), '; '), '', '{d3}') FROM generate_series(1, 100000) AS i});
like($errors, qr/ERROR:  53100/, 'disk: a registration');
free_disk();
is(sql($node, $db, q{SELECT count(*) FROM migrate_show('d3')}), '1', 'others are there');
is(sql($node, $db, q{SELECT string_agg(revision, ',' ORDER BY revision) FROM migrate_history()}), 'd1,d2,d3', 'and it is not');

# A job ends with the error.
my $job = sql($node, $db, q{SELECT migrate_submit('d2', run_at => now() + interval '1 day')});
fill_disk('/base/');
sql($node, $db, "UPDATE migrate.job SET run_at = now(); SELECT migrate_run_jobs()");
is(ended_job($node, $db, $job, 'state, sqlstate'), 'failed|53100', 'disk: a job fails');
free_disk();
$job = sql($node, $db, q{SELECT migrate_submit('d2')});
is(ended_job($node, $db, $job, 'state') . ' ' . rows(), 'succeeded d2', 'the next one completes');

# A job whose row needs a page of its own each time it is written.
make_gate($node, $db);
sql($node, $db, q{ALTER TABLE migrate.job ALTER settings SET STORAGE PLAIN;
	SELECT migrate_register('g', 'CALL pass_gate()', '', '{d2}')});
my $path = join(', ', 'public', map { sprintf 'nowhere_%027d', $_ } 1 .. 180);
$job = sql($node, $db, "SET search_path = $path; SELECT migrate_submit('g', run_at => clock_timestamp() + interval '500 ms')");
cmp_ok(sql($node, $db, "SELECT pg_column_size(j) FROM migrate.job AS j WHERE job = $job"), '>', 6500, 'disk: a job that fills a page');
my $jobs = sql($node, $db, q{SELECT pg_relation_filepath('migrate.job')});
fill_disk($jobs);
my $from = -s $node->logfile;
wait_until($node, $db, "SELECT run_at <= clock_timestamp() FROM migrate.job WHERE job = $job");
sql($node, $db, 'SELECT migrate_run_jobs()');
ok(wait_until_logged($node, $from, qr/ERROR:  could not extend file/), 'its worker cannot note that it begins');
wait_until_no_worker($node, $db);
is(sql($node, $db, "SELECT state, attempts FROM migrate.jobs_details WHERE job = $job") . ' ' . rows(), 'queued|0 d2', 'so it does nothing, and the job stays queued');
free_disk();
sql($node, $db, 'SELECT migrate_run_jobs()');
wait_for_gate($node, $db, $job);
fill_disk($jobs);
$from = -s $node->logfile;
sql($node, $db, 'INSERT INTO gate VALUES (true)');
ok(wait_until_logged($node, $from, qr/migrate could not record the end of job $job: could not extend file/), 'nor that it has ended');
wait_until_no_worker($node, $db);
is(sql($node, $db, "SELECT state FROM migrate.jobs_details WHERE job = $job") . ' ' . rows(), 'interrupted g', 'what it did is there');
free_disk();
(undef, $errors) = attempt("CALL migrate_wait($job)");
is($errors . sql($node, $db, "SELECT state, attempts FROM migrate.jobs_details WHERE job = $job"), 'succeeded|2', 'the next worker notes it');
sql($node, $db, q{SELECT migrate_downgrade('d2')});

# Without room for the write-ahead log the server itself goes down.
sql($node, $db, q{SELECT migrate_downgrade('d1');
	CREATE FUNCTION much_wal() RETURNS bigint LANGUAGE sql AS $$SELECT count(pg_logical_emit_message(true, 'w', repeat('w', 1000000))) FROM generate_series(1, 100)$$;
	SELECT migrate_register('w1', 'CREATE TABLE w (i int); SELECT much_wal()', 'DROP TABLE w', '{d1}'),
	       migrate_register('w2', 'ALTER TABLE w ADD COLUMN j int; CREATE INDEX CONCURRENTLY w_j ON w (j); ALTER TABLE w ADD COLUMN k int; SELECT much_wal()', '', '{w1}')});

sub fail_without_wal
{
	my ($call) = @_;
	# A segment that has room for the statements before.
	sql($node, $db, 'SELECT pg_switch_wal()');
	sql($node, $db, 'SELECT pg_logical_emit_message(true, $$w$$, $$w$$)');
	fill_disk('pg_wal');
	(undef, $errors) = attempt($call);
	like($errors, qr/server closed the connection|terminat|53100/, "disk: the write-ahead log, $call");
	is($left, 'session lost', 'the server is down');
	free_disk();
	$node->stop('immediate', fail_ok => 1);
	start_with_disk(fail_ok => 1);
	return;
}

fail_without_wal(q{CALL migrate_deploy('w1')});
is(rows(), 'd1', 'after recovery nothing is applied');
is(sql($node, $db, q{SELECT to_regclass('w') IS NULL}), 't', 'nor there');
attempt(q{CALL migrate_deploy('w1')});
is(rows(), 'w1', 'the next run completes');
fail_without_wal(q{CALL migrate_deploy('w2')});
is(rows() . sql($node, $db, q{SELECT ' ' || partial FROM migrate_current() JOIN migrate_history_details() USING (revision) WHERE partial IS NOT NULL}), 'w1 upgrade: statements up to 2 are done',
	'in the middle of a revision: what was committed is noted');
attempt(q{CALL migrate_deploy('w2')});
is(rows() . ' ' . sql($node, $db, q{SELECT string_agg(attname, '' ORDER BY attnum), (SELECT indisvalid FROM pg_index WHERE indexrelid = 'w_j'::regclass)
	FROM pg_attribute WHERE attrelid = 'w'::regclass AND attnum > 0}), 'w2 ijk|t', 'the next run resumes after it');
$node->stop;

# Locks -----------------------------------------------------------------

$node = new_node('locks', 'max_locks_per_transaction = 12', 'max_connections = 10', 'max_worker_processes = 2', 'max_wal_senders = 0',
	'autovacuum = off');
$db = new_database($node, 'app');
sql($node, $db, 'SELECT migrate_register_script($script$' . chain('l', 500,
		sub { "CREATE TABLE l$_[0] (i int PRIMARY KEY, t text);" }, sub { "DROP TABLE l$_[0];" }) . '$script$)');
(undef, $errors) = attempt(q{SELECT migrate_upgrade()});
like($errors, qr/ERROR:  53200: out of shared memory/, 'locks: a transaction of 500 revisions');
like($errors, qr/HINT:  .*CALL migrate_deploy\(\)/, 'the way out');
like($errors, qr/of the upgrade of revision "l\d+", attempt 1/, 'and where');
is(rows(), '', 'nothing is applied');
is(sql($node, $db, q{SELECT count(*) FROM pg_class WHERE relname ~ '^l\d+$'}), '0', 'nothing is there');
is_quiet('locks');
(undef, $errors) = attempt(q{CALL migrate_deploy()});
is($errors, '', 'CALL migrate_deploy() gets through');
is(rows(), 'l500', 'to the end');
(undef, $errors) = attempt(q{SELECT migrate_downgrade('base')});
like($errors, qr/ERROR:  53200: out of shared memory.*CALL migrate_revert\(\)/s, 'a downgrade');
is(rows(), 'l500', 'nothing is reverted');

# Another session has all there are.  No session can begin then, so the one
# that is to run something waits for that.
my $mine = q{SELECT 'left ' || count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()};
my $ours = start_sql($node, $db, 'ours', <<"SQL");
SELECT count(*) FROM migrate_history();
DO \$\$BEGIN
  WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'hog' AND wait_event = 'PgSleep') LOOP
    PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
  END LOOP;
END\$\$;
SELECT migrate_downgrade('l499');
CALL migrate_revert('l499');
$mine;
SELECT 'gone ' || pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'hog';
CALL migrate_revert('l499');
$mine;
SQL
wait_for_event($node, $ours, 'Timeout');
my $hog = start_sql($node, $db, 'hog', <<'SQL');
DO $$BEGIN
  FOR i IN 1 .. 1000000 LOOP
    BEGIN
      PERFORM pg_advisory_lock(i);
    EXCEPTION WHEN out_of_memory THEN
      EXIT;
    END;
  END LOOP;
END$$;
SELECT pg_sleep(3600);
SQL
my ($out, $their_errors) = finish_sql($ours);
finish_sql($hog);
is($their_errors, join("\n", ('53200: out of shared memory') x 2), 'locks: another session has them all');
is($out, "500\nleft 0\ngone true\nleft 0", 'no lock of ours is left');
is(rows(), 'l499', 'the next run of that session completes');
attempt(q{CALL migrate_deploy()});

# One body that needs too many: neither function nor procedure can.
sql($node, $db, q{SELECT migrate_register('many', 'DO $$BEGIN FOR i IN 1 .. 2000 LOOP EXECUTE format(''CREATE TABLE m%s ()'', i); END LOOP; END$$', NULL, '{l500}')});
foreach my $call (q{CALL migrate_deploy()}, q{SELECT migrate_upgrade()})
{
	(undef, $errors) = attempt($call);
	like($errors, qr/ERROR:  53200: out of shared memory\n.*HINT:  You might need to increase "?max_locks_per_transaction"?\.\n/s, "locks: a body, $call");
	is_quiet($call);
	is(rows() . ' ' . sql($node, $db, q{SELECT count(*) FROM pg_class WHERE relname ~ '^m\d+$'}), 'l500 0', 'nothing of it is there');
}
is(log_of('many'), 'failed 53200', 'the log says so');
$node->stop;
$node->adjust_conf('postgresql.conf', 'max_locks_per_transaction', '500');
$node->start;
attempt(q{CALL migrate_deploy()});
is(rows(), 'many', 'with more of them the next run completes');

# Workers ---------------------------------------------------------------

# The launcher of logical replication has the only slot.
$node->stop;
$node->append_conf('postgresql.conf', "max_worker_processes = 1\nshared_preload_libraries = ''\n");
$node->start;
sql($node, $db, q{SELECT migrate_register('j1', 'CREATE TABLE j1 ()', 'DROP TABLE j1', '{many}')});
my $warning;
($job, $warning) = attempt(q{SELECT migrate_submit()});
like($warning, qr/WARNING:  53400: could not start a worker for job $job\nDETAIL:  No background worker slot is free\. The job stays queued/, 'workers: the submitter is warned');
(undef, $errors) = attempt("CALL migrate_wait($job, '100 ms')");
like($errors, qr/ERROR:  55000: job $job has not ended within the timeout\nDETAIL:  The state of the job is "queued"\./, 'the session that waits for it hears why');
is(sql($node, $db, "SELECT state FROM migrate.jobs_details WHERE job = $job"), 'queued', 'it stays queued');
(undef, $errors) = attempt(q{SET migrate.function_mode = submit; SELECT migrate_upgrade()});
like($errors, qr/WARNING:  53400: could not start a worker for job/, 'the function that submits says so, too');
is(rows(), 'many', 'and runs nothing');
attempt(q{CALL migrate_deploy()});
is(rows(), 'j1', 'a run without a worker works');
sql($node, $db, q{SELECT migrate_downgrade('many')});
$node->stop;
$node->append_conf('postgresql.conf', "max_worker_processes = 3\n");
$node->start;
sql($node, $db, 'SELECT migrate_run_jobs()');
wait_until($node, $db, "SELECT count(*) = 2 FROM migrate.jobs_details WHERE state = 'succeeded'");
is(rows(), 'j1', 'with a slot for a worker the jobs are run');

# A job has the only slot, until it ends.
$node->stop;
$node->append_conf('postgresql.conf', "max_worker_processes = 2\n");
$node->start;
make_gate($node, $db);
sql($node, $db, q{CREATE TABLE other_version (version_num varchar(32) PRIMARY KEY);
	SELECT migrate_register('j2', 'CALL pass_gate()', '', '{j1}');
	SET migrate.version_table = 'public.other_version'; SELECT migrate_stamp('j1')});
my $first = sql($node, $db, 'SELECT migrate_submit()');
wait_for_gate($node, $db, $first);
($job, $warning) = attempt(q{SET migrate.version_table = 'public.other_version'; SELECT migrate_submit()});
like($warning, qr/WARNING:  53400: could not start a worker for job $job/, 'workers: another job has the slot');
(undef, $warning) = attempt('SELECT migrate_run_jobs()');
like($warning, qr/WARNING:  53400: could not start a worker for job $job/, 'migrate_run_jobs() says so, too');
sql($node, $db, 'INSERT INTO gate VALUES (true)');
wait_until_no_worker($node, $db);
(undef, $errors) = attempt("CALL migrate_wait($job)");
is(sql($node, $db, q{SELECT version_num FROM other_version}) . ' ' . rows(), 'j2 j2', 'when that has ended it is run');
sql($node, $db, q{SELECT migrate_downgrade('j1');
	SET migrate.version_table = 'public.other_version'; SELECT migrate_downgrade('j1'); SELECT migrate_unregister('j2')});

# The scheduler has the second of two slots: it waits for one.
$node->stop;
$node->append_conf('postgresql.conf', "max_worker_processes = 2\nshared_preload_libraries = 'migrate'\nmigrate.databases = 'app'\nmigrate.worker_naptime = '1s'\n");
$node->start;
sql($node, $db, q{SELECT migrate_downgrade('many')});
($job, $warning) = attempt(q{SELECT migrate_submit()});
like($warning, qr/could not start a worker/, 'workers: the scheduler alone');
is(sql($node, $db, "SELECT state FROM migrate.jobs_details WHERE job = $job"), 'queued', 'the job stays queued');
# With a third one it can scan for jobs, but has then no slot for a worker.
$node->stop;
$node->append_conf('postgresql.conf', "max_worker_processes = 3\n");
$from = -s $node->logfile;
$node->start;
ok(wait_until_logged($node, $from, qr/WARNING:  could not start a worker for job $job/), 'it scans, and says that it cannot');
is(sql($node, $db, "SELECT state FROM migrate.jobs_details WHERE job = $job"), 'queued', 'the job stays queued');
$node->stop;
$node->append_conf('postgresql.conf', "max_worker_processes = 4\n");
$node->start;
wait_until($node, $db, "SELECT state = 'succeeded' FROM migrate.jobs_details WHERE job = $job");
is(rows(), 'j1', 'with a slot for a worker it runs the job');
$node->stop;

# Memory ----------------------------------------------------------------

$node = new_node('memory', 'shared_buffers = 16MB', 'max_connections = 10', 'restart_after_crash = off',
	"shared_preload_libraries = 'migrate'");
$db = new_database($node, 'app');
sql($node, $db, q{SELECT migrate_register('s1', 'CREATE TABLE s1 (i int)', 'DROP TABLE s1'),
	migrate_register('s2', 'ALTER TABLE s1 ADD COLUMN j int; SELECT length(repeat(repeat(''x'', 1000), (SELECT factor FROM need)))', 'ALTER TABLE s1 DROP COLUMN j', '{s1}')});
sql($node, $db, 'CREATE TABLE need (factor int); INSERT INTO need VALUES (1000000)');
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];

# What a process of the server may have, in MB more than it begins with; 0: all.
sub limit_memory
{
	my ($more) = @_;
	my ($size) = slurp_file("/proc/$postmaster/status") =~ /^VmSize:\s+(\d+) kB/m;
	IPC::Run::run([ 'prlimit', "--pid=$postmaster", '--as=' . ($more ? ($size + 1024 * $more) * 1024 : 'unlimited') . ':unlimited' ])
	  or die 'prlimit';
	return;
}

limit_memory(300);
foreach my $call (q{SELECT migrate_upgrade()}, q{CALL migrate_deploy()})
{
	(undef, $errors) = attempt($call);
	like($errors, qr/ERROR:  53200: out of memory\n.*DETAIL:  Failed on request of size \d+ in memory context/s, "memory: $call says so");
	like($errors, qr/statement 2 at line 1 of the upgrade of revision "s2", attempt 1/, 'and where');
	is_quiet($call);
}
is(rows(), 's1', 'the revision before is kept by CALL');
is(log_of('s2'), 'failed 53200', 'the log says so');
$job = sql($node, $db, 'SELECT migrate_submit()');
is(ended_job($node, $db, $job, 'state, sqlstate, error'), 'failed|53200|out of memory', 'and so does a job');
limit_memory(0);
sql($node, $db, 'UPDATE need SET factor = 1000');
attempt(q{CALL migrate_deploy()});
is(rows(), 's2', 'the next run completes');

# Deep recursion is refused by the server, and is an error like others.
sql($node, $db, q{CREATE FUNCTION deep(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN deep(i + 1); END';
	SELECT migrate_register('s3', 'SELECT deep(1)', '', '{s2}'),
	       migrate_register('s4', 'SELECT 1' || repeat('+1', 200000), '', '{s2}'),
	       migrate_register('s6', 'CREATE TABLE s6 (t text); INSERT INTO s6 SELECT string_agg(md5(i::text), '''') FROM generate_series(1, 400) AS i; CREATE INDEX ON s6 (t)',
	                        'DROP TABLE s6', '{s2}')});
foreach my $call (q{SELECT migrate_upgrade('%s')}, q{CALL migrate_deploy('%s')})
{
	foreach my $revision (qw(s3 s4))
	{
		(undef, $errors) = attempt(sprintf($call, $revision));
		like($errors, qr/ERROR:  54001: stack depth limit exceeded/, sprintf("stack: $call", $revision));
		is(rows() . " $left", 's2 0', 'nothing is applied, no lock is left');
	}
	(undef, $errors) = attempt(sprintf($call, 's6'));
	like($errors, qr/ERROR:  54000: index row requires .*statement 3 at line 1 of the upgrade of revision "s6"/s, 'another limit of the server');
	is(rows() . sql($node, $db, q{SELECT to_regclass('s6')}), 's2', 'nothing is applied');
}
is(join(', ', map { log_of($_) } qw(s3 s4 s6)), 'failed 54001, failed 54001, failed 54000', 'the log says so');
sql($node, $db, q{CREATE OR REPLACE FUNCTION deep(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'});
attempt(q{CALL migrate_deploy('s3')});
is(rows(), 's3', 'the next run completes');
(undef, $errors) = attempt(q{SELECT migrate_register('s5', 'SELECT ' || repeat('(', 20000) || '1' || repeat(')', 20000), '', '{s2}')});
like($errors, qr/ERROR:  42601: memory exhausted at or near/, 'stack: what the parser cannot take is not registered');

# With any amount of memory a run is done, or refused, and nothing between.
$db = new_database($node, 'sweep');
my $chain = chain('m', 200, sub { "CREATE TABLE m$_[0] (i int); COMMENT ON TABLE m$_[0] IS '" . 'm' x 2000 . "';" }, sub { "DROP TABLE m$_[0];" });
append_to_file($node->data_dir . '/chain', $chain);
my %count = (refused => 0, done => 0);
my @wrong;
foreach my $call ("SELECT migrate_register_script(pg_read_file('chain'))", 'SELECT migrate_upgrade()', 'CALL migrate_deploy()')
{
	my $done = 0;
	for (my $more = 2; !$done && $more < 100; $more += 0.5)
	{
		limit_memory($more);
		(undef, $errors) = attempt($call);
		limit_memory(0);
		$done = $errors !~ /ERROR|FATAL|could not/;
		push @wrong, "$call, $more MB: $left locks" if $left !~ /^(0|session lost)$/;
		$count{ $done ? 'done' : 'refused' }++;
		# With very little no session begins.
		push @wrong, "$call, $more MB: $errors" if !$done && $errors !~ /(ERROR|FATAL):  53200|connection to server .* failed: /;
		my ($registered, $applied, $tables) = split /\|/, sql($node, $db, q{SELECT count(*), count(*) FILTER (WHERE applied),
			(SELECT count(*) FROM pg_class WHERE relname ~ '^m\d+$') FROM migrate_history_details()});
		push @wrong, "$call, $more MB: $registered registered, $applied applied, $tables tables"
		  if $applied != $tables || ($call !~ /deploy/ && ($registered || $applied) != ($done ? 200 : $registered));
	}
	push @wrong, "$call: never done" if !$done;
	sql($node, $db, q{CALL migrate_revert('base')}) if $call =~ /upgrade/;
}
is(join("\n", @wrong), '', 'memory: any amount');
note("$count{refused} refused, $count{done} done");
cmp_ok($count{refused}, '>', 3, 'it was too little, too');
$node->stop;
done_testing();
