# Real clients run the committing procedures, or are told how to.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = "$FindBin::RealBin/../test/clients";

# Debian's own interpreters, which have the drivers, and its pgbouncer.
my %interpreter = (py => '/usr/bin/python3', js => '/usr/bin/nodejs');
$ENV{NODE_PATH} = '/usr/share/nodejs';
$ENV{PATH} = "$ENV{PATH}:/usr/sbin";

# The name that libpq takes by itself, for those who do without libpq.
$ENV{PGUSER} = getpwuid($>);

my $deploy = "CALL migrate_deploy('head')";
my $revert = "CALL migrate_revert('base')";

# What each client says.
my $up1 = "NOTICE:  upgrade <base> -> c1\n";
my $up23 = "NOTICE:  upgrade c1 -> c2\nNOTICE:  upgrade c2 -> c3\n";
my $down = join('', map { "NOTICE:  downgrade $_\n" } 'c3 -> c2', 'c2 -> c1', 'c1 -> <base>') . "NOTICE:  done: 3 of 3 revisions downgraded\n";
my ($done1, $done2, $done3) = map { "NOTICE:  done: $_ of $_ revisions upgraded\n" } 1 .. 3;
my $refused = '2D000 Send CALL migrate_deploy(...) by itself: outside of BEGIN and functions, '
  . "in a query of its own, with autocommit on. Inside a transaction use migrate_upgrade().\n";

# What there is: see the view.
my $all = 'c3 | id email phone | account_email | 3';

our $node = new_node('clients');
my $db;

# A database for the clients, to which they connect.
sub new_application
{
	($db) = @_;
	new_database($node, $db);
	sql($node, $db, slurp_file("$clients/application.sql"));
	@ENV{qw(PGHOST PGPORT PGDATABASE)} = ($node->host, $node->port, $db);
	return;
}

sub state_is
{
	my ($expected, $name) = @_;
	is(sql($node, $db, 'TABLE state'), $expected, $name);
	return;
}

