-- read_only: nothing that changes state runs in a transaction that is read only
\i sql/include/start.sql
SELECT migrate_register('a1', 'CREATE TABLE made (i int)', '');
SELECT migrate_register('b1', '');
SET default_transaction_read_only = on;
\a
\t on
SELECT call, pg_temp.attempt('SELECT ' || call) FROM unnest(ARRAY[
	$$migrate_upgrade('a1')$$, $$migrate_downgrade('base')$$, $$migrate_stamp('a1')$$,
	$$migrate_stamp('{a1}'::text[])$$, $$migrate_register('x', '')$$, $$migrate_register('a1', 'CREATE TABLE made (i int)', '')$$,
	$$migrate_register_script('-- revision: x')$$, $$migrate_register_files('{x.sql}', '{-- revision: x}')$$, $$migrate_unregister('a1')$$,
	$$migrate_merge('{a1,b1}', 'm1')$$,
	$$migrate_current()$$, $$migrate_heads()$$, $$migrate_branches()$$, $$migrate_history()$$,
	$$migrate_history_details()$$, $$migrate_show('a1')$$, $$migrate_plan('a1')$$, $$migrate_plan_details('a1')$$, $$migrate_is_current('a1')$$]) AS call;
\a
\t off
SET default_transaction_read_only = off;
SELECT revision, applied FROM migrate_history_details();
-- a body that makes its transaction read only stops itself
SELECT migrate_register('c1', 'SET TRANSACTION READ ONLY; CREATE TABLE made (i int)', '');
SELECT migrate_upgrade('c1');
SELECT migrate_register('c1', 'SET transaction_read_only = on', '', replace => true);
SELECT migrate_upgrade('c1');
TABLE migrate.version;
\i sql/include/reset.sql
