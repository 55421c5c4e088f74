# shellcheck shell=bash
# scripts/tree.sh: throw-away Debian trees, one for each version of PostgreSQL
#
# Read with "source" after lib.sh.  A tree is a directory that chroot enters; it
# has a server, what builds an extension, and what the tests need.  Trees are
# kept in $MIGRATE_CACHE and used again; remove them there to make them anew.
# Root only, on Debian.

# Servers run from there as another user, which cannot look into root's home.
if [ "$(id -u)" -eq 0 ]; then
	cache=${MIGRATE_CACHE:-/var/cache/migrate}
else
	cache=${MIGRATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/migrate}
fi

# The versions that Debian has, from the oldest that we support.  16 is in no
# release.
all_majors()
{
	say "15 17 18 19"
}

# release_of MAJOR: the Debian release that has it.
release_of()
{
	case $1 in
		15) say bookworm ;;
		17) say trixie ;;
		18) say forky ;;
		19) say sid ;;
		*) die "PostgreSQL $1 is in no release of Debian that is known here" ;;
	esac
}

# Where this machine gets its packages from.
debian_mirror()
{
	local file
	for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
		[ -f "$file" ] || continue
		awk '/^URIs:/ { print $2; exit }
			/^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' "$file"
		return
	done
}

require_trees()
{
	[ "$(id -u)" -eq 0 ] || die "needs root: it makes directories to chroot into"
	command -v apt-get >/dev/null || die "needs Debian: it makes trees of its packages"
	if ! command -v mmdebstrap >/dev/null; then
		{ apt update && apt install mmdebstrap; } >/dev/null ||
			die "could not install mmdebstrap"
	fi
	mkdir -p "$cache"
}

# one_at_a_time NAME: for a script that makes its trees anew each time.  The
# second one waits for the end of the first.
one_at_a_time()
{
	exec 8>"$cache/$1.lock"
	flock --nonblock 8 && return
	say "# another one is running in $cache, waiting"
	flock 8
}

# make_tree MAJOR [OLDER]: prints the directory of the tree, after making it if
# needed.  It can have an older server beside.
make_tree()
{
	local major=$1 older=${2:-} tree=$cache/pg$1${2:+-$2} mirror release packages sources
	# A second one waits; the lock ends with the shell that "$(" opens.
	exec 9>"$tree.lock"
	flock 9
	if ! [ -f "$tree/.complete" ]; then
		mirror=$(debian_mirror)
		release=$(release_of "$major") || exit 1
		sources=("deb $mirror $release main")
		packages=postgresql-$major,gcc,make,libc6-dev,libpq-dev,libipc-run-perl
		packages=$packages,alembic,python3-psycopg2,python3-flask-migrate,python3-asyncpg,procps
		if [ "$major" = 19 ]; then
			sources+=("deb $mirror experimental main")
			packages=${packages/libpq-dev/libpq-dev\/experimental},libpq5/experimental
		fi
		if [ -n "$older" ]; then
			sources+=("deb $mirror $(release_of "$older") main")
			packages=$packages,postgresql-$older
		fi
		rm -rf "$tree"
		debian_tree "$tree" "$release" "$packages" \
			"$(development_files "$major"); ${older:+$(development_files "$older")}" \
			"${sources[@]}" ||
			die "could not make a tree for PostgreSQL $major: see $tree.log"
		touch "$tree/.complete"
	fi
	say "$tree"
}

# development_files MAJOR: what unpacks the headers and PGXS without the
# compiler that they depend on, which only bitcode needs.
development_files()
{
	say "cd /root; apt-get download -qq postgresql-server-dev-$1; dpkg -x postgresql-server-dev-${1}_*.deb /; rm -f ./*.deb"
}

# debian_tree DIRECTORY RELEASE PACKAGES HOOK SOURCE...
debian_tree()
{
	local tree=$1 release=$2 packages=$3 hook=$4
	shift 4
	# The hooks are for mmdebstrap's shell.
	# shellcheck disable=SC2016
	mmdebstrap --quiet --variant=apt --include="$packages" \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--essential-hook='mkdir -p $1/etc/postgresql-common; echo "create_main_cluster = false" >$1/etc/postgresql-common/createcluster.conf' \
		--customize-hook="chroot \$1 sh -ec '$hook'" \
		"$release" "$tree" "$@" >"$tree.log" 2>&1
}

# in_tree TREE COMMAND...: runs it there, in a copy of the sources, with a /proc
# of its own where that is allowed.  The copy stays after a failure.
in_tree()
{
	local tree=$1 enter=() copy status
	shift
	if unshare --mount mount -t proc proc "$tree/proc" 2>/dev/null; then
		# shellcheck disable=SC2016 # for the shell inside
		enter=(unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec "$@"' "$tree")
	fi
	copy=$(mktemp -d "$tree/migrate.XXXXXX") || exit 1
	copy_sources "$copy"
	chmod -R a+rwX "$copy"
	# shellcheck disable=SC2016 # for the shell inside
	"${enter[@]}" chroot "$tree" env -i LC_ALL=C HOME=/root TERM=dumb \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		sh -c 'cd "$0" && exec "$@"' "/$(basename "$copy")" "$@"
	status=$?
	[ "$status" -ne 0 ] || rm -rf "$copy"
	return "$status"
}

# Tables ----------------------------------------------------------------

# result NAME LOG [SUITE]: notes the last "N passed, N failed" of a log, or that
# of a suite in it, for the table.
table=()
result()
{
	local line
	line=$(sed -nE "s/^${3:+# $3: }([0-9]+ passed, [0-9]+ failed)/\\1/p" "$2" | tail -n 1)
	table+=("$(printf '%-32s %s' "$1" "${line:-no result, see $2}")")
	case $line in
		*' 0 failed'*) return 0 ;;
		*) return 1 ;;
	esac
}

# The table, and as the last line how many rows are good.
print_table()
{
	local row good=0 bad=0
	say
	for row in "${table[@]}"; do
		say "$row"
		case $row in
			*' 0 failed'*) good=$((good + 1)) ;;
			*) bad=$((bad + 1)) ;;
		esac
	done
	summary "$good" "$bad"
	[ "$bad" -eq 0 ]
}
