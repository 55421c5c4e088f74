-- partial: a revision that is neither applied nor not
\i sql/include/start.sql
CREATE TABLE t (a int);
INSERT INTO t VALUES (1), (1);
SELECT migrate_register('p1', 'CREATE TABLE made (i int)', 'DROP TABLE made');
SELECT migrate_register('p2', $$
	INSERT INTO made VALUES (1);
	CREATE INDEX CONCURRENTLY t_a ON t (a);
	INSERT INTO made VALUES (2);
	CREATE UNIQUE INDEX CONCURRENTLY t_unique ON t (a);
	INSERT INTO made VALUES (3);
$$, $$
	DROP INDEX CONCURRENTLY t_unique;
	DELETE FROM made WHERE i = 3;
	DROP INDEX CONCURRENTLY nowhere;
	DELETE FROM made;
	DROP INDEX CONCURRENTLY t_a;
$$, '{p1}');
SELECT migrate_register('p3', 'INSERT INTO made VALUES (4)', '', '{p2}');

-- the first statement fails: nothing was begun
SELECT migrate_register('q1', 'CREATE UNIQUE INDEX CONCURRENTLY t_unique ON t (a); SELECT 1', '');
CALL migrate_deploy('q1');
SELECT count(*) FROM migrate.partial;
SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass;
SELECT migrate_unregister('q1');

-- in the middle
CALL migrate_deploy();
\echo :LAST_ERROR_SQLSTATE
SELECT statement, last_statement, line, revision, operation, kind, state, object, before,
       role = current_user AS role, finished >= started AS times
  FROM migrate.partial ORDER BY statement;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 't'::regclass;
SELECT i FROM made;
-- the questions say so
SELECT revision, applied, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
SELECT revision, applied, partial FROM migrate_history_details();
SELECT step, revision, partial FROM migrate_plan_details();
SELECT step, revision, partial FROM migrate_plan_details('base', 'downgrade');
SELECT revision, partial FROM migrate_heads() JOIN migrate_history_details() USING (revision);
SELECT revision, state, partial FROM migrate.status_details;
SELECT migrate_is_current('p1');
-- nothing else runs
SELECT migrate_upgrade();
SELECT migrate_upgrade('p1');
SELECT migrate_downgrade('base');
SELECT migrate_stamp('p2');
SELECT migrate_stamp('p2', purge => true);
CALL migrate_deploy('p1');
CALL migrate_revert('base');
SELECT migrate_register('p2', '', replace => true);
SELECT migrate_register('p2', '', down_revision => '{p1}', replace => true);
-- that is said at once, not only when it is to be replaced
SELECT migrate_register('p2', '', down_revision => '{p1}');
SELECT migrate_register_script(E'-- revision: p2\n-- down_revision: p1\n');
SELECT migrate_register_script(E'-- revision: p1\n-- message: other\n-- revision: p2\n-- down_revision: p1\n');
SELECT * FROM migrate_register_files('{p2.sql}', ARRAY[E'-- revision: p2\n-- down_revision: p1\n']);
SELECT * FROM migrate_register_files('{p2.sql}', ARRAY[E'-- revision: p2\n-- down_revision: p1\n'], replace => true);
-- on another version table it does
CREATE TABLE other_version (version_num varchar(32) NOT NULL PRIMARY KEY);
SET migrate.version_table = 'public.other_version';
SELECT migrate_stamp('p1');
SELECT revision, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
RESET migrate.version_table;
-- registering is possible, also in front of it in the order
SELECT migrate_register('z1', 'INSERT INTO made VALUES (0)', '', '{p1}');
SELECT step, revision, partial FROM migrate_plan_details('heads');
CALL migrate_deploy('+2');
DELETE FROM t WHERE ctid = (SELECT max(ctid) FROM t);
CALL migrate_deploy('heads');
SELECT i FROM made;
SELECT revision FROM migrate_current();
SELECT count(*) FROM migrate.partial;
SELECT revision, state, sqlstate FROM migrate.log ORDER BY started;

-- down: the last one done is a transaction
SET client_min_messages = warning;
CALL migrate_revert('p2');
CALL migrate_revert('p1');
SELECT revision, applied, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
SELECT step, operation, revision, partial FROM migrate_plan_details();
SELECT migrate_is_current('heads'), migrate_is_current('p2');
SELECT migrate_upgrade('p2');
CALL migrate_deploy('p2');
-- not after one of its descendants, in a version table that was changed by hand
UPDATE migrate.version SET version_num = 'p3' WHERE version_num = 'p2';
CALL migrate_revert('p1');
SELECT step, revision, partial FROM migrate_plan_details('p1', 'downgrade');
UPDATE migrate.version SET version_num = 'p2' WHERE version_num = 'p3';
-- a person decides
SELECT migrate_resolve('p2', 'skip');
CALL migrate_revert('p1');
SELECT i FROM made;
SELECT revision, applied, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
SELECT count(*) FROM migrate.partial;

