/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * phrases.h - the words by which mail servers say why they refuse
 *
 * The code of a reply alone never tells a relay attempt from a policy, so its text is searched for
 * these phrases, all at once (struct reply_table; user/kernel/phrases.c builds it, bpf/reply.h uses
 * it). What a phrase is worth depends on the code and on the other phrases of the reply.
 *
 * Lower case here, any case in a reply. A '\n' in front means: right behind the code and its separator.
 * Every other phrase contains a space: servers repeat what the client said, some of them without
 * brackets, and a space gets into an address or a HELO name only in quotes, which are left out.
 */
#ifndef SMTPWALL_PHRASES_H
#define SMTPWALL_PHRASES_H

enum reply_phrase {
	PHRASE_RELAY = 1 << 0,	   /* mail for others is not taken from this client */
	PHRASE_RELAY_503 = 1 << 1, /* the same, by a server that says so with a 503 */
	PHRASE_USER = 1 << 2,	   /* no such recipient */
	PHRASE_USER_CODE = 1 << 3, /* the same, as an enhanced code */
	PHRASE_EOP_CODE = 1 << 4, /* together with the next: no such recipient at Exchange Online */
	PHRASE_EOP_DENIED = 1 << 5,
	PHRASE_SENDER = 1 << 6,	   /* it is about the sender's address */
	PHRASE_POLICY = 1 << 7,	   /* it is about the client: listed, ill named, unknown so far */
	PHRASE_REPEATED = 1 << 8,  /* it repeats what was said before, or follows from it */
	PHRASE_TEMPORARY = 1 << 9, /* it may be different later */
	PHRASE_FAULT = 1 << 10,	   /* the server could not check a password, or was not given one */
	PHRASE_UNKNOWN = 1 << 11,  /* no such command */
	PHRASE_MANY_ERRORS = 1 << 12, /* the server has had enough of this client's mistakes */
	PHRASE_QUEUED = 1 << 13,      /* a message was taken: not said of a mere part (BDAT) */
	PHRASE_QUEUED_CODE = 1 << 14, /* together with the next, the same at Exchange */
	PHRASE_QUEUED_WORDS =
		1 << 15, /* alone they may be a client's: Sendmail repeats without brackets */
};

