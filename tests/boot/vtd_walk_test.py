# SPDX-License-Identifier: BSD-2-Clause
"""The walk over tables made by hand: it must find nothing wrong with good ones, and every planted error."""
import struct

from vtd_walk import LARGE, PAGE, READ, SNP, WRITE, Walk

IMAGE = (0x1000000, 0x2000000)
ROOT, CONTEXTS, TIGHT, LOOSE = 0x1100000, 0x1101000, 0x1110000, 0x1120000
PASIDS = 0x1130000  # directory and table of each device that has an entry
WIDTHS = 0b110  # 39 and 48 bits
EDU, NVME, STRAY = 0x28, 0x20, 0xf8
ATTACHED = {EDU: ("tight", True), NVME: ("loose", False)}
LINK, LEAF = READ | WRITE, READ | WRITE


class Memory:
    """Pages of entries. Two spaces: tight, 4 levels, with SNP; loose, 3 levels, without."""

    def __init__(self, scalable):
        self.words, self.scalable = {}, scalable
        self.put(ROOT, 0, CONTEXTS | 1, CONTEXTS + PAGE | 1 if scalable else 0)
        self.context(EDU, TIGHT, domain=1, width=2)
        self.context(NVME, LOOSE, domain=2, width=1)
        for level in range(3):
            self.put(TIGHT + level * PAGE, 0, TIGHT + (level + 1) * PAGE | LINK)
        self.put(TIGHT + 3 * PAGE, 5, 0x5000 | LEAF | SNP)
        self.put(TIGHT + 2 * PAGE, 1, 0x4000000 | LEAF | LARGE | SNP)
        self.put(LOOSE, 0, LOOSE + PAGE | LINK)
        self.put(LOOSE, 1, 0x40000000 | LEAF | LARGE)
        self.put(LOOSE + PAGE, 0, LOOSE + 2 * PAGE | LINK)
        self.put(LOOSE + 2 * PAGE, 5, 0x5000 | LEAF)

    def put(self, page, index, *words):
        for i, word in enumerate(words):
            self.words[page + 8 * (index + i)] = word

    def context(self, bdf, table, domain, width, translation=0):
        if self.scalable:
            directory = PASIDS + 2 * PAGE * bdf
            self.put(CONTEXTS + PAGE * (bdf >> 7), 4 * (bdf & 127), directory | 1, 0, 0, 0)
            self.put(directory, 0, directory + PAGE | 1)
            self.put(directory + PAGE, 0, table | translation + 2 << 6 | width << 2 | 1,
                     domain | (domain == 1) << 24)
            return
        self.put(CONTEXTS, 2 * bdf, table | translation << 2 | 1, domain << 8 | width)

    def read_page(self, pa):
        return struct.pack("<512Q", *(self.words.get(pa + 8 * i, 0) for i in range(512)))


def pasid(bdf):
    return PASIDS + 2 * PAGE * bdf + PAGE


