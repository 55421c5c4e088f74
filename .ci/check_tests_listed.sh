#!/usr/bin/env bash
# .ci/check_tests_listed.sh: every test runs
#
# Tests are listed in the Makefile; a file that is not listed never runs, and
# a listed one needs its file and what it should print.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

# compare VARIABLE DIRECTORY SUFFIX
compare()
{
	local listed here
	listed=$(make_list "$1" | sort)
	here=$(find "$2" -maxdepth 1 -name "*.$3" -exec basename {} ".$3" \; 2>/dev/null | sort)
	comm -23 <(printf '%s\n' "$listed") <(printf '%s\n' "$here") |
		sed -n "s,..*,Makefile: & is listed and there is no $2/&.$3,p"
	comm -13 <(printf '%s\n' "$listed") <(printf '%s\n' "$here") |
		sed -n "s,..*,$2/&.$3: not listed in the Makefile,p"
	printf '%s\n' "$listed" | uniq -d | sed -n 's/..*/Makefile: & is listed twice/p'
}

# Names that pg_regress runs, both kinds.
with_expected=$(for name in REGRESS ISOLATION; do make_list "$name"; done | sort)

problems=$(
	comm -23 <(make_list STAGED_ONLY | sort) <(make_list REGRESS | sort) |
		sed -n 's/..*/Makefile: & is in STAGED_ONLY and not in REGRESS/p'
	compare REGRESS sql sql
	compare ISOLATION specs spec
	comm -3 \
		<(make_list TAP | sort) \
		<(find t -name '*.pl' 2>/dev/null | sort) |
		sed -n 's/^\t*\(..*\)/\1: in t\/ or in the Makefile, not in both/p'
	for name in $with_expected; do
		[ -f "expected/$name.out" ] || printf 'expected/%s.out: missing\n' "$name"
	done
	for file in expected/*; do
		[ -e "$file" ] || continue
		printf '%s\n' "$with_expected" | grep -qx "$(basename "$file" .out)" ||
			printf '%s: belongs to no listed test\n' "$file"
	done
	printf '%s\n' "$with_expected" | uniq -d |
		sed -n 's/..*/Makefile: & is the name of an SQL and of an isolation test/p'
)
verdict tests_listed "$problems"
