# SPDX-License-Identifier: BSD-2-Clause
"""The walk over a table made by hand: nothing wrong with a good one, and every planted error found."""
from intr_walk import ENTRIES, InterruptWalk, Message, Pin

NVME, EDU, IOAPIC = 0x20, 0x28, 0xff00
CPUS = {NVME: {0, 1}, EDU: {2}, IOAPIC: {0, 1}}


class Machine:
    """An MSI-X entry, an MSI of two messages, a level-triggered pin."""

    def __init__(self):
        self.table = [0] * 2 * ENTRIES
        self.entry(0, NVME, 0x31, 1)
        self.entry(1, EDU, 0x40, 2)
        self.entry(2, EDU, 0x41, 2)
        self.entry(3, IOAPIC, 0x29, 0, level=1)
        self.messages = [Message(NVME, "msix", 0xfee00010, 0, 1), Message(EDU, "msi", 0xfee00038, 0, 2)]
        self.pins = [Pin(IOAPIC, "pin 9", 3 << 49 | 1 << 48 | 0xa029), Pin(IOAPIC, "pin 10", 0x10000)]

    def entry(self, index, source, vector, cpu, level=0, verify=4):
        self.table[2 * index:2 * index + 2] = cpu << 40 | vector << 16 | level << 4 | 1, verify << 16 | source


def message(index, **fields):
    def plant(machine):
        machine.messages[index] = machine.messages[index]._replace(**fields)
    return plant


def pin(entry):
    def plant(machine):
        machine.pins[0] = machine.pins[0]._replace(entry=entry)
    return plant


PLANTED = {
    "not verified": lambda m: m.entry(0, NVME, 0x31, 1, verify=0),
    "not verified in full: 50020": lambda m: m.entry(0, NVME, 0x31, 1, verify=5),
    "has no owner": lambda m: m.entry(7, 0x99, 0x31, 1),
    "CPU 2, which is not its owner's": lambda m: m.entry(0, NVME, 0x31, 2),
    "vector 15": lambda m: m.entry(7, NVME, 15, 1),
    "reserved or unwanted": lambda m: m.table.__setitem__(0, m.table[0] | 1 << 7),  # NMI
    "unwanted bits in 40020 10000318005": lambda m: m.table.__setitem__(0, m.table[0] | 1 << 15 | 1 << 2),
    "msix: address 0xfee00000 is not in remappable": message(0, address=0xfee00000),
    "address 0x1000": message(0, address=0x1000),
    "data 0x31 for 1": message(0, data=0x31),
    "for 1 messages": message(0, address=0xfee00018),
    "for 2 messages": message(1, address=0xfee00030),
    "message 0: entry 9 is not present": message(0, address=0xfee00130),
    "message 2: entry 3 is of source ff00": message(1, count=3),
    "is of source 0028": message(0, address=0xfee00030),
    "is also that of": message(0, address=0xfee00050),
    "entry 16384 is not present": message(0, address=0xfee80010),
    "pin 9: 0xa029 is not in remappable": pin(0xa029),
    "pin 9: reserved bits": pin(3 << 49 | 1 << 48 | 0xa829),
    "vector or trigger mode of 0x700000000a028": pin(3 << 49 | 1 << 48 | 0xa028),
    "vector or trigger mode of 0x7000000002029": pin(3 << 49 | 1 << 48 | 0x2029),
    "pin 9: entry 0 is of source 0020": pin(1 << 48 | 0xa029),
}


def problems_of(machine):
    walk = InterruptWalk(machine.table, CPUS)
    for m in machine.messages:
        walk.check_message(m)
    for p in machine.pins:
        walk.check_pin(p)
    return walk.problems, walk.sources


def self_test():
    """What the walk got wrong, as texts."""
    problems, sources = problems_of(Machine())
    wrong = [f"good table: {problem}" for problem in problems]
    if sources != {NVME, EDU, IOAPIC}:
        wrong.append(f"live sources: {sources}")
    for text, plant in PLANTED.items():
        machine = Machine()
        plant(machine)
        if not any(text in problem for problem in problems_of(machine)[0]):
            wrong.append(f"planted and not found: {text}: {problems_of(machine)[0]}")
    return wrong
