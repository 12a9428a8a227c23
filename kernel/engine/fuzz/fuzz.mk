# SPDX-License-Identifier: GPL-2.0 OR MIT
#
#   make fuzz     random inputs to the index for FUZZ_SECONDS, from those in fuzz/corpus; needs clang. FUZZ_SEED other
#                 than 0 gives the same inputs every time, and FUZZ_RUNS ends it by their number instead of the clock
#   make replay   the inputs in fuzz/corpus, once each, with gcc and sanitizers
#
# An input that fails is left in the build folder as crash-*; put into fuzz/corpus it becomes a test of `make replay`.

CLANG = clang
FUZZ_SECONDS = 20
FUZZ_SEED = 0
FUZZ_RUNS = -1
FUZZ_SOURCES = $(filter-out crc32c.c,$(ENGINE:%=%.c)) $(HOST:%=%.c) fuzz/fuzz_index.c
FUZZ_SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all

# Without crc32c.o: fuzz_index.c brings a vx_crc32c() of its own.
REPLAYED_OBJECTS = $(filter-out %/crc32c.o,$(CHECKED_OBJECTS)) $(BUILD)/checked/fuzz_index.o $(BUILD)/checked/replay.o

$(BUILD)/checked/%.o: fuzz/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(SANITIZE) -O1 -g -I. -Itest -c -o $@ $<

$(BUILD)/checked/replay: $(REPLAYED_OBJECTS)
	$(CC) $(SANITIZE) -o $@ $^ -lpthread

replay: $(BUILD)/checked/replay
	$(RUN) $< $(sort $(wildcard fuzz/corpus/*))

$(BUILD)/fuzz/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(FLAGS) $(FUZZ_SANITIZE) -fsanitize=fuzzer-no-link -O1 -g $(patsubst -O3,,$(FLAGS_$(*F))) -I. -Itest -c -o $@ $<

$(BUILD)/fuzz/fuzz_index: $(FUZZ_SOURCES:%.c=$(BUILD)/fuzz/%.o)
	$(CLANG) $(FUZZ_SANITIZE) -fsanitize=fuzzer -o $@ $^ -lpthread

# New inputs go to the build folder; those worth keeping are merged into fuzz/corpus by hand. What was found before adds
# to a search for more, not to a run that is to be the same every time.
FOUND = $(BUILD)/fuzz/$(if $(filter 0,$(FUZZ_SEED)),found,seeded)

fuzz: $(BUILD)/fuzz/fuzz_index
	@rm -rf $(BUILD)/fuzz/seeded
	@mkdir -p $(FOUND)
	$< -max_total_time=$(FUZZ_SECONDS) -seed=$(FUZZ_SEED) -runs=$(FUZZ_RUNS) -timeout=20 -rss_limit_mb=4096 -max_len=2048 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/ $(FOUND) fuzz/corpus

.PHONY: fuzz replay
