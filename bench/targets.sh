# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run has set what is read here
# bench/targets.sh: the measured against what we aim at; read it with "source"

# value COLUMN GROUP CONTENDER OPERATION: a median, nothing if not measured.
value()
{
	awk -v column="$1" -v key="$2 $3 $4" \
		'$1 " " $2 " " $3 " " $4 == key { print $(column == "wall" ? 5 : 6) }' \
		"$directory/medians"
}

# session_value NAME COLUMN
session_value()
{
	awk -F'|' -v name="$1" -v column="$2" '$1 == name { print $column }' \
		"$directory/sessions"
}

# divide A B [FACTOR]: A / B * FACTOR, nothing if one is missing.
divide()
{
	[ -n "$1" ] && [ -n "$2" ] || return 0
	awk -v a="$1" -v b="$2" -v factor="${3:-1}" \
		'BEGIN { if (b > 0) printf "%.2f\n", a / b * factor }'
}

# target TEXT AT-MOST: reads lines "measured [of what]"; met if all are.
target()
{
	awk -v text="$1" -v limit="$2" '
		NF {
			list = list (list == "" ? "" : ", ") $0
			if ($1 > limit + 0) missed = 1
		}
		END {
			if (list != "")
				printf "| %s | %s | %s | %s |\n", text, limit, \
					missed ? "**not met**" : "met", list
		}'
}

# ratios WHAT OPERATION CONTENDER WITH [GROUP]: one contender to another, for
# each group or for one.
ratios()
{
	local kind n
	{ if [ -n "${5:-}" ]; then say "$5"; else all_groups; fi; } |
		while read -r kind n; do
			divide "$(value "$1" "$kind $n" "$3" "$2")" \
				"$(value "$1" "$kind $n" "$4" "$2")" |
				sed "s/\$/ ($n $kind)/"
		done
}

# growth NAME COLUMN: what one more revision takes between a tenth of the
# registry and all of it, to what it takes between a hundredth and a tenth.
growth()
{
	awk -v a="$(session_value "$1.$((registry / 100))" "$2")" \
		-v b="$(session_value "$1.$((registry / 10))" "$2")" \
		-v c="$(session_value "$1.$registry" "$2")" \
		'BEGIN { if (b > a) printf "%.2f\n", (c - b) / (b - a) / 10 }'
}

print_targets()
{
	local operation what n few=$((registry / 100))
	say "| target, wall seconds unless it says otherwise | at most | | measured |"
	say "|---|--:|---|---|"
	for operation in upgrade downgrade; do
		ratios wall $operation migrate-function loop-function |
			target "$operation: function / loop with a subtransaction each" 1.00
		ratios wall $operation migrate-function psql-one "tables 1000" |
			target "$operation: function / \`psql -1 -f\`" 1.10
		ratios wall $operation migrate-function psql-one "rows 10000" |
			target "$operation: function / \`psql -1 -f\`" 1.50
		ratios wall $operation migrate-procedure loop-procedure |
			target "$operation: procedure / loop with COMMIT each" 1.00
		for what in wall cpu; do
			divide "$(value $what "rows 10000" migrate-procedure $operation)" \
				"$(value $what "rows 1000" migrate-procedure $operation)" 0.1 |
				target "$operation: procedure, $what of one of 10,000 rows / one of 1,000" 1.25
		done
	done
	divide "$(session_value memory.deploy.10000 4)" \
		"$(session_value memory.deploy.1000 4)" |
		target "procedure: memory of 10,000 rows / 1,000" 1.10
	for n in upgrade deploy; do
		session_value $n.$few 4 |
			target "nothing to do, ms: migrate_$n(), $few registered" 1
		session_value $n."$registry" 4 |
			target "nothing to do, ms: migrate_$n(), $registry registered" 10
	done
	session_value plan."$registry" 4 |
		target "plan of $registry, ms" 1000
	growth plan 4 |
		target "plan, time of one more revision, of many / of few" 1.25
	growth memory.plan 4 |
		target "plan, memory of one more revision, of many / of few" 1.25
	for operation in upgrade nothing downgrade; do
		ratios wall $operation migrate-function alembic-one |
			target "$operation: function / Alembic in one transaction" 1.00
		ratios wall $operation migrate-procedure alembic-each |
			target "$operation: procedure / Alembic with transaction_per_migration" 1.00
	done
}
