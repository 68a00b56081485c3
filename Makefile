# SPDX-License-Identifier: BSD-2-Clause
# Snoopervisor: `make` builds everything, `make run` shows it, `make test` proves it.

ifndef V # `make V=1` shows the commands
.SILENT:
endif

all: # the first target is the default; what it builds is at the end of this file

CORE_ELF := build/snoopervisor.elf
LOADER   := build/snoopervisor.efi
ISO      := build/snoopervisor.iso
ESP      := build/esp
CORE_BYTES_MAX    := 131072 # the core image must stay small
TRUSTED_LINES_MAX := 8000 # everything that is linked into the image (docs/architecture.md)

DEFAULT_MANIFEST := manifests/default.cfg
GUEST_FILES      := $(addprefix build/guests/,vmlinuz initrd.gz demo.elf rounds.elf hostile.elf)

ROOMS   := lib core vtd vmx svm
OFFSETS := $(wildcard $(ROOMS:=/offsets.c))
SOURCES := $(filter-out $(OFFSETS),$(wildcard $(ROOMS:=/*.c) $(ROOMS:=/*.asm))) \
           boot/multiboot2.asm boot/multiboot2.c boot/memory_map.c boot/ap.asm
OBJECTS := $(SOURCES:%=build/core/%.o)
LOADER_SOURCES := boot/efi.c boot/core_image.c boot/memory_map.c core/uart.c \
                  $(addprefix lib/,elf.c error.c format.c string.c token.c)
LOADER_OBJECTS := $(LOADER_SOURCES:%=build/loader/%.o) build/loader/core_image.o
C_FILES := $(wildcard $(addsuffix /*.[ch],$(ROOMS) boot guests/* tests/*))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
COMMON   := -std=gnu11 -g -ffreestanding -mgeneral-regs-only -mno-red-zone -fno-stack-protector \
            -fno-asynchronous-unwind-tables $(WARNINGS) -I.
CORE_CFLAGS   := $(COMMON) -Os -fno-pic -fno-pie -mcmodel=kernel
LOADER_CFLAGS := $(COMMON) -O2 -fpic -fshort-wchar -DGNU_EFI_USE_MS_ABI
EFI_CFLAGS    := -isystem /usr/include/efi -isystem /usr/include/efi/x86_64

# Packages come first: what the goals need and this machine lacks is installed.
GOALS    := $(or $(MAKECMDGOALS),all)
PACKAGES := $(if $(filter-out clean,$(GOALS)),build guests) $(if $(filter run,$(GOALS)),run) \
            $(if $(filter test host-tests mutate compare-qemu model format-check,$(GOALS)),test) \
            $(if $(filter fuzz,$(GOALS)),fuzz) $(if $(filter eva,$(GOALS)),eva)
ifneq ($(shell tools/setup $(PACKAGES) >&2; echo $$?),0)
$(error packages are missing)
endif

include tests/host/tests.mk
include tests/bench/bench.mk
include tests/fuzz/fuzz.mk
include tests/eva/eva.mk
include guests/guests.mk

# Small where it does not matter, fast where every exit and every table entry passes.
HOT := $(addprefix core/,cpuid exit guest_memory pagetable pagetable_map pagetable_unmap publish) \
       lib/string svm/exit vmx/event vmx/exit vmx/vmx
$(HOT:%=build/core/%.c.o): CORE_CFLAGS += -O2

# --- the core: one ELF for both doors --------------------------------------------------------------
build/core/%.c.o: %.c
	mkdir -p $(@D)
	echo "CC   $@"
	$(CC) $(CORE_CFLAGS) -MMD -MP -c -o $@ $<

build/core/%.asm.o: %.asm build/gen/offsets.inc
	mkdir -p $(@D)
	echo "NASM $@"
	nasm -f elf64 -g -F dwarf -I. -Ibuild/gen/ -MD $(@:.o=.d) -MP -o $@ $<

# Structure offsets for the assembler: the strings "->NAME value" in the compiler's output.
build/gen/%/offsets.s: %/offsets.c
	mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -MMD -MP -S -o $@ $<
build/gen/offsets.inc: $(OFFSETS:%.c=build/gen/%.s)
	sed -n 's/.*"->\([A-Za-z0-9_]*\) \$$*\(-*[0-9]*\)".*/%define \1 \2/p' $^ > $@

# Linked twice: the names of the first link's functions go into the second one's rodata. Text comes
# before rodata, so no function moves.
LINK = ld -nostdlib -n -z noexecstack --build-id=none -T linker.ld
build/gen/symbols-none.c: tools/symbols
	mkdir -p $(@D)
	tools/symbols </dev/null > $@
build/gen/symbols.c: build/core/unnamed.elf tools/symbols
	nm -n $< | tools/symbols > $@
build/gen/%.o: build/gen/%.c core/symbols.h
	echo "CC   $@"
	$(CC) $(CORE_CFLAGS) -c -o $@ $<
build/core/unnamed.elf: $(OBJECTS) build/gen/symbols-none.o linker.ld
	$(LINK) -o $@ $(filter %.o,$^)
build/snoopervisor.debug: $(OBJECTS) build/gen/symbols.o linker.ld
	echo "LD   $@"
	$(LINK) -o $@ $(filter %.o,$^)

$(CORE_ELF): build/snoopervisor.debug
	echo "COPY $@"
	objcopy --strip-all $< $@.tmp
	size=$$(stat -c %s $@.tmp); test $$size -lt $(CORE_BYTES_MAX) || \
		{ echo "error core image has $$size bytes; the limit is $(CORE_BYTES_MAX)" >&2; exit 1; }
	mv $@.tmp $@

# --- the UEFI loader, which carries the core -------------------------------------------------------
build/loader/boot/efi.c.o: LOADER_CFLAGS += $(EFI_CFLAGS)
build/loader/%.c.o: %.c
	mkdir -p $(@D)
	echo "CC   $@"
	$(CC) $(LOADER_CFLAGS) -MMD -MP -c -o $@ $<

build/loader/core_image.o: $(CORE_ELF)
	mkdir -p $(@D)
	cd build && ld -r -b binary -z noexecstack -o loader/core_image.o $(notdir $<)

build/loader/loader.so: $(LOADER_OBJECTS)
	ld -nostdlib -shared -Bsymbolic -znocombreloc -z noexecstack -T /usr/lib/elf_x86_64_efi.lds \
		-o $@ /usr/lib/crt0-efi-x86_64.o $^ /usr/lib/libgnuefi.a
$(LOADER): build/loader/loader.so
	echo "COPY $@"
	objcopy -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' \
		-j .reloc --target efi-app-x86_64 --subsystem=10 $< $@

# --- what is copied to a machine -------------------------------------------------------------------
$(ESP): $(LOADER) $(DEFAULT_MANIFEST) $(GUEST_FILES)
	rm -rf $@ && mkdir -p $@/EFI/BOOT
	cp $(LOADER) $@/EFI/BOOT/BOOTX64.EFI
	cp $(DEFAULT_MANIFEST) $@/snoopervisor.cfg
	cp $(GUEST_FILES) $@
$(ISO): $(CORE_ELF) $(DEFAULT_MANIFEST) $(GUEST_FILES) tools/iso
	echo "ISO  $@"
	tools/iso $@ $(CORE_ELF) $(DEFAULT_MANIFEST) $(GUEST_FILES)

# --- what people type ------------------------------------------------------------------------------
all: $(CORE_ELF) $(LOADER) $(ESP) $(ISO)

run: all
	tools/run

test: all layers $(HOST_TESTS)
	tools/test $(HOST_TESTS)

model:
	tests/spin/run

mutate: # it builds its own
	tests/model/mutate.py $(MUTATE_TESTS)
compare-qemu: $(B)/tests/model/test_faults
	tests/model/compare_qemu.py $<

audit-qemu: all # what the hypervisor's audit counts, and a look from outside
	tests/boot/run.py -v audit-qemu

layers:
	tools/layers
loc:
	tools/loc $(TRUSTED_LINES_MAX) $(SOURCES) $(wildcard $(addsuffix /*.inc,$(ROOMS) boot))
format-check:
	clang-format --dry-run --Werror $(C_FILES)
clean:
	rm -rf build

.PHONY: all guests run test mutate compare-qemu model audit-qemu layers loc format-check clean
.DELETE_ON_ERROR:
-include $(wildcard build/*/*.d build/*/*/*.d)
