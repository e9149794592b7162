# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Tests, benchmarks and fuzzers. All of them link the loader's archive, built with their own flags.

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ     := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_SECONDS ?= 60

UNIT_TESTS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
PROG_TESTS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/prog/test_*.c))
PROG_LIB   := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/prog/lib/*.c))
BENCHES    := $(patsubst %.c,$(OUT)/%,$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
FUZZERS    := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS    := $(patsubst tests/fuzz/fuzz_%.c,$(OUT)/tests/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
FRAMES     := $(OUT)/tests/frames
FAULT_TOOLS := $(OUT)/tests/xdp-ratelimit-faults $(OUT)/tests/step_clock.so

.PHONY: test-programs e2e-programs lint-programs coverage-programs test test-kernels test-install \
	fuzz bench bench-compare bench-manual coverage compile_commands.json lint

e2e-programs: all $(FRAMES) $(FAULT_TOOLS)

lint-programs:

test-programs: e2e-programs $(UNIT_TESTS) $(PROG_TESTS) $(REPLAYS) ## build all tests

# ---- the loader's archive and the tests' own objects, a folder for each kind of build ----

# call variant,FOLDER,COMPILER AND FLAGS
define variant
$(OUT)/$(1)/%.o: %.c | $(SKELETONS)
	$$(call say,CC,$$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$(2) $$(CPPFLAGS) $$(WARN) -MMD -MP -c -o $$@ $$<

$(OUT)/$(1)/libxrl.a: $(LIB_SRC:%.c=$(OUT)/$(1)/%.o)
	$$(call say,AR,$$@)
	$$(call archive,$$@,$$^)
endef

$(eval $(call variant,sanitized,$$(CC) $$(CFLAGS) $$(SANITIZE)))
$(eval $(call variant,faults,$$(CC) $$(CFLAGS) -DXRL_FAULTS))
$(eval $(call variant,fuzz,$$(CLANG) $$(FUZZ) -fsanitize=fuzzer-no-link))

# call link,FLAGS,LIBRARIES: the objects and archives among the prerequisites
link = $(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) $(1) -o $@ $(filter %.o %.a,$^) $(2) \
	$(LDLIBS) $(SERVE_LDLIBS) -pthread

$(UNIT_TESTS): $(OUT)/%: $(OUT)/sanitized/%.o $(OUT)/sanitized/libxrl.a
	$(call say,TEST,$@)
	$(call link,$(SANITIZE),-lcmocka)

# The fuzzers over their corpora, without libFuzzer.
$(REPLAYS): $(OUT)/tests/replay_%: $(OUT)/sanitized/tests/fuzz/fuzz_%.o \
		$(OUT)/sanitized/tests/fuzz/replay.o $(OUT)/sanitized/libxrl.a
	$(call say,TEST,$@)
	$(call link,$(SANITIZE))

$(PROG_TESTS): $(OUT)/%: $(OUT)/%.o $(PROG_LIB) $(LIB)
	$(call say,TEST,$@)
	$(call link)

$(BENCHES): $(OUT)/%: $(OUT)/%.o $(LIB)
	$(call say,BENCH,$@)
	$(call link)

$(FUZZERS): $(OUT)/fuzz/%: $(OUT)/fuzz/tests/fuzz/%.o $(OUT)/fuzz/libxrl.a
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ) -fsanitize=fuzzer -o $@ $^ $(LDLIBS) $(SERVE_LDLIBS)

# The loader that dies at the failpoint it is told.
$(OUT)/tests/xdp-ratelimit-faults: $(OUT)/faults/user/cli/main.o $(OUT)/faults/tests/faults/fault.o \
		$(OUT)/faults/libxrl.a
	$(call say,TEST,$@)
	$(call link)

$(OUT)/tests/faults/step_clock.o: CFLAGS += -fPIC

$(OUT)/tests/step_clock.so: $(OUT)/tests/faults/step_clock.o
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS) -shared -o $@ $<

$(FRAMES): $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/tools/frames/*.c))
	$(call say,TOOL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

# ---- runs ----

test: deps ## run all tests, or those of T=unit/policy or T=e2e/permits/request NAME='repeated request'
	$(Q)tests/run --needs $(OUT) $(T) >/dev/null
	$(call build,$$(tests/run --needs $(OUT) $(T)))
	$(Q)tests/run $(if $(NAME),--name '$(NAME)') $(OUT) $(T)

test-kernels: deps ## run the tests that boot other kernels
	$(call build,test-programs)
	$(Q)tests/run $(OUT) kernels

test-install: deps-bare ## run the demo on a bare Debian 12, which takes minutes and the network
	$(Q)tests/install/run

fuzz: deps-fuzz ## run each fuzzer for FUZZ_SECONDS
	$(call build,$(FUZZERS))
	$(Q)tests/fuzz/run $(OUT) $(FUZZ_SECONDS)

bench: deps-bench ## run the benchmarks; BENCH_OPTIONS=--quick shortens them
	$(call build,all $(BENCHES) $(FRAMES))
	$(Q)tests/bench/run $(OUT) $(BENCH_OPTIONS)

bench-compare: deps-bench ## compare the packet path with that of WITH=REVISION or WITH=DIRECTORY
	$(call build,$(OUT)/tests/bench/nanoseconds)
	$(Q)tests/bench/compare $(OUT) '$(WITH)' '$(WORKLOAD)' '$(ROUNDS)' '$(LOADS)'

bench-manual: $(if $(BENCH_JSON),,bench) ## write xdp-ratelimit-bench(7) of a new run, or of BENCH_JSON
	$(call say,PLOT,user/man/growth.svg)
	$(Q)tests/bench/plot $(or $(BENCH_JSON),$(OUT)/bench.json) > $(OUT)/growth.svg
	$(Q)mv $(OUT)/growth.svg user/man/growth.svg
	$(call say,MANUAL,user/man/xdp-ratelimit-bench.7)
	$(Q)tests/bench/manual $(or $(BENCH_JSON),$(OUT)/bench.json) > $(OUT)/xdp-ratelimit-bench.7
	$(Q)mv $(OUT)/xdp-ratelimit-bench.7 user/man/xdp-ratelimit-bench.7

coverage: deps-coverage ## print the lines that unit, fuzz and prog tests execute; pages in build/coverage/html
	$(call build,OUT=$(OUT)/coverage CC='$(CLANG)' SANITIZE= \
		CFLAGS='-g -O1 -fprofile-instr-generate -fcoverage-mapping' coverage-programs)
	$(Q)tests/coverage $(OUT)/coverage

coverage-programs: all $(UNIT_TESTS) $(PROG_TESTS) $(REPLAYS)

compile_commands.json: $(SKELETONS) ## write $(OUT)/compile_commands.json, for clangd and clang-tidy
	$(Q)$(MAKE) --dry-run --always-make --no-print-directory V=1 test-programs $(BENCHES) | \
		scripts/compile-commands > $(OUT)/$@

lint: deps compile_commands.json ## check the source, with clang-tidy as well (make test runs the rest)
	$(Q)tests/run $(OUT) lint
	$(Q)scripts/lint/tidy $(OUT)
