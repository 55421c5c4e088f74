#!/usr/bin/env bash
# .ci/check_yugabytedb.sh: the sources compile against YugabyteDB's headers, too
#
# Against those of PostgreSQL 15 with test/yb_headers in front, which have what
# is different there.  A library built that way loads there, any other refuses.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

config=${PG_CONFIG:-pg_config}
headers=$("$config" --includedir-server)
grep -qs '^#define PG_MAJORVERSION "15"' "$headers/pg_config.h" ||
	skip yugabytedb "no headers of PostgreSQL 15"

flags=$(sed -n '/^PG_CFLAGS *=/,/[^\\]$/{s/^PG_CFLAGS *=//;s/\\$//;p}' Makefile)
read -ra compile <<<"${CC:-cc} -std=gnu99 -Wall -Werror ${flags//$'\n'/ }"
compile+=(-D_GNU_SOURCE -Itest/yb_headers -Isrc "-I$headers")

# Whether the headers do what they are for.
probe()
{
	printf '#include "postgres.h"\n#include "nodes/nodes.h"\n%s\n' "$1" |
		"${compile[@]}" -fsyntax-only -xc - 2>&1
}

problems=$(
	probe 'StaticAssertDecl(T_BackfillIndexStmt == T_ReindexStmt + 1, "");'
	probe 'void *f(void); void *f(void) { return PG_exception_stack; }' |
		grep -q poisoned || echo "test/yb_headers: not in front of the server's"
	printf '%s\0' src/*.c src/*/*.c |
		xargs -0 -P "$(nproc)" -n 8 "${compile[@]}" -fsyntax-only 2>&1
	"${compile[@]}" -E src/base/server.c | grep YB_ENABLED_IN_POSTGRES &&
		echo "src/base/server.c: refuses the server that it was compiled for"
)
verdict yugabytedb "$(head -n 40 <<<"$problems")"
