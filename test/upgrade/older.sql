-- test/upgrade/older.sql: what a made-up older version had besides
--
-- t/extension_update.pl makes that version's script of extension/migrate.sql,
-- without what is new since, and of this file; delta.sql takes this away again.

ALTER TABLE migrate.log ADD COLUMN host text;
COMMENT ON COLUMN migrate.log.host IS 'host of the session';
ALTER TABLE migrate.job SET (fillfactor = 70);
GRANT EXECUTE ON FUNCTION @extschema@.migrate_show(text) TO PUBLIC;
COMMENT ON TABLE migrate.log IS 'runs';
CREATE FUNCTION @extschema@.migrate_unregister(revision bigint)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_unregister';
COMMENT ON FUNCTION @extschema@.migrate_unregister(bigint) IS 'removes a revision by its number';
