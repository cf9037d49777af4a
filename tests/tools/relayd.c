// SPDX-License-Identifier: GPL-2.0-only
/*
 * relayd.c - mail servers that relay, refuse or misbehave as a test wants it
 *
 *	relayd FILE      until it is killed; says "relayd: ready" when all of them listen
 *
 * FILE describes many servers. One begins with "at", the lines below are its behaviour; without any it is an
 * ordinary server that refuses every recipient with "554 5.7.1 ... Relay access denied":
 *
 *	at PORT ADDRESS...
 *	accept PATTERN        takes a recipient when "<sender> <recipient>", as the client wrote both, matches: a * is
 *	                      any text, nothing else is special
 *	refuse PATTERN        takes no sender like that
 *	only WHERE            and only there: ehlo, helo, tls, plain (no TLS), piped (MAIL and RCPT came together), single
 *	say STAGE TEXT        the reply instead of the usual one; %s is the command's argument; \r \n \e \0 \xNN, and \c
 *	                      at the end for no line's end
 *	repeat STAGE N TEXT   that many times in front of it, 0: without an end
 *	noise STAGE BYTES     random ones in front of both, never with a line's end
 *	silent STAGE          no reply, ever
 *	close STAGE, reset STAGE, leave STAGE     ends the connection instead of the reply, by RST, behind the reply
 *	grey SECONDS          a recipient who would be taken is deferred (451 4.7.1) that long from the first attempt on
 *	after N TEXT          N commands are answered, the next one with TEXT, and that is the end
 *	speed N               bytes a second
 *	places N              connections at a time; one more gets 421
 *	tls [CERTIFICATE KEY] STARTTLS is offered; without files it breaks
 *	wrapped CERTIFICATE KEY     TLS from the first byte on
 *	alerts                behind the handshake come warnings of TLS 1.2, without an end
 *	bare                  PIPELINING is not offered
 *	deaf                  what comes together with a command is lost
 *	strict                what comes together with a command ends the connection with a 554 (Exim does without PIPELINING)
 *
 * STAGE: see relayd_rules.h; ACCEPTED is the reply to a recipient who is taken, BODY that to a message.
 * FILE.log has a line for everything that happens: "MS PORT SESSION WHAT", WHAT being "connected ADDRESS", a command as
 * it came, "message", "enough" (see after) or "ended". Messages that were taken are in FILE.mail.
 */
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include "relayd_wire.h"

#define LISTENERS (SERVERS * 2)

static struct pollfd listener[LISTENERS];
static struct server *owner[LISTENERS];
static unsigned int listeners;
static int mailbox;

/* --- replies --------------------------------------------------------------------------------- */

/* A text with the command's argument in it. */
static void put_text(const char *text, size_t size, const char *argument)
{
	const char *place = memmem(text, size, "%s", 2);

	if (!place) {
		put(text, size);
		return;
	}
	put(text, (size_t)(place - text));
	put(argument, strlen(argument));
	put(place + 2, size - (size_t)(place - text) - 2);
}

static void put_noise(unsigned int size)
{
	while (size--) {
		char byte = (char)random();

		put(&byte, byte != '\n');
	}
}

static void reply(enum stage stage, const char *argument, const char *usual)
{
	const struct act *a = &c.server->act[stage];
	char buffer[64];

	if (a->resets || a->closes)
		end(a->resets);
	/* Until the client has had enough. */
	while (a->silent)
		if (get_some(buffer, sizeof(buffer)) <= 0)
			end(false);
	put_noise(a->noise);
	for (unsigned int i = 0; a->repeats && (a->endless || i < a->times); i++)
		put(a->again, a->again_size);
	if (a->text)
		put_text(a->text, a->text_size, argument);
	else
		put_text(usual, strlen(usual), argument);
	if (a->leaves)
		end(false);
}

static bool is_like(const char *pattern, const char *text)
{
	for (; *pattern && *pattern != '*'; pattern++, text++)
		if (*pattern != *text)
			return false;
	if (!*pattern)
		return !*text;
	for (;; text++) {
		if (is_like(pattern + 1, text))
			return true;
		if (!*text)
			return false;
	}
}

static bool takes(const char *to)
{
	const struct server *s = c.server;
	char both[2 * LINE];

	if ((s->only == ONLY_EHLO && c.greeted != 'e') ||
	    (s->only == ONLY_HELO && c.greeted != 'h') || (s->only == ONLY_TLS && !c.tls) ||
	    (s->only == ONLY_PLAIN && c.tls) || (s->only == ONLY_PIPED && !c.piped) ||
	    (s->only == ONLY_SINGLE && c.piped))
		return false;
	snprintf(both, sizeof(both), "%s %s", c.from, to);
	for (unsigned int i = 0; i < s->accepts; i++)
		if (is_like(s->accept[i], both))
			return true;
	return false;
}

