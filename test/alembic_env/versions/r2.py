"""add email"""

import sqlalchemy as sa
from alembic import op

revision = "r2"
down_revision = "r1"


def upgrade():
    op.add_column("account", sa.Column("email", sa.Text))
    op.create_index("account_email_idx", "account", ["email"])


def downgrade():
    op.drop_column("account", "email")
