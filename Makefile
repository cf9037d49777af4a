# SPDX-License-Identifier: GPL-2.0-only
#
# make             build/smtpwall, one binary with the BPF object inside
# make check       unit tests
# make lint        clang-format, clang-tidy
# make install     honours DESTDIR and PREFIX
#
# V=1 shows the commands. CLANG=clang-19 builds the BPF programs with another compiler. SANITIZE=1
# builds user space with the address and undefined behaviour sanitizers. O=DIR builds elsewhere.

PREFIX	?= /usr/local
CC	?= cc
CLANG	?= clang
BPFTOOL	?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
O	?= build

ifneq ($(V),1)
Q = @
say = @printf '  %-5s %s\n' $(1) $(2);
endif

PACKAGES := libbpf libelf zlib libnl-3.0 libnl-genl-3.0 libsystemd libconfuse sqlite3 json-c libcares libpcre2-8 libseccomp gnutls
CFLAGS	?= -O2 -g
CFLAGS	+= -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wmissing-prototypes -Wshadow \
	   -Iinclude -I$(O) -DPATTERNS_DIR=\"$(PREFIX)/share/smtpwall/patterns\" -MMD -MP $(shell pkg-config --cflags $(PACKAGES))
LDLIBS	+= $(shell pkg-config --libs $(PACKAGES)) -lresolv
ifeq ($(SANITIZE),1)
CFLAGS	+= -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS	+= -fsanitize=address,undefined
endif

MULTIARCH := $(shell $(CC) -print-multiarch)
BPF_CFLAGS := -O2 -g -std=gnu11 -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter -Iinclude -I/usr/include/$(MULTIARCH) -MMD -MP

BPF_SOURCES  := $(wildcard bpf/*.bpf.c)
BPF_OBJECTS  := $(BPF_SOURCES:bpf/%.bpf.c=$(O)/bpf/%.bpf.o)
USER_SOURCES := $(wildcard user/*.c user/*/*.c)
USER_OBJECTS := $(USER_SOURCES:%.c=$(O)/%.o)
LIBRARY	     := $(O)/libsmtpwall.a
UNIT_TESTS   := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/*.c))
PACKET_TESTS := $(patsubst tests/packet/%.c,$(O)/tests/packet/%,$(wildcard tests/packet/*.c))
TOOLS	     := $(patsubst tests/tools/%.c,$(O)/tests/tools/%,$(wildcard tests/tools/*.c))
BENCHES	     := $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(wildcard tests/bench/*.c))
FUZZERS	     := $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(wildcard tests/fuzz/*.c))

all: $(O)/smtpwall

$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/wall.bpf.o: $(BPF_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(O)/wall.skel.h: $(O)/wall.bpf.o
	$(call say,SKEL,$@)
	$(Q){ echo '/* NOLINTBEGIN */' && $(BPFTOOL) gen skeleton $< name wall_object && echo '/* NOLINTEND */'; } >$@.new && mv $@.new $@

$(O)/user/%.o: user/%.c | $(O)/wall.skel.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

$(O)/user/kernel/object.o: $(O)/wall.skel.h

$(LIBRARY): $(filter-out $(O)/user/main.o,$(USER_OBJECTS))
	@rm -f $@
	$(Q)$(AR) rc $@ $^

$(O)/smtpwall: $(O)/user/main.o $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# --- install ------------------------------------------------------------------------------------

SBIN	   = $(DESTDIR)$(PREFIX)/sbin
UNITS	   = $(DESTDIR)$(PREFIX)/lib/systemd/system
USERS	   = $(DESTDIR)$(PREFIX)/lib/sysusers.d
COMPLETION = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
DOC	   = $(DESTDIR)$(PREFIX)/share/doc/smtpwall
SHARE	   = $(DESTDIR)$(PREFIX)/share/smtpwall

