-- stamp: the rows of the version table, without a body
\i sql/include/start.sql
SELECT count(*) FROM migrate_register_script($$
-- revision: a1
-- migrate:up
SELECT 1/0;
-- revision: a2
-- down_revision: a1
-- branch_labels: left
-- migrate:up
SELECT 1/0;
-- revision: a3
-- down_revision: a1
-- branch_labels: right
-- revision: m1
-- down_revision: a2, a3
-- revision: b1
-- branch_labels: side
-- revision: b2
-- down_revision: b1
$$);
-- the rows afterwards
SELECT migrate_stamp('a2');
SELECT migrate_stamp('a2');
SELECT migrate_stamp('a1');
SELECT migrate_stamp('heads');
SELECT migrate_stamp('left@a2');
SELECT migrate_stamp('b1');
SELECT migrate_stamp('base');
-- several targets
SELECT migrate_stamp('{a2,b1}'::text[]);
SELECT migrate_stamp('{m1,b2}'::text[]);
-- decision 7: from the merge to both of its arms loses none
SELECT migrate_stamp('{a2,a3}'::text[]);
TABLE migrate.version ORDER BY 1;
SELECT migrate_stamp('{}'::text[]);
-- the order of several rows is that of their ids
SELECT migrate_stamp(ARRAY['b2', 'a3', 'a2']);
-- an empty table knows how to count from the heads
SELECT migrate_stamp('base');
SELECT migrate_stamp('side@-1');
SELECT migrate_stamp('base');

-- errors leave the rows alone
SELECT migrate_stamp('{a2,b1}'::text[]);
\a
\t on
SELECT pg_temp.attempt('SELECT migrate_stamp(' || arguments || ')') FROM unnest(ARRAY[
	$$'nosuch'$$, $$'head'$$, $$''$$, $$'+1'$$, $$'-1'$$, $$'nosuch@head'$$, $$'left@'$$,
	$$'{a1,a2}'::text[]$$, $$'{a2,nosuch}'::text[]$$, $$'{a2,NULL}'::text[]$$,
	$$NULL::text$$, $$NULL::text[]$$, $$'a1', NULL$$]) AS arguments;
\a
\t off
TABLE migrate.version ORDER BY 1;

-- unknown rows: every command stops and says how to continue; purge continues
INSERT INTO migrate.version VALUES ('lost');
\a
\t on
SELECT call, pg_temp.attempt('SELECT ' || call) FROM unnest(ARRAY[
	$$migrate_stamp('a1')$$, $$migrate_upgrade('heads')$$, $$migrate_downgrade('base')$$,
	$$migrate_current()$$, $$migrate_history('current:')$$, $$migrate_plan('heads')$$,
	$$migrate_is_current('heads')$$]) AS call;
\a
\t off
SELECT migrate_stamp('a1', purge => true);
INSERT INTO migrate.version VALUES ('lost');
SELECT migrate_stamp('{a2,b2}'::text[], purge => true);
SELECT migrate_stamp('base', true);
SELECT migrate_stamp('base', true);
-- one step each in the log
SELECT l.revision, l.operation, l.body_hash FROM migrate.log AS l ORDER BY started, step LIMIT 3;
\i sql/include/reset.sql