/* --- commands -------------------------------------------------------------------------------- */

static void on_hello(enum stage stage, const char *argument)
{
	char text[256] = "250 mail.lab.example\r\n";

	c.mail = false;
	c.greeted = stage == EHLO ? 'e' : 'h';
	if (stage == EHLO)
		snprintf(text, sizeof(text), "250-mail.lab.example\r\n%s%s250 8BITMIME\r\n",
			 c.server->bare ? "" : "250-PIPELINING\r\n",
			 c.server->tls && !c.tls ? "250-STARTTLS\r\n" : "");
	reply(stage, argument, text);
}

static void on_tls(void)
{
	if (!c.server->tls || c.tls) {
		reply(STARTTLS, "", "502 5.5.1 Not here\r\n");
		return;
	}
	reply(STARTTLS, "", "220 2.0.0 Ready to start TLS\r\n");
	if (c.server->act[STARTTLS].text && c.server->act[STARTTLS].text[0] != '2')
		return;
	if (!c.server->certificate) {
		put("\x16\x03\x01\xff\xff no handshake\r\n", 20);
		end(false);
	}
	begin_tls();
	while (c.server->alerts)
		if (gnutls_alert_send(c.tls, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION) < 0)
			end(false);
	c.mail = false;
	c.greeted = 0;
	c.held = 0;
}

static void on_mail(const char *argument)
{
	if (c.mail) {
		reply(MAIL, argument, "503 5.5.1 Error: nested MAIL command\r\n");
		return;
	}
	if (c.server->refuse && is_like(c.server->refuse, argument)) {
		reply(OTHER, argument, "553 5.1.8 %s: Sender address rejected\r\n");
		return;
	}
	/* Where it matters, a client that sends two commands at once may have done so in two segments. */
	c.piped = more(c.server->only == ONLY_PIPED || c.server->only == ONLY_SINGLE ? 10 : 0);
	snprintf(c.from, sizeof(c.from), "%s", argument);
	/* A refused sender begins nothing. */
	c.mail = !c.server->act[MAIL].text || c.server->act[MAIL].text[0] == '2';
	c.taken = 0;
	reply(MAIL, argument, "250 2.1.0 Ok\r\n");
}

static bool grey(void)
{
	uint64_t none = 0;

	if (!c.server->grey)
		return false;
	atomic_compare_exchange_strong(&shared[c.server->id].first, &none, now_ms());
	return now_ms() < shared[c.server->id].first + c.server->grey * 1000ull;
}

static void on_rcpt(const char *argument)
{
	if (!c.mail) {
		reply(OTHER, argument, "503 5.5.1 Error: need MAIL command\r\n");
	} else if (!takes(argument)) {
		reply(RCPT, argument, "554 5.7.1 %s: Relay access denied\r\n");
	} else if (grey()) {
		reply(OTHER, "", "451 4.7.1 Greylisting in action, please come back later\r\n");
	} else {
		c.taken++;
		reply(ACCEPTED, argument, "250 2.1.5 Ok\r\n");
	}
}

static void on_data(void)
{
	char line[LINE];

	if (!c.mail || !c.taken) {
		reply(OTHER, "", "503 5.5.1 Error: need RCPT command\r\n");
		return;
	}
	reply(DATA, "", "354 End data with <CR><LF>.<CR><LF>\r\n");
	if (c.server->act[DATA].text && c.server->act[DATA].text[0] != '3')
		return;
	for (;;) {
		get_line(line, sizeof(line));
		if (!strcmp(line, "."))
			break;
		dprintf(mailbox, "%s %u %s\n", c.server->port, c.number, line);
	}
	note("message");
	c.mail = false;
	reply(BODY, "", "250 2.0.0 Ok: queued as 4XkTest\r\n");
}

static void on_other(enum stage stage, const char *argument)
{
	static const char *const usual[STAGES] = {
		[RSET] = "250 2.0.0 Ok\r\n",
		[NOOP] = "250 2.0.0 Ok\r\n",
		[VRFY] = "252 2.0.0 Try it\r\n",
		[QUIT] = "221 2.0.0 Bye\r\n",
	};

	if (stage == RSET)
		c.mail = false;
	reply(stage, argument,
	      usual[stage] ? usual[stage] : "500 5.5.2 Error: command not recognized\r\n");
	if (stage == QUIT)
		end(false);
}

