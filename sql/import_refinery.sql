-- import_refinery: a small project as refinery has it, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: migrations/V1__create_account.sql\nCREATE TABLE account (id int PRIMARY KEY);\n-- file: migrations/U2__index.sql\n-- refinery:noTransaction\n-- a remark\nCREATE INDEX CONCURRENTLY account_id ON account (id);\nDO $$ BEGIN COMMIT; END $$;\n-- file: migrations/V10__more_of_it.sql\nSELECT 10;\n-- file: migrations/V11_not.sql\nSELECT 11;\n-- file: migrations/V1.1__not.sql\nSELECT 12;\n-- file: migrations/mod.rs\nno SQL\n'
SELECT * FROM migrate_register_bundle(:'set');
SELECT revision, down_revision, message, upgrade_transactional, to_json(upgrade), downgrade FROM migrate.revision ORDER BY length(revision), 1;
CALL migrate_deploy();
-- one that comes late, as U is made for
\set set :set '-- file: migrations/U3__late.sql\nSELECT 3;\n'
SELECT * FROM migrate_register_bundle(:'set', 'refinery');
SELECT revision, down_revision FROM migrate.revision WHERE revision = '3';
SELECT migrate_stamp('base', purge => true);
DROP TABLE account;
SELECT * FROM migrate_register_bundle(E'-- file: V1__own.sql\nDELETE FROM refinery_schema_history;', 'refinery', replace => true, prune => true);

-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: V1__a.sql\nSELEC 1;\n-- file: V2__b.sql\n-- refinery:no-transaction\n-- file: V3__c.sql\n -- refinery:noTransaction\n-- file: V4__d.sql\n-- file: U04__e.sql\n-- file: V5__f.rs\npub fn migration()\n-- file: V6__g.sql\nSELECT {{x}};\n'));
-- what is wrong with a mark hides no error of the bodies
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''refinery'')', E'-- file: V1__a.sql\n-- refinery:foo\n-- refinery:bar\nSELEC 1;\n'));
\a
\t off
\i sql/include/reset.sql
