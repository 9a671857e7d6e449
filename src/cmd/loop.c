/* The main path: wait for events (the only call that blocks), apply them to the model, look when a look is due, judge,
 * act.  Start reading here. */
#include <poll.h>

#include "cmd/supervisor.h"
#include "hangdog/clock.h"

/* Sleeps until something happens, the next look is due, or `again_ms` are over (-1 = no such limit). */
static void wait_for_events(const struct hd_supervisor *s, int64_t again_ms)
{
	struct pollfd fds[HD_DOOR_CLIENTS_MAX + 2] = {{.fd = hd_signals_fd(s->signals), .events = POLLIN}};
	size_t n = 1;
	int64_t left_ms = s->look_due_ms - hd_now_ms();
	if (again_ms >= 0 && again_ms < left_ms)
		left_ms = again_ms;
	if (s->door != NULL)
		n += hd_door_pollfds(s->door, fds + 1, HD_COUNTOF(fds) - 1);
	(void)poll(fds, n, left_ms > 0 ? (int)left_ms : 0); /* an error only means: look around now */
}

/* The command has ended: hangdog ends with it, and lets go what it left behind. */
static void note_end(struct hd_supervisor *s)
{
	if (s->launches ? hd_tracer_root_status(s->tracer, &s->root_status) : !hd_tracer_has_tracees(s->tracer))
		s->is_over = true;
}

void hd_supervisor_loop(struct hd_supervisor *s)
{
	int64_t again_ms = 0;
	while (!s->is_over) {
		wait_for_events(s, again_ms);
		struct hd_happened happened = hd_signals_poll(s->signals, s->tracer);
		again_ms = happened.again_ns < 0 ? -1 : (happened.again_ns + HD_NS_PER_MS - 1) / HD_NS_PER_MS;
		int r = hd_tracer_drain(s->tracer);
		if (r > 0)
			again_ms = 0;
		s->has_failed |= r < 0;
		if (happened.stop_signal != 0) {
			s->stop_signal = happened.stop_signal;
			s->is_over = true;
		}
		note_end(s);
		if (!s->is_over && s->slices > 0)
			hd_supervisor_go_on(s);
		else if (!s->is_over && hd_now_ms() >= s->look_due_ms)
			hd_supervisor_look(s);
		if (s->slices > 0)
			again_ms = 0;
		if (s->door != NULL)
			hd_door_serve(s->door, hd_now_ms(), hd_supervisor_answer, s);
	}
}
