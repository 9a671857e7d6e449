# hangdog: `make help` lists the targets.  Everything is built below $(O); sources are never written to.
# Knobs: O=DIR  SAN=address,undefined  DEBUG=1  COVERAGE=1  WERROR=1  CC=clang  PREFIX, DESTDIR
-include local.mk

O       ?= build
CC      ?= cc
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
VERSION := $(shell cat VERSION)

PKGS     := libdw libelf liblzma jansson ncursesw
CSTD     := -std=gnu17 -D_GNU_SOURCE
WARN     := -Wall -Wextra -Wshadow -Wundef -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
            -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough -fno-common $(if $(WERROR),-Werror)
HARDEN   := -fstack-protector-strong -fPIE
OPT      := $(if $(DEBUG),-O0 -g3,-O2 -g $(if $(SAN)$(COVERAGE),,-D_FORTIFY_SOURCE=2))
CPPFLAGS += -Iinclude -Isrc -I$(O)/gen -DHD_VERSION='"$(VERSION)"' $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS   += $(CSTD) $(WARN) $(HARDEN) $(OPT) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined -fno-omit-frame-pointer) \
            $(if $(COVERAGE),--coverage)
LDFLAGS  += -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)
LIBS     := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -liberty
CORELIBS := $(shell pkg-config --libs jansson 2>/dev/null)

CORE_SRC := $(sort $(wildcard src/base/*.c src/data/*.c src/parse/*.c src/core/*.c))
SHELL_SRC:= $(sort $(wildcard src/os/*.c src/stack/*.c src/ui/*.c))
CMD_SRC  := $(sort $(filter-out src/cmd/main.c,$(wildcard src/cmd/*.c)))
obj       = $(patsubst %.c,$(O)/%.o,$(1))

CORE     := $(O)/libhangdog-core.a
SHELLLIB := $(O)/libhangdog-shell.a
UNIT     := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
PROP     := $(patsubst tests/prop/%.c,$(O)/tests/prop/%,$(sort $(wildcard tests/prop/*.c)))

.PHONY: all help check check-all unit prop tidy e2e deps demo bench fuzz san cov analyze format install uninstall dist clean
.DEFAULT_GOAL := all

all: $(O)/hangdog ## build the binary (build/hangdog)

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18

$(O)/hangdog: $(call obj,src/cmd/main.c $(CMD_SRC)) $(SHELLLIB) $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ $(SHELLLIB) $(CORE) $(LIBS)

$(CORE): $(call obj,$(CORE_SRC))
	@rm -f $@
	ar rcs $@ $^

$(SHELLLIB): $(call obj,$(SHELL_SRC))
	@rm -f $@
	ar rcs $@ $^

# Changed knobs rebuild what they touch.
FLAGS := $(CC) $(CFLAGS) $(CPPFLAGS)
$(O)/.flags: FORCE
	@mkdir -p $(O) && echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' > $@
FORCE:

$(O)/%.o: %.c $(O)/.flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Unit and property tests link the pure core and nothing else; test_shell_*.c may use the shells as well.
$(O)/tests/unit/test_shell_%: $(O)/tests/unit/test_shell_%.o $(SHELLLIB) $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ $(SHELLLIB) $(CORE) -lcriterion $(LIBS)
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ -lcriterion $(CORELIBS)
$(O)/tests/prop/%: $(O)/tests/prop/%.o $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ $(CORELIBS)

-include tests/zoo/zoo.mk

unit: $(UNIT) ## unit tests
	@set -e; for t in $(UNIT); do $$t -j1 --quiet || { echo "FAILED: $$t"; $$t -j1; exit 1; }; done; echo "unit: $(words $(UNIT)) programs passed"

prop: $(PROP) ## property tests (HD_PROP_N= sets the number of random cases)
	@set -e; for t in $(PROP); do $$t; done

clean: ## remove what was built
	rm -rf $(O)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
