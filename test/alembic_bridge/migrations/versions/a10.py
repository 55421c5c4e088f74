"""a view and a trigger"""
from alembic import op

revision = "a10"
down_revision = "a09"


def upgrade():
    op.execute("CREATE VIEW moods AS SELECT mood, count(*) FROM account GROUP BY mood")
    op.execute(
        r"""CREATE FUNCTION lower_email() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    NEW.email := lower(regexp_replace(NEW.email, '\s', '', 'g'));
    RETURN NEW;
END$function$"""
    )
    op.execute("CREATE TRIGGER lower_email BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION lower_email()")
    op.rename_table("value", "sample")


def downgrade():
    op.rename_table("sample", "value")
    op.execute("DROP TRIGGER lower_email ON account")
    op.execute("DROP FUNCTION lower_email")
    op.execute("DROP VIEW moods")
