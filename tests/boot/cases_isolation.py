# SPDX-License-Identifier: BSD-2-Clause
"""Who can DMA and where to (R21, R22): no DMAR, bridges, reserved regions, what is planted from outside, the
hypervisor's own tables."""
from acpi_tables import ENDPOINT, dmar, drhd, rmrr, use_only
from case import NOT_STARTED, PANIC, VM_FAILED, Case, file, manifest
from cases_coherency import BUSY_VM
from guests import (DEMO, DEMO_BYTES, DEMO_VM, EDU, EDU_STEPS, LAB, LINUX, LINUX_VM, NVME, NVME_STEP, attach,
                    demo_with, refused, summary, verdict)
from inspect_machine import (UNIT, ats_enables, audit_agrees, break_exit_handler, bus_masters, host_tables, no_bus_masters,
                             plant_snoop, stopped, vtd_tables)

NO_UNIT = {"iommu": "none"}
BLOCKED = r"^blocked devices=\d+ reason=no-dmar$"
MASTERS = (("step=bus-master", stopped(bus_masters)),)

NO_DMAR = (
    Case("no-dmar-demo", demo_with(EDU, vm=BUSY_VM), **NO_UNIT,
         expect=("^unit none reason=no-dmar$", refused(EDU, "no-unit"), verdict("demo", "ignore")) + DEMO,
         also=("edu device=none",), never=("^attach",), probes=MASTERS),
    # The platform VM sees the bridge too, and cannot make it master the bus.
    # It owns every function, but for the bridge.
    Case("no-dmar-platform", boot="uefi", **NO_UNIT,
         manifest=manifest(BUSY_VM.replace("memory=64M", "memory=rest").replace('"wbinvd', f'"foreign={6 << 3} wbinvd')),
         extra=("-device", "pcie-root-port,addr=6.0"), expect=(BLOCKED, verdict("demo", "ignore")) + DEMO,
         also=("edu device=none", "step=bus-master written=1024 seen=1 "), never=("^attach",), probes=MASTERS),
    Case("no-dmar-linux", file("default"), seconds=240, **NO_UNIT,
         expect=(BLOCKED, verdict("linux", "ignore")) + LINUX, never=("^attach", "guest pci=", "step=nvme"),
         probes=(("ok step=dmar-hidden", stopped(bus_masters)),)),
    Case("unprotected-linux", manifest("unprotected-dma allow", LINUX_VM), seconds=240, **NO_UNIT,
         expect=(attach(NVME, "none", "unprotected", "linux", 4), attach(EDU, "none", "unprotected", "linux", 3),
                 verdict("linux", "emulate", "box3")) + LINUX,
         also=NVME_STEP + (summary("linux", "emulate"),)),
    Case("unprotected-box-4", manifest("unprotected-dma allow", DEMO_VM, f"device {NVME} vm=demo"), **NO_UNIT,
         expect=(attach(NVME, "none", "unprotected", "demo", 4), verdict("demo", "emulate", "box4")) + DEMO,
         also=(summary("demo", "emulate"),)),
    Case("unprotected-refuse", manifest("unprotected-dma refuse", DEMO_VM, f"device {NVME} vm=demo"), **NO_UNIT,
         expect=(refused(NVME, "no-unit", "ioasid=none"), "start vm=demo") + DEMO,
         also=(summary("demo", "ignore"),)),
    # With a unit the line changes nothing.
    Case("unprotected-with-dmar", "unprotected-dma allow\n" + demo_with(EDU),
         expect=(attach(EDU, LAB, "snoop", "demo", 1), verdict("demo", "ignore")) + DEMO,
         also=EDU_STEPS + (summary("demo", "ignore"),)),
)


def port_with_nvme(name, slot):
    return ("-device", f"pcie-root-port,id=port-{name},chassis={slot},addr={slot}.0",
            "-drive", f"if=none,id=disk-{name},driver=null-co,size=1M",
            "-device", f"nvme,bus=port-{name},serial={name},drive=disk-{name}")


