\set ECHO none
-- an object of each class that migrate_schema() knows, in schema zoo; its tests
-- change one thing of each, and t/schema.pl takes it through a dump
SET client_min_messages = error;
CREATE ROLE zoo_keeper;
CREATE SCHEMA zoo;
CREATE SCHEMA "Zoo 2";
GRANT USAGE ON SCHEMA zoo TO zoo_keeper;
SET search_path = zoo;

-- types
CREATE TYPE mood AS ENUM ('sad', 'ok');
ALTER TYPE mood ADD VALUE 'glad';
ALTER TYPE mood ADD VALUE 'soso' BEFORE 'ok';
CREATE TYPE pair AS (a integer, b text COLLATE "C");
COMMENT ON COLUMN pair.a IS 'first';
CREATE DOMAIN positive AS integer DEFAULT 1 NOT NULL CONSTRAINT is_positive CHECK (VALUE > 0);
COMMENT ON CONSTRAINT is_positive ON DOMAIN positive IS 'no zero';
CREATE DOMAIN word AS varchar(20) COLLATE "C" CHECK (VALUE IN ('a', 'b'));
CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE base;
CREATE FUNCTION base_in(cstring) RETURNS base LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION base_out(base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE base (input = base_in, output = base_out, like = int4);

-- functions, operators, casts
CREATE FUNCTION plus_one(i integer DEFAULT 0) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';
CREATE FUNCTION atomic(v varchar) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT v IN ('x', 'y'); END;
CREATE PROCEDURE nothing() LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE FUNCTION rank_of() RETURNS bigint LANGUAGE internal WINDOW AS 'window_rank';
CREATE FUNCTION add_up(integer, integer) RETURNS integer LANGUAGE internal IMMUTABLE AS 'int4pl';
CREATE AGGREGATE total(integer) (sfunc = add_up, stype = integer, initcond = '0');
CREATE FUNCTION equals(pair, pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.a = $2.a';
CREATE OPERATOR === (leftarg = pair, rightarg = pair, function = equals, commutator = ===);
CREATE OPERATOR FAMILY pairs USING hash;
CREATE FUNCTION hash_of(pair) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.a';
CREATE OPERATOR CLASS pair_ops FOR TYPE pair USING hash FAMILY pairs AS OPERATOR 1 ===, FUNCTION 1 hash_of(pair);
CREATE FUNCTION pair_of(integer) RETURNS pair LANGUAGE sql AS $$SELECT ROW($1, 'x')::zoo.pair$$;
CREATE CAST (integer AS pair) WITH FUNCTION pair_of(integer);
CREATE COLLATION german (provider = libc, locale = 'C');
CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
GRANT EXECUTE ON FUNCTION plus_one TO zoo_keeper;
REVOKE EXECUTE ON FUNCTION atomic FROM PUBLIC;

-- text search
CREATE TEXT SEARCH DICTIONARY short (template = simple, stopwords = english);
CREATE TEXT SEARCH CONFIGURATION brief (parser = default);
ALTER TEXT SEARCH CONFIGURATION brief ADD MAPPING FOR asciiword, word WITH short, simple;

-- tables
CREATE SEQUENCE counter AS smallint INCREMENT 2 CYCLE;
CREATE TABLE animal (
	id integer GENERATED ALWAYS AS IDENTITY (START 10),
	gone text,
	name varchar(40) COLLATE "C" NOT NULL,
	kind mood DEFAULT 'ok',
	legs integer DEFAULT nextval('counter'),
	born timestamptz DEFAULT '2026-01-02 03:04:05+00',
	price money DEFAULT '12.50'::money,
	age interval DEFAULT '1 year 2 days',
	photo bytea DEFAULT '\x00ff',
	ratio float8 DEFAULT 0.1 + 0.2,
	doubled integer GENERATED ALWAYS AS (legs * 2) STORED,
	CONSTRAINT animal_pkey PRIMARY KEY (id),
	CONSTRAINT animal_name_key UNIQUE (name) DEFERRABLE,
	CONSTRAINT animal_name CHECK (name IN ('cat', 'it''s]'))
) WITH (fillfactor = 90, autovacuum_enabled = off, toast.autovacuum_enabled = off);
ALTER TABLE animal DROP COLUMN gone, ADD COLUMN "Last One" text;
ALTER TABLE animal ALTER name SET STORAGE EXTERNAL, ALTER name SET STATISTICS 500, ALTER legs SET (n_distinct = 5);
ALTER TABLE animal REPLICA IDENTITY FULL, CLUSTER ON animal_pkey, ENABLE ROW LEVEL SECURITY;
ALTER SEQUENCE counter OWNED BY animal.legs;
COMMENT ON TABLE animal IS 'one row each';
COMMENT ON COLUMN animal.name IS 'as called';
COMMENT ON INDEX animal_pkey IS 'of ids';
GRANT SELECT, INSERT ON animal TO zoo_keeper WITH GRANT OPTION;
GRANT UPDATE (name) ON animal TO zoo_keeper;
CREATE INDEX animal_lower_idx ON animal (lower(name) DESC) INCLUDE (legs) WHERE name IN ('cat', 'dog');
CREATE STATISTICS animal_stats (ndistinct) ON name, legs FROM animal;
CREATE STATISTICS animal_kinds ON (name IN ('cat', 'it''s]')), (name = 'cat'), legs FROM animal;
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER on_write BEFORE INSERT OR UPDATE OF name ON animal FOR EACH ROW WHEN (NEW.name IN ('cat', 'dog')) EXECUTE FUNCTION fire();
CREATE RULE no_delete AS ON DELETE TO animal DO INSTEAD NOTHING;
CREATE POLICY mine ON animal AS RESTRICTIVE FOR UPDATE TO zoo_keeper USING (name = current_user) WITH CHECK (legs > 0);
CREATE TABLE visit (
	animal integer REFERENCES animal ON DELETE CASCADE,
	during tsrange,
	EXCLUDE USING gist (during WITH &&)
);
CREATE UNLOGGED TABLE log (t text);
CREATE TABLE typed OF pair (a PRIMARY KEY);
CREATE TABLE mammal (fur text) INHERITS (animal);
ALTER TABLE animal ADD CONSTRAINT animal_legs CHECK (legs < 100) NOT VALID;
CREATE TABLE plant (p text CHECK (p <> ''));
CREATE TABLE tree (t text) INHERITS (plant);
CREATE TABLE part (k integer, w text CHECK (w <> '')) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE INDEX part_idx ON part (w);
CREATE TRIGGER on_part AFTER INSERT ON part FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TABLE event (at date NOT NULL, what varchar, CHECK (what IN ('a', 'b')), PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE event_2 (what varchar, at date NOT NULL, CONSTRAINT event_what_check CHECK (what IN ('a', 'b')));
ALTER TABLE event ATTACH PARTITION event_2 DEFAULT;
CREATE INDEX event_what_idx ON event (what);
CREATE TRIGGER on_event AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TABLE ref_event (at date REFERENCES event);

-- views
CREATE VIEW cats WITH (security_barrier) AS SELECT id, name FROM animal WHERE name IN ('cat', 'tom');
ALTER VIEW cats ALTER name SET DEFAULT 'cat';
COMMENT ON COLUMN cats.id IS E'its\nnumber, \\n';
CREATE VIEW fixed AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW counts AS SELECT name, count(*) AS n FROM animal GROUP BY name;
CREATE MATERIALIZED VIEW later AS SELECT 1 AS one WITH NO DATA;
CREATE UNIQUE INDEX counts_idx ON counts (name);

-- of the database
CREATE FOREIGN DATA WRAPPER paper OPTIONS (a '1', "b, c" E'd''e\nf\\g');
CREATE SERVER cabinet TYPE 'wood' VERSION '1' FOREIGN DATA WRAPPER paper OPTIONS (drawer '3');
CREATE USER MAPPING FOR zoo_keeper SERVER cabinet OPTIONS (password 'secret');
CREATE FOREIGN TABLE sheet (a integer OPTIONS (pos '1')) SERVER cabinet OPTIONS (name 'x');
GRANT USAGE ON FOREIGN SERVER cabinet TO zoo_keeper;
CREATE PUBLICATION news FOR TABLE animal (id, name) WHERE (id > 3) WITH (publish = 'insert');
CREATE PUBLICATION all_of_it FOR TABLES IN SCHEMA "Zoo 2";
CREATE SUBSCRIPTION reader CONNECTION 'dbname=nowhere password=secret' PUBLICATION news WITH (connect = false);
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER on_ddl ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION watch();
CREATE FUNCTION talk_handler() RETURNS language_handler LANGUAGE C AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE LANGUAGE talk HANDLER talk_handler;
CREATE TRANSFORM FOR mood LANGUAGE plpgsql (FROM SQL WITH FUNCTION prsd_lextype(internal));
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE on_heap2 (a integer) USING heap2;
ALTER DEFAULT PRIVILEGES IN SCHEMA zoo GRANT SELECT ON TABLES TO zoo_keeper;
RESET ALL;
\set ECHO all
