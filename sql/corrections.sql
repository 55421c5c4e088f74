-- corrections: an author's usual day, with files as the team's repository has them
\i sql/include/start.sql
CREATE TEMP TABLE repository (path text PRIMARY KEY, content text);
-- what a deploy job does with the repository: load all of it
CREATE FUNCTION pg_temp.load(replace boolean DEFAULT false, prune boolean DEFAULT false)
RETURNS TABLE (path text, revision text, result text) LANGUAGE sql AS $$
	SELECT r.* FROM (SELECT array_agg(path ORDER BY path) AS paths, array_agg(content ORDER BY path) AS contents FROM repository) AS f,
		   migrate_register_files(f.paths, f.contents, 'auto', replace, prune) AS r
	 WHERE r.result <> 'unchanged'
$$;
CREATE PROCEDURE pg_temp.write(path text, content text) LANGUAGE sql AS $$
	INSERT INTO repository VALUES (path, content) ON CONFLICT (path) DO UPDATE SET content = EXCLUDED.content
$$;
\a
\t on
CALL pg_temp.write('1_account.sql', '-- revision: one
-- message: accounts
-- migrate:up
CREATE TABLE account (id int);
-- migrate:down
DROP TABLE account;
');
CALL pg_temp.write('2_email.sql', '-- revision: two
-- down_revision: one
-- migrate:up
ALTER TABLE account ADD COLUMN email text;
-- migrate:down
ALTER TABLE account DROP COLUMN email;
');
CALL pg_temp.write('3_invoice.sql', '-- revision: three
-- down_revision: two
-- migrate:up
CREATE TABLE invoice (id int);
-- migrate:down
DROP TABLE invoice;
');
SELECT * FROM pg_temp.load();
SELECT migrate_upgrade('two');

-- 1. A file is edited whose revision is pending: the deploy job says that it means it.
CALL pg_temp.write('3_invoice.sql', '-- revision: three
-- down_revision: two
-- migrate:up
CREATE TABLE invoice (id int, total numeric);
-- migrate:down
DROP TABLE invoice;
');
SELECT pg_temp.attempt('SELECT pg_temp.load()');
SELECT * FROM pg_temp.load(replace => true);

-- 2. One is edited that is applied: never, whatever the job says; a new comment is no edit.
UPDATE repository SET content = replace(content, 'email text;', 'email text NOT NULL;') WHERE path = '2_email.sql';
SELECT pg_temp.attempt('SELECT pg_temp.load(replace => true)');
UPDATE repository SET content = replace(content, 'email text NOT NULL;', 'email text; -- may be null') WHERE path = '2_email.sql';
SELECT * FROM pg_temp.load();
-- Where it is the author's own database: down, edit, up.
UPDATE repository SET content = replace(content, 'email text;', 'email text NOT NULL;') WHERE path = '2_email.sql';
SELECT migrate_downgrade('-1');
SELECT * FROM pg_temp.load(replace => true);
SELECT migrate_upgrade('two');

-- 3. A file is deleted: its revision stays until the job prunes, an applied one then, too.
CALL pg_temp.write('4_report.sql', '-- revision: four
-- down_revision: three
');
SELECT * FROM pg_temp.load();
DELETE FROM repository WHERE path = '4_report.sql';
SELECT * FROM pg_temp.load();
SELECT * FROM pg_temp.load(prune => true);
CREATE TEMP TABLE deleted AS SELECT * FROM repository WHERE path = '2_email.sql';
DELETE FROM repository WHERE path = '2_email.sql';
SELECT pg_temp.attempt('SELECT pg_temp.load(prune => true)');
INSERT INTO repository TABLE deleted;

-- 4. A file is renamed: it is known by its id.
UPDATE repository SET path = '3_invoices.sql' WHERE path = '3_invoice.sql';
SELECT * FROM pg_temp.load(prune => true);
-- The id of a pending revision is renamed: another one, and without prune a branch.
UPDATE repository SET content = replace(content, 'revision: three', 'revision: drei') WHERE path = '3_invoices.sql';
BEGIN;
SELECT * FROM pg_temp.load();
SELECT revision FROM migrate_heads();
ROLLBACK;
SELECT * FROM pg_temp.load(prune => true);
SELECT revision FROM migrate_heads();
-- That of an applied one is not.
UPDATE repository SET content = replace(content, 'revision: two', 'revision: zwei');
SELECT pg_temp.attempt('SELECT pg_temp.load(replace => true, prune => true)');
UPDATE repository SET content = replace(content, 'revision: zwei', 'revision: two');

-- 5. Two branches are merged in git, each with a revision behind the same one.
CALL pg_temp.write('4_anna.sql', '-- revision: anna
-- down_revision: drei
-- migrate:up
CREATE TABLE anna (i int);
-- migrate:down
DROP TABLE anna;
');
CALL pg_temp.write('4_ben.sql', '-- revision: ben
-- down_revision: drei
-- migrate:up
CREATE TABLE ben (i int);
-- migrate:down
DROP TABLE ben;
');
SELECT * FROM pg_temp.load();
SELECT pg_temp.attempt('SELECT migrate_upgrade()');
-- Nothing of ben's is applied anywhere: it comes behind anna's.
BEGIN;
UPDATE repository SET content = replace(content, 'down_revision: drei', 'down_revision: anna') WHERE path = '4_ben.sql';
SELECT * FROM pg_temp.load(replace => true);
SELECT migrate_upgrade();
ROLLBACK;
-- Both are applied somewhere: a merge, made in the database, and written to a file.
SELECT migrate_upgrade('heads');
SELECT migrate_merge('{heads}', 'both', 'merge anna and ben');
SELECT migrate_upgrade();
SELECT pg_temp.attempt('SELECT pg_temp.load(prune => true)');
INSERT INTO repository SELECT path, content FROM migrate_export('both:both') RETURNING path, content;
SELECT * FROM pg_temp.load(prune => true);

-- 6. A hotfix below the head.  Put into the chain it would change what is applied.
CALL pg_temp.write('2_hotfix.sql', '-- revision: hotfix
-- down_revision: two
-- migrate:up
CREATE INDEX account_email ON account (email);
-- migrate:down
DROP INDEX account_email;
');
BEGIN;
UPDATE repository SET content = replace(content, 'down_revision: two', 'down_revision: hotfix') WHERE path = '3_invoices.sql';
SELECT pg_temp.attempt('SELECT pg_temp.load(replace => true)');
ROLLBACK;
-- As a branch it runs on a database that is ahead, and on one that is not; a merge joins it.
SELECT * FROM pg_temp.load();
SELECT migrate_upgrade('hotfix');
CALL pg_temp.write('5_merge.sql', '-- revision: joined
-- down_revision: both, hotfix
');
SELECT * FROM pg_temp.load();
SELECT migrate_upgrade();
SELECT version_num FROM migrate.version;

-- 7. A revision fails; it is corrected and sent again.
CALL pg_temp.write('6_fill.sql', '-- revision: fill
-- down_revision: joined
-- migrate:up
INSERT INTO account (id) VALUES (1);
-- migrate:down
DELETE FROM account;
');
SELECT * FROM pg_temp.load();
CALL migrate_deploy();
UPDATE repository SET content = replace(content, '(id) VALUES (1)', $$VALUES (1, 'a@b')$$) WHERE path = '6_fill.sql';
SELECT * FROM pg_temp.load(replace => true);
CALL migrate_deploy();
SELECT revision, operation, state, sqlstate FROM migrate.log WHERE revision = 'fill' ORDER BY started;
-- One that has failed after a part of it was committed is not changed under the run.
CALL pg_temp.write('7_index.sql', '-- revision: index
-- down_revision: fill
-- migrate:up
CREATE INDEX CONCURRENTLY invoice_id ON invoice (id);
CREATE UNIQUE INDEX invoice_total ON invoice (id) WHERE sum > 0;
-- migrate:down
DROP INDEX invoice_id, invoice_total;
');
SELECT * FROM pg_temp.load();
CALL migrate_deploy();
UPDATE repository SET content = replace(content, 'id) WHERE sum > 0', 'total)') WHERE path = '7_index.sql';
SELECT pg_temp.attempt('SELECT pg_temp.load(replace => true)');
DROP INDEX invoice_id;
SELECT migrate_resolve('index', 'abandon');
SELECT * FROM pg_temp.load(replace => true);
CALL migrate_deploy();
SELECT version_num FROM migrate.version;

-- In the end the repository is the whole history: a new database gets all of it.
SELECT path FROM migrate_export();
SELECT count(*), count(DISTINCT e.content) FROM migrate_export() AS e;
SELECT migrate_downgrade('base');
\a
\t off
\i sql/include/reset.sql
