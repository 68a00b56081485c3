# SPDX-License-Identifier: BSD-2-Clause
"""Firmware, CPUs and units that are not as they should be: refused by name, or done without."""
from acpi_tables import ATSR, DRHD, ENDPOINT, dmar, drhd, rmrr, structure, use_only
from case import NOT_STARTED, Case, manifest
from guests import DEMO, DEMO_VM, EDU, EDU_STEPS, demo_with
from inspect_machine import UNIT

GOOD = drhd(UNIT)
FIRST, SECOND = "0x30", "0x40"  # offsets of the first two structures, if the first is a good one
EMPTY_SCOPE = bytes((ENDPOINT, 0, 0, 0, 0, 0, 0, 0))


def broken(name, place, reason, *structures):
    return Case(f"dmar-{name}", demo_with(EDU), {"dmar": dmar(*structures)}, extra=use_only(f"dmar-{name}"),
                status=NOT_STARTED, expect=(f"^error {place} .*reason={reason}$",))


def broken_table(name, offset, reason, *structures):
    return broken(name, f"table=DMAR offset={offset}", reason, *structures)


DMARS = (
    broken_table("zero-length", SECOND, "bad-length", GOOD, structure(DRHD, b"", length=0)),
    broken_table("length-3", SECOND, "bad-length", GOOD, structure(ATSR, b"\0\0", length=3)),
    broken_table("past-the-end", SECOND, "bad-length", GOOD, structure(ATSR, b"\0" * 4, length=200)),
    broken_table("cut", SECOND, "bad-length", GOOD, b"\0\0"),
    broken_table("drhd-too-short", FIRST, "bad-length", structure(DRHD, b"\1\0\0\0")),
    broken_table("scope-zero-length", FIRST, "bad-length", structure(DRHD, GOOD[4:] + EMPTY_SCOPE)),
    broken_table("base-0", FIRST, "bad-value", drhd(0)),
    broken_table("base-unaligned", FIRST, "bad-value", drhd(UNIT + 8)),
    broken_table("rmrr-backwards", SECOND, "bad-value", GOOD, rmrr(0x9000, 0x5fff)),
    broken("base-in-ram", "unit=0 base=0x8000000", "overlap", drhd(0x8000000)),
    broken("base-of-nothing", "unit=0 base=0xfe000000", "unsupported", drhd(0xfe000000)),
)


def refused(name, pattern, **machine):
    return Case(name, demo_with(EDU), status=NOT_STARTED, expect=(f"^error {pattern}",), **machine)


REFUSED = (
    refused("no-address-widths", "unit=0 base=0xfed90000 .*missing=address-widths reason=unsupported$",
            iommu="dma-translation=off"),
    refused("no-svm", "cpu=0 .*reason=no-virtualization", extra=("-cpu", "qemu64,-svm")),
    refused("no-nested-paging", "cpu=0 backend=svm missing=nested-paging reason=unsupported$",
            extra=("-cpu", "EPYC,npt=off")),
    refused("too-little-memory", ".*reason=no-memory$", memory="64M"),
    Case("no-serial-port-refused", manifest("polizei"), status=NOT_STARTED, serial=False),
)

WORKS = (
    Case("no-acpi", manifest(DEMO_VM), expect=("^unit none reason=no-dmar$",) + DEMO, also=("edu device=none",),
         extra=("-no-acpi",), iommu="none"),
    Case("scalable-mode-unit", demo_with(EDU), expect=DEMO, also=EDU_STEPS, iommu="x-scalable-mode=on"),
    # Nothing would hold back what edu sends then.
    Case("no-interrupt-remapping", demo_with(EDU, vm=DEMO_VM + ' cmdline="remapped=0"'), iommu="intremap=off",
         expect=DEMO, also=EDU_STEPS[:-1], never=("step=interrupt",)),
)

# Where KVM offers VMX to its guests: the combinations that nothing else here can run.
KVM = tuple(
    Case(f"kvm-{boot}-{name}", demo_with(EDU), boot=boot, accel="kvm", iommu=iommu, expect=DEMO, also=EDU_STEPS)
    for boot in ("uefi", "bios") for name, iommu in (("snoop", ""), ("no-snoop-control", "snoop-control=off")))

CASES = KVM + REFUSED + DMARS + WORKS
