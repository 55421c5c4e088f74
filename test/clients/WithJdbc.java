/*
 * WithJdbc.java MODE STATEMENT [PARAMETER]...: runs a statement with JDBC, once
 * for each parameter.
 *
 * MODE is autocommit, or how to end the transaction that the driver begins:
 * commit or rollback; or prepared: autocommit, and the statement is prepared in
 * the server.  Connects to the loopback address, PGPORT and PGDATABASE.  Prints
 * each notice of a statement, then "done" or the error's code and hint.
 */
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.util.Arrays;

import org.postgresql.util.PSQLException;

class WithJdbc
{
	public static void main(String[] args) throws SQLException
	{
		String mode = args[0];
		String[] parameters = Arrays.copyOfRange(args, 2, args.length);
		String url = "jdbc:postgresql://127.0.0.1:" + System.getenv("PGPORT") + "/"
				+ System.getenv("PGDATABASE") + "?user=" + System.getenv("PGUSER")
				+ "&prepareThreshold=" + (mode.equals("prepared") ? 1 : 0);

		try (Connection connection = DriverManager.getConnection(url))
		{
			boolean own = mode.equals("commit") || mode.equals("rollback");

			connection.setAutoCommit(!own);
			try (PreparedStatement statement = connection.prepareStatement(args[1]))
			{
				if (parameters.length == 0)
					execute(statement);
				for (String parameter : parameters)
				{
					statement.setString(1, parameter);
					execute(statement);
				}
			}
			if (mode.equals("prepared"))
			{
				ResultSet count = connection.createStatement().executeQuery(
						"SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'CALL%'");

				count.next();
				System.out.println("prepared: " + count.getInt(1));
			}
			if (mode.equals("commit"))
				connection.commit();
			if (mode.equals("rollback"))
				connection.rollback();
			System.out.println("done");
		}
		catch (PSQLException error)
		{
			System.out.println(error.getSQLState() + " " + error.getServerErrorMessage().getHint());
		}
	}

	private static void execute(PreparedStatement statement) throws SQLException
	{
		statement.execute();
		for (SQLWarning notice = statement.getWarnings(); notice != null; notice = notice.getNextWarning())
			System.out.println("NOTICE:  " + notice.getMessage());
		statement.clearWarnings();
	}
}
