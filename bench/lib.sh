# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run has set what is read here
# bench/lib.sh: the server, and how one process is measured; read it with
# "source"
#
# Reads directory.  Gives bindir, postmaster, and the functions below.
# Results are lines "KIND N CONTENDER OPERATION wall cpu" in
# $directory/results; take_medians makes $directory/medians of them.

# The server ------------------------------------------------------------

stage=$directory/stage
pg_config=$(find_pg_config) || die "no server to build against: set PG_CONFIG"
stage_extension "$pg_config" "$stage" >/dev/null
bindir=$(cat "$stage/bindir")

export PGHOST=$directory PGPORT=5432 PGUSER=bench PGDATABASE=postgres
export PGOPTIONS='-c client_min_messages=error'

start_server()
{
	"$bindir/initdb" -D "$directory/data" -A trust -U bench --no-sync \
		>"$directory/initdb.log"
	cat - "$stage/server.conf" >>"$directory/data/postgresql.conf" <<-END
		listen_addresses = ''
		unix_socket_directories = '$directory'
		# A checkpoint or autovacuum in the middle would distort one result.
		autovacuum = off
		checkpoint_timeout = 1h
		max_wal_size = 8GB
		# 10,000 tables in one transaction keep 70,000 locks.
		max_locks_per_transaction = 1024
	END
	"$bindir/pg_ctl" -D "$directory/data" -l "$directory/server.log" -w start \
		>/dev/null
	trap '"$bindir/pg_ctl" -D "$directory/data" -m immediate stop >/dev/null' EXIT
	postmaster=$(head -n 1 "$directory/data/postmaster.pid")
}

sql()
{
	"$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

# new_copy TEMPLATE: database bench is a copy of it.
new_copy()
{
	sql -c "DROP DATABASE IF EXISTS bench" \
		-c "CREATE DATABASE bench TEMPLATE $1"
}

progress()
{
	printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2
}

# Measuring -------------------------------------------------------------

# CPU of the server so far in seconds: processes that have ended are counted
# by the one that started them.  Only where /proc tells.
server_cpu()
{
	local pid children
	if [ ! -r "/proc/$postmaster/stat" ]; then
		echo 0
		return
	fi
	{
		cat "/proc/$postmaster/stat"
		read -ra children <"/proc/$postmaster/task/$postmaster/children" || true
		for pid in "${children[@]}"; do
			cat "/proc/$pid/stat" 2>/dev/null || true
		done
	} | awk -v own="$postmaster" -v tick="$(getconf CLK_TCK)" '
		{ sum += $14 + $15 }
		$1 == own { sum += $16 + $17 }
		END { printf "%.2f\n", sum / tick }'
}

# measure NAME COMMAND...: one client process; adds "NAME wall cpu" to the
# results.  One that fails has no result, and the others continue.
measure()
{
	local name=$1 before start end
	shift
	# A backend ends a moment after its client.
	sleep 0.1
	before=$(server_cpu)
	start=$EPOCHREALTIME
	if ! "$@" >"$directory/output" 2>&1; then
		say "* failed: $name: $(tail -n 3 "$directory/output" | tr '\n' ' ')" |
			tee -a "$directory/failed" >&2
		return
	fi
	end=$EPOCHREALTIME
	sleep 0.1
	printf '%s %s %s\n' "$name" \
		"$(awk -v a="$start" -v b="$end" 'BEGIN { printf "%.4f", b - a }')" \
		"$(awk -v a="$before" -v b="$(server_cpu)" 'BEGIN { printf "%.2f", b - a }')" \
		>>"$directory/results"
}

# One line "KIND N CONTENDER OPERATION wall cpu" for each that was measured.
take_medians()
{
	join <(medians_of 5) <(medians_of 6) | tr : ' ' >"$directory/medians"
}

# medians_of COLUMN: lines "KIND:N:CONTENDER:OPERATION median".
medians_of()
{
	awk -v column="$1" '{ print $1 ":" $2 ":" $3 ":" $4, $column }' \
		"$directory/results" | LC_ALL=C sort -k1,1 -k2,2g | awk '
		$1 != key { show(); key = $1; n = 0 }
		{ value[++n] = $2 }
		END { show() }
		function show() {
			if (n) print key, n % 2 ? value[(n + 1) / 2] : \
				(value[n / 2] + value[n / 2 + 1]) / 2
		}'
}
