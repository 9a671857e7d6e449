// EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=once
// A function-local static, being initialised by another thread at the fork.
#include "fixture.h"

struct Catalogue {
	Catalogue()
	{
		sem_post(&fixture_taken);
		sem_wait(&fixture_give_back);
	}
};

static void use()
{
	static Catalogue catalogue;
	(void)catalogue;
}

static void *first_use(void *arg)
{
	use();
	return arg;
}

int main()
{
	fixture_begin();
	sem_init(&fixture_taken, 0, 0);
	sem_init(&fixture_give_back, 0, 0);
	pthread_t thread = fixture_thread(first_use, nullptr);
	sem_wait(&fixture_taken);
	pid_t child = fixture_fork();
	if (child == 0) {
		use();
		_exit(0);
	}
	sem_post(&fixture_give_back);
	pthread_join(thread, nullptr);
	return fixture_wait(child);
}
