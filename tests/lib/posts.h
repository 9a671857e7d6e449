/* A worker that waits for a semaphore which only its own handler of a signal posts, for the healthy programs. */
#ifndef POSTS_H
#define POSTS_H

#include "fixture.h"

static sem_t slot;

static void on_signal(int signal_number)
{
	(void)signal_number;
	sem_post(&slot);
}

/* The caller waits for the slot from now on, the handler gives it. */
HELPER void posts_begin(int signal_number)
{
	sem_init(&slot, 0, 0);
	sigaction(signal_number, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
}

HELPER void posts_wait(void)
{
	while (sem_wait(&slot) != 0)
		;
}

/* The whole program: a parent that sends the signal after a while is the waker. */
HELPER int posts_from_parent(int signal_number)
{
	fixture_begin();
	posts_begin(signal_number);
	pid_t child = fixture_fork();
	if (child == 0) {
		posts_wait();
		_exit(0);
	}
	fixture_sleep(LOOKALIKE_S);
	kill(child, signal_number);
	return fixture_wait(child);
}

#endif
