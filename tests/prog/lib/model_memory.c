// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/model.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (1u << 20)

int model_open(struct model *model)
{
	memset(model, 0, sizeof(*model));
	model->sources = calloc(SLOTS, sizeof(*model->sources));
	model->buckets = calloc(SLOTS, sizeof(*model->buckets));
	return model->sources && model->buckets;
}

void model_close(struct model *model)
{
	free(model->sources);
	free(model->buckets);
}

static __u32 first_slot(__u32 number)
{
	return (number * 2654435761u) >> 12;
}

/* The generators stay below half of the slots. */
static void grow(__u32 *known)
{
	if (++*known > SLOTS / 2)
		abort();
}

struct model_source *model_source_of(struct model *model, __u32 address)
{
	__u32 slot = first_slot(address);
	struct model_source *source;

	while (model->sources[slot].known && model->sources[slot].address != address)
		slot = (slot + 1) % SLOTS;
	source = &model->sources[slot];
	if (!source->known) {
		grow(&model->source_count);
		source->known = 1;
		source->address = address;
	}
	return source;
}

/* The address under which a bucket is kept: the source's, or the first of its prefix. */
static __u32 holder_of(const struct xrl_limit *limit, __u32 address)
{
	for (int bit = 0; bit < 32 - limit->scope_bits; bit++)
		address &= ~(1u << bit);
	return address;
}

static int is_bucket(const struct model_bucket *bucket, const struct model_bucket *wanted)
{
	return bucket->limit_id == wanted->limit_id && bucket->address == wanted->address &&
	       bucket->is_of_class == wanted->is_of_class;
}

struct model_bucket *model_bucket_of(struct model *model, const struct xrl_limit *limit,
                                     __u32 address)
{
	struct model_bucket wanted = {
		.limit_id = limit->id,
		.address = holder_of(limit, address),
		.known = 1,
		.is_of_class = limit->scope_bits == XRL_SCOPE_CLASS,
	};
	__u32 slot = first_slot(wanted.address + limit->id * 7919);

	while (model->buckets[slot].known && !is_bucket(&model->buckets[slot], &wanted))
		slot = (slot + 1) % SLOTS;
	if (!model->buckets[slot].known) {
		grow(&model->bucket_count);
		model->buckets[slot] = wanted;
	}
	return &model->buckets[slot];
}
