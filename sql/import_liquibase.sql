-- import_liquibase: formatted SQL of Liquibase, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: db/one.sql\n--liquibase formatted sql\n--property name:col.type value:text dbms:postgresql\n--property name:col.type value:clob dbms:oracle\n\n--changeset ann:1 labels:v1 context:"prod and not test"\n--comment: the accounts\nCREATE TABLE account (id int, mail ${col.type});\n--rollback DROP TABLE\n--rollback account;\nCOMMENT ON TABLE account IS ''${nosuch}'';\n\n-- changeset ann:2 endDelimiter:/ splitStatements:true stripComments:false\n--preconditions onFail:MARK_RAN\n--precondition-sql-check expectedResult:0 SELECT count(*) FROM account\nCREATE FUNCTION one() RETURNS int LANGUAGE sql\nAS ''SELECT 1''\n/\nSELECT one() /\n/* liquibase rollback\nDROP FUNCTION one();\n*/\n\n--changeset bob:"a long name" runInTransaction:false\nCREATE INDEX CONCURRENTLY account_id ON account (id);\n--rollback not required\n\n--changeset bob:ora dbms:oracle,mysql\nSELECT 1 FROM dual;\n--changeset bob:ours dbms:!oracle runOnChange:true\n--ignoreLines:start\nSELEC 1;\n--ignoreLines:end\nSELECT 4;\n--ignoreLines:1\nSELEC 2;\n--rollback changesetId:1 changesetAuthor:ann\n--changeset bob:no ignore:true\nSELECT 5;\n-- file: db/two.sql\n\n-- liquibase formatted sql\n--changeset ann:1\nSELECT 21;\n--rollback empty\n-- file: db/raw.sql\nSELECT 1;\n'
SELECT * FROM migrate_register_bundle(:'set');
SELECT revision, down_revision, message, upgrade_transactional, to_json(upgrade), to_json(downgrade) FROM migrate.revision ORDER BY length(down_revision::text), 1;
CALL migrate_deploy();
SELECT * FROM migrate_register_bundle(:'set');
SELECT obj_description('account'::regclass);
DROP FUNCTION one;
DROP TABLE account;
-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n--liquibase formatted sql\nSELECT 1;\n--changeset x:1\nSELECT 1;\n-- file: b.sql\n--liquibase formatted sql\n--changeset x\nSELECT 1;\n-- file: c.sql\n--liquibase formatted sql\n--changeset x:3\n\nSELEC 1;\n-- file: d.sql\n--liquibase formatted sql\n--changeset x:4\n--changeset x:4\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n--liquibase formatted sql\n--changeset x:${v}\nSELECT 1;\n-- file: 1_b.sql\n-- migrate:up\n'));
-- ids that are the same for different versions, one not next to the other
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n--liquibase formatted sql\n--changeset x:b-d\nSELECT 1;\n--changeset x:z\nSELECT 2;\n--changeset x:b_d\nSELECT 3;\n'));
-- comments with a rollback that would take in what is not one
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n--liquibase formatted sql\n--changeset x:1\nSELECT 1;\n/* liquibase rollback SELECT 2; */\n--changeset x:2\nSELECT 3;\n-- file: b.sql\n--liquibase formatted sql\n--changeset x:3\nSELECT 1;\n/* liquibase rollback\nSELECT 2;\n*/ SELECT 3;\n-- file: c.sql\n--liquibase formatted sql\n--changeset x:4\nSELECT 1;\n/* liquibase rollback\nSELECT 2;\n--changeset x:5\nSELECT 3;\n'));
SELECT * FROM migrate_register_bundle(E'-- file: a.sql\n--liquibase formatted sql\n--changeset x:${v}\nSELECT 1;\n', options => '{"properties": {"v": "seven"}}');
-- all of a file at once
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', E'-- file: a.sql\n--liquibase formatted sql\n--changeset x\nSELEC 1;\n--changeset x:1\nSELECT {{ x }};\n--changeset x:2\nSELEC 2;\n--changeset :3\n--changeset x:2\nSELECT 3;\n'));
\a
\t off
\i sql/include/reset.sql
