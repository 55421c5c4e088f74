"""first accounts"""
import datetime
import decimal
import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "a03"
down_revision = "a02"

utc = datetime.timezone.utc


def upgrade():
    value = op.create_table(
        "value",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("moment", sa.DateTime(timezone=True)),
        sa.Column("day", sa.Date),
        sa.Column("hour", sa.Time),
        sa.Column("span", sa.Interval),
        sa.Column("price", sa.Numeric),
        sa.Column("ratio", sa.Float),
        sa.Column("yes", sa.Boolean),
        sa.Column("data", sa.LargeBinary),
        sa.Column("key", postgresql.UUID(as_uuid=True)),
        sa.Column("words", postgresql.ARRAY(sa.Text)),
        sa.Column("numbers", postgresql.ARRAY(sa.Integer)),
        sa.Column("document", postgresql.JSONB),
        sa.Column("mood", postgresql.ENUM("good", "it's bad", name="mood", create_type=False)),
    )
    op.bulk_insert(
        value,
        [
            {
                "name": "it's 100% \\ C:\\new\ttab\nline; -- no comment :name",
                "moment": datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=utc),
                "day": datetime.date(2024, 2, 29),
                "hour": datetime.time(23, 59, 1),
                "span": datetime.timedelta(days=-3, seconds=7, microseconds=5),
                "price": decimal.Decimal("12345678901234567890.123"),
                "ratio": 0.1,
                "yes": True,
                "data": b"\x00\xff'\\",
                "key": uuid.UUID("c0ffee00-0000-4000-8000-000000000001"),
                "words": ["it's", "a\\b", 'c"d'],
                "numbers": [1, -2],
                "document": {"it's": ["\\", 1.5, None, True]},
                "mood": "it's bad",
            },
            {
                "name": "nothing",
                "moment": None,
                "day": None,
                "hour": None,
                "span": None,
                "price": None,
                "ratio": None,
                "yes": False,
                "data": None,
                "key": None,
                "words": [],
                "numbers": None,
                "document": None,
                "mood": None,
            },
        ],
    )
    op.execute("INSERT INTO account (email, about) VALUES ('a@example.com', '{\"at\"\\:\"10\\:30\"}'), ('100%', NULL) -- two")
    op.execute(
        """
CREATE FUNCTION label(account) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	-- migrate down is only a comment here; and so is this
	RETURN format('%s <%s>', $1.mood, $1.email);
END$$;

COMMENT ON FUNCTION label IS 'two statements; one string'
"""
    )


def downgrade():
    op.execute("DROP FUNCTION label")
    op.execute(sa.text("DELETE FROM account WHERE email IN (:one, :two)").bindparams(one="a@example.com", two="100%"))
    op.drop_table("value")
