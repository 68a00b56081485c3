# SPDX-License-Identifier: BSD-2-Clause
"""Devices come and go while their VM runs, by its own hypercalls: the verdict follows at every instant, nothing is
lost, nothing is left behind (R11, R12)."""
from case import Case, manifest
from cases_smp import EDU_B, SECOND_EDU
from guests import EDU, says

ROUNDS, WAITS = 1000, 200


def rounds(name, devices, cpus=1, policy="kernel", options="", **machine):
    """devices: lines of the manifest, but for the VM. One IOASID of each format comes from the guest."""
    line = f"cpus={cpus} policy={policy} {options}"
    return Case(f"rounds-{name}",
                manifest(fr"vm toy cpus=0-{cpus - 1} memory=64M image=\rounds.elf control=yes policy={policy} "
                         fr'cmdline="{line}"', *(f"device {device} vm=toy {word}" for device, word in devices)),
                smp=str(cpus), also=(says("toy", "rounds failed=0"), "^summary vm=toy .* faults=0 "), **machine)


def orders(name, first, second, policy):
    """Two devices, in each pair of boxes that their words allow."""
    return rounds(f"orders-{name}", ((EDU, first), (EDU_B, second)), policy=policy, extra=SECOND_EDU,
                  expect=(says("toy", "ok step=devices count=2"), says("toy", "ok step=orders right=16"),
                          "^end vm=toy by=hypercall status=0$"))


# --- what it does to itself, another does not notice --------------------------------------------------
CALLS = 100_000
STEPS = ("ipis ", "config ", "calls ")
DEVICE_STEPS = ("bars ", "bars-own ", "ipis ", "config ", "config-own ", "messages ", "dma-outside ", "calls ")


def hostile(name, seed, devices=(), steps=STEPS, memory="64M", calls=CALLS, **machine):
    """The victim goes on while the other one tries, and after that."""
    def line(vm, cpus, *options):
        return fr'vm {vm} cpus={cpus} memory={memory} image=\hostile.elf cmdline="seed={seed} {" ".join(options)}"'

    during = tuple(pattern for step in steps[len(steps) // 2:] for pattern in (says("victim", "pass "),
                                                                  says("hostile", f"ok step={step}")))
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
    with_devices("bios", 1),
    hostile("bochs", 2, memory="8M", calls=CALLS // 5, boot="bochs"),  # it is slow
    rounds("dma", ((EDU, ""),), cpus=2, options=f"rounds={ROUNDS} waits={WAITS}", seconds=900,
           expect=(says("toy", "ok step=wake cpus=1"), says("toy", "ok step=rounds done=2 "),
                   says("toy", f"ok step=rounds done={ROUNDS} waited={WAITS} late-dma=20 blocked=[1-9]"),
                   says("toy", "ok step=pool "), says("toy", "others wbinvd=[1-9]"),
                   "^end vm=toy by=hypercall status=0$")),
) + tuple(orders(f"{name}-{policy}", first, second, policy)
          for name, first, second in (("13-13", "", ""), ("13-24", "", "nosnoop=no"), ("24-24", *["nosnoop=no"] * 2))
          for policy in ("kernel", "device"))
