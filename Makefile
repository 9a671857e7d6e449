# hangdog: `make help` lists the targets.  Everything is built below $(O); sources are never written to.
# Knobs: O=DIR  STATIC=1  SHARED=1  SAN=address,undefined  DEBUG=1  COVERAGE=1  WERROR=1  CC=clang  PREFIX, DESTDIR
-include local.mk

O       ?= build
CC      ?= cc
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
VERSION := $(shell cat VERSION)

comma    := ,
PKGS     := libdw libelf liblzma jansson ncursesw
CSTD     := -std=gnu17 -D_GNU_SOURCE
WARN     := -Wall -Wextra -Wshadow -Wundef -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
            -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough -fno-common $(if $(WERROR),-Werror)
HARDEN   := -fstack-protector-strong -fPIE
OPT      := $(if $(DEBUG),-O0 -g3,-O2 -g $(if $(SAN)$(COVERAGE),,-D_FORTIFY_SOURCE=2))
CPPFLAGS += -Iinclude -Isrc -I$(O)/gen -DHD_VERSION='"$(VERSION)"' -DHD_GEN='"$(O)/gen"' $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CPPFLAGS += $(if $(CROSS_ROOT),-isystem $(CROSS_ROOT)/usr/include -isystem $(CROSS_ROOT)/usr/include/$(CROSS:-=)) $(if $(CROSSING),-idirafter /usr/include)
CFLAGS   += $(CSTD) $(WARN) $(HARDEN) $(OPT) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined -fno-omit-frame-pointer) \
            $(if $(COVERAGE),--coverage)
LDFLAGS  += -pthread $(if $(STATIC),-static-pie -Wl$(comma)--wrap=dlopen,-pie) -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)
# A library that the loader has to find and bind costs 0.1 ms at every start; five are half of a whole dump.  So they are
# linked in where their archives are installed (SHARED=1: never); the C library stays shared.
ARCHIVES := libdw libelf liblzma libjansson libncursesw libtinfo libz libbz2
PACKED   := $(if $(SHARED)$(STATIC)$(CROSSING),,$(if $(filter-out /%,$(shell for a in $(ARCHIVES); do $(CC) -print-file-name=$$a.a; done)),,y))
FOREIGN  := $(shell pkg-config $(if $(STATIC)$(PACKED),--static) --libs $(PKGS) 2>/dev/null) -liberty
LIBS     := $(if $(PACKED),-Wl$(comma)-Bstatic $(filter-out -ldl -pthread -lpthread,$(FOREIGN)) -Wl$(comma)-Bdynamic,$(FOREIGN))
CORELIBS := $(shell pkg-config --libs jansson 2>/dev/null)

