# SPDX-License-Identifier: BSD-2-Clause
# `make bench`: the image's own object files, timed on the host. Its code model allows addresses in
# the lowest 2 GiB, too.
BENCH         := build/tests/bench/bench_pagetable
BENCH_ENGINE  := $(addprefix build/core/,$(addsuffix .c.o,$(addprefix core/,cache pagetable \
	pagetable_map pagetable_unmap publish) vtd/entry))
BENCH_OBJECTS := $(addprefix build/tests/bench/,bench_pagetable.o arena.o)

build/tests/bench/%.o: tests/bench/%.c
	mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g $(WARNINGS) -fno-pie -I. -MMD -MP -c -o $@ $<
$(BENCH): $(BENCH_OBJECTS) $(BENCH_ENGINE)
	$(CC) -no-pie -o $@ $^

.PHONY: bench
bench: $(BENCH)
	$(BENCH)
