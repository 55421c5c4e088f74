-- many_steps: a function reads bodies and writes log rows of several steps at
-- once, which nothing but the time tells
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE TABLE done (i int, path text);
-- the 40th body is too large to be read with others
SELECT count(*) FROM migrate_register_script((SELECT string_agg(format(
$script$-- revision: s%s
-- down_revision: %s
-- migrate:up
%sINSERT INTO done VALUES (%s, current_setting('search_path')); %s
-- migrate:down
DELETE FROM done WHERE i = %s;
$script$, i, CASE WHEN i > 1 THEN 's' || i - 1 END,
	CASE WHEN i % 10 = 0 THEN 'SET search_path = pg_catalog, public; ' END, i,
	CASE WHEN i = 40 THEN '-- ' || repeat('x', 40000) END, i), '' ORDER BY i)
	FROM generate_series(1, 100) AS i));
CREATE FUNCTION logged() RETURNS TABLE (via text, steps bigint, from_step int, to_step int, in_order bool, complete bigint, paths bigint)
LANGUAGE sql AS $$
	SELECT via, count(*), min(step), max(step),
		bool_and(finished >= started AND revision = 's' || CASE operation WHEN 'upgrade' THEN step ELSE 101 - step END),
		count(*) FILTER (WHERE role = current_user AND effective_role = current_user AND application_name = current_setting('application_name')
			AND body_hash IS NOT NULL AND revision_hash = (SELECT hash FROM migrate_show(revision)) AND state = 'succeeded'
			AND version_table = 'migrate.version' AND attempts = 1 AND error IS NULL AND wal_records > 0),
		count(DISTINCT search_path)
	FROM migrate.log GROUP BY run, via ORDER BY min(started)
$$;
SELECT count(*) FROM migrate_upgrade();
SELECT count(*), bool_and(path LIKE 'pg_catalog%' = (i % 10 = 0)) AS as_set FROM done;
SELECT count(*) FROM migrate_downgrade('base');
SELECT count(*) FROM done;
CALL migrate_deploy();
SELECT * FROM logged();
-- what an error takes back, and what is tried again
CALL migrate_revert('base');
DELETE FROM migrate.log;
CREATE SEQUENCE fails;
SELECT migrate_register('s50', $$
	INSERT INTO done VALUES (50);
	DO 'BEGIN IF nextval(''fails'') <= 2 THEN RAISE serialization_failure; END IF; END'
$$, '', '{s49}', replace => true);
SELECT count(*) FROM migrate_upgrade('s90');
SELECT count(*), count(DISTINCT revision), max(attempts) FROM migrate.log;
DO $$
BEGIN
	PERFORM migrate_register('s101', 'SELECT 1 / 0', '', '{s100}');
	PERFORM migrate_upgrade();
EXCEPTION WHEN division_by_zero THEN
	NULL;
END $$;
SELECT count(*) FROM migrate.log;
TABLE migrate.version;
-- a trigger finds each row after its revision
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE '% is logged, the version is %', NEW.revision, (SELECT version_num FROM migrate.version);
	RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT ON migrate.log FOR EACH ROW EXECUTE FUNCTION tell();
SET client_min_messages = notice;
SELECT migrate_upgrade('s93');
DROP TRIGGER tell ON migrate.log;
SET client_min_messages = warning;
DROP FUNCTION tell;
DROP FUNCTION logged;
DROP SEQUENCE fails;
DROP TABLE done;
\i sql/include/reset.sql
