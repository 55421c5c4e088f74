# Every released version, and one that is made up, can be updated to this one,
# and what comes out is what a fresh CREATE EXTENSION makes; what was in its
# tables is still there.  The library is the new one all the time: it has to work
# with the objects of every released version, which stay until the update is run.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/..";
my $list_objects = slurp_file("$top/test/upgrade/objects.sql");
# The first released version has a complete script, each later one a delta from
# the one before.
my $made_up = '0.0.1';
my @older = ($made_up, map { m{.*--(.+)\.sql$} } glob("$top/extension/released/migrate--*.sql"));

my $node = new_node('released');
$node->safe_psql('postgres', 'CREATE ROLE viewer');

# Where the server of the tests looks for scripts, and what is put there.
my $scripts = find_scripts();
my @added;
END { unlink @added; }

sub find_scripts
{
	my $share = sql($node, 'postgres', "SELECT setting FROM pg_config WHERE name = 'SHAREDIR'");
	my $paths = sql($node, 'postgres', "SELECT current_setting('extension_control_path', true)");
	my $destdir = sql($node, 'postgres', "SELECT current_setting('extension_destdir', true)");
	my ($found) = grep { -f "$_/migrate.control" } map { "$_/extension" }
	  ((grep { !/^\$/ } split /:/, $paths), $destdir . $share);
	return $found // die 'the staged extension was not found';
}

sub add_script
{
	my ($name, $text) = @_;
	my $file = "$scripts/migrate--$name.sql";
	push @added, $file;
	append_to_file($file, $text);
	return;
}

sub database
{
	my ($name, $create) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	sql($node, $name, $create);
	return $name;
}

