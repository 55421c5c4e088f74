-- batch_condition: which statements migrate_batch() accepts
\i sql/include/start.sql
SET client_min_messages = warning;
CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, note text, parent int, email text UNIQUE);
CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (t);
CREATE TABLE bare (id int UNIQUE, n int);
CREATE TABLE child (id int PRIMARY KEY, t int, made int);
CREATE TABLE crossed (a int, b int, n int, PRIMARY KEY (b, a));
CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (100);
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM t WHERE n >= 0;
CREATE VIEW united AS SELECT id FROM t UNION ALL SELECT id FROM bare;
CREATE VIEW triggered AS SELECT id, n FROM t;
CREATE TABLE moments (k timestamp PRIMARY KEY);
CREATE TABLE zoned (k timestamptz);
CREATE TABLE told (id int PRIMARY KEY, n int);
CREATE RULE told AS ON UPDATE TO told DO ALSO NOTIFY told;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER instead INSTEAD OF UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION instead();
INSERT INTO t (id) SELECT generate_series(1, 20);
-- run in batches of three, and taken back
CREATE FUNCTION pg_temp.is_accepted(relation regclass, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	CALL migrate_batch(relation, statement, batch_size => 3, target => '0', pause => 0);
	RAISE 'it was accepted' USING ERRCODE = 'P0099';
EXCEPTION
	WHEN SQLSTATE 'P0099' THEN
		RETURN 'accepted';
	WHEN invalid_parameter_value THEN
		RETURN CASE WHEN SQLERRM LIKE '%seen to be%' THEN 'not seen' WHEN SQLERRM LIKE '%not limited%' THEN 'not limited' ELSE SQLERRM END;
END $$;
\a
\t on

-- rows could be left out, or be in two batches
SELECT pg_temp.is_accepted(relation::regclass, statement) || ': ' || statement FROM (VALUES
	('t', $$INSERT INTO bare SELECT id FROM t WHERE EXISTS (SELECT FROM t WHERE id BETWEEN $1 AND $2) ON CONFLICT DO NOTHING$$),
	('t', $$INSERT INTO bare SELECT a.id FROM t a LEFT JOIN (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s ON s.id = a.id ON CONFLICT DO NOTHING$$),
	('t', $$INSERT INTO child SELECT id FROM t EXCEPT SELECT id FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT DO NOTHING$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION SELECT id FROM t)$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION SELECT id FROM bare)$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id IN (WITH RECURSIVE r AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION SELECT c.id FROM t c JOIN r ON c.parent = r.id) SELECT id FROM r)$$),
	('t', $$WITH RECURSIVE r AS (SELECT id FROM t UNION SELECT c.id FROM t c JOIN r ON c.parent = r.id) UPDATE t SET n = t.n + 1 FROM r WHERE r.id = t.id AND $1 <= $2$$),
	('t', $$UPDATE t SET n = n + 1 FROM (SELECT id FROM t OFFSET 0) o WHERE o.id = t.id AND $1 <= $2$$),
	('t', $$UPDATE t SET n = t.n + 1 FROM united WHERE united.id = t.id AND $1 <= $2$$),
	('t', $$UPDATE t SET n = t.n + 1 FROM united WHERE united.id = t.id AND united.id BETWEEN $1 AND $2$$),
	('t', $$UPDATE t SET n = t.n + 1 FROM bare WHERE bare.id = t.id AND $1 <= $2$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id = 5 AND $1 <= $2$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id IN (SELECT generate_series(1, 20)) AND $1 <= $2$$),
	('t', $$DELETE FROM child WHERE t NOT IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$DELETE FROM child WHERE NOT EXISTS (SELECT FROM t WHERE t.id = child.t AND t.id BETWEEN $1 AND $2)$$),
	('t', $$WITH w AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2) DELETE FROM child WHERE t NOT IN (SELECT id FROM w)$$),
	('t', $$UPDATE bare SET n = (SELECT n FROM t WHERE t.id = bare.id AND t.id BETWEEN $1 AND $2)$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND EXISTS (SELECT FROM t o WHERE o.id = t.id AND o.id > $1)$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND NOT EXISTS (SELECT FROM t o WHERE o.id = t.id AND o.id <= $1)$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND NOT EXISTS (SELECT FROM t o WHERE o.id BETWEEN $1 AND $2 AND o.email = t.email AND o.id < t.id)$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND CASE WHEN n > 3 THEN id > $1 ELSE true END$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND abs(id) > $1$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND t::text > $1::text$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND (SELECT t.id) > $1$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND COALESCE(id, 0) <> $1$$),
	('t', $$INSERT INTO child SELECT t.id FROM t CROSS JOIN LATERAL (SELECT WHERE t.id > $1 AND t.id <= $2) l$$),
	('t', $$INSERT INTO child SELECT t.id FROM t CROSS JOIN LATERAL (SELECT WHERE t.id > $1) l WHERE t.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT a.id FROM t a JOIN (SELECT id FROM t WHERE id > $1) s USING (id) WHERE a.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT a.id FROM t a LEFT JOIN (SELECT id FROM t WHERE id > $1) s USING (id) WHERE a.id BETWEEN $1 AND $2 AND s.id IS NOT NULL$$),
	('t', $$INSERT INTO bare SELECT DISTINCT ON (n) id FROM t WHERE id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO bare SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY n ORDER BY id) r FROM t WHERE id BETWEEN $1 AND $2) s WHERE r = 1$$),
	('t', $$INSERT INTO child SELECT max(id) FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n HAVING count(*) > 1$$),
	('t', $$INSERT INTO child SELECT m FROM (SELECT max(id) m, count(*) c FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n) s WHERE c > 1$$),
	('t', $$INSERT INTO t (id, n) SELECT id, 1 FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT (email) DO UPDATE SET n = t.n + 1$$),
	('t', $$INSERT INTO t (id, n) SELECT g, 1 FROM generate_series(1, 20) g WHERE $1 <= $2 ON CONFLICT (id) DO UPDATE SET n = t.n + 1$$),
	('heir', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2$$),
	('t', $$UPDATE heir SET n = n + 1 WHERE $1 <= $2$$),
	('part_1', $$UPDATE parts SET n = 1 WHERE $1 <= $2$$),
	('t', $$UPDATE bare SET n = t.n FROM t WHERE bare.id = t.id AND EXISTS (SELECT FROM t o WHERE o.id BETWEEN $1 AND $2)$$),
	('t', $$WITH u AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2) INSERT INTO child SELECT id FROM t ON CONFLICT DO NOTHING$$),
	('t', $$WITH u AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2) UPDATE t SET note = ''  WHERE n = 0$$),
	('t', $$WITH u AS (INSERT INTO child SELECT id FROM t RETURNING 1) UPDATE t SET note = '' WHERE id BETWEEN $1 AND $2$$),
	('t', $$MERGE INTO bare USING t ON bare.id = t.id WHEN MATCHED AND t.id BETWEEN $1 AND $2 THEN UPDATE SET n = bare.n + 1 WHEN NOT MATCHED THEN INSERT VALUES (t.id, 1)$$),
	('t', $$MERGE INTO t USING bare ON t.id = bare.id AND t.id BETWEEN $1 AND $2 WHEN MATCHED THEN UPDATE SET n = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (bare.id + 1000)$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION ALL SELECT id + 1000 FROM bare$$),
	('t', $$INSERT INTO child SELECT id FROM t UNION ALL SELECT id FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT DO NOTHING$$),
	('t', $$UPDATE triggered SET n = n + 1 WHERE n = 0 AND $1 <= $2$$),
	('t', $$UPDATE barrier SET n = n + 1 WHERE n = 0 AND $1 <= $2$$),
	('t', $$INSERT INTO bare SELECT b.id FROM bare AS b FULL JOIN (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s ON s.id = b.id ON CONFLICT DO NOTHING$$),
	('crossed', $$INSERT INTO bare SELECT s.a FROM (SELECT x.b, y.a FROM crossed x, crossed y) s WHERE (s.b, s.a) BETWEEN ($1, $2) AND ($3, $4)$$),
	('t', $$WITH w AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2) UPDATE bare SET n = n + 1$$),
	('t', $$UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND (SELECT count(*) FROM t o WHERE o.id = t.id AND o.id > $1) = 1$$),
	('t', $$INSERT INTO child SELECT id FROM (SELECT id, (SELECT count(*) FROM t o WHERE o.id = t.id AND o.id > $1) c FROM t WHERE id BETWEEN $1 AND $2) s WHERE c = 1$$),
	('t', $$INSERT INTO child SELECT s.id FROM (SELECT id FROM t WHERE id BETWEEN $1 AND $2 FETCH FIRST 2 ROWS ONLY) s$$),
	('t', $$INSERT INTO child SELECT t.id FROM t WHERE id BETWEEN $1 AND $2 ORDER BY id FETCH FIRST 1 ROWS WITH TIES$$),
	('t', $$INSERT INTO child SELECT t.id FROM t WHERE t.id BETWEEN SYMMETRIC $1 AND $2 AND t.id <> $1$$),
	('t', $$INSERT INTO child SELECT t.id FROM t WHERE int4range($1, $2) @> t.id$$),
	('t', $$UPDATE t SET n = 1 WHERE id BETWEEN SYMMETRIC $1 AND $2$$),
	('crossed', $$UPDATE crossed c SET n = 1 FROM (SELECT o.b, p.a FROM crossed o, crossed p WHERE (o.b, o.a) BETWEEN ($1, $2) AND ($3, $4)) s WHERE c.a = s.a AND c.b = s.b$$),
	('t', $$UPDATE t SET n = 1 FROM (SELECT x.id, y.id AS other FROM t x, t y) s WHERE s.id BETWEEN $1 AND $2 AND s.other = t.id$$),
	('t', $$UPDATE t SET n = 1 FROM (SELECT x.id, y.id AS other FROM t x, t y WHERE x.id BETWEEN $1 AND $2) s WHERE s.other = t.id$$),
	('t', $$UPDATE t SET n = 1 FROM (SELECT x.id, y.id AS other FROM t x, t y) s WHERE s.id >= $1 AND s.other <= $2 AND s.other = t.id$$),
	('t', $$WITH w AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2), x AS (SELECT * FROM w LIMIT 3), y AS (SELECT * FROM x) UPDATE t SET n = 1 FROM y WHERE y.id = t.id$$),
	('t', $$UPDATE t SET n = 1 WHERE ctid IN (SELECT ctid FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$WITH RECURSIVE r AS (SELECT id, parent FROM t UNION SELECT p.id, p.parent FROM t p JOIN r ON p.id = r.parent WHERE r.id BETWEEN $1 AND $2) INSERT INTO child SELECT id FROM r ON CONFLICT DO NOTHING$$),
	('t', $$INSERT INTO child SELECT id FROM (SELECT * FROM t WHERE id > $1) s WHERE s.id BETWEEN $1 AND $2$$),
	('t', $$UPDATE t SET n = 1 WHERE (id, $1) IN (SELECT id, 1 FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$DELETE FROM child WHERE t <> ANY (ARRAY(SELECT id FROM t WHERE id BETWEEN $1 AND $2))$$),
	('t', $$DELETE FROM child WHERE t <> ALL (ARRAY(SELECT id FROM t WHERE id BETWEEN $1 AND $2))$$),
	('t', $$MERGE INTO bare USING (SELECT n, count(*) c FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n) s ON bare.id = s.n WHEN MATCHED AND c > 1 THEN DELETE$$),
	('t', $$INSERT INTO child SELECT id FROM (VALUES ((SELECT max(id) FROM t WHERE id BETWEEN $1 AND $2))) v (id)$$),
	('t', $$DELETE FROM child WHERE (SELECT count(*) FROM t WHERE id BETWEEN $1 AND $2) > 0$$),
	('t', $$UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND (id, n) IN (VALUES ($1, 0))$$),
	('t', $$UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND id IN (SELECT $1)$$),
	('t', $$UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND id IN (VALUES ($1), ($2))$$),
	('t', $$UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND id IN (SELECT g FROM generate_series($1 + 1, $2) g)$$),
	('t', $$UPDATE t SET n = 1 FROM (SELECT $1 AS a) p WHERE t.id BETWEEN $1 AND $2 AND t.id <> p.a$$),
	('t', $$UPDATE t SET n = 1 FROM generate_series($1 + 1, $2) g WHERE t.id BETWEEN $1 AND $2 AND t.id = g$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 AND NOT (id = $1)$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE (id BETWEEN $1 AND $2) IS TRUE$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE (id BETWEEN $1 AND $2) = true$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE true = ALL (ARRAY[id >= $1, id <= $2])$$),
	('t', $$INSERT INTO child SELECT (r).id FROM (SELECT t AS r FROM t) s WHERE (r).id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT (r).id FROM (SELECT t AS r FROM t) s WHERE (r).id > $1 AND (r).id <= $2$$),
	('t', $$INSERT INTO child (id) SELECT id FROM t GROUP BY ROLLUP (id) HAVING count(*) > 0 AND id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child (id) SELECT id FROM t WHERE id BETWEEN $1 AND $2 INTERSECT SELECT id FROM t WHERE id > $1$$),
	('t', $$INSERT INTO child (id) SELECT id FROM (SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION ALL SELECT id FROM t) s$$),
	('t', $$INSERT INTO child (id) SELECT id FROM (SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION SELECT id FROM t WHERE id BETWEEN $1 AND $2) s WHERE id > $1$$),
	('t', $$MERGE INTO t USING (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s ON t.id = s.id AND t.id > $1 WHEN MATCHED THEN UPDATE SET n = 1 WHEN NOT MATCHED THEN DO NOTHING$$),
	('t', $$MERGE INTO t USING bare b ON t.id = b.id WHEN MATCHED AND t.id BETWEEN $1 AND $2 THEN UPDATE SET n = 1$$),
	('t', $$UPDATE t SET n = 1 FROM bare b LEFT JOIN (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s ON s.id = b.id WHERE COALESCE(s.id, t.id) = t.id$$),
	('t', $$INSERT INTO bare SELECT s.id FROM t s WHERE s.id BETWEEN $1 AND $2 AND EXISTS (SELECT FROM t u WHERE u.id = s.parent AND u.id BETWEEN $1 AND $2)$$),
	('t', $$INSERT INTO bare SELECT a.id FROM (SELECT * FROM t WHERE id BETWEEN $1 AND $2) a LEFT JOIN (SELECT * FROM t WHERE id BETWEEN $1 AND $2) b ON b.id = a.parent$$),
	('t', $$DELETE FROM child WHERE t IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2) AND made IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$WITH c AS (SELECT f.id FROM t a FULL JOIN t f ON a.id = f.parent WHERE a.id BETWEEN $1 AND $2) INSERT INTO bare SELECT id FROM c WHERE id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO bare SELECT n, c FROM (SELECT n, count(*) c FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n) s WHERE EXISTS (SELECT WHERE s.c > 1)$$),
	('t', $$INSERT INTO bare SELECT n, c FROM (SELECT n, count(*) c FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n) s, LATERAL (SELECT WHERE s.c > 1) l$$),
	('t', $$WITH w AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2) INSERT INTO child SELECT id FROM (SELECT id, (SELECT count(*) FROM w) c FROM w) s WHERE c > 2$$),
	('t', $$WITH i AS (INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 RETURNING id) INSERT INTO bare SELECT id FROM i WHERE id > $1$$),
	('t', $$WITH u AS (UPDATE t SET n = $1 WHERE id BETWEEN $1 AND $2 RETURNING id, n) INSERT INTO bare SELECT id FROM u WHERE n <> id$$),
	('t', $$WITH u AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2) UPDATE bare SET n = n + 1$$),
	('t', $$INSERT INTO bare SELECT g FROM generate_series(1, 3) g WHERE EXISTS (SELECT FROM t WHERE id BETWEEN $1 AND $2) AND g IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$INSERT INTO bare SELECT s.g FROM (SELECT 1 AS g WHERE EXISTS (SELECT FROM t WHERE id BETWEEN $1 AND $2)) s ON CONFLICT DO NOTHING$$),
	('crossed', $$WITH w AS (SELECT b, a FROM crossed) INSERT INTO bare SELECT s.a FROM (SELECT x.b, y.a FROM w x, w y) s WHERE (s.b, s.a) BETWEEN ($1, $2) AND ($3, $4)$$),
	('t', $$INSERT INTO child SELECT id FROM (SELECT id FROM t LIMIT 5) s WHERE id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT t.id FROM t CROSS JOIN LATERAL (SELECT t.id AS x OFFSET 0) l WHERE l.x >= $1 AND l.x < $2$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 AND parent > $1$$),
	('t', $$WITH u AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 RETURNING 1) INSERT INTO bare SELECT 1 WHERE (SELECT count(*) FROM u) > 2 ON CONFLICT DO NOTHING$$),
	('t', $$WITH i AS (INSERT INTO bare SELECT id FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT (id) DO UPDATE SET n = $1 RETURNING id, n) INSERT INTO child SELECT id FROM i WHERE n <> id$$),
	('t', $$WITH u AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2) INSERT INTO child SELECT id FROM t UNION SELECT id FROM bare ON CONFLICT DO NOTHING$$),
	('t', $$WITH u AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2) INSERT INTO child SELECT unnest(ARRAY(SELECT id FROM t)) ON CONFLICT DO NOTHING$$),
	('t', $$INSERT INTO bare SELECT n, count(*) FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE excluded.n > 2$$),
	('t', $$INSERT INTO child SELECT id FROM bare WHERE n IN (SELECT n FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$UPDATE bare SET n = n + 1 WHERE id IN (SELECT parent FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$UPDATE bare SET n = n + 1 WHERE EXISTS (SELECT FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$WITH x AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 RETURNING n) UPDATE bare SET n = 1 WHERE id IN (SELECT n FROM x)$$),
	('t', $$INSERT INTO bare SELECT id, n FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT (id) DO UPDATE SET n = bare.n + 1 WHERE abs(excluded.id) > $1$$),
	('t', $$INSERT INTO bare SELECT id, n FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT (id) DO UPDATE SET n = bare.n + 1 WHERE excluded.id > $1$$),
	('t', $$WITH c AS (SELECT id, n FROM t WHERE id BETWEEN $1 AND $2) INSERT INTO bare SELECT id, n FROM c ON CONFLICT (id) DO UPDATE SET n = bare.n + 1 WHERE excluded.id > (SELECT min(id) FROM c)$$),
	('t', $$WITH x AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 RETURNING 1) INSERT INTO bare SELECT $1, $2 HAVING (SELECT count(*) FROM x) > 2$$),
	('t', $$WITH x AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 RETURNING 1) INSERT INTO bare SELECT 1, 1 LIMIT CASE WHEN $1 > 5 THEN 0 END$$),
	('t', $$WITH x AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 RETURNING 1) INSERT INTO bare VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = 1 WHERE (SELECT count(*) FROM x) > 2$$),
	('t', $$INSERT INTO t (id) SELECT parent FROM t WHERE id BETWEEN $1 AND $2 AND id > 17 ON CONFLICT (id) DO UPDATE SET n = 1 WHERE t.id BETWEEN $1 AND $2$$),
	('moments', $$INSERT INTO child (id) SELECT 1 FROM moments LEFT JOIN zoned USING (k) WHERE k BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT a.id FROM t a, t b, t c, t d WHERE NOT EXISTS (SELECT FROM t e WHERE e.id = d.id AND e.id BETWEEN $1 AND $2) AND a.id BETWEEN $1 AND $2$$),
	('t', $$DELETE FROM child USING t WHERE t.id = child.t AND child.t BETWEEN $1 AND $2$$)) AS s (relation, statement);

