# pg_migrate, the client: its commands, what it prints and what it exits with.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use MigrateTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('client', 'shared_preload_libraries = migrate', 'migrate.retry_base_delay = 1ms', 'migrate.max_attempts = 2');
my $db = new_database($node, 'app');
my $directory = PostgreSQL::Test::Utils::tempdir();

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = $db;
delete $ENV{PGAPPNAME};

# Runs the client; returns its exit code, its output and its messages.
sub client
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_migrate', @arguments ], '<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return ($? >> 8, $out, $err);
}

# One run, compared: exit code, and patterns of what it printed.
sub client_is
{
	my ($name, $arguments, $code, $out, $err) = @_;
	my @said = client(@$arguments);
	is($said[0], $code, "$name: exit code") or diag(@said[ 1, 2 ]);
	like($said[1], $out, "$name: output");
	like($said[2], $err // qr/^$/, "$name: messages");
	return;
}

# Each option with each command, as docs/pg_migrate.md says which has it: what is
# accepted fails as there is no server.
sub every_option
{
	my $page = slurp_file("$FindBin::RealBin/../docs/pg_migrate.md");
	my ($commands) = $page =~ /^## Commands\n(.*?)^## /ms;
	my ($options) = $page =~ /^## Options\n(.*?)^## /ms;
	my %arguments = (revert => ['base'], wait => ['1'], export => [ PostgreSQL::Test::Utils::tempdir() ], new => ['x']);
	my @commands = map { s/ .*//r } $commands =~ /^\| `(.*?)` \|/mg;
	my $tried = 0;
	my @wrong;
	while ($options =~ /^\| (.*?) \| (.+?) \|/mg)
	{
		my ($names, $of) = ($1, $2);
		next if $names !~ /^`-/ || $names =~ /--(?:help|version|password)`/;
		my %listed = map { $_ => 1 } $of =~ /`(\w+)`/g;
		my $all = $of =~ /^all/;
		foreach my $option ($names =~ /`(--?\w[^`]*)`/g)
		{
			$option =~ s/\[=.*//;
			$option =~ s/=NAME$|=FILE$|=.*N$/=1/;
			my @option = $option =~ /^-[dhpUj]$/ ? ($option, '1') : $option;
			foreach my $command (@commands)
			{
				my $has = $all ? !$listed{$command} : $listed{$command};
				my ($code, undef, $err) = client('-h', '/nowhere', $command, @{ $arguments{$command} // [] },
					@option, $option =~ /timeout/ && $has && $command ne 'wait' ? '--worker' : ());
				my $as_said = $has ? $code == 1 && $err !~ /cannot be used with/ :
				  $code == 2 && $err =~ /error: $command cannot be used with --/;
				push @wrong, "$command @option: $code $err" if !$as_said;
				$tried++;
			}
		}
	}
	is_deeply(\@wrong, [], 'each option with each command') or diag(@wrong);
	cmp_ok($tried, '>', 300, 'which were tried');
	return;
}

# The command line -----------------------------------------------------------

client_is('help', ['--help'], 0, qr/^Usage:\n  pg_migrate \[OPTION\].*^  deploy  \[TARGET\] /ms);
my (undef, $help) = client('--help');
is((grep { length > 80 } split /\n/, $help), 0, 'the help fits into 80 columns');
client_is('version', ['--version'], 0, qr/^pg_migrate \d+\.\d+\.\d+\S*$/);
client_is('no command', [], 2, qr/^$/, qr/no command specified.*--help/s);
client_is('unknown command', ['deplyo'], 2, qr/^$/, qr/unrecognized command "deplyo"/);
client_is('unknown option', [ 'deploy', '--fast' ], 2, qr/^$/, qr/--fast.*--help/s);
client_is('too many arguments', [ 'deploy', 'a', 'b' ], 2, qr/^$/, qr/too many command-line arguments \(first is "b"\)/);
client_is('too few arguments', ['revert'], 2, qr/^$/, qr/revert needs TARGET/);
client_is('a schema where there is none', [ 'plan', '--schema=tenant_1' ], 2, qr/^$/, qr/plan cannot be used with --schema/);
client_is('a timeout without a job', [ 'deploy', '--timeout=1s' ], 2, qr/^$/, qr/deploy cannot be used with --timeout without --worker/);
every_option();
client_is('no server', [ 'status', '-h', '/nowhere' ], 1, qr/^$/, qr/error: connection to server/);
client_is('no extension', [ 'status', '-d', 'postgres' ], 1, qr/^$/,
	qr/database "postgres" does not have the extension migrate.*hint: .*CREATE EXTENSION migrate/s);

# A new file ------------------------------------------------------------------

my @files;
foreach my $message ('Create the account', q{it's "odd": ü/../x})
{
	my ($code, $path, $err) = client('new', $message, '--directory', $directory);
	is($code, 0, "new: $message") or diag($err);
	chomp $path;
	push @files, $path;
	my $text = slurp_file($path);
	like($text, qr/^-- revision: [0-9a-f]{12}\n.*^-- message: \Q$message\E\n-- migrate:up\n\n-- migrate:down\n\n$/ms, 'and its text');
	$text =~ s/(?<=migrate:up\n)/CREATE TABLE account (id int PRIMARY KEY);/ if @files == 1;
	$text =~ s/(?<=migrate:down\n)/DROP TABLE account;/ if @files == 1;
	$node->safe_psql($db, "SELECT migrate_register_script(\$file\$$text\$file\$)");
}
like($files[0], qr{^\Q$directory\E/[0-9a-f]{12}_create_the_account\.sql$}, 'named by its message');
like($files[1], qr{^\Q$directory\E/[0-9a-f]{12}_it_s_odd_x\.sql$}, 'also by an odd one');
like(slurp_file($files[1]), qr/^-- down_revision: [0-9a-f]{12}$/m, 'the head is its down revision');
my ($first, $second) = map { m{/([0-9a-f]{12})_} } @files;
client_is('new, by its id', [ 'new', 'again', '--directory', $directory, '--revision', 'a1', '--parent', $first, '--parent', $second ], 0, qr{^\Q$directory\E/a1_again\.sql$});
like(slurp_file("$directory/a1_again.sql"), qr/^-- down_revision: $first, $second$/m, 'a merge');
client_is('new, there already', [ 'new', 'again', '--directory', $directory, '--revision', 'a1' ], 1, qr/^$/, qr/could not create file ".*a1_again.sql": File exists/);
client_is('new, no directory', [ 'new', 'again', '--directory', "$directory/none" ], 1, qr/^$/, qr/could not create file .*: No such file or directory\n.*hint: Create directory/);
client_is("$_->[0] into a directory without a name", $_, 1, qr/^$/, qr/^pg_migrate: error: the name of the directory is empty$/)
  foreach [ 'new', 'm', '--directory', '' ], [ 'new', '-n', 'm', '--directory', '' ], [ 'export', '' ], [ 'export', '-n', '' ];
client_is('no file without a name', $_, 1, qr/^$/, qr/No such file or directory/)
  foreach [ 'load', '' ], [ 'load', '--directory', '' ], [ 'status', '--targets', '' ];
client_is('new, two lines', [ 'new', "a\n-- migrate:up", '--directory', $directory ], 1, qr/^$/, qr/a message is one line/);

# A file that is not filled in is noticed when it is loaded.
mkdir "$directory/skeleton";
client_is('new, not filled in', [ 'new', 'x', '--directory', "$directory/skeleton", '--revision', 'a1', '--parent=' ], 0, qr/a1_x/);
client_is('is noticed', [ 'load', '-n', "$directory/skeleton" ], 0, qr/ a1 +\| added/, qr/^NOTICE:  1 revision has sections without a statement\nDETAIL:  "a1"\nHINT:  Fill them in before they are deployed/);

# What is written is what is loaded.
my @odd = (
	[ "E'x\\ny'", 'a,b' ],
	[ "E'quoted'", "E'a'" ],
	[ ' in blanks ', '../x/y' ],
	[ q{it's a \\}, '.hidden' ]);
mkdir "$directory/odd";
new_database($node, 'odd');
foreach my $i (0 .. $#odd)
{
	my ($message, $id) = @{ $odd[$i] };
	my $name = ('a,b_e_x_ny', 'E\'a\'_e_quoted', '_._x_y_in_blanks', '_hidden_it_s_a')[$i];
	client_is("new $id", [ 'new', '-d', 'odd', $message, '--directory', "$directory/odd", "--revision=$id" ], 0, qr{^\Q$directory/odd/$name.sql\E$});
	client_is('is loaded', [ 'load', '-q', '-d', 'odd', "$directory/odd" ], 0, qr/\| added/);
	is(sql($node, 'odd', 'SELECT h.revision, h.message FROM migrate_heads() JOIN migrate_history() AS h USING (revision)'), "$id|$message", 'and as it was said');
}
client_is('new, a parent with a comma', [ 'new', '-d', 'odd', 'x', '--directory', "$directory/odd", '--revision=z', '--parent=a,b', "--parent=E'a'" ], 0, qr/z_x.sql/);
like(slurp_file("$directory/odd/z_x.sql"), qr/^-- down_revision: E'a,b', E'E\\'a\\''$/m, 'in quotes');
foreach my $id ('', 'head', 'base', '+1', 'a@b', "a\nb")
{
	client_is("new, no id: $_->[0]", [ 'new', 'x', '--directory', "$directory/odd", @$_ ], 1, qr/^$/, qr/^pg_migrate: error: revision id /)
	  foreach ["--revision=$id"], $id eq '' ? () : ["--parent=$id"];
}
is(scalar(() = glob "$directory/odd/*"), 5, 'which are in no file');

# Runs and questions -----------------------------------------------------------

client_is('plan', ['plan'], 0, qr/ upgrade +\| $first +\| Create the account.* upgrade +\| $second/s);
client_is('dry run', [ 'deploy', '-n' ], 0, qr/ upgrade +\| $first .*\(2 rows\)/s);
client_is('lint', ['lint'], 0, qr/\(\d+ rows?\)/);
client_is('preview', ['preview'], 0, qr/ $first /);
is(sql($node, $db, 'SELECT count(*) FROM migrate_current()'), 0, 'nothing is done');
client_is('deploy', ['deploy'], 0, qr/^$/, qr/upgrade <base> -> $first: Create the account\n.*upgrade $first -> $second/s);
client_is('nothing to do', ['deploy'], 0, qr/^$/, qr/NOTICE/);
client_is('quietly', [ 'deploy', '-q' ], 0, qr/^$/);
client_is('status', ['status'], 0, qr/ $second \| applied .* $first \| applied .*\(2 rows\)/s);
client_is('history', [ 'history', ":$first" ], 0, qr/ $first \| applied .*\(1 row\)/s);
client_is('every column', [ 'history', '-x' ], 0, qr/^-\[ RECORD 1 \].*^branch_labels +\| /ms);
client_is('as a picture', [ 'history', '--graph' ], 0, qr/^\* $second \(head, applied\) .*\n\* $first \(applied\) Create the account\n$/);
client_is('in another language', [ 'history', '--graph=dot' ], 0, qr/^digraph revisions \{\n.*\n\}\n$/s);
client_is('CSV', [ 'history', '--csv' ], 0, qr/^revision,state,kind,message\n/);
client_is('JSON', [ 'history', '--json' ], 0, qr/"revision":"$second"/);
client_is('relative target', [ 'revert', '-1' ], 0, qr/^$/, qr/downgrade $second -> $first/);
client_is('plan of the last downgrade', [ 'plan', '--down' ], 0, qr/ downgrade +\| $first .*\(1 row\)/s);
client_is('plan of a downgrade', [ 'plan', '--down', 'base' ], 0, qr/ downgrade +\| $first /);
client_is('JSON of a run', [ 'deploy', '--json', '-q' ], 0, qr/^\{"exit_code" : 0, "sqlstate" : null, "current" : \["$second"\], "pending" : 0\}$/);
client_is('no such target', [ 'deploy', 'nowhere' ], 1, qr/^$/, qr/\AERROR:  [^\n]*nowhere(?!.*ERROR)/s);

# By a worker
client_is('by a worker', [ 'revert', 'base', '--worker' ], 0, qr/^$/, qr/^job \d+$/m);
is(sql($node, $db, 'SELECT count(*) FROM migrate_current()'), 0, 'and it is done');
my $job = sql($node, $db, 'SELECT migrate_submit()');
client_is('wait', [ 'wait', $job ], 0, qr/^$/);
client_is('wait for nothing', [ 'wait', 'it' ], 1, qr/^$/, qr/\AERROR:  invalid input syntax for type bigint: "it"\n\z/);
client_is('wait for no job', [ 'wait', '4711' ], 1, qr/^$/, qr/ERROR: .*4711/);
is(sql($node, $db, 'SELECT count(*) FROM migrate_current()'), 1, 'the job has run');

# a timeout that is none is found before a job is submitted
my $jobs = 'SELECT count(*) FROM migrate.jobs';
my $submitted = sql($node, $db, $jobs);
client_is("no timeout: $_->[0]", [ @$_, '--timeout=abc' ], 1, qr/^$/, qr/\AERROR:  invalid input syntax for type interval: "abc"\n\z/)
  foreach [ 'deploy', '--worker' ], [ 'revert', 'base', '--worker' ], [ 'wait', $job ];
is(sql($node, $db, $jobs), $submitted, 'and no job is submitted');

# What is not done at the end ----------------------------------------------------

sql($node, $db, <<"SQL");
SELECT migrate_register('c1', 'SELECT 1', 'SELECT 1', '{$second}');
SELECT migrate_register('c2', 'INSERT INTO account VALUES (1), (1)', 'SELECT 1', '{c1}');
SELECT migrate_register('c3', 'CREATE TABLE t (i int); CREATE INDEX CONCURRENTLY t_i ON t (i); SELECT 1/0', 'DROP TABLE t', '{c2}');
SQL
client_is("preview fails: @$_", [ 'preview', @$_ ], 1, qr/failed/, "@$_" =~ /-x/ ? qr/^$/ : qr/WARNING:  "c2" fails in the preview: duplicate key.*\(SQLSTATE 23505\)/)
  foreach [], ['-x'], ['--json'], ['--csv'], [ '-x', '--json' ];
client_is('an error', ['deploy'], 1, qr/^$/, qr/upgrade $second -> c1.*ERROR: .*duplicate key.*DETAIL: .*HINT: /s);
client_is('JSON of an error', [ 'deploy', '--json' ], 1, qr/^\{"exit_code" : 1, "sqlstate" : "23505", "current" : \["c1"\], "pending" : 2\}$/, qr/ERROR: /);
sql($node, $db, q{SELECT migrate_register('c2', 'SELECT 2', 'SELECT 1', '{c1}', replace => true)});
client_is('partial', ['deploy'], 4, qr/^$/, qr/ERROR: .*division by zero/);
client_is('partial, by a worker', [ 'deploy', '--worker' ], 4, qr/^$/, qr/ERROR: .*division by zero/);
# of the schemas that are named, no other one counts
sql($node, $db, 'CREATE SCHEMA tenant_1; CREATE SCHEMA tenantx1; CREATE TABLE tenantx1.account (i int)');
client_is("a partial tenant: $_->[0]", [ 'deploy', '--schema', $_->[0] ], $_->[1], qr/^$/, qr/ERROR: /)
  foreach [ 'tenant_1', 4 ], [ 'nosuch', 1 ], [ 'tenant_*', 4 ], [ 'tenantx1', 1 ], [ 'tenantx*', 1 ];
{
	local $ENV{PGOPTIONS} = '-c standard_conforming_strings=off';
	client_is('a partial tenant, by other strings', [ 'deploy', '--schema', 'tenant_1' ], 4, qr/^$/, qr/ERROR: /);
}
sql($node, $db, q{SET migrate.version_table = 'tenant_1.migrate_version'; SELECT migrate_resolve('c3', 'abandon'); DROP SCHEMA tenant_1, tenantx1 CASCADE});
sql($node, $db, q{SELECT migrate_resolve('c3', 'abandon'); DROP TABLE t; SELECT migrate_unregister('c3');
SELECT migrate_register('d1', 'SELECT 1', 'SELECT 1', '{c2}');
SELECT migrate_register('d2', 'SELECT 1', 'SELECT 1', '{d1}');
SELECT migrate_approve('d1', hash) FROM migrate_show('d1');
ALTER DATABASE app SET migrate.require_approval = on});
client_is('not approved', ['deploy'], 3, qr/^$/, qr/WARNING: .*not approved.*upgrade c2 -> d1/s);
client_is('still not approved', ['deploy'], 3, qr/^$/, qr/ERROR: .*"d2" is not approved/);
sql($node, $db, q{ALTER DATABASE app RESET migrate.require_approval});
sql($node, $db, q{SELECT migrate_register('d3', '', '', '{d2}', external => 'run it')});
client_is('not confirmed', ['deploy'], 3, qr/^$/, qr/WARNING: .*not confirmed.*upgrade d1 -> d2/s);
client_is('still not confirmed', ['deploy'], 3, qr/^$/, qr/ERROR: .*"d3" is not confirmed/);
sql($node, $db, q{SELECT migrate_unregister('d3'); SELECT migrate_downgrade('d1')});
client_is('check', ['check'], 0, qr/^ok - one head\nok - lint\nok - verify\nok - round trip\n$/);
sql($node, $db, q{SELECT migrate_register('e1', 'ALTER TABLE account ADD COLUMN j int', 'SELECT 1', '{d1}')});
client_is('check finds', ['check'], 1, qr/^not ok - one head\n.* e1 .*^ok - lint$/ms);
client_is('new with two heads', [ 'new', 'again', '--directory', $directory ], 1, qr/^$/, qr/there are 2 heads.*--parent/s);
client_is('check of one', [ 'check', 'e1' ], 1, qr/^not ok - round trip\n.*column/ms);

sql($node, $db, q{SELECT migrate_register('e1', 'CREATE TABLE linted (t timestamp)', 'DROP TABLE linted', '{d1}', replace => true)});
client_is('check says what lint warns of', [ 'check', 'e1' ], 1, qr/^ok - lint: 2 notices$/m);

# Files ------------------------------------------------------------------------------

my $history = "$directory/history";
new_database($node, 'files');
mkdir $history;
mkdir "$history/later";
append_to_file("$history/1.sql", "-- revision: a1\n-- message: one\n-- migrate:up\nCREATE TABLE a (i int);\n-- migrate:down\nDROP TABLE a;\n");
append_to_file("$history/later/2.sql", "\x{ef}\x{bb}\x{bf}-- revision: a2\r\n-- down_revision: a1\r\n-- migrate:up\r\nSELECT 'it''s {\"\\}';");
append_to_file("$history/.3.sql", 'hidden');
append_to_file("$history/README", 'not SQL');
my @load = ('load', '-d', 'files');
client_is('load, dry run', [ @load, '-n', $history ], 0, qr{ \Q$history\E/1.sql +\| a1 +\| added\n});
client_is('load, JSON', [ @load, '--json', $history ], 0, qr{"path":"\Q$history\E/later/2.sql","revision":"a2","result":"added"});
client_is('load again', [ @load, '--directory', $history ], 0, qr/^$/, qr/^nothing to do, what the files hold is registered$/);
client_is('load again, quietly', [ @load, '-q', $history ], 0, qr/^$/, qr/^$/);
client_is('load again, JSON', [ @load, '--json', $history ], 0, qr/^\[\]$/, qr/^$/);
client_is('load again, with details', [ @load, '-x', '--csv', $history ], 0, qr{^path,revision,result\n.*2.sql,a2,unchanged\n}s);
client_is('deploy what was loaded', [ 'deploy', '-d', 'files' ], 0, qr/^$/, qr/done: 2 of 2/);
append_to_file("$history/4.sql", "-- revision: a4\n-- down_revision: a2\n-- migrate:up\nSELECT 4;\n");
client_is('load one file', [ @load, "$history/4.sql" ], 0, qr/ a4 +\| added/);
append_to_file("$history/4.sql", "SELECT 5;\n");
client_is('a changed file', [ @load, "$history/4.sql" ], 1, qr/^$/, qr/ERROR: .*a4.*hint: For replace => true, say --replace/s);
mkdir "$history.mixed";
append_to_file("$history.mixed/1_a.sql", "-- migrate:up\nSELECT 1;\n");
append_to_file("$history.mixed/2_b.sql", "-- +goose Up\nSELECT 2;\n");
client_is('files of two formats', [ @load, "$history.mixed" ], 1, qr/^$/, qr{dbmate \("\Q$history\E.mixed/1_a.sql"\), goose \("\Q$history\E.mixed/2_b.sql"\).*HINT:  Register the files of each format by themselves.*hint: For the argument "format", say --format}s);
foreach my $tool (qw(goose node-pg-migrate))
{
	my $mark = $tool eq 'goose' ? '-- +goose Up' : '-- Up Migration';
	mkdir "$history.$tool";
	append_to_file("$history.$tool/1_a.sql", "$mark\nSELECT 1;\n");
	client_is("new, among files of $tool", [ 'new', @$_, 'x', '--parent=', '--directory', "$history.$tool" ], 1, qr/^$/,
		qr{error: no file in "\Q$history.$tool\E" has a revision of this format\n.*detail: File ".*/1_a\.sql" has no line "-- revision: ID".*\n.*hint: .*--directory})
	  foreach [], ['-n'];
	is(join(' ', glob "$history.$tool/*"), "$history.$tool/1_a.sql", 'writes nothing');
}
append_to_file("$history.goose/r.sql", "-- repeatable: r\nSELECT 1;\n");
client_is('new, beside one of its own', [ 'new', '-n', 'x', '--parent=', '--directory', "$history.goose" ], 0, qr{/[0-9a-f]{12}_x\.sql\n$});
client_is('a changed file replaces', [ @load, "$history/4.sql", '--replace' ], 0, qr/ a4 +\| replaced/);
unlink "$history/4.sql";
client_is('a file that is gone', [ @load, '--prune', $history ], 0, qr/ a4 +\| removed/);
append_to_file("$history/5.sql", "-- revision: a5\n-- down_revision: a2\n-- migrate:up\nSELEC 5;\n");
client_is('a syntax error', [ @load, $history ], 1, qr/^$/, qr{ERROR: .*SELEC.*line 4 of file "\Q$history\E/5.sql"}s);
append_to_file("$history/5.sql", "\0");
client_is('a null byte', [ @load, $history ], 1, qr/^$/, qr/5.sql" contains a null byte/);
unlink "$history/5.sql";
client_is('no such format', [ @load, '--format', 'x', $history ], 1, qr/^$/, qr/ERROR: .*format "x"/);
client_is('no such file', [ @load, "$history/none" ], 1, qr/^$/, qr/could not stat/);
# in the order of bytes, which is also that of changesets
mkdir "$directory/order";
mkdir "$directory/order/b";
append_to_file("$directory/order/$_.sql", "--liquibase formatted sql\n--changeset x:$_\nSELECT 1;\n") foreach qw(a B b/c b-d b);
new_database($node, 'order');
client_is('the order of files', [ 'load', '-d', 'order', '--csv', "$directory/order" ], 0, qr{\n[^\n]*,x_B,added\n[^\n]*,x_a,added\n[^\n]*,x_b_d,added\n[^\n]*,x_b,added\n[^\n]*,x_b/c,added\n$});
# Out again: into an empty directory, into the one that they are from, and where
# a file was changed
my @export = ('export', '-d', 'files');
my $out_directory = "$directory/out";
client_is('export, dry run', [ @export, '-n', $out_directory ], 0, qr{^\Q$out_directory\E/000001_a1_one.sql\n\Q$out_directory\E/000002_a2.sql\n$});
ok(!-e $out_directory, 'writes nothing');
client_is('export', [ @export, $out_directory ], 0, qr{^\Q$out_directory\E/000001_a1_one.sql\n\Q$out_directory\E/000002_a2.sql\n$});
is(slurp_file("$out_directory/000001_a1_one.sql"), "-- revision: a1\n-- message: one\n-- migrate:up\nCREATE TABLE a (i int);\n-- migrate:down\nDROP TABLE a;\n", 'a file');
is(slurp_file("$out_directory/000002_a2.sql"), "-- revision: a2\n-- down_revision: a1\n-- migrate:up\nSELECT 'it''s {\"\\}';\n", 'another one');
client_is('export again', [ @export, $out_directory ], 0, qr/^$/);
new_database($node, 'again');
client_is('load what was exported', [ 'load', '-d', 'again', '--csv', $out_directory ], 0, qr{_a1_one.sql,a1,added\n.*,a2,added\n}s);
is(sql($node, 'again', q{SELECT hash FROM migrate_show('a2')}), sql($node, 'files', q{SELECT hash FROM migrate_show('a2')}), 'and it is the same');
append_to_file("$out_directory/000002_a2.sql", "SELECT 2;\n");
unlink "$out_directory/000001_a1_one.sql";
client_is('export, a changed file', [ @export, $out_directory ], 1, qr/^$/, qr/"\Q$out_directory\E\/000002_a2.sql" is there with another content.*hint: Nothing is written.*--replace/s);
ok(!-e "$out_directory/000001_a1_one.sql", 'writes nothing');
client_is('export, a range', [ @export, $out_directory, ':a1' ], 0, qr{^\S*/000001_a1_one.sql\n$});
client_is('export, --replace', [ @export, '--replace', '-q', $out_directory ], 0, qr/^$/);
unlike(slurp_file("$out_directory/000002_a2.sql"), qr/SELECT 2/, 'it is replaced');
client_is('export into the files it is from', [ @export, '--replace', $history ], 1, qr/^$/,
	qr{revision of file "000001_a1_one.sql" is in file "\Q$history\E/1.sql"\n.*"000002_a2.sql" is in file "\Q$history\E/later/2.sql"}s);
client_is('export, no directory', [ @export, "$directory/none/out" ], 1, qr/^$/, qr/could not create directory/);
client_is('export in another format', [ @export, '--format', 'goose', $out_directory ], 1, qr/^$/, qr/ERROR: .*format "goose"/);
# A server does not choose where a file is written.
$node->safe_psql('again', q{DROP EXTENSION migrate; CREATE SCHEMA fake; CREATE EXTENSION migrate SCHEMA fake; ALTER FUNCTION fake.migrate_export RENAME TO x;
	CREATE FUNCTION fake.migrate_export(text, text) RETURNS TABLE (path text, content text) LANGUAGE sql AS $$ VALUES ('../stolen.sql', '') $$});
client_is('export from a hostile server', [ 'export', '-d', 'again', $out_directory ], 1, qr/^$/, qr{the server has named a file "../stolen.sql"});

mkdir "$directory/latin1";
append_to_file("$directory/latin1/1.sql", "-- revision: l1\n-- down_revision:\n-- migrate:up\nSELECT 'caf\xe9';\n-- migrate:down\n");
client_is('a file in another encoding', [ @load, "$directory/latin1" ], 1, qr/^$/, qr{line 4 of file ".*/latin1/1.sql": file is not valid in encoding "UTF8"\n.*PGCLIENTENCODING});
{
	local $ENV{PGCLIENTENCODING} = 'LATIN1';
	client_is('its encoding is said', [ @load, '-n', "$directory/latin1" ], 0, qr/l1/);
}
mkdir "$directory/nothing";
client_is('no files', [ @load, "$directory/nothing" ], 1, qr/^$/, qr{there are no files in ".*/nothing"});

mkdir "$directory/bases";
append_to_file("$directory/bases/1.sql", "-- revision: a6\n-- migrate:up\nSELECT 6;\n\n-- revision: a7\n-- migrate:up\nSELECT 7;\n");
client_is('a warning that names an argument', [ @load, '-n', "$directory/bases" ], 0, qr/ a7 +\| added/, qr/^WARNING: .*with replace => true.*^pg_migrate: hint: For replace => true, say --replace\.$/ms);
# Another schema, another role -----------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{CREATE SCHEMA "the API"; CREATE EXTENSION migrate SCHEMA "the API"; CREATE ROLE low LOGIN});
client_is('functions in another schema', [ 'deploy', '-d', 'other' ], 0, qr/^$/, qr/NOTICE/);
client_is('a role without rights', [ 'deploy', '-d', 'other', '-U', 'low' ], 1, qr/^$/, qr/ERROR:  permission denied for schema the API.*\nHINT:  To grant it:\nGRANT USAGE ON SCHEMA "the API" TO low;\nGRANT EXECUTE ON PROCEDURE "the API".migrate_deploy TO low;\n$/s);
client_is('without a view', [ 'status', '-d', 'other', '-U', 'low' ], 1, qr/^$/, qr/ERROR:  permission denied for schema migrate.*\nHINT:  To grant it:\nGRANT USAGE ON SCHEMA migrate TO low;\nGRANT SELECT ON migrate.status TO low;\n$/s);

# A search_path that the database's owner has set: nothing of it is run.
$node->safe_psql('other', <<'SQL');
CREATE SCHEMA evil;
CREATE DOMAIN evil.json AS pg_catalog.json CHECK (false);
DO $do$
DECLARE
	args text;
	op text;
BEGIN
	FOREACH args IN ARRAY '{text|text,oid|oid,name|name,bigint|integer,integer|integer}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION evil.trap(%1$s, %2$s) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION ''trap''; END $$',
			VARIADIC string_to_array(args, '|'));
		FOREACH op IN ARRAY '{=,<>}'::text[] LOOP
			EXECUTE format('CREATE OPERATOR evil.%3$s (FUNCTION = evil.trap, LEFTARG = %1$s, RIGHTARG = %2$s)',
				VARIADIC string_to_array(args, '|') || op);
		END LOOP;
	END LOOP;
END $do$;
SQL
{
	local $ENV{PGOPTIONS} = '-c search_path=evil,pg_catalog';
	client_is("in front of pg_catalog: @$_", [ @$_, '-d', 'other' ], 0, qr/./s, qr/^(?!.*trap)/s)
	  foreach ['history'], [ 'status', '--json' ], ['lint'], ['verify'], [ 'deploy', '--json' ], [ 'load', '-n', "$history/1.sql" ];
}

# Verify bodies ---------------------------------------------------------------------

$node->safe_psql('other', q{SELECT "the API".migrate_register('v1', 'CREATE TABLE v (i int)', verify => 'SELECT count(*) = 0 FROM v'); CALL "the API".migrate_deploy()});
client_is('verify', [ 'verify', '-d', 'other' ], 0, qr/ v1 +\| passed/);
$node->safe_psql('other', 'INSERT INTO v VALUES (1)');
client_is('verify fails', [ 'verify', '-d', 'other' ], 1, qr/ v1 +\| failed/);
client_is('check fails, too', [ 'check', '-d', 'other' ], 1, qr/^not ok - verify\n.* v1 /ms);

# Several databases ------------------------------------------------------------------

new_database($node, "db $_") foreach 1 .. 3;
sql($node, "db $_", q{SELECT migrate_register('a', 'CREATE TABLE a (i int)', 'DROP TABLE a')}) foreach 1 .. 3;
sql($node, 'db 2', 'CREATE TABLE a (j int)');
my $targets = "$directory/targets";
append_to_file($targets, "# three\n\ndb 1\ndbname='db 2'\ndb 3\n");
client_is('several databases', [ '--targets', $targets, '-j', '2', 'deploy' ], 1,
	qr/^==> dbname='db 2'\n.*ERROR: .*already exists.* db 1 +\| done +\| +\d+\n dbname='db 2' \| failed +\| +\d+\n db 3 +\| done/ms);
is(sql($node, "db $_", 'SELECT count(*) FROM migrate_current()'), $_ == 2 ? 0 : 1, "db $_") foreach 1 .. 3;
client_is('several, nothing to do', [ "--targets=$targets", '-j3', 'plan' ], 0, qr/ db 3 +\| done/);
client_is('no file of targets', [ '--targets', "$directory/none", 'plan' ], 1, qr/^$/, qr/could not open file/);
append_to_file("$directory/secret", "dbname='db 1' password='s e c r e t' connect_timeout=60\nnone\n");
client_is('a password is not shown', [ '--targets', "$directory/secret", 'plan' ], 1,
	qr/\A(?!.*s e c r e t)(?=.*^==> connect_timeout=60 dbname='db 1'\n).*^ none +\| failed/ms);
client_is('an option that is cut', [ "--target=$targets", 'plan' ], 0, qr/\A(?:(?!==> db 1\n).)*==> db 1\n(?:(?!==> db 1\n).)* db 3 +\| done/s);
# What a line does not say, -d says.
append_to_file("$directory/hosts", join("\n", 'host=' . $node->host, "port=$ENV{PGPORT} dbname='db 3'", 'service=two', 'service=none', 'db 3', ''));
append_to_file("$directory/services", "[two]\ndbname=db 2\n[none]\nport=$ENV{PGPORT}\n[three]\ndbname=db 3\n");
sql($node, "db $_", "SELECT migrate_register('in_$_', '', '', '{a}')") foreach 1 .. 3;
{
	local @ENV{qw(PGSERVICEFILE PGDATABASE)} = ("$directory/services", 'nowhere');
	foreach my $case (
		[ 'db 1' => 'in_1 in_3 in_2 in_1 in_3' ],
		[ "dbname='db 1' hostaddr=nowhere" => 'in_1 nowhere nowhere nowhere nowhere' ],
		[ 'service=three' => 'in_3 in_3 in_2 nowhere in_3' ],
		[ "host=/nowhere dbname='db 1'" => 'in_1 nowhere nowhere nowhere nowhere' ],
		[ 'postgresql:///db%201' => 'in_1 in_3 in_2 in_1 in_3' ],
		[ 'host /nowhere=' => join(' ', ('missing "="') x 5) ])
	{
		my (undef, $out) = client('--targets', "$directory/hosts", 'status', '--csv', '-d', $case->[0]);
		my @found = map { /(in_\d|nowhere|missing "=")/ ? $1 : $_ } split /^==> .*\n/m, $out;
		is("@found[1 .. 5]", $case->[1], "of several, -d $case->[0]") or diag($out);
	}
}
sql($node, "db $_", "SELECT migrate_unregister('in_$_')") foreach 1 .. 3;
append_to_file("$directory/empty", "#\n");
client_is('no target', [ '--targets', "$directory/empty", 'plan' ], 1, qr/^$/, qr/names no database/);

# What runs elsewhere is in no command line; Ctrl-C ends all of it.
SKIP:
{
	skip 'no directory /proc', 4 if !-d '/proc/self';
	sql($node, 'db 3', q{SELECT migrate_register('z', 'SELECT pg_sleep(3600)', 'SELECT 1', '{a}')});
	append_to_file("$directory/long", "dbname='db 3' password=hidden\ndb 1\n");
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ 'pg_migrate', 'deploy', '--targets', "$directory/long" ], '<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	wait_until($node, 'db 3', q{EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_migrate' AND wait_event = 'PgSleep')});
	my ($parent) = map { $_->{PID} } @{ $run->{KIDS} };
	my @children = grep { (eval { slurp_file("/proc/$_/stat") } // '') =~ /\) . $parent / } map { m{/proc/(\d+)/stat} && -r $_ ? $1 : () } glob '/proc/[0-9]*/stat';
	is(scalar @children, 1, 'a process for a database');
	unlike(slurp_file("/proc/$children[0]/cmdline"), qr/hidden/, 'shows no password');
	kill 'INT', $parent, @children;
	$run->finish;
	is($run->full_result >> 8, 1, 'Ctrl-C: exit code');
	like($out, qr/canceling statement due to user request.* db 1 +\| not started/s, 'Ctrl-C: the rest is not started');
}

# Output that cannot be written ------------------------------------------------------

# more than stdio holds back
sql($node, 'db 1', q{SELECT migrate_register('long', '', '', '{a}', message => repeat('long ', 10000))});
foreach my $lost ([ '>&-', 'Bad file descriptor' ], [ '>/dev/full', 'No space left on device' ])
{
	my ($to, $why) = @$lost;
SKIP:
	{
		skip 'no file /dev/full', 23 if $to =~ /full/ && !-e '/dev/full';
		foreach my $arguments ('status', 'status --json', 'history --graph', 'lint d1', 'deploy d1 --json', 'check e1', "export -d files -n $directory/lost",
			"plan --targets $targets -j2", "history -d 'db 1'", '--help', '--version')
		{
			my $said = qx(pg_migrate $arguments 2>&1 $to);
			is($? >> 8, 1, "$arguments $to: exit code");
			like($said, qr/^pg_migrate: error: could not write to standard output: $why\n\z/m, 'and message');
		}
		is(system("pg_migrate deploy d1 -q $to"), 0, "nothing to write $to");
	}
}

# On a terminal ------------------------------------------------------------------------

sql($node, $db, q{SELECT migrate_register('f1', 'SELECT pg_sleep(2)', 'SELECT 1', '{d2}', message => 'wait for it');
SELECT migrate_register('f2', 'SELECT pg_sleep(0)', 'SELECT 1', '{f1}');
SELECT migrate_register('f3', 'SELECT pg_sleep(3600)', 'SELECT 1', '{f2}')});
SKIP:
{
	skip 'no program script, or no terminal for it', 3 if system('script -qec true /dev/null >/dev/null 2>&1 </dev/null') != 0;
	my $typescript = "$directory/typescript";
	system_or_bail('script', '-qec', 'stty cols 60; pg_migrate deploy f2', $typescript);
	my $seen = slurp_file($typescript);
	like($seen, qr/\r\[#{6}\.{14}\]  33 %  2 of 3  f1  00:00:0\d\e\[K/, 'a bar');
	like($seen, qr/\e\[KNOTICE:  upgrade f1 -> f2/, 'is erased before a notice');
	unlike($seen, qr/\[[#.]{20}\][^\e\r\n]{40,}/, 'and fits into the width of the terminal');
}
# Where there is no terminal it was not.
sql($node, $db, q{SELECT migrate_upgrade('f2')});

# Ctrl-C
my ($out, $err) = ('', '');
my $run = IPC::Run::start([ 'pg_migrate', 'deploy', 'f3' ], '<', \undef, '>', \$out, '2>', \$err,
	IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
wait_until($node, $db, q{EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_migrate' AND wait_event = 'PgSleep')});
$run->signal('INT');
$run->finish;
is($run->full_result >> 8, 1, 'Ctrl-C: exit code');
like($err, qr/Cancel request sent.*ERROR: .*canceling statement due to user request.*database is at "f2"/s, 'Ctrl-C: messages');

# The connection is lost
$run = IPC::Run::start([ 'pg_migrate', 'deploy', 'f3' ], '<', \undef, '>', \$out, '2>', \$err,
	IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$err = '';
wait_until($node, $db, q{EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_migrate' AND wait_event = 'PgSleep')});
sql($node, $db, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_migrate'});
$run->finish;
is($run->full_result >> 8, 1, 'terminated: exit code');
like($err, qr/terminating connection due to administrator command.*hint: .*The same command continues from there/s, 'terminated: messages');

# the same in the middle of a statement that cannot run inside a transaction block
sql($node, $db, q{SELECT migrate_unregister('f3');
CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN $1; END $$;
INSERT INTO account VALUES (7);
SELECT migrate_register('f4', 'CREATE INDEX CONCURRENTLY account_slow ON account (slow(id))', 'SELECT 1', '{f2}')});
$err = '';
$run = IPC::Run::start([ 'pg_migrate', 'deploy', '+1' ], '<', \undef, '>', \$out, '2>', \$err,
	IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
wait_until($node, $db, q{EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_migrate' AND wait_event = 'PgSleep')});
sql($node, $db, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_migrate'});
$run->finish;
is($run->full_result >> 8, 4, 'terminated, and partial: exit code');
like($err, qr/server closed the connection.*hint: .*To see how: pg_migrate status -x$/s, 'and what to do after a target that counts');
client_is('what is partial', ['status'], 0, qr/ f4 +\| partial /);

# What another run is working on is not partial for who only found the lock, nor for
# who has not waited for the job.
{
	local $ENV{PGOPTIONS} = '-c migrate.lock_wait=300ms';
	$run = IPC::Run::start([ 'pg_migrate', 'deploy', 'f4' ], '<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $building = q{EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_migrate' AND wait_event = 'PgSleep')};
	wait_until($node, $db, $building);
	client_is('another run is at work', [ 'deploy', 'f4' ], 1, qr/^$/, qr/ERROR:  could not lock "migrate.version" within/);
	sql($node, $db, q{SELECT pg_terminate_backend(pid) FROM migrate.status_details WHERE pid IS NOT NULL});
	$run->finish;
	is($run->full_result >> 8, 4, 'and is partial when it has ended');
	client_is('a job that goes on', [ 'deploy', 'f4', '--worker', '--timeout=2s' ], 1, qr/^$/, qr/ERROR: .*job \d+/s);
	is(sql($node, $db, q{SELECT count(*) FROM migrate.jobs WHERE state = 'running'}), 1, 'it does');
	sql($node, $db, q{SELECT migrate_cancel(job) FROM migrate.jobs WHERE state = 'running'});
	wait_until($node, $db, q{NOT EXISTS (SELECT FROM migrate.jobs WHERE state = 'running')});
	client_is('without it', [ 'wait', sql($node, $db, 'SELECT max(job) FROM migrate.jobs') ], 4, qr/^$/, qr/ERROR: /);
}

done_testing();
