/* LLVM's OpenMP: waits on glibc's condition variables; its locks spin and never show as a wait. */
#define FAMILY "libomp"
#include "team.h"

static const struct zoo_case cases[] = {
	{"team_barrier", team_barrier},
	{"team_pool", team_pool},
};

int main(int argc, char **argv)
{
	return zoo_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
