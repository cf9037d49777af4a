// SPDX-License-Identifier: GPL-2.0-only
/*
 * run.c - asks the kernel itself what it would do: program `check` by BPF_PROG_RUN, with a SYN made
 * up from the address in question
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <smtpwall/address.h>
#include "kernel.h"
#include "pins.h"

#define FRAME 256 /* long enough for struct answer */

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* A TCP SYN from the address to the port, as it would arrive. Checksums are nobody's business here.
 */
static void make_syn(uint8_t frame[FRAME], const struct address *source, uint16_t port)
{
	uint8_t *ip = frame + 14, *tcp;

	memset(frame, 0, FRAME);
	if (address_is_v4(source)) {
		put16(frame + 12, 0x0800);
		ip[0] = 0x45;
		put16(ip + 2, FRAME - 14);
		ip[8] = 64;
		ip[9] = 6;
		memcpy(ip + 12, source->byte + 12, 4);
		tcp = ip + 20;
	} else {
		put16(frame + 12, 0x86dd);
		ip[0] = 0x60;
		put16(ip + 4, FRAME - 14 - 40);
		ip[6] = 6;
		ip[7] = 64;
		memcpy(ip + 8, source->byte, ADDRESS_BYTES);
		tcp = ip + 40;
	}
	put16(tcp, 40000);
	put16(tcp + 2, port);
	tcp[12] = 0x50;
	tcp[13] = 0x02;
}

int wall_check(const char *pins, const struct address *source, uint16_t port, struct answer *out,
	       struct error *why)
{
	uint8_t frame[FRAME], back[FRAME];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
		    .data_out = back, .data_size_out = sizeof(back));
	char path[PINS_PATH];
	int fd, err;

	snprintf(path, sizeof(path), "%s/check", pins);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return error_set(why, fd, "cannot open the program %s: %s", path, strerror(-fd));
	make_syn(frame, source, port);
	err = bpf_prog_test_run_opts(fd, &run);
	close(fd);
	if (err)
		return error_set(why, err, "cannot run the program %s: %s", path, strerror(-err));
	memcpy(out, back, sizeof(*out));
	if (out->magic != ANSWER_MAGIC)
		return error_set(why, -EPROTO,
				 "the program %s gave no answer; run `smtpwall up` to renew it",
				 path);
	return 0;
}
