\set ECHO none
-- Replays measured answers of Alembic (../../test/alembic) through the public
-- functions.  A file that includes this puts cases into replay.item, decisions
-- of our own into replay.decision, and reads replay.verdict.
-- The functions are of plpgsql, which plans a query once and not in each call.
SET client_min_messages = warning;
CREATE SCHEMA replay;

CREATE TABLE replay.item (
	n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	content jsonb NOT NULL
);

-- Version rows that have no key, for the case that begins with one row twice.
CREATE TABLE replay.version (version_num varchar(32) NOT NULL);

-- Cases where a decision of ours overrides what Alembic does: the decision and
-- the answer to expect instead of Alembic's, in the form of replay.brief().
CREATE TABLE replay.decision (
	id text PRIMARY KEY,
	decision text NOT NULL,
	expect text NOT NULL
);

-- What the triggers below have seen: row changes, and the end of each step.
CREATE TABLE replay.event (
	n integer GENERATED ALWAYS AS IDENTITY,
	op text NOT NULL,
	before text,
	after text,
	operation text,
	revision text
);

CREATE FUNCTION replay.note_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO replay.event (op, before, after)
		VALUES (lower(TG_OP),
				CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_num END,
				CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_num END);
	RETURN NULL;
END $$;

CREATE FUNCTION replay.note_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO replay.event (op, operation, revision)
		VALUES ('step', NEW.operation, NEW.revision);
	RETURN NULL;
END $$;

CREATE TRIGGER replay AFTER INSERT OR UPDATE OR DELETE ON migrate.version
	FOR EACH ROW EXECUTE FUNCTION replay.note_row();
CREATE TRIGGER replay AFTER INSERT ON migrate.log
	FOR EACH ROW EXECUTE FUNCTION replay.note_step();

-- The steps seen, in the form of the files: a step is what was changed
-- before its log row.
CREATE FUNCTION replay.steps_seen() RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN (
	WITH numbered AS (
		SELECT n, op, before, after, operation, revision,
			   count(*) FILTER (WHERE op = 'step')
				   OVER (ORDER BY n DESC) AS step
		  FROM replay.event
	), steps AS (
		SELECT step, jsonb_build_object(
			'op', max(operation), 'rev', max(revision),
			'delete', coalesce(jsonb_agg(before) FILTER (WHERE op = 'delete'), '[]'),
			'insert', coalesce(jsonb_agg(after) FILTER (WHERE op = 'insert'), '[]'),
			'update', coalesce(jsonb_agg(jsonb_build_array(before, after))
							   FILTER (WHERE op = 'update'), '[]')) AS content
		  FROM numbered GROUP BY step
	)
	SELECT coalesce(jsonb_agg(content ORDER BY step DESC), '[]') FROM steps);
END $$;

