"""status of invoices

An enum that is made by itself, as autogenerate leaves it to the author.
"""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "a02"
down_revision = "a01"
branch_labels = None
depends_on = None

status = postgresql.ENUM("open", "paid", name="status", create_type=False)


def upgrade():
    status.create(op.get_bind(), checkfirst=True)
    op.add_column("invoice", sa.Column("status", status, server_default="open", nullable=False))


def downgrade():
    op.drop_column("invoice", "status")
    status.drop(op.get_bind(), checkfirst=True)
