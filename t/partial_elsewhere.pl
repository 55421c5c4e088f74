# A revision that is partial, and the database is dumped, restored elsewhere,
# or promoted: the next CALL there resumes it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('partial', 'restart_after_crash = on',
	"session_preload_libraries = 'migrate_test_fault'");
my $db = new_database($node, 'app');
my $dir = PostgreSQL::Test::Utils::tempdir();

sql($node, $db, <<'SQL');
CREATE TABLE t (i int);
INSERT INTO t SELECT generate_series(1, 10);
SELECT migrate_register('p1', $$
  CREATE TABLE made (i int);
  CREATE INDEX CONCURRENTLY t_i ON t (i);
  INSERT INTO made VALUES (1);
  CREATE UNIQUE INDEX CONCURRENTLY ON t (i);
  INSERT INTO made VALUES (2);
$$, '');
SQL
my $state = "SELECT (SELECT string_agg(i::text, ' ' ORDER BY i) FROM made),
	(SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' ORDER BY indexrelid::regclass::text)
	   FROM pg_index WHERE indrelid = 't'::regclass),
	(SELECT string_agg(version_num, ' ') FROM migrate.version),
	(SELECT count(*) FROM migrate.partial)";
my $complete = '1 2|t_i true, t_i_idx true|p1|0';

# Killed when the second index is built, but not yet known to be.
expect_crash($node);
my ($rc, undef, $stderr) = $node->psql($db,
	"SET client_min_messages = warning; SET fault.kinds = 'write';
	 SET fault.action = 'kill'; SET fault.at = 7; CALL migrate_deploy();");
isnt($rc, 0, 'killed');
wait_until_up($node);
is( sql($node, $db, 'SELECT partial FROM migrate_history_details() WHERE partial IS NOT NULL'),
	'upgrade: statements up to 3 are done, statement 4 was begun', 'partial');
is(sql($node, $db, $state), '1|t_i true, t_i_idx true||4', 'the index is there');

# A standby shows it, and resumes it when it is promoted.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is( sql($standby, $db, "SELECT partial FROM migrate_current() JOIN migrate_history_details() USING (revision) UNION ALL SELECT state FROM migrate.status"),
	"upgrade: statements up to 3 are done, statement 4 was begun\npartial", 'standby: partial');
$standby->promote;
sql($standby, $db, 'CALL migrate_deploy()');
is(sql($standby, $db, $state), $complete, 'promoted: the next CALL completes');
$standby->stop;

# A dump, in which an index that is there is valid.
command_ok([ 'pg_dump', '-d', $node->connstr($db), '-f', "$dir/dump" ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', "$dir/dump" ],
	'restore');
is( sql($node, 'copy', 'SELECT partial FROM migrate_history_details() WHERE partial IS NOT NULL'),
	'upgrade: statements up to 3 are done, statement 4 was begun', 'restored: partial');
sql($node, 'copy', 'CALL migrate_deploy()');
is(sql($node, 'copy', $state), $complete, 'restored: the next CALL completes');

# A dump of an index that is not valid leaves it out.
sql($node, $db, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_i_idx'::regclass");
command_ok([ 'pg_dump', '-d', $node->connstr($db), '-f', "$dir/dump" ], 'dump, INVALID');
$node->safe_psql('postgres', 'CREATE DATABASE copy2');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy2'), '-f', "$dir/dump" ],
	'restore, INVALID');
sql($node, 'copy2', 'CALL migrate_deploy()');
is(sql($node, 'copy2', $state), $complete, 'restored, INVALID: the next CALL completes');

# At home it is dropped, and built again.
sql($node, $db, 'CALL migrate_deploy()');
is(sql($node, $db, $state), $complete, 'at home: the next CALL completes');

# The role that has begun it is known by its OID, in a copy by its name, until a
# run there has noted it anew.
$node->safe_psql('postgres', 'CREATE ROLE begins SUPERUSER');
$db = new_database($node, 'roles');
my $deploy = 'SET client_min_messages = warning; SET ROLE begins; CALL migrate_deploy()';
my ($cannot, $again) = (qr/cannot resume what role "begins" has begun/, 'DROP ROLE begins; CREATE ROLE begins SUPERUSER');
sql($node, $db, <<'SQL');
CREATE TABLE go ();
CREATE TABLE t (i int);
SELECT migrate_register('r1', $$
  CREATE TABLE made ();
  VACUUM t;
  SELECT 1 / (count(*) / 1) FROM go;
  VACUUM t;
  SELECT 1 / (count(*) / 2) FROM go;
$$);
SQL
(undef, undef, $stderr) = $node->psql($db, $deploy);
like($stderr, qr/division by zero/, 'begun');
command_ok([ 'pg_dump', '-d', $node->connstr($db), '-f', "$dir/dump" ], 'dump');
$node->safe_psql($db, 'REASSIGN OWNED BY begins TO CURRENT_USER; DROP OWNED BY begins');
$node->safe_psql('postgres', $again);
(undef, undef, $stderr) = $node->psql($db, $deploy);
like($stderr, $cannot, 'another role of that name is refused');
like($stderr, qr/does not exist any more/, 'the error says why');
$node->safe_psql('postgres', 'CREATE DATABASE copy3');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy3'), '-f', "$dir/dump" ], 'restore');
$node->safe_psql('copy3', 'INSERT INTO go DEFAULT VALUES');
(undef, undef, $stderr) = $node->psql('copy3', $deploy);
like($stderr, qr/statements up to 4 are done/, 'restored: the role of that name resumes it');
$node->safe_psql('copy3', 'REASSIGN OWNED BY begins TO CURRENT_USER; DROP OWNED BY begins');
$node->safe_psql('postgres', 'ALTER ROLE begins RENAME TO renamed; CREATE ROLE begins SUPERUSER');
(undef, undef, $stderr) = $node->psql('copy3', $deploy);
like($stderr, qr/cannot resume what role "renamed" has begun/, 'from then on no other role does');
$node->safe_psql('copy3', 'INSERT INTO go DEFAULT VALUES');
sql($node, 'copy3', 'SET client_min_messages = warning; SET ROLE renamed; CALL migrate_deploy()');
is(sql($node, 'copy3', 'SELECT version_num FROM migrate.version'), 'r1', 'the role completes it under its new name');

# The extension goes, also while a revision is partial.
($rc, undef, $stderr) = $node->psql('copy2', 'DROP EXTENSION migrate');
is("$rc$stderr", '0', 'DROP EXTENSION');

$node->stop;
done_testing();
