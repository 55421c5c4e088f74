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

SET client_min_messages = warning;
DROP SCHEMA tenant_1, tenant_2 CASCADE;
DROP OWNED BY regress_customer, "regress deployer";
DROP ROLE regress_customer, "regress deployer";
\i sql/include/reset.sql
