# SPDX-License-Identifier: BSD-2-Clause
"""A guest tries what it may not; one beside it does not notice."""
from case import Case, manifest
from cases_smp import EDU_B, SECOND_EDU
from guests import EDU, says

CALLS = 100_000
STEPS = ("ipis ", "config ", "calls ")
DEVICE_STEPS = ("bars ", "bars-own ", "ipis ", "config ", "config-own ", "messages ", "dma-outside ", "calls ")


def hostile(name, seed, devices=(), steps=STEPS, memory="64M", calls=CALLS, **machine):
    """The victim goes on while the other one tries, and after that."""
    def line(vm, cpus, *options):
        return fr'vm {vm} cpus={cpus} memory={memory} image=\hostile.elf cmdline="seed={seed} {" ".join(options)}"'

    during = tuple(pattern for step in steps[len(steps) // 2:]
                   for pattern in (says("victim", "pass "), says("hostile", f"ok step={step}")))
    return Case(f"hostile-{name}",
                manifest(line("hostile", "0-1", "cpus=2", f"calls={calls}"),
                         line("victim", "2", "role=victim") + " control=yes", *devices), smp="3", seconds=600,
                expect=("^start vm=victim ",) + during + ("^end vm=hostile by=hypercall status=0$",
                                                          says("victim", "ok step=victim passes=[1-9]"),
                                                          "^end vm=victim by=hypercall status=0$"),
                also=tuple(says("hostile", f"ok step={step}") for step in steps) + (
                    says("hostile", "hostile failed=0"), says("hostile", "others wbinvd=[1-9]"),
                    "^summary vm=victim .* faults=0 "), **machine)


def with_devices(name, seed, **machine):
    return hostile(name, seed, ("ioasid tight snoop", "ioasid loose nosnoop", f"device {EDU} vm=hostile ioasid=tight",
                                f"device {EDU_B} vm=victim ioasid=loose"), DEVICE_STEPS, extra=SECOND_EDU, **machine)


CASES = (
    hostile("bochs", 2, memory="8M", calls=CALLS // 5, boot="bochs"),  # it is slow
    with_devices("bios", 1),
)
