"""play.py DIRECTORY COMMAND...: runs commands of Alembic one after the other.

After each it writes the database to DIRECTORY/N.sql, and the rows of the version
table to DIRECTORY/N.rows, with N from 0.
"""

import subprocess
import sys

from alembic.config import main

ROWS = "SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM alembic_version"

directory, *commands = sys.argv[1:]
for number, command in enumerate(commands):
    main(argv=["--raiseerr", *command.split()])
    subprocess.run(["pg_dump", "--inserts", "-N", "migrate", "-T", "alembic_version", "-f", f"{directory}/{number}.sql"], check=True)
    subprocess.run(["psql", "-XAtq", "-c", ROWS, "-o", f"{directory}/{number}.rows"], check=True)
