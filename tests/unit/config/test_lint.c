// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/config/policy_file.c and policy_sections: every mistake and every warning of a file
 * is reported with its line. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "user/config/config_file.h"
#include "tests/unit/config/policy_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Two lines of a section, and the end of every error about a rate of [flood]. */
#define CLASS    "[class a]\nlimit = 1/1s packets\n"
#define EXPECTED "expected N/PERIOD in packets, such as '50000/1s'\n"

/* A file, and all of its diagnostics. */
static const struct {
	const char *text, *diagnostics;
} files[] = {
	/* no diagnostics */
	{"", ""},
	{"; nothing\n", ""},
	{"[permits]\n[serve]\n", ""},
	{"[class a]\nlimit = 1/1s packets\n", ""},
	{"[class a]\r\nlimit = 1/1s packets\r\n", ""},
	{"[class\ta]\nlimit: 1/1s packets ; one\n", ""},
	{"[class a]\nlimit = 1/1s packets\nlimit = 2/1s connections\n", ""},
	{"[class A-b_c.9]\nlimit = 1/1s packets\n", ""},
	{"[class 1234567890123456789012345678901]\nlimit = 1/1s packets\n", ""},
	{"[class b]\nsources = 1.2.3.4\n[class a]\nlimit = 1/1s packets\n", ""},
	{"[icmp-errors]\nlimit = 5/1s\n[class a]\nlimit = 1/1s packets\n", ""},
	{"[flood]\n[class a]\nlimit = 1/1s packets\n", ""},
	{"[flood]\ngate = on\nnewcomers = 1000000000/1h\nprefix = 1/100ms packets\n[class a]\n"
         "limit = 1/1s packets\n",
         ""},
	{"[class a]\nlimit = 1/1s packets\n[flood]\ngate = off\n", ""},
	{"[class a]\nlimit = 1/1s packets\n[flood]\ngate = monitor\nprefix = 9/1s   packets ; "
         "few\n",
         ""},
	{"[permits]\nclass = b\n[class b]\nlimit = 2/1s packets\n[class a]\nlimit = 1/1s packets\n"
         "[limiter]\ndefault = a\n",
         ""},
	{"[permits]\nclass = b\n[class b]\nlimit = 2/1s packets\n[class a]\nlimit = 1/1s packets\n",
         ""},
	{"[class a]\nlimit = 1/1s packets\n[class b]\nsources = 0.0.0.0/0\n[limiter]\ndefault=a\n",
         ""},
	{"[class a]\nlimit = 1/1s packets\naction = monitor\npenalty = 100ms\nwarn = 100%\n", ""},
	{"[class a]\nlimit = 1/1s packets\naction = redirect lo\npenalty = 31d\nwarn = 1%\n", ""},
	{"[class a]\nlimit = 1/1s packets\naction = redirect lo 02:00:00:00:00:01\n", ""},
	{"[limiter]\nprotect = tcp/80,udp/53 ,\ttcp/1-65535\n[class a]\nlimit = 1/1s packets\n",
         ""},

	/* sections */
	{"[class]\n", "1! class '': expected a name of 1 to 31 letters, digits, '-', '_' or '.'\n"},
	{"[class a b]\n",
         "1! class 'a b': expected a name of 1 to 31 letters, digits, '-', '_' or '.'\n"},
	{"[class a ]\n",
         "1! class 'a ': expected a name of 1 to 31 letters, digits, '-', '_' or '.'\n"},
	{"[class \xC3\xA9]\n",
         "1! class '?\?': expected a name of 1 to 31 letters, digits, '-', '_' or '.'\n"},
	{"[class 12345678901234567890123456789012]\n",
         "1! class '12345678901234567890123456789012': expected a name of 1 to 31 letters, digits, "
         "'-', '_' or '.'\n"},
	{"[class a]\nlimit = 1/1s packets\n[class a]\nlimit = x\n",
         "3! class 'a' is given twice, first on line 1\n"
         "4! limit 'x': N must be a whole number in digits, followed by '/'; expected N/PERIOD "
         "UNIT, such as '10000/1s packets'\n"},
	{"[class a]\nlimit = 1/1s packets\n[limiter]\n[limiter]\n[icmp-errors]\n[icmp-errors]\n"
         "[flood]\ngate = on\n[flood]\ngate = on\n",
         "4! section [limiter] is given twice, first on line 3\n"
         "6! section [icmp-errors] is given twice, first on line 5\n"
         "9! section [flood] is given twice, first on line 7\n"},
	{"[floot]\ngate = x\n", "1! unknown section 'floot', did you mean 'flood'?\n"},
	{"[clas a]\nlimit = x\n[limiter]\ndefault = a\n",
         "1! unknown section 'clas a', did you mean 'class a'?\n"},
	{"[limiter]\ndefault = a\n[class a\nlimit = x\n",
         "3! expected [SECTION], followed by nothing but a comment\n"},
	{"[limitr]\n", "1! unknown section 'limitr', did you mean 'limiter'?\n"},
	{"[permits]\nx = 1\n[serve]\ny = 1\n[class a\nz = 1\n[class a]\nu = 1\nv\n",
         "2! unknown key 'x'; expected requests, addresses, lifetime, linger, entries or class\n"
         "4! unknown key 'y'; expected listen, trusted_proxies, certificate, key, user or "
         "plaintext\n"
         "5! expected [SECTION], followed by nothing but a comment\n"
         "8! unknown key 'u'; expected sources, limit, action, penalty or warn\n"
         "9! expected KEY = VALUE, [SECTION] or a comment\n"},

	/* [limiter] */
	{"[limiter]\ndefalt = a\nlimit = 1/1s packets\nrequests = 5/1h\n[class a]\n"
         "limit = 1/1s packets\n",
         "2! unknown key 'defalt', did you mean 'default'?\n"
         "3! 'limit' belongs in section [class NAME] or [icmp-errors], not in [limiter]\n"
         "4! 'requests' belongs in section [permits], not in [limiter]\n"},
	{"[limiter]\nprotect = tcp/80\nprotect = tcp/81\n[class a]\nlimit = 1/1s packets\n",
         "3! 'protect' is given twice, first on line 2\n"},
	{"[limiter]\nprotect =\n[class a]\nlimit = 1/1s packets\n",
         "2! protect '': expected tcp/PORT, udp/PORT or a range such as tcp/8000-8010\n"},
	{"[limiter]\nprotect = tcp/80, udp, tpc/1, tcp/65536, tcp/2-1,\n[class a]\n"
         "limit = 1/1s packets\n",
         "2! protect 'udp': expected tcp/PORT, udp/PORT or a range such as tcp/8000-8010\n"
         "2! protect 'tpc/1': did you mean 'tcp/'?\n"
         "2! protect 'tcp/65536': expected ports from 1 to 65535\n"
         "2! protect 'tcp/2-1': the first port of a range must be the lower one\n"
         "2! protect '': expected tcp/PORT, udp/PORT or a range such as tcp/8000-8010\n"},

	/* the default class */
	{"[limiter]\n", "1! there is no default class; expected a section [class NAME]\n"},
	{"\n[icmp-errors]\n", "2! there is no default class; expected a section [class NAME]\n"},
	{"\n[flood]\n", "2! there is no default class; expected a section [class NAME]\n"},
	{"[flood]\ngate = off\n[limiter]\n",
         "3! there is no default class; expected a section [class NAME]\n"},
	{"[class a]\nsources = 1.2.3.4\n",
         "1! there is no default class; expected default = NAME in "
         "[limiter], or a class without sources\n"},
	{"[class a]\nlimit = 1/1s packets\n[class b]\nlimit = 1/1s packets\n",
         "3! 'a' and 'b' have no sources, and either could be the default class; expected "
         "default = NAME in [limiter]\n"},
	{"[permits]\nclass = a\n[class a]\nlimit = 1/1s packets\n",
         "3! there is no default class; expected default = NAME in [limiter], or a class without "
         "sources\n"},
	{"[limiter]\ndefault = standrad\n[class standard]\nlimit = 1/1s packets\n",
         "2! default: unknown class 'standrad', did you mean 'standard'?\n"},
	{"[limiter]\ndefault = c\n[class alpha]\nlimit = 1/1s packets\n[class "
         "beta]\nsources=1.1.1.1\n",
         "2! default: unknown class 'c'; expected alpha or beta\n"},
	{"[limiter]\ndefault = a\n", "2! default: unknown class 'a'; no class is defined\n"},
	{"[limiter]\ndefault = a b\n[class a]\nlimit = 1/1s packets\n",
         "2! default 'a b': expected the name of a class\n"},
	{"[limiter]\ndefault =\n[class a]\nlimit = 1/1s packets\n",
         "2! default '': expected the name of a class\n"},
	{"[limiter]\ndefault = a\ndefault = b\n[class a]\nlimit = 1/1s packets\n",
         "3! 'default' is given twice, first on line 2\n"},

	/* the class of permits */
	{"[permits]\nclass = x\n", "2! class: unknown class 'x'; no class is defined\n"},
	{"[permits]\nclass = tow\n[class two]\nlimit = 1/1s packets\n",
         "2! class: unknown class 'tow', did you mean 'two'?\n"},
	{"[permits]\nclass = a\nclass = a\n[class a]\nlimit = 1/1s "
         "packets\n[limiter]\ndefault=a\n",
         "3! 'class' is given twice, first on line 2\n"},
	{"[permits]\nclass = b\n[class b]\n[class a]\nlimit = 1/1s packets\n",
         "2! class 'b' has no limits: remove this line, and sources with a permit have no "
         "limits\n"},
	{"[permits]\nclass = b\n[class b]\nlimit = b\n[class a]\nlimit = 1/1s packets\n",
         "4! limit 'b': N must be a whole number in digits, followed by '/'; expected "
         "N/PERIOD "
         "UNIT, such as '10000/1s packets'\n"},

	/* [class NAME] */
	{"[class a]\nlimit = 1/1s packets\naction = drop\naction = drop\nwarn = 1%\nwarn "
         "= 2%\n"
         "penalty = 1s\npenalty = 1s\n",
         "4! 'action' is given twice, first on line 3\n"
         "6! 'warn' is given twice, first on line 5\n"
         "8! 'penalty' is given twice, first on line 7\n"},
	{"[class a]\nlimit = 10/1s slidng\nlimit = 10/1s packets slidng\n",
         "2! limit '10/1s slidng': unknown unit 'slidng'; expected packets, bytes, "
         "connections or "
         "http-requests\n"
         "3! limit '10/1s packets slidng': unknown word 'slidng', did you mean "
         "'sliding'?\n"},
	{"[class a]\nlimit = 1/1s packets\nlimit = 1/2s bytes\nlimit = 1/3s connections\n"
         "limit = 2/1s packets token burst 1\nlimit = 2/3s packets token burst 1\n",
         "3? limit '1/2s bytes' rejects every frame larger than 1 bytes\n"
         "6! limit '2/3s packets token burst 1': a class has at most 4 limits without "
         "endpoint and scope\n"},
	{"[class a]\nlimit = 1/1s packets scope /8\nlimit = 1/1s packets scope /9 "
         "endpoint tcp/1\n"
         "limit = 1/1s packets endpoint tcp/2\nlimit = 1/1s packets endpoint tcp/3\n"
         "limit = 1/1s packets endpoint tcp/4\nlimit = 1/1s packets endpoint tcp/5\n"
         "limit = 1/1s packets endpoint tcp/6\nlimit = 1/1s packets endpoint tcp/7\n"
         "limit = 1/1s packets endpoint tcp/8\n",
         "10! limit '1/1s packets endpoint tcp/8': a class has at most 8 limits with an "
         "endpoint or a scope\n"},
	{"[class a]\nlimit = 1/1s packets\naction = burn\n[class b]\nsources = 1.1.1.1\n"
         "action = redirect\n[class c]\nsources = 1.1.1.2\naction = redirect no-such-if\n"
         "[class d]\nsources = 1.1.1.3\naction = redirect lo 1:2\n",
         "3! action 'burn': expected drop, monitor, or redirect IFNAME [MAC]\n"
         "6! action 'redirect': expected drop, monitor, or redirect IFNAME [MAC]\n"
         "9! action 'redirect no-such-if': there is no interface 'no-such-if'\n"
         "12! action 'redirect lo 1:2': '1:2' is not a MAC address; expected six pairs of "
         "hexadecimal digits, such as 02:00:00:00:00:01\n"},
	{"[class a]\nlimit = 1/1s packets\npenalty = 99ms\nwarn = 0%\n[class "
         "b]\nsources=1.1.1.1\n"
         "limit = 1/1s packets\npenalty = 32d\nwarn = 101%\n[class c]\nsources=1.1.1.2\n"
         "limit = 1/1s packets\npenalty = 1\nwarn = 80\n[class d]\nsources=1.1.1.3\n"
         "limit = 1/1s packets\npenalty = 1s 2\nwarn = 80%%\n",
         "3! penalty '99ms': expected a whole number and one of ms, s, m, h, d, from "
         "100ms to 31d\n"
         "4! warn '0%': expected 1% to 100%\n"
         "8! penalty '32d': expected a whole number and one of ms, s, m, h, d, from 100ms "
         "to 31d\n"
         "9! warn '101%': expected 1% to 100%\n"
         "13! penalty '1': expected a whole number and one of ms, s, m, h, d, from 100ms "
         "to 31d\n"
         "14! warn '80': expected 1% to 100%\n"
         "18! penalty '1s 2': expected a whole number and one of ms, s, m, h, d, from "
         "100ms to "
         "31d\n"
         "19! warn '80%%': expected 1% to 100%\n"},

	/* sources of a class */
	{"[limiter]\ndefault = a\n[class a]\nlimit = 1/1s packets\n"
         "sources = 1.2.3, 1.2.3.04, 1.2.3.4/33, 1.2.3.4/, 1.2.3.4/x, 1.2.3.4/8/8, ::1, "
         "x\n"
         "sources = 203.0.113.7/24, 128.0.0.0/0, 10.0.0.1/31\nsources =\n"
         "sources = 1.2.3.4 1.2.3.5\n",
         "5! sources '1.2.3': expected an address or a network, such as 203.0.113.0/24\n"
         "5! sources '1.2.3.04': expected an address or a network, such as "
         "203.0.113.0/24\n"
         "5! sources '1.2.3.4/33': expected a prefix length from 0 to 32\n"
         "5! sources '1.2.3.4/': expected a prefix length from 0 to 32\n"
         "5! sources '1.2.3.4/x': expected a prefix length from 0 to 32\n"
         "5! sources '1.2.3.4/8/8': expected a prefix length from 0 to 32\n"
         "5! sources '::1': expected an address or a network, such as 203.0.113.0/24\n"
         "5! sources 'x': expected an address or a network, such as 203.0.113.0/24\n"
         "6! sources '203.0.113.7/24': address bits are set beyond the prefix, did you "
         "mean "
         "'203.0.113.0/24'?\n"
         "6! sources '128.0.0.0/0': address bits are set beyond the prefix, did you mean "
         "'0.0.0.0/0'?\n"
         "6! sources '10.0.0.1/31': address bits are set beyond the prefix, did you mean "
         "'10.0.0.0/31'?\n"
         "7! sources '': expected an address or a network, such as 203.0.113.0/24\n"
         "8! sources '1.2.3.4 1.2.3.5': expected an address or a network, such as "
         "203.0.113.0/24\n"},
	{"[class d]\nlimit = 1/1s packets\n[class a]\nsources = 10.0.0.0/8, 1.1.1.1, "
         "1.1.1.1/32\n"
         "sources = 10.0.0.0/8, 10.0.0.0/9\n[class b]\nsources = 10.0.0.0/8\nsources = "
         "1.1.1.1\n",
         "4? '1.1.1.1' is listed twice, first on line 4\n"
         "5? '10.0.0.0/8' is listed twice, first on line 4\n"
         "7! '10.0.0.0/8' already belongs to class 'a' (line 4); it cannot belong to two\n"
         "8! '1.1.1.1' already belongs to class 'a' (line 4); it cannot belong to two\n"},

	/* [icmp-errors] */
	{"[icmp-errors]\nlimit = 1/1s\nlimit = 2/1s\nsources = 1.1.1.1\nx = 1\n[class a]\n"
         "limit = 1/1s packets\n",
         "3! 'limit' is given twice, first on line 2\n"
         "4! 'sources' belongs in section [limiter] or [class NAME], not in "
         "[icmp-errors]\n"
         "5! unknown key 'x'; expected limit\n"},
	{"[icmp-errors]\nlimit = 1/1s bytes\n[class a]\nlimit = 1/1s packets\n",
         "2! limit '1/1s bytes': ICMP errors are counted in packets, in a fixed window; "
         "expected "
         "N/PERIOD in packets, such as '100/1s'\n"},

	/* [flood] */
	{CLASS "[flood]\ngate = on\ngate = on\nnewcomers = 9/1s\nnewcomers = 9/1s\nprefix "
               "= 9/1s\n"
               "prefix = 9/1s\n",
         "5! 'gate' is given twice, first on line 4\n"
         "7! 'newcomers' is given twice, first on line 6\n"
         "9! 'prefix' is given twice, first on line 8\n"},
	{CLASS "[flood]\ngaet = on\nlimit = 1/1s\nx = 1\n[limiter]\nprefix = 1/1s\n",
         "4! unknown key 'gaet', did you mean 'gate'?\n"
         "5! 'limit' belongs in section [class NAME] or [icmp-errors], not in [flood]\n"
         "6! unknown key 'x'; expected gate, newcomers or prefix\n"
         "8! 'prefix' belongs in section [flood], not in [limiter]\n"},
	{CLASS "[flood]\ngate = of\n", "4! unknown gate mode 'of', did you mean 'off'?\n"},
	{CLASS "[flood]\ngate = onn\n", "4! unknown gate mode 'onn', did you mean 'on'?\n"},
	{CLASS "[flood]\ngate = monitr\n",
         "4! unknown gate mode 'monitr', did you mean 'monitor'?\n"},
	{CLASS "[flood]\ngate =\n", "4! unknown gate mode ''; expected off, monitor or on\n"},
	{CLASS "[flood]\ngate = drop\n",
         "4! unknown gate mode 'drop'; expected off, monitor or on\n"},
	{CLASS "[flood]\nnewcomers = /1s\nprefix = 10\n",
         "4! newcomers '/1s': N must be a whole number in digits, followed by "
         "'/'; " EXPECTED
         "5! prefix '10': N must be a whole number in digits, followed by '/'; " EXPECTED},
	{CLASS "[flood]\nnewcomers = 0/1s\nprefix = 1000000001/1s\n",
         "4! newcomers '0/1s': N must be at least 1; " EXPECTED
         "5! prefix '1000000001/1s': N is too large; the maximum is 1000000000 packets\n"},
	{CLASS "[flood]\nnewcomers = 99999999999999999999/1s\nprefix = 1/1\n",
         "4! newcomers '99999999999999999999/1s': N is too large; the maximum is 1000000000 "
         "packets\n"
         "5! prefix '1/1': PERIOD must be a whole number and one of ms, s, m, "
         "h; " EXPECTED},
	{CLASS "[flood]\nnewcomers = 1/99ms\nprefix = 1/61m\n",
         "4! newcomers '1/99ms': PERIOD must be from 100ms to 1h; " EXPECTED
         "5! prefix '1/61m': PERIOD must be from 100ms to 1h; " EXPECTED},
	{CLASS "[flood]\nnewcomers = 1/99999999999999999999s\nprefix = 1/1d\n",
         "4! newcomers '1/99999999999999999999s': PERIOD must be from 100ms to "
         "1h; " EXPECTED "5! prefix '1/1d': PERIOD must be from 100ms to 1h; " EXPECTED},
	{CLASS "[flood]\nnewcomers = 1/1spackets\nprefix = 1/1S\n",
         "4! newcomers '1/1spackets': PERIOD must be a whole number and one of ms, s, m, "
         "h; " EXPECTED "5! prefix '1/1S': PERIOD must be a whole number and one of ms, "
         "s, m, h; " EXPECTED},
	{CLASS "[flood]\nnewcomers = 1/1s bytes\nprefix = 1/1s packets 2\n",
         "4! newcomers '1/1s bytes': unknown sources are counted in packets; " EXPECTED
         "5! prefix '1/1s packets 2': unknown sources are counted in packets; " EXPECTED},
	{CLASS "[flood]\nnewcomers = 1/1s\tpackets\nprefix = 1/1s,packets\n",
         "4! newcomers '1/1s?packets': unknown sources are counted in packets; " EXPECTED
         "5! prefix '1/1s,packets': unknown sources are counted in packets; " EXPECTED},

	/* warnings about [flood] */
	{CLASS "[flood]\nprefix = 50001/1s\n",
         "4? prefix = 50001/1s has no effect: newcomers = 50000/1s, for all prefixes "
         "together, is lower\n"},
	{CLASS "[flood]\nprefix = 50000/1s\n", ""},
	{CLASS "[flood]\ngate = monitor\nnewcomers = 1000/1s\n",
         "5? prefix = 2000/1s has no effect: newcomers = 1000/1s, for all prefixes "
         "together, is lower\n"},
	{CLASS "[flood]\nprefix = 1000000000/59m\nnewcomers = 1000000000/1h\n",
         "4? prefix = 1000000000/59m has no effect: newcomers = 1000000000/1h, for all "
         "prefixes together, is lower\n"},
	{CLASS "[flood]\nprefix = 601/1m\nnewcomers = 10/1s\n",
         "4? prefix = 601/1m has no effect: newcomers = 10/1s, for all prefixes together, "
         "is lower\n"},
	{CLASS "[flood]\nprefix = 600/1m\nnewcomers = 10/1s\n", ""},
	{CLASS "[flood]\nprefix = 1000000000/1h\nnewcomers = 1000000000/1h\n", ""},
	{CLASS "[flood]\nprefix = 50/1s\nnewcomers = 600/1m\n", ""},
	{CLASS "[flood]\ngate = off\nprefix = 9/1s\nnewcomers = 8/1s\n",
         "5? 'prefix' has no effect while gate = off\n"
         "6? 'newcomers' has no effect while gate = off\n"},
	{CLASS "[flood]\nprefix = 9/1s\nnewcomers = 8/1s\ngate = off\n",
         "4? 'prefix' has no effect while gate = off\n"
         "5? 'newcomers' has no effect while gate = off\n"},
	{CLASS "[flood]\nprefix = 60000/1s\nnewcomers = x\n",
         "5! newcomers 'x': N must be a whole number in digits, followed by "
         "'/'; " EXPECTED},
	{CLASS "[flood]\nprefix = x\nnewcomers = 1/1s\n",
         "4! prefix 'x': N must be a whole number in digits, followed by '/'; " EXPECTED},
	{CLASS "[flood]\nprefix = 60000/1s\ngate = x\n",
         "5! unknown gate mode 'x'; expected off, monitor or on\n"},

	/* warnings about limits and classes */
	{"[class a]\nlimit = 1/1s packets\nlimit = 1/1000ms packets fixed\n",
         "3? limit '1/1000ms packets fixed' is given twice, first on line 2\n"},
	{"[class a]\nlimit = 1000/1m connections\nlimit = 10/1m connections\n",
         "2? limit '1000/1m connections' has no effect: '10/1m connections' on line 3 is "
         "always reached first\n"},
	{"[class a]\nlimit = 10/1s packets token burst 5\nlimit = 20/2s packets token "
         "burst 5\n",
         "3? limit '20/2s packets token burst 5' has no effect: '10/1s packets token "
         "burst 5' on line 2 is always reached first\n"},
	{"[limiter]\nprotect = tcp/80-90\n[class a]\nlimit = 1/1s packets endpoint "
         "tcp/79\n"
         "limit = 1/1s packets endpoint udp/80\nlimit = 1/1s packets endpoint tcp/90-91\n"
         "limit = 1/1s connections\n",
         "4? limit '1/1s packets endpoint tcp/79' never applies: 'protect' names none of "
         "its "
         "ports\n"
         "5? limit '1/1s packets endpoint udp/80' never applies: 'protect' names none of "
         "its "
         "ports\n"},
	{"[limiter]\nprotect = udp/53\n[class a]\nlimit = 1/1s connections\nlimit = 9/1s "
         "packets\n"
         "limit = 1/1s http-requests\n[icmp-errors]\n",
         "4? limit '1/1s connections' never applies: 'protect' names no TCP port\n"
         "6? limit '1/1s http-requests' never applies: 'protect' names no TCP port\n"
         "7? [icmp-errors] has no effect with 'protect': ICMP always passes\n"},
	{"[class a]\nlimit = 1513/1s bytes\n[class b]\nsources = 1.1.1.1\nlimit = 1514/1s "
         "bytes\n"
         "[class c]\nsources = 2.2.2.2\nlimit = 9999/1s bytes token burst 1000\n",
         "2? limit '1513/1s bytes' rejects every frame larger than 1513 bytes\n"
         "8? limit '9999/1s bytes token burst 1000' rejects every frame larger than 1000 "
         "bytes\n"},
	{"[class a]\nlimit = 5/1s http-requests\n[class b]\nsources = 1.1.1.1\n"
         "limit = 5/1s http-requests\nlimit = 5/1s connections endpoint tcp/80\n",
         "2? limit '5/1s http-requests' counts only the requests that can be seen: add a limit of "
         "connections\n"},
	{"[class a]\n[class b]\nsources = 1.1.1.1\npenalty = 1s\nwarn = 8%\n",
         "1? the default class 'a' has no limits: sources that match no CIDR are not "
         "limited\n"
         "4? 'penalty' in class 'b', which has no limits\n"
         "5? 'warn' in class 'b', which has no limits\n"},
	{"[limiter]\ndefault = a\n[class a]\nlimit = 1/1s packets\n[class b]\nlimit = "
         "1/1s "
         "packets\n",
         "5? class 'b' is never used: it has no sources, and is neither the default class "
         "nor the class of permits\n"},
	{"[limiter]\ndefault = b\n[permits]\nclass = b\n[class b]\nlimit = 1/1s "
         "packets\n[class "
         "c]\n",
         "7? class 'c' is never used: it has no sources, and is neither the default class "
         "nor the class of permits\n"},
};

