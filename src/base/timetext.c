#include "hangdog/timetext.h"

#include <stdio.h>

struct civil {
	int year, month, day, hour, minute, second, ms;
};

/* Days since 1970 to the Gregorian calendar, by eras of 400 years that begin on 1 March. */
static struct civil civil_of(int64_t time_ns)
{
	static const int64_t last_ns = INT64_C(9223372036) * HD_NS_PER_S;
	if (time_ns < 0)
		time_ns = 0;
	if (time_ns > last_ns)
		time_ns = last_ns;
	int64_t seconds = time_ns / HD_NS_PER_S, days = seconds / 86400 + 719468;
	int in_day = (int)(seconds % 86400);
	int era_day = (int)(days % 146097);
	int era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
	int year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
	int from_march = (5 * year_day + 2) / 153;
	struct civil c = {
		.year = (int)(days / 146097) * 400 + era_year + (from_march >= 10),
		.month = from_march < 10 ? from_march + 3 : from_march - 9,
		.day = year_day - (153 * from_march + 2) / 5 + 1,
		.hour = in_day / 3600,
		.minute = in_day / 60 % 60,
		.second = in_day % 60,
		.ms = (int)(time_ns / HD_NS_PER_MS % 1000),
	};
	return c;
}

struct hd_timetext hd_time_rfc3339(int64_t time_ns)
{
	struct civil c = civil_of(time_ns);
	struct hd_timetext ret;
	snprintf(ret.text, sizeof(ret.text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year % 10000, c.month % 100, c.day % 100,
		 c.hour % 100, c.minute % 100, c.second % 100, c.ms % 1000);
	return ret;
}

struct hd_timetext hd_time_compact(int64_t time_ns)
{
	struct civil c = civil_of(time_ns);
	struct hd_timetext ret;
	snprintf(ret.text, sizeof(ret.text), "%04d%02d%02dT%02d%02d%02d.%03dZ", c.year % 10000, c.month % 100, c.day % 100,
		 c.hour % 100, c.minute % 100, c.second % 100, c.ms % 1000);
	return ret;
}

struct hd_timetext hd_duration_words(int64_t duration_ns)
{
	struct hd_timetext ret;
	int64_t ms = duration_ns > 0 ? duration_ns / HD_NS_PER_MS : 0, s = ms / 1000;
	if (ms < 1000)
		snprintf(ret.text, sizeof(ret.text), "%d ms", (int)ms);
	else if (s < 60)
		snprintf(ret.text, sizeof(ret.text), "%d.%d s", (int)s, (int)(ms / 100 % 10));
	else if (s < 3600)
		snprintf(ret.text, sizeof(ret.text), "%d min %d s", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(ret.text, sizeof(ret.text), "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(ret.text, sizeof(ret.text), "%lld days %d h", (long long)(s / 86400), (int)(s / 3600 % 24));
	return ret;
}
