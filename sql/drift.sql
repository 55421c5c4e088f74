-- drift: what was changed by other means than runs, with migrate.track_schema
\i sql/include/start.sql
CREATE TABLE by_hand (a int);
SELECT count(*) FROM migrate_register_script($$
-- revision: a1
-- migrate:up
CREATE TABLE account (id bigint PRIMARY KEY);
-- migrate:down
DROP TABLE account;
-- revision: a2
-- down_revision: a1
-- migrate:up
ALTER TABLE account ADD COLUMN name text;
-- migrate:down
ALTER TABLE account DROP COLUMN name;
-- revision: a3
-- down_revision: a2
-- migrate:up
CREATE INDEX CONCURRENTLY account_name_idx ON account (name);
SELECT 1 / 0;
-- migrate:down
DROP INDEX account_name_idx;
$$);
-- nothing is noted as long as it is off
SELECT * FROM migrate_upgrade('a1');
SELECT pg_temp.attempt('SELECT migrate_drift()');
SELECT value, status FROM migrate_doctor_details() WHERE "check" = 'drift';
SET migrate.track_schema = on;
SELECT * FROM migrate_upgrade('a2');
SELECT * FROM migrate_drift();
SELECT value, status FROM migrate_doctor_details() WHERE "check" = 'drift';
SELECT type, identity, split_part(definition, E'\n', 1), run = (SELECT run FROM migrate.log WHERE revision = 'a2') FROM migrate.snapshot WHERE identity ~ 'account|by_hand' ORDER BY 1, 2;
-- a column that was added by hand
ALTER TABLE account ADD COLUMN age int;
COMMENT ON TABLE by_hand IS 'so';
DROP TABLE IF EXISTS nothing;
SELECT * FROM migrate_drift();
\x on
SELECT change, type, identity, regexp_replace(noted, 'owner: .*', ''), regexp_replace(found, 'owner: .*', '') FROM migrate_drift_details();
\x off
SELECT value, status, advice FROM migrate_doctor_details() WHERE "check" = 'drift';
-- runs change nothing of that, by any way; what they change is no drift
SELECT * FROM migrate_downgrade('a1');
SELECT * FROM migrate_drift();
CALL migrate_deploy('a2');
SELECT * FROM migrate_drift();
-- what a run has done before it failed is the run's
\set VERBOSITY terse
CALL migrate_deploy('a3');
SELECT * FROM migrate_drift();
\set VERBOSITY default
SELECT migrate_resolve('a3', 'abandon');
DROP INDEX account_name_idx;
SELECT * FROM migrate_drift() WHERE type = 'index';
-- a function that fails takes everything with it
SELECT migrate_register('a3', 'CREATE TABLE lost (a int); SELECT 1 / 0', '', '{a2}', replace => true);
SELECT pg_temp.attempt($$SELECT migrate_upgrade('a3')$$);
SELECT count(*) FROM migrate_drift();
-- it is taken back, or accepted
ALTER TABLE account DROP COLUMN age;
SELECT change, type, identity FROM migrate_drift();
SELECT migrate_drift_accept();
SELECT * FROM migrate_drift();
SELECT count(*) > 0, count(run) FROM migrate.snapshot WHERE identity ~ 'by_hand$';
DROP TABLE by_hand;
SELECT * FROM migrate_drift();
SELECT migrate_drift_accept();
SELECT count(*) FROM migrate_drift();
-- a stamp, a round trip and a run with nothing to do note nothing
CREATE TABLE by_hand (a int);
SELECT * FROM migrate_stamp('a1');
SELECT * FROM migrate_stamp('a2');
SELECT * FROM migrate_upgrade('a2');
SELECT migrate_register('a4', 'CREATE TABLE trip (a int)', 'DROP TABLE trip', '{a2}');
SELECT * FROM migrate_roundtrip('a4');
SELECT * FROM migrate_drift();
SELECT migrate_drift_accept();
-- a column that a run moves is no more the run's than before
CREATE TABLE moves (a int, "b after c" int, c int);
SELECT migrate_drift_accept();
ALTER TABLE moves ADD COLUMN by_hand int, ALTER c TYPE bigint;
SELECT migrate_register('m1', 'ALTER TABLE moves DROP COLUMN a, DROP COLUMN "b after c"; ALTER TABLE moves ADD COLUMN "b after c" text, ADD COLUMN "x""" int', '', '{a2}');
SELECT * FROM migrate_upgrade('m1');
SELECT change, identity, split_part(noted, E'\n', 1) AS noted, split_part(found, E'\n', 1) AS found FROM migrate_drift_details();
SELECT migrate_register('m2', 'ALTER TABLE moves DROP COLUMN by_hand, DROP COLUMN c; ALTER TABLE moves ADD COLUMN d int, DROP COLUMN "x"""', '', '{m1}');
SELECT * FROM migrate_upgrade('m2');
SELECT * FROM migrate_drift();
-- an object that a run changes, too, is no more the run's than before
SELECT migrate_drift_accept();
CREATE ROLE drift_reader;
GRANT SELECT ON moves TO drift_reader;
ALTER TABLE moves ADD COLUMN by_hand int;
ALTER TABLE account ALTER name SET DEFAULT 'x';
SELECT migrate_register('m3', 'COMMENT ON TABLE moves IS ''m''; COMMENT ON TABLE account IS ''a''; ALTER TABLE moves ALTER by_hand TYPE bigint; ALTER TABLE account ALTER name SET NOT NULL', '', '{m2}');
SELECT * FROM migrate_upgrade('m3');
SELECT change, identity, regexp_replace(noted, E'\nowner: .*?(?=\n|$)', '') AS noted, regexp_replace(found, E'\nowner: .*?(?=\n|$)', '') AS found FROM migrate_drift_details();
-- where the run makes it what was noted, or drops it, it is none any more
SELECT migrate_register('m4', 'REVOKE SELECT ON moves FROM drift_reader; COMMENT ON TABLE moves IS NULL; ALTER TABLE moves DROP COLUMN by_hand', '', '{m3}');
SELECT * FROM migrate_upgrade('m4');
SELECT * FROM migrate_drift();
SELECT migrate_drift_accept();
SELECT * FROM migrate_drift();
-- names that no index holds
DO $$ BEGIN EXECUTE format('CREATE FUNCTION many(%s) RETURNS int LANGUAGE sql AS ''SELECT 1''', (SELECT string_agg('account', ', ') FROM generate_series(1, 90))); END $$;
SELECT change, type, length(identity) > 1000 FROM migrate_drift();
SELECT migrate_drift_accept();
DROP FUNCTION many;
-- who may do what
SET ROLE drift_reader;
SELECT pg_temp.attempt('SELECT migrate_drift()'), pg_temp.attempt('SELECT migrate_drift_details()'), pg_temp.attempt('SELECT migrate_drift_accept()');
SELECT pg_temp.attempt('SET migrate.track_schema = off'), pg_temp.attempt('TABLE migrate.snapshot');
SELECT value, status FROM migrate_doctor_details() WHERE "check" = 'drift';
RESET ROLE;
GRANT pg_monitor TO drift_reader;
SET ROLE drift_reader;
SELECT change, type FROM migrate_drift();
RESET ROLE;
-- a run of a role that may run revisions notes, too
GRANT EXECUTE ON FUNCTION migrate_register, migrate_upgrade TO drift_reader;
GRANT CREATE ON SCHEMA public TO drift_reader;
SELECT migrate_stamp('a2', purge => true);
SELECT migrate_unregister(r) FROM unnest('{a4,a3,m4,m3,m2,m1}'::text[]) AS r;
SELECT migrate_drift_accept();
SET ROLE drift_reader;
SELECT migrate_register('d1', 'CREATE TABLE of_reader (a int)', 'DROP TABLE of_reader', '{a2}');
SELECT * FROM migrate_upgrade();
SELECT * FROM migrate_drift();
RESET ROLE;
SELECT pg_temp.attempt('SET TRANSACTION READ ONLY; SELECT migrate_drift_accept()');
\i sql/include/reset.sql
DROP TABLE account, by_hand, of_reader, moves;
DROP OWNED BY drift_reader;
DROP ROLE drift_reader;
DELETE FROM migrate.snapshot;
