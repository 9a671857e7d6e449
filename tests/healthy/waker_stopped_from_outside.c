/* EXPECT: verdict=none
 * OUTSIDE: until [ -e $FIXTURE_DIR/pid ]; do sleep 0.05; done; sleep 1.2; kill -CONT $(cat $FIXTURE_DIR/pid)
 * The only process that could go on is stopped, and nobody of the tree will continue it: somebody at a terminal may. */
#include "fixture.h"

int main(void)
{
	char path[4096], made[4200];
	fixture_begin();
	pid_t child = fixture_fork();
	if (child == 0) {
		raise(SIGSTOP);
		_exit(0);
	}
	int status;
	MUST(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
	snprintf(path, sizeof(path), "%s/pid", getenv("FIXTURE_DIR"));
	snprintf(made, sizeof(made), "%s.new", path);
	FILE *f = fopen(made, "w");
	MUST(f != NULL);
	fprintf(f, "%d\n", (int)child);
	fclose(f);
	MUST(rename(made, path) == 0);
	return fixture_wait(child);
}
