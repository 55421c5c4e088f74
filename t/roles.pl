# Every function by every kind of role: the superuser, an owner who is none any
# more, the viewer, deployer, operator, approver and author of docs/roles.md, and a role
# without grants.  The functions come from the catalogs, so that a new one cannot
# be forgotten; the grants come from the page, so that they are true.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('roles');
my $db = 'app';

# What can be done wrong with rights has to be reached: the arguments are good.
my %call_of = (
	'migrate_approve(text,text,text)' => q{SELECT migrate_approve('c1', 'x')},
	'migrate_branches()' => 'SELECT * FROM migrate_branches()',
	'migrate_cancel(bigint)' => q{SELECT migrate_cancel(max(job)) FROM (SELECT 1::bigint AS job) AS j},
	'migrate_confirm(text,text,text)' => q{SELECT migrate_confirm('c1')},
	'migrate_current()' => 'SELECT * FROM migrate_current()',
	'migrate_deploy(text,text[],boolean)' => q{CALL migrate_deploy('b1')},
	'migrate_drift()' => 'SELECT * FROM migrate_drift()',
	'migrate_drift_accept()' => 'SELECT migrate_drift_accept()',
	'migrate_drift_details()' => 'SELECT * FROM migrate_drift_details()',
	'migrate_export(text,text)' => q{SELECT * FROM migrate_export('b1:b1')},
	'migrate_adopt(text,regclass,boolean,boolean)' => q{SELECT migrate_adopt('dbmate')},
	'migrate_baseline(text,text,text)' => q{SELECT migrate_baseline('b1')},
	'migrate_locked_out()' => q{DO 'BEGIN PERFORM migrate_locked_out(); EXCEPTION WHEN feature_not_supported THEN END'},
	'migrate_fingerprint(boolean,boolean)' => 'SELECT migrate_fingerprint()',
	'migrate_preview(text,text)' => q{SELECT * FROM migrate_preview('b1')},
	'migrate_preview_details(text,text)' => q{SELECT * FROM migrate_preview_details('b1')},
	'migrate_roundtrip(text)' => q{SELECT * FROM migrate_roundtrip('b1')},
	'migrate_roundtrip_details(text)' => q{SELECT * FROM migrate_roundtrip_details('b1')},
	'migrate_schema(boolean,boolean)' => 'SELECT * FROM migrate_schema()',
	'migrate_script(text,text)' => q{SELECT migrate_script('b1')},
	'migrate_doctor()' => 'SELECT * FROM migrate_doctor()',
	'migrate_doctor_details()' => 'SELECT * FROM migrate_doctor_details()',
	'migrate_downgrade(text)' => q{SELECT migrate_downgrade('b1')},
	'migrate_guard()' => 'SELECT migrate_guard()',
	'migrate_heads(boolean)' => 'SELECT * FROM migrate_heads()',
	'migrate_batch(regclass,text,text[],integer,interval,real,text)' => q{CALL migrate_batch(0, '', name => 'x')},
	'migrate_batch_reset(text)' => q{SELECT migrate_batch_reset('missing')},
	'migrate_hook(text,regprocedure)' => q{SELECT migrate_hook('after_run', 0)},
	'migrate_unhook(text,text)' => q{SELECT migrate_unhook('after_run', 'missing(jsonb)')},
	'migrate_history(text)' => 'SELECT * FROM migrate_history()',
	'migrate_graph(text,text)' => 'SELECT * FROM migrate_graph()',
	'migrate_history_details(text)' => 'SELECT * FROM migrate_history_details()',
	'migrate_is_current(text)' => q{SELECT migrate_is_current('heads')},
	'migrate_lint(text,text,boolean)' => q{SELECT * FROM migrate_lint('heads')},
	'migrate_lint_details(text,text,boolean)' => q{SELECT * FROM migrate_lint_details('heads')},
	'migrate_merge(text[],text,text,text[])' => q{SELECT migrate_merge('{c1,c2}', 'm1')},
	'migrate_plan(text,text)' => q{SELECT * FROM migrate_plan('heads')},
	'migrate_plan_details(text,text)' => q{SELECT * FROM migrate_plan_details('heads')},
	'migrate_progress()' => 'SELECT * FROM migrate_progress()',
	'migrate_tenants()' => 'SELECT * FROM migrate_tenants()',
	'migrate_register(text,text,text,text[],text[],text[],text,boolean,boolean,boolean,text,text,text,text)' => q{SELECT migrate_register('n1', '', '')},
	'migrate_register_bundle(text,text,boolean,boolean,jsonb)' => q{SELECT migrate_register_bundle(E'-- file: 3.sql\n-- revision: n3')},
	'migrate_register_directory(text,text,boolean,boolean,jsonb)' => q{SELECT migrate_register_directory('/nosuch')},
	'migrate_register_files(text[],text[],text,boolean,boolean,jsonb)' => q{SELECT migrate_register_files('{4.sql}', '{-- revision: n4}')},
	'migrate_register_script(text,boolean,boolean)' => q{SELECT migrate_register_script('-- revision: n2')},
	'migrate_resolve(text,text)' => q{SELECT migrate_resolve('c1', 'retry')},
	'migrate_revert(text,text[],boolean)' => q{CALL migrate_revert('b1')},
	'migrate_run_jobs()' => 'SELECT migrate_run_jobs()',
	'migrate_schedule(text,text,text,timetz,timetz,timestamptz,text)' => q{SELECT migrate_schedule('s2', '1 day', 'b1')},
	'migrate_show(text)' => q{SELECT * FROM migrate_show('b1')},
	'migrate_squash(text,text,text)' => q{SELECT migrate_squash('b1:c1', 's1')},
	'migrate_stamp(text,boolean)' => q{SELECT migrate_stamp('b1')},
	'migrate_stamp(text[],boolean)' => q{SELECT migrate_stamp('{b1}'::text[])},
	'migrate_submit(text,text,timestamptz,timestamptz,text[])' => q{SELECT migrate_submit('b1', run_at => now() + interval '1 day')},
	'migrate_unregister(text)' => q{SELECT migrate_unregister('c2')},
	'migrate_unschedule(text)' => q{SELECT migrate_unschedule('missing')},
	'migrate_upgrade(text)' => q{SELECT migrate_upgrade('b1')},
	'migrate_verify(text)' => 'SELECT * FROM migrate_verify()',
	'migrate_verify_details(text)' => 'SELECT * FROM migrate_verify_details()',
	'migrate_wait(bigint,interval)' => q{CALL migrate_wait(1, '1 ms')});

