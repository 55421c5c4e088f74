\set ECHO none
-- pg_temp.change() says what a statement changes in migrate_schema(), and takes
-- it back.
CREATE TEMP TABLE before AS SELECT * FROM migrate_schema();
CREATE FUNCTION pg_temp.change(statement text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	changes text[];
BEGIN
	EXECUTE statement;
	SELECT array_agg(concat_ws(E'\n',
			concat_ws(' ', CASE WHEN b.type IS NULL THEN 'created' WHEN n.type IS NULL THEN 'dropped' ELSE 'changed' END, type, identity),
			(SELECT string_agg('  - ' || l, E'\n') FROM string_to_table(b.definition, E'\n') AS l
			  WHERE n.type IS NOT NULL AND l <> ALL (string_to_array(n.definition, E'\n'))),
			(SELECT string_agg('  + ' || l, E'\n') FROM string_to_table(n.definition, E'\n') AS l
			  WHERE b.type IS NULL OR l <> ALL (string_to_array(b.definition, E'\n'))))
			ORDER BY type COLLATE "C", identity COLLATE "C")
	  INTO changes
	  FROM pg_temp.before AS b FULL JOIN migrate_schema() AS n USING (type, identity)
	 WHERE b.definition IS DISTINCT FROM n.definition;
	RAISE EXCEPTION USING ERRCODE = 'UU000';
EXCEPTION WHEN SQLSTATE 'UU000' THEN
	RETURN QUERY SELECT unnest(coalesce(changes, '{nothing}'));
END $$;
\set ECHO all
