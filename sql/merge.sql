-- merge: an empty revision on top of several heads
\i sql/include/start.sql
SELECT migrate_register_script($$
-- revision: a1
-- branch_labels: left
-- revision: a2
-- down_revision: a1
-- revision: b1
-- branch_labels: right
-- revision: c1
-- revision: c2
-- down_revision: c1
$$);
\a
\t on
SELECT pg_temp.attempt('SELECT migrate_merge(' || arguments || ')') FROM unnest(ARRAY[
	$$'{a2}', 'm1'$$, $$'{}', 'm1'$$, $$'{a2,a2}', 'm1'$$, $$'{base}', 'm1'$$,
	$$'{a1,b1}', 'm1'$$, $$'{a2,nosuch}', 'm1'$$, $$'{a2,b1}', 'c1'$$,
	$$'{a2,b1}', 'm 1', NULL, '{left}'$$, $$'{a2,b1}', 'head'$$, $$'{a2,b1}', ''$$,
	$$NULL, 'm1'$$, $$'{a2,NULL}', 'm1'$$, $$'{a2,b1}', NULL$$,
	$$'{a2,b1}', 'm1', 'message', NULL$$]) AS arguments;
\a
\t off
SELECT revision FROM migrate_heads();
-- the order given is the order of the down revisions
SELECT migrate_merge('{right@head,a2}', 'm1', 'left and right', '{both}');
SELECT * FROM (SELECT revision, down_revision, message, branch_labels, kind,
	upgrade, downgrade FROM migrate_show('m1')) AS m;
-- once more: nothing happens; otherwise: an error
SELECT migrate_merge('{b1,a2}', 'm1', 'left and right', '{both}');
SELECT migrate_merge('{a2,b1}', 'm1', 'left and right', '{both}');
-- all heads
SELECT migrate_merge('{heads}', 'm2');
SELECT revision, down_revision FROM migrate_heads() JOIN migrate_history_details() USING (revision);
SET client_min_messages = warning;
SELECT migrate_upgrade();
SELECT migrate_downgrade('m2-1');
SELECT migrate_downgrade('m1');
SELECT version_num FROM migrate.version ORDER BY 1;
RESET client_min_messages;
\i sql/include/reset.sql
