/* EXPECT: verdict=none
 * OUTSIDE: self client
 * A server and its worker wait for a client that comes later, over TCP. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "fixture.h"

static char path[4096];

static int client(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	FILE *f;
	unsigned port;
	fixture_sleep(LOOKALIKE_S);
	while ((f = fopen(path, "r")) == NULL || fscanf(f, "%u", &port) != 1)
		fixture_sleep(0.01);
	to.sin_port = htons((uint16_t)port);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	MUST(connect(s, (struct sockaddr *)&to, sizeof(to)) == 0);
	fixture_sleep(0.5);
	return write(s, "x", 1) != 1;
}

int main(int argc, char *argv[])
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(here);
	char c, made[4200];
	fixture_begin();
	(void)argv;
	snprintf(path, sizeof(path), "%s/port", getenv("FIXTURE_DIR"));
	if (argc > 1)
		return client();
	int s = socket(AF_INET, SOCK_STREAM, 0);
	MUST(bind(s, (struct sockaddr *)&here, len) == 0 && listen(s, 5) == 0 && getsockname(s, (struct sockaddr *)&here, &len) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		int one = accept(s, NULL, NULL);
		MUST(one >= 0 && read(one, &c, 1) == 1);
		_exit(0);
	}
	snprintf(made, sizeof(made), "%s.new", path);
	FILE *f = fopen(made, "w");
	MUST(f != NULL);
	fprintf(f, "%u\n", ntohs(here.sin_port));
	fclose(f);
	MUST(rename(made, path) == 0);
	return fixture_wait(child);
}
