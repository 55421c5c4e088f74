"""Registers the revisions of an Alembic project with the extension migrate.

In env.py, call run_migrations(context) of this module where context.run_migrations()
was called.  Without -x migrate=... it does the same.  With it

    alembic -x migrate=register upgrade heads

renders the upgrade and the downgrade of each revision as SQL, by itself, and
registers all of them in the database that env.py has connected to, or none.  With
--sql it prints what it would register.
"""

from __future__ import annotations

import datetime
import decimal
import json
import os
import re
import sys
import traceback
import uuid
from contextlib import contextmanager
from typing import Any, Iterator, Sequence

from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table
from sqlalchemy import JSON, TypeDecorator, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.exc import CompileError, DBAPIError, NoInspectionAvailable
from sqlalchemy.sql.elements import TextClause

WORDS = ("register", "replace", "prune", "stop")

# Stands for a tab, which Alembic replaces by spaces where it writes SQL.
TAB = "\ue000\ue001\ue000"

# A line with which the file format of the extension would begin something else.
FORMAT_LINE = re.compile(r"^[ \t]*--[ \t]*(migrate:|revision:|file:)", re.M)

# What changes rows of Alembic's version table, which the extension does itself.
VERSION_ROWS = r'^(INSERT\s+INTO|UPDATE|DELETE\s+FROM|DROP\s+TABLE(\s+IF\s+EXISTS)?)\s+([\w"]+\.)?"?%s"?(\s|$)'

BEGIN = re.compile(r"^(BEGIN|START\s+TRANSACTION)(\s+(WORK|TRANSACTION))?$", re.I)
COMMIT = re.compile(r"^(COMMIT|END)(\s+(WORK|TRANSACTION))?$", re.I)
ROLLBACK = re.compile(r"^(ROLLBACK|ABORT)(\s+(WORK|TRANSACTION))?$", re.I)

# What only creates or drops what is not there, or is.
CREATE = re.compile(r"^(CREATE\s+(TABLE|SEQUENCE|SCHEMA|(UNIQUE\s+)?INDEX(\s+CONCURRENTLY)?))\s+(?!IF\s)", re.I)
DROP = re.compile(r"^(DROP\s+(TABLE|SEQUENCE|SCHEMA|TYPE|DOMAIN|INDEX(\s+CONCURRENTLY)?))\s+(?!IF\s)", re.I)
CREATE_TYPE = re.compile(r"^CREATE\s+(TYPE|DOMAIN)\s", re.I)


def run_migrations(context: Any, **arguments: Any) -> None:
    """Takes the place of context.run_migrations() in env.py."""
    words = _words(context.get_x_argument())
    if not words:
        context.run_migrations(**arguments)
        return
    environment = context.get_context().environment_context
    revisions = _render_all(environment, arguments, words)
    if environment.is_offline_mode():
        _print(environment, revisions, words)
    else:
        _register(environment, revisions, words)


def include_name(name: "str | None", type_: str, parents: Any) -> bool:
    """For context.configure(include_schemas=True, include_name=...): autogenerate
    leaves the extension's own tables alone."""
    return not (type_ == "schema" and name == "migrate")


def _words(x_arguments: Sequence[str]) -> "list[str]":
    """What -x migrate=register,... asks for."""
    words = []
    for argument in x_arguments:
        key, _, value = argument.partition("=")
        if key == "migrate":
            words += [word.strip() for word in value.split(",")]
    for word in words:
        if word not in WORDS:
            raise CommandError(f'-x migrate={word} does not exist: it is register, and with it {", ".join(WORDS[1:])}')
    if words and "register" not in words:
        raise CommandError(f'-x migrate={",".join(words)} lacks register')
    return words


# Revisions -----------------------------------------------------------------


class NotRendered(Exception):
    """Why a body is not there as SQL."""


class OnlineOnly(NotRendered):
    """A body needs a database."""


