/* EXPECT: verdict=none
 * OUTSIDE: python3 -c "import os,socket,time; p=os.environ['FIXTURE_DIR']+'/mail'; exec('while not os.path.exists(p): time.sleep(.01)'); time.sleep(1); socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', p)"
 * Receives datagrams at a socket with a name: somebody outside knows the name. */
#include <sys/socket.h>
#include <sys/un.h>

#include "fixture.h"

int main(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char c;
	fixture_begin();
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/mail", getenv("FIXTURE_DIR"));
	int mail = socket(AF_UNIX, SOCK_DGRAM, 0);
	MUST(bind(mail, (struct sockaddr *)&name, sizeof(name)) == 0);
	MUST(recv(mail, &c, 1, 0) == 1);
	return 0;
}
