// EXPECT: verdict=none
// TRY: -ltbb
// oneTBB: workers without work while the first thread sleeps, then a loop whose steps take their time.
#include <oneapi/tbb/parallel_for.h>

#include "fixture.h"

int main()
{
	fixture_begin();
	for (int i = 0; i < 3; i++) {
		oneapi::tbb::parallel_for(0, 8, [](int) { fixture_sleep(0.1); });
		fixture_sleep(0.4);
	}
}
