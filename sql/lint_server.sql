-- lint: YugabyteDB
\i sql/include/start.sql
\i sql/include/lint.sql

-- on PostgreSQL none of it
SELECT pg_temp.lint('LISTEN x; CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1)');

SET migrate.server_type = 'yugabytedb';
-- yb-unsupported
SELECT pg_temp.lint('LISTEN x');
SELECT pg_temp.lint('NOTIFY x');
SELECT pg_temp.lint('CREATE TABLE t (a int) INHERITS (big)');
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY, a int, EXCLUDE (a WITH =))');
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY, a int, UNIQUE (a) DEFERRABLE)');
SELECT pg_temp.lint('ALTER TABLE small ADD CONSTRAINT u UNIQUE (n) DEFERRABLE');
SELECT pg_temp.lint('CREATE INDEX ON small USING gist (note)');
SELECT pg_temp.lint('CREATE INDEX ON small USING gin (note, name)');
SELECT pg_temp.lint('CREATE INDEX ON small USING gin (note)');
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY, a int REFERENCES small DEFERRABLE); CREATE INDEX ON t (a)');
-- yb-mixed
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1)');
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY)');
SELECT pg_temp.lint('INSERT INTO small SELECT * FROM empty');
-- yb-many-ddl
SELECT pg_temp.lint((SELECT string_agg(format('CREATE TABLE t%s (id bigint PRIMARY KEY)', g), '; ') FROM generate_series(1, 21) AS g));
SELECT pg_temp.lint((SELECT string_agg(format('CREATE TABLE t%s (id bigint PRIMARY KEY)', g), '; ') FROM generate_series(1, 20) AS g));
-- an index is built while the table is used
SELECT pg_temp.lint('CREATE INDEX ON big (n)');
-- each statement commits, so that nothing is held
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c int; ALTER TABLE big ADD COLUMN c int');
SET migrate.server_type = 'yugabytedb_transactional_ddl';
SELECT pg_temp.lint('CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1)');
SELECT pg_temp.lint('LISTEN x');
RESET migrate.server_type;

DROP TABLE big, small, empty;
\i sql/include/reset.sql
