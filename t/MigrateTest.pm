# t/MigrateTest.pm: what the TAP tests share

package MigrateTest;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use File::Path 'make_path';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node new_database sql errors_of start_sql finish_sql run_sql
  session_is wait_until wait_until_logged wait_for_event wait_until_nothing_is_held
  wait_until_no_worker advisory_locks chain kill_9 expect_crash wait_until_up crash
  make_gate wait_for_gate job ended_job recipe_grants difference
  require_alembic alembic alembic_revisions write_file is_installed);

my @nodes;
my $alembic_env = dirname(__FILE__) . '/../test/alembic_env';

# Writes a file; its folders are made as they are needed.
sub write_file
{
	my ($path, $text) = @_;
	make_path(dirname($path));
	open my $handle, '>:raw', $path or die "$path: $!";
	print $handle $text;
	close $handle;
	return;
}

# A running server with settings of its own.  That one of its processes has
# crashed fails the test, which may not have noticed: see below.
sub new_node
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(
		allows_streaming => 1,
		extra => [ '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', "$_\n") foreach 'max_connections = 50', q(log_line_prefix = '%m [%p] %q%a '), @settings;
	$node->start;
	push @nodes, $node;
	return $node;
}

END
{
	foreach my $node (@nodes)
	{
		foreach my $line (slurp_file($node->logfile) =~ /^(.*(?:PANIC: |TRAP: | terminated by signal (?!9:)).*)$/mg)
		{
			diag($node->name . ": $line");
			$? ||= 1;
		}
	}
}

# A database with the extension.
sub new_database
{
	my ($node, $name) = @_;
	$node->safe_psql('postgres', qq(CREATE DATABASE "$name";\n\\connect "$name"\nCREATE EXTENSION migrate;));
	return $name;
}

# Sessions that sql() keeps, because to start psql and a process of the server
# takes longer than most of what is asked.
my %kept;

# What changes how a session begins, or how psql prints, is not for one that is
# kept.
my $beginning = qr/\\(?:[acHtx]\b|connect|pset)|\b(?:ALTER\s+(?:DATABASE|ROLE|USER|SYSTEM)|(?:CREATE|DROP)\s+DATABASE|pg_reload_conf)\b/i;

# Output of a script that must succeed; NOTICEs are not shown.  Nothing of what an
# earlier script did is left in the session, but for variables of psql.
sub sql
{
	my ($node, $db, $sql) = @_;
	$sql = "SET client_min_messages = warning;\n$sql";
	if ($sql =~ $beginning)
	{
		end_kept($node);
		return $node->safe_psql($db, $sql);
	}
	my $key = join "\n", $node->name, $db, map { "$_=$ENV{$_}" } sort grep { /^PG/ } keys %ENV;
	my $session = $kept{$key};
	# The server may have been stopped meanwhile.
	if (!$session || !eval { answer($session, 'DISCARD ALL'); $session->{stderr} eq '' })
	{
		eval { $session->quit } if $session;
		$session = $kept{$key} = $node->background_psql($db, on_error_stop => 0);
		$session->set_query_timer_restart;
	}
	# The statistics of what it did are there at once, as if the session had ended.
	my $out = eval { answer($session, "$sql\n;\nSELECT pg_stat_force_next_flush() \\g /dev/null") };
	return $out if !$@;
	my $error = $@;
	# It may be in the middle of the script.
	eval { (delete $kept{$key})->{run}->kill_kill };
	die "error running SQL: $error\nwith sql '$sql'";
}

# What a session says to a script; dies of an error.
sub answer
{
	my ($session, $sql) = @_;
	$session->{stderr} = '';
	my $out = $session->query($sql);
	die $session->{stderr} if $session->{stderr} =~ /^psql:\S+ (?!WARNING|NOTICE|INFO|LOG)/m;
	return $out;
}

sub end_kept
{
	my ($node) = @_;
	foreach my $key (grep { 0 == index $_, $node->name . "\n" } keys %kept)
	{
		my $session = delete $kept{$key};
		eval { $session->quit };
	}
	return;
}

# "SQLSTATE: message" of each error in what psql printed in verbose mode.
sub errors_of
{
	my ($stderr) = @_;
	return join("\n", $stderr =~ /(?:ERROR|FATAL):  (\w{5}: .*)/g);
}

