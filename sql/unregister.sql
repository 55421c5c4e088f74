-- unregister: removes what is not applied and not needed
\i sql/include/start.sql
SELECT migrate_register_script($$
-- revision: a1
-- branch_labels: a
-- revision: a2
-- down_revision: a1
-- revision: b1
-- depends_on: a
-- revision: m1
-- down_revision: a2, b1
$$);
\a
\t on
-- needed: by a down revision, by a merge, by a dependency on its label
SELECT id, pg_temp.attempt(format('SELECT migrate_unregister(%L)', id))
  FROM unnest(ARRAY['a1', 'a2', 'b1', 'nosuch', 'm', 'a', '', NULL]) AS id;
\a
\t off
SELECT migrate_unregister('m1');
-- the heads are what they were before
SELECT revision, is_head, is_real_head FROM migrate.revision ORDER BY 1;
SELECT migrate_unregister('a2');
SELECT migrate_unregister('a1');
SELECT migrate_unregister('b1');
SELECT revision, is_head, is_real_head FROM migrate.revision ORDER BY 1;
SELECT migrate_is_current('heads');

-- applied: by a row, or as an ancestor of one
SELECT migrate_register('a2', '', '', '{a1}');
SET client_min_messages = warning;
SELECT migrate_upgrade();
RESET client_min_messages;
SELECT migrate_unregister('a2');
\echo :LAST_ERROR_SQLSTATE
-- applied in another version table, by the log
CREATE TABLE other_version (version_num varchar(32) NOT NULL PRIMARY KEY);
SET client_min_messages = warning;
SELECT migrate_stamp('base');
SET migrate.version_table = 'public.other_version';
SELECT migrate_upgrade();
RESET migrate.version_table;
SELECT migrate_unregister('a2');
SET migrate.version_table = 'public.other_version';
SELECT migrate_downgrade('a1');
RESET migrate.version_table;
RESET client_min_messages;
SELECT migrate_unregister('a2');
-- and once more under its old id
SELECT migrate_register('a2', 'SELECT 1', '', '{a1}');
DROP TABLE other_version;
\i sql/include/reset.sql
