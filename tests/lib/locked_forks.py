"""A C library whose at-fork handlers take its lock, as allocators and thread pools have them: built where it is asked for, loaded once
and for all."""
import ctypes
import os
import subprocess
import tempfile

SOURCE = """
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;
void take(void) { pthread_mutex_lock(&lock); }
void give(void) { pthread_mutex_unlock(&lock); }
static void *holder(void *fd)
{
	char byte;
	take();
	pthread_barrier_wait(&both);
	while (read((int)(intptr_t)fd, &byte, 1) > 0)
		;
	give();
	return NULL;
}
/* Another thread, which Python knows nothing of, has the lock until the end of this file. */
void hold_until_end(int fd)
{
	pthread_t thread;
	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&thread, NULL, holder, (void *)(intptr_t)fd);
	pthread_barrier_wait(&both);
}
__attribute__((constructor)) static void start(void) { pthread_atfork(take, give, give); }
"""


def load():
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, "locked_forks.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-pthread", "-x", "c", "-", "-o", library], input=SOURCE, text=True, check=True)
        return ctypes.CDLL(library)
