# A body means the same, and is the same, whatever encoding the server and the
# client have, and which line ends its file has.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('encoding', 'log_statement = none');

# A database of each encoding; the clients send UTF-8.
$ENV{PGCLIENTENCODING} = 'UTF8';
my %encodings = (utf8 => 'UTF8', latin1 => 'LATIN1', latin9 => 'LATIN9', ascii => 'SQL_ASCII');
foreach my $db (sort keys %encodings)
{
	sql($node, 'postgres', "CREATE DATABASE $db ENCODING '$encodings{$db}' LOCALE 'C' TEMPLATE template0");
	sql($node, $db, 'CREATE EXTENSION migrate');
}

# What a script that continues after an error has to say.
sub said
{
	my ($db, $sql) = @_;
	my $stderr;
	$node->psql($db, "SET client_min_messages = warning;\n$sql", stderr => \$stderr, on_error_stop => 0);
	return $stderr;
}

sub hash_of
{
	my ($db, $body) = @_;
	return sql($node, $db, "SET client_min_messages = warning;
		SELECT migrate_register('h', $body, replace => true) IS NULL;
		SELECT upgrade_hash FROM migrate.revision WHERE revision = 'h'");
}

# "e" with an accent in each place where text can be.
foreach my $body (
	"'SELECT ''\303\251''; CREATE TABLE \303\251 (\"\303\251\" text) -- \303\251'",
	"'SELECT \$\303\251\$ \303\251 \$\303\251\$'",
	"E'SELECT E''\303\251\\\\n''\\n''\303\251'''")
{
	my %hashes = map { hash_of($_, $body) => 1 } grep { $_ ne 'ascii' } keys %encodings;
	is(keys %hashes, 1, "one hash in every encoding: $body");
}
like(hash_of('ascii', "'SELECT ''\303\251'''"), qr/^f\n[0-9a-f]{64}$/, 'any bytes where the server knows no encoding');

# Line ends inside and outside of literals and functions; no others.
my $lines = q{DO $$\nBEGIN\n\tPERFORM ''a\nb'';\nEND $$;\nSELECT ''x\n\ny'';};
my $hash = hash_of('utf8', "E'$lines'");
foreach my $end ('\r\n', '\r')
{
	(my $same = $lines) =~ s/\\n/$end/g;
	is(hash_of('utf8', "E'$same'"), $hash, "$end is \\n");
}
(my $other = $lines) =~ s/\\n/\\n\\n/g;
isnt(hash_of('utf8', "E'$other'"), $hash, 'an empty line in a literal counts');
is(sql($node, 'utf8', "SELECT migrate_register('l', E'SELECT \$\$a\\nb\$\$'), migrate_register('l', E'SELECT \$\$a\\r\\nb\$\$')"),
	'l|l', 'so a file that another system has checked out is the same revision');

# A quote behind a backslash, which the server distrusts in what a client sends
# in such an encoding, and may refuse in general.
my $run = q{
	SELECT migrate_register('q', $$CREATE TABLE q AS SELECT E'it\'s' AS t; INSERT INTO q VALUES (E'\'')$$, 'DROP TABLE q');
	SELECT migrate_upgrade('q');
	SELECT migrate_downgrade('base');
	CALL migrate_deploy('q');
	CALL migrate_revert('base');
	SELECT migrate_register('v', $$VACUUM q; SELECT E'it\'s'; VACUUM$$, '');
	SELECT migrate_unregister('q'), migrate_unregister('v');
};
foreach my $settings ('SET client_encoding = SJIS', 'SET client_encoding = BIG5', 'SET client_encoding = GBK', 'SET backslash_quote = off')
{
	is(said('utf8', "$settings;\n$run"), '', $settings);
}

# An error far behind in a long body is its statement, in the log, too.
my $long = ("SELECT ''" . ('x' x 60) . "'';\n") x 5000;
my $offset = -s $node->logfile;
my $errors = said('utf8', "SELECT migrate_register('g', '${long}SELECT 1/0;\n$long', ''); SELECT migrate_upgrade('g')");
like($errors, qr/statement 5001 at line 5001 of the upgrade of revision "g"/, 'run: where it is');
cmp_ok(length($errors), '<', 1000, 'and no more than that');
$errors = said('utf8', "SELECT migrate_register('b', '${long}SELEC 1;\n$long', '')");
like($errors, qr/line 5001/, 'register: where it is');
cmp_ok(length($errors), '<', 1000, 'and no more than that');
$errors = said('utf8', "SELECT migrate_register_script('-- revision: b\n-- migrate:up\n${long}SELEC 1;\n$long-- migrate:down\nCOMMIT;')");
like($errors, qr/line 5003 .*line 10005 /s, 'script: where they are');
cmp_ok(length($errors), '<', 1000, 'and no more than that');
my $log = substr(slurp_file($node->logfile), $offset);
cmp_ok(length($log), '<', 5000, 'the server log has the statements, and neither bodies nor scripts')
  or diag(substr($log, 0, 3000));

done_testing();