class Revision:
    """A revision of the project, with its bodies as texts of the file format."""

    def __init__(self, script: Any, path: str) -> None:
        self.script = script
        self.id: str = script.revision
        self.source = path
        self.path = os.path.splitext(path)[0] + ".sql"
        self.upgrade = ""
        self.external = False
        self.downgrade: "str | None" = None
        self.problem = ""
        self.note = ""

    def text(self) -> str:
        module = self.script.module
        lines = [f"-- revision: {self.id}"]
        for key, names in (
            ("down_revision", self.script.down_revision),
            ("depends_on", self.script.dependencies),
            ("branch_labels", getattr(module, "branch_labels", None)),
        ):
            # As Alembic's files do, a base says that it is one.
            if names or key == "down_revision":
                lines.append(f"-- {key}: {', '.join(_tuple(names or ()))}".rstrip())
        message = " ".join(self.script.doc.split())
        if message:
            lines.append(f"-- message: {message}")
        if self.external:
            lines.append(f"-- external: run upgrade() of Alembic's revision {self.id}")
        return "\n".join(lines) + "\n" + self.upgrade + (self.downgrade or "")


def _tuple(names: Any) -> "tuple[str, ...]":
    return (names,) if isinstance(names, str) else tuple(names)


def _render_all(environment: Any, arguments: Any, words: Sequence[str]) -> "list[Revision]":
    """Renders what the command would run in an empty database, in that order."""
    context = environment.get_context()
    if context.impl.__dialect__ != "postgresql":
        raise CommandError(f"-x migrate=register needs PostgreSQL, and env.py has configured {context.dialect.name}")
    steps = _steps(context)
    scripts = [step.revision for step in steps]
    if "prune" in words and len(scripts) < len(list(context.script.walk_revisions())):
        raise CommandError("-x migrate=register,prune is for all revisions: alembic -x migrate=register,prune upgrade heads")
    directory = os.path.abspath(context.script.dir)
    revisions = [Revision(script, os.path.relpath(script.path, directory)) for script in scripts]
    with _offline(environment) as renderer:
        for revision in revisions:
            renderer.render(revision, arguments)
    _report(revisions, "stop" in words)
    return revisions


def _steps(context: Any) -> "list[Any]":
    function = context.opts.get("fn")
    heads = context.get_current_heads() if context.as_sql else ()
    steps = list(function(heads, context)) if function else []
    if not steps or not all(getattr(step, "is_upgrade", False) and hasattr(step, "revision") for step in steps):
        raise CommandError("-x migrate=register goes with the command upgrade: alembic -x migrate=register upgrade heads")
    return steps


def _report(revisions: Sequence[Revision], stop: bool) -> None:
    """Says what is not registered as it is; ends the command if that is an upgrade."""
    for revision in revisions:
        if revision.note:
            _say(f"{revision.id}: irreversible here: {revision.note}")
    problems = [revision for revision in revisions if revision.problem]
    for revision in problems:
        _say(f"{revision.id}: works only online: {revision.problem}")
        revision.upgrade = _section("up", [])
        revision.external = True
    if problems and not stop:
        raise CommandError(
            f"nothing was registered: {len(problems)} of {len(revisions)} revisions cannot be written as SQL. "
            "Change them, or say -x migrate=register,stop, which registers them as external steps: "
            "a run ends before them until Alembic has run them"
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr)


# Rendering -----------------------------------------------------------------


