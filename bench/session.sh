# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run has set what is read here
# bench/session.sh: what is measured inside one session: questions, and
# memory; read it with "source"
#
# Results are lines "NAME|TEXT|value|value" in $directory/sessions.

session()
{
	printf '%s|%s|%s|%s\n' "$@" >>"$directory/sessions"
}

# Milliseconds ----------------------------------------------------------

# question DATABASE NAME TEXT SQL CALLS: of the first call in a session, and
# of one among those that follow, each sent by psql.
question()
{
	local result
	result=$({
		cat <<-END
			SELECT 1 \\g /dev/null
			SELECT clock_timestamp() AS before \\gset
			$4 \\g /dev/null
			SELECT clock_timestamp() AS between \\gset
		END
		for ((i = 0; i < $5; i++)); do
			say "$4 \\g /dev/null"
		done
		cat <<-END
			SELECT clock_timestamp() AS after \\gset
			SELECT round(extract(epoch FROM :'between'::timestamptz - :'before') * 1000, 2),
				round(extract(epoch FROM :'after'::timestamptz - :'between') * 1000 / $5, 2);
		END
	} | sql -d "$1")
	session "$2" "$3" "${result%|*}" "${result#*|}"
}

measure_questions()
{
	local n
	for n in $((registry / 100)) $((registry / 10)) "$registry"; do
		register empty "$n" "registry$n" template1
		question "registry$n" "plan.$n" "$n pending: plan" \
			"SELECT count(*) FROM migrate_plan()" 3
		memory "registry$n" "plan.$n" "$n pending: plan" \
			"SELECT count(*) FROM migrate_plan()"
		sql -d "registry$n" -c "SELECT migrate_stamp('head')" >/dev/null
		question "registry$n" "upgrade.$n" \
			"$n registered, nothing to do: SELECT migrate_upgrade()" \
			"SELECT migrate_upgrade()" 100
		question "registry$n" "deploy.$n" \
			"$n registered, nothing to do: CALL migrate_deploy()" \
			"CALL migrate_deploy()" 100
		question "registry$n" "is_current.$n" \
			"$n registered: migrate_is_current()" \
			"SELECT migrate_is_current()" 100
	done
	# What psql and the server need for a statement that does nothing.
	question postgres "null" "for comparison: SELECT 1" "SELECT 1" 100
}

# Memory ----------------------------------------------------------------

# memory DATABASE NAME TEXT SQL: the backend's peak in kB after the statement,
# and the same without the shared memory that it has touched.
memory()
{
	local result
	result=$(sql -d "$1" -c "$4" -c "
		WITH status AS (
			SELECT pg_read_file('/proc/self/status') AS text)
		SELECT substring(text FROM 'VmHWM:\s+(\d+)')::int,
			substring(text FROM 'VmHWM:\s+(\d+)')::int
			- substring(text FROM 'RssShmem:\s+(\d+)')::int
		  FROM status" | tail -n 1)
	session "memory.$2" "$3" "${result%|*}" "${result#*|}"
}

measure_memory()
{
	local n
	[ -r /proc/self/status ] || return 0
	memory postgres "null" "for comparison: SELECT 1" "SELECT 1"
	for n in "${rows[@]}"; do
		memory "migrate_rows_$n" "plan_rows.$n" "$n rows: plan" \
			"SELECT count(*) FROM migrate_plan()"
		new_copy "migrate_rows_$n"
		memory bench "deploy.$n" "$n rows: CALL migrate_deploy()" \
			"CALL migrate_deploy()"
		memory bench "revert.$n" "$n rows: CALL migrate_revert('base')" \
			"CALL migrate_revert('base')"
		new_copy "migrate_rows_$n"
		memory bench "upgrade.$n" "$n rows: SELECT migrate_upgrade()" \
			"SELECT count(*) FROM migrate_upgrade()"
	done
}

measure_sessions()
{
	: >"$directory/sessions"
	measure_questions
	measure_memory
}

print_sessions()
{
	say "| in one session | first ms | next ms |"
	say "|---|--:|--:|"
	awk -F'|' '$1 !~ /^memory/ { print "| " $2 " | " $3 " | " $4 " |" }' \
		"$directory/sessions"
	say
	say "| peak of the backend's memory | MB | without shared memory |"
	say "|---|--:|--:|"
	awk -F'|' '/^memory/ { printf "| %s | %.1f | %.1f |\n", $2, $3 / 1024, $4 / 1024 }' \
		"$directory/sessions"
}
