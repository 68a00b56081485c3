# SPDX-License-Identifier: BSD-2-Clause
"""Several CPUs and several VMs: each with its own CPUs, devices and verdict, whatever the others do."""
import re

from acpi_tables import madt, use_only
from case import NOT_STARTED, PANIC, VM_FAILED, Case, file, manifest
from guests import (DEMO, DEMO_IMAGE, EDU, EDU_STEPS, LINUX, LINUX_VM, NVME_STEP, SLOW_LINUX_VM, attach, says, summary,
                    verdict)
from inspect_machine import (all_cpus_stopped, break_running, bus_masters, interrupts, let_go, no_bus_masters,
                             panic_told_once, quit_machine, stopped, vtd_tables)

EDU_B = "00:06.0"
SECOND_EDU = ("-device", "edu,dma_mask=0xffffffffffffffff,addr=06.0")


def vm(name, cpus, *options):
    count = sum(int(last or first) - int(first) + 1 for first, last in re.findall(r"(\d+)(?:-(\d+))?", cpus))
    line = " ".join((f"cpus={count}",) + options)
    return fr'vm {name} cpus={cpus} memory=64M {DEMO_IMAGE} cmdline="{line}"'


def two(a, b):
    """Two VMs with an edu each, the first one's in a snoop IOASID, the other's in a no-snoop one."""
    return manifest("ioasid tight snoop", "ioasid loose nosnoop", a, b, f"device {EDU} vm=a ioasid=tight",
                    f"device {EDU_B} vm=b ioasid=loose")


# What the demo does with its other CPUs: they come, are woken, take NMIs, and all their WBINVDs are counted.
CPU_STEPS = (r"ok step=cpus expected=2 found=2", "ok step=wake cpus=1", "ok step=nmi cpus=1 taken=16")
TOGETHER = ("ok step=sleep cpus=1", "ok step=flush-together ")


def cpu_summary(name, cpu, word):
    counts = "emulated=0 ignored=[1-9]" if word == "ignore" else r"emulated=[1-9]\d* ignored=0 "
    return fr"^summary vm={name} cpu={cpu} wbinvd=[1-9]\d* {counts}"


def only_cpus(names):
    """No line of a VM's WBINVDs names a CPU of another."""
    listed = "|".join(f"vm={name} cpu=[^{''.join(map(str, cpus))}] " for name, cpus in names.items())
    return (fr"^(summary|wbinvd) ({listed})",)


TWO = {"a": (0, 1), "b": (2, 3)}
WORDS = {"a": "ignore", "b": "emulate"}
BOTH_DO_DMA = (attach(EDU, "tight", "snoop", "a", 1), attach(EDU_B, "loose", "nosnoop", "b", 3),
               verdict("b", "emulate", "box3"), verdict("a", "ignore"))
TWO_VMS = tuple(
    Case(f"two-vms-{boot}", two(vm("a", "0-1"), vm("b", "2-3")), boot=boot, smp="4", extra=SECOND_EDU, seconds=240,
         expect=("^start vm=a ", "^start vm=b "), never=only_cpus(TWO),
         also=BOTH_DO_DMA + tuple(
             says(name, step) for name in TWO for step in CPU_STEPS + EDU_STEPS + TOGETHER + ("demo failed=0",)) +
         tuple(cpu_summary(name, cpu, WORDS[name]) for name, cpus in TWO.items() for cpu in cpus) +
         # INIT, SIPI: to all APIC ids
         ("^refused ipi vm=a cpu=0 command=0x4500 .*reason=destination",
          "^refused ipi vm=b cpu=2 command=0x4608 .*reason=destination"),
         probes=((says("b", "ok step=wake"), stopped(vtd_tables, interrupts, bus_masters)),))
    for boot in ("bios", "uefi"))


def without_unit(name, **machine):
    """Neither VM has a device."""
    return Case(name, manifest(vm("a", "0"), vm("b", "1")), smp="2", seconds=400,
                expect=("^unit none reason=no-dmar$", "^start vm=a ", "^start vm=b "), never=("^attach",),
                also=tuple(says(n, step) for n in "ab" for step in DEMO[:-1]) +
                (summary("a", "ignore"), summary("b", "ignore")), **machine)


ONE_VM = (
    Case("bochs-two-cpus", manifest(vm("a", "0-1")), boot="bochs", smp="2", seconds=400,
         expect=tuple(says("a", step) for step in CPU_STEPS + TOGETHER),
         also=(cpu_summary("a", 0, "ignore"), cpu_summary("a", 1, "ignore"))),
    # The CPUs of a VM need not be neighbours, nor begin with the first.
    Case("cpus-apart", manifest(vm("a", "1,3")), smp="4", also=(cpu_summary("a", 1, "ignore"),
                                                                cpu_summary("a", 3, "ignore")),
         expect=("^start vm=a ",) + tuple(says("a", step) for step in CPU_STEPS + TOGETHER)),
)


