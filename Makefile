# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Everything that is built goes to $(OUT). V=1 shows the commands. `make help` lists the targets.

VERSION := 0.1.0
# DEBUG=1 builds without optimization, in a folder of its own.
DEBUG   ?=
OUT     ?= build$(if $(DEBUG),/debug)
PREFIX  ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
POLICYDIR ?= $(PREFIX)/share/xdp-ratelimit/policies

CFLAGS  ?= $(if $(DEBUG),-O0 -g3,-O2 -g)
WARN    := -Wall -Wextra -Werror
CPPFLAGS += -D_GNU_SOURCE -DXRL_VERSION='"$(VERSION)"' -iquote . -iquote $(OUT)/bpf
# Static, so that the loader is one file to copy: the libraries that it cannot do without.
LDLIBS  := -Wl,-Bstatic -lbpf -lelf -lz -ljansson -linih -lsqlite3 -lnettle -Wl,-Bdynamic -lm
SERVE_LDLIBS := -lmicrohttpd -lgnutls -lcap-ng

Q    = $(if $(V),,@)
say  = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# The HTTP server is a program of its own, built where its libraries are installed.
HAVE_SERVE := $(and $(wildcard /usr/include/microhttpd.h),$(wildcard /usr/include/cap-ng.h),$(wildcard /usr/include/gnutls/gnutls.h))
SERVE      := $(if $(HAVE_SERVE),$(OUT)/xdp-ratelimit-serve)
SERVE_SRC  := $(wildcard user/serve/*.c user/serve/*/*.c)
LOADER_SRC := $(filter-out $(SERVE_SRC),$(wildcard user/*/*.c))
MAINS      := user/cli/main.c user/serve/main.c
LIB_SRC    := $(filter-out $(MAINS),$(LOADER_SRC) $(if $(HAVE_SERVE),$(SERVE_SRC)))
LIB        := $(OUT)/libxrl.a
MAN_PAGES  := $(wildcard user/man/*.[1-9])
POLICIES   := $(wildcard scripts/policies/*.conf)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help deps demo manual vmlinux format install install-serve uninstall clean

all: $(OUT)/xdp-ratelimit $(SERVE) ## build the command and the HTTP server (the default)

include bpf/bpf.mk tests/tests.mk

# call build,TARGET...: on all CPUs, unless -j was given (+: a recursive make, for the jobserver)
build = +$(Q)$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) $(if $(V),,-s) \
	--no-print-directory $(1)

help: ## print this list
	@printf 'usage: make [TARGET] [V=1] [DEBUG=1] [OUT=build]\n\n'
	@sed -nE 's/^([a-z][a-z_.-]*):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | sort | \
		awk -F '\t' '{ printf "  %-24s %s\n", $$1, $$2 }'

# call archive,LIBRARY,OBJECTS: with `q`, since `r` keeps one of several members with one name
archive = $(Q)rm -f $(1) && $(AR) qcs $(1) $(2)

$(LIB): $(LIB_SRC:%.c=$(OUT)/%.o)
	$(call say,AR,$@)
	$(call archive,$@,$^)

$(OUT)/xdp-ratelimit: $(OUT)/user/cli/main.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/xdp-ratelimit-serve: $(OUT)/user/serve/main.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(SERVE_LDLIBS)

# The skeleton must exist before the first compilation. Afterwards the .d files say who includes it.
$(OUT)/%.o: %.c | $(SKELETONS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

deps: deps-test ## install the Debian packages that a build and the tests need

# A group of packages.
deps-%:
	$(Q)scripts/install-deps $*

demo: ## show the limiter at work, in two network namespaces
	$(Q)scripts/demo-check
	$(Q)scripts/install-deps demo
	$(call build,$(OUT)/xdp-ratelimit $(FRAMES))
	$(Q)scripts/demo-show $(OUT)

manual: $(OUT)/xdp-ratelimit ## write the synopsis of each manual page from --help
	$(Q)scripts/manual-usage $< user/man/*.[58]

vmlinux: ## write vmlinux/vmlinux.h from the types of the running kernel
	$(Q)scripts/make-vmlinux > vmlinux/vmlinux.h.new
	$(Q)mv vmlinux/vmlinux.h.new vmlinux/vmlinux.h

format: ## run clang-format over all C files
	$(Q)find bpf include tests user -name '*.[ch]' -exec clang-format -i {} +

install: all ## install to $(DESTDIR)$(PREFIX)
	$(call say,INSTALL,$(DESTDIR)$(SBINDIR)/xdp-ratelimit)
	$(Q)install -D -m 0755 $(OUT)/xdp-ratelimit $(DESTDIR)$(SBINDIR)/xdp-ratelimit
	$(Q)$(if $(SERVE),$(MAKE) --no-print-directory install-serve)
	$(Q)install -D -m 0644 scripts/completion.bash $(DESTDIR)$(COMPDIR)/xdp-ratelimit
	$(Q)install -d $(DESTDIR)$(POLICYDIR)
	$(Q)install -m 0644 $(POLICIES) $(DESTDIR)$(POLICYDIR)
	$(Q)for page in $(MAN_PAGES); do \
		install -D -m 0644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; \
	done

install-serve: $(SERVE)
	$(call say,INSTALL,$(DESTDIR)$(SBINDIR)/xdp-ratelimit-serve)
	$(Q)install -D -m 0755 $(OUT)/xdp-ratelimit-serve $(DESTDIR)$(SBINDIR)/xdp-ratelimit-serve
	$(Q)install -d $(DESTDIR)$(UNITDIR)
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|' scripts/xdp-ratelimit-serve.service \
		> $(DESTDIR)$(UNITDIR)/xdp-ratelimit-serve.service
	$(Q)install -D -m 0644 scripts/xdp-ratelimit.sysusers $(DESTDIR)$(SYSUSERSDIR)/xdp-ratelimit.conf

uninstall: ## remove what install has installed
	$(call say,REMOVE,$(DESTDIR)$(SBINDIR)/xdp-ratelimit)
	$(Q)rm -f $(DESTDIR)$(SBINDIR)/xdp-ratelimit $(DESTDIR)$(SBINDIR)/xdp-ratelimit-serve \
		$(DESTDIR)$(COMPDIR)/xdp-ratelimit $(DESTDIR)$(UNITDIR)/xdp-ratelimit-serve.service \
		$(DESTDIR)$(SYSUSERSDIR)/xdp-ratelimit.conf
	$(Q)for page in $(MAN_PAGES); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; \
	done
	$(Q)rm -f $(addprefix $(DESTDIR)$(POLICYDIR)/,$(notdir $(POLICIES)))
	$(Q)rmdir $(DESTDIR)$(POLICYDIR) $(DESTDIR)$(dir $(POLICYDIR)) 2>/dev/null || true

clean: ## remove $(OUT)
	$(Q)rm -rf $(OUT)

# Builds of other kinds have folders of their own below $(OUT).
-include $(shell find $(OUT) \( -path $(OUT)/debug -o -path $(OUT)/coverage \) -prune \
	-o -type f -name '*.d' -print 2>/dev/null)
