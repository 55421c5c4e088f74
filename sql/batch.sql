-- batch: CALL migrate_batch(), by itself, in a transaction, in a body
\i sql/include/start.sql
SET migrate.retry_base_delay = 0;
CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, note text);
INSERT INTO t (id) SELECT i * 2 FROM generate_series(1, 25) AS i;

-- by itself: commits after each batch, and is done once
CALL migrate_batch('t', 'UPDATE t SET n = n + 1, note = txid_current() WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'once');
SELECT n, count(*), count(DISTINCT note) AS transactions FROM t GROUP BY n;
CALL migrate_batch('t', 'UPDATE t SET n = n + 1, note = txid_current() WHERE id BETWEEN $1 AND $2', name => 'once');
-- white space and comments do not make another statement
CALL migrate_batch('t', 'UPDATE t SET n = n+1, note = txid_current() -- so
  WHERE id BETWEEN $1 AND $2', name => 'once');
SELECT n, count(*) FROM t GROUP BY n;
SELECT batch, state, rows, percent, time_left FROM migrate.batches;
SELECT name, relation, key, last_key, end_key, batch_size, rows, keys, batches, total, role = current_user AS role, finished IS NOT NULL AS finished FROM migrate.batch;
-- what differs from what was begun
CALL migrate_batch('t', 'UPDATE t SET n = n + 2 WHERE id BETWEEN $1 AND $2', name => 'once');
CREATE TABLE other (id int PRIMARY KEY, n int);
CALL migrate_batch('other', 'UPDATE t SET n = n + 1, note = txid_current() WHERE id BETWEEN $1 AND $2', name => 'once');
SELECT migrate_batch_reset('once');
SELECT migrate_batch_reset('once');
SELECT migrate_batch_reset(NULL);
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', name => 'once');
SELECT n, count(*) FROM t GROUP BY n;
SELECT migrate_batch_reset('once');

-- an error leaves the batches before, and says how to resume
UPDATE t SET n = 0;
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 / (34 - id) ^ 0 WHERE id BETWEEN $1 AND $2 AND 1 / (34 - id) IS NOT NULL', batch_size => 10, target => '0', name => 'stopped');
\echo :LAST_ERROR_SQLSTATE
SELECT n, count(*), min(id), max(id) FROM t GROUP BY n ORDER BY n;
SELECT rows, keys, batches, last_key, finished IS NULL AS unfinished FROM migrate.batch;
SELECT batch, state FROM migrate.batches;
SELECT status, value, advice FROM migrate_doctor_details() WHERE "check" = 'batches' \gx
DELETE FROM t WHERE id = 34;
-- rows behind and before the position, and after the end
INSERT INTO t (id) VALUES (1), (35), (1000);
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 / (34 - id) ^ 0 WHERE id BETWEEN $1 AND $2 AND 1 / (34 - id) IS NOT NULL', batch_size => 10, target => '0', name => 'stopped');
SELECT n, count(*), string_agg(id::text, ' ') FILTER (WHERE id % 2 = 1 OR id > 50) AS new FROM t GROUP BY n ORDER BY n;
SELECT migrate_batch_reset('stopped');

-- an empty table
CALL migrate_batch('other', 'DELETE FROM other WHERE id BETWEEN $1 AND $2', name => 'empty');
SELECT rows, batches, end_key, finished IS NOT NULL AS finished FROM migrate.batch;
SELECT migrate_batch_reset('empty');

-- retried at half the size: 40001 once, by what does not roll back
CREATE SEQUENCE fails;
CREATE TABLE ranges (seq int, first int, last int);
CREATE FUNCTION fail_once(first int, last int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('fails') = 2 THEN
		RAISE 'once' USING ERRCODE = '40001';
	END IF;
	INSERT INTO ranges VALUES (currval('fails'), first, last);
	RETURN 1;
END $$;
DELETE FROM t WHERE id % 2 = 1 OR id > 50;
CALL migrate_batch('t', 'UPDATE t SET n = n + (SELECT fail_once($1, $2)) WHERE id BETWEEN $1 AND $2', batch_size => 8, target => '0', pause => 0, name => 'retried');
SELECT * FROM ranges ORDER BY seq;
SELECT migrate_batch_reset('retried');
SET migrate.max_attempts = 1;
SELECT setval('fails', 1, false);
CALL migrate_batch('t', 'UPDATE t SET n = n + (SELECT fail_once($1, $2)) WHERE id BETWEEN $1 AND $2', batch_size => 8, target => '0', pause => 0, name => 'retried');
RESET migrate.max_attempts;
SELECT migrate_batch_reset('retried');
-- the size follows the target
CALL migrate_batch('t', 'UPDATE t SET n = 0 WHERE id BETWEEN $1 AND $2', batch_size => 1, target => '1 h', pause => 0, name => 'growing');
SELECT batches, batch_size FROM migrate.batch;
SELECT migrate_batch_reset('growing');

-- the table is dropped before it is resumed
CREATE TABLE gone (id int PRIMARY KEY, n int);
INSERT INTO gone SELECT generate_series(1, 10);
CALL migrate_batch('gone', 'UPDATE gone SET n = 1 / (6 - id) WHERE id BETWEEN $1 AND $2', batch_size => 5, target => '0', pause => 0, name => 'gone');
DROP TABLE gone;
CREATE TABLE gone (id int PRIMARY KEY, n int);
CALL migrate_batch('gone', 'UPDATE gone SET n = 1 / (6 - id) WHERE id BETWEEN $1 AND $2', batch_size => 5, target => '0', pause => 0, name => 'gone');
SELECT migrate_batch_reset('gone');
DROP TABLE gone;

-- kinds of keys
CREATE TABLE pairs (a int, b text, n int DEFAULT 0, PRIMARY KEY (a, b));
INSERT INTO pairs SELECT i % 5, 'k' || i FROM generate_series(1, 50) AS i;
CALL migrate_batch('pairs', 'UPDATE pairs SET n = n + 1 WHERE (a, b) >= ($1, $2) AND (a, b) <= ($3, $4)', batch_size => 7, target => '0', pause => 0, name => 'pairs');
SELECT n, count(*) FROM pairs GROUP BY n;
CREATE TABLE uuids (id uuid PRIMARY KEY, n int DEFAULT 0);
INSERT INTO uuids SELECT md5(i::text)::uuid FROM generate_series(1, 50) AS i;
CALL migrate_batch('uuids', 'UPDATE uuids SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 7, target => '0', pause => 0, name => 'uuids');
SELECT n, count(*) FROM uuids GROUP BY n;
CREATE TABLE texts (id text COLLATE "POSIX" PRIMARY KEY, n int DEFAULT 0);
INSERT INTO texts SELECT chr(64 + i) || E'\'"\\,{} ' || chr(i + 96) FROM generate_series(1, 50) AS i;
CALL migrate_batch('texts', 'UPDATE texts SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 7, target => '0', pause => 0, name => 'texts');
SELECT n, count(*) FROM texts GROUP BY n;
CREATE TABLE bigints (id bigint PRIMARY KEY, n int DEFAULT 0);
INSERT INTO bigints VALUES (-9223372036854775808), (0), (9223372036854775807);
CALL migrate_batch('bigints', 'UPDATE bigints SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 2, target => '0', pause => 0, name => 'bigints');
SELECT n, count(*) FROM bigints GROUP BY n;
SELECT total, keys FROM migrate.batch WHERE name = 'bigints';
CREATE TABLE smallints (id smallint PRIMARY KEY, n int DEFAULT 0);
INSERT INTO smallints VALUES (-32768), (0), (32767);
CALL migrate_batch('smallints', 'UPDATE smallints SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 1, target => '0', pause => 0, name => 'smallints');
SELECT total, keys FROM migrate.batch WHERE name = 'smallints';
-- nor is the space of dead rows counted
CREATE TABLE bloated (id int PRIMARY KEY, n int);
INSERT INTO bloated SELECT generate_series(1, 1000);
ANALYZE bloated;
UPDATE bloated SET n = 1;
CALL migrate_batch('bloated', 'UPDATE bloated SET n = 2 WHERE id BETWEEN $1 AND $2', pause => 0, name => 'bloated');
SELECT total, keys FROM migrate.batch WHERE name = 'bloated';
DROP TABLE bloated;
-- stored as any session reads it
CREATE TABLE times (id timestamptz, f float8, d interval, n int DEFAULT 0, PRIMARY KEY (id, f, d));
INSERT INTO times SELECT '2026-01-02'::timestamptz + i * interval '1 h', 0.1 * i, i * interval '1 day 1 s' FROM generate_series(1, 10) AS i;
INSERT INTO times SELECT '2026-02-02'::timestamptz, 1.0 / i, i * interval '-1 day 1 s' FROM generate_series(1, 10) AS i;
CREATE TABLE stop (on_off boolean);
INSERT INTO stop VALUES (true);
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = -10;
SET timezone = 'Asia/Tokyo';
CALL migrate_batch('times', 'UPDATE times SET n = n + 1 FROM stop WHERE (id, f, d) BETWEEN ($1, $2, $3) AND ($4, $5, $6) AND 1 / CASE WHEN on_off AND id >= ''2026-02-01'' AND f > 0.3 THEN 0 ELSE 1 END = 1', batch_size => 3, target => '0', pause => 0, name => 'times');
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;
RESET timezone;
SELECT last_key, end_key, rows FROM migrate.batch WHERE name = 'times';
UPDATE stop SET on_off = false;
CALL migrate_batch('times', 'UPDATE times SET n = n + 1 FROM stop WHERE (id, f, d) BETWEEN ($1, $2, $3) AND ($4, $5, $6) AND 1 / CASE WHEN on_off AND id >= ''2026-02-01'' AND f > 0.3 THEN 0 ELSE 1 END = 1', batch_size => 3, target => '0', pause => 0, name => 'times');
SELECT n, count(*) FROM times GROUP BY n;
-- a domain, an enum, an identifier that needs quotes, another schema, DESC
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE SCHEMA "S x";
CREATE TABLE "S x"."T y" ("Id" positive NOT NULL, m mood NOT NULL, n int DEFAULT 0);
CREATE UNIQUE INDEX ON "S x"."T y" (m DESC, "Id" DESC);
INSERT INTO "S x"."T y" SELECT i, (enum_range(NULL::mood))[i % 3 + 1] FROM generate_series(1, 30) AS i;
CALL migrate_batch('"S x"."T y"', 'UPDATE "S x"."T y" SET n = n + 1 WHERE (m, "Id") >= ($1, $2) AND (m, "Id") <= ($3, $4)', '{m,Id}', batch_size => 7, target => '0', pause => 0, name => 'odd');
SELECT n, count(*) FROM "S x"."T y" GROUP BY n;
-- the check of a domain is code of its owner, and not run by a batch that reads the
-- table; of one inside of another type it would be
CREATE ROLE regress_migrate_low;
CREATE SCHEMA low AUTHORIZATION regress_migrate_low;
CREATE TABLE ran_as (role name);
GRANT INSERT ON ran_as TO PUBLIC;
CREATE TABLE target (id int);
SET ROLE regress_migrate_low;
CREATE FUNCTION low.is_led_astray(int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN INSERT INTO ran_as VALUES (current_user); RETURN true; END$$;
CREATE DOMAIN low.checked AS int CHECK (low.is_led_astray(VALUE));
CREATE DOMAIN low.twice AS low.checked;
CREATE TYPE low.pair AS (a int, b low.checked);
CREATE TYPE low.range AS RANGE (subtype = low.checked, subtype_opclass = int4_ops);
CREATE TABLE low.t (id low.twice PRIMARY KEY, pair low.pair UNIQUE NOT NULL, list low.checked[] UNIQUE NOT NULL, range low.range UNIQUE NOT NULL, nested low.pair[] UNIQUE NOT NULL);
INSERT INTO low.t SELECT i, ROW(i, i)::low.pair, ARRAY[i], low.range(i, i + 1), ARRAY[ROW(i, i)::low.pair] FROM generate_series(1, 5) AS i;
RESET ROLE;
TRUNCATE ran_as;
CALL migrate_batch('low.t', 'INSERT INTO target SELECT id FROM low.t WHERE id BETWEEN $1 AND $2', batch_size => 2, target => '0', pause => 0, name => 'checked');
CALL migrate_batch('low.t', 'INSERT INTO target SELECT id FROM low.t WHERE pair BETWEEN $1 AND $2', '{pair}', name => 'x');
CALL migrate_batch('low.t', 'INSERT INTO target SELECT id FROM low.t WHERE list BETWEEN $1 AND $2', '{list}', name => 'x');
CALL migrate_batch('low.t', 'INSERT INTO target SELECT id FROM low.t WHERE range BETWEEN $1 AND $2', '{range}', name => 'x');
CALL migrate_batch('low.t', 'INSERT INTO target SELECT id FROM low.t WHERE nested BETWEEN $1 AND $2', '{nested}', name => 'x');
SELECT (SELECT count(*) FROM target) AS copied, (SELECT count(*) FROM ran_as) AS led_astray;
DROP TABLE ran_as, target;
DROP SCHEMA low CASCADE;
DROP ROLE regress_migrate_low;
-- operators of two schemas, which no comparison of rows can name
CREATE SCHEMA ops;
CREATE TYPE ops.num AS (i int);
CREATE FUNCTION ops.cmp(ops.num, ops.num) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT btint4cmp(($1).i, ($2).i)';
CREATE FUNCTION ops.lt(ops.num, ops.num) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT ($1).i < ($2).i';
CREATE FUNCTION ops.le(ops.num, ops.num) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT ($1).i <= ($2).i';
CREATE FUNCTION ops.eq(ops.num, ops.num) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT ($1).i = ($2).i';
CREATE FUNCTION ops.ge(ops.num, ops.num) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT ($1).i >= ($2).i';
CREATE FUNCTION ops.gt(ops.num, ops.num) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT ($1).i > ($2).i';
CREATE OPERATOR ops.< (FUNCTION = ops.lt, LEFTARG = ops.num, RIGHTARG = ops.num, COMMUTATOR = OPERATOR(ops.>));
CREATE OPERATOR ops.<= (FUNCTION = ops.le, LEFTARG = ops.num, RIGHTARG = ops.num, COMMUTATOR = OPERATOR(ops.>=));
CREATE OPERATOR ops.= (FUNCTION = ops.eq, LEFTARG = ops.num, RIGHTARG = ops.num, COMMUTATOR = OPERATOR(ops.=));
CREATE OPERATOR ops.>= (FUNCTION = ops.ge, LEFTARG = ops.num, RIGHTARG = ops.num, COMMUTATOR = OPERATOR(ops.<=));
CREATE OPERATOR ops.> (FUNCTION = ops.gt, LEFTARG = ops.num, RIGHTARG = ops.num, COMMUTATOR = OPERATOR(ops.<));
CREATE OPERATOR CLASS ops.num_ops DEFAULT FOR TYPE ops.num USING btree AS OPERATOR 1 ops.<, OPERATOR 2 ops.<=, OPERATOR 3 ops.=, OPERATOR 4 ops.>=, OPERATOR 5 ops.>, FUNCTION 1 ops.cmp(ops.num, ops.num);
CREATE TABLE mixed (a int, b ops.num, c int, n int DEFAULT 0, PRIMARY KEY (a, b, c));
INSERT INTO mixed SELECT i % 3, ROW(i % 4)::ops.num, i FROM generate_series(1, 60) AS i;
CALL migrate_batch('mixed', 'UPDATE mixed SET n = n + 1 WHERE (a > $1 OR a = $1 AND (b OPERATOR(ops.>) $2 OR b OPERATOR(ops.=) $2 AND c >= $3)) AND (a < $4 OR a = $4 AND (b OPERATOR(ops.<) $5 OR b OPERATOR(ops.=) $5 AND c <= $6))', batch_size => 7, target => '0', pause => 0, name => 'mixed');
SELECT n, count(*) FROM mixed GROUP BY n;
-- with children, whose keys are met in one order
CREATE TABLE child () INHERITS (t);
INSERT INTO child (id) SELECT generate_series(1, 60, 3);
UPDATE t SET n = 0;
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 7, target => '0', pause => 0, name => 'children');
SELECT tableoid::regclass AS table, n, count(*) FROM t GROUP BY 1, 2 ORDER BY 1, 2;
DROP TABLE child;
-- INSERT, DELETE and MERGE into another table
CREATE TABLE copy (id int);
CALL migrate_batch('t', 'INSERT INTO copy SELECT id FROM t WHERE id BETWEEN $1 AND $2 RETURNING id', batch_size => 7, target => '0', pause => 0, name => 'insert');
SELECT count(*), count(DISTINCT id) FROM copy;
CALL migrate_batch('t', 'WITH gone AS (DELETE FROM t WHERE id BETWEEN $1 AND $2 RETURNING id) INSERT INTO copy SELECT id FROM gone', batch_size => 7, target => '0', pause => 0, name => 'move');
SELECT count(*), count(DISTINCT id) FROM copy;
INSERT INTO t (id) SELECT id FROM copy GROUP BY id;
CALL migrate_batch('t', 'MERGE INTO copy USING (SELECT id FROM t WHERE id BETWEEN $1 AND $2) AS t ON copy.id = t.id WHEN MATCHED THEN DELETE', batch_size => 7, target => '0', pause => 0, name => 'merge');
SELECT count(*) FROM copy;
SELECT batch, state, rows FROM migrate.batches ORDER BY batch;
SELECT count(migrate_batch_reset(batch)) FROM migrate.batches;

-- errors: arguments
\set VERBOSITY default
\a
\t on
CREATE VIEW v AS SELECT * FROM t;
CREATE TEMPORARY TABLE temporary (id int PRIMARY KEY);
CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (9);
CREATE TABLE triple (a int, b int, c int, n int, PRIMARY KEY (a, b, c));
CREATE TABLE bare (id int, n int);
CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (t);
CREATE TABLE ruled (id int);
CREATE TABLE computed (a int, b int, c int, id int GENERATED ALWAYS AS (a * 100 + b) STORED PRIMARY KEY);
CREATE RULE ruled AS ON DELETE TO ruled DO INSTEAD UPDATE t SET id = -id WHERE id = old.id;
CREATE TABLE crossed (a int, b int, n int, PRIMARY KEY (b, a));
CREATE TABLE indexes (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, c int, d text COLLATE "C" NOT NULL, e text NOT NULL, EXCLUDE USING gist (box(point(a, b), point(a, b)) WITH &&));
CREATE INDEX i_a ON indexes (a);
CREATE UNIQUE INDEX i_ab ON indexes (a, b DESC);
CREATE UNIQUE INDEX i_b ON indexes (b) WHERE b > 0;
CREATE UNIQUE INDEX i_c ON indexes (c);
CREATE UNIQUE INDEX i_d ON indexes (d COLLATE "POSIX");
CREATE UNIQUE INDEX i_e ON indexes (e text_pattern_ops);
CREATE UNIQUE INDEX i_ba ON indexes (b, a) INCLUDE (c);
CREATE UNIQUE INDEX i_lower ON indexes (lower(e));
CREATE INDEX i_hash ON indexes USING hash (d);
SELECT pg_temp.attempt('CALL migrate_batch(' || arguments || ')') FROM unnest(ARRAY[
	$$NULL, 'DELETE FROM t WHERE id BETWEEN $1 AND $2'$$,
	$$'t', NULL$$,
	$$'t', '', batch_size => NULL$$,
	$$'t', '', target => NULL$$,
	$$'t', '', pause => NULL$$,
	$$'t', '', '{id,NULL}'$$,
	$$'t', '', batch_size => 0$$,
	$$'t', '', pause => -1$$,
	$$'t', '', pause => 'NaN'$$,
	$$'t', '', name => ''$$,
	$$'t', '', name => E'a\nb'$$,
	$$'nothing', ''$$,
	$$0, ''$$,
	$$'v', ''$$,
	$$'parts', ''$$,
	$$'temporary', ''$$,
	$$'bare', ''$$,
	$$'bare', '', '{id}'$$,
	$$'t', '', '{nothing}'$$,
	$$'indexes', '', '{a}'$$,
	$$'indexes', '', '{a,b}'$$,
	$$'indexes', '', '{b}'$$,
	$$'indexes', '', '{c}'$$,
	$$'indexes', '', '{d}'$$,
	$$'indexes', '', '{e}'$$,
	$$'indexes', '', '{id,a}'$$,
	$$'t', ''$$,
	$$'t', 'DELETE FROM t; DELETE FROM t'$$,
	$$'t', 'SELECT $1, $2'$$,
	$$'t', 'TRUNCATE t'$$,
	$$'t', 'CREATE TABLE x ()'$$,
	$$'t', 'COMMIT'$$,
	$$'t', 'DELETE FROM t'$$,
	$$'t', 'DELETE FROM t WHERE id >= $1'$$,
	$$'t', 'DELETE FROM t WHERE id BETWEEN $1 AND $3'$$,
	$$'pairs', 'DELETE FROM pairs WHERE a BETWEEN $1 AND $3'$$,
	$$'t', 'DELETE FROM t WHERE nothing BETWEEN $1 AND $2'$$,
	$$'t', 'DELETE FRO t'$$,
	$$'t', 'UPDATE t SET id = id + 1 WHERE id BETWEEN $1 AND $2'$$,
	$$'pairs', 'UPDATE pairs SET (n, b) = (1, a) WHERE (a, b) BETWEEN ($1, $2) AND ($3, $4)'$$,
	-- a parameter of another column
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (a, b) >= ($1, $2) AND (a, b) <= ($3, $4)'$$,
	$$'crossed', 'DELETE FROM crossed AS c USING t WHERE ($1, $2) <= (c.b, c.a) AND c.b <= $3 AND $4 >= c.b'$$,
	-- an end of the batch is left out
	$$'t', 'UPDATE t SET n = 1 WHERE id > $1 AND id <= $2'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id >= $1 AND (n = 1 OR n = 2) AND $2 > id'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM (SELECT id FROM t WHERE id >= $1 AND id < $2) AS s'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b, a) >= ($1, $2) AND (b, a) < ($3, $4)'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b > $1 OR b = $1 AND a >= $2) AND (b < $3 OR b = $3 AND a <= $4)'$$,
	-- ends that are swapped
	$$'t', 'UPDATE t SET n = 1 WHERE id BETWEEN $2 AND $1'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b, a) BETWEEN ($3, $4) AND ($1, $2)'$$,
	-- each parameter with its column, but in the order of another key
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (a, b) BETWEEN ($2, $1) AND ($4, $3)'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE b BETWEEN $1 AND $3 AND a BETWEEN $2 AND $4'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b, a) BETWEEN ($1, $2) AND ($3, $4) AND a >= $2'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b > $1 OR a >= $2) AND (b < $3 OR a <= $4)'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b > $1 OR b = $1 AND a > $2) AND (b, a) <= ($3, $4)'$$,
	-- not a condition of all rows, not in the order of the key
	$$'t', 'UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 OR id IN (SELECT id FROM bare)'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE NOT id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND id <> $1'$$,
	$$'t', 'UPDATE t SET n = CASE WHEN id BETWEEN $1 AND $2 THEN 1 END'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id = ANY (ARRAY[$1, $2])'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id IS DISTINCT FROM $1 AND $2 > 0'$$,
	$$'t', 'INSERT INTO bare SELECT b.id FROM bare AS b LEFT JOIN t ON t.id = b.id AND t.id BETWEEN $1 AND $2'$$,
	$$'t', 'MERGE INTO bare USING t ON bare.id = t.id AND t.id BETWEEN $1 AND $2 WHEN NOT MATCHED THEN INSERT VALUES (t.id)'$$,
	$$'texts', 'DELETE FROM texts WHERE id >= $1 COLLATE "C" AND id <= $2 COLLATE "C"'$$,
	$$'texts', 'DELETE FROM texts WHERE id COLLATE "POSIX" BETWEEN $1 AND $2'$$,
	$$'texts', 'DELETE FROM texts WHERE id BETWEEN $1::varchar(2) AND $2::varchar(2)'$$,
	$$'texts', 'DELETE FROM texts WHERE id ~>=~ $1 AND id ~<=~ $2'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND id IS DISTINCT FROM $1'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND (id > $1 OR n = 99)'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id BETWEEN $1 AND $2 AND id::bigint > $1'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b, a) BETWEEN ($1, $2) AND ($3, $4) AND (a >= $2 OR a < 0)'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b > $1 OR (b = $1 AND a >= $2 AND n > 3)) AND (b, a) <= ($3, $4)'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2 LIMIT 3)'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2 FOR UPDATE SKIP LOCKED)'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM t TABLESAMPLE SYSTEM (50) WHERE id BETWEEN $1 AND $2'$$,
	$$'t', 'MERGE INTO t USING bare ON t.id = bare.id AND t.id BETWEEN $1 AND $2 WHEN MATCHED AND t.id > $1 THEN DELETE'$$,
	-- in two relations of the query
	$$'t', 'UPDATE t SET n = 1 FROM t AS o WHERE t.n = o.id AND t.id >= $1 AND o.id <= $2'$$,
	$$'crossed', 'UPDATE crossed AS c SET n = 1 FROM crossed AS o WHERE (c.b, o.a) BETWEEN ($1, $2) AND ($3, $4)'$$,
	-- another column of the table
	$$'t', 'UPDATE t SET n = 1 WHERE n BETWEEN $1 AND $2'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b, a) BETWEEN ($1, $2) AND ($3, $4) AND n <> $1'$$,
	-- columns of views, subqueries, WITH, joins
	$$'t', 'INSERT INTO bare SELECT id FROM v WHERE id > $1 AND id <= $2'$$,
	$$'t', 'WITH w AS (SELECT * FROM t) UPDATE t SET n = 1 FROM w WHERE w.id = t.id AND w.id > $1 AND w.id <= $2'$$,
	$$'t', 'UPDATE t SET n = 1 FROM (SELECT id FROM t) AS s WHERE s.id = t.id AND s.id > $1 AND s.id <= $2'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE EXISTS (SELECT WHERE t.id > $1 AND t.id <= $2)'$$,
	-- rows that are not limited at all
	$$'t', 'UPDATE t SET n = n + 1 WHERE $1 <= $2'$$,
	$$'t', 'WITH s AS (SELECT count(*) FROM t WHERE id BETWEEN $1 AND $2) UPDATE t SET n = t.n + 1'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id NOT IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2)'$$,
	$$'t', 'UPDATE t SET n = t.n + 1 FROM t AS o WHERE o.id BETWEEN $1 AND $2 AND t.n IS NOT NULL'$$,
	$$'crossed', 'DELETE FROM crossed AS c USING crossed AS o WHERE c.b = o.b AND (o.b, o.a) BETWEEN ($1, $2) AND ($3, $4)'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id IN (SELECT o.id FROM t AS o) AND $1 <= $2'$$,
	$$'t', 'UPDATE t SET n = t.n + 1 FROM t AS o WHERE t.id = o.id AND $1 <= $2'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id = id AND $1 <= $2'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id IN (SELECT n FROM t WHERE id BETWEEN $1 AND $2)'$$,
	$$'t', 'UPDATE t SET n = t.n + 1 FROM t AS o, t AS p WHERE t.id = o.id AND p.id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id IN (SELECT o.id FROM t AS o) AND EXISTS (SELECT FROM t AS o WHERE o.id BETWEEN $1 AND $2)'$$,
	$$'t', 'DELETE FROM t WHERE id IN (SELECT o.id FROM t AS o, t AS p WHERE p.id BETWEEN $1 AND $2)'$$,
	$$'crossed', 'UPDATE crossed AS c SET n = c.n + 1 FROM crossed AS o, crossed AS p WHERE c.a = o.a AND c.b = p.b AND (o.b, o.a) BETWEEN ($1, $2) AND ($3, $4)'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id = id + 0 AND $1 <= $2'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id = ANY (ARRAY[id]) AND $1 <= $2'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id = (SELECT t.id) AND $1 <= $2'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id = ANY (ARRAY(SELECT id FROM t)) AND $1 <= $2'$$,
	$$'t', 'UPDATE t SET n = n + 1 WHERE id IN (SELECT id + 0 FROM t) AND $1 <= $2'$$,
	-- limited by another table only, or not where it conflicts
	$$'t', 'UPDATE t SET n = 1 FROM bare WHERE bare.id = t.id AND bare.n BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE EXISTS (SELECT FROM bare WHERE bare.id = t.id AND bare.id BETWEEN $1 AND $2)'$$,
	$$'t', 'MERGE INTO t USING (SELECT DISTINCT id FROM bare) AS b ON t.id = b.id AND b.id BETWEEN $1 AND $2 WHEN MATCHED THEN UPDATE SET n = 1'$$,
	$$'t', 'INSERT INTO t (id) SELECT id FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT (id) DO UPDATE SET n = excluded.n RETURNING id'$$,
	-- joined by their key to rows that are
	$$'t', 'UPDATE t SET n = 1 WHERE EXISTS (SELECT FROM t AS o WHERE o.id = t.id AND o.id BETWEEN $1 AND $2)'$$,
	$$'t', 'UPDATE t SET n = 1 FROM t AS o WHERE t.id = o.id AND o.id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id = ANY (ARRAY(SELECT id FROM t WHERE id BETWEEN $1 AND $2 FOR UPDATE))'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE id IN (SELECT id FROM v WHERE id BETWEEN $1 AND $2)'$$,
	$$'t', 'WITH w AS MATERIALIZED (SELECT id FROM t) UPDATE t SET n = 1 FROM w WHERE w.id = t.id AND w.id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE t SET n = 1 FROM t AS o WHERE o.id = t.id AND o.id BETWEEN $1 AND $2 AND t.n <> $1'$$,
	$$'crossed', 'DELETE FROM crossed WHERE (a, b) IN (SELECT a, b FROM crossed WHERE (b, a) BETWEEN ($1, $2) AND ($3, $4))'$$,
	-- LIMIT around it and below it
	$$'t', 'INSERT INTO bare SELECT id FROM (SELECT id FROM t WHERE id BETWEEN $1 AND $2) AS s LIMIT 10'$$,
	$$'t', 'WITH w AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2) INSERT INTO bare SELECT id FROM w LIMIT 10'$$,
	$$'t', 'WITH w AS (SELECT id FROM t WHERE id BETWEEN $1 AND $2) UPDATE t SET n = 1 WHERE id IN (SELECT id FROM w LIMIT 10)'$$,
	$$'t', 'INSERT INTO bare SELECT s.id FROM (SELECT * FROM t LIMIT 5) AS s WHERE s.id BETWEEN $1 AND $2'$$,
	$$'t', 'INSERT INTO bare SELECT s.id FROM (SELECT * FROM t TABLESAMPLE SYSTEM (50)) AS s WHERE s.id BETWEEN $1 AND $2'$$,
	$$'t', 'WITH w AS (DELETE FROM t WHERE id BETWEEN $1 AND $2 RETURNING *) INSERT INTO bare SELECT id FROM w LIMIT 1'$$,
	-- once right, once not
	$$'t', 'INSERT INTO bare SELECT id FROM t WHERE id > $1 AND id <= $2 AND EXISTS (SELECT FROM t WHERE id BETWEEN $1 AND $2)'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM t WHERE id BETWEEN $1 AND $2 UNION ALL SELECT id FROM t WHERE id > $1 AND id <= $2'$$,
	-- parameters and columns by way of something else
	$$'t', 'INSERT INTO bare SELECT id FROM t WHERE id > (SELECT $1) AND id <= (SELECT $2)'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM t, (VALUES ($1, $2)) AS p (a, b) WHERE id > p.a AND id <= p.b'$$,
	$$'t', 'WITH p (a, b) AS (SELECT $1, $2) INSERT INTO bare SELECT id FROM t, p WHERE id > p.a AND id <= p.b'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM t, (VALUES (1000, 0), ($1, $2)) AS p (a, b) WHERE id > p.a AND id <= p.b'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM t WHERE id > ALL (SELECT $1) AND id <= ALL (SELECT $2)'$$,
	$$'t', 'INSERT INTO bare SELECT s.id FROM (SELECT id + 0 AS id FROM t) AS s WHERE s.id > $1 AND s.id <= $2'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM t GROUP BY id HAVING id > $1 AND id <= $2'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM (SELECT id FROM t GROUP BY id) AS s WHERE id > $1 AND id <= $2'$$,
	-- the table of which it is a partition
	$$'part_1', 'UPDATE parts SET n = 1 WHERE id BETWEEN $1 AND $2'$$,
	-- the same as it has to be
	$$'t', 'UPDATE t SET n = COALESCE((SELECT max(o.n) FROM t AS o WHERE o.id < t.id AND o.id < $2 LIMIT 1), 0) WHERE id BETWEEN $1 AND $2'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM t WHERE id BETWEEN $1 AND $2 AND EXISTS (SELECT FROM t AS o WHERE o.id <> t.id LIMIT 1)'$$,
	$$'t', 'UPDATE t SET (n, note) = (SELECT o.n + 1, o.note FROM t AS o WHERE o.id <= t.id ORDER BY o.id LIMIT 1) WHERE id BETWEEN $1 AND $2'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM (SELECT id FROM t GROUP BY id) AS s WHERE id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE t SET n = 1 FROM t AS o WHERE t.id = o.id AND t.id BETWEEN $1 AND $2'$$,
	$$'t', 'WITH w AS MATERIALIZED (SELECT id FROM t) UPDATE t SET n = 1 FROM w WHERE w.id = t.id AND t.id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE t SET n = 1 FROM bare WHERE bare.id = t.id AND t.id BETWEEN $1 AND $2'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b > $1 OR b = $1 AND a >= $2) AND ($3 > b OR $4 >= a AND $3 = b)'$$,
	$$'triple', 'UPDATE triple SET n = 1 WHERE (a > $1 OR a = $1 AND b > $2 OR a = $1 AND b = $2 AND c >= $3) AND (a < $4 OR a = $4 AND (b < $5 OR b = $5 AND c <= $6))'$$,
	$$'triple', 'UPDATE triple SET n = 1 WHERE a >= $1 AND (a > $1 OR b >= $2 AND (b > $2 OR c >= $3)) AND (a, b, c) <= ($4, $5, $6)'$$,
	$$'t', 'UPDATE t SET n = 1 WHERE EXISTS (SELECT FROM bare WHERE bare.id = t.id) AND id BETWEEN $1 AND $2'$$,
	$$'t', 'MERGE INTO t USING (SELECT DISTINCT id FROM bare) AS b ON t.id = b.id AND t.id BETWEEN $1 AND $2 WHEN MATCHED THEN UPDATE SET n = 1'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM t AS x JOIN (SELECT id AS i FROM t) AS s ON x.id = s.i WHERE x.id BETWEEN $1 AND $2'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE b BETWEEN $1 AND $3 AND (b > $1 OR a >= $2) AND (a <= $4 OR $3 > b)'$$,
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE b >= $1 AND (b, a) BETWEEN ($1, $2) AND ($3, $4)'$$,
	$$'t', 'INSERT INTO bare SELECT t.id FROM t JOIN bare AS b ON t.id = b.id AND t.id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE t SET n = (SELECT count(*) FROM t AS o WHERE o.id < $1) WHERE id BETWEEN $1 AND $2'$$,
	$$'t', 'INSERT INTO bare SELECT id FROM generate_series($1, $2) AS id'$$,
	$$'t', 'UPDATE v SET id = id + 1 WHERE id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE heir SET id = id + 1 WHERE id BETWEEN $1 AND $2'$$,
	$$'heir', 'UPDATE t SET id = id + 1 WHERE id BETWEEN $1 AND $2'$$,
	$$'t', 'WITH u AS (UPDATE t SET id = id + 1 WHERE id BETWEEN $1 AND $2 RETURNING 1) INSERT INTO bare SELECT * FROM u'$$,
	$$'t', 'MERGE INTO t USING (SELECT 1) AS s ON id BETWEEN $1 AND $2 WHEN MATCHED THEN UPDATE SET n = 1, id = id + 1'$$,
	$$'t', 'INSERT INTO t SELECT id FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT (id) DO UPDATE SET id = excluded.id + 1'$$,
	$$'t', 'DELETE FROM ruled WHERE id BETWEEN $1 AND $2'$$,
	$$'computed', 'UPDATE computed SET a = a + 1 WHERE id BETWEEN $1 AND $2'$$,
	-- a parameter of the server's own
	$$'crossed', 'UPDATE crossed SET n = 1 WHERE (b, a) BETWEEN ($1, $2) AND ($3, $4) AND a IN (SELECT id FROM t)'$$,
	-- not its key
	$$'t', 'INSERT INTO t (id) SELECT id FROM t WHERE id BETWEEN $1 AND $2 ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE t.id BETWEEN $1 AND $2 RETURNING id'$$,
	$$'computed', 'UPDATE computed SET c = 1 WHERE id BETWEEN $1 AND $2'$$,
	$$'t', 'UPDATE bare SET id = bare.id + 1 FROM t WHERE t.id BETWEEN $1 AND $2'$$]) AS arguments;
