/* Runs a fuzz target over files without libFuzzer: the corpus in `make check`, a crash file by hand.
 * Usage: PROGRAM FILE-OR-DIR...; a directory is read one level deep. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_files;

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	uint8_t *data = NULL;
	size_t size = 0, got;
	do {
		data = realloc(data, size + 65536);
		if (data == NULL)
			abort();
		got = fread(data + size, 1, 65536, file);
		size += got;
	} while (got != 0);
	fclose(file);
	/* A copy of the exact size: a sanitizer sees reads behind the end. */
	uint8_t *exact = realloc(data, size != 0 ? size : 1);
	if (exact == NULL)
		abort();
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	n_files++;
	return 0;
}

static int run_dir(const char *path)
{
	DIR *dir = opendir(path);
	int failed = dir == NULL;
	char name[4096];
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		struct stat st;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (stat(name, &st) == 0 && S_ISREG(st.st_mode))
			failed |= run_file(name);
	}
	if (dir != NULL)
		closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		failed |= stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? run_dir(argv[i]) : run_file(argv[i]);
	}
	printf("%s: %u inputs\n", argv[0], n_files);
	return failed || n_files == 0;
}
