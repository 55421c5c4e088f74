"""Runs Alembic's migrations on the database that -x url=... names.

With -x each=1 every migration is a transaction of its own.
"""

from alembic import context
from sqlalchemy import create_engine

arguments = context.get_x_argument(as_dictionary=True)
with create_engine(arguments["url"]).connect() as connection:
    context.configure(
        connection=connection, transaction_per_migration="each" in arguments
    )
    with context.begin_transaction():
        context.run_migrations()
