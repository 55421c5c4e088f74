# Rights on the extension's objects, from the first moment: default privileges
# that were there before CREATE EXTENSION give nothing, in any schema, nor where a
# dump is restored; what was granted later comes with the dump.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('rights');
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', "CREATE ROLE $_ LOGIN") foreach qw(app web deployer);
my $owner = sql($node, 'postgres', 'SELECT current_user');

my $generous = join "\n", map { "ALTER DEFAULT PRIVILEGES GRANT ALL ON $_ TO app, PUBLIC;" } qw(FUNCTIONS TABLES SEQUENCES TYPES SCHEMAS);
$generous .= "\nALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON $_ TO web WITH GRANT OPTION;" foreach qw(FUNCTIONS TABLES SEQUENCES TYPES);
$generous .= "\nALTER DEFAULT PRIVILEGES REVOKE ALL ON $_ FROM CURRENT_USER;" foreach qw(FUNCTIONS TABLES SEQUENCES TYPES SCHEMAS);

# Each object, with what other roles than the owner may, and with what the owner
# may not.
my $rights = <<'SQL';
SET search_path = pg_catalog;
WITH member AS (
  SELECT d.classid, d.objid, 'f' AS kind, proacl AS acl, proowner AS owner FROM pg_depend AS d JOIN pg_proc AS o ON o.oid = d.objid AND d.classid = 'pg_proc'::regclass
   WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'migrate')
  UNION ALL
  SELECT 'pg_class'::regclass, oid, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END, relacl, relowner FROM pg_class
   WHERE relnamespace = 'migrate'::regnamespace AND relkind IN ('r', 'v', 'S')
  UNION ALL
  SELECT 'pg_type'::regclass, t.oid, 'T', typacl, typowner FROM pg_type AS t JOIN pg_class AS c ON c.oid = t.typrelid
   WHERE typnamespace = 'migrate'::regnamespace AND c.relkind = 'c'
  UNION ALL
  SELECT 'pg_namespace'::regclass, oid, 'n', nspacl, nspowner FROM pg_namespace WHERE nspname = 'migrate')
SELECT count(*) > 40,
       string_agg(pg_describe_object(classid, objid, 0), ', ') FILTER (WHERE
         (SELECT string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM aclexplode(acl) WHERE grantee = owner)
         IS DISTINCT FROM
         (SELECT string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM aclexplode(acldefault(kind::"char", owner)) WHERE grantee = owner)),
       (SELECT string_agg(concat_ws(' ', o.kind, nullif(grantee::regrole::text, '-'), privilege_type), ', ' ORDER BY o.kind, grantee, privilege_type)
          FROM member AS o, aclexplode(coalesce(acl, acldefault(kind::"char", owner))) WHERE grantee <> owner)
  FROM member
SQL
my $own_alone = 't||' . join(', ', ('f EXECUTE') x 16, 'f pg_monitor EXECUTE', 'n pg_monitor USAGE', ('r pg_monitor SELECT') x 15);

my %create = (
	public => 'CREATE EXTENSION migrate',
	migrate => 'CREATE SCHEMA migrate; CREATE EXTENSION migrate SCHEMA migrate');
foreach my $schema (sort keys %create)
{
	my $db = "in_$schema";
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	sql($node, $db, "$generous; $create{$schema}");
	is(sql($node, $db, $rights), $own_alone, "$db: everything is the owner's, and all of it; fifteen functions are PUBLIC's, one and thirteen views pg_monitor's");
	is(sql($node, $db, 'SHOW search_path'), '"$user", public', "$db: search_path is as before");
	my $path = "SET search_path = public, $schema;";
	is(sql($node, $db, "$path SELECT migrate_register('r1', 'CREATE TABLE r1 ()', 'DROP TABLE r1'); SELECT migrate_upgrade(); SELECT migrate_downgrade('base')"),
		"r1\nr1\nr1", "$db: it works");
	my (undef, $errors) = run_sql($node, $db, "$path GRANT USAGE ON SCHEMA $schema TO app; SET ROLE app; INSERT INTO migrate.revision SELECT * FROM migrate.revision; SELECT migrate_upgrade()");
	like($errors, qr/^42501.*\n42501/, "$db: app may neither write nor run");
}
is(sql($node, 'in_migrate', q{SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'migrate'}), 'migrate', 'functions and tables in one schema');

