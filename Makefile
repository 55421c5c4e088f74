# Makefile: builds, installs and tests the extension migrate (PGXS)
#
#   make && make install        build and install; PG_CONFIG chooses the server
#   make installcheck           all tests, on servers they start themselves
#   make installcheck RUNNING=1 the SQL tests, on a running server that has the
#                               extension installed
#   make check-sql              pg_regress only
#   make check-iso              isolation tests only
#   make check-tap              TAP tests only
#   make check-storm            fifty storms of failures; SEEDS=n for another number
#   make check-alembic          10,000 random cases against the installed Alembic;
#                               N=n SEED=n for others, CASE=n for one of them
#   make check-load             fifty sessions for two minutes, beside an application
#   make check-assert           all tests on a server with asserts, MAJOR=18 or 15
#   make check-injection        runs that are stopped between body and version row
#   make check-matrix           all tests on each version of PostgreSQL
#   make check-ubsan            all tests, undefined behaviour ends the server
#   make check-valgrind         most tests on that server under valgrind
#   make check-asan             most tests, addresses are watched
#   make fuzz                   random inputs for layer 1; FUZZ_TIME=n seconds for each target
#   make fuzz-sql               hostile calls and SQLsmith against a server with asserts
#   make check-upgrade          pg_upgrade, and dump and restore, from 15 to 18
#   make check-everything       all of these, and one table; JOBS=n of them at once
#   make coverage               which lines of src/ the tests run
#   make static                 four static checkers
#   make dist                   migrate-VERSION.zip of what is committed, for PGXN
#   make check-dist             that it can be built and tested without git
#   make check-deb              builds the Debian package, installs it elsewhere
#   make indent                 format the C files
#   make bench                  measure; see bench/README.md

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

# pg_regress, in this order: the first test creates the extension, the last one
# drops it, the others leave the registry empty.
REGRESS = \
	install \
	privileges \
	register \
	register_body \
	register_script \
	register_again \
	hash \
	unregister \
	merge \
	targets \
	questions \
	upgrade \
	downgrade \
	body \
	deferred \
	errors \
	stamp \
	log \
	deploy \
	segments \
	partial \
	status \
	job \
	schedule \
	approval \
	settings \
	server_type \
	doctor \
	retry \
	retry_policy \
	effect \
	probe \
	read_only \
	author \
	security \
	hostile_body \
	standard_strings \
	version_table \
	version_owner \
	alembic_samples \
	alembic_suite \
	drop

# Those of them that need the server of the tests: its settings, or a module of
# test/, which only the staged installation has.  Not run with RUNNING=1.
STAGED_ONLY = retry_policy effect probe doctor

# From 19 on standard_conforming_strings cannot be off.
BEFORE_19 = standard_strings

NOT_RUN = $(if $(RUNNING),$(STAGED_ONLY)) \
	$(if $(filter 15 16 17 18,$(MAJORVERSION)),,$(BEFORE_19))

ISOLATION = race_deadlock race_foreign_write race_lock_lost race_lock_timeout \
	race_lock_wait race_partition race_register race_repeatable_read race_replace \
	race_replace_elsewhere race_schedule race_serializable race_snapshot race_upgrade

TAP = \
	t/001_concurrency.pl \
	t/002_interrupt.pl \
	t/003_crash.pl \
	t/004_transaction.pl \
	t/005_standby.pl \
	t/006_dump.pl \
	t/007_scale.pl \
	t/008_session.pl \
	t/009_alembic.pl \
	t/010_boundary.pl \
	t/011_commit.pl \
	t/012_waiting.pl \
	t/013_subscription.pl \
	t/014_partial.pl \
	t/015_clients.pl \
	t/016_job.pl \
	t/017_job_survival.pl \
	t/018_scheduler.pl \
	t/019_schedule.pl \
	t/020_progress.pl \
	t/021_yb_sim.pl \
	t/022_doctor.pl \
	t/023_lease.pl \
	t/024_storm.pl \
	t/025_alembic_1487.pl \
	t/026_yugabytedb.pl \
	t/027_alembic_diff.pl \
	t/028_roles.pl \
	t/029_load.pl \
	t/030_exhaustion.pl \
	t/031_released.pl \
	t/032_no_memory.pl

PG_CPPFLAGS = -I$(srcdir)/src

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
$(OBJS): $(wildcard src/*.h src/*/*.h)

$(DATA_built): extension/migrate.sql migrate.control
	cp extension/migrate.sql $@

