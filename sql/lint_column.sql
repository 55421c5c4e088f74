-- lint: columns that are added or changed
\i sql/include/start.sql
\i sql/include/lint.sql

-- volatile-default: by pg_proc, by search_path, by what the plan makes
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN token uuid DEFAULT gen_random_uuid()');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN token text DEFAULT ''a'' || (random() * 10)::text');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN made timestamptz DEFAULT now()');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN made timestamptz DEFAULT CURRENT_TIMESTAMP, ADD COLUMN c text DEFAULT ''new''');
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN token uuid DEFAULT gen_random_uuid()');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh ADD COLUMN token uuid DEFAULT gen_random_uuid()');
SELECT pg_temp.lint('CREATE FUNCTION token() RETURNS text LANGUAGE sql AS ''SELECT 1''; ALTER TABLE big ADD COLUMN token text DEFAULT token()');
SELECT pg_temp.lint('CREATE FUNCTION token() RETURNS text IMMUTABLE LANGUAGE sql AS ''SELECT 1''; ALTER TABLE big ADD COLUMN token text DEFAULT token()');

-- filled-column
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN twice int GENERATED ALWAYS AS (n * 2) STORED');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN number bigserial');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN number AS int;
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN p positive');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN p number');
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY');

-- required-column: fails as soon as there is a row
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN c text NOT NULL');
SELECT pg_temp.lint('ALTER TABLE small ADD COLUMN c text NOT NULL DEFAULT NULL');
SELECT pg_temp.lint('ALTER TABLE empty ADD COLUMN c text NOT NULL');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN c text NOT NULL DEFAULT ''''');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN IF NOT EXISTS note text NOT NULL');

-- change-type
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN n TYPE bigint');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE varchar(10)');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN note TYPE varchar(100)');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN price TYPE numeric(12,3)');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE text USING upper(name)');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE varchar(30), ALTER COLUMN price TYPE numeric(12,2)');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE varchar, ALTER COLUMN price TYPE numeric');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE text USING name::text, ALTER COLUMN note TYPE varchar');
SELECT pg_temp.lint('ALTER TABLE small ALTER COLUMN n TYPE bigint');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN n TYPE positive');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN n TYPE number');
-- the time zone of the session, and one that the body sets
SET TimeZone = 'Europe/Vienna';
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN at TYPE timestamptz');
SELECT pg_temp.lint('SET LOCAL TimeZone = ''UTC''; ALTER TABLE big ALTER COLUMN at TYPE timestamptz');
SET TimeZone = 'UTC';
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN at TYPE timestamptz');
SELECT pg_temp.lint('SET LOCAL TimeZone = ''Europe/Vienna''; ALTER TABLE big ALTER COLUMN at TYPE timestamptz');
-- where the table is not rewritten, but an index is, or a CHECK is looked at again
CREATE FUNCTION pg_temp.reindexed(change text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	before text;
	result boolean;
	files text := $f$SELECT string_agg(c.relname || c.relfilenode, ' ' ORDER BY c.relname) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = 'big'::regclass$f$;
BEGIN
	EXECUTE files INTO before;
	EXECUTE 'ALTER TABLE big ALTER COLUMN ' || change;
	EXECUTE files INTO change;
	RAISE EXCEPTION USING errcode = 'MX000', message = change <> before;
EXCEPTION WHEN SQLSTATE 'MX000' THEN RETURN sqlerrm;
END $$;
CREATE INDEX by_at ON big (at);
CREATE INDEX by_name ON big (name) INCLUDE (note);
CREATE TABLE change (change text);
INSERT INTO change VALUES ('at TYPE timestamptz'), ('at TYPE timestamp(6)'), ('name TYPE text'), ('name TYPE varchar(30)'), ('name TYPE varchar(30) COLLATE "C"'), ('name TYPE text COLLATE "default"'), ('note TYPE varchar'), ('note TYPE text COLLATE "C"');
SELECT change, pg_temp.reindexed(change), EXISTS (SELECT FROM pg_temp.lint('ALTER TABLE big ALTER COLUMN ' || change) AS l WHERE l LIKE '%indexes are built%') AS said FROM change;
DROP INDEX by_name;
CREATE INDEX by_name ON big (lower(name));
CREATE INDEX by_note ON big (id) WHERE note IS NOT NULL;
SELECT change, pg_temp.reindexed(change), EXISTS (SELECT FROM pg_temp.lint('ALTER TABLE big ALTER COLUMN ' || change) AS l WHERE l LIKE '%indexes are built%') AS said FROM change;
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE text');
DROP INDEX by_name, by_note;
SELECT pg_temp.lint('CREATE INDEX CONCURRENTLY by_name ON big (lower(name)); ALTER TABLE big ALTER COLUMN name TYPE text');
ALTER TABLE big ADD CONSTRAINT c CHECK (name <> '');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE text');
ALTER TABLE big DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (name <> '') NOT VALID;
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name TYPE text');
ALTER TABLE big DROP CONSTRAINT c;
DROP INDEX by_at;
DROP TABLE change;
-- arrays, and addresses
CREATE TABLE host (id bigint PRIMARY KEY, net cidr, tags varchar(20)[]);
INSERT INTO host SELECT g, '10.0.0.0/8' FROM generate_series(1, 30000) AS g;
ANALYZE host;
SELECT pg_temp.lint('ALTER TABLE host ALTER COLUMN net TYPE inet');
SELECT pg_temp.lint('ALTER TABLE host ALTER COLUMN net TYPE text');
SELECT pg_temp.lint('ALTER TABLE host ALTER COLUMN tags TYPE varchar(30)[]');
SELECT pg_temp.lint('ALTER TABLE host ALTER COLUMN tags TYPE varchar(20)[]');
-- the server agrees: what is said to be rewritten gets another file
CREATE FUNCTION pg_temp.rewritten(change text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	before oid := pg_relation_filenode('big');
	result boolean;
BEGIN
	EXECUTE 'ALTER TABLE big ALTER COLUMN ' || change;
	result := pg_relation_filenode('big') <> before;
	RAISE EXCEPTION USING errcode = 'MX000', message = result;
EXCEPTION WHEN SQLSTATE 'MX000' THEN RETURN sqlerrm;
END $$;
CREATE TABLE change (change text);
INSERT INTO change VALUES ('n TYPE bigint'), ('n TYPE positive'), ('n TYPE number'), ('n TYPE oid'),
  ('name TYPE varchar(10)'), ('name TYPE varchar(30)'), ('name TYPE varchar'), ('name TYPE text'), ('name TYPE char(20)'),
  ('note TYPE varchar'), ('note TYPE varchar(100)'), ('note TYPE text COLLATE "C"'),
  ('price TYPE numeric'), ('price TYPE numeric(12,2)'), ('price TYPE numeric(10,3)'), ('price TYPE numeric(8,2)'), ('price TYPE float8'),
  ('at TYPE timestamptz'), ('at TYPE timestamp(6)'), ('at TYPE timestamp(3)'), ('at TYPE date'), ('at TYPE timestamptz(3)');
SELECT change, pg_temp.rewritten(change) AS rewritten,
       EXISTS (SELECT FROM pg_temp.lint('ALTER TABLE big ALTER COLUMN ' || change) AS l WHERE l LIKE '%change-type%') AS said
  FROM change;

-- set-not-null
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name SET NOT NULL');
SELECT pg_temp.lint('ALTER TABLE small ALTER COLUMN name SET NOT NULL');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN id SET NOT NULL');
ALTER TABLE big ADD CONSTRAINT name_given CHECK (name IS NOT NULL) NOT VALID;
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name SET NOT NULL');
SELECT pg_temp.lint('ALTER TABLE big VALIDATE CONSTRAINT name_given; ALTER TABLE big ALTER COLUMN name SET NOT NULL');
ALTER TABLE big VALIDATE CONSTRAINT name_given;
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name SET NOT NULL');
SELECT l FROM pg_temp.lint('ALTER TABLE big RENAME COLUMN name TO title; ALTER TABLE big ALTER COLUMN title SET NOT NULL') AS l WHERE l ~ 'not-null';
ALTER TABLE big DROP CONSTRAINT name_given, ADD CONSTRAINT both_given CHECK (n > 0 AND note IS NOT NULL), ADD CONSTRAINT one_given CHECK (name IS NOT NULL OR note IS NOT NULL);
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN note SET NOT NULL');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN name SET NOT NULL');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN n DROP NOT NULL, ALTER COLUMN n SET NOT NULL');

-- drop-not-null
ALTER TABLE small ALTER COLUMN n SET NOT NULL;
SELECT pg_temp.lint('ALTER TABLE small ALTER COLUMN n DROP NOT NULL');
SELECT pg_temp.lint('ALTER TABLE big ALTER COLUMN n DROP NOT NULL');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY, n int NOT NULL); ALTER TABLE fresh ALTER COLUMN n DROP NOT NULL');

DROP TABLE big, small, empty, host, change;
DROP DOMAIN positive, number;
\i sql/include/reset.sql
