"""merge"""

revision = "a08"
down_revision = ("a06", "a07")


def upgrade():
    pass


def downgrade():
    pass