CREATE FUNCTION replay.sorted(list jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN (
	SELECT coalesce(jsonb_agg(e ORDER BY e::text COLLATE "C"), '[]')
	  FROM jsonb_array_elements(list) AS e);
END $$;

-- An answer in a line: each step with the rows that it takes away and brings,
-- then the rows at the end.
CREATE FUNCTION replay.brief(answer jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (
	SELECT CASE
		WHEN answer ? 'steps' THEN (
			SELECT coalesce(string_agg(concat(
				s ->> 'rev',
				(SELECT string_agg(' -' || r, '' ORDER BY r COLLATE "C")
				   FROM jsonb_array_elements_text((s -> 'delete') ||
					jsonb_path_query_array(s, '$.update[*][0]')) AS r),
				(SELECT string_agg(' +' || r, '' ORDER BY r COLLATE "C")
				   FROM jsonb_array_elements_text((s -> 'insert') ||
					jsonb_path_query_array(s, '$.update[*][1]')) AS r)),
				'; ' ORDER BY i), 'nothing')
			  FROM jsonb_array_elements(answer -> 'steps')
				   WITH ORDINALITY AS t (s, i))
			|| ' = ' || (
			SELECT coalesce(string_agg(r, ' ' ORDER BY r COLLATE "C"), 'base')
			  FROM jsonb_array_elements_text(answer -> 'final') AS r)
		WHEN answer ? 'revs' THEN (
			SELECT coalesce(string_agg(r, ' ' ORDER BY r COLLATE "C"), 'nothing')
			  FROM jsonb_array_elements_text(answer -> 'revs') AS r)
		WHEN answer ? 'error' OR answer ? 'refused' THEN 'error'
		ELSE answer::text
	END);
END $$;

-- An answer in a form that says which row was changed how, and can be compared.
CREATE FUNCTION replay.exact(answer jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN (
	SELECT jsonb_agg(jsonb_build_array(
			s -> 'op', s -> 'rev', replay.sorted(s -> 'delete'),
			replay.sorted(s -> 'insert'), replay.sorted(s -> 'update'))
			ORDER BY i)
	  FROM jsonb_array_elements(answer -> 'steps') WITH ORDINALITY AS t (s, i));
END $$;

CREATE FUNCTION replay.texts(list jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
	RETURN (
	SELECT coalesce(array_agg(e ORDER BY i), '{}')
	  FROM jsonb_array_elements_text(list) WITH ORDINALITY AS t (e, i));
END $$;

-- The revisions of a case as one script.
CREATE FUNCTION replay.script(revisions jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (
	SELECT string_agg(format(
		E'-- revision: %s\n-- down_revision: %s\n-- depends_on: %s\n'
		'-- branch_labels: %s\n-- migrate:up\n-- migrate:down\n',
		r ->> 'id', array_to_string(replay.texts(r -> 'down'), ', '),
		array_to_string(replay.texts(r -> 'depends'), ', '),
		array_to_string(replay.texts(r -> 'labels'), ', ')), '' ORDER BY i)
	  FROM jsonb_array_elements(revisions) WITH ORDINALITY AS t (r, i));
END $$;

-- The same one by one: each as soon as all its parents are registered.  The
-- others are tried at the end, for their errors.
CREATE FUNCTION replay.register_each(revisions jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	r jsonb;
	known text[] := '{}';
	ids text[];
	waiting jsonb;
	stuck boolean := false;
BEGIN
	WHILE jsonb_array_length(revisions) > 0 LOOP
		waiting := '[]';
		FOR r IN SELECT * FROM jsonb_array_elements(revisions) LOOP
			ids := replay.texts(r -> 'down') || replay.texts(r -> 'depends');
			IF ids <@ known OR stuck THEN
				PERFORM migrate_register(r ->> 'id', '', '',
					down_revision => replay.texts(r -> 'down'),
					depends_on => replay.texts(r -> 'depends'),
					branch_labels => replay.texts(r -> 'labels'));
				known := known || (r ->> 'id') || replay.texts(r -> 'labels');
			ELSE
				waiting := waiting || r;
			END IF;
		END LOOP;
		stuck := jsonb_array_length(waiting) = jsonb_array_length(revisions);
		revisions := waiting;
	END LOOP;
END $$;

CREATE FUNCTION replay.history(range text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN (
	SELECT coalesce(jsonb_agg(jsonb_build_object(
			'op', 'history', 'rev', revision, 'delete', '[]'::jsonb,
			'insert', '[]'::jsonb, 'update', '[]'::jsonb)), '[]')
	  FROM migrate_history(range));
END $$;

-- Our answer to a case.  An upgrade to a list of targets is not part of the
-- SQL interface, except where the list has one element.
CREATE FUNCTION replay.answer(item jsonb, by_script boolean) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb := '{}';
	outcome text := 'refused';	-- what an error means
	command text := item ->> 'command';
	target jsonb := item -> 'target';
BEGIN
	DELETE FROM migrate.log;
	DELETE FROM migrate.version;
	DELETE FROM migrate.revision;
	IF by_script AND jsonb_array_length(item -> 'revisions') > 0 THEN
		PERFORM migrate_register_script(replay.script(item -> 'revisions'));
	ELSE
		PERFORM replay.register_each(item -> 'revisions');
	END IF;
	outcome := 'test failed';
	IF item -> 'tags' ? 'start:duplicate_rows' THEN
		PERFORM set_config('migrate.version_table', 'replay.version', true);
		INSERT INTO replay.version
			SELECT jsonb_array_elements_text(item -> 'start');
	ELSE
		INSERT INTO migrate.version
			SELECT jsonb_array_elements_text(item -> 'start');
	END IF;
	DELETE FROM replay.event;
	outcome := 'error';
	IF jsonb_typeof(target) = 'array' AND command = 'upgrade'
		AND jsonb_array_length(target) = 1 THEN
		target := target -> 0;
	END IF;
	IF jsonb_typeof(target) = 'array' THEN
		IF command <> 'stamp' THEN
			RETURN '{"unsupported": true}';
		END IF;
		PERFORM migrate_stamp(replay.texts(target),
			purge => coalesce((item ->> 'purge')::boolean, false));
	ELSIF command = 'stamp' THEN
		PERFORM migrate_stamp(target #>> '{}',
			purge => coalesce((item ->> 'purge')::boolean, false));
	ELSIF command = 'upgrade' THEN
		PERFORM migrate_upgrade(target #>> '{}');
	ELSIF command = 'downgrade' THEN
		PERFORM migrate_downgrade(target #>> '{}');
	ELSIF command = 'current' THEN
		RETURN jsonb_build_object('revs', (
			SELECT coalesce(jsonb_agg(revision), '[]') FROM migrate_current()));
	ELSIF command <> 'history' THEN
		RAISE 'unknown command %', command;
	END IF;
	IF command = 'history' THEN
		answer := jsonb_build_object('steps', replay.history(target #>> '{}'));
	ELSE
		answer := jsonb_build_object('steps', replay.steps_seen());
	END IF;
	RETURN answer || jsonb_build_object('final', (
		SELECT coalesce(jsonb_agg(version_num), '[]') FROM migrate.version));
EXCEPTION WHEN OTHERS THEN
	RETURN jsonb_build_object(outcome, sqlstate, 'message', sqlerrm);
END $$;

-- Whether the answer is the one expected, or one of the alternatives, or what
-- a decision of ours has instead.  No error may be an internal one.  A
-- graph may be refused only where its tag says so.
CREATE FUNCTION replay.is_right(item jsonb, answer jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	decided text := (SELECT expect FROM replay.decision
					  WHERE id = item ->> 'id');
	net boolean := coalesce((item ->> 'unstable_ops')::boolean, false);
BEGIN
	IF coalesce(answer ->> 'error', answer ->> 'refused') LIKE 'XX%' THEN
		RETURN false;
	ELSIF answer ? 'refused' THEN
		RETURN item -> 'tags' ? 'graph_error';
	ELSIF decided IS NOT NULL THEN
		RETURN replay.brief(answer) = decided;
	END IF;
	RETURN EXISTS (
		SELECT FROM jsonb_array_elements(
			jsonb_build_array(item -> 'expect') ||
			coalesce(item -> 'alternatives', '[]')) AS e
		 WHERE replay.brief(e) = replay.brief(answer)
		   AND (net OR replay.exact(e) IS NOT DISTINCT FROM
				replay.exact(answer)));
END $$;

CREATE TABLE replay.verdict (id text, command text, item jsonb, answer jsonb, ok boolean);

-- A transaction for each case: otherwise each one would read the dead rows of all
-- before it.
CREATE PROCEDURE replay.run(by_script boolean)
LANGUAGE plpgsql AS $$
DECLARE
	i replay.item;
	answer jsonb;
BEGIN
	FOR i IN SELECT * FROM replay.item ORDER BY n LOOP
		answer := replay.answer(i.content, by_script);
		INSERT INTO replay.verdict VALUES (i.content ->> 'id',
			i.content ->> 'command', i.content, answer,
			replay.is_right(i.content, answer));
		COMMIT;
	END LOOP;
END $$;
RESET client_min_messages;
\set ECHO all
