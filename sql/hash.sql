-- hash: when two bodies are the same
\i sql/include/start.sql
CREATE FUNCTION pg_temp.same(a text, b text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	same boolean;
BEGIN
	PERFORM migrate_register('a', a);
	PERFORM migrate_register('b', b);
	SELECT count(DISTINCT upgrade_hash) = 1 INTO same FROM migrate.revision;
	PERFORM migrate_unregister('a'), migrate_unregister('b');
	RETURN same;
END $$;

-- the same: white space, comments, letters of keywords and identifiers
SELECT to_json(a) AS a, to_json(b) AS b, pg_temp.same(a, b) FROM (VALUES
	('SELECT 1', E'select\n\t 1 '),
	('SELECT 1', '/* a /* b */ */ SELECT -- c' || E'\n1'),
	('SELECT 1', E'SELECT\r\n1'),
	('SELECT a+b', 'SELECT a + b'),
	('SELECT Foo FROM BAR', 'SELECT foo FROM bar'),
	('', '  -- nothing'),
	('', ' ; ;'),
	('SELECT 1', 'SELECT 1;'),
	('SELECT N''a''', 'select n''a'''),
	(E'SELECT ''it''''s''\n''b''', E'SELECT ''it''''s'' -- c\n\t''b'''),
	(E'SELECT E''it\\''s''\n''b''', E'SELECT E''it\\''s''\r\n''b'''),
	('SELECT 1; SELECT 2', ';SELECT 1;; SELECT 2 ; '),
	(E'SELECT ''a''\n''b''', E'SELECT ''a''  \n  ''b''')) AS v (a, b);
SELECT pg_temp.same('SELECT 1', E'\ufeffSELECT 1');
-- not the same: whatever could mean something else
SELECT to_json(a) AS a, to_json(b) AS b, pg_temp.same(a, b) FROM (VALUES
	('SELECT 1', 'SELECT 2'),
	('SELECT ''a''', 'SELECT ''A'''),
	('SELECT ''a''', 'SELECT ''a '''),
	('SELECT ''a''', 'SELECT a'),
	('SELECT ''a''', 'SELECT E''a'''),
	('SELECT "a"', 'SELECT "A"'),
	('SELECT $$a b$$', 'SELECT $$a  b$$'),
	('SELECT $$a -- b$$', 'SELECT $$a$$'),
	('SELECT ''a''''b''', E'SELECT ''a''\n''b'''),
	('SELECT a b', 'SELECT ab'),
	('SELECT 1; SELECT 2', 'SELECT 2; SELECT 1'),
	('SELECT 1; CHECKPOINT', 'SELECT 1 CHECKPOINT'),
	('SELECT 1 - 2', 'SELECT 1 -2 + 0'),
	('SELECT B''1''', 'SELECT X''1'''),
	('SELECT N''a''', 'SELECT n ''a'''),
	('SELECT U&''\0061''', 'SELECT U&''\0041'''),
	('', 'SELECT')) AS v (a, b);
-- SHA-256 in hexadecimal, a fixed value: it must never change
SELECT migrate_register('a', 'SELECT 1', '');
SELECT upgrade_hash, downgrade_hash = encode(sha256(''), 'hex') AS hash_of_nothing,
       upgrade_hash = encode(sha256('\x73656c656374003100'), 'hex') AS hash_of_tokens
  FROM migrate.revision;
\i sql/include/reset.sql
