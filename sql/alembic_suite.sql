-- alembic_suite: The cases that Alembic's own tests run; each graph is registered as one script.
\i sql/include/alembic_replay.sql

\copy replay.item (content) FROM 'test/alembic/suite.jsonl' WITH (FORMAT csv, QUOTE E'\001', DELIMITER E'\002')

-- Where we decided otherwise; the answers follow from the order of the ids
-- and sections 5 and 7 of the semantics.
INSERT INTO replay.decision VALUES
	('s0247', '1: load order',
	 'base3 +base3; a3 -base3 +a3; base2 +base2; a2 -base2 +a2; b2 -a2 +b2; c2 -a3 -b2 +c2; d2 -c2 +d2; b3 +b3; base1 +base1; a1b -base1 +a1b; b1b -a1b +b1b; a1a +a1a; b1a -a1a +b1a = b1a b1b b3 d2'),
	('s0248', '1: load order',
	 'b1a; a1a; b1b; a1b; base1; b3; d2; c2; b2; a2; base2; a3; base3 = base'),
	('s0250', '1: load order',
	 'b1a -b1a +a1a; a1a -a1a; b1b -b1b +a1b; a1b -a1b +base1; base1 -base1; b3 -b3; d2 -d2 +c2; c2 -c2 +a3 +b2; b2 -b2 +a2; a2 -a2 +base2; base2 -base2; a3 -a3 +base3; base3 -base3 = base'),
	('s0258', '1: load order',
	 'b1b -b1b +a1b; b3 -b3; d2 -d2 +c2; c2 -c2 +a3 +b2; a3 -a3 +base3; base3 -base3 = a1b b1a b2'),
	('s0714', '1: load order',
	 '1126d8c73b19 -1126d8c73b19 +be4cebc6d8c4; 5d49566eca99 -5d49566eca99 +839cc1a22f52; 839cc1a22f52 -839cc1a22f52 = be4cebc6d8c4'),
	('s0688', '4: which row is not said', 'error'),
	('s0689', '4: which row is not said', 'error'),
	('s0691', '4: which row is not said', 'error'),
	('s0692', '4: which row is not said', 'error'),
	('s0007', '7: rows must not overlap', 'error'),
	('s0068', '7: rows must not overlap', 'error'),
	('s0073', '7: rows must not overlap', 'error'),
	('s0075', '7: rows must not overlap', 'error'),
	('s0077', '7: rows must not overlap', 'error'),
	('s0086', '7: rows must not overlap', 'error'),
	('s0117', 'no list of targets in SQL', '{"unsupported": true}'),
	('s0311', 'no list of targets in SQL', '{"unsupported": true}'),
	('s0323', 'no list of targets in SQL', '{"unsupported": true}'),
	('s0710', 'no list of targets in SQL', '{"unsupported": true}');

SET client_min_messages = warning;
CALL replay.run(by_script => true);
RESET client_min_messages;

\i sql/include/alembic_report.sql
SET client_min_messages = warning;
DROP SCHEMA replay CASCADE;
RESET client_min_messages;
\i sql/include/reset.sql
