# A project that a tool itself has applied is registered and adopted: then there is
# nothing to do here, and what the tool has not applied is run.  Each tool that is
# installed.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('adopt');
my $root = PostgreSQL::Test::Utils::tempdir();
my $url = 'postgres:///%s?host=' . $node->host . '&port=' . $node->port . '&sslmode=disable';

sub put
{
	my ($path, $text) = @_;
	return write_file("$root/$path", $text);
}

# Runs a command in the folder of its tool; whether it succeeded, and what it said.
sub run_tool
{
	my ($folder, %environment) = (shift, %{ +shift });
	local @ENV{ keys %environment } = values %environment;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{HOME} = $root;
	my $out = '';
	my $ok = IPC::Run::run([@_], '>', \$out, '2>&1', init => sub { chdir "$root/$folder" or die "$folder: $!" });
	return ($ok, $out);
}

sub tool
{
	my ($ok, $out) = run_tool(@_);
	ok($ok, join ' ', @_[ 2 .. $#_ ]) or diag($out);
	return;
}

# The files are registered and what is applied is adopted: two of three.
sub adopt
{
	my ($db, $format, $folder) = @_;
	is(sql($node, $db, "SELECT count(*) FROM migrate_register_directory('$root/$folder', '$format')"), '3', "$format: files");
	is(sql($node, $db, "SELECT string_agg(result, ' '), bool_and(applied_at IS NULL OR applied_at > now() - interval '1 h') FROM migrate_adopt('$format')"), 'adopted adopted|t', 'what is applied');
	my $pending = sql($node, $db, 'SELECT revision FROM migrate_plan()');
	is(sql($node, $db, "SELECT count(*) FROM migrate.status WHERE state = 'applied' AND applied_at IS NOT NULL"), '2', 'and when');
	is(sql($node, $db, "CALL migrate_deploy(); SELECT string_agg(column_name::text, ' ' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'tag'"), 'id color size', 'what was not is run');
	is(sql($node, $db, 'SELECT migrate_is_current()'), 't', 'and nothing else');

	my $here = new_database($node, "${db}_here");
	sql($node, $here, "SELECT count(*) FROM migrate_register_directory('$root/$folder', '$format'); CALL migrate_deploy()");
	is(schema_of($here), schema_of($db), 'all of it run here makes the same schema');
	return $pending;
}

# But for the table of the tool, and what is random.
sub schema_of
{
	my ($db) = @_;
	my $dump = '';
	IPC::Run::run([ 'pg_dump', '--schema-only', '--schema=public', '--exclude-table=(schema_|pg)migrations*', '--extension=plpgsql', $node->connstr($db) ],
		'>', \$dump);
	$dump =~ s/^\\(un)?restrict .*\n//mg;
	like($dump, qr/CREATE TABLE public.tag/, "dump of $db");
	return $dump;
}

my @up = ("CREATE TABLE public.tag (id int PRIMARY KEY);\nCOMMENT ON TABLE public.tag IS 'one; or more';",
	<<'SQL' . ';', 'ALTER TABLE public.tag ADD COLUMN size int;' . "\nCREATE INDEX tag_size ON public.tag (size);");
ALTER TABLE public.tag ADD COLUMN color text;
CREATE FUNCTION public.paint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.color := coalesce(NEW.color, 'red');
	RETURN NEW;
END$$;
CREATE TRIGGER paint BEFORE INSERT ON public.tag FOR EACH ROW EXECUTE FUNCTION public.paint()
SQL

SKIP:
{
	skip('dbmate is not installed', 1) unless is_installed('dbmate');
	my $db = new_database($node, 'dbmate');
	my @dbmate = ({ DATABASE_URL => sprintf $url, $db }, 'dbmate', '--no-dump-schema', '-d', '.');
	put("dbmate/2024010100000${_}_step.sql", "-- migrate:up\n$up[$_]\n\n-- migrate:down\n") foreach 0, 1;
	tool('dbmate', @dbmate, 'up');
	put('dbmate/20240101000002_step.sql', "-- migrate:up\n$up[2]\n\n-- migrate:down\n");
	is(adopt($db, 'dbmate', 'dbmate'), '20240101000002', 'the third one');
	# By mistake, and no more.
	sql($node, $db, "SELECT migrate_stamp('20240101000001'); ALTER TABLE tag DROP COLUMN size; SELECT migrate_adopt('dbmate', lock_out => true)");
	my ($ok, $out) = run_tool('dbmate', @dbmate, 'up');
	ok(!$ok && $out =~ /dbmate is locked out of this database/, 'the tool is locked out') or diag($out);
	is(sql($node, $db, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'tag'"), '2', 'and has done nothing');
	sql($node, $db, 'DROP TRIGGER migrate_lock_out ON schema_migrations');
	tool('dbmate', @dbmate, 'up');
	is(sql($node, $db, "SELECT result, revision FROM migrate_adopt('dbmate') WHERE result <> 'unchanged'"), 'adopted|20240101000002', 'both went on');
}

SKIP:
{
	skip('node-pg-migrate is not installed', 1) unless is_installed('node-pg-migrate');
	my $db = new_database($node, 'node');
	put("node/migrations/160000000000${_}_step-$_.sql", "-- Up Migration\n$up[$_]\n-- Down Migration\n") foreach 0, 1, 2;
	tool('node', { DATABASE_URL => sprintf $url, $db }, 'node-pg-migrate', 'up', '2', '-m', 'migrations');
	is(adopt($db, 'node-pg-migrate', 'node/migrations'), '1600000000002', 'the third one');
}

SKIP:
{
	skip('graphile-migrate is not installed', 1) unless is_installed('graphile-migrate');
	my $db = new_database($node, 'graphile');
	# The tool gives its databases to the role of that name.
	sql($node, 'postgres', 'CREATE ROLE graphile');
	my @graphile = ({ DATABASE_URL => (sprintf $url, $db), SHADOW_DATABASE_URL => (sprintf $url, 'graphile_shadow'), ROOT_DATABASE_URL => (sprintf $url, 'postgres') }, 'graphile-migrate');
	put('graphile/.gmrc', '{}');
	foreach my $n (0 .. 2)
	{
		put('graphile/migrations/current.sql', "$up[$n]\n");
		tool('graphile', @graphile, 'commit');
	}
	# The last one is committed and, for this database, not applied.
	sql($node, $db, "DELETE FROM graphile_migrate.migrations WHERE filename = '000003.sql'; ALTER TABLE tag DROP COLUMN IF EXISTS size");
	is(adopt($db, 'graphile', 'graphile/migrations/committed'), '000003', 'the third one');
}

SKIP:
{
	skip('supabase is not installed', 1) unless is_installed('supabase');
	my $db = new_database($node, 'supabase');
	my $user = sql($node, $db, 'SELECT current_user');
	put("supabase/supabase/migrations/2024010100000${_}_step.sql", "$up[$_]\n") foreach 0, 1;
	tool('supabase', { DO_NOT_TRACK => 1 }, 'supabase', 'db', 'push', '--yes', '--db-url', $node->connstr($db) . " user=$user sslmode=disable");
	put('supabase/supabase/migrations/20240101000002_step.sql', "$up[2]\n");
	is(adopt($db, 'supabase', 'supabase'), '20240101000002', 'the third one');
}

SKIP:
{
	skip('sqitch is not installed', 1) unless is_installed('sqitch');
	my $db = new_database($node, 'sqitch');
	my @sqitch = ({ SQITCH_FULLNAME => 'Ann Author', SQITCH_EMAIL => 'ann@example.com', EDITOR => 'true' }, 'sqitch');
	my @target = ('--target', 'db:pg://' . ($node->host =~ s{/}{%2F}gr) . ':' . $node->port . "/$db");
	put('sqitch/.keep', '');
	tool('sqitch', @sqitch, 'init', 'app', '--engine', 'pg');
	foreach my $n (0 .. 2)
	{
		tool('sqitch', @sqitch, 'add', "step$n", '-n', "Step $n");
		put("sqitch/deploy/step$n.sql", "-- Deploy app:step$n to pg\n\nBEGIN;\n\n$up[$n]\n\nCOMMIT;\n");
		put("sqitch/revert/step$n.sql", "-- Revert app:step$n from pg\n\nBEGIN;\n\nCOMMIT;\n");
	}
	tool('sqitch', @sqitch, 'deploy', @target, '--to', 'step1');
	# A script that was changed since is found.
	put('sqitch/deploy/step1.sql', "-- Deploy app:step1 to pg\n\nBEGIN;\n\n$up[1]\nSELECT 1;\n\nCOMMIT;\n");
	sql($node, $db, "SELECT migrate_register_directory('$root/sqitch')");
	my ($status, undef, $errors) = $node->psql($db, q{SELECT * FROM migrate_adopt('sqitch')});
	like($errors, qr/DETAIL:  Applied from another file than the one that is registered, by its checksum: app:step1\.\n/, 'a changed script');
	put('sqitch/deploy/step1.sql', "-- Deploy app:step1 to pg\n\nBEGIN;\n\n$up[1]\n\nCOMMIT;\n");
	sql($node, $db, "SELECT migrate_register_directory('$root/sqitch', replace => true)");
	is(adopt($db, 'sqitch', 'sqitch'), 'step2', 'the third one');
}

# A database without a history: what the server's own pg_dump writes of it makes
# the same of a new one.
my $old = new_database($node, 'old');
sql($node, $old, <<'SQL');
CREATE SCHEMA shop;
CREATE TYPE shop.state AS ENUM ('new', 'paid');
CREATE TABLE shop.account (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT 'it''s');
CREATE TABLE shop.invoice (id serial PRIMARY KEY, account int NOT NULL REFERENCES shop.account, state shop.state DEFAULT 'new', at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE shop.invoice_1 PARTITION OF shop.invoice FOR VALUES FROM (0) TO (100);
CREATE FUNCTION shop.total(account int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	-- not the end;
	RETURN (SELECT count(*) FROM shop.invoice AS i WHERE i.account = total.account);
END
$$;
CREATE VIEW shop.accounts AS SELECT id, name, shop.total(id) FROM shop.account;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at = now(); RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON shop.invoice_1 FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE INDEX ON shop.account (lower(name));
COMMENT ON TABLE shop.account IS 'who; what';
GRANT SELECT ON shop.account TO PUBLIC;
SQL
my ($dump, $dump_errors) = ('', '');
IPC::Run::run([ 'pg_dump', '--schema-only', '-d', $node->connstr($old) ], '>', \$dump, '2>', \$dump_errors) or die $dump_errors;
my $baseline = "SELECT migrate_baseline('0001', body => \$dump\$$dump\$dump\$)";
my $fingerprint = 'SELECT migrate_fingerprint()';
my $before = sql($node, $old, $fingerprint);
is(sql($node, $old, $baseline), '0001', 'a dump is the baseline');
is(sql($node, $old, "SELECT migrate_is_current(); $fingerprint"), "t\n$before", 'which is applied, and changes nothing');
my $new = new_database($node, 'new');
sql($node, $new, "$baseline; SELECT migrate_stamp('base'); CALL migrate_deploy()");
is(sql($node, $new, $fingerprint), $before, 'and makes the same of another database');
is(sql($node, $new, 'SHOW search_path'), '"$user", public', 'whose settings stay');

$node->stop;
done_testing();