# A configuration that is there is never touched.
install: $(O)/smtpwall
	install -D -m 0755 $< $(SBIN)/smtpwall
	install -d $(UNITS)
	for unit in smtpwall smtpwalld; do \
		sed 's|@SBINDIR@|$(PREFIX)/sbin|g' scripts/packaging/$$unit.service >$(UNITS)/$$unit.service || exit 1; \
		chmod 0644 $(UNITS)/$$unit.service; \
	done
	install -D -m 0644 scripts/packaging/smtpwall.sysusers $(USERS)/smtpwall.conf
	install -D -m 0644 scripts/packaging/smtpwall.bash-completion $(COMPLETION)/smtpwall
	install -D -m 0644 scripts/packaging/smtpwall.conf $(DOC)/smtpwall.conf
	install -D -m 0644 README.md $(DOC)/README.md
	install -d $(SHARE)/patterns
	install -m 0644 scripts/packaging/patterns/*.conf $(SHARE)/patterns
	test -e $(DESTDIR)/etc/smtpwall/smtpwall.conf || \
		install -D -m 0644 scripts/packaging/smtpwall.conf $(DESTDIR)/etc/smtpwall/smtpwall.conf

# Keeps /etc/smtpwall and /var/lib/smtpwall.
uninstall:
	rm -f $(SBIN)/smtpwall $(UNITS)/smtpwall.service $(UNITS)/smtpwalld.service $(COMPLETION)/smtpwall $(USERS)/smtpwall.conf
	rm -rf $(DOC) $(SHARE)

# --- tests ------------------------------------------------------------------------------------

$(O)/tests/unit/%: tests/unit/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wno-missing-prototypes -Iuser -I. -o $@ $< $(LIBRARY) -lcmocka $(LDLIBS)

define PROGRAM
$(O)/tests/$(1)/%: tests/$(1)/%.c $(LIBRARY)
	@mkdir -p $$(@D)
	$$(call say,TEST,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -Wno-missing-prototypes -Iuser -I. -o $$@ $$< $(LIBRARY) $$(LDLIBS)
endef
$(foreach directory,packet tools bench,$(eval $(call PROGRAM,$(directory))))

# Once for all fuzzers: with sanitizers, and counted where the fuzzer wants to get.
FUZZ_CFLAGS   = $(filter-out -Werror,$(CFLAGS)) -O1 -fno-sanitize-recover=undefined -Iuser -I.
FUZZ_OBJECTS := $(patsubst %.c,$(O)/fuzz-objects/%.o,user/kernel/phrases.c \
		$(filter-out user/main.c user/kernel/%.c user/commands/%.c user/daemon/%.c,$(USER_SOURCES)))

$(O)/fuzz-objects/%.o: %.c | $(O)/wall.skel.h
	@mkdir -p $(@D)
	$(Q)clang-14 $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

$(O)/tests/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJECTS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)clang-14 $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $< $(FUZZ_OBJECTS) $(LDLIBS)

tests: $(UNIT_TESTS) $(PACKET_TESTS) $(TOOLS) $(BENCHES)
fuzzers: $(FUZZERS)

check: $(UNIT_TESTS)
	$(Q)fail=0; for t in $^; do $$t || fail=1; done; exit $$fail

# --- style --------------------------------------------------------------------------------------

STYLED = $(shell git ls-files '*.c' '*.h')

format:
	$(Q)clang-format-14 -i $(STYLED)

lint: $(O)/wall.skel.h
	$(Q)clang-format-14 --dry-run --Werror $(STYLED)
	$(Q)printf '%s\n' $(USER_SOURCES) | xargs -P 2 -n 1 sh -c \
		'clang-tidy-14 --quiet "$$0" -- $(filter-out -MMD -MP,$(CFLAGS)) 2>/dev/null' 

clean:
	rm -rf $(O)

.PHONY: all tests fuzzers check format lint clean install uninstall
.DELETE_ON_ERROR:
-include $(wildcard $(O)/bpf/*.d $(O)/user/*.d $(O)/user/*/*.d $(O)/tests/*/*.d $(O)/fuzz-objects/user/*.d $(O)/fuzz-objects/user/*/*.d)
