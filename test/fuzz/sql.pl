# The SQL surface as roles that are no superusers: hostile calls, and SQLsmith.
#
# Every function and procedure of the extension, found in the catalogs, is
# called in random order with random and hostile arguments, settings and bodies,
# by roles of several kinds; a superuser runs what they have registered.  Then
# SQLsmith writes queries of its own.  In the end no process has crashed, no
# error was an internal one, no lock is left, and no role may or owns anything
# that was not so before.
#
# FUZZ_TIME says for how many seconds, FUZZ_SEED where the dice begin,
# FUZZ_QUERIES how many queries SQLsmith makes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../../t";

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{FUZZ_TIME} || 60;
my $seed = $ENV{FUZZ_SEED} || int(time);
my $queries = $ENV{FUZZ_QUERIES} || 10_000;
my $calls_a_session = 100;
my $db = 'app';

srand($seed);
diag("FUZZ_SEED=$seed");

my $node = new_node('fuzz_sql', 'restart_after_crash = on',
	"shared_preload_libraries = 'migrate'", "migrate.databases = '$db'",
	# Every line says the SQLSTATE and where in the source the error is.
	"log_line_prefix = '%m [%p] %e %u '", 'log_error_verbosity = verbose', 'log_min_messages = error',
	'log_min_error_statement = error');
diag('asserts: ' . $node->safe_psql('postgres', 'SHOW debug_assertions'));

# The callers: without a grant, those of docs/roles.md, and with EXECUTE on all.
my @roles = qw(nobody viewer deployer operator approver author everything);
prepare();
my @functions = functions();
my @settings = split /\n/, sql($node, $db, "LOAD 'migrate'; SELECT name FROM pg_settings WHERE name LIKE 'migrate.%' ORDER BY 1");
my $last_relation = sql($node, $db, 'SELECT max(oid) FROM pg_class');
my %before = state();

my $calls = 0;
my $began = time;
while (time - $began < $seconds)
{
	session();
}
diag(sprintf('%d calls, %.0f a second', $calls, $calls / (time - $began)));
calm_down();
diag('steps in the log: ' . (sql($node, $db, q{SELECT string_agg(format('%s %s', n, state), ', ')
	FROM (SELECT state, count(*) AS n FROM migrate.log GROUP BY state) AS s}) || 'none'));
diag('jobs: ' . (sql($node, $db, q{SELECT string_agg(format('%s %s', n, state), ', ')
	FROM (SELECT state, count(*) AS n FROM migrate.job GROUP BY state) AS s}) || 'none'));
check('calls');

