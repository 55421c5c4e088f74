# with_psycopg.py MODE STATEMENT [PARAMETER]...: runs a statement with psycopg 3,
# once for each parameter.
#
# MODE is autocommit, or how to end the transaction that the driver begins:
# commit or rollback; or prepared: autocommit, and the statement is prepared in
# the server; or pipeline: sent after another one without waiting.  Connects to where PGHOST and the like say.  Prints each notice
# when it arrives, then "done" or the error's code and hint.

import sys

import psycopg


def say(text):
    print(text, flush=True)


mode, statement, *parameters = sys.argv[1:]
connection = psycopg.connect("", autocommit=mode in ("autocommit", "prepared", "pipeline"))
connection.prepare_threshold = 0 if mode == "prepared" else None
connection.add_notice_handler(lambda notice: say(f"NOTICE:  {notice.message_primary}"))
try:
    if mode == "pipeline":
        with connection.pipeline():
            connection.execute("UPDATE gate SET open = NOT open")
            connection.execute(statement)
    else:
        for parameter in [[value] for value in parameters] or [None]:
            connection.execute(statement, parameter)
    if mode == "prepared":
        prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'CALL%'"
        say(f"prepared: {connection.execute(prepared).fetchone()[0]}")
    if mode in ("commit", "rollback"):
        getattr(connection, mode)()
    say("done")
except psycopg.Error as error:
    say(f"{error.sqlstate} {error.diag.message_hint or error}")
