# A body that calls this extension over a connection of its own: the run in
# there waits for the run around it, once, and its error is not taken for one
# that passes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MigrateTest;
use Test::More;

my $node = new_node('nested');
my $db = new_database($node, 'app');
sql($node, $db, <<'SQL');
CREATE EXTENSION dblink;
CREATE SEQUENCE attempts;
CREATE FUNCTION elsewhere(command text) RETURNS text LANGUAGE sql AS $$
  SELECT dblink('dbname=' || current_database() || ' port=' || current_setting('port')
      || ' host=' || split_part(current_setting('unix_socket_directories'), ',', 1),
    command, true)::text
$$;
SQL

# How often a body that says so over dblink is run, by a function and a CALL.
sub attempts
{
	my ($name, $body, $expected) = @_;
	sql($node, $db, "SELECT migrate_register('n1', \$body\$ SELECT nextval('attempts'); $body \$body\$, '', replace => true)");
	foreach my $call ('SELECT migrate_upgrade()', 'CALL migrate_deploy()')
	{
		sql($node, $db, 'ALTER SEQUENCE attempts RESTART');
		my $session = start_sql($node, $db, 'nested', "SET migrate.max_attempts = 3; SET migrate.retry_base_delay = 0; $call");
		my (undef, $errors) = finish_sql($session);
		like($errors, $expected, "$name, $call: the error");
		is(sql($node, $db, "SELECT last_value FROM attempts"), 1, "$name, $call: attempts");
		like($session->{err}, qr/HINT:  Another session raised this, /, "$name, $call: whose error it is");
	}
	return;
}

my $short = 'SET migrate.lock_wait = 100;';
attempts('a run', "SELECT elsewhere('$short SELECT migrate_upgrade()')",
	qr/^55P03: could not lock "migrate.version" within 100 ms$/);
attempts('a registration', "SELECT elsewhere('$short SELECT migrate_unregister(''n1'')')",
	qr/^55P03: could not lock "migrate.revision" within 100 ms$/);
attempts('raised again', "DO \$\$BEGIN PERFORM elsewhere('$short SELECT migrate_upgrade()');
	EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM; END\$\$",
	qr/^55P03: could not lock "migrate.version" within 100 ms$/);
foreach my $state ('40001', '40P01', '55P03')
{
	attempts("$state of another session", "SELECT elsewhere('DO \$\$BEGIN RAISE ''there'' USING ERRCODE = ''$state''; END\$\$')",
		qr/^$state: there$/);
}

# What the body's own session raises is tried again as before.
sql($node, $db, q(ALTER SEQUENCE attempts RESTART;
	SELECT migrate_register('n1', $body$ DO $$BEGIN IF nextval('attempts') < 3 THEN RAISE 'here' USING ERRCODE = '55P03'; END IF; END$$ $body$, '', replace => true);
	SET migrate.retry_base_delay = 0;
	CALL migrate_deploy()));
is(sql($node, $db, "SELECT last_value FROM attempts"), 3, 'an error of its own is tried again');

$node->stop;
done_testing();
