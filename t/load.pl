# Many sessions that upgrade, deploy, revert, stamp, submit, register and ask at
# random, some of them cancelled or terminated, while the application works on
# the tables that change.  In the end the schema is what the version rows say,
# the registry is consistent, no lock is left, and the application has seen no
# error.
#
# LOAD_SECONDS says how long, LOAD_SESSIONS how many.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{LOAD_SECONDS} || 10;
my $nsessions = $ENV{LOAD_SESSIONS} || 20;
my $ntables = 4;

my $node = new_node('load', 'max_connections = 150', 'max_worker_processes = 16',
	"shared_preload_libraries = 'migrate'", "migrate.databases = 'app'",
	"migrate.worker_naptime = '1s'", "migrate.lock_timeout = '50ms'", "migrate.lock_wait = '5s'",
	'log_min_messages = error');
my $db = new_database($node, 'app');

# The application's tables, and a chain of revisions over them.
my $chain = '';
my @effects;
foreach my $n (1 .. 12)
{
	my $table = 'account' . (1 + $n % $ntables);
	my ($up, $down, $check) = @{ [
		[ "ALTER TABLE $table ADD COLUMN c$n int DEFAULT 1", "ALTER TABLE $table DROP COLUMN c$n",
			"EXISTS (SELECT FROM pg_attribute WHERE attrelid = '$table'::regclass AND attname = 'c$n' AND NOT attisdropped)" ],
		[ "CREATE INDEX CONCURRENTLY i$n ON $table (n)", "DROP INDEX CONCURRENTLY i$n",
			"EXISTS (SELECT FROM pg_index AS i WHERE i.indexrelid = to_regclass('i$n') AND indisvalid)" ],
		[ "ALTER TABLE $table ADD CONSTRAINT k$n CHECK (n >= 0) NOT VALID; ALTER TABLE $table VALIDATE CONSTRAINT k$n",
			"ALTER TABLE $table DROP CONSTRAINT k$n",
			"EXISTS (SELECT FROM pg_constraint WHERE conrelid = '$table'::regclass AND conname = 'k$n' AND convalidated)" ],
		[ "CREATE TABLE t$n (i int); INSERT INTO t$n VALUES ($n)", "DROP TABLE t$n", "to_regclass('t$n') IS NOT NULL" ]
	]->[ $n % 4 ] };
	$chain .= "-- revision: r$n\n" . ($n > 1 ? '-- down_revision: r' . ($n - 1) . "\n" : "-- branch_labels: app\n")
	  . "-- migrate:up\n$up;\n-- migrate:down\n$down;\n";
	push @effects, [ "r$n", $check ];
}
sql($node, $db, join(";\n", map { "CREATE TABLE account$_ (id int PRIMARY KEY, n int NOT NULL);
	INSERT INTO account$_ SELECT g, 0 FROM generate_series(1, 5000) AS g" } 1 .. $ntables)
	  . "; CREATE TABLE other_version (version_num varchar(32) NOT NULL PRIMARY KEY);
	SELECT migrate_register_script(\$script\$$chain\$script\$)");

# The application
append_to_file($node->data_dir . '/application.sql',
	join("\n", '\set id random(1, 5000)',
		map { "BEGIN;\nUPDATE account$_ SET n = n + 1 WHERE id = :id;\nSELECT n FROM account$_ WHERE id = :id;\nEND;" } 1 .. $ntables) . "\n");

sub start_application
{
	my ($time) = @_;
	my %run = (out => '', err => '');
	$run{run} = IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-c', '4', '-j', '1', '-T', $time,
			'-f', $node->data_dir . '/application.sql', '-l', '--log-prefix', $node->data_dir . "/latency$time",
			$node->connstr($db) ], '<', \undef, '>', \$run{out}, '2>', \$run{err}, IPC::Run::timeout($time + 300));
	return \%run;
}

# The longest transaction of the application, in ms.
sub worst
{
	my ($time) = @_;
	my $worst = 0;
	foreach my $file (glob($node->data_dir . "/latency$time.*"))
	{
		foreach my $line (split /\n/, slurp_file($file))
		{
			my $latency = (split / /, $line)[2];
			$worst = $latency if $latency =~ /^\d+$/ && $latency > $worst;
		}
	}
	return $worst / 1000;
}

# The sessions: each a script of random commands, longer than there is time for.
my @commands = (
	(q{SELECT migrate_upgrade('app@head');}) x 2, (q{CALL migrate_deploy('app@head');}) x 3,
	q{CALL migrate_deploy('+1');}, q{CALL migrate_revert('-1');}, (q{CALL migrate_revert('r2');}) x 2, q{SELECT migrate_downgrade('-1');},
	q{SET migrate.version_table = 'public.other_version'; SELECT migrate_stamp('r%d'); RESET migrate.version_table;},
	q{SELECT migrate_submit('app@head');}, q{SELECT migrate_submit('-1', 'downgrade');}, q{SELECT migrate_run_jobs();},
	q{SELECT migrate_cancel(max(job)) FROM migrate.jobs_details WHERE finished IS NULL;},
	q{SELECT migrate_register('x%d', 'SELECT 1', '');}, q{SELECT migrate_register('x%d', 'SELECT 2', '', replace => true);}, q{SELECT migrate_unregister('x%d');},
	q{SELECT * FROM migrate_current();}, q{SELECT count(*) FROM migrate_history();}, q{SELECT * FROM migrate_plan('heads');},
	q{SELECT count(*) FROM migrate_doctor_details();}, q{SELECT * FROM migrate.status;}, q{SELECT migrate_is_current();}, q{SELECT * FROM migrate.progress_details;});

srand(42);
sub session_script
{
	my $script = "SET application_name = 'load'; SET client_min_messages = error;\n";
	foreach (1 .. 20000)
	{
		my $command = $commands[ int(rand(@commands)) ];
		$script .= sprintf($command =~ /%d/ ? $command : '%s', $command =~ /%d/ ? 1 + int(rand(12)) : $command) . "\n";
	}
	return $script;
}

my $application = start_application($seconds);
my @sessions;
foreach my $n (1 .. $nsessions)
{
	my $file = $node->data_dir . "/session$n.sql";
	append_to_file($file, session_script());
	# One that was terminated comes back, until the time is over.
	push @sessions, IPC::Run::start(
		[ 'sh', '-c', 'end=$(($(date +%s) + $1)); while [ $(date +%s) -lt $end ]; do timeout -k 5 $((end - $(date +%s) + 1)) "$2" -XAtq -d "$3" -f "$4" >/dev/null 2>>"$4.err"; done; :',
			'session', $seconds, $node->installed_command('psql'), $node->connstr($db), $file ],
		IPC::Run::timeout($seconds + 300));
}

# Sessions are cancelled and terminated at random.
my $end = time() + $seconds;
my ($ncancelled, $nterminated) = (0, 0);
while (time() < $end)
{
	my $verb = rand() < 0.7 ? 'cancel' : 'terminate';
	my $hit = sql($node, 'postgres', "SELECT count(pg_${verb}_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
		WHERE application_name = 'load' OR backend_type = 'migrate job' ORDER BY random() LIMIT 1) AS s");
	$verb eq 'cancel' ? ($ncancelled += $hit) : ($nterminated += $hit);
	select(undef, undef, undef, 0.2);
}
$_->finish foreach @sessions;
$application->{run}->finish;
sql($node, 'postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'load'");

# Let everything come to its end.
wait_until($node, $db, "SELECT count(*) = 0 FROM migrate.job WHERE state IN ('queued', 'running')");
wait_until($node, $db, "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");

like($application->{out}, qr/number of failed transactions: 0 /, 'the application has seen no error');
is($application->{err} =~ /(error|fatal)/i ? $application->{err} : '', '', 'and has not been cut off');
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP|terminated by signal/, 'no process has crashed');
my @internal = grep { !/tuple concurrently (updated|deleted)/ } $log =~ /ERROR:  XX\w{3}:.*/g;
is("@internal", '', 'no internal error');
my %seen;
foreach my $file (glob($node->data_dir . '/session*.err'))
{
	my $errors = slurp_file($file);
	$seen{$1}++ while $errors =~ /ERROR:  (.*)/g;
}
note("errors that sessions have met: $_ ($seen{$_})") foreach sort { $seen{$b} <=> $seen{$a} } keys %seen;
is(join("\n", grep { /cache lookup|unexpected|could not open relation|corrupt|assert|unrecognized/ } keys %seen), '', 'nor for any session');

# An interrupted revision is resumed.
my $partial = sql($node, $db, 'SELECT partial FROM migrate_current() JOIN migrate_history_details() USING (revision) WHERE partial IS NOT NULL');
note("partial: $partial") if $partial;
sql($node, $db, $partial =~ /^downgrade/ ? "CALL migrate_revert('app\@base')" : "CALL migrate_deploy('app\@head')");
my %applied = map { $_ => 1 } split /\n/, sql($node, $db, 'SELECT revision FROM migrate_history_details() WHERE applied');
foreach my $effect (@effects)
{
	my ($revision, $check) = @$effect;
	is(sql($node, $db, "SELECT $check"), $applied{$revision} ? 't' : 'f', "$revision: the schema is what the version rows say");
}
is(sql($node, $db, 'SELECT count(*) FROM migrate.partial'), '0', 'nothing is partial');
is(sql($node, $db, 'SELECT count(*) FROM pg_index WHERE NOT indisvalid'), '0', 'no index is INVALID');
is(sql($node, $db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', 'no lock is left');
is(sql($node, $db, "SELECT count(*) FROM migrate.revision AS r WHERE is_head <> NOT EXISTS (SELECT FROM migrate.revision AS c WHERE r.revision = ANY (c.down_revision))"),
	'0', 'the registry is consistent: heads');
is(sql($node, $db, "SELECT count(*) FROM migrate.revision AS r, unnest(down_revision) AS d WHERE NOT EXISTS (SELECT FROM migrate.revision AS p WHERE p.revision = d)"),
	'0', 'the registry is consistent: parents');
sql($node, $db, "CALL migrate_deploy('app\@head'); CALL migrate_revert('app\@base'); CALL migrate_deploy('app\@head')");
is(sql($node, $db, "SELECT bool_and(" . join(' AND ', map { "($_->[1])" } @effects) . ')'), 't', 'the chain can be gone down and up');

# The same DDL without us, for comparison: by psql, each revision up and down.
my $time = $seconds + 1;
my $alone = start_application($time);
my @bodies = map { [ /-- migrate:up\n(.*?)-- migrate:down\n(.*)\z/s ] } split /(?=-- revision)/, $chain;
$end = time() + $seconds;
my $file = $node->data_dir . '/alone.sql';
append_to_file($file, join('', (map { $_->[1] } reverse @bodies), (map { $_->[0] } @bodies)));
while (time() < $end)
{
	$node->psql($db, "\\i $file", on_error_stop => 0);
}
$alone->{run}->finish;
my $summary = sprintf('the longest transaction of the application: %.0f ms with %d sessions, %d cancelled, %d terminated; %.0f ms with the same DDL by one psql',
	worst($seconds), $nsessions, $ncancelled, $nterminated, worst($time));
$ENV{LOAD_SECONDS} ? diag($summary) : note($summary);

$node->stop;
done_testing();
