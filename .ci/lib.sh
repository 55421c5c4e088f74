# shellcheck shell=bash
# .ci/lib.sh: what the rules share; read it with "source"
#
# A rule collects lines that say what is wrong, each beginning with the file,
# and hands them to verdict.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# Where process substitution does not work every comparison is empty, and every
# rule content.
if ! cat <(:) >/dev/null 2>&1; then
	printf 'not ok - %s: there is no /dev/fd\n' "$(basename "$0")"
	exit 1
fi

# verdict NAME LINES: prints the result of the rule and ends the script.
verdict()
{
	if [ -z "$2" ]; then
		printf 'ok - %s\n' "$1"
		exit 0
	fi
	printf 'not ok - %s\n' "$1"
	printf '%s\n' "$2" | sed 's/^/  /'
	exit 1
}

# skip NAME REASON: the rule could not be checked.
skip()
{
	printf 'ok - %s # SKIP %s\n' "$1" "$2"
	exit 0
}

# Every file of the project, none that a build or a test left, and no input of
# the fuzz targets, which may be anything.
project_files()
{
	find . \( -name .git -o -name 'tmp_*' -o -name results -o -name output_iso \
		-o -path ./test/fuzz/corpus -o -path ./test/fuzz/regress \) -prune \
		-o -type f ! -name '*.o' ! -name '*.bc' ! -name '*.so' \
		! -path './migrate--*.sql' ! -name 'regression.*' -print | sed 's,^\./,,' | sort
}

# Scripts by their first line, so that a new one is not forgotten.
project_scripts()
{
	project_files | while read -r file; do
		case $(head -n 1 "$file" | tr -d '\0') in
			'#!'*sh | '# shellcheck shell='*) printf '%s\n' "$file" ;;
		esac
	done
}
