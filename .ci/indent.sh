#!/usr/bin/env bash
# .ci/indent.sh [--check]: formats the C files as the server's are
#
# pg_bsd_indent with pgindent's options.  The names of types come from ctags
# over the server's headers and our files.  With --check nothing is changed:
# prints the files that differ, with the difference.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

check=false
[ "${1:-}" = --check ] && check=true

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

mapfile -t files < <(find src client test -name '*.[ch]' | sort)

# Types of the server that we use as names of variables, and would be taken
# for a cast or a declaration.
not_types='text|symbol|string|type|name|line|date|interval'
# Types of newer servers, which these headers may not have.
more_types='RepackStmt'

{
	ctags -R --languages=C --langmap=C:.c.h --kinds-C=t -x --_xformat='%N' \
		"$("${PG_CONFIG:-pg_config}" --includedir-server)" \
		"$("${PG_CONFIG:-pg_config}" --includedir)/libpq-fe.h" "${files[@]}"
	printf '%s\n' "$more_types" | tr '|' '\n'
	printf '%s\n' bool size_t va_list
} | sort -u | grep -Evx "$not_types" >"$work/types"

# pgindent's own corrections: a comment that begins with +--- is a drawing,
# the star of a function's result stands after one space, comments that run
# together are parted; and a designated initializer keeps its space.
before()
{
	perl -0pe 's!/\* \+---!/*---X_X!g' "$1"
}

after()
{
	perl -0pe 's!/\*---X_X!/* +---!g;
		s!^([A-Za-z_]\S*)[ \t]+\*$!$1 *!gm;
		s!^((?:static|const) .*\S)[ \t]+\*$!$1 *!gm;
		s!\*/(/\*.*\*/)$!*/\t$1!gm;
		s!,\.(\w+) =!, .$1 =!g' "$1"
}

status=0
for file in "${files[@]}"; do
	before "$file" >"$work/in.c" || exit 1
	if ! pg_bsd_indent "$work/in.c" "$work/out.c" \
		-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 \
		-lp -lpl -nip -npro -sac -tpg -ts4 -U"$work/types" >"$work/said" 2>&1 ||
		[ -s "$work/said" ]; then
		printf '%s: %s\n' "$file" "$(tr '\n' ' ' <"$work/said")"
		status=1
		continue
	fi
	after "$work/out.c" >"$work/new.c" || exit 1
	if cmp -s "$file" "$work/new.c"; then
		continue
	fi
	if $check; then
		status=1
		diff -u --label "$file" --label "$file, formatted" "$file" "$work/new.c"
	else
		cat "$work/new.c" >"$file"
		printf 'formatted %s\n' "$file"
	fi
done
exit "$status"
