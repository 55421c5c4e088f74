-- import_flyway: a small project as Flyway has it, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: db/migration/V1__create_account.sql\nCREATE TABLE ${schema}.account (id int PRIMARY KEY, name text DEFAULT \'${ name }${empty}\'); -- ${schema}\n-- file: db/migration/U1__create_account.sql\nDROP TABLE ${schema}.account;\n-- file: db/migration/V1_9__index.sql\nCREATE INDEX CONCURRENTLY account_name ON account (name);\nDO $$ BEGIN COMMIT; END $$;\n-- file: db/migration/V1_9__index.sql.conf\n# by itself\nexecuteInTransaction=FALSE\nencoding=UTF-8\n-- file: db/migration/V1.10__literal.sql\nSELECT \'${not} a ${placeholder\', \'$\', \'${\n}\';\n-- file: db/migration/V1.10__literal.sql.conf\nplaceholderReplacement = false\n-- file: db/migration/U1.10__literal.sql\nSELECT 110;\n-- file: db/migration/V002_0__two.sql\nSELECT 2;\n-- file: db/migration/U2__two.sql\nSELECT 2;\n-- file: db/migration/V20240131.1.sql\nSELECT \'$5\', \'${\n}\';\n-- file: db/migration/beforeMigrate.sql\nSELECT 1;\n-- file: db/migration/Views.sql\nSELECT 1;\n'
SELECT * FROM migrate_register_bundle(:'set', options => '{"placeholders": {"schema": "public", " name ": "it''''s ${schema}", "empty": ""}}');
SELECT revision, down_revision, message, upgrade_transactional, to_json(upgrade), downgrade_transactional, to_json(downgrade) FROM migrate.revision ORDER BY length(revision), 1;
CALL migrate_deploy();
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'account'::regclass;
SELECT * FROM migrate_register_bundle(:'set', 'flyway', options => '{"placeholders": {"schema": "public", " name ": "it''''s ${schema}", "empty": ""}}');
-- placeholders that are none, and values that are missing
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', :'set'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: V3__a.sql\n\nSELECT ''${a}${b}${a}${flyway:user}'';'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, options => %L)', E'-- file: V3__a.sql\nSELECT ''${a}'';', options)) FROM (VALUES
	('{"placeholders": {"a": 1}}'), ('{"placeholders": "a"}'), ('{"placeholder_replacement": 1}'), ('{"placeholder": {}}')) AS o (options);
SELECT * FROM migrate_register_bundle(E'-- file: V3__a.sql\nSELECT ''${a}'';', options => '{"placeholder_replacement": false}');
SELECT upgrade FROM migrate.revision WHERE revision = '3';
SELECT migrate_unregister('3');
SELECT migrate_stamp('base', purge => true);
DROP TABLE account;

-- a baseline: where the files before it are gone, it is the first revision
\set baseline '-- file: B4__all.sql\nSELECT 4;\n-- file: B3.5__all.sql\nSELECT 3;\n'
\set five '-- file: V5__next.sql\nSELECT 5;\n'
SELECT * FROM migrate_register_bundle(:'baseline' || :'five', prune => true);
SELECT revision, down_revision, message FROM migrate.revision ORDER BY 1;
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', :'baseline' || :'five' || E'-- file: U4__all.sql\nSELECT 4;\n'));
SELECT * FROM migrate_register_bundle(:'baseline' || :'five' || E'-- file: V4.0__before.sql\nSELECT 1;\n', replace => true, prune => true);
SELECT revision, down_revision, message FROM migrate.revision ORDER BY 1;
SELECT * FROM migrate_register_bundle(E'-- file: V1__own.sql\nDELETE FROM flyway_schema_history;', replace => true, prune => true);

-- repeatables
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: V1__own.sql\nDELETE FROM flyway_schema_history;\n-- file: R__views.sql\nSELEC 1;\n'));
SELECT * FROM migrate_register_bundle(E'-- file: V1__own.sql\nDELETE FROM flyway_schema_history;\n-- file: R__views.sql\nSELEC 1;\n', options => '{"skip_repeatables": true}');

-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: V1__a.sql\nSELEC 1;\n-- file: V2_b.sql\n-- file: V3..1__c.sql\n-- file: V4__d.sql\n-- file: V04_0__d.sql\n-- file: U4__e.sql\n-- file: U4.0__f.sql\n-- file: U5__g.sql\n-- file: V6__h.java\npackage db\n-- file: V7__i.sql\n-- file: V7__i.sql.conf\nexecuteInTransaction=no\n-- file: V8__j.sql\n-- file: V8__j.sql.conf\nencoding=UTF-8\nshouldExecute=${x}==y\n-- file: V9__k.sql\nSELECT {{x}};\n-- file: R__m.sql\n-- file: V10__n.sql\nSELECT ${x};\n-- file: V11__o.sql\n-- file: V11__o.sql.conf\n ! a remark\n\n # another\nexecuteInTransaction: false\n'));

-- files of refinery have the same names
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: U1__a.sql\nSELECT 1;\n'));
SELECT * FROM migrate_register_bundle(E'-- file: U1__a.sql\n-- refinery:noTransaction\nSELECT 1;\n', replace => true);
-- of thousands of placeholders the first ones
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_files(%L, %L)', '{V1__a.sql}', ARRAY[(SELECT string_agg(format('${p%s} ${p%s}', i, i), ' ') FROM generate_series(1, 3000) AS i)]));
\a
\t off
\i sql/include/reset.sql
