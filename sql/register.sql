-- register: migrate_register(), names and relations; bodies are in register_body
\i sql/include/start.sql

-- normal use and defaults
SELECT migrate_register('1975ea83b712',
	upgrade   => 'CREATE TABLE account (id int PRIMARY KEY)',
	downgrade => 'DROP TABLE account',
	message   => 'create account');
SELECT migrate_register('ae1027a6acf0', 'SELECT 1', down_revision => '{1975ea83b712}');
SELECT migrate_register('c1', '', '', '{}', '{ae1027a6acf0}', '{geo,places}', 'all', false);
SELECT revision, down_revision, depends_on, branch_labels, message, upgrade, downgrade,
       is_head, is_real_head, registered_by = current_user AS by_me,
       registered_at <= clock_timestamp() AS in_time
  FROM migrate.revision ORDER BY revision;
-- a dependency by label; a label on two names; arrays of any shape
SELECT migrate_register('d1', '', depends_on => '{geo}', down_revision => '{{ae1027a6acf0}}');
SELECT migrate_register('d2', '', down_revision => '{d1,c1}', depends_on => '{geo,geo}',
	branch_labels => '{x,x}');
SELECT revision, down_revision, depends_on, branch_labels FROM migrate_history_details(':d2')
 WHERE revision LIKE 'd_';

-- ids that need care: quotes, spaces, other scripts, one character, 32 of them
CREATE TEMP TABLE care AS SELECT id FROM unnest(ARRAY['it''s "two" words',
	'ревизия', ' ', 'x.y/z\', '$1', '%s', repeat('ж', 32), repeat('0', 32)]) AS id;
SELECT count(migrate_register(id, '', '')) FROM care;
SELECT quote_literal(revision) AS revision, char_length(revision)
  FROM migrate_heads() WHERE revision IN (TABLE care);
SET client_min_messages = warning;
SELECT migrate_upgrade('it''s "two" words');
SELECT migrate_upgrade(repeat('ж', 3));
SELECT migrate_downgrade(repeat('ж', 32) || '@base');
SELECT migrate_downgrade('it''s "two" words@base');
RESET client_min_messages;
SELECT count(migrate_unregister(id)) FROM care;
SELECT revision FROM migrate_heads();

-- errors
\a
\t on
SELECT pg_temp.attempt('SELECT migrate_register(' || arguments || ')') FROM unnest(ARRAY[
	-- the id
	$$'', ''$$, $$repeat('a', 33), ''$$, $$repeat('ж', 33), ''$$,
	$$'a@b', ''$$, $$'a-b', ''$$, $$'a+b', ''$$, $$'a:b', ''$$,
	$$'head', ''$$, $$'heads', ''$$, $$'base', ''$$,
	-- labels
	$$'e1', '', branch_labels => '{e1}'$$, $$'e1', '', branch_labels => '{geo}'$$,
	$$'e1', '', branch_labels => '{c1}'$$, $$'e1', '', branch_labels => '{head}'$$,
	$$'e1', '', branch_labels => '{""}'$$, $$'geo', ''$$,
	-- parents
	$$'e1', '', down_revision => '{nosuch}'$$, $$'e1', '', down_revision => '{c1,d}'$$,
	$$'e1', '', down_revision => '{geo}'$$, $$'e1', '', down_revision => '{c1,c1}'$$,
	$$'e1', '', down_revision => '{e1}'$$, $$'e1', '', down_revision => '{""}'$$,
	$$'e1', '', depends_on => '{nosuch}'$$, $$'e1', '', depends_on => '{ae10}'$$,
	$$'e1', '', depends_on => '{e1}'$$,
	$$'e1', '', depends_on => '{own}', branch_labels => '{own}'$$,
	-- nulls
	$$NULL, ''$$, $$'e1', NULL$$, $$'e1', '', NULL, NULL$$,
	$$'e1', '', depends_on => NULL$$, $$'e1', '', branch_labels => NULL$$,
	$$'e1', '', replace => NULL$$, $$'e1', '', down_revision => '{NULL}'$$,
	$$'e1', '', depends_on => '{c1,NULL}'$$, $$'e1', '', branch_labels => '{NULL}'$$])
	AS arguments;
-- what a terminal obeys instead of showing it
SELECT pg_temp.attempt(format('SELECT migrate_register(%L, %L)', 'e1' || chr(code) || 'x', ''))
  FROM unnest(ARRAY[1, 8, 9, 10, 13, 27, 31, 127, 128, 155, 159, 8232, 8238, 8294, 8297]) AS code;
SELECT pg_temp.attempt('SELECT migrate_register(' || arguments || ')') FROM unnest(ARRAY[
	$$'e1', '', branch_labels => ARRAY[E'l\x1B']$$,
	$$'e1', '', message => E'жж\x1B[2Jdone'$$,
	$$'e1', '', message => E'a\u202Eb'$$]) AS arguments;
SELECT pg_temp.attempt($$SELECT migrate_register_script(E'-- revision: e1\n-- message: m\x1B[2J\n-- migrate:up\n')$$);
\a
\t off
SELECT count(*) FROM migrate_history() WHERE revision = 'e1';
SELECT migrate_register('care', '', message => E'one\ttwo\r\nthree');
-- nor what has come into the tables by other means
BEGIN;
UPDATE migrate.revision SET message = E'm\x1B[2J\u202Edone', revision = E'care\x1B', branch_labels = '{care}' WHERE revision = 'care';
SELECT migrate_upgrade('care');
ROLLBACK;
SELECT migrate_unregister('care');
-- a registry that was written by other means is refused, or read as it was meant
\a
\t on
CREATE FUNCTION pg_temp.plan_with(id text, down text[], depends text[] DEFAULT '{}', labels text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan text;
BEGIN
	INSERT INTO migrate.revision SELECT id, down, depends, labels, r.message, r.settings, r.upgrade, true, r.upgrade_hash, 0, 0, 1,
		r.downgrade, true, r.downgrade_hash, 0, 0, 1, NULL, NULL, false, false, r.registered_by FROM migrate.revision AS r WHERE revision = 'c1';
	SELECT string_agg(revision, ' ' ORDER BY step) INTO plan FROM migrate_plan(id);
	RAISE '%', plan;
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ': ' || sqlerrm;
END $$;
SELECT pg_temp.plan_with('', '{}');
SELECT pg_temp.plan_with('x-1', '{}');
SELECT pg_temp.plan_with('x1', '{nosuch}');
SELECT pg_temp.plan_with('x1', '{x1}');
SELECT pg_temp.plan_with('x1', '{}', '{nosuch}');
SELECT pg_temp.plan_with('x1', '{}', '{x1}');
SELECT pg_temp.plan_with('x1', '{}', '{}', '{geo}');
SELECT pg_temp.plan_with('x1', '{c1,ae1027a6acf0,c1}', '{1975ea83b712,1975ea83b712}');
\a
\t off
-- capitals make another word
SELECT migrate_register('Head', '', branch_labels => '{BASE,GEO}');
\i sql/include/reset.sql