# The objects in a database, after some change that does not stay.
sub objects
{
	my ($db, $change) = @_;
	return sql($node, $db, 'BEGIN; ' . ($change // '') . "; $list_objects; ROLLBACK");
}

my $fresh = objects(database('fresh', 'CREATE EXTENSION migrate'));
my $default = sql($node, 'fresh', "SELECT extversion FROM pg_extension WHERE extname = 'migrate'");
unlike($fresh, qr/NO DEFINITION/, 'every kind of object is known');
foreach my $kind (qw(extension dumped schema table column function procedure view index sequence rule type),
	'table constraint', 'default value')
{
	like($fresh, qr/^$kind /m, "there is something of kind $kind");
}

# A made-up version, of which the current script gives all but a few lines: what
# names one of these objects was not there.
my $is_new = qr/\b(?:migrate_unschedule|job_run_at_idx|migrate\.resource_usage)\b/;
my $current = slurp_file("$top/extension/migrate.sql");
my (@old, @new);
push @{ /$is_new/ ? \@new : \@old }, "$_;\n" foreach split /;\n/, $current;
my ($comment) = grep { /^COMMENT ON TABLE migrate\.log / } @old;
my $older = join('', @old) . slurp_file("$top/test/upgrade/older.sql");
my $delta = join('', @new, $comment) . slurp_file("$top/test/upgrade/delta.sql");
add_script($made_up, $older);
add_script("$made_up--$default", $delta);

# What a database holds that is in use: a revision that is applied, one that is
# partial, one that is not, an approval, a job, a schedule.
my $fill = <<'SQL';
CREATE TABLE go ();
SELECT migrate_register('u1', 'CREATE TABLE u1 (i int)', 'DROP TABLE u1', branch_labels => '{app}'),
  migrate_register('u2', 'CREATE INDEX CONCURRENTLY u1_i ON u1 (i); SELECT 1 / count(*) FROM go', 'DROP INDEX u1_i', '{u1}'),
  migrate_register('u3', 'CREATE TABLE u3 (i int)', 'DROP TABLE u3', '{u2}');
GRANT EXECUTE ON FUNCTION migrate_approve, migrate_show TO viewer;
SET SESSION AUTHORIZATION viewer;
SELECT migrate_approve('u3', hash, 'read') FROM migrate_show('u3');
RESET SESSION AUTHORIZATION;
REVOKE EXECUTE ON FUNCTION migrate_approve, migrate_show FROM viewer;
SELECT migrate_submit('head', run_at => now() + interval '1 day');
SELECT migrate_schedule('nightly', every => '1 day');
SQL
my $contents = <<'SQL';
SELECT revision, down_revision, branch_labels, applied, partial FROM migrate_history_details();
SELECT step, operation, revision, partial, approved FROM migrate_plan_details();
SELECT revision, operation, state, attempts FROM migrate.log ORDER BY started;
SELECT statement, revision, state FROM migrate.partial ORDER BY statement;
SELECT revision, approved_by, note FROM migrate.approval;
SELECT job, target, state FROM migrate.job;
SELECT name, target, note FROM migrate.schedules_details;
SQL

foreach my $version (@older)
{
	(my $db = "from_$version") =~ s/\W/_/g;
	database($db, "CREATE EXTENSION migrate VERSION '$version'");
	isnt(difference($fresh, objects($db)), '', "$version: other objects than in $default");
	sql($node, $db, $fill);
	my (undef, $errors) = run_sql($node, $db, 'CALL migrate_deploy()');
	is($errors, '22012: division by zero', "$version: a run stops where it should");
	my $before = sql($node, $db, $contents);

	sql($node, $db, 'ALTER EXTENSION migrate UPDATE');
	is(difference($fresh, objects($db)), '', "$version: the same objects as in $default");
	is(sql($node, $db, $contents), $before, "$version: what was there still is");
	sql($node, $db, 'INSERT INTO go DEFAULT VALUES');
	is(sql($node, $db, 'CALL migrate_deploy(); SELECT version_num FROM migrate.version'),
		'u3', "$version: the run resumes");
	is(sql($node, $db, 'CALL migrate_revert($$base$$); SELECT count(*) FROM migrate.version'),
		'0', "$version: and back");
	sql($node, $db, 'DROP EXTENSION migrate');
	is(sql($node, $db, "SELECT count(*) FROM pg_namespace WHERE nspname = 'migrate'"),
		'0', "$version: nothing is left of it");
}

# The comparison sees what an upgrade script may forget or do differently.
my %changes = (
	'comment of a function' => q(COMMENT ON FUNCTION migrate_show IS 'x'),
	'attribute of a composite type' => q(ALTER TYPE migrate.revision_info ADD ATTRIBUTE x int),
	'comment of an attribute' => q(COMMENT ON COLUMN migrate.revision_info.state IS NULL),
	'comment of a column' => q(COMMENT ON COLUMN migrate.job.state IS NULL),
	'comment of an index' => q(COMMENT ON INDEX migrate.job_run_at_idx IS NULL),
	'comment of the extension' => q(COMMENT ON EXTENSION migrate IS 'x'),
	'right on a function' => q(GRANT EXECUTE ON FUNCTION migrate_show TO viewer),
	'right of PUBLIC' => q(REVOKE EXECUTE ON FUNCTION migrate_plan FROM PUBLIC),
	'right on a table' => q(GRANT SELECT ON migrate.log TO viewer),
	'right on a column' => q(GRANT SELECT (run) ON migrate.log TO viewer),
	'right on a schema' => q(GRANT USAGE ON SCHEMA migrate TO viewer),
	'initial right' => q(DELETE FROM pg_init_privs WHERE objoid = 'migrate_show'::regproc),
	'owner' => q(ALTER TABLE migrate.log OWNER TO viewer),
	'entry point of a function' => q(UPDATE pg_proc SET prosrc = 'migrate_heads' WHERE proname = 'migrate_branches'),
	'volatility of a function' => q(ALTER FUNCTION migrate_show VOLATILE),
	'cost of a function' => q(ALTER FUNCTION migrate_show COST 1000),
	'setting of a function' => q(ALTER FUNCTION migrate_show SET work_mem = 1000),
	'default of an argument' => q(CREATE OR REPLACE FUNCTION migrate_is_current(target text DEFAULT 'heads')
		RETURNS boolean LANGUAGE C STABLE AS '$libdir/migrate', 'migrate_is_current'),
	'column' => q(ALTER TABLE migrate.log ADD COLUMN x int),
	'order of columns' => q(ALTER TABLE migrate.lease DROP COLUMN pid, ADD COLUMN pid integer NOT NULL;
		COMMENT ON COLUMN migrate.lease.pid IS 'its process id there'),
	'type of a column' => q(ALTER TABLE migrate.partial ALTER COLUMN line TYPE bigint),
	'NOT NULL' => q(ALTER TABLE migrate.job ALTER COLUMN origin DROP NOT NULL),
	'default of a column' => q(ALTER TABLE migrate.job ALTER COLUMN attempts SET DEFAULT 1),
	'identity' => q(ALTER TABLE migrate.job ALTER COLUMN job SET GENERATED BY DEFAULT),
	'storage of a column' => q(ALTER TABLE migrate.revision ALTER COLUMN upgrade SET STORAGE EXTERNAL),
	'constraint' => q(ALTER TABLE migrate.log ADD CHECK (step > 0)),
	'name of a constraint' => q(ALTER TABLE migrate.log RENAME CONSTRAINT log_pkey TO x),
	'index' => q(DROP INDEX migrate.job_run_at_idx),
	'condition of an index' => q(DROP INDEX migrate.revision_is_head_idx;
		CREATE INDEX revision_is_head_idx ON migrate.revision (revision);
		COMMENT ON INDEX migrate.revision_is_head_idx IS 'the heads'),
	'trigger' => q(CREATE TRIGGER x BEFORE UPDATE ON migrate.log FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()),
	'rule' => q(CREATE RULE x AS ON DELETE TO migrate.log DO INSTEAD NOTHING),
	'storage parameter' => q(ALTER TABLE migrate.job RESET (fillfactor)),
	'row security' => q(ALTER TABLE migrate.log ENABLE ROW LEVEL SECURITY),
	'option of a column' => q(ALTER TABLE migrate.log ALTER COLUMN run SET (n_distinct = 5)),
	'persistence' => q(ALTER TABLE migrate.lease SET UNLOGGED),
	'view' => q(CREATE OR REPLACE VIEW migrate.progress_details AS TABLE migrate.progress_details),
	'barrier of a view' => q(ALTER VIEW migrate.jobs_details SET (security_barrier = false)),
	'sequence' => q(ALTER SEQUENCE migrate.job_job_seq CACHE 10),
	'table that is dumped' => q(UPDATE pg_extension SET extconfig = extconfig[2:], extcondition = extcondition[2:] WHERE extname = 'migrate'),
	'rows that are dumped' => q(UPDATE pg_extension SET extcondition[1] = 'WHERE false' WHERE extname = 'migrate'),
	'member that is missing' => q(ALTER EXTENSION migrate DROP FUNCTION migrate_show),
	'member too many' => q(CREATE FUNCTION x() RETURNS int LANGUAGE sql RETURN 1; ALTER EXTENSION migrate ADD FUNCTION x()),
	'domain' => q(CREATE DOMAIN x AS int; ALTER EXTENSION migrate ADD DOMAIN x),
	'event trigger' => q(CREATE FUNCTION x() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
		CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION x(); ALTER EXTENSION migrate ADD EVENT TRIGGER x));

is(difference($fresh, objects('fresh')), '', 'nothing differs by itself');
foreach my $name (sort keys %changes)
{
	isnt(difference($fresh, objects('fresh', $changes{$name})), '', "seen: $name");
}
like(objects('fresh', 'CREATE TEXT SEARCH DICTIONARY x (TEMPLATE = simple); ALTER EXTENSION migrate ADD TEXT SEARCH DICTIONARY x'),
	qr/^text search dictionary .*NO DEFINITION/m, 'seen: a kind of object that is not known');

# An upgrade script that forgets a line.
(my $forgetful = $delta) =~ s/^REVOKE.*migrate_unschedule.*\n//m or die;
add_script('0.0.2', $older);
add_script("0.0.2--$default", $forgetful);
database('forgetful', "CREATE EXTENSION migrate VERSION '0.0.2'; ALTER EXTENSION migrate UPDATE");
like(difference($fresh, objects('forgetful')),
	qr/\A-function public\.migrate_unschedule\(pg_catalog\.text\): [^\n]*\n\+function public\.migrate_unschedule\(pg_catalog\.text\): [^\n]*\z/,
	'one that forgets to revoke: that function differs, and nothing else');

$node->stop;
done_testing();
