#!/usr/bin/env bash
# .ci/check_layers.sh: the prefix of a source file is its layer
#
# A file includes headers of its own or a lower layer.  The rest are the rules
# that keep a layer what it is; src/README.md says why.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

problems=$(perl - src/*.[ch] <<'END'
use strict;
use warnings;

my @tables = map { m{src/tab_(\w+)\.c$} } @ARGV;

sub layer
{
	my ($file) = @_;
	return 0 if $file =~ /^(migrate|compat|guc|spi)[._]/;
	return 1 if $file =~ /^(rev_|script_|retry_policy\.)/;
	return 2 if $file =~ /^tab_/;
	return 3 if $file =~ /^(run[._]|job[._]|doctor[._]|registry\.|report\.)/;
	return 4 if $file =~ /^(api|bgw_\w+|init)\./;
	return undef;
}

for my $path (@ARGV)
{
	my ($file) = $path =~ m{([^/]+)$};
	my $layer = layer($file);
	open my $handle, '<', $path or die "$path: $!";
	my $source = do { local $/; <$handle> };

	# Comments may name anything; their lines stay, for the line numbers.
	$source =~ s{("(?:\\.|[^"\\])*")|(/\*.*?\*/)}
		{ defined $1 ? $1 : join '', $2 =~ /\n/g }gsex;

	if (!defined $layer)
	{
		print "$path: this prefix is in no layer\n";
		next;
	}
	my $number = 0;
	for my $line (split /\n/, $source)
	{
		$number++;
		my $say = sub { print "$path:$number: $_[0]\n" };

		if ($line =~ /^\s*#\s*include\s+"([^"]+)"/)
		{
			my $header = $1;
			if (-e "src/$header")
			{
				my $other = layer($header);
				$say->("layer $layer includes $header of layer $other")
				  if defined $other && $other > $layer;
			}
			$say->("layer 1 is pure and does not include $header")
			  if $layer == 1
			  && $header =~ m{^(spi\.h|executor/spi\.h|access/xact\.h|catalog/)};
		}
		$say->("a door has no SQL")
		  if $file =~ /^(api|bgw_)/
		  && $line =~ /"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|LOCK|SET)\s|\b(mig_spi_execute|mig_spi_begin|SPI_\w+)\b/;
		$say->("only compat.h looks at the server's version")
		  if $file ne 'compat.h' && $line =~ /\bPG_VERSION_NUM\b/;

		# guc.c names the table that is the default of a setting.
		for my $table ($file eq 'guc.c' ? () : @tables)
		{
			$say->("only tab_$table.c names the table migrate.$table")
			  if $file !~ /^tab_$table(_open)?\.c$/ && $line =~ /\bmigrate\.$table\b/;
		}
	}
}
END
) || problems+="the rule itself failed"
verdict layers "$problems"
