-- alembic_report: how the replay went; a line for each case that is wrong
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
