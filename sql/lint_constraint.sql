-- lint: constraints
\i sql/include/start.sql
\i sql/include/lint.sql
CREATE TABLE parent (id bigint PRIMARY KEY);

-- add-check
SELECT pg_temp.lint('ALTER TABLE big ADD CONSTRAINT c CHECK (n > 0)');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN m int CHECK (m > 0)');
SELECT pg_temp.lint('ALTER TABLE big ADD CONSTRAINT c CHECK (n > 0) NOT VALID');
SELECT pg_temp.lint('ALTER TABLE small ADD CONSTRAINT c CHECK (n > 0)');

-- add-foreign-key; a new column without a default needs no look-ups
SELECT pg_temp.lint('CREATE INDEX CONCURRENTLY ON big (n); ALTER TABLE big ADD CONSTRAINT f FOREIGN KEY (n) REFERENCES parent');
SELECT pg_temp.lint('CREATE INDEX CONCURRENTLY ON big (n); ALTER TABLE big ADD CONSTRAINT f FOREIGN KEY (n) REFERENCES parent NOT VALID');
SELECT pg_temp.lint('CREATE INDEX ON small (n); ALTER TABLE small ADD CONSTRAINT f FOREIGN KEY (n) REFERENCES parent');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN p bigint REFERENCES parent; CREATE INDEX CONCURRENTLY ON big (p)');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN p bigint DEFAULT 1 REFERENCES parent; CREATE INDEX CONCURRENTLY ON big (p)');

-- add-unique, also for a primary key
ALTER TABLE big DROP CONSTRAINT big_pkey;
SELECT pg_temp.lint('ALTER TABLE big ADD CONSTRAINT u UNIQUE (name)');
SELECT pg_temp.lint('ALTER TABLE big ADD CONSTRAINT u PRIMARY KEY (id)');
SELECT pg_temp.lint('ALTER TABLE big ADD COLUMN u uuid UNIQUE');
SELECT pg_temp.lint('CREATE UNIQUE INDEX CONCURRENTLY u ON big (id); ALTER TABLE big ADD CONSTRAINT u UNIQUE USING INDEX u');
SELECT pg_temp.lint('ALTER TABLE small ADD CONSTRAINT u UNIQUE (name)');
ALTER TABLE big ADD PRIMARY KEY (id);

-- add-exclusion
SELECT pg_temp.lint('ALTER TABLE big ADD CONSTRAINT x EXCLUDE (id WITH =)');
SELECT pg_temp.lint('ALTER TABLE small ADD CONSTRAINT x EXCLUDE (id WITH =)');

-- validate-early: the transaction that has added it still has its lock
SELECT pg_temp.lint(E'ALTER TABLE big ADD CONSTRAINT c CHECK (n > 0) NOT VALID;\nALTER TABLE big VALIDATE CONSTRAINT c');
SELECT pg_temp.lint(E'ALTER TABLE big ADD CONSTRAINT c CHECK (n > 0) NOT VALID;\nVACUUM small;\nALTER TABLE big VALIDATE CONSTRAINT c');
SELECT pg_temp.lint(E'ALTER TABLE small ADD CONSTRAINT c CHECK (n > 0) NOT VALID;\nALTER TABLE small VALIDATE CONSTRAINT c');
-- in the next revision of the plan
SELECT migrate_register('x1', 'ALTER TABLE big ADD CONSTRAINT c CHECK (n > 0) NOT VALID', 'SELECT 1'),
  migrate_register('x2', 'ALTER TABLE big VALIDATE CONSTRAINT c', 'SELECT 1', '{x1}');
SELECT rule FROM migrate_lint();
DO $$ BEGIN PERFORM migrate_unregister('x2'); PERFORM migrate_unregister('x1'); END $$;

-- domain-check
CREATE DOMAIN used AS int;
CREATE DOMAIN unused AS int;
ALTER TABLE big ADD COLUMN d used;
ANALYZE big;
SELECT pg_temp.lint('ALTER DOMAIN used ADD CHECK (VALUE > 0)');
SELECT pg_temp.lint('ALTER DOMAIN used SET NOT NULL');
SELECT pg_temp.lint('ALTER DOMAIN used ADD CHECK (VALUE > 0) NOT VALID');
SELECT pg_temp.lint('ALTER DOMAIN unused ADD CHECK (VALUE > 0)');

