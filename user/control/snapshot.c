// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/control/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/datapath/bpffs.h"
#include "user/datapath/pin_dir.h"
#include "user/datapath/pin_lock.h"

enum exit_code snapshot_open(struct snapshot *snapshot, const char *pin_dir)
{
	enum exit_code error = bpffs_check_system(false);

	*snapshot = (struct snapshot){.lock = -1};
	if (!error)
		error = bpffs_prepare_pin_dir(pin_dir, false);
	if (error)
		return error;
	snapshot->lock = pin_lock_shared(pin_dir);
	snapshot->interface_count = pin_dir_list_interfaces(pin_dir, &snapshot->interfaces);
	maps_open(&snapshot->maps, pin_dir, 0, 0);
	if (snapshot->interface_count >= 0)
		return EXIT_DONE;
	error = fail(EXIT_FAILED, NULL, "cannot read the pin directory %s: %s", pin_dir,
	             strerror(-snapshot->interface_count));
	snapshot_close(snapshot);
	return error;
}

enum exit_code snapshot_check_attached(const struct snapshot *snapshot)
{
	return maps_check_attached(&snapshot->maps, snapshot->interface_count);
}

void snapshot_close(struct snapshot *snapshot)
{
	maps_close(&snapshot->maps);
	free(snapshot->interfaces);
	snapshot->interfaces = NULL;
	if (snapshot->lock >= 0)
		close(snapshot->lock);
	snapshot->lock = -1;
}
