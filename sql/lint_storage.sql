-- lint: indexes, and statements that lock or rewrite a table
\i sql/include/start.sql
\i sql/include/lint.sql
CREATE INDEX big_name ON big (name);
CREATE INDEX small_name ON small (name);

-- create-index
SELECT pg_temp.lint('CREATE INDEX ON big (n)');
SELECT pg_temp.lint('CREATE INDEX CONCURRENTLY ON big (n)');
SELECT pg_temp.lint('CREATE INDEX ON small (n); CREATE INDEX ON empty (n)');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY, n int); CREATE INDEX ON fresh (n)');
-- each partition counts, and ONLY reads none
CREATE TABLE parts (LIKE big) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT * FROM big;
ANALYZE parts;
SELECT pg_temp.lint('CREATE INDEX ON parts (n)');
SELECT pg_temp.lint('CREATE INDEX ON ONLY parts (n)');
-- partitioned-index
SELECT pg_temp.lint('CREATE INDEX CONCURRENTLY ON parts (n)');
SELECT pg_temp.lint('CREATE INDEX CONCURRENTLY ON part (n)');
CREATE INDEX parts_n ON parts (n);
SELECT pg_temp.lint('DROP INDEX CONCURRENTLY parts_n');
SELECT pg_temp.lint('DROP INDEX part_n_idx');
-- what is there already
SELECT pg_temp.lint('CREATE INDEX IF NOT EXISTS big_name ON big (name); CREATE INDEX IF NOT EXISTS big_name ON big (name)');
SELECT pg_temp.lint('CREATE INDEX IF NOT EXISTS big_n ON big (n)');

-- drop-index
SELECT pg_temp.lint('DROP INDEX big_name');
SELECT pg_temp.lint('DROP INDEX CONCURRENTLY big_name');
SELECT pg_temp.lint('DROP INDEX small_name');
SELECT pg_temp.lint('DROP INDEX IF EXISTS nowhere');

-- reindex
SELECT pg_temp.lint('REINDEX TABLE big');
SELECT pg_temp.lint('REINDEX INDEX big_name');
SELECT pg_temp.lint('REINDEX INDEX CONCURRENTLY big_name');
SELECT pg_temp.lint('REINDEX TABLE small');

-- wide-index
SELECT pg_temp.lint('CREATE INDEX ON small (id, name, price, n)');
SELECT pg_temp.lint('CREATE INDEX ON small (id, name, price) INCLUDE (n)');
SELECT pg_temp.lint('CREATE UNIQUE INDEX ON small (id, name, price, n)');

-- rewrite-table
SELECT pg_temp.lint('VACUUM FULL big');
SELECT pg_temp.lint('CLUSTER big USING big_pkey');
SELECT pg_temp.lint('ALTER TABLE big SET UNLOGGED');
SELECT pg_temp.lint('VACUUM big');
SELECT pg_temp.lint('VACUUM FULL small');
SELECT pg_temp.lint('ALTER TABLE small SET UNLOGGED');

-- refresh
CREATE MATERIALIZED VIEW sums AS SELECT * FROM big;
CREATE MATERIALIZED VIEW few AS SELECT * FROM small;
ANALYZE sums, few;
SELECT pg_temp.lint('REFRESH MATERIALIZED VIEW sums');
SELECT pg_temp.lint('REFRESH MATERIALIZED VIEW CONCURRENTLY sums');
SELECT pg_temp.lint('REFRESH MATERIALIZED VIEW few');

-- lock-table
SELECT pg_temp.lint('LOCK TABLE small');
SELECT pg_temp.lint('LOCK TABLE small IN ROW EXCLUSIVE MODE');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); LOCK TABLE fresh');

DROP MATERIALIZED VIEW sums, few;
DROP TABLE big, small, empty, parts;
\i sql/include/reset.sql
