// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "limit.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "duration.h"
#include "../bpf/window.h"

#define EXPECTED "expected N/PERIOD UNIT, such as '10000/1s packets'"

static const char *const unit_names[XRL_UNITS] = {
	[XRL_PACKETS] = "packets",
	[XRL_BYTES] = "bytes",
	[XRL_CONNECTIONS] = "connections",
};

const char *limit_unit_name(__u32 unit)
{
	return unit < XRL_UNITS ? unit_names[unit] : "unknown";
}

void limit_set(struct xrl_limit *limit, __u64 max_units, __u64 period_ns, enum xrl_unit unit)
{
	__u32 shift = 0;

	while (((period_ns + (1ULL << shift) - 1) >> shift) > XRL_MAX_PERIOD_TICKS)
		shift++;
	*limit = (struct xrl_limit){
		.max_units = max_units,
		.period_ns = period_ns,
		.period_ticks = (period_ns + (1ULL << shift) - 1) >> shift,
		.tick_shift = shift,
		.unit = unit,
	};
}

__attribute__((format(printf, 4, 5))) static int complain(char *complaint, size_t size,
                                                          const char *text, const char *format, ...)
{
	char reason[160];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	snprintf(complaint, size, "limit '%.60s%s': %s", text, strlen(text) > 60 ? "..." : "",
	         reason);
	return -EINVAL;
}

static int find_unit(const char *name)
{
	for (int i = 0; i < XRL_UNITS; i++)
		if (!strcmp(name, unit_names[i]))
			return i;
	return -EINVAL;
}

/* For a unit that is misspelt, or in the singular. */
static int complain_unit(char *complaint, size_t size, const char *text, const char *name)
{
	for (int i = 0; i < XRL_UNITS; i++)
		if (tolower((unsigned char)name[0]) == unit_names[i][0])
			return complain(complaint, size, text,
			                "unknown unit '%.20s', did you mean '%s'?", name,
			                unit_names[i]);
	return complain(complaint, size, text,
	                "unknown unit '%.20s'; expected packets, bytes or connections", name);
}

int limit_parse(const char *text, struct xrl_limit *limit, char *complaint, size_t size)
{
	const char *at = text;
	__u64 max_units, period_ns, most;
	int error, unit;

	error = take_number(&at, &max_units);
	if (error == -EINVAL || (!error && *at != '/'))
		return complain(complaint, size, text,
		                "N must be a whole number in digits, followed by '/'; " EXPECTED);
	if (!error && !max_units)
		return complain(complaint, size, text, "N must be at least 1; " EXPECTED);
	if (error)
		return complain(complaint, size, text, "N is too large; at most %llu are possible",
		                LIMIT_MAX_BYTES);
	at++;
	error = take_duration(&at, &period_ns);
	if (error == -EINVAL)
		return complain(
			complaint, size, text,
			"PERIOD must be a whole number and one of ms, s, m, h, d; " EXPECTED);
	if (error || period_ns < LIMIT_MIN_PERIOD_NS || period_ns > LIMIT_MAX_PERIOD_NS)
		return complain(complaint, size, text,
		                "PERIOD must be from 100ms to 31d; " EXPECTED);
	if (*at != ' ')
		return complain(complaint, size, text,
		                "a blank and UNIT must follow PERIOD; " EXPECTED);
	at += strspn(at, " ");
	unit = find_unit(at);
	if (unit < 0 && strpbrk(at, " \t\n"))
		return complain(complaint, size, text, "unexpected text after UNIT; " EXPECTED);
	if (unit < 0)
		return complain_unit(complaint, size, text, at);
	most = unit == XRL_BYTES ? LIMIT_MAX_BYTES : LIMIT_MAX_UNITS;
	if (max_units > most)
		return complain(complaint, size, text,
		                "N is too large; at most %llu %s are possible", most,
		                unit_names[unit]);
	limit_set(limit, max_units, period_ns, unit);
	return 0;
}

void limit_format(const struct xrl_limit *limit, char *text, size_t size)
{
	char period[DURATION_TEXT_SIZE];

	duration_format(limit->period_ns, period, sizeof(period));
	snprintf(text, size, "%llu/%s %s", limit->max_units, period, limit_unit_name(limit->unit));
}
