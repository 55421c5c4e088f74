# A dump that is restored has the fingerprint of its origin, with an object of each
# class.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('schema', 'wal_level = logical', "session_preload_libraries = 'migrate_test_label'");
my $dir = PostgreSQL::Test::Utils::tempdir();
my $db = new_database($node, 'origin');
my $version = sql($node, $db, "SELECT current_setting('server_version_num')::int / 10000");

my $objects = PostgreSQL::Test::Utils::slurp_file("$FindBin::RealBin/../sql/include/schema_objects.sql");
$objects =~ s/^\\set.*\n//mg;
sql($node, $db, $objects);

# What later versions have.
sql($node, $db, <<'SQL') if $version >= 16;
SET search_path = zoo;
GRANT zoo_keeper TO CURRENT_USER WITH INHERIT TRUE;
ALTER TABLE visit ADD COLUMN note text STORAGE PLAIN;
SQL
sql($node, $db, <<'SQL') if $version >= 18;
SET search_path = zoo;
CREATE TABLE eighteen (
	a int CONSTRAINT named NOT NULL NO INHERIT,
	b int GENERATED ALWAYS AS (a * 2) VIRTUAL,
	c int CONSTRAINT weak CHECK (c > 0) NOT ENFORCED,
	d int REFERENCES animal NOT ENFORCED,
	k int4range, during daterange, PRIMARY KEY (k, during WITHOUT OVERLAPS));