def linux(name, cpus, word="ignore", **machine):
    """All its CPUs come, one leaves and comes back."""
    last = cpus - 1
    counts = {"ignore": r"emulated=0 ignored=\d+ ", "emulate": r"emulated=\d+ ignored=0 "}[word]
    also = machine.pop("also", ()) + tuple(fr"^summary vm=linux cpu={cpu} wbinvd=\d+ {counts}"
                                           for cpu in range(cpus)) + (summary("linux", word),)
    line = SLOW_LINUX_VM if machine.get("boot") == "bochs" else LINUX_VM
    return Case(name, manifest(line.replace("cpus=0", f"cpus=0-{last}")), also=also, never=("^refused ipi",),
                expect=(f"guest linux kernel=.* cpus={cpus}$", f"ok step=cpus online=0-{last}$",
                        fr"ok step=hotplug cpu={last} without=0(-{last - 1})? ran-on={last}$") + LINUX[2:], **machine)


LINUX_CASES = (
    linux("linux-three-cpus", 3, smp="3", seconds=240, also=NVME_STEP),
    linux("linux-three-cpus-uefi", 3, boot="uefi", smp="3", seconds=240, also=NVME_STEP),
    # They change their MTRRs together, each with its caches off for a while (R16).
    linux("linux-three-cpus-emulate", 3, "emulate", smp="3", seconds=240, also=NVME_STEP, iommu="snoop-control=off"),
    linux("bochs-linux-two-cpus", 2, boot="bochs", smp="2", seconds=900),
    # What is not its own is not in its MADT: it never tries to start the others.
    Case("linux-one-of-three-cpus", file("default"), smp="3", seconds=240, never=("^refused ipi",),
         expect=("guest linux kernel=.* cpus=1$",) + LINUX[1:]),
)

# --- what one VM does to itself ---------------------------------------------------------------------
B_IS_WELL = tuple(says("b", step) for step in EDU_STEPS + ("demo failed=0",)) + (
    cpu_summary("b", 2, "emulate"), cpu_summary("b", 3, "emulate"))


def crash(how):
    return Case(f"crash-beside-{how}", two(vm("a", "0-1", f"crash={how}"), vm("b", "2-3")), smp="4", seconds=240,
                extra=SECOND_EDU, status=VM_FAILED, also=B_IS_WELL,
                expect=(says("a", f"crash how={how}"), "^killed vm=a cpu=0 ", "^summary vm=a "))


CRASHES = (
    crash("triple-fault"),
    crash("no-memory"),
    # It never ends; the other one does, and is not held up.
    Case("loop-beside", manifest("ioasid loose nosnoop", vm("a", "0-1", "crash=loop"), vm("b", "2-3"),
                                 f"device {EDU} vm=b ioasid=loose"), smp="4", seconds=240, ending="quit",
         also=B_IS_WELL, expect=(says("a", "crash how=loop"), "^summary vm=b "), never=("^summary vm=a",),
         probes=(("^summary vm=b cpu=3 ", quit_machine),)),
)


PANICS = (
    Case("panic-two-vms", two(vm("a", "0-1"), vm("b", "2-3")).replace("on-exit qemu", "on-exit halt"), smp="4",
         extra=SECOND_EDU, ending="halt", debug=True, status=PANIC,
         weak=("rule_no_panic", "rule_counts", "rule_faults", "rule_audit"),
         probes=((None, let_go), (says("b", "ok step=nmi"), break_running),
                 ("^end status", stopped(no_bus_masters, all_cpus_stopped, panic_told_once))),
         expect=("^panic exception=#PF .* cr2=0x123450 ", "^panic log-replay lines=", "^end status=3$")),
)

# --- CPUs that are listed and do not come -----------------------------------------------------------
MISSING = (
    Case("cpu-missing", manifest(vm("a", "0-1")), {"madt": madt(0, 1, 5)}, smp="2",
         extra=use_only("cpu-missing", "madt"), expect=("^cpu 1 apic-id=1 state=running$",
                                                        "^cpu 2 apic-id=5 state=missing$", "^start vm=a ") +
         tuple(says("a", step) for step in CPU_STEPS + TOGETHER)),
    Case("cpu-missing-asked-for", manifest(vm("a", "0,2")), {"madt": madt(0, 1, 5)}, smp="2",
         extra=use_only("cpu-missing-asked-for", "madt"), status=NOT_STARTED,
         expect=("^cpu 2 apic-id=5 state=missing$", "^error manifest=.* line=2 .*reason=no-such-cpu$")),
)

CASES = LINUX_CASES + TWO_VMS + CRASHES + PANICS + ONE_VM + MISSING + (
    without_unit("bochs-two-vms", boot="bochs"),
    without_unit("two-vms-no-unit", iommu="none"),
)
