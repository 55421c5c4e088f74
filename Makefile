# Makefile: builds, installs and tests the extension migrate (PGXS)
#
#   make && make install        build and install; PG_CONFIG chooses the server
#   make installcheck           all tests, on servers they start themselves
#   make installcheck RUNNING=1 the SQL tests, on a running server that has the
#                               extension installed
#
# CONTRIBUTING.md lists the other targets.

EXTENSION = migrate
# The control file is the only place the version is written.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" migrate.control)

MODULE_big = migrate
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c src/*/*.c))
PGFILEDESC = "migrate - schema migrations inside the database"

# This version's script, and how to get to it from those before.
DATA_built = migrate--$(EXTVERSION).sql
DATA = $(filter-out %/$(DATA_built), \
	$(wildcard extension/released/*.sql extension/migrate--*--*.sql))

# The first SQL test creates the extension, the last one drops it; those between
# leave the registry empty, so their order does not matter.  Two servers take turns
# at them, so those that take longest stand side by side.
SQL_TESTS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
LONGEST_SQL = schema schema_types job
REGRESS = install $(LONGEST_SQL) \
	$(filter-out install drop $(LONGEST_SQL) $(NOT_RUN),$(SQL_TESTS)) drop
ISOLATION = $(patsubst specs/%.spec,%,$(sort $(wildcard specs/*.spec)))
TAP_FILES = $(sort $(wildcard t/*.pl))
# Files run side by side; those that take longest begin first, in this order.
LONGEST = $(patsubst %,t/%.pl,boundary no_memory scheduler yb_storm scheduler_many gate \
	clients batch per_statement waiting alembic_bridge exhaustion roles doctor clock)
TAP = $(LONGEST) $(filter-out $(LONGEST),$(TAP_FILES))

# These need the server of the tests: its settings, or a module of test/, which
# only the staged installation has.
STAGED_ONLY = retry_policy effect probe needed_lock doctor

# From 19 on standard_conforming_strings cannot be off, and no name of a role has a
# line break.
BEFORE_19 = standard_strings role_names

NOT_RUN = $(if $(RUNNING),$(STAGED_ONLY)) \
	$(if $(filter 15 16 17 18,$(MAJORVERSION)),,$(BEFORE_19))

PG_CPPFLAGS = -I$(srcdir)/src

# Sign comparisons and half-filled initializers are the server's own idiom.
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
# The headers of 15 declare callbacks without their arguments, which in C23, the
# language of newer compilers, is a callback that has none.
PG_CFLAGS += $(if $(filter 15,$(MAJORVERSION)),-std=gnu17)

# Our functions are never inlined into a query, so bitcode would only add
# clang to what a build needs.
override with_llvm := no

# The suites run through scripts/test: it starts the servers, continues
# after a failed suite and counts.
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
$(OBJS): $(wildcard src/*.h src/*/*.h)

# The client, with the same variables of the command line.
all: client
install: install-client
uninstall: uninstall-client
clean: clean-client

.PHONY: client install-client uninstall-client clean-client
client:
	$(MAKE) -C client
# Not beside the build: two makes would write the same files.
install-client: client
install-client uninstall-client clean-client:
	$(MAKE) -C client $(@:%-client=%)

$(DATA_built): extension/migrate.sql migrate.control
	cp extension/migrate.sql $@

# What the scripts ask for; variables of the command line reach them anyway.
export PG_CONFIG REGRESS ISOLATION TAP
TEST = MAKE='$(MAKE)' scripts/test

# With + a line is given make's job server, but it is run by make -n as well, so
# not then.  A line that names $(MAKE) itself would be, too; hence the variable.
RUN = $(if $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),,+)@
ALL_TESTS = $(MAKE) -k installcheck

.PHONY: installcheck check-sql check-iso check-tap check-storm check-alembic \
	check-load check-assert check-injection check-valgrind check-ubsan \
	check-matrix check-asan check-upgrade check-dist check-deb \
	check-everything coverage static fuzz fuzz-sql dist indent bench

installcheck:
	$(RUN)$(TEST) sql iso tap

check-sql check-iso check-tap:
	$(RUN)$(TEST) $(@:check-%=%)

# More of what a file of t/ has.
check-storm:
	$(RUN)STORM_SEEDS='$(or $(SEEDS),50)' TAP=t/yb_storm.pl $(TEST) tap

check-load:
	$(RUN)LOAD_SECONDS='$(or $(SECONDS),120)' LOAD_SESSIONS='$(or $(SESSIONS),50)' \
		TAP=t/load.pl $(TEST) tap

check-alembic:
	$(RUN)ALEMBIC_CASES='$(or $(N),10000)' ALEMBIC_SEED='$(SEED)' ALEMBIC_CASE='$(CASE)' \
		TAP=t/alembic_random.pl $(TEST) tap

# On a server that is built for them, and kept in a cache.
check-assert:
	$(RUN)config=$$(scripts/source_server $(or $(MAJOR),15)) && \
		$(ALL_TESTS) PG_CONFIG="$$config"

check-injection:
	$(RUN)config=$$(scripts/source_server 18) && \
		PG_CONFIG="$$config" TAP=test/injection/stop.pl $(TEST) tap

# Twenty times slower, so of TAP only what runs workers and the imitation.
VALGRIND_TAP = t/job.pl t/schedule.pl t/yb_sim.pl t/yugabytedb.pl
check-valgrind:
	$(RUN)config=$$(scripts/source_server 15) && \
		PG_CONFIG="$$config" WATCH="$$(dirname $$(dirname $$config))/valgrind.supp" \
		TAP='$(VALGRIND_TAP)' PG_TEST_TIMEOUT_DEFAULT=1800 TEST_STATEMENTS=5000 \
		$(TEST) sql iso tap

check-ubsan:
	$(RUN)$(ALL_TESTS) \
		COPT='-fsanitize=undefined -fno-sanitize-recover=undefined'

# Not those that kill and start servers by the dozen, which would take hours, and
# those that put a library of their own before every other.
ASAN_TAP = t/concurrency.pl t/transaction.pl t/commit_conflict.pl \
	t/partial_elsewhere.pl t/job.pl t/schedule.pl t/yb_sim.pl t/yugabytedb.pl
check-asan:
	$(RUN)TAP='$(ASAN_TAP)' scripts/asan

check-matrix check-upgrade check-dist check-deb check-everything:
	$(RUN)scripts/$(@:check-%=%)

coverage static:
	$(RUN)scripts/$@

fuzz:
	$(RUN)scripts/fuzz pure

fuzz-sql:
	$(RUN)config=$$(scripts/source_server $(or $(MAJOR),15)) && \
		PG_CONFIG="$$config" scripts/fuzz sql

# Not while something is changed: it would not be in it.
DIST = migrate-$(EXTVERSION).zip
dist:
	@changes=$$(git status --short) && \
		if [ -n "$$changes" ]; then echo "commit these first:"; echo "$$changes"; exit 1; fi
	git archive --format=zip --prefix=migrate-$(EXTVERSION)/ -o '$(DIST)' HEAD

indent:
	.ci/indent.sh

bench:
	bench/run