-- drop-primary-key
SELECT pg_temp.lint('ALTER TABLE big DROP CONSTRAINT big_pkey');
ALTER TABLE big ADD CONSTRAINT c CHECK (n > 0);
SELECT pg_temp.lint('ALTER TABLE big DROP CONSTRAINT c');
SELECT pg_temp.lint('ALTER TABLE big DROP CONSTRAINT big_pkey, ADD CONSTRAINT big_key PRIMARY KEY USING INDEX big_new');

-- foreign-key-index: by an index before, in the statement, or later
SELECT pg_temp.lint('CREATE TABLE child (id bigint PRIMARY KEY, parent_id bigint REFERENCES parent)');
SELECT pg_temp.lint('CREATE TABLE child (id bigint PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES pair)');
SELECT pg_temp.lint('CREATE TABLE child (id bigint PRIMARY KEY, parent_id bigint REFERENCES parent); CREATE INDEX ON child (parent_id, id)');
SELECT pg_temp.lint('CREATE TABLE child (id bigint PRIMARY KEY, parent_id bigint REFERENCES parent); CREATE INDEX ON child (parent_id) WHERE id > 1');
SELECT pg_temp.lint('CREATE TABLE child (parent_id bigint PRIMARY KEY REFERENCES parent)');
SELECT pg_temp.lint('CREATE TABLE child (id bigint PRIMARY KEY, a int, b int, UNIQUE (b, a), FOREIGN KEY (a, b) REFERENCES pair)');
SELECT pg_temp.lint('ALTER TABLE small ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES parent');

-- unnamed
SELECT pg_temp.lint('ALTER TABLE small ADD CHECK (n > 0)');
SELECT pg_temp.lint('ALTER TABLE small ADD CONSTRAINT c CHECK (n > 0)');
SELECT pg_temp.lint('CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh ADD CHECK (id > 0)');

-- partitions: attach-partition, detach-partition
CREATE TABLE parts (id bigint, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
SELECT pg_temp.lint('ALTER TABLE parts ATTACH PARTITION big FOR VALUES FROM (''2027-01-01'') TO (''2028-01-01'')');
SELECT pg_temp.lint('ALTER TABLE parts ATTACH PARTITION small FOR VALUES FROM (''2027-01-01'') TO (''2028-01-01'')');
ALTER TABLE big DROP CONSTRAINT c;
SELECT pg_temp.lint('ALTER TABLE parts ATTACH PARTITION big FOR VALUES FROM (''2027-01-01'') TO (''2028-01-01'')');
SELECT pg_temp.lint('ALTER TABLE parts DETACH PARTITION part');
SELECT pg_temp.lint('ALTER TABLE parts DETACH PARTITION part CONCURRENTLY');
-- of the default partition, also when one is made
CREATE TABLE rest PARTITION OF parts DEFAULT;
INSERT INTO rest SELECT g FROM generate_series(1, 30000) AS g;
ANALYZE rest;
SELECT pg_temp.lint('ALTER TABLE parts ATTACH PARTITION small FOR VALUES FROM (''2027-01-01'') TO (''2028-01-01'')');
SELECT l FROM pg_temp.lint('CREATE TABLE next PARTITION OF parts FOR VALUES FROM (''2027-01-01'') TO (''2028-01-01'')') AS l WHERE l ~ 'attach';
ALTER TABLE rest ADD CONSTRAINT rest CHECK (at < '2026-01-01');
SELECT l FROM pg_temp.lint('CREATE TABLE next PARTITION OF parts FOR VALUES FROM (''2027-01-01'') TO (''2028-01-01'')') AS l WHERE l ~ 'attach';

DROP TABLE big, small, empty, parent, parts;
DROP DOMAIN used, unused;
\i sql/include/reset.sql
