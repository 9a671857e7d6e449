/* EXPECT: verdict=none
 * TRY: -lopenblas
 * OpenBLAS ends its threads before a fork and starts them again behind it. */
#include "fixture.h"

void cblas_dgemm(int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *, int);

enum { N = 300 };

static void multiply(void)
{
	static double a[N * N], b[N * N], c[N * N];
	cblas_dgemm(101, 111, 111, N, N, N, 1, a, N, b, N, 0, c, N);
}

int main(void)
{
	fixture_begin();
	for (int i = 0; i < 5; i++) {
		multiply();
		pid_t child = fixture_fork();
		multiply();
		fixture_sleep(0.2);
		if (child == 0)
			_exit(0);
		MUST(fixture_wait(child) == 0);
	}
	return 0;
}
