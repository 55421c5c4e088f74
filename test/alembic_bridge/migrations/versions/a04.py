"""billing begins"""
import sqlalchemy as sa
from alembic import op

revision = "a04"
down_revision = "a03"
branch_labels = ("billing",)


def upgrade():
    op.execute("CREATE SCHEMA billing")
    op.create_table(
        "rate",
        sa.Column("code", sa.String(3), primary_key=True),
        sa.Column("factor", sa.Numeric, nullable=False),
        sa.Column("kind", sa.Enum("day", "month", name="kind", schema="billing")),
        schema="billing",
    )
    op.create_index("rate_kind", "rate", ["kind"], schema="billing", postgresql_where=sa.text("factor > 1"))


def downgrade():
    op.drop_table("rate", schema="billing")
    op.execute("DROP TYPE billing.kind")
    op.execute("DROP SCHEMA billing")
