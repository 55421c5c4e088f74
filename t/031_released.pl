# Every released version can be updated to this one, and what comes out is what
# a fresh CREATE EXTENSION makes; what was in its tables is still there.  That
# the comparison sees differences is tried with a version that is made up here.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use File::Copy qw(copy);
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Where the server that is tested finds the scripts.
my ($stage) = slurp_file($ENV{TEMP_CONFIG}) =~ /dynamic_library_path = '([^:]*)/;
my ($libraries, $share) = map { my $path = `$ENV{PG_CONFIG} --$_`; chomp $path; $path } qw(pkglibdir sharedir);
$stage =~ s/\Q$libraries\E$//;
my $scripts = "$stage$share/extension";
ok(-f "$scripts/migrate.control", 'the scripts that are installed');

my $released = "$FindBin::RealBin/../extension/released";
my @versions = map { m{.*--(.+)\.sql$} ? $1 : () } glob "$released/migrate--*.sql";
cmp_ok(scalar @versions, '>', 0, 'there are released versions');

my $node = new_node('released');

# Everything that an extension consists of, a line or more for each thing.
# Numbers, and the order in which rights were granted, do not matter.
my $describe = <<'SQL';
SET search_path = pg_catalog;
CREATE FUNCTION pg_temp.acl(aclitem[]) RETURNS text LANGUAGE sql AS
  'SELECT string_agg(item::text, '','' ORDER BY item::text) FROM unnest($1) AS item';
WITH member AS (
  SELECT d.classid, d.objid, i.type || ' ' || i.identity AS name
    FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'migrate'
         CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS i
   WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
), class AS (
  SELECT m.name, c.* FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
)
SELECT replace(line, E'\n', ' ') FROM (
  SELECT name || ' comment ' || coalesce(obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)), '-') AS line FROM member
  UNION ALL
  SELECT m.name || ' rights ' || coalesce(pg_temp.acl(n.nspacl), '-') FROM member AS m
    JOIN pg_namespace AS n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid
  UNION ALL
  SELECT m.name || ' is ' || pg_get_functiondef(p.oid) || ' rights ' || coalesce(pg_temp.acl(p.proacl), '-') FROM member AS m
    JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
  UNION ALL
  SELECT m.name || ' is ' || concat_ws(' ', t.typtype, format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
         (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
         (SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), ',' ORDER BY conname) FROM pg_constraint WHERE contypid = t.oid),
         pg_temp.acl(t.typacl)) FROM member AS m
    JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
  UNION ALL
  SELECT name || ' is ' || concat_ws(' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity, reloptions::text, relreplident)
         || ' rights ' || coalesce(pg_temp.acl(relacl), '-') || CASE WHEN relkind IN ('v', 'm') THEN ' as ' || pg_get_viewdef(oid) ELSE '' END FROM class
  UNION ALL
  SELECT name || ' column ' || row_number() OVER (PARTITION BY c.oid ORDER BY attnum) || ' ' || concat_ws(' ', attname,
         format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, attidentity, attgenerated, attstorage, attcompression, attoptions::text,
         pg_get_expr(adbin, adrelid), 'comment', col_description(c.oid, attnum), 'rights', pg_temp.acl(attacl)) FROM class AS c
    JOIN pg_attribute AS a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
   WHERE relkind <> 'i'
  UNION ALL
  SELECT name || ' constraint ' || conname || ' ' || pg_get_constraintdef(k.oid) || coalesce(obj_description(k.oid, 'pg_constraint'), '')
    FROM class AS c JOIN pg_constraint AS k ON conrelid = c.oid
  UNION ALL
  SELECT name || ' index ' || pg_get_indexdef(indexrelid) FROM class AS c JOIN pg_index ON indrelid = c.oid
  UNION ALL
  SELECT name || ' trigger ' || pg_get_triggerdef(t.oid) || tgenabled::text FROM class AS c JOIN pg_trigger AS t ON tgrelid = c.oid AND NOT tgisinternal
  UNION ALL
  SELECT name || ' policy ' || concat_ws(' ', polname, polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM class AS c JOIN pg_policy ON polrelid = c.oid
  UNION ALL
  SELECT name || ' is ' || concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle) FROM class AS c
    JOIN pg_sequence ON seqrelid = c.oid
  UNION ALL
  SELECT 'dumped ' || table_oid::regclass || ' ' || condition FROM pg_extension AS e, unnest(e.extconfig, e.extcondition) AS x (table_oid, condition)
   WHERE extname = 'migrate'
) AS l ORDER BY 1
SQL

sub describe
{
	my ($db) = @_;
	return $node->safe_psql($db, $describe);
}

# Lines that only one of them has.
sub difference
{
	my ($one, $other) = map { my %lines = map { $_ => 1 } split /\n/; \%lines } @_;
	return join "\n", sort((map { "- $_" } grep { !$other->{$_} } keys %$one), (map { "+ $_" } grep { !$one->{$_} } keys %$other));
}

