# What people read in psql as it is: no line of a view or function without
# _details in its name is longer than 80 characters, with the ids, names and
# messages of a usual database.  migrate_show(), which has bodies, with \gx.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('width', 'shared_preload_libraries = migrate', 'migrate.retry_base_delay = 1ms', 'migrate.retry_max_delay = 1ms');
my $db = new_database($node, 'app');
my $message = 'add the postal address to every customer';
is(length $message, 40, 'a message of 40 characters');

# As psql shows it by default.
sub shown
{
	my ($query, $role) = @_;
	my ($out, $err) = ('', '');
	is( $node->psql($db, "SET client_min_messages = warning;\nSET ROLE $role;\n\\pset format aligned\n\\pset tuples_only off\n$query",
			stdout => \$out, stderr => \$err), 0, $query) or diag($err);
	return $out;
}

# The text, so that a test can look for the rest.
sub fits
{
	my ($query, $role) = @_;
	my $out = shown($query, $role // 'deployer01');
	my ($longest) = sort { length $b <=> length $a } split /\n/, $out;
	cmp_ok(length $longest, '<=', 80, "$query fits into 80 columns") or diag($out);
	note($out);
	return $out;
}

# Two branches of a common base, one of them labelled, a merge, a branch of the
# merge, and a failure; by an author with fewer rights than the role that runs it.
sql($node, $db, <<"SQL");
CREATE ROLE deployer01 LOGIN SUPERUSER;
CREATE ROLE registrar1;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO deployer01;
SET ROLE deployer01;
SELECT migrate_register('1975ea83b712', 'CREATE TABLE customer_address (id bigint PRIMARY KEY, name text)', 'DROP TABLE customer_address', message => '$message');
SELECT migrate_register('ae1027a6acf0', 'ALTER TABLE customer_address ADD COLUMN j int', 'ALTER TABLE customer_address DROP COLUMN j', '{1975ea83b712}', message => '$message', branch_labels => '{customers}');
SELECT migrate_register('27c6a30d7c24', 'SELECT pg_sleep(0.0011)', 'SELECT 1', '{1975ea83b712}', message => '$message');
SELECT migrate_merge('{heads}', '5d1c77e0b9aa', '$message');
SELECT migrate_register('3a9f4c2b1d0e', 'INSERT INTO customer_address VALUES (1), (1)', 'SELECT 1', '{5d1c77e0b9aa}', message => '$message');
SQL

sub questions
{
	my ($state) = @_;
	note("--- $state");
	fits("SELECT * FROM $_") foreach split /\n/, sql($node, $db, <<'SQL');
SELECT CASE d.classid WHEN 'pg_class'::regclass THEN d.objid::regclass::text
       ELSE d.objid::regproc || '()' END
  FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid AND e.extname = 'migrate' AND d.deptype = 'e'
 WHERE d.classid = 'pg_class'::regclass AND (SELECT c.relkind FROM pg_class AS c WHERE c.oid = d.objid) = 'v'
                   AND d.objid::regclass::text NOT LIKE '%\_details'
    OR d.classid = 'pg_proc'::regclass AND (SELECT p.proretset AND p.prorettype::regtype::text <> ALL ('{text,bigint}') FROM pg_proc AS p WHERE p.oid = d.objid)
                   AND d.objid::regproc::text NOT LIKE '%\_details'
                   -- the rows behind a view; asked below; definitions
                   AND d.objid::regproc::text <> ALL ('{migrate_progress,migrate_tenants,migrate_show,migrate_export,migrate_schema,migrate_roundtrip,migrate_preview,migrate_drift,migrate_register_files,migrate_register_bundle,migrate_register_directory,migrate_adopt}')
 ORDER BY 1
SQL
	fits("SELECT * FROM migrate_plan('base', 'downgrade')");
	fits("SELECT * FROM migrate_plan('base', 'stamp')");
	my $show = fits(q{SELECT * FROM migrate_show('3a9f4c2b1d0e') \gx});
	like($show, qr/^hash +\| [0-9a-f]{64}$/m, 'and is complete');
	return;
}

sql($node, $db, "CREATE SCHEMA tenant_customer; CALL migrate_deploy('5d1c77e0b9aa', schemas => '{tenant_customer}')");
isnt($node->psql($db, "CALL migrate_deploy(schemas => '{tenant_customer}')"), 0, 'a tenant fails');
like(fits('SELECT * FROM migrate.tenants'), qr/^ tenant_customer \| failed \| 5d1c77e0b9aa +\| +1 \| 23505 in 3a9f4c2b1d0e$/m, 'where it is, and why');
sql($node, $db, 'DROP SCHEMA tenant_customer CASCADE; DELETE FROM migrate.log');

like(fits('SELECT * FROM migrate_history()'), qr/ 5d1c77e0b9aa \| pending \| merge +\| $message$/m, 'the message is not cut');
like(fits('SELECT * FROM migrate_plan()'), qr/ +1 \| upgrade +\| 1975ea83b712 \| $message$/m, 'nor that of a step');
questions('nothing is applied');
fits(q{SELECT * FROM migrate_roundtrip('5d1c77e0b9aa')});
fits('SELECT * FROM migrate_preview()');
sql($node, $db, 'CREATE TABLE customer_invoice (invoice_number bigint); SELECT migrate_drift_accept(); ALTER TABLE customer_invoice ADD COLUMN postal_address text');
like(fits('SELECT * FROM migrate_drift()'), qr/created \| table column \| public.customer_invoice.postal_address$/m, 'a column that was added by hand');

sql($node, $db, "SET ROLE deployer01; CALL migrate_deploy('5d1c77e0b9aa'); CALL migrate_revert('1975ea83b712'); CALL migrate_deploy('5d1c77e0b9aa')");
isnt($node->psql($db, 'SET ROLE deployer01; CALL migrate_deploy()'), 0, 'it fails');
questions('a revision has failed');

# Jobs and schedules of each kind.
my $job = sql($node, $db, 'SET ROLE deployer01; SELECT migrate_submit()');
isnt($node->psql($db, "CALL migrate_wait($job)"), 0, 'a job fails');
$job = sql($node, $db, q{SET ROLE deployer01; SELECT migrate_submit('5d1c77e0b9aa')});
sql($node, $db, "CALL migrate_wait($job)");
sql($node, $db, <<'SQL');
SET ROLE deployer01;
SELECT migrate_submit('3a9f4c2b1d0e', run_at => now() + interval '1 year');
SELECT migrate_cancel(migrate_submit('1975ea83b712', 'downgrade', now() + interval '1 year'));
SELECT migrate_schedule('night shift', '0 2 * * mon-fri', window_start => '02:00+01', window_end => '04:30+01');
SELECT migrate_schedule('every hour', '1 hour', at => now());
SELECT migrate_schedule('the schedule of this night', '0,10,20,30,40,50 6-22 * * mon-fri', time_zone => 'Asia/Kathmandu');
UPDATE migrate.schedule SET note = 'ended before its target, as the window closed' WHERE name LIKE 'the schedule%';
SELECT migrate_run_jobs();
SQL
wait_until($node, $db, q{SELECT failures > 0 FROM migrate.schedules_details WHERE name = 'every hour'});
questions('jobs and schedules');
my $jobs = fits('SELECT * FROM migrate.jobs');
like($jobs, qr/failed +\| \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| upgrade +\| 23505 in 3a9f4c2b1d0e/, 'which error ended it, and where');
like($jobs, qr/queued .* \| at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m, 'when it will begin');
like(fits('SELECT * FROM migrate.schedules'), qr/night shift .* \| \d\d-\d\d \d\d:\d\d\+\d\d \| 02:00-04:30 *$/m, 'the window');

like(fits("SELECT * FROM migrate.schedules"), qr/^ the schedule of this night \| 0,10,20,30,4\.\.\. \| .* \| ended\.\.\. *$/m, 'what is cut says so, and words are not');
like(fits("SET timezone = 'Asia/Kathmandu'; SELECT * FROM migrate.schedules"), qr/ \d\d-\d\d \d\d:\d\d\+05:45 /, 'with the zone');
sql($node, $db, q{SET ROLE deployer01; SELECT migrate_unschedule('the schedule of this night')});

# A revision that waits for a lock, in a job.
my $holder = $node->background_psql($db);
$holder->query_safe('BEGIN; LOCK TABLE customer_address IN ACCESS SHARE MODE;');
sql($node, $db, q{SELECT migrate_unschedule('every hour')});
sql($node, $db, <<"SQL");
SET ROLE deployer01;
SELECT migrate_register('3a9f4c2b1d0e', 'ALTER TABLE customer_address ADD COLUMN postal_address text', '', '{5d1c77e0b9aa}', message => '$message', replace => true);
SET migrate.lock_timeout = 0;
SELECT migrate_submit();
SQL
wait_until($node, $db, "SELECT waiting_for <> '{}' FROM migrate.progress_details WHERE revision = '3a9f4c2b1d0e'");
questions('a run waits');
like(fits('SELECT * FROM migrate.progress'), qr/ 3a9f4c2b1d0e \| 1 of 1 \| 00:0\d:\d\d \| \d+ \(\d+ s\) +\| ALTER TABLE c *$/m, 'what it does, how long, and for what it waits');
like(fits('SELECT * FROM migrate.jobs'), qr/running .* \| 3a9f4c2b1d0e, 1 of 1$/m, 'where the job is');
$holder->query_safe('COMMIT');
wait_until($node, $db, q{SELECT count(*) = 0 FROM migrate.jobs_details WHERE state IN ('running')});
$holder->quit;

# A partial revision, one that may not be run, and a row that names none.
sql($node, $db, <<"SQL");
GRANT EXECUTE ON FUNCTION migrate_register TO registrar1;
SET ROLE deployer01;
SELECT migrate_register('0b1c2d3e4f50', 'SELECT 1; VACUUM customer_address; SELECT 1 / 0', '', '{3a9f4c2b1d0e}', message => '$message');
SET ROLE registrar1;
SELECT migrate_register('c0ffee000001', 'SELECT 1', NULL, '{0b1c2d3e4f50}', message => '$message');
SQL
isnt($node->psql($db, q{CALL migrate_deploy('0b1c2d3e4f50')}), 0, 'it is partial');
questions('partial');
my $plan = fits('SELECT * FROM migrate_plan()');
like($plan, qr/ 0b1c2d3e4f50 \| partial: add the postal address to every cus$/m, 'the plan says so');
like($plan, qr/ c0ffee000001 \| role registrar1 not trusted: add the postal *$/m, 'and what would be refused');
like(fits('SELECT * FROM migrate_history()'), qr/ 0b1c2d3e4f50 \| partial \| +\| $message$/m, 'so does the history');
sql($node, $db, q{SELECT migrate_resolve('0b1c2d3e4f50', 'abandon'); INSERT INTO migrate.version VALUES ('deadbeef0000')});
fits("SELECT * FROM $_") foreach qw(migrate_current() migrate_history() migrate_doctor() migrate.status);

# A verify body that fails.
sql($node, $db, q{DELETE FROM migrate.version WHERE version_num = 'deadbeef0000';
  SELECT migrate_register('7e57ed000001', 'SELECT 1', '', '{3a9f4c2b1d0e}', verify => 'SELECT no_such_column_of_it FROM customer_address'); SELECT migrate_stamp('7e57ed000001')});
like(fits('SELECT * FROM migrate_verify()'), qr/^ 7e57ed000001 \| failed \| +\d+ \| 42703 +\| column "no_such_column_of_it" *\+$/m, 'what a verify body says');
sql($node, $db, q{SELECT migrate_stamp('3a9f4c2b1d0e'); SELECT migrate_unregister('7e57ed000001'); INSERT INTO migrate.version VALUES ('deadbeef0000')});

# A finding of the rule with the longest name.
sql($node, $db, "SET ROLE deployer01; SELECT migrate_register('f00d00000001', 'CREATE TABLE payment_of_customer (id int PRIMARY KEY, customer bigint REFERENCES customer_address)', '', '{c0ffee000001}')");
like(fits(q{SELECT * FROM migrate_lint('base:heads', separately => true)}), qr/^ f00d00000001 \|    1 \| notice +\| foreign-key-index \| no index of +\+$/m, 'lint says what it has found');

# A finding says all that the details say.
my $same = q{SELECT count(*), bool_and(regexp_replace(d.finding, '\s+', ' ', 'g') = regexp_replace(concat_ws(E'\n', w."check" || ': ' || w.value, w.advice), '\s+', ' ', 'g'))
  FROM migrate_doctor() WITH ORDINALITY AS d JOIN migrate_doctor_details() WITH ORDINALITY AS w USING (ordinality) WHERE d.area NOT IN ('commit', 'replication')};
like(sql($node, $db, $same), qr/^[1-9]\d+\|t$/, 'no word of the doctor is lost');
is(sql($node, $db, q{SELECT count(*) FROM migrate.log WHERE cpu_ms::text ~ '\.\d{4}' OR wall_ms::text ~ '\.\d{4}'}), '0', 'no more digits than say something');

$node->stop;
done_testing();
