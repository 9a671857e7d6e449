/* EXPECT: verdict=none
 * SIGWINCH is how this parent tells its worker to go on: the handler posts the semaphore that the worker waits for. */
#include "posts.h"

int main(void)
{
	return posts_from_parent(SIGWINCH);
}
