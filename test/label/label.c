/*
 * label.c
 *	  A provider that lets every role label every object with anything.
 *
 * Only tests load this module: Debian packages no provider but sepgsql, which
 * needs SELinux.
 */
#include "postgres.h"

#include "commands/seclabel.h"
#include "fmgr.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static void
accept(const ObjectAddress *object, const char *seclabel)
{
}

void
_PG_init(void)
{
	register_label_provider("test", accept);
}
