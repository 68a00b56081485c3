# SPDX-License-Identifier: BSD-2-Clause
"""Walks the hypervisor's own live page tables (SDM volume 3, 4.5) from outside: W^X, no second name for
what is read-only, a guard page under the stack, the protections that the CPU offers turned on."""
import collections
import struct

PAGE = 4096
ADDRESS = (1 << 52) - PAGE
P, W, U, LARGE, NX = 1 << 0, 1 << 1, 1 << 2, 1 << 7, 1 << 63
CR0_WP, CR4_SMEP, CR4_SMAP, EFER_NXE = 1 << 16, 1 << 20, 1 << 21, 1 << 11
STACK_MAX = 16 << 10

Leaf = collections.namedtuple("Leaf", "va pa size bits")


def walk(read_memory, table, level=4, va=0):
    for index, entry in enumerate(struct.unpack("<512Q", read_memory(table, PAGE))):
        size = PAGE << 9 * (level - 1)
        at = va + index * size
        if level == 4 and index >= 256:
            at |= 0xffff << 48
        if not entry & P:
            continue
        if level == 1 or entry & LARGE and level < 4:
            yield Leaf(at, entry & ADDRESS, size, entry & (W | U | NX))
        else:
            yield from walk(read_memory, entry & ADDRESS, level - 1, at)


class Tables:
    def __init__(self, leaves):
        self.leaves = leaves

    def find(self, va):
        """Physical address and bits, or None."""
        for leaf in self.leaves:
            if leaf.va <= va < leaf.va + leaf.size:
                return leaf.pa + va - leaf.va, leaf.bits
        return None

    def aliases(self, start, end):
        """Leaves that map any of this physical range."""
        return [leaf for leaf in self.leaves if leaf.pa < end and start < leaf.pa + leaf.size]


def check_sections(tables, names, image_pa):
    """Text RX, rodata R, data RW, each where the image is, and the first two under no other address."""
    for name, bits in (("text", 0), ("rodata", NX), ("data", W | NX)):
        start, end = names[f"{name}_start"], names[f"{name}_end"]
        start_pa = image_pa + start - names["image_start"]
        for va in range(start, end, PAGE):
            mapping = tables.find(va)
            guard = mapping is None and name == "data"
            if not guard and mapping != (start_pa + va - start, bits):
                yield f"{name} at 0x{va:x} is mapped as {mapping}"
        if name == "data":
            continue
        for leaf in tables.aliases(start_pa, start_pa + end - start):
            if not start <= leaf.va < end:
                yield f"{name} is also mapped at 0x{leaf.va:x}"


def check_stack(tables, rsp):
    """Going down from the stack pointer, a page that is not mapped comes before a stack's size is over."""
    if tables.find(rsp) is None:
        yield f"the stack at 0x{rsp:x} is not mapped"
    if all(tables.find(va) for va in range(rsp - STACK_MAX & ~(PAGE - 1), rsp, PAGE)):
        yield "no guard page under the stack"


def check_registers(registers):
    for name, bits in (("CR0", CR0_WP), ("CR4", CR4_SMEP | CR4_SMAP), ("EFER", EFER_NXE)):
        if registers[name] & bits != bits:
            yield f"{name}=0x{registers[name]:x} lacks 0x{bits & ~registers[name]:x}"


def check_host(monitor, names, image_pa):
    """The machine stands in host mode. Texts of what is wrong."""
    registers = monitor.cpu_registers()
    tables = Tables(list(walk(monitor.read_memory, registers["CR3"] & ADDRESS)))
    problems = [f"0x{leaf.va:x} is writable and executable" for leaf in tables.leaves
                if leaf.bits & (W | NX) == W]
    problems += [f"0x{leaf.va:x} is for user mode" for leaf in tables.leaves if leaf.bits & U]
    problems += check_sections(tables, names, image_pa)
    problems += check_stack(tables, registers["RSP"])
    problems += check_registers(registers)
    return problems
