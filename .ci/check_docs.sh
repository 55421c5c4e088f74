#!/usr/bin/env bash
# .ci/check_docs.sh: the reference is complete
#
# What a user can call, read, set, waive or meet as an error has a heading or a
# table row in docs/reference.md; what CREATE EXTENSION makes has a comment.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

errcodes=$("${PG_CONFIG:-pg_config}" --includedir-server)/utils/errcodes.h

problems=$(perl - "$errcodes" src/*.c src/*/*.c <<'END'
use strict;
use warnings;

sub slurp
{
	my ($path) = @_;
	open my $handle, '<', $path or return '';
	local $/;
	return scalar <$handle>;
}

# ERRCODE_UNDEFINED_OBJECT -> 42704, by which the reference lists it
my $errcodes = slurp(shift @ARGV);
my %sqlstate;
while ($errcodes =~ /#define (ERRCODE_\w+) MAKE_SQLSTATE\((.*?)\)/g)
{
	my ($name, $characters) = ($1, $2);
	$sqlstate{$name} = join '', $characters =~ /'(.)'/g;
}

my $install = slurp('extension/migrate.sql');
my $reference = slurp('docs/reference.md');
print "docs/reference.md: missing\n" if $reference eq '';

# An entry: the first words of a heading, or the first cell of a table row.
my %entry;
for my $line (split /\n/, $reference)
{
	my ($title) = $line =~ /^#{2,}\s+(.*)/;
	($title) = $line =~ /^\|\s*(.*?)\s*\|/ if !defined $title;
	next if !defined $title;
	$entry{$1} = 1 while $title =~ /([A-Za-z_][\w.]*|[0-9A-Z]{5})/g;
	$entry{$1} = 1 if $title =~ /^`([a-z-]+)`$/;
}
my $wants = sub {
	my ($from, $kind, $name) = @_;
	print "$from: no entry in docs/reference.md for $kind $name\n" if !$entry{$name};
};

$install =~ s/^--.*//mg;
while ($install =~ /^CREATE\s+(FUNCTION|PROCEDURE|VIEW|TABLE|TYPE|SCHEMA)\s+(?:\@extschema\@\.)?([\w.]+)/mg)
{
	my ($kind, $name) = ($1, $2);
	$wants->('extension/migrate.sql', lc $kind, $name) if $kind ne 'SCHEMA';
	print "extension/migrate.sql: no COMMENT ON $kind $name\n"
	  if $install !~ /^COMMENT\s+ON\s+$kind\s+(?:\@extschema\@\.)?\Q$name\E\b(?!\.)/m;
}

for my $path (@ARGV)
{
	my $source = slurp($path);
	$wants->($path, 'setting', $1)
	  while $source =~ /DefineCustom\w+Variable\("([^"]+)"/g;
	$wants->($path, 'lint rule', $1)
	  while $source =~ /\[MIG_RULE_\w+\] = \{\s*"([^"]+)"/g;
	while ($source =~ /\berrcode\(([^)]*)\)/g)
	{
		my $codes = $1;
		$wants->($path, 'error', $sqlstate{$_} // $_) for $codes =~ /ERRCODE_\w+/g;
	}
}
END
) || problems+="the rule itself failed"
verdict docs "$(printf '%s' "$problems" | sort -u)"
