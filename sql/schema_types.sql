-- schema_types: the same of types, functions, operators, and what no schema holds
\i sql/include/start.sql
\i sql/include/schema_objects.sql
\i sql/include/schema_change.sql
\a
\t on
SET client_min_messages = error;
SET search_path = zoo, public;
-- types
SELECT pg_temp.change($$ALTER TYPE mood ADD VALUE 'mad' BEFORE 'sad'$$);
SELECT pg_temp.change($$ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'$$);
SELECT pg_temp.change($$ALTER TYPE pair ADD ATTRIBUTE c int CASCADE$$);
SELECT pg_temp.change($$COMMENT ON COLUMN pair.b IS 'second'$$);
SELECT pg_temp.change($$COMMENT ON COLUMN pair.a IS E'first\ncomment on b: ''second'''$$);
SELECT pg_temp.change($$ALTER DOMAIN positive DROP NOT NULL$$);
SELECT pg_temp.change($$ALTER DOMAIN positive SET DEFAULT 2$$);
SELECT pg_temp.change($$ALTER DOMAIN positive DROP CONSTRAINT is_positive$$);
SELECT pg_temp.change($$ALTER DOMAIN positive ADD CHECK (VALUE < 9) NOT VALID$$);
SELECT pg_temp.change($$COMMENT ON CONSTRAINT is_positive ON DOMAIN positive IS NULL$$);
SELECT pg_temp.change($$CREATE TYPE whole AS RANGE (subtype = int)$$);
SELECT pg_temp.change($$DROP TYPE span; CREATE TYPE span AS RANGE (subtype = float8)$$);
SELECT pg_temp.change($$ALTER TYPE base SET (storage = plain, typmod_in = varchartypmodin)$$);
SELECT pg_temp.change($$CREATE TYPE shell$$);
SELECT pg_temp.change($$REVOKE USAGE ON TYPE mood FROM PUBLIC$$);
SELECT pg_temp.change($$COMMENT ON TYPE mood IS 'm'$$);
-- functions
SELECT pg_temp.change($$CREATE OR REPLACE FUNCTION plus_one(i integer DEFAULT 0) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT i + 2'$$);
SELECT pg_temp.change($$ALTER FUNCTION plus_one SECURITY DEFINER SET search_path = pg_catalog$$);
SELECT pg_temp.change($$ALTER FUNCTION plus_one STABLE PARALLEL SAFE COST 5$$);
SELECT pg_temp.change($$CREATE FUNCTION plus_one(text) RETURNS int LANGUAGE sql AS 'SELECT 1'$$);
SELECT pg_temp.change($$ALTER FUNCTION plus_one DEPENDS ON EXTENSION plpgsql$$);
SELECT pg_temp.change($$ALTER ROUTINE total(integer) DEPENDS ON EXTENSION plpgsql$$);
SELECT pg_temp.change($$ALTER PROCEDURE nothing() RENAME TO anything$$);
SELECT pg_temp.change($$GRANT EXECUTE ON PROCEDURE nothing TO zoo_keeper$$);
SELECT pg_temp.change($$REVOKE EXECUTE ON FUNCTION rank_of FROM PUBLIC$$);
SELECT pg_temp.change($$COMMENT ON FUNCTION rank_of IS 'f'$$);
SELECT pg_temp.change($$CREATE OR REPLACE AGGREGATE total(integer) (sfunc = add_up, stype = integer, initcond = '1', parallel = safe)$$);
SELECT pg_temp.change($$DROP FUNCTION rank_of$$);
-- operators, casts, collations, conversions
SELECT pg_temp.change($$ALTER OPERATOR === (pair, pair) SET (RESTRICT = eqsel)$$);
SELECT pg_temp.change($$CREATE FUNCTION negate(pair) RETURNS pair LANGUAGE sql AS 'SELECT $1'; CREATE OPERATOR ! (rightarg = pair, function = negate)$$);
SELECT pg_temp.change($$CREATE FUNCTION hash_more(pair, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $2'; ALTER OPERATOR FAMILY pairs USING hash ADD FUNCTION 2 (pair, pair) hash_more(pair, bigint)$$);
SELECT pg_temp.change($$ALTER OPERATOR CLASS pair_ops USING hash RENAME TO pairs_ops$$);
SELECT pg_temp.change($$DROP CAST (integer AS pair)$$);
SELECT pg_temp.change($$CREATE CAST (pair AS text) WITH INOUT AS ASSIGNMENT$$);
SELECT pg_temp.change($$COMMENT ON CAST (integer AS pair) IS 'c'$$);
SELECT pg_temp.change($$DROP COLLATION german; CREATE COLLATION german (provider = libc, locale = 'POSIX')$$);
SELECT pg_temp.change($$DROP CONVERSION latin; CREATE DEFAULT CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8$$);
-- text search
SELECT pg_temp.change($$ALTER TEXT SEARCH DICTIONARY short (stopwords)$$);
SELECT pg_temp.change($$ALTER TEXT SEARCH CONFIGURATION brief DROP MAPPING FOR word$$);
SELECT pg_temp.change($$ALTER TEXT SEARCH CONFIGURATION brief ALTER MAPPING FOR word WITH simple, short$$);
SELECT pg_temp.change($$CREATE TEXT SEARCH PARSER p (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype)$$);
SELECT pg_temp.change($$CREATE TEXT SEARCH TEMPLATE t (lexize = dsimple_lexize)$$);
-- schemas and extensions
SELECT pg_temp.change($$CREATE SCHEMA made$$);
SELECT pg_temp.change($$COMMENT ON SCHEMA zoo IS 's'$$);
SELECT pg_temp.change($$GRANT CREATE ON SCHEMA public TO zoo_keeper$$);
SELECT pg_temp.change($$CREATE TABLE mine (a int); ALTER EXTENSION plpgsql ADD TABLE mine$$);
SELECT pg_temp.change($$ALTER EXTENSION plpgsql ADD TABLE log$$);
SELECT pg_temp.change($$COMMENT ON EXTENSION migrate IS 'e'$$);
-- languages, transforms, access methods, event triggers
SELECT pg_temp.change($$CREATE TRUSTED LANGUAGE chat HANDLER talk_handler VALIDATOR plpgsql_validator$$);
SELECT pg_temp.change($$DROP LANGUAGE talk$$);
SELECT pg_temp.change($$DROP TRANSFORM FOR mood LANGUAGE plpgsql$$) ~ '^dropped transform for zoo.mood';
SELECT pg_temp.change($$CREATE ACCESS METHOD b TYPE INDEX HANDLER bthandler$$);
SELECT pg_temp.change($$ALTER EVENT TRIGGER on_ddl DISABLE$$);
SELECT pg_temp.change($$DROP EVENT TRIGGER on_ddl$$);
-- publications and subscriptions
SELECT pg_temp.change($$ALTER PUBLICATION news ADD TABLE typed (a) WHERE (a > 1)$$);
SELECT pg_temp.change($$ALTER PUBLICATION news SET (publish = 'insert, delete', publish_via_partition_root)$$);
SELECT pg_temp.change($$ALTER PUBLICATION all_of_it ADD TABLES IN SCHEMA zoo$$);
SELECT pg_temp.change($$COMMENT ON PUBLICATION news IS 'p'$$);
SELECT pg_temp.change($$ALTER SUBSCRIPTION reader SET (binary, disable_on_error)$$) ~ '^changed subscription reader';
SELECT pg_temp.change($$ALTER SUBSCRIPTION reader CONNECTION 'dbname=elsewhere'$$);
-- foreign data
SELECT pg_temp.change($$ALTER FOREIGN DATA WRAPPER paper OPTIONS (SET a '2')$$);
SELECT pg_temp.change($$ALTER FOREIGN DATA WRAPPER paper OPTIONS (DROP "b, c", SET a 'b, c=d')$$);
SELECT pg_temp.change($$ALTER FOREIGN DATA WRAPPER paper OPTIONS (DROP "b, c", SET a 'b', c 'd')$$);
SELECT pg_temp.change($$ALTER SERVER cabinet VERSION '2' OPTIONS (ADD key 'k')$$);
SELECT pg_temp.change($$REVOKE USAGE ON FOREIGN SERVER cabinet FROM zoo_keeper$$);
SELECT pg_temp.change($$GRANT USAGE ON FOREIGN DATA WRAPPER paper TO zoo_keeper$$);
SELECT pg_temp.change($$CREATE USER MAPPING FOR PUBLIC SERVER cabinet$$);
SELECT pg_temp.change($$ALTER USER MAPPING FOR zoo_keeper SERVER cabinet OPTIONS (SET password 'x')$$);
SELECT pg_temp.change($$ALTER FOREIGN TABLE sheet OPTIONS (SET name 'y')$$);
-- default privileges
SELECT pg_temp.change($$ALTER DEFAULT PRIVILEGES FOR ROLE zoo_keeper REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC$$);
SELECT pg_temp.change($$ALTER DEFAULT PRIVILEGES IN SCHEMA zoo GRANT INSERT ON TABLES TO zoo_keeper$$) ~ 'zoo_keeper INSERT, SELECT';
\a
\t off
DROP TABLE before;
\i sql/include/schema_drop.sql
\i sql/include/reset.sql
