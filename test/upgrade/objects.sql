-- test/upgrade/objects.sql: the extension's objects and their definitions
--
-- A line for each object and each column: kind, name, what it is.  Nothing in
-- it depends on oids or on the order in which things were made, but for the
-- columns, whose order SELECT * shows.  An object of a kind that is not known
-- here has NO DEFINITION, which t/extension_update.pl does not accept.

SET search_path = pg_catalog, pg_temp;

WITH RECURSIVE
-- Members, and what is there only because of them: constraints, indexes, rules,
-- defaults, types of rows.  A TOAST table's name is made of oids.
object (classid, objid) AS (
	SELECT d.classid, d.objid
	  FROM pg_depend AS d JOIN pg_extension AS e
		ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	 WHERE e.extname = 'migrate' AND d.deptype = 'e'
	UNION
	SELECT d.classid, d.objid
	  FROM object AS o JOIN pg_depend AS d
		ON d.refclassid = o.classid AND d.refobjid = o.objid
	 WHERE d.deptype IN ('a', 'i', 'P', 'S')
	   AND NOT (d.classid = 'pg_class'::regclass
				AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = d.objid AND c.relkind = 't'))
),
-- DROP EXTENSION and pg_dump go by whether it is a member; pg_dump dumps rights
-- that are not the initial ones.
named AS (
	SELECT o.classid, o.objid, i.type, i.identity,
		   obj_description(o.objid, o.classid::regclass::name) AS comment,
		   EXISTS (SELECT FROM pg_depend AS d
					WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e') AS member,
		   (SELECT array_agg(a ORDER BY a::text COLLATE "C")
			  FROM pg_init_privs AS p, unnest(p.initprivs) AS a
			 WHERE p.classoid = o.classid AND p.objoid = o.objid AND p.objsubid = 0) AS initially
	  FROM object AS o, pg_identify_object(o.classid, o.objid, 0) AS i
),
defined AS (
	SELECT n.*, d.owner, d.acl, d.text
	  FROM named AS n LEFT JOIN LATERAL (
		SELECT nspowner AS owner, nspacl AS acl, '' AS text
		  FROM pg_namespace
		 WHERE n.classid = 'pg_namespace'::regclass AND oid = n.objid
		UNION ALL
		SELECT proowner, proacl, concat_ws(' ', pg_get_functiondef(oid), provolatile, prosupport)
		  FROM pg_proc
		 WHERE n.classid = 'pg_proc'::regclass AND oid = n.objid AND prokind <> 'a'
		UNION ALL
		SELECT c.relowner, c.relacl,
			   concat_ws(' ', c.relkind, c.relpersistence, m.amname, c.reloptions::text, 'replica', c.relreplident,
				 'row security', c.relrowsecurity, c.relforcerowsecurity,
				 CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid)
					  WHEN c.relkind = 'i' THEN concat_ws(' ', pg_get_indexdef(c.oid), x.indisvalid, x.indisclustered)
					  WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid)
					  WHEN c.relkind = 'S' THEN concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart,
						s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle) END)
		  FROM pg_class AS c
		  LEFT JOIN pg_am AS m ON m.oid = c.relam
		  LEFT JOIN pg_index AS x ON x.indexrelid = c.oid
		  LEFT JOIN pg_sequence AS s ON s.seqrelid = c.oid
		 WHERE n.classid = 'pg_class'::regclass AND c.oid = n.objid
		UNION ALL
		SELECT NULL, NULL, concat_ws(' ', pg_get_constraintdef(oid), convalidated, coninhcount, conislocal)
		  FROM pg_constraint
		 WHERE n.classid = 'pg_constraint'::regclass AND oid = n.objid
		UNION ALL
		SELECT NULL, NULL, concat_ws(' ', pg_get_triggerdef(oid), tgenabled)
		  FROM pg_trigger
		 WHERE n.classid = 'pg_trigger'::regclass AND oid = n.objid
		UNION ALL
		SELECT NULL, NULL, concat_ws(' ', pg_get_ruledef(oid), ev_enabled)
		  FROM pg_rewrite
		 WHERE n.classid = 'pg_rewrite'::regclass AND oid = n.objid
		UNION ALL
		SELECT NULL, NULL, pg_get_expr(adbin, adrelid)
		  FROM pg_attrdef
		 WHERE n.classid = 'pg_attrdef'::regclass AND oid = n.objid
		UNION ALL
		-- The columns of a composite one are listed below.
		SELECT typowner, typacl,
			   concat_ws(' ', typtype, typcategory, typlen, typbyval, typalign, typstorage, typdelim, typinput, typoutput,
				 format_type(nullif(typbasetype, 0), typtypmod), typnotnull, typdefault,
				 (SELECT string_agg(quote_literal(l.enumlabel), ' ' ORDER BY l.enumsortorder)
					FROM pg_enum AS l WHERE l.enumtypid = t.oid))
		  FROM pg_type AS t
		 WHERE n.classid = 'pg_type'::regclass AND oid = n.objid AND typtype IN ('b', 'c', 'd', 'e')
		UNION ALL
		SELECT evtowner, NULL, concat_ws(' ', evtevent, evtfoid::regprocedure, evttags::text, evtenabled)
		  FROM pg_event_trigger
		 WHERE n.classid = 'pg_event_trigger'::regclass AND oid = n.objid
	  ) AS d ON true
),
-- By their numbers among those that were not dropped.
attribute AS (
	SELECT a.*, row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS ordinal
	  FROM pg_attribute AS a
	 WHERE a.attnum > 0 AND NOT a.attisdropped
),
line (kind, name, definition) AS (
	SELECT 'extension', e.extname::text,
		   concat_ws(' ', n.nspname, 'owner', e.extowner::regrole, 'version', e.extversion,
			 'relocatable', e.extrelocatable, 'comment', quote_nullable(obj_description(e.oid, 'pg_extension')))
	  FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
	 WHERE e.extname = 'migrate'
	UNION ALL
	SELECT 'dumped', c.relation::regclass::text, quote_literal(c.condition)
	  FROM pg_extension AS e, unnest(e.extconfig, e.extcondition) AS c (relation, condition)
	 WHERE e.extname = 'migrate'
	UNION ALL
	SELECT o.type, o.identity,
		   concat_ws(' ', CASE WHEN o.member THEN 'member' ELSE 'part' END,
			 coalesce(o.text, 'NO DEFINITION'), 'owner', o.owner::regrole, 'rights',
			 (SELECT array_agg(a ORDER BY a::text COLLATE "C") FROM unnest(o.acl) AS a),
			 'initially', o.initially, 'comment', quote_nullable(o.comment))
	  FROM defined AS o
	UNION ALL
	SELECT 'column', format('%s %s %s', n.identity, a.ordinal, a.attname),
		   concat_ws(' ', format_type(a.atttypid, a.atttypmod), nullif(a.attcollation, 0)::regcollation,
			 'not null', a.attnotnull, 'default', pg_get_expr(f.adbin, f.adrelid),
			 'identity', a.attidentity, 'generated', a.attgenerated, 'storage', a.attstorage, a.attcompression,
			 -- Not the version of the column, which minor releases from 17.12 on keep here.
			 (SELECT array_agg(x ORDER BY x) FROM unnest(a.attoptions) AS x WHERE x NOT LIKE 'pg\_attver=%'),
			 'local', a.attislocal, 'rights', a.attacl,
			 (SELECT p.initprivs FROM pg_init_privs AS p
			   WHERE p.classoid = n.classid AND p.objoid = n.objid AND p.objsubid = a.attnum),
			 'comment', quote_nullable(col_description(a.attrelid, a.attnum)))
	  FROM named AS n JOIN attribute AS a ON n.classid = 'pg_class'::regclass AND a.attrelid = n.objid
	  LEFT JOIN pg_attrdef AS f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
)
SELECT format('%s %s: %s', kind, name, replace(definition, E'\n', '\n'))
  FROM line ORDER BY kind COLLATE "C", name COLLATE "C";
