/* extension/migrate.sql: what CREATE EXTENSION migrate runs */

-- complain if the script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION migrate" to load this file. \quit

-- CREATE EXTENSION puts the target schema into search_path.  Its owner could
-- have put an operator there that is nearer to our operands than the server's:
-- <> of text[] is one of anyarray.  So nothing is looked up there; all objects
-- are made with their schema.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Tables ---------------------------------------------------------------

-- Made here and not by the control file, so that DROP EXTENSION removes it.
-- After CREATE EXTENSION migrate SCHEMA migrate it is there; the owner of a
-- schema can rename it and put another one in its place.
DO $$
DECLARE
	owner name;
BEGIN
	SELECT pg_catalog.pg_get_userbyid(n.nspowner) INTO owner
	  FROM pg_catalog.pg_extension AS e
	  JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
	 WHERE e.extname = 'migrate'::name AND n.nspname = 'migrate'::name;
	IF NOT FOUND THEN
		IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'migrate'::name) THEN
			RAISE EXCEPTION USING ERRCODE = 'duplicate_schema',
				MESSAGE = 'schema "migrate" already exists',
				DETAIL = 'The tables of the extension belong into a schema of that name.',
				HINT = 'Rename it with ALTER SCHEMA migrate RENAME TO ..., or, if it is yours and may hold them, use CREATE EXTENSION migrate SCHEMA migrate.';
		END IF;
		CREATE SCHEMA migrate;
	ELSIF owner <> current_user::name THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = 'schema "migrate" belongs to another role',
			DETAIL = pg_catalog.format('Its owner is role "%s", the owner of the extension would be role "%s".', owner, current_user),
			HINT = pg_catalog.format('Use ALTER SCHEMA migrate OWNER TO %I, or create the extension in another schema.', current_user);
	END IF;
END$$;
COMMENT ON SCHEMA migrate IS 'tables and views of the extension migrate';

CREATE TABLE migrate.revision (
	revision					text COLLATE pg_catalog."C" NOT NULL,
	down_revision				text[] NOT NULL,
	depends_on					text[] NOT NULL,
	branch_labels				text[] NOT NULL,
	message						text,
	settings					text,
	upgrade						text NOT NULL,
	upgrade_transactional		boolean NOT NULL,
	upgrade_hash				text NOT NULL,
	upgrade_statements			integer NOT NULL,
	upgrade_nontransactional	integer NOT NULL,
	upgrade_transactions		integer NOT NULL,
	downgrade					text,
	downgrade_transactional		boolean,
	downgrade_hash				text,
	downgrade_statements		integer,
	downgrade_nontransactional	integer,
	downgrade_transactions		integer,
	verify						text,
	verify_hash					text,
	is_head						boolean NOT NULL,
	is_real_head				boolean NOT NULL,
	registered_by				name NOT NULL,
	registered_at				timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	registered_by_oid			oid,
	origin						text,
	allow						text,
	external					text,
	downgrade_external			text,
	replaces					text[] NOT NULL DEFAULT '{}',
	CONSTRAINT revision_pkey PRIMARY KEY (revision)
);
COMMENT ON TABLE migrate.revision IS 'registered revisions with their bodies; change it only through migrate_register(), migrate_unregister() and the like';
COMMENT ON COLUMN migrate.revision.down_revision IS 'full ids, in the order given; empty: a base';
COMMENT ON COLUMN migrate.revision.depends_on IS 'full ids or branch labels of revisions that must be applied first';
COMMENT ON COLUMN migrate.revision.branch_labels IS 'names of the branch that begins here';
COMMENT ON COLUMN migrate.revision.message IS 'one line that describes the revision; NULL: none';
COMMENT ON COLUMN migrate.revision.settings IS 'settings made before the body, after those of migrate.transaction_settings: name = value, ...; NULL: none';
COMMENT ON COLUMN migrate.revision.upgrade_transactional IS 'false: each statement is a transaction of its own, run as if the client had sent it';
COMMENT ON COLUMN migrate.revision.upgrade_hash IS 'SHA-256 over the tokens of the body, in hexadecimal; comments and white space do not count';
COMMENT ON COLUMN migrate.revision.upgrade_nontransactional IS 'number of statements that cannot run inside a transaction block';
COMMENT ON COLUMN migrate.revision.upgrade_transactions IS 'number of segments; if 1 and upgrade_nontransactional 0, the body runs in one transaction';
COMMENT ON COLUMN migrate.revision.downgrade IS 'NULL: the revision is irreversible';
COMMENT ON COLUMN migrate.revision.downgrade_transactional IS 'like upgrade_transactional; NULL: no downgrade body';
COMMENT ON COLUMN migrate.revision.downgrade_hash IS 'like upgrade_hash; NULL: no downgrade body';
COMMENT ON COLUMN migrate.revision.downgrade_statements IS 'NULL: no downgrade body';
COMMENT ON COLUMN migrate.revision.downgrade_nontransactional IS 'like upgrade_nontransactional; NULL: no downgrade body';
COMMENT ON COLUMN migrate.revision.downgrade_transactions IS 'like upgrade_transactions; NULL: no downgrade body';
COMMENT ON COLUMN migrate.revision.verify IS 'run after the upgrade, and by migrate_verify(); changes nothing; NULL: none';
COMMENT ON COLUMN migrate.revision.verify_hash IS 'like upgrade_hash; NULL: no verify body';
COMMENT ON COLUMN migrate.revision.is_head IS 'no other revision''s down revision; kept by the extension, so that a run that has nothing to do need not read the graph';
COMMENT ON COLUMN migrate.revision.is_real_head IS 'is_head, and no revision depends on this one';
COMMENT ON COLUMN migrate.revision.registered_by IS 'author; a run is refused if this role has fewer rights than the one that runs it';
COMMENT ON COLUMN migrate.revision.registered_at IS 'when it was registered or last replaced';
COMMENT ON COLUMN migrate.revision.registered_by_oid IS 'that role, also when its name has changed; NULL: known by name only';
COMMENT ON COLUMN migrate.revision.allow IS 'lint rules that it waives, each with a reason: rule, rule (reason), ...; NULL: none. No part of what is hashed';
COMMENT ON COLUMN migrate.revision.external IS 'what has to be done elsewhere, and confirmed, before it is upgraded, instead of an upgrade; NULL: nothing';
COMMENT ON COLUMN migrate.revision.downgrade_external IS 'the same before it is downgraded; NULL: nothing';
COMMENT ON COLUMN migrate.revision.replaces IS 'ids of the line of revisions that it was made of by migrate_squash(), the oldest first; empty: none. No part of what is hashed';
COMMENT ON COLUMN migrate.revision.origin IS 'system identifier of the server and OID of the database; elsewhere, and if NULL, the author is known by its name';

CREATE INDEX revision_is_head_idx ON migrate.revision (revision) WHERE is_head;
COMMENT ON INDEX migrate.revision_is_head_idx IS 'heads, for runs that have nothing to do';
CREATE INDEX revision_is_real_head_idx ON migrate.revision (revision) WHERE is_real_head;
COMMENT ON INDEX migrate.revision_is_real_head_idx IS 'heads that no revision depends on, for the target heads';
CREATE INDEX revision_branch_labels_idx ON migrate.revision USING gin (branch_labels) WHERE branch_labels OPERATOR(pg_catalog.<>) '{}'::text[];
COMMENT ON INDEX migrate.revision_branch_labels_idx IS 'revisions by branch label';

CREATE INDEX revision_replaces_idx ON migrate.revision USING gin (replaces) WHERE replaces OPERATOR(pg_catalog.<>) '{}'::text[];
COMMENT ON INDEX migrate.revision_replaces_idx IS 'revisions by what they replace';

-- The shape of Alembic's own table.
CREATE TABLE migrate.version (
	version_num			varchar(32) NOT NULL,
	CONSTRAINT version_pkc PRIMARY KEY (version_num)
);
COMMENT ON TABLE migrate.version IS 'one row for each current head, in the shape of Alembic''s version table';
COMMENT ON COLUMN migrate.version.version_num IS 'an applied revision that is neither a down revision nor a dependency of an applied one';

-- Without CHECK constraints: they were a third of the cost of a small revision,
-- and only the extension writes here.
CREATE TABLE migrate.log (
	run					uuid NOT NULL,
	step				integer NOT NULL,
	revision			text,
	operation			text NOT NULL,		-- upgrade, downgrade, stamp, adopt, repeat
	via					text NOT NULL,		-- function, procedure, worker
	state				text NOT NULL,		-- succeeded, failed
	attempts			integer NOT NULL,
	started				timestamptz NOT NULL,
	finished			timestamptz NOT NULL,
	version_table		text NOT NULL,
	version_oid			oid,
	role				name NOT NULL,
	application_name	text NOT NULL,
	search_path			text,
	effective_role		name,
	body_hash			text,
	revision_hash		text,
	sqlstate			text,
	error				text,
	detail				text,
	hint				text,
	context				text,
	blocked_by			text,
	wall_ms				double precision NOT NULL,
	cpu_ms				double precision NOT NULL,
	lock_wait_ms		double precision NOT NULL,
	wal_records			bigint NOT NULL,
	wal_bytes			bigint NOT NULL,
	buffers_hit			bigint NOT NULL,
	buffers_read		bigint NOT NULL,
	buffers_dirtied		bigint NOT NULL,
	buffers_written		bigint NOT NULL,
	temp_blocks_read	bigint NOT NULL,
	temp_blocks_written	bigint NOT NULL,
	CONSTRAINT log_pkey PRIMARY KEY (run, step)
);
COMMENT ON TABLE migrate.log IS 'one row for each step of a run: how it ended, and which resources it used';
COMMENT ON COLUMN migrate.log.run IS 'the same for all steps of a call';
COMMENT ON COLUMN migrate.log.step IS 'position in the run, from 1';
COMMENT ON COLUMN migrate.log.revision IS 'or name of a repeatable; NULL: a stamp that left no row, or that of migrate_adopt(), which has a row for each revision beside it';
COMMENT ON COLUMN migrate.log.operation IS 'upgrade, downgrade, stamp, adopt: another tool has applied it, or repeat: a repeatable was run';
COMMENT ON COLUMN migrate.log.via IS 'how the run was started: function, procedure or worker';
COMMENT ON COLUMN migrate.log.state IS 'succeeded or failed; retried, skipped, finished or abandoned: a decision made with migrate_resolve(); squashed: it has replaced applied revisions';
COMMENT ON COLUMN migrate.log.attempts IS 'of all segments together; 1: the first one succeeded; 0: the run ended before one, or it is a decision, or another tool has applied it';
COMMENT ON COLUMN migrate.log.started IS 'begin of the first attempt';
COMMENT ON COLUMN migrate.log.finished IS 'when the last attempt wrote the version row, or failed; when the other tool has applied it, if it is known';
COMMENT ON COLUMN migrate.log.version_table IS 'schema.table, quoted where needed, as it was named then';
COMMENT ON COLUMN migrate.log.version_oid IS 'OID of that table, also when its name has changed; in another database it means nothing, and the name counts; NULL: migrate.version';
COMMENT ON COLUMN migrate.log.role IS 'role whose rights the body had';
COMMENT ON COLUMN migrate.log.search_path IS 'of the last statement of the body that was begun; NULL: none was';
COMMENT ON COLUMN migrate.log.effective_role IS 'role that was set when that statement began, by SET ROLE of the body for example; NULL: none was begun';
COMMENT ON COLUMN migrate.log.body_hash IS 'as in migrate.revision when the body ran; NULL: a stamp';
COMMENT ON COLUMN migrate.log.revision_hash IS 'hash of the revision when it ran, as in migrate_show(); NULL: a stamp';
COMMENT ON COLUMN migrate.log.sqlstate IS 'of the error that ended the step; NULL: it succeeded';
COMMENT ON COLUMN migrate.log.error IS 'message of that error; NULL: it succeeded';
COMMENT ON COLUMN migrate.log.detail IS 'of that error, what was decided, which tool has applied it, or which role has confirmed an external step, when, with which note; NULL: none';
COMMENT ON COLUMN migrate.log.hint IS 'of that error; NULL: none';
COMMENT ON COLUMN migrate.log.context IS 'of that error: statement, line, attempt; NULL: none';
COMMENT ON COLUMN migrate.log.blocked_by IS 'transactions that an attempt has waited for in vain, as far as the runner may see them; NULL: none known';
COMMENT ON COLUMN migrate.log.wall_ms IS 'milliseconds from the first attempt to the end, waits between attempts included';
COMMENT ON COLUMN migrate.log.cpu_ms IS 'milliseconds of the backend, user and system';
COMMENT ON COLUMN migrate.log.lock_wait_ms IS 'milliseconds of waiting for locks, in the queue, sampled every 10 ms, and outside of it';
COMMENT ON COLUMN migrate.log.wal_records IS 'of all attempts';
COMMENT ON COLUMN migrate.log.wal_bytes IS 'of all attempts';
COMMENT ON COLUMN migrate.log.buffers_hit IS 'blocks of tables and indexes, temporary tables included; so are the other buffers_ columns';
COMMENT ON COLUMN migrate.log.temp_blocks_read IS 'blocks of temporary files; so is temp_blocks_written';

CREATE INDEX log_version_table_idx ON migrate.log (version_table, version_oid);
COMMENT ON INDEX migrate.log_version_table_idx IS 'version tables that runs have used, for what replaces or removes a revision';
CREATE INDEX log_revision_idx ON migrate.log (revision, finished);
COMMENT ON INDEX migrate.log_revision_idx IS 'the last runs of a revision, for the status, approvals and windows';

-- At most one revision of a version table is partial at a time.
CREATE TABLE migrate.partial (
	version_oid			regclass NOT NULL,
	version_table		text NOT NULL,
	statement			integer NOT NULL,
	last_statement		integer NOT NULL,
	line				integer NOT NULL,
	revision			text NOT NULL,
	operation			text NOT NULL,		-- upgrade, downgrade
	kind				text,
	state				text NOT NULL,		-- started, done
	object				text[],
	before				text,
	settings			text[],
	session_id			text,
	session_objects		text[],
	path_schemas		oid[],
	body_hash			text NOT NULL,
	run					uuid NOT NULL,
	role				name NOT NULL,
	role_oid			oid NOT NULL,
	origin				text NOT NULL,
	started				timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	finished			timestamptz,
	CONSTRAINT partial_pkey PRIMARY KEY (version_oid, statement)
);
COMMENT ON TABLE migrate.partial IS 'how far a run has come in a revision that is not one transaction, a row for each segment; empty when no revision is partial';
COMMENT ON COLUMN migrate.partial.version_oid IS 'the version table, also when its name has changed; a dump writes its name';
COMMENT ON COLUMN migrate.partial.version_table IS 'its name when a run last noted it: schema.table, quoted where needed';
COMMENT ON COLUMN migrate.partial.statement IS 'first statement of the segment, from 1';
COMMENT ON COLUMN migrate.partial.last_statement IS 'last statement of the segment';
COMMENT ON COLUMN migrate.partial.line IS 'line of the body on which the segment begins';
COMMENT ON COLUMN migrate.partial.operation IS 'upgrade or downgrade';
COMMENT ON COLUMN migrate.partial.kind IS 'name of the statement, if it cannot run inside a transaction block or may end transactions itself; NULL: ordinary statements';
COMMENT ON COLUMN migrate.partial.state IS 'started: the outcome of the statement is unknown; done';
COMMENT ON COLUMN migrate.partial.object IS 'what to look for in the catalogs: the kind of object, the parts of its name, its definition; NULL: nothing';
COMMENT ON COLUMN migrate.partial.before IS 'the object before the statement: present, absent, invalid or other; NULL: nothing to look for';
COMMENT ON COLUMN migrate.partial.settings IS 'what the body has set and what decides the meaning of its statements, after the segment or, while a statement is started, before it, each as name=value; NULL: nothing';
COMMENT ON COLUMN migrate.partial.session_id IS 'session that ran it, as %c of log_line_prefix writes it; NULL: unknown';
COMMENT ON COLUMN migrate.partial.session_objects IS 'what the body has left in that session, and no other session has: temporary tables, prepared statements and their like; NULL: nothing';
COMMENT ON COLUMN migrate.partial.path_schemas IS 'schemas that the names of search_path in settings stand for, as OIDs in the database of origin, 0: none; NULL: unknown';
COMMENT ON COLUMN migrate.partial.body_hash IS 'of the body that is run, as in migrate.revision';
COMMENT ON COLUMN migrate.partial.run IS 'of the run that wrote the row, as in migrate.log';
COMMENT ON COLUMN migrate.partial.role IS 'role whose rights the statements had';
COMMENT ON COLUMN migrate.partial.role_oid IS 'that role, also when its name has changed';
COMMENT ON COLUMN migrate.partial.origin IS 'system identifier of the server and OID of the database; elsewhere the role and the schemas are known by their names';
COMMENT ON COLUMN migrate.partial.started IS 'begin of the statement; of a segment of ordinary statements, its end';
COMMENT ON COLUMN migrate.partial.finished IS 'NULL: not done';