# A schema of another role could be renamed by it, and another one put in its
# place.
$node->safe_psql('postgres', 'CREATE DATABASE of_app');
my (undef, $errors) = run_sql($node, 'of_app', 'CREATE SCHEMA migrate AUTHORIZATION app; CREATE EXTENSION migrate SCHEMA migrate');
is($errors, '42501: schema "migrate" belongs to another role', 'not into the schema of another role');
(undef, $errors) = run_sql($node, 'of_app', 'CREATE EXTENSION migrate');
is($errors, '42P06: schema "migrate" already exists', 'nor beside a schema of that name');
is(sql($node, 'of_app', "ALTER SCHEMA migrate OWNER TO CURRENT_USER; CREATE EXTENSION migrate SCHEMA migrate; DROP EXTENSION migrate; DROP SCHEMA migrate; SELECT 'gone'"),
	'gone', 'once the schema is given up, it can; DROP EXTENSION leaves the schema');

# The owner of the schema that the functions go to can have put there what is nearer
# to the operands of the extension's own text than what pg_catalog has.
my $not_ours = <<'SQL';
SET search_path = pg_catalog;
WITH RECURSIVE part AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'migrate')
  UNION
  SELECT d.classid, d.objid FROM part AS p JOIN pg_depend AS d ON d.refclassid = p.classid AND d.refobjid = p.objid WHERE d.deptype IN ('a', 'i'))
SELECT count(DISTINCT p.objid) > 100, string_agg(DISTINCT pg_describe_object(p.classid, p.objid, 0) || ' needs ' || pg_describe_object(d.refclassid, d.refobjid, 0), ', ')
         FILTER (WHERE d.refclassid NOT IN ('pg_extension'::regclass, 'pg_namespace'::regclass)
                   AND i.schema IS DISTINCT FROM 'pg_catalog' AND (d.refclassid, d.refobjid) NOT IN (SELECT classid, objid FROM part))
  FROM part AS p JOIN pg_depend AS d USING (classid, objid), pg_identify_object(d.refclassid, d.refobjid, 0) AS i
SQL
$node->safe_psql('postgres', 'CREATE DATABASE in_traps');
my $traps = <<'SQL';
CREATE SCHEMA traps AUTHORIZATION app;
GRANT ALL ON DATABASE in_traps TO app;
SET ROLE app;
SET search_path = traps;
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now()';
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now()';
CREATE DOMAIN text AS pg_catalog.text;
CREATE DOMAIN timestamptz AS pg_catalog.timestamptz;
CREATE COLLATION "C" FROM pg_catalog."C";
DO $$
DECLARE
	operand pg_catalog.text;
	operator pg_catalog.text;
BEGIN
	FOREACH operand IN ARRAY ARRAY['text[]', 'name[]', 'varchar', 'varchar[]', 'regclass', 'regrole', 'oid[]', 'migrate_word']::pg_catalog.text[] LOOP
		IF operand = 'migrate_word' THEN
			CREATE TYPE migrate_word AS ENUM ('succeeded');
		END IF;
		operand := pg_catalog.replace(operand, 'text', 'pg_catalog.text');
		EXECUTE pg_catalog.format('CREATE FUNCTION trap(%1$s, %1$s) RETURNS boolean IMMUTABLE LANGUAGE sql AS %2$L', operand, 'SELECT true');
		FOREACH operator IN ARRAY ARRAY['=', '<>', '<', '>']::pg_catalog.text[] LOOP
			EXECUTE pg_catalog.format('CREATE OPERATOR %1$s (FUNCTION = trap, LEFTARG = %2$s, RIGHTARG = %2$s)', operator, operand);
		END LOOP;
	END LOOP;
END $$;
RESET ROLE;
CREATE EXTENSION migrate SCHEMA traps;
SQL
sql($node, 'in_traps', $traps);
is(sql($node, $_, $not_ours), 't|', "$_: what the extension consists of needs nothing but pg_catalog") foreach qw(in_public in_migrate in_traps);
is(sql($node, 'in_traps', 'SHOW search_path'), '"$user", public', 'search_path is as before');
is(sql($node, 'in_traps', q{SELECT traps.migrate_register('r1', 'SELECT 1'); SELECT traps.migrate_upgrade()}), "r1\nr1", 'it works there');

