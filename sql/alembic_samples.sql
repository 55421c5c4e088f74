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
CALL replay.run(by_script => false);
RESET client_min_messages;

\i sql/include/alembic_report.sql
SET client_min_messages = warning;
DROP SCHEMA replay CASCADE;
RESET client_min_messages;
\i sql/include/reset.sql