# The roles that may, apart from the superuser.
my @every_role = qw(migrate_branches migrate_current migrate_doctor migrate_doctor_details migrate_fingerprint migrate_heads migrate_schema
  migrate_graph migrate_history migrate_history_details migrate_is_current migrate_locked_out migrate_plan migrate_plan_details migrate_progress migrate_tenants);
my %may = (
	owner => undef,
	viewer => [qw(migrate_show migrate_export migrate_script migrate_lint migrate_lint_details migrate_drift migrate_drift_details)],
	deployer => [qw(migrate_deploy migrate_revert migrate_wait migrate_submit migrate_cancel migrate_run_jobs
		  migrate_schedule migrate_unschedule migrate_upgrade migrate_downgrade migrate_resolve migrate_stamp migrate_adopt migrate_baseline migrate_batch migrate_batch_reset
		  migrate_preview migrate_preview_details migrate_roundtrip migrate_roundtrip_details migrate_drift_accept
		  migrate_verify migrate_verify_details migrate_hook migrate_unhook)],
	operator => [],
	approver => [qw(migrate_approve migrate_confirm)],
	author => [qw(migrate_register migrate_register_script migrate_register_files migrate_register_bundle
		  migrate_register_directory migrate_unregister migrate_merge)],
	nobody => []);
# A role that has the rights of another one as well.
my %member_of = (deployer => 'viewer', operator => 'deployer', approver => 'deployer');

# What a call that was let in may end with: things that are not there.
my %fine = map { $_ => 1 } ('', '55000', '42704', '42883', '42P01', '58P01', '2BP01');

