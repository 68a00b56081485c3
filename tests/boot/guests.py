# SPDX-License-Identifier: BSD-2-Clause
"""Manifests of the two guests, and what they and the core say of them when all is well."""
from case import manifest

NVME, EDU = "00:04.0", "00:05.0"  # where tools/machine.py has them
LAB = "lab"                       # the IOASID of the demo's device

DEMO_IMAGE = r"image=\demo.elf"
DEMO_VM = f"vm demo cpus=0 memory=64M {DEMO_IMAGE}"
DEMO_BYTES = 64 << 20
LINUX_VM = r'vm linux cpus=0 memory=rest image=\vmlinuz initrd=\initrd.gz cmdline="console=ttyS0 quiet"'
# Where instructions are few a second it does without two tests of its own: of its ciphers, of the CPUs' clocks.
SLOW_LINUX_VM = LINUX_VM.replace("quiet", "quiet cryptomgr.notests tsc=reliable")


def demo_with(bdf, ioasid="default", options="", vm=DEMO_VM):
    """The demo with one device in an IOASID of its own."""
    return manifest(f"ioasid {LAB} {ioasid}", vm, f"device {bdf} vm=demo ioasid={LAB} {options}")


DEMO_STEPS = tuple(f"ok step={step}" for step in (
    "cpuid", "hypercall", "flush mode=64", "flush mode=32", "flush mode=16", "flush mode=unpaged",
    "flush mode=paged", "flush mode=pae", "single-step mode=64", "single-step mode=32", "cache-disable", "pat",
    "mtrr", "msr", "undefined", "memory", "bus-master"))
DEMO = DEMO_STEPS + ("demo failed=0", "end vm=demo by=hypercall status=0")
EDU_STEPS = ("ok step=edu ", r"ok step=dma bytes=\d+ wrong=0", "ok step=dma-outside memory=unchanged",
             r"ok step=dma-again bytes=\d+ wrong=0", r"ok step=interrupt refused=\d+ wrong=0")
LINUX = ("guest linux kernel=", "ok step=dmar-hidden", "ok step=wbinvd count=16", "guest linux failed=0",
         "end vm=linux by=power-register")
NVME_STEP = (r"ok step=nvme bytes=4194304 sha256=[0-9a-f]{64}", "ok step=reset method=flr same=1")


def says(vm, step):
    """A guest's line, where there are several."""
    return f'^guest vm={vm} text="{step}'


def summary(vm, word):
    """At least one WBINVD, all of them served as the verdict says."""
    counts = "emulated=0 ignored=[1-9]" if word == "ignore" else r"emulated=[1-9]\d* ignored=0 "
    return fr"^summary vm={vm} wbinvd=[1-9]\d* {counts}"


def attach(bdf, ioasid, form, vm, box):
    """Box 3 alone is not coherent."""
    return fr"^attach {bdf} ioasid={ioasid} format={form} vm={vm} box={box} coherent={int(box != 3)}$"


def refused(bdf, reason, where=f"ioasid={LAB}"):
    return fr"^refused attach {bdf} {where} reason={reason}$"


def verdict(vm, word, because="none"):
    return fr"^verdict vm={vm} wbinvd={word} because={because}$"
