// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Policy files: their diagnostics, and the compiled policy. */

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/check.h"
#include "user/config/config_file.h"
#include "user/policy/gate.h"
#include "user/policy/limit.h"
#include "user/config/policy_file.h"

/* The result of a check. */
struct told {
	int mistakes, last_line;
};

static void take_finding(const struct diagnostic *diagnostic, void *context)
{
	struct told *told = context;

	check(diagnostic->line > 0 && diagnostic->line >= told->last_line);
	check_parse_error(diagnostic->text, 1000);
	told->last_line = diagnostic->line;
	told->mistakes += diagnostic->is_error;
}

static void check_limit(const struct xrl_limit *limit, __u32 warn_percent)
{
	__u64 most = limit->unit == XRL_BYTES ? LIMIT_MAX_BYTES : LIMIT_MAX_UNITS;
	struct xrl_limit again, same = *limit;
	char text[LIMIT_TEXT_SIZE], parse_error[480];

	check(limit->unit < XRL_UNITS && limit->algorithm < XRL_ALGORITHMS);
	check(limit->rate_units >= 1 && limit->rate_units <= most);
	check(limit->max_units >= 1 && limit->max_units <= most);
	check(limit->algorithm == XRL_TOKEN || limit->max_units == limit->rate_units);
	check(limit->period_ns >= LIMIT_MIN_PERIOD_NS && limit->period_ns <= LIMIT_MAX_PERIOD_NS);
	check(limit->scope_bits == XRL_SCOPE_CLASS ||
	      (limit->scope_bits >= 8 && limit->scope_bits <= XRL_SCOPE_SOURCE));
	check(limit->first_port <= limit->last_port);
	check(!limit->first_port == !limit->endpoint_protocol);
	check(limit->warn_units <= limit->max_units);
	check(!limit->warn_units == !warn_percent);
	check(!limit->id && !limit->since_generation);
	/* a full burst refills within the longest period */
	check((unsigned __int128)limit->max_units * limit->period_ns <=
	      (unsigned __int128)LIMIT_MAX_PERIOD_NS * limit->rate_units);
	limit_format(limit, text, sizeof(text));
	check(!limit_parse(text, &again, parse_error, sizeof(parse_error)));
	same.warn_units = 0;
	check(!memcmp(&same, &again, sizeof(same)));
}

static void check_class(const struct xrl_class *class)
{
	check(class->limit_count <= XRL_MAX_LIMITS && class->separate_count <= XRL_MAX_SCOPED);
	check(class->action <= XRL_MONITOR && class->warn_percent <= 100);
	check(class->warns == (class->warn_percent > 0));
	check(memchr(class->name, '\0', sizeof(class->name)));
	for (__u32 i = 0; i < class->limit_count; i++) {
		check(class->limits[i].scope_bits == XRL_SCOPE_SOURCE);
		check(!class->limits[i].endpoint_protocol);
		check_limit(&class->limits[i], class->warn_percent);
	}
	for (__u32 i = 0; i < class->separate_count; i++) {
		check(class->separate[i].scope_bits != XRL_SCOPE_SOURCE ||
		      class->separate[i].endpoint_protocol);
		check_limit(&class->separate[i], class->warn_percent);
	}
	check_limit(&class->limits[XRL_ICMP_ERRORS], 0);
}

static void check_cidrs(const struct policy *policy, __u32 classes)
{
	check(policy->cidr_count <= XRL_MAX_CIDRS);
	for (size_t i = 0; i < policy->cidr_count; i++) {
		const struct policy_cidr *cidr = &policy->cidrs[i];

		check(cidr->cidr.prefix_bits <= 32 && cidr->class_number < classes);
		if (i)
			check(memcmp(&cidr->cidr.address, &cidr[-1].cidr.address, 4) > 0 ||
			      cidr->cidr.prefix_bits > cidr[-1].cidr.prefix_bits);
	}
}

static void check_share(const struct xrl_share *share, __u64 packets, __u64 period_ns)
{
	check(packets >= 1 && packets <= GATE_MAX_PACKETS);
	check(period_ns >= GATE_MIN_PERIOD_NS && period_ns <= GATE_MAX_PERIOD_NS);
	check(share->shift < 32 && share->max_units >= 1 && share->max_units <= packets);
}

/* The derived values, with the fewest and the most buckets. */
static void check_flood(struct xrl_policy *policy)
{
	static const __u32 sources[] = {256, 67108864};
	const struct xrl_flood *flood = &policy->flood;

	check(flood->mode <= XRL_FLOOD_ON);
	for (int i = 0; i < 2 && flood->mode != XRL_FLOOD_OFF; i++) {
		gate_derive(policy, sources[i]);
		check_share(&flood->newcomers, flood->newcomers_packets,
		            flood->newcomers_period_ns);
		check_share(&flood->prefix, flood->prefix_packets, flood->prefix_period_ns);
		check(flood->first.max_units >= 1);
		check(flood->kept_ticks >= 1 && flood->kept_ticks <= 0x8000);
		check(flood->engage_when_full >= 16 && flood->promoted.max_units >= 16);
		check(flood->engage_when_full <= flood->engage.max_units);
		check(flood->engage.max_units <= sources[i] / 16);
	}
}

static void check_policy(const struct policy *policy)
{
	const struct xrl_policy *compiled = policy->compiled;
	__u32 classes = policy_count_classes(compiled);

	check(classes > 0 && compiled->default_class < classes);
	check(compiled->permitted_class < classes || compiled->permitted_class == XRL_MAX_CLASSES);
	check(compiled->cidr_count == policy->cidr_count);
	for (__u32 i = 0; i < classes; i++)
		check_class(&compiled->classes[i]);
	check_cidrs(policy, classes);
	check_flood(policy->compiled);
}

static const char *write_input(const void *data, size_t size)
{
	static char path[32];
	static FILE *file;

	if (!file)
		file = fdopen(memfd_create("policy", MFD_CLOEXEC), "r+");
	check(file && !fseek(file, 0, SEEK_SET) && !ftruncate(fileno(file), 0));
	check(fwrite(data, 1, size, file) == size && !fflush(file));
	sprintf(path, "/proc/self/fd/%d", fileno(file));
	return path;
}

/* The policy may be valid or not, and so may [permits] and [serve]; the check covers both. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = write_input(data, size);
	struct failure failure = {.code = EXIT_DONE};
	static struct settings config;
	struct policy policy;
	struct told told = {};
	enum exit_code policy_code, config_code;

	check(policy_file_check(path, take_finding, &told, NULL) >= 0);
	result_capture(&failure);
	policy_code = policy_file_read(path, true, &policy, NULL);
	result_capture(&failure);
	config_code = config_file_read_settings(&config, path, true);
	result_capture(NULL);
	check(!told.mistakes == (!policy_code && !config_code));
	if (policy_code || config_code)
		check_parse_error(failure.message, sizeof(failure.message));
	if (!policy_code)
		check_policy(&policy);
	policy_free(&policy);
	return 0;
}