$node->safe_psql('postgres', "CREATE DATABASE $db");
$node->safe_psql($db, 'CREATE ROLE owner LOGIN SUPERUSER; ' . join('; ', map { "CREATE ROLE $_ LOGIN" } grep { $_ ne 'owner' } keys %may));
$node->safe_psql($db, "ALTER DATABASE $db SET search_path = public, migrate_api");
$node->safe_psql($db, 'SET ROLE owner; CREATE SCHEMA migrate_api; CREATE EXTENSION migrate SCHEMA migrate_api; GRANT USAGE ON SCHEMA migrate_api TO PUBLIC');
$node->safe_psql($db, 'ALTER ROLE owner NOSUPERUSER');

$node->safe_psql($db, recipe_grants());
$node->safe_psql($db, 'GRANT USAGE ON SCHEMA migrate TO owner');
# The server's own functions read files for a role that may call them.
$node->safe_psql($db, 'GRANT pg_read_server_files TO owner, author; GRANT EXECUTE ON FUNCTION pg_ls_dir(text), pg_stat_file(text), pg_read_binary_file(text) TO owner, author');

my @functions = split /\n/, sql($node, $db, <<'SQL');
SET search_path = pg_catalog;
SELECT replace(replace(replace(p.oid::regprocedure::text, 'timestamp with time zone', 'timestamptz'),
               'time with time zone', 'timetz'), 'migrate_api.', '')
  FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'migrate' ORDER BY 1
SQL
is_deeply([ sort @functions ], [ sort keys %call_of ], 'all functions are called');

# A worker that a call before has started reads and writes the same tables, in an
# order of its own.
sub empty
{
	my ($then) = @_;
	wait_until_no_worker($node, $db, join("\n", map { "DELETE FROM migrate.$_;" } qw(job schedule approval version revision log)) . "\n$then");
	return;
}

# Revisions of which the runner is the author: those of others are not for this
# test.  c1 and c2 stay pending.
sub prepare
{
	empty(<<'SQL');
SELECT migrate_register('b1', '', ''), migrate_register('c1', '', '', '{b1}'), migrate_register('c2', '', '', '{b1}');
SELECT migrate_schedule('s', '1 day', 'b1');
SQL
	return;
}

