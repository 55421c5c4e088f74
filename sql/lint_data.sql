-- lint: rows, and what a transaction holds locked meanwhile
\i sql/include/start.sql
\i sql/include/lint.sql
CREATE TABLE child (id bigint PRIMARY KEY, small_id bigint REFERENCES small);

-- truncate, truncate-cascade
SELECT pg_temp.lint('TRUNCATE big');
SELECT pg_temp.lint('TRUNCATE empty');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); TRUNCATE fresh CASCADE');
SELECT pg_temp.lint('TRUNCATE small CASCADE');
SELECT pg_temp.lint('TRUNCATE big CASCADE');

-- write-all
SELECT pg_temp.lint('UPDATE big SET n = 2');
SELECT pg_temp.lint($$WITH gone AS (DELETE FROM big RETURNING n) MERGE INTO small USING gone ON false WHEN NOT MATCHED THEN INSERT (n) VALUES (gone.n)$$);
SELECT pg_temp.lint($$WITH gone AS (DELETE FROM big RETURNING n), few AS (UPDATE small SET n = 2 RETURNING n) INSERT INTO small (n) SELECT n FROM gone$$);
SELECT pg_temp.lint('DELETE FROM big');
SELECT pg_temp.lint('UPDATE big SET n = 2 WHERE true; DELETE FROM big WHERE 1 = 1');
SELECT pg_temp.lint('UPDATE big SET n = 2 WHERE false; DELETE FROM big WHERE EXISTS (SELECT)');
SELECT pg_temp.lint('UPDATE big SET n = 2 WHERE n = 1');
SELECT pg_temp.lint('UPDATE small SET n = 2; DELETE FROM empty');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); INSERT INTO fresh SELECT id FROM big; DELETE FROM fresh');
SELECT pg_temp.lint($$CALL migrate_batch('big', 'UPDATE big SET n = 2 WHERE id BETWEEN $1 AND $2')$$);
-- what the plan has emptied before
SELECT pg_temp.lint('TRUNCATE empty; TRUNCATE big; UPDATE big SET n = 2; ALTER TABLE big ADD COLUMN c int NOT NULL');
SELECT pg_temp.lint('DELETE FROM small; ALTER TABLE small ADD COLUMN c int NOT NULL');
SELECT pg_temp.lint('DELETE FROM small; INSERT INTO small SELECT * FROM empty; ALTER TABLE small ADD COLUMN c int NOT NULL');

-- slow-in-lock
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nUPDATE big SET n = 2 WHERE n = 1');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nINSERT INTO empty SELECT * FROM big');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nCREATE TABLE copy AS SELECT * FROM big');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nINSERT INTO empty SELECT e.* FROM empty AS e JOIN (SELECT id FROM big) AS b USING (id)');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nINSERT INTO empty SELECT e.* FROM empty AS e JOIN small USING (id)');
SELECT pg_temp.lint(E'UPDATE big SET n = 2 WHERE n = 1;\nALTER TABLE small ADD COLUMN c int');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nUPDATE big SET n = 2 WHERE id = 1; DELETE FROM big WHERE n > 0 AND id IN (1, 2)');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nUPDATE small SET n = 2');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nVACUUM small;\nUPDATE big SET n = 2 WHERE n = 1');

-- several-locks
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nALTER TABLE big ADD COLUMN c int');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nVACUUM small;\nALTER TABLE big ADD COLUMN c int');
SELECT pg_temp.lint(E'CREATE TABLE fresh (id bigint PRIMARY KEY);\nALTER TABLE fresh ADD COLUMN c int;\nALTER TABLE big ADD COLUMN c int');

-- several-alters; not where one takes a weaker lock, or spares the other a scan
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int;\nALTER TABLE small ADD COLUMN d int');
SELECT pg_temp.lint(E'ALTER TABLE small ADD COLUMN c int, ADD COLUMN d int');
SELECT pg_temp.lint(E'ALTER TABLE small VALIDATE CONSTRAINT x;\nALTER TABLE small ADD COLUMN d int');
SELECT pg_temp.lint(E'ALTER TABLE small ALTER COLUMN id SET NOT NULL;\nALTER TABLE small DROP CONSTRAINT x');

-- many-statements
SELECT pg_temp.lint((SELECT string_agg(format('ALTER TABLE small ADD COLUMN c%s int; SELECT 1', g), '; ') FROM generate_series(1, 11) AS g));
SELECT pg_temp.lint((SELECT string_agg(format('ALTER TABLE small ADD COLUMN c%s int; SELECT 1', g), '; ') FROM generate_series(1, 10) AS g));
SELECT pg_temp.lint((SELECT string_agg(format('CREATE TABLE t%s (id bigint PRIMARY KEY)', g), '; ') FROM generate_series(1, 100) AS g));

-- enum-value-used, enum-order
CREATE TYPE mood AS ENUM ('sad', 'happy');
SELECT pg_temp.lint(E'ALTER TYPE mood ADD VALUE ''fine'' AFTER ''sad'';\nINSERT INTO moods VALUES (''fine'')');
SELECT pg_temp.lint(E'ALTER TYPE mood ADD VALUE ''fine'' AFTER ''sad'';\nINSERT INTO moods VALUES (''sad'')');
SELECT pg_temp.lint(E'CREATE TYPE fresh AS ENUM (''a'');\nALTER TYPE fresh ADD VALUE ''b'' AFTER ''a'';\nSELECT ''b''::fresh');
SELECT pg_temp.lint('ALTER TYPE mood ADD VALUE ''fine''');
SELECT pg_temp.lint('ALTER TYPE mood RENAME VALUE ''sad'' TO ''grim''');

DROP TABLE big, small, empty, child;
DROP TYPE mood;
\i sql/include/reset.sql
