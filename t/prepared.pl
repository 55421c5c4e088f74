# Two-phase commit, prepared statements, LISTEN and NOTIFY.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('prepared', 'shared_preload_libraries = migrate', 'max_prepared_transactions = 5');
my $db = new_database($node, 'app');

# What psql prints of a script, its messages without those of steps.
sub said
{
	my ($script) = @_;
	my ($out, $errors);
	$node->psql($db, "SET client_min_messages = warning;\n$script", stdout => \$out, stderr => \$errors, on_error_stop => 0);
	$errors =~ s/^psql:\S+ //mg;
	return ($out, $errors);
}

sql($node, $db, <<'SQL');
CREATE TABLE seen (what text);
SELECT migrate_register('a1', 'CREATE TABLE a (i int)', 'DROP TABLE a');
SELECT migrate_register('a2', 'NOTIFY ch, ''hello''', '', '{a1}');
SELECT migrate_register('a3', 'INSERT INTO seen VALUES (''a3''); VACUUM seen; LISTEN ch', '', '{a2}');
SELECT migrate_register('a4', 'UNLISTEN *; PREPARE q AS SELECT 1; EXECUTE q', '', '{a3}');
SQL

# Two phases: a run waits for a prepared one, and says how to end it.
my ($out, $errors) = said("BEGIN; SELECT migrate_upgrade('a1'); PREPARE TRANSACTION 'it''s'");
is("$out$errors", 'a1', 'prepared after an upgrade');
($out, $errors) = said("SET migrate.lock_wait = '100ms'; CALL migrate_deploy('a1')");
is($errors, <<'TEXT' =~ s/\n\z//r, 'a run that meets it');
ERROR:  could not lock "migrate.version" within 100 ms
DETAIL:  Blocked by prepared transaction 'it''s', which holds the lock.
HINT:  To keep what it has done: COMMIT PREPARED 'it''s';
To undo it: ROLLBACK PREPARED 'it''s';
TEXT
($out, $errors) = said("COMMIT PREPARED 'it''s'; SELECT revision FROM migrate_current()");
is("$out$errors", 'a1', 'committed');
($out, $errors) = said("BEGIN; SELECT migrate_downgrade('base'); PREPARE TRANSACTION 'p'; ROLLBACK PREPARED 'p'; SELECT revision FROM migrate_current()");
is("$out$errors", "a1\na1", 'rolled back');

# A job of a prepared transaction has no worker, and that is said.
($out, $errors) = said("BEGIN; SELECT migrate_submit('a1'); PREPARE TRANSACTION 'p'");
is($errors, <<"TEXT" =~ s/\n\z//r, 'prepared after a submit');
WARNING:  no worker is started when this transaction is committed
DETAIL:  Job $out and what else it has queued waits until it is found.
HINT:  After COMMIT PREPARED, unless a scheduler looks into this database: SELECT migrate_run_jobs();
TEXT
is(sql($node, $db, "COMMIT PREPARED 'p'; SELECT state, attempts FROM migrate.job WHERE job = $out"), 'queued|0', 'it waits');
my $job = $out;
sql($node, $db, 'SELECT migrate_run_jobs()');
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'and is found');
($out, $errors) = said("BEGIN; SAVEPOINT s; SELECT migrate_submit('a1'); ROLLBACK TO s; PREPARE TRANSACTION 'p'; ROLLBACK PREPARED 'p'");
is($errors, '', 'none is said of a job that was rolled back');

# What the server does not prepare.
($out, $errors) = said("BEGIN; SELECT migrate_upgrade('a2'); PREPARE TRANSACTION 'p'");
is($errors, 'ERROR:  cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY', 'a body that notifies');
is(sql($node, $db, 'SELECT revision FROM migrate_current()'), 'a1', 'is rolled back');
($out, $errors) = said("BEGIN; CALL migrate_deploy('a2'); PREPARE TRANSACTION 'p'");
like($errors, qr/^ERROR:  migrate_deploy\(\) cannot run inside a transaction block$/m, 'no CALL in it');

# NOTIFY reaches sessions with the commit, also from a worker.
my $listener = $node->background_psql($db);
$listener->query_safe('LISTEN ch;');
$job = sql($node, $db, "SELECT migrate_submit('a2')");
is(ended_job($node, $db, $job, 'state'), 'succeeded', 'NOTIFY in a worker');
like($listener->query('SELECT 1;'), qr/Asynchronous notification "ch" with payload "hello" received/, 'is received');
$listener->quit;

# LISTEN: in a worker refused before the first statement, in a session it stays.
$job = sql($node, $db, "SELECT migrate_submit('a3')");
is(ended_job($node, $db, $job, 'state, sqlstate, error'), 'failed|0A000|cannot execute LISTEN within a background process', 'LISTEN in a worker');
is(sql($node, $db, "SELECT count(*) FROM seen; SELECT count(*) FROM migrate.partial; SELECT hint FROM migrate.job WHERE job = $job"), <<'TEXT' =~ s/\n\z//r, 'nothing was run');
0
0
Leave it out: LISTEN is for the session that says it, which here ends with the job. Or use CALL migrate_deploy() in a session.
To try again when the cause is removed: SELECT migrate_submit('a3');
To change the body first: migrate_register('a3', ..., replace => true), or its file: pg_migrate load --replace.
TEXT
is(sql($node, $db, "CALL migrate_deploy('a3'); SELECT * FROM pg_listening_channels()"), 'ch', 'LISTEN in a session');

# Prepared statements: of a body, which are the session's from then on, and with
# our functions, which find what has changed since.
is(sql($node, $db, "LISTEN ch; CALL migrate_deploy(); SELECT name FROM pg_prepared_statements WHERE from_sql; SELECT count(*) FROM pg_listening_channels()"),
	"q\n0", 'PREPARE and UNLISTEN in a body');
($out, $errors) = said("PREPARE q AS SELECT 2; SELECT migrate_stamp('a3'); SELECT migrate_upgrade()");
like($errors, qr/^ERROR:  prepared statement "q" already exists$/m, 'of one that the session has, too');
is(sql($node, $db, <<'SQL'), "a3\na4\na4\na4\na4", 'statements with our functions, also when the extension is another one');
SELECT migrate_stamp('a3');
PREPARE up AS SELECT migrate_upgrade();
PREPARE now AS SELECT revision FROM migrate_current();
EXECUTE up;
EXECUTE now;
DEALLOCATE q;
DROP EXTENSION migrate;
CREATE EXTENSION migrate;
SELECT migrate_register('a4', '');
EXECUTE up;
SQL
($out, $errors) = said("PREPARE c AS CALL migrate_deploy()");
like($errors, qr/^ERROR:  syntax error at or near "CALL"$/m, 'PREPARE takes no CALL');

$node->stop;
done_testing();