TEST_ENV = MAKE='$(MAKE)' PG_CONFIG='$(PG_CONFIG)' RUNNING='$(RUNNING)' \
	PROFILE='$(PROFILE)' COPT='$(COPT)' \
	REGRESS='$(filter-out $(NOT_RUN),$(REGRESS))' \
	ISOLATION='$(ISOLATION)' TAP='$(TAP)'

.PHONY: installcheck check-sql check-iso check-tap check-storm check-alembic \
	check-load check-assert check-injection check-matrix check-ubsan \
	check-asan check-upgrade check-valgrind check-dist check-deb \
	check-everything coverage dist indent bench static fuzz fuzz-sql

installcheck:
	+@$(TEST_ENV) scripts/test sql iso tap

check-sql:
	+@$(TEST_ENV) scripts/test sql

check-iso:
	+@$(TEST_ENV) scripts/test iso

check-tap:
	+@$(TEST_ENV) scripts/test tap

# Fifty storms of each kind; t/024_storm.pl has few of them.
check-storm:
	+@$(TEST_ENV) STORM_SEEDS='$(or $(SEEDS),50)' TAP=t/024_storm.pl scripts/test tap

# Against the Alembic of ALEMBIC_PYTHON, if that is set; t/027_alembic_diff.pl
# has a few hundred cases.
check-alembic:
	+@$(TEST_ENV) ALEMBIC_CASES='$(or $(N),10000)' ALEMBIC_SEED='$(SEED)' \
		ALEMBIC_CASE='$(CASE)' TAP=t/027_alembic_diff.pl scripts/test tap

# Fifty sessions for two minutes; t/029_load.pl has fewer, for ten seconds.
check-load:
	+@$(TEST_ENV) LOAD_SECONDS='$(or $(SECONDS),120)' LOAD_SESSIONS='$(or $(SESSIONS),50)' \
		TAP=t/029_load.pl scripts/test tap

# The deeper ones set up what they need, and keep it in a cache; scripts/ says
# more of each.
check-assert:
	+@config=$$(scripts/source_server $(or $(MAJOR),15)) && \
		$(MAKE) -k installcheck PG_CONFIG="$$config"

# On PostgreSQL 18, built with asserts and injection points.
check-injection:
	+@config=$$(scripts/source_server 18) && $(TEST_ENV) PG_CONFIG="$$config" \
		TAP=test/injection/stop.pl scripts/test tap

check-matrix:
	+@scripts/matrix

check-ubsan:
	+@$(MAKE) -k installcheck \
		COPT='-fsanitize=undefined -fno-sanitize-recover=undefined'

# Twenty times slower, so of TAP only what runs workers and the imitation.
VALGRIND_TAP = t/016_job.pl t/019_schedule.pl t/021_yb_sim.pl t/026_yugabytedb.pl
check-valgrind:
	+@config=$$(scripts/source_server 15) && $(TEST_ENV) PG_CONFIG="$$config" \
		TAP='$(VALGRIND_TAP)' PG_TEST_TIMEOUT_DEFAULT=1800 TEST_STATEMENTS=5000 \
		WATCH="$$(dirname $$(dirname $$config))/valgrind.supp" \
		scripts/test sql iso tap

# In the tree of 18: before, the sanitizer's library and a server that speaks
# other languages do not get on.
check-asan:
	+@scripts/asan

check-upgrade:
	+@scripts/pg_upgrade

# Not while something is changed: it would not be in it.
DIST = migrate-$(EXTVERSION).zip
dist:
	@changes=$$(git status --short) && \
		if [ -n "$$changes" ]; then echo "commit these first:"; echo "$$changes"; exit 1; fi
	git archive --format=zip --prefix=migrate-$(EXTVERSION)/ -o '$(DIST)' HEAD

check-dist:
	+@scripts/dist

check-deb:
	+@scripts/deb

check-everything:
	+@JOBS='$(JOBS)' scripts/everything

coverage:
	+@scripts/coverage

static:
	+@scripts/static

fuzz:
	+@$(TEST_ENV) FUZZ_TIME='$(FUZZ_TIME)' scripts/fuzz pure

fuzz-sql:
	+@config=$$(scripts/source_server $(or $(MAJOR),15)) && $(TEST_ENV) \
		PG_CONFIG="$$config" FUZZ_TIME='$(FUZZ_TIME)' \
		FUZZ_QUERIES='$(FUZZ_QUERIES)' scripts/fuzz sql

indent:
	.ci/indent.sh

bench:
	bench/run
