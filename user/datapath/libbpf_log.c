// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/libbpf_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <bpf/libbpf.h>

static int print_message(enum libbpf_print_level level, const char *format, va_list args)
{
	return level > LIBBPF_INFO ? 0 : vfprintf(stderr, format, args);
}

void libbpf_log_enable(bool verbose)
{
	libbpf_set_print(verbose ? print_message : NULL);
}