# Firmware numbers their buses 1 and 2; what is on the second has no owner.
BRIDGES = tuple(
    Case(f"bridge-{boot}", demo_with("01:00.0", vm=BUSY_VM), boot=boot,
         extra=port_with_nvme("first", 6) + port_with_nvme("second", 7),
         expect=(attach("01:00.0", LAB, "snoop", "demo", 2), "start vm=demo") + DEMO,
         also=(r"^device 00:06\.0 .*type=bridge", r"^device 02:00\.0 "),
         probes=(("step=bus-master", stopped(vtd_tables, bus_masters)),))
    for boot in ("bios", "uefi"))


# A conventional bus, whose devices' requests carry an id of the bridge's: the secondary bus's device 0, or the
# bridge's own. Its faults are the demo's.
ALIASES = tuple(
    Case(f"alias-{name}", demo_with("01:01.0"),
         extra=("-device", f"{device},id=conventional,addr=6.0",
                "-device", "edu,bus=conventional,addr=1.0,dma_mask=0xffffffffffffffff",
                "-device", "e1000,bus=conventional,addr=2.0"),
         expect=(r"^device 00:06\.0 .* group=00:06\.0 .*type=bridge", r"^device 01:01\.0 .* group=00:06\.0 ",
                 r"^device 01:02\.0 .* group=00:06\.0 ", attach("01:01.0", LAB, "snoop", "demo", 1)) + DEMO,
         also=EDU_STEPS + ("step=edu bus=1 device=1 ", fr"^fault unit=0 device={requester} address=0x4000000 ",
                           r"^device 00:1f\.3 .* group=00:1f\.0 "),
         probes=(("ok step=dma ", stopped(vtd_tables, bus_masters)),))
    for name, device, requester in (("pcie", "pcie-pci-bridge", "01:00.0"), ("dmi", "i82801b11-bridge", "00:06.0")))


REGION, PAGE = 0xfe000000, 4096  # no memory, no device
EDU_SCOPE, NVME_SCOPE = (ENDPOINT, 0, 5, 0), (ENDPOINT, 0, 4, 0)


def maps_region(emulator):
    """Beyond the demo's memory, its device's reserved region, to itself."""
    rest = [leaf for leaf in emulator.spaces.get(LAB, ()) if leaf.iova >= DEMO_BYTES]
    mapped = [(leaf.iova, leaf.pa, leaf.size) for leaf in rest]
    if mapped == [(at, at, PAGE) for at in (REGION, REGION + PAGE)]:
        return []
    return [f"beyond its memory the IOASID maps {mapped}"]


def with_dmar(name, *structures, **fields):
    """The demo on a machine whose firmware has only the DMAR that is given here."""
    expect = fields.pop("expect", ())
    return Case(name, demo_with(EDU), {"dmar": dmar(*structures)}, extra=use_only(name), expect=expect + DEMO,
                **fields)


DMARS = (
    with_dmar("rmrr", drhd(UNIT), rmrr(REGION, REGION + 2 * PAGE - 1, EDU_SCOPE), also=EDU_STEPS,
              probes=(("ok step=dma ", stopped(vtd_tables, maps_region)),)),
    with_dmar("rmrr-of-other", drhd(UNIT), rmrr(0x5000, 0x5fff, NVME_SCOPE), also=EDU_STEPS),
    with_dmar("rmrr-in-memory-of-vm", drhd(UNIT), rmrr(0x5000, 0x5fff, EDU_SCOPE),
              expect=(refused(EDU, "reserved-region"), "start vm=demo")),
    with_dmar("rmrr-in-hypervisor", drhd(UNIT), rmrr(0x1800000, 0x1800fff, EDU_SCOPE),
              expect=(refused(EDU, "reserved-region"), "start vm=demo")),
    with_dmar("no-unit-for-device", drhd(UNIT, NVME_SCOPE, include_all=False),
              expect=(f"^device {EDU} .*unit=none", refused(EDU, "no-unit"), "start vm=demo")),
    with_dmar("unit-by-scope", drhd(UNIT, EDU_SCOPE, include_all=False), also=EDU_STEPS,
              expect=(attach(EDU, LAB, "snoop", "demo", 1),)),
)

