"""accounts have names"""
import sqlalchemy as sa
from alembic import op

revision = "a05"
down_revision = "a03"


def upgrade():
    with op.batch_alter_table("account") as batch:
        batch.add_column(sa.Column("name", sa.String(50)))
        batch.alter_column("email", type_=sa.Text(), existing_type=sa.String(200), existing_nullable=False)
        batch.create_unique_constraint(None, ["name"])
        batch.create_check_constraint("named", sa.column("name") != "no 'name'")


def downgrade():
    with op.batch_alter_table("account") as batch:
        batch.drop_constraint(op.f("ck_account_named"), type_="check")
        batch.drop_constraint(op.f("uq_account_name"), type_="unique")
        batch.alter_column("email", type_=sa.String(200), existing_type=sa.Text(), existing_nullable=False)
        batch.drop_column("name")
