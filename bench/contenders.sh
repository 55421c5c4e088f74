# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run has set what is read here
# bench/contenders.sh: what is measured, and what each is given; read it with
# "source"
#
# Below $directory each group has KIND_N.up and KIND_N.down, a body a line in
# the order in which they run, and for each contender whatever it makes of
# them.  The first contender is the base of all ratios.

# shellcheck disable=SC2034 # bench/run reads it
contenders=(
	psql-one psql-savepoint psql-each
	loop-function loop-procedure
	migrate-function migrate-procedure
	alembic-one alembic-each
)

text_of()
{
	case $1 in
		psql-one) say 'psql -1 -f' ;;
		psql-savepoint) say 'psql -f, a savepoint each' ;;
		psql-each) say 'psql -f, BEGIN, version row, COMMIT each' ;;
		loop-function) say 'PL/pgSQL loop, a subtransaction each' ;;
		loop-procedure) say 'PL/pgSQL loop, COMMIT each' ;;
		migrate-function) say '**SELECT migrate_upgrade / _downgrade**' ;;
		migrate-procedure) say '**CALL migrate_deploy / _revert**' ;;
		alembic-one) say 'Alembic, one transaction' ;;
		alembic-each) say 'Alembic, transaction_per_migration' ;;
	esac
}

# Files of SQL know nothing of what has been done.
has_operation()
{
	case $1.$2 in
		psql-*.nothing) return 1 ;;
	esac
}

# left_out CONTENDER KIND N: prints why, if it is.
left_out()
{
	case $1 in
		alembic-*)
			if ! command -v alembic >/dev/null; then
				say "not installed"
				return
			fi ;;
	esac
	[ -z "${BENCH_ALL:-}" ] || return 0
	[ "$2" = tables ] && [ "$3" -gt 1000 ] || return 0
	case $1 in
		psql-savepoint | *-function)
			say "subtransactions that create relations take the square of their number in the server" ;;
		alembic-*)
			say "several minutes a round; 10,000 rows show what so many files cost" ;;
	esac
}

# What is given to them -------------------------------------------------

# bodies KIND N COMMAND: a body a line, in the order in which they run.
bodies()
{
	case $3 in
		up) seq 1 "$2" ;;
		down) seq "$2" -1 1 ;;
	esac | case $1.$3 in
		tables.up) awk '{ printf "CREATE TABLE t%d (id int PRIMARY KEY, name text); INSERT INTO t%d VALUES (1, '\''a'\'');\n", $1, $1 }' ;;
		tables.down) awk '{ printf "DROP TABLE t%d;\n", $1 }' ;;
		rows.up) awk '{ printf "INSERT INTO target VALUES (%d);\n", $1 }' ;;
		rows.down) awk '{ printf "DELETE FROM target WHERE id = %d;\n", $1 }' ;;
		empty.*) awk '{ print "SELECT 1;" }' ;;
	esac
}

# Bodies -> psql, each in a subtransaction.
with_savepoints()
{
	awk '{ print "SAVEPOINT s;"; print; print "RELEASE s;" }'
}

# with_transactions N COMMAND: bodies -> psql, each in a transaction that
# writes a version row as Alembic does.
with_transactions()
{
	awk -v n="$1" -v down="$([ "$2" = down ] && echo 1)" '{
		from = down ? n - NR + 1 : NR - 1
		print "BEGIN;"
		print
		printf "UPDATE version SET version_num = '\''%d'\'' WHERE version_num = '\''%d'\'';\n", \
			down ? from - 1 : from + 1, from
		print "COMMIT;"
	}'
}

# up_and_down KIND N: lines "up<TAB>down", a revision each.
up_and_down()
{
	paste <(bodies "$1" "$2" up) <(bodies "$1" "$2" down | tac)
}

# script KIND N: revisions in the extension's file format, each on top of the
# one before.
script()
{
	up_and_down "$1" "$2" | awk -F'\t' '{
		printf "-- revision: r%07d\n", NR
		if (NR > 1) printf "-- down_revision: r%07d\n", NR - 1
		print "-- migrate:up"
		print $1
		print "-- migrate:down"
		print $2
	}'
}

# alembic_files DIRECTORY KIND N: the same revisions for Alembic.
alembic_files()
{
	mkdir -p "$1/versions"
	cp bench/alembic_env/env.py bench/alembic_env/alembic.ini "$1"
	up_and_down "$2" "$3" | awk -F'\t' -v directory="$1/versions" '{
		file = sprintf("%s/r%07d.py", directory, NR)
		print "from alembic import op" >file
		printf "revision = \"r%07d\"\n", NR >file
		if (NR > 1) printf "down_revision = \"r%07d\"\n", NR - 1 >file
		else print "down_revision = None" >file
		printf "def upgrade():\n    op.execute(\"%s\")\n", $1 >file
		printf "def downgrade():\n    op.execute(\"%s\")\n", $2 >file
		close(file)
	}'
	# Compiled once, as in an image that is deployed.
	alembic -c "$1/alembic.ini" heads >/dev/null
}

alembic_versions()
{
	if command -v alembic >/dev/null; then
		say "$(alembic --version), $(alembic_python --version), psycopg2 $(alembic_python -c 'import psycopg2; print(psycopg2.__version__.split()[0])')"
	else
		say "no Alembic"
	fi
}

