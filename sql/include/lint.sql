\set ECHO none
-- For the tests of lint: pg_temp.lint() says what it finds in an upgrade, and
-- the tables: big, small and empty.
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.lint(upgrade text, downgrade text DEFAULT 'SELECT 1') RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM migrate_register('x1', upgrade, downgrade);
	RETURN QUERY SELECT concat_ws(' ', 'line ' || line, severity, rule || ':', message)
	  FROM migrate_lint_details();
	PERFORM migrate_unregister('x1');
END $$;
CREATE TABLE big (id bigint PRIMARY KEY, name varchar(20), price numeric(10,2), at timestamp, note text, n int);
INSERT INTO big SELECT g, 'name', 1, '2026-01-01', 'a note of some length', 1 FROM generate_series(1, 20000) AS g;
CREATE TABLE small (LIKE big INCLUDING ALL);
INSERT INTO small SELECT * FROM big LIMIT 10;
CREATE TABLE empty (LIKE big INCLUDING ALL);
ANALYZE big, small, empty;
RESET client_min_messages;
\set ECHO all
