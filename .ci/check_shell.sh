#!/usr/bin/env bash
# .ci/check_shell.sh: shellcheck finds nothing in our scripts

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t scripts < <(project_scripts)
problems=$(
	[ "${#scripts[@]}" -gt 0 ] || printf 'no script was found\n'
	shellcheck --format=gcc --external-sources "${scripts[@]}"
	for file in "${scripts[@]}"; do
		case $(head -n 1 "$file") in
			'#!'*) [ -x "$file" ] || printf '%s: not executable\n' "$file" ;;
		esac
	done
)
verdict shell "$problems"