CORE_SRC := $(sort $(wildcard src/base/*.c src/data/*.c src/parse/*.c src/core/*.c))
SHELL_SRC:= $(sort $(wildcard src/os/*.c src/stack/*.c src/ui/*.c))
CMD_SRC  := $(sort $(filter-out src/cmd/main.c,$(wildcard src/cmd/*.c)))
obj       = $(patsubst %.c,$(O)/%.o,$(1))

CORE     := $(O)/libhangdog-core.a
SHELLLIB := $(O)/libhangdog-shell.a
UNIT     := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
PROP     := $(patsubst tests/prop/%.c,$(O)/tests/prop/%,$(sort $(wildcard tests/prop/*.c)))

.PHONY: python all help check check-all unit prop tidy e2e deps demo bench bench-stacks soundness fuzz san cov analyze format install uninstall dist clean realworld
.DEFAULT_GOAL := all

all: $(O)/hangdog ## build the binary (build/hangdog)

# One file for any Linux of the last years (docs/packages.md); make wheel and contrib/ carry it.
static: ## the same as one static binary: build/static/hangdog
	@$(MAKE) --no-print-directory O=$(O)/static STATIC=1 all
	strip -o $(O)/static/hangdog.stripped $(O)/static/hangdog && mv $(O)/static/hangdog.stripped $(O)/static/hangdog
# Without foreign libraries: the pure floors and the shells that need none.  CROSS_ROOT=DIR: a folder into which the arm64 packages of
# docs/packages.md were unpacked; then all of it is built, and what needs no ptrace (qemu has none) is run.
CROSS      ?= aarch64-linux-gnu-
CROSS_ROOT ?=
CROSS_LIBS  = -L$(CROSS_ROOT)/usr/lib/$(CROSS:-=) -L$(CROSS_ROOT)/lib/$(CROSS:-=) \
              -Wl,-rpath-link,$(CROSS_ROOT)/usr/lib/$(CROSS:-=):$(CROSS_ROOT)/lib/$(CROSS:-=)
cross: ## compile for aarch64, and run there what qemu can (CROSS_ROOT=DIR: arm64 libraries, see docs/packages.md)
	@$(MAKE) --no-print-directory O=$(O)/aarch64 CC=$(CROSS)gcc CROSSING=1 $(if $(CROSS_ROOT),CROSS_ROOT=$(CROSS_ROOT) \
		CORELIBS='$(CROSS_LIBS) -ljansson' LIBS='$(CROSS_LIBS) -ldw -lelf -llzma -ljansson -lncursesw -ltinfo -liberty -lz',CORELIBS= LIBS=) \
		cross-suite $(if $(CROSS_ROOT),cross-run)
cross-suite: $(PROP) $(call obj,$(filter src/os/%,$(SHELL_SRC)) src/cmd/main.c $(CMD_SRC))
	@for t in $(PROP); do if command -v qemu-aarch64-static >/dev/null; then echo "qemu: $$t"; \
		HD_PROP_N=2000 qemu-aarch64-static -L /usr/$(CROSS:-=) $$t || exit 1; else echo "compiled, not run: $$t"; fi; done
cross-run: all
	@CROSS_ROOT=$(CROSS_ROOT) O=$(O) tests/cross.sh
.PHONY: cross cross-suite cross-run

wheel: static ## dist/hangdog-*.whl: pip install gives the command
	@rm -f dist/hangdog-*.whl
	@contrib/wheel/build.py $(O)/static/hangdog $(VERSION) dist
deb: static ## dist/hangdog_*.deb with the static binary
	@rm -f dist/hangdog_*.deb
	@contrib/debian/build.sh $(O)/static/hangdog $(VERSION) dist
.PHONY: static wheel deb

help: ## list the targets
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18

$(O)/hangdog: $(call obj,src/cmd/main.c $(CMD_SRC) $(if $(STATIC),contrib/static/nodl.c)) $(SHELLLIB) $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ $(SHELLLIB) $(CORE) $(LIBS)

$(CORE): $(call obj,$(CORE_SRC))
	@rm -f $@
	ar rcs $@ $^

$(SHELLLIB): $(call obj,$(SHELL_SRC))
	@rm -f $@
	ar rcs $@ $^

# Changed knobs rebuild what they touch.
FLAGS := $(CC) $(CFLAGS) $(CPPFLAGS) $(STATIC)
$(O)/.flags: FORCE
	@mkdir -p $(O) && echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' > $@
FORCE:

$(O)/%.o: %.c $(O)/.flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Preload libraries of --cure; they travel inside of the binary.  -foptimize-sibling-calls: see dlopen in gate.c.
$(O)/gen/shim/%.so: contrib/shim/%.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(WARN) -O2 -foptimize-sibling-calls -fPIC -fvisibility=default -ftls-model=initial-exec -fno-builtin -shared -s \
		-Wl,-soname,hangdog-$*.so -Wl,-z,relro,-z,now -o $@ $< -ldl
$(O)/src/cmd/shims.o: $(O)/gen/shim/pause.so $(O)/gen/shim/gate.so

# Unit and property tests link the pure core and nothing else; test_shell_*.c may use the shells as well.
$(O)/tests/unit/test_shell_%: $(O)/tests/unit/test_shell_%.o $(SHELLLIB) $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ $(SHELLLIB) $(CORE) -lcriterion $(LIBS)
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ -lcriterion $(CORELIBS)
$(O)/tests/prop/%: $(O)/tests/prop/%.o $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ $(CORELIBS)

-include tests/zoo/zoo.mk
# What the end-to-end tests run besides hangdog itself.
TOOLS := $(patsubst tests/lib/%.c,$(O)/tests/lib/%,$(sort $(wildcard tests/lib/tracer_*.c)))
$(O)/tests/lib/tracer_%: $(O)/tests/lib/tracer_%.o $(SHELLLIB) $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ $(SHELLLIB) $(CORE) $(LIBS)

# ---- tests: tests/run.sh counts and ends with 'N passed, N failed, N skipped' ----
RUN := O=$(O) SAN=$(SAN) tests/run.sh

unit: $(UNIT) ## unit tests
	@$(RUN) unit

prop: $(PROP) ## property tests (HD_PROP_N= sets the number of random cases)
	@$(RUN) prop

tidy: all ## the gates of docs/HACKING.md: rooms, purity, sizes, forbidden words
	@$(RUN) tidy

realworld: all ## whole suites of other programs, bare and guarded: same results, no verdict (an hour; SUITE= picks)
	@tests/realworld/run.py $(SUITE)

python: all ## every CPython here (HD_PYTHONS= more): found stripped and embedded, states, frames beside py-spy and pystack (HD_BENCH_PATH=)
	HD_LONG=1 tests/e2e/python_found.py
	tests/e2e/python_states.py
	tests/e2e/asyncio_tasks.py
	tests/e2e/python_names.py
	tests/e2e/python_peers.py all

soundness: all $(TOOLS) ## every hung and healthy program launched, looked at and guarded by attach, a look every 10 ms (half an hour)
	@O=$(O) HD_SOUND=1 tests/e2e/hung.py
	@O=$(O) HD_STORM_S=60 tests/e2e/relays.py

e2e: all $(TOOLS) ## the built binary, from outside, on real programs
	@$(RUN) e2e

check: deps ## everything that a change must pass (a few minutes)
	@$(MAKE) --no-print-directory all $(UNIT) $(PROP) $(REPLAYS) $(TOOLS)
	@$(RUN) unit prop fuzz tidy e2e

check-all: deps ## check, then longer: sanitizers, more random cases, analysers, fuzzing
	@$(MAKE) --no-print-directory check
	@HD_PROP_N=1000000 $(MAKE) --no-print-directory prop
	@$(MAKE) --no-print-directory san analyze fuzz

deps: ## install what is missing to build and test (asks first)
	@contrib/install-deps.sh

demo: ## a real fork deadlock, caught and explained (installs what the build needs, asks first)
	@contrib/install-deps.sh --build
	@$(MAKE) --no-print-directory -s all
	@O=$(O) contrib/demo/run.sh

bench: all ## costs of guarding on this machine, as ratios (HD_BENCH_DOC=1 rewrites docs/bench.md)
	@O=$(O) tests/bench/costs.py
bench-stacks: all ## time and stops of dump beside eu-stack, gdb, py-spy, pystack (HD_BENCH_PATH= where those live)
	@O=$(O) tests/bench/stacks.py

# Fuzzers: libFuzzer with clang; with the normal compiler, a main that replays the corpus (part of check).
FUZZ     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ))
REPLAYS  := $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(FUZZ))
FUZZ_S   ?= 30

by_kind   = $(filter %.o,$^) $(filter %.a,$^)
$(O)/tests/fuzz/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay_main.o $(CORE)
	$(CC) $(LDFLAGS) -o $@ $(by_kind) $(CORELIBS)
# Those that need more than the pure floors.
$(O)/tests/fuzz/fuzz_elf $(O)/tests/fuzz/fuzz_unwind $(O)/tests/fuzz/fuzz_members $(O)/tests/fuzz/fuzz_door: $(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/replay_main.o $(SHELLLIB) $(CORE)
	$(CC) $(LDFLAGS) -o $@ $(by_kind) $(LIBS)
$(O)/tests/fuzz/fuzz_options: $(call obj,src/cmd/options.c src/cmd/nearest.c)

# libFuzzer: the same sources once more, by clang, below $(O)/fuzz.
FUZZ_CC  := clang $(CPPFLAGS) $(CSTD) -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined
fuzz_obj  = $(patsubst %.c,$(O)/fuzz/%.o,$(1))
$(O)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
$(O)/fuzz/libcore.a: $(call fuzz_obj,$(CORE_SRC))
$(O)/fuzz/libshell.a: $(call fuzz_obj,$(filter src/stack/% src/os/%,$(SHELL_SRC)))
$(O)/fuzz/lib%.a:
	@rm -f $@
	ar rcs $@ $^
$(O)/fuzz/fuzz_%: $(O)/fuzz/tests/fuzz/fuzz_%.o $(O)/fuzz/libcore.a
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $(by_kind) $(CORELIBS)
$(O)/fuzz/fuzz_elf $(O)/fuzz/fuzz_unwind $(O)/fuzz/fuzz_members $(O)/fuzz/fuzz_door: $(O)/fuzz/%: $(O)/fuzz/tests/fuzz/%.o $(O)/fuzz/libshell.a $(O)/fuzz/libcore.a
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $(by_kind) $(LIBS)
$(O)/fuzz/fuzz_options: $(call fuzz_obj,src/cmd/options.c src/cmd/nearest.c)

fuzz: $(FUZZERS) ## libFuzzer on every parser, FUZZ_S seconds each
	@set -e; for f in $(FUZZERS); do n=$${f##*/fuzz_}; mkdir -p $(O)/corpus/$$n tests/fuzz/corpus/$$n; echo "fuzz: $$n"; \
		$$f -max_total_time=$(FUZZ_S) -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=0 \
		-artifact_prefix=$(O)/fuzz/ $(O)/corpus/$$n tests/fuzz/corpus/$$n; done

san: ## all suites with address and undefined behaviour sanitizers
	@$(MAKE) --no-print-directory O=$(O)/san SAN=address,undefined san-suites
.PHONY: san-suites docs coverage-report
san-suites: all $(UNIT) $(PROP) $(REPLAYS) $(TOOLS)
	@$(RUN) unit prop fuzz e2e

cov: ## line coverage of the unit and property tests, by file
	@$(MAKE) --no-print-directory O=$(O)/cov COVERAGE=1 coverage-report
coverage-report: $(UNIT) $(PROP)
	@find $(O) -name '*.gcda' -delete
	@$(RUN) unit prop
	@tests/coverage.sh $(O)

ALL_C := $(CORE_SRC) $(SHELL_SRC) src/cmd/main.c $(CMD_SRC)
ANALYZE_J ?= 2
each_c = @printf '%s\n' $(ALL_C) | xargs -P$(ANALYZE_J) -I{}
.PHONY: analyze-tidy analyze-cppcheck analyze-gcc
analyze: analyze-cppcheck analyze-gcc analyze-tidy ## clang-tidy, cppcheck, gcc -fanalyzer; any finding fails (ANALYZE_J= at a time)
analyze-tidy:
	$(each_c) clang-tidy --quiet {} -- $(CPPFLAGS) $(CSTD) 2>/dev/null
analyze-cppcheck:
	@cppcheck --quiet -j$(ANALYZE_J) --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
		--suppressions-list=tests/cppcheck.txt --include=tests/cppcheck.h -Iinclude -Isrc -D__x86_64__ -DHD_VERSION='""' src
# Leaks are left to `make san`: gcc 12 takes for lost what a caller's struct holds (reach in core/term.c).
analyze-gcc:
	$(each_c) $(CC) $(CPPFLAGS) $(CSTD) -O2 -fanalyzer -Wno-analyzer-malloc-leak -Werror -c -o /dev/null {}

format: ## clang-format every C file
	clang-format -i $(shell git ls-files '*.c' '*.h' 2>/dev/null | grep -v '^tests/hung/')

# Texts made from the option table.  `tests/e2e/cli.py` fails when they are out of date.
docs: all ## rewrite man page and README table from the option table
	$(O)/hangdog --generate man > docs/man/hangdog.1
	contrib/readme-table.sh $(O)/hangdog README.md

install: all ## install binary, man page and completions (DESTDIR=, PREFIX=)
	install -D -m 755 $(O)/hangdog $(DESTDIR)$(BINDIR)/hangdog
	install -D -m 644 docs/man/hangdog.1 $(DESTDIR)$(MANDIR)/man1/hangdog.1
	install -D -m 644 contrib/completion/hangdog.bash $(DESTDIR)$(DATADIR)/bash-completion/completions/hangdog
	install -D -m 644 contrib/completion/_hangdog $(DESTDIR)$(DATADIR)/zsh/site-functions/_hangdog
	install -D -m 644 contrib/completion/hangdog.fish $(DESTDIR)$(DATADIR)/fish/vendor_completions.d/hangdog.fish

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(BINDIR)/hangdog $(DESTDIR)$(MANDIR)/man1/hangdog.1 \
		$(DESTDIR)$(DATADIR)/bash-completion/completions/hangdog $(DESTDIR)$(DATADIR)/zsh/site-functions/_hangdog \
		$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/hangdog.fish

DIST := hangdog-$(VERSION)
dist: ## hangdog-VERSION.tar.gz of the committed tree
	git archive --format=tar.gz --prefix=$(DIST)/ -o $(DIST).tar.gz HEAD
distcheck: dist ## the tarball builds, tests itself, installs and uninstalls, outside of git
	rm -rf $(O)/distcheck && mkdir -p $(O)/distcheck
	tar -xzf $(DIST).tar.gz -C $(O)/distcheck
	@$(MAKE) --no-print-directory -s -C $(O)/distcheck/$(DIST) O=build all dist-suites
.PHONY: distcheck dist-suites
dist-suites: all $(UNIT) $(PROP) $(REPLAYS)
	@$(RUN) unit prop fuzz tidy
	@O=$(O) tests/e2e/install.py

clean: ## remove what was built
	rm -rf $(O) dist

-include $(shell find $(O) -name '*.d' 2>/dev/null)