my $fresh = new_database($node, 'fresh');
my $expected = describe($fresh);
foreach my $kind ('function public.migrate_upgrade', 'procedure public.migrate_deploy', 'table migrate.revision column', 'table migrate.log constraint',
	'view migrate.status is', 'schema migrate rights', 'dumped migrate.version')
{
	ok($expected =~ /^\Q$kind\E/m, "described: $kind");
}

# A database of a released version, with something in it.
sub old_database
{
	my ($name, $version) = @_;
	$node->safe_psql('postgres', qq(CREATE DATABASE "$name"));
	$node->safe_psql($name, "CREATE EXTENSION migrate VERSION '$version'");
	sql($node, $name, q{SELECT migrate_register('u1', 'CREATE TABLE u1 (i int)', 'DROP TABLE u1'),
		migrate_register('u2', 'CREATE TABLE u2 (i int)', 'DROP TABLE u2', '{u1}'); SELECT migrate_upgrade('u1')});
	return $name;
}

sub works
{
	my ($db) = @_;
	return sql($node, $db, q{SELECT migrate_upgrade('head'); SELECT migrate_downgrade('base');
		SELECT string_agg(revision || ' ' || operation || ' ' || state, ', ' ORDER BY started) FROM migrate.log});
}
my $all = "u2\nu2\nu1\nu1 upgrade succeeded, u2 upgrade succeeded, u2 downgrade succeeded, u1 downgrade succeeded";

foreach my $version (@versions)
{
	my $db = old_database("from $version", $version);
	$node->safe_psql($db, 'ALTER EXTENSION migrate UPDATE');
	is(difference(describe($db), $expected), '', "$version, updated: the same as a fresh one");
	is(works($db), $all, 'and works with what was there');
}

# A version to come, with a change of each kind.
my @changes = (
	q{COMMENT ON FUNCTION @extschema@.migrate_heads(boolean) IS 'changed'},
	q{GRANT EXECUTE ON FUNCTION @extschema@.migrate_stamp(text, boolean) TO PUBLIC},
	q{ALTER FUNCTION @extschema@.migrate_is_current(text) COST 5},
	q{CREATE FUNCTION migrate.added() RETURNS int LANGUAGE sql AS 'SELECT 1'},
	q{ALTER TABLE migrate.log ADD COLUMN added int},
	q{ALTER TABLE migrate.log ALTER COLUMN attempts SET DEFAULT 7},
	q{ALTER TABLE migrate.job ADD CONSTRAINT added CHECK (job > 0)},
	q{CREATE INDEX added ON migrate.log (operation)},
	q{COMMENT ON COLUMN migrate.revision.revision IS 'changed'},
	q{GRANT SELECT ON migrate.job TO PUBLIC},
	q{CREATE VIEW migrate.added_view AS SELECT 1 AS one},
	q{ALTER VIEW migrate.status SET (security_barrier = true)},
	q{REVOKE USAGE ON SCHEMA migrate FROM PUBLIC; GRANT CREATE ON SCHEMA migrate TO PUBLIC},
	q{CREATE TABLE migrate.added_table (i int); SELECT pg_catalog.pg_extension_config_dump('migrate.added_table', 'WHERE i > 0')});
my $current = sql($node, $fresh, q{SELECT extversion FROM pg_extension WHERE extname = 'migrate'});
my @made = ("$scripts/migrate--next.sql", map { "$scripts/migrate--$current--$_.sql" } 'next', 0 .. $#changes);

sub script
{
	my ($file, @statements) = @_;
	append_to_file($file, join('', map { "$_;\n" } @statements));
	return;
}
copy("$scripts/migrate--$current.sql", $made[0]) or die "copy: $!";
script($made[0], @changes);
script($made[1], @changes);
foreach my $left_out (0 .. $#changes)
{
	script($made[ 2 + $left_out ], @changes[ grep { $_ != $left_out } 0 .. $#changes ]);
}
$node->safe_psql('postgres', 'CREATE DATABASE next');
$node->safe_psql('next', "CREATE EXTENSION migrate VERSION 'next'");
$expected = describe('next');
my $db = old_database('to next', $current);
$node->safe_psql($db, q{ALTER EXTENSION migrate UPDATE TO 'next'});
is(difference(describe($db), $expected), '', 'a version to come, updated: the same as a fresh one');
is(works($db), $all, 'and works');
foreach my $left_out (0 .. $#changes)
{
	$node->safe_psql($fresh, "DROP EXTENSION migrate; CREATE EXTENSION migrate VERSION '$current';
		ALTER EXTENSION migrate UPDATE TO '$left_out'");
	isnt(difference(describe($fresh), $expected), '', "seen if it is left out: $changes[$left_out]");
}
unlink @made;

$node->stop;
done_testing();
