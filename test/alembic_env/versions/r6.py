"""merge"""

revision = "r6"
down_revision = ("r5a", "r5b")


def upgrade():
    pass


def downgrade():
    pass
