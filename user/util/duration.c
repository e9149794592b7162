// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/duration.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *suffix;
	__u64 ns;
} units[] = {
	{"ms", MILLISECOND_NS}, {"s", SECOND_NS}, {"m", MINUTE_NS}, {"h", HOUR_NS}, {"d", DAY_NS},
};

#define UNITS (sizeof(units) / sizeof(units[0]))

int number_take(const char **at, __u64 *number)
{
	const char *digit = *at;

	if (!isdigit((unsigned char)*digit))
		return -EINVAL;
	*number = 0;
	for (; isdigit((unsigned char)*digit); digit++)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, *digit - '0', number))
			return -ERANGE;
	*at = digit;
	return 0;
}

int duration_take(const char **at, __u64 *duration_ns)
{
	const char *suffix = *at;
	size_t length = 0;
	__u64 count;
	int error = number_take(&suffix, &count);

	if (error)
		return error;
	while (isalpha((unsigned char)suffix[length]))
		length++;
	for (size_t i = 0; i < UNITS; i++) {
		if (strlen(units[i].suffix) != length || strncmp(suffix, units[i].suffix, length))
			continue;
		if (__builtin_mul_overflow(count, units[i].ns, duration_ns))
			return -ERANGE;
		*at = suffix + length;
		return 0;
	}
	return -EINVAL;
}

void duration_format(__u64 duration_ns, char *text, size_t size)
{
	size_t i = UNITS - 1;

	if (!duration_ns) /* exact in every unit; operators expect seconds */
		i = 1;
	while (i && duration_ns % units[i].ns)
		i--;
	snprintf(text, size, "%llu%s", duration_ns / units[i].ns, units[i].suffix);
}
