# with_psycopg2.py MODE STATEMENT [PARAMETER]: runs a statement with psycopg2.
#
# MODE is autocommit, or how to end the transaction that the driver begins:
# commit or rollback.  Connects to where PGHOST and the like say.  Prints the
# notices, then "done" or the error's code and hint.

import sys

import psycopg2

mode, statement, *parameters = sys.argv[1:]
connection = psycopg2.connect("")
connection.autocommit = mode == "autocommit"
try:
    connection.cursor().execute(statement, parameters or None)
    if mode != "autocommit":
        getattr(connection, mode)()
    said = "done"
except psycopg2.Error as error:
    said = f"{error.pgcode} {error.diag.message_hint or error}"
for notice in connection.notices:
    print(notice.strip())
print(said)
