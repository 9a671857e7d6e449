/* MiniDebugInfo as a packager makes it (objcopy, xz), and as an attacker would. */
/* covers: debugdata.c */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "stack/debugdata.h"
#include "stack/image.h"
#include "stack/symbols.h"

/* GDB's manual, "Debugging information in a special section": keep the functions that .dynsym does not have, then pack. */
#define PROGRAM                                                                                                        \
	"cat > prog.c <<'E'\n"                                                                                         \
	"static __attribute__((noinline)) int local_function(int i) { __asm__ volatile(\"\"); return i + 1; }\n"       \
	"int main(int argc, char **argv) { (void)argv; return local_function(argc); }\n"                               \
	"E\n"                                                                                                          \
	"gcc -g -O1 -o prog prog.c && nm prog | awk '$3 == \"local_function\" {print $1}' > where && "                 \
	"echo local_function > keep && objcopy --only-keep-debug prog debug && "                                       \
	"objcopy -S --remove-section .comment --keep-symbols=keep debug mini && strip prog && "
#define PACK "objcopy --add-section .gnu_debugdata=mini.xz prog"

struct setup {
	char dir[40], home[512];
	struct hd_image *image;
	uint64_t vaddr; /* of local_function */
};

static void run(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

/* how: makes mini.xz out of mini */
static struct setup setup(const char *how)
{
	struct setup s = {.dir = "/tmp/hd-debugdata-XXXXXX"};
	char command[2048];
	cr_assert(getcwd(s.home, sizeof(s.home)) != NULL && mkdtemp(s.dir) != NULL && chdir(s.dir) == 0);
	snprintf(command, sizeof(command), PROGRAM "%s && " PACK, how);
	run(command);
	FILE *where = fopen("where", "r");
	cr_assert(where != NULL && fscanf(where, "%lx", &s.vaddr) == 1);
	fclose(where);
	int fd = open("prog", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(hd_image_open(fd, "prog", &s.image), 0);
	return s;
}

static void cleanup(struct setup *s)
{
	char command[64];
	hd_image_free(s->image);
	snprintf(command, sizeof(command), "rm -r %s", s->dir);
	cr_assert_eq(chdir(s->home), 0);
	run(command);
}

static bool is_named(struct setup *s)
{
	struct hd_symbol symbol;
	return hd_symbols_find(s->image, s->vaddr, HD_SYMBOL_CODE, &symbol) && strcmp(symbol.name, "local_function") == 0 &&
	       symbol.value == s->vaddr;
}

Test(debugdata, local_functions_of_a_stripped_file_have_names, .timeout = 60)
{
	static const char *const packers[] = {"xz -k mini", "xz -9 -k mini", "xz --check=crc32 -k mini"};
	for (size_t i = 0; i < HD_COUNTOF(packers); i++) {
		struct setup s = setup(packers[i]);
		cr_expect(is_named(&s), "%s", packers[i]);
		cr_expect(hd_symbols_is_full(s.image));
		cleanup(&s);
	}
}

Test(debugdata, it_is_unpacked_in_slices, .timeout = 60)
{
	struct setup s = setup("head -c 1000000 /dev/urandom >> mini && xz -k mini");
	struct hd_work work = {0};
	uint32_t slices = 0;
	s.image->work = &work;
	while (!is_named(&s)) {
		cr_assert(work.is_starved && slices++ < 10000);
		work = (struct hd_work){.left = 50000};
	}
	cr_expect_gt(slices, 10);
	cleanup(&s);
}

/* Freed in the middle of it, too. */
Test(debugdata, a_file_may_be_closed_before_it_is_unpacked, .timeout = 60)
{
	struct setup s = setup("head -c 1000000 /dev/urandom >> mini && xz -k mini");
	struct hd_work work = {.left = 50000};
	s.image->work = &work;
	cr_expect_not(is_named(&s));
	cleanup(&s);
}

Test(debugdata, what_is_damaged_counts_as_none, .timeout = 60)
{
	static const char *const ways[] = {
		"xz -k mini && truncate -s -40 mini.xz",                                     /* cut off */
		"xz -k mini && printf XXXX | dd of=mini.xz bs=1 seek=60 conv=notrunc status=none",  /* wrong inside */
		"xz -k mini && printf X | dd of=mini.xz bs=1 seek=0 conv=notrunc status=none",      /* no xz at all */
		"gzip -k mini && mv mini.gz mini.xz",                                        /* packed otherwise */
		"echo nothing > mini && xz -k mini",                                         /* not an ELF file */
		"xz -k --lzma2=preset=9,dict=512MiB mini",                                   /* needs a huge dictionary */
		"printf '' | xz > mini.xz",                                                  /* empty */
	};
	for (size_t i = 0; i < HD_COUNTOF(ways); i++) {
		struct setup s = setup(ways[i]);
		cr_expect_not(is_named(&s), "%s", ways[i]);
		cleanup(&s);
	}
}

static long peak_kib(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

Test(debugdata, a_bomb_is_refused_with_bounded_memory, .timeout = 120)
{
	struct setup s = setup("head -c 400000000 /dev/zero | xz -0 > mini.xz");
	long before = peak_kib();
	cr_expect_not(is_named(&s));
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed for a while */
	cr_expect_lt(peak_kib() - before, 256 << 10);
#else
	(void)before;
#endif
	cleanup(&s);
}