# The loops that a person would write in PL/pgSQL, but with the version row
# found by where it is as long as there is one transaction: an UPDATE by value
# walks all versions of the row that the transaction has left.  A table of one
# row is scanned, and they are walked again, unless that is forbidden; what is
# forbidden looks so expensive that it would be compiled.
loop_setup()
{
	local command body which order version
	say "CREATE TABLE revision (number int PRIMARY KEY, up text NOT NULL, down text NOT NULL);"
	while IFS='|' read -r command body which order version; do
		cat <<-SQL
			CREATE FUNCTION loop_$command() RETURNS void LANGUAGE plpgsql
			SET enable_seqscan = off SET jit = off AS \$\$
			DECLARE
				r record;
				here tid;
				at int;
			BEGIN
				SELECT ctid, version_num INTO here, at FROM version;
				FOR r IN SELECT number, $body AS body FROM revision
				          WHERE $which ORDER BY $order LOOP
					BEGIN
						EXECUTE r.body;
						UPDATE version SET version_num = $version
						 WHERE ctid = here RETURNING ctid INTO here;
					EXCEPTION WHEN serialization_failure THEN
						RAISE;
					END;
				END LOOP;
			END \$\$;
			CREATE PROCEDURE loop_commit_$command() LANGUAGE plpgsql AS \$\$
			DECLARE
				r record;
				at int;
			BEGIN
				SELECT version_num INTO at FROM version;
				FOR r IN SELECT number, $body AS body FROM revision
				          WHERE $which ORDER BY $order LOOP
					EXECUTE r.body;
					UPDATE version SET version_num = $version
					 WHERE version_num = at::text;
					at := $version;
					COMMIT;
				END LOOP;
			END \$\$;
		SQL
	done <<-LIST
		upgrade|up|number > at|number|r.number
		downgrade|down|number <= at|number DESC|r.number - 1
	LIST
}

# Databases -------------------------------------------------------------

# Template plain for the files and for Alembic, and two for each group.
set_up_all()
{
	local kind n
	sql -c "CREATE DATABASE plain"
	sql -d plain -c "CREATE TABLE target (id int PRIMARY KEY)" \
		-c "CREATE TABLE version (version_num varchar(32) PRIMARY KEY)" \
		-c "INSERT INTO version VALUES ('0')" -c "VACUUM ANALYZE"
	while read -r kind n <&3; do
		progress "set up: $n $kind"
		set_up "$kind" "$n"
	done 3< <(all_groups)
}

set_up()
{
	local kind=$1 n=$2 group=$1_$2 command
	for command in up down; do
		bodies "$kind" "$n" $command >"$directory/$group.$command"
		with_savepoints <"$directory/$group.$command" \
			>"$directory/$group.$command.savepoint"
		with_transactions "$n" $command <"$directory/$group.$command" \
			>"$directory/$group.$command.each"
	done
	up_and_down "$kind" "$n" | awk -F'\t' '{ print NR "\t" $0 }' \
		>"$directory/$group.revisions"
	sql -c "CREATE DATABASE loop_$group TEMPLATE plain"
	loop_setup | sql -d "loop_$group"
	sql -d "loop_$group" \
		-c "\\copy revision from '$directory/$group.revisions'" \
		-c "VACUUM ANALYZE"
	register "$kind" "$n" "migrate_$group" plain
	[ -n "$(left_out alembic-one "$kind" "$n")" ] ||
		alembic_files "$directory/alembic_$group" "$kind" "$n"
}

# register KIND N DATABASE TEMPLATE
register()
{
	script "$1" "$2" >"$directory/script"
	sql -c "CREATE DATABASE $3 TEMPLATE $4"
	sql -d "$3" -c "CREATE EXTENSION migrate" \
		-c "SELECT count(*) FROM migrate_register_script(pg_read_file('$directory/script'))" \
		-c "VACUUM ANALYZE" >/dev/null
}

template_of()
{
	case $1 in
		loop-*) say "loop_$2_$3" ;;
		migrate-*) say "migrate_$2_$3" ;;
		*) say plain ;;
	esac
}

# The one client process that is measured -------------------------------

# operate CONTENDER OPERATION KIND N
operate()
{
	local file=$directory/$3_$4.up url database=bench
	[ "$2" != downgrade ] || file=$directory/$3_$4.down
	url="postgresql+psycopg2://$PGUSER@/$database?host=$PGHOST&port=$PGPORT"
	case $1.$2 in
		psql-one.*) sql -d $database -1 -f "$file" ;;
		psql-savepoint.*) sql -d $database -1 -f "$file.savepoint" ;;
		psql-each.*) sql -d $database -f "$file.each" ;;
		loop-function.downgrade) sql -d $database -c "SELECT loop_downgrade()" ;;
		loop-function.*) sql -d $database -c "SELECT loop_upgrade()" ;;
		loop-procedure.downgrade) sql -d $database -c "CALL loop_commit_downgrade()" ;;
		loop-procedure.*) sql -d $database -c "CALL loop_commit_upgrade()" ;;
		migrate-function.downgrade) sql -d $database -c "SELECT migrate_downgrade('base')" ;;
		migrate-function.*) sql -d $database -c "SELECT migrate_upgrade()" ;;
		migrate-procedure.downgrade) sql -d $database -c "CALL migrate_revert('base')" ;;
		migrate-procedure.*) sql -d $database -c "CALL migrate_deploy()" ;;
		alembic-one.downgrade) run_alembic "$3_$4" -x url="$url" downgrade base ;;
		alembic-one.*) run_alembic "$3_$4" -x url="$url" upgrade head ;;
		alembic-each.downgrade) run_alembic "$3_$4" -x url="$url" -x each=1 downgrade base ;;
		alembic-each.*) run_alembic "$3_$4" -x url="$url" -x each=1 upgrade head ;;
	esac
}

# run_alembic GROUP ARGUMENT...
run_alembic()
{
	local group=$1
	shift
	alembic -c "$directory/alembic_$group/alembic.ini" "$@"
}
