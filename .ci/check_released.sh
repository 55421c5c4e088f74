#!/usr/bin/env bash
# .ci/check_released.sh: what was released stays as it is
#
# Its scripts are those of extension/released/SHA256SUMS, and the version of
# migrate.control, if it is among them, is what extension/migrate.sql makes.
# From every released version deltas lead to it, by way of others or not; what
# they make of a database is compared by t/extension_update.pl.  Before the first
# release there is no extension/released/.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

[ -d extension/released ] || verdict released ""
version=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" migrate.control)

problems=$(
	cd extension/released || exit 1
	sha256sum --quiet --check SHA256SUMS 2>&1 | sed 's,^,extension/released: ,'
	comm -3 <(find . -name '*.sql' -printf '%f\n' | sort) \
		<(sed 's/^[0-9a-f]*  //' SHA256SUMS | sort) |
		sed 's/^\t*/extension\/released: in SHA256SUMS or in the directory, not in both: /'
	if [ -f "migrate--$version.sql" ] && ! cmp -s "migrate--$version.sql" ../migrate.sql; then
		printf 'extension/migrate.sql: differs from released/migrate--%s.sql; migrate.control needs the next version\n' "$version"
	fi
	# The last version in a name is the one that a script makes.
	perl - "$version" ./*.sql ../*.sql <<'END'
use strict;
use warnings;

my ($version, @files) = @ARGV;
my (%released, %next);
for my $file (@files)
{
	my ($first, $second) = $file =~ m{/migrate--(.+?)(?:--(.+))?\.sql$} or next;
	$released{ $second // $first } = 1 if $file !~ m{^\.\./};
	push @{ $next{$first} }, $second if defined $second;
}
print "extension/released: no script\n" if !%released;
for my $from (sort keys %released)
{
	my %seen;
	my @reached = ($from);
	while (defined(my $at = shift @reached))
	{
		push @reached, @{ $next{$at} // [] } if !$seen{$at}++;
	}
	print "extension: nothing leads from version $from to $version\n" if !$seen{$version};
}
END
) || problems+="the rule itself failed"
verdict released "$problems"
