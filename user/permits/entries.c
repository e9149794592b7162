// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/entries.h"

#include <stdlib.h>

void permit_entries_free(struct permit_entries *entries)
{
	free(entries->entries);
	*entries = (struct permit_entries){};
}

enum exit_code permit_entries_add(struct permit_entries *entries, const struct xrl_address *address)
{
	if (entries->count == entries->room) {
		__u32 room = entries->room ? entries->room * 2 : 64;
		struct permit_entry *larger = reallocarray(entries->entries, room, sizeof(*larger));

		if (!larger)
			return fail(EXIT_FAILED, NULL, "out of memory");
		entries->entries = larger;
		entries->room = room;
	}
	entries->entries[entries->count++] = (struct permit_entry){.address = *address};
	return EXIT_DONE;
}
