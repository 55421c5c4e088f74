/*
 * session_lock.c
 *	  Advisory locks of a body that is not one transaction.
 *
 * A body that takes pg_advisory_xact_lock() means to hold it until its end.  So
 * before one of its transactions ends, what it holds is taken once more for the
 * session, and given back when the body has ended, however it has.  A run that
 * resumes the body takes it again.
 *
 * Locks are known by how mig_session_state_objects() writes them.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/spi.h"
#include "run/run_internal.h"

/* What is taken for the session, of char *. */
static List *carried = NIL;

static void release(void *arg);
static void call(const char *object, bool take);

/*
 * Whether that is an advisory lock.
 */
bool
mig_session_lock_is_one(const char *object)
{
	return strstr(object, "advisory lock ") != NULL &&
		(strncmp(object, "advisory", strlen("advisory")) == 0 ||
		 strncmp(object, "shared advisory", strlen("shared advisory")) == 0);
}

/*
 * Takes those that are among the objects for the session, until
 * mig_session_lock_release().  Waits for those that this session does not hold.
 */
void
mig_session_lock_carry(char *const *objects, int nobjects)
{
	for (int i = 0; i < nobjects; i++)
	{
		MemoryContext old_context;

		if (!mig_session_lock_is_one(objects[i]) || mig_text_is_listed(carried, objects[i]))
			continue;
		call(objects[i], true);
		old_context = MemoryContextSwitchTo(TopMemoryContext);
		carried = lappend(carried, pstrdup(objects[i]));
		MemoryContextSwitchTo(old_context);
	}
}

/*
 * The body has ended.  Commits, if there is anything to release.
 */
void
mig_session_lock_release(void)
{
	ErrorData  *problem;

	if (carried == NIL)
		return;
	problem = mig_xact(release, NULL, 0);
	if (problem != NULL)
		ereport(WARNING,
				(errcode(problem->sqlerrcode),
				 errmsg("could not release the advisory locks of a body: %s",
						problem->message),
				 errhint("Run SELECT pg_advisory_unlock_all(), or disconnect.")));
}

/*
 * One that the body has released itself is not there any more.
 */
static void
release(void *arg)
{
	int			nfound;
	char	  **found;

	HOLD_INTERRUPTS();
	found = mig_session_state_objects(NULL, 0, &nfound);
	for (int i = 0; i < nfound; i++)
	{
		if (mig_text_is_listed(carried, found[i]))
			call(found[i], false);
	}
	list_free_deep(carried);
	carried = NIL;
	RESUME_INTERRUPTS();
}

/*
 * Takes a lock, or gives it back.
 */
static void
call(const char *object, bool take)
{
	static MigSpiQuery query = {
		"SELECT CASE"
		" WHEN $1 AND $2 AND $5 THEN pg_catalog.pg_advisory_lock_shared($3, $4)::text"
		" WHEN $1 AND $2 THEN pg_catalog.pg_advisory_lock($3, $4)::text"
		" WHEN $1 AND $5 THEN pg_catalog.pg_advisory_lock_shared($6)::text"
		" WHEN $1 THEN pg_catalog.pg_advisory_lock($6)::text"
		" WHEN $2 AND $5 THEN pg_catalog.pg_advisory_unlock_shared($3, $4)::text"
		" WHEN $2 THEN pg_catalog.pg_advisory_unlock($3, $4)::text"
		" WHEN $5 THEN pg_catalog.pg_advisory_unlock_shared($6)::text"
		" ELSE pg_catalog.pg_advisory_unlock($6)::text END"
	};
	const char *key = strstr(object, "lock ") + strlen("lock ");
	bool		two = key[0] == '(';
	int			high = 0;
	int			low = 0;
	MigSpiArgs	args = {0};

	if (two && sscanf(key, "(%d, %d)", &high, &low) != 2)
		return;
	mig_spi_arg_bool(&args, take);
	mig_spi_arg_bool(&args, two);
	mig_spi_arg_int32(&args, high);
	mig_spi_arg_int32(&args, low);
	mig_spi_arg_bool(&args, object[0] == 's');
	mig_spi_arg_int64(&args, two ? 0 : strtoll(key, NULL, 10));
	(void) mig_spi_exists(&query, &args, MIG_SPI_CALLER, MIG_SPI_WRITE);
}
