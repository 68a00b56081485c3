# SPDX-License-Identifier: BSD-2-Clause
# Fuzzing: a target is tests/fuzz/TARGET.c, with the sources it links here, and seeds of that name in
# tests/fuzz/seeds.py. `make fuzz` runs them all: ENGINE, SECONDS for each, FUZZ for some of them.
ENGINE  ?= libfuzzer
SECONDS ?= 10

FUZZ_TARGETS += rsdp
FUZZ_rsdp := $(SOURCES_acpi)
FUZZ_TARGETS += dmar
FUZZ_dmar := $(SOURCES_dmar)
FUZZ_TARGETS += madt
FUZZ_madt := $(SOURCES_acpi)
FUZZ_TARGETS += mcfg
FUZZ_mcfg := $(SOURCES_acpi)
FUZZ_TARGETS += fadt
FUZZ_fadt := $(SOURCES_acpi_power)
FUZZ_TARGETS += s5
FUZZ_s5 := $(SOURCES_acpi_power)
FUZZ_TARGETS += elf
FUZZ_elf := $(SOURCES_elf)
FUZZ_TARGETS += bzimage
FUZZ_bzimage := $(SOURCES_bzimage)
FUZZ_TARGETS += multiboot2
FUZZ_multiboot2 := $(SOURCES_multiboot2)
FUZZ_TARGETS += insn
FUZZ_insn := $(SOURCES_insn)
FUZZ_TARGETS += manifest
FUZZ_manifest := tests/fuzz/machine.c $(SOURCES_plan)
FUZZ_TARGETS += console
FUZZ_console := tests/fuzz/machine.c $(SOURCES_command_live)
FUZZ_TARGETS += config_space
FUZZ_config_space := $(SOURCES_msi)
FUZZ_TARGETS += hypercall
FUZZ_hypercall := tests/fuzz/machine.c $(SOURCES_msi)

FUZZ    ?= $(FUZZ_TARGETS)
FUZZ_CC_libfuzzer := clang
FUZZ_CC_afl       := afl-clang-fast
FUZZ_CC     := $(or $(FUZZ_CC_$(ENGINE)),$(error ENGINE is libfuzzer or afl))
FUZZ_DIR    := $(B)/fuzz/$(ENGINE)
FUZZ_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -I. -D_GNU_SOURCE -DFAKE_MEM_PAGES=1024u \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

$(FUZZ_DIR)/%.o: %.c
	@mkdir -p $(@D)
	@AFL_QUIET=1 $(FUZZ_CC) $(FUZZ_CFLAGS:-fsanitize=fuzzer%=-fsanitize=fuzzer-no-link%) -MMD -MP -c -o $@ $<
define fuzz_target
$(FUZZ_DIR)/$(1): $$(patsubst %.c,$(FUZZ_DIR)/%.o,tests/fuzz/$(1).c tests/fuzz/fuzz.c $$(FUZZ_$(1)))
	@AFL_QUIET=1 $(FUZZ_CC) $(FUZZ_CFLAGS) -o $$@ $$^ -lcmocka
endef
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_target,$(target))))
-include $(wildcard $(FUZZ_DIR)/*/*.d $(FUZZ_DIR)/*/*/*.d)

.PHONY: fuzz
fuzz: $(FUZZ:%=$(FUZZ_DIR)/%)
	tests/fuzz/run.py --engine $(ENGINE) --seconds $(SECONDS) $^