# Starts a script in a session of its own, named for pg_stat_activity.  It
# continues after an error.
sub start_sql
{
	my ($node, $db, $name, $sql) = @_;
	my %session = (out => '', err => '', name => $name);
	# A file, because input from a string would have to be pumped.
	my $file = PostgreSQL::Test::Utils::tempdir() . '/script.sql';
	append_to_file($file, "SET application_name = '$name';\n"
		  . "SET client_min_messages = warning;\n$sql\n");
	$session{run} = IPC::Run::start(
		[
			$node->installed_command('psql'), '-XAtq',
			'-v', 'VERBOSITY=verbose', '-d', $node->connstr($db), '-f', $file
		],
		'<', \undef, '>', \$session{out}, '2>', \$session{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%session;
}

# Waits for its end; returns its output and its errors.
sub finish_sql
{
	my ($session) = @_;
	$session->{run}->finish;
	$session->{out} =~ s/\r?\n\z//;
	return ($session->{out}, errors_of($session->{err}));
}

# A script in a session of its own: its output and its errors.
sub run_sql
{
	my ($node, $db, $script) = @_;
	return finish_sql(start_sql($node, $db, 'session', $script));
}

# The same, compared; no errors unless told otherwise.
sub session_is
{
	my ($node, $db, $name, $script, $expected, $expected_errors) = @_;
	my ($out, $errors) = run_sql($node, $db, $script);
	is($out, $expected, $name);
	is($errors, $expected_errors // '', "$name: errors");
	return;
}

# Waits until a query says true, also over a restart of the server.  Returns what
# a second query says then.
sub wait_until
{
	my ($node, $db, $query, $then) = @_;
	$then //= '';
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $end)
	{
		my $out = eval { sql($node, $db, <<"SQL") };
DO \$wait\$
DECLARE
  yes bool;
BEGIN
  LOOP
    EXECUTE \$query\$SELECT ($query)\$query\$ INTO yes;
    EXIT WHEN yes;
    COMMIT;
    PERFORM pg_sleep(0.02);
    IF extract(epoch FROM clock_timestamp()) >= $end THEN
      RAISE 'timed out';
    END IF;
    COMMIT;
  END LOOP;
END\$wait\$;
$then
SQL
		return $out if defined $out;
		select(undef, undef, undef, 0.1);
	}
	die "timed out waiting for: $query: $@";
}

# Waits until the server log has a line, from an offset on.
sub wait_until_logged
{
	my ($node, $start, $line) = @_;
	for (1 .. 50 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if slurp_file($node->logfile, $start) =~ $line;
		select(undef, undef, undef, 0.02);
	}
	return 0;
}

# Waits until a session waits: 'Extension' (a backoff, or our lock), 'Lock',
# 'Timeout' (a sleep).  Returns its process id.
sub wait_for_event
{
	my ($node, $session, $type) = @_;
	my $found = "FROM pg_stat_activity WHERE application_name = '$session->{name}'";
	return wait_until($node, 'postgres', "SELECT count(*) = 1 $found AND wait_event_type = '$type'", "SELECT pid $found");
}

# A session that waits in polls, each a short transaction, holds nothing from
# one to the next.
sub wait_until_nothing_is_held
{
	my ($node, $pid) = @_;
	wait_until($node, 'postgres', "SELECT wait_event_type = 'Extension'
			AND backend_xmin IS NULL AND backend_xid IS NULL
			AND NOT EXISTS (SELECT FROM pg_locks AS l
			                 WHERE l.pid = a.pid AND locktype <> 'virtualxid')
		FROM pg_stat_activity AS a WHERE pid = $pid");
}

sub wait_until_no_worker
{
	my ($node, $db, $then) = @_;
	return wait_until($node, $db, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'migrate job')", $then);
}

sub advisory_locks
{
	my ($node) = @_;
	return $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
}

# What the log has after this is scanned by wait_until_up().
my %before_crash;

sub expect_crash
{
	my ($node) = @_;
	$before_crash{ $node->name } = -s $node->logfile;
	return;
}

sub kill_9
{
	my ($node, $victim) = @_;
	expect_crash($node);
	is(kill('KILL', $victim), 1, "killed process");
	return;
}

# Waits for the end of crash recovery.  That it still answers says nothing: the
# postmaster may not have noticed yet.
sub wait_until_up
{
	my ($node) = @_;
	for (1 .. 50 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return
		  if slurp_file($node->logfile, $before_crash{ $node->name }) =~
		  /database system is ready to accept connections/;
		select(undef, undef, undef, 0.02);
	}
	die 'the server did not come back';
}

# Kills a process that no client hears of, and waits until the server is back.
sub crash
{
	my ($node, $victim) = @_;
	my $witness = start_sql($node, 'postgres', 'witness', 'SELECT pg_sleep(3600)');
	wait_for_event($node, $witness, 'Timeout');
	kill_9($node, $victim);
	finish_sql($witness);
	wait_until_up($node);
	return;
}

# What a body stops at with CALL pass_gate(), until the table gate has a row.
sub make_gate
{
	my ($node, $db) = @_;
	sql($node, $db, <<'SQL');
CREATE TABLE gate (open bool);
CREATE PROCEDURE pass_gate() LANGUAGE plpgsql AS $$
BEGIN
  WHILE NOT EXISTS (SELECT FROM gate WHERE open) LOOP
    PERFORM pg_sleep(0.01);
  END LOOP;
END$$;
SQL
	return;
}

# Waits until the worker of a job stands there; returns its process id.
sub wait_for_gate
{
	my ($node, $db, $job) = @_;
	return wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity AS a JOIN migrate.jobs_details AS j USING (pid)
		WHERE j.job = $job AND a.query LIKE '%CALL pass_gate%' AND a.wait_event = 'PgSleep'",
		"SELECT pid FROM migrate.jobs_details WHERE job = $job");
}

# Columns of a job, as migrate.jobs_details shows it.
sub job
{
	my ($node, $db, $job, $columns) = @_;
	return sql($node, $db, "SELECT $columns FROM migrate.jobs_details WHERE job = $job");
}

# The same, when it has ended.
sub ended_job
{
	my ($node, $db, $job, $columns) = @_;
	return wait_until($node, $db, "SELECT finished IS NOT NULL FROM migrate.jobs_details WHERE job = $job",
		"SELECT $columns FROM migrate.jobs_details WHERE job = $job");
}

# A script of the file format: a chain of revisions prefix1, prefix2, ...,
# whose bodies a function of the number gives.
sub chain
{
	my ($prefix, $count, $up, $down) = @_;
	my $script = '';
	foreach my $n (1 .. $count)
	{
		$script .= "-- revision: $prefix$n\n";
		$script .= "-- down_revision: $prefix" . ($n - 1) . "\n" if $n > 1;
		$script .= "-- migrate:up\n" . $up->($n) . "\n";
		$script .= "-- migrate:down\n" . $down->($n) . "\n" if $down;
	}
	return $script;
}

# Whether a program of others is in PATH; scripts/check may be installing some.
sub is_installed
{
	my ($command) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if !$ENV{INSTALLING} || !-e $ENV{INSTALLING};
		select(undef, undef, undef, 0.1);
	}
	return scalar grep { -x "$_/$command" } split /:/, $ENV{PATH};
}

# Ends a test that cannot do without Alembic.
sub require_alembic
{
	local $ENV{PATH} = "/usr/bin:$ENV{PATH}";
	my $version = `alembic --version 2>&1`;
	return note($version) if defined $version && $version =~ /^alembic/;
	fail('alembic is not installed: install the packages alembic and python3-psycopg2');
	done_testing();
	exit 1;
}

# Runs the distribution's Alembic, whose python has the driver, in the environment
# test/alembic_env.  Returns whether it succeeded, and what it printed.
sub alembic
{
	my ($node, $db, @arguments) = @_;
	local $ENV{PATH} = "/usr/bin:$ENV{PATH}";
	local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
	my $url = "postgresql+psycopg2:///$db?host=" . $node->host . '&port=' . $node->port;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(
		[ 'alembic', '-c', "$alembic_env/alembic.ini", '-x', "url=$url", @arguments ],
		'>', \$out, '2>', \$err);
	return ($ok, $out, $err);
}

# The revisions of that environment, as the extension registers them.
sub alembic_revisions
{
	return slurp_file("$alembic_env/register.sql");
}

# Lines that only one of two texts has, those of the first with -, as diff prints
# them.
sub difference
{
	my ($first, $second) = @_;
	my %count;
	$count{$_}-- foreach split /\n/, $first;
	$count{$_}++ foreach split /\n/, $second;
	return join "\n", (map { "-$_" } grep { $count{$_} < 0 } sort keys %count),
	  (map { "+$_" } grep { $count{$_} > 0 } sort keys %count);
}

# The grants of docs/roles.md, as they stand there, for roles that exist.
sub recipe_grants
{
	my $page = slurp_file(dirname(__FILE__) . '/../docs/roles.md');
	my ($grants) = $page =~ /^(CREATE ROLE viewer;\n.*?)^```/ms;
	die 'docs/roles.md has no grants' if !$grants;
	return $grants =~ s/^CREATE ROLE .*;\n//mgr;
}

1;
