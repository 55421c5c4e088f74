-- script_errors: all errors of a script or of files are told at once, and none that
-- only follows from another one
\i sql/include/start.sql
\a
\t on
CREATE FUNCTION pg_temp.script(text) RETURNS text LANGUAGE sql
AS 'SELECT pg_temp.attempt(format(''SELECT migrate_register_script(%L)'', $1))';

-- a line that was to begin a revision: misspelled, behind a statement, behind a comment
SELECT pg_temp.script(E'-- file: 1.sql\n-- revision: a\n-- migrate:up\nSELECT 1;\n-- file: 3.sql\n-- revisoin: q3\n-- down_revision: a\n-- migrate:up\nSELECT 1;\n-- file: 4.sql\n-- revision: q4\n-- down_revision: q3\n-- migrate:up\nSELECT 1;\n');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1; -- revision: b\n-- down_revision: a\n-- migrate:up\nSELECT 1;\n-- revision: c\n-- down_revision: b\n');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1;\n-- the end-- revision: b\n-- down_revision: a\n-- migrate:up\nSELECT 1;\n-- revision: c\n-- down_revision: b\n-- message: merge;-- repeatable: r\n-- migrate:up\nSELECT 1;\n');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1;\n/* repeatable: r1 */\n-- migrate:up\nSELECT 1;\n-- repeatable = r2\n-- migrate:up\nSELECT 1;\n-- repeatable: r3\n-- depends_on: r1, r2\n-- migrate:up\nSELECT 1');
SELECT pg_temp.script(E'-- revision: a\n-- migrate:up\nSELECT 1;\n-- Revision: a\nSELECT 2;\n-- migrate:down\nSELECT 3;');
-- a comment about such a line
SELECT pg_temp.script(E'-- revision: a\n-- message: as "-- revision: b" --revision: x\n-- migrate:up\n-- as (-- revision: b)\nSELECT 1;\n');
SELECT migrate_unregister('a');

\a
\t off
\i sql/include/reset.sql
