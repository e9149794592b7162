// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* usage: replay DIRECTORY...
 *
 * Runs a fuzz target on each file in the directories, as a regression test. */

#include <dirent.h>
#include <errno.h>

#include "tests/fuzz/check.h"
#include "tests/tap.h"

/* Allocates exactly the file's size, so that ASan sees any overrun. NULL if unreadable. */
static uint8_t *read_all(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	uint8_t *data = NULL;
	long length = -1;

	if (!file)
		return NULL;
	if (!fseek(file, 0, SEEK_END))
		length = ftell(file);
	rewind(file);
	if (length >= 0)
		data = malloc(length);
	if (data && fread(data, 1, length, file) != (size_t)length) {
		free(data);
		data = NULL;
	}
	fclose(file);
	*size = length;
	return data;
}

static void replay(const char *path)
{
	size_t size;
	uint8_t *data = read_all(path, &size);

	if (!data) {
		tap_ok(0, "%s: %s", path, strerror(errno));
		return;
	}
	tap_note("%s", path); /* first, since a crash prints nothing afterwards */
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	tap_ok(1, "%s", path);
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_all(const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_file, alphasort);

	if (count <= 0)
		tap_ok(0, "%s: %s", directory, count ? strerror(errno) : "directory is empty");
	if (count < 0)
		return;
	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		replay(path);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay_all(argv[i]);
	return tap_done();
}
