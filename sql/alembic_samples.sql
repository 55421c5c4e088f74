-- alembic_samples: 60 measured examples; each revision is registered by itself.
\i sql/include/alembic_replay.sql

\copy replay.item (content) FROM 'test/alembic/samples.jsonl' WITH (FORMAT csv, QUOTE E'\001', DELIMITER E'\002')

-- Where we decided otherwise; the answers follow from the order of the ids
-- and sections 5 and 7 of the semantics.
INSERT INTO replay.decision VALUES
	('x000', '1: load order',
	 'items_a +items_a; users_b -items_a +users_b; pay +pay; item_idx1ss_a_idxss1_as_a_b -pay_b_a +item_idx1ss_a_idxss1_as_a_b = item_idx1ss_a_idxss1_as_a_b pay users_b'),
	('x030', '1: load order',
	 'pay1 +pay1; item +item = item pay1'),
	('x031', '7: rows must not overlap', 'error');

SET client_min_messages = warning;
SELECT replay.run(by_script => false);
RESET client_min_messages;

SELECT command, count(*) AS cases, count(*) FILTER (WHERE ok) AS right,
       count(*) FILTER (WHERE answer ? 'refused') AS refused,
       count(*) FILTER (WHERE answer ? 'error') AS errors
  FROM replay.verdict GROUP BY command ORDER BY command COLLATE "C";
SELECT decision, count(*) AS cases, count(*) FILTER (WHERE v.ok) AS right
  FROM replay.decision LEFT JOIN replay.verdict AS v USING (id)
 GROUP BY decision ORDER BY decision COLLATE "C";

-- Codes of the errors.
SELECT coalesce(answer ->> 'refused', answer ->> 'error') AS sqlstate,
       answer ? 'refused' AS at_registration, count(*)
  FROM replay.verdict WHERE answer ? 'refused' OR answer ? 'error'
 GROUP BY 1, 2 ORDER BY 1, 2;

-- What is wrong, a line each.
SELECT id, command, item -> 'target' AS target,
       replay.brief(item -> 'expect') AS expected,
       replay.brief(answer) || coalesce(': ' || (answer ->> 'message'), '') AS answer
  FROM replay.verdict WHERE NOT ok ORDER BY id;

SET client_min_messages = warning;
DROP SCHEMA replay CASCADE;
RESET client_min_messages;
\i sql/include/reset.sql