-- wrong decisions
SELECT migrate_resolve('p2', 'retry');
SELECT migrate_resolve('nosuch', 'retry');
SELECT migrate_resolve('p2', 'destroy');
SELECT migrate_resolve(NULL, 'skip');
SELECT migrate_resolve('p2', NULL);
INSERT INTO t VALUES (1);
CALL migrate_deploy('p2');
SELECT migrate_resolve('p1', 'retry');
SET migrate.version_table = 'public.other_version';
SELECT migrate_resolve('p2', 'retry');
RESET migrate.version_table;
SELECT migrate_resolve('p2', '');
BEGIN READ ONLY;
SELECT migrate_resolve('p2', 'retry');
ROLLBACK;
-- abandon: what was done is the person's
SELECT migrate_resolve('p2', 'abandon');
SELECT revision, applied, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
SELECT count(*) FROM migrate.partial;
DROP INDEX t_a;
DELETE FROM made;

-- an ordinary segment that fails cannot be skipped
SELECT migrate_register('p2', 'VACUUM t; INSERT INTO made VALUES (''x'')', '', '{p1}', replace => true);
CALL migrate_deploy('p2');
SELECT migrate_resolve('p2', 'skip');
SELECT migrate_resolve('p2', 'retry');
CALL migrate_deploy('p2');
SELECT migrate_resolve('p2', 'abandon');

-- outcome unknown, as after a crash: the catalogs tell
SELECT migrate_register('p2', $$
	VACUUM t;
	CREATE INDEX CONCURRENTLY t_b ON t (a);
	VACUUM t;
$$, '', '{p1}', replace => true);
CREATE FUNCTION started(statement int, object text[], before text, done int DEFAULT 0) RETURNS void LANGUAGE sql AS $$
	DELETE FROM migrate.partial;
	INSERT INTO migrate.partial (version_oid, version_table, statement, last_statement, line, revision, operation,
		kind, state, object, before, body_hash, run, role, role_oid, origin)
	SELECT 'migrate.version', 'migrate.version', i, i, i + 1, 'p2', 'upgrade', 'X', CASE WHEN i <= done THEN 'done' ELSE 'started' END,
		object, before, upgrade_hash, gen_random_uuid(), current_user, current_user::regrole, ''
	  FROM migrate.revision, generate_series(1, statement) AS i WHERE revision = 'p2';
$$;
RESET client_min_messages;
-- not there: run
SELECT started(2, '{index,public,t,t_b,"btree (a int4_ops)"}', 'absent', 1);
SELECT revision, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
SELECT migrate_upgrade('p2');
-- nor before one of its ancestors
DELETE FROM migrate.version;
CALL migrate_deploy('p2');
SELECT step, revision, partial FROM migrate_plan_details('p2');
INSERT INTO migrate.version VALUES ('p1');
CALL migrate_deploy('p2');
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 't'::regclass;
-- there: not run again
SELECT migrate_stamp('p1', purge => true);
SELECT started(2, '{index,public,t,t_b,"btree (a int4_ops)"}', 'absent', 1);
CALL migrate_deploy('p2');
-- INVALID: dropped, and run
SELECT migrate_stamp('p1', purge => true);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_b'::regclass;
SELECT started(2, '{index,public,t,t_b,"btree (a int4_ops)"}', 'absent', 1);
CALL migrate_deploy('p2');
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 't'::regclass;
-- not inside DO, which cannot drop it
SELECT migrate_stamp('p1', purge => true);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_b'::regclass;
SELECT started(2, '{index,public,t,t_b,"btree (a int4_ops)"}', 'absent', 1);
DO 'BEGIN CALL migrate_deploy(''p2''); END';
CALL migrate_deploy('p2');
-- it was there before: the server decides
SELECT migrate_stamp('p1', purge => true);
SELECT started(2, '{index,public,t,t_b,"btree (a int4_ops)"}', 'present', 1);
CALL migrate_deploy('p2');
SELECT migrate_resolve('p2', 'skip');
CALL migrate_deploy('p2');
-- the last statement: only the version row is left
SELECT migrate_stamp('p1', purge => true);
SELECT started(3, NULL, NULL, 3);
CALL migrate_deploy('p2');
SELECT revision FROM migrate_current();
-- cannot be found out: which of two indexes it made
SELECT migrate_stamp('p1', purge => true);
SELECT migrate_register('p2', E'VACUUM t;\nCREATE INDEX CONCURRENTLY ON t (a);', '', '{p1}', replace => true);
DROP INDEX t_b;
CREATE INDEX one ON t (a);
CREATE INDEX two ON t (a);
SELECT started(2, '{index on,public,t,"btree (a int4_ops)"}', 'absent', 1);
CALL migrate_deploy('p2');
\echo :LAST_ERROR_SQLSTATE
SELECT next_command FROM migrate.status_details WHERE revision = 'p2';
SELECT sqlstate, error FROM migrate.log ORDER BY started DESC LIMIT 1;
SELECT migrate_resolve('p2', 'retry');
SELECT revision, partial FROM migrate_current() JOIN migrate_history_details() USING (revision);
DROP INDEX one, two;
CALL migrate_deploy('p2');
-- a body that is another one
SELECT migrate_stamp('p1', purge => true);
SELECT started(2, NULL, NULL, 1);
UPDATE migrate.partial SET body_hash = 'x';
CALL migrate_deploy('p2');
SELECT migrate_resolve('p2', 'abandon');