SKIP:
{
	skip 'no sqlsmith', 1 if !grep { -x "$_/sqlsmith" } split /:/, $ENV{PATH};
	my $start = -s $node->logfile;
	my $host = $node->host;
	my $port = $node->port;
	my ($out, $errors) = run_command([ 'timeout', 60 + 4 * $seconds, 'sqlsmith', "--max-queries=$queries", "--seed=$seed", '--exclude-catalog', '--verbose',
			"--target=host=$host port=$port dbname=$db user=everything options='-c statement_timeout=2s'" ]);
	my ($made) = reverse $errors =~ /queries: (\d+)/g;
	my @calls = slurp_file($node->logfile, $start) =~ /\b(migrate_\w+)\(/g;
	my %called = map { $_ => 1 } @calls;
	diag(sprintf('SQLsmith: %d queries with %d calls of %d functions', $made // 0, scalar @calls, scalar keys %called));
	ok(@calls > 0, 'SQLsmith knows the functions') or diag(substr($errors, -500));
	calm_down();
	check('SQLsmith');
}
$node->stop;
done_testing();

sub prepare
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, "CREATE SCHEMA migrate_api; CREATE EXTENSION migrate SCHEMA migrate_api; GRANT USAGE ON SCHEMA migrate_api TO PUBLIC;
		ALTER DATABASE $db SET search_path = public, migrate_api");
	$node->safe_psql($db, "CREATE ROLE $_ LOGIN; GRANT CREATE ON SCHEMA public TO $_; CREATE SCHEMA s_$_ AUTHORIZATION $_") foreach @roles;
	$node->safe_psql($db, recipe_grants());
	$node->safe_psql($db, <<'SQL');
GRANT USAGE ON SCHEMA migrate TO everything;
DO $$
DECLARE
	f regprocedure;
BEGIN
	FOR f IN SELECT objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'migrate'
	          WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND objid <> 'migrate_guard'::regproc LOOP
		EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO everything', f);
	END LOOP;
END $$;
CREATE TABLE treasure (a int);
INSERT INTO treasure VALUES (1);
-- SQLsmith makes arguments of columns.
CREATE TABLE arguments (t text, a text[], b bool, i int, n bigint, d interval, s timestamptz, z timetz);
INSERT INTO arguments VALUES ('head', '{a1}', true, 1, 1, '1 s', now(), '12:00+00'), ('', NULL, false, -1, -1, '-1 s', 'infinity', NULL);
GRANT SELECT ON arguments TO everything;
GRANT SELECT ON migrate.log, migrate.status, migrate.status_details, migrate.resource_usage, migrate.resource_usage_details, migrate.progress, migrate.progress_details, migrate.jobs, migrate.jobs_details, migrate.schedules, migrate.schedules_details TO everything;
SQL
	return;
}

# Each as { name, procedure, needed: how many arguments have no default,
# arguments: [name, type] of each }.
sub functions
{
	my @found;
	foreach my $line (split /\n/, sql($node, $db, <<'SQL'))
SELECT p.proname, p.prokind, p.pronargs - p.pronargdefaults,
       (SELECT string_agg(p.proargnames[n] || ':' || format_type(t, NULL), ',' ORDER BY n)
          FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n))
  FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'migrate'
 ORDER BY p.oid::regprocedure::text
SQL
	{
		my ($name, $kind, $needed, $arguments) = split /\|/, $line;
		push @found, { name => $name, procedure => $kind eq 'p', needed => $needed,
			arguments => [ map { [ split /:/, $_, 2 ] } split /,/, $arguments // '' ] };
	}
	return @found;
}

# What must stay as it is.  A superuser's runs may leave version tables that were
# not there before.
sub state
{
	my $fuzzers = join ',', map { "'$_'" } @roles;
	my %query = (
		roles => 'SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin FROM pg_roles ORDER BY 1',
		members => 'SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members ORDER BY 1, 2',
		settings => 'SELECT setdatabase, setrole::regrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2',
		databases => 'SELECT datname, datdba::regrole, datacl FROM pg_database ORDER BY 1',
		extensions => 'SELECT extname, extowner::regrole FROM pg_extension ORDER BY 1',
		relations => "SELECT c.oid::regclass, c.relowner::regrole, c.relacl FROM pg_class AS c
			WHERE c.oid <= $last_relation ORDER BY c.oid",
		functions => "SELECT p.oid::regprocedure, p.proowner::regrole, p.proacl, md5(p.prosrc) FROM pg_proc AS p
			WHERE p.proowner::regrole::text NOT IN ($fuzzers) ORDER BY p.oid",
		'functions with the rights of others' => "SELECT p.oid::regprocedure FROM pg_proc AS p
			WHERE p.prosecdef AND p.proowner::regrole::text NOT IN ($fuzzers) ORDER BY p.oid",
		schemas => "SELECT nspname, nspowner::regrole, nspacl FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp' ORDER BY 1",
		treasure => 'SELECT * FROM treasure',
		'writable tables' => "SELECT r, c.oid::regclass FROM unnest(ARRAY[$fuzzers]) AS r, pg_class AS c
			WHERE c.relnamespace = 'migrate'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
			  AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(r, c.oid, 'USAGE, UPDATE')
				  ELSE has_table_privilege(r, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES') END");
	return map { $_ => sql($node, $db, $query{$_}) } keys %query;
}

# One session: a role, settings, calls.
sub session
{
	my $role = one_of(@roles, 'superuser');
	my $as = $role eq 'superuser' ? getpwuid($>) : $role;
	# What a superuser registers or approves would run as it should.
	my @mine = grep { $role ne 'superuser' || $_->{name} !~ /register|merge|approve/ } @functions;
	my $script = "\\set VERBOSITY verbose\nSET client_min_messages = error;\nSET statement_timeout = '500ms';\n";
	foreach (1 .. $calls_a_session)
	{
		if (rand() < 0.1) { $script .= setting(); }
		elsif (rand() < 0.03) { $script .= one_of('BEGIN;', 'COMMIT;', 'ROLLBACK;', 'ROLLBACK;', 'ROLLBACK;', 'SET SESSION AUTHORIZATION DEFAULT;') . "\n"; }
		else { $script .= call(one_of(@mine)) . ";\n"; $calls++; }
	}
	my ($out, $errors) = ('', '');
	# psql() dies when the script could not be sent completely.
	eval { $node->psql($db, $script, stdout => \$out, stderr => \$errors, on_error_stop => 0, extra_params => [ '-U', $as ]); };
	# A session that a crash has ended comes back when the server does.
	if ($@ || $errors =~ /server closed the connection|connection to server/)
	{
		$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
	}
	return;
}

sub setting
{
	my $name = one_of(@settings);
	my $value = one_of(text(), text(), 'public.v', 's_everything.v', 'migrate.version', 'pg_catalog.pg_class', 'work_mem = 1MB', '1', '-1', '100ms');
	return "SET $name = " . literal($value) . ";\n" . (rand() < 0.5 ? "RESET $name;\n" : '');
}

# Every second call is one that makes sense.
sub call
{
	my ($function) = @_;
	my @arguments;
	my $tame = rand() < 0.5;
	foreach my $argument (@{ $function->{arguments} })
	{
		my ($name, $type) = @$argument;
		next if $tame && @arguments >= $function->{needed} && rand() < 0.5;
		push @arguments, "$name => " . ($tame ? tame_argument($name, $type) : argument($type)) . "::$type";
	}
	my $call = "$function->{name}(" . join(', ', @arguments) . ')';
	return "CALL $call" if $function->{procedure};
	return rand() < 0.5 ? "SELECT $call" : "SELECT * FROM $call";
}

sub tame_argument
{
	my ($name, $type) = @_;
	return one_of("'{}'", map { "'{$_}'" } 'a1', 'b1', 'lab', 'c1') if $type eq 'text[]';
	return argument($type) if $type ne 'text';
	return literal(one_of(bodies(), 'SELECT 1', 'SELECT 2', 'SELECT 3')) if $name =~ /^(?:up|down)grade$/;
	return literal(script()) if $name eq 'script';
	return literal(one_of('upgrade', 'downgrade')) if $name eq 'command';
	return literal(one_of('head', 'heads', 'heads', 'base', '+1', '-1')) if $name eq 'target';
	return literal(one_of('a1', 'b1', 'c1', 'd1'));
}

sub argument
{
	my ($type) = @_;
	return 'NULL' if rand() < 0.08;
	return 'ARRAY[' . join(',', map { argument($1) } 1 .. rand 4) . ']' if $type =~ /^(.*)\[\]$/;
	return one_of('true', 'false') if $type eq 'boolean';
	return one_of("'1 ms'", "'0'", "'-1 day'", "'1 day'", "'178000000 years'", "'-178000000 years'", "'1 month -30 days'", "'1 us'") if $type eq 'interval';
	return one_of(0, 1, 2, 3, -1, 10, 2147483647, '-9223372036854775808', '9223372036854775807') if $type =~ /int/;
	return one_of("'infinity'", "'-infinity'", "'4714-11-24 00:00:00+00 BC'", "'294276-12-31'", 'now()', "now() + interval '1 s'") if $type =~ /timestamp/;
	return one_of("'00:00+00'", "'24:00:00-15:59'", "'12:00'") if $type =~ /^time/;
	return literal(text());
}

sub text
{
	my @revisions = ('a1', 'b1', 'c1', 'lab', 'a@b', "q'uo\"te", "\xc3\xa4\xc3\xb6", 'x' x 32);
	my $kind = rand;
	return one_of(@revisions) if $kind < 0.35;
	return one_of('head', 'heads', 'base', 'current', '+1', '-1', 'lab@head', 'a1+1', 'b1-1', ':', 'a1:b1', 'a1:', ':current', '@', '@@', '-99999999999', '', ' ')
	  if $kind < 0.6;
	return one_of('upgrade', 'downgrade', 'retry', 'abandon', 'done', 'skip', 'every day') if $kind < 0.65;
	return one_of(bodies()) if $kind < 0.85;
	return script() if $kind < 0.92;
	return one_of('x' x 100_000, "'", "\\", "\$\$", "%s%n", "\xef\xbb\xbf", "\x01\x7f", "\xe2\x80\xae", "'; ALTER ROLE nobody SUPERUSER; --",
		'pg_catalog', '"', '""', '.', 'a.b.c', '{', '{}', '{"a":', '1e999');
}

# Each tries something; most are refused, when they are registered or run.
sub bodies
{
	return ('SELECT 1', 'SELECT 1/0', 'CREATE TABLE IF NOT EXISTS t (a int)', 'DROP TABLE IF EXISTS t', 'ALTER ROLE nobody SUPERUSER', 'CREATE ROLE evil SUPERUSER',
		'GRANT pg_read_all_data TO nobody', 'SET ROLE author', 'RESET ROLE', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT',
		'DELETE FROM migrate.version', "UPDATE migrate.revision SET upgrade = 'ALTER ROLE nobody SUPERUSER'", 'TRUNCATE migrate.log', 'DROP EXTENSION migrate',
		'DROP SCHEMA migrate CASCADE', 'DELETE FROM treasure', 'GRANT ALL ON treasure TO nobody', 'ALTER TABLE treasure OWNER TO nobody', 'VACUUM', 'COMMIT', 'BEGIN',
		'SELECT migrate_upgrade()', "SELECT migrate_stamp('base', true)", 'CALL migrate_deploy()', 'SELECT pg_advisory_lock(1)', 'SELECT pg_advisory_unlock_all()',
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'migrate%'", 'DISCARD ALL', 'DEALLOCATE ALL', 'CLOSE ALL', 'UNLISTEN *',
		'CREATE INDEX CONCURRENTLY IF NOT EXISTS ti ON t (a)', 'DROP INDEX CONCURRENTLY IF EXISTS ti', 'REINDEX TABLE CONCURRENTLY t', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
		'SET search_path = s_nobody, pg_catalog', "SET migrate.version_table = 'treasure'", "SELECT set_config('role', 'author', false)", 'LOCK TABLE migrate.version',
		'ALTER DATABASE app OWNER TO nobody', 'ALTER DATABASE app SET TABLESPACE pg_default', 'ALTER SYSTEM SET work_mem = 1', 'CREATE SUBSCRIPTION s CONNECTION \'\' PUBLICATION p',
		'CREATE FUNCTION public.trap() RETURNS int SECURITY DEFINER LANGUAGE sql AS $$SELECT 1$$', 'CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)',
		'DO $$BEGIN PERFORM pg_sleep(0.01); RAISE SQLSTATE \'40001\'; END$$', 'DO $$BEGIN RAISE SQLSTATE \'40P01\'; END$$', 'CREATE TABLE public.migrate_version (a int)',
		'CREATE TEMP TABLE version (version_num text)', "COPY t FROM PROGRAM 'true'", 'PREPARE TRANSACTION \'x\'', 'SELECT * FROM pg_authid', 'NOTIFY a', 'CHECKPOINT');
}

sub script
{
	my $text = '';
	foreach my $n (1 .. 1 + rand 3)
	{
		$text .= '-- revision: ' . one_of('a1', 'b1', 'c1', 'd1') . "\n";
		$text .= '-- ' . one_of('down_revision', 'depends_on', 'branch_labels', 'message', 'set') . ': ' . one_of('a1', 'b1', 'lab', 'work_mem = 1MB', "role = 'x'") . "\n" if rand() < 0.6;
		$text .= "-- migrate:up\n" . one_of(bodies()) . ";\n" if rand() < 0.9;
		$text .= "-- migrate:down\n" . one_of(bodies()) . ";\n" if rand() < 0.7;
	}
	return $text;
}

sub literal
{
	my ($text) = @_;
	return "E'" . $text =~ s/([\\'])/$1$1/gr . "'";
}

sub one_of { return $_[ rand @_ ]; }

# Jobs may still be run; each has its body's time.
sub calm_down
{
	sql($node, $db, q{DELETE FROM migrate.schedule; UPDATE migrate.job SET state = 'cancelled', finished = now() WHERE state = 'queued'});
	$node->poll_query_until($db, q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'migrate job'
		OR (backend_type = 'client backend' AND pid <> pg_backend_pid()))}) or diag('workers do not end');
	return;
}

sub check
{
	my ($what) = @_;
	my $log = slurp_file($node->logfile);
	is(join("\n", $log =~ /^.*(?:terminated by signal|TRAP:|PANIC:).*/mg), '', "$what: nothing crashed");

	# The server has internal errors of its own; ours are known by their source.
	my (@ours, $others);
	foreach my $entry (internal_errors($log))
	{
		my ($file) = $entry =~ /LOCATION:\s+\w+, ([\w.]+):/;
		if (!defined $file || grep({ -f } glob("$FindBin::RealBin/../../src/{,*/}$file")) || $entry =~ /STATEMENT:\s+(?:SELECT(?: \* FROM)?|CALL) migrate_/)
		{
			push @ours, substr($entry, 0, 1500);
		}
		else { $others++; }
	}
	is(join("\n", @ours), '', "$what: no internal error");
	diag("$what: $others internal errors of the server's own") if $others;
	is(advisory_locks($node), 0, "$what: no lock is left");
	my %after = state();
	is(changes($before{$_}, $after{$_}), '', "$what: as before: $_") foreach sort keys %before;
	is($after{'writable tables'}, '', "$what: no role may write");
	return;
}

# The lines that are in but one of them.
sub changes
{
	my ($before, $after) = @_;
	my %gone = map { $_ => 1 } split /\n/, $before;
	my @new = grep { !delete $gone{$_} } split /\n/, $after;
	return join "\n", (map { "- $_" } sort keys %gone), map { "+ $_" } @new;
}

# Each with the lines that say more of it.
sub internal_errors
{
	my ($log) = @_;
	my @found;
	my $of = '';
	foreach my $line (split /\n/, $log)
	{
		if ($line =~ /^\S+ \S+ \S+ (\[\d+\]) (\w{5}) \S* ?(\w+):  /)
		{
			my $begins = $3 =~ /^(?:ERROR|FATAL|WARNING|LOG)$/;
			$of = $begins && $2 =~ /^XX/ ? $1 : '' if $begins || $1 ne $of;
			push @found, '' if $begins && $of ne '';
		}
		$found[-1] .= "$line\n" if $of ne '';
	}
	return @found;
}