-- Rewritten after every batch.
CREATE TABLE migrate.batch (
	batch				uuid NOT NULL,
	name				text COLLATE pg_catalog."C",
	version_oid			regclass,
	version_table		text,
	revision			text,
	operation			text,				-- upgrade, downgrade
	statement			integer,
	relation			text NOT NULL,
	relation_oid		oid NOT NULL,
	key					text[] NOT NULL,
	key_order			text[] NOT NULL,
	query				text NOT NULL,
	search_path			text,
	last_key			text[],
	end_key				text[],
	batch_size			integer NOT NULL,
	rows				bigint NOT NULL,
	keys				bigint NOT NULL,
	batches				bigint NOT NULL,
	total				bigint,
	seconds				double precision NOT NULL,
	role				name NOT NULL,
	role_oid			oid NOT NULL,
	origin				text NOT NULL,
	pid					integer,
	started				timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	updated				timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	finished			timestamptz,
	CONSTRAINT batch_pkey PRIMARY KEY (batch),
	CONSTRAINT batch_name_key UNIQUE (name),
	CONSTRAINT batch_statement_key UNIQUE (version_oid, revision, operation, statement)
) WITH (fillfactor = 50);
COMMENT ON TABLE migrate.batch IS 'how far migrate_batch() has come, a row for each statement that runs in batches; read it by the view migrate.batches';
COMMENT ON COLUMN migrate.batch.name IS 'as given; NULL: a statement of a body';
COMMENT ON COLUMN migrate.batch.version_oid IS 'the version table of the run; NULL: it has a name';
COMMENT ON COLUMN migrate.batch.version_table IS 'its name when a run last noted it: schema.table, quoted where needed; NULL as version_oid';
COMMENT ON COLUMN migrate.batch.revision IS 'whose body the statement is in; NULL as version_oid';
COMMENT ON COLUMN migrate.batch.operation IS 'upgrade or downgrade; NULL as version_oid';
COMMENT ON COLUMN migrate.batch.statement IS 'position of the statement in the body, from 1; NULL as version_oid';
COMMENT ON COLUMN migrate.batch.relation IS 'the table that is run through, by its name when a batch last noted it: schema.table, quoted where needed';
COMMENT ON COLUMN migrate.batch.relation_oid IS 'that table, also when its name has changed';
COMMENT ON COLUMN migrate.batch.key IS 'columns of the key';
COMMENT ON COLUMN migrate.batch.key_order IS 'of each of them the type, the collation, and the number of the column, by which keys were sorted when it began; bigint for all integers, text for varchar';
COMMENT ON COLUMN migrate.batch.query IS 'the statement; it is compared with the one that is given, and never run from here';
COMMENT ON COLUMN migrate.batch.search_path IS 'of the session that has begun it, which decides what its names mean; NULL: a statement of a body';
COMMENT ON COLUMN migrate.batch.last_key IS 'last key of the last batch; NULL: none was done';
COMMENT ON COLUMN migrate.batch.end_key IS 'highest key when it began, where it ends; NULL: the table was empty';
COMMENT ON COLUMN migrate.batch.batch_size IS 'keys of the next batch';
COMMENT ON COLUMN migrate.batch.rows IS 'rows that the statement was about, as its command tag says';
COMMENT ON COLUMN migrate.batch.keys IS 'keys of the batches that are done';
COMMENT ON COLUMN migrate.batch.batches IS 'batches that are done';
COMMENT ON COLUMN migrate.batch.total IS 'estimate of the keys when it began; NULL: unknown';
COMMENT ON COLUMN migrate.batch.seconds IS 'time of the batches, and of the pauses between them';
COMMENT ON COLUMN migrate.batch.role IS 'role that has begun it, which alone can resume it';
COMMENT ON COLUMN migrate.batch.role_oid IS 'that role, also when its name has changed';
COMMENT ON COLUMN migrate.batch.origin IS 'system identifier of the server and OID of the database; elsewhere role and table are known by their names';
COMMENT ON COLUMN migrate.batch.pid IS 'process id of the last batch; NULL: none was done';
COMMENT ON COLUMN migrate.batch.updated IS 'end of the last batch';
COMMENT ON COLUMN migrate.batch.finished IS 'NULL: not at its end';
COMMENT ON INDEX migrate.batch_name_key IS 'batches by name';
COMMENT ON INDEX migrate.batch_statement_key IS 'batches of a body';

CREATE TABLE migrate.approval (
	revision			text COLLATE pg_catalog."C" NOT NULL,
	hash				text NOT NULL,
	approved_by			name NOT NULL,
	approved_by_oid		oid NOT NULL,
	origin				text NOT NULL,
	approved_at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	note				text,
	CONSTRAINT approval_pkey PRIMARY KEY (revision)
);
COMMENT ON TABLE migrate.approval IS 'approved revisions; change it only through migrate_approve()';
COMMENT ON COLUMN migrate.approval.hash IS 'hash of the revision that was approved, as in migrate_show(); the approval is void for others';
COMMENT ON COLUMN migrate.approval.approved_by_oid IS 'that role, also when its name has changed';
COMMENT ON COLUMN migrate.approval.origin IS 'system identifier of the server and OID of the database; elsewhere the role is known by its name';
COMMENT ON COLUMN migrate.approval.note IS 'NULL: none';

CREATE TABLE migrate.confirmation (
	version_oid			regclass NOT NULL,
	version_table		text NOT NULL,
	revision			text COLLATE pg_catalog."C" NOT NULL,
	operation			text NOT NULL,		-- upgrade, downgrade
	hash				text NOT NULL,
	confirmed_by		name NOT NULL,
	confirmed_by_oid	oid NOT NULL,
	origin				text NOT NULL,
	confirmed_at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	note				text,
	CONSTRAINT confirmation_pkey PRIMARY KEY (version_oid, revision, operation)
);
COMMENT ON TABLE migrate.confirmation IS 'external steps that are done, until a run has passed them; change it only through migrate_confirm()';
COMMENT ON COLUMN migrate.confirmation.version_oid IS 'the version table, also when its name has changed; a dump writes its name';
COMMENT ON COLUMN migrate.confirmation.version_table IS 'its name then: schema.table, quoted where needed';
COMMENT ON COLUMN migrate.confirmation.operation IS 'upgrade or downgrade: what the step comes before';
COMMENT ON COLUMN migrate.confirmation.hash IS 'hash of the revision, as in migrate_show(); the confirmation is void for others';
COMMENT ON COLUMN migrate.confirmation.confirmed_by_oid IS 'that role, also when its name has changed';
COMMENT ON COLUMN migrate.confirmation.origin IS 'system identifier of the server and OID of the database; elsewhere the role is known by its name';
COMMENT ON COLUMN migrate.confirmation.note IS 'NULL: none';

-- Only for what migrate_adopt() compares: nothing that is run depends on it.
CREATE TABLE migrate.source (
	revision			text COLLATE pg_catalog."C" NOT NULL,
	format				text NOT NULL,
	version				text NOT NULL,
	checksums			text[] NOT NULL,
	CONSTRAINT source_pkey PRIMARY KEY (revision)
);
COMMENT ON TABLE migrate.source IS 'what revisions were in the tool whose files they were registered from, for migrate_adopt()';
COMMENT ON COLUMN migrate.source.format IS 'of the file, as in migrate_register_files()';
COMMENT ON COLUMN migrate.source.version IS 'what the tool knows it by';
COMMENT ON COLUMN migrate.source.checksums IS 'what the tool may have computed of the file, with and without a line end at its end; empty: it keeps none, or it is not known how it is computed';

-- The function is no regprocedure: pg_upgrade refuses a column of that type.
CREATE TABLE migrate.hook (
	hook				uuid NOT NULL,
	event				text NOT NULL,		-- before_run, after_run, before_step, after_step, on_error
	function_schema		name NOT NULL,
	function_name		name NOT NULL,
	function_oid		oid NOT NULL,
	registered_by		name NOT NULL,
	registered_by_oid	oid NOT NULL,
	origin				text NOT NULL,
	registered_at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	CONSTRAINT hook_pkey PRIMARY KEY (hook)
);
COMMENT ON TABLE migrate.hook IS 'functions that runs call; change it only through migrate_hook() and migrate_unhook(), read it by the view migrate.hooks';
COMMENT ON COLUMN migrate.hook.event IS 'before_run, after_run, before_step, after_step or on_error';
COMMENT ON COLUMN migrate.hook.function_schema IS 'schema of the function when it was registered';
COMMENT ON COLUMN migrate.hook.function_name IS 'name of the function then; its argument is a jsonb';
COMMENT ON COLUMN migrate.hook.function_oid IS 'that function, also when its name has changed';
COMMENT ON COLUMN migrate.hook.registered_by IS 'a run is refused if this role, or the one that owns the function, has fewer rights than the one that runs';
COMMENT ON COLUMN migrate.hook.registered_by_oid IS 'that role, also when its name has changed';
COMMENT ON COLUMN migrate.hook.origin IS 'system identifier of the server and OID of the database; elsewhere function and role are known by their names';
COMMENT ON COLUMN migrate.hook.registered_at IS 'hooks of an event are called in this order';

