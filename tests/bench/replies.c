// SPDX-License-Identifier: GPL-2.0-only
/*
 * replies.c - what a packet that leaves costs: in program `replies`, as a ratio to one of another port in
 * the same run
 */
#include "../packet/talk.h"

#define ROUNDS 9
#define REPEAT 20000

static double measure(struct kit *kit, const struct frame *f)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->byte, .data_size_in = (__u32)f->size,
		    .repeat = REPEAT);

	kit_must(bpf_prog_test_run_opts(object_program_fd(kit->object, "replies"), &run),
		 "BPF_PROG_RUN", "");
	return run.duration;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

/* The flow's state is set back by its own program: a segment whose bytes are new each time. */
static double measure_text(struct kit *kit, size_t size)
{
	struct talk t = talk_open(kit, CLIENT);
	static struct frame f;
	static char text[4096];
	double sum = 0;

	memset(text, 'x', sizeof(text));
	memcpy(text, "250-mx.lab", 10);
	memcpy(text + size - 2, "\r\n", 2);
	for (int i = 0; i < REPEAT / 20; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f.byte);

		talk_frame(&t, t.next, TCP_ACK, text, size, &f);
		t.next += (uint32_t)size;
		run.data_size_in = (__u32)f.size;
		kit_must(bpf_prog_test_run_opts(object_program_fd(kit->object, "replies"), &run),
			 "BPF_PROG_RUN", "");
		sum += run.duration;
	}
	return sum / (REPEAT / 20.0);
}

enum column {
	OTHER,
	EMPTY,
	AGAIN,
	VEILED,
	SHORT,
	LONG,
	COLUMNS,
};

static const char *const names[COLUMNS] = {
	[OTHER] = "another port",
	[EMPTY] = "an acknowledgement of a mail port",
	[AGAIN] = "a reply sent again",
	[VEILED] = "an encrypted segment",
	[SHORT] = "a reply of 60 bytes, single runs",
	[LONG] = "a reply of 1400 bytes, single runs",
};

static double one(struct kit *kit, enum column column)
{
	static struct frame f;
	struct talk t;

	if (column == SHORT || column == LONG)
		return measure_text(kit, column == SHORT ? 60 : 1400);
	t = talk_open(kit, CLIENT);
	if (column == VEILED)
		talk_say(&t, STARTTLS);
	if (column == OTHER)
		t.port = 80;
	talk_frame(&t, column == AGAIN ? t.next - 10 : t.next, TCP_ACK, FINE FINE FINE,
		   column == EMPTY   ? 0
		   : column == AGAIN ? 10
				     : 40,
		   &f);
	return measure(kit, &f);
}

int main(void)
{
	static double ns[COLUMNS][ROUNDS], ratio[COLUMNS][ROUNDS];
	static struct kit kit;

	setvbuf(stdout, NULL, _IOLBF, 0);
	kit_result.prefix = "replies";
	kit_open(&kit);
	kit_reset(&kit);
	abuse_on(&kit);
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < COLUMNS; i++) {
			ns[i][round] = one(&kit, i);
			ratio[i][round] =
				ns[i][round] / (ns[OTHER][round] > 1 ? ns[OTHER][round] : 1);
		}
	printf("  a packet that leaves                   a packet   to another port\n");
	for (int i = 0; i < COLUMNS; i++)
		printf("  %-36s %7.0f ns %7.1f x\n", names[i], median(ns[i]), median(ratio[i]));
	kit_close(&kit);
	return 0;
}
