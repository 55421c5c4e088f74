# shellcheck shell=bash
# scripts/lib.sh: set-up that the scripts share; read it with "source"
#
# Gives: repository, and the functions below.  Nothing here changes the
# repository, a server's directories or a cluster that is already there.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# Users -----------------------------------------------------------------

# A server refuses to be started by root, so root hands over to this user.
unprivileged_user()
{
	if [ -n "${TEST_USER:-}" ]; then
		printf '%s\n' "$TEST_USER"
	elif id postgres >/dev/null 2>&1; then
		printf '%s\n' postgres
	else
		printf '%s\n' nobody
	fi
}

# as_user DIRECTORY COMMAND...: runs it there, and never as root.
as_user()
{
	local directory=$1
	shift
	if [ "$(id -u)" -eq 0 ]; then
		(cd "$directory" &&
			runuser -u "$(unprivileged_user)" -- \
				env -u TMPDIR HOME="$directory" "$@")
	else
		(cd "$directory" && "$@")
	fi
}

# new_directory NAME: makes a directory that the unprivileged user owns, and
# no other user can enter; prints its path.
new_directory()
{
	local directory
	directory=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX") || exit 1
	if [ "$(id -u)" -eq 0 ]; then
		chown "$(unprivileged_user)" "$directory"
		as_user "$directory" test -w "$directory" ||
			die "user $(unprivileged_user) cannot write $directory: set TMPDIR to a directory that everyone may enter"
	fi
	printf '%s\n' "$directory"
}

# copy_sources DIRECTORY: puts the sources there, without anything built.
copy_sources()
{
	local directory=$1
	tar -C "$repository" -cf - --exclude=./.git --exclude='./tmp_*' \
		--exclude=./results --exclude=./output_iso \
		--exclude='*.o' --exclude='*.bc' --exclude='*.so' . |
		tar -C "$directory" --no-same-owner -xf - ||
		die "could not copy the sources to $directory"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R "$(unprivileged_user)" "$directory"
	fi
}

# The server ------------------------------------------------------------

OLDEST_MAJOR=15

# major_of PG_CONFIG: the major version, as a number.
major_of()
{
	"$1" --version 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p'
}

# Whether PG_CONFIG belongs to a server that can be started and built against.
usable_pg_config()
{
	local major
	major=$(major_of "$1") && [ -n "$major" ] &&
		[ "$major" -ge "$OLDEST_MAJOR" ] &&
		[ -f "$("$1" --pgxs)" ] &&
		[ -f "$("$1" --includedir-server)/postgres.h" ] &&
		[ -x "$("$1" --bindir)/initdb" ] &&
		[ -x "$("$1" --bindir)/postgres" ]
}

# Prints the pg_config to use: PG_CONFIG, the one in PATH, the newest server
# of Debian's layout.  Fails when there is none.
find_pg_config()
{
	local candidate
	while read -r candidate; do
		if [ -n "$candidate" ] && usable_pg_config "$candidate"; then
			printf '%s\n' "$candidate"
			return 0
		fi
	done <<-END
		${PG_CONFIG:-}
		$([ -n "${PG_CONFIG:-}" ] || command -v pg_config)
		$([ -n "${PG_CONFIG:-}" ] ||
			printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -rV)
	END
	return 1
}

# pgxs_test PG_CONFIG PATH: a file of the server's own test tools.
pgxs_test()
{
	printf '%s/test/%s\n' "$(cd "$(dirname "$("$1" --pgxs)")/.." && pwd)" "$2"
}