CREATE TABLE migrate.repeatable (
	name				text COLLATE pg_catalog."C" NOT NULL,
	depends_on			text[] NOT NULL,
	message				text,
	body				text NOT NULL,
	body_hash			text NOT NULL,
	statements			integer NOT NULL,
	allow				text,
	registered_by		name NOT NULL,
	registered_at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	registered_by_oid	oid NOT NULL,
	origin				text NOT NULL,
	CONSTRAINT repeatable_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE migrate.repeatable IS 'bodies that an upgrade to a head runs at its end when they have changed; change it only through migrate_register_script(), migrate_register_files(), migrate_unregister() and the like';
COMMENT ON COLUMN migrate.repeatable.depends_on IS 'names of others, which run before it; otherwise they run in the order of their names';
COMMENT ON COLUMN migrate.repeatable.message IS 'one line that describes it; NULL: none';
COMMENT ON COLUMN migrate.repeatable.body_hash IS 'SHA-256 over the tokens of the body, in hexadecimal; comments and white space do not count';
COMMENT ON COLUMN migrate.repeatable.statements IS 'number of statements, which are one transaction';
COMMENT ON COLUMN migrate.repeatable.allow IS 'lint rules that it waives, each with a reason; NULL: none';
COMMENT ON COLUMN migrate.repeatable.registered_by IS 'author; a run is refused if this role has fewer rights than the one that runs it';
COMMENT ON COLUMN migrate.repeatable.registered_at IS 'when it was registered or last replaced';
COMMENT ON COLUMN migrate.repeatable.registered_by_oid IS 'that role, also when its name has changed';
COMMENT ON COLUMN migrate.repeatable.origin IS 'system identifier of the server and OID of the database; elsewhere the author is known by its name';

CREATE TABLE migrate.repeated (
	version_oid			regclass NOT NULL,
	version_table		text NOT NULL,
	name				text COLLATE pg_catalog."C" NOT NULL,
	body_hash			text NOT NULL,
	run					uuid NOT NULL,
	finished			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	CONSTRAINT repeated_pkey PRIMARY KEY (version_oid, name)
);
COMMENT ON TABLE migrate.repeated IS 'which body of a repeatable has last run, for each version table; empty for one after a downgrade';
COMMENT ON COLUMN migrate.repeated.version_oid IS 'the version table, also when its name has changed; a dump writes its name';
COMMENT ON COLUMN migrate.repeated.version_table IS 'its name then: schema.table, quoted where needed';
COMMENT ON COLUMN migrate.repeated.body_hash IS 'as in migrate.repeatable when it ran';
COMMENT ON COLUMN migrate.repeated.run IS 'run that has run it, as in migrate.log';

-- An advisory lock says whether a job has a worker, not its state, which a
-- worker that was killed cannot correct.
CREATE TABLE migrate.job (
	job					bigint GENERATED ALWAYS AS IDENTITY,
	command				text NOT NULL,		-- upgrade, downgrade
	target				text NOT NULL,
	version_table		text NOT NULL,
	state				text NOT NULL DEFAULT 'queued',	-- queued, running, succeeded, failed, cancelled
	owner				name NOT NULL,
	owner_oid			oid NOT NULL,
	login				name NOT NULL,
	login_oid			oid NOT NULL,
	settings			text[] NOT NULL,
	origin				text NOT NULL,
	submitted			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	run_at				timestamptz NOT NULL,
	deadline			timestamptz,
	schedule			text,
	window_end			timestamptz,
	attempts			integer NOT NULL DEFAULT 0,
	crashes				integer NOT NULL DEFAULT 0,
	renewals			integer NOT NULL DEFAULT 0,
	started				timestamptz,
	finished			timestamptz,
	pid					integer,
	revision			text,
	step				integer,
	steps				integer,
	note				text,
	sqlstate			text,
	error				text,
	detail				text,
	hint				text,
	context				text,
	CONSTRAINT job_pkey PRIMARY KEY (job)
) WITH (fillfactor = 50);
COMMENT ON TABLE migrate.job IS 'jobs of the workers; read it by the views migrate.jobs and migrate.jobs_details';
COMMENT ON COLUMN migrate.job.command IS 'upgrade or downgrade';
COMMENT ON COLUMN migrate.job.target IS 'a relative target as the revision that it led to when the job was submitted';
COMMENT ON COLUMN migrate.job.version_table IS 'schema.table, quoted where needed';
COMMENT ON COLUMN migrate.job.state IS 'queued, running, succeeded, failed or cancelled; running does not say that the worker lives, its advisory lock does';
COMMENT ON COLUMN migrate.job.owner IS 'role that the job runs as';
COMMENT ON COLUMN migrate.job.owner_oid IS 'role that the job runs as, also when its name has changed';
COMMENT ON COLUMN migrate.job.login IS 'role that the worker connects as; another one than the owner after SET ROLE';
COMMENT ON COLUMN migrate.job.login_oid IS 'role that the worker connects as, also when its name has changed';
COMMENT ON COLUMN migrate.job.settings IS 'name=value; made when the worker begins the job';
COMMENT ON COLUMN migrate.job.origin IS 'system identifier of the server and OID of the database; a job that a dump has brought elsewhere is not run';
COMMENT ON COLUMN migrate.job.run_at IS 'the job does not begin before';
COMMENT ON COLUMN migrate.job.deadline IS 'no revision of it begins after; NULL: no limit';
COMMENT ON COLUMN migrate.job.schedule IS 'name of the schedule that submitted it; NULL: none did';
COMMENT ON COLUMN migrate.job.window_end IS 'no revision of it begins that would not have ended by then; NULL: no window';
COMMENT ON COLUMN migrate.job.attempts IS 'how often a worker has claimed it';
COMMENT ON COLUMN migrate.job.crashes IS 'how often its worker exited unexpectedly since it last began another revision';
COMMENT ON COLUMN migrate.job.renewals IS 'how often in a row another worker continued it because the catalog cache of the one before was out of date, and nothing was committed meanwhile';
COMMENT ON COLUMN migrate.job.started IS 'when a worker last claimed it; NULL: none has';
COMMENT ON COLUMN migrate.job.finished IS 'NULL: it has not ended';
COMMENT ON COLUMN migrate.job.pid IS 'process id of the worker that last claimed it; NULL: none has';
COMMENT ON COLUMN migrate.job.revision IS 'the current revision, or the last one that has begun; NULL: none has';
COMMENT ON COLUMN migrate.job.step IS 'position of that revision in the run, from 1; NULL: none has begun';
COMMENT ON COLUMN migrate.job.steps IS 'number of revisions of the run; NULL: none has begun';
COMMENT ON COLUMN migrate.job.note IS 'why it ended before its target though nothing failed; NULL: it did not';
COMMENT ON COLUMN migrate.job.sqlstate IS 'of the error that ended it; NULL: none did';
COMMENT ON COLUMN migrate.job.error IS 'message of that error; NULL: none';
COMMENT ON COLUMN migrate.job.detail IS 'of that error; NULL: none';
COMMENT ON COLUMN migrate.job.hint IS 'of that error; NULL: none';
COMMENT ON COLUMN migrate.job.context IS 'of that error; NULL: none';

CREATE INDEX job_run_at_idx ON migrate.job (run_at) WHERE finished IS NULL;
COMMENT ON INDEX migrate.job_run_at_idx IS 'jobs that have not ended, in the order of their turn';
COMMENT ON SEQUENCE migrate.job_job_seq IS 'numbers of jobs';

CREATE TABLE migrate.schedule (
	name				text NOT NULL,
	target				text NOT NULL,
	version_table		text NOT NULL,
	every				interval,
	cron				text,
	window_start		timetz,
	window_end			timetz,
	time_zone			text,
	first_run			timestamptz NOT NULL,
	next_run			timestamptz NOT NULL,
	owner				name NOT NULL,
	owner_oid			oid NOT NULL,
	login				name NOT NULL,
	login_oid			oid NOT NULL,
	settings			text[] NOT NULL,
	origin				text NOT NULL,
	last_run			timestamptz,
	last_job			bigint,
	failures			integer NOT NULL DEFAULT 0,
	note				text,
	CONSTRAINT schedule_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE migrate.schedule IS 'schedules; read it by the views migrate.schedules and migrate.schedules_details';
COMMENT ON COLUMN migrate.schedule.target IS 'of each job; not a relative one';
COMMENT ON COLUMN migrate.schedule.version_table IS 'schema.table, quoted where needed';
COMMENT ON COLUMN migrate.schedule.every IS 'time between two run times; NULL: they follow a cron expression';
COMMENT ON COLUMN migrate.schedule.cron IS 'minute, hour, day of month, month, day of week of run times, as in crontab(5); NULL: they follow an interval';
COMMENT ON COLUMN migrate.schedule.window_start IS 'time of day when the maintenance window opens; NULL: it is always open';
COMMENT ON COLUMN migrate.schedule.window_end IS 'time of day when it closes, perhaps on the next day; NULL: never';
COMMENT ON COLUMN migrate.schedule.time_zone IS 'name of the time zone of run times and window, whose offset then does not count; NULL: run times are of UTC, the window has its offset';
COMMENT ON COLUMN migrate.schedule.first_run IS 'run time from which the others are counted; the first one of a cron expression';
COMMENT ON COLUMN migrate.schedule.next_run IS 'the next job is submitted then, or as soon as the window opens after that';
COMMENT ON COLUMN migrate.schedule.owner IS 'role that the jobs run as';
COMMENT ON COLUMN migrate.schedule.owner_oid IS 'role that the jobs run as, also when its name has changed';
COMMENT ON COLUMN migrate.schedule.login IS 'role that the workers connect as; another one than the owner after SET ROLE';
COMMENT ON COLUMN migrate.schedule.login_oid IS 'role that the workers connect as, also when its name has changed';
COMMENT ON COLUMN migrate.schedule.settings IS 'name=value; made when the worker begins a job';
COMMENT ON COLUMN migrate.schedule.origin IS 'system identifier of the server and OID of the database; a schedule that a dump has brought elsewhere submits nothing';
COMMENT ON COLUMN migrate.schedule.last_run IS 'when it last submitted a job; NULL: it has not';
COMMENT ON COLUMN migrate.schedule.last_job IS 'number of that job, which is not in migrate.job if there was nothing to do; NULL: none';
COMMENT ON COLUMN migrate.schedule.failures IS 'how many of its jobs have failed, or could not be submitted, since the last one that did not';
COMMENT ON COLUMN migrate.schedule.note IS 'why that job failed, ended before its target, or could not be submitted; NULL: it reached its target';

-- It describes this server at this moment, so it is not dumped.
CREATE TABLE migrate.lease (
	name				text COLLATE pg_catalog."C" NOT NULL,
	holder				uuid NOT NULL,
	node				text NOT NULL,
	pid					integer NOT NULL,
	taken				timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	expires				timestamptz NOT NULL,
	CONSTRAINT lease_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE migrate.lease IS 'which scheduler is active, on a server that runs one on every node';
COMMENT ON COLUMN migrate.lease.name IS 'scheduler; or doctor, a row that migrate_doctor() writes to time commits';
COMMENT ON COLUMN migrate.lease.holder IS 'made by the scheduler when it starts';
COMMENT ON COLUMN migrate.lease.node IS 'host and port of its server';
COMMENT ON COLUMN migrate.lease.pid IS 'process id on that server';
COMMENT ON COLUMN migrate.lease.taken IS 'since when the holder has it';
COMMENT ON COLUMN migrate.lease.expires IS 'from then on another scheduler may take it, unless it is renewed';

CREATE TABLE migrate.snapshot (
	object				bytea NOT NULL,
	type				text NOT NULL,
	identity			text NOT NULL,
	definition			text NOT NULL,
	run					uuid,
	noted				timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	CONSTRAINT snapshot_pkey PRIMARY KEY (object)
);
COMMENT ON TABLE migrate.snapshot IS 'the schema as the last run has left it, a row for each object of migrate_schema(true); empty unless migrate.track_schema was on; compare with migrate_drift()';
COMMENT ON COLUMN migrate.snapshot.object IS 'SHA-256 of type and identity';
COMMENT ON COLUMN migrate.snapshot.type IS 'as in migrate_schema()';
COMMENT ON COLUMN migrate.snapshot.identity IS 'as in migrate_schema()';
COMMENT ON COLUMN migrate.snapshot.definition IS 'as in migrate_schema(), with owner and privileges';
COMMENT ON COLUMN migrate.snapshot.run IS 'run that has made it so, as in migrate.log; NULL: it was accepted';
COMMENT ON COLUMN migrate.snapshot.noted IS 'when the definition was written';

SELECT pg_catalog.pg_extension_config_dump('migrate.revision', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.version', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.log', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.partial', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.batch', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.approval', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.confirmation', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.source', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.hook', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.repeatable', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.repeated', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.job', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.job_job_seq', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.schedule', '');
SELECT pg_catalog.pg_extension_config_dump('migrate.snapshot', '');

-- Registry -------------------------------------------------------------

CREATE FUNCTION @extschema@.migrate_register(
	revision text, upgrade text, downgrade text DEFAULT NULL,
	down_revision text[] DEFAULT '{}', depends_on text[] DEFAULT '{}',
	branch_labels text[] DEFAULT '{}', message text DEFAULT NULL,
	replace boolean DEFAULT false, transactional boolean DEFAULT true,
	downgrade_transactional boolean DEFAULT NULL, allow text DEFAULT NULL,
	verify text DEFAULT NULL, external text DEFAULT NULL,
	downgrade_external text DEFAULT NULL)
RETURNS text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_register';
COMMENT ON FUNCTION @extschema@.migrate_register(text, text, text, text[], text[], text[], text, boolean, boolean, boolean, text, text, text, text)
	IS 'registers a revision with its bodies, down revisions, dependencies and branch labels; returns its id';

CREATE FUNCTION @extschema@.migrate_register_script(
	script text, replace boolean DEFAULT false,
	skip_invalid_downgrade boolean DEFAULT false)
RETURNS SETOF text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_register_script';
COMMENT ON FUNCTION @extschema@.migrate_register_script(text, boolean, boolean)
	IS 'registers the revisions of a script in the file format, all or none; returns their ids';

CREATE FUNCTION @extschema@.migrate_register_files(
	paths text[], contents text[], format text DEFAULT 'auto',
	replace boolean DEFAULT false, prune boolean DEFAULT false,
	options jsonb DEFAULT NULL,
	OUT path text, OUT revision text, OUT result text)
RETURNS SETOF record LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_register_files';
COMMENT ON FUNCTION @extschema@.migrate_register_files(text[], text[], text, boolean, boolean, jsonb)
	IS 'registers the revisions of files, also of those of another tool, all or none; returns what was done to each';

CREATE FUNCTION @extschema@.migrate_register_bundle(
	bundle text, format text DEFAULT 'auto',
	replace boolean DEFAULT false, prune boolean DEFAULT false,
	options jsonb DEFAULT NULL,
	OUT path text, OUT revision text, OUT result text)
RETURNS SETOF record LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_register_bundle';
COMMENT ON FUNCTION @extschema@.migrate_register_bundle(text, text, boolean, boolean, jsonb)
	IS 'the same for files that are one text, with a line "-- file: path" before each';

CREATE FUNCTION @extschema@.migrate_register_directory(
	directory text, format text DEFAULT 'auto',
	replace boolean DEFAULT false, prune boolean DEFAULT false,
	options jsonb DEFAULT NULL,
	OUT path text, OUT revision text, OUT result text)
RETURNS SETOF record LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_register_directory';
COMMENT ON FUNCTION @extschema@.migrate_register_directory(text, text, boolean, boolean, jsonb)
	IS 'the same for the files of a directory of the server, which the caller must be allowed to read';

CREATE FUNCTION @extschema@.migrate_adopt(
	format text, relation regclass DEFAULT NULL,
	lock_out boolean DEFAULT false, reorder boolean DEFAULT false,
	OUT revision text, OUT version text, OUT applied_at timestamptz, OUT result text)
RETURNS SETOF record LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_adopt';
COMMENT ON FUNCTION @extschema@.migrate_adopt(text, regclass, boolean, boolean)
	IS 'stamps what the version table of another tool says is applied to this database, all of it or nothing; returns each version in the order in which it was applied';

CREATE FUNCTION @extschema@.migrate_locked_out()
RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_locked_out';
COMMENT ON FUNCTION @extschema@.migrate_locked_out()
	IS 'raises an error for a tool that writes its version table, which was adopted';

CREATE FUNCTION @extschema@.migrate_baseline(
	revision text, message text DEFAULT 'baseline', body text DEFAULT '')
RETURNS text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_baseline';
COMMENT ON FUNCTION @extschema@.migrate_baseline(text, text, text)
	IS 'registers the first revision of a database without a history, with what pg_dump --schema-only writes of it, and stamps it; returns its id';

CREATE FUNCTION @extschema@.migrate_unregister(revision text)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_unregister';
COMMENT ON FUNCTION @extschema@.migrate_unregister(text)
	IS 'removes a revision that is not applied and that no other revision needs';

CREATE FUNCTION @extschema@.migrate_merge(
	revisions text[], revision text, message text DEFAULT NULL,
	branch_labels text[] DEFAULT '{}')
RETURNS text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_merge';
COMMENT ON FUNCTION @extschema@.migrate_merge(text[], text, text, text[])
	IS 'registers a revision with empty bodies that merges several heads; returns its id';

CREATE FUNCTION @extschema@.migrate_squash(
	range text, revision text, message text DEFAULT NULL)
RETURNS text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_squash';
COMMENT ON FUNCTION @extschema@.migrate_squash(text, text, text)
	IS 'replaces a line of revisions by one that does what they do; returns its id';

CREATE FUNCTION @extschema@.migrate_approve(revision text, hash text, note text DEFAULT NULL)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_approve';
COMMENT ON FUNCTION @extschema@.migrate_approve(text, text, text)
	IS 'approves a revision, if it is registered with that hash, for migrate.require_approval and for runs as a role whose rights its author does not have';

CREATE FUNCTION @extschema@.migrate_confirm(
	revision text, note text DEFAULT NULL, command text DEFAULT 'upgrade')
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_confirm';
COMMENT ON FUNCTION @extschema@.migrate_confirm(text, text, text)
	IS 'says that what has to be done elsewhere before a revision is upgraded or downgraded is done, so that the next run goes on';

CREATE FUNCTION @extschema@.migrate_hook(event text, function regprocedure)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_hook';
COMMENT ON FUNCTION @extschema@.migrate_hook(text, regprocedure)
	IS 'has runs call a function, with a jsonb that says what they do: before_run, after_run, before_step, after_step, on_error';

CREATE FUNCTION @extschema@.migrate_unhook(event text, function text)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_unhook';
COMMENT ON FUNCTION @extschema@.migrate_unhook(text, text)
	IS 'has runs call a function no longer, which may have been dropped meanwhile';

-- Runs -----------------------------------------------------------------

CREATE FUNCTION @extschema@.migrate_upgrade(target text DEFAULT 'head')
RETURNS SETOF text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_upgrade';
COMMENT ON FUNCTION @extschema@.migrate_upgrade(text)
	IS 'upgrades to the target in the caller''s transaction, a subtransaction for each revision; returns the revisions run';

CREATE FUNCTION @extschema@.migrate_downgrade(target text)
RETURNS SETOF text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_downgrade';
COMMENT ON FUNCTION @extschema@.migrate_downgrade(text)
	IS 'downgrades to the target in the caller''s transaction, a subtransaction for each revision; returns the revisions downgraded';

CREATE FUNCTION @extschema@.migrate_stamp(target text, purge boolean DEFAULT false)
RETURNS SETOF text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_stamp';
COMMENT ON FUNCTION @extschema@.migrate_stamp(text, boolean)
	IS 'writes the version rows for a target without running a body; returns the rows afterwards';

CREATE FUNCTION @extschema@.migrate_stamp(targets text[], purge boolean DEFAULT false)
RETURNS SETOF text LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_stamp_targets';
COMMENT ON FUNCTION @extschema@.migrate_stamp(text[], boolean)
	IS 'writes the version rows for several targets without running a body; returns the rows afterwards';

CREATE PROCEDURE @extschema@.migrate_deploy(
	target text DEFAULT 'head', schemas text[] DEFAULT NULL,
	stop_on_error boolean DEFAULT false)
LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_deploy';
COMMENT ON PROCEDURE @extschema@.migrate_deploy(text, text[], boolean)
	IS 'upgrades to the target and commits after each revision; runs statements that cannot run inside a transaction block; with schemas: in each of them';

CREATE PROCEDURE @extschema@.migrate_revert(
	target text, schemas text[] DEFAULT NULL, stop_on_error boolean DEFAULT false)
LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_revert';
COMMENT ON PROCEDURE @extschema@.migrate_revert(text, text[], boolean)
	IS 'downgrades to the target and commits after each revision; runs statements that cannot run inside a transaction block; with schemas: in each of them';

CREATE FUNCTION @extschema@.migrate_resolve(revision text, action text)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_resolve';
COMMENT ON FUNCTION @extschema@.migrate_resolve(text, text)
	IS 'decides about a partial revision: retry or skip the statement whose outcome is unknown, finish the revision, or abandon it';

CREATE PROCEDURE @extschema@.migrate_batch(
	relation regclass, statement text, key text[] DEFAULT NULL,
	batch_size integer DEFAULT 1000, target interval DEFAULT '200 ms',
	pause real DEFAULT 0.1, name text DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_batch';
COMMENT ON PROCEDURE @extschema@.migrate_batch(regclass, text, text[], integer, interval, real, text)
	IS 'runs a statement over a table in the order of a key, batch by batch, and commits after each; resumes where it was interrupted';

CREATE FUNCTION @extschema@.migrate_batch_reset(name text)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_batch_reset';
COMMENT ON FUNCTION @extschema@.migrate_batch_reset(text)
	IS 'forgets how far the batch of that name has come, so that it begins anew';

-- Jobs -----------------------------------------------------------------

CREATE FUNCTION @extschema@.migrate_submit(
	target text DEFAULT 'head', command text DEFAULT 'upgrade',
	run_at timestamptz DEFAULT pg_catalog.now(), deadline timestamptz DEFAULT NULL,
	schemas text[] DEFAULT NULL)
RETURNS SETOF bigint LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_submit';
COMMENT ON FUNCTION @extschema@.migrate_submit(text, text, timestamptz, timestamptz, text[])
	IS 'queues a run for a background worker; returns the number of the job, with schemas of a job for each of them';

CREATE FUNCTION @extschema@.migrate_cancel(job bigint)
RETURNS boolean LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_cancel';
COMMENT ON FUNCTION @extschema@.migrate_cancel(bigint)
	IS 'takes a job out of the queue, or cancels what its worker does; false: it had ended';

CREATE FUNCTION @extschema@.migrate_run_jobs()
RETURNS SETOF bigint LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_run_jobs';
COMMENT ON FUNCTION @extschema@.migrate_run_jobs()
	IS 'starts workers for the jobs that are due; returns their numbers';

CREATE PROCEDURE @extschema@.migrate_wait(job bigint, timeout interval DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_wait';
COMMENT ON PROCEDURE @extschema@.migrate_wait(bigint, interval)
	IS 'waits until a job has ended, and raises its error if it failed';

CREATE FUNCTION @extschema@.migrate_schedule(
	name text, every text, target text DEFAULT 'head',
	window_start timetz DEFAULT NULL, window_end timetz DEFAULT NULL,
	at timestamptz DEFAULT NULL, time_zone text DEFAULT NULL)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_schedule';
COMMENT ON FUNCTION @extschema@.migrate_schedule(text, text, text, timetz, timetz, timestamptz, text)
	IS 'creates or changes a schedule, which submits an upgrade again and again: after each interval or by a cron expression, in a maintenance window if there is one';

CREATE FUNCTION @extschema@.migrate_unschedule(name text)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_unschedule';
COMMENT ON FUNCTION @extschema@.migrate_unschedule(text)
	IS 'removes a schedule; a job of it that is queued or running is not affected';

-- Questions ------------------------------------------------------------

-- What SELECT * shows of a function or view without _details in its name fits
-- into 80 columns of psql; its _details show everything (t/width.pl).

CREATE TYPE migrate.revision_info AS (
	revision			text,
	state				text,
	kind				text,
	message				text
);
COMMENT ON TYPE migrate.revision_info IS 'a revision in 80 columns; migrate_history_details() has more';
COMMENT ON COLUMN migrate.revision_info.state IS 'applied, pending, partial, or unknown: a row of the version table that names no revision';
COMMENT ON COLUMN migrate.revision_info.kind IS 'external (what has to be done elsewhere), branch (several revisions are built on it), merge (it has several down revisions), head (none is built on it), repeatable (no revision: it runs at the end of an upgrade to a head when it has changed); NULL: none of these';
COMMENT ON COLUMN migrate.revision_info.message IS 'one line that describes the revision; NULL: none';

CREATE TYPE migrate.revision_details AS (
	revision			text,
	state				text,
	kind				text,
	message				text,
	down_revision		text[],
	branch_labels		text[],
	depends_on			text[],
	registered_by		name,
	registered_at		timestamptz,
	partial				text,
	applied				boolean,
	is_head				boolean,
	is_branch_point		boolean,
	is_merge_point		boolean,
	external			text
);
COMMENT ON TYPE migrate.revision_details IS 'a revision, its position in the graph, and whether it is applied';
COMMENT ON COLUMN migrate.revision_details.state IS 'as in migrate.revision_info';
COMMENT ON COLUMN migrate.revision_details.kind IS 'as in migrate.revision_info';
COMMENT ON COLUMN migrate.revision_details.message IS 'one line that describes the revision; NULL: none';
COMMENT ON COLUMN migrate.revision_details.down_revision IS 'full ids, in the order given; empty: a base';
COMMENT ON COLUMN migrate.revision_details.branch_labels IS 'names of the branch that begins at this revision';
COMMENT ON COLUMN migrate.revision_details.depends_on IS 'full ids or branch labels of revisions that must be applied first';
COMMENT ON COLUMN migrate.revision_details.registered_by IS 'author';
COMMENT ON COLUMN migrate.revision_details.registered_at IS 'when it was registered or last replaced';
COMMENT ON COLUMN migrate.revision_details.partial IS 'how far an interrupted run has come in it; NULL: it is not partial';
COMMENT ON COLUMN migrate.revision_details.applied IS 'by the rows of the version table in use';
COMMENT ON COLUMN migrate.revision_details.is_head IS 'it is no other revision''s down revision';
COMMENT ON COLUMN migrate.revision_details.is_branch_point IS 'it is the down revision of more than one revision';
COMMENT ON COLUMN migrate.revision_details.is_merge_point IS 'it has more than one down revision';
COMMENT ON COLUMN migrate.revision_details.external IS 'what has to be done elsewhere, and confirmed, before it is upgraded; NULL: nothing';

CREATE FUNCTION @extschema@.migrate_current()
RETURNS SETOF migrate.revision_info LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_current';
COMMENT ON FUNCTION @extschema@.migrate_current()
	IS 'the applied revisions that are no applied revision''s down revision';

CREATE FUNCTION @extschema@.migrate_heads(resolve_dependencies boolean DEFAULT false)
RETURNS SETOF migrate.revision_info LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_heads';
COMMENT ON FUNCTION @extschema@.migrate_heads(boolean)
	IS 'the revisions that are no other revision''s down revision';

CREATE FUNCTION @extschema@.migrate_branches()
RETURNS SETOF migrate.revision_info LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_branches';
COMMENT ON FUNCTION @extschema@.migrate_branches()
	IS 'the revisions that are the down revision of more than one';

CREATE FUNCTION @extschema@.migrate_history(range text DEFAULT NULL)
RETURNS SETOF migrate.revision_info LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_history';
COMMENT ON FUNCTION @extschema@.migrate_history(text)
	IS 'the revisions of a range, newest first; NULL: all';

CREATE FUNCTION @extschema@.migrate_history_details(range text DEFAULT NULL)
RETURNS SETOF migrate.revision_details LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_history_details';
COMMENT ON FUNCTION @extschema@.migrate_history_details(text)
	IS 'the same as migrate_history(), with everything but the bodies; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_graph(
	range text DEFAULT NULL, format text DEFAULT 'text')
RETURNS SETOF text LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_graph';
COMMENT ON FUNCTION @extschema@.migrate_graph(text, text)
	IS 'the revisions of a range as a picture, newest first: text for a terminal in 80 columns, mermaid, or dot of Graphviz; a line a row';

CREATE FUNCTION @extschema@.migrate_show(
	INOUT revision text, OUT state text, OUT kind text, OUT message text,
	OUT down_revision text[], OUT branch_labels text[], OUT depends_on text[],
	OUT registered_by name, OUT registered_at timestamptz, OUT partial text,
	OUT upgrade text, OUT downgrade text, OUT verify text, OUT external text,
	OUT external_down text, OUT settings text, OUT transactional text[],
	OUT allow text, OUT hash text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_show';
COMMENT ON FUNCTION @extschema@.migrate_show(text)
	IS 'the revisions that a target stands for, with their bodies and settings; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_export(
	range text DEFAULT NULL, format text DEFAULT 'migrate',
	OUT path text, OUT content text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_export';
COMMENT ON FUNCTION @extschema@.migrate_export(text, text)
	IS 'the revisions of a range as files, which migrate_register_files() reads; NULL: all';

CREATE FUNCTION @extschema@.migrate_plan(
	target text DEFAULT 'head', command text DEFAULT 'upgrade',
	OUT step integer, OUT operation text, OUT revision text, OUT note text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_plan';
COMMENT ON FUNCTION @extschema@.migrate_plan(text, text)
	IS 'the steps that upgrade, downgrade or stamp to the target would take, in 80 columns; migrate_plan_details() has more';

CREATE FUNCTION @extschema@.migrate_plan_details(
	target text DEFAULT 'head', command text DEFAULT 'upgrade',
	OUT step integer, OUT operation text, OUT revision text, OUT message text,
	OUT external text, OUT transactions text, OUT statements integer, OUT verify boolean, OUT partial text, OUT approved boolean,
	OUT problem text, OUT hash text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_plan_details';
COMMENT ON FUNCTION @extschema@.migrate_plan_details(text, text)
	IS 'the steps that upgrade, downgrade or stamp to the target would take; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_lint(
	target text DEFAULT 'head', command text DEFAULT 'upgrade',
	separately boolean DEFAULT false,
	OUT revision text, OUT line integer, OUT severity text, OUT rule text,
	OUT message text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_lint';
COMMENT ON FUNCTION @extschema@.migrate_lint(text, text, boolean)
	IS 'statements that would stop or break the application, of what a command would run or of a range a:b, in 80 columns; runs nothing; migrate_lint_details() has more';

CREATE FUNCTION @extschema@.migrate_lint_details(
	target text DEFAULT 'head', command text DEFAULT 'upgrade',
	separately boolean DEFAULT false,
	OUT revision text, OUT operation text, OUT statement integer, OUT line integer,
	OUT severity text, OUT rule text, OUT relation text, OUT message text,
	OUT instead text, OUT waived text, OUT query text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_lint_details';
COMMENT ON FUNCTION @extschema@.migrate_lint_details(text, text, boolean)
	IS 'the same as migrate_lint(), with waived findings, the statements and what to write instead; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_preview(
	target text DEFAULT 'head', command text DEFAULT 'upgrade',
	OUT revision text, OUT line integer, OUT relation text, OUT blocks text,
	OUT ms bigint, OUT finding text)
RETURNS SETOF record LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'migrate_preview';
COMMENT ON FUNCTION @extschema@.migrate_preview(text, text)
	IS 'executes the steps to the target and takes them back: which relations each statement locks, whom that stops, and for how long; in 80 columns, migrate_preview_details() has more';

CREATE FUNCTION @extschema@.migrate_preview_details(
	target text DEFAULT 'head', command text DEFAULT 'upgrade',
	OUT step integer, OUT revision text, OUT statement integer, OUT line integer,
	OUT command_tag text, OUT relation text, OUT lock_mode text, OUT blocks text,
	OUT held_ms double precision, OUT rewritten boolean, OUT rows bigint,
	OUT wal_bytes bigint, OUT wall_ms double precision, OUT finding text, OUT detail text)
RETURNS SETOF record LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'migrate_preview_details';
COMMENT ON FUNCTION @extschema@.migrate_preview_details(text, text)
	IS 'executes the steps to the target and takes them back: a row for each statement and relation that it locks; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_script(
	range text DEFAULT 'head', command text DEFAULT 'upgrade')
RETURNS text LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_script';
COMMENT ON FUNCTION @extschema@.migrate_script(text, text)
	IS 'the steps from base to the target, or of a range "from:to", as a script for psql, with the rows of the version table; like --sql of Alembic';

CREATE FUNCTION @extschema@.migrate_doctor(
	OUT status text, OUT area text, OUT finding text)
RETURNS SETOF record LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'migrate_doctor';
COMMENT ON FUNCTION @extschema@.migrate_doctor()
	IS 'looks for what could go wrong with migrations on this server, a row for each check, in 80 columns; migrate_doctor_details() has a column for each part';

CREATE FUNCTION @extschema@.migrate_doctor_details(
	OUT area text, OUT "check" text, OUT status text, OUT value text,
	OUT advice text)
RETURNS SETOF record LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'migrate_doctor_details';
COMMENT ON FUNCTION @extschema@.migrate_doctor_details()
	IS 'looks for what could go wrong with migrations on this server, a row for each check: ok, warning or problem; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_is_current(target text DEFAULT 'head')
RETURNS boolean LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_is_current';
COMMENT ON FUNCTION @extschema@.migrate_is_current(text)
	IS 'whether an upgrade to the target would do nothing and no revision is partial; takes no lock';

CREATE FUNCTION @extschema@.migrate_tenants(
	OUT schema text, OUT version_table text, OUT version_oid oid,
	OUT revisions text[], OUT unknown integer, OUT pending integer, OUT problem text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_tenants';
COMMENT ON FUNCTION @extschema@.migrate_tenants()
	IS 'where each schema with a version table of its own is; read it by the view migrate.tenants';

CREATE FUNCTION @extschema@.migrate_progress(
	OUT pid integer, OUT via text, OUT job bigint, OUT role oid,
	OUT started timestamptz, OUT elapsed interval, OUT operation text, OUT revision text,
	OUT step integer, OUT steps integer, OUT statement integer,
	OUT statements integer, OUT attempt integer,
	OUT statement_elapsed interval, OUT query text,
	OUT waiting_for integer[], OUT waiting interval, OUT blocked_by text)
RETURNS SETOF record LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'migrate_progress';
COMMENT ON FUNCTION @extschema@.migrate_progress()
	IS 'the runs that are running in this database; read it by the view migrate.progress_details';

-- Before a deploy ------------------------------------------------------

CREATE FUNCTION @extschema@.migrate_schema(
	owners boolean DEFAULT false, privileges boolean DEFAULT true,
	OUT type text, OUT identity text, OUT definition text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_schema';
COMMENT ON FUNCTION @extschema@.migrate_schema(boolean, boolean)
	IS 'what this database is made of: the definition of every object that is no extension''s, as the server writes it; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_fingerprint(
	owners boolean DEFAULT false, privileges boolean DEFAULT true)
RETURNS text LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_fingerprint';
COMMENT ON FUNCTION @extschema@.migrate_fingerprint(boolean, boolean)
	IS 'SHA-256 over what migrate_schema() returns, in hexadecimal: the same in two databases of the same schema';

CREATE FUNCTION @extschema@.migrate_roundtrip(
	target text DEFAULT 'head',
	OUT revision text, OUT change text, OUT type text, OUT identity text)
RETURNS SETOF record LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_roundtrip';
COMMENT ON FUNCTION @extschema@.migrate_roundtrip(text)
	IS 'runs the upgrade and the downgrade of each pending revision and takes both back; a row for each object that is not as before';

CREATE FUNCTION @extschema@.migrate_roundtrip_details(
	target text DEFAULT 'head',
	OUT revision text, OUT change text, OUT type text, OUT identity text,
	OUT before text, OUT after text)
RETURNS SETOF record LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_roundtrip_details';
COMMENT ON FUNCTION @extschema@.migrate_roundtrip_details(text)
	IS 'the same as migrate_roundtrip(), with the definitions; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_verify(
	range text DEFAULT NULL,
	OUT revision text, OUT result text, OUT ms bigint, OUT sqlstate text, OUT error text)
RETURNS SETOF record LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_verify';
COMMENT ON FUNCTION @extschema@.migrate_verify(text)
	IS 'runs the verify bodies of the applied revisions of a range, NULL: all, and changes nothing; a row for each, in 80 columns; migrate_verify_details() has more';

CREATE FUNCTION @extschema@.migrate_verify_details(
	range text DEFAULT NULL,
	OUT revision text, OUT result text, OUT statement integer, OUT line integer,
	OUT wall_ms double precision, OUT sqlstate text, OUT error text, OUT detail text,
	OUT hint text, OUT context text, OUT query text)
RETURNS SETOF record LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_verify_details';
COMMENT ON FUNCTION @extschema@.migrate_verify_details(text)
	IS 'the same as migrate_verify(), with the statement that failed and all that its error says; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_drift(
	OUT change text, OUT type text, OUT identity text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_drift';
COMMENT ON FUNCTION @extschema@.migrate_drift()
	IS 'the objects that were created, changed or dropped since the last run by nothing that this extension did, if migrate.track_schema was on then';

CREATE FUNCTION @extschema@.migrate_drift_details(
	OUT change text, OUT type text, OUT identity text,
	OUT noted text, OUT found text)
RETURNS SETOF record LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'migrate_drift_details';
COMMENT ON FUNCTION @extschema@.migrate_drift_details()
	IS 'the same as migrate_drift(), with the definitions; best read with \gx of psql';

CREATE FUNCTION @extschema@.migrate_drift_accept()
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_drift_accept';
COMMENT ON FUNCTION @extschema@.migrate_drift_accept()
	IS 'notes the schema as it is now: what migrate_drift() has shown is none any more';

-- Views ----------------------------------------------------------------

CREATE VIEW migrate.status_details AS
WITH v AS MATERIALIZED (
	SELECT u.version_table, u.version_oid
	  FROM (SELECT DISTINCT i.version_table, i.version_oid FROM migrate.log AS i) AS u,
		   pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	 WHERE c.oid = pg_catalog.to_regclass(COALESCE(
			pg_catalog.current_setting('migrate.version_table'::text, true), 'migrate.version'::text))::oid
	   AND (u.version_oid = c.oid
			-- format() would depend on quote_all_identifiers
			OR pg_catalog.parse_ident(u.version_table) OPERATOR(pg_catalog.=) ARRAY[n.nspname::text, c.relname::text]
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
							 WHERE a.attrelid = u.version_oid AND a.attname = 'version_num'::name))
), l AS NOT MATERIALIZED (
	SELECT i.* FROM migrate.log AS i
	 WHERE EXISTS (SELECT FROM v WHERE v.version_table = i.version_table AND v.version_oid IS NOT DISTINCT FROM i.version_oid)
)
SELECT h.revision, h.message, h.state,
	   d.finished AS applied_at, d.role AS applied_by, d.attempts,
	   pg_catalog.make_interval(secs => pg_catalog.round(d.wall_ms) / 1000::double precision) AS took,
	   pg_catalog.pg_size_pretty(d.wal_bytes) AS wal,
	   h.partial,
	   a.approved_by,
	   h.external,
	   (SELECT c.confirmed_by FROM migrate.confirmation AS c
		 WHERE h.external IS NOT NULL AND NOT h.applied
		   AND c.revision::text = h.revision AND c.operation = 'upgrade'::text
		   AND c.version_oid::oid = pg_catalog.to_regclass(COALESCE(
				pg_catalog.current_setting('migrate.version_table'::text, true), 'migrate.version'::text))::oid) AS confirmed_by,
	   f.sqlstate AS failed_sqlstate, q.error AS failed_error, q.detail AS failed_detail,
	   q.context AS failed_context, f.finished AS failed_at,
	   CASE WHEN e.attempts = 0 AND e.finished > f.finished THEN q.refused END AS refused_error,
	   CASE WHEN e.attempts = 0 AND e.finished > f.finished THEN e.finished END AS refused_at,
	   s.decisions,
	   CASE WHEN s.at > GREATEST(e.finished, p.started, '-infinity'::timestamptz) THEN s.decision END AS last_decision,
	   w.pid,
	   CASE WHEN w.pid IS NOT NULL THEN NULL
			-- a run is refused until migrate_resolve() was told what to do: comments, so
			-- that none of them is run unread
			WHEN p.ends_transactions
			THEN pg_catalog.format(E'-- look for what statement %s has committed, then one of these:\n-- SELECT migrate_resolve(%L, ''retry'');  to run it again\n-- SELECT migrate_resolve(%2$L, ''skip'');  to take it as done'::text,
				 p.statement, h.revision)
			WHEN p.begun_by_it AND e.attempts = 0 AND e.sqlstate = '55000'::text
			 AND e.finished > GREATEST(p.started, s.at, '-infinity'::timestamptz)
			THEN NULL
			WHEN a.approved_by IS NULL AND NOT h.applied
			 AND (pg_catalog.starts_with(h.partial, 'upgrade'::text) OR f.operation = 'upgrade'::text)
			 AND pg_catalog.current_setting('migrate.require_approval'::text, true)::boolean
			THEN pg_catalog.format('SELECT * FROM migrate_show(%L);'::text, h.revision)
			WHEN pg_catalog.starts_with(h.partial, 'downgrade'::text)
			THEN pg_catalog.format('CALL migrate_revert(%L);'::text, pg_catalog.concat(h.revision, '@'::text, COALESCE(h.down_revision[1], 'base'::text)))
			WHEN h.partial IS NOT NULL
			THEN pg_catalog.format('CALL migrate_deploy(%L);'::text, h.revision)
			WHEN f.error IS NOT NULL AND f.operation = 'repeat'::text
			THEN 'CALL migrate_deploy();'::text
			WHEN f.error IS NOT NULL AND f.operation = 'upgrade'::text
			THEN pg_catalog.format('CALL migrate_deploy(%L);'::text, h.revision) END AS next_command
  FROM @extschema@.migrate_history_details() WITH ORDINALITY AS h
  LEFT JOIN LATERAL (
	SELECT a.approved_by FROM migrate.approval AS a
	  JOIN migrate.revision AS r ON r.revision::text = a.revision::text
	 WHERE a.revision::text = h.revision
	   -- MIG_REVISION_HASH of src/tables/revision.h
	   AND a.hash = pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
			pg_catalog.format('%s %s %s %s %s %s %L %L%s%s%s%s%s'::text, r.revision, r.upgrade_hash,
				r.downgrade_hash, r.down_revision, r.depends_on, r.branch_labels,
				r.settings, r.message,
				CASE WHEN NOT r.upgrade_transactional THEN ' upgrade'::text END,
				CASE WHEN NOT r.downgrade_transactional THEN ' downgrade'::text END,
				' verify '::text || r.verify_hash,
				' external '::text || pg_catalog.quote_literal(r.external),
				' downgrade external '::text || pg_catalog.quote_literal(r.downgrade_external)), 'UTF8'::name)), 'hex'::text)
  ) AS a ON true
  -- something else has applied what was reverted last
  LEFT JOIN LATERAL (
	SELECT l.* FROM l
	 WHERE l.revision = h.revision
	   AND (l.state = 'succeeded'::text OR l.state = 'finished'::text AND l.operation = 'downgrade'::text)
	 ORDER BY l.finished DESC LIMIT 1
  ) AS d ON h.applied AND d.operation <> 'downgrade'::text
  -- how its last run ended; what has failed is of no interest where a stamp has done it
  LEFT JOIN LATERAL (
	SELECT l.* FROM l
	 WHERE l.revision = h.revision
	   AND (l.state = ANY (ARRAY['succeeded'::text, 'finished'::text])
			OR l.state = 'failed'::text
			   AND (h.partial IS NOT NULL
					OR l.operation <> 'downgrade'::text AND NOT h.applied
					-- one of which nothing is left was given up if another run has succeeded since
					OR l.operation = 'downgrade'::text AND h.applied
					   AND (NOT EXISTS (SELECT FROM l AS n WHERE n.state = 'succeeded'::text AND n.finished > l.finished)
							-- but for what was decided about since it was there as a whole
							OR EXISTS (
								SELECT FROM l AS i
								 WHERE i.revision = h.revision AND i.operation = 'downgrade'::text
								   AND i.state = ANY (ARRAY['skipped'::text, 'abandoned'::text])
								   AND NOT EXISTS (SELECT FROM l AS n
													WHERE n.revision = h.revision AND n.state = 'succeeded'::text AND n.finished > i.finished)))))
	 ORDER BY l.finished DESC, l.started DESC LIMIT 1
  ) AS e ON true
  -- of a run after whose end there was no other one; of one that was abandoned, and has left
  -- something, until one has succeeded; and only while a revision is what they have made of it
  LEFT JOIN (
	SELECT l.revision, (l.operation = 'upgrade'::text) <> COALESCE((
			-- how the run ended that the decision is about
			SELECT i.state = 'abandoned'::text FROM l AS i
			 WHERE i.revision = l.revision AND i.operation = l.operation AND i.finished >= l.finished
			   AND i.state = ANY (ARRAY['succeeded'::text, 'finished'::text, 'abandoned'::text])
			 ORDER BY i.finished LIMIT 1), false) AS applied,
		   pg_catalog.string_agg(pg_catalog.format('%s%s by %s: %s'::text,
				CASE WHEN l.operation = 'downgrade'::text THEN 'downgrade '::text END, l.state, l.role, l.detail), '; '::text
			ORDER BY l.started) AS decisions,
		   pg_catalog.max(l.finished) AS at,
		   (pg_catalog.array_agg(l.state ORDER BY l.started DESC))[1] AS decision
	  FROM l
	 WHERE l.state = ANY (ARRAY['retried'::text, 'skipped'::text, 'finished'::text, 'abandoned'::text])
	   AND NOT EXISTS (
		SELECT FROM l AS i JOIN l AS n ON n.revision = i.revision AND n.started > i.finished
		 WHERE i.revision = l.revision AND i.operation = l.operation AND i.finished >= l.finished
		   AND i.state = ANY (ARRAY['succeeded'::text, 'finished'::text, 'abandoned'::text])
		   AND (n.operation = l.operation AND i.state <> 'abandoned'::text
				OR n.state = ANY (ARRAY['succeeded'::text, 'finished'::text])))
	 GROUP BY l.revision, applied
  ) AS s ON s.revision = h.revision
		AND s.applied = CASE WHEN h.partial IS NULL THEN h.applied ELSE pg_catalog.starts_with(h.partial, 'upgrade'::text) END
  -- when a run that is not over came to the segment that it came to last
  LEFT JOIN LATERAL (
	SELECT pg_catalog.max(i.started) AS started,
		   pg_catalog.max(i.statement) FILTER (WHERE i.state = 'started'::text) AS statement,
		   pg_catalog.bool_or(i.role = e.role) AS begun_by_it,
		   -- mig_script_ends_transactions() of src/script/script.h
		   pg_catalog.bool_or(i.state = 'started'::text AND i.kind = ANY (ARRAY['CALL'::text, 'DO'::text])) AS ends_transactions
	  FROM migrate.partial AS i
	 WHERE i.revision = h.revision
	   AND i.version_oid::oid = pg_catalog.to_regclass(COALESCE(
			pg_catalog.current_setting('migrate.version_table'::text, true), 'migrate.version'::text))::oid
  ) AS p ON h.partial IS NOT NULL
  -- a run that ended before its first attempt does not hide why the one before failed
  LEFT JOIN LATERAL (
	SELECT l.* FROM l
	 WHERE e.state = 'failed'::text
	   AND l.revision = h.revision AND l.state = 'failed'::text
	   AND (l.run = e.run OR l.attempts > 0 AND l.body_hash = e.body_hash)
	   AND (p.started IS NULL OR p.started <= GREATEST(l.finished, s.at))
	   AND NOT EXISTS (
		SELECT FROM l AS n
		 WHERE n.revision = h.revision AND n.finished >= l.finished
		   AND n.state = ANY (ARRAY['succeeded'::text, 'finished'::text]))
	 ORDER BY l.attempts > 0 DESC, l.finished DESC, l.started DESC LIMIT 1
  ) AS f ON true
  -- an error may quote rows
  LEFT JOIN LATERAL (SELECT f.error, f.detail, f.context, e.error AS refused) AS q
	ON pg_catalog.has_table_privilege('migrate.log'::text, 'SELECT'::text)
  -- the lock of a run: LOCK_CLASS of src/run/lock.c
  LEFT JOIN LATERAL (
	SELECT k.pid FROM pg_catalog.pg_locks AS k
	 WHERE h.partial IS NOT NULL
	   AND k.locktype = 'advisory'::text AND k.granted AND k.objsubid = 2::smallint
	   AND k.classid = 1296648018::oid
	   AND k.objid = pg_catalog.to_regclass(COALESCE(
			pg_catalog.current_setting('migrate.version_table'::text, true), 'migrate.version'::text))::oid
	   AND k.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
						  WHERE d.datname = pg_catalog.current_database())
	   AND k.pid IS NOT NULL
	 LIMIT 1
  ) AS w ON true
 ORDER BY h.ordinality;
COMMENT ON VIEW migrate.status_details IS 'each revision, newest first: whether it is applied, when, by which role, how long it took, how much WAL it wrote, how it last failed; best read with \gx of psql';
COMMENT ON COLUMN migrate.status_details.state IS 'applied, pending, partial, or unknown: a row of the version table that names no revision';
COMMENT ON COLUMN migrate.status_details.applied_at IS 'when it was last applied or stamped, or the tool had applied it that was adopted, as the log says; NULL: not applied, or not by this extension since it was last reverted';
COMMENT ON COLUMN migrate.status_details.applied_by IS 'role that did; NULL as applied_at';
COMMENT ON COLUMN migrate.status_details.attempts IS 'how many attempts that took; NULL as applied_at';
COMMENT ON COLUMN migrate.status_details.took IS 'waits between attempts included; NULL as applied_at';
COMMENT ON COLUMN migrate.status_details.wal IS 'how much WAL it wrote; NULL as applied_at';
COMMENT ON COLUMN migrate.status_details.partial IS 'how far the run has come that is running, or was interrupted; NULL: it is not partial';
COMMENT ON COLUMN migrate.status_details.approved_by IS 'role that has approved it as it is registered now; NULL: it is not approved';
COMMENT ON COLUMN migrate.status_details.external IS 'what has to be done elsewhere before it is upgraded; NULL: nothing';
COMMENT ON COLUMN migrate.status_details.confirmed_by IS 'role that has confirmed that this is done, until it is applied; NULL: it is not confirmed, or there is nothing';
COMMENT ON COLUMN migrate.status_details.failed_sqlstate IS 'of the error that ended its last run that has attempted it; NULL: that succeeded, or there was none, or it was a downgrade of which nothing is left, and another run has succeeded since';
COMMENT ON COLUMN migrate.status_details.failed_error IS 'message of that error; NULL as failed_sqlstate, or you may not read migrate.log';
COMMENT ON COLUMN migrate.status_details.failed_detail IS 'of that error; NULL: none, or as failed_error';
COMMENT ON COLUMN migrate.status_details.failed_context IS 'of that error: statement, line, attempt; NULL: none, or as failed_error';
COMMENT ON COLUMN migrate.status_details.failed_at IS 'when that run ended; NULL as failed_sqlstate';
COMMENT ON COLUMN migrate.status_details.refused_error IS 'message of the error that ended a later run before its first attempt; NULL: there was none, or you may not read migrate.log';
COMMENT ON COLUMN migrate.status_details.refused_at IS 'when that run ended; NULL as refused_error';
COMMENT ON COLUMN migrate.status_details.decisions IS 'what was decided with migrate_resolve() in its last run, in which direction, by which role; NULL: nothing';
COMMENT ON COLUMN migrate.status_details.last_decision IS 'retried, skipped or abandoned, if it was not run since; NULL: nothing was decided, or it was run since';
COMMENT ON COLUMN migrate.status_details.pid IS 'process id of the run that is running on the version table, if the revision is partial; NULL: it is not, or was interrupted';
COMMENT ON COLUMN migrate.status_details.next_command IS 'resumes it, or tries it again, or shows what has to be approved before; of a statement that ends transactions itself and whose outcome is unknown comments with the decisions; NULL: it is neither partial nor has it failed, or it is running, or the error that it ended with asks for a decision with migrate_resolve()';

-- Fits into 80 columns for ids of up to 12 characters.
CREATE VIEW migrate.status AS
SELECT d.revision, d.state,
	   pg_catalog.to_char(d.applied_at, 'YYYY-MM-DD HH24:MI'::text) AS applied_at,
	   pg_catalog.date_trunc('second'::text, d.took) AS took,
	   -- to the last word that fits, as in the other views
	   pg_catalog."left"(pg_catalog.regexp_replace(CASE
			WHEN d.state = 'unknown'::text THEN 'it is not registered'::text
			WHEN d.pid IS NOT NULL THEN pg_catalog.format('running: process %s'::text, d.pid)
			WHEN d.last_decision = 'abandoned'::text
			THEN CASE WHEN pg_catalog.strpos(d.decisions, 'downgrade abandoned by'::text) > 0 THEN 'downgrade was abandoned'::text ELSE 'it was abandoned'::text END
			WHEN d.state = 'pending'::text AND d.approved_by IS NULL
			 AND pg_catalog.current_setting('migrate.require_approval'::text, true)::boolean THEN 'waits for approval'::text
			WHEN d.last_decision = 'skipped'::text THEN 'a statement was skipped'::text
			WHEN pg_catalog.starts_with(d.next_command, '--'::text)
			THEN pg_catalog.concat('outcome unknown'::text, ': '::text || d.failed_sqlstate)
			-- applied by the version table, and half there by what was decided
			WHEN d.failed_sqlstate IS NOT NULL AND d.state = 'applied'::text AND d.decisions ~ '(skipped|finished|abandoned) by'::text
			THEN pg_catalog.format('in part, failed: %s'::text, d.failed_sqlstate)
			WHEN d.failed_sqlstate IS NOT NULL AND (d.state = 'applied'::text OR pg_catalog.starts_with(d.partial, 'downgrade'::text))
			THEN pg_catalog.format('downgrade failed: %s'::text, d.failed_sqlstate)
			WHEN d.failed_sqlstate IS NOT NULL THEN pg_catalog.format('failed with %s'::text, d.failed_sqlstate)
			WHEN d.partial IS NOT NULL THEN 'interrupted'::text
			WHEN d.external IS NOT NULL AND d.state = 'pending'::text
			THEN CASE WHEN d.confirmed_by IS NULL THEN 'external, not confirmed'::text ELSE 'external, confirmed'::text END
			WHEN pg_catalog.strpos(d.decisions, 'finished by'::text) > 0 THEN 'the rest was not run'::text
			WHEN pg_catalog.strpos(d.decisions, 'skipped by'::text) > 0 THEN 'a statement was skipped'::text
			ELSE d.message END, '^(?=.{24})(?:(.{8,20})\s.*|(.{20}).*)$'::text, '\1\2...'::text), 23) AS note
  FROM migrate.status_details AS d;
COMMENT ON VIEW migrate.status IS 'each revision, newest first, in 80 columns; migrate.status_details has more';
COMMENT ON COLUMN migrate.status.state IS 'applied, pending, partial, or unknown: a row of the version table that names no revision';
COMMENT ON COLUMN migrate.status.applied_at IS 'when it was last applied or stamped, or the tool had applied it that was adopted, as the log says; NULL: not applied, or not by this extension since it was last reverted';
COMMENT ON COLUMN migrate.status.took IS 'in seconds, waits between attempts included; NULL as applied_at';
COMMENT ON COLUMN migrate.status.note IS 'that it is running, waits for approval, has a statement whose outcome is unknown, has failed (in part: after a decision that left it half there), was interrupted or abandoned, is an external step that is confirmed or not, has statements that were skipped, or is not registered; otherwise the beginning of its message';

CREATE VIEW migrate.resource_usage_details AS
SELECT pg_catalog.rank() OVER (ORDER BY s.wall_ms DESC) AS rank,
	   s.revision, s.operation, s.version_table, s.runs, s.failed, s.attempts,
	   pg_catalog.make_interval(secs => pg_catalog.round(s.wall_ms) / 1000::double precision) AS total,
	   pg_catalog.make_interval(secs => pg_catalog.round(s.longest_ms) / 1000::double precision) AS longest,
	   pg_catalog.make_interval(secs => pg_catalog.round(s.cpu_ms) / 1000::double precision) AS cpu,
	   pg_catalog.make_interval(secs => pg_catalog.round(s.lock_wait_ms) / 1000::double precision) AS lock_wait,
	   pg_catalog.pg_size_pretty(s.wal_bytes) AS wal,
	   s.blocks
  FROM (
	SELECT i.revision, i.operation, i.version_table,
		   pg_catalog.count(*) AS runs,
		   pg_catalog.count(*) FILTER (WHERE i.state = 'failed'::text) AS failed,
		   pg_catalog.sum(i.attempts) AS attempts,
		   pg_catalog.sum(i.wall_ms) AS wall_ms,
		   pg_catalog.max(i.wall_ms) AS longest_ms,
		   pg_catalog.sum(i.cpu_ms) AS cpu_ms,
		   pg_catalog.sum(i.lock_wait_ms) AS lock_wait_ms,
		   pg_catalog.sum(i.wal_bytes)::bigint AS wal_bytes,
		   pg_catalog.sum(i.buffers_hit + i.buffers_read)::bigint AS blocks
	  FROM migrate.log AS i
	 WHERE i.operation <> ALL (ARRAY['stamp'::text, 'adopt'::text])
	   AND i.state = ANY (ARRAY['succeeded'::text, 'failed'::text])
	 GROUP BY i.revision, i.operation, i.version_table
  ) AS s
 ORDER BY s.wall_ms DESC, s.revision, s.operation;
COMMENT ON VIEW migrate.resource_usage_details IS 'what each revision has used in each direction, by migrate.log, the most expensive first; best read with \gx of psql';
COMMENT ON COLUMN migrate.resource_usage_details.rank IS 'by total';
COMMENT ON COLUMN migrate.resource_usage_details.operation IS 'upgrade, downgrade or repeat';
COMMENT ON COLUMN migrate.resource_usage_details.runs IS 'how often it was run, failed runs included';
COMMENT ON COLUMN migrate.resource_usage_details.failed IS 'how many of these failed';
COMMENT ON COLUMN migrate.resource_usage_details.attempts IS 'of all runs';
COMMENT ON COLUMN migrate.resource_usage_details.total IS 'time of all runs, waits included';
COMMENT ON COLUMN migrate.resource_usage_details.longest IS 'time of the longest run';
COMMENT ON COLUMN migrate.resource_usage_details.cpu IS 'CPU time of the backend, of all runs';
COMMENT ON COLUMN migrate.resource_usage_details.lock_wait IS 'time of waiting for locks, in the queue and outside of it, of all runs';
COMMENT ON COLUMN migrate.resource_usage_details.wal IS 'written by all runs';
COMMENT ON COLUMN migrate.resource_usage_details.blocks IS 'blocks of tables and indexes, in memory or read, of all runs';

CREATE VIEW migrate.resource_usage AS
SELECT d.revision, d.operation, d.runs, d.failed, d.total, d.wal
  FROM migrate.resource_usage_details AS d;
COMMENT ON VIEW migrate.resource_usage IS 'what each revision has used in each direction, the most expensive first, in 80 columns; migrate.resource_usage_details has more';
COMMENT ON COLUMN migrate.resource_usage.operation IS 'upgrade, downgrade or repeat';
COMMENT ON COLUMN migrate.resource_usage.runs IS 'how often it was run, failed runs included';
COMMENT ON COLUMN migrate.resource_usage.failed IS 'how many of these failed';
COMMENT ON COLUMN migrate.resource_usage.total IS 'time of all runs, waits included';
COMMENT ON COLUMN migrate.resource_usage.wal IS 'written by all runs';

CREATE VIEW migrate.jobs_details WITH (security_barrier) AS
SELECT j.job,
	   CASE WHEN j.state = 'running'::text AND l.pid IS NULL THEN 'interrupted'::text
			ELSE j.state END AS state,
	   j.command, j.target, j.owner, j.version_table, j.submitted, j.run_at,
	   j.deadline, j.schedule, j.window_end, j.started, j.finished, j.attempts, l.pid,
	   j.revision, j.step, j.steps, j.note, j.sqlstate, j.error, j.detail, j.hint, j.context
  FROM migrate.job AS j
  LEFT JOIN pg_catalog.pg_locks AS l
	-- the worker's lock: MIG_JOB_LOCK of src/tables/job.h
	ON l.locktype = 'advisory'::text AND l.granted AND l.objsubid = 2::smallint
   AND l.classid = 1296648010::oid
   AND l.objid = (j.job & 2147483647::bigint)::oid
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
					  WHERE d.datname = pg_catalog.current_database())
   AND l.mode = 'ExclusiveLock'::text
 WHERE (j.origin = (SELECT pg_catalog.format('%s/%s'::text, c.system_identifier, d.oid)
					   FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS d
					  WHERE d.datname = pg_catalog.current_database())
		-- elsewhere another role may have that OID
		AND pg_catalog.pg_has_role(j.owner_oid, 'USAGE'::text))
	OR pg_catalog.pg_has_role((SELECT e.extowner FROM pg_catalog.pg_extension AS e
							   WHERE e.extname = 'migrate'::name), 'USAGE'::text)
 ORDER BY j.job;
COMMENT ON VIEW migrate.jobs_details IS 'jobs of the roles whose rights you have, all of them, also those of another database that a dump has brought, with the rights of the extension''s owner; columns as in migrate.job';
COMMENT ON COLUMN migrate.jobs_details.state IS 'queued, running, interrupted (the worker exited unexpectedly, another one will resume the job), succeeded, failed or cancelled';
COMMENT ON COLUMN migrate.jobs_details.pid IS 'process id of the worker; NULL: no worker has the job';

CREATE VIEW migrate.jobs AS
SELECT d.job, d.state,
	   pg_catalog.to_char(CASE WHEN d.finished IS NOT NULL THEN d.finished
			WHEN d.state = 'queued'::text THEN d.submitted
			ELSE d.started END, 'YYYY-MM-DD HH24:MI:SS'::text) AS since,
	   d.command,
	   pg_catalog."left"(pg_catalog.regexp_replace(CASE
			WHEN d.state = 'queued'::text AND d.run_at > GREATEST(d.submitted, pg_catalog.now())
			THEN pg_catalog.to_char(d.run_at, '"at "YYYY-MM-DD HH24:MI:SS'::text)
			WHEN d.sqlstate IS NOT NULL THEN pg_catalog.concat_ws(' in '::text, d.sqlstate, d.revision)
			WHEN d.note IS NOT NULL THEN pg_catalog.concat_ws(' at '::text, 'ended', d.revision)
			WHEN d.finished IS NULL AND d.revision IS NOT NULL
			THEN pg_catalog.format('%s, %s of %s'::text, d.revision, d.step, d.steps)
			ELSE pg_catalog.concat('to ', d.target) END, '^(?=.{23})(?:(.{8,19})\s.*|(.{19}).*)$'::text, '\1\2...'::text), 22) AS note
  FROM migrate.jobs_details AS d;
COMMENT ON VIEW migrate.jobs IS 'jobs of the roles whose rights you have, all of them with the rights of the extension''s owner, in 80 columns; migrate.jobs_details has more';
COMMENT ON COLUMN migrate.jobs.state IS 'as in migrate.jobs_details';
COMMENT ON COLUMN migrate.jobs.since IS 'when it was submitted, when a worker last claimed it, or when it ended';
COMMENT ON COLUMN migrate.jobs.command IS 'upgrade or downgrade';
COMMENT ON COLUMN migrate.jobs.note IS 'when a queued job is due; the revision that a worker runs, and which of how many; the error that ended it, and in which revision; where it ended before its target; otherwise the target';

CREATE VIEW migrate.tenants_details AS
SELECT t.schema,
	   CASE WHEN k.pid IS NOT NULL THEN 'running'::text
			WHEN p.revision IS NOT NULL THEN 'partial'::text
			WHEN j.job IS NOT NULL THEN j.state
			WHEN t.problem IS NOT NULL OR t.unknown > 0 THEN 'unknown'::text
			WHEN l.state = 'failed'::text AND t.pending > 0 THEN 'failed'::text
			WHEN t.pending > 0 THEN 'behind'::text
			ELSE 'current'::text END AS state,
	   t.version_table, t.revisions, t.pending, p.revision AS partial, l.finished AS last_run,
	   CASE WHEN l.state = 'failed'::text THEN l.revision END AS failed_revision,
	   CASE WHEN l.state = 'failed'::text THEN l.sqlstate END AS failed_sqlstate,
	   q.error AS failed_error, q.detail AS failed_detail, q.hint AS failed_hint, q.context AS failed_context,
	   k.pid, j.job,
	   CASE WHEN t.unknown > 0 THEN 'unknown revision'::text ELSE t.problem END AS problem,
	   -- as in migrate.status_details
	   CASE WHEN k.pid IS NOT NULL THEN NULL
			WHEN p.ends_transactions
			THEN pg_catalog.format('SET migrate.version_table = %L; SELECT next_command FROM migrate.status_details WHERE revision = %L;'::text,
				 t.version_table, p.revision)
			WHEN p.begun_by_it AND l.attempts = 0 AND l.sqlstate = '55000'::text
			 AND l.finished > GREATEST(p.started, s.at, '-infinity'::timestamptz)
			THEN NULL
			WHEN p.operation = 'downgrade'::text
			THEN pg_catalog.format('CALL migrate_revert(%L, schemas => %L);'::text,
				 pg_catalog.concat(p.revision, '@'::text, COALESCE((SELECT r.down_revision[1]::text FROM migrate.revision AS r
					WHERE r.revision::text = p.revision), 'base'::text)), ARRAY[t.schema])
			WHEN p.revision IS NOT NULL
			THEN pg_catalog.format('CALL migrate_deploy(%L, schemas => %L);'::text, p.revision, ARRAY[t.schema])
			WHEN j.job IS NOT NULL OR t.problem IS NOT NULL OR t.unknown > 0 OR t.pending = 0 OR l.state <> 'failed'::text
			THEN NULL
			WHEN l.operation = 'repeat'::text
			THEN pg_catalog.format('CALL migrate_deploy(schemas => %L);'::text, ARRAY[t.schema])
			WHEN l.operation = 'upgrade'::text AND EXISTS (SELECT FROM migrate.revision AS r WHERE r.revision::text = l.revision)
			THEN pg_catalog.format('CALL migrate_deploy(%L, schemas => %L);'::text, l.revision, ARRAY[t.schema]) END AS next_command
  FROM @extschema@.migrate_tenants() AS t
  -- how its last step ended
  LEFT JOIN LATERAL (
	SELECT l.* FROM migrate.log AS l
	 WHERE l.version_table = t.version_table AND l.version_oid = t.version_oid
	   AND l.state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'finished'::text])
	 ORDER BY l.finished DESC, l.started DESC, l.step DESC LIMIT 1
  ) AS l ON true
  LEFT JOIN LATERAL (
	SELECT pg_catalog.max(i.revision) AS revision, pg_catalog.max(i.operation) AS operation,
		   pg_catalog.max(i.started) AS started, pg_catalog.bool_or(i.role = l.role) AS begun_by_it,
		   -- mig_script_ends_transactions() of src/script/script.h
		   pg_catalog.bool_or(i.state = 'started'::text AND i.kind = ANY (ARRAY['CALL'::text, 'DO'::text])) AS ends_transactions
	  FROM migrate.partial AS i WHERE i.version_oid::oid = t.version_oid
  ) AS p ON true
  LEFT JOIN LATERAL (
	SELECT pg_catalog.max(i.finished) AS at FROM migrate.log AS i
	 WHERE i.version_table = t.version_table AND i.version_oid = t.version_oid AND i.revision = p.revision
	   AND i.state = ANY (ARRAY['retried'::text, 'skipped'::text])
  ) AS s ON true
  -- an error may quote rows
  LEFT JOIN LATERAL (SELECT l.error, l.detail, l.hint, l.context) AS q
	ON l.state = 'failed'::text AND pg_catalog.has_table_privilege('migrate.log'::text, 'SELECT'::text)
  LEFT JOIN LATERAL (
	SELECT j.job, j.state FROM migrate.jobs_details AS j
	 WHERE j.version_table = t.version_table AND j.finished IS NULL
	 ORDER BY j.job LIMIT 1
  ) AS j ON true
  -- the lock of a run: LOCK_CLASS of src/run/lock.c
  LEFT JOIN LATERAL (
	SELECT k.pid FROM pg_catalog.pg_locks AS k
	 WHERE k.locktype = 'advisory'::text AND k.granted AND k.objsubid = 2::smallint
	   AND k.classid = 1296648018::oid AND k.objid = t.version_oid
	   AND k.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
						  WHERE d.datname = pg_catalog.current_database())
	   AND k.pid IS NOT NULL
	 LIMIT 1
  ) AS k ON true;
