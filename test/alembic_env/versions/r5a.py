"""add total"""

import sqlalchemy as sa
from alembic import op

revision = "r5a"
down_revision = "r4"


def upgrade():
    op.add_column("invoice", sa.Column("total", sa.Numeric))


def downgrade():
    op.drop_column("invoice", "total")
