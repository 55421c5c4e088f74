# test/module.mk: what the modules that only tests load have in common
#
# make installcheck builds them and installs them into the staged installation;
# make install knows nothing of them.  A Makefile that includes this says OBJS,
# and in OURS those that are made of files of src/.

MODULE_big ?= migrate_test_$(notdir $(CURDIR))
PGFILEDESC = "$(MODULE_big) - tests of the extension migrate"

PG_CPPFLAGS += -I$(CURDIR)/../../src
PG_CFLAGS += $(if $(filter 15,$(MAJORVERSION)),-std=gnu17)
override with_llvm := no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OURS): %.o: ../../src/%.c $(wildcard ../../src/*.h ../../src/*/*.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

# Where the module is loaded nothing else has what it lacks.
ifneq ($(OURS),)
all: complete
.PHONY: complete
complete: $(shlib)
	@! nm -u $< | grep ' mig_'
endif