@contextmanager
def _offline(environment: Any) -> "Iterator[Renderer]":
    """Configures env.py's context for --sql, as far as revisions see it, and back."""
    online = environment.get_context()
    saved = dict(environment.context_opts)
    buffer = Statements()
    options = dict(saved, as_sql=True, literal_binds=True, transactional_ddl=True, output_buffer=buffer)
    options.pop("output_encoding", None)
    environment.context_opts.pop("output_encoding", None)
    environment.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, **options)
    context = environment.get_context()
    _complete_dialect(context.dialect, online.dialect)
    context.connection = context.impl.connection = OfflineConnection(context, online.dialect.paramstyle)
    event.listen(Engine, "before_cursor_execute", _refuse)
    try:
        with Operations.context(context):
            yield Renderer(context, buffer)
    finally:
        event.remove(Engine, "before_cursor_execute", _refuse)
        environment.context_opts.clear()
        environment.context_opts.update(saved)
        if online.as_sql:
            environment.configure(dialect_name="postgresql", **saved)
        else:
            environment.configure(connection=online.connection, **saved)


def _refuse(connection: Any, *arguments: Any) -> None:
    raise OnlineOnly(f"it runs statements on another connection, to {connection.engine.url!r}")


def _complete_dialect(dialect: Any, online: Any) -> None:
    """Lets a dialect render what the driver would send."""

    class StatementCompiler(Literals, dialect.statement_compiler):
        pass

    class DDLCompiler(Tabs, dialect.ddl_compiler):
        pass

    dialect.statement_compiler = StatementCompiler
    dialect.ddl_compiler = DDLCompiler
    # As the server has it; without one SQLAlchemy doubles backslashes.
    dialect._backslash_escapes = False
    dialect.server_version_info = online.server_version_info
    dialect.default_schema_name = online.default_schema_name


class Tabs:
    """Keeps tabs."""

    def __str__(self) -> str:
        return super().__str__().replace("\t", TAB)


class Literals(Tabs):
    """Renders values for which SQLAlchemy leaves it to the driver."""

    def render_literal_bindparam(self, bindparam: Any, *arguments: Any, **more: Any) -> str:
        if bindparam.value is None and bindparam.callable is None:
            # A type can have a value for it, as JSON has.
            return _literal(self._bound(None, bindparam.type))
        return super().render_literal_bindparam(bindparam, *arguments, **more)

    def render_literal_value(self, value: Any, type_: Any) -> str:
        # Its own literals of these differ from what the driver sends, or fail.
        if isinstance(value, (bytes, bytearray, memoryview, datetime.timedelta)):
            return _literal(value)
        if isinstance(value, (list, tuple)):
            literal = _literal(self._bound(value, type_))
            if literal is not None:
                return literal
        try:
            return super().render_literal_value(value, type_)
        except (CompileError, NotImplementedError):
            literal = _literal(self._bound(value, type_))
            if literal is None:
                raise
            return literal

    def _bound(self, value: Any, type_: Any) -> Any:
        impl = type_.dialect_impl(self.dialect)
        process = impl.bind_processor(self.dialect)
        bound = process(value) if process else value
        while isinstance(impl, TypeDecorator):
            impl = impl.impl
        if isinstance(impl, JSON) and (process is None or not isinstance(bound, str)):
            # The driver makes JSON of it, perhaps of an object of its own.
            bound = getattr(bound, "obj", bound)
            bound = json.dumps(bound) if bound is not None or type_.should_evaluate_none else None
        return bound


def _literal(value: Any) -> "str | None":
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, decimal.Decimal)):
        return f"'{value}'" if value != value or value in (float("inf"), float("-inf")) else str(value)
    if isinstance(value, datetime.datetime):
        return f"'{value.isoformat(' ')}'"
    if isinstance(value, (datetime.date, datetime.time)):
        return f"'{value.isoformat()}'"
    if isinstance(value, datetime.timedelta):
        return f"'{value.days} days {value.seconds}.{value.microseconds:06} seconds'::interval"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"'\\x{bytes(value).hex()}'::bytea"
    if isinstance(value, (str, uuid.UUID)):
        return "'" + str(value).replace("'", "''") + "'"
    if isinstance(value, (list, tuple)):
        items = [_literal(item) for item in value]
        return None if None in items else f"ARRAY[{', '.join(items)}]" if items else "'{}'"
    return None