static void all_diagnostics_are_reported(void **state)
{
	static struct told told;

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		write_file(files[i].text, strlen(files[i].text));
		check_file(&told);
		if (strcmp(told.text, files[i].diagnostics))
			fail_msg("'%s'\nexpected:\n%sfound:\n%s", files[i].text,
			         files[i].diagnostics, told.text);
	}
}

/* A mistake that check reports also stops policy_file_read or config_file_read_settings, which
 * report the first one. */
static void check_and_read_agree(void **state)
{
	static struct settings config;
	static struct told told;

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct failure of_policy, of_config = {.code = EXIT_DONE};
		struct policy policy;
		bool is_of_policy, is_of_config;

		write_file(files[i].text, strlen(files[i].text));
		check_file(&told);
		read_file(&policy, &of_policy);
		result_capture(&of_config);
		config_file_read_settings(&config, path, true);
		result_capture(NULL);
		is_of_policy = of_policy.code && !strcmp(of_policy.message, told.first);
		is_of_config = of_config.code && !strcmp(of_config.message, told.first);
		if (told.mistakes ? !is_of_policy && !is_of_config
		                  : of_policy.code || of_config.code)
			fail_msg("'%s': %s / %s", files[i].text, of_policy.message,
			         of_config.message);
		policy_free(&policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_diagnostics_are_reported),
		cmocka_unit_test(check_and_read_agree),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
