"""first settings"""
import sqlalchemy as sa
from alembic import op

revision = "s02"
down_revision = "s01"
depends_on = ("a06",)


def upgrade():
    op.bulk_insert(sa.table("setting", sa.column("name", sa.String)), [{"name": "colour"}, {"name": "it's"}])


def downgrade():
    op.execute("DELETE FROM setting")
