"""What the first revision is made of."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import declarative_base

Base = declarative_base(
    metadata=sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
)


class Account(Base):
    __tablename__ = "account"
    __table_args__ = {"comment": "who's \\ who"}

    id = sa.Column(sa.BigInteger, sa.Identity(), primary_key=True)
    email = sa.Column(sa.String(200), nullable=False, unique=True)
    mood = sa.Column(sa.Enum("good", "it's bad", name="mood"), server_default="good")
    path = sa.Column(sa.Text, server_default="C:\\new\\table's")
    joined = sa.Column(sa.DateTime(timezone=True), server_default=sa.text("timestamptz '2024-01-01 00:00+00'"), index=True)
    tags = sa.Column(postgresql.ARRAY(sa.Text), server_default="{}")
    about = sa.Column(postgresql.JSONB)


class Invoice(Base):
    __tablename__ = "invoice"
    __table_args__ = (sa.CheckConstraint("total >= 0", name="total"),)

    id = sa.Column(sa.Integer, primary_key=True)
    account_id = sa.Column(sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False)
    total = sa.Column(sa.Numeric(12, 2), server_default=sa.text("0"), nullable=False)
    tax = sa.Column(sa.Numeric(12, 2), sa.Computed("total * 0.19"))
