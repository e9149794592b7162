# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The programs for the kernel: an object, and the skeleton with which the loader embeds it.

CLANG      ?= clang
BPFTOOL    ?= $(firstword $(shell PATH=$$PATH:/usr/sbin:/sbin command -v bpftool) bpftool)
ARCH       := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/; s/ppc64le/powerpc/; s/riscv64/riscv/')
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g $(WARN) -D__TARGET_ARCH_$(ARCH) -iquote . -iquote vmlinux
SKELETON   := $(OUT)/bpf/xdp_ratelimit.skel.h
BENCH_SKELETON := $(OUT)/bpf/baseline.skel.h
SKELETONS  := $(SKELETON) $(BENCH_SKELETON)

# bpftool, as a linker, keeps the types (BTF) and drops the other debug information.
compile_bpf = $(Q)$(CLANG) $(BPF_CFLAGS) $(1) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@.debug $< && \
	$(BPFTOOL) gen object $@ $@.debug && rm $@.debug

$(OUT)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(call compile_bpf)

$(OUT)/bpf/%.bpf.o: tests/bench/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(call compile_bpf,-Wno-unused-parameter)

$(SKELETONS): $(OUT)/bpf/%.skel.h: $(OUT)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(*F)_bpf > $@
