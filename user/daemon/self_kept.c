// SPDX-License-Identifier: GPL-2.0-only
/*
 * self_kept.c - which listings of this host the log was told of, over a restart: STATE/self-listed
 *
 * One line a listing: the address, the hash of the zone (which may hold a key), the answer. A file that
 * is lost costs an alarm that comes twice; one that is damaged is read as far as it makes sense.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../output.h"
#include "self.h"

#define LINE 192

static int kept_path(char *path, size_t size)
{
	int n = snprintf(path, size, "%s/self-listed", place.state);

	return n > 0 && (size_t)n < size ? 0 : -1;
}

static void read_records(char *text, struct dnsbl_answer *answer)
{
	char *rest = NULL;

	memset(answer, 0, sizeof(*answer));
	answer->outcome = DNSBL_HIT;
	for (char *one = strtok_r(text, ",", &rest); one && answer->records < DNSBL_RECORDS;
	     one = strtok_r(NULL, ",", &rest))
		if (inet_pton(AF_INET, one, answer->record[answer->records]) == 1)
			answer->records++;
}

void self_kept_read(struct self_own *own)
{
	char path[4096], line[LINE], address[64], records[96];
	uint64_t identity;
	struct address a;
	FILE *in = kept_path(path, sizeof(path)) ? NULL : fopen(path, "re");

	while (in && fgets(line, sizeof(line), in) && own->keeps < DNSBL_SITES) {
		if (sscanf(line, "%63s %" SCNx64 " %95s", address, &identity, records) != 3 ||
		    !identity || !address_parse(address, &a) ||
		    memcmp(&a, &own->address, sizeof(a)) != 0)
			continue;
		own->kept[own->keeps].identity = identity;
		read_records(records, &own->kept[own->keeps++].answer);
		own->told += identity;
	}
	if (in)
		fclose(in);
}

void self_kept_write(const struct follow_self *f,
		     bool (*is_told)(void *context, const struct self_own *own, unsigned int site),
		     void *context)
{
	char path[4096], address[ADDRESS_TEXT], records[DNSBL_RECORDS * 16 + 1], *text = NULL;
	struct error why;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	for (unsigned int i = 0; out && i < f->owns; i++)
		for (unsigned int s = 0; s < DNSBL_SITES; s++) {
			const struct self_pair *p = &f->own[i]->pair[s];

			if (is_told(context, f->own[i], s))
				fprintf(out, "%s %016" PRIx64 " %s\n",
					address_text(&f->own[i]->address, address), p->identity,
					self_records(&p->answer, records, sizeof(records)));
		}
	if (out && fclose(out) == 0 && kept_path(path, sizeof(path)) == 0 &&
	    file_replace(path, text, size, &why))
		log_line(
			LOG_WARNING,
			"self text=\"that this host is listed is not remembered over a restart: %s\"",
			why.text);
	free(text);
}
