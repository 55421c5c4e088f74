-- lint: the verify body of an upgrade
\i sql/include/start.sql
\i sql/include/lint.sql
CREATE FUNCTION pg_temp.lint_verify(verify text, upgrade text DEFAULT E'SELECT 1;\nALTER TABLE small ADD COLUMN c int') RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM migrate_register('x1', upgrade, 'SELECT 1', verify => verify);
	RETURN QUERY SELECT concat_ws(' ', operation, statement, 'line ' || line, severity, rule || ':', message, relation, query)
	  FROM migrate_lint_details();
	PERFORM migrate_unregister('x1');
END $$;

-- verify-count
SELECT pg_temp.lint_verify(E'SELECT true;\nSELECT count(*) FROM small');
SELECT pg_temp.lint_verify('SELECT pg_catalog.count(n) FROM small');
SELECT pg_temp.lint_verify('SELECT count(*) = 3 FROM small; SELECT 1 / count(*) FROM small; SELECT id FROM small WHERE false; SELECT EXISTS (SELECT count(*) FROM small); DO ''BEGIN END''');

-- verify-in-lock
SELECT pg_temp.lint_verify(E'SELECT true;\nSELECT note IS NOT NULL FROM big');
SELECT pg_temp.lint_verify('SELECT NOT EXISTS (SELECT FROM big WHERE n IS NULL)');
SELECT pg_temp.lint_verify('SELECT bool_and(s.n = b.n) FROM small AS s JOIN big AS b USING (id)');
SELECT pg_temp.lint_verify('WITH b AS (SELECT count(*) AS n FROM big) SELECT n > 0 FROM b');
SELECT pg_temp.lint_verify('SELECT n > 0 FROM big WHERE id = 1; SELECT n > 0 FROM big LIMIT 10; SELECT EXISTS (SELECT FROM big); SELECT n > 0 FROM small');
SELECT pg_temp.lint_verify('SELECT n > 0 FROM big', 'CREATE TABLE fresh (id bigint PRIMARY KEY)');
SELECT pg_temp.lint_verify('SELECT n > 0 FROM big', 'ALTER TABLE small ADD COLUMN c int; VACUUM small');
SELECT pg_temp.lint_verify('SELECT n > 0 FROM big', 'VACUUM small; ALTER TABLE small ADD COLUMN c int');
SELECT pg_temp.lint_verify('SELECT n > 0 FROM big', '');
-- the catalogs are no tables of the application
SET migrate.lint_small_table = 0;
SELECT pg_temp.lint_verify('SELECT NOT attnotnull FROM pg_attribute; SELECT true FROM pg_catalog.pg_class; SELECT bool_and(c.convalidated) FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid; SELECT true FROM information_schema.sql_features');
RESET migrate.lint_small_table;

-- waived, and said by a run; not where the revision is taken back
SELECT count(*) FROM migrate_register_script($$
-- revision: x1
-- allow: verify-in-lock (there are few readers)
-- migrate:up
ALTER TABLE small ADD COLUMN c int;
-- migrate:down
ALTER TABLE small DROP COLUMN c;
-- migrate:verify
SELECT n > 0 FROM big;
$$);
SELECT rule, waived FROM migrate_lint_details();
SELECT migrate_register('x1', 'ALTER TABLE small ADD COLUMN c int', 'ALTER TABLE small DROP COLUMN c', verify => 'SELECT n > 0 FROM big');
SET migrate.lint = warn;
SELECT migrate_upgrade();
SELECT rule FROM migrate_lint('base', 'downgrade') WHERE rule LIKE 'verify%';
RESET migrate.lint;
SELECT migrate_downgrade('base');
DROP TABLE big, small, empty;
\i sql/include/reset.sql
