#!/usr/bin/env bash
# .ci/check_symbols.sh: global names carry our prefix, and few leave the library
#
# The server loads libraries into one name space.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

[ -f migrate.so ] || verdict symbols "migrate.so: build it first (make)"

problems=$(
	nm -g --defined-only src/*.o src/*/*.o |
		awk '/:$/ { file = $1; next }
			NF == 3 && $3 !~ /^(mig_|migrate_|pg_finfo_migrate_|Pg_magic_func$|_PG_init$)/ {
				print file " global symbol " $3 " does not begin with mig_"
			}'
	nm -D --defined-only migrate.so |
		awk 'NF == 3 && $3 !~ /^(migrate_|pg_finfo_migrate_|Pg_magic_func$|_PG_init$|__bss_start$|_edata$|_end$|_init$|_fini$)/ {
			print "migrate.so: symbol " $3 " is visible to the whole server"
		}'
)
verdict symbols "$problems"