-- each row once
SELECT pg_temp.is_accepted(relation::regclass, statement) || ': ' || statement FROM (VALUES
	('t', $$UPDATE triggered SET n = n + 1 WHERE id BETWEEN $1 AND $2$$),
	('t', $$UPDATE barrier SET n = n + 1 WHERE id BETWEEN $1 AND $2$$),
	('t', $$DELETE FROM child WHERE t IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$DELETE FROM child WHERE EXISTS (SELECT FROM t WHERE t.id = child.t AND t.id BETWEEN $1 AND $2)$$),
	('t', $$DELETE FROM child USING t WHERE t.id = child.t AND t.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT t.id FROM t LEFT JOIN bare b ON b.id = t.id WHERE t.id BETWEEN $1 AND $2 AND b.id IS NULL$$),
	('t', $$INSERT INTO child SELECT t.id FROM t CROSS JOIN LATERAL (SELECT o.id FROM t o WHERE o.id < t.id ORDER BY o.id DESC LIMIT 1) l WHERE t.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT t.id FROM t LEFT JOIN LATERAL (SELECT o.id FROM t o WHERE o.id < t.id ORDER BY o.id DESC LIMIT 1) l ON true WHERE t.id BETWEEN $1 AND $2$$),
	('t', $$UPDATE t SET n = s.r FROM (SELECT id, row_number() OVER (ORDER BY note) r FROM t) s WHERE s.id = t.id AND t.id BETWEEN $1 AND $2$$),
	('t', $$DELETE FROM t USING (SELECT id, row_number() OVER (PARTITION BY email ORDER BY id) r FROM t) s WHERE s.id = t.id AND r > 1 AND t.id BETWEEN $1 AND $2$$),
	('t', $$DELETE FROM t WHERE id BETWEEN $1 AND $2 AND EXISTS (SELECT FROM t o WHERE o.email = t.email AND o.id < t.id)$$),
	('t', $$INSERT INTO bare SELECT n, sum(id) FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n ON CONFLICT (id) DO UPDATE SET n = bare.n + excluded.n$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 OFFSET 0$$),
	('t', $$INSERT INTO child SELECT id FROM (SELECT id FROM t WHERE id BETWEEN $1 AND $2 LIMIT ALL OFFSET 0) s$$),
	('t', $$UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND n = ANY (ARRAY(SELECT n FROM t ORDER BY n LIMIT 3))$$),
	('t', $$WITH RECURSIVE r AS (SELECT 1 i UNION ALL SELECT i + 1 FROM r WHERE i < 5) UPDATE t SET n = 5 WHERE id BETWEEN $1 AND $2 AND n IN (SELECT i FROM r)$$),
	('t', $$UPDATE t SET n = 1 WHERE $1 <= id AND $2 >= id AND NOT (n > 3 OR note IS NULL)$$),
	('t', $$UPDATE t SET n = 1 FROM bare b WHERE b.id = t.id AND t.id BETWEEN $1 AND $2 AND b.id BETWEEN $1 AND $2$$),
	('t', $$UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND NOT EXISTS (SELECT FROM bare b WHERE b.id = t.id AND b.id BETWEEN $1 AND $2)$$),
	('t', $$WITH gone AS (DELETE FROM t WHERE id BETWEEN $1 AND $2 RETURNING *), log AS (INSERT INTO bare SELECT count(*), 1 FROM gone ON CONFLICT DO NOTHING) INSERT INTO child SELECT id FROM gone$$),
	('t', $$WITH gone AS (DELETE FROM t WHERE id BETWEEN $1 AND $2 RETURNING *) INSERT INTO child SELECT gone.id FROM gone LEFT JOIN t p ON p.id = gone.parent$$),
	('t', $$MERGE INTO bare USING (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s ON bare.id = s.id WHEN MATCHED THEN UPDATE SET n = 1 WHEN NOT MATCHED THEN INSERT VALUES (s.id, 1)$$),
	('t', $$MERGE INTO t USING bare b ON t.id = b.id AND t.id BETWEEN $1 AND $2 WHEN MATCHED AND b.n > 3 THEN DELETE WHEN MATCHED THEN UPDATE SET n = b.n$$),
	('t', $$UPDATE heir SET n = n + 1 WHERE id BETWEEN $1 AND $2$$),
	('t', $$UPDATE ONLY t SET n = n + 1 WHERE id BETWEEN $1 AND $2$$),
	('t', $$UPDATE t SET n = COALESCE((SELECT max(c.made) FROM child c WHERE c.t = t.id), 0) WHERE id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO bare SELECT $1, $2 ON CONFLICT DO NOTHING$$),
	('t', $$INSERT INTO bare VALUES ($1, $2)$$),
	('t', $$INSERT INTO child SELECT a.id FROM t a JOIN t b ON b.parent = a.id WHERE b.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT a.id FROM t a NATURAL JOIN (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s$$),
	('t', $$INSERT INTO child SELECT id FROM t AS a JOIN t AS b USING (id) WHERE id BETWEEN $1 AND $2$$),
	('crossed', $$UPDATE crossed SET n = 1 WHERE (b, a) BETWEEN ($1, $2) AND ($3, $4)$$),
	('crossed', $$INSERT INTO bare SELECT s.a FROM (SELECT * FROM crossed) s WHERE (s.b, s.a) BETWEEN ($1, $2) AND ($3, $4)$$),
	('t', $$INSERT INTO bare SELECT j.k FROM (t x JOIN child c ON c.t = x.id) AS j (k, n) WHERE j.k BETWEEN $1 AND $2$$),
	('t', $$WITH u AS (UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 RETURNING 1) INSERT INTO bare VALUES ($1, (SELECT count(*) FROM u)) ON CONFLICT DO NOTHING$$),
	('t', $$INSERT INTO child SELECT id FROM (SELECT * FROM t WHERE n = 0) s WHERE s.id BETWEEN $1 AND $2$$),
	('part_1', $$UPDATE part_1 SET n = parts.n FROM parts WHERE parts.id = part_1.id + 1 AND part_1.id BETWEEN $1 AND $2$$),
	('t', $$UPDATE t SET (n, note) = (SELECT count(c.made), 'x' FROM child c WHERE c.t = t.id) WHERE id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT x.id FROM t x, t y, t z WHERE x.id = y.id AND y.id = z.id AND x.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT t.id FROM t JOIN bare b ON b.id = t.id AND b.id > $1 WHERE t.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child (SELECT id FROM t WHERE id BETWEEN $1 AND $2)$$),
	('t', $$INSERT INTO child SELECT (r).id FROM (SELECT t AS r FROM t WHERE t.id BETWEEN $1 AND $2) s$$),
	('t', $$UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND email IN (SELECT email FROM t GROUP BY email HAVING count(*) > 1)$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 AND id NOT IN (SELECT id FROM child)$$),
	('t', $$DELETE FROM child c USING t, bare b WHERE b.id = c.t AND t.id = b.n AND t.id BETWEEN $1 AND $2$$),
	('t', $$WITH d AS (DELETE FROM child WHERE t IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2)) DELETE FROM t WHERE id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT COALESCE(c.id, t.id) FROM t LEFT JOIN child c ON c.t = t.id LEFT JOIN bare b ON b.id = t.id WHERE t.id >= $1 AND t.id <= $2 GROUP BY 1$$),
	('t', $$INSERT INTO child (id) SELECT min(id) FROM t WHERE id BETWEEN $1 AND $2$$),
	('t', $$MERGE INTO child USING (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s ON s.id = child.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN DO NOTHING$$),
	('t', $$INSERT INTO child SELECT t.id FROM t WHERE t.id BETWEEN $1 AND $2 AND (SELECT count(*) FROM bare b WHERE b.id = t.id) > 2$$),
	('t', $$INSERT INTO child SELECT t.id FROM t LEFT JOIN LATERAL (SELECT b.n FROM bare b WHERE b.id = t.id ORDER BY b.n LIMIT 1) l ON true WHERE t.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 AND id NOT IN (SELECT parent FROM t WHERE parent IS NOT NULL)$$),
	('t', $$UPDATE t SET n = s.c FROM (SELECT t, count(*) c FROM child WHERE t BETWEEN $1 AND $2 GROUP BY t) s WHERE s.t = t.id AND s.c > 1 AND t.id BETWEEN $1 AND $2$$),
	('t', $$UPDATE bare SET n = t.n FROM t WHERE t.id = bare.id AND t.id BETWEEN $1 AND $2$$),
	('crossed', $$UPDATE crossed c SET n = 1 FROM crossed s WHERE c.a = s.a AND c.b = s.b AND (c.b > $1 OR c.b = $1 AND c.a >= $2) AND ($3 > c.b OR $4 >= c.a AND $3 = c.b)$$),
	('t', $$UPDATE t AS x SET parent = c.made FROM t AS y LEFT JOIN child c ON c.t = y.id WHERE x.id = y.id AND x.id BETWEEN $1 AND $2$$),
	('t', $$WITH b AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2), d AS (DELETE FROM child WHERE t IN (SELECT id FROM b)) DELETE FROM t WHERE id BETWEEN $1 AND $2$$),
	('t', $$WITH s AS (SELECT n, count(*) c FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n) INSERT INTO bare SELECT n, c FROM s ON CONFLICT (id) DO UPDATE SET n = bare.n + excluded.n$$),
	('told', $$UPDATE told SET n = n + 1 WHERE id BETWEEN $1 AND $2$$),
	('t', $$DELETE FROM child WHERE made IN (SELECT id FROM bare WHERE id IN (SELECT parent FROM t WHERE id BETWEEN $1 AND $2))$$),
	('t', $$INSERT INTO bare SELECT * FROM generate_series($1, $2) g ON CONFLICT DO NOTHING$$)) AS s (relation, statement);

-- each row once, too, but refused: another form of it is accepted
SELECT pg_temp.is_accepted(relation::regclass, statement) || ': ' || statement FROM (VALUES
	('t', $$INSERT INTO child SELECT t.id FROM t JOIN bare b ON b.id = t.id WHERE t.id BETWEEN $1 AND $2 GROUP BY t.id HAVING count(*) > 2$$),
	('t', $$INSERT INTO child SELECT id FROM (SELECT t.id, row_number() OVER (PARTITION BY t.id ORDER BY b.n) r FROM t JOIN bare b ON b.id = t.id WHERE t.id BETWEEN $1 AND $2) s WHERE r = 1$$),
	('t', $$INSERT INTO child SELECT DISTINCT ON (t.id) t.id FROM t LEFT JOIN bare b ON b.id = t.id WHERE t.id BETWEEN $1 AND $2 ORDER BY t.id, b.n$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION ALL SELECT id + 1000 FROM t WHERE id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT id FROM t WHERE id BETWEEN $1 AND $2 EXCEPT SELECT parent FROM t$$),
	('t', $$INSERT INTO child WITH RECURSIVE r AS (SELECT id, parent FROM t WHERE id BETWEEN $1 AND $2 UNION ALL SELECT r.id, t.parent FROM r JOIN t ON t.id = r.parent) SELECT id FROM r$$),
	('t', $$MERGE INTO t USING (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)$$),
	('t', $$UPDATE bare SET n = (SELECT n FROM t WHERE t.id = bare.id) WHERE id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child SELECT a.id FROM t a WHERE a.id IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2)$$),
	('crossed', $$UPDATE crossed c SET n = 1 FROM (SELECT b, a FROM crossed WHERE (b > $1 OR b = $1 AND a >= $2) AND ($3 > b OR $4 >= a AND $3 = b)) s WHERE c.a = s.a AND c.b = s.b$$),
	('t', $$UPDATE t SET n = 1 FROM (SELECT x.id, y.id AS other FROM t x, t y WHERE x.id BETWEEN $1 AND $2) s WHERE s.id = t.id$$),
	('t', $$WITH w AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2 FOR UPDATE), x AS (SELECT * FROM w), y AS (SELECT * FROM x) UPDATE t SET n = 1 FROM y WHERE y.id = t.id$$),
	('t', $$WITH RECURSIVE r AS (SELECT id, parent FROM t WHERE id BETWEEN $1 AND $2 UNION SELECT p.id, p.parent FROM t p JOIN r ON p.id = r.parent) INSERT INTO child SELECT id FROM r ON CONFLICT DO NOTHING$$),
	('t', $$DELETE FROM child WHERE t = ANY (ARRAY(SELECT id FROM t WHERE id BETWEEN $1 AND $2))$$),
	('t', $$INSERT INTO child SELECT id FROM (SELECT t.id, count(*) c FROM t JOIN bare b ON b.id = t.id WHERE t.id BETWEEN $1 AND $2 GROUP BY t.id) s WHERE c > 1$$),
	('t', $$MERGE INTO bare USING (SELECT n, count(*) c FROM t WHERE id BETWEEN $1 AND $2 GROUP BY n) s ON bare.id = s.n WHEN MATCHED THEN UPDATE SET n = bare.n + c WHEN NOT MATCHED THEN INSERT VALUES (s.n, s.c)$$),
	('crossed', $$DELETE FROM crossed WHERE (b, a) = ANY (SELECT b, a FROM crossed WHERE (b, a) BETWEEN ($1, $2) AND ($3, $4) FOR UPDATE)$$),
	('t', $$WITH b AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2), d AS (DELETE FROM child WHERE t IN (SELECT id FROM b)) DELETE FROM t WHERE id IN (SELECT id FROM b)$$),
	('t', $$WITH b AS MATERIALIZED (SELECT id FROM t WHERE id BETWEEN $1 AND $2 ORDER BY id FOR UPDATE) UPDATE t SET n = 1 FROM b WHERE b.id = t.id$$),
	('t', $$UPDATE t AS x SET n = 1 FROM t AS y JOIN child c ON c.t = y.id WHERE x.id = y.id AND y.id BETWEEN $1 AND $2$$),
	('t', $$UPDATE t AS x SET parent = c.made FROM t AS y LEFT JOIN child c ON c.t = y.id WHERE x.id = y.id AND y.id BETWEEN $1 AND $2$$),
	('t', $$INSERT INTO child (id) SELECT id FROM (SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION SELECT parent FROM t WHERE id BETWEEN $1 AND $2) s WHERE id IS NOT NULL$$)) AS s (relation, statement);