class Statements:
    """What Alembic writes to: each statement comes by itself."""

    def __init__(self) -> None:
        self.statements: "list[str]" = []

    def write(self, written: str) -> None:
        statement = written.strip()
        statement = (statement[:-1] if statement.endswith(";") else statement).strip().replace(TAB, "\t")
        if statement.strip(";"):
            self.statements.append(statement)

    def flush(self) -> None:
        pass


class OfflineConnection(MockConnection):
    """What op.get_bind() returns: statements are written, and rows are not read."""

    def __init__(self, context: Any, paramstyle: str) -> None:
        super().__init__(context.dialect, None)
        self._context = context
        self._doubles_percents = paramstyle in ("format", "pyformat")
        self._checks = 0
        self.reads: "list[str]" = []
        # An attribute of the class above in SQLAlchemy 1.4
        self.execute = self._run

    def _run(self, statement: Any, *parameters: Any, **more: Any) -> "Result":
        more.pop("execution_options", None)
        rows = list(parameters[0]) if parameters and isinstance(parameters[0], (list, tuple)) else list(parameters[:1])
        rows += [more] if more else []
        if isinstance(statement, str):
            return self.exec_driver_sql(statement, *rows)
        for row in rows or [None]:
            if not row:
                self._write(statement)
            elif isinstance(statement, TextClause):
                self._write(statement.bindparams(**row))
            elif getattr(statement, "is_insert", False):
                self._write(statement.values(row))
            else:
                self._write(statement.params(row))
        return Result(self, statement)

    def exec_driver_sql(self, statement: str, parameters: Any = None, *more: Any) -> "Result":
        if parameters:
            raise OnlineOnly("it gives a statement parameters of the driver; write it with sqlalchemy.text()")
        written = statement.replace("%%", "%") if self._doubles_percents else statement
        self._context.impl.static_output(written.replace("\t", TAB).strip() + ";")
        return Result(self, statement)

    def scalar(self, *arguments: Any, **more: Any) -> Any:
        return self._run(*arguments, **more).scalar()

    scalars = scalar

    def _write(self, statement: Any) -> None:
        if not self._checks:
            self._context.impl.execute(statement)
            return
        written = str(statement.compile(dialect=self.dialect)).strip()
        if CREATE_TYPE.match(written):
            written = f"DO $type$BEGIN\n{written};\nEXCEPTION WHEN duplicate_object THEN NULL;\nEND$type$"
        elif CREATE.match(written):
            written = CREATE.sub(r"\1 IF NOT EXISTS ", written)
        elif DROP.match(written):
            written = DROP.sub(r"\1 IF EXISTS ", written)
        elif not written.startswith("COMMENT ON"):
            raise OnlineOnly("it creates what is not there yet (checkfirst): " + _beginning(written))
        self._context.impl.static_output(written + ";")

    def _run_ddl_visitor(self, visitor: Any, element: Any, *arguments: Any, **options: Any) -> None:
        checks = bool(options.get("checkfirst"))
        self._checks += checks
        try:
            super()._run_ddl_visitor(visitor, element, *arguments, **options)
        finally:
            self._checks -= checks

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"op.get_bind().{name} needs a connection")


class Result:
    """What a statement returns that was not run."""

    def __init__(self, connection: OfflineConnection, statement: Any) -> None:
        self._connection = connection
        self._statement = statement

    def _read(self, *arguments: Any, **more: Any) -> Any:
        if isinstance(self._statement, str):
            statement = self._statement
        else:
            statement = str(self._statement.compile(dialect=self._connection.dialect)).replace(TAB, "\t")
        reason = "it looks at the result of " + _beginning(statement)
        # Also where the body catches the error.
        self._connection.reads.append(reason)
        raise OnlineOnly(reason)

    def __getattr__(self, name: str) -> Any:
        return self._read()

    __iter__ = __bool__ = __len__ = __getitem__ = __next__ = __enter__ = _read


