# What migrate_script() writes makes, run by psql, the database that a deploy makes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('script');
my $dir = PostgreSQL::Test::Utils::tempdir();
my $root = "$FindBin::RealBin/..";

# Registers the same revisions, and deploys them.
sub origin
{
	my ($db, $script, $target) = @_;
	new_database($node, $db);
	sql($node, $db, "SELECT count(*) FROM migrate_register_script(\$register\$$script\$register\$)");
	sql($node, $db, "CALL migrate_deploy('$target')");
	return;
}

# Writes a script in one database and runs it in another one.
sub run_script
{
	my ($from, $to, $arguments, $before) = @_;
	my $script = $node->safe_psql($from, ($before // '') . "SELECT migrate_script($arguments)");
	open my $handle, '>', "$dir/script.sql" or die $!;
	print $handle $script;
	close $handle or die $!;
	my ($out, $errors) = ('', '');
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr($to), '-f', "$dir/script.sql" ], '>', \$out, '2>', \$errors);
	is($errors, '', "$from, $arguments: runs without a word");
	return $script;
}

# The schema and the data, but for what the extension keeps of a run.
sub dump_of
{
	my ($db) = @_;
	my ($out, $errors) = ('', '');
	IPC::Run::run([ 'pg_dump', '-d', $node->connstr($db), '--inserts', '--no-sync', '-T', 'migrate.log', '-T', 'migrate.revision' ], '>', \$out, '2>', \$errors);
	is($errors, '', "dump of $db");
	$out =~ s/^\\(un)?restrict.*$//mg;
	return $out;
}

sub rows
{
	my ($db, $table) = @_;
	return sql($node, $db, "SELECT version_num FROM $table ORDER BY 1");
}

# The demo.
my $shop = join('', map { slurp_file($_) } sort glob("$root/docs/examples/shop/*.sql"));
origin('shop', $shop, 'heads');
$node->safe_psql('postgres', 'CREATE DATABASE shop_by_psql');
run_script('shop', 'shop_by_psql', "'heads'");
is(rows('shop_by_psql', 'migrate.version'), rows('shop', 'migrate.version'), 'demo: rows');
is(dump_of('shop_by_psql'), dump_of('shop'), 'demo: the same database');
run_script('shop', 'shop_by_psql', "'heads:base', 'downgrade'");
sql($node, 'shop', "CALL migrate_revert('base')");
is(dump_of('shop_by_psql'), dump_of('shop'), 'demo: and back');

# What psql could read in another way.
# LONG has more parse tree than one block of memory.
origin('odd', <<'SQL' =~ s/LONG/join ', ', (1) x 3000/er, 'heads');
-- revision: o1
-- message: a 'message'
-- set: search_path = '"odd ""one", public', work_mem = 1MB
-- branch_labels: left
-- migrate:up
CREATE SCHEMA "odd ""one";
SET search_path = "odd ""one", public;
CREATE TABLE t (i int PRIMARY KEY, t text DEFAULT 'back\slash');
INSERT INTO t VALUES (1, E'\\q'), (2, $$;
COMMIT;
\q
$$);
INSERT INTO t VALUES (3, ':USER');
CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
SET ROLE pg_monitor;
SET SESSION AUTHORIZATION pg_monitor;
SELECT 1 -- without a semicolon
-- migrate:down
DROP SCHEMA "odd ""one" CASCADE -- all of it
-- revision: o2
-- down_revision: o1
-- migrate:up
CREATE INDEX CONCURRENTLY t_t ON "odd ""one".t (t);
VACUUM "odd ""one".t;
-- migrate:down
DROP INDEX CONCURRENTLY "odd ""one".t_t;
-- revision: o3
-- down_revision: o1
-- migrate:up
CREATE TYPE public.mood AS ENUM ('sad');
ALTER TYPE public.mood ADD VALUE 'ok';
CREATE TABLE public.moods (m mood DEFAULT 'ok');
-- migrate:down
DROP TABLE public.moods;
DROP TYPE public.mood;
-- revision: o4
-- down_revision: o2, o3
-- migrate:up
SET LOCAL search_path = "odd ""one", public;
SET LOCAL "odd.Name" = 'a ''quoted'' one';
SELECT set_config('work_mem', '2MB', true);
SELECT cardinality(ARRAY[LONG]);
GRANT ALL ON SCHEMA "odd ""one" TO pg_database_owner;
SET LOCAL ROLE pg_database_owner;
CREATE TABLE owned ();
VACUUM owned;
CREATE TABLE set_locally AS SELECT current_setting('search_path') AS p, current_setting('odd.Name') AS n, current_setting('work_mem') AS w, current_user AS u;
-- migrate:down
DROP TABLE "odd ""one".set_locally, "odd ""one".owned;
SQL
$node->safe_psql('postgres', 'CREATE DATABASE odd_by_psql');
run_script('odd', 'odd_by_psql', "'o1'");
is(rows('odd_by_psql', 'migrate.version'), 'o1', 'a target');
run_script('odd', 'odd_by_psql', "'o1:o3'");
is(rows('odd_by_psql', 'migrate.version'), 'o3', 'a range');
run_script('odd', 'odd_by_psql', "'o3:o4'");
is(rows('odd_by_psql', 'migrate.version'), 'o4', 'a range to a merge: what its beginning does not have');
is(dump_of('odd_by_psql'), dump_of('odd'), 'odd texts: the same database');
run_script('odd', 'odd_by_psql', "'o4:base', 'downgrade'");
sql($node, 'odd', "CALL migrate_revert('base')");
is(dump_of('odd_by_psql'), dump_of('odd'), 'odd texts: and back');

