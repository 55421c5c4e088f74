-- test/upgrade/delta.sql: from the made-up older version to the current one
--
-- Follows what is new, which t/extension_update.pl takes from
-- extension/migrate.sql together with the comment of migrate.log.

ALTER TABLE migrate.log DROP COLUMN host;
ALTER TABLE migrate.job SET (fillfactor = 50);
DROP FUNCTION @extschema@.migrate_unregister(bigint);
REVOKE ALL ON FUNCTION @extschema@.migrate_show(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.migrate_unschedule(text) FROM PUBLIC;
GRANT ALL ON migrate.resource_usage TO CURRENT_USER;
REVOKE ALL ON migrate.resource_usage FROM PUBLIC;
