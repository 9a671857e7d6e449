/* Who exists in the guarded tree, since when, forked from whom: events in, table out.  Pure (core/model). */
#ifndef HANGDOG_MODEL_H
#define HANGDOG_MODEL_H

#include "hangdog/event.h"

struct hd_model;

struct hd_model_proc {
	int32_t pid, ppid; /* ppid: who created it; reparenting does not change it */
	uint64_t start;
	bool has_exec, shares_mm; /* shares_mm: CLONE_VM or vfork child that has not exec'd */
	uint32_t n_threads;       /* as far as events told; at least 1 */
	char comm[16];            /* at its birth or last exec; "" = not known */
	int64_t born_ns;
	struct hd_fork *fork; /* borrowed from the model; NULL after exec or when not seen */
};

struct hd_model *hd_model_new(void);
void hd_model_free(struct hd_model *model);
void hd_model_apply(struct hd_model *model, const struct hd_event *event);
void hd_model_add(struct hd_model *model, int32_t pid, int32_t ppid, uint64_t start, int64_t now_ns); /* root, or found by attach */
size_t hd_model_count(const struct hd_model *model);
/* i-th living process; order is stable between changes. */
const struct hd_model_proc *hd_model_at(const struct hd_model *model, size_t i);
const struct hd_model_proc *hd_model_find(const struct hd_model *model, int32_t pid);
/* Children that ended by a signal or with a status, newest last, bounded (the last 64). */
size_t hd_model_lost_count(const struct hd_model *model);
const struct hd_lost *hd_model_lost(const struct hd_model *model, size_t i);
void hd_model_lost_clear(struct hd_model *model); /* the command starts anew: what hangdog itself ended is nobody's news */
/* Grows with every event that changes who exists: equal numbers around a look mean nobody came or went. */
uint64_t hd_model_sequence(const struct hd_model *model);

/* Every fork made while the parent had other threads, with its evidence, from now on: for --audit only, for it outlives
 * the children.  Bounded: 4096 forks, then counted only; 64 MiB of evidence, then without (fork = NULL). */
void hd_model_want_hazards(struct hd_model *model);
struct hd_model_hazard { int32_t pid, ppid; int64_t time_ns; uint32_t parent_threads; struct hd_fork *fork; bool has_exec; bool ended; int32_t status; };
size_t hd_model_hazard_count(const struct hd_model *model, uint64_t *ret_total);
const struct hd_model_hazard *hd_model_hazard(const struct hd_model *model, size_t i);

#endif
