# Makefile: builds, installs and tests the extension migrate (PGXS)
#
#   make && make install        build and install; PG_CONFIG chooses the server
#   make installcheck           all tests, on servers they start themselves
#   make installcheck RUNNING=1 the SQL tests, on a running server that has the
#                               extension installed
#   make check-sql              pg_regress only
#   make check-iso              isolation tests only
#   make check-tap              TAP tests only
#   make indent                 format the C files
#   make bench                  measure; see bench/README.md

EXTENSION = migrate
# The control file is the only place the version is written.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" migrate.control)

MODULE_big = migrate
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
PGFILEDESC = "migrate - schema migrations inside the database"

DATA_built = migrate--$(EXTVERSION).sql

# pg_regress, in this order; each file leaves the registry as it found it.
REGRESS =

# The same, for files that load a module of test/; it is never installed, so
# these do not run with RUNNING=1.
REGRESS_MODULES =

ISOLATION =

TAP =

# Sign comparisons and half-filled initializers are the server's own idiom.
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers

# Our functions are never inlined into a query, so bitcode would only add
# clang to what a build needs.
override with_llvm := no

# The suites run through scripts/test: it starts the servers, goes on after a
# failed suite and counts.
NO_INSTALLCHECK = 1
EXTRA_CLEAN = tmp_check

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# From 16 on PGXS hides symbols by itself.
ifeq ($(MAJORVERSION)-$(PORTNAME),15-linux)
SHLIB_LINK += -Wl,--version-script=src/migrate.map
$(shlib): src/migrate.map
endif

# Not every server is built to track dependencies; the headers are few.
$(OBJS): $(wildcard src/*.h)

$(DATA_built): extension/migrate.sql migrate.control
	cp extension/migrate.sql $@

TEST_ENV = MAKE='$(MAKE)' PG_CONFIG='$(PG_CONFIG)' RUNNING='$(RUNNING)' \
	PROFILE='$(PROFILE)' COPT='$(COPT)' \
	REGRESS='$(REGRESS)' REGRESS_MODULES='$(REGRESS_MODULES)' \
	ISOLATION='$(ISOLATION)' TAP='$(TAP)'

.PHONY: installcheck check-sql check-iso check-tap indent bench

installcheck:
	+@$(TEST_ENV) scripts/test sql iso tap

check-sql:
	+@$(TEST_ENV) scripts/test sql

check-iso:
	+@$(TEST_ENV) scripts/test iso

check-tap:
	+@$(TEST_ENV) scripts/test tap

indent:
	.ci/indent.sh

bench:
	bench/run