-- queries that are read twice at each level, a subquery in each other
SET statement_timeout = '1 min';
SELECT pg_temp.is_accepted('t', 'WITH w0 AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2), ' || string_agg(format('w%s AS (SELECT a.id FROM w%s AS a JOIN w%s AS b USING (id))', i, i - 1, i - 1), ', ') || ' INSERT INTO child SELECT id FROM w40 WHERE false') FROM generate_series(1, 40) AS i;
SELECT pg_temp.is_accepted('t', 'WITH w0 AS (SELECT id FROM t), ' || string_agg(format('w%s AS (SELECT x AS a, y AS b FROM w%s AS x, w%s AS y)', i, i - 1, i - 1), ', ') || ' INSERT INTO child SELECT 1 FROM w40 WHERE w40::text > $1::text AND $1 > $2') FROM generate_series(1, 40) AS i;
SELECT pg_temp.is_accepted('t', 'INSERT INTO child ' || repeat('SELECT id FROM (', 200) || 'SELECT id FROM t WHERE id BETWEEN $1 AND $2' || repeat(') AS s', 200));
RESET statement_timeout;

-- rows that no source matches, which MERGE knows from 17 on
SELECT CASE WHEN current_setting('server_version_num')::int >= 170000 THEN pg_temp.is_accepted('t', 'MERGE INTO child USING (SELECT id FROM t WHERE id BETWEEN $1 AND $2) s ON s.id = child.t WHEN NOT MATCHED BY SOURCE THEN DELETE') ELSE 'not seen' END;

-- the errors of MERGE say where it needs the condition
SELECT pg_temp.attempt($$CALL migrate_batch('t', 'MERGE INTO t USING bare b ON t.id = b.id AND t.id BETWEEN $1 AND $2 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (b.id)')$$);
SELECT pg_temp.attempt($$CALL migrate_batch('t', 'MERGE INTO t USING bare b ON t.id = b.id WHEN MATCHED AND t.id BETWEEN $1 AND $2 THEN DELETE')$$);
SELECT pg_temp.attempt($$CALL migrate_batch('t', 'MERGE INTO bare b USING t ON t.id = b.id AND t.id BETWEEN $1 AND $2 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (t.id)')$$);

DROP TABLE t, bare, child, crossed, parts, moments, zoned, told CASCADE;
DROP FUNCTION instead;
