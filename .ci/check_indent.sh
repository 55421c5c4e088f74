#!/usr/bin/env bash
# .ci/check_indent.sh: the C files are formatted as .ci/indent.sh formats them

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

command -v pg_bsd_indent >/dev/null 2>&1 ||
	skip indent "no pg_bsd_indent on this system"
problems=$(.ci/indent.sh --check 2>&1) || problems=${problems:-the rule itself failed}
verdict indent "$problems"
