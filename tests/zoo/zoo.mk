# The lock zoo (tests/zoo/zoo.h): programs that block in one known way each.  Built as users build theirs: none of our flags.
# Toolchains that are not installed leave their programs out.
ZOO_FLAGS := -O2 -g -Wall -Wno-use-after-free -Wno-unused-result -pthread
ZOO_HAS    = $(if $(shell command -v $(1) 2>/dev/null),$(2))
ZOO := $(addprefix $(O)/tests/zoo/,posix posix-static libc gomp $(call ZOO_HAS,$(CXX),cxx $(if $(wildcard /usr/include/absl/base/config.h),absl) $(if $(wildcard /usr/include/oneapi/tbb/mutex.h),tbb)) \
       $(call ZOO_HAS,musl-gcc,posix-musl posix-musl-static) $(call ZOO_HAS,rustc,rust) \
       $(if $(wildcard /usr/lib/llvm-*/lib/libomp.so),$(call ZOO_HAS,clang,libomp)))

$(O)/tests/zoo/%: tests/zoo/%.c tests/zoo/zoo.h
	@mkdir -p $(@D)
	$(CC) $(ZOO_FLAGS) $(if $(findstring gomp,$@),-fopenmp) -o $@ $<
$(O)/tests/zoo/%: tests/zoo/%.cc tests/zoo/zoo.h
	@mkdir -p $(@D)
	$(CXX) $(ZOO_FLAGS) -o $@ $< $(if $(findstring absl,$@),$$(pkg-config --libs absl_synchronization absl_base)) $(if $(findstring tbb,$@),-ltbb)
$(O)/tests/zoo/%: tests/zoo/%.rs
	@mkdir -p $(@D)
	rustc --edition 2021 -C opt-level=2 -o $@ $<
$(O)/tests/zoo/gomp: tests/zoo/team.h
$(O)/tests/zoo/libomp: tests/zoo/libomp.c tests/zoo/team.h tests/zoo/zoo.h
	@mkdir -p $(@D)
	clang -O2 -g -fopenmp -pthread -o $@ $<
$(O)/tests/zoo/posix-static: tests/zoo/posix.c tests/zoo/zoo.h
	@mkdir -p $(@D)
	$(CC) $(ZOO_FLAGS) -static -o $@ $<
$(O)/tests/zoo/posix-musl: tests/zoo/posix.c tests/zoo/zoo.h
	@mkdir -p $(@D)
	musl-gcc -O2 -g -o $@ $<
$(O)/tests/zoo/posix-musl-static: tests/zoo/posix.c tests/zoo/zoo.h
	@mkdir -p $(@D)
	musl-gcc -O2 -g -static -DZOO_NO_TABLES -o $@ $<
$(O)/tests/zoo/run: $(O)/tests/zoo/run.o $(SHELLLIB) $(CORE)
	$(CC) $(LDFLAGS) -o $@ $^ $(SHELLLIB) $(CORE) $(LIBS)

# The unit test runs all of them.
$(O)/tests/unit/test_shell_locks: | $(ZOO)

.PHONY: zoo zoo-all
zoo: $(ZOO) $(O)/tests/zoo/run ## lock zoo on this machine's libraries
	$(O)/tests/zoo/run $(ZOO)

# Other C libraries: each folder below ZOO_ROOTS is the root of another system, made once by
#   debootstrap --variant=minbase --include=gcc,g++,libc6-dev,libgomp1 trixie $(ZOO_ROOTS)/trixie
# Needs root.
ZOO_ROOTS ?= /var/tmp/hangdog-zoo
zoo-all: $(O)/tests/zoo/run ## lock zoo in the systems below $(ZOO_ROOTS); skipped if there are none
	tests/zoo/all.sh $(ZOO_ROOTS) $(O)/tests/zoo/run