# Dumped and restored, into a database with such default privileges: what was
# granted is there, and nothing else.
foreach my $schema (sort keys %create)
{
	my $db = "in_$schema";
	sql($node, $db, "REVOKE USAGE ON SCHEMA $schema FROM app; GRANT EXECUTE ON PROCEDURE $schema.migrate_deploy TO deployer; GRANT SELECT ON migrate.log TO deployer; GRANT USAGE ON SCHEMA migrate TO deployer");
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$db", $db ], "$db: pg_dump");
	$node->safe_psql('postgres', "CREATE DATABASE copy_$db");
	sql($node, "copy_$db", $generous);
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', "copy_$db", "$dir/$db" ], "$db: pg_restore");
	is(sql($node, "copy_$db", $rights), sql($node, $db, $rights), "$db: the same rights");
	is(sql($node, "copy_$db", "SET search_path = public, $schema; SELECT migrate_guard(); SELECT migrate_upgrade()"), "\nr1", "$db: the copy works");
}

# Granted everything by accident, a role is refused where it is restored, too.
sql($node, 'in_public', 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO web');
$node->command_ok([ 'pg_dump', '-f', "$dir/web", 'in_public' ], 'pg_dump after GRANT ON ALL FUNCTIONS');
$node->safe_psql('postgres', 'CREATE DATABASE copy_web');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'copy_web', '-f', "$dir/web" ], 'restore');
(undef, $errors) = run_sql($node, 'copy_web', q{SET ROLE web; SELECT migrate_stamp('base')});
is($errors, '42501: role "web" was granted every function of extension "migrate"', 'refused there, too');

# The statement that the error gives repairs it, and takes nothing of PUBLIC's.
my $err;
$node->psql('copy_web', 'SET ROLE web; SELECT migrate_upgrade()', stderr => \$err);
my ($revoke) = $err =~ /(REVOKE ALL ON ROUTINE .*;)$/m;
sql($node, 'copy_web', "$revoke GRANT EXECUTE ON FUNCTION migrate_stamp(text, boolean) TO web");
is(sql($node, 'copy_web', q{SET ROLE web; SELECT count(*) FROM migrate_history(); SELECT migrate_stamp('base')}), '1', 'the hint repairs it');

# A job that was submitted before is not run either.
sql($node, 'in_public', q{REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM web; GRANT EXECUTE ON FUNCTION migrate_submit TO web});
my $job = sql($node, 'in_public', q{SET SESSION AUTHORIZATION web; SELECT migrate_submit(run_at => now() + interval '1 day')});
sql($node, 'in_public', 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO web; UPDATE migrate.job SET run_at = now(); SELECT migrate_run_jobs()');
is(ended_job($node, 'in_public', $job, 'state, sqlstate'), 'failed|42501', 'its jobs fail');

# A setting that protects is not weakened by an option of the connection, which any
# role can give where the library is not preloaded.
sql($node, 'in_migrate', 'GRANT USAGE ON SCHEMA migrate TO app; GRANT EXECUTE ON PROCEDURE migrate.migrate_deploy TO app');
my $deploy = 'SET search_path = public, migrate; CALL migrate_deploy(); SHOW migrate.require_approval';
foreach my $from ('', 'ALTER DATABASE in_migrate SET migrate.require_approval = on', 'ALTER ROLE app SET migrate.require_approval = on',
	'ALTER SYSTEM SET migrate.require_approval = on')
{
	sql($node, 'postgres', "LOAD 'migrate'; ALTER DATABASE in_migrate RESET ALL; ALTER ROLE app RESET ALL;
		ALTER SYSTEM RESET migrate.require_approval; $from; SELECT pg_reload_conf()");
	foreach my $options (qw(off on))
	{
		local $ENV{PGOPTIONS} = "-c migrate.require_approval=$options";
		my ($out, $errors) = ('', '');
		$node->psql('in_migrate', "\\set VERBOSITY verbose\n$deploy", stdout => \$out, stderr => \$errors, on_error_stop => 0,
			extra_params => [ '-U', 'app' ]);
		is(errors_of($errors), '42501: revision "r1" is not approved', "$options, against: " . ($from || 'nothing'));
		is($out, 'on', 'it is on');
	}
}
sql($node, 'postgres', "LOAD 'migrate'; ALTER SYSTEM RESET migrate.require_approval; SELECT pg_reload_conf()");
{
	local $ENV{PGOPTIONS} = '-c migrate.require_approval=off';
	is(sql($node, 'in_migrate', "$deploy; SELECT count(*) FROM migrate.version"), "off\n1", 'a superuser may say so');
}

$node->stop;
done_testing();
