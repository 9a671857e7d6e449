/* Phrases about waits, owners and threads that the reports and the live view share.  Private to core/report* and core/view*. */
#ifndef HANGDOG_CORE_REPORT_WORDS_H
#define HANGDOG_CORE_REPORT_WORDS_H

#include "hangdog/report.h"

/* "4242 (python3)", or "thread 4250 "refill" of 4242 (python3)". */
void hd_words_thread(const struct hd_snapshot *snap, uint32_t t, struct hd_buf *out);
void hd_words_proc(const struct hd_proc *proc, struct hd_buf *out);
const char *hd_thread_name(const struct hd_thread *thread); /* the Python name where known; "" = none */
bool hd_thread_is_leader(const struct hd_snapshot *snap, uint32_t t);
/* What the thread waits on, symbolised: "cache_lock (in train.py)", "pipe:[5002]", "process 4251 (python3)"; may stay empty. */
void hd_words_object(const struct hd_snapshot *snap, const struct hd_wait *wait, uint32_t t, struct hd_buf *out);
/* A clause: "waits for child 4251 (python3) to end". */
void hd_words_wait(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t, struct hd_buf *out);
/* What a lock is, with its name where known: "cache_lock (in train.py), a Python lock". */
void hd_words_lock(const struct hd_thread *thread, struct hd_buf *out);
/* Where the lock that it waits for lies, to follow what was said of it: " in the heap, wanted by push_job (in a.out)",
 * ", thread-local, of thread 7 (worker)".  Nothing where its name says it all. */
void hd_words_place(const struct hd_thread *thread, struct hd_buf *out);
/* Worth telling: somebody waits for it, or a signal killed it.  Children that end with an error are common otherwise. */
bool hd_lost_is_told(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t i);
const char *hd_signal_name(int32_t signal); /* "SIGKILL"; "signal" when it has no name */
/* What was launched; for a tree that was attached to, what its root was started as. */
const char *const *hd_snapshot_command(const struct hd_snapshot *snap);
/* The words of the command, with `max` characters at most; of a program with a full path only the name. */
void hd_words_command(const char *const *argv, size_t max, struct hd_buf *out);
/* Is the thread inside fork() itself?  NULL, or "before" the process is copied (a pthread_atfork or Python handler, or the C
 * library's own locks), or "after", in the copy.  By names, and for a stripped C library by the fork record. */
const char *hd_fork_phase(const struct hd_snapshot *snap, uint32_t t);
/* Why this makes programs hang, for people who never heard of it; NULL where the summary says it all. */
const char *hd_verdict_why(const struct hd_verdict *v);

#endif
