#!/usr/bin/env bash
# .ci/check_layers.sh: the folder of a source file is its layer
#
# A file includes headers of its own or a lower folder, and no internal header
# of another one.  The rest are the rules that keep a layer what it is;
# src/README.md says why.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

problems=$(perl - src/*.[ch] src/*/*.[ch] <<'END'
use strict;
use warnings;

# Folders of one number are beside each other and do not know each other.
my %order = (
	base => 0, graph => 1, script => 1, tables => 2, run => 3,
	registry => 4, preview => 4, job => 4, import => 5, doctor => 5, '' => 6);
# A table has a file of its name, and may have a second one.
my @tables = map { m{src/tables/(\w+)\.c$} && $1 !~ /_(?:open|write)$/ ? $1 : () } @ARGV;

for my $path (@ARGV)
{
	my ($folder, $file) = $path =~ m{^src/(?:(.+)/)?([^/]+)$};
	$folder //= '';
	open my $handle, '<', $path or die "$path: $!";
	my $source = do { local $/; <$handle> };

	# Comments may name anything; their lines stay, for the line numbers.
	$source =~ s{("(?:\\.|[^"\\])*")|(/\*.*?\*/)}
		{ defined $1 ? $1 : join '', $2 =~ /\n/g }gsex;

	if (!exists $order{$folder})
	{
		print "$path: the folder $folder is in no layer\n";
		next;
	}
	my $number = 0;
	for my $line (split /\n/, $source)
	{
		$number++;
		my $say = sub { print "$path:$number: $_[0]\n" };

		if ($line =~ /^\s*#\s*include\s+["<]([^">]+)[">]/)
		{
			my $header = $1;
			$say->("a header of ours is named by its path below src: $header")
			  if $header =~ m{\.\./} || !-e "src/$header" && -e "src/$folder/$header";
			# What several folders share is at the bottom, wherever it is.
			if (-e "src/$header" && $header ne 'migrate.h')
			{
				my ($other) = $header =~ m{^(.+)/};
				$other //= '';
				$say->("$header is not below " . ($folder || 'src'))
				  if $other ne $folder && $order{$other} >= $order{$folder};
				$say->("$header belongs to $other alone")
				  if $other ne $folder && $header =~ /_internal\.h$/;
			}
			$say->("$folder is pure and does not include $header")
			  if $order{$folder} == 1
			  && $header =~ m{^(base/spi\.h|base/xact\.h|executor/spi\.h|access/xact\.h|catalog/)};
		}
		$say->("an entry point has no SQL")
		  if $folder eq ''
		  && $line =~ /"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|LOCK|SET)\s|\b(mig_spi_execute|mig_spi_begin|SPI_\w+)\b/;
		$say->("only compat.h tests the server's version")
		  if $file ne 'compat.h' && $line =~ /\bPG_VERSION_NUM\b/;

		# guc.c names the table that is the default of a setting.
		next if $file eq 'guc.c' || $line !~ /\bmigrate\./;
		for my $table (@tables)
		{
			$say->("only tables/$table.c names the table migrate.$table")
			  if $path !~ m{/tables/$table(_open|_write)?\.[ch]$} && $line =~ /\bmigrate\.$table\b/;
		}
	}
}
END
) || problems+="the rule itself failed"
verdict layers "$problems"
