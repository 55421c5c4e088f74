"""settings"""
import sqlalchemy as sa
from alembic import op

revision = "s01"
down_revision = None
branch_labels = "settings"
depends_on = "billing"


def upgrade():
    op.create_table(
        "setting",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("rate", sa.String(3), sa.ForeignKey("billing.rate.code")),
    )


def downgrade():
    op.drop_table("setting")