COMMENT ON VIEW migrate.tenants_details IS 'each schema with a version table of its own: where it is, and how its last step ended; best read with \gx of psql';
COMMENT ON COLUMN migrate.tenants_details.schema IS 'whose version table it is';
COMMENT ON COLUMN migrate.tenants_details.state IS 'running, partial, queued or interrupted as its job, unknown (as problem says), failed (the last step, and there is one to be run), behind or current';
COMMENT ON COLUMN migrate.tenants_details.revisions IS 'rows of its version table; NULL: it could not be read';
COMMENT ON COLUMN migrate.tenants_details.pending IS 'revisions and repeatables that an upgrade to its heads would run; NULL as revisions';
COMMENT ON COLUMN migrate.tenants_details.partial IS 'revision that is partial; NULL: none';
COMMENT ON COLUMN migrate.tenants_details.last_run IS 'when its last step ended; NULL: there was none by this extension';
COMMENT ON COLUMN migrate.tenants_details.failed_revision IS 'of that step; NULL: it succeeded';
COMMENT ON COLUMN migrate.tenants_details.failed_sqlstate IS 'of its error; NULL as failed_revision';
COMMENT ON COLUMN migrate.tenants_details.failed_error IS 'message of its error; NULL as failed_revision, or you may not read migrate.log';
COMMENT ON COLUMN migrate.tenants_details.failed_detail IS 'of that error; NULL: none, or as failed_error';
COMMENT ON COLUMN migrate.tenants_details.failed_hint IS 'of that error; NULL: none, or as failed_error';
COMMENT ON COLUMN migrate.tenants_details.failed_context IS 'of that error: statement, line, attempt; NULL: none, or as failed_error';
COMMENT ON COLUMN migrate.tenants_details.pid IS 'process id of the run that is running on its version table; NULL: none';
COMMENT ON COLUMN migrate.tenants_details.job IS 'its job that has not ended; NULL: none, or it is of a role whose rights you do not have';
COMMENT ON COLUMN migrate.tenants_details.problem IS 'why it could not be read, or that a row of its version table names no revision; NULL: none';
COMMENT ON COLUMN migrate.tenants_details.next_command IS 'resumes its partial revision, or tries the one again that has failed; of a statement that ends transactions itself and whose outcome is unknown shows the decisions; NULL: it is neither partial nor failed, or it is running, or its last error asks for a decision with migrate_resolve(), which failed_hint names';

