#!/usr/bin/env bash
# .ci/check_released.sh: what was released stays as it is
#
# Its scripts are those of extension/released/SHA256SUMS, and the version of
# migrate.control, if it is among them, is what extension/migrate.sql makes.
# Whether every released version can be updated is a test, t/031_released.pl.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

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
	# A version that came by a delta has its objects from both.
	if [ ! -f "migrate--$version.sql" ] &&
		[ -z "$(find . .. -maxdepth 1 -name "migrate--*--$version.sql")" ]; then
		printf 'extension: nothing updates to version %s\n' "$version"
	fi
)
verdict released "$problems"
