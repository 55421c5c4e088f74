-- A constraint that is validated while earlier locks of the transaction stop the
-- application is told of.
\i sql/include/start.sql
SET client_min_messages = notice;
CREATE TABLE large (i int, j int) WITH (fillfactor = 10);
INSERT INTO large SELECT i, i FROM generate_series(1, 4000) AS i;
CREATE TABLE small (i int);
CREATE TABLE parts (i int) PARTITION BY RANGE (i);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (5000) WITH (fillfactor = 10);
INSERT INTO parts SELECT i FROM generate_series(1, 4000) AS i;

-- One transaction.
SELECT migrate_register('v1', 'ALTER TABLE large ADD CONSTRAINT positive CHECK (i > 0) NOT VALID;
ALTER TABLE large VALIDATE CONSTRAINT positive', 'ALTER TABLE large DROP CONSTRAINT positive');
CALL migrate_deploy('v1');
CALL migrate_revert('base');
SELECT * FROM migrate_upgrade('v1');
SELECT * FROM migrate_downgrade('base');
SET migrate.lint_small_table = '100MB';
SELECT * FROM migrate_upgrade('v1');
SELECT * FROM migrate_downgrade('base');
RESET migrate.lint_small_table;
SELECT migrate_unregister('v1');

-- One statement, a lock on another table, and the sum of the partitions.
SELECT migrate_register('v1', 'ALTER TABLE large ADD CONSTRAINT a CHECK (i > 0) NOT VALID, VALIDATE CONSTRAINT a', 'ALTER TABLE large DROP CONSTRAINT a');
SELECT migrate_register('v2', 'ALTER TABLE large ADD CONSTRAINT a CHECK (i > 0) NOT VALID', 'ALTER TABLE large DROP CONSTRAINT a', '{v1}');
SELECT migrate_register('v3', 'ALTER TABLE public."small" ADD j int; ALTER TABLE public.large VALIDATE CONSTRAINT a', '', '{v2}');
SELECT migrate_register('v4', 'ALTER TABLE parts ADD CONSTRAINT p CHECK (i > 0) NOT VALID; ALTER TABLE parts VALIDATE CONSTRAINT p', '', '{v3}');
CALL migrate_deploy('v1');
SELECT migrate_stamp('base');
ALTER TABLE large DROP CONSTRAINT a;
SELECT migrate_stamp('v1');
CALL migrate_deploy('v4');

-- Two transactions, a small table, and one that the body has made.
SELECT migrate_register('v5', 'ALTER TABLE large ADD CONSTRAINT b CHECK (i > 0) NOT VALID', '', '{v4}');
SELECT migrate_register('v6', 'ALTER TABLE large VALIDATE CONSTRAINT b', '', '{v5}');
SELECT migrate_register('v7', 'ALTER TABLE small ADD CONSTRAINT s CHECK (i > 0) NOT VALID; ALTER TABLE small VALIDATE CONSTRAINT s', '', '{v6}');
SELECT migrate_register('v8', 'CREATE TABLE made AS SELECT * FROM large;
ALTER TABLE made ADD CONSTRAINT m CHECK (i > 0) NOT VALID; ALTER TABLE made VALIDATE CONSTRAINT m', '', '{v7}');
SELECT migrate_register('v9', 'ALTER TABLE large ADD CONSTRAINT c CHECK (i > 0) NOT VALID;
CREATE INDEX CONCURRENTLY large_i ON large (i); ALTER TABLE large VALIDATE CONSTRAINT c', '', '{v8}');
CALL migrate_deploy('v9');

-- A table that is not there.
SELECT migrate_register('v10', 'ALTER TABLE large ADD CONSTRAINT d CHECK (i > 0) NOT VALID; ALTER TABLE missing VALIDATE CONSTRAINT d', '', '{v9}');
CALL migrate_deploy('v10');

-- A downgrade, which a rehearsal runs, too; it holds locks that a run gives back.
SELECT migrate_register('v11', '', 'ALTER TABLE large ADD CONSTRAINT e CHECK (i > 0) NOT VALID;
ALTER TABLE large VALIDATE CONSTRAINT e', '{v9}');
SELECT migrate_register('v12', '', 'ALTER TABLE large ADD CONSTRAINT f CHECK (i > 0) NOT VALID;
ALTER TABLE large VALIDATE CONSTRAINT f', '{v11}', downgrade_transactional => false);
SELECT migrate_unregister('v10');
SELECT count(*) FROM migrate_register_script('-- repeatable: repeated
-- migrate:up
ALTER TABLE large ADD CONSTRAINT g CHECK (i > 0) NOT VALID;
ALTER TABLE large VALIDATE CONSTRAINT g; ALTER TABLE large DROP CONSTRAINT g');
SELECT count(*) FROM migrate_roundtrip();
CALL migrate_deploy();
SELECT migrate_unregister('repeated');
SELECT finding FROM migrate_preview('v9', 'downgrade');
CALL migrate_revert('v9');

RESET client_min_messages;
SELECT count(*) FROM migrate_stamp('base');
SELECT count(migrate_unregister(revision)) FROM (SELECT revision FROM migrate_history()) AS h;
DELETE FROM migrate.log;
DROP TABLE large, small, parts, made;
