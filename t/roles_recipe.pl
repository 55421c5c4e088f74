# docs/roles.md: its blocks run in order, and its author, approver and operator,
# who are no superusers and not members of each other, can do their work and
# nothing else.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigratePage;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('roles_recipe');
my $directory = PostgreSQL::Test::Utils::tempdir();
my $out = join '', run_page($node, 'postgres', $directory, page_blocks('docs/roles.md'));
like($out, qr/^ *1 \| upgrade +\| 3a9f4c2b1d0e \| role author not trusted: create visit$/m, 'the plan says beforehand what would be refused');
like($out, qr/^ 3a9f4c2b1d0e \| applied \| deployer +\| approver$/m, 'the operator reads the status');
like($out, qr/^ 3a9f4c2b1d0e \| upgrade +\| worker +\| deployer$/m, 'and the log');

is(sql($node, 'roles', 'SELECT migrate_is_current()'), 't', 'it is applied');
is(sql($node, 'roles', "LOAD 'migrate'; SHOW migrate.require_approval"), 'off', 'approvals are not required');
is(sql($node, 'roles', 'SELECT count(*) FROM migrate.jobs_details WHERE finished IS NULL'), '0', 'no job');
is(sql($node, 'roles', q{SELECT relowner::regrole FROM pg_class WHERE oid = 'visit'::regclass}), 'deployer', 'bodies run as deployer');
is(sql($node, 'roles', 'SELECT migrate_guard()'), '', 'no role was granted too much');
is(sql($node, 'roles', q{SELECT string_agg("check", ', ') FROM migrate_doctor_details() WHERE area = 'rights' AND status <> 'ok'}), '', 'the doctor agrees');
is(sql($node, 'roles', <<'SQL'), 'none', 'the three roles are no superusers, nor members of each other');
SELECT coalesce(string_agg(a.rolname || ' ' || b.rolname, ', '), 'none') FROM pg_roles AS a, pg_roles AS b
 WHERE a.rolname IN ('author', 'approver', 'operator') AND b.rolname IN ('author', 'approver', 'operator')
   AND (a.rolsuper OR a.oid <> b.oid AND pg_has_role(a.oid, b.oid, 'MEMBER'))
SQL

# As people connect, each as itself.
sub as
{
	my ($role, $script) = @_;
	my ($stdout, $stderr) = ('', '');
	$node->psql('roles', "\\set VERBOSITY verbose\nSET client_min_messages = warning;\n$script", stdout => \$stdout, stderr => \$stderr,
		on_error_stop => 0, extra_params => [ '-U', $role ]);
	return $stdout . errors_of($stderr);
}
sql($node, 'roles', 'ALTER ROLE operator SET role = deployer');
is(as('author', q{SELECT migrate_register('f1', 'CREATE TABLE f1 (i int); CREATE INDEX CONCURRENTLY f1_i ON f1 (i)', 'DROP TABLE f1', '{3a9f4c2b1d0e}')}), 'f1', 'author: registers');
is(as('author', 'SELECT revision, approved, hash IS NULL FROM migrate_plan_details()'), 'f1|f|t', 'author: sees the plan, but no hash');
like(as('author', q{SELECT migrate_approve('f1', 'x')}), qr/^42501: permission denied for function migrate_approve/, 'author: does not approve');
like(as('operator', 'CALL migrate_deploy()'), qr/^42501: permission denied to run revision "f1" as role "deployer"/, 'operator: refused before the approval');
is(as('operator', 'SELECT revision, problem FROM migrate_plan_details()'), 'f1|role author not trusted', 'operator: the plan says so');
is(as('operator', q{SELECT status, value FROM migrate_doctor_details() WHERE "check" = 'authors'}),
	'warning|1 of 1 pending revisions cannot run as role "deployer": f1 (author)', 'operator: the doctor says so');
like(as('operator', 'SELECT migrate_submit() AS job \gset' . "\nCALL migrate_wait(:job)"), qr/^42501: job \d+ failed: permission denied/, 'operator: a job fails');
is(as('approver', q{SELECT hash FROM migrate_show('f1') \gset} . "\n" . q{SELECT migrate_approve('f1', :'hash')}), '', 'approver: approves');
is(as('operator', q{SELECT value FROM migrate_doctor_details() WHERE "check" = 'authors'}), 'this role may run all pending revisions', 'operator: the doctor agrees');
is(as('operator', "CALL migrate_deploy();\nSELECT migrate_is_current()"), 't', 'operator: deploys');
is(as('operator', 'SELECT state, applied_by, approved_by FROM migrate.status_details LIMIT 1'), 'applied|deployer|approver', 'operator: status');
is(as('operator', 'SELECT count(*) > 0 FROM migrate.log'), 't', 'operator: log');
is(as('operator', q{SELECT upgrade <> '' FROM migrate_show('f1')}), 't', 'operator: show');
is(as('operator', 'SELECT count(*) FROM migrate.progress_details'), '0', 'operator: progress');
is(as('operator', q{SELECT migrate_schedule('s', '1 day', at => now() + interval '1 day'); SELECT name FROM migrate.schedules_details; SELECT migrate_unschedule('s')}), "\ns\n", 'operator: schedules');
is(as('operator', q{SELECT count(*) > 2 FROM migrate.jobs_details}), 't', 'operator: jobs');
is(as('operator', q{CALL migrate_revert('-1');} . "\n" . 'CALL migrate_deploy();' . "\n" . q{SELECT relowner::regrole FROM pg_class WHERE oid = 'f1'::regclass}), 'deployer', 'operator: reverts, and deploys again');
like(as('operator', q{SELECT migrate_register('g1', '')}), qr/^42501: permission denied for function migrate_register/, 'operator: does not register');

# Replaced by its author, it has to be approved again; the operator cannot.
is(as('author', q{SELECT migrate_register('f2', 'SELECT 1', '', '{f1}')}), 'f2', 'author: registers another one');
my $hash = as('approver', q{SELECT hash FROM migrate_show('f2')});
is(as('author', q{SELECT migrate_register('f2', 'DROP TABLE visit', '', '{f1}', replace => true)}), 'f2', 'author: replaces it');
like(as('approver', "SELECT migrate_approve('f2', '$hash')"), qr/^55000: revision "f2" is not registered with that hash/, 'approver: does not approve what was not read');
like(as('operator', 'CALL migrate_deploy()'), qr/^42501/, 'operator: refused');
is(sql($node, 'roles', 'SELECT count(*) FROM visit'), '0', 'it was not run');

$node->stop;
done_testing();
