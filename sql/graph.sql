-- migrate_graph(): the revisions as a picture.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

-- nothing is registered
SELECT migrate_graph();
SELECT migrate_graph(format => 'dot');

-- a line, branches that meet at their branch point and at a merge, two bases
SELECT migrate_register('a1', 'SELECT 1', 'SELECT 1', message => 'the first one');
SELECT migrate_register('a2', 'SELECT 1', 'SELECT 1', '{a1}', branch_labels => '{main}');
SELECT migrate_register('b1', 'SELECT 1', 'SELECT 1', '{a2}', message => 'one branch');
SELECT migrate_register('c1', 'SELECT 1', 'SELECT 1', '{a2}', message => 'another branch');
SELECT migrate_register('d1', 'SELECT 1', 'SELECT 1', '{a2}', message => 'a third one');
SELECT migrate_register('b2', 'SELECT 1', 'SELECT 1', '{b1}');
SELECT migrate_merge('{b2,c1}', 'm1', 'merge of two');
SELECT migrate_register('e1', 'SELECT 1', 'SELECT 1', depends_on => '{b1}', message => 'another base', branch_labels => '{extra}');
SELECT migrate_upgrade('a2');
SELECT migrate_graph();
SELECT migrate_graph('a2:b2');

-- a merge of three, below it branches whose columns cross
SELECT migrate_merge('{m1,d1,e1}', 'm2', 'merge of all');
SELECT migrate_register('f1', 'SELECT 1', 'SELECT 1', '{m2}');
SELECT migrate_register('f2', 'SELECT 1', 'SELECT 1', '{m2}');
SELECT migrate_register('f3', 'SELECT 1', 'SELECT 1', '{m2}');
SELECT migrate_register('f4', 'SELECT 1', 'SELECT 1', '{f1}');
SELECT migrate_graph();

-- a line is cut after 78 characters, not bytes
SELECT migrate_register('g1', 'SELECT 1', 'SELECT 1', '{f4}', message => repeat('é', 90));
SELECT length(migrate_graph('f4:g1'));

-- what has a meaning in the other languages
SELECT migrate_register('h "1', 'SELECT 1', 'SELECT 1', '{g1}', message => 'say "no" to <b> & \n; #1');
SELECT migrate_register('end', 'SELECT 1', 'SELECT 1', ARRAY['h "1'], depends_on => '{e1}');
SELECT migrate_graph('g1:end', 'mermaid');
SELECT migrate_graph('g1:end', 'dot');

-- rows that name no revision
INSERT INTO migrate.version VALUES ('gone');
SELECT migrate_graph() LIMIT 2;
DELETE FROM migrate.version WHERE version_num = 'gone';

INSERT INTO migrate.version VALUES (E'\x1b[2Jgone');
SELECT translate(migrate_graph(format => f), E'\x1b', '^') FROM unnest('{text,dot}'::text[]) AS f LIMIT 2;
DELETE FROM migrate.version WHERE version_num ~ 'gone';
-- of a message its first line
SELECT migrate_register('i1', 'SELECT 1', 'SELECT 1', '{end}', message => E'one\n* fake (applied)');
SELECT migrate_graph('i1:i1');

-- errors
SELECT migrate_graph(format => 'png');
SELECT migrate_graph(format => NULL);
SELECT migrate_graph('nowhere:');
SELECT migrate_graph('a1');

SELECT migrate_downgrade('base');
\i sql/include/reset.sql