def _beginning(statement: str) -> str:
    words = " ".join(statement.split())
    return words if len(words) <= 60 else words[:57] + "..."


class Renderer:
    """Renders bodies, with env.py's context configured for it."""

    def __init__(self, context: Any, buffer: Statements) -> None:
        self._context = context
        self._buffer = buffer
        self._version_rows = re.compile(VERSION_ROWS % re.escape(context.version_table), re.I)

    def render(self, revision: Revision, arguments: Any) -> None:
        try:
            revision.upgrade = self._body(revision, "upgrade", "up", arguments)
        except NotRendered as reason:
            revision.problem = str(reason)
        try:
            revision.downgrade = self._body(revision, "downgrade", "down", arguments)
        except NotRendered as reason:
            revision.note = str(reason)

    def _body(self, revision: Revision, function: str, section: str, arguments: Any) -> str:
        body = getattr(revision.script.module, function, None)
        if body is None:
            raise NotRendered(f"{revision.source} has no {function}()")
        statements = self._statements(revision, body, arguments)
        self._refuse_changing(revision, function, body, arguments, statements)
        for statement in statements:
            line = FORMAT_LINE.search(statement)
            if line:
                raise NotRendered(f"{revision.source}: {function}() has a line that begins with {line.group().strip()}")
        return _section(section, _transactions(statements, revision.source, self._version_rows))

    def _statements(self, revision: Revision, body: Any, arguments: Any) -> "list[str]":
        connection = self._context.connection
        self._buffer.statements = []
        connection.reads.clear()
        # Which enum types it has created: each body is rendered by itself.
        self._context.impl.memo.clear()
        try:
            body(**arguments)
        except Exception as error:
            # Whatever it is: this is text of the project.
            raise OnlineOnly(_where(revision, error)) from error
        if connection.reads:
            raise OnlineOnly(f"{revision.source}: {connection.reads[0]}")
        return self._buffer.statements

    def _refuse_changing(self, revision: Revision, function: str, body: Any, arguments: Any, first: "list[str]") -> None:
        """Renders it again: what is registered has to be the same each time."""
        try:
            second = self._statements(revision, body, arguments)
        except OnlineOnly:
            return
        for one, other in zip(first, second):
            if one != other:
                raise NotRendered(
                    f"{revision.source}: {function}() is another one each time, as with the time or a random value: "
                    + _beginning(_difference(one, other))
                )


def _difference(one: str, other: str) -> str:
    start = len(os.path.commonprefix([one, other]))
    return one[max(start - 30, 0):]


def _where(revision: Revision, error: Exception) -> str:
    """An error, with the line of the revision that it comes from."""
    path = os.path.realpath(revision.script.path)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if os.path.realpath(frame.filename) == path]
    place = f"{revision.source}, line {lines[-1]}" if lines else revision.source
    if isinstance(error, NoInspectionAvailable):
        return f"{place}: it inspects the database"
    if isinstance(error, OnlineOnly):
        return f"{place}: {error}"
    message = " ".join(str(error).split())
    return f"{place}: {type(error).__name__}" + (f": {message}" if message else "")


def _transactions(statements: "list[str]", source: str, version_rows: Any) -> "list[tuple[str, bool]]":
    """The statements of a body, each with whether it is in the transaction."""
    result = []
    inside = True
    for statement in statements:
        if ROLLBACK.match(statement):
            raise NotRendered(f"{source}: it runs {statement}")
        if BEGIN.match(statement) or COMMIT.match(statement):
            inside = bool(BEGIN.match(statement))
            # A border between two transactions.
            result.append(("", inside))
        elif not (version_rows.match(statement) and ";" not in statement):
            result.append((statement, inside))
    return result