-- Fits into 80 columns for names of up to 15 characters.
CREATE VIEW migrate.tenants AS
SELECT d.schema, d.state,
	   pg_catalog."left"(pg_catalog.array_to_string(d.revisions, ', '::text), 14) AS revision, d.pending,
	   pg_catalog."left"(pg_catalog.regexp_replace(CASE
			WHEN d.pid IS NOT NULL THEN pg_catalog.format('process %s'::text, d.pid)
			WHEN d.partial IS NOT NULL THEN pg_catalog.format('in %s'::text, d.partial)
			WHEN d.job IS NOT NULL THEN pg_catalog.format('job %s'::text, d.job)
			WHEN d.state = 'failed'::text THEN pg_catalog.format('%s in %s'::text, d.failed_sqlstate, d.failed_revision)
			ELSE d.problem END, '^(?=.{23})(?:(.{8,19})\s.*|(.{19}).*)$'::text, '\1\2...'::text), 22) AS note
  FROM migrate.tenants_details AS d;
COMMENT ON VIEW migrate.tenants IS 'each schema with a version table of its own, and where it is, in 80 columns; migrate.tenants_details has more';
COMMENT ON COLUMN migrate.tenants.schema IS 'whose version table it is';
COMMENT ON COLUMN migrate.tenants.state IS 'as in migrate.tenants_details';
COMMENT ON COLUMN migrate.tenants.revision IS 'beginning of the rows of its version table; NULL: it could not be read';
COMMENT ON COLUMN migrate.tenants.pending IS 'revisions and repeatables that an upgrade to its heads would run; NULL as revision';
COMMENT ON COLUMN migrate.tenants.note IS 'the process of its run, its partial revision, its job, the error that ended its last step, or why it could not be read';

