# A preview and a round trip leave nothing behind: the whole database before and
# after, by pg_dump, migrate_schema(), the extension's own tables, the catalogs of
# relations and the files on disk.  Sequences are excepted, which no rollback takes back.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('preview', 'autovacuum = off');
my $db = new_database($node, 'app');

sql($node, $db, <<'SQL');
CREATE EXTENSION IF NOT EXISTS plpgsql;
CREATE ROLE reporting;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE customer (id int PRIMARY KEY, name varchar(20), price int, mood mood DEFAULT 'sad');
INSERT INTO customer SELECT g, 'name ' || g, g FROM generate_series(1, 2000) AS g;
CREATE TABLE invoice (id serial PRIMARY KEY, customer int, made date DEFAULT '2026-01-01') PARTITION BY RANGE (id);
CREATE TABLE invoice_1 PARTITION OF invoice FOR VALUES FROM (1) TO (1000);
INSERT INTO invoice (customer) SELECT 1 + g % 7 FROM generate_series(1, 500) AS g;
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n FROM invoice;
CREATE VIEW name_only AS SELECT name FROM customer;
CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql AS 'SELECT 2 * a';
CREATE TABLE told (what text);
SELECT lo_from_bytea(4711, 'large');
SELECT count(*) FROM migrate_register_script($$
-- revision: applied
-- migrate:up
CREATE TABLE before (a int PRIMARY KEY, b text);
INSERT INTO before VALUES (1, 'one');
-- migrate:down
DROP TABLE before;
$$);
SELECT migrate_upgrade();
SET migrate.track_schema = on;
SELECT migrate_drift_accept();
ANALYZE;
SELECT count(*) FROM migrate_register_script($script$
-- revision: columns
-- down_revision: applied
-- migrate:up
ALTER TABLE customer ADD COLUMN email text, ADD COLUMN at timestamptz DEFAULT now();
ALTER TABLE customer ALTER price TYPE numeric(20, 2);
ALTER TABLE customer ALTER name SET NOT NULL, ALTER name SET STORAGE external;
ALTER TABLE customer RENAME COLUMN price TO amount;
UPDATE customer SET email = name || '@x' WHERE id % 3 = 0;
DELETE FROM customer WHERE id > 1900;
CREATE INDEX CONCURRENTLY customer_email_idx ON customer (email);
REINDEX TABLE customer;
CLUSTER customer USING customer_pkey;
-- migrate:down
ALTER TABLE customer DROP COLUMN email, DROP COLUMN at;
-- migrate:verify
SELECT count(*) = 1900 FROM customer;
-- revision: objects
-- down_revision: columns
-- migrate:up
CREATE SCHEMA more;
CREATE TABLE more.thing (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES customer);
INSERT INTO more.thing (customer) SELECT id FROM customer WHERE id < 100;
CREATE TABLE invoice_2 PARTITION OF invoice FOR VALUES FROM (1000) TO (2000);
INSERT INTO invoice (id, customer) VALUES (1500, 3);
ALTER TABLE invoice DETACH PARTITION invoice_1 CONCURRENTLY;
REFRESH MATERIALIZED VIEW total;
CREATE OR REPLACE FUNCTION twice(a int) RETURNS int LANGUAGE sql AS 'SELECT a + a';
CREATE OR REPLACE VIEW name_only AS SELECT name, id FROM customer;
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO told VALUES (TG_OP); RETURN NEW; END';
CREATE TRIGGER tell AFTER UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION tell();
UPDATE customer SET email = 'none' WHERE email IS NULL;
GRANT SELECT ON customer TO reporting;
COMMENT ON TABLE customer IS 'those who pay';
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON customer USING (true);
CREATE PUBLICATION all_of_it FOR TABLE customer;
CREATE STATISTICS correlated ON id, name FROM customer;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reporting;
CREATE ROLE made_by_it;
ALTER ROLE reporting SET work_mem = '64MB';
-- migrate:down
DROP SCHEMA more CASCADE;
-- revision: rest
-- down_revision: objects
-- set: search_path = 'more, public'
-- migrate:up
SET work_mem = '1MB';
PREPARE kept AS SELECT 1;
CREATE TEMP TABLE mine (a int);
LISTEN channel;
NOTIFY channel, 'hello';
SELECT lo_unlink(4711), lo_from_bytea(4712, 'other');
SELECT pg_advisory_xact_lock(4711);
DO $$ BEGIN FOR i IN 1 .. 20 LOOP EXECUTE format('CREATE TABLE made_%s (a int)', i); END LOOP; END $$;
TRUNCATE told;
CALL migrate_batch('public.customer', 'UPDATE customer SET email = lower(email) WHERE id BETWEEN $1 AND $2');
ANALYZE customer;
VACUUM customer;
DROP TABLE before;
DROP MATERIALIZED VIEW total;
DROP TYPE mood CASCADE;
DROP OWNED BY reporting;
DROP ROLE reporting;
-- migrate:down
SELECT 1;
-- revision: fails
-- down_revision: rest
-- migrate:up
INSERT INTO told VALUES ('last');
DELETE FROM customer;
SELECT 1 / 0;
-- migrate:down
SELECT 1;
$script$);
SQL