def _section(name: str, statements: "list[tuple[str, bool]]") -> str:
    """A section of a file.  In a body with an autocommit block each statement is a
    transaction, so those before and behind it are put in one."""
    if all(inside for _, inside in statements):
        return f"-- migrate:{name}\n" + "".join(map(_terminated, (text for text, _ in statements)))
    written = ""
    group = ""
    for statement, inside in statements + [("", False)]:
        if statement and inside:
            group += _terminated(statement)
            continue
        if group:
            written += f"BEGIN;\n{group}COMMIT;\n"
            group = ""
        if statement:
            written += _terminated(statement)
    return f"-- migrate:{name} transaction:false\n{written}"


def _terminated(statement: str) -> str:
    if not statement:
        return ""
    # A comment would swallow the semicolon.
    return statement + ("\n" if "--" in statement.rsplit("\n", 1)[-1] else "") + ";\n"


# Registering ---------------------------------------------------------------


CALL = (
    "SELECT path, revision, result FROM {schema}migrate_register_files("
    "{paths}, {contents}, 'migrate', replace => {replace}, prune => {prune})"
)


def _print(environment: Any, revisions: Sequence[Revision], words: Sequence[str]) -> None:
    """For --sql: the call, which psql makes in the transaction that env.py has begun."""
    environment.get_context().impl.static_output(
        CALL.format(
            schema="",
            paths="ARRAY[\n" + ",\n".join(map(_quote, (revision.path for revision in revisions))) + "]",
            contents="ARRAY[\n" + ",\n".join(map(_quote, (revision.text() for revision in revisions))) + "]",
            replace="replace" in words,
            prune="prune" in words,
        )
        + ";"
    )


def _quote(value: str) -> str:
    tag = "$file$"
    while tag in value:
        tag = tag[:-1] + "_$"
    return tag + value + tag


def _register(environment: Any, revisions: Sequence[Revision], words: Sequence[str]) -> None:
    connection = environment.get_context().connection
    if connection.in_transaction():
        results, hint = _send(environment, connection, revisions, words)
    else:
        with connection.begin():
            results, hint = _send(environment, connection, revisions, words)
    counts: "dict[str, int]" = {}
    messages = {revision.id: revision.script.doc for revision in revisions}
    for name, result in results:
        counts[result] = counts.get(result, 0) + 1
        if result != "unchanged":
            print(f"{result} {name} {' '.join(messages.get(name, '').split())}".rstrip())
    print(f"{len(revisions)} revision{'s' * (len(revisions) != 1)}: " + ", ".join(f"{counts[key]} {key}" for key in sorted(counts)))
    if hint:
        print(hint)


def _send(environment: Any, connection: Any, revisions: Sequence[Revision], words: Sequence[str]) -> "tuple[list[Any], str]":
    try:
        schema = _extension_schema(connection)
        table, setting = _use_version_table(environment.get_context(), connection)
        rows = connection.execute(
            text(
                CALL.format(
                    schema=schema + ".",
                    paths="CAST(:paths AS text[])",
                    contents="CAST(:contents AS text[])",
                    replace=":replace",
                    prune=":prune",
                )
            ),
            {
                "paths": [revision.path for revision in revisions],
                "contents": [revision.text() for revision in revisions],
                "replace": "replace" in words,
                "prune": "prune" in words,
            },
        ).fetchall()
        hint = "" if setting == table else _hint(connection, schema, table, setting)
    except DBAPIError as error:
        raise CommandError(_database_error(error)) from None
    registered = {path: revision for path, revision, _ in rows if path is not None}
    for revision in revisions:
        if registered.get(revision.path) != revision.id:
            raise CommandError(f"{revision.source} was read as another revision than {revision.id}; nothing was registered")
    return [(revision, result) for _, revision, result in rows], hint


def _extension_schema(connection: Any) -> str:
    schema = connection.execute(
        text("SELECT quote_ident(nspname) FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE extname = 'migrate'")
    ).scalar()
    if schema is None:
        raise CommandError(f'extension "migrate" is not in database "{connection.engine.url.database}": CREATE EXTENSION migrate')
    return schema


