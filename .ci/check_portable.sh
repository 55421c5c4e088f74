#!/usr/bin/env bash
# .ci/check_portable.sh: the sources compile and work on YugabyteDB, too
#
# Its rows are no heap tuples, its tables no files, and LockAcquire() there
# returns without having locked.  Structs of these have other fields.  So tables
# are reached by SQL, values by SPI_getbinval() and SPI_getvalue(), locks by
# SQL functions.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

problems=$(perl - src/*.[ch] src/*/*.[ch] <<'END'
use strict;
use warnings;

my %headers = map { $_ => 1 } qw(
	access/genam.h access/heapam.h access/heaptoast.h access/htup.h
	access/htup_details.h access/nbtree.h access/relation.h access/relscan.h
	access/sysattr.h access/table.h access/tableam.h
	access/xlog_internal.h access/xloginsert.h catalog/heap.h catalog/index.h
	catalog/indexing.h executor/tuptable.h
	storage/bufmgr.h storage/bufpage.h storage/lmgr.h storage/lock.h
	storage/predicate.h storage/smgr.h utils/catcache.h utils/rel.h
	utils/relcache.h utils/tqual.h);

my $calls = qr{\b(
	(?:heap|table|relation|index|systable)_(?!of\b)\w+(?=\s*\() |
	(?:Lock|Unlock)(?:Relation|Tuple|Database|SharedObject)\w* |
	Lock(?:Acquire|Release|HeldByMe)\w* | XactLockTable\w* |
	SearchSysCache\w* | GetSysCacheOid\w* | SysCacheGetAttr\w* |
	GETSTRUCT | HeapTuple(?:Header)?\w* | Relation(?:Get|Id)\w+ |
	fastgetattr | Exec(?!utor)[A-Z]\w* | Catalog(?:Tuple|Open|Close)\w+ |
	SPI_tuptable\s*->\s*vals\s*\[[^]]*\]\s*->
)\b}x;

# Without a database there is no SQL: the scheduler reads pg_database as the
# server's launchers do, and is compiled against the same headers as they.
my $exception = 'scheduler.c';
my $seen = 0;

for my $path (@ARGV)
{
	my ($file) = $path =~ m{([^/]+)$};
	open my $handle, '<', $path or die "$path: $!";
	my $source = do { local $/; <$handle> };
	my $number = 0;

	$source =~ s{("(?:\\.|[^"\\])*")|(/\*.*?\*/)}
		{ defined $1 ? $1 : join '', $2 =~ /\n/g }gsex;
	for my $line (split /\n/, $source)
	{
		$number++;
		my @found;
		push @found, "includes $1"
		  if $line =~ /^\s*#\s*include\s+"([^"]+)"/ && $headers{$1};
		$line =~ s/"(?:\\.|[^"\\])*"/""/g;
		push @found, "uses $1" if $line =~ /$calls/;
		push @found, "tests for YugabyteDB's header outside compat.h"
		  if $file ne 'compat.h' && $line =~ /__has_include/;
		if ($file eq $exception)
		{
			$seen++ if @found;
			next;
		}
		print "$path:$number: $_\n" for @found;
	}
}
print "$exception needs no exception any more\n" if !$seen;
END
) || problems+="the rule itself failed"
verdict portable "$problems"
