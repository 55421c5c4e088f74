\set ECHO none
-- What every test file ends with: nothing applied, nothing registered, nothing
-- logged or partial, and the next job is number 1.  Objects that a test made outside of its bodies it drops itself.
RESET ALL;
RESET ROLE;
SET client_min_messages = warning;
\o /dev/null
DELETE FROM migrate.partial;
SELECT migrate_stamp('base', purge => true);
DELETE FROM migrate.log;
TRUNCATE migrate.job RESTART IDENTITY;
DO $$
DECLARE
	id text;
BEGIN
	LOOP
		-- a revision without dependents
		SELECT revision INTO id FROM migrate_heads(resolve_dependencies => true);
		EXIT WHEN NOT FOUND;
		PERFORM migrate_unregister(id);
	END LOOP;
END $$;
\o
RESET client_min_messages;
\set ECHO all