def _use_version_table(context: Any, connection: Any) -> "tuple[str, str]":
    """Lets the extension look at Alembic's version table, so that what Alembic has
    applied is not replaced.  Returns its name, and that of the table in use."""
    table = context.version_table
    row = connection.execute(
        text(
            "SELECT t.name, pg_catalog.to_regclass(t.name) IS NOT NULL,"
            " coalesce(pg_catalog.current_setting('migrate.version_table', true), 'migrate.version')"
            " FROM (SELECT pg_catalog.quote_ident(coalesce(CAST(:schema AS text),"
            "  (SELECT nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
            "    WHERE c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(CAST(:table AS text)))),"
            "  pg_catalog.current_schema(), 'public'))"
            " || '.' || pg_catalog.quote_ident(CAST(:table AS text)) AS name) AS t"
        ),
        {"schema": context.version_table_schema, "table": table},
    ).one()
    name, exists, setting = row
    if setting == name and not exists:
        Table(
            table,
            MetaData(),
            Column("version_num", String(32), nullable=False),
            PrimaryKeyConstraint("version_num", name=f"{table}_pkc"),
            schema=context.version_table_schema,
        ).create(connection)
        exists = True
    if exists:
        _set_version_table(connection, name)
    return name, setting


def _set_version_table(connection: Any, name: str) -> None:
    connection.execute(text("SELECT pg_catalog.set_config('migrate.version_table', :name, true)"), {"name": name})


def _hint(connection: Any, schema: str, table: str, setting: str) -> str:
    """What is left to do before a run: it reads another version table than Alembic's."""
    _set_version_table(connection, setting)
    database, exists, readable = connection.execute(
        text(
            "SELECT pg_catalog.quote_ident(pg_catalog.current_database()),"
            " pg_catalog.to_regclass(:table) IS NOT NULL, pg_catalog.to_regclass(:setting) IS NOT NULL"
        ),
        {"table": table, "setting": setting},
    ).one()
    quoted = table.replace("'", "''")
    turns = f"To take turns: ALTER DATABASE {database} SET migrate.version_table = '{quoted}'"
    if not exists:
        turns += "\nand then, to make that table: alembic ensure_version, or this command again"
    leave = f"SELECT * FROM migrate_adopt('alembic', '{quoted}')"
    here = _applied(connection, schema) if readable else []
    escaped = table.replace(":", "\\:")
    rows = connection.execute(text(f"SELECT version_num FROM {escaped} ORDER BY 1")).fetchall() if exists and readable else []
    missing = [row[0] for row in rows if row[0] not in here]
    if not missing:
        # With rows of its own Alembic was left, and would run what has run here.
        return "" if here else turns
    return (
        f"Version table {table} says that Alembic has applied revisions in this database: {', '.join(missing)}.\n"
        f"A run would execute them again, because it reads {setting}. "
        + (f"First: {leave}" if here else f"Do one of these first:\n{turns}\nTo leave Alembic: {leave}")
    )


def _applied(connection: Any, schema: str) -> "list[str]":
    """The revisions that are applied according to the table in use."""
    rows = connection.execute(text(f"SELECT revision FROM {schema}.migrate_history_details() WHERE state = 'applied'"))
    return [row[0] for row in rows]


def _database_error(error: Any) -> str:
    """An error of the server, without the statement and all files; its detail and
    hint are printed, as Alembic would wrap them."""
    cause = error.orig
    while getattr(cause, "diag", None) is None and getattr(cause, "detail", None) is None and cause.__cause__ is not None:
        cause = cause.__cause__
    diagnosis = getattr(cause, "diag", cause)
    primary = getattr(diagnosis, "message_primary", None) or str(cause).split("\n", 1)[0]
    for names in (("message_detail", "detail"), ("message_hint", "hint"), ("context",)):
        lines = next(filter(None, (getattr(diagnosis, name, None) for name in names)), None)
        if lines:
            _say(lines)
    return f"nothing was registered: {primary}"
