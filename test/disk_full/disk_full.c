/*
 * disk_full.c
 *	  A disk that is full, for a server that is started with LD_PRELOAD.
 *
 * While there is the file that MIGRATE_DISK_FULL names, no file becomes longer
 * whose path contains what stands in that file: ENOSPC, as from a disk without
 * space.  What fits into a file as it is can be written.
 *
 * Only tests load this library.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

static bool is_full_for(int fd, off_t end);
static off_t length_of(const struct iovec *iov, int count);
static void *original(const char *name);

VISIBLE ssize_t
pwrite(int fd, const void *buffer, size_t length, off_t offset)
{
	static ssize_t (*real) (int, const void *, size_t, off_t);

	if (real == NULL)
		real = original("pwrite");
	if (is_full_for(fd, offset + length))
	{
		errno = ENOSPC;
		return -1;
	}
	return real(fd, buffer, length, offset);
}

VISIBLE ssize_t
pwrite64(int fd, const void *buffer, size_t length, off_t offset)
{
	return pwrite(fd, buffer, length, offset);
}

VISIBLE ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	static ssize_t (*real) (int, const struct iovec *, int, off_t);

	if (real == NULL)
		real = original("pwritev");
	if (is_full_for(fd, offset + length_of(iov, count)))
	{
		errno = ENOSPC;
		return -1;
	}
	return real(fd, iov, count, offset);
}

VISIBLE ssize_t
pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
	return pwritev(fd, iov, count, offset);
}

/* It says its error, and leaves errno alone. */
VISIBLE int
posix_fallocate(int fd, off_t offset, off_t length)
{
	static int	(*real) (int, off_t, off_t);

	if (real == NULL)
		real = original("posix_fallocate");
	if (is_full_for(fd, offset + length))
		return ENOSPC;
	return real(fd, offset, length);
}

VISIBLE int
posix_fallocate64(int fd, off_t offset, off_t length)
{
	return posix_fallocate(fd, offset, length);
}

/* Whether the file would have to become longer, and must not. */
static bool
is_full_for(int fd, off_t end)
{
	const char *flag = getenv("MIGRATE_DISK_FULL");
	struct stat status;
	char		link[64];
	char		path[4096];
	char		wanted[256] = "";
	ssize_t		length;
	int			file;

	if (flag == NULL)
		return false;
	file = open(flag, O_RDONLY);
	if (file < 0)
		return false;
	length = read(file, wanted, sizeof(wanted) - 1);
	close(file);
	if (length < 0 || fstat(fd, &status) != 0 || status.st_size >= end)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return false;
	path[length] = '\0';
	return strstr(path, wanted) != NULL;
}

static off_t
length_of(const struct iovec *iov, int count)
{
	off_t		length = 0;

	for (int i = 0; i < count; i++)
		length += iov[i].iov_len;
	return length;
}

static void *
original(const char *name)
{
	void	   *function = dlsym(RTLD_NEXT, name);

	if (function == NULL)
		abort();
	return function;
}