CREATE VIEW migrate.schedules_details WITH (security_barrier) AS
SELECT s.name, s.target, s.version_table, s.owner, COALESCE(s.cron, s.every::text) AS every,
	   s.window_start, s.window_end, s.time_zone, s.next_run, s.last_run, s.last_job, s.failures,
	   CASE WHEN s.origin = (SELECT pg_catalog.format('%s/%s'::text, c.system_identifier, d.oid)
							   FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS d
							  WHERE d.datname = pg_catalog.current_database()) THEN s.note
			ELSE 'it was created in another database: create it again'::text END AS note
  FROM migrate.schedule AS s
 WHERE (s.origin = (SELECT pg_catalog.format('%s/%s'::text, c.system_identifier, d.oid)
					   FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS d
					  WHERE d.datname = pg_catalog.current_database())
		-- elsewhere another role may have that OID
		AND pg_catalog.pg_has_role(s.owner_oid, 'USAGE'::text))
	OR pg_catalog.pg_has_role((SELECT e.extowner FROM pg_catalog.pg_extension AS e
							   WHERE e.extname = 'migrate'::name), 'USAGE'::text)
 ORDER BY s.name;
COMMENT ON VIEW migrate.schedules_details IS 'schedules of the roles whose rights you have, all of them, also those of another database that a dump has brought, with the rights of the extension''s owner; columns as in migrate.schedule';
COMMENT ON COLUMN migrate.schedules_details.every IS 'time between two run times, or their cron expression';
COMMENT ON COLUMN migrate.schedules_details.note IS 'as in migrate.schedule, or why no job is submitted';

