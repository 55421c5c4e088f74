# Lint where more than one session is needed: a worker that says or refuses, and
# a table that another session has locked.  The example of the documentation is
# found to be without fault, and a bad file is not.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('lint');
my $db = new_database($node, 'app');

sql($node, $db, <<'SQL');
CREATE TABLE big (id bigint PRIMARY KEY, name text);
INSERT INTO big SELECT g, 'a name of some length' FROM generate_series(1, 30000) AS g;
ANALYZE big;
SELECT migrate_register('a1', 'CREATE INDEX big_name ON big (name)', 'DROP INDEX big_name');
SQL

# The worker reads the settings of the session that has submitted the job.
my $job = sql($node, $db, q{SET migrate.lint = 'error'; SELECT migrate_submit()});
is(ended_job($node, $db, $job, 'state'), 'failed', 'a job that lint refuses fails');
is(job($node, $db, $job, 'sqlstate'), '55000', 'with the code of a wrong state');
is(sql($node, $db, q{SELECT count(*) FROM migrate.log}), '0', 'and nothing was run');

$job = sql($node, $db, q{SET migrate.lint = 'warn'; SELECT migrate_submit()});
my $from = -s $node->logfile;
sql($node, $db, "CALL migrate_wait($job)");
wait_until_logged($node, $from, qr/WARNING:  revision "a1", line 1: writers of "big" wait while the index is built \(create-index\)/);
pass('the worker warns in the server log');
sql($node, $db, q{CALL migrate_revert('base')});

# Lint takes no lock on a table that it looks at, nor does it wait for one.
my $holder = $node->background_psql($db);
$holder->query_safe('BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE;');
is(sql($node, $db, q{SET statement_timeout = '60s'; SELECT string_agg(rule, ' ') FROM migrate_lint()}), 'create-index', 'a locked table is not waited for');
$holder->query_safe('ROLLBACK');
$holder->quit;
sql($node, $db, q{SELECT migrate_unregister('a1')});

# The example of the documentation, as it is run, and a file that has it all wrong.
my $script = join '', map { slurp_file($_) } sort glob "$FindBin::RealBin/../docs/examples/shop/*.sql";
sql($node, $db, "SELECT count(*) FROM migrate_register_script(\$script\$$script\$script\$)");
is(sql($node, $db, q{SELECT string_agg(revision || ' ' || rule, ', ') FROM migrate_lint('heads')}), '', 'the example is silent');
is(sql($node, $db, q{SELECT count(*) FROM migrate_lint_details('heads') WHERE waived IS NOT NULL}), '1', 'with a waiver');
sql($node, $db, <<'SQL');
SELECT migrate_register_script($script$
-- revision: bad
-- migrate:up
CREATE INDEX ON big (name);
ALTER TABLE big ALTER COLUMN name TYPE varchar(20);
ALTER TABLE big ADD COLUMN token uuid DEFAULT gen_random_uuid();
UPDATE big SET name = upper(name);
DROP TABLE big;
$script$);
SQL
is(sql($node, $db, q{SELECT string_agg(rule, ' ' ORDER BY line, rule) FROM migrate_lint('bad') WHERE severity <> 'notice'}),
	'create-index change-type volatile-default write-all drop-table', 'a bad file is loud');

# A thousand revisions.
sql($node, $db, q{SELECT migrate_register('r' || g, format('CREATE TABLE t%s (id bigint PRIMARY KEY, n int); CREATE INDEX ON t%s (n); ALTER TABLE t%s ADD COLUMN c text', g, g, g), '',
  CASE WHEN g > 1 THEN ARRAY['r' || g - 1] ELSE '{}' END) FROM generate_series(1, 1000) AS g});
my $time = sql($node, $db, q{SELECT clock_timestamp() AS began, (SELECT count(*) FROM migrate_lint('r1000') WHERE rule = 'empty-downgrade') AS n \gset
SELECT :n, round(extract(epoch FROM clock_timestamp() - :'began') * 1000)});
like($time, qr/^1000\|/, 'a thousand revisions');
note("in $time ms");

$node->stop;
done_testing();