OTHER = (
    # 8 MiB, so that the hypervisor at 16 MiB is outside the VM and one of the demo's targets.
    Case("dma-into-hypervisor", demo_with(EDU).replace("64M", "8M"), expect=DEMO,
         also=EDU_STEPS + ("step=dma-outside iova=0x1000000 write-faults=1 read-faults=1",)),
    # What "no fault 0xC" elsewhere is worth: SNP set by hand behind a unit without SC does fault so.
    Case("planted-snoop", demo_with(EDU), iommu="snoop-control=off", debug=True, status=VM_FAILED,
         weak=("rule_no_reserved_bit", "rule_guest_is_well", "rule_audit"), probes=((None, plant_snoop),),
         expect=("start vm=demo", "failed step=dma ", "^finding what=snp-against-format in=lab address=0x0 "),
         also=(fr"^fault unit=0 device={EDU} .*reason=0xc ",)),
    # R24: the hypervisor's audit and a walk from outside count the same tables.
    Case("audit-qemu", file("default"), debug=True, seconds=240, expect=LINUX, probes=((None, audit_agrees),)),
    Case("audit-qemu-scalable", "scalable on\n" + demo_with(EDU), iommu="x-scalable-mode=on", debug=True, expect=DEMO,
         also=(" scalable=1 ",), probes=((None, audit_agrees),)),
    # An exception in the hypervisor: said in full, and no device goes on.
    Case("panic", demo_with(EDU).replace("on-exit qemu", "on-exit halt"), ending="halt", debug=True, status=PANIC,
         weak=("rule_no_panic", "rule_counts", "rule_faults"), probes=((None, break_exit_handler),
                                                                       ("^end status", stopped(no_bus_masters))),
         expect=("start vm=demo", "^panic exception=#PF .* cr2=0x123450 ", "^panic rip=0x123450 ", "^panic rax=",
                 "^panic called-from=0x[0-9a-f]+ symbol=", "^panic log-replay lines=", "start vm=demo")),
    Case("host-tables-bios", demo_with(EDU), debug=True, expect=DEMO, probes=((None, host_tables),)),
    Case("host-tables-uefi", demo_with(EDU), boot="uefi", debug=True, expect=DEMO, probes=((None, host_tables),)),
)

# A device with a TLB behind a root port; QEMU's ATSR is for all ports. What the device does with its TLB is not
# shown: without vhost it has none. Its context entry, its enable bit and its detach are.
VIRTIO = "01:00.0"
TRUSTED = demo_with(VIRTIO, options="ats=yes")
WITH_TLB = ("-device", "pcie-root-port,id=port-tlb,chassis=6,addr=6.0",
            "-device", "virtio-rng-pci,bus=port-tlb,ats=on,iommu_platform=on,disable-legacy=on")


def trusting(name, text, iommu="device-iotlb=on", **fields):
    return Case("ats" + name, text, iommu=iommu, extra=WITH_TLB, expect=(
        f"^device {VIRTIO} ats=allowed trusted=translated-requests$",
        attach(VIRTIO, LAB, "snoop", "demo", 2)[:-1] + " ats=yes$", "start vm=demo") + DEMO +
        (f"^detach {VIRTIO} ioasid={LAB} vm=demo$",),
        probes=(("ok step=bus-master", stopped(vtd_tables, bus_masters, ats_enables)),), **fields)


def not_trusted(name, reason, bdf=VIRTIO, iommu="device-iotlb=on", extra=WITH_TLB):
    return Case("ats-" + name, demo_with(bdf, options="ats=yes"), iommu=iommu, extra=extra, status=NOT_STARTED,
                expect=(f'^error manifest=.* line=4 word="ats=yes" reason={reason}$',))


TLBS = (
    trusting("", TRUSTED),
    trusting("-scalable", "scalable on\n" + TRUSTED, "device-iotlb=on,x-scalable-mode=on"),
    trusting("-caching-mode", TRUSTED, "device-iotlb=on,caching-mode=on"),
    # Off unless it is asked for, whatever the guest writes.
    Case("ats-off", demo_with(VIRTIO), iommu="device-iotlb=on", extra=WITH_TLB,
         expect=(attach(VIRTIO, LAB, "snoop", "demo", 2), "start vm=demo") + DEMO,
         probes=(("ok step=bus-master", stopped(vtd_tables, ats_enables)),)),
    not_trusted("no-capability", "no-ats-capability", bdf=NVME),
    not_trusted("no-unit-support", "unit-without-device-tlb", iommu=""),
)

CASES = NO_DMAR + BRIDGES + ALIASES + DMARS + OTHER + TLBS
