# SPDX-License-Identifier: BSD-2-Clause
"""The coherency matrix on a machine: formats, boxes and verdicts, with each property of the unit that QEMU
can change, and the live tables behind them."""
from case import Case, file, manifest
from guests import (DEMO, DEMO_BYTES, DEMO_VM, EDU, EDU_STEPS, LAB, LINUX, LINUX_VM, NVME, NVME_STEP, attach,
                    demo_with, refused, summary, verdict)
from inspect_machine import IOAPIC_SOURCE, bdf_number, bus_masters, interrupts, pending_vectors, stopped, vtd_tables

EDU_VECTOR = 0x40
REFUSED_INTERRUPTS = tuple(fr"^refused interrupt vm=demo source={EDU} .* reason={reason} count="
                           for reason in ("destination", "delivery-mode"))

SNOOPING = (fr"^device {NVME} .* nosnoop=no by=probe default=snoop box=2 wbinvd=ignore$",
            fr"^device {EDU} .* nosnoop=yes by=unknown default=snoop box=1 wbinvd=ignore$")
NOT_SNOOPING = (fr"^device {NVME} .* nosnoop=no by=probe default=nosnoop box=4 wbinvd=emulate$",
                fr"^device {EDU} .* nosnoop=yes by=unknown default=nosnoop box=3 wbinvd=emulate$")


def covers_the_vm(emulator):
    """The demo's IOASID maps its 64 MiB from 0 on, whole, and nothing else (R4)."""
    at, problems = 0, []
    for leaf in sorted(emulator.spaces.get(LAB, ())):
        if leaf.iova != at:
            problems.append(f"mapped to 0x{at:x}, then from 0x{leaf.iova:x}")
        at = leaf.iova + leaf.size
    return problems + ([] if at == DEMO_BYTES else [f"mapped up to 0x{at:x}"])


def is_identity(emulator):
    """The platform VM's IOASIDs map every address to itself."""
    return [f"{name}: iova 0x{leaf.iova:x} is pa 0x{leaf.pa:x}"
            for name, leaves in emulator.spaces.items() for leaf in leaves if leaf.iova != leaf.pa]


def all_interrupt(emulator):
    """Linux uses the disk's MSI-X and pins of the I/O APIC."""
    wanted = {bdf_number(NVME), IOAPIC_SOURCE}
    return [f"source {source:04x} has no interrupt that is live" for source in wanted - emulator.sources]


def edu_interrupts(emulator):
    """Of all that the demo has made edu send, what is for its own CPU waits there, by an entry of edu's."""
    waiting = pending_vectors(emulator, 0)
    problems = [] if waiting == [EDU_VECTOR] else [f"vectors {waiting} are pending"]
    return problems + ([] if bdf_number(EDU) in emulator.sources else ["edu has no interrupt that is live"])


# The tables are looked at in the middle of the run, with DMA before and after.
WALK_DEMO = (("ok step=dma ", stopped(vtd_tables, covers_the_vm, interrupts, bus_masters)),
             ("ok step=interrupt ", stopped(interrupts, edu_interrupts)))
WALK_LINUX = (("ok step=dmar-hidden", stopped(vtd_tables, is_identity, interrupts, all_interrupt, bus_masters)),)


def demo(name, ioasid, box, word, because="none", options="", vm="", also=(), first="", **machine):
    """The demo drives edu through an IOASID of its own."""
    form = "snoop" if box in (1, 2) else "nosnoop"
    raised = (verdict("demo", word, because),) if word == "emulate" else ()
    return Case("demo-" + name, first + demo_with(EDU, ioasid, options, DEMO_VM + vm),
                expect=raised + (attach(EDU, LAB, form, "demo", box), verdict("demo", word, because),
                                 "start vm=demo") + DEMO,
                also=EDU_STEPS + REFUSED_INTERRUPTS + (summary("demo", word),) + also, probes=WALK_DEMO, **machine)


def linux(name, text, attached, word, because="none", also=(), **machine):
    """attached: (bdf, ioasid, format, box) of the devices that matter."""
    attaches = tuple(attach(bdf, ioasid, form, "linux", box) for bdf, ioasid, form, box in attached)
    return Case("linux-" + name, text, seconds=240,
                expect=(verdict("linux", word, because), "start vm=linux") + LINUX,
                also=NVME_STEP + attaches + (summary("linux", word),) + also, probes=WALK_LINUX, **machine)


OFF = "snoop-control=off"
SCALABLE = "x-scalable-mode=on"
IMPLICIT = ((NVME, "linux.snoop", "snoop", 2), (EDU, "linux.snoop", "snoop", 1))
IMPLICIT_OFF = ((NVME, "linux.nosnoop", "nosnoop", 4), (EDU, "linux.nosnoop", "nosnoop", 3))
LOOSE = ((NVME, "loose", "nosnoop", 4), (EDU, "loose", "nosnoop", 3))
LOOSE_NVME = ((NVME, "loose", "nosnoop", 4), (EDU, "linux.snoop", "snoop", 1))

