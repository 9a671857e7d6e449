/* EXPECT: verdict=none
 * MODES: attached
 * NEEDS: gdb
 * OUTSIDE: while [ ! -e $FIXTURE_DIR/pid ]; do sleep 0.05; done; gdb -nx -batch -p $(cat $FIXTURE_DIR/pid) -ex 'shell sleep 1' -ex 'set variable go=1' -ex 'call (int)sem_post(&slot)'
 * Nobody in the program can post the semaphore; the debugger that is attached to it can. */
#include "fixture.h"

sem_t slot;
volatile int go;

int main(void)
{
	char path[4096], made[4200];
	fixture_begin();
	/* Until the debugger has come, it is a sleeping program: alone, it would be hung. */
	sem_init(&slot, 0, 0);
	snprintf(path, sizeof(path), "%s/pid", getenv("FIXTURE_DIR"));
	snprintf(made, sizeof(made), "%s.new", path);
	FILE *f = fopen(made, "w");
	MUST(f != NULL);
	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
	MUST(rename(made, path) == 0);
	while (!go)
		fixture_sleep(0.01);
	while (sem_wait(&slot) != 0)
		;
	return 0;
}
