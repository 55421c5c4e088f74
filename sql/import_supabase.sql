-- import_supabase: a small project as Supabase has it, and errors of each kind
\i sql/include/start.sql
\a
\t on

\set set '-- file: supabase/migrations/20240101000001_create_account.sql\nCREATE TABLE public.account (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner uuid);\nALTER TABLE public.account ENABLE ROW LEVEL SECURITY;\n-- file: supabase/migrations/20240101000002_policy.sql\nCREATE POLICY own ON public.account USING (owner IS NOT NULL);\n-- file: supabase/migrations/20240101000003_index.sql\nCREATE INDEX CONCURRENTLY account_owner ON public.account (owner);\n-- file: supabase/migrations/20240101000004_.sql\n-- file: supabase/migrations/20240101000005.sql\nSELECT 5;\n-- file: supabase/seed.sql\nINSERT INTO account DEFAULT VALUES;\n-- file: supabase/schemas/01_account.sql\nCREATE TABLE public.account ();\n-- file: supabase/tests/00001_test.sql\nSELECT 1;\n-- file: supabase/functions/hello/index.ts\nno SQL\n'
SELECT * FROM migrate_register_bundle(:'set');
SELECT revision, down_revision, message, upgrade_transactional, downgrade FROM migrate.revision ORDER BY 1;
CALL migrate_deploy();
SELECT * FROM migrate_register_bundle(:'set', 'supabase');
SELECT polname FROM pg_policy WHERE polrelid = 'account'::regclass;
SELECT migrate_stamp('base', purge => true);
DROP TABLE account;
SELECT * FROM migrate_register_bundle(E'-- file: 20240101000006_own.sql\nSELECT version FROM supabase_migrations.schema_migrations;', 'supabase', prune => true);

-- which format it is
SELECT format, pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L)', bundle)) FROM (VALUES
	('supabase', E'-- file: /srv/supabase/migrations/1_a.sql\n'),
	('sqlx', E'-- file: mysupabase/migrations/2_b.sql\n'),
	('several', E'-- file: 20240101000007_c.sql\n'),
	('goose', E'-- file: 20240101000008_d.sql\n-- +goose Up\n'),
	('golang-migrate', E'-- file: 20240101000009_e.up.sql\n')) AS f (format, bundle);

-- errors of each kind
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''supabase'')', E'-- file: migrations/1_a.sql\n\nSELEC 1;\n-- file: migrations/1_b.sql\n-- file: migrations/2_c.sql\n\\set x 1\n-- file: db/3_d.sql\nSELEC 2;\n-- file: migrations/4_e.sql\nSELECT {{x}};\n'));
SELECT pg_temp.attempt(format('SELECT * FROM migrate_register_bundle(%L, ''supabase'')', E'-- file: db/3_d.sql\nSELECT 2;\n'));
\a
\t off
\i sql/include/reset.sql
