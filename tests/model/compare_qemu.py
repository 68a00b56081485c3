#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The faults of the model (test_faults.c) against QEMU's intel-iommu: the same tables in memory, the same
request of the edu device, and what the unit's fault record says. The CPU stands still; QEMU's qtest protocol
stores, sets registers and starts DMA. The last line says how many conditions there were, and how many agree.

usage: compare_qemu.py TEST_FAULTS"""
import subprocess
import sys
import tempfile
import time

UNIT, BAR, EDU_BUFFER = 0xfed90000, 0xfe000000, 0x40000
CAP, GCMD, GSTS, RTADDR, CCMD, FSTS = 0x08, 0x18, 0x1c, 0x20, 0x28, 0x34
ECAP = 0x10
TE, SRTP = 1 << 31, 1 << 30
EDU_SLOT = 3
SOURCE, DESTINATION, COUNT, COMMAND = 0x80, 0x88, 0x90, 0x98
PATTERN = 0xa5a5a5a5a5a5a5a5
SECONDS = 10


class Machine:
    """A q35 whose CPU has halted."""

    def __init__(self, snoop_control):
        rom = tempfile.NamedTemporaryFile(suffix=".rom")  # as long as this function runs
        rom.write(bytes(65536 - 16) + b"\xfa\xf4\xeb\xfd".ljust(16, b"\xf4"))  # cli; hlt; jmp
        rom.flush()
        self.process = subprocess.Popen(
            ["timeout", "120", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-m", "2G", "-nodefaults",
             "-display", "none", "-bios", rom.name,
             "-device", f"intel-iommu,aw-bits=48,snoop-control={'on' if snoop_control else 'off'}",
             "-device", f"edu,addr={EDU_SLOT},dma_mask=0xffffffffffffffff", "-qtest", "stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        address = 1 << 31 | EDU_SLOT << 11
        for offset, value in ((0x10, BAR), (0x04, 6)):  # memory, bus master
            self.ask(f"outl 0xcf8 {address | offset:#x}")
            self.ask(f"outl 0xcfc {value:#x}")

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("OK"):
                words = line.split()
                return int(words[1], 16) if len(words) > 1 else None
        raise EOFError(f"QEMU has ended at {command!r}")

    def read(self, address, bits=64):
        return self.ask(f"read{'q' if bits == 64 else 'l'} {address:#x}")

    def write(self, address, value, bits=64):
        self.ask(f"write{'q' if bits == 64 else 'l'} {address:#x} {value:#x}")

    def wait(self, what, done):
        end = time.monotonic() + SECONDS
        while not done():
            if time.monotonic() > end:
                raise TimeoutError(what)
            time.sleep(0.002)

    def command(self, bit):
        status = self.read(UNIT + GSTS, 32) & 0x96ffffff
        self.write(UNIT + GCMD, status | bit, 32)
        self.wait("the unit's status", lambda: self.read(UNIT + GSTS, 32) & bit)

    def set_root(self, pa):
        """A new root table, with nothing cached of the last one."""
        self.write(UNIT + RTADDR, pa)
        self.command(SRTP)
        self.write(UNIT + CCMD, 1 << 63 | 1 << 61)
        iotlb = UNIT + (self.read(UNIT + ECAP) >> 8 & 0x3ff) * 16 + 8
        self.write(iotlb, 1 << 63 | 1 << 60)
        self.wait("the invalidations", lambda: not (self.read(UNIT + CCMD) | self.read(iotlb)) >> 63)
        self.command(TE)

    def dma(self, iova, write):
        first, last = (EDU_BUFFER, iova) if write else (iova, EDU_BUFFER)
        for register, value in ((SOURCE, first), (DESTINATION, last), (COUNT, 8), (COMMAND, 3 if write else 1)):
            self.write(BAR + register, value)
        self.wait("the device", lambda: not self.read(BAR + COMMAND) & 1)

    def fault(self):
        """Reason, requester id, whether a write, and page address of the fault recorded, or None."""
        record = UNIT + (self.read(UNIT + CAP) >> 24 & 0x3ff) * 16
        low, high = self.read(record), self.read(record + 8)
        if not high >> 63:
            return None
        self.write(record + 12, 1 << 31, 32)
        self.write(UNIT + FSTS, 1, 32)
        return high >> 32 & 0xff, high & 0xffff, not high >> 62 & 1, low & ~0xfff

    def end(self):
        self.process.terminate()
        self.process.communicate()


def conditions(program):
    found = []
    output = subprocess.run([program, "conditions"], check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        kind, *words = line.split()
        fields = dict(word.split("=") for word in words)
        fields = {key: value if key == "name" else int(value, 0) for key, value in fields.items()}
        if kind == "condition":
            found.append((fields, []))
        else:
            found[-1][1].append((fields["pa"], fields["value"]))
    return found


def agrees(machine, expected, words):
    machine.ask(f"memset {expected['root']:#x} {expected['data'] - expected['root']:#x} 0")  # all tables
    for pa, value in words + [(expected["data"], PATTERN)]:
        machine.write(pa, value)
    machine.set_root(expected["root"])
    machine.dma(expected["iova"], expected["write"])
    fault, stored = machine.fault(), machine.read(expected["data"]) != PATTERN
    wanted = (expected["reason"], expected["rid"], bool(expected["write"]), expected["iova"])
    good = fault == (wanted if expected["reason"] else None) and \
        stored == bool(expected["write"] and not expected["reason"])
    print(f"{'same' if good else 'OTHER'} {expected['name']} model={expected['reason']:#x} qemu={fault} stored={stored}")
    return good


def main():
    found, same = conditions(sys.argv[1]), 0
    for snoop_control in (0, 1):
        machine = Machine(snoop_control)
        same += sum(agrees(machine, *c) for c in found if c[0]["snoop-control"] == snoop_control)
        machine.end()
    print(f"{len(found)} conditions, {same} the same in QEMU, {len(found) - same} not")
    return 0 if same == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