-- Fits into 80 columns for names of up to 26 characters.
CREATE VIEW migrate.schedules AS
SELECT d.name,
	   pg_catalog.regexp_replace(d.every, '^(?=.{16})(.{12}).*$'::text, '\1...'::text) AS every,
	   pg_catalog.to_char(d.next_run, CASE WHEN d.next_run < pg_catalog.now() + '300 days'::interval
			THEN 'MM-DD HH24:MIOF'::text ELSE 'YYYY-MM-DD'::text END) AS next_run,
	   pg_catalog."left"(pg_catalog.regexp_replace(CASE
			WHEN d.failures > 0 THEN pg_catalog.format('failures: %s'::text, d.failures)
			WHEN d.note IS NOT NULL THEN d.note
			WHEN d.window_start IS NOT NULL
			THEN pg_catalog.format('%s-%s'::text,
				 pg_catalog."left"(d.window_start::text, 5), pg_catalog."left"(d.window_end::text, 5))
			END, '^(?=.{12})(?:(.{4,8})\s.*|(.{8}).*)$'::text, '\1\2...'::text), 11) AS note
  FROM migrate.schedules_details AS d;
COMMENT ON VIEW migrate.schedules IS 'schedules of the roles whose rights you have, all of them with the rights of the extension''s owner, in 80 columns; migrate.schedules_details has more';
COMMENT ON COLUMN migrate.schedules.every IS 'time between two run times, or their cron expression; its beginning, if it is long';
COMMENT ON COLUMN migrate.schedules.next_run IS 'the next job is submitted then, or as soon as the window opens after that; in the time zone of the session, with its offset from UTC; far from now the date alone';
COMMENT ON COLUMN migrate.schedules.note IS 'how many of its jobs have failed since the last one that did not; the beginning of what migrate.schedules_details notes; otherwise the window';

-- Fits into 80 columns for names of up to 20 characters.
CREATE VIEW migrate.batches WITH (security_barrier) AS
SELECT COALESCE(b.name, pg_catalog.format('%s %s %s'::text, b.revision, b.operation, b.statement)) AS batch,
	   CASE WHEN b.finished IS NOT NULL THEN 'done'::text
			WHEN EXISTS (
				-- MIG_BATCH_LOCK of src/tables/batch.h; the lock of a run
				SELECT FROM pg_catalog.pg_locks AS l
				 WHERE l.locktype = 'advisory'::text AND l.granted AND l.objsubid = 2::smallint
				   AND CASE WHEN b.name IS NULL
						THEN l.classid = 1296648018::oid AND l.objid = b.version_oid
						ELSE l.classid = 1296648003::oid
						 AND l.objid = (pg_catalog.hashtext(b.name)::bigint & 4294967295::bigint)::oid END
				   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
									  WHERE d.datname = pg_catalog.current_database())) THEN 'running'::text
			ELSE 'interrupted'::text END AS state,
	   b.rows,
	   CASE WHEN b.finished IS NOT NULL THEN 100
			WHEN b.keys < b.total THEN (b.keys * 100 / b.total)::integer END AS percent,
	   (b.keys / NULLIF(b.seconds, 0))::bigint AS per_second,
	   CASE WHEN b.finished IS NULL AND b.keys > 0 AND b.keys < b.total THEN
			pg_catalog.date_trunc('second'::text, pg_catalog.make_interval(secs => (b.total - b.keys) * b.seconds / b.keys)) END AS time_left
  FROM migrate.batch AS b
 WHERE pg_catalog.pg_has_role((
		-- MIG_SPI_IS_NOTED_ROLE of src/base/spi.h
		SELECT r.oid FROM pg_catalog.pg_roles AS r
		 WHERE CASE WHEN b.origin = (SELECT pg_catalog.format('%s/%s'::text, c.system_identifier, d.oid)
									   FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS d
									  WHERE d.datname = pg_catalog.current_database())
			   THEN r.oid = b.role_oid ELSE r.rolname = b.role END), 'USAGE'::text)
	OR pg_catalog.pg_has_role((SELECT e.extowner FROM pg_catalog.pg_extension AS e
							   WHERE e.extname = 'migrate'::name), 'USAGE'::text)
 ORDER BY b.started;
COMMENT ON VIEW migrate.batches IS 'batches of the roles whose rights you have, all of them with the rights of the extension''s owner, in 80 columns; migrate.batch has more';
COMMENT ON COLUMN migrate.batches.batch IS 'its name; or revision, operation and position of the statement';
COMMENT ON COLUMN migrate.batches.state IS 'running, interrupted (the same call resumes it) or done';
COMMENT ON COLUMN migrate.batches.rows IS 'rows that the statement was about, as its command tag says';
COMMENT ON COLUMN migrate.batches.percent IS 'of the keys, by an estimate made when it began; NULL: unknown, or there are more than that';
COMMENT ON COLUMN migrate.batches.per_second IS 'keys in a second, pauses included';
COMMENT ON COLUMN migrate.batches.time_left IS 'by these two; NULL: unknown, or done';

CREATE VIEW migrate.progress_details AS
SELECT p.pid, p.via, p.job, r.rolname AS role, p.operation, p.revision, p.step, p.steps,
	   p.statement, p.statements, p.attempt, p.query, p.started,
	   p.elapsed, p.statement_elapsed,
	   COALESCE(p.waiting_for, pg_catalog.pg_blocking_pids(p.pid)) AS waiting_for,
	   COALESCE(p.waiting, q.waiting) AS waiting,
	   COALESCE(p.blocked_by, q.blocked_by) AS blocked_by,
	   s.command, s.phase, s.done, s.total,
	   s.per_second,
	   CASE WHEN s.done > 0 AND s.done < s.total THEN
			pg_catalog.date_trunc('second'::text, pg_catalog.make_interval(secs => (s.total - s.done) / s.per_second::double precision)) END AS time_left
  FROM @extschema@.migrate_progress() AS p
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = p.role
  -- in the lock queue, which the server knows
  LEFT JOIN LATERAL (
	SELECT pg_catalog.clock_timestamp() - pg_catalog.min(k.waitstart) AS waiting,
		   pg_catalog.string_agg(CASE
			WHEN h.pid IS NULL
			THEN pg_catalog.format('prepared transaction %L, %s'::text, x.gid, o.what)
			ELSE pg_catalog.format('process %s (role %s, application %L%s), %s'::text,
				 h.pid, a.usename, a.application_name,
				 ', '::text || a.state || ' for '::text || GREATEST(0, EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.state_change)::bigint) || ' s'::text,
				 o.what) END,
			'; '::text ORDER BY h.pid) AS blocked_by
	  FROM pg_catalog.pg_locks AS k
	  JOIN pg_catalog.pg_locks AS h
		ON h.locktype = k.locktype
	   AND h.pid IS DISTINCT FROM k.pid
	   AND (h.pid = ANY (pg_catalog.pg_blocking_pids(k.pid)) OR h.pid IS NULL AND 0 = ANY (pg_catalog.pg_blocking_pids(k.pid)))
	   AND h.database IS NOT DISTINCT FROM k.database AND h.relation IS NOT DISTINCT FROM k.relation
	   AND h.page IS NOT DISTINCT FROM k.page AND h.tuple IS NOT DISTINCT FROM k.tuple
	   AND h.virtualxid IS NOT DISTINCT FROM k.virtualxid
	   AND h.transactionid::text IS NOT DISTINCT FROM k.transactionid::text
	   AND h.classid IS NOT DISTINCT FROM k.classid AND h.objid IS NOT DISTINCT FROM k.objid
	   AND h.objsubid IS NOT DISTINCT FROM k.objsubid
	 CROSS JOIN LATERAL (SELECT CASE
			WHEN h.virtualxid IS NULL AND h.transactionid IS NULL
			THEN pg_catalog.concat('which '::text, CASE WHEN h.granted THEN 'holds '::text ELSE 'waits for '::text END, h.mode,
				 ' on '::text || pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, h.relation, 0))
			WHEN h.pid IS NULL THEN 'which has to end first'::text
			ELSE 'whose transaction has to end first'::text END) AS o (what)
	  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = h.pid
	  LEFT JOIN (pg_catalog.pg_prepared_xacts AS x
			JOIN pg_catalog.pg_locks AS v ON v.pid IS NULL AND v.granted AND v.transactionid::text = x.transaction::text)
		ON h.pid IS NULL AND v.virtualtransaction = h.virtualtransaction
	 WHERE k.pid = p.pid AND NOT k.granted
  ) AS q ON p.waiting IS NULL
  LEFT JOIN (
	SELECT i.pid, i.command, i.phase,
		   CASE WHEN i.blocks_total > 0 THEN i.blocks_done
				WHEN i.lockers_total > 0 THEN i.lockers_done ELSE i.tuples_done END AS done,
		   CASE WHEN i.blocks_total > 0 THEN i.blocks_total
				WHEN i.lockers_total > 0 THEN i.lockers_total ELSE i.tuples_total END AS total,
		   NULL::bigint AS per_second, NULL::timestamptz AS updated
	  FROM pg_catalog.pg_stat_progress_create_index AS i
	UNION ALL
	SELECT v.pid, 'VACUUM'::text, v.phase, v.heap_blks_scanned, v.heap_blks_total, NULL::bigint, NULL::timestamptz
	  FROM pg_catalog.pg_stat_progress_vacuum AS v
	UNION ALL
	SELECT c.pid, c.command, c.phase, c.heap_blks_scanned, c.heap_blks_total, NULL::bigint, NULL::timestamptz
	  FROM pg_catalog.pg_stat_progress_cluster AS c
	UNION ALL
	SELECT a.pid, 'ANALYZE'::text, a.phase, a.sample_blks_scanned, a.sample_blks_total, NULL::bigint, NULL::timestamptz
	  FROM pg_catalog.pg_stat_progress_analyze AS a
	UNION ALL
	SELECT b.pid, 'CALL migrate_batch'::text, b.relation, b.keys, b.total,
		   NULLIF((b.keys / NULLIF(b.seconds, 0))::bigint, 0), b.updated
	  FROM migrate.batch AS b
	 WHERE b.finished IS NULL
  ) AS s ON s.pid = p.pid AND (s.updated IS NULL OR s.updated >= p.started)
 ORDER BY p.started;