-- rows that no source matches, which MERGE knows from 17 on
DO $$BEGIN
	IF current_setting('server_version_num')::int >= 170000 THEN
		BEGIN
			CALL migrate_batch('t', 'MERGE INTO t USING (SELECT id FROM t WHERE id BETWEEN $1 AND $2) AS s ON s.id = t.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED BY SOURCE THEN DELETE');
			RAISE 'it was accepted';
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
	END IF;
END$$;
DROP TABLE heir, ruled, computed, crossed, triple, part_1;
\a
\t off
CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2');
CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2 AND nothing', name => 'x');
CALL migrate_batch('t', 'DELETE FRO t', name => 'x');
SELECT count(*) FROM migrate.batch;
SET default_transaction_read_only = on;
CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2', name => 'x');
RESET default_transaction_read_only;
-- i_ba, whose included column is not of the key
CALL migrate_batch('indexes', 'DELETE FROM indexes WHERE (b, a) BETWEEN ($1, $2) AND ($3, $4)', '{b,a}', name => 'included');
SELECT migrate_batch_reset('included');

-- keys are read back as they were written
CREATE TABLE arrays (id text[] PRIMARY KEY, n int DEFAULT 0);
INSERT INTO arrays SELECT ARRAY[to_char(i, 'FM00'), NULL] FROM generate_series(1, 20) AS i;
SET array_nulls = off;
CALL migrate_batch('arrays', 'UPDATE arrays SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 3, target => '0', pause => 0, name => 'arrays');
RESET array_nulls;
SELECT n, count(*) FROM arrays GROUP BY n;
SELECT migrate_batch_reset('arrays');
DROP TABLE arrays;

-- a statement whose names could mean something else
CREATE SCHEMA others;
CREATE TABLE others.spare (id int, n int);
CREATE TABLE spare (id int, n int);
CREATE TABLE many (id int PRIMARY KEY);
INSERT INTO many SELECT generate_series(1, 20);
CALL migrate_batch('many', 'INSERT INTO spare SELECT id, 1 / (17 - id) FROM many WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'path');
SET search_path = others, public;
CALL migrate_batch('many', 'INSERT INTO spare SELECT id, 1 / (17 - id) FROM many WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'path');
RESET search_path;
UPDATE migrate.batch SET search_path = '' WHERE name = 'path';
CALL migrate_batch('many', 'INSERT INTO spare SELECT id, 1 / (17 - id) FROM many WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'path');
UPDATE migrate.batch SET finished = now() WHERE name = 'path';
CALL migrate_batch('many', 'INSERT INTO spare SELECT id, 1 / (17 - id) FROM many WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'path');
SELECT migrate_batch_reset('path');
DROP TABLE many, spare;
DROP SCHEMA others CASCADE;

-- columns that exchange their names
CREATE TABLE renamed (id int PRIMARY KEY, other int NOT NULL UNIQUE, n int DEFAULT 0);
INSERT INTO renamed SELECT i, 21 - i FROM generate_series(1, 20) AS i;
CALL migrate_batch('renamed', 'UPDATE renamed SET n = n + 1 / (11 - id) WHERE id BETWEEN $1 AND $2 AND id <> 10', '{id}', batch_size => 5, target => '0', pause => 0, name => 'renamed');
SELECT key_order FROM migrate.batch WHERE name = 'renamed';
ALTER TABLE renamed RENAME id TO x;
ALTER TABLE renamed RENAME other TO id;
ALTER TABLE renamed RENAME x TO other;
CALL migrate_batch('renamed', 'UPDATE renamed SET n = n + 1 / (11 - id) WHERE id BETWEEN $1 AND $2 AND id <> 10', '{id}', batch_size => 5, target => '0', pause => 0, name => 'renamed');
-- elsewhere a column may have another number
UPDATE migrate.batch SET origin = 'another', relation = 'public.renamed', key_order = '{bigint column 7}' WHERE name = 'renamed';
UPDATE renamed SET id = 100 WHERE id = 11;
CALL migrate_batch('renamed', 'UPDATE renamed SET n = n + 1 / (11 - id) WHERE id BETWEEN $1 AND $2 AND id <> 10', '{id}', batch_size => 5, target => '0', pause => 0, name => 'renamed');
SELECT migrate_batch_reset('renamed');
DROP TABLE renamed;

-- a key whose type or collation is another one since it was begun: its keys would
-- come in another order, and rows be skipped
CREATE TABLE retyped (id int PRIMARY KEY, n int DEFAULT 0);
CREATE TABLE flaw (id int);
SELECT migrate_register('b1', $$CALL migrate_batch('retyped', 'UPDATE retyped SET n = n + 1 / CASE WHEN id::text = (SELECT id::text FROM flaw) THEN 0 ELSE 1 END WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0)$$, '');
INSERT INTO retyped SELECT i FROM generate_series(1, 120) AS i;
INSERT INTO flaw VALUES (95);
CALL migrate_batch('retyped', 'UPDATE retyped SET n = n + 1 / CASE WHEN id::text = (SELECT id::text FROM flaw) THEN 0 ELSE 1 END WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'retyped');
\set VERBOSITY terse
CALL migrate_deploy();
\set VERBOSITY default
TRUNCATE flaw;
ALTER TABLE retyped ALTER id TYPE text;
CALL migrate_batch('retyped', 'UPDATE retyped SET n = n + 1 / CASE WHEN id::text = (SELECT id::text FROM flaw) THEN 0 ELSE 1 END WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'retyped');
CALL migrate_deploy();
-- one in the same order
ALTER TABLE retyped ALTER id TYPE bigint USING id::bigint;
CALL migrate_batch('retyped', 'UPDATE retyped SET n = n + 1 / CASE WHEN id::text = (SELECT id::text FROM flaw) THEN 0 ELSE 1 END WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'retyped');
CALL migrate_deploy();
SELECT n, count(*) FROM retyped GROUP BY n;
SELECT migrate_batch_reset('retyped');
CALL migrate_revert('base');
SELECT migrate_unregister('b1');
-- in the middle: in its own transaction, and when that is committed
CREATE TABLE sink (first bigint, last bigint);
CREATE FUNCTION other_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE retyped ALTER id TYPE text;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER other_order AFTER INSERT ON sink DEFERRABLE FOR EACH ROW WHEN (new.first = 31) EXECUTE FUNCTION other_order();
CALL migrate_batch('retyped', 'INSERT INTO sink VALUES ($1, $2)', batch_size => 10, target => '0', pause => 0, name => 'retyped');
DROP TRIGGER other_order ON sink;
CREATE CONSTRAINT TRIGGER other_order AFTER INSERT ON sink DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.first = 31) EXECUTE FUNCTION other_order();
CALL migrate_batch('retyped', 'INSERT INTO sink VALUES ($1, $2)', batch_size => 10, target => '0', pause => 0, name => 'retyped');
DROP TRIGGER other_order ON sink;
ALTER TABLE retyped ALTER id TYPE smallint USING id::smallint;
CALL migrate_batch('retyped', 'INSERT INTO sink VALUES ($1, $2)', batch_size => 10, target => '0', pause => 0, name => 'retyped');
SELECT count(*), sum(last - first + 1) FROM sink;
SELECT migrate_batch_reset('retyped');
DROP TABLE sink;
DROP TABLE retyped, flaw;
DROP FUNCTION other_order;

-- in a transaction: all or nothing, and with a name once
BEGIN;
CALL migrate_batch('t', 'UPDATE t SET n = 7 WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0');
SELECT count(*) FROM migrate.batch;
ROLLBACK;
SELECT count(*) FROM t WHERE n = 7;
BEGIN;
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', name => 'in transaction');
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', name => 'in transaction');
COMMIT;
SELECT n, count(*) FROM t GROUP BY n;
SELECT name, rows, batches, last_key FROM migrate.batch;
SELECT migrate_batch_reset('in transaction');
-- from DO it can commit
DO $$BEGIN CALL migrate_batch('t', 'UPDATE t SET n = 0, note = txid_current() WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'do'); END$$;
SELECT count(DISTINCT note) FROM t;
SELECT migrate_batch_reset('do');
-- a statement of a batch must not begin another one
CREATE FUNCTION nested() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2'); RETURN NULL; END$$;
CREATE TRIGGER nested AFTER UPDATE ON t EXECUTE FUNCTION nested();
CALL migrate_batch('t', 'UPDATE t SET n = 0 WHERE id BETWEEN $1 AND $2', name => 'nested');
SELECT migrate_batch_reset('nested');
DROP TRIGGER nested ON t;

-- in a body: a segment of its own, forwards and back
SELECT migrate_register('b1', $$
ALTER TABLE t ADD COLUMN added int;
CALL migrate_batch('t', 'UPDATE t SET added = COALESCE(added, 0) + id, note = txid_current() WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0);
ALTER TABLE t ALTER COLUMN added SET NOT NULL;
$$, $$
CALL migrate_batch('t', 'UPDATE t SET n = n - 1, note = txid_current() WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0);
ALTER TABLE t DROP COLUMN added
$$);
SELECT step, operation, revision, transactions, statements FROM migrate_plan_details();
CALL migrate_deploy();
SELECT count(*), bool_and(added = id), count(DISTINCT note) AS transactions FROM t;
SELECT (SELECT count(*) FROM migrate.batch) AS batches, (SELECT count(*) FROM migrate.partial) AS partial;
UPDATE t SET n = 0;
CALL migrate_revert('base');
SELECT n, count(*), count(DISTINCT note) AS transactions FROM t GROUP BY n;
-- applied again it is run again
CALL migrate_deploy();
SELECT count(*), bool_and(added = id), count(DISTINCT note) AS transactions FROM t;
CALL migrate_revert('base');
SELECT (SELECT count(*) FROM migrate.batch) AS batches, (SELECT count(*) FROM migrate.partial) AS partial;
-- in the function, all in one transaction
SELECT migrate_upgrade();
SELECT count(*), bool_and(added = id), count(DISTINCT note) AS transactions FROM t;
SELECT migrate_downgrade('base');
SELECT (SELECT count(*) FROM migrate.batch) AS batches, (SELECT count(*) FROM migrate.partial) AS partial;
-- from DO, too
DO $$BEGIN CALL migrate_deploy(); END$$;
SELECT count(*), bool_and(added = id) FROM t;
CALL migrate_revert('base');

-- a body that fails in a batch is partial, and resumes
CREATE TABLE bad (id int);
INSERT INTO bad VALUES (36);
SELECT migrate_register('b1', $$
SET search_path = public, "S x";
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2 AND 1 / (id - (SELECT max(id) FROM bad)) IS NOT NULL', batch_size => 10, target => '0', pause => 0);
INSERT INTO bad VALUES ((current_setting('search_path') LIKE '%S x%')::int);
$$, $$ $$, replace => true);
UPDATE t SET n = 0;
CALL migrate_deploy();
SELECT n, count(*), max(id) FROM t GROUP BY n ORDER BY n;
SELECT statement, kind, state FROM migrate.partial;
SELECT revision, operation, statement, rows, last_key FROM migrate.batch;
SELECT revision, state, note FROM migrate.status;
SELECT batch, state, rows FROM migrate.batches;
SELECT migrate_upgrade();
-- a key is for those who could have seen it
CREATE ROLE regress_migrate_low;
GRANT EXECUTE ON FUNCTION migrate_upgrade TO regress_migrate_low;
SET ROLE regress_migrate_low;
SELECT migrate_upgrade();
SELECT partial FROM migrate_history_details();
RESET ROLE;
DROP OWNED BY regress_migrate_low;
DROP ROLE regress_migrate_low;
-- its progress does not let the body be replaced
SELECT migrate_register('b1', 'SELECT 1', '', replace => true);
TRUNCATE bad;
INSERT INTO bad VALUES (1);
CALL migrate_deploy();
SELECT n, count(*) FROM t GROUP BY n ORDER BY n;
SELECT id FROM bad ORDER BY id;
SELECT count(*) FROM migrate.batch;
SELECT revision, state, attempts FROM migrate.log WHERE revision = 'b1' ORDER BY started DESC LIMIT 2;
CALL migrate_revert('base');
-- decisions
INSERT INTO bad VALUES (36);
UPDATE t SET n = 0;
CALL migrate_deploy();
SELECT migrate_resolve('b1', 'retry');
CALL migrate_deploy();
SELECT migrate_resolve('b1', 'skip');
SELECT batch, state FROM migrate.batches;
SELECT statement, kind, state FROM migrate.partial;
CALL migrate_deploy();
SELECT revision FROM migrate_current();
SELECT n, count(*) FROM t GROUP BY n ORDER BY n;
SELECT count(*) FROM migrate.batch;
CALL migrate_revert('base');
DELETE FROM bad WHERE id < 36;
CALL migrate_deploy();
SELECT migrate_resolve('b1', 'abandon');
SELECT (SELECT count(*) FROM migrate.batch) AS batches, (SELECT count(*) FROM migrate.partial) AS partial;
CALL migrate_deploy();
SELECT migrate_resolve('b1', 'finish');
SELECT revision FROM migrate_current();
SELECT (SELECT count(*) FROM migrate.batch) AS batches, (SELECT count(*) FROM migrate.partial) AS partial;
CALL migrate_revert('base');
-- retries in a body: at half the size, then as before
SELECT setval('fails', 1, false);
TRUNCATE ranges;
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'UPDATE t SET n = n + (SELECT fail_once($1, $2)) WHERE id BETWEEN $1 AND $2', batch_size => 8, target => '0', pause => 0)$$, '', replace => true);
UPDATE t SET n = 0;
CALL migrate_deploy();
SELECT * FROM ranges ORDER BY seq;
SELECT n, count(*) FROM t GROUP BY n ORDER BY n;
CALL migrate_revert('base');
-- a name has no place in a body
SELECT migrate_register('b1', $$CALL migrate_batch('t', 'DELETE FROM t WHERE id BETWEEN $1 AND $2', name => lower('X'))$$, '', replace => true);
CALL migrate_deploy();
SELECT migrate_upgrade();
-- what ends a pause is an error of the statement
SELECT migrate_register('b1', $$SELECT 1;
CALL migrate_batch('t', 'UPDATE t SET n = n WHERE id BETWEEN $1 AND $2 AND pg_sleep(0.01) IS NOT NULL', batch_size => 1, target => '0', pause => 1000)$$, '', replace => true);
SET statement_timeout = '2s';
CALL migrate_deploy();
RESET statement_timeout;
SELECT context FROM migrate.log WHERE state = 'failed' ORDER BY finished DESC LIMIT 1;
SELECT migrate_resolve('b1', 'abandon');
-- neither have arguments that differ from batch to batch, or call it themselves
SELECT migrate_register('b1', $body$CALL migrate_batch('t', 'UPDATE t SET n = 0 WHERE id BETWEEN $1 AND $2 AND ''' || clock_timestamp() || ''' <> ''x''', batch_size => 10, target => '0', pause => 0)$body$, '', replace => true);
CALL migrate_deploy();
SELECT migrate_resolve('b1', 'abandon');
CREATE FUNCTION sly() RETURNS text LANGUAGE plpgsql AS $$BEGIN CALL migrate_batch('t', 'UPDATE t SET n = 0 WHERE id BETWEEN $1 AND $2'); RETURN 't'; END$$;
SELECT migrate_register('b1', $$CALL migrate_batch(sly()::regclass, 'UPDATE t SET n = 0 WHERE id BETWEEN $1 AND $2')$$, '', replace => true);
CALL migrate_deploy();
-- two in a body, one of them over an empty table; what the body has set holds
CREATE TABLE nothing (id int PRIMARY KEY);
SELECT migrate_register('b1', $$
SET work_mem = '77MB';
CALL migrate_batch('nothing', 'DELETE FROM nothing WHERE id BETWEEN $1 AND $2');
CALL migrate_batch('t', 'UPDATE t SET n = n + 1, note = current_setting(''work_mem'') WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0);
UPDATE t SET note = note || ' ' || current_setting('work_mem');
$$, '', replace => true);
UPDATE t SET n = 0;
CALL migrate_deploy();
SELECT n, note, count(*) FROM t GROUP BY n, note;
SHOW work_mem;
CALL migrate_revert('base');

-- other server types: DDL that commits by itself, no subtransactions; a key that
-- is distributed by a hash
SELECT migrate_register('b1', $$
CREATE TABLE made (id int PRIMARY KEY, n int DEFAULT 0);
INSERT INTO made SELECT generate_series(1, 30);
CALL migrate_batch('made', 'UPDATE made SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0);
ALTER TABLE made ADD CHECK (n = 1);
$$, 'DROP TABLE made', replace => true);
SET migrate.server_type = 'yugabytedb';
CALL migrate_deploy();
CALL migrate_revert('base');
UPDATE t SET n = 0;
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'yb');
SELECT migrate_batch_reset('yb');
SET migrate.server_type = 'yugabytedb_transactional_ddl';
CALL migrate_deploy();
CALL migrate_revert('base');
CALL migrate_batch('t', 'UPDATE t SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 10, target => '0', pause => 0, name => 'yb');
SELECT migrate_batch_reset('yb');
SELECT n, count(*) FROM t GROUP BY n;
RESET migrate.server_type;
SET allow_system_table_mods = on;
UPDATE pg_index SET indoption = '4' WHERE indexrelid = 'other_pkey'::regclass;
RESET allow_system_table_mods;
CALL migrate_batch('other', 'UPDATE other SET n = 0 WHERE id BETWEEN $1 AND $2', name => 'hash');
CREATE UNIQUE INDEX other_sorted ON other (id ASC);
CALL migrate_batch('other', 'UPDATE other SET n = 0 WHERE id BETWEEN $1 AND $2', name => 'hash');
CALL migrate_batch('other', 'UPDATE other SET n = 0 WHERE id BETWEEN $1 AND $2', '{id}', name => 'hash');
SELECT migrate_batch_reset('hash');

-- a procedure of the same name is an ordinary one
CREATE SCHEMA mine;
CREATE PROCEDURE mine.migrate_batch(int) LANGUAGE sql AS 'INSERT INTO bad VALUES ($1)';
SELECT migrate_register('b1', $$INSERT INTO bad VALUES (77); CALL mine.migrate_batch(78); INSERT INTO bad VALUES (79)$$, '', replace => true);
CALL migrate_deploy();
SELECT id FROM bad WHERE id BETWEEN 77 AND 79;
CALL migrate_revert('base');
-- also where it is the body's search_path that finds it
SELECT migrate_register('b1', $$SET search_path = mine, public; INSERT INTO bad VALUES (87); CALL migrate_batch(88); SELECT 1 / 0$$, '', replace => true);
CALL migrate_deploy();
SELECT id FROM bad WHERE id BETWEEN 87 AND 88;
SELECT migrate_resolve('b1', 'abandon');
SELECT migrate_unregister('b1');

-- rights: the statement has the caller's, and the name is another role's
CREATE ROLE regress_migrate_batcher;
CREATE ROLE regress_migrate_other;
GRANT EXECUTE ON PROCEDURE migrate_batch TO regress_migrate_batcher, regress_migrate_other;
GRANT EXECUTE ON FUNCTION migrate_batch_reset TO regress_migrate_other;
GRANT USAGE ON SCHEMA migrate TO regress_migrate_batcher, regress_migrate_other;
GRANT SELECT ON migrate.batches TO regress_migrate_batcher, regress_migrate_other;
CREATE TABLE theirs (id int PRIMARY KEY, owner name, n int DEFAULT 0);
INSERT INTO theirs SELECT i, CASE i % 2 WHEN 0 THEN 'regress_migrate_batcher' ELSE 'x' END FROM generate_series(1, 20) AS i;
SET ROLE regress_migrate_batcher;
CALL migrate_batch('theirs', 'UPDATE theirs SET n = n + 1 WHERE id BETWEEN $1 AND $2', name => 'theirs');
RESET ROLE;
ALTER TABLE theirs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON theirs USING (owner = current_user);
GRANT SELECT, UPDATE ON theirs TO regress_migrate_batcher, regress_migrate_other;
SET ROLE regress_migrate_batcher;
CALL migrate_batch('theirs', 'UPDATE theirs SET n = n + 1 WHERE id BETWEEN $1 AND $2', batch_size => 3, target => '0', pause => 0, name => 'theirs');
SELECT batch, rows FROM migrate.batches;
SET ROLE regress_migrate_other;
SELECT batch, rows FROM migrate.batches;
CALL migrate_batch('theirs', 'UPDATE theirs SET n = n + 1 WHERE id BETWEEN $1 AND $2', name => 'theirs');
SELECT migrate_batch_reset('theirs');
SELECT migrate_batch_reset('nothing');
RESET ROLE;
-- as a dump brings it from elsewhere, where the other role had the OID
BEGIN;
UPDATE migrate.batch SET origin = 'elsewhere', role_oid = 'regress_migrate_other'::regrole;
SET ROLE regress_migrate_other;
SELECT batch, rows FROM migrate.batches;
SET ROLE regress_migrate_batcher;
SELECT batch, rows FROM migrate.batches;
ROLLBACK;
SELECT owner, n, count(*) FROM theirs GROUP BY 1, 2 ORDER BY 1, 2;
CALL migrate_batch('theirs', 'UPDATE theirs SET n = n + 1 WHERE id BETWEEN $1 AND $2', name => 'theirs');
SELECT migrate_batch_reset('theirs');
-- an operator that is nearer than the server's is not used by the look-ups
CREATE SCHEMA evil;
CREATE FUNCTION evil.less(int, int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'evil'; END$$;
CREATE OPERATOR evil.<= (FUNCTION = evil.less, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR evil.> (FUNCTION = evil.less, LEFTARG = int, RIGHTARG = int);
SET search_path = evil, pg_catalog, public;
CALL migrate_batch('t', 'UPDATE t SET n = 0 WHERE id OPERATOR(pg_catalog.>=) $1 AND id OPERATOR(pg_catalog.<=) $2', name => 'evil');
RESET search_path;
SELECT migrate_batch_reset('evil');
-- one that its own statement resets
CREATE FUNCTION reset_it() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM migrate_batch_reset('itself'); RETURN NULL; END$$;
CREATE TRIGGER reset AFTER UPDATE ON uuids FOR EACH STATEMENT EXECUTE FUNCTION reset_it();
CALL migrate_batch('uuids', 'UPDATE uuids SET n = n + 1 WHERE id BETWEEN $1 AND $2', name => 'itself');
SELECT count(*) FROM migrate.batch WHERE name = 'itself';
DROP TRIGGER reset ON uuids;
SELECT migrate_batch_reset('itself');
DROP FUNCTION reset_it;

REVOKE ALL ON PROCEDURE migrate_batch FROM regress_migrate_batcher, regress_migrate_other;
REVOKE ALL ON FUNCTION migrate_batch_reset FROM regress_migrate_other;
REVOKE ALL ON SCHEMA migrate FROM regress_migrate_batcher, regress_migrate_other;
REVOKE ALL ON migrate.batches FROM regress_migrate_batcher, regress_migrate_other;
SET client_min_messages = warning;
DROP SCHEMA evil, mine, ops, "S x" CASCADE;
DROP TABLE t, bigints, smallints, nothing, other, ranges, pairs, uuids, texts, times, stop, mixed, copy, parts, bare, bad, indexes, theirs CASCADE;
DROP FUNCTION fail_once, nested, sly;
DROP SEQUENCE fails;
DROP DOMAIN positive;
DROP TYPE mood;
DROP ROLE regress_migrate_batcher, regress_migrate_other;
TRUNCATE migrate.log;
