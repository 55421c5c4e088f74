-- tenant_rights: what roles with fewer rights could do to a run in a tenant
\i sql/include/start.sql
CREATE ROLE regress_customer;
CREATE ROLE "regress deployer";
SELECT migrate_register('aaa', 'CREATE TABLE account (id int PRIMARY KEY, name text)', 'DROP TABLE account');
CREATE SCHEMA tenant_1;
CREATE SCHEMA tenant_2;

-- a version table that is made for a tenant is its owner's alone
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_customer, "regress deployer" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES IN SCHEMA tenant_2 GRANT SELECT ON TABLES TO PUBLIC;
CALL migrate_deploy('base', schemas => '{tenant_1}');
SELECT count(*) AS jobs FROM migrate_submit('base', schemas => '{tenant_2}', run_at => now() + interval '1 day');
SELECT count(migrate_cancel(job)) FROM migrate.jobs;
SELECT c.oid::regclass, has_table_privilege(c.oid, 'INSERT') AS owner,
	(SELECT count(*) FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner) AS others
  FROM pg_class AS c WHERE c.relname = 'migrate_version' ORDER BY 1;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_customer, "regress deployer";
ALTER DEFAULT PRIVILEGES IN SCHEMA tenant_2 REVOKE ALL ON TABLES FROM PUBLIC;
-- what else was granted, the doctor shows
CREATE VIEW granted AS SELECT status, value, advice FROM migrate_doctor_details() WHERE "check" = 'version tables';
GRANT SELECT ON tenant_1.migrate_version TO PUBLIC;
SELECT * FROM granted;
GRANT TRIGGER ON tenant_1.migrate_version TO "regress deployer", regress_customer;
GRANT INSERT (version_num) ON tenant_2.migrate_version TO regress_customer;
GRANT DELETE, TRUNCATE ON tenant_2.migrate_version TO PUBLIC;
SELECT * FROM granted \gx
ALTER TABLE tenant_1.migrate_version OWNER TO "regress deployer";
SELECT value FROM granted;
DROP VIEW granted;
DROP TABLE tenant_1.migrate_version, tenant_2.migrate_version;

-- a pattern leaves out a schema that holds what such a role has made while it could
CALL migrate_deploy(schemas => '{tenant_*}');
SELECT unnest(ARRAY['CREATE ' || definition, 'ALTER ' || object || ' OWNER TO regress_customer',
	$$CALL migrate_deploy(schemas => '{tenant_2*}')$$, 'DROP ' || object])
  FROM (VALUES
	('TABLE tenant_2.made', 'TABLE tenant_2.made (i int)'),
	('VIEW tenant_2.made', 'VIEW tenant_2.made AS SELECT 1'),
	('SEQUENCE tenant_2.made', 'SEQUENCE tenant_2.made'),
	('FUNCTION tenant_2.made(text)', $$FUNCTION tenant_2.made(text) RETURNS text LANGUAGE sql AS 'SELECT $1'$$),
	('TYPE tenant_2.made', $$TYPE tenant_2.made AS ENUM ('a')$$),
	('OPERATOR tenant_2.<@> (text, text)', 'OPERATOR tenant_2.<@> (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)'),
	('OPERATOR CLASS tenant_2.made USING btree', 'OPERATOR CLASS tenant_2.made FOR TYPE int4 USING btree FAMILY integer_ops AS STORAGE int4'),
	('OPERATOR FAMILY tenant_2.made USING btree', 'OPERATOR FAMILY tenant_2.made USING btree'),
	('COLLATION tenant_2.made', $$COLLATION tenant_2.made (locale = 'C')$$),
	('CONVERSION tenant_2.made', $$CONVERSION tenant_2.made FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8$$),
	('TEXT SEARCH CONFIGURATION tenant_2.made', 'TEXT SEARCH CONFIGURATION tenant_2.made (COPY = simple)'),
	('TEXT SEARCH DICTIONARY tenant_2.made', 'TEXT SEARCH DICTIONARY tenant_2.made (TEMPLATE = simple)'),
	('STATISTICS tenant_2.made', 'STATISTICS tenant_2.made ON id, name FROM tenant_1.account')
	) AS made (object, definition) \gexec
