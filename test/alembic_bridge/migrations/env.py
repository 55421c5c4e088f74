"""The shop's environment, for the database that DATABASE_URL names."""

import os

from alembic import context
from models import Base
from sqlalchemy import create_engine


def run_migrations_offline():
    context.configure(url=os.environ["DATABASE_URL"], target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online():
    with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