# stage_extension PG_CONFIG STAGE: builds the extension and the client in the
# current directory and installs them under STAGE.  Leaves
# STAGE/server.conf, the settings with which a server finds them, and
# STAGE/bindir, where to start that server.
stage_extension()
{
	local pg_config=$1 stage=$2 bindir
	bindir=$("$pg_config" --bindir)

	mkdir -p "$stage" || return 1
	if [ "$(major_of "$pg_config")" -ge 18 ]; then
		printf "extension_control_path = '%s:\$system'\n" \
			"$stage$("$pg_config" --sharedir)" >"$stage/server.conf"
	elif grep -q extension_destdir "$bindir/postgres"; then
		# Debian's own setting
		printf "extension_destdir = '%s'\n" "$stage" >"$stage/server.conf"
	else
		# A server finds its files relative to its program, so a copy of it
		# beside the extension sees both.  Copied first: a version of the
		# extension that is installed there must not take the place of ours.
		: >"$stage/server.conf"
		copy_server "$pg_config" "$stage" || return 1
		bindir=$stage$bindir
	fi
	printf "dynamic_library_path = '%s:\$libdir'\n" \
		"$stage$("$pg_config" --pkglibdir)" >>"$stage/server.conf"
	printf '%s\n' "$bindir" >"$stage/bindir"

	stage_make all install PG_CONFIG="$pg_config" DESTDIR="$stage"
}

# stage_modules PG_CONFIG STAGE: the same for the modules of test/.
stage_modules()
{
	local module
	for module in test/*/Makefile; do
		[ -f "$module" ] || continue
		stage_make -C "$(dirname "$module")" all install with_llvm=no \
			PG_CONFIG="$1" DESTDIR="$2" || return 1
	done
}

# On all processors, unless the caller has said on how many.
stage_make()
{
	local jobs=()
	case " ${MAKEFLAGS:-} " in
		*' -j'*) ;;
		*) jobs=(-j "$(nproc)") ;;
	esac
	"${MAKE:-make}" -s "${jobs[@]}" "$@"
}

copy_server()
{
	local pg_config=$1 stage=$2 directory
	for directory in --bindir --pkglibdir --sharedir; do
		directory=$("$pg_config" "$directory")
		mkdir -p "$stage$directory" &&
			cp -R "$directory/." "$stage$directory/" || return 1
	done
}

# What has to be there --------------------------------------------------

# Prints a line "command or file|Debian package" for each thing that is
# missing.  "server" stands for the server and its development files.
missing_tools()
{
	list_missing "$1" | leave_out_not_offered
}

# Of lines of list_missing.
leave_out_not_offered()
{
	local missing optional
	missing=$(cat)
	mapfile -t optional < <(printf '%s\n' "$missing" | sed -n 's/|if offered$//p')
	printf '%s\n' "$missing" | grep -v '|if offered$' | grep .
	# All of them at once: where apt keeps no cache each question takes seconds.
	if is_offered "${optional[@]#*|}"; then
		printf '%s\n' "${optional[@]}" | grep .
		return
	fi
	for missing in "${optional[@]}"; do
		! is_offered "${missing#*|}" || say "$missing"
	done
}

# is_offered PACKAGE...: whether apt-get would install them as things are, without
# an upgrade.
is_offered()
{
	local plan
	[ $# -gt 0 ] || return 0
	plan=$(apt-get -s --no-install-recommends --no-upgrade install "$@" 2>/dev/null) &&
		! printf '%s\n' "$plan" | grep -Eq '^(Inst [^ ]* \[|Remv )'
}

# Also says "|if offered" of what tests skip where it is not there: not every
# release has all of it.
list_missing()
{
	local purpose=$1
	missing_command gcc gcc
	printf '#include <stdio.h>\n' | gcc -E - >/dev/null 2>&1 ||
		say "headers of the C library|libc6-dev"
	missing_command make make
	find_pg_config >/dev/null ||
		say "PostgreSQL $OLDEST_MAJOR or later, with initdb, pg_config and PGXS|server"
	missing_libpq
	if [ "$purpose" = demo ]; then
		return
	fi
	missing_command git git
	missing_command prove perl
	missing_perl JSON::PP perl
	missing_perl IPC::Run libipc-run-perl
	missing_command shellcheck shellcheck
	missing_command ctags universal-ctags
	missing_command pg_bsd_indent "pg-bsd-indent|if offered"
	missing_command alembic alembic
	alembic_python -c 'import psycopg2' 2>/dev/null ||
		say "python module psycopg2, where alembic finds it|python3-psycopg2"
	alembic_python -c 'import flask_migrate' 2>/dev/null ||
		say "python module flask_migrate, where alembic finds it|python3-flask-migrate|if offered"
	alembic_python -c 'import asyncpg' 2>/dev/null ||
		say "python module asyncpg, where alembic finds it|python3-asyncpg|if offered"
	missing_command sqitch "sqitch|if offered"
	missing_command mandoc "mandoc|if offered"
	missing_command dot "graphviz|if offered"
	missing_clients
}

# What t/clients.pl talks to the server with.  It uses Debian's own python
# and node, whatever stands before them in PATH.
missing_clients()
{
	local pg_config major
	/usr/bin/python3 -c 'import psycopg2' 2>/dev/null ||
		say "python module psycopg2 of /usr/bin/python3|python3-psycopg2|if offered"
	/usr/bin/python3 -c 'import psycopg' 2>/dev/null ||
		say "python module psycopg of /usr/bin/python3|python3-psycopg|if offered"
	NODE_PATH=/usr/share/nodejs /usr/bin/nodejs -e 'require("pg")' 2>/dev/null ||
		say "node module pg of /usr/bin/nodejs|node-pg|if offered"
	# Only where there is a JDK: it is large, and node-pg is a client as good.
	if command -v javac >/dev/null; then
		[ -f /usr/share/java/postgresql.jar ] ||
			say "JDBC driver postgresql.jar|libpostgresql-jdbc-java|if offered"
	fi
	PATH=$PATH:/usr/sbin missing_command pgbouncer "pgbouncer|if offered"

	# Of the server that is there, if it is Debian's, or will be.
	if pg_config=$(find_pg_config); then
		major=$(major_of "$pg_config")
		[ "$("$pg_config" --sharedir)" = "/usr/share/postgresql/$major" ] || return 0
	else
		major=$(server_packages 2>/dev/null | sed -n 's/^postgresql-\([0-9]*\)$/\1/p')
	fi
	[ -f "/usr/share/postgresql/$major/extension/pg_cron.control" ] ||
		say "extension pg_cron|postgresql-$major-cron|if offered"
}

# What test/yb_sim is built with.  Debian's server-dev brings it along, an
# unpacked one does not.
missing_libpq()
{
	local pg_config
	pg_config=$(find_pg_config) || return 0
	[ -f "$("$pg_config" --includedir)/libpq-fe.h" ] ||
		say "header libpq-fe.h|libpq-dev"
}

missing_command()
{
	command -v "$1" >/dev/null 2>&1 || say "command $1|$2"
}

# The interpreter that alembic is installed for, not the first one in PATH.
alembic_python()
{
	local program
	program=$(command -v alembic) || return 1
	"$(sed -n '1s/^#! *\([^ ]*\).*/\1/p' "$program")" "$@"
}

