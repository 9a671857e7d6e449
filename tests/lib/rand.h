/* Seeded random numbers for property tests (splitmix64): the same seed gives the same cases everywhere. */
#ifndef HANGDOG_TESTS_RAND_H
#define HANGDOG_TESTS_RAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct tr {
	uint64_t state;
};

static inline uint64_t tr_next(struct tr *r)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static inline uint32_t tr_below(struct tr *r, uint32_t n)
{
	return (uint32_t)(tr_next(r) % n);
}

/* true once in n */
static inline bool tr_one_in(struct tr *r, uint32_t n)
{
	return tr_below(r, n) == 0;
}

/* A number from the environment, or what the test takes by default. */
static inline uint64_t tr_env(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);
	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : fallback;
}

#endif
