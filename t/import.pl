# Files of real folders: a directory of the server, read with the caller's rights,
# and a bundle that a shell has made; byte order marks, line ends, encodings.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('import');
my $db = 'app';
$node->safe_psql('postgres', "CREATE DATABASE $db");
$node->safe_psql($db, 'CREATE EXTENSION migrate; CREATE ROLE author LOGIN; CREATE ROLE clerk LOGIN');
$node->safe_psql($db, 'GRANT EXECUTE ON FUNCTION migrate_register_directory, migrate_register_bundle TO author, clerk');

my $root = PostgreSQL::Test::Utils::tempdir();

sub put
{
	my ($path, $text) = @_;
	return write_file("$root/$path", $text);
}

sub register
{
	my ($directory, $arguments, $role) = @_;
	my $set = $role ? "SET ROLE $role; " : '';
	my ($status, $output, $errors) = $node->psql($db, "${set}SELECT * FROM migrate_register_directory('$root/$directory'" . ($arguments // '') . ')');
	return ($output, $errors);
}

# A directory with folders: order, what is left out, what a byte order mark, line
# ends and a missing last one do.
put('goose/00001_one.sql', "\xEF\xBB\xBF-- +goose Up\r\nCREATE TABLE one (i int);\r\n-- +goose Down\r\nDROP TABLE one;");
put('goose/00002_two.sql', "-- +goose Up\nSELECT 'm\xC3\xA4use';");
put('goose/sub/00003_three.sql', "-- +goose Up\n");
put('goose/README.md', "\xFF\xFE no text");
put('goose/seed.sql', 'SELECT 1');
put('goose/.git/00004_hidden.sql', 'no');
put('goose/.hidden.sql', 'no');
my ($output, $errors) = register('goose');
is($output, "00001_one.sql|00001|added\n00002_two.sql|00002|added\nsub/00003_three.sql|00003|added", 'a directory');
like($errors, qr/NOTICE:  1 file is no migration of format "goose" and is left out\nDETAIL:  seed.sql\n?/, 'and what is left out of it');
is(sql($node, $db, 'SELECT string_agg(down_revision::text, NULL ORDER BY revision) FROM migrate.revision'), '{}{00001}{00002}', 'a chain');
is(sql($node, $db, "SELECT upgrade FROM migrate.revision WHERE revision = '00002'"), "SELECT 'm\xC3\xA4use';", 'a text of UTF-8');
sql($node, $db, 'CALL migrate_deploy(); CALL migrate_deploy()');

# Everything that is wrong at once.
put('goose/00001_one.sql', "-- +goose Up\nCREATE TABLE one (i bigint);\n");
put('goose/00002_two.sql', "-- +goose Up\nSELECT 1;\nSELECT 'm\xE4use';");
put('goose/00005_five.sql', "-- +goose Up\n\nSELEC 5;\n");
put('goose/00006_six.go', 'package migrations');
($output, $errors) = register('goose', ', replace => true');
is($errors =~ s/^.*ERROR:.*?(?=DETAIL)//sr =~ s/\nHINT.*//sr, <<'END' =~ s/\n\z//r, 'all errors, with file and line');
DETAIL:  line 1 of file "00001_one.sql": cannot replace or unregister revision "00001" because it is applied. The upgrade bodies differ. It is applied according to version table "migrate.version". Restore it, or its file, as migrate_show('00001') shows it, and register the change as a new revision. Or downgrade it first.
line 3 of file "00002_two.sql": file is not valid in encoding "UTF8". If it has another one, name it: options => '{"encoding": "LATIN1"}'.
line 3 of file "00005_five.sql", upgrade body of revision "00005": syntax error at or near "SELEC"
line 1 of file "00006_six.go": version "00006" is a program. Give a file of that version with SQL that does the same instead, or with none where it is done elsewhere. Or make a run stop before each program until it is confirmed that it has run: options => '{"external_programs": true}'.
END
unlink "$root/goose/00006_six.go", "$root/goose/00005_five.sql";
put('goose/00001_one.sql', "-- +goose Up\nCREATE TABLE one (i int);\n-- +goose Down\nDROP TABLE one;\n");
put('goose/00002_two.sql', "-- +goose Up\nSELECT 'm\xE4use';");
($output, $errors) = register('goose', q(, options => '{"encoding": "LATIN1"}'));
like($output, qr/^00002_two.sql\|00002\|unchanged$/m, 'the same text in another encoding');
($output, $errors) = register('goose', q(, options => '{"encoding": "nosuch"}'));
like($errors, qr/encoding "nosuch" does not exist/, 'an encoding that there is not');

# Rights: the server's own functions decide.
($output, $errors) = register('goose', '', 'clerk');
like($errors, qr/permission denied for function pg_ls_dir/, 'no right to call them');
unlike($errors, qr/RECURSIVE/, 'and no statement of ours is shown');
sql($node, $db, 'GRANT EXECUTE ON FUNCTION pg_ls_dir(text), pg_stat_file(text), pg_read_binary_file(text) TO author, clerk');
($output, $errors) = register('goose', '', 'clerk');
like($errors, qr/absolute path not allowed|permission denied/, 'no right to read there');
sql($node, $db, 'GRANT pg_read_server_files TO author');
put('goose/00007_seven.sql', "-- +goose Up\n");
put('goose/00002_two.sql', "-- +goose Up\nSELECT 'm\xC3\xA4use';");
($output, $errors) = register('goose', '', 'author');
like($output, qr/^00007_seven.sql\|00007\|added$/m, 'by a role that may');
is(sql($node, $db, "SELECT registered_by FROM migrate.revision WHERE revision = '00007'"), 'author', 'whose revision it is');

# What is no directory, and one that never ends.
($output, $errors) = register('nosuch');
like($errors, qr/could not open directory ".*nosuch": No such file or directory/, 'no directory');
mkdir "$root/loop";
symlink "$root/loop", "$root/loop/again";
($output, $errors) = register('loop');
like($errors, qr/nested too deeply/, 'a link to a folder above');
put("odd/1_\xE4.sql", '');
($output, $errors) = register('odd');
like($errors, qr/name of file "1_\?.sql" is not valid in encoding "UTF8"/, 'a name that is no text');
# Of our own format a file may hold several revisions, and be a bundle.
put('mixed/all.sql', "-- file: x/1.sql\n-- revision: x1\n-- down_revision:\n-- revision: x2\n-- down_revision: x1\n-- file: x/3.sql\n-- revision: x3\n-- down_revision: x2\n");
put('mixed/plan.conf', 'a = b');
put('mixed/schema.sql', "-- nothing\n");
($output, $errors) = register('mixed');
is($output, "x/1.sql|x1|added\nx/1.sql|x2|added\nx/3.sql|x3|added", 'a bundle among the files');
is($errors =~ s/^.*?DETAIL/DETAIL/sr, 'DETAIL:  schema.sql', 'what holds no revision');
mkdir "$root/empty";
($output, $errors) = register('empty');
like($errors, qr/format of the files is not recognized\nDETAIL:  There are no files/, 'an empty one');

# Files beside those with SQL are read, too.
sub is_transactional
{
	return sql($node, $db, "SELECT upgrade_transactional FROM migrate.revision WHERE revision = '$_[0]'");
}
put('flyway/V91__a.sql', 'SELECT 1');
put('flyway/V91__a.sql.conf', "executeInTransaction=false\r\n");
($output, $errors) = register('flyway');
is("$output $errors", 'V91__a.sql|91|added ', 'a directory of Flyway');
is(is_transactional('91'), 'f', 'and a setting');
put('diesel/2024-01-31-120000_a/up.sql', 'SELECT 2');
put('diesel/2024-01-31-120000_a/metadata.toml', "\xEF\xBB\xBFrun_in_transaction = false");
($output, $errors) = register('diesel');
is("$output $errors", '2024-01-31-120000_a/up.sql|20240131120000|added ', 'a directory of diesel');
is(is_transactional('20240131120000'), 'f', 'and a setting');

# A bundle as docs/moving-in.md makes it, of files without a last line end.
sql($node, $db, 'DROP TABLE one; DELETE FROM migrate.version; DELETE FROM migrate.revision; DELETE FROM migrate.log');
put('own/0001_a.sql', "\xEF\xBB\xBF-- revision: a1\r\n-- migrate:up\r\nCREATE TABLE a (i int);\r\n-- migrate:down\r\nDROP TABLE a;");
put('own/0002_b.sql', "\xEF\xBB\xBF\n-- revision: b2\n-- down_revision: a1\n-- migrate:up\nCREATE TABLE b (i int);");
put('own/0003_c.sql', '');
my $script = <<'END';
\set bundle `cd $ROOT && awk 'FNR==1{print "-- file: " FILENAME} 1' own/*.sql`
SELECT * FROM migrate_register_bundle(:'bundle', replace => true, prune => true);
END
sub bundle
{
	local $ENV{ROOT} = $root;
	my ($status, $output, $errors) = $node->psql($db, $script);
	return ($output, $errors);
}
($output, $errors) = bundle();
is($output, "own/0001_a.sql|a1|added\nown/0002_b.sql|b2|added", 'a bundle');
put('own/0002_b.sql', "-- revision: b2\n-- down_revision: a1\n-- migrate:up\nCREATE TABLE b (i int);\n-- migrate:dwon\nDROP TABLE b;");
put('own/0003_c.sql', "-- revision: c3\n-- down_revision: b2\n-- migrate:up\nSELECT 'open;\n");
put('own/0004_d.sql', "-- revision: d4\n-- down_revision: c3\n-- migrate:up\nSELECT 1 1;\n");
($output, $errors) = bundle();
is($errors =~ s/^.*?(?=DETAIL)//sr =~ s/\nHINT.*//sr, <<'END' =~ s/\n\z//r, 'its errors');
DETAIL:  line 5 of file "own/0002_b.sql": comment "-- migrate:dwon" looks like a section line. What follows it would be run as part of the upgrade. Write "-- migrate:down" to begin the downgrade, or remove the comment.
line 4 of file "own/0003_c.sql": unterminated quoted string at or near "'open; "
line 4 of file "own/0004_d.sql", upgrade body of revision "d4": syntax error at or near "1"
END

$node->stop;
done_testing();