# What a role has by itself, and by those that it is a member of.
sub all_of
{
	my ($role, $of) = @_;
	return (@{ $of->{$role} // [] }, $member_of{$role} ? all_of($member_of{$role}, $of) : ());
}

sub sqlstate_of
{
	my ($role, $call) = @_;
	my ($out, $errors) = ('', '');
	$node->psql($db, "\\set VERBOSITY verbose\nSET client_min_messages = error;\n$call;\n",
		stdout => \$out, stderr => \$errors, extra_params => [ '-U', $role ]);
	return $errors =~ /(?:ERROR|FATAL):  (\w{5}):/ ? $1 : '';
}

# Of statements that leave nothing behind, one after the other in one session.
sub sqlstates_of
{
	my ($role, @statements) = @_;
	my $out;
	$node->psql($db, "SET client_min_messages = error;\n" . join('', map { "$_;\n\\echo sqlstate :SQLSTATE\n" } @statements),
		stdout => \$out, stderr => \my $errors, on_error_stop => 0, extra_params => [ '-U', $role ]);
	my @sqlstates = map { $_ eq '00000' ? '' : $_ } $out =~ /^sqlstate (\w{5})$/mg;
	die "$role: $errors" if @sqlstates != @statements;
	return @sqlstates;
}

# What is refused changes nothing.
foreach my $role (sort keys %may)
{
	my (@allowed, @refused, @wrong);
	foreach my $function (@functions)
	{
		my ($name) = $function =~ /^(\w+)/;
		my $allowed = !defined $may{$role} || grep { $_ eq $name } @every_role, all_of($role, \%may);
		push @{ $allowed ? \@allowed : \@refused }, $function;
	}
	foreach my $function (@allowed)
	{
		prepare();
		my $sqlstate = sqlstate_of($role, $call_of{$function});
		push @wrong, "$function: $sqlstate" if !$fine{$sqlstate};
	}
	prepare();
	my @sqlstates = sqlstates_of($role, map { $call_of{$_} } @refused);
	push @wrong, map { "$refused[$_]: $sqlstates[$_]" } grep { $sqlstates[$_] ne '42501' } 0 .. $#refused;
	is(join("\n", @wrong), '', "$role: may what the page says, and nothing else");
}

# No role can reach the tables but the owner and those with a grant.
my @tables = split /\n/, sql($node, $db,
	"SELECT oid::regclass FROM pg_class WHERE relnamespace = 'migrate'::regnamespace AND relkind IN ('r', 'v')");
my %reads = (
	viewer => [ 'migrate.log', 'migrate.batches', 'migrate.health', 'migrate.hooks', map { ("migrate.$_", "migrate.${_}_details") } qw(jobs progress resource_usage schedules status tenants) ]);
foreach my $role (grep { $_ ne 'owner' } sort keys %may)
{
	my @select = sqlstates_of($role, map { "SELECT * FROM $_" } @tables);
	my @delete = sqlstates_of($role, map { "DELETE FROM $_" } @tables);
	my @read = map { $tables[$_] } grep { $select[$_] eq '' } 0 .. $#tables;
	# A view that cannot be written says so, whichever role asks.
	my @written = map { $tables[$_] } grep { $delete[$_] !~ /^(42501|55000)$/ } 0 .. $#tables;
	is_deeply([ sort @read ], [ sort(all_of($role, \%reads)) ], "$role: reads no other table");
	is_deeply(\@written, [], "$role: writes none");
}

# A role that registers tries to have a superuser run its body, by every way in.
empty('');
my $gain = q{ALTER ROLE author SUPERUSER};
is(sqlstate_of('author', "SELECT migrate_register('g1', '$gain', '$gain')"), '', 'an author registers what would make it superuser');
my $me = sql($node, $db, 'SELECT current_user');
foreach my $call (q{SELECT migrate_upgrade()}, q{CALL migrate_deploy()}, q{SELECT migrate_upgrade('+1')},
	q{DO $$BEGIN CALL migrate_deploy(); END$$}, q{SET ROLE owner; SELECT migrate_upgrade()}, q{SET ROLE operator; CALL migrate_deploy()})
{
	is(sqlstate_of($me, $call), '42501', "refused: $call");
}
is(sqlstate_of($me, q{SELECT migrate_submit('head') AS job \gset} . "\nCALL migrate_wait(:job)"), '42501', 'refused: a job');
is(sqlstate_of($me, q{SELECT migrate_stamp('g1'); SELECT migrate_downgrade('base')}), '42501', 'refused: its downgrade');
is(sql($node, $db, "SELECT rolsuper FROM pg_roles WHERE rolname = 'author'"), 'f', 'it is none');
is(sql($node, $db, "SELECT count(*) FROM migrate.log WHERE state = 'succeeded' AND operation <> 'stamp'"), '0', 'nothing was run');

# Jobs of others are neither seen nor touched.
sql($node, $db, q{SELECT migrate_submit('head', 'upgrade', now() + interval '1 day')});
my $seen;
$node->psql($db, "SELECT count(*) FROM migrate.jobs_details WHERE finished IS NULL", stdout => \$seen, extra_params => [ '-U', 'operator' ]);
is($seen, '0', 'an operator sees none of the superuser');
my $job = sql($node, $db, 'SELECT max(job) FROM migrate.job');
isnt(sqlstate_of('operator', "SELECT migrate_cancel($job)"), '', 'cannot cancel one');
isnt(sqlstate_of('operator', "CALL migrate_wait($job, '1 ms')"), '', 'nor wait for it');
is(sql($node, $db, "SELECT state FROM migrate.job WHERE job = $job"), 'queued', 'it is as it was');

# A dump by a role that is no superuser holds what that role may read: nothing.
my ($out, $err) = run_command([ $node->installed_command('pg_dump'), '-U', 'nobody', '-d', $node->connstr($db) ]);
like($err, qr/permission denied|user may lack SELECT privilege/, 'pg_dump as nobody is refused by the server');

# SQL in every text that comes in is text.
my $evil = q{x'; ALTER ROLE nobody SUPERUSER; --};
my @texts = map { s/\?/\$evil\$$evil\$evil\$/gr } (
	q{SELECT migrate_register(?, '')}, q{SELECT migrate_register('e1', ?)}, q{SELECT migrate_register('e1', '', ?)},
	q{SELECT migrate_register('e1', '', '', ARRAY[?])}, q{SELECT migrate_register('e1', '', '', '{}', ARRAY[?])},
	q{SELECT migrate_register('e1', '', '', '{}', '{}', ARRAY[?])}, q{SELECT migrate_register('e2', '', '', message => ?)},
	q{SELECT migrate_register_script(?)}, q{SELECT migrate_register_script('-- revision: ' || ?)},
	q{SELECT migrate_register_script(E'-- revision: e3\n-- set: work_mem = ' || ?)},
	q{SELECT migrate_register_script(E'-- revision: e3\n-- branch_labels: ' || ?)},
	q{SELECT migrate_register_script(E'-- revision: e4\n-- message: ' || ?)},
	q{SELECT migrate_upgrade(?)}, q{SELECT migrate_downgrade(?)}, q{SELECT migrate_stamp(?)}, q{SELECT migrate_show(?)},
	q{SELECT * FROM migrate_history(?)}, q{SELECT * FROM migrate_plan(?)}, q{SELECT * FROM migrate_plan('head', ?)},
	q{SELECT migrate_is_current(?)}, q{SELECT migrate_resolve(?, ?)}, q{SELECT migrate_unregister(?)}, q{SELECT migrate_approve('g1', ?)}, q{SELECT migrate_approve('g1', hash, ?) FROM migrate_show('g1')},
	q{SELECT migrate_submit(?)}, q{SELECT migrate_submit('head', ?)}, q{SELECT migrate_schedule(?, '1 day')},
	q{SELECT migrate_schedule('e', '1 day', ?)}, q{SELECT migrate_unschedule(?)}, q{SELECT migrate_merge(ARRAY[?, 'g1'], ?)},
	q{SELECT set_config('migrate.version_table', ?, false); SELECT * FROM migrate_current()},
	q{SELECT set_config('migrate.version_table', ?, false); SELECT * FROM migrate_doctor_details()},
	q{SELECT set_config('migrate.version_table', ?, false); SELECT migrate_stamp('g1')},
	q{SELECT set_config('migrate.transaction_settings', 'application_name = ''' || replace(?, '''', '''''') || '''', false);
	  SELECT migrate_register('e5', 'SELECT 1', ''); CALL migrate_deploy('e5')},
	q{SELECT set_config('application_name', left(?, 60), false); SELECT migrate_stamp('g1')});
foreach my $text (@texts)
{
	my $sqlstate = sqlstate_of($me, $text);
	unlike($sqlstate, qr/^XX/, 'no internal error: ' . substr($text, 0, 60));
}
is(sql($node, $db, "SELECT rolsuper FROM pg_roles WHERE rolname = 'nobody'"), 'f', 'none of it was run');

# An author who loses the runner's rights between the plan and the first step.
$db = new_database($node, 'late');
sql($node, $db, <<'SQL');
CREATE ROLE late_runner LOGIN;
CREATE ROLE late_author LOGIN IN ROLE late_runner;
GRANT CREATE, USAGE ON SCHEMA public TO late_runner;
GRANT EXECUTE ON FUNCTION migrate_register, migrate_submit TO late_runner;
SET ROLE late_author;
SELECT migrate_register('l1', 'CREATE TABLE l1 AS SELECT current_user');
SQL
my $stamp = $node->background_psql($db);
$stamp->query_safe("BEGIN; SELECT migrate_stamp('base')");
my $late_job = sql($node, $db, "SET ROLE late_runner; SELECT migrate_submit('l1')");
wait_until($node, $db, "SELECT state = 'running' FROM migrate.jobs_details WHERE job = $late_job");
my $holder = $node->background_psql($db);
$holder->query_safe('BEGIN; SELECT job FROM migrate.job FOR UPDATE');
$stamp->query_safe('COMMIT');
wait_until($node, $db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = '$db' AND backend_type = 'migrate job' AND wait_event_type = 'Lock'");
sql($node, $db, 'REVOKE late_runner FROM late_author');
$holder->query_safe('COMMIT');
is(ended_job($node, $db, $late_job, 'state, sqlstate, error'),
	'failed|42501|permission denied to run revision "l1" as role "late_runner"', 'an author who has lost rights since the plan');
is(sql($node, $db, "SELECT to_regclass('l1')"), '', 'nothing was run');
$stamp->quit;
$holder->quit;

$node->stop;
done_testing();
