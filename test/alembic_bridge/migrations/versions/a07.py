"""rates"""
import sqlalchemy as sa
from alembic import op

revision = "a07"
down_revision = "a04"

rate = sa.table("rate", sa.column("code", sa.String), sa.column("factor", sa.Numeric), sa.column("kind", sa.String), schema="billing")


def upgrade():
    connection = op.get_bind()
    connection.execute(rate.insert(), [{"code": "EUR", "factor": 1}, {"code": "100", "factor": 100}])
    connection.execute(sa.text("UPDATE billing.rate SET kind = :kind WHERE factor IN (:one, :two)"), {"kind": None, "one": 1, "two": 2})
    connection.execute(sa.text("UPDATE billing.rate SET factor = :factor WHERE code LIKE :code"), {"factor": 1.5, "code": "1%"})
    connection.execute(rate.update().where(rate.c.code == op.inline_literal("EUR")).values(factor=rate.c.factor + 1))


def downgrade():
    op.get_bind().execute(rate.delete())
