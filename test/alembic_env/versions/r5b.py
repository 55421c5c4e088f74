"""add phone"""

import sqlalchemy as sa
from alembic import op

revision = "r5b"
down_revision = "r4"


def upgrade():
    op.add_column("account", sa.Column("phone", sa.Text))


def downgrade():
    op.drop_column("account", "phone")
