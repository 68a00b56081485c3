# SPDX-License-Identifier: BSD-2-Clause
# build/guests/: demo.elf, rounds.elf, hostile.elf, vmlinuz, initrd.gz. Included by the top Makefile.

GUESTS := build/guests
DEBIAN := $(GUESTS)/debian
FREE   := $(addprefix $(GUESTS)/,demo.elf rounds.elf hostile.elf)

guests: $(FREE) $(GUESTS)/vmlinuz $(GUESTS)/initrd.gz

# --- freestanding ones: 64-bit code in the 32-bit file that Multiboot1 wants -------------------------
FREE_CFLAGS := $(COMMON) -fno-pic -fno-pie
objects      = $(patsubst guests/%,$(GUESTS)/%.o,$(wildcard guests/$(1)/*.c guests/$(1)/*.asm))

$(GUESTS)/%.c.o: guests/%.c
	mkdir -p $(@D)
	echo "CC   $@"
	$(CC) $(FREE_CFLAGS) -MMD -MP -c -o $@ $<
$(GUESTS)/%.asm.o: guests/%.asm guests/lib/long_mode.inc
	mkdir -p $(@D)
	echo "NASM $@"
	nasm -f elf64 -o $@ $<
$(GUESTS)/demo.elf: $(call objects,demo)
$(GUESTS)/rounds.elf: $(call objects,rounds)
$(GUESTS)/hostile.elf: $(call objects,hostile)
$(FREE): guests/lib/link.ld $(call objects,lib)
	echo "LD   $@"
	ld -nostdlib -n -z noexecstack --no-warn-rwx-segments --build-id=none -T guests/lib/link.ld $(filter %.o,$^) -o $@.64
	objcopy --strip-debug -O elf32-i386 $@.64 $@

# --- Linux: Debian's kernel, fetched once, and an initramfs -----------------------------------------
$(DEBIAN)/vmlinuz: guests/linux/fetch
	echo "GET  $(DEBIAN)"
	guests/linux/fetch $(DEBIAN)
$(GUESTS)/vmlinuz: $(DEBIAN)/vmlinuz
	cp $< $@

# Kbuild leaves its output beside the source. Debian builds its kernel with gcc-12.
MODULES := $(addprefix $(GUESTS)/modules/,snoopervisor.ko wbinvd.ko)
CALLS   := guests/linux/ioctl.h guests/include/snoopervisor.h core/hypercall.h
$(MODULES) &: guests/linux/wbinvd.c guests/linux/snoopervisor.c guests/linux/Kbuild $(CALLS) $(DEBIAN)/vmlinuz
	echo "KO   $(MODULES)"
	mkdir -p $(@D)
	cp guests/linux/wbinvd.c guests/linux/snoopervisor.c guests/linux/Kbuild $(@D)
	$(MAKE) -s -C $(DEBIAN)/headers M=$(abspath $(@D)) TREE=$(CURDIR) CC=gcc-12 \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules
	strip --strip-debug $(MODULES)
$(GUESTS)/snoopctl: guests/linux/snoopctl.c $(CALLS)
	echo "CC   $@"
	$(CC) -std=gnu11 -Os -Wall -Wextra -I. -static -s -o $@ $<
$(GUESTS)/initrd.gz: guests/linux/initrd guests/linux/init $(GUESTS)/snoopctl $(MODULES)
	echo "CPIO $@"
	guests/linux/initrd $@ $(filter-out $<,$^)
