"""A small application: a shop whose staff is kept in a schema of its own."""

import os

import migrate_alembic
import sqlalchemy as sa
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
names = {"pk": "%(table_name)s_key", "fk": "%(table_name)s_to_%(referred_table_name)s"}
db = SQLAlchemy(app, metadata=sa.MetaData(naming_convention=names))
Migrate(
    app,
    db,
    version_table="shop_version",
    version_table_schema="staff",
    include_schemas=True,
    include_name=migrate_alembic.include_name,
)


class Employee(db.Model):
    __table_args__ = {"schema": "staff"}
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20), nullable=False, server_default="it's \\ nobody")
    kind = db.Column(sa.Enum("clerk", "cook", name="kind", schema="staff"), server_default="cook")


class Shift(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    employee_id = db.Column(sa.ForeignKey("staff.employee.id"))
    begins = db.Column(db.DateTime, server_default=sa.func.now())
    rate = db.Column(db.Numeric(8, 2), server_default=sa.text("9.5"))