/* X(phrase, what it means) */
#define REPLY_PHRASES(X)                                                                           \
	X("\n5.7.54 ", PHRASE_RELAY)	       /* Exchange */                                      \
	X("\n5.7.64 ", PHRASE_RELAY)	       /* Exchange Online */                               \
	X("relay access denied", PHRASE_RELAY) /* Postfix */                                       \
	X("relay not permitted", PHRASE_RELAY) /* Exim */                                          \
	X("relaying not permitted", PHRASE_RELAY)                                                  \
	X("not permitted to relay", PHRASE_RELAY) /* Exim with cPanel */                           \
	X("relaying denied", PHRASE_RELAY)	  /* Sendmail, Courier, James */                   \
	X("relaying is denied", PHRASE_RELAY)                                                      \
	X("relay denied", PHRASE_RELAY)                                                            \
	X("in my list of allowed rcpthost", PHRASE_RELAY) /* qmail */                              \
	X("unable to relay", PHRASE_RELAY)		  /* Exchange */                           \
	X("relay not allowed", PHRASE_RELAY)		  /* Stalwart */                           \
	X("relaying not allowed", PHRASE_RELAY)                                                    \
	X("relaying is not allowed", PHRASE_RELAY)                                                 \
	X("relay is not allowed", PHRASE_RELAY)                                                    \
	X("(relaying) is not allowed", PHRASE_RELAY)                                               \
	X("relaying is prohibited", PHRASE_RELAY)                                                  \
	X("relay rejected", PHRASE_RELAY)	     /* Domino */                                  \
	X("i cannot deliver mail for", PHRASE_RELAY) /* Haraka */                                  \
	X("requires authentication when attempting to send to a non-local",                        \
	  PHRASE_RELAY | PHRASE_RELAY_503)			   /* MailEnable */                \
	X("delivery is not allowed to this address", PHRASE_RELAY) /* hMailServer */               \
	X("we do not relay", PHRASE_RELAY)                                                         \
	X("we don't handle mail for", PHRASE_RELAY)                                                \
	X("as a relay", PHRASE_RELAY)                                                              \
	X("insecure mail relay", PHRASE_RELAY)                                                     \
	X("no relaying", PHRASE_RELAY)                                                             \
	X("not a gateway", PHRASE_RELAY)                                                           \
	X("not allowed to relay", PHRASE_RELAY)                                                    \
	X("not local host", PHRASE_RELAY)                                                          \
	X("relaying mail to", PHRASE_RELAY)                                                        \
	X("denied (authentication required", PHRASE_RELAY) /* Kerio */                             \
	X("specified domain is not allowed", PHRASE_RELAY)                                         \
	X("not configured to relay mail", PHRASE_RELAY)                                            \
                                                                                                   \
	X("\n5.1.1 ", PHRASE_USER_CODE)                                                            \
	X("\n5.1.10 ", PHRASE_USER_CODE)                                                           \
	X("user unknown", PHRASE_USER)		/* Postfix, Sendmail, Courier */                   \
	X("unknown user", PHRASE_USER)		/* Exim */                                         \
	X("unrouteable address", PHRASE_USER)	/* Exim */                                         \
	X("undeliverable address", PHRASE_USER) /* Postfix, after it asked the next server */      \
	X("invalid recipient", PHRASE_USER)	/* OpenSMTPD, also for a relay attempt */          \
	X("no mailbox here by that name", PHRASE_USER) /* qmail */                                 \
	X("recipient not found", PHRASE_USER)	       /* Exchange */                              \
	X("mailbox does not exist", PHRASE_USER)       /* Stalwart */                              \
	X("mailbox unavailable", PHRASE_USER)	       /* MailEnable */                            \
	X("mailbox not found", PHRASE_USER)                                                        \
	X("no such user", PHRASE_USER)                                                             \
	X("no such mailbox", PHRASE_USER)                                                          \
	X("no such recipient", PHRASE_USER)                                                        \
	X("recipient unknown", PHRASE_USER)                                                        \
	X("unknown recipient", PHRASE_USER)                                                        \
	X("user not found", PHRASE_USER)                                                           \
	X("user does not exist", PHRASE_USER)                                                      \
	X("user doesn't exist", PHRASE_USER)                                                       \
	X("address does not exist", PHRASE_USER)                                                   \
	X("account does not exist", PHRASE_USER)                                                   \
	X("\n5.4.1 [", PHRASE_EOP_CODE)                                                            \
	X("recipient address rejected: access denied", PHRASE_EOP_DENIED)                          \
                                                                                                   \
	X("\n5.1.7 ", PHRASE_SENDER)                                                               \
	X("\n5.1.8 ", PHRASE_SENDER)                                                               \
	X("sender address", PHRASE_SENDER)                                                         \
	X("sender verify", PHRASE_SENDER)                                                          \
	X("sender domain", PHRASE_SENDER)                                                          \
	X("domain of sender", PHRASE_SENDER)                                                       \
	X("sender rejected", PHRASE_SENDER)                                                        \
	X("sender unknown", PHRASE_SENDER)                                                         \
	X("unknown sender", PHRASE_SENDER)                                                         \
                                                                                                   \
	X("client host", PHRASE_POLICY)                                                            \
	X("client [", PHRASE_POLICY)                                                               \
	X("service unavailable", PHRASE_POLICY)                                                    \
	X("blocked using", PHRASE_POLICY)                                                          \
	X("blocked by", PHRASE_POLICY)                                                             \
	X("black list", PHRASE_POLICY)                                                             \
	X("block list", PHRASE_POLICY)                                                             \
	X("listed at", PHRASE_POLICY)                                                              \
	X("listed in", PHRASE_POLICY)                                                              \
	X("listed by", PHRASE_POLICY)                                                              \
	X("is listed", PHRASE_POLICY)                                                              \
	X("helo command rejected", PHRASE_POLICY)                                                  \
	X("rejected: greylist", PHRASE_POLICY)                                                     \
	X("greylisting in", PHRASE_POLICY)                                                         \
                                                                                                   \
	X("rejected with this error", PHRASE_REPEATED) /* Exim, in reply to DATA */                \
	X("command must precede", PHRASE_REPEATED)                                                 \
	X("no valid recipients", PHRASE_REPEATED) /* Postfix, in reply to DATA */                  \
	X("need rcpt", PHRASE_REPEATED)                                                            \
                                                                                                   \
	X("\n4.1.1 ", PHRASE_TEMPORARY) /* Postfix, which will ask the next server */              \
	X("temporarily denied", PHRASE_TEMPORARY)                                                  \
	X("temporarily unavailable", PHRASE_TEMPORARY)                                             \
	X("temporarily rejected", PHRASE_TEMPORARY)                                                \
	X("temporary failure", PHRASE_TEMPORARY)                                                   \
	X("temporary error", PHRASE_TEMPORARY)                                                     \
	X("temporary local problem", PHRASE_TEMPORARY)                                             \
	X("try again later", PHRASE_TEMPORARY)                                                     \
	X("try later", PHRASE_TEMPORARY)                                                           \
                                                                                                   \
	X("connection lost to authentication server", PHRASE_FAULT)                                \
	X("temporary authentication failure", PHRASE_FAULT)                                        \
	X("authentication temporarily", PHRASE_FAULT)                                              \
	X("authentication mechanism", PHRASE_FAULT)                                                \
	X("authentication aborted", PHRASE_FAULT)                                                  \
	X("authentication cancel", PHRASE_FAULT)                                                   \
	X("authentication required", PHRASE_FAULT) /* Courier, to MAIL without AUTH */             \
	X("no mechanism available", PHRASE_FAULT)                                                  \
	X("generic failure", PHRASE_FAULT) /* Cyrus SASL without its saslauthd */                  \
	X("internal error", PHRASE_FAULT)                                                          \
	X("internal server error", PHRASE_FAULT)                                                   \
	X("unable to authenticate at present", PHRASE_FAULT)                                       \
	X("is disabled for the", PHRASE_FAULT) /* Exchange Online */                               \
                                                                                                   \
	X("\nunimplemented", PHRASE_UNKNOWN)	    /* qmail */                                    \
	X("command not recognized", PHRASE_UNKNOWN) /* Postfix */                                  \
	X("command unrecognized", PHRASE_UNKNOWN)                                                  \
	X("unrecognized command", PHRASE_UNKNOWN)                                                  \
	X("command unknown", PHRASE_UNKNOWN)                                                       \
	X("unknown command", PHRASE_UNKNOWN)                                                       \
	X("invalid command", PHRASE_UNKNOWN)                                                       \
	X("esmtp command error", PHRASE_UNKNOWN) /* Courier */                                     \
                                                                                                   \
	X("too many errors", PHRASE_MANY_ERRORS)		    /* Postfix */                  \
	X("too many bad commands", PHRASE_MANY_ERRORS)		    /* Sendmail */                 \
	X("too many syntax or protocol errors", PHRASE_MANY_ERRORS) /* Exim */                     \
	X("too many unrecognized commands", PHRASE_MANY_ERRORS)                                    \
	X("too many nonmail commands", PHRASE_MANY_ERRORS)                                         \
	X("too many invalid commands", PHRASE_MANY_ERRORS)                                         \
	X("too many unknown commands", PHRASE_MANY_ERRORS)                                         \
                                                                                                   \
	X("\n2.0.0 ok: queued as ", PHRASE_QUEUED) /* Postfix */                                   \
	X("\nok id=", PHRASE_QUEUED)		   /* Exim */                                      \
	X("\n2.6.0 ", PHRASE_QUEUED_CODE)	   /* Exchange */                                  \
	X("queued mail for delivery", PHRASE_QUEUED_WORDS)

#endif