ALTER TABLE eighteen ADD COLUMN e int, ADD CONSTRAINT e_there NOT NULL e NOT VALID;
COMMENT ON CONSTRAINT named ON eighteen IS 'of a column';
CREATE PUBLICATION stored FOR TABLE typed WITH (publish_generated_columns = stored);
SQL
is(sql($node, $db, q(SELECT identity, definition FROM migrate_schema() WHERE identity ~ 'eighteen(\.[abce])?$' AND type <> 'table')), <<'ROWS' =~ s/\n\z//r, 'what 18 has') if $version >= 18;
zoo.eighteen.a|integer CONSTRAINT named NOT NULL NO INHERIT first
zoo.eighteen.b|integer GENERATED ALWAYS AS ((a * 2)) VIRTUAL after a
zoo.eighteen.c|integer after b
zoo.eighteen.e|integer CONSTRAINT e_there NOT NULL NOT VALID after during
eighteen_d_fkey on zoo.eighteen|FOREIGN KEY (d) REFERENCES zoo.animal(id) NOT ENFORCED
eighteen_pkey on zoo.eighteen|PRIMARY KEY (k, during WITHOUT OVERLAPS)
named on zoo.eighteen|NOT NULL a NO INHERIT
comment: 'of a column'
weak on zoo.eighteen|CHECK ((c > 0)) NOT ENFORCED
ROWS

# Security labels: each is a line of the object that has it, and of no other.
my @labelled = (
	[ 'SCHEMA zoo', 'schema', 'zoo' ],
	[ 'TABLE animal', 'table', 'zoo.animal' ],
	[ 'COLUMN animal.name', 'table column', 'zoo.animal.name' ],
	[ 'VIEW cats', 'view', 'zoo.cats' ],
	[ 'MATERIALIZED VIEW counts', 'materialized view', 'zoo.counts' ],
	[ 'FOREIGN TABLE sheet', 'foreign table', 'zoo.sheet' ],
	[ 'SEQUENCE counter', 'sequence', 'zoo.counter' ],
	[ 'TYPE mood', 'type', 'zoo.mood' ],
	[ 'DOMAIN positive', 'type', 'zoo.positive' ],
	[ 'FUNCTION plus_one(integer)', 'function', 'zoo.plus_one(integer)' ],
	[ 'PROCEDURE nothing()', 'procedure', 'zoo.nothing()' ],
	[ 'AGGREGATE total(integer)', 'aggregate', 'zoo.total(integer)' ],
	[ 'LANGUAGE talk', 'language', 'talk' ],
	[ 'PUBLICATION news', 'publication', 'news' ],
	[ 'SUBSCRIPTION reader', 'subscription', 'reader' ],
	[ 'EVENT TRIGGER on_ddl', 'event trigger', 'on_ddl' ]);
my @found;
foreach my $label (@labelled)
{
	my ($object, $type, $identity) = @$label;
	sql($node, $db, "SET search_path = zoo; SECURITY LABEL FOR test ON $object IS 'secret'");
	push @found, "$type|$identity";
	is(sql($node, $db, q{SELECT type, identity FROM migrate_schema() WHERE definition ~ '(^|\n)label of test: ''secret''(\n|$)' ORDER BY type || '|' || identity COLLATE "C"}),
		join("\n", sort @found), "a label of $object, and of nothing else");
}

my $rows = 'SELECT * FROM migrate_schema(owners => true)';
my $prints = 'SELECT migrate_fingerprint(), migrate_fingerprint(true), migrate_fingerprint(false, false)';
my $before = sql($node, $db, $rows);
my $fingerprints = sql($node, $db, $prints);
cmp_ok(scalar(split /\n/, $before), '>', 200, 'there is a schema');

my %dumps = (
	plain => [ 'pg_dump', '-f', "$dir/plain" ],
	custom => [ 'pg_dump', '-Fc', '-f', "$dir/custom" ],
	schema => [ 'pg_dump', '--schema-only', '-f', "$dir/schema" ]);
foreach my $format (sort keys %dumps)
{
	my $copy = "copy_$format";
	$node->command_ok([ @{ $dumps{$format} }, $db ], "pg_dump, $format");
	$node->safe_psql('postgres', "CREATE DATABASE $copy");
	$node->command_ok($format eq 'custom'
		? [ 'pg_restore', '--exit-on-error', '-d', $copy, "$dir/$format" ]
		: [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $copy, '-f', "$dir/$format" ],
		"restore, $format");
	my $after = sql($node, $copy, $rows);
	# Without data a materialized view has none.
	$after =~ s/^(materialized view\|zoo\.counts\|MATERIALIZED VIEW) WITH NO DATA$/$1/m if $format eq 'schema';
	is_deeply([ split /\n/, $after ], [ split /\n/, $before ], "$format: the same schema");
	is(sql($node, $copy, $prints), $fingerprints, "$format: the same fingerprints") if $format ne 'schema';
}

# A run is not held up by what it cannot read: it is done, and says so.
sql($node, $db, <<'SQL');
SELECT migrate_drift_accept();
SELECT migrate_register('r1', 'CREATE TABLE of_run (a int)', '');
CREATE TABLE held (a int);
CREATE VIEW of_held AS SELECT a FROM held;
SQL
my $holder = $node->background_psql($db);
$holder->query_safe('BEGIN; LOCK TABLE held;');
my ($out, $errors) = ('', '');
is($node->psql($db, 'SET migrate.track_schema = on; CALL migrate_deploy()', stdout => \$out, stderr => \$errors), 0, 'the run is done');
like($errors, qr/WARNING:  could not note the schema of this run: canceling statement due to lock timeout/, 'and says so');
# A cancel ends the run, though what it meets is only that.
sql($node, $db, q(SELECT migrate_register('r2', 'CREATE TABLE too_much (a int)', '', '{r1}')));
foreach my $call ('CALL migrate_deploy()', 'SELECT migrate_upgrade()')
{
	my $run = start_sql($node, $db, 'noted', "SET migrate.track_schema = on; SET migrate.lock_timeout = 0; $call");
	my $pid = wait_for_event($node, $run, 'Lock');
	sql($node, 'postgres', "SELECT pg_cancel_backend($pid)");
	like((finish_sql($run))[1], qr/^57014: canceling statement due to user request/, "$call: a cancel ends it");
	is(sql($node, $db, q(SELECT count(*) FROM migrate.log WHERE revision = 'r2')), 0, "$call: nothing is run");
}
sql($node, $db, q(SELECT migrate_unregister('r2')));
$holder->query_safe('COMMIT');
$holder->quit;
like(sql($node, $db, 'SELECT * FROM migrate_drift()'), qr/^created\|table\|public.of_run$/m, 'it is drift');

# Another encoding does not change the hash of the same text.
$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$node->safe_psql('postgres', "CREATE DATABASE utf8 ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0");
my @hashes;
foreach my $encoded (qw(latin utf8))
{
	sql($node, $encoded, "CREATE EXTENSION migrate; SET client_encoding = 'UTF8'; CREATE TABLE \"größe\" (a int)");
	push @hashes, sql($node, $encoded, 'SELECT migrate_fingerprint()');
}
is($hashes[0], $hashes[1], 'the server encoding does not count');

$node->stop;
done_testing();
