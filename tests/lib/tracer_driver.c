/* The tracer without the rest of hangdog: launches or follows, and says what it saw.  For tests/e2e/tracer_*.
 *   tracer_driver [-o] [-d] [-e EVENTS] [-k MS[:TERM_MS]] [-s] [-p PID] [-x MS] [--] [COMMAND ARG...]
 * -o observe; -d die with me; -e append each event to a file; -k end the tree that long after the start;
 * -s also print a summary line to stderr; -p attach to PID; -x detach after that long and leave. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "hangdog/act.h"
#include "hangdog/clock.h"
#include "hangdog/num.h"
#include "hangdog/signals.h"
#include "hangdog/tracer.h"
#include "os/tracer_priv.h"

struct driver {
	struct hd_tracer *tracer;
	struct hd_signals *signals;
	struct hd_model *model;
	FILE *events;
	uint64_t n_events[HD_EV_SIGNAL + 1];
	bool observe, die, summary;
	int64_t kill_ms, term_ms, detach_ms;
	int32_t attach;
};

static const char *const kind_names[] = {"none", "process", "thread", "exec", "exit", "stop", "continued", "signal"};
static const char *const birth_names[] = {"fork", "vfork", "clone-vm", "unknown"};

static void on_event(void *ctx, const struct hd_event *ev)
{
	struct driver *d = ctx;
	d->n_events[ev->kind]++;
	if (d->events != NULL) {
		fprintf(d->events, "%s pid=%d tid=%d other=%d birth=%s status=%d signal=%d comm=%s\n", kind_names[ev->kind],
			ev->pid, ev->tid, ev->other, birth_names[ev->birth], ev->status, ev->signal, ev->comm);
		fflush(d->events);
	}
	hd_model_apply(d->model, ev);
}

static void pump(void *ctx)
{
	struct driver *d = ctx;
	hd_signals_poll(d->signals, d->tracer);
	while (hd_tracer_drain(d->tracer) == 1)
		;
}

static int64_t number(const char *text)
{
	int64_t value;
	if (hd_parse_i64(text, &value) != 0)
		exit(125);
	return value;
}

static int options(struct driver *d, int argc, char **argv)
{
	for (int opt; (opt = getopt(argc, argv, "+ode:k:sp:x:")) != -1;) {
		char *colon = optarg != NULL ? strchr(optarg, ':') : NULL;
		switch (opt) {
		case 'o':
			d->observe = true;
			break;
		case 'd':
			d->die = true;
			break;
		case 's':
			d->summary = true;
			break;
		case 'e':
			d->events = fopen(optarg, "ae");
			break;
		case 'k':
			if (colon != NULL) {
				d->term_ms = number(colon + 1);
				*colon = '\0';
			}
			d->kill_ms = number(optarg);
			break;
		case 'p':
			d->attach = (int32_t)number(optarg);
			break;
		case 'x':
			d->detach_ms = number(optarg);
			break;
		default:
			exit(125);
		}
	}
	return optind;
}

static int begin(struct driver *d, char **argv)
{
	struct hd_err err = {0};
	bool exec_failed = false;
	int32_t pid;
	struct hd_launch launch = {.argv = argv, .signals = d->signals, .seize = !d->observe, .die_with_me = d->die};
	int r = d->attach == 0	? hd_tracer_launch(d->tracer, &launch, &pid, &exec_failed, &err)
		: d->observe	? hd_tracer_observe(d->tracer, d->attach, &err)
				: hd_tracer_attach(d->tracer, d->attach, &err);
	if (r == 0)
		return 0;
	fprintf(stderr, "tracer_driver: %s\n", err.text);
	return !exec_failed ? 125 : err.code == ENOENT ? 127 : 126;
}

static void end_tree(struct driver *d)
{
	struct hd_err err = {0};
	struct hd_kill how = {.term_timeout_ms = d->term_ms, .tracer = d->tracer};
	uint32_t ended = 0;
	int64_t since = hd_now_ns();
	int r = hd_kill_tree(d->model, &how, pump, d, &ended, &err);
	fprintf(stderr, "killed %u in %lld ms: %s\n", ended, (long long)((hd_now_ns() - since) / HD_NS_PER_MS),
		r == 0 ? "all gone" : err.text);
}

static int run(struct driver *d)
{
	int64_t start = hd_now_ns();
	int32_t status = 0;
	for (;;) {
		struct hd_happened happened = hd_signals_poll(d->signals, d->tracer);
		int more = hd_tracer_drain(d->tracer);
		int64_t age_ms = (hd_now_ns() - start) / HD_NS_PER_MS;
		if (hd_tracer_root_status(d->tracer, &status) || !hd_tracer_has_tracees(d->tracer))
			return status;
		if (d->kill_ms > 0 && age_ms >= d->kill_ms) {
			end_tree(d);
			d->kill_ms = 0;
			continue;
		}
		if ((d->detach_ms > 0 && age_ms >= d->detach_ms) || happened.stop_signal != 0) {
			hd_tracer_detach_all(d->tracer);
			return 0;
		}
		int wait_ms = more == 1 ? 0 : happened.again_ns >= 0 ? (int)(happened.again_ns / HD_NS_PER_MS) + 1 : 20;
		struct pollfd pfd = {.fd = hd_signals_fd(d->signals), .events = POLLIN};
		poll(&pfd, 1, wait_ms > 20 ? 20 : wait_ms);
	}
}

int main(int argc, char **argv)
{
	struct driver d = {0};
	int at = options(&d, argc, argv);
	if (hd_signals_new(d.attach != 0 ? HD_SIGNALS_OURS : HD_SIGNALS_FORWARD, &d.signals, NULL) < 0)
		return 125;
	d.model = hd_model_new();
	d.tracer = hd_tracer_new(on_event, &d);
	int r = begin(&d, argv + at);
	int32_t status = r == 0 ? run(&d) : 0;
	if (r == 0 && d.summary)
		fprintf(stderr, "processes=%llu threads=%llu execs=%llu exits=%llu signals=%llu left=%zu longest_us=%lld\n",
			(unsigned long long)d.n_events[HD_EV_NEW_PROCESS], (unsigned long long)d.n_events[HD_EV_NEW_THREAD],
			(unsigned long long)d.n_events[HD_EV_EXEC], (unsigned long long)d.n_events[HD_EV_EXIT],
			(unsigned long long)d.n_events[HD_EV_SIGNAL], hd_model_count(d.model),
			(long long)hd_tracer_longest_stop_us(d.tracer));
	hd_tracer_free(d.tracer);
	hd_model_free(d.model);
	hd_signals_free(d.signals);
	if (d.events != NULL)
		fclose(d.events);
	if (r != 0)
		return r;
	return d.attach != 0 ? 0 : hd_signals_end_like(status);
}
