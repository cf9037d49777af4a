// SPDX-License-Identifier: GPL-2.0-only
/*
 * resolver.c - c-ares on the event loop: one query, one reply
 *
 * In: sources, zones, test entries. Out: `done`, once for every question. c-ares sends, resends,
 * follows TC to TCP (RFC 7766) and drops what answers another question; the deadline is kept here,
 * since its timeouts double, jitter or adapt, depending on the version. Two channels where there
 * are several servers: a server that says SERVFAIL or REFUSED is believed only when the others know
 * no better, and c-ares, left to try them by itself, does not say what the last one said.
 */
#include "servers.h"
#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include "dnsbl.h"

#define RESOLV_CONF    "/etc/resolv.conf" /* as c-ares has it built in */
#define SERVERS_TEXT   4096
#define RECEIVE_BUFFER (4 << 20) /* thousands of answers may arrive at once */
#define TICK_US	       10000ULL	 /* timeouts are looked at no more often: it costs a walk */
#define LEAST_US       50000ULL
#define CHANNELS       2
#define DNS_PORT       53

struct channel {
	struct dnsbl_resolver *resolver;
	ares_channel ares; /* NULL: there are no other servers */
};

struct watch {
	LIST_ENTRY(watch) entry;
	struct channel *channel;
	sd_event_source *source;
	int fd;
};

struct query {
	TAILQ_ENTRY(query) entry; /* oldest first; not in it any more once it is told */
	struct dnsbl_resolver *resolver;
	void (*done)(void *context, const struct dnsbl_reply *reply);
	void *context;
	uint64_t begun;		    /* us */
	struct dnsbl_reply refusal; /* the first server's, while the others are asked */
	bool told;
	char question[DNSBL_QUESTION + 1]; /* with the root's dot: no search */
	char zone[DNSBL_ZONE];
};

