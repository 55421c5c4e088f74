# A library that was built for PostgreSQL says so where YugabyteDB loads it, before it
# does anything: by LOAD, by CREATE EXTENSION, and when it is preloaded.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('yugabytedb_build');
$node->init;

my $refusal = <<'END';
ERROR:  library "migrate" was built for PostgreSQL, but this server is YugabyteDB
DETAIL:  It would take each statement for another one. Nothing was loaded or changed.
HINT:  Build it with "make PG_CONFIG=DIRECTORY/postgres/bin/pg_config install", where DIRECTORY is that of YugabyteDB, and install it on every node; see docs/yugabytedb.md.
END
chomp $refusal;

# What tells YugabyteDB's postgres that it is that.
{
	local $ENV{YB_ENABLED_IN_POSTGRES} = '1';
	$node->start;
	foreach my $command ("LOAD 'migrate'", 'CREATE EXTENSION migrate')
	{
		my ($rc, $out, $errors) = $node->psql('postgres', $command);
		like($errors, qr/^psql:<stdin>:1: \Q$refusal\E/, $command);
	}
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_extension WHERE extname = 'migrate'"), '0', 'no trace');
	$node->stop;

	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'migrate'");
	ok(!$node->start(fail_ok => 1), 'preloaded: the server does not start');
	like(slurp_file($node->logfile), qr/FATAL:  library "migrate" was built for PostgreSQL/, 'and says why');
}

# "0" is what its tools set where it is to be PostgreSQL.
{
	local $ENV{YB_ENABLED_IN_POSTGRES} = '0';
	$node->start;
	is($node->safe_psql('postgres', 'CREATE EXTENSION migrate; SELECT count(*) FROM migrate_heads()'), '0', 'another server loads it');
	$node->stop;
}
done_testing();