/* The argument, and the stage that the command's first word is. */
static enum stage parse(char *line, const char **argument)
{
	static const char *const words[STAGES] = {
		[EHLO] = "EHLO ",      [HELO] = "HELO ",    [STARTTLS] = "STARTTLS",
		[MAIL] = "MAIL FROM:", [RCPT] = "RCPT TO:", [DATA] = "DATA",
		[RSET] = "RSET",       [NOOP] = "NOOP",	    [VRFY] = "VRFY ",
		[QUIT] = "QUIT",
	};

	for (enum stage stage = 0; stage < STAGES; stage++) {
		if (words[stage] && !strncasecmp(line, words[stage], strlen(words[stage]))) {
			*argument = line + strlen(words[stage]);
			return stage;
		}
	}
	*argument = line;
	return OTHER;
}

static void on_command(char *line)
{
	const struct server *s = c.server;
	const char *argument;
	enum stage stage = parse(line, &argument);

	note("%s", line);
	if (s->after && ++c.commands > s->after) {
		note("enough");
		put(s->after_text, s->after_size);
		end(false);
	}
	if (s->strict && more(10)) {
		put("554 SMTP synchronization error\r\n", 32);
		end(false);
	}
	if (s->deaf && more(10) && !c.held)
		get_some(c.buffer, sizeof(c.buffer));
	c.held = s->deaf ? 0 : c.held;
	if (stage == EHLO || stage == HELO)
		on_hello(stage, argument);
	else if (stage == STARTTLS)
		on_tls();
	else if (stage == MAIL)
		on_mail(argument);
	else if (stage == RCPT)
		on_rcpt(argument);
	else if (stage == DATA)
		on_data();
	else
		on_other(stage, argument);
}

static _Noreturn void session(void)
{
	char line[LINE];

	int on = 1;

	/* Longer than any client of a test has patience. */
	alarm(300);
	/* A reply goes out in pieces. */
	setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (c.server->wrapped)
		begin_tls();
	if (++shared[c.server->id].places > (int)c.server->places && c.server->places) {
		put("421 4.7.0 mail.lab.example Error: too many connections\r\n", 56);
		end(false);
	}
	reply(GREETING, "", "220 mail.lab.example ESMTP\r\n");
	for (;;) {
		get_line(line, sizeof(line));
		on_command(line);
	}
}

/* --- connections ----------------------------------------------------------------------------- */

static bool serve(struct server *s, const char *address)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *a;
	int fd, on = 1;

	if (listeners == LISTENERS || getaddrinfo(address, s->port, &hints, &a))
		return false;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 64))
		fd = -1;
	freeaddrinfo(a);
	owner[listeners] = s;
	listener[listeners++] = (struct pollfd){.fd = fd, .events = POLLIN};
	return fd >= 0;
}

/* A connection is a process of its own, which ends with it. */
static void on_connection(unsigned int which)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char name[64] = "?";
	int fd = accept(listener[which].fd, (void *)&from, &size);

	c.number++;
	if (fd >= 0 && fork() == 0) {
		c.server = owner[which];
		c.fd = fd;
		srandom(c.number);
		getnameinfo((void *)&from, size, name, sizeof(name), NULL, 0, NI_NUMERICHOST);
		note("connected %s", name);
		session();
	}
	if (fd >= 0)
		close(fd);
}

static int append(const char *file, const char *ending)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", file, ending);
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

int main(int argc, char **argv)
{
	if (argc != 2 || !read_rules(argv[1]))
		return 2;
	signal(SIGCHLD, SIG_IGN);
	journal = append(argv[1], ".log");
	mailbox = append(argv[1], ".mail");
	shared = mmap(NULL, sizeof(*shared) * SERVERS, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (journal < 0 || mailbox < 0 || shared == MAP_FAILED) {
		perror("relayd: cannot write its log");
		return 1;
	}
	for (struct server *s = server; s < server + servers; s++) {
		for (unsigned int i = 0; i < s->addresses; i++) {
			if (!serve(s, s->address[i])) {
				fprintf(stderr, "relayd: cannot listen on %s port %s\n",
					s->address[i], s->port);
				return 1;
			}
		}
	}
	puts("relayd: ready");
	fflush(stdout);
	for (;;) {
		if (poll(listener, listeners, -1) < 0)
			continue;
		for (unsigned int i = 0; i < listeners; i++)
			if (listener[i].revents)
				on_connection(i);
	}
}
