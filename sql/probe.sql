-- probe: what has become of a statement, by the catalogs
CREATE SCHEMA probe;
CREATE FUNCTION probe.before(statement text) RETURNS text[]
	LANGUAGE C AS 'migrate_test_probe', 'test_probe_before';
CREATE FUNCTION probe.after(statement text, noted text[]) RETURNS text
	LANGUAGE C AS 'migrate_test_probe', 'test_probe_after';
CREATE FUNCTION probe.repairs(noted text[]) RETURNS text[]
	LANGUAGE C AS 'migrate_test_probe', 'test_probe_repairs';

-- names that need quotes, found by the search_path; operators and functions
-- that would lead look-ups astray
CREATE SCHEMA "My schema";
CREATE SCHEMA evil;
CREATE FUNCTION evil.never(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.never);
CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never);
CREATE FUNCTION evil.never(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.never);
CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE sql AS 'SELECT NULL::regclass';
CREATE FUNCTION evil.current_schema() RETURNS name LANGUAGE sql AS $$SELECT 'evil'::name$$;
CREATE DOMAIN evil.text AS int;
SET search_path = "My schema", evil, pg_catalog;
CREATE TABLE "T t" (a int, "B b" int CONSTRAINT k CHECK (a > 0)) PARTITION BY LIST (a);
CREATE TABLE part PARTITION OF "T t" FOR VALUES IN (1);
CREATE TABLE plain (a int, b int);
CREATE TYPE colour AS ENUM ('red');
CREATE TYPE pair AS (a int);
CREATE FUNCTION f(int, pair[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE INDEX old ON plain (a);
CREATE VIEW v AS SELECT 1 AS one;

-- For each: what is noted; the verdict before it is run, and after.
CREATE FUNCTION probe.try(statement pg_catalog.text, OUT noted pg_catalog.text[],
	OUT ahead pg_catalog.text, OUT afterwards pg_catalog.text) LANGUAGE plpgsql AS $$
BEGIN
	noted := probe.before(statement);
	ahead := probe.after(statement, noted);
	EXECUTE statement;
	afterwards := probe.after(statement, noted);
END $$;
CREATE TEMP TABLE statement (n integer GENERATED ALWAYS AS IDENTITY, sql pg_catalog.text);
INSERT INTO statement (sql) VALUES
	('CREATE TABLE "New t" (i int)'), ('CREATE TABLE IF NOT EXISTS "New t" (i int)'),
	('CREATE TABLE probe.t AS SELECT 1 AS i'), ('CREATE SEQUENCE q'), ('CREATE VIEW w AS SELECT 1 AS one'),
	('CREATE OR REPLACE VIEW v AS SELECT 1 AS one'),
	('CREATE TYPE e AS ENUM (''a'')'), ('CREATE DOMAIN probe.d AS int'), ('CREATE SCHEMA "s s"'),
	('CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS ''SELECT 1'''),
	('CREATE FUNCTION g(pair, OUT x int) LANGUAGE sql AS ''SELECT 1'''),
	('CREATE INDEX i ON plain (a)'), ('CREATE INDEX ON "My schema".plain (b)'),
	('CREATE INDEX IF NOT EXISTS old ON plain (b)'),
	('ALTER TABLE plain ADD COLUMN "C c" int'), ('ALTER TABLE plain DROP COLUMN b'),
	('ALTER TABLE plain ADD CONSTRAINT "K k" CHECK (a > 0)'), ('ALTER TABLE "T t" DROP CONSTRAINT k'),
	('ALTER TABLE "T t" DETACH PARTITION part'), ('ALTER TABLE "T t" ATTACH PARTITION part FOR VALUES IN (1)'),
	('ALTER TABLE plain RENAME COLUMN a TO z'), ('ALTER TABLE "New t" RENAME TO newer'),
	('ALTER TYPE colour ADD VALUE ''it''''s blue'''), ('ALTER TYPE colour RENAME VALUE ''red'' TO ''rot'''),
	('DROP INDEX old'), ('DROP TABLE newer'), ('DROP TABLE IF EXISTS newer'), ('DROP VIEW v'), ('DROP TYPE e'),
	('DROP FUNCTION f(int, pair[])'), ('DROP FUNCTION f(int)'), ('DROP SCHEMA "s s"'),
	('ALTER TABLE plain ALTER COLUMN z SET NOT NULL'), ('COMMENT ON TABLE plain IS ''x'''),
	('REINDEX TABLE plain'), ('INSERT INTO plain VALUES (1)');
-- without the OIDs, and the database that they are of
SELECT s.sql, CASE WHEN t.noted[1] LIKE 'dropped%' THEN t.noted[:3] || t.noted[6:] ELSE t.noted END AS noted, t.ahead, t.afterwards
  FROM statement AS s, LATERAL probe.try(s.sql) AS t ORDER BY s.n;

-- an index by all that it is: of the statement and of the catalogs the same
CREATE TABLE kinds (a int, b pg_catalog.text, "C c" varchar(10), d timestamptz, e float8, f int[], g int4range);
CREATE COLLATION "Co" (locale = 'C');
CREATE TEMP TABLE index_kind (n integer GENERATED ALWAYS AS IDENTITY, sql pg_catalog.text);
INSERT INTO index_kind (sql) VALUES
	('INDEX i1 ON kinds (a)'), ('UNIQUE INDEX i1 ON kinds (a, b DESC)'), ('INDEX i1 ON kinds ((a))'),
	('INDEX i1 ON kinds (lower(b), a NULLS FIRST, (a + 1))'), ('INDEX i1 ON kinds (b text_pattern_ops)'),
	('INDEX i1 ON kinds (b COLLATE "Co")'), ('INDEX i1 ON kinds ((b COLLATE "C"))'),
	('INDEX i1 ON kinds (("C c"::pg_catalog.text) text_pattern_ops DESC NULLS LAST)'),
	('INDEX i1 ON kinds (a) INCLUDE (b, "C c") WHERE a > 0 AND d > ''2020-01-02 00:00+02'' AND e > 0.1'),
	('UNIQUE INDEX i1 ON kinds ("C c") NULLS NOT DISTINCT'), ('INDEX i1 ON kinds USING hash (b)'),
	('INDEX i1 ON kinds USING gin (f)'), ('INDEX i1 ON kinds USING gist (g)'), ('INDEX i1 ON kinds USING rtree (g)'),
	('INDEX i1 ON kinds ((CASE WHEN a > 1 THEN b ELSE ''it''''s'' END), (a IS NULL))'),
	('INDEX i1 ON kinds (a) WHERE true'), ('INDEX i1 ON kinds (b) WHERE a IN (1, 2) OR NOT e > 3');
SET client_min_messages = warning;
SELECT k.sql, t.noted[5] AS definition, t.afterwards
  FROM index_kind AS k, LATERAL probe.try('CREATE ' || replace(k.sql, ' i1 ', ' kind_' || n || ' ')) AS t ORDER BY k.n;
RESET client_min_messages;
-- what is wrong with it the server will say
SELECT probe.before('CREATE INDEX i1 ON kinds (nowhere)'), probe.before('CREATE INDEX i1 ON kinds (a) INCLUDE (nowhere)');
SELECT probe.before('CREATE INDEX i1 ON kinds (a) WHERE nowhere > 1');
SELECT probe.before('CREATE INDEX i1 ON kinds USING nowhere (a)'), probe.before('CREATE INDEX i1 ON nowhere (a)');
-- an INVALID index of ours is dropped, and one that was there is not
CREATE FUNCTION probe.invalidate(index regclass) RETURNS void LANGUAGE sql
	AS 'UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid OPERATOR(pg_catalog.=) $1::oid';
SELECT probe.before('CREATE INDEX CONCURRENTLY "I i" ON plain (z)') AS noted \gset
CREATE INDEX "I i" ON plain (z);
SELECT probe.invalidate('"I i"');
SELECT probe.after('CREATE INDEX CONCURRENTLY "I i" ON plain (z)', :'noted'), probe.repairs(:'noted');
SELECT probe.before('CREATE INDEX CONCURRENTLY "I i" ON plain (z)') AS noted,
	probe.after('CREATE INDEX CONCURRENTLY "I i" ON plain (z)', probe.before('CREATE INDEX CONCURRENTLY "I i" ON plain (z)'));
SELECT probe.before('CREATE INDEX CONCURRENTLY IF NOT EXISTS "I i" ON plain (z)');
DROP INDEX "I i";
SELECT probe.repairs(:'noted');
-- by the table, if the server has chosen the name
SELECT probe.before('CREATE INDEX CONCURRENTLY ON plain (z)') AS noted \gset
CREATE INDEX ON plain (z);
SELECT probe.after('CREATE INDEX CONCURRENTLY ON plain (z)', :'noted');
SELECT probe.invalidate('plain_z_idx');
SELECT probe.after('CREATE INDEX CONCURRENTLY ON plain (z)', :'noted'), probe.repairs(:'noted');
CREATE INDEX another ON plain (z);
SELECT probe.after('CREATE INDEX CONCURRENTLY ON plain (z)', :'noted');
DROP INDEX another, plain_z_idx;
SELECT probe.repairs(:'noted');
-- what REINDEX CONCURRENTLY leaves
CREATE INDEX plain_idx_ccold ON plain (z);
SELECT probe.invalidate('plain_idx_ccold');
SELECT probe.before('REINDEX TABLE CONCURRENTLY plain') AS noted \gset
CREATE INDEX plain_idx_ccnew1 ON plain (z);
SELECT probe.after('REINDEX TABLE CONCURRENTLY plain', :'noted');
SELECT probe.invalidate('plain_idx_ccnew1');
SELECT probe.after('REINDEX TABLE CONCURRENTLY plain', :'noted'), probe.repairs(:'noted');
-- a partition half detached
SELECT probe.before('ALTER TABLE "T t" DETACH PARTITION part CONCURRENTLY') AS noted \gset
UPDATE pg_catalog.pg_inherits SET inhdetachpending = true WHERE inhrelid OPERATOR(pg_catalog.=) 'part'::regclass::oid;
SELECT probe.after('ALTER TABLE "T t" DETACH PARTITION part CONCURRENTLY', :'noted'), probe.repairs(:'noted');
ALTER TABLE "T t" DETACH PARTITION part FINALIZE;
SELECT probe.after('ALTER TABLE "T t" DETACH PARTITION part CONCURRENTLY', :'noted'), probe.repairs(:'noted');
-- the search_path of the run that resumes does not matter
SELECT probe.before('ALTER TABLE plain ADD COLUMN late int') AS noted \gset
ALTER TABLE plain ADD COLUMN late int;
SET search_path = pg_catalog;
SELECT probe.after('ALTER TABLE plain ADD COLUMN late int', :'noted');
-- what is not known
SELECT probe.after('CREATE TABLE t (i int)', '{constellation,a,absent}');

SET client_min_messages = warning;
DROP SCHEMA probe, "My schema", evil CASCADE;
