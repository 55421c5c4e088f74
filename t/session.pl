# What a session remembers must not outlive its reason: the extension dropped
# and created again, another version table, another owner; odd names.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('session');
my $number = 0;

# is_session NAME SCRIPT OUTPUT [ERRORS], in a database of its own
sub is_session
{
	return session_is($node, new_database($node, 'session' . ++$number), @_);
}

my $register = "SELECT migrate_register('a1', 'CREATE TABLE a1 (id int)', 'DROP TABLE a1');";

is_session('DROP EXTENSION and CREATE EXTENSION in one session', <<"SQL", "a1\na1\n0|t\na1\na1\n1\na1|a1\na1\n0\n0");
$register
SELECT migrate_upgrade();
DROP EXTENSION migrate;
DROP TABLE a1;
CREATE EXTENSION migrate;
SELECT count(*), migrate_is_current() IS NULL FROM migrate_current();
$register
SELECT migrate_upgrade();
SELECT count(*) FROM migrate.log;
SELECT version_num, revision FROM migrate.version, migrate.revision;
DROP EXTENSION migrate;
CREATE SCHEMA elsewhere;
CREATE EXTENSION migrate SCHEMA elsewhere;
SELECT elsewhere.migrate_register('a1', '');
SELECT count(*) FROM migrate.version;
DROP EXTENSION migrate;
SELECT count(*) FROM pg_namespace WHERE nspname = 'migrate';
SQL

# Another session drops it meanwhile.
my $db = new_database($node, 'dropped');
my $session = $node->background_psql($db, on_error_stop => 0);
$session->query("SET client_min_messages = warning; $register SELECT migrate_upgrade('a1')");
sql($node, $db, 'DROP EXTENSION migrate; DROP TABLE a1');
$session->query('SELECT migrate_upgrade()');
like($session->{stderr}, qr/function migrate_upgrade\(\) does not exist/,
	'dropped by another session');
$session->{stderr} = '';
sql($node, $db, "CREATE EXTENSION migrate; $register");
is($session->query("SELECT migrate_is_current()"), 'f', 'created again by another session');
is($session->query("SELECT migrate_upgrade()"), 'a1', 'runs again');
is($session->{stderr}, '', 'no error') or diag($session->{stderr});

# A plan made when the tables were small, with another owner.
sql($node, $db, <<'SQL');
CREATE ROLE other SUPERUSER;
ALTER TABLE migrate.version OWNER TO other;
SQL
is($session->query('SELECT migrate_is_current()'), 't', 'table with another owner');
$session->quit;

