# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Everything that is made goes to $(OUT). V=1 shows the commands.

VERSION := 0.1.0
OUT     ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
POLICYDIR ?= $(PREFIX)/share/xdp-ratelimit/policies
CLANG   ?= clang
BPFTOOL ?= $(firstword $(shell PATH=$$PATH:/usr/sbin:/sbin command -v bpftool) bpftool)
LLVM_STRIP ?= llvm-strip
FUZZ_SECONDS ?= 60
ARCH    := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/; s/ppc64le/powerpc/; s/riscv64/riscv/')

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Werror
CPPFLAGS += -D_GNU_SOURCE -DXRL_VERSION='"$(VERSION)"' -iquote . -iquote $(OUT)/bpf
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g $(WARN) -D__TARGET_ARCH_$(ARCH) -iquote . -iquote vmlinux
# The libraries that the loader can't do without are inside it: one file to copy.
LDLIBS  := -Wl,-Bstatic -lbpf -lelf -lz -ljansson -linih -lsqlite3 -lnettle -Wl,-Bdynamic -lm
# Only the HTTP API needs these, so it is a program of its own.
SERVE_LDLIBS := -lmicrohttpd -lgnutls -lcap-ng
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

Q    = $(if $(V),,@)
say  = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

SERVE_SRC  := $(wildcard user/serve/*.c user/serve/*/*.c)
USER_SRC   := $(filter-out $(SERVE_SRC),$(wildcard user/*/*.c))
USER_OBJ   := $(USER_SRC:%.c=$(OUT)/%.o)
LIB_OBJ    := $(filter-out $(OUT)/user/cli/main.o,$(USER_OBJ))
# The HTTP API is built where its libraries are.
SERVE      := $(if $(and $(wildcard /usr/include/microhttpd.h),$(wildcard /usr/include/cap-ng.h),$(wildcard /usr/include/gnutls/gnutls.h)),$(OUT)/xdp-ratelimit-serve)
SERVE_OBJ  := $(SERVE_SRC:%.c=$(OUT)/%.o)
SANITIZED  := $(patsubst %.c,$(OUT)/sanitized/%.o,$(filter-out user/cli/main.c user/serve/main.c,$(USER_SRC) $(SERVE_SRC)))
FAULT_OBJ  := $(patsubst %.c,$(OUT)/faults/%.o,$(USER_SRC) tests/faults/fault.c)
FAULT_TOOLS := $(OUT)/tests/xdp-ratelimit-faults $(OUT)/tests/step_clock.so
FUZZERS    := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS    := $(patsubst tests/fuzz/fuzz_%.c,$(OUT)/tests/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
SKELETON   := $(OUT)/bpf/xdp_ratelimit.skel.h
BENCH_SKELETON := $(OUT)/bpf/baseline.skel.h
UNIT_TESTS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/unit/*/*.c tests/unit/*/*/*.c))
PROG_TESTS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/prog/*.c))
PROG_LIB   := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/prog/lib/*.c))
FRAMES     := $(OUT)/tests/frames
FRAMES_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/tools/frames/*.c))
BENCHES    := $(patsubst tests/bench/%.c,$(OUT)/tests/bench/%,$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
MAN_PAGES  := $(wildcard user/man/*.8 user/man/*.5 user/man/*.7)
POLICIES   := $(wildcard scripts/policies/*.conf)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all test-programs install install-serve uninstall deps test test-kernels fuzz bench bench-compare bench-manual demo vmlinux lint format clean

all: $(OUT)/xdp-ratelimit $(SERVE)

test-programs: all $(UNIT_TESTS) $(PROG_TESTS) $(FRAMES) $(FAULT_TOOLS) $(REPLAYS)

$(OUT)/xdp-ratelimit: $(USER_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/xdp-ratelimit-serve: $(SERVE_OBJ) $(LIB_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(SERVE_LDLIBS)

$(OUT)/%.o: %.c $(SKELETON)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

# A program for the kernel: the object with types for bpftool, without the rest.
$(OUT)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@

$(OUT)/bpf/%.bpf.o: tests/bench/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Wno-unused-parameter -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@

$(SKELETON) $(BENCH_SKELETON): $(OUT)/bpf/%.skel.h: $(OUT)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(*F)_bpf > $@

# Unit tests run under ASan and UBSan, with all that they test.
$(OUT)/sanitized/%.o: %.c $(SKELETON)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) $(SANITIZE) -MMD -MP -c -o $@ $<

$(OUT)/tests/unit/%: $(OUT)/sanitized/tests/unit/%.o $(SANITIZED)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ -lcmocka $(LDLIBS) $(SERVE_LDLIBS) -pthread

# What fuzzing has found, once each.
$(OUT)/tests/replay_%: $(OUT)/sanitized/tests/fuzz/fuzz_%.o $(OUT)/sanitized/tests/fuzz/replay.o $(SANITIZED)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(LDLIBS) $(SERVE_LDLIBS) -pthread

# Each with all sources of the loader, so that no list of them has to be kept.
$(OUT)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(filter-out user/cli/main.c,$(USER_SRC)) $(SKELETON)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ $(filter %.c,$^) $(LDLIBS)

# The loader that dies where it is told to.
$(OUT)/faults/%.o: %.c $(SKELETON)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DXRL_FAULTS $(CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

$(OUT)/tests/xdp-ratelimit-faults: $(FAULT_OBJ)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/tests/step_clock.so: tests/faults/step_clock.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARN) -shared -fPIC -o $@ $<

$(OUT)/tests/prog/lib/spoofed.o: $(BENCH_SKELETON)

$(PROG_TESTS): $(OUT)/%: %.c $(PROG_LIB) $(LIB_OBJ)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(PROG_LIB) \
		$(LIB_OBJ) $(LDLIBS) -pthread

$(FRAMES): $(FRAMES_OBJ)
	$(call say,TOOL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(OUT)/tests/bench/%: tests/bench/%.c $(LIB_OBJ) $(BENCH_SKELETON)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(LIB_OBJ) $(LDLIBS) -pthread

deps:
	$(Q)scripts/install-deps

# What is built before a test or a benchmark is built on all CPUs, unless -j was given.
BUILD_JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

test: deps
	$(Q)$(MAKE) $(BUILD_JOBS) $(if $(V),,-s) --no-print-directory test-programs
	$(Q)tests/run $(OUT)

test-kernels: deps
	$(Q)$(MAKE) $(BUILD_JOBS) $(if $(V),,-s) --no-print-directory test-programs
	$(Q)tests/run $(OUT) kernels

fuzz: deps
	$(Q)$(MAKE) $(BUILD_JOBS) $(if $(V),,-s) --no-print-directory $(FUZZERS)
	$(Q)tests/fuzz/run $(OUT) $(FUZZ_SECONDS)

bench: deps
	$(Q)$(MAKE) $(BUILD_JOBS) $(if $(V),,-s) --no-print-directory all $(BENCHES) $(FRAMES)
	$(Q)tests/bench/run $(OUT) $(BENCH_OPTIONS)

# The packet path as it is here and as it was in the revision (or is in the directory) WITH.
bench-compare: deps
	$(Q)$(MAKE) $(BUILD_JOBS) $(if $(V),,-s) --no-print-directory $(OUT)/tests/bench/nanoseconds
	$(Q)tests/bench/compare $(OUT) '$(WITH)' '$(SCENE)' '$(ROUNDS)' '$(LOADS)'

# The manual page and the plot, of a new run, or of the figures in BENCH_JSON.
bench-manual: $(if $(BENCH_JSON),,bench)
	$(call say,PLOT,user/man/growth.svg)
	$(Q)tests/bench/plot $(or $(BENCH_JSON),$(OUT)/bench.json) > $(OUT)/growth.svg
	$(Q)mv $(OUT)/growth.svg user/man/growth.svg
	$(call say,MANUAL,user/man/xdp-ratelimit-bench.7)
	$(Q)tests/bench/manual $(or $(BENCH_JSON),$(OUT)/bench.json) > $(OUT)/xdp-ratelimit-bench.7
	$(Q)mv $(OUT)/xdp-ratelimit-bench.7 user/man/xdp-ratelimit-bench.7

demo: deps
	$(Q)$(MAKE) $(BUILD_JOBS) $(if $(V),,-s) --no-print-directory all $(FRAMES)
	$(Q)scripts/demo $(OUT)

vmlinux:
	$(Q)scripts/make-vmlinux > vmlinux/vmlinux.h.new
	$(Q)mv vmlinux/vmlinux.h.new vmlinux/vmlinux.h

lint:
	$(Q)clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' | grep -v '^vmlinux/')
	$(Q)shellcheck $$(git grep -lE '^#!/(bin/sh|usr/bin/env bash|bin/bash)')

format:
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h' | grep -v '^vmlinux/')

install: all
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

uninstall:
	$(call say,REMOVE,$(DESTDIR)$(SBINDIR)/xdp-ratelimit)
	$(Q)rm -f $(DESTDIR)$(SBINDIR)/xdp-ratelimit $(DESTDIR)$(SBINDIR)/xdp-ratelimit-serve \
		$(DESTDIR)$(COMPDIR)/xdp-ratelimit $(DESTDIR)$(UNITDIR)/xdp-ratelimit-serve.service \
		$(DESTDIR)$(SYSUSERSDIR)/xdp-ratelimit.conf
	$(Q)for page in $(MAN_PAGES); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; \
	done
	$(Q)rm -f $(addprefix $(DESTDIR)$(POLICYDIR)/,$(notdir $(POLICIES)))
	$(Q)rmdir $(DESTDIR)$(POLICYDIR) $(DESTDIR)$(dir $(POLICYDIR)) 2>/dev/null || true

clean:
	$(Q)rm -rf $(OUT)

# (build trees of before frames was several files have a frames.d that names one which is gone)
-include $(filter-out $(FRAMES).d,$(shell find $(OUT) -type f -name '*.d' 2>/dev/null))
