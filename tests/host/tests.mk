# SPDX-License-Identifier: BSD-2-Clause
# Host tests: the shipped .c files, compiled for Linux. One line names a test, one the sources it links:
# test_NAME.c and SOURCES_NAME become build/tests/host/test_NAME. `make host-tests` runs them all.
B ?= build

# Everything that decides, on stand-ins for the machine.
POLICY := $(addprefix core/,ats.c audit.c coherency.c control.c device.c device_control.c fault.c group.c guest_apic.c \
	hpet.c interrupt.c ioapic.c ioasid.c mailbox.c msi.c output.c pagetable.c \
	pagetable_map.c pagetable_unmap.c pci.c publish.c rmrr.c vcpu.c vm.c vm_memory.c) \
	boot/memory_map.c $(wildcard vtd/*.c) vmx/ept.c lib/error.c lib/format.c lib/token.c \
	$(addprefix tests/host/fake_,backend.c config.c console.c facts.c mem.c mmio.c unit.c)

# What serves exits, on top of that.
EXITS := $(addprefix core/,command.c config_space.c cpuid.c exit.c guest_memory.c hypercall_handle.c \
	io.c line.c msr.c plan.c power.c show.c trapped.c) lib/insn.c $(POLICY)

# What manifest and console do with all that.
COMMANDS := $(addprefix core/,command.c line.c show.c) $(POLICY)

TESTS += acpi
SOURCES_acpi := lib/acpi.c lib/error.c
TESTS += acpi_power
SOURCES_acpi_power := lib/acpi_power.c lib/acpi.c lib/error.c
TESTS += ats
SOURCES_ats := core/config_space.c tests/host/fake_machine.c $(POLICY)
TESTS += attach_order
SOURCES_attach_order := tests/host/fake_machine.c $(POLICY)
TESTS += attach_refused
SOURCES_attach_refused := tests/host/fake_machine.c $(POLICY)
TESTS += attach_verdict
SOURCES_attach_verdict := tests/host/fake_machine.c $(POLICY)
TESTS += audit
SOURCES_audit := $(addprefix tests/host/fake_,machine.c output.c) $(POLICY)
TESTS += bzimage
SOURCES_bzimage := lib/bzimage.c lib/error.c
TESTS += coherency
SOURCES_coherency := core/coherency.c
TESTS += command
SOURCES_command := core/plan.c $(COMMANDS)
TESTS += command_live
SOURCES_command_live := $(addprefix tests/host/fake_,machine.c output.c) core/plan.c $(COMMANDS)
TESTS += config_space
SOURCES_config_space = core/config_space.c $(SOURCES_device)
TESTS += console
SOURCES_console := core/console.c core/plan.c lib/line_edit.c tests/host/fake_machine.c \
	$(filter-out tests/host/fake_console.c,$(COMMANDS))
TESTS += core_image
SOURCES_core_image := boot/core_image.c lib/elf.c lib/error.c
TESTS += device
SOURCES_device := $(addprefix core/,ats.c coherency.c device.c device_control.c group.c interrupt.c msi.c \
	pagetable.c pagetable_map.c pagetable_unmap.c pci.c publish.c) $(wildcard vtd/*.c) \
	lib/error.c lib/format.c \
	$(addprefix tests/host/fake_,config.c facts.c mem.c mmio.c)
TESTS += dmar
SOURCES_dmar := lib/dmar.c lib/acpi.c lib/error.c
TESTS += elf
SOURCES_elf := lib/elf.c lib/error.c
TESTS += exit
SOURCES_exit := $(EXITS)
TESTS += facts
SOURCES_facts := core/facts.c lib/acpi.c lib/acpi_power.c lib/dmar.c \
	$(filter-out tests/host/fake_facts.c,$(POLICY))
TESTS += format
SOURCES_format := lib/format.c
TESTS += group
SOURCES_group := tests/host/fake_machine.c $(POLICY)
TESTS += guest_apic
SOURCES_guest_apic := $(EXITS)
TESTS += guest_memory
SOURCES_guest_memory := core/guest_memory.c lib/insn.c $(POLICY)
TESTS += hpet
SOURCES_hpet := tests/host/fake_machine.c $(EXITS)
TESTS += hypercall
SOURCES_hypercall := tests/host/fake_machine.c $(EXITS)
TESTS += insn
SOURCES_insn := lib/insn.c lib/error.c
TESTS += io
SOURCES_io := $(EXITS)
TESTS += ioapic
SOURCES_ioapic := tests/host/fake_machine.c $(EXITS)
TESTS += line_edit
SOURCES_line_edit := lib/line_edit.c
TESTS += log
SOURCES_log := core/log.c lib/format.c tests/host/fake_output.c
TESTS += mailbox
SOURCES_mailbox := $(POLICY)
TESTS += memory_map
SOURCES_memory_map := boot/memory_map.c
TESTS += msi
SOURCES_msi := tests/host/fake_machine.c $(EXITS)
TESTS += msr
SOURCES_msr := $(EXITS)
TESTS += multiboot2
SOURCES_multiboot2 := lib/multiboot2.c lib/error.c
TESTS += pagetable
SOURCES_pagetable := core/pagetable.c core/pagetable_map.c core/pagetable_unmap.c \
	core/publish.c tests/host/fake_mem.c
TESTS += plan
SOURCES_plan := core/plan.c tests/host/fake_machine.c $(COMMANDS)
TESTS += string
SOURCES_string := # included by the test, under other names than libc's
TESTS += svm_efer
SOURCES_svm_efer := # all in the header
TESTS += token
SOURCES_token := lib/token.c lib/format.c lib/error.c
TESTS += trap
SOURCES_trap := core/trap.c $(POLICY)
TESTS += vcpu
SOURCES_vcpu := $(POLICY)
TESTS += vm
SOURCES_vm := $(POLICY)
TESTS += vmx_capability
SOURCES_vmx_capability := vmx/capability.c vmx/ept.c core/pagetable.c core/pagetable_map.c \
	core/pagetable_unmap.c core/publish.c lib/error.c tests/host/fake_mem.c
TESTS += vmx_verdict
SOURCES_vmx_verdict := vmx/ept.c core/coherency.c core/ioasid.c core/rmrr.c core/vm.c \
	core/control.c core/mailbox.c core/vcpu.c tests/host/fake_console.c core/pagetable.c core/pagetable_map.c core/pagetable_unmap.c core/publish.c lib/error.c lib/format.c \
	lib/token.c tests/host/fake_mem.c
TESTS += vtd_entry
SOURCES_vtd_entry := vtd/entry.c
TESTS += vtd_interrupt
SOURCES_vtd_interrupt = $(SOURCES_vtd_unit)
TESTS += vtd_scope
SOURCES_vtd_scope := vtd/scope.c
TESTS += vtd_unit
SOURCES_vtd_unit := vtd/attach.c vtd/entry.c vtd/fault.c vtd/interrupt.c vtd/invalidate.c vtd/space.c vtd/unit.c \
	core/pagetable.c core/pagetable_map.c core/pagetable_unmap.c core/publish.c lib/error.c \
	tests/host/fake_mem.c tests/host/fake_mmio.c tests/host/fake_unit.c

HOST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -I. -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
HOST_TESTS   := $(TESTS:%=$(B)/tests/host/test_%)

$(B)/tests/host/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<
define host_test
$(B)/tests/host/test_$(1): $$(patsubst %.c,$(B)/tests/host/%.o,tests/host/test_$(1).c $$(SOURCES_$(1)))
	@$$(CC) $$(HOST_CFLAGS) -o $$@ $$^ -lcmocka
endef
$(foreach test,$(TESTS),$(eval $(call host_test,$(test))))
-include $(wildcard $(B)/tests/host/*/*.d $(B)/tests/host/*/*/*.d)

include tests/model/tests.mk

# Every program runs, also after a failure; the names of those that failed come last.
.PHONY: host-tests
host-tests: $(HOST_TESTS)
	@failed=; for test in $^; do $$test || failed="$$failed $${test##*/}"; done; \
	test -z "$$failed" || { echo "host tests failed:$$failed" >&2; exit 1; }