BOTH = {
    "without SNP": lambda m: m.put(TIGHT + 3 * PAGE, 6, 0x6000 | LEAF),
    "size 0x200000 pa 0x4200000 without SNP": lambda m: m.put(TIGHT + 2 * PAGE, 2, 0x4200000 | LEAF | LARGE),
    "with SNP": lambda m: m.put(LOOSE + 2 * PAGE, 6, 0x6000 | LEAF | SNP),
    "SNP in a non-leaf": lambda m: m.put(TIGHT + PAGE, 0, TIGHT + 2 * PAGE | LINK | SNP),
    "bits 0x4 ": lambda m: m.put(LOOSE + 2 * PAGE, 6, 0x6000 | LEAF | 4),
    "is not aligned": lambda m: m.put(TIGHT + 2 * PAGE, 2, 0x4001000 | LEAF | LARGE | SNP),
    "maps the hypervisor": lambda m: m.put(TIGHT + 2 * PAGE, 8, 0x1e00000 | LEAF | LARGE | SNP),
    "maps interrupt messages": lambda m: m.put(TIGHT + 3 * PAGE, 9, 0xfeeff000 | LEAF | SNP),
    "is outside the hypervisor": lambda m: m.put(TIGHT + 2 * PAGE, 3, 0x3000000 | LINK),
    "leaf at level 4": lambda m: m.put(TIGHT, 1, 0x8000000000 | LEAF | LARGE | SNP),
    "address width 3": lambda m: m.context(EDU, TIGHT, domain=1, width=3),
    "pa 0x1113000 maps the hypervisor": lambda m: m.context(EDU, TIGHT, domain=1, width=1),  # a level too few
    "table at 0x5000": lambda m: m.context(NVME, LOOSE, domain=2, width=2),  # and one too many
    "translation type 2": lambda m: m.context(EDU, TIGHT, domain=1, width=2, translation=2),
    "that nobody owns": lambda m: m.context(STRAY, LOOSE, domain=2, width=1),
    "the same domain id": lambda m: m.context(NVME, LOOSE, domain=1, width=1),
    "the same table": lambda m: m.context(NVME, TIGHT, domain=2, width=2),
}

LEGACY = {
    "reserved bits in context entry": lambda m: m.put(CONTEXTS, 2 * EDU, TIGHT | 0x11),
    "reserved bits in root entry": lambda m: m.put(ROOT, 1, 1),
    "attached without a context entry": lambda m: m.put(CONTEXTS, 2 * NVME, 0),
}
SCALABLE = {
    "reserved bits in scalable context entry": lambda m: m.put(CONTEXTS, 4 * EDU + 1, 1),
    "reserved bits in context entry": lambda m: m.put(pasid(EDU), 1, 3 << 23 | 1),  # PWSNP
    "without PGSNP": lambda m: m.put(pasid(EDU), 1, 1),
    "with PGSNP": lambda m: m.put(pasid(NVME), 1, 1 << 24 | 2),
    "less than one PASID": lambda m: m.put(pasid(EDU) - PAGE, 0, 0),
    "more or less than one PASID": lambda m: m.put(pasid(EDU), 8, 1),
    "1f.0: context entry of a device that nobody owns": lambda m: m.context(STRAY, LOOSE, domain=2, width=1),
}
PLANTED = {**BOTH, **LEGACY, **{f"scalable: {text}": plant for text, plant in {**BOTH, **SCALABLE}.items()}}


def problems_of(memory, attached, tlbs=()):
    walk = Walk(memory.read_page, IMAGE, memory.scalable)
    walk.check(ROOT, WIDTHS, attached, tlbs)
    return walk.problems


def self_test():
    """What the walk got wrong, as texts."""
    wrong = []
    for scalable in (False, True):
        wrong += [f"good tables: {problem}" for problem in problems_of(Memory(scalable), ATTACHED)]
        shared = problems_of(Memory(scalable), {EDU: ("one", True), NVME: ("one", True)})
        if not any("are not those of one" in problem for problem in shared):
            wrong.append("planted and not found: one IOASID with two tables")
        memory = Memory(scalable)
        memory.put(CONTEXTS, (4 if scalable else 2) * EDU, memory.words[CONTEXTS + (32 if scalable else 16) * EDU] | 4)
        wrong += [f"a device TLB: {problem}" for problem in problems_of(memory, ATTACHED, {EDU})]
        if not problems_of(memory, ATTACHED) or not problems_of(Memory(scalable), ATTACHED, {EDU}):
            wrong.append(f"planted and not found: a device TLB against the log, scalable={scalable}")
    for text, plant in PLANTED.items():
        memory = Memory(text.startswith("scalable: "))
        plant(memory)
        text = text.removeprefix("scalable: ")
        if not any(text in problem for problem in problems_of(memory, ATTACHED)):
            wrong.append(f"planted and not found: {text} scalable={memory.scalable}")
    return wrong