# Starts a program; $run->{out} is what it says.  What ours write to stderr is
# for the log only: warnings of the interpreter.
sub start
{
	my ($program, @arguments) = @_;
	my $run = { out => '' };
	my ($ours) = $program =~ /\.(py|js)$/;
	$run->{run} = IPC::Run::start(
		[ $ours ? ($interpreter{$ours}, "$clients/$program") : $program, @arguments ],
		'<', \undef, '>', \$run->{out}, $ours ? () : '2>&1',
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $run;
}

# All that it has said at its end.
sub finish
{
	my ($run) = @_;
	$run->{run}->finish;
	return $run->{out};
}

sub said { return finish(start(@_)); }

# The same of psql, in the words of our programs.
sub psql_said
{
	my $out = said('psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-v', 'ON_ERROR_STOP=1',
		@_, '-c', '\echo done');
	my $said = join('', map { "NOTICE:  $_\n" } $out =~ /NOTICE:  00000: (.*)/g);
	return "${said}done\n" if $out =~ /^done$/m;
	my ($code, $message, $rest) = $out =~ /ERROR:  (\w{5}): (.*)((?s).*)/ or return $out;
	return "$said$code " . ($rest =~ /^HINT:  (.*)/m ? $1 : $message) . "\n";
}

# Skips a subtest, and says so, when what it tests does not even start.
sub requires
{
	my ($package, @command) = @_;
	return if eval { IPC::Run::run(\@command, '<', \undef, '>', \my $out, '2>&1') };
	diag("$package is not installed");
	plan(skip_all => "$package is not installed");
	return;
}

# pg_cron begins, because it waits for the next minute: once with a connection
# for each job, once with background workers.
my $has_cron = $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_cron'");
my %cron;
foreach my $workers ($has_cron ? ('off', 'on') : ())
{
	$cron{$workers} = new_node("cron_workers_$workers", "shared_preload_libraries = 'pg_cron'",
		"cron.use_background_workers = $workers", "cron.host = '" . $node->host . "'");
	sql($cron{$workers}, 'postgres', 'CREATE EXTENSION pg_cron; CREATE EXTENSION migrate;'
		  . slurp_file("$clients/application.sql")
		  . "SELECT cron.schedule('deploy', '* * * * *', \$\$$deploy\$\$);
		SELECT cron.schedule('two', '* * * * *', \$\$SELECT 1; $deploy\$\$)");
}

subtest 'psql' => sub {
	new_application('psql');
	is(psql_said('-c', '\set AUTOCOMMIT off', '-c', $deploy), $refused, 'autocommit off');
	is(psql_said('-c', 'BEGIN', '-c', $deploy), $refused, 'inside BEGIN');
	is(psql_said('-c', "SELECT 1; $deploy"), $refused, 'two statements in a query');
	is(psql_said('-1', '-c', $deploy), $refused, 'psql -1');
	state_is('0', 'nothing was run');
	is(psql_said('-c', $deploy), "$up1${up23}${done3}done\n", 'autocommit on');
	state_is($all, 'all is there');
	is(psql_said('-c', 'BEGIN', '-c', $revert),
		$refused =~ s/deploy/revert/r =~ s/upgrade/downgrade/r, 'revert inside BEGIN');
	is(psql_said('-c', $revert), "${down}done\n", 'revert with autocommit on');
	state_is('6', 'all is gone');
};

foreach my $module ('psycopg2', 'psycopg')
{
	subtest $module => sub {
		requires("python3-$module", $interpreter{py}, '-c', "import $module");
		new_application($module);
		my $program = "with_$module.py";
		my @deploy = ('CALL migrate_deploy(%s)', 'head');

		is(said($program, 'commit', $deploy), $refused, 'autocommit off');
		is(said($program, 'commit', @deploy), $refused, 'autocommit off, parameter');
		state_is('0', 'nothing was run');
		is(said($program, 'rollback', "SELECT migrate_upgrade('c1')"), "${up1}done\n", 'the function');
		state_is('0', 'rollback undid it');
		is(said($program, 'commit', "SELECT migrate_upgrade('c1')"), "${up1}done\n", 'again');
		state_is('c1 | id email | 1', 'commit kept it');
		is(said($program, 'autocommit', @deploy), "${up23}${done2}done\n", 'autocommit on');
		state_is($all, 'all is there');
		is(said($program, 'autocommit', $revert), "${down}done\n", 'revert');
		state_is('6', 'all is gone');
		return if $module eq 'psycopg2';

		is(said($program, 'prepared', 'CALL migrate_deploy(%s)', 'c1', 'head'),
			"$up1${done1}${up23}${done2}prepared: 1\ndone\n", 'prepared in the server, executed twice');
		sql($node, $db, $revert);
		is(said($program, 'pipeline', $deploy), $refused, 'after another statement in a pipeline');
		is(sql($node, $db, 'TABLE gate'), 't', 'and that is rolled back');
		sql($node, $db, "UPDATE gate SET open = false");
		my $run = start($program, 'autocommit', $deploy);
		$run->{run}->pump until $run->{out} =~ /-> c3/;
		state_is('c2 | id email | account_email | 14', 'notices arrive while it runs');
		sql($node, $db, 'UPDATE gate SET open = true');
		is(finish($run), "$up1${up23}${done3}done\n", 'and it completes');
	};
}

subtest 'node-pg' => sub {
	requires('node-pg', $interpreter{js}, '-e', 'require("pg")');
	new_application('node');
	my $program = 'with_node_pg.js';
	my $parameter = 'CALL migrate_deploy($1)';

	is(said($program, 'begin', $deploy), $refused, 'inside BEGIN');
	is(said($program, 'begin', $parameter, 'head'), $refused, 'inside BEGIN, parameter');
	is(said($program, 'plain', "SELECT 1; $deploy"), $refused, 'two statements in a query');
	state_is('0', 'nothing was run');
	is(said($program, 'plain', $deploy), "$up1${up23}${done3}done\n", 'simple query');
	state_is($all, 'all is there');
	is(said($program, 'plain', $revert), "${down}done\n", 'revert');
	is(said($program, 'plain', $parameter, 'c1'), "${up1}${done1}done\n", 'parameter');
	sql($node, $db, $revert);
	is(said($program, 'prepared', $parameter, 'c1', 'head'),
		"$up1${done1}${up23}${done2}prepared: 1\ndone\n", 'named statement, executed twice');
};

# It knows no unix sockets.
subtest 'JDBC' => sub {
	my $jar = '/usr/share/java/postgresql.jar';
	requires('libpostgresql-jdbc-java', 'test', '-f', $jar);
	requires('a JDK', 'java', '--version');
	my $loopback = new_node('loopback', "listen_addresses = '127.0.0.1'");
	local $node = $loopback;
	local @ENV{qw(PGHOST PGPORT PGDATABASE CLASSPATH)} = (undef, undef, undef, $jar);
	new_application('jdbc');
	my @program = ('java', "$clients/WithJdbc.java");
	my $parameter = 'CALL migrate_deploy(?)';

	is(said(@program, 'commit', $deploy), $refused, 'autocommit off');
	is(said(@program, 'commit', $parameter, 'head'), $refused, 'autocommit off, parameter');
	state_is('0', 'nothing was run');
	is(said(@program, 'rollback', "SELECT migrate_upgrade('c1')"), "${up1}done\n", 'the function');
	state_is('0', 'rollback undid it');
	is(said(@program, 'autocommit', $deploy), "$up1${up23}${done3}done\n", 'autocommit on');
	state_is($all, 'all is there');
	is(said(@program, 'autocommit', 'CALL migrate_revert(?)', 'base'), "${down}done\n", 'revert');
	is(said(@program, 'prepared', $parameter, 'c1', 'head'),
		"$up1${done1}${up23}${done2}prepared: 1\ndone\n", 'prepared in the server, executed twice');
	$loopback->stop;
};

# A pgbouncer before the server, for the clients to connect to.
my $pool;

sub start_pool
{
	my $directory = PostgreSQL::Test::Utils::tempdir_short();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	append_to_file("$directory/ini", "%include $clients/pgbouncer.ini\n"
		  . "listen_port = $port\nunix_socket_dir = $directory\n[databases]\n"
		  . '* = host=' . $node->host . ' port=' . $node->port . " user=$ENV{PGUSER}\n");
	$pool = start('pgbouncer', "$directory/ini");
	$pool->{run}->pump until $pool->{out} =~ /process up/;
	@ENV{qw(PGHOST PGPORT)} = ($directory, $port);
	return;
}

# Also when a test dies; $? is the result of the file.
END
{
	local $?;
	$pool->{run}->kill_kill if $pool;
}

subtest 'pgbouncer' => sub {
	requires('pgbouncer', 'pgbouncer', '--version');
	requires('python3-psycopg', $interpreter{py}, '-c', 'import psycopg');
	new_application('pool');
	start_pool();

	is(psql_said('-c', 'BEGIN', '-c', $deploy), $refused, 'psql, inside BEGIN');
	is(psql_said('-c', $deploy), "$up1${up23}${done3}done\n", 'psql');
	state_is($all, 'all is there');
	is(said('with_psycopg.py', 'autocommit', 'CALL migrate_revert(%s)', 'base'),
		"${down}done\n", 'psycopg 3');

	# Jobs, which do not care for connections.
	foreach my $call ("migrate_submit()", "migrate_submit('base', 'downgrade')")
	{
		my $job = said('psql', '-XAtqc', "SELECT $call");
		is(psql_said('-c', "CALL migrate_wait($job)"), "done\n", "$call, and CALL migrate_wait()");
	}
	is( sql($node, $db, "SELECT string_agg(state, ' ') FROM migrate.jobs_details") . ' '
		  . sql($node, $db, "SELECT count(*) FROM migrate.log WHERE via = 'worker' AND state = 'succeeded'"),
		'succeeded succeeded 6', 'three revisions up and down');

	# Two at once.
	sql($node, $db, 'UPDATE gate SET open = false');
	my $first = start('psql', '-XAtq', '-c', $deploy);
	$first->{run}->pump until $first->{out} =~ /-> c3/;
	my $second = start('psql', '-XAtq', '-c', $deploy);
	$second->{run}->pump until $second->{out} =~ /waiting/;
	sql($node, $db, 'UPDATE gate SET open = true');
	is(finish($first), "$up1$up23$done3", 'one of two runs');
	like(finish($second), qr/^NOTICE:  waiting for another session.*\nDETAIL:  Blocked by process .*\nNOTICE:  nothing to do, the database is at "c3"\n\z/,
		'the other waits, and finds nothing to do');

	# One that fails when it has settings and locks of the session.
	sql($node, $db, q{SELECT migrate_register('c4', $$SET maintenance_work_mem = '9MB';
		DROP INDEX CONCURRENTLY account_email; SELECT 1 / 0$$, down_revision => '{c3}')});
	is(psql_said('-c', $deploy), "NOTICE:  upgrade c3 -> c4\n22012 To resume with statement 3 when the cause is removed: CALL migrate_deploy();\n", 'one fails');

	# The pool takes its connections in turn.
	my $setting = q{SELECT pg_backend_pid() || ' ' || current_setting('maintenance_work_mem')};
	my %connections = map { split } split(/\n/, said('psql', '-XAtq', ('-c', $setting) x 4));
	is(join(' ', values %connections), '64MB 64MB', 'two connections, with their own settings');
	is(advisory_locks($node), '0', 'and no lock');
};

foreach my $workers ('off', 'on')
{
	subtest "pg_cron, background workers $workers" => sub {
		requires('postgresql-NN-cron', $has_cron ? 'true' : 'false');
		my $ended = "FROM cron.job_run_details JOIN cron.job USING (jobid)
			WHERE status IN ('succeeded', 'failed')";
		wait_until($cron{$workers}, 'postgres', "SELECT count(DISTINCT jobid) = 2 $ended");
		is(sql($cron{$workers}, 'postgres', "SELECT DISTINCT jobname, status $ended ORDER BY 1"),
			"deploy|succeeded\ntwo|failed", 'one statement works, two do not');
		is(sql($cron{$workers}, 'postgres', 'TABLE state'), $all, 'all is there');
		like(sql($cron{$workers}, 'postgres', "SELECT return_message $ended AND jobname = 'two' LIMIT 1"),
			qr/HINT: +Send CALL migrate_deploy\(\.\.\.\) by itself/, 'it is told how');
	};
}

done_testing();