-- the statements to be pasted have the id as a literal
SELECT migrate_register($$p'||f()||'$$, 'VACUUM t; SELECT 1; VACUUM t', '', '{p1}');
SELECT started(2, NULL, NULL, 1);
UPDATE migrate.partial SET revision = $$p'||f()||'$$;
SELECT migrate_register($$p'||f()||'$$, '', replace => true);
CALL migrate_deploy($$p'||f()||'$$);
UPDATE migrate.partial SET body_hash = upgrade_hash FROM migrate.revision AS r WHERE r.revision = partial.revision;
CALL migrate_deploy($$p'||f()||'$$);
SELECT migrate_resolve($$p'||f()||'$$, 'abandon');
SELECT migrate_unregister($$p'||f()||'$$);

-- on another version table than the one in use: the hint names it first
SELECT migrate_register('pe', 'VACUUM t; SELECT 1', '', '{p1}');
SELECT started(2, NULL, NULL, 1);
CREATE TABLE "it's" (version_num varchar(32) NOT NULL PRIMARY KEY);
UPDATE migrate.partial SET revision = 'pe', version_oid = '"it''s"'::regclass, version_table = 'public."it''s"';
SELECT migrate_register('pe', '', '', '{p1}');
SELECT migrate_unregister('pe');
SET migrate.version_table = 'public."it''s"';
SELECT migrate_register('pe', '', '', '{p1}');
RESET migrate.version_table;
SELECT migrate_register_script(E'-- revision: p1\n-- message: other\n-- revision: pe\n-- down_revision: p1\n');
DELETE FROM migrate.partial;
SELECT migrate_unregister('pe');
DROP TABLE "it's";

-- a downgrade is resumed although the order is another one now: what was
-- taken down before it is no row any more
CREATE TABLE go ();
CREATE INDEX z_i ON go ((1));
SELECT migrate_register('m1', '', ''), migrate_register('e', '', '', '{m1}'), migrate_register('f', '', '', '{e}'),
       migrate_register('g', '', '', '{m1}'), migrate_register('h', '', '', '{m1}'),
       migrate_register('z', '', 'DROP INDEX CONCURRENTLY z_i; SELECT 1 / count(*) FROM go', '{e}');
SELECT migrate_stamp('heads');
SELECT string_agg(revision, ' ' ORDER BY step) FROM migrate_plan('base', 'downgrade');
CALL migrate_revert('base');
SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM migrate.version;
SELECT string_agg(revision, ' ' ORDER BY step) FROM migrate_plan('base', 'downgrade');
SELECT migrate_resolve('z', 'abandon');
SELECT string_agg(revision, ' ' ORDER BY step) FROM migrate_plan('base', 'downgrade');
CREATE INDEX z_i ON go ((1));
CALL migrate_revert('e');
CALL migrate_revert('z-1');
INSERT INTO go DEFAULT VALUES;
CALL migrate_revert('base');
SELECT * FROM migrate.version;
DROP TABLE go;