COMMENT ON VIEW migrate.progress_details IS 'the runs that are running in this database, a row for each; empty if the server has no shared memory for that';
COMMENT ON COLUMN migrate.progress_details.pid IS 'process id of the session or the worker';
COMMENT ON COLUMN migrate.progress_details.via IS 'how the run was started: function, procedure or worker';
COMMENT ON COLUMN migrate.progress_details.job IS 'number of the worker''s job; NULL: no worker';
COMMENT ON COLUMN migrate.progress_details.role IS 'role whose rights the bodies have';
COMMENT ON COLUMN migrate.progress_details.operation IS 'upgrade, downgrade or stamp; NULL: the run waits for another one, or makes its plan, or it is no run but a call of migrate_batch()';
COMMENT ON COLUMN migrate.progress_details.revision IS 'the current revision; NULL as operation';
COMMENT ON COLUMN migrate.progress_details.step IS 'position of the revision in the run, from 1; NULL as operation';
COMMENT ON COLUMN migrate.progress_details.steps IS 'number of revisions of the run; NULL as operation';
COMMENT ON COLUMN migrate.progress_details.statement IS 'position in the body, from 1, of the current statement, or of the one before which the run waits; NULL: none, or you may not see it';
COMMENT ON COLUMN migrate.progress_details.statements IS 'number of statements of the body; NULL: no statement is being run, or you may not see it';
COMMENT ON COLUMN migrate.progress_details.attempt IS 'of the current revision or segment, from 1';
COMMENT ON COLUMN migrate.progress_details.query IS 'text of the statement, its first 1023 bytes; NULL: you may not see it in pg_stat_activity';
COMMENT ON COLUMN migrate.progress_details.started IS 'begin of the run';
COMMENT ON COLUMN migrate.progress_details.elapsed IS 'since the run began';
COMMENT ON COLUMN migrate.progress_details.statement_elapsed IS 'since the statement began; NULL: the run waits before it, or as statement';
COMMENT ON COLUMN migrate.progress_details.waiting_for IS 'process ids that block it, in the lock queue or outside of it; 0: a prepared transaction';
COMMENT ON COLUMN migrate.progress_details.waiting IS 'for how long; NULL: it does not wait';
COMMENT ON COLUMN migrate.progress_details.blocked_by IS 'their roles, applications, states, locks and tables, as far as you may see that; NULL: it does not wait';
COMMENT ON COLUMN migrate.progress_details.command IS 'statement whose progress is known: CREATE INDEX, VACUUM, CALL migrate_batch, ...; NULL: none';
COMMENT ON COLUMN migrate.progress_details.phase IS 'as the server reports it; the table of a batch';
COMMENT ON COLUMN migrate.progress_details.done IS 'blocks, lockers, rows or keys that are done in this phase';
COMMENT ON COLUMN migrate.progress_details.total IS 'blocks, lockers, rows or keys of this phase; of keys an estimate';
COMMENT ON COLUMN migrate.progress_details.per_second IS 'keys of a batch in a second, pauses included; NULL: no batch';
COMMENT ON COLUMN migrate.progress_details.time_left IS 'of a batch, by that and an estimate of its keys; NULL: unknown';

CREATE VIEW migrate.progress AS
SELECT d.pid, d.revision,
	   CASE WHEN d.step IS NOT NULL THEN pg_catalog.format('%s of %s'::text, d.step, d.steps) END AS step,
	   pg_catalog.date_trunc('second'::text, d.elapsed) AS elapsed,
	   CASE WHEN d.waiting IS NOT NULL THEN
			pg_catalog.format('%s%s (%s s)'::text,
				CASE d.waiting_for[1] WHEN 0 THEN 'prepared'::text ELSE d.waiting_for[1]::text END,
				' +'::text || NULLIF(GREATEST(pg_catalog.cardinality(d.waiting_for) - 1, 0), 0)::text, EXTRACT(epoch FROM d.waiting)::bigint) END AS waiting_for,
	   pg_catalog."left"(CASE
			WHEN d.per_second IS NOT NULL THEN CASE WHEN d.done < d.total THEN pg_catalog.format('batch: %s %%'::text, d.done * 100 / d.total)
				ELSE pg_catalog.concat(d.done, ' keys'::text) END
			ELSE pg_catalog.regexp_replace(COALESCE(d.query, d.command), '\s+'::text, ' '::text, 'g'::text) END, 13) AS query
  FROM migrate.progress_details AS d;
COMMENT ON VIEW migrate.progress IS 'the runs that are running in this database, a row for each, in 80 columns; migrate.progress_details has more';
COMMENT ON COLUMN migrate.progress.pid IS 'process id of the session or the worker';
COMMENT ON COLUMN migrate.progress.revision IS 'the current revision; NULL: the run waits for another one, or makes its plan';
COMMENT ON COLUMN migrate.progress.step IS 'position of the revision in the run; NULL as revision';
COMMENT ON COLUMN migrate.progress.elapsed IS 'in seconds, since the run began';
COMMENT ON COLUMN migrate.progress.waiting_for IS 'a process id that blocks it, or prepared: a prepared transaction; how many others do, and for how many seconds; NULL: it does not wait';
COMMENT ON COLUMN migrate.progress.query IS 'beginning of the current statement, or of the one before which the run waits, or of its command where you may not see it in pg_stat_activity; of a batch how much is done, or how many keys where there are more than was estimated; NULL: none';

CREATE VIEW migrate.hooks AS
SELECT h.event,
	   pg_catalog.format('%I.%I(jsonb)'::text, COALESCE(n.nspname, h.function_schema), COALESCE(p.proname, h.function_name)) AS function,
	   h.registered_by,
	   CASE WHEN p.oid IS NULL THEN 'does not exist'::text END AS problem
  FROM migrate.hook AS h
 CROSS JOIN (SELECT pg_catalog.format('%s/%s'::text, c.system_identifier, b.oid) AS origin
			   FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS b
			  WHERE b.datname = pg_catalog.current_database()) AS o
  LEFT JOIN (pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace)
	-- as src/tables/hook.c finds it
	ON CASE WHEN h.origin = o.origin THEN p.oid = h.function_oid
			ELSE n.nspname = h.function_schema AND p.proname = h.function_name
			 AND p.prokind = 'f'::"char" AND NOT p.proretset AND p.prorettype = 'pg_catalog.void'::regtype
			 AND p.pronargs = 1 AND p.proargtypes[0] = 'pg_catalog.jsonb'::regtype END
 ORDER BY pg_catalog.array_position(ARRAY['before_run'::text, 'before_step'::text, 'after_step'::text, 'after_run'::text, 'on_error'::text], h.event),
	   h.registered_at, h.hook;
COMMENT ON VIEW migrate.hooks IS 'the functions that runs call, in this order, in 80 columns';
COMMENT ON COLUMN migrate.hooks.event IS 'before_run, before_step, after_step, after_run or on_error';
COMMENT ON COLUMN migrate.hooks.function IS 'as it is called now, or was when it was registered';
COMMENT ON COLUMN migrate.hooks.registered_by IS 'role that registered it';
COMMENT ON COLUMN migrate.hooks.problem IS 'does not exist: the function was dropped, and each run is refused until the hook is removed with migrate_unhook(); NULL: none';

-- For a monitoring system; what is not selected is not computed.
CREATE VIEW migrate.health AS
SELECT @extschema@.migrate_is_current('heads'::text) AS current,
	   s.pending,
	   -- a run ends before them, by the setting of this session
	   CASE WHEN pg_catalog.current_setting('migrate.require_approval'::text, true)::boolean THEN s.unapproved ELSE 0 END AS held,
	   s.partial, s.unknown, s.failed,
	   (SELECT pg_catalog.count(*) FROM migrate.job AS j
		 WHERE j.origin = o.origin
		   AND (j.state = 'queued'::text AND j.run_at < pg_catalog.now() - '10 min'::interval
				OR j.state = 'running'::text AND NOT EXISTS (
				-- the worker's lock: MIG_JOB_LOCK of src/tables/job.h
				SELECT FROM pg_catalog.pg_locks AS l
				 WHERE l.locktype = 'advisory'::text AND l.granted AND l.objsubid = 2::smallint
				   AND l.classid = 1296648010::oid
				   AND l.objid = (j.job & 2147483647::bigint)::oid
				   AND l.database = o.database
				   AND l.mode = 'ExclusiveLock'::text)))
	   + (SELECT pg_catalog.count(*) FROM migrate.schedule AS c
		   WHERE c.origin = o.origin AND c.failures > 0) AS jobs,
	   CASE WHEN EXISTS (SELECT FROM migrate.snapshot)
			THEN (SELECT pg_catalog.count(*) FROM @extschema@.migrate_drift()) END AS drift,
	   -- asked only where it is known, because it says that otherwise
	   CASE WHEN pg_catalog.current_setting('server_version_num'::text)::integer >= 170000
			  OR EXISTS (SELECT FROM pg_catalog.pg_settings AS g
						  WHERE g.name = 'shared_preload_libraries'::text AND g.setting ~ '\mmigrate\M'::text)
			THEN (SELECT EXTRACT(epoch FROM pg_catalog.max(p.waiting))::bigint FROM migrate.progress_details AS p) END AS waiting
  FROM (SELECT pg_catalog.count(*) FILTER (WHERE d.state = 'pending'::text) AS pending,
			   pg_catalog.count(*) FILTER (WHERE d.state = 'pending'::text AND d.approved_by IS NULL) AS unapproved,
			   pg_catalog.count(*) FILTER (WHERE d.state = 'partial'::text AND d.pid IS NULL) AS partial,
			   pg_catalog.count(*) FILTER (WHERE d.state = 'unknown'::text) AS unknown,
			   pg_catalog.count(*) FILTER (WHERE d.failed_sqlstate IS NOT NULL OR d.refused_at IS NOT NULL) AS failed
		  FROM migrate.status_details AS d) AS s,
	   (SELECT b.oid AS database,
			   pg_catalog.format('%s/%s'::text, c.system_identifier, b.oid) AS origin
		  FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS b
		 WHERE b.datname = pg_catalog.current_database()) AS o;
COMMENT ON VIEW migrate.health IS 'one row for a monitoring system, in 80 columns';
COMMENT ON COLUMN migrate.health.current IS 'whether every revision is applied, and no row of the version table is unknown; NULL: nothing is registered';
COMMENT ON COLUMN migrate.health.pending IS 'revisions that are not applied';
COMMENT ON COLUMN migrate.health.held IS 'pending revisions that wait for approval; 0: none, or migrate.require_approval is off in this session';
COMMENT ON COLUMN migrate.health.partial IS 'revisions that were interrupted or have failed half done: until one is resumed or decided about no other runs; none that a run is working on';
COMMENT ON COLUMN migrate.health.unknown IS 'rows of the version table that name no revision';
COMMENT ON COLUMN migrate.health.failed IS 'revisions whose last run failed, or ended before its first attempt; a downgrade of which nothing is left counts until another run succeeds; none that waits for approval';
COMMENT ON COLUMN migrate.health.jobs IS 'jobs that have been due for ten minutes or have lost their worker, and schedules whose last job failed; of all roles';
COMMENT ON COLUMN migrate.health.drift IS 'rows of migrate_drift(), which reads the whole schema; NULL: it is not tracked';
COMMENT ON COLUMN migrate.health.waiting IS 'seconds for which the run that waits longest has waited for other sessions; NULL: none waits, or the progress of runs is not available';

-- Privileges -----------------------------------------------------------

CREATE FUNCTION @extschema@.migrate_guard()
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'migrate_guard';
COMMENT ON FUNCTION @extschema@.migrate_guard()
	IS 'never granted: a role that may execute it was granted every function by accident, and is refused by those that are granted on purpose';

-- Everything is its owner's alone, whatever ALTER DEFAULT PRIVILEGES has said
-- before: in functions, tables, sequences, types and the schema of the tables.
DO $$
DECLARE
	object text;
	grantees text;
BEGIN
	FOR object, grantees IN
		SELECT o.name, pg_catalog.concat_ws(', ', 'PUBLIC', (
			SELECT pg_catalog.string_agg(DISTINCT a.grantee::pg_catalog.regrole::text, ', ')
			  FROM pg_catalog.aclexplode(o.acl) AS a
			 WHERE a.grantee <> o.owner AND a.grantee <> 0))
		  FROM (
			SELECT 'ROUTINE ' || p.oid::pg_catalog.regprocedure::text, p.proacl, p.proowner, p.oid, 'pg_proc'
			  FROM pg_catalog.pg_proc AS p
			UNION ALL
			SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::pg_catalog.regclass::text, c.relacl, c.relowner, c.oid, 'pg_class'
			  FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'v', 'S')
			UNION ALL
			SELECT 'TYPE ' || t.oid::pg_catalog.regtype::text, t.typacl, t.typowner, t.oid, 'pg_type'
			  FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid AND c.relkind = 'c'
			UNION ALL
			SELECT 'SCHEMA ' || n.nspname, n.nspacl, n.nspowner, n.oid, 'pg_namespace'
			  FROM pg_catalog.pg_namespace AS n
		  ) AS o (name, acl, owner, oid, catalog)
		 WHERE o.name = 'SCHEMA migrate' OR EXISTS (
			SELECT FROM pg_catalog.pg_depend AS d
			  JOIN pg_catalog.pg_extension AS e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
			 WHERE e.extname = 'migrate' AND d.deptype = 'e'
			   AND d.classid = o.catalog::pg_catalog.regclass AND d.objid = o.oid)
	LOOP
		EXECUTE pg_catalog.format('GRANT ALL ON %s TO CURRENT_USER', object);
		EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %s CASCADE', object, grantees);
	END LOOP;
END$$;

-- What changes state or runs a body, and what shows bodies, is granted on
-- purpose; these questions tell as much as the system catalogs do.
GRANT EXECUTE ON FUNCTION
	@extschema@.migrate_current(),
	@extschema@.migrate_heads(boolean),
	@extschema@.migrate_branches(),
	@extschema@.migrate_history(text),
	@extschema@.migrate_graph(text, text),
	@extschema@.migrate_history_details(text),
	@extschema@.migrate_plan(text, text),
	@extschema@.migrate_plan_details(text, text),
	@extschema@.migrate_doctor(),
	@extschema@.migrate_doctor_details(),
	@extschema@.migrate_is_current(text),
	@extschema@.migrate_locked_out(),
	@extschema@.migrate_progress(),
	@extschema@.migrate_tenants(),
	@extschema@.migrate_schema(boolean, boolean),
	@extschema@.migrate_fingerprint(boolean, boolean)
TO PUBLIC;

-- The server's role for monitoring sees the statements of all sessions anyway.
GRANT USAGE ON SCHEMA migrate TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.migrate_drift() TO pg_monitor;
GRANT SELECT ON migrate.status, migrate.status_details, migrate.resource_usage,
	migrate.resource_usage_details, migrate.progress, migrate.progress_details, migrate.batches,
	migrate.jobs, migrate.jobs_details, migrate.schedules, migrate.schedules_details,
	migrate.hooks, migrate.health, migrate.tenants, migrate.tenants_details TO pg_monitor;
