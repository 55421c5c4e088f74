"""fill account"""

from alembic import op

revision = "r3"
down_revision = "r2"


def upgrade():
    op.execute("INSERT INTO account VALUES (1, 'ann', 'ann@example.com')")


def downgrade():
    op.execute("DELETE FROM account")
