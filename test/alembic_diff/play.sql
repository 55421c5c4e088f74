-- play.sql: the answers of this extension to generated cases
--
-- Read by psql in the repository's directory, once; then each row of
-- replay.graph is a graph with its cases, and replay.play() answers them.
\i sql/include/alembic_replay.sql
SET client_min_messages = warning;
\o /dev/null

CREATE TABLE replay.graph (
	n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	content jsonb NOT NULL
);

-- What migrate_plan() announces.  It takes neither a list nor purge, so those
-- cases have no plan.
CREATE FUNCTION replay.plan(item jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF jsonb_typeof(item -> 'target') = 'array' OR (item -> 'purge')::boolean THEN
		RETURN NULL;
	END IF;
	RETURN (SELECT jsonb_build_object('steps', coalesce(
				jsonb_agg(jsonb_build_array(operation, revision) ORDER BY step), '[]'))
			  FROM migrate_plan(item ->> 'target', item ->> 'command'));
EXCEPTION WHEN OTHERS THEN
	RETURN jsonb_build_object('error', sqlstate, 'message', sqlerrm);
END $$;

-- The answer to one case; the graph is registered.
CREATE FUNCTION replay.play_case(item jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	target text := item ->> 'target';
	purge boolean := item -> 'purge';
	plan jsonb;
BEGIN
	DELETE FROM migrate.version;
	INSERT INTO migrate.version SELECT jsonb_array_elements_text(item -> 'start');
	DELETE FROM migrate.log;
	DELETE FROM replay.event;
	plan := replay.plan(item);
	IF jsonb_typeof(item -> 'target') = 'array' THEN
		PERFORM migrate_stamp(replay.texts(item -> 'target'), purge);
	ELSIF item ->> 'command' = 'stamp' THEN
		PERFORM migrate_stamp(target, purge);
	ELSIF item ->> 'command' = 'upgrade' THEN
		PERFORM migrate_upgrade(target);
	ELSE
		PERFORM migrate_downgrade(target);
	END IF;
	RETURN jsonb_build_object('plan', plan, 'steps', replay.steps_seen(), 'final', (
		SELECT coalesce(jsonb_agg(version_num), '[]') FROM migrate.version));
EXCEPTION WHEN OTHERS THEN
	RETURN jsonb_build_object('plan', plan, 'error', sqlstate, 'message', sqlerrm);
END $$;

-- The answers to all cases of a graph, which is registered as one script.
CREATE FUNCTION replay.play(graph jsonb) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
DECLARE
	item jsonb;
BEGIN
	DELETE FROM migrate.log;
	DELETE FROM migrate.version;
	DELETE FROM migrate.revision;
	PERFORM migrate_register_script(replay.script(graph -> 'revisions'));
	FOR item IN SELECT * FROM jsonb_array_elements(graph -> 'cases') LOOP
		RETURN NEXT replay.play_case(item);
	END LOOP;
END $$;
\o
RESET client_min_messages;
