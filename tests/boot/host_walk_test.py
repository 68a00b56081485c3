# SPDX-License-Identifier: BSD-2-Clause
"""The walk over the hypervisor's tables, over some made by hand: nothing wrong with good ones, and every
planted error found."""
import struct

from host_walk import LARGE, NX, P, PAGE, U, W, check_host

IMAGE_VA, IMAGE_PA = 0xffffffff80000000, 0x1000000
DIRECT_VA = 0xffff800000000000  # physical memory, by another name
NAMES = {name: IMAGE_VA + page * PAGE for name, page in (
    ("image_start", 0), ("text_start", 0), ("text_end", 1), ("rodata_start", 1), ("rodata_end", 2),
    ("data_start", 2), ("data_end", 11))}
GUARD, STACK, LAST = 5, 7, 10
L4, L3, L2, L1, DIRECT_L3 = (page * PAGE for page in range(1, 6))


class Machine:
    """Text, rodata, two pages of data, a guard page and a stack above it, data."""

    def __init__(self):
        bits = [P, P | NX] + 9 * [P | W | NX]
        bits[GUARD] = 0
        self.words = {L4 + 8 * 511: L3 | P | W, L3 + 8 * 510: L2 | P | W, L2: L1 | P | W,
                      L4 + 8 * 256: DIRECT_L3 | P | W, DIRECT_L3 + 8: 1 << 30 | P | W | NX | LARGE}
        self.words.update({L1 + 8 * i: (IMAGE_PA + i * PAGE) | b for i, b in enumerate(bits) if b})
        self.registers = {"CR0": 1 << 16, "CR4": 3 << 20, "EFER": 1 << 11, "CR3": L4,
                          "RSP": IMAGE_VA + STACK * PAGE + 0x800}

    def page(self, index, bits):
        self.words[L1 + 8 * index] = (IMAGE_PA + index * PAGE) | bits

    def cpu_registers(self):
        return self.registers

    def read_memory(self, pa, size):
        return struct.pack("<512Q", *(self.words.get(pa + 8 * i, 0) for i in range(size // 8)))


PLANTED = {
    "is writable and executable": lambda m: m.page(LAST, P | W),
    "text at": lambda m: m.page(0, P | NX),
    "rodata at": lambda m: m.page(1, P | W | NX),
    "data at": lambda m: m.page(2, P | NX),
    "is for user mode": lambda m: m.page(LAST, P | W | NX | U),
    "text is also mapped at 0xffff800000000000": lambda m: m.words.update({DIRECT_L3: P | NX | LARGE}),
    "no guard page": lambda m: m.page(GUARD, P | W | NX),
    "the stack at": lambda m: m.words.update({L1 + 8 * STACK: 0}),
    "CR0=": lambda m: m.registers.update({"CR0": 0}),
    "CR4=0x100000 lacks 0x200000": lambda m: m.registers.update({"CR4": 1 << 20}),
    "EFER=": lambda m: m.registers.update({"EFER": 0}),
}


def problems_of(machine):
    return check_host(machine, NAMES, IMAGE_PA)


def self_test():
    """What the walk got wrong, as texts."""
    wrong = [f"good tables: {problem}" for problem in problems_of(Machine())]
    for text, plant in PLANTED.items():
        machine = Machine()
        plant(machine)
        if not any(text in problem for problem in problems_of(machine)):
            wrong.append(f"planted and not found: {text}")
    return wrong
