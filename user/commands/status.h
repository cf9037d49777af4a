/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status.h - what `status` knows (status.c reads it) and how it is shown (status_show.c); the part
 * about abuse is status_abuse.c, that about refusing status_refuse.c
 */
#ifndef SMTPWALL_STATUS_H
#define SMTPWALL_STATUS_H

#include <net/if.h>
#include "commands.h"

#define PROBLEMS 80

struct interface_state {
	char name[IF_NAMESIZE];
	char mode[16];
	enum replies_way replies;
	bool gone;
};

struct abuse_state {
	size_t entries;	   /* of the map, in force or remembered */
	uint64_t bans;	   /* in force */
	uint64_t networks; /* of these, not single addresses */
	uint64_t monitor;  /* of these, made in monitor mode */
	uint64_t strikes;  /* of all that is remembered */
	uint64_t limit;	   /* 0: nobody is banned */
	struct abuse words;
	struct reply_counts counts;
};

struct refuse_status {
	bool wanted; /* something refuses */
	bool shown;  /* it does, or did */
	bool listener, attached, elsewhere;
	struct refuse_health health;
	struct refuse_state state;
	struct refuse_counts counts;
};

struct status {
	struct wall *wall;
	enum mode mode;
	uint64_t mode_word;
	bool overridden;
	struct ledger_override override;
	struct interface_state interface[CONFIG_INTERFACES];
	unsigned int interfaces;
	struct counters counters;
	struct notices notices;
	struct proof proof;
	struct policy_list *lists;
	struct outcome *outcomes;
	const struct dnsbl_health *dnsbl;
	struct abuse_state abuse;
	struct refuse_status refuse;
	bool daemon;
	int manual;
	unsigned int problems;
	char problem[PROBLEMS][400];
};

/* Adds a line to what is wrong; beyond PROBLEMS they are left out. */
void status_problem(struct status *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void status_json(const struct status *s);
void status_text(const struct status *s);

/* Reads bans, counts and words of abuse; adds what is wrong with them. */
int status_abuse_read(struct status *s, struct error *why);
void status_abuse_json(const struct status *s, json_object *o);
void status_abuse_text(const struct status *s);

/* Is there a listener, who was told; adds what is wrong with it. Needs lists and counters. */
int status_refuse_read(struct status *s, struct error *why);
void status_refuse_json(const struct status *s, json_object *o);
void status_refuse_text(const struct status *s); /* nothing where nothing refuses */
/* How sources are proven, and what that way cannot do. */
void status_proof_text(const struct status *s);

#endif