LINUX_CASES = (
    linux("uefi", file("default"), IMPLICIT, "ignore", also=SNOOPING + (" sc=1 ",), boot="uefi"),
    linux("no-snoop-control-uefi", file("default"), IMPLICIT_OFF, "emulate", "box3", iommu=OFF, boot="uefi",
          also=NOT_SNOOPING + (" sc=0 ",)),
    linux("force-enable", file("force-enable"), LOOSE, "emulate", "box3"),
    linux("policy-device", file("policy-device"), LOOSE_NVME, "ignore"),
    linux("policy-kernel", file("policy-device").replace("policy  device", "policy kernel"), LOOSE_NVME,
          "emulate", "box4"),
    linux("caching-mode-39", file("default"), IMPLICIT, "ignore", iommu="caching-mode=on,aw-bits=39",
          also=(" widths=39 ",)),
    linux("scalable", "scalable on\n" + file("default"), IMPLICIT, "ignore", iommu=SCALABLE,
          also=SNOOPING + (" scalable=1 ",)),
    # Nothing of interrupts is mediated there, and the line of the unit says so.
    Case("linux-no-interrupt-remapping", file("default"), iommu="intremap=off", seconds=240,
         expect=(" ir=0$", " ir=0$", "start vm=linux") + LINUX, also=NVME_STEP),
    linux("5-gib", file("default"), IMPLICIT, "ignore", memory="5G", smp="3"),
)

DEMO_CASES = (
    demo("uefi", "default", 1, "ignore", also=SNOOPING, boot="uefi"),
    demo("snoop", "snoop", 1, "ignore"),
    demo("39-bits", "default", 1, "ignore", iommu="aw-bits=39", also=(" widths=39 ",)),
    demo("caching-mode", "default", 1, "ignore", iommu="caching-mode=on"),
    demo("device-iotlb", "default", 1, "ignore", iommu="device-iotlb=on"),
    # R20: in the PASID entry too, which the walk looks at.
    demo("scalable", "default", 1, "ignore", first="scalable on\n", iommu=SCALABLE, also=(" scalable=1 ",)),
    demo("scalable-no-snoop-control", "default", 3, "emulate", "box3", first="scalable on\n",
         iommu=f"{SCALABLE},{OFF},caching-mode=on", also=(" sc=0 .* scalable=1 ",)),
    demo("scalable-not-there", "default", 1, "ignore", first="scalable on\n", also=(" scalable=0 ",)),
    demo("5-gib", "default", 1, "ignore", memory="5G"),
    demo("3-cpus", "default", 1, "ignore", smp="3", also=("cpu 2 .*state=running",)),
    demo("force-enable", "nosnoop", 3, "emulate", "box3"),
    demo("no-snoop-control", "default", 3, "emulate", "box3", iommu=OFF, also=NOT_SNOOPING),
    demo("no-snoop-control-uefi", "nosnoop", 3, "emulate", "box3", iommu=OFF + ",aw-bits=39", boot="uefi"),
    # R1: of an unknown device either may be said
    demo("nosnoop-no", "snoop", 2, "ignore", options="nosnoop=no"),
    demo("nosnoop-yes", "snoop", 1, "ignore", options="nosnoop=yes"),
    demo("box-4", "nosnoop", 4, "emulate", "box4", options="nosnoop=no"),
    demo("box-4-policy-device", "nosnoop", 4, "ignore", options="nosnoop=no", vm=" policy=device"),
    demo("box-3-policy-device", "nosnoop", 3, "emulate", "box3", vm=" policy=device"),
)

BUSY_VM = DEMO_VM + ' cmdline="wbinvd=60000"'  # alive while it is looked at


def without_device(name, text, expect=(), **machine):
    """Nothing is attached, nothing faults, and the VM starts all the same."""
    return Case(name, text, expect=expect + (verdict("demo", "ignore"), "start vm=demo") + DEMO,
                also=("edu device=none", summary("demo", "ignore")), never=("^attach", "^fault "),
                probes=(("step=bus-master", stopped(vtd_tables, bus_masters)),), **machine)


OTHER_CASES = (
    # R5: nothing but the refusal
    without_device("refused-snoop", demo_with(EDU, "snoop", vm=BUSY_VM), (refused(EDU, "no-snoop-control"),),
                   iommu=OFF),
    without_device("device-for-nobody", manifest(BUSY_VM, f"device {EDU}")),
    Case("refused-linux", file("refused"), iommu=OFF, seconds=240,
         expect=(refused(NVME, "no-snoop-control", "ioasid=strict"),
                 attach(EDU, "linux.nosnoop", "nosnoop", "linux", 3), verdict("linux", "emulate", "box3")) + LINUX,
         never=(f"^attach {NVME}", fr"guest pci=0000:{NVME}", "step=nvme"),
         probes=(("ok step=dmar-hidden", stopped(vtd_tables, is_identity, interrupts, bus_masters)),)),
    # R10: a VM's own policy beats the bare line
    Case("policy-of-vm", demo_with(NVME, "nosnoop", vm="policy device\n" + DEMO_VM + " policy=kernel"),
         expect=(attach(NVME, LAB, "nosnoop", "demo", 4), verdict("demo", "emulate", "box4")) + DEMO,
         also=(summary("demo", "emulate"),)),
    # R1: `yes` may be said of any device
    Case("nosnoop-yes-of-probed", demo_with(NVME, "nosnoop", "nosnoop=yes"),
         expect=(attach(NVME, LAB, "nosnoop", "demo", 3), verdict("demo", "emulate", "box3")) + DEMO,
         also=(summary("demo", "emulate"),)),
    # Two IOASIDs of one VM: the verdict looks at both.
    Case("two-ioasids", manifest("ioasid tight snoop", "ioasid loose nosnoop", DEMO_VM,
                                 f"device {EDU} vm=demo ioasid=tight", f"device {NVME} vm=demo ioasid=loose"),
         expect=(attach(EDU, "tight", "snoop", "demo", 1), attach(NVME, "loose", "nosnoop", "demo", 4),
                 verdict("demo", "emulate", "box4")) + DEMO,
         also=EDU_STEPS + (summary("demo", "emulate"),),
         probes=(("ok step=dma ", stopped(vtd_tables, bus_masters)),)),
)

CASES = LINUX_CASES + DEMO_CASES + OTHER_CASES