-- one reason is said for each schema; without a pattern there is none
CREATE VIEW tenant_1.made AS SELECT 1;
CREATE VIEW tenant_2.made AS SELECT 1;
ALTER VIEW tenant_1.made OWNER TO regress_customer;
ALTER VIEW tenant_2.made OWNER TO regress_customer;
GRANT CREATE ON SCHEMA tenant_2 TO regress_customer;
CALL migrate_deploy(schemas => '{tenant_*}');
CALL migrate_deploy(schemas => '{tenant_1,tenant_*}');
REVOKE CREATE ON SCHEMA tenant_2 FROM regress_customer;
CALL migrate_deploy(schemas => '{tenant_*}');
SELECT migrate_submit(schemas => '{tenant_*}');
DROP VIEW tenant_1.made, tenant_2.made;
-- that is looked at again when its turn comes
SELECT migrate_register('bbb', $$DO 'BEGIN IF current_schema = ''tenant_1'' THEN CREATE VIEW tenant_2.made AS SELECT 1; ALTER VIEW tenant_2.made OWNER TO regress_customer; END IF; END'$$, '', '{aaa}');
CALL migrate_deploy(schemas => '{tenant_*}');
DROP VIEW tenant_2.made;
CALL migrate_deploy(schemas => '{tenant_*}');

-- code of the owner of a version table does not run to show where each is
ALTER TABLE tenant_2.migrate_version OWNER TO regress_customer;
SELECT schema, pending, problem FROM migrate.tenants_details;
GRANT ALL ON SCHEMA tenant_2 TO regress_customer;
SET ROLE regress_customer;
CREATE FUNCTION tenant_2.stop(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE INDEX stop ON tenant_2.migrate_version ((tenant_2.stop('x')));
CREATE OR REPLACE FUNCTION tenant_2.stop(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'this is run';
	RAISE 'stop' USING ERRCODE = 'query_canceled';
END$$;
RESET ROLE;
SELECT schema, pending, problem FROM migrate.tenants_details;
SELECT * FROM migrate.tenants;
BEGIN READ ONLY;
SELECT schema, pending, problem FROM migrate.tenants_details;
COMMIT;
-- nor does it end the other checks of the doctor
SET migrate.version_table = 'tenant_2.migrate_version';
SET client_min_messages = error;
SELECT "check", status, value FROM migrate_doctor_details() WHERE area = 'migration' ORDER BY 1 LIMIT 4;
RESET client_min_messages;
RESET migrate.version_table;

-- what is to be pasted after a failure has each name of a search_path quoted, and names
-- no schema that the run was not asked for
ALTER TABLE tenant_2.migrate_version OWNER TO CURRENT_USER;
DROP INDEX tenant_2.stop;
CREATE SCHEMA other;
CREATE TABLE other.made ();
SELECT migrate_register('ccc', 'CREATE TABLE made ()', 'DROP TABLE made', '{bbb}');
CREATE TABLE tenant_2.made ();
SELECT set_config('search_path', 'public,a;ALTER/**/ROLE/**/regress_customer/**/SUPERUSER;--', false);
CALL migrate_deploy(schemas => '{tenant_1,tenant_2}');
RESET search_path;
SET migrate.version_table = 'other.migrate_version';
CREATE TABLE other.migrate_version (version_num varchar(32) PRIMARY KEY);
SELECT migrate_stamp('ccc');
RESET migrate.version_table;
CALL migrate_deploy(schemas => '{tenant_1,tenant_2}');
DROP SCHEMA other CASCADE;
-- the extension's own version table is one of them, and an OID from before a restore is none
SELECT migrate_stamp('ccc');
UPDATE migrate.log SET version_oid = 1 WHERE version_oid IS NOT NULL AND revision = 'ccc' AND version_table = 'tenant_1.migrate_version';
CALL migrate_deploy(schemas => '{tenant_2}');
SET search_path = '';
CALL public.migrate_deploy(schemas => '{tenant_2}');
RESET search_path;
SELECT migrate_stamp('base', purge => true);

SET client_min_messages = warning;
DROP SCHEMA tenant_1, tenant_2 CASCADE;
DROP OWNED BY regress_customer, "regress deployer";
DROP ROLE regress_customer, "regress deployer";
\i sql/include/reset.sql
