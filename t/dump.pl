# A dump that is restored elsewhere keeps registry, version rows and log.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('dump');
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', 'CREATE DATABASE origin');
sql($node, 'origin', <<'SQL');
CREATE ROLE author SUPERUSER;
CREATE SCHEMA "odd schema ä";
CREATE EXTENSION migrate SCHEMA "odd schema ä";
SET search_path = "odd schema ä", public;
SELECT migrate_register('d1', 'CREATE TABLE public.d1 (id int)', 'DROP TABLE public.d1',
  branch_labels => '{main}', message => E'tab\t, quote '' and\nline');
SET ROLE author;
SELECT migrate_register('d2', 'INSERT INTO public.d1 VALUES (1)', 'DELETE FROM public.d1', '{d1}');
SELECT migrate_register('e1', 'CREATE TABLE public.e1 (id int)', NULL, depends_on => '{d1}');
SELECT migrate_upgrade('heads');
SELECT migrate_register('m1', '', '', '{d2,e1}');
SELECT migrate_register('m2', 'CREATE TABLE public.m2 (id int)', 'DROP TABLE public.m2', '{m1}');
SQL

# A batch that was interrupted, by a role that has another OID elsewhere.
sql($node, 'origin', <<'SQL');
CREATE TABLE public.b (id timestamptz PRIMARY KEY, n int DEFAULT 0);
INSERT INTO public.b SELECT '2026-01-01'::timestamptz + i * interval '1 h' FROM generate_series(1, 50) AS i;
CREATE TABLE public.stop (on_off bool);
INSERT INTO public.stop VALUES (true);
SQL
my $batch = q(CALL "odd schema ä".migrate_batch('public.b', 'UPDATE public.b SET n = n + 1 / CASE WHEN $1 > ''2026-01-02'' AND (SELECT on_off FROM public.stop) THEN 0 ELSE 1 END WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'b'));
is((run_sql($node, 'origin', "SET timezone = 'Asia/Tokyo'; $batch"))[1], '22012: division by zero', 'a batch is interrupted');

my $path = q(SET search_path = "odd schema ä", public;);
my $questions = $path . <<'SQL';
SELECT * FROM migrate_history_details();
SELECT * FROM migrate_current() ORDER BY revision;
SELECT * FROM migrate_plan_details();
SELECT * FROM migrate_heads(true);
SELECT * FROM migrate_show('d1');
SELECT * FROM migrate.log ORDER BY started, step;
SELECT * FROM migrate.revision ORDER BY revision;
SELECT * FROM migrate.batch;
SQL
my $origin = sql($node, 'origin', $questions);
like($origin, qr/^1\|upgrade\|m1\|.*^2\|upgrade\|m2\|/ms, 'there is a plan');

my %dumps = (
	plain => [ 'pg_dump', '-f', "$dir/plain" ],
	inserts => [ 'pg_dump', '--inserts', '-f', "$dir/inserts" ],
	custom => [ 'pg_dump', '-Fc', '-f', "$dir/custom" ],
	directory => [ 'pg_dump', '-Fd', '-j2', '-f', "$dir/directory" ]);
foreach my $format (sort keys %dumps)
{
	$node->command_ok([ @{ $dumps{$format} }, 'origin' ], "pg_dump, $format");
	$node->safe_psql('postgres', "CREATE DATABASE copy_$format");
	my @restore = $format =~ /plain|inserts/
	  ? ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', "copy_$format", '-f', "$dir/$format")
	  : ('pg_restore', '--exit-on-error', '-d', "copy_$format", "$dir/$format");
	$node->command_ok(\@restore, "restore, $format");
	is(sql($node, "copy_$format", $questions), $origin, "$format: the same answers");
	is(sql($node, "copy_$format", "$path SELECT migrate_upgrade()"),
		"m1\nm2", "$format: upgrade continues");
	is( sql($node, "copy_$format", "$path SELECT migrate_register('d2', 'INSERT INTO public.d1  VALUES (1)',
			'DELETE FROM public.d1', '{d1}')"),
		'd2', "$format: the same text is the same revision");
	is(sql($node, "copy_$format", "UPDATE public.stop SET on_off = false; SET datestyle = 'SQL, DMY'; $batch; SELECT n, count(*) FROM public.b GROUP BY n"),
		'1|50', "$format: the batch resumes, each row once");
	my ($out, $errors) = run_sql($node, "copy_$format",
		"$path SELECT migrate_register('d2', 'INSERT INTO public.d1 VALUES (2)', replace => true)");
	is( $errors,
		'55000: cannot replace or unregister revision "d2" because it is applied',
		"$format: an applied revision does not change");
}

# Without data: the functions, and an empty registry.
$node->command_ok([ 'pg_dump', '--schema-only', '-f', "$dir/schema", 'origin' ],
	'pg_dump --schema-only');
$node->safe_psql('postgres', 'CREATE DATABASE copy_schema');
$node->command_ok(
	[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'copy_schema', '-f', "$dir/schema" ],
	'restore without data');
is( sql($node, 'copy_schema', "$path SELECT count(*), migrate_is_current() IS NULL FROM migrate.revision"),
	'0|t', 'without data: nothing is registered');
is( sql($node, 'copy_schema', "$path SELECT migrate_register('x1', 'CREATE TABLE x1 ()'); SELECT migrate_upgrade()"),
	"x1\nx1", 'without data: it works');

# A role that registered a revision may be missing elsewhere: the revision is
# there, and runs once another role has vouched for it.
$node->safe_psql('postgres', 'CREATE DATABASE copy_roles');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--no-owner', '-d', 'copy_roles', "$dir/custom" ],
	'restore without owners');
$node->safe_psql($_, 'REASSIGN OWNED BY author TO CURRENT_USER; DROP OWNED BY author')
  foreach ('origin', map { "copy_$_" } keys %dumps, 'schema', 'roles');
$node->safe_psql('postgres', 'DROP ROLE author');
my (undef, $errors) = run_sql($node, 'copy_roles', "$path SELECT migrate_upgrade()");
like($errors, qr/^42501: permission denied to run revision "m1"/,
	'the role that registered it is gone: refused');
is( sql($node, 'copy_roles', "$path
	SELECT migrate_register('m1', '', '', '{d2,e1}', replace => true);
	SELECT migrate_register('m2', 'CREATE TABLE public.m2 (id int)', 'DROP TABLE public.m2', '{m1}', replace => true);
	SELECT migrate_upgrade()"),
	"m1\nm2\nm1\nm2", 'registered again: it runs');

$node->stop;
done_testing();
