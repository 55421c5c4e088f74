"""real_alembic.py: what the installed Alembic does with a case.

Its own commands run over its own script directory, revision map and version
table; only the files of the revisions and the program env.py are replaced, by
revisions in memory and an SQLite database in memory.
"""

import contextlib
import traceback
import types
import warnings
from unittest import mock

import sqlalchemy
from alembic import command, context
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionMap


def body(**_):
    """The body of every revision."""


def tuple_or_none(names):
    return tuple(names) or None


class Directory(ScriptDirectory):
    """A script directory without a directory."""

    def __init__(self, revisions):
        # Alembic reads files by name.  Its default names begin with the id,
        # and where that decides we do the same.
        scripts = [self.script(r) for r in sorted(revisions, key=lambda r: r["id"])]
        self.revision_map = RevisionMap(lambda: scripts)
        self.steps = []

    @staticmethod
    def script(revision):
        module = types.SimpleNamespace(
            down_revision=tuple_or_none(revision["down"]),
            depends_on=tuple_or_none(revision["depends"]),
            branch_labels=tuple_or_none(revision["labels"]),
            upgrade=body,
            downgrade=body)
        return Script(module, revision["id"], revision["id"] + "_.py")

    def run_env(self):
        """What env.py does."""
        context.configure(
            connection=DATABASE.connection,
            transactional_ddl=True,
            on_version_apply=self.note)
        with context.begin_transaction():
            context.run_migrations()

    def note(self, *, step, heads, **_):
        """A step is done, and these are the rows."""
        name = step.up_revision_id
        if step.is_stamp:
            operation = "stamp"
            name = (step.destination_revision_ids or (None,))[0]
        else:
            operation = "upgrade" if step.is_upgrade else "downgrade"
        self.steps.append([operation, name, sorted(heads)])


class Database:
    """The version table."""

    def __init__(self):
        engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool)
        # In SQL the order of rows is open; with this table it is that of the
        # ids, as with us.
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(
                "CREATE TABLE alembic_version (version_num VARCHAR(32)"
                " NOT NULL PRIMARY KEY) WITHOUT ROWID"))
        self.connection = engine.connect()

    def execute(self, statement, **values):
        return self.connection.execute(sqlalchemy.text(statement), values)

    @contextlib.contextmanager
    def rolled_back(self):
        transaction = self.connection.begin()
        try:
            yield
        finally:
            transaction.rollback()

    def fill(self, rows):
        self.execute("DELETE FROM alembic_version")
        for row in rows:
            self.execute("INSERT INTO alembic_version VALUES (:row)", row=row)

    def rows(self):
        return sorted(r[0] for r in self.execute("SELECT version_num FROM alembic_version"))


DATABASE = Database()


def kind_of(error):
    """The class, and whether a step has tripped over the rows: that is no
    refusal, because all that can be wrong with a target is seen before."""
    frames = traceback.extract_tb(error.__traceback__)
    tripped = any(frame.name == "update_to_step" for frame in frames)
    return type(error).__name__ + (" in a step" if tripped else "")


def answer(directory, case):
    """The steps with the rows after each and at the end, or the error."""
    directory.steps = []
    arguments = {"purge": True} if case["purge"] else {}
    with DATABASE.rolled_back(), warnings.catch_warnings(), \
            mock.patch.object(ScriptDirectory, "from_config", lambda config: directory):
        warnings.simplefilter("ignore")
        DATABASE.fill(case["start"])
        try:
            getattr(command, case["command"])(Config(), case["target"], **arguments)
        except Exception as error:  # not all of them are CommandErrors
            return {"error": kind_of(error), "message": str(error)}
        return {"steps": directory.steps, "final": DATABASE.rows()}