# What a transaction that is rolled back could have left.
sub everything
{
	my ($dump, $globals, $errors) = ('', '', '');
	IPC::Run::run([ 'pg_dump', '-d', $node->connstr($db), '--large-objects' =~ s/large-objects/blobs/r ], '>', \$dump, '2>', \$errors) or die $errors;
	$dump =~ s/^SELECT pg_catalog\.setval.*\n//mg;
	$dump =~ s/^\\(un)?restrict .*\n//mg;
	IPC::Run::run([ 'pg_dumpall', '--globals-only', '-d', $node->connstr('postgres') ], '>', \$globals, '2>', \$errors) or die $errors;
	$globals =~ s/^\\(un)?restrict .*\n//mg;
	my $tables = join "\n", map { "$_\n" . $node->safe_psql($db, "SELECT t::text FROM $_ AS t ORDER BY 1") } split /\n/,
	  $node->safe_psql($db, q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'migrate'::regnamespace AND relkind = 'r' ORDER BY 1});
	my $schema = $node->safe_psql($db, 'SELECT * FROM migrate_schema(true, true)');
	my $relations = $node->safe_psql($db, <<'SQL');
SELECT oid, relname, relkind, relfilenode, reltoastrelid, relnatts, relpages, reltuples, relhasindex, relhastriggers, relrowsecurity, relpartbound IS NULL, relacl
  FROM pg_class WHERE relkind <> 'S' ORDER BY oid
SQL
	$node->safe_psql($db, 'CHECKPOINT');
	my $files = $node->safe_psql($db, <<'SQL');
SELECT f FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = current_database())) AS f
 WHERE f !~ '^pg_internal|^t\d|_(fsm|vm)$' ORDER BY f COLLATE "C"
SQL
	return { dump => $dump, globals => $globals, 'tables of the extension' => $tables, schema => $schema, relations => $relations, files => $files };
}

# What stays of the session that has called it.
my $session = <<'SQL';
SELECT current_setting('work_mem'), current_setting('search_path'), current_user,
	(SELECT count(*) FROM pg_prepared_statements WHERE from_sql), (SELECT count(*) FROM pg_listening_channels()),
	(SELECT count(*) FROM pg_class WHERE relpersistence = 't'), (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory');
SQL
my $unused = $node->safe_psql($db, $session);

sub leaves_nothing
{
	my ($call, $expected) = @_;
	my $before = everything();
	my ($out, $errors) = run_sql($node, $db, "SET client_min_messages = warning;\n$call;\n$session");
	is($errors, '', "$call: runs");
	my @lines = split /\n/, $out;
	is(pop @lines, $unused, "$call: the session is as before");
	like(join("\n", @lines), $expected, "$call: it was executed");
	my $after = everything();
	ok($before->{$_} eq $after->{$_}, "$call: $_") || diff($before->{$_}, $after->{$_}) foreach sort keys %$before;
	return;
}

sub diff
{
	my ($before, $after) = @_;
	my %seen = map { $_ => 1 } split /\n/, $before;
	diag("+ $_") foreach grep { !$seen{$_} } split /\n/, $after;
	%seen = map { $_ => 1 } split /\n/, $after;
	diag("- $_") foreach grep { !$seen{$_} } split /\n/, $before;
	return;
}

my $kinds = q{SELECT string_agg(DISTINCT finding, ',' ORDER BY finding), count(DISTINCT revision), bool_or(rows > 1000)};
leaves_nothing("$kinds FROM migrate_preview_details('rest')", qr/^plain form,rewritten,skipped\|3\|t$/);
leaves_nothing("$kinds FROM migrate_preview_details()", qr/^failed,plain form,rewritten,skipped\|4\|t$/);
leaves_nothing("SELECT count(*) > 10 FROM migrate_roundtrip('rest')", qr/^t$/);
leaves_nothing("BEGIN; $kinds FROM migrate_preview_details('rest'); COMMIT", qr/^plain form,rewritten,skipped\|3\|t$/);
sql($node, $db, q{CALL migrate_deploy('objects')});
leaves_nothing("$kinds FROM migrate_preview_details('base', 'downgrade')", qr/^[a-z ,]*\|\d\|\w?$/);
leaves_nothing('SELECT count(*) FROM migrate_verify()', qr/^1$/);

$node->stop;
done_testing();
