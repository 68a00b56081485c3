# SPDX-License-Identifier: BSD-2-Clause
"""Faults (R23): the VT-d unit tells, whether a guest gives cause to look or not; a storm ends in quarantine."""
from case import VM_FAILED, Case, manifest
from cases_smp import EDU_B, SECOND_EDU
from guests import EDU, says
from inspect_machine import cannot_master, stopped

OUTSIDE = "0x20000000"
NICS = "00:07.0", "00:08.0"


def unseen(where, smp):
    """The next that is heard of the VM is a line that no look at the units precedes."""
    return Case(f"fault-event-{where}",
                manifest(r'vm toy cpus=0 memory=64M image=\hostile.elf cmdline="role=unseen"', f"device {EDU} vm=toy"),
                smp=smp, status=VM_FAILED,
                expect=(says("toy", "unseen begins"), fr"^fault unit=0 device={EDU} address={OUTSIDE} access=write .* count=1$",
                        "^killed vm=toy .* reason=nested-paging-violation"))


def storm():
    """From two devices, until they may no longer master the bus. The VM beside theirs goes on, though it is its CPU that
    the unit tells, CPU 0."""
    def line(vm, cpu, options):
        return fr'vm {vm} cpus={cpu} memory=64M image=\hostile.elf {options}'

    return Case("fault-storm",
                manifest("ioasid loose nosnoop", line("hostile", 1, 'cmdline="role=storm"'),
                         line("victim", 0, 'control=yes cmdline="role=victim"'),
                         f"device {EDU_B} vm=victim ioasid=loose", *(f"device {nic} vm=hostile" for nic in NICS)),
                smp="2", seconds=600, probes=((says("hostile", "ok step=storm "), stopped(cannot_master(*NICS))),),
                extra=SECOND_EDU + tuple(word for nic in NICS for word in ("-device", f"e1000,addr={nic[3:5]}.0,romfile=")),
                expect=(says("hostile", "ok step=storm reads=[1-9][0-9]{5}"), "^end vm=hostile by=hypercall status=0$",
                        says("victim", "ok step=victim passes=[1-9]"), "^end vm=victim by=hypercall status=0$"),
                also=tuple(fr"^{line}" for nic in NICS for line in (
                    fr"fault unit=0 device={nic} address={OUTSIDE[:-4]}[0-9a-f]{{4}} access=read reason=0x6 \(no read permission\)",
                    f"quarantine {nic} vm=hostile reason=fault-storm$")) + (
                    says("victim", "pass "), f"^summary vm=hostile .* faults={len(NICS)}0[0-9]{{3}} ",
                    "^summary vm=victim .* faults=0 ", "^fault unit=0 overflow="))


CASES = (
    unseen("in-guest", "1"),
    unseen("idle", "2"),
    storm(),
)
