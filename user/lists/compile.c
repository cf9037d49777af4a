// SPDX-License-Identifier: GPL-2.0-only
/*
 * compile.c - all lists -> one policy image
 *
 * Paints both families, lets build4.c and build6.c make their tables, and lays these out in pages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "reading.h"

int table_add(struct table *table, const void *element)
{
	/* What cannot fit the pages need not fill the memory first. */
	if (table->count >= (size_t)POLICY_PAGES_MAX * POLICY_PAGE / table->size)
		return -E2BIG;
	if (array_grow(&table->data, &table->room, table->count, table->size))
		return -ENOMEM;
	memcpy((char *)table->data + table->count * table->size, element, table->size);
	table->count++;
	return 0;
}

static size_t table_pages(const struct table *table)
{
	return (table->count * table->size + POLICY_PAGE - 1) / POLICY_PAGE;
}

/* A table and the word of the head that says on which page it begins. */
struct placed {
	const struct table *table;
	uint32_t *page;
};

static int lay_out(struct placed *placed, size_t tables, const struct policy_head *head,
		   struct policy_image *out)
{
	size_t pages = 1;
	uint8_t *page;

	for (size_t i = 0; i < tables; i++) {
		*placed[i].page = (uint32_t)pages;
		pages += table_pages(placed[i].table);
	}
	if (pages > POLICY_PAGES_MAX)
		return -E2BIG;
	page = calloc(pages, POLICY_PAGE);
	if (!page)
		return -ENOMEM;
	for (size_t i = 0; i < tables; i++) {
		const struct table *t = placed[i].table;

		if (t->count)
			memcpy(page + (size_t)*placed[i].page * POLICY_PAGE, t->data,
			       t->count * t->size);
	}
	memcpy(page, head, sizeof(*head));
	out->page = page;
	out->pages = pages;
	return 0;
}

static int assemble(const struct build4 *b4, const struct build6 *b6, struct policy_head *head,
		    struct policy_image *out)
{
	struct placed placed[5 + V6_LEVELS] = {
		{&b4->entries, &head->v4_entries_page}, {&b4->groups, &head->v4_pool_page},
		{&b4->rows, &head->v4_rows_page},	{&b6->values, &head->v6_values_page},
		{&b6->detail, &head->v6_detail_page},
	};
	size_t tables = 5;

	for (unsigned int i = 0; i < b6->levels; i++)
		placed[tables++] =
			(struct placed){i ? &b6->level[i] : &b6->starts, &head->v6_level_page[i]};
	head->v6_levels = b6->levels;
	return lay_out(placed, tables, head, out);
}

/* Two lists with one id, or one without room, would be a mistake of this program. */
static bool ids_valid(const struct compile_list *list, size_t lists)
{
	bool used[POLICY_LISTS] = {true};

	for (size_t i = 0; i < lists; i++) {
		unsigned int id = compile_id(list, i);

		if (id >= POLICY_LISTS || used[id])
			return false;
		used[id] = true;
	}
	return true;
}

static void describe(const struct compile_list *list, size_t lists, int64_t built,
		     struct policy_head *head)
{
	memset(head, 0, sizeof(*head));
	head->magic = POLICY_MAGIC;
	head->built = built;
	for (size_t i = 0; i < lists; i++) {
		struct policy_list *to = &head->list[list[i].id ? list[i].id : i + 1];

		snprintf(to->name, sizeof(to->name), "%s", list[i].origin->name);
		to->loaded = list[i].origin->loaded;
		to->entries = list[i].content->entries;
		to->action = list[i].origin->action;
	}
}

int policy_compile(const struct compile_list *list, size_t lists, int64_t built,
		   struct policy_image *out, struct error *why)
{
	struct build4 *b4 = NULL;
	struct build6 b6 = {.starts.size = sizeof(__u64),
			    .values.size = sizeof(__u32),
			    .detail.size = sizeof(struct v6_pair),
			    .pairs.size = sizeof(struct v6_pair)};
	struct policy_image image = {0};
	struct policy_head *head = NULL;
	int err;

	if (lists >= POLICY_LISTS)
		return error_set(why, -E2BIG, "%zu lists are too many: there is room for %u", lists,
				 POLICY_LISTS - 1);
	if (!ids_valid(list, lists))
		return error_set(why, -EINVAL, "the lists cannot be compiled: two have one id");
	for (unsigned int i = 0; i < V6_LEVELS; i++)
		b6.level[i].size = sizeof(__u64);
	err = -ENOMEM;
	b4 = calloc(1, sizeof(*b4));
	head = malloc(sizeof(*head));
	image.index = calloc(V4_INDEX_WORDS, sizeof(image.index[0]));
	if (!b4 || !head || !image.index)
		goto out;
	describe(list, lists, built, head);
	b4->index = image.index;
	b4->entries.size = sizeof(__u32);
	b4->groups.size = V4_GROUP * sizeof(__u16);
	b4->rows.size = V4_ROW;
	err = paint(list, lists, FAMILY_V4, build4_segment, b4);
	if (!err)
		err = build4_finish(b4);
	if (!err)
		err = paint(list, lists, FAMILY_V6, build6_segment, &b6);
	if (!err)
		err = build6_finish(&b6);
	if (!err)
		err = assemble(b4, &b6, head, &image);
out:
	free(head);
	free(b6.starts.data);
	free(b6.values.data);
	free(b6.detail.data);
	free(b6.pairs.data);
	for (unsigned int i = 0; i < V6_LEVELS; i++)
		free(b6.level[i].data);
	if (b4) {
		free(b4->entries.data);
		free(b4->groups.data);
		free(b4->rows.data);
		free(b4);
	}
	if (!err) {
		*out = image;
		return 0;
	}
	policy_image_free(&image);
	if (err == -E2BIG)
		return error_set(why, err,
				 "the lists together are too large: compiled they may take %u MiB, "
				 "and no more than %u divisions inside one IPv6 /64; leave one out",
				 POLICY_PAGES_MAX / (1048576 / POLICY_PAGE), V6_DETAIL_MAX);
	return error_set(why, err, "the lists cannot be compiled: %s", strerror(-err));
}

void policy_image_free(struct policy_image *image)
{
	free(image->index);
	free(image->page);
	*image = (struct policy_image){0};
}