is_session('ALTER DATABASE SET migrate.version_table', <<"SQL", "a1\na1\na1\n0\na1\nt\nf\na1\nt\nother.\"odd \"\"table\"");
$register
CREATE TABLE public.alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
CREATE SCHEMA other;
CREATE TABLE other."odd ""table" (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT format('ALTER DATABASE %I SET migrate.version_table = %L', current_database(), 'public.alembic_version') \\gexec
\\connect
SET client_min_messages = warning;
SELECT migrate_upgrade();
SELECT version_num FROM public.alembic_version;
SELECT count(*) FROM migrate.version;
SELECT revision FROM migrate_current();
SELECT migrate_is_current();
SET migrate.version_table = 'other."odd ""table"';
SELECT migrate_is_current();
SELECT migrate_stamp('head');
RESET migrate.version_table;
SELECT migrate_is_current();
SELECT version_table FROM migrate.log WHERE operation = 'stamp';
SQL

is_session('the version table is dropped, made again, changes its shape', <<"SQL", "a1\na1\na1\na1\na1\na1\n2", <<'ERRORS' =~ s/\n\z//r);
$register
SET migrate.version_table = 'public.v';
SELECT migrate_upgrade();
CREATE TABLE v (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT migrate_upgrade();
DROP TABLE v;
SELECT migrate_is_current();
CREATE TABLE v (note text DEFAULT 'x', version_num text NOT NULL PRIMARY KEY);
SELECT migrate_stamp('head');
ALTER TABLE v DROP COLUMN note;
ALTER TABLE v ALTER version_num TYPE varchar(32);
SELECT migrate_downgrade('base');
VACUUM FULL v;
SELECT migrate_upgrade();
TRUNCATE v;
SELECT migrate_stamp('head');
SELECT count(*) FROM migrate.log WHERE operation = 'upgrade';
SQL
42P01: version table "public.v" does not exist
42P01: version table "public.v" does not exist
ERRORS

# A body must not turn the run to another version table, nor stop its retries.
is_session('a body that sets our settings and asks questions', <<'SQL', "b1\nb2\nb1\nb2\nb2\n0\n1");
CREATE TABLE other_version (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT migrate_register('b1', $$
  SET migrate.version_table = 'public.other_version';
  SELECT migrate_is_current();
  SELECT * FROM migrate_current();
$$);
SELECT migrate_register('b2', $$
  SET LOCAL migrate.version_table = 'public.other_version';
  SELECT * FROM migrate_history();
$$, down_revision => '{b1}');
SELECT migrate_upgrade();
SELECT version_num FROM migrate.version;
SELECT count(*) FROM other_version;
SELECT count(*) FROM migrate_current() WHERE revision = 'b2';
SQL

# Alembic would not notice either: the row is there, once.
is_session('bodies that change the version table', <<'SQL', "v1\nv2\nv3\nv1\nv2\nv3\nv3");
SET migrate.version_table = 'public.v';
CREATE TABLE v (version_num varchar(32) NOT NULL PRIMARY KEY);
SELECT migrate_register('v1', '');
SELECT migrate_register('v2', 'ALTER TABLE v ALTER version_num TYPE varchar(64)', down_revision => '{v1}');
SELECT migrate_register('v3', 'ALTER TABLE v ADD COLUMN at timestamptz DEFAULT clock_timestamp()',
  down_revision => '{v2}');
SELECT migrate_upgrade();
SELECT version_num FROM v;
SQL

is_session('a body that leaves a role and settings behind', <<'SQL', "r1\nr2\nr1\nr2\nt\nt|t");
CREATE ROLE nobody_special;
CREATE TABLE seen (who name, path text);
SELECT migrate_register('r1', 'SET ROLE nobody_special; SET search_path = pg_temp; SET lock_timeout = 1');
SELECT migrate_register('r2', 'INSERT INTO public.seen VALUES (current_user, current_setting(''search_path''))',
  down_revision => '{r1}');
SELECT migrate_upgrade();
SELECT current_user = session_user;
SELECT who = current_user, path = current_setting('search_path') FROM seen;
SQL

# Odd settings of the session; for standard_conforming_strings see sql/
is_session('settings of the session', <<'SQL', "x1\nx2\nx1\nx2\nt\nt\n\"");
SET bytea_output = escape;
SET DateStyle = 'German, DMY';
SET extra_float_digits = -15;
SET transform_null_equals = on;
SET quote_all_identifiers = on;
SET client_encoding = latin1;
SET log_statement = 'all';
SET search_path = '';
SET row_security = off;
SET plan_cache_mode = force_generic_plan;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET enable_tidscan = off;
SET session_replication_role = replica;
SELECT public.migrate_register('x1', 'CREATE TABLE public.x (t text)', 'DROP TABLE public.x');
SELECT public.migrate_register('x2', E'INSERT INTO public.x VALUES (''a\\nb"'')', 'DELETE FROM public.x', '{x1}');
SELECT public.migrate_upgrade();
SELECT public.migrate_is_current();
SELECT public.migrate_is_current('x2');
SELECT right(t, 1) FROM public.x;
SQL

# Event triggers see our statements like any others.
is_session('event triggers', <<'SQL', "e1\ne1\nCREATE TABLE\ne2", 'P0001: no tables today');
CREATE TABLE seen (tag text);
CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.seen VALUES (tg_tag); END $$;
CREATE EVENT TRIGGER see ON ddl_command_end EXECUTE FUNCTION see();
SELECT migrate_register('e1', 'CREATE TABLE e1 (id int)');
SELECT migrate_upgrade();
SELECT tag FROM seen;
DROP EVENT TRIGGER see;
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no tables today'; END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse();
SELECT migrate_register('e2', 'CREATE TABLE e2 (id int)', down_revision => '{e1}');
SELECT migrate_upgrade();
SQL

# Names with quotes, spaces and other letters.
$node->safe_psql('postgres', q(CREATE DATABASE "o'dd ""d b"));
$node->safe_psql('postgres', q(CREATE ROLE "o'dd ""role" LOGIN));
my $odd = q(o'dd "d b);
$node->safe_psql($odd, 'CREATE SCHEMA "odd s ä"; CREATE EXTENSION migrate SCHEMA "odd s ä"');
is( sql($node, $odd, <<'SQL'), "ä'\"\n1\nä'\"\né\né\nä'\"\n1");
SET search_path = public, "odd s ä";
GRANT EXECUTE ON FUNCTION migrate_register, migrate_upgrade, migrate_history TO "o'dd ""role";
GRANT USAGE ON SCHEMA "odd s ä" TO "o'dd ""role";
GRANT CREATE ON SCHEMA public TO "o'dd ""role";
SET ROLE "o'dd ""role";
SELECT migrate_register('ä''"', 'CREATE TABLE "ä''""" (id int)');
SELECT length(migrate_register('é', 'INSERT INTO "ä''""" VALUES (1)', down_revision => ARRAY['ä''"']));
SELECT migrate_upgrade();
SELECT revision FROM migrate_history('base:head') ORDER BY revision COLLATE "C" DESC;
SELECT count(*) FROM "ä'""";
SQL

$node->stop;
done_testing();
