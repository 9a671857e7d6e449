/* PLT stubs as linkers make them, each instruction compared with what objdump calls it. */
/* covers: callsite.c */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stack/callsite.h"
#include "stack/image.h"

#define BUILD                                                                                                          \
	"cat > prog.c <<'E'\n"                                                                                         \
	"#include <stdlib.h>\n#include <stdio.h>\n"                                                                    \
	"void *(*kept[])() = {(void *(*)())free};\n"                                                                   \
	"int main(int argc, char **argv) { char *p = malloc(argc); kept[0] = (void *(*)())realloc;\n"                  \
	"free(p); realloc(p, 1); return (int)strtol(argv[0], 0, 0) + puts(argv[argc - 1]); }\n"                        \
	"E\n"                                                                                                          \
	"%s -O1 -w -o prog prog.c && objdump -d -j .plt -j .plt.sec -j .plt.got prog 2>/dev/null > dump; strip prog"

struct folder {
	char dir[40], home[512];
};

static struct folder enter(void)
{
	struct folder f = {.dir = "/tmp/hd-callsite-XXXXXX"};
	cr_assert(getcwd(f.home, sizeof(f.home)) != NULL && mkdtemp(f.dir) != NULL && chdir(f.dir) == 0);
	return f;
}

static void leave(const struct folder *f)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	cr_assert(chdir(f->home) == 0 && system(command) == 0);
}

/* What stands between stubs is never executed. */
static bool is_filling(const char *line)
{
	return strstr(line, "nop") != NULL || strstr(line, "xchg") != NULL || strstr(line, "int3") != NULL;
}

/* How many instructions of stubs there were. */
static unsigned compare(struct hd_image *image, const char *how)
{
	char line[512], label[256] = "", name[256];
	unsigned stubs = 0;
	FILE *dump = fopen("dump", "r");
	cr_assert_not_null(dump);
	while (fgets(line, sizeof(line), dump) != NULL) {
		unsigned long at;
		if (sscanf(line, "%lx <%255[^>]>:", &at, label) == 2 || line[0] != ' ' || sscanf(line, " %lx:", &at) != 1 ||
		    is_filling(line))
			continue;
		/* The lazy halves of a second PLT have no name there; in the test with a real thread (tests/e2e/symbols.py) they do. */
		if (strcmp(label, ".plt") == 0)
			continue;
		char *end = strstr(label, "@plt");
		bool is_stub = end != NULL && end[4] == '\0';
		bool found = hd_callsite_stub(image, at, name, sizeof(name));
		cr_expect_eq(found, is_stub, "%s: %s: %s", how, label, line);
		if (found && is_stub)
			cr_expect(strncmp(name, label, (size_t)(end - label)) == 0 && strlen(name) == (size_t)(end - label), "%s: %s is not %s: %s",
				  how, name, label, line);
		stubs += is_stub;
	}
	fclose(dump);
	return stubs;
}

Test(callsite, each_instruction_of_a_plt_stub_leads_to_its_name, .timeout = 60)
{
	static const char *const ways[] = {
		"gcc -Wl,-z,lazy",
		"gcc -Wl,-z,lazy -no-pie",
		"gcc -Wl,-z,now",
		"gcc -Wl,-z,lazy -fcf-protection=full -Wl,-z,ibtplt",
		"gcc -Wl,-z,now -fcf-protection=full -Wl,-z,ibtplt -no-pie",
	};
	for (size_t i = 0; i < HD_COUNTOF(ways); i++) {
		struct folder folder = enter();
		struct hd_image *image;
		char command[1024];
		snprintf(command, sizeof(command), BUILD, ways[i]);
		cr_assert_eq(system(command), 0, "%s", command);
		int fd = open("prog", O_RDONLY | O_CLOEXEC);
		cr_assert_eq(hd_image_open(fd, "prog", &image), 0);
		cr_expect_geq(compare(image, ways[i]), 4, "%s", ways[i]);
		hd_image_free(image);
		leave(&folder);
	}
}

Test(callsite, what_is_no_stub_has_no_name, .timeout = 30)
{
	struct hd_image *image;
	char name[256];
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(hd_image_open(fd, "test", &image), 0);
	static const uint64_t addresses[] = {0, 1, UINT64_MAX, UINT64_MAX - 15};
	for (size_t i = 0; i < HD_COUNTOF(addresses); i++)
		cr_expect_not(hd_callsite_stub(image, addresses[i], name, sizeof(name)));
	hd_image_free(image);
}
