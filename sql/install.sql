-- install: CREATE EXTENSION, and what it makes; the tests that follow use it
CREATE EXTENSION migrate;

SELECT e.extversion ~ '^[0-9]+[.][0-9]+[.][0-9]+' AS has_version,
       e.extrelocatable, n.nspname AS schema
  FROM pg_extension AS e
  JOIN pg_namespace AS n ON n.oid = e.extnamespace
 WHERE e.extname = 'migrate';

-- every object, and that nothing is missing a comment; the row types of tables
-- and views are members from 17 on
CREATE TEMP VIEW member AS
SELECT i.type, i.identity, d.classid, d.objid
  FROM pg_depend AS d,
       pg_identify_object(d.classid, d.objid, d.objsubid) AS i
 WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
   AND (i.type <> 'type' OR EXISTS (SELECT FROM pg_class AS c
         WHERE c.reltype = d.objid AND c.relkind = 'c'))
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'migrate');
SELECT type, identity FROM member ORDER BY type COLLATE "C", identity COLLATE "C";
SELECT type, identity FROM member
 WHERE obj_description(objid, classid::regclass::name) IS NULL
 ORDER BY type COLLATE "C", identity COLLATE "C";
-- a column of a table that can be NULL says what that means; a column of a view
-- or a composite type has a comment unless a table has one of that name
SELECT a.attrelid::regclass, a.attname
  FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'migrate'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
   AND NOT a.attnotnull
   AND col_description(a.attrelid, a.attnum) ~ '\mNULL\M' IS NOT TRUE;
SELECT a.attrelid::regclass, a.attname
  FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'migrate'::regnamespace AND c.relkind IN ('v', 'c') AND a.attnum > 0
   AND col_description(a.attrelid, a.attnum) IS NULL
   AND NOT EXISTS (
	SELECT FROM pg_attribute AS t JOIN pg_class AS r ON r.oid = t.attrelid
	 WHERE r.relnamespace = c.relnamespace AND r.relkind = 'r' AND t.attname = a.attname);
-- an index that is no primary key has a comment
SELECT i.indexrelid::regclass FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
 WHERE c.relnamespace = 'migrate'::regnamespace AND NOT i.indisprimary
   AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT obj_description(oid, 'pg_extension') IS NOT NULL AS extension_has_comment
  FROM pg_extension WHERE extname = 'migrate';

-- user data that a dump must hold
SELECT c::regclass, condition
  FROM pg_extension, unnest(extconfig, extcondition) AS u (c, condition)
 WHERE extname = 'migrate' ORDER BY c::regclass::text COLLATE "C";

-- the version table has the shape of Alembic's own
CREATE TABLE alembic_version (
	version_num varchar(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef
  FROM pg_attribute
 WHERE attrelid = 'migrate.version'::regclass AND attnum > 0
EXCEPT
SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef
  FROM pg_attribute
 WHERE attrelid = 'alembic_version'::regclass AND attnum > 0;
SELECT pg_get_constraintdef(oid) FROM pg_constraint
 WHERE conrelid = 'migrate.version'::regclass AND contype = 'p';
DROP TABLE alembic_version;

-- no function is SECURITY DEFINER, has settings of its own or may run in
-- parallel; only questions are STABLE
SELECT count(*) FILTER (WHERE p.prosecdef) AS definer,
       count(*) FILTER (WHERE p.proconfig IS NOT NULL) AS with_settings,
       count(*) FILTER (WHERE p.proparallel <> 'u') AS parallel,
       string_agg(p.proname, ' ' ORDER BY p.proname COLLATE "C")
         FILTER (WHERE p.provolatile = 's') AS stable
  FROM member JOIN pg_proc AS p
    ON member.classid = 'pg_proc'::regclass AND p.oid = member.objid;

-- an empty registry answers, and there is nothing to do
SELECT * FROM migrate_upgrade();
SELECT migrate_is_current();
SELECT count(*) FROM migrate_history();

-- settings
SELECT name, boot_val, unit, context, vartype, min_val, max_val, short_desc
  FROM pg_settings WHERE name LIKE 'migrate.%' ORDER BY name COLLATE "C" \gx
SET migrate.no_such_setting = 1;
SET migrate.max_attempts = 0;

CREATE EXTENSION migrate;
