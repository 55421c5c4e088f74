-- needed_lock: the locks that a statement is known to need, and those it takes
CREATE SCHEMA needed;
CREATE FUNCTION needed.derived(statement text) RETURNS text[]
	LANGUAGE C AS 'migrate_test_needed_lock', 'test_needed_locks';

CREATE SCHEMA app;
CREATE SCHEMA other;
SET search_path = app, public;
CREATE DOMAIN mark AS int;
CREATE TYPE colour AS ENUM ('red');
CREATE TABLE parent (id int PRIMARY KEY, code int UNIQUE, name text);
CREATE TABLE child (id int PRIMARY KEY, parent int CONSTRAINT child_fk REFERENCES parent,
	other int, mark mark, colour colour);
CREATE TABLE loose (id int NOT NULL, parent int);
CREATE TABLE base (id int);
CREATE TABLE heir (note text) INHERITS (base);
CREATE TABLE line (id int, twice int GENERATED ALWAYS AS (id * 2) STORED, colour colour);
CREATE TABLE line1 () INHERITS (line);
CREATE TABLE line11 () INHERITS (line1);
CREATE VIEW line_view AS SELECT id FROM line;
CREATE TABLE tree (id int NOT NULL, k int, CONSTRAINT tree_k CHECK (k > 0)) PARTITION BY LIST (k);
CREATE TABLE leaf PARTITION OF tree FOR VALUES IN (1);
CREATE TABLE coloured (id int, colour colour) PARTITION BY LIST (id);
CREATE TABLE coloured1 PARTITION OF coloured FOR VALUES IN (1);
CREATE TABLE rest PARTITION OF tree DEFAULT;
CREATE TABLE bound (id int NOT NULL, k int, CONSTRAINT tree_k CHECK (k > 0));
CREATE TABLE keyed (id int, parent int REFERENCES parent) PARTITION BY LIST (id);
CREATE TABLE keyed1 PARTITION OF keyed FOR VALUES IN (1);
CREATE TABLE wide (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE wide1 PARTITION OF wide FOR VALUES IN (1);
CREATE TABLE wide_bound (id int NOT NULL);
CREATE TABLE refers (id int CONSTRAINT refers_fk REFERENCES wide);
CREATE TABLE tall (id int, k int) PARTITION BY LIST (k);
CREATE TABLE tall1 PARTITION OF tall FOR VALUES IN (1) PARTITION BY LIST (id);
CREATE TABLE tall11 PARTITION OF tall1 FOR VALUES IN (1);
CREATE DOMAIN note AS text;
CREATE DOMAIN short_note AS note;
CREATE TABLE noted (n short_note);
-- in no default, which new minor versions refuse to check
CREATE DOMAIN remark AS text;
CREATE DOMAIN short_remark AS remark;
CREATE TABLE remarked (n short_remark);
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE SCHEMA "full";
CREATE TABLE "full".up (id int PRIMARY KEY);
CREATE TABLE outside (id int REFERENCES "full".up);
CREATE TABLE "full".part PARTITION OF tall FOR VALUES IN (9);
CREATE DOMAIN "full".d AS int;
CREATE TABLE with_domain (d "full".d[]);
CREATE TYPE mood AS ENUM ('sad');
CREATE DOMAIN moody AS mood;
CREATE TABLE with_mood (m moody);
CREATE FUNCTION counted(a int, b note[]) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE TABLE with_function (a int DEFAULT counted(1, '{}'));
CREATE TABLE with_index (a int);
CREATE INDEX with_index_i ON with_index (counted(a, '{}'));
CREATE TYPE shell;
CREATE TYPE "Odd, (type" AS (a int);
CREATE FUNCTION "odd, (one"(a "Odd, (type", b "Odd, (type"[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE with_odd (a int DEFAULT "odd, (one"(NULL, NULL));
CREATE TYPE pair AS (a int);
CREATE TABLE typed OF pair;
CREATE INDEX loose_i ON loose (parent);
CREATE INDEX tree_i ON tree (id);
CREATE UNIQUE INDEX loose_u ON loose (id);
CREATE VIEW view AS SELECT id FROM loose;
CREATE MATERIALIZED VIEW mat AS SELECT id FROM loose;
CREATE UNIQUE INDEX mat_u ON mat (id);
CREATE SEQUENCE seq;
CREATE SEQUENCE used_seq;
CREATE TABLE with_sequence (id int DEFAULT nextval('used_seq'));
CREATE TABLE other.stray (id int, "Odd ""name" int);
CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER old AFTER INSERT ON loose FOR EACH ROW EXECUTE FUNCTION trig();
CREATE TRIGGER old AFTER INSERT ON tree FOR EACH ROW EXECUTE FUNCTION trig();
CREATE RULE old AS ON DELETE TO loose DO ALSO NOTHING;
CREATE POLICY old ON loose;

-- A relation, and the strongest mode from SHARE on.
CREATE FUNCTION needed.modes(relations oid[], modes text[]) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(name || ' ' || (ARRAY['S', 'SRE', 'E', 'AE'])[strongest], ', ' ORDER BY name)
	  FROM (SELECT c.relname AS name, max(array_position(ARRAY['ShareLock', 'ShareRowExclusiveLock',
				'ExclusiveLock', 'AccessExclusiveLock'], mode)) AS strongest
			  FROM unnest(relations, modes) AS t (relation, mode) JOIN pg_class AS c ON c.oid = relation
			 GROUP BY 1) AS s
	 WHERE strongest > 0;
$$;

-- What it is known to need, and what it takes if that differs: views that are
-- dropped in a cascade, whose readers lock the table, too; what it refuses.
CREATE FUNCTION needed.try(statement text, OUT needs text, OUT takes text) LANGUAGE plpgsql AS $$
DECLARE
	modes CONSTANT text[] := ARRAY['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'];
	before oid[] := ARRAY(SELECT oid FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
		OR statement ~ 'INDEX|SEQUENCE' AND relkind IN ('i', 'I', 'S'));
	relations oid[];
	taken text[];
BEGIN
	BEGIN
		SELECT array_agg(split_part(d, ' ', 1)::oid),
			   array_agg(modes[cardinality(string_to_array(d, ',')) - 4])
		  INTO relations, taken FROM unnest(needed.derived(statement)) AS d;
		needs := needed.modes(relations, taken);
		EXECUTE statement;
		SELECT array_agg(relation), array_agg(mode) INTO relations, taken
		  FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation = ANY (before)
		   AND relation >= 16384;
		RAISE EXCEPTION USING ERRCODE = 'MIG00';
	EXCEPTION WHEN SQLSTATE 'MIG00' THEN
		takes := needed.modes(relations, taken);
	WHEN syntax_error OR undefined_object OR feature_not_supported OR wrong_object_type THEN
		takes := 'unknown to this version';
	WHEN OTHERS THEN
		takes := SQLERRM;
	END;
	takes := CASE WHEN takes IS DISTINCT FROM needs THEN COALESCE(takes, 'nothing') END;
END;
$$;

SET client_min_messages = warning;
SELECT statement, needs, takes FROM unnest(ARRAY[
	'ALTER TABLE loose ADD COLUMN c int',
	'ALTER TABLE other.stray DROP COLUMN "Odd ""name"',
	'ALTER TABLE loose ADD COLUMN c int REFERENCES parent',
	'ALTER TABLE loose ADD FOREIGN KEY (parent) REFERENCES parent',
	'ALTER TABLE loose ADD FOREIGN KEY (parent) REFERENCES parent NOT VALID',
	'ALTER TABLE loose ADD CHECK (id > 0)',
	'ALTER TABLE loose ADD CHECK (id > 0) NOT VALID',
	'ALTER TABLE loose ADD PRIMARY KEY (id)',
	'ALTER TABLE loose ADD UNIQUE USING INDEX loose_u',
	'ALTER TABLE loose ALTER COLUMN id DROP NOT NULL',
	'ALTER TABLE loose ALTER COLUMN parent SET NOT NULL',
	'ALTER TABLE loose ALTER COLUMN parent SET DEFAULT 1',
	'ALTER TABLE loose ALTER COLUMN parent TYPE bigint',
	'ALTER TABLE loose ALTER COLUMN parent SET STATISTICS 10',
	'ALTER TABLE loose SET (fillfactor = 50)',
	'ALTER TABLE loose SET (autovacuum_enabled = off)',
	'ALTER TABLE loose SET UNLOGGED',
	'ALTER TABLE loose CLUSTER ON loose_i',
	'ALTER TABLE loose DISABLE TRIGGER old',
	'ALTER TABLE loose DISABLE RULE old',
	'ALTER TABLE loose ENABLE ROW LEVEL SECURITY',
	'ALTER TABLE loose REPLICA IDENTITY FULL',
	'ALTER TABLE loose INHERIT base, DROP COLUMN parent',
	'ALTER TABLE loose RENAME TO l',
	'ALTER TABLE loose RENAME COLUMN id TO i',
	'ALTER TABLE loose SET SCHEMA other',
	'ALTER TABLE loose OWNER TO current_user',
	'ALTER TABLE child VALIDATE CONSTRAINT child_fk',
	'ALTER TABLE child DROP CONSTRAINT child_fk',
	'ALTER TABLE child RENAME CONSTRAINT child_fk TO fk',
	'ALTER TABLE child DROP COLUMN parent',
	'ALTER TABLE child DROP COLUMN other',
	'ALTER TABLE child ALTER COLUMN parent TYPE bigint',
	'ALTER TABLE parent ALTER COLUMN id TYPE bigint',
	'ALTER TABLE parent DROP CONSTRAINT parent_pkey CASCADE',
	'ALTER TABLE parent DROP CONSTRAINT parent_code_key',
	'ALTER TABLE base ADD COLUMN c int',
	'ALTER TABLE ONLY base ALTER COLUMN id SET DEFAULT 1',
	'ALTER TABLE base ADD CHECK (id > 0)',
	'ALTER TABLE base ADD PRIMARY KEY (id)',
	'ALTER TABLE base RENAME COLUMN id TO i',
	'ALTER TABLE base ENABLE ROW LEVEL SECURITY',
	'ALTER TABLE tree ADD COLUMN c int',
	'ALTER TABLE tree ADD FOREIGN KEY (id) REFERENCES parent',
	'ALTER TABLE tree DISABLE TRIGGER old',
	'ALTER TABLE tree ATTACH PARTITION bound FOR VALUES IN (2)',
	'ALTER TABLE tree DETACH PARTITION leaf',
	'ALTER TABLE tall DETACH PARTITION tall1',
	'ALTER TABLE keyed ATTACH PARTITION loose FOR VALUES IN (2)',
	'ALTER TABLE keyed DETACH PARTITION keyed1',
	'ALTER TABLE keyed ALTER CONSTRAINT keyed_parent_fkey DEFERRABLE',
	'ALTER TABLE wide DETACH PARTITION wide1',
	'ALTER TABLE refers DROP CONSTRAINT refers_fk',
	'ALTER INDEX loose_i RENAME TO i',
	'ALTER INDEX loose_i DEPENDS ON EXTENSION plpgsql',
	'ALTER MATERIALIZED VIEW mat DEPENDS ON EXTENSION plpgsql',
	'ALTER TRIGGER old ON loose DEPENDS ON EXTENSION plpgsql',
	'ALTER VIEW view RENAME TO v',
	'ALTER MATERIALIZED VIEW mat RENAME TO m',
	'ALTER SEQUENCE seq RESTART',
	'ALTER SEQUENCE seq RENAME TO s',
	'ALTER TRIGGER old ON tree RENAME TO new',
	'ALTER POLICY old ON loose USING (true)',
	'ALTER RULE old ON loose RENAME TO new',
	'ALTER DOMAIN mark ADD CHECK (value > 0)',
	'ALTER DOMAIN mark ADD CHECK (value > 0) NOT VALID',
	'ALTER DOMAIN mark SET NOT NULL',
	'ALTER DOMAIN remark ADD CHECK (value > $$$$)',
	'CLUSTER loose USING loose_i',
	'COMMENT ON TABLE loose IS ''x''',
	'CREATE FOREIGN TABLE n PARTITION OF tree FOR VALUES IN (3) SERVER nowhere',
	'CREATE FOREIGN TABLE n () INHERITS (base) SERVER nowhere',
	'CREATE INDEX ON loose (id)',
	'CREATE INDEX ON tree (k)',
	'CREATE INDEX ON base (id)',
	'CREATE POLICY new ON loose',
	'CREATE RULE new AS ON DELETE TO loose DO ALSO NOTHING',
	'CREATE SCHEMA n CREATE TABLE t (i int REFERENCES app.parent)',
	'CREATE STATISTICS n ON id, parent FROM loose',
	'CREATE TABLE n (i int)',
	'CREATE TABLE n (i int REFERENCES parent, FOREIGN KEY (i) REFERENCES parent (code))',
	'CREATE TABLE n PARTITION OF tree FOR VALUES IN (3)',
	'CREATE TABLE n PARTITION OF keyed FOR VALUES IN (3)',
	'CREATE TABLE n () INHERITS (base)',
	'CREATE TABLE n (LIKE loose)',
	'CREATE TRIGGER new AFTER INSERT ON loose FOR EACH ROW EXECUTE FUNCTION trig()',
	'CREATE TRIGGER new AFTER INSERT ON tree FOR EACH ROW EXECUTE FUNCTION trig()',
	'CREATE TRIGGER new AFTER INSERT ON tree EXECUTE FUNCTION trig()',
	'CREATE OR REPLACE VIEW view AS SELECT id FROM loose',
	'CREATE VIEW n AS SELECT id FROM loose',
	'DROP TABLE loose CASCADE',
	'DROP TABLE child',
	'DROP TABLE parent CASCADE',
	'DROP TABLE leaf',
	'DROP TABLE tree',
	'DROP TABLE base CASCADE',
	'DROP TABLE IF EXISTS nowhere, other.stray',
	'DROP INDEX loose_i',
	'DROP INDEX tree_i',
	'DROP VIEW view',
	'DROP MATERIALIZED VIEW mat',
	'DROP SEQUENCE seq',
	'DROP SEQUENCE used_seq CASCADE',
	'DROP TRIGGER old ON app.loose',
	'DROP TRIGGER old ON tree',
	'DROP RULE old ON loose',
	'DROP POLICY old ON loose',
	'DROP SCHEMA other CASCADE',
	'DROP SCHEMA "full" CASCADE',
	'DROP DOMAIN mark CASCADE',
	'DROP DOMAIN note CASCADE',
	'DROP FUNCTION trig() CASCADE',
	'DROP FUNCTION counted(int, note[]) CASCADE',
	'DROP ROUTINE counted CASCADE',
	'DROP FUNCTION IF EXISTS nowhere(text) CASCADE',
	'DROP FUNCTION IF EXISTS counted(nothing) CASCADE',
	'DROP FUNCTION IF EXISTS counted(int, nothing.nothing[]) CASCADE',
	'DROP FUNCTION IF EXISTS counted(int, shell) CASCADE',
	'DROP FUNCTION IF EXISTS counted(app.shell, int) CASCADE',
	'DROP FUNCTION "odd, (one"("Odd, (type", app."Odd, (type"[]) CASCADE',
	'DROP TYPE shell CASCADE',
	'DROP TYPE colour CASCADE',
	'DROP TYPE colour',
	'DROP TYPE pair CASCADE',
	'DROP TYPE mood CASCADE',
	'ALTER TYPE pair ADD ATTRIBUTE b int CASCADE',
	'ALTER TYPE pair RENAME ATTRIBUTE a TO b CASCADE',
	'ALTER TABLE loose DROP COLUMN id CASCADE',
	'ALTER TABLE base DROP COLUMN id CASCADE',
	'ALTER TABLE line DROP COLUMN id CASCADE',
	'ALTER TABLE ONLY line DROP COLUMN id CASCADE',
	'ALTER TABLE ONLY line DROP COLUMN IF EXISTS nowhere CASCADE',
	'GRANT SELECT ON loose TO PUBLIC',
	'INSERT INTO loose VALUES (1)',
	'LOCK TABLE base IN SHARE MODE',
	'LOCK TABLE ONLY base IN EXCLUSIVE MODE',
	'LOCK TABLE loose IN ROW EXCLUSIVE MODE',
	'LOCK TABLE loose IN ACCESS EXCLUSIVE MODE NOWAIT',
	'REFRESH MATERIALIZED VIEW mat',
	'REFRESH MATERIALIZED VIEW CONCURRENTLY mat',
	'REINDEX TABLE loose',
	'REINDEX INDEX loose_i',
	'TRUNCATE loose',
	'TRUNCATE ONLY base',
	'TRUNCATE base',
	'TRUNCATE parent CASCADE',
	'TRUNCATE tree'
]) WITH ORDINALITY AS s (statement, number), needed.try(statement) ORDER BY number;

-- what a statement has to do with IF EXISTS and IF NOT EXISTS, and what it
-- would make under a name of another schema; a table that is not there may be
-- made by the body before
CREATE VIEW other.elsewhere AS SELECT 1 AS id;
CREATE TABLE other.leaf (id int);
SET search_path = app, other, public;
SELECT statement, needs, takes FROM unnest(ARRAY[
	'ALTER TABLE IF EXISTS nowhere ADD FOREIGN KEY (id) REFERENCES parent',
	'ALTER TABLE child ADD COLUMN IF NOT EXISTS parent int REFERENCES parent',
	'ALTER TABLE child ADD COLUMN IF NOT EXISTS new int REFERENCES parent',
	'ALTER TABLE child DROP COLUMN IF EXISTS nowhere',
	'ALTER TABLE child DROP CONSTRAINT IF EXISTS nowhere',
	'ALTER INDEX IF EXISTS nowhere RENAME TO i',
	'CREATE INDEX IF NOT EXISTS loose_i ON loose (parent)',
	'CREATE INDEX IF NOT EXISTS new ON loose (parent)',
	'CREATE MATERIALIZED VIEW IF NOT EXISTS mat AS SELECT id FROM loose',
	'CREATE OR REPLACE TRIGGER old AFTER INSERT ON loose FOR EACH ROW EXECUTE FUNCTION trig()',
	'CREATE OR REPLACE RULE old AS ON DELETE TO loose DO ALSO NOTHING',
	'CREATE OR REPLACE VIEW elsewhere AS SELECT id FROM loose',
	'CREATE OR REPLACE VIEW other.elsewhere AS SELECT 1 AS id',
	'CREATE STATISTICS IF NOT EXISTS n ON id, parent FROM loose',
	'CREATE TABLE IF NOT EXISTS leaf PARTITION OF tree FOR VALUES IN (1)',
	'CREATE TABLE IF NOT EXISTS new PARTITION OF tree FOR VALUES IN (3)',
	'CREATE TABLE IF NOT EXISTS other.leaf PARTITION OF tree FOR VALUES IN (3)',
	'CREATE TABLE IF NOT EXISTS stray PARTITION OF tree FOR VALUES IN (3)',
	'CREATE TABLE IF NOT EXISTS child (i int REFERENCES parent, FOREIGN KEY (i) REFERENCES parent)',
	'CREATE TABLE IF NOT EXISTS view (i int REFERENCES parent)',
	'CREATE TABLE IF NOT EXISTS new (i int REFERENCES parent)',
	'CREATE TABLE IF NOT EXISTS heir () INHERITS (base)',
	'CREATE TABLE IF NOT EXISTS child (LIKE parent)',
	'CREATE TABLE IF NOT EXISTS child AS SELECT * FROM parent',
	'DROP INDEX IF EXISTS nowhere',
	'DROP POLICY IF EXISTS nowhere ON loose',
	'DROP POLICY IF EXISTS old ON loose',
	'DROP RULE IF EXISTS nowhere ON loose',
	'DROP RULE IF EXISTS old ON loose',
	'DROP SCHEMA IF EXISTS nowhere CASCADE',
	'DROP TRIGGER IF EXISTS nowhere ON loose',
	'DROP TRIGGER IF EXISTS nowhere ON tree',
	'DROP TRIGGER IF EXISTS old ON tree',
	'DROP TYPE IF EXISTS nowhere CASCADE',
	'DROP VIEW IF EXISTS nowhere, view'
]) WITH ORDINALITY AS s (statement, number), needed.try(statement) ORDER BY number;
SET search_path = app, public;

-- what only some versions take, or know: none takes more
CREATE TABLE made (id int, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE made_heir () INHERITS (made);
CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY, k int) PARTITION BY LIST (k);
CREATE TABLE numbered1 PARTITION OF numbered FOR VALUES IN (1);
CREATE TABLE strict (id int NOT NULL, CONSTRAINT strict_c CHECK (id > 0));
CREATE TABLE unforced (id int, up int);
DO $$BEGIN
	EXECUTE 'ALTER TABLE unforced ADD CONSTRAINT unforced_fk FOREIGN KEY (up) REFERENCES parent NOT ENFORCED';
EXCEPTION WHEN syntax_error THEN NULL;
END$$;
CREATE TABLE strict_heir () INHERITS (strict);
CREATE FUNCTION needed.rank(lock text) RETURNS int LANGUAGE sql AS
	$$SELECT array_position(ARRAY['S', 'SRE', 'E', 'AE'], split_part(lock, ' ', 2))$$;
SELECT statement, needs, takes FROM unnest(ARRAY[
	'ALTER TABLE base ADD UNIQUE (id)',
	'ALTER TABLE base ADD FOREIGN KEY (id) REFERENCES parent',
	'ALTER TABLE base ADD CONSTRAINT c NOT NULL id',
	'ALTER TABLE base ADD CONSTRAINT c NOT NULL id NOT VALID',
	'ALTER TABLE ONLY base ADD CONSTRAINT c NOT NULL id NO INHERIT',
	'ALTER TABLE base ALTER id SET NOT NULL',
	'ALTER TABLE loose ADD FOREIGN KEY (parent) REFERENCES parent NOT ENFORCED',
	'ALTER TABLE loose ADD CHECK (id > 0) NOT ENFORCED',
	'ALTER TABLE loose SET ACCESS METHOD DEFAULT',
	'ALTER TABLE child ALTER CONSTRAINT child_fk DEFERRABLE',
	'ALTER TABLE child ALTER CONSTRAINT child_fk NOT ENFORCED',
	'ALTER TABLE unforced ALTER CONSTRAINT unforced_fk ENFORCED',
	'ALTER TABLE keyed ALTER CONSTRAINT keyed_parent_fkey NOT ENFORCED',
	'ALTER TABLE refers ALTER CONSTRAINT refers_fk NOT ENFORCED',
	'ALTER TABLE strict ALTER CONSTRAINT strict_c NOT ENFORCED',
	'ALTER TABLE strict ALTER CONSTRAINT strict_id_not_null NO INHERIT',
	'ALTER TABLE strict DROP CONSTRAINT strict_id_not_null',
	'ALTER TABLE strict ALTER id DROP NOT NULL',
	'ALTER TABLE made ALTER twice SET EXPRESSION AS (id * 3)',
	'ALTER TABLE made ALTER twice DROP EXPRESSION',
	'ALTER TABLE made ADD v int GENERATED ALWAYS AS (id) VIRTUAL',
	'ALTER TABLE numbered ALTER id SET GENERATED BY DEFAULT',
	'ALTER TABLE numbered ALTER id DROP IDENTITY',
	'ALTER TABLE tree ALTER id ADD GENERATED ALWAYS AS IDENTITY',
	'ALTER TABLE tree ALTER id SET NOT NULL',
	'ALTER TABLE tree ADD UNIQUE (id, k)',
	'ALTER TABLE wide ATTACH PARTITION wide_bound FOR VALUES IN (2)',
	'ALTER DOMAIN mark ADD NOT NULL',
	'CREATE TABLE n PARTITION OF wide FOR VALUES IN (2)',
	'CREATE TABLE n (i int REFERENCES parent NOT ENFORCED)',
	'DROP TABLE keyed1',
	'REPACK loose',
	'REPACK mat'
]) WITH ORDINALITY AS s (statement, number), needed.try(statement)
 WHERE EXISTS (SELECT FROM string_to_table(takes, ', ') AS t
				WHERE NOT EXISTS (SELECT FROM string_to_table(needs, ', ') AS n
								   WHERE split_part(n, ' ', 1) = split_part(t, ' ', 1)
									 AND needed.rank(n) >= needed.rank(t)))
   AND takes <> 'nothing' AND takes <> 'unknown to this version'
 ORDER BY number;

-- those that cannot be tried in a transaction
SELECT statement, (needed.try(statement)).needs FROM unnest(ARRAY[
	'ALTER TABLE tree DETACH PARTITION leaf CONCURRENTLY',
	'CREATE INDEX CONCURRENTLY ON loose (id)',
	'DROP INDEX CONCURRENTLY loose_i',
	'REINDEX TABLE CONCURRENTLY loose',
	'VACUUM loose',
	'VACUUM FULL loose, tree',
	'VACUUM (FULL off) loose'
]) AS statement;

-- temporary tables are no other session's; names that stand for nothing
CREATE TEMP TABLE mine (id int);
SELECT statement, (needed.try(statement)).needs FROM unnest(ARRAY[
	'ALTER TABLE pg_temp.mine ADD COLUMN c int',
	'ALTER TABLE nowhere ADD COLUMN c int',
	'DROP SCHEMA nowhere CASCADE',
	'DROP DOMAIN nowhere CASCADE'
]) AS statement;

RESET search_path;
DROP SCHEMA needed, app, other, "full" CASCADE;
DROP FOREIGN DATA WRAPPER nothing CASCADE;
