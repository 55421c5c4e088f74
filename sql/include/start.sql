\set ECHO none
-- What every test file begins with; tests run in the repository's directory.
-- pg_temp.attempt() says how a statement ended, with its SQLSTATE.  It is made
-- by the user who runs the tests and runs with the rights of the role that is
-- set, and goes with the session.
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN sqlstate || ': ' || message
		|| coalesce(E'\n  detail: ' || nullif(detail, ''), '')
		|| coalesce(E'\n  hint: ' || nullif(hint, ''), '');
END $$;
RESET client_min_messages;
\set ECHO all
