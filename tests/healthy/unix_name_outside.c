/* EXPECT: verdict=none
 * OUTSIDE: self outside
 * Waits for a connection to an abstract Unix name, and then for a datagram to another: somebody else knows the names. */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fixture.h"

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t length;

static void set_name(char kind)
{
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s%c", getenv("FIXTURE_DIR"), kind);
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

int main(int argc, char *argv[])
{
	char c;
	fixture_begin();
	(void)argv;
	int stream = socket(AF_UNIX, SOCK_STREAM, 0), datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
	set_name('d');
	if (argc > 1) {
		fixture_sleep(LOOKALIKE_S);
		set_name('s');
		while (connect(stream, (struct sockaddr *)&address, length) != 0)
			fixture_sleep(0.01);
		fixture_sleep(0.5);
		set_name('d');
		return sendto(datagram, "x", 1, 0, (struct sockaddr *)&address, length) != 1;
	}
	MUST(bind(datagram, (struct sockaddr *)&address, length) == 0);
	set_name('s');
	MUST(bind(stream, (struct sockaddr *)&address, length) == 0 && listen(stream, 1) == 0);
	MUST(accept(stream, NULL, NULL) >= 0 && recv(datagram, &c, 1, 0) == 1);
	return 0;
}