-- the statement that resumes a downgrade takes down what it was about and no
-- more: after a merge, and before a base beside which there are others
CREATE INDEX m_i ON t ((1));
CREATE INDEX b_i ON t ((2));
SELECT migrate_register('mm', '', 'DROP INDEX CONCURRENTLY m_i; SELECT 1 / (SELECT count(*) FROM t WHERE a = 9)', '{g,h}'),
       migrate_register('bb', '', 'DROP INDEX CONCURRENTLY b_i; SELECT 1 / (SELECT count(*) FROM t WHERE a = 9)');
SELECT migrate_stamp('{mm,bb}'::text[]);
CALL migrate_revert('mm@g');
SELECT next_command FROM migrate.status_details WHERE revision = 'mm';
INSERT INTO t VALUES (9);
CALL migrate_revert('mm@g');
SELECT migrate_stamp('{g,h,bb}'::text[], purge => true);
DELETE FROM t WHERE a = 9;
CALL migrate_revert('bb@base');
SELECT next_command FROM migrate.status_details WHERE revision = 'bb';
SELECT migrate_upgrade('e');
INSERT INTO t VALUES (9);
CALL migrate_revert('bb@base');
SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM migrate.version;
-- a target that is relative to the rows means something else when steps are done
SELECT migrate_stamp('z', purge => true);
CALL migrate_revert('-2');
SELECT migrate_register('r1', '', '', '{m1}'), migrate_register('r2', 'SELECT 1/0', '', '{r1}');
SELECT migrate_stamp('m1', purge => true);
CALL migrate_deploy('r2@+2');
SELECT migrate_register('s1', '', 'SELECT 1/0'), migrate_register('s2', '', '', '{s1}');
SELECT migrate_stamp('s2', purge => true);
CALL migrate_revert('-2');
SELECT migrate_stamp('base', purge => true);

-- finish: the rest is taken as done, with the rows of the version table
SELECT migrate_register('f1', 'VACUUM t; SELECT 1; SELECT 1/0', '', '{m1}'),
       migrate_register('f2', '', 'VACUUM t; SELECT 1/0', '{f1,s2}');
SELECT migrate_stamp('{m1,s2}'::text[]);
CALL migrate_deploy('f1');
SELECT migrate_resolve('f1', 'finish');
SELECT version_num FROM migrate.version ORDER BY 1;
SELECT count(*) FROM migrate.partial;
SELECT revision, state, applied_at IS NOT NULL AS applied_at, note FROM migrate.status WHERE revision = 'f1';
SELECT operation, state, detail FROM migrate.log WHERE revision = 'f1' ORDER BY started;
SELECT replace(decisions, 'by ' || current_user, 'by USER') AS decisions, next_command FROM migrate.status_details WHERE revision = 'f1';
CALL migrate_revert('f1@m1');
SELECT decisions FROM migrate.status_details WHERE revision = 'f1';
-- of a downgrade: both parents are rows again
SELECT migrate_stamp('f2');
CALL migrate_revert('f2@f1');
SELECT migrate_resolve('f2', 'finish');
SELECT version_num FROM migrate.version ORDER BY 1;
SELECT revision, state, note FROM migrate.status WHERE revision = 'f2';
-- nothing is finished from other rows than it began with, nor unless approved
SELECT migrate_stamp('m1', purge => true);
CALL migrate_deploy('f1');
DELETE FROM migrate.version;
SELECT migrate_resolve('f1', 'finish');
INSERT INTO migrate.version VALUES ('m1');
SET migrate.require_approval = on;
SELECT migrate_resolve('f1', 'finish');
RESET migrate.require_approval;
SELECT revision, partial FROM migrate_current() JOIN migrate_history_details() USING (revision) ORDER BY 1;
SELECT migrate_resolve('f1', 'abandon');
SELECT migrate_stamp('base', purge => true);
-- the first revision of all is, so that a relative target means nothing; and it is
-- not approved any more
SELECT migrate_register('first', E'VACUUM t;\nSELECT 1 / 0', '');
CALL migrate_deploy('first');
CALL migrate_revert('-1');
SET migrate.require_approval = on;
CALL migrate_deploy('first');
SELECT revision, note FROM migrate_plan('first');
SELECT next_command FROM migrate.status_details WHERE revision = 'first' \gset
\echo :next_command
RESET migrate.require_approval;
SELECT next_command FROM migrate.status_details WHERE revision = 'first';
SELECT migrate_resolve('first', 'abandon');
\i sql/include/reset.sql
SET client_min_messages = warning;
DROP FUNCTION started;
DROP TABLE t, other_version;
