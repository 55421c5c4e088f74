# t/MigratePage.pm: runs a page of the documentation as its reader would
#
# Of a page, in the order of its blocks:
#
#   ```sql    statements for psql, in one session; in another one if the block
#             begins with "-- in a second terminal".  None may fail or warn.
#   ```sh     commands for a shell.  None may fail.
#   ```       lines that begin with "=> " are statements for psql, those that
#             begin with "$ " commands; the others are what they print, all of it.
#             Without either it is what the block before has printed, or its end.
#
# Other languages are not run.

package MigratePage;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(page_blocks plain run_page);

# Language and text of each block of a page.
sub page_blocks
{
	my ($page) = @_;
	my @blocks;
	my $text = slurp_file(dirname(__FILE__) . "/../$page");
	push @blocks, [ $1, $2 ] while $text =~ /^```(\w*)\n(.*?)^```$/msg;
	return @blocks;
}

# What psql prints, without what is different each time, or in another width of
# the columns.
sub plain
{
	my ($text) = @_;
	$text =~ s/^\(\d+ rows?\)\n//mg;
	$text =~ s/^[-+]+$/---/mg;
	$text =~ s/\| +\d+ \|( \w[\w ]*| *)$/| N |$1/mg if $text =~ / ms /;
	$text =~ s/\bprocess \d+\b/process N/g;
	$text =~ s/\bpg_terminate_backend\(\d+\)/pg_terminate_backend(N)/g;
	$text =~ s/\b\d+ s\b/N s/g;
	$text =~ s/\bas role "\w+"/as role "R"/g;
	$text =~ s/\brights of "\w+"/rights of "R"/g;
	$text =~ s/\brole \w+, application/role R, application/g;
	$text =~ s/\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?/DATE/g;
	$text =~ s/\b\d\d:\d\d:\d\d(\.\d+)?\b/TIME/g;
	$text =~ s/[ \t]+/ /g;
	$text =~ s/ ?\+?$//mg;
	$text =~ s/\n+/\n/g;
	return $text =~ s/\A\n//r;
}

# Runs blocks of a page, all unless they are given, in a directory.  Returns what
# each has printed.
sub run_page
{
	my ($node, $db, $directory, @blocks) = @_;
	my (@printed, %session);
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	delete local $ENV{PGAPPNAME};
	my $psql = sub {
		my ($name, $statements) = @_;
		return ask($session{$name} //= open_session($db, $directory), $statements);
	};
	foreach my $block (@blocks)
	{
		my ($language, $text) = @$block;
		my ($first) = $text =~ /(.*)/;
		my $out = '';
		if ($language eq 'sql')
		{
			my $second = $text =~ /\A-- in a second terminal/;
			$out = $psql->($second ? 'second' : 'first', $text);
			# What the reader needs at least to change the terminal.
			sleep 1 if $second;
			unlike($out, qr/^(?:psql:.*)?(?:ERROR|FATAL|PANIC|WARNING): /m, "runs: $first");
		}
		elsif ($language eq 'sh')
		{
			$out = shell($directory, $text);
			is($?, 0, "runs: $first") or diag($out);
		}
		elsif ($language eq '' && $text =~ /^(?:=>|\$) /m)
		{
			foreach my $line ($text =~ /^((?:=>|\$) .*\n)/mg)
			{
				$out .= $line =~ /^=> (.*)/s ? $psql->('first', $1) : shell($directory, $line =~ s/^\$ //r);
			}
			is(plain($out), plain($text =~ s/^(?:=>|\$) .*\n//mgr), "prints: $first");
		}
		elsif ($language eq '')
		{
			my $end = plain($text);
			like(plain($printed[-1] // ''), qr/(?:\A|\n)\Q$end\E\z/, "printed: $first");
		}
		push @printed, $out;
	}
	foreach my $session (values %session)
	{
		$session->{in} .= "\\q\n";
		$session->{run}->finish;
	}
	return @printed;
}

# psql prints results and messages as they come.
sub open_session
{
	my ($db, $directory) = @_;
	my $session = { in => '', out => '', blocks => 0 };
	$session->{run} = IPC::Run::start([ 'psql', '-Xq', '-d', $db ], '<', \$session->{in}, '>&', \$session->{out},
		init => sub { chdir $directory or die $! }, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $session;
}

sub ask
{
	my ($session, $statements) = @_;
	my $mark = 'end of block ' . ++$session->{blocks};
	$session->{in} .= "$statements\n\\echo $mark\n";
	$session->{run}->pump until $session->{out} =~ s/\A(.*?)^\Q$mark\E\n//ms;
	return $1;
}

sub shell
{
	my ($directory, $commands) = @_;
	my $out = '';
	IPC::Run::run([ 'sh', '-e' ], '<', \$commands, '>&', \$out, init => sub { chdir $directory or die $! },
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $out;
}

1;
