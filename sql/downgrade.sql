-- downgrade: bodies, rows and refusals of a downgrade
\i sql/include/start.sql
CREATE TABLE ran (n integer GENERATED ALWAYS AS IDENTITY, what text);
SELECT count(*) FROM migrate_register_script($$
-- revision: a1
-- migrate:up
-- revision: a2
-- down_revision: a1
-- branch_labels: left
-- migrate:up
-- migrate:down
INSERT INTO ran (what) VALUES ('a2');
-- revision: a3
-- down_revision: a1
-- branch_labels: right
-- migrate:up
-- migrate:down
INSERT INTO ran (what) VALUES ('a3');
-- revision: m1
-- down_revision: a2, a3
-- message: join
-- migrate:up
-- migrate:down
INSERT INTO ran (what) VALUES ('m1');
-- revision: d1
-- branch_labels: aside
-- revision: d2
-- down_revision: d1
-- depends_on: left
-- migrate:up
-- migrate:down
INSERT INTO ran (what) VALUES ('d2');
$$);
SET client_min_messages = warning;
SELECT migrate_upgrade('heads');
RESET client_min_messages;
TABLE migrate.version ORDER BY 1;

-- no default, no -1 with several rows
\set VERBOSITY sqlstate
SELECT migrate_downgrade();
\set VERBOSITY default
SELECT migrate_downgrade('-1');
\echo :LAST_ERROR_SQLSTATE
-- irreversible: refused before anything runs
SELECT migrate_downgrade('base');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM ran;
-- what depends on it goes with it
SELECT migrate_downgrade('a1');
TABLE migrate.version ORDER BY 1;
SELECT what FROM ran ORDER BY n;
-- already there: nothing to do
SELECT migrate_downgrade('a1');
SELECT migrate_downgrade('aside@d1');

-- along one arm
SET client_min_messages = warning;
SELECT migrate_upgrade('m1');
RESET client_min_messages;
SELECT migrate_downgrade('left@a1');
TABLE migrate.version ORDER BY 1;
SELECT migrate_downgrade('right@-1');
SELECT migrate_downgrade('aside@base');
TABLE migrate.version ORDER BY 1;
-- one row: -1 works; base of an irreversible one does not
SET client_min_messages = warning;
SELECT migrate_upgrade('left');
RESET client_min_messages;
SELECT migrate_downgrade('-1');
SELECT migrate_downgrade('-1');
-- a body that fails
SELECT migrate_register('f1', '', 'INSERT INTO ran (what) VALUES (1/0)', '{a1}');
SET client_min_messages = warning;
SELECT migrate_upgrade('f1');
RESET client_min_messages;
SELECT migrate_downgrade('a1');
TABLE migrate.version;
-- of the ancestors of a merge the leaves become rows, also beside other rows
SELECT count(*) FROM migrate_register_script($$
-- revision: t1
-- revision: t2
-- down_revision: t1
-- revision: t3
-- revision: t4
-- down_revision: t3
-- depends_on: t1, t2
$$);
SET client_min_messages = warning;
SELECT migrate_stamp(ARRAY['t4', 'a1'], purge => true);
SELECT migrate_downgrade('t3');
TABLE migrate.version ORDER BY 1;
SELECT migrate_upgrade('t4');
SELECT migrate_downgrade('t4@base');
TABLE migrate.version ORDER BY 1;
RESET client_min_messages;
-- not applied; nothing applied
\a
\t on
SELECT target, pg_temp.attempt(format('SELECT migrate_downgrade(%L)', target))
  FROM unnest(ARRAY['m1', 'd1', 'nosuch', 'left@base', NULL]) AS target;
\a
\t off
\i sql/include/reset.sql
DROP TABLE ran;
