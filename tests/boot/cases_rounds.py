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


CASES = (
    rounds("dma", ((EDU, ""),), cpus=2, options=f"rounds={ROUNDS} waits={WAITS}", seconds=900,
           expect=(says("toy", "ok step=wake cpus=1"), says("toy", "ok step=rounds done=2 "),
                   says("toy", f"ok step=rounds done={ROUNDS} waited={WAITS} late-dma=20 blocked=[1-9]"),
                   says("toy", "ok step=pool "), says("toy", "others wbinvd=[1-9]"),
                   "^end vm=toy by=hypercall status=0$")),
) + tuple(orders(f"{name}-{policy}", first, second, policy)
          for name, first, second in (("13-13", "", ""), ("13-24", "", "nosnoop=no"), ("24-24", *["nosnoop=no"] * 2))
          for policy in ("kernel", "device"))