# A table of Alembic's.
$node->safe_psql('postgres', 'CREATE DATABASE alembic_by_psql');
sql($node, 'odd', 'CREATE TABLE alembic_version (version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))');
sql($node, 'alembic_by_psql', 'CREATE ROLE app; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO app, PUBLIC');
my $table = q(SET migrate.version_table = 'public.alembic_version';);
run_script('odd', 'alembic_by_psql', "'o4'", $table);
is(rows('alembic_by_psql', 'alembic_version'), 'o4', "Alembic's table: rows");
is(sql($node, 'alembic_by_psql', "SELECT conname FROM pg_constraint WHERE conrelid = 'alembic_version'::regclass AND contype = 'p'"), 'alembic_version_pkc', "Alembic's table: as Alembic makes it");
my $others = q(SELECT count(*) FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.oid = 'alembic_version'::regclass AND a.grantee <> c.relowner);
is(sql($node, 'alembic_by_psql', $others), '0', "Alembic's table: its owner's alone");
run_script('odd', 'alembic_by_psql', "'o4:o1', 'stamp'", $table);
is(rows('alembic_by_psql', 'alembic_version'), 'o1', "Alembic's table: stamp");
sql($node, 'alembic_by_psql', 'GRANT SELECT ON alembic_version TO app; DELETE FROM alembic_version');
run_script('odd', 'alembic_by_psql', "'o1', 'stamp'", $table);
is(rows('alembic_by_psql', 'alembic_version'), 'o1', "Alembic's table that exists: rows");
is(sql($node, 'alembic_by_psql', $others), '1', "Alembic's table that exists: keeps what was granted");

# A message is not a command.
sql($node, 'odd', q(SELECT migrate_register('o5', '', '', '{o4}', message => E'first\n\\! touch here\nDROP DATABASE odd;')));
unlike($node->safe_psql('odd', "SELECT migrate_script('o4:o5')"), qr/^(\\!|DROP)/m, 'a message of several lines');

# What needs the extension is said where the script does not make it.
new_database($node, 'batches');
sql($node, 'batches', q{CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
	SELECT migrate_register('s1', 'SELECT 1', ''); SELECT migrate_register('s2', $$SELECT 2; CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2')$$, '', '{s1}')});
my @batch_script = map { [ $node->psql('batches', "$_ SELECT migrate_script()") ] } $table, '';
like($batch_script[0][1], qr/^CALL migrate_batch\(/m, 'a call of the extension is written');
like($batch_script[0][2], qr/NOTICE:  1 revision of the script calls migrate_batch\(\)\nDETAIL:  They fail in a database without the extension: "s2"\.$/, 'and said');
is($batch_script[1][2], '', 'where the script has the extension, it is not');

# The extension is made in the schema that it has here.
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere; CREATE DATABASE elsewhere_by_psql');
$node->safe_psql('elsewhere', q(CREATE SCHEMA "An ext"; CREATE EXTENSION migrate SCHEMA "An ext"; SET search_path = public, "An ext"; SELECT migrate_register('e1', 'CREATE TABLE heads AS SELECT * FROM "An ext".migrate_heads()')));
$node->safe_psql('elsewhere_by_psql', 'CREATE SCHEMA "An ext"');
my $elsewhere = run_script('elsewhere', 'elsewhere_by_psql', "'head'", 'SET search_path = "An ext";');
is($node->safe_psql('elsewhere_by_psql', "SELECT extnamespace::regnamespace, (SELECT version_num FROM migrate.version) FROM pg_extension WHERE extname = 'migrate'"), '"An ext"|e1', 'the extension in another schema');
my ($beginning) = $elsewhere =~ /\A(.*?)^-- upgrade/ms;
$node->safe_psql('elsewhere_by_psql', 'CREATE ROLE without_rights');
session_is($node, 'elsewhere_by_psql', 'where the extension is there, it needs no rights', "SET ROLE without_rights;\n$beginning", '');

# Errors.
session_is($node, 'odd', 'a downgrade without a beginning', "SELECT migrate_script('base', 'downgrade')", '', '22023: the script of a downgrade needs a range');
session_is($node, 'odd', 'half a range', "SELECT migrate_script('o1:')", '', '22023: invalid range "o1:"');
session_is($node, 'odd', 'no such revision', "SELECT migrate_script('o1:nothing')", '', '42704: revision "nothing" does not exist');
session_is($node, 'odd', 'no such command', "SELECT migrate_script('o1', 'sidegrade')", '', '22023: command "sidegrade" does not exist');
sql($node, 'odd', "SELECT migrate_register('o6', 'SELECT 1', NULL, '{o5}')");
session_is($node, 'odd', 'irreversible', "SELECT migrate_script('o6:o5', 'downgrade')", '', '55000: revision "o6" is irreversible');
sql($node, 'odd', 'CREATE ROLE reader');
session_is($node, 'odd', 'bodies are not for all', 'SET ROLE reader; SELECT migrate_script()', '', '42501: permission denied for function migrate_script');

$node->stop;
done_testing();
