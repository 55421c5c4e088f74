-- deferred: what a body defers is checked at the end of its revision
\i sql/include/start.sql
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (
	id int CONSTRAINT child_unique UNIQUE DEFERRABLE INITIALLY IMMEDIATE,
	parent int CONSTRAINT child_parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'trigger for %', NEW.id;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON parent
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION noted();
SELECT count(*) FROM migrate_register_script($script$
-- revision: a1
-- migrate:up
INSERT INTO child VALUES (1, 1);
INSERT INTO parent VALUES (1);
-- migrate:down
DELETE FROM parent;
DELETE FROM child;
-- revision: a2
-- down_revision: a1
-- migrate:up
INSERT INTO child VALUES (2, 2);
-- revision: a3
-- down_revision: a1
-- migrate:up
ALTER TABLE child ADD COLUMN note text;
INSERT INTO child VALUES (3, 3);
INSERT INTO parent VALUES (3);
-- revision: a4
-- down_revision: a3
-- migrate:up
SET CONSTRAINTS ALL DEFERRED;
UPDATE child SET id = 3;
UPDATE child SET id = parent;
-- revision: a5
-- down_revision: a4
-- migrate:up
UPDATE child SET id = 3;
-- revision: a6
-- down_revision: a4
-- migrate:up
CREATE TABLE later (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
INSERT INTO later VALUES (6);
INSERT INTO parent VALUES (6);
-- revision: a7
-- down_revision: a6
-- migrate:up
INSERT INTO later VALUES (7);
INSERT INTO parent VALUES (7);
-- migrate:down
DELETE FROM parent WHERE id = 7;
DELETE FROM later WHERE id = 7;
$script$);
-- the trigger runs before the next step begins; the next step may alter the table
SELECT migrate_upgrade('a3');
-- a failure belongs to the revision that caused it
SELECT migrate_upgrade('a2');
\echo :LAST_ERROR_SQLSTATE
TABLE migrate.version;
-- a body that defers what is initially immediate
SELECT migrate_upgrade('a4');
-- which is immediate again for the next
SELECT migrate_upgrade('a5');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM child ORDER BY id;

-- in one transaction with the caller: both kinds are as declared afterwards
BEGIN;
SELECT migrate_upgrade('a6');
INSERT INTO child VALUES (8, 8);
INSERT INTO parent VALUES (8);
INSERT INTO later VALUES (9);
INSERT INTO parent VALUES (9);
SAVEPOINT s;
UPDATE child SET id = 8;
ROLLBACK TO s;
SELECT migrate_upgrade('a7');
COMMIT;
-- what the caller had deferred before the call is checked before the first revision
BEGIN;
INSERT INTO later VALUES (99);
SELECT migrate_downgrade('a6');
ROLLBACK;
SELECT migrate_downgrade('a6');
TABLE later ORDER BY 1;
-- no constraint, nothing to do
DROP TABLE later, child, parent;
SELECT migrate_register('b1', 'CREATE TABLE child (i int)', 'DROP TABLE child');
SELECT migrate_upgrade('b1');
SELECT migrate_downgrade('b1@base');
-- a body's own SET CONSTRAINTS ends with the body
SELECT count(*) FROM migrate_register_script($script$
-- revision: m1
-- migrate:up
CREATE TABLE m_parent (id int PRIMARY KEY);
CREATE TABLE m_child (id int REFERENCES m_parent DEFERRABLE INITIALLY DEFERRED);
SET CONSTRAINTS ALL IMMEDIATE;
-- revision: m2
-- down_revision: m1
-- migrate:up
INSERT INTO m_child VALUES (1);
INSERT INTO m_parent VALUES (1);
$script$);
SELECT migrate_upgrade('m2');
DROP TABLE m_child, m_parent;
-- names in SET CONSTRAINTS: a schema that is renamed between two revisions, a
-- name that stands for a deferred and an immediate constraint, and a
-- constraint that is made after the first check
CREATE SCHEMA s1;
SELECT count(*) FROM migrate_register_script($script$
-- revision: n1
-- migrate:up
CREATE TABLE s1.p (id int PRIMARY KEY);
CREATE TABLE s1.d (id int CONSTRAINT same REFERENCES s1.p DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE s1.i (id int CONSTRAINT same UNIQUE DEFERRABLE,
	other int CONSTRAINT other UNIQUE DEFERRABLE);
INSERT INTO s1.d VALUES (1);
INSERT INTO s1.p VALUES (1);
INSERT INTO s1.i VALUES (1, 1), (2, 2);
-- revision: n2
-- down_revision: n1
-- migrate:up
ALTER SCHEMA s1 RENAME TO s2;
INSERT INTO s2.d VALUES (2);
INSERT INTO s2.p VALUES (2);
-- revision: n3
-- down_revision: n2
-- migrate:up
UPDATE s2.i SET other = other + 1;
-- revision: n4
-- down_revision: n3
-- migrate:up
INSERT INTO s2.i VALUES (4, 2);
DELETE FROM s2.i WHERE id = 4;
$script$);
-- immediate again: the duplicate is refused at once, by the statement
SELECT migrate_upgrade('n4');
SELECT migrate_upgrade('n3');
SELECT migrate_stamp('base', true);
SET client_min_messages = warning;
DROP SCHEMA s2 CASCADE;
RESET client_min_messages;

-- each revision a transaction: nothing is in force in the next one, work that
-- a trigger puts off is still the revision's, and so is a failure
CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	SET CONSTRAINTS ALL DEFERRED;
	INSERT INTO q_again VALUES (NEW.id - 1);
	RETURN NULL;
END $$;
SELECT count(*) FROM migrate_register_script($script$
-- revision: q1
-- migrate:up
CREATE TABLE q_parent (id int PRIMARY KEY);
CREATE TABLE q_child (id int CONSTRAINT q_child_parent REFERENCES q_parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE q_again (id int);
CREATE CONSTRAINT TRIGGER again AFTER INSERT ON q_again DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION put_off();
SET CONSTRAINTS ALL IMMEDIATE;
-- revision: q2
-- down_revision: q1
-- migrate:up
INSERT INTO q_child VALUES (1);
INSERT INTO q_parent VALUES (1);
-- revision: q3
-- down_revision: q2
-- migrate:up
INSERT INTO q_again VALUES (3);
-- revision: q4
-- down_revision: q3
-- migrate:up
INSERT INTO q_again VALUES (1000);
-- revision: q5
-- down_revision: q3
-- migrate:up
INSERT INTO q_child VALUES (5);
-- revision: q6
-- down_revision: q3
-- migrate:up
WITH new AS (INSERT INTO q_child VALUES (6) RETURNING id) SELECT id FROM new;
-- revision: q7
-- down_revision: q3
-- migrate:up
SELECT add_child(7);
$script$);
CREATE FUNCTION add_child(id int) RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO q_child VALUES (add_child.id); END';
CALL migrate_deploy('q3');
SELECT * FROM q_again ORDER BY id;
CALL migrate_deploy('q4');
CALL migrate_deploy('q5');
\echo :LAST_ERROR_SQLSTATE
-- rows can be written by what is no INSERT
SELECT migrate_upgrade('q6');
\echo :LAST_ERROR_SQLSTATE
CALL migrate_deploy('q7');
\echo :LAST_ERROR_SQLSTATE
SELECT version_num, (SELECT count(*) FROM q_child), (SELECT count(*) FROM q_again) FROM migrate.version;
SELECT migrate_stamp('base', true);
SET client_min_messages = warning;
DROP TABLE q_child, q_parent, q_again;
DROP FUNCTION put_off(), add_child(int);
RESET client_min_messages;
\i sql/include/reset.sql
-- revisions that write no rows do not have pg_constraint read each
SELECT count(*) FROM migrate_register_script($script$
-- revision: r1
-- migrate:up
CREATE TABLE r_1 (id int PRIMARY KEY);
-- revision: r2
-- down_revision: r1
-- migrate:up
CREATE TABLE r_2 (id int PRIMARY KEY);
-- revision: r3
-- down_revision: r2
-- migrate:up
CREATE TABLE r_3 (id int PRIMARY KEY);
-- revision: r4
-- down_revision: r3
-- migrate:up
CREATE TABLE r_4 (id int PRIMARY KEY);
$script$);
BEGIN;
SELECT seq_scan AS before FROM pg_stat_xact_sys_tables WHERE relname = 'pg_constraint' \gset
SELECT migrate_upgrade();
SELECT seq_scan - :before < 3 AS few FROM pg_stat_xact_sys_tables WHERE relname = 'pg_constraint';
ROLLBACK;
\i sql/include/reset.sql
DROP FUNCTION noted();
