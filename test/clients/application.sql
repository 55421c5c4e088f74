-- What the clients work with; t/clients.pl loads it.  Only a CALL can run
-- c2, whose setting is for its own statements.  c3 waits while the gate is
-- shut, so that a test can query a run in progress.

CREATE TABLE gate AS SELECT true AS open;

-- Version, columns, valid index, number of log rows.
CREATE VIEW state AS
SELECT concat_ws(' | ',
	(SELECT string_agg(version_num, ' ') FROM migrate.version),
	(SELECT string_agg(column_name, ' ' ORDER BY ordinal_position)
	   FROM information_schema.columns WHERE table_name = 'account'),
	(SELECT indexrelid::regclass FROM pg_index
	  WHERE indexrelid = to_regclass('account_email') AND indisvalid),
	(SELECT count(*) FROM migrate.log));

SELECT migrate_register_script($script$
-- revision: c1
-- migrate:up
CREATE TABLE account (id int PRIMARY KEY, email text);
-- migrate:down
DROP TABLE account;

-- revision: c2
-- down_revision: c1
-- migrate:up
SET maintenance_work_mem = '9MB';
CREATE INDEX CONCURRENTLY account_email ON account (email);
-- migrate:down
DROP INDEX CONCURRENTLY account_email;

-- revision: c3
-- down_revision: c2
-- migrate:up
DO $$
BEGIN
	WHILE NOT EXISTS (SELECT FROM gate WHERE open) LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
ALTER TABLE account ADD COLUMN phone text;
-- migrate:down
ALTER TABLE account DROP COLUMN phone;
$script$);
