-- questions: current, heads, branches, history, show, plan, is_current
\i sql/include/start.sql
SELECT count(*) FROM migrate_register_script($$
-- revision: a1
-- message: base of a
-- migrate:up
SELECT 1; SELECT 2;
-- migrate:down
SELECT 3;
-- revision: a2
-- down_revision: a1
-- branch_labels: left
-- revision: a3
-- down_revision: a1
-- branch_labels: right
-- migrate:up
VACUUM;
-- revision: m1
-- down_revision: a2, a3
-- message: join
-- revision: b1
-- branch_labels: billing
-- revision: b2
-- down_revision: b1
-- depends_on: left
$$);
-- nothing applied
SELECT * FROM migrate_current();
SELECT revision, down_revision, message, branch_labels, depends_on, applied, is_head,
       is_branch_point AS branch, is_merge_point AS merge, registered_by = current_user AS mine
  FROM migrate_history_details();
SELECT revision FROM migrate_heads();
SELECT revision FROM migrate_heads(resolve_dependencies => true);
SELECT revision, down_revision FROM migrate_branches() JOIN migrate_history_details() USING (revision);
SELECT migrate_is_current('base'), migrate_is_current('a1'), migrate_is_current('heads');

-- in the middle; an effective head that holds only as a dependency is shown
SET client_min_messages = warning;
SELECT migrate_upgrade('b2');
RESET client_min_messages;
TABLE migrate.version;
SELECT * FROM migrate_current();
SELECT * FROM migrate_history();
SELECT * FROM migrate_heads();
SELECT migrate_is_current('b2'), migrate_is_current('left'), migrate_is_current('heads'),
       migrate_is_current('right');

-- ranges
\a
\t on
CREATE FUNCTION pg_temp.ids(range text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT string_agg(revision, ' ' ORDER BY n)
			  FROM migrate_history(range) WITH ORDINALITY AS h
				   (revision, state, kind, message, n));
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ': ' || sqlerrm;
END $$;
SELECT range, pg_temp.ids(range) FROM unnest(ARRAY[NULL, ':', 'a1:m1', 'a1:', ':a3', 'base:heads',
	'a2:m1', 'current:', ':current', 'a1:current', 'a1:+1', '-1:', ':left@head', 'billing@base:', 'a1:a1',
	-- errors
	'a1', '', 'a:b:c', 'm1:a1', 'nosuch:', ':nosuch', 'b1:m1', ':head', 'current:current', 'left@:']) AS range;
\a
\t off

-- show: a target, with its bodies
SELECT revision, message, state, upgrade, downgrade FROM migrate_show('a1');
SELECT revision, state FROM migrate_show('current');
SELECT revision FROM migrate_show('heads');
SELECT revision FROM migrate_show('bil');
SELECT migrate_show('base');
\a
\t on
SELECT target, pg_temp.attempt(format('SELECT migrate_show(%L)', target))
  FROM unnest(ARRAY['nosuch', 'head', '', NULL]) AS target;
\a
\t off

-- plan, for each command
SELECT * FROM migrate_plan('heads');
SELECT * FROM migrate_plan_details('heads');
SELECT * FROM migrate_plan('base', 'downgrade');
SELECT * FROM migrate_plan('m1', 'stamp');
SELECT * FROM migrate_plan('b2');
SELECT migrate_plan();
SELECT migrate_plan(NULL);
SELECT migrate_plan('head', NULL);
SELECT migrate_is_current(NULL);
SELECT migrate_heads(NULL);

-- a head that another revision depends on is a head, but not a real one
SELECT migrate_register('c1', '', '', depends_on => '{b2}');
SELECT revision FROM migrate_heads();
SELECT revision FROM migrate_heads(resolve_dependencies => true);

-- they write nothing and take no lock: a transaction that is read only
BEGIN READ ONLY;
SELECT count(*) FROM migrate_current();
SELECT count(*) FROM migrate_plan('heads');
SELECT migrate_is_current('b2');
SELECT count(*) AS locks FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory';
COMMIT;
SELECT * FROM migrate_plan('base', 'stamp');
\i sql/include/reset.sql
