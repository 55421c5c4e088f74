"""a third mood, and an index beside running sessions"""
import sqlalchemy as sa
from alembic import op

revision = "a06"
down_revision = "a05"


def upgrade():
    op.add_column("account", sa.Column("note", sa.Text))
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE mood ADD VALUE 'so so'")
        op.create_index("account_note", "account", ["note"], postgresql_concurrently=True)
    op.execute("INSERT INTO account (email, mood) VALUES ('c@example.com', 'so so')")
    op.execute("UPDATE account SET note = mood::text")


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("account_note", "account", postgresql_concurrently=True)
    op.execute("DELETE FROM account WHERE mood = 'so so'")
    op.drop_column("account", "note")
