"""numbers of invoices are text"""
import sqlalchemy as sa
from alembic import op

revision = "a09"
down_revision = "a08"


def upgrade():
    op.alter_column("invoice", "id", type_=sa.Text, postgresql_using="'R' || id", server_default=None)
    op.alter_column("invoice", "total", new_column_name="amount", comment="gross; it's with tax")
    op.create_exclude_constraint("invoice_amount", "invoice", (sa.column("amount"), "="), where=sa.text("amount > 1000"), using="btree")


def downgrade():
    op.drop_constraint("invoice_amount", "invoice")
    op.alter_column("invoice", "amount", new_column_name="total", comment=None)
    op.alter_column("invoice", "id", type_=sa.Integer, postgresql_using="substr(id, 2)::integer", server_default=sa.text("nextval('invoice_id_seq')"))
