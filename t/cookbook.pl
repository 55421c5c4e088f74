# The recipes of docs/cookbook.md: lint warns of none of them, each can be
# deployed on tables with rows and does what it says, and the way back ends where
# it began.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('cookbook');
my $page = slurp_file("$FindBin::RealBin/../docs/cookbook.md");
my @recipes = $page =~ /^```sql\n(.*?)^```$/msg;
my @titles = $page =~ /^## (.*)$/mg;
is(scalar @recipes, 1 + @titles, 'a block for the tables, and one for each recipe');
is(join(', ', $page =~ /^\d+\. \[(.*?)\]/mg), join(', ', @titles), 'the table of contents');

my $db = new_database($node, 'app');
sql($node, $db, "SELECT migrate_register_script(\$page\$@recipes\$page\$); CALL migrate_deploy('a000')");
is(sql($node, $db, q{SELECT DISTINCT revision, change FROM migrate_roundtrip('b201') ORDER BY 1}), "b102|different\nb201|different",
	'two downgrades do not undo everything, as it says');
$node->psql($db, 'SELECT migrate_roundtrip()', stderr => \my $stderr);
like($stderr, qr/unsafe use of new value "chat".*HINT:  A round trip is one transaction\./s, 'nor can a new value be used');
sql($node, $db, <<'SQL');
INSERT INTO customer SELECT g, 'name ' || g, 'mail' || g FROM generate_series(1, 40000) AS g;
INSERT INTO invoice SELECT g, g % 40000 + 1, CASE WHEN g % 10 = 0 THEN 'cancelled' ELSE 'open' END, g, 'note ' || g
  FROM generate_series(1, 50000) AS g;
VACUUM ANALYZE customer, invoice;
SQL
my $warnings = q{SELECT revision, line, rule, message FROM migrate_lint(separately => %s) WHERE severity <> 'notice'};
is(sql($node, $db, sprintf($warnings, 'false')), '', 'lint warns of nothing');
is(sql($node, $db, sprintf($warnings, 'true')), '', 'nor of any recipe by itself');

# From 18 on a NOT NULL has a name, which it keeps when its column gets another one.
sub schema
{
	return sql($node, $db, 'SELECT * FROM migrate_schema()') =~ s/ CONSTRAINT \w+_not_null(?= NOT NULL)//gr;
}

my $empty = schema();
sql($node, $db, "CALL migrate_deploy('b101')");
is(sql($node, $db, 'SELECT count(*) FILTER (WHERE token IS NULL), count(DISTINCT token) FROM customer'), '0|40000', 'each customer has a token');
is(sql($node, $db, 'SELECT count(*) FILTER (WHERE amount = id AND remark = note), pg_typeof(max(amount)) FROM bill'), '50000|bigint', 'amounts and remarks are copied');
my $error;
$node->psql($db, 'INSERT INTO customer (id, name, token) VALUES (0, $$x$$, NULL)', stderr => \$error);
like($error, qr/violates not-null/, 'NULL is forbidden');
sql($node, $db, "CALL migrate_revert('a901')");
is(sql($node, $db, <<'SQL'), "1|1\n2|2\n3|3", 'both names of a column can be written');
INSERT INTO invoice (id, customer, state, amount, note) VALUES (-1, 1, 'open', 1, '1');
INSERT INTO invoice (id, customer, state, amount, remark) VALUES (-2, 1, 'open', 1, '2');
INSERT INTO invoice (id, customer, state, amount, remark) VALUES (-3, 1, 'open', 1, '0');
UPDATE invoice SET note = '3' WHERE id = -3;
SELECT note, remark FROM invoice WHERE id < 0 ORDER BY id DESC;
DELETE FROM invoice WHERE id < 0;
SQL
my $failed = q{SELECT revision, sqlstate FROM migrate_verify() WHERE result <> 'passed'};
sql($node, $db, "CALL migrate_deploy('a902'); ALTER TABLE invoice DISABLE TRIGGER remark; UPDATE invoice SET note = 'other' WHERE id = 1");
is(sql($node, $db, $failed), 'a902|P0004', 'a verify body finds a row that differs');
sql($node, $db, "UPDATE invoice SET note = remark WHERE id = 1; ALTER TABLE invoice ENABLE TRIGGER remark; CALL migrate_revert('a802')");
sql($node, $db, "ALTER TABLE invoice DISABLE TRIGGER amount_wide; UPDATE invoice SET amount_wide = 0 WHERE id = 1");
is(sql($node, $db, $failed), 'a802|P0004', 'so does the other one');
sql($node, $db, "UPDATE invoice SET amount_wide = amount WHERE id = 1; ALTER TABLE invoice ENABLE TRIGGER amount_wide");
sql($node, $db, "CALL migrate_revert('a000')");
is(difference($empty, schema()), '', 'the way back ends where it began');
sql($node, $db, "CALL migrate_deploy('b301')");
is(sql($node, $db, 'SELECT DISTINCT revision, change FROM migrate_roundtrip()'), '', 'the last downgrades undo everything');
sql($node, $db, 'CALL migrate_deploy()');
is(sql($node, $db, $failed), '', 'no verify body fails because of what came later');
is(sql($node, $db, 'SELECT count(*), count(*) FILTER (WHERE tableoid = $$bill$$::regclass) FROM bills'), '45000|45000', 'rows are deleted, and the table is a partition');
is(sql($node, $db, q{SELECT string_agg(format('%s.%s %s', tables.relname, index.relname, indisvalid), ', ' ORDER BY tables.relname, index.relname)
	FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_class AS tables ON tables.oid = indrelid
	WHERE tables.relname IN ('customer', 'bill')}),
	'bill.invoice_customer_state t, bill.invoice_pkey t, customer.customer_email t, customer.customer_pkey t', 'indexes');

# The recipe of docs/batch.md.
my ($batch) = slurp_file("$FindBin::RealBin/../docs/batch.md") =~ /^```sql\n(.*?)^```$/ms;
$db = new_database($node, 'batch');
sql($node, $db, "CREATE TABLE account (id int PRIMARY KEY, email text); INSERT INTO account VALUES (1, 'A')");
sql($node, $db, "SELECT migrate_register_script(\$page\$$batch\$page\$)");
is(sql($node, $db, 'SELECT revision, change FROM migrate_roundtrip()'), '', 'batches: the downgrades undo everything');
sql($node, $db, 'CALL migrate_deploy()');
is(sql($node, $db, 'SELECT email_lower FROM account'), 'a', 'batches: and the column is filled');

$node->stop;
done_testing();
