# Statements of batches: what the check accepts does the same in batches as at once.
#
# Random statements are given to migrate_batch() twice: for all rows in one batch,
# and for a few keys in each.  What it refuses is no finding; of what it accepts
# both must leave the same rows.  What docs/reference.md leaves to the author is
# not made: a statement reads no column that it sets and no table that it deletes
# from or inserts into, what it sets may be set twice where a row may be met twice,
# and what is about the rows of one batch is in conditions alone.
#
# FUZZ_TIME says for how many seconds, or FUZZ_COUNT how many statements, FUZZ_SEED
# where the dice begin.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../../t";

use List::Util qw(shuffle);
use MigrateTest;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{FUZZ_TIME} || 60;
my $count = $ENV{FUZZ_COUNT};
my $seed = $ENV{FUZZ_SEED} || int(time);
my $statements_a_schema = 250;
my $timeout = '500ms';
my $enough = 10;

srand($seed);
diag("FUZZ_SEED=$seed");

my $node = new_node('fuzz_batch', 'restart_after_crash = on', 'log_statement = none', 'log_min_messages = log', 'fsync = off', 'jit = off');
my $db = new_database($node, 'fuzz_batch');

# Another order than that of "C"; a server may be built without ICU.
my $collation = $node->safe_psql($db, q{SELECT COALESCE((SELECT collname FROM pg_collation WHERE collname = 'und-x-icu'), 'C')});

# The keys that tables have: the types and names of the columns, and values of each.
my @keys = (
	{ types => ['int'], names => ['id'], values => [ [ map { "'$_'" } -1 .. 9 ] ] },
	{ types => ['bigint'], names => ['id'], values => [ [ map { "'$_'" } -1 .. 9 ] ] },
	{ types => ['text COLLATE "C"'], names => ['id'], values => [ [ map { "'$_'" } qw(a A b B c Z z ab aB), '', ' ' ] ] },
	{ types => [qq(text COLLATE "$collation")], names => ['id'], values => [ [ map { "'$_'" } qw(a A b B c Z z ab aB), '', "\xc3\xa4" ] ] },
	{ types => ['timestamptz'], names => ['id'], values => [ [ "'-infinity'", "'infinity'", map { "'2024-03-31 0$_:30+00'" } 0 .. 7 ] ] },
	{ types => ['numeric'], names => ['id'], values => [ [ map { "'$_'" } 'NaN', 'infinity', '0.0', '1.10', '2.5', '-3', '4', '5e3' ] ] },
	{ types => [ 'int', 'int' ], names => [ 'b', 'a' ], values => [ [ map { "'$_'" } 0 .. 3 ], [ map { "'$_'" } 0 .. 3 ] ] },
	{ types => [ qq(text COLLATE "$collation"), 'date' ], names => [ 'b', 'a' ],
		values => [ [ map { "'$_'" } qw(a A b B) ], [ map { "'2024-03-0$_'" } 1 .. 4 ] ] });
my ($key, $setup, @relations);
my $aliases = 0;

my (%seen, @findings, %refusals, %invalid);
my $began = time;
while (@findings < $enough && (defined $count ? total() < $count : time - $began < $seconds))
{
	$key = one_of(@keys);
	$setup = schema();
	run_statements(map { statement_of_t() } 1 .. $statements_a_schema);
}
diag(sprintf('%d statements, %.0f a second: %s', total(), total() / (time - $began),
		join ', ', map { "$seen{$_} $_" } sort keys %seen));
if ($ENV{FUZZ_DESCRIBE})
{
	diag("$refusals{$_} $_") foreach sort { $refusals{$b} <=> $refusals{$a} } keys %refusals;
	diag("$invalid{$_} $_") foreach sort { $invalid{$b} <=> $invalid{$a} } keys %invalid;
}