struct dnsbl_resolver {
	sd_event *loop;
	struct channel channel[CHANNELS]; /* believes the first answer; the first good one */
	LIST_HEAD(, watch) watches;
	TAILQ_HEAD(queries, query) queries;
	sd_event_source *timer;
	uint64_t due; /* of the timer, us; UINT64_MAX: it is off */
	uint64_t limit_us, resend_us;
	bool by_hand, closing;
	struct stat conf;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- the loop -------------------------------------------------------------------------------- */

/* Puts the timer no later than `when`. */
static void timer_arm(struct dnsbl_resolver *r, uint64_t when)
{
	if (when >= r->due)
		return;
	r->due = when;
	sd_event_source_set_time(r->timer, when);
	sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct watch *w = context;
	bool write = events & EPOLLOUT, read = events & (EPOLLIN | EPOLLHUP | EPOLLERR);

	(void)source;
	/* May end with the watch gone. */
	ares_process_fd(w->channel->ares, read ? fd : ARES_SOCKET_BAD,
			write ? fd : ARES_SOCKET_BAD);
	return 0;
}

static void watch_end(struct watch *w)
{
	LIST_REMOVE(w, entry);
	sd_event_source_disable_unref(w->source);
	free(w);
}

/* c-ares wants other events of a socket, or none any more: it is about to be closed. */
static void on_state(void *context, ares_socket_t fd, int readable, int writable)
{
	uint32_t events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	struct channel *channel = context;
	struct watch *w;

	LIST_FOREACH(w, &channel->resolver->watches, entry)
	if (w->fd == fd)
		break;
	if (!events) {
		if (w)
			watch_end(w);
		return;
	}
	if (w) {
		sd_event_source_set_io_events(w->source, events);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return; /* its queries time out */
	*w = (struct watch){.channel = channel, .fd = fd};
	LIST_INSERT_HEAD(&channel->resolver->watches, w, entry);
	sd_event_add_io(channel->resolver->loop, &w->source, fd, events, on_socket, w);
}

/* Beyond net.core.rmem_max where this process may. */
static int on_new_socket(ares_socket_t fd, int type, void *context)
{
	int size = RECEIVE_BUFFER;

	(void)context;
	if (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

/* --- queries --------------------------------------------------------------------------------- */

static void tell(struct query *q, struct dnsbl_reply *reply)
{
	TAILQ_REMOVE(&q->resolver->queries, q, entry);
	q->told = true;
	reply->latency_us = now_us() - q->begun;
	q->done(q->context, reply);
}

static bool is_refusal(const struct dnsbl_reply *reply)
{
	return reply->outcome == DNSBL_SERVFAIL || reply->outcome == DNSBL_REFUSED;
}

/* c-ares is through with a query, exactly once for each channel that was asked. */
static void on_answer(void *context, int status, int timeouts, unsigned char *message, int size)
{
	struct query *q = context;
	struct channel *others = &q->resolver->channel[1];
	struct dnsbl_reply reply;

	(void)timeouts;
	if (!q->told) {
		dnsbl_reply_read(q->question, q->zone, status, message, size, &reply);
		if (is_refusal(&reply) && others->ares && !q->refusal.outcome &&
		    !q->resolver->closing) {
			q->refusal = reply;
			timer_arm(q->resolver, now_us() + q->resolver->resend_us);
			ares_query(others->ares, q->question, ns_c_in, ns_t_a, on_answer, q);
			return;
		}
		if (q->refusal.outcome && (is_refusal(&reply) || reply.outcome == DNSBL_TIMEOUT))
			reply = q->refusal;
		tell(q, &reply);
	}
	free(q);
}

/* Ends what has been under way for too long; c-ares's own answer finds it told. */
static void end_overdue(struct dnsbl_resolver *r, uint64_t now)
{
	struct query *q;

	while ((q = TAILQ_FIRST(&r->queries)) && q->begun + r->limit_us <= now) {
		struct dnsbl_reply reply = {.outcome = DNSBL_TIMEOUT};

		if (q->refusal.outcome)
			reply = q->refusal;
		tell(q, &reply);
	}
}

/* When c-ares or the deadline wants to be looked at, or UINT64_MAX. */
static uint64_t next_due(struct dnsbl_resolver *r, uint64_t now)
{
	const struct query *q = TAILQ_FIRST(&r->queries);
	uint64_t due = q ? q->begun + r->limit_us : UINT64_MAX;

	for (int i = 0; i < CHANNELS; i++) {
		struct timeval buffer, *t;

		t = r->channel[i].ares ? ares_timeout(r->channel[i].ares, NULL, &buffer) : NULL;
		if (t && now + (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec < due)
			due = now + (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
	}
	return due < now + TICK_US ? now + TICK_US : due;
}

static int on_timer(sd_event_source *source, uint64_t when, void *context)
{
	struct dnsbl_resolver *r = context;
	uint64_t now = now_us();

	(void)source, (void)when;
	r->due = UINT64_MAX;
	end_overdue(r, now);
	for (int i = 0; i < CHANNELS; i++)
		if (r->channel[i].ares)
			ares_process_fd(r->channel[i].ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	now = next_due(r, now_us());
	if (now != UINT64_MAX)
		timer_arm(r, now);
	return 0;
}

static void ask(struct dnsbl_resolver *r, const char *question, const char *zone,
		void (*done)(void *context, const struct dnsbl_reply *reply), void *context)
{
	struct query *q = r->closing ? NULL : calloc(1, sizeof(*q));

	if (!q) {
		const struct dnsbl_reply none = {.outcome = DNSBL_UNASKED};

		done(context, &none);
		return;
	}
	q->resolver = r;
	q->done = done;
	q->context = context;
	q->begun = now_us();
	snprintf(q->question, sizeof(q->question), "%s.", question);
	snprintf(q->zone, sizeof(q->zone), "%s", zone);
	TAILQ_INSERT_TAIL(&r->queries, q, entry);
	timer_arm(r, q->begun + r->resend_us);
	ares_query(r->channel[0].ares, q->question, ns_c_in, ns_t_a, on_answer, q);
}

void dnsbl_ask(struct dnsbl_resolver *resolver, const struct address *source, const char *zone,
	       void (*done)(void *context, const struct dnsbl_reply *reply), void *context)
{
	char question[DNSBL_QUESTION];

	dnsbl_question(source, zone, question);
	ask(resolver, question, zone, done, context);
}

/* RFC 5782, 5. The IPv6 pair are mapped addresses, which dnsbl_question() takes for IPv4. */
void dnsbl_probe_question(enum dnsbl_probe probe, const char *zone, char question[DNSBL_QUESTION])
{
	unsigned int last = probe == DNSBL_PROBE_LISTED || probe == DNSBL_PROBE_LISTED6 ? 2 : 1;

	if (probe == DNSBL_PROBE_LISTED || probe == DNSBL_PROBE_UNLISTED)
		snprintf(question, DNSBL_QUESTION, "%u.0.0.127.%s", last, zone);
	else
		snprintf(question, DNSBL_QUESTION,
			 "%u.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.%s",
			 last, zone);
}

void dnsbl_ask_probe(struct dnsbl_resolver *resolver, enum dnsbl_probe probe, const char *zone,
		     void (*done)(void *context, const struct dnsbl_reply *reply), void *context)
{
	char question[DNSBL_QUESTION];

	dnsbl_probe_question(probe, zone, question);
	ask(resolver, question, zone, done, context);
}

void dnsbl_resolver_servers(struct dnsbl_resolver *resolver, char *text, size_t size, bool *local)
{
	servers_text(resolver->channel[0].ares, text, size, local);
}

ares_channel resolver_channel(struct dnsbl_resolver *resolver)
{
	timer_arm(resolver, now_us() + resolver->resend_us);
	return resolver->channel[0].ares;
}

bool dnsbl_resolver_stale(struct dnsbl_resolver *resolver)
{
	return !resolver->by_hand && servers_conf_changed(&resolver->conf);
}

/* --- opening and closing --------------------------------------------------------------------- */

/* One server: sent at 0, 1/7, 3/7 of the limit. Several: everyone is asked twice. */
static int channel_open(struct dnsbl_resolver *r, int which, unsigned int servers, const char *list)
{
	struct channel *channel = &r->channel[which];
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = (int)(r->resend_us / 1000),
		.tries = servers > 1 ? 2 : 3,
		.sock_state_cb = on_state,
		.sock_state_cb_data = channel,
	};
	int set = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
		  ARES_OPT_NOROTATE;
	int status;

#ifdef ARES_OPT_QUERY_CACHE
	set |= ARES_OPT_QUERY_CACHE; /* none: a test entry is asked, not remembered */
#endif
	if (!which)
		options.flags |= ARES_FLAG_NOCHECKRESP; /* SERVFAIL is an answer */
	channel->resolver = r;
	status = ares_init_options(&channel->ares, &options, set);
	if (status) {
		channel->ares = NULL;
		return status;
	}
	ares_set_socket_configure_callback(channel->ares, on_new_socket, NULL);
	return *list ? ares_set_servers_ports_csv(channel->ares, list) : 0;
}

static int channels_open(struct dnsbl_resolver *r, const char *list, unsigned int servers,
			 struct error *why)
{
	int status, code;

	r->resend_us = r->limit_us / (servers > 1 ? 3ULL * servers : 7);
	if (r->resend_us < LEAST_US)
		r->resend_us = LEAST_US;
	status = channel_open(r, 0, servers, list);
	if (!status && servers > 1)
		status = channel_open(r, 1, servers, list);
	if (status)
		return error_set(why, status == ARES_ENOMEM ? -ENOMEM : -EINVAL,
				 "cannot start asking DNS servers: %s; is " RESOLV_CONF
				 " readable and right?",
				 ares_strerror(status));
	code = sd_event_add_time(r->loop, &r->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, r);
	if (code < 0)
		return error_set(why, code, "cannot make a timer for DNS queries: %s",
				 strerror(-code));
	return sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
}

int dnsbl_resolver_open(sd_event *loop, char *const server[], unsigned int servers,
			unsigned int timeout_ms, struct dnsbl_resolver **out, struct error *why)
{
	struct dnsbl_resolver *r;
	char list[SERVERS_TEXT] = "";
	int code;

	code = servers_list(server, servers, list, sizeof(list), why);
	if (code)
		return code;
	r = calloc(1, sizeof(*r));
	if (!r || ares_library_init(ARES_LIB_INIT_ALL)) {
		free(r);
		return error_set(why, -ENOMEM, "no memory for DNS queries: free some");
	}
	r->loop = sd_event_ref(loop);
	r->due = UINT64_MAX;
	r->limit_us = 1000ULL * timeout_ms;
	r->by_hand = servers;
	TAILQ_INIT(&r->queries);
	LIST_INIT(&r->watches);
	/* Before c-ares reads it: a change in between makes it stale. */
	servers_conf_note(&r->conf);
	code = channels_open(r, list, servers ? servers : servers_count(), why);
	if (code) {
		dnsbl_resolver_close(r);
		return code;
	}
	*out = r;
	return 0;
}

void dnsbl_resolver_close(struct dnsbl_resolver *resolver)
{
	struct watch *w, *next;

	if (!resolver)
		return;
	resolver->closing = true;
	for (int i = 0; i < CHANNELS; i++)
		if (resolver->channel[i].ares)
			ares_destroy(resolver->channel[i].ares);
	for (w = LIST_FIRST(&resolver->watches); w; w = next) {
		next = LIST_NEXT(w, entry);
		watch_end(w);
	}
	sd_event_source_disable_unref(resolver->timer);
	sd_event_unref(resolver->loop);
	ares_library_cleanup();
	free(resolver);
}
