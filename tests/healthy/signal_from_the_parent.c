/* EXPECT: verdict=none
 * The child waits for a semaphore that its own handler posts; its parent, asleep now, will send the signal. */
#include "posts.h"

int main(void)
{
	return posts_from_parent(SIGUSR1);
}