missing_perl()
{
	perl -M"$1" -e 1 2>/dev/null || say "perl module $1|$2"
}

# require_tools check|demo: returns when everything is there, after installing
# what is missing where that is Debian's (or Ubuntu's) apt-get; otherwise says
# what is missing and ends.  Touches nothing when nothing is missing.
require_tools()
{
	local purpose=$1 missing
	missing=$(list_missing "$purpose")
	# apt is asked only where it depends on its answer.
	grep -qv '|if offered$' <<<"$missing" ||
		missing=$(leave_out_not_offered <<<"$missing")
	[ -n "$missing" ] || return 0

	if command -v apt-get >/dev/null 2>&1 && can_be_root; then
		apt update || die "apt-get update failed"
		install_packages "$(missing_tools "$purpose" | cut -d'|' -f2)"
	fi
	missing=$(missing_tools "$purpose")
	if [ -n "$missing" ]; then
		{
			say "missing:"
			printf '%s\n' "$missing" |
				sed -e 's/|server$/|postgresql-NN, postgresql-server-dev-NN/' \
					-e 's/^\(.*\)|\(.*\)$/  \1 (Debian: \2)/'
		} >&2
		die "install what is missing, then start again"
	fi
}

can_be_root()
{
	[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Waits for the end of other scripts of ours; by itself apt-get only waits where
# it installs.
apt()
{
	as_root flock /var/lib/apt/lists env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 --no-install-recommends --no-upgrade "$@"
}

# Packages of the server that the distribution, or this machine, has.
server_packages()
{
	local major
	# shellcheck disable=SC2012 # directories of Debian's layout, all digits
	major=$(ls /usr/lib/postgresql 2>/dev/null | sort -rn | head -n 1)
	if [ -z "$major" ] || ! [ -x "/usr/lib/postgresql/$major/bin/initdb" ]; then
		major=$OLDEST_MAJOR
		apt-cache show "postgresql-server-dev-$major" >/dev/null 2>&1 ||
			major=$(apt-cache depends postgresql 2>/dev/null |
				sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
	fi
	[ "${major:-0}" -ge "$OLDEST_MAJOR" ] ||
		die "PostgreSQL $OLDEST_MAJOR or later is needed; this distribution has ${major:-none}"
	printf '%s\n' "postgresql-$major" "$(development_package "$major")"
}

# development_package MAJOR: of the version of the server that is there, where
# that is still to be had; another one would upgrade the server.
development_package()
{
	local name=postgresql-server-dev-$1 version
	version=$(dpkg-query -W -f '${Version}' "postgresql-$1" 2>/dev/null)
	if [ -n "$version" ] && apt-cache show "$name=$version" >/dev/null 2>&1; then
		name=$name=$version
	fi
	printf '%s\n' "$name"
}

# install_packages NAMES: one a line.
install_packages()
{
	local names=$1 server packages plan
	if printf '%s\n' "$names" | grep -qx server; then
		# Not inside the list below: server_packages may end the script.
		server=$(server_packages) || exit 1
		names=$(printf '%s\n' "$names" | grep -vx server; say "$server")
	fi
	mapfile -t packages <<<"$names"

	plan=$(apt -s install "${packages[@]}") ||
		die "apt-get cannot install ${packages[*]}"
	# An upgrade would restart a server that is in use.
	if printf '%s\n' "$plan" | grep -Eq '^Inst postgresql[^ ]* \['; then
		printf '%s\n' "$plan" | grep -E '^Inst postgresql[^ ]* \[' >&2
		die "installing ${packages[*]} would upgrade the packages above: do it yourself at a time that suits"
	fi
	if printf '%s\n' "$plan" | grep -Eq '^Inst postgresql-[0-9]+ '; then
		no_system_cluster
	fi
	without_services "$plan" apt install "${packages[@]}" ||
		die "apt-get could not install ${packages[*]}"
}

# without_services PLAN COMMAND...: runs apt-get so that no pgbouncer listens
# afterwards.  Its package starts one and has it started at every boot; the
# tests start their own.  A policy-rc.d that is there already stays, and rules.
without_services()
{
	local plan=$1
	shift
	if ! printf '%s\n' "$plan" | grep -q '^Inst pgbouncer '; then
		"$@"
		return
	fi
	(
		policy=/usr/sbin/policy-rc.d
		if ! [ -e "$policy" ]; then
			# Also when this is interrupted: it holds for every package.
			trap 'as_root rm -f "$policy"' EXIT
			printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
			as_root chmod 755 "$policy"
		fi
		"$@" && as_root update-rc.d pgbouncer disable
	)
}

# A Debian server package creates and starts a cluster unless told not to.
no_system_cluster()
{
	local conf=/etc/postgresql-common/createcluster.conf
	if grep -Eqs '^ *create_main_cluster *= *(false|no|off|0)' "$conf"; then
		return
	fi
	if [ -e "$conf" ] ||
		dpkg-query -W -f '${Status}' postgresql-common 2>/dev/null |
		grep -q ' installed$'; then
		die "installing a server here would create and start a cluster: set create_main_cluster = false in $conf, or install the server yourself"
	fi
	as_root mkdir -p "$(dirname "$conf")"
	say "create_main_cluster = false" | as_root tee "$conf" >/dev/null
}

# Results ---------------------------------------------------------------

# The line a run ends with.  A third number names what could not be run.
summary()
{
	if [ "${3:-0}" -gt 0 ]; then
		say "$1 passed, $2 failed, $3 skipped"
	else
		say "$1 passed, $2 failed"
	fi
}
