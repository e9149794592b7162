// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Longer than any word we know, so longer input cannot be a misspelling of one. */
#define MAX_LENGTH 32

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static bool is_same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* The optimal string alignment distance: how many letters to delete, insert, replace, or swap with
 * their neighbor. cost[i][j] turns the first i letters of a into the first j of b. */
static unsigned int edits(const char *a, const char *b)
{
	unsigned int cost[MAX_LENGTH + 1][MAX_LENGTH + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	for (size_t i = 0; i <= a_length; i++)
		for (size_t j = 0; j <= b_length; j++) {
			if (!i || !j) {
				cost[i][j] = i + j;
				continue;
			}
			cost[i][j] = cost[i - 1][j - 1] + !is_same(a[i - 1], b[j - 1]);
			cost[i][j] = least(cost[i][j], cost[i - 1][j] + 1);
			cost[i][j] = least(cost[i][j], cost[i][j - 1] + 1);
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
			    is_same(a[i - 2], b[j - 1]))
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	return cost[a_length][b_length];
}

static unsigned int most_edits(const char *a, const char *b)
{
	size_t a_length = strlen(a), b_length = strlen(b);
	size_t longer = a_length > b_length ? a_length : b_length;

	if (longer < 2)
		return 0;
	return longer < 6 ? 1 : longer / 3;
}

const char *suggest(const char *word, const char *const *words, size_t count)
{
	unsigned int fewest = MAX_LENGTH + 1;
	const char *found = NULL;

	if (strlen(word) > MAX_LENGTH)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		unsigned int distance;

		if (strlen(words[i]) > MAX_LENGTH)
			continue;
		distance = edits(word, words[i]);
		if (distance > most_edits(word, words[i]) || distance >= fewest)
			continue;
		fewest = distance;
		found = words[i];
	}
	return found;
}