is(join("\n\n", @findings), '', 'batches do what the statement does at once');
cmp_ok($seen{same} // 0, '>', total() / 10, 'many statements are accepted, and change something');
cmp_ok($seen{refused} // 0, '>', total() / 10, 'many statements are refused');
cmp_ok($seen{invalid} // 0, '<', total() / 10, 'few statements are none');
$node->stop;
done_testing();

sub total
{
	my $total = 0;
	$total += $_ foreach values %seen;
	return $total;
}

sub run_statements
{
	my @cases = map { [ $_, one_of(1, 2, 3, 3, 4) ] } @_;
	my $calls = join '', map { 'SELECT * FROM judge(' . literal($_->[0]) . ", $_->[1]);\n" } @cases;
	my ($output, $errors) = ('', '');
	expect_crash($node);
	$node->psql($db, "SET client_min_messages = error;\n$setup;\nSET statement_timeout = '$timeout';\n$calls", stdout => \$output, stderr => \$errors);
	my @verdicts = split /\n/, $output;
	if (@verdicts != @cases)
	{
		push @findings, "$setup;\n" . ($cases[@verdicts][0] // '') . "\n$errors";
		wait_until_up($node);
	}
	foreach my $n (0 .. $#verdicts)
	{
		my ($verdict, $detail) = split /\|/, $verdicts[$n], 2;
		$seen{$verdict}++;
		$refusals{$detail}++ if $verdict eq 'refused';
		$invalid{"$detail: $cases[$n][0]"}++ if $verdict eq 'invalid';
		push @findings, "$setup;\nbatch_size => $cases[$n][1]: $cases[$n][0]\n$detail" if $verdict eq 'different';
	}
	return;
}

# Tables, with rows, the views, and what compares them.  t is the table of the
# batches, o and q other ones with and without a key, roof and heir, if they are
# there, those that t has rows in common with; the others are only written.
sub schema
{
	my @columns = map { "$key->{names}[$_] $key->{types}[$_]" } 0 .. $#{ $key->{names} };
	my $names = join ', ', @{ $key->{names} };
	my $plain = join ', ', @columns;
	my $parent = join ', ', map { "p_$_" } @columns;
	my $body = "$plain, n int, $parent, v int DEFAULT 0";
	my $family = one_of('', '', 'heir', 'roof', 'partition');
	my @sql = ('DROP SCHEMA IF EXISTS fuzz CASCADE', 'CREATE SCHEMA fuzz', 'SET search_path = fuzz, public');
	push @sql, "CREATE TABLE roof ($body)" if $family eq 'roof';
	push @sql, "CREATE TABLE roof ($body) PARTITION BY RANGE ($key->{names}[0])" if $family eq 'partition';
	push @sql, $family eq 'partition' ? "CREATE TABLE t PARTITION OF roof (PRIMARY KEY ($names)) FOR VALUES FROM (MINVALUE) TO ($key->{values}[0][2])"
		: "CREATE TABLE t ($body, PRIMARY KEY ($names))" . ($family eq 'roof' ? ' INHERITS (roof)' : '');
	push @sql, 'CREATE TABLE other_part PARTITION OF roof DEFAULT' if $family eq 'partition';
	push @sql, "CREATE TABLE heir () INHERITS (t)" if $family eq 'heir';
	push @sql, "CREATE TABLE o ($body, PRIMARY KEY ($names))", "CREATE TABLE q ($body)", 'CREATE TABLE log (x text, y text)',
		'CREATE TABLE seen (k text UNIQUE)', 'CREATE TABLE total (k text UNIQUE, c bigint, s bigint)';
	push @sql, map { "ALTER TABLE $_ ALTER v SET NOT NULL" } 't', 'o', 'q';

	my %rows = (t => 10, o => 9, q => 8, ($family eq 'heir' ? (heir => 4) : ()), ($family =~ /roof|partition/ ? (roof => 5) : ()));
	my $into = join ', ', @{ $key->{names} }, 'n', map { "p_$_" } @{ $key->{names} };
	foreach my $table (sort keys %rows)
	{
		my %keys;
		# The rows of the partition are known by their keys.
		next if $family eq 'partition' && $table eq 't';
		foreach (1 .. ($family eq 'partition' ? 16 : $rows{$table}))
		{
			my @k = map { one_of(@$_) } @{ $key->{values} };
			next if $table ne 'q' && $keys{"@k"}++;
			@k = map { rand() < 0.1 ? 'NULL' : $_ } @k if $table eq 'q';
			my @p = map { rand() < 0.2 ? 'NULL' : one_of(@$_) } @{ $key->{values} };
			push @sql, "INSERT INTO $table ($into) VALUES (" . join(', ', @k, one_of('NULL', 0 .. 4), @p) . ')';
		}
	}

	my $shared = { t => 1, roof => 1, heir => 1 };
	@relations = map { { name => $_, reads => [ $shared->{$_} ? 't' : $_ ], of_t => $_ eq 't', mine => $_ !~ /^[oq]$/ } }
		't', 'o', 'q', $family eq 'heir' ? 'heir' : $family ? 'roof' : ();
	my $k = sub { my ($from) = @_; return join ', ', map { "$from.$_" } @{ $key->{names} } };
	my $p = sub { my ($from) = @_; return join ', ', map { "$from.p_$_" } @{ $key->{names} } };
	my $of = sub { return '(' . $p->($_[0]) . ') = (' . $k->($_[1]) . ')' };
	my $merged = one_of('', 'LEFT', 'RIGHT', 'FULL');
	my %view = (
		v_filter => [ 't', 'SELECT ' . $k->('t') . ', n, ' . $p->('t') . ', v FROM t WHERE n IS DISTINCT FROM 3' ],
		v_child => [ 't o', 'SELECT ' . $k->('t') . ', o.n, ' . $p->('t') . ' FROM t JOIN o ON ' . $of->('t', 'o') ],
		v_left => [ 't o', 'SELECT ' . $k->('t') . ', o.n, ' . $p->('o') . ' FROM o LEFT JOIN t ON ' . $of->('o', 't') ],
		v_union => [ 't o', 'SELECT ' . $k->('t') . ', n, ' . $p->('t') . ' FROM t UNION ALL SELECT ' . $k->('o') . ', n, ' . $p->('o') . ' FROM o' ],
		v_rank => [ 't', 'SELECT ' . $k->('t') . ', rank() OVER (ORDER BY n)::int AS n, ' . $p->('t') . ' FROM t' ],
		v_group => [ 't', 'SELECT ' . $k->('t') . ', count(*)::int AS n, ' . $p->('t') . ' FROM t GROUP BY ' . $k->('t') . ', ' . $p->('t') ],
		v_pair => [ 't', 'SELECT ' . $k->('x') . ', y.n, ' . $p->('y') . ' FROM t AS x, t AS y WHERE ' . $of->('x', 'y') ],
		v_first => [ 't', 'SELECT ' . $k->('t') . ', n, ' . $p->('t') . ' FROM t ORDER BY ' . $k->('t') . ' LIMIT 5' ],
		v_merged => [ 't o', "SELECT $names, o.n, " . $p->('t') . " FROM t $merged JOIN o USING ($names)" ]);
	foreach my $name (sort keys %view)
	{
		my ($reads, $query) = @{ $view{$name} };
		push @sql, "CREATE VIEW $name" . (rand() < 0.2 && $name !~ /union|group/ ? ' WITH (security_barrier)' : '') . " AS $query";
		push @relations, { name => $name, reads => [ split ' ', $reads ], mine => !!($name ne 'v_merged' || $merged ne 'RIGHT'), of_t => scalar($name =~ /filter|child|rank|group|pair/) };
	}
	my $rule = rand();
	push @sql, 'CREATE RULE also AS ON UPDATE TO t DO ALSO INSERT INTO log VALUES (old.n)' if $rule < 0.1;
	push @sql, 'CREATE RULE also AS ON UPDATE TO t DO ALSO UPDATE q SET v = 7 WHERE ' . $of->('q', 'old') if $rule > 0.95;

	# Text of all rows: roof and t have those of the others, too.
	my @contents = map { "(SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM $_ AS r)" }
		($family =~ /roof|partition/ ? 'roof' : 't'), 'o', 'q', 'log', 'seen', 'total';
	return join(";\n", @sql, "CREATE FUNCTION contents() RETURNS text LANGUAGE sql AS \$\$SELECT concat_ws(' / ', " . join(', ', map { "COALESCE($_, '-')" } @contents) . ')$$', <<'SQL');
-- What the statement leaves, run in batches of a size, and taken back.
CREATE FUNCTION outcome(statement text, size int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows text;
BEGIN
	CALL migrate_batch('t', statement, batch_size => size, target => '0', pause => 0);
	SELECT contents() INTO rows;
	RAISE SQLSTATE 'P0099' USING MESSAGE = rows;
EXCEPTION
	WHEN SQLSTATE 'P0099' THEN
		RETURN SQLERRM;
	WHEN query_canceled OR OTHERS THEN
		RETURN format('!%s %s', SQLSTATE, split_part(SQLERRM, E'\n', 1));
END $$;
CREATE FUNCTION judge(statement text, size int, OUT verdict text, OUT detail text) LANGUAGE plpgsql AS $$
DECLARE
	at_once text := outcome(statement, 1000);
	in_batches text;
BEGIN
	detail := at_once;
	verdict := CASE
		WHEN at_once ~ '^!(22023|0A000) the statement of a batch' THEN 'refused'
		WHEN at_once ~ '^!(42|0A)' THEN 'invalid'
		WHEN at_once ~ '^!XX' THEN 'different'
		WHEN at_once ~ '^!' THEN 'failed'
	END;
	IF verdict IS NULL THEN
		in_batches := outcome(statement, size);
		verdict := CASE
			WHEN in_batches ~ '^!57014' THEN 'failed'
			WHEN at_once <> in_batches THEN 'different'
			WHEN at_once = contents() THEN 'without effect'
			ELSE 'same'
		END;
		detail := format('at once: %s; in batches: %s', at_once, in_batches);
	END IF;
END $$
SQL
}

# Statements ------------------------------------------------------------

# Without the table it is not looked at.
sub statement_of_t
{
	my $sql = statement();
	return $sql =~ /\b(?:t|heir|roof|v_\w+) AS\b/ ? $sql : statement_of_t();
}

# hidden: tables that are not read; ctes: what WITH has; range: whether the query is
# to be limited to the batch; outer: relations of queries around it.
sub statement
{
	$aliases = 0;
	my $context = { hidden => {}, ctes => [], outer => [] };
	my @with;
	my @targets = shuffle(qw(log seen total t o));
	my $main = shift @targets;
	if (rand() < 0.35)
	{
		# What is changed is not read, in none of the parts.
		my @parts = map { rand() < 0.5 ? 'select' : shift @targets } 1 .. 1 + rand 2;
		my @written = ($main, grep { $_ ne 'select' } @parts);
		my %kind = map { $_ => change_kind($_) } @written;
		# MERGE is not for WITH up to 16.
		$kind{$_} =~ s/merge/update/ foreach @written[ 1 .. $#written ];
		hide($context, $_, $kind{$_}) foreach @written;
		$context->{groups} = !grep { /log|total|^t$/ || $kind{$_} =~ /merge|upsert/ } @written;
		foreach my $part (@parts)
		{
			my $name = 'w' . ++$aliases;
			my $wants = rand() < 0.7;
			my $query = $part eq 'select' ? query($context, $wants, 1) : change($context, $part, $kind{$part}, 1);
			my $materialized = $part eq 'select' ? one_of('', '', 'MATERIALIZED ', 'NOT MATERIALIZED ') : '';
			push @with, "$name AS $materialized($query->{sql})";
			push @{ $context->{ctes} }, { %$query, name => $name } if $query->{columns};
		}
		my $sql = change($context, $main, $kind{$main}, 0)->{sql};
		return 'WITH ' . join(', ', @with) . " $sql";
	}
	my $kind = change_kind($main);
	hide($context, $main, $kind);
	$context->{groups} = $main !~ /log|total|^t$/ && $kind !~ /merge|upsert/;
	return change($context, $main, $kind, 0)->{sql};
}

sub change_kind
{
	my ($target) = @_;
	return 'insert' if $target =~ /log|seen|total/;
	return one_of('update', 'update', 'update', 'delete', 'merge') if $target eq 't';
	return one_of('update', 'delete', 'delete', 'merge', 'upsert');
}

sub hide
{
	my ($context, $table, $kind) = @_;
	$context->{hidden}{$table} = 1 if $kind ne 'update';
	return;
}

sub change
{
	my ($context, $target, $kind, $returning) = @_;
	return insert($context, $target) if $kind eq 'insert';
	return upsert($context) if $kind eq 'upsert';
	return merge($context, $target) if $kind eq 'merge';
	return modify($context, $target, $kind, $returning);
}

sub insert
{
	my ($context, $target) = @_;
	my $query = query($context, rand() < 0.97, 0, $target);
	return { sql => "INSERT INTO $target $query->{sql}"
		. ($target eq 'seen' ? ' ON CONFLICT DO NOTHING' : $target eq 'total' ? ' ON CONFLICT (k) DO UPDATE SET c = total.c + excluded.c, s = total.s + excluded.s' : '') };
}

sub upsert
{
	my ($context) = @_;
	my $query = query($context, 1, 0, 'key');
	my $names = join ', ', @{ $key->{names} };
	return { sql => "INSERT INTO o ($names) $query->{sql} ON CONFLICT ($names) DO UPDATE SET v = o.v + 1"
		. (rand() < 0.2 ? ' WHERE o.n > 1' : rand() < 0.1 ? " WHERE excluded.$key->{names}[0] > \$1" : '') };
}

sub merge
{
	my ($context, $target) = @_;
	my $to = relation_of($target, "m" . ++$aliases);
	my $direct = $target eq 't' ? rand() < 0.8 : rand() < 0.1;
	my $source = relation($context, !$direct, 1);
	$source->{key} or return insert($context, 'log');
	my $on = equal_keys($to->{key}, $source->{key});
	$on .= ' AND ' . condition($context, [ $to, $source ], 1) if rand() < 0.2;
	$on .= ' AND ' . range($to->{key}) if $direct && $target eq 't';
	$on .= ' AND ' . range($source->{key}) if $source->{mine} && rand() < ($direct && $target ne 't' ? 0.9 : 0.05);
	my @when;
	push @when, 'WHEN MATCHED AND ' . ($to->{alias} . '.n > 1') . ' THEN ' . one_of('DELETE', 'DO NOTHING') if rand() < 0.3;
	push @when, 'WHEN MATCHED' . (rand() < 0.05 && $target eq 't' ? ' AND ' . range($to->{key}) : '') . " THEN UPDATE SET v = $to->{alias}.v + 1";
	push @when, 'WHEN NOT MATCHED THEN INSERT (' . join(', ', @{ $key->{names} }) . ') VALUES (' . join(', ', @{ $source->{key} }) . ')' if $target eq 'o' && rand() < 0.6;
	return { sql => "MERGE INTO $target AS $to->{alias} USING $source->{sql} ON $on " . join(' ', @when) };
}

sub modify
{
	my ($context, $target, $kind, $returning) = @_;
	my $name = $target eq 't' && rand() < 0.1 ? 'v_filter' : $target;
	my $only = $target eq 't' && $name eq 't' && rand() < 0.05 ? 'ONLY ' : '';
	my $to = relation_of($name, 'm' . ++$aliases);
	my $mine = $target eq 't';
	my $joined = rand() < ($mine ? 0.4 : 0.7);
	my $sublink = !$mine && !$joined;
	my $range_inside = $mine ? rand() < 0.08 : $joined;
	my ($from, @scope, @where) = ('', $to);
	if ($joined)
	{
		my $inner = from({ %$context, beside => 1 }, $range_inside, 1);
		$from = ($kind eq 'update' ? ' FROM ' : ' USING ') . $inner->{sql};
		push @where, @{ $inner->{where} };
		push @scope, @{ $inner->{relations} };
		my $with = one_of(@{ $inner->{relations} });
		push @where, join_condition($to, $with);
	}
	if ($sublink)
	{
		push @where, sublink({ %$context, outer => [ $to, @{ $context->{outer} } ] }, $to, 1);
	}
	push @where, condition($context, \@scope, 1) if rand() < 0.4;
	push @where, range($mine ? $to->{key} : key_of_t(@scope)) if $mine ? rand() < 0.93 : rand() < 0.05;
	my $set = $mine ? "v = $to->{alias}.v + 1" : "v = 5 + COALESCE($to->{alias}.n, 0)";
	my $sql = ($kind eq 'update' ? "UPDATE $only$name AS $to->{alias} SET $set" : "DELETE FROM $only$name AS $to->{alias}")
		. $from . (@where ? ' WHERE ' . join ' AND ', shuffle(@where) : '');
	return { sql => $sql } if !$returning || !$mine;
	my ($list, $columns) = outputs($context, [$to], 1, 1);
	return { sql => "$sql RETURNING $list", columns => $columns };
}

# Queries ---------------------------------------------------------------

# A SELECT.  into: the table whose columns it gives, "key" for a key; what it gives
# otherwise is the caller's to know, by the columns.
sub query
{
	my ($context, $range, $depth, $into) = @_;
	my $from = from($context, $range, $depth);
	my @relations = @{ $from->{relations} };
	my @where = @{ $from->{where} };
	push @where, condition($context, \@relations, $depth) if rand() < 0.4;
	push @where, sublink($context, one_of(@relations), $range && rand() < 0.1) if rand() < 0.08;
	my ($list, $columns, $tail) = ('', undef, '');
	$into //= '';
	if ($into eq 'total')
	{
		my ($by) = plain_columns(\@relations, 'i');
		$by = $by ? "COALESCE($by->{sql}, -1)::text" : "'none'";
		my ($sum) = plain_columns(\@relations, 'i');
		$list = "$by, count(*), " . ($sum ? "COALESCE(sum($sum->{sql}), 0)" : 'count(*)');
		$tail = " GROUP BY 1" if rand() < 0.95 && $by ne "'none'";
		$list =~ s/^\Q$by\E/'all'/ if $tail eq '';
	}
	elsif ($into eq 'key')
	{
		my ($keyed) = grep { $_->{key} && !$_->{tainted} } shuffle(@relations);
		$list = $keyed ? join(', ', @{ $keyed->{key} }) : join(', ', map { $_->[1] } @{ $key->{values} });
	}
	elsif ($into ne '')
	{
		my @chosen = plain_columns(\@relations);
		push @chosen, { sql => "'x'" }, { sql => "'y'" } if @chosen < 2;
		$list = join ', ', map { "$_->{sql}::text" } @chosen[ 0 .. ($into eq 'log') ];
		$list = "COALESCE($list, 'none')" if $into eq 'seen';
		$list = "DISTINCT $list" if $into eq 'seen' && rand() < 0.3;
	}
	else
	{
		($list, $columns) = outputs($context, \@relations, $range);
		if (rand() < 0.06)
		{
			# Sums up, of what is not limited.
			if (!$range)
			{
				my @by = grep { !$_->{tainted} } @$columns;
				my $n = @$columns;
				$tail = ' GROUP BY ' . join ', ', 1 .. $n;
				$tail .= ' HAVING count(*) > 1' if rand() < 0.3;
				$tail = '' if $list =~ /OVER|\$/;
			}
			elsif ($context->{groups} && (my ($by) = plain_columns(\@relations, 'i')))
			{
				$list = "$by->{sql} AS n, count(*)::int AS c";
				$tail = ' GROUP BY 1' . (rand() < 0.3 ? ' HAVING count(*) > 1' : '');
				$columns = [ { name => 'n', class => 'i', tainted => 1 }, { name => 'c', class => 'i', tainted => 1 } ];
			}
		}
	}
	my $sql = "SELECT $list FROM $from->{sql}" . (@where ? ' WHERE ' . join(' AND ', shuffle(@where)) : '') . $tail;
	my $width = $columns ? @$columns : $into eq 'key' ? @{ $key->{names} } : $into eq 'total' ? 3 : $into eq 'log' ? 2 : 1;
	my $numbers = join ', ', 1 .. $width;
	my $noise = $range ? 0.03 : 0.15;
	$sql .= " UNION ALL SELECT $list FROM $from->{sql}" . (@where && rand() < 0.5 ? ' WHERE ' . join(' AND ', @where) : '') . $tail
		if rand() < $noise && $into !~ /total/ && $sql !~ /DISTINCT/;
	if ($into ne 'total' && $sql !~ /DISTINCT/ && rand() < $noise) { $sql .= " ORDER BY $numbers LIMIT " . one_of(1, 3, 'ALL') . one_of('', ' OFFSET 1', ' OFFSET 0'); }
	elsif (rand() < 0.05) { $sql .= " ORDER BY $numbers"; }
	elsif (rand() < 0.03 && $sql !~ /DISTINCT|UNION|GROUP|OVER/) { $sql .= ' OFFSET 0'; }
	elsif ($sql !~ /UNION|DISTINCT|GROUP/ && $into ne 'total' && rand() < $noise / 3) { $sql =~ s/^SELECT/SELECT DISTINCT ON (1)/; $sql .= " ORDER BY $numbers"; }
	elsif ($depth > 0 && !$range && $sql !~ /UNION|DISTINCT|GROUP/ && rand() < 0.1) { $sql =~ s/^SELECT/SELECT DISTINCT/; }
	return { sql => $sql, columns => $columns, range => $range, of_t => $range ? 0 : scalar grep { $_->{of_t} } @relations };
}

# What a subquery gives: a key, if a relation has one, and some more.
sub outputs
{
	my ($context, $relations, $range, $returning) = @_;
	my @columns;
	my ($keyed) = grep { $_->{key} } shuffle(@$relations);
	my $tainted = $keyed && $keyed->{tainted};
	push @columns, map { { name => $key->{names}[$_], class => "k$_", sql => $keyed->{key}[$_], tainted => $tainted, mine => $keyed->{mine} } } 0 .. $#{ $key->{names} } if $keyed;
	my ($number) = grep { $_->{class} eq 'i' } shuffle(map { @{ $_->{columns} } } @$relations);
	push @columns, { name => 'n', class => 'i', sql => $number->{sql}, tainted => $number->{tainted} } if $number;
	my ($parent) = grep { $_->{parent} } shuffle(@$relations);
	push @columns, map { { name => "p_$key->{names}[$_]", class => "k$_", sql => $parent->{parent}[$_], tainted => $parent->{tainted} } } 0 .. $#{ $key->{names} } if $parent;
	# What sees the rows of one batch is for conditions.
	if (rand() < 0.1 && !$returning)
	{
		my $by = $number ? "PARTITION BY $number->{sql}" : '';
		my $what = $range && rand() < 0.6 ? one_of(($keyed && $keyed->{mine} ? "$keyed->{key}[0]" : '$1') . one_of(' = ', ' > ') . '$1') : undef;
		push @columns, defined $what ? { name => 'c', class => 'b', sql => $what, tainted => 1 }
			: { name => 'c', class => 'i', sql => one_of('count(*)', $number ? "rank()" : 'count(*)') . " OVER ($by" . ($number && $keyed ? " ORDER BY $keyed->{key}[0]" : '') . ')::int', tainted => $range };
	}
	push @columns, { name => 'one', class => 'i', sql => '1' } if !@columns;
	return (join(', ', map { "$_->{sql} AS $_->{name}" } @columns), \@columns);
}

# FROM, with conditions for WHERE: { sql, relations, where }.
sub from
{
	my ($context, $range, $depth) = @_;
	my $direct = $range && rand() < 0.7;
	my (@relations, @where);
	my $carrier;
	my $number = 1 + (rand() < 0.45) + (rand() < 0.12);
	if ($range)
	{
		$carrier = relation($context, !$direct, $depth, $direct);
		push @relations, $carrier;
	}
	push @relations, relation($context, 0, $depth) while @relations < $number;
	@relations = shuffle(@relations);
	my ($sql, @joined) = ($relations[0]{sql}, $relations[0]);
	my ($merged, $commas, $equal);
	foreach my $next (@relations[ 1 .. $#relations ])
	{
		my $with = one_of(@joined);
		my $kind = one_of(',', 'JOIN', 'JOIN', 'LEFT JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN');
		$kind = 'JOIN' if $kind eq ',' && @joined > 1 && !$commas;
		$kind = ',' if $commas;
		my $on = join_condition($with, $next);
		if (@relations == 2 && $kind ne ',' && rand() < 0.2 && !$context->{beside} && $with->{key} && $next->{key} && $with->{has_names} && $next->{has_names})
		{
			$sql .= " $kind $next->{sql} USING (" . join(', ', @{ $key->{names} }) . ')';
			$merged = { key => [ @{ $key->{names} } ], tainted => $with->{tainted} || $next->{tainted}, columns => [], alias => 'merged',
				mine => $kind eq 'FULL JOIN' || ($kind eq 'RIGHT JOIN' ? $next : $with)->{mine} };
		}
		elsif ($kind eq ',')
		{
			$sql .= ", $next->{sql}";
			$commas = 1;
			push @where, $on;
		}
		else
		{
			$on .= ' AND ' . condition($context, [ @joined, $next ], $depth) if $kind ne 'FULL JOIN' && rand() < 0.2;
			if ($direct && $kind ne 'FULL JOIN' && rand() < 0.2)
			{
				my ($has) = grep { $_ == $carrier } @joined, $next;
				if ($has && $has->{mine}) { $on .= ' AND ' . range($has->{key}); $direct = 0; }
			}
			$sql .= " $kind $next->{sql} ON $on";
		}
		# The range may be that of an equal column.
		$equal = $next->{key} if $range && $with == $carrier && $carrier->{key} && $next->{key} && $kind =~ /^(?:,|JOIN)$/ && $on =~ /^\(?\Q$carrier->{key}[0]\E\b.*= \(?\Q$next->{key}[0]\E\b/;
		push @joined, $next;
	}
	if (rand() < 0.1 && $depth < 2 && !$merged)
	{
		my $lateral = 'l' . ++$aliases;
		my $query = query({ %$context, beside => 0, outer => [ @relations, @{ $context->{outer} } ] }, 0, $depth + 2);
		$sql .= $commas ? ", LATERAL ($query->{sql}) AS $lateral" : one_of(" CROSS JOIN LATERAL ($query->{sql}) AS $lateral", " LEFT JOIN LATERAL ($query->{sql}) AS $lateral ON true");
		push @relations, alias_of($lateral, $query);
	}
	if ($direct)
	{
		my $key_columns = $carrier->{key};
		$key_columns = $merged->{key} if $merged && $merged->{mine} && rand() < 0.5;
		$key_columns = key_of_t(@relations) if !$carrier->{mine} || rand() < 0.06;
		push @where, range($key_columns);
		push @where, range($equal) if $equal && rand() < 0.2;
	}
	push @where, range(key_of_t(@relations)) if $range && rand() < 0.04;
	push @relations, $merged if $merged;
	return { sql => $sql, relations => \@relations, where => \@where };
}

# A relation of FROM: a table, a view, what WITH has, a subquery.
sub relation
{
	my ($context, $range, $depth, $of_t) = @_;
	my $alias = 'r' . ++$aliases;
	my @readable = grep { my $relation = $_; !grep { $context->{hidden}{$_} } @{ $relation->{reads} } } @relations;
	my @ctes = grep { !!$_->{range} eq !!$range } @{ $context->{ctes} };
	if ($of_t)
	{
		my @mine = grep { $_->{of_t} } @readable;
		my @keyed = grep { $_->{of_t} && $_->{columns}[0]{class} eq 'k0' } @ctes;
		if (@keyed && rand() < 0.2) { my $cte = one_of(@keyed); return with_sql(alias_of($alias, $cte), "$cte->{name} AS $alias"); }
		return with_sql(relation_of($mine[0]{name}, $alias), "$mine[0]{name} AS $alias") if @mine && rand() < 0.75;
		return with_sql(relation_of($_->{name}, $alias), "$_->{name} AS $alias") foreach @mine ? one_of(@mine) : ();
		# The table is not read: whatever the range is about.
	}
	if (@ctes && rand() < 0.4)
	{
		my $cte = one_of(@ctes);
		return with_sql(alias_of($alias, $cte), "$cte->{name} AS $alias");
	}
	if ($range || ($depth < 2 && rand() < 0.2) || !@readable)
	{
		if ($depth > 3) { return with_sql({ alias => $alias, columns => [ { class => 'i', sql => "$alias.g" } ] }, "generate_series(0, 2) AS $alias (g)"); }
		my $query = query({ %$context, outer => [], beside => 0 }, $range, $depth + 1);
		return with_sql(alias_of($alias, $query), "($query->{sql}) AS $alias");
	}
	my $relation = one_of(@readable);
	return with_sql(relation_of($relation->{name}, $alias), "$relation->{name} AS $alias");
}

sub key_of_t { return (map { $_->{key} } grep { $_->{key} && $_->{mine} } shuffle(@_))[0]; }

sub with_sql { my ($relation, $sql) = @_; return { %$relation, sql => $sql }; }

sub relation_of
{
	my ($name, $alias) = @_;
	my @key = map { "$alias.$_" } @{ $key->{names} };
	my @parent = map { "$alias.p_$_" } @{ $key->{names} };
	my ($known) = grep { $_->{name} eq $name } @relations;
	return { alias => $alias, key => \@key, parent => \@parent, has_names => 1, of_t => $known->{of_t}, mine => $known->{mine},
		columns => [ { class => 'i', sql => "$alias.n" }, (map { { class => "k$_", sql => $key[$_] }, { class => "k$_", sql => $parent[$_] } } 0 .. $#key) ] };
}

sub alias_of
{
	my ($alias, $query) = @_;
	my @columns = map { { %$_, sql => "$alias.$_->{name}" } } @{ $query->{columns} };
	my @key = grep { $_->{name} !~ /^p_/ && $_->{class} =~ /^k/ } @columns;
	my @parent = grep { $_->{name} =~ /^p_/ && $_->{class} =~ /^k/ } @columns;
	return { alias => $alias, columns => \@columns, tainted => scalar(grep { $_->{tainted} } @key, @parent), has_names => scalar(@key), mine => scalar(@key && $key[0]{mine}), of_t => $query->{of_t} && scalar(@key && $key[0]{mine}),
		(@key ? (key => [ map { $_->{sql} } @key ]) : ()), (@parent ? (parent => [ map { $_->{sql} } @parent ]) : ()) };
}

sub plain_columns
{
	my ($relations, $class) = @_;
	return grep { !$_->{tainted} && (!defined $class || $_->{class} eq $class) } shuffle(map { @{ $_->{columns} } } @$relations);
}

# Conditions ------------------------------------------------------------

sub equal_keys
{
	my ($one, $other) = @_;
	return join ' AND ', map { "$one->[$_] = $other->[$_]" } 0 .. $#$one if @$one == 1 || rand() < 0.5;
	return '(' . join(', ', @$one) . ') = (' . join(', ', @$other) . ')';
}

sub join_condition
{
	my ($one, $other) = @_;
	my @keys = grep { $_->[0] && $_->[1] } [ $one->{key}, $other->{key} ], [ $one->{key}, $other->{key} ], [ $one->{key}, $other->{parent} ], [ $one->{parent}, $other->{key} ];
	return equal_keys(@{ one_of(@keys) }) if @keys && rand() < 0.85;
	my ($left) = grep { $_->{class} eq 'i' } shuffle(@{ $one->{columns} });
	my ($right) = grep { $_->{class} eq 'i' } shuffle(@{ $other->{columns} });
	return "$left->{sql} = $right->{sql}" if $left && $right;
	return @keys ? equal_keys(@{ $keys[0] }) : '1 = 1';
}

sub condition
{
	my ($context, $relations, $depth) = @_;
	my @scope = (@$relations, @{ $context->{outer} });
	@scope = @$relations if @$relations && rand() < 0.5;
	my $relation = one_of(@scope);
	my $column = one_of(@{ $relation->{columns} }) // { class => 'b', sql => 'true' };
	my $dice = rand();
	return $column->{sql} if $column->{class} eq 'b';
	return sublink($context, $relation, 0) if $dice < 0.2 && $depth < 3;
	return '(' . join(one_of(' OR ', ' AND '), map { condition($context, $relations, 3) } 1 .. 2) . ')' if $dice < 0.3;
	return 'NOT ' . condition($context, $relations, 3) if $dice < 0.35;
	return "$column->{sql} IS " . one_of('', 'NOT ') . 'NULL' if $dice < 0.45;
	my ($same) = grep { $_->{class} eq $column->{class} } shuffle(map { @{ $_->{columns} } } @scope);
	return "$column->{sql} " . one_of('=', '<', '<=', '<>', 'IS DISTINCT FROM') . " $same->{sql}" if $dice < 0.65;
	return "$column->{sql} " . one_of('=', '>', '<', '<>') . ' ' . one_of(1 .. 3) if $column->{class} eq 'i';
	my ($n) = $column->{class} =~ /(\d)/;
	return "$column->{sql} " . one_of('=', '>', '<', '<>') . ' ' . one_of(@{ $key->{values}[$n] });
}

# IN, EXISTS, and what counts.
sub sublink
{
	my ($context, $relation, $range) = @_;
	my $inner = query({ %$context, beside => 0, outer => [ $relation, @{ $context->{outer} } ] }, $range, 2);
	my @columns = @{ $inner->{columns} };
	my $not = rand() < 0.15 ? 'NOT ' : '';
	my $dice = rand();
	if ($dice < 0.5 && $relation->{key} && $columns[0]{class} eq 'k0')
	{
		my $names = join ', ', @{ $key->{names} };
		my $left = @{ $key->{names} } == 1 ? one_of(@{ $relation->{key} }, @{ $relation->{parent} // [] }) : '(' . join(', ', @{ one_of($relation->{key}, $relation->{parent} // $relation->{key}) }) . ')';
		return "$left ${not}IN (SELECT $names FROM ($inner->{sql}) AS i" . ++$aliases . ')' if rand() < 0.9 || @{ $key->{names} } > 1;
		return "$left = ANY (ARRAY(SELECT $names FROM ($inner->{sql}) AS i" . ++$aliases . '))';
	}
	my $name = 'i' . ++$aliases;
	my $of = alias_of($name, $inner);
	return "${not}EXISTS (SELECT FROM ($inner->{sql}) AS $name WHERE " . join_condition($relation, $of) . ')' if $dice < 0.9;
	return "(SELECT count(*) FROM ($inner->{sql}) AS $name WHERE " . join_condition($relation, $of) . ') ' . one_of('> 0', '<> 1', '< 2');
}

# The range of the batch, mostly.
sub range
{
	my ($columns) = @_;
	return '$1 <= $2' . (@{ $key->{names} } > 1 ? ' AND $3 <= $4' : '') if !$columns;
	my $beside = rand() < 0.03 ? " AND $columns->[0] " . one_of('>', '<>', '>=', '<=') . ' $1' : '';
	if (@$columns == 1)
	{
		my $c = $columns->[0];
		my $type = $key->{types}[0] =~ s/ .*//r;
		return one_of(
			("$c BETWEEN \$1 AND \$2") x 40, ("$c >= \$1 AND $c <= \$2") x 8, "\$1 <= $c AND \$2 >= $c",
			one_of("NOT ($c < \$1) AND NOT ($c > \$2)", "$c > \$1 AND $c <= \$2", "$c >= \$1 AND \$1 <= \$2", "${c}::text BETWEEN \$1::text AND \$2::text",
				"$c BETWEEN SYMMETRIC \$1 AND \$2", "$c BETWEEN SYMMETRIC \$2 AND \$1", "$c BETWEEN \$1::$type AND \$2::$type", "${c}::$type BETWEEN \$1 AND \$2",
				"($c = \$1 OR $c > \$1) AND ($c = \$2 OR $c < \$2)", "($c BETWEEN \$1 AND \$2) IS TRUE", "COALESCE($c, \$1) BETWEEN \$1 AND \$2", "$c BETWEEN \$2 AND \$1",
				"ROW($c) >= ROW(\$1) AND ROW($c) <= ROW(\$2)", "$c >= (SELECT \$1) AND $c <= (SELECT \$2)", "$c = ANY (ARRAY[\$1, \$2])", "$c >= ALL (ARRAY[\$1]) AND $c <= \$2",
				"($c BETWEEN \$1 AND \$2 OR $c IS NULL)", "$c >= \$1 AND $c < \$2", $type =~ /int/ ? ("$c + 0 BETWEEN \$1 AND \$2", "$c BETWEEN \$1 + 1 AND \$2") : (),
				$type eq 'text' ? ("$c COLLATE \"C\" BETWEEN \$1 AND \$2", "$c >= \$1 COLLATE \"POSIX\" AND $c <= \$2", "$c BETWEEN \$1::varchar(1) AND \$2", "$c ~>=~ \$1 AND $c ~<=~ \$2") : (),
				$type eq 'timestamptz' ? ("$c BETWEEN \$1::timestamp AND \$2::timestamp", "$c >= \$1::date AND $c <= \$2") : ())) . $beside;
	}
	my ($b, $a) = @$columns;
	return one_of(
		("($b, $a) >= (\$1, \$2) AND ($b, $a) <= (\$3, \$4)") x 20, ("($b, $a) BETWEEN (\$1, \$2) AND (\$3, \$4)") x 8, "(\$1, \$2) <= ($b, $a) AND (\$3, \$4) >= ($b, $a)",
		"($b > \$1 OR $b = \$1 AND $a >= \$2) AND ($b < \$3 OR $b = \$3 AND $a <= \$4)", "$b >= \$1 AND ($b > \$1 OR $a >= \$2) AND $b <= \$3 AND ($b < \$3 OR $a <= \$4)",
		"($b, $a) BETWEEN (\$1, \$2) AND (\$3, \$4) AND $b BETWEEN \$1 AND \$3",
		one_of("$b BETWEEN \$1 AND \$3 AND $a BETWEEN \$2 AND \$4", "($a, $b) >= (\$1, \$2) AND ($a, $b) <= (\$3, \$4)", "($b, $a) > (\$1, \$2) AND ($b, $a) <= (\$3, \$4)",
			"($b > \$1 OR $a >= \$2) AND ($b < \$3 OR $a <= \$4)", "$b >= \$1 AND ($b > \$1 OR $a > \$2) AND ($b, $a) <= (\$3, \$4)", "($b >= \$1 OR $b = \$1 AND $a >= \$2) AND ($b, $a) <= (\$3, \$4)",
			"($b, $a) >= (\$1, \$2) AND $b <= \$3 AND \$4 IS NOT NULL", "($b > \$1 OR $b = \$1 AND $a >= \$2) AND $b < \$3 AND \$4 IS NOT NULL", "$b BETWEEN \$1 AND \$3 AND (\$2, \$4) IS NOT NULL",
			"NOT (($b, $a) < (\$1, \$2)) AND ($b, $a) <= (\$3, \$4)", "($b, $a) >= (\$1, \$2) AND ($b, $a) <= (\$1, \$4) AND \$3 IS NOT NULL",
			"($b, $a) >= (\$1, \$2) AND ($b, $a) <= (\$3, \$2) AND \$4 IS NOT NULL", "$b >= \$1 AND ($b > \$1 OR $a >= \$2) AND $b <= \$3 AND ($b = \$3 OR $a <= \$4)")) . $beside;
}

sub literal
{
	my ($text) = @_;
	return "E'" . $text =~ s/([\\'])/$1$1/gr . "'";
}

sub one_of { return $_[ rand @_ ]; }
