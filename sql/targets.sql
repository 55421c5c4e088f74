-- targets: what the words of a target mean, and their errors
\i sql/include/start.sql
SELECT count(*) FROM migrate_register_script($$
-- revision: aaaa1
-- branch_labels: main
-- revision: aaaa2
-- down_revision: aaaa1
-- revision: bbbb1
-- down_revision: aaaa2
-- branch_labels: left
-- revision: bbbb2
-- down_revision: bbbb1
-- revision: cccc1
-- down_revision: aaaa2
-- branch_labels: right
-- revision: cccc2
-- down_revision: cccc1
-- revision: dddd1
-- branch_labels: other, geo-2
-- revision: dddd2
-- down_revision: dddd1
-- depends_on: cccc1
-- revision: e
-- revision: f.1
-- down_revision: e
$$);
-- A plan in a line, or the error: for a command, target and rows to start from.
CREATE FUNCTION pg_temp.plan(rows text[], command text, target text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	steps text;
	hint text;
	detail text;
BEGIN
	DELETE FROM migrate.version;
	INSERT INTO migrate.version SELECT unnest(rows);
	SELECT string_agg(revision, ' ' ORDER BY step) INTO steps
	  FROM migrate_plan(target, command);
	RETURN coalesce(steps, 'nothing');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN sqlstate || ': ' || sqlerrm || coalesce(' / ' || nullif(detail, ''), '')
		|| coalesce(' / ' || nullif(hint, ''), '');
END $$;
\a
\t on
-- upgrade from nothing
SELECT target, pg_temp.plan('{}', 'upgrade', target) FROM unnest(ARRAY[
	'aaaa2', 'aa', 'a', 'aaaa', 'main', 'mai', 'bbbb2', 'b', 'left', 'le', 'base', 'heads', 'head',
	'left@head', 'left@heads', 'right@head', 'main@head', 'main@heads', 'bbbb1@head',
	'other@heads', 'left@base', 'main@base', '@head', '@aaaa1',
	'+1', '+2', '+9', 'main@+1', 'main@+2', 'main@+3', 'left@+3', 'other@+1', 'e@+2',
	'aaaa1+1', 'aaaa2+1', 'left@aaaa2+1', 'right@aaaa2+2', 'aaaa1+0', 'main+1', 'left-1', 'bbbb2-1',
	'left@-1', 'e', 'f.1', 'f', 'f.1+1', 'HEAD', 'Heads', 'AAAA1']) AS target;
-- errors of an upgrade
SELECT target, pg_temp.plan('{aaaa2}', 'upgrade', target) FROM unnest(ARRAY[
	'', '@', 'left@', 'nosuch', 'nosuch@head', 'nosuch@base', 'left@cccc1', 'left@c',
	'-1', '+0', '-0', '+1', 'aaaa1+9', 'aaaa1-9', 'head+1', 'aaaa1+1xyz', '+1xyz',
	'aaaa1:bbbb1', ':', 'geo-2', 'other@geo-2', '--sql', ''';', '1', '+', 'e+', 'left@@head',
	'+99999999999999999999', repeat('x', 100)]) AS target;
SELECT pg_temp.plan('{bbbb1,cccc1}', 'upgrade', '+1');
SELECT pg_temp.plan('{bbbb1,cccc1}', 'upgrade', 'left@+1');
SELECT pg_temp.plan('{aaaa1,aaaa2}', 'upgrade', 'heads');
SELECT pg_temp.plan('{lost}', 'upgrade', 'heads');
-- downgrade from everything
SELECT target, pg_temp.plan('{bbbb2,cccc2,dddd2,f.1}', 'downgrade', target) FROM unnest(ARRAY[
	'aaaa2', 'bbbb1', 'cccc1', 'left@base', 'left@aaaa2', 'right@aaaa2', 'other@base',
	'left@-1', 'right@-2', 'bbbb2-1', 'aaaa1+1', 'left@aaaa2+1', 'f.1', 'base', 'left@left', 'left@head']) AS target;
-- errors of a downgrade
SELECT target, pg_temp.plan('{bbbb2,cccc2}', 'downgrade', target) FROM unnest(ARRAY[
	'', '-1', '+1', 'nosuch', 'nosuch@base', 'nosuch@-1', 'dddd1', 'e', 'a:b', 'bbbb2+1', 'bbbb2-9',
	'left@-9', 'main@-1', 'left@cccc1', 'head', 'left@aaaa1', 'left@-0', 'nosuch@+0']) AS target;
SELECT pg_temp.plan('{}', 'downgrade', '-1');
SELECT pg_temp.plan('{aaaa2}', 'downgrade', '-2');
SELECT pg_temp.plan('{aaaa2}', 'downgrade', '-3');
-- rows of an ancestor and its descendant can be taken down, and replaced, but
-- not moved
SELECT pg_temp.plan('{aaaa1,bbbb1}', 'downgrade', 'base');
SELECT pg_temp.plan('{aaaa1,bbbb1}', 'stamp', 'aaaa2');
-- stamp, and what is no command
SELECT target, pg_temp.plan('{}', 'stamp', target)
  FROM unnest('{left,heads,base,+1,right@-1}'::text[]) AS target;
SELECT pg_temp.plan('{}', 'nosuch', 'head');
SELECT pg_temp.plan('{}', 'Upgrade', 'heads');
-- a history counts from the heads, or else from its end
CREATE FUNCTION pg_temp.history(range text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT string_agg(revision, ' ' ORDER BY n)
			  FROM migrate_history(range) WITH ORDINALITY AS h
				   (revision, state, kind, message, n));
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ': ' || sqlerrm;
END $$;
SELECT range, pg_temp.history(range) FROM unnest(ARRAY[
	'-1:cccc2', '-2:', '-3:', '-9:', '-9:head', 'left@-9:', '-9:base', '-9:bbbb2', 'left@-9:bbbb2', 'left@-4:cccc2',
	'right@-9:bbbb2', '-9:left@+1', E' aaaa1:bbbb1\t', 'aaaa2@base:', 'dddd1@base:', 'e@base:']) AS range;
SELECT string_agg(revision, ' ') FROM migrate_show('-1');
SELECT pg_temp.attempt('SELECT migrate_show(''-2'')');
-- more heads than a message lists
SELECT count(migrate_register('z' || i, '', '')) FROM generate_series(1, 7) AS i;
SELECT pg_temp.plan('{}', 'upgrade', 'head');
-- a revision that several paths lead to comes after all of its descendants
SELECT migrate_register('g4', '', ''), migrate_register('g1', '', '', '{g4}'), migrate_register('g2', '', '', '{g4}', '{g1}'),
	migrate_register('g3', '', '', '{}', '{g4,g1}'), migrate_register('g0', '', '', '{g1}');
SELECT pg_temp.history('g4:');
\a
\t off
DELETE FROM migrate.version;
\i sql/include/reset.sql
